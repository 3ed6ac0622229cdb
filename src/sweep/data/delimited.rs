//! CSV and its kin: any separator, quoted or not, plain or packed with gzip.
//!
//! A file is read twice: first for what its columns hold, then for the values. So a table takes no more memory than
//! its numbers do.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::builder::Growing;
use super::numerals::{Mark, Notation, notation};
use super::seen::Seen;
use super::separator;
use super::{DataError, Format, Frame, LeftOut, Limits, Reading, Why, digest};

/// Where the bytes come from; each call begins anew.
pub type Source<'a> = dyn Fn() -> std::io::Result<Box<dyn Read + 'a>> + 'a;

pub fn read(path: &Path, reading: &Reading) -> Result<Frame, DataError> {
    let open = || -> std::io::Result<Box<dyn Read>> {
        let mut start = [0; 2];
        let is_packed = File::open(path)?.read_exact(&mut start).is_ok() && start == [0x1f, 0x8b];
        let file = BufReader::with_capacity(1 << 16, File::open(path)?);
        Ok(if is_packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
    };
    read_from(path, &open, reading)
}

/// A bundled set.
pub fn read_packed(name: &Path, bytes: &[u8], reading: &Reading) -> Result<Frame, DataError> {
    read_from(name, &|| Ok(Box::new(MultiGzDecoder::new(bytes))), reading)
}

fn read_from(path: &Path, open: &Source<'_>, reading: &Reading) -> Result<Frame, DataError> {
    let failed = |cause| DataError::Read { path: path.to_owned(), cause };
    let separator = match reading.separator {
        Some(separator) => separator,
        None => separator::found(open).map_err(failed)?,
    };
    let reader = || -> Result<csv::Reader<Box<dyn Read + '_>>, DataError> {
        let mut settings = csv::ReaderBuilder::new();
        settings.delimiter(separator).has_headers(!reading.no_header).trim(csv::Trim::All);
        Ok(settings.from_reader(open().map_err(failed)?))
    };
    let mut first = reader()?;
    let names = names(&mut first, path, reading)?;
    let mut seen = vec![Seen::default(); names.len()];
    let mut record = csv::StringRecord::new();
    let mut rows = 0;
    while first.read_record(&mut record).map_err(|error| wrong(path, &error))? {
        let line = record.position().map_or(0, csv::Position::line);
        for (column, cell) in seen.iter_mut().zip(&record) {
            column.look(cell, line);
        }
        rows += 1;
    }
    if rows == 0 {
        return Err(DataError::File { path: path.to_owned(), message: "there are no rows in it".into() });
    }
    let marks = marks(path, &names, &seen, separator, reading)?;
    let mut left_out = Vec::new();
    let mut growing = Vec::new();
    for ((name, seen), mark) in names.iter().zip(&seen).zip(marks) {
        let mut leave = |why| left_out.push(LeftOut { name: name.clone(), why });
        if reading.ignored.contains(name) {
            leave(Why::Ignored);
            growing.push(None);
            continue;
        }
        let holds = seen.holds(reading.categorical.contains(name), mark);
        let holds = holds.map_err(|(line, message)| wrong_cell(path, line, name, message))?;
        if holds.is_none() {
            leave(Why::Empty);
        }
        growing.push(holds.map(|holds| Growing::new(name.clone(), holds, rows)));
    }
    Limits::of_this_machine().check(path, rows, growing.iter().flatten().count())?;
    fill(path, reader()?, &mut growing)?;
    let digest = open().and_then(digest).map_err(failed)?;
    let growing: Vec<Growing> = growing.into_iter().flatten().collect();
    if growing.iter().any(|column| column.rows() != rows) {
        return Err(DataError::File {
            path: path.to_owned(),
            message: "it changed while it was read".into(),
        });
    }
    Ok(Frame {
        name: String::new(),
        source: String::new(),
        digest,
        format: Format::Delimited { separator },
        columns: growing.into_iter().map(Growing::finish).collect(),
        rows,
        left_out,
        unknown: reading.unknown(&names),
    })
}

