//! CSV and its kin: any separator, quoted or not, plain or packed with gzip.
//!
//! A file is read twice: first for what its columns hold, then for the values. So a table takes no more memory than
//! its numbers do.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::builder::ColumnBuilder;
use super::numerals::{DecimalMark, Notation, notation};
use super::records::Records;
use super::seen::ColumnScan;
use super::separator;
use super::{
    DataError, DataFrame, ExcludedColumn, Exclusion, FileFormat, Limits, ReadOptions, digest, named_twice,
};

const MOST_COLUMNS: usize = 1_000_000;

/// Where the bytes come from; each call begins anew.
pub type ByteSource<'a> = dyn Fn() -> std::io::Result<Box<dyn Read + 'a>> + 'a;

pub fn read(path: &Path, reading: &ReadOptions) -> Result<DataFrame, DataError> {
    let open = || -> std::io::Result<Box<dyn Read>> {
        let mut start = [0; 2];
        let is_packed = File::open(path)?.read_exact(&mut start).is_ok() && start == [0x1f, 0x8b];
        let file = BufReader::with_capacity(1 << 16, File::open(path)?);
        Ok(if is_packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
    };
    read_from(path, &open, reading)
}

/// A bundled set.
pub fn read_packed(name: &Path, bytes: &[u8], reading: &ReadOptions) -> Result<DataFrame, DataError> {
    read_from(name, &|| Ok(Box::new(MultiGzDecoder::new(bytes))), reading)
}

fn read_from(path: &Path, open: &ByteSource<'_>, reading: &ReadOptions) -> Result<DataFrame, DataError> {
    let failed = |cause| DataError::Read { path: path.to_owned(), cause };
    let separator = match reading.separator {
        Some(separator) => separator,
        None => separator::found(open).map_err(failed)?,
    };
    let records = || Ok(Records::new(path, open().map_err(failed)?, separator, reading));
    let mut first = records()?;
    let names = names(&mut first, path, reading)?;
    let mut seen = vec![ColumnScan::default(); names.len()];
    let mut record = csv::StringRecord::new();
    let mut rows = 0;
    while first.read(&mut record)? {
        let line = record.position().map_or(0, csv::Position::line);
        for (column, cell) in seen.iter_mut().zip(&record) {
            column.look(cell, line);
        }
        rows += 1;
    }
    if rows == 0 {
        return Err(DataError::File { path: path.to_owned(), message: "it has no rows".into() });
    }
    let marks = marks(path, &names, &seen, separator, reading)?;
    let mut left_out = Vec::new();
    let mut growing = Vec::new();
    for ((name, seen), mark) in names.iter().zip(&seen).zip(marks) {
        let mut leave = |why| left_out.push(ExcludedColumn { name: name.clone(), why });
        if reading.ignored.contains(name) {
            leave(Exclusion::Ignored);
            growing.push(None);
            continue;
        }
        let holds = seen.holds(reading.categorical.contains(name), mark);
        let holds = holds.map_err(|(line, message)| wrong_cell(path, line, name, message))?;
        if holds.is_none() {
            leave(Exclusion::Empty);
        }
        growing.push(holds.map(|holds| ColumnBuilder::new(name.clone(), holds, rows)));
    }
    Limits::of_this_machine().check(path, rows, growing.iter().flatten().count())?;
    fill(path, records()?, &mut growing)?;
    let digest = open().and_then(digest).map_err(failed)?;
    let growing: Vec<ColumnBuilder> = growing.into_iter().flatten().collect();
    if growing.iter().any(|column| column.rows() != rows) {
        return Err(DataError::File {
            path: path.to_owned(),
            message: "the file changed while it was read".into(),
        });
    }
    Ok(DataFrame {
        name: String::new(),
        source: String::new(),
        digest,
        format: FileFormat::Delimited { separator },
        columns: growing.into_iter().map(ColumnBuilder::finish).collect(),
        rows,
        left_out,
        unknown: reading.unknown(&names),
    })
}

/// How the numbers of each column are written. `1,234` and `1.234` say by themselves nothing: the rest of the file does.
fn marks(
    path: &Path,
    names: &[String],
    seen: &[ColumnScan],
    separator: u8,
    reading: &ReadOptions,
) -> Result<Vec<DecimalMark>, DataError> {
    if let Some(mark) = reading.decimal {
        return Ok(vec![mark; seen.len()]);
    }
    let is_read = |name: &String| !reading.ignored.contains(name) && !reading.categorical.contains(name);
    let told: Vec<Option<DecimalMark>> =
        names.iter().zip(seen).map(|(name, seen)| seen.mark().filter(|_| is_read(name))).collect();
    let (points, commas) =
        (told.contains(&Some(DecimalMark::Point)), told.contains(&Some(DecimalMark::Comma)));
    let mark = |((name, seen), told): ((&String, &ColumnScan), &Option<DecimalMark>)| {
        let doubtful = seen.doubtful().filter(|_| is_read(name));
        match (told, doubtful) {
            (Some(mark), _) => Ok(*mark),
            // The column as a whole has none, for something in it is no number: whichever makes more of it numbers.
            (None, None) => Ok(seen.likely_mark()),
            (None, Some(_)) if commas && !points => Ok(DecimalMark::Comma),
            (None, Some(_)) if points && !commas => Ok(DecimalMark::Point),
            // Where nothing speaks against it, a point is what it is for programs, and semicolons stand where commas are
            // taken.
            (None, Some((_, cell))) if !points && !commas && !cell.contains(',') => Ok(DecimalMark::Point),
            (None, Some(_)) if !points && !commas && separator == b';' => Ok(DecimalMark::Comma),
            (None, Some((line, cell))) => {
                let message = format!(
                    "{cell:?} is ambiguous: pass --decimal . or --decimal , (or set decimal in [sweep] of the config file)"
                );
                Err(wrong_cell(path, *line, name, message))
            }
        }
    };
    names.iter().zip(seen).zip(&told).map(mark).collect()
}

fn wrong_cell(path: &Path, line: u64, column: &str, message: String) -> DataError {
    DataError::Cell { path: path.to_owned(), line, column: column.to_owned(), message }
}

fn fill(
    path: &Path,
    mut records: Records<'_>,
    growing: &mut [Option<ColumnBuilder>],
) -> Result<(), DataError> {
    let mut record = csv::StringRecord::new();
    while records.read(&mut record)? {
        for (column, cell) in growing.iter_mut().zip(&record) {
            let Some(column) = column else { continue };
            if let Err(message) = column.push(cell) {
                let line = record.position().map_or(0, csv::Position::line);
                return Err(wrong_cell(path, line, &column.name, message));
            }
        }
    }
    Ok(())
}

fn names(records: &mut Records<'_>, path: &Path, reading: &ReadOptions) -> Result<Vec<String>, DataError> {
    let header = records.first()?;
    if header.is_empty() {
        return Err(DataError::File { path: path.to_owned(), message: "it is empty".into() });
    }
    let at_line = |message: String| DataError::Line { path: path.to_owned(), line: 1, message };
    if header.len() > MOST_COLUMNS {
        return Err(at_line(format!("{} columns; the maximum is {MOST_COLUMNS}", header.len())));
    }
    if reading.no_header {
        return Ok((1..=header.len()).map(|at| format!("c{at}")).collect());
    }
    let name = |(at, name): (usize, &str)| match name.trim_start_matches('\u{feff}') {
        // What a data frame's index becomes when it is written.
        "" => format!("unnamed_{at}"),
        name => name.to_owned(),
    };
    let names: Vec<String> = header.iter().enumerate().map(name).collect();
    if let Some(name) = named_twice(&names) {
        return Err(at_line(format!("duplicate column name {name:?}")));
    }
    if names.iter().all(|name| notation(name) != Notation::Text) {
        return Err(at_line("all column names are numbers; if the file has no header, pass --no-header (or set no_header in [sweep] of the config file)".into()));
    }
    Ok(names)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_record_without_an_end_is_an_error() {
        for start in ["", "a,b\n1,2\n", "a,b\n1,2\n3,\"4\n5"] {
            let open = || -> std::io::Result<Box<dyn Read>> {
                Ok(Box::new(start.as_bytes().chain(std::io::repeat(b'6'))))
            };
            let error =
                read_from(Path::new("t.csv"), &open, &ReadOptions::default()).unwrap_err().to_string();
            let line = start.lines().count().min(2) + 1;
            let expected = format!("t.csv, line {line}: more than 32 MB in one record");
            assert!(error.starts_with(&expected), "{start:?}: {error}");
        }
    }

    #[test]
    fn columns_have_names_of_their_own_however_many_they_are() {
        let read = |header: &str| {
            let text = format!("{header}\n{}\n", ",".repeat(header.matches(',').count()));
            let open = || -> std::io::Result<Box<dyn Read + '_>> { Ok(Box::new(text.as_bytes())) };
            read_from(Path::new("t.csv"), &open, &ReadOptions::default()).map_err(|error| error.to_string())
        };
        let names: Vec<String> = (0..100_000).map(|at| format!("column_{at}")).collect();
        assert_eq!(read(&names.join(",")).unwrap().left_out.len(), 100_000);
        let twice = format!("{},column_7", names.join(","));
        assert_eq!(read(&twice).unwrap_err(), "t.csv, line 1: duplicate column name \"column_7\"");
        assert_eq!(read("unnamed_1,").unwrap_err(), "t.csv, line 1: duplicate column name \"unnamed_1\"");
        let many = read(&",".repeat(MOST_COLUMNS)).unwrap_err();
        assert!(many.ends_with("line 1: 1000001 columns; the maximum is 1000000"), "{many}");
    }
}
