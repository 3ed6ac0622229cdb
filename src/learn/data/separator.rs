//! What stands between the cells of a file of text.

use std::io::Read;

use super::numerals::{Notation, notation};

/// Bytes that are looked at, and lines.
const SAMPLE: usize = 64 * 1024;
const LINES: usize = 20;
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// A separator as people write it.
///
/// # Errors
/// How to write one.
pub fn separator(text: &str) -> Result<u8, String> {
    match text {
        "tab" | "\\t" | "\t" => Ok(b'\t'),
        _ if text.len() == 1 && text.is_ascii() => Ok(text.as_bytes()[0]),
        _ => Err("the separator must be one character, or tab".into()),
    }
}

/// The separator that the first lines of a file agree on.
pub fn found(content: impl Read) -> std::io::Result<u8> {
    let mut sample = Vec::new();
    content.take(SAMPLE as u64).read_to_end(&mut sample)?;
    Ok(of(&sample))
}

/// The separator that the lines of a sample agree on.
pub fn of(sample: &[u8]) -> u8 {
    let lines = sample.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).take(LINES);
    let agreement = |separator: u8| {
        let mut counts = lines.clone().map(|line| cells(line, separator).count() - 1);
        let first = counts.next().unwrap_or(0);
        let agreeing = counts.filter(|count| *count == first).count();
        // Where commas and something else agree as well, the commas may belong to numbers.
        let takes_commas = || separator != b',' && has_decimal_commas(lines.clone(), separator);
        (first > 0).then(|| (agreeing, takes_commas(), first))
    };
    let best = SEPARATORS.into_iter().rev().max_by_key(|separator| agreement(*separator));
    best.filter(|separator| agreement(*separator).is_some()).unwrap_or(b',')
}

/// A line apart at what is not in quotes.
fn cells(line: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let mut is_quoted = false;
    line.split(move |byte| {
        is_quoted ^= *byte == b'"';
        !is_quoted && *byte == separator
    })
}

/// Whether of the cells with a comma no fewer are numbers than are something else.
fn has_decimal_commas<'a>(lines: impl Iterator<Item = &'a [u8]>, separator: u8) -> bool {
    let is_in_doubt = |cell: &&[u8]| cell.contains(&b',') && !cell.contains(&b'"');
    let with_commas = lines.flat_map(|line| cells(line, separator)).filter(is_in_doubt);
    let (mut numbers, mut others) = (0, 0);
    for cell in with_commas {
        let text = std::str::from_utf8(cell).unwrap_or_default().trim();
        if notation(text) == Notation::Text { others += 1 } else { numbers += 1 }
    }
    numbers >= others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_part_cells_unless_they_belong_to_numbers() {
        for (sample, expected) in [
            ("a,b\n1,2\n", b','),
            ("1,2,a|b\n3,4,c|d\n5,6,e|f\n", b','),
            ("1,2,3|b\n3,4,5|d\n", b','),
            ("x,1;2,a\nx,3;4,a\n", b','),
            ("1,5;2,5\n3,5;4,5\n", b';'),
            (",5|1\n-1,5|2\n", b'|'),
            ("1,5\t7\r\n2,5\t8\r\n", b'\t'),
            ("price, net;n\n1,5;2\n2,5;3\n", b';'),
            ("1,2;3,4;5,6\n1,2;3,4;5,6\n", b';'),
            ("a;b\n\"x, y\";1\n", b';'),
            ("\"x, y\"|1,5\n\"x, y\"|2,5\n", b'|'),
            ("a\n1\n", b','),
        ] {
            assert_eq!(char::from(of(sample.as_bytes())), char::from(expected), "{sample:?}");
        }
    }
}
