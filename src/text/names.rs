//! Names in one line: between commas, and in double quotes where there is a comma in a name.

/// The line of some names.
pub fn written(names: &[String]) -> String {
    names.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
}

/// A name as it stands in the line.
pub fn quoted(name: &str) -> String {
    let is_plain = !name.contains([',', '"']) && name.trim() == name && !name.is_empty();
    if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

/// Where the last name of a line begins; none within quotes.
pub fn last(line: &str) -> Option<usize> {
    let is_open = line.matches('"').count() % 2 == 1;
    let at = line.rfind(',').map_or(0, |at| at + 1);
    (!is_open).then(|| at + line[at..].len() - line[at..].trim_start().len())
}

/// The names of a line.
///
/// # Errors
/// What is wrong with its quotes.
pub fn read(line: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let end;
        if let Some(within) = rest.strip_prefix('"') {
            let (name, length) = unquoted(within).ok_or("unclosed quote")?;
            names.push(name);
            rest = within[length..].trim_start();
            if !rest.is_empty() && !rest.starts_with(',') {
                return Err("expected a comma after a quoted name".into());
            }
            end = 0;
        } else {
            end = rest.find(',').unwrap_or(rest.len());
            names.extend(Some(rest[..end].trim()).filter(|name| !name.is_empty()).map(str::to_owned));
        }
        rest = rest[end..].strip_prefix(',').unwrap_or_default().trim_start();
    }
    Ok(names)
}

/// What stands before the closing quote, of which two make one, and how long it is with that quote.
fn unquoted(text: &str) -> Option<(String, usize)> {
    let mut name = String::new();
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter != '"' {
            name.push(letter);
        } else if letters.next_if(|(_, next)| *next == '"').is_some() {
            name.push('"');
        } else {
            return Some((name, at + 1));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for names in
            [&[][..], &["id"], &["id", "first name"], &["a, b", "c"], &["\"", " d ", "größe", "a\",b"]]
        {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(read(&written(&names)), Ok(names));
        }
        assert_eq!(read(" id ,, name,"), Ok(vec!["id".into(), "name".into()]));
        assert!(read("\"id").is_err() && read("\"id\" name").is_err());
        assert_eq!(
            (last("id, na"), last(""), last("\"a, b"), last("\"a, b\",c")),
            (Some(4), Some(0), None, Some(7))
        );
    }
}
