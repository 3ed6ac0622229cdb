//! Objects of JSON, one a line: a column for each of their names. Texts in them are read as the cells of CSV are.

use std::fmt;
use std::io::{BufRead, BufReader, Read};

use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::Value;

use super::builder::ColumnBuilder;
use super::delimited::{MOST_COLUMNS, Scanned, place};
use super::files::ByteSource;
use super::seen::{ColumnScan, spelled};
use super::{DataError, DataFrame, Exclusion, FileFormat, ReadOptions, named_twice};

/// Bytes of a line, unpacked.
const LONGEST: u64 = 32 << 20;

/// The members of an object, in their order.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        input.deserialize_map(Reader)
    }
}

/// Hands each object over, with the place of its line.
fn each(
    sources: &[&dyn ByteSource],
    mut take: impl FnMut(u64, Vec<(String, Value)>) -> Result<(), DataError>,
) -> Result<(), DataError> {
    let mut line = Vec::new();
    for (file, source) in sources.iter().enumerate() {
        let mut reader = BufReader::new(source.open().map_err(|cause| source.failed(cause))?);
        let mut number = 0;
        loop {
            line.clear();
            let read = reader.by_ref().take(LONGEST).read_until(b'\n', &mut line);
            number += 1;
            let wrong =
                |message: String| DataError::Line { path: source.path().to_owned(), line: number, message };
            let read = read.map_err(|cause| wrong(cause.to_string()))?;
            if read == 0 {
                break;
            }
            if read as u64 == LONGEST {
                return Err(wrong(format!("more than {} MB in one line", LONGEST >> 20)));
            }
            let text =
                if number == 1 { line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&line) } else { &line };
            if text.trim_ascii().is_empty() {
                continue;
            }
            let members: Members =
                serde_json::from_slice(text).map_err(|error| wrong(in_words(text, number, &error)))?;
            take(place(file, number), members.0)?;
        }
    }
    Ok(())
}

/// Why a line is no object; a file that is written otherwise is known by its first.
fn in_words(text: &[u8], line: u64, error: &serde_json::Error) -> String {
    if line == 1 && text.trim_ascii_start().starts_with(b"[") {
        "a JSON array; one object a line is needed (jq -c '.[]')".to_owned()
    } else if line == 1 && error.is_eof() {
        "indented JSON; one object a line is needed (jq -c .)".to_owned()
    } else {
        format!("not an object of JSON in one line: {error}")
    }
}

/// Files of objects.
pub fn read(sources: &[&dyn ByteSource], reading: &ReadOptions) -> Result<DataFrame, DataError> {
    let mut scanned = Scanned { sources, names: Vec::new(), seen: Vec::new(), rows: 0, separator: b',' };
    let mut places: FxHashMap<String, usize> = FxHashMap::default();
    // Of each column the rows that have it, the last of them, and whether something in it is an object or a list.
    let mut met: Vec<(usize, usize, bool)> = Vec::new();
    each(sources, |line, members| {
        scanned.rows += 1;
        for (name, value) in members {
            let at = match places.get(&name) {
                Some(at) => *at,
                None if places.len() == MOST_COLUMNS => {
                    return Err(scanned.wrong_cell(line, &name, format!("more than {MOST_COLUMNS} columns")));
                }
                None => {
                    let at = scanned.names.len();
                    places.insert(name.clone(), at);
                    // As in CSV: an exported model needs a name for each of its inputs.
                    scanned.names.push(if name.is_empty() { format!("unnamed_{at}") } else { name });
                    scanned.seen.push(ColumnScan::default());
                    met.push((0, 0, false));
                    met.len() - 1
                }
            };
            // The first of two with the same name.
            if met[at].1 == scanned.rows {
                return Err(scanned.wrong_cell(line, &scanned.names[at], "twice in one object".into()));
            }
            met[at].0 += 1;
            met[at].1 = scanned.rows;
            let seen = &mut scanned.seen[at];
            match value {
                Value::Null => seen.look_at_gap(),
                Value::Bool(_) => seen.look_at_truth(),
                Value::Number(number) => seen.look_at_number(number.is_i64()),
                Value::String(text) => seen.look(text.trim(), line),
                Value::Array(_) | Value::Object(_) => met[at].2 = true,
            }
        }
        Ok(())
    })?;
    if let Some(name) = named_twice(&scanned.names) {
        let message = format!("duplicate column name {name:?}");
        return Err(DataError::File { path: scanned.path(0).to_owned(), message });
    }
    for (seen, (rows, ..)) in scanned.seen.iter_mut().zip(&met) {
        seen.look_at_gaps(scanned.rows - rows);
    }
    let (mut growing, left_out) = scanned.columns(reading, |at| met[at].2.then_some(Exclusion::Nested))?;
    let mut row = 0;
    each(sources, |line, members| {
        for (name, value) in members {
            let Some(Some(column)) = places.get(&name).map(|at| &mut growing[*at]) else { continue };
            while column.rows() < row {
                column.push_gap();
            }
            push(column, &value).map_err(|message| scanned.wrong_cell(line, &name, message))?;
        }
        row += 1;
        Ok(())
    })?;
    for column in growing.iter_mut().flatten() {
        while column.rows() < row {
            column.push_gap();
        }
    }
    scanned.finish(growing, left_out, reading, FileFormat::JsonLines)
}

fn push(column: &mut ColumnBuilder, value: &Value) -> Result<(), String> {
    match value {
        Value::Null | Value::Array(_) | Value::Object(_) => column.push_gap(),
        Value::Bool(truth) if column.is_text() => column.push_text(spelled(*truth)),
        Value::Bool(truth) => return column.push_number(f64::from(u8::from(*truth))),
        Value::Number(number) if column.is_text() => column.push_text(&number.to_string()),
        Value::Number(number) => return column.push_number(number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => return column.push(text.trim()),
    }
    Ok(())
}
