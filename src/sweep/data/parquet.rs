//! Parquet files: flat columns of numbers, truth values and texts.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use flate2::Crc;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::builder::{Growing, Limits, Seen};
use super::{DataError, Frame, Kind, Reading};

pub fn read(path: &Path, reading: &Reading) -> Result<Frame, DataError> {
    let file = |message: String| DataError::File { path: path.to_owned(), message };
    let broken =
        |error: parquet::errors::ParquetError| file(format!("it cannot be read as Parquet: {error}"));
    let io = |cause| DataError::Read { path: path.to_owned(), cause };
    let reader = SerializedFileReader::new(File::open(path).map_err(io)?).map_err(broken)?;
    let metadata = reader.metadata().file_metadata();
    let rows = usize::try_from(metadata.num_rows()).unwrap_or(0);
    if rows == 0 {
        return Err(file("there are no rows in it".into()));
    }
    let fields = metadata.schema().get_fields();
    if let Some(nested) = fields.iter().find(|field| !field.is_primitive()) {
        return Err(file(format!(
            "the column {} is nested: leave it out with --ignore, or write it flat",
            nested.name()
        )));
    }
    let names: Vec<String> = fields.iter().map(|field| field.name().to_owned()).collect();
    Limits::of_this_machine().check(path, rows, names.len())?;
    let mut seen = vec![Seen::default(); names.len()];
    for (row, row_number) in reader.get_row_iter(None).map_err(broken)?.zip(1..) {
        for ((_, field), seen) in row.map_err(broken)?.get_column_iter().zip(&mut seen) {
            look(seen, field, row_number);
        }
    }
    let mut notes = Vec::new();
    let mut growing = Vec::new();
    for (name, seen) in names.iter().zip(&seen) {
        let kind = if reading.ignored.contains(name) {
            None
        } else {
            seen.kind(reading.categorical.contains(name)).map_err(|(line, message)| DataError::Cell {
                path: path.to_owned(),
                line,
                column: name.clone(),
                message,
            })?
        };
        if kind.is_none() && !reading.ignored.contains(name) {
            notes.push(format!("{name} is empty and left out"));
        }
        growing.push(kind.map(|kind| (kind, Growing::new(name.clone(), kind, rows))));
    }
    for (row, row_number) in reader.get_row_iter(None).map_err(broken)?.zip(1..) {
        for ((_, field), (name, column)) in
            row.map_err(broken)?.get_column_iter().zip(names.iter().zip(&mut growing))
        {
            let Some((kind, column)) = column else { continue };
            push(column, *kind, field).map_err(|message| DataError::Cell {
                path: path.to_owned(),
                line: row_number,
                column: name.clone(),
                message,
            })?;
        }
    }
    let digest = digest(path).map_err(io)?;
    let columns = growing.into_iter().flatten().map(|(_, column)| column.finish()).collect();
    Ok(Frame { name: String::new(), source: String::new(), digest, columns, rows, notes })
}

/// A field as a number, with whether it is a whole one by its type.
fn number(field: &Field) -> Option<(f64, bool)> {
    Some(match field {
        Field::Byte(value) => (f64::from(*value), true),
        Field::Short(value) => (f64::from(*value), true),
        Field::Int(value) => (f64::from(*value), true),
        Field::Long(value) => (*value as f64, true),
        Field::UByte(value) => (f64::from(*value), true),
        Field::UShort(value) => (f64::from(*value), true),
        Field::UInt(value) => (f64::from(*value), true),
        Field::ULong(value) => (*value as f64, true),
        Field::Float16(value) => (f64::from(f32::from(*value)), false),
        Field::Float(value) => (f64::from(*value), false),
        Field::Double(value) => (*value, false),
        _ => return None,
    })
}

fn text(field: &Field) -> String {
    match field {
        Field::Str(text) => text.clone(),
        Field::Bool(truth) => truth.to_string(),
        other => number(other).map_or_else(|| other.to_string(), |(value, _)| value.to_string()),
    }
}

fn look(seen: &mut Seen, field: &Field, row: u64) {
    match (field, number(field)) {
        (Field::Null, _) => seen.gaps += 1,
        (_, Some((value, _))) if value.is_nan() => seen.gaps += 1,
        (_, Some((_, is_whole))) => {
            seen.numbers += 1;
            seen.integers += u64::from(is_whole);
        }
        (Field::Bool(_), _) => seen.truths += 1,
        (field, None) => {
            seen.texts += 1;
            seen.first_text.get_or_insert_with(|| (row, text(field)));
        }
    }
}

fn push(column: &mut Growing, kind: Kind, field: &Field) -> Result<(), String> {
    if *field == Field::Null {
        return column.push("");
    }
    match (kind, field) {
        (Kind::Text, _) => column.push(&text(field)),
        (_, Field::Bool(truth)) => column.push_number(f64::from(u8::from(*truth))),
        _ => column.push_number(number(field).map_or(f64::NAN, |(value, _)| value)),
    }
}

fn digest(path: &Path) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    let mut crc = Crc::new();
    let mut block = vec![0; 1 << 16];
    loop {
        let length = file.read(&mut block)?;
        if length == 0 {
            return Ok(format!("{:08x}", crc.sum()));
        }
        crc.update(&block[..length]);
    }
}