/// How the numbers of each column are written. `1,234` and `1.234` say by themselves nothing: the rest of the file does.
fn marks(
    path: &Path,
    names: &[String],
    seen: &[Seen],
    separator: u8,
    reading: &Reading,
) -> Result<Vec<Mark>, DataError> {
    if let Some(mark) = reading.decimal {
        return Ok(vec![mark; seen.len()]);
    }
    let is_read = |name: &String| !reading.ignored.contains(name) && !reading.categorical.contains(name);
    let told: Vec<Option<Mark>> =
        names.iter().zip(seen).map(|(name, seen)| seen.mark().filter(|_| is_read(name))).collect();
    let (points, commas) = (told.contains(&Some(Mark::Point)), told.contains(&Some(Mark::Comma)));
    let mark = |((name, seen), told): ((&String, &Seen), &Option<Mark>)| {
        let doubtful = seen.doubtful().filter(|_| is_read(name));
        match (told, doubtful) {
            (Some(mark), _) => Ok(*mark),
            // The column as a whole has none, for something in it is no number: whichever makes more of it numbers.
            (None, None) => Ok(seen.likely_mark()),
            (None, Some(_)) if commas && !points => Ok(Mark::Comma),
            (None, Some(_)) if points && !commas => Ok(Mark::Point),
            // Where nothing speaks against it, a point is what it is for programs, and semicolons stand where commas are
            // taken.
            (None, Some((_, cell))) if !points && !commas && !cell.contains(',') => Ok(Mark::Point),
            (None, Some(_)) if !points && !commas && separator == b';' => Ok(Mark::Comma),
            (None, Some((line, cell))) => {
                let message = format!(
                    "{cell:?} is one number with a decimal point and another with a decimal comma: say --decimal . or --decimal ,"
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
    mut reader: csv::Reader<Box<dyn Read + '_>>,
    growing: &mut [Option<Growing>],
) -> Result<(), DataError> {
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| wrong(path, &error))? {
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

fn names(
    reader: &mut csv::Reader<Box<dyn Read + '_>>,
    path: &Path,
    reading: &Reading,
) -> Result<Vec<String>, DataError> {
    let header = reader.headers().map_err(|error| wrong(path, &error))?;
    if header.is_empty() {
        return Err(DataError::File { path: path.to_owned(), message: "it is empty".into() });
    }
    if reading.no_header {
        return Ok((1..=header.len()).map(|at| format!("c{at}")).collect());
    }
    let at_line = |message: String| DataError::Line { path: path.to_owned(), line: 1, message };
    let mut names: Vec<String> = Vec::with_capacity(header.len());
    for (at, name) in header.iter().enumerate() {
        let name = name.trim_start_matches('\u{feff}');
        if name.is_empty() {
            // What a data frame's index becomes when it is written.
            names.push(format!("unnamed_{at}"));
            continue;
        }
        if names.iter().any(|known| known == name) {
            return Err(at_line(format!("two columns are named {name:?}")));
        }
        names.push(name.to_owned());
    }
    if names.iter().all(|name| notation(name) != Notation::Text) {
        return Err(at_line("all names are numbers: say --no-header if this line holds values".into()));
    }
    Ok(names)
}

fn wrong(path: &Path, error: &csv::Error) -> DataError {
    let line = error.position().map_or(1, csv::Position::line);
    let message = match error.kind() {
        csv::ErrorKind::Io(cause) => {
            return DataError::File { path: path.to_owned(), message: format!("line {line}: {cause}") };
        }
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields, and {expected_len} before it")
        }
        csv::ErrorKind::Utf8 { err, .. } => {
            format!("field {} is not UTF-8: save the file as UTF-8", err.field() + 1)
        }
        other => format!("{other:?}"),
    };
    DataError::Line { path: path.to_owned(), line, message }
}
