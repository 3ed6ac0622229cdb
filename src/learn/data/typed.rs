//! Files that say of what type their columns are, as Parquet and Arrow do: what both have in common once cells are read.

use std::borrow::Cow;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use super::builder::ColumnBuilder;
use super::files::{ByteSource, PlainFile};
use super::numerals::DecimalMark;
use super::seen::{ColumnScan, spelled};
use super::{
    DataError, DataFrame, ExcludedColumn, Exclusion, FileFormat, Limits, ReadOptions, digest, named_twice,
};

/// A cell of a typed column.
pub enum Cell<'a> {
    Gap,
    Truth(bool),
    /// The nearest number to a whole one.
    Whole(f64),
    Single(f32),
    Double(f64),
    /// The nearest number, and how the decimal is written.
    Decimal(f64, &'a dyn Display),
    /// Seconds since 1970, as exact as a data frame's in microseconds.
    Moment {
        seconds: f64,
        is_date: bool,
    },
    Text(Cow<'a, str>),
    /// No text.
    Bytes,
}

impl Cell<'_> {
    /// Microseconds since 1970.
    pub fn of_micros(micros: i64) -> Self {
        Self::Moment { seconds: micros as f64 / 1e6, is_date: false }
    }

    /// Days since 1970.
    pub fn of_days(days: i32) -> Self {
        Self::Moment { seconds: f64::from(days) * 86_400.0, is_date: true }
    }

    /// A text, where the bytes are one.
    pub fn of_bytes(bytes: &[u8]) -> Cell<'_> {
        std::str::from_utf8(bytes).map_or(Cell::Bytes, |text| Cell::Text(Cow::Borrowed(text)))
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(value) | Self::Double(value) | Self::Decimal(value, _) => Some(*value),
            Self::Single(value) => Some(f64::from(*value)),
            Self::Gap | Self::Truth(_) | Self::Moment { .. } | Self::Text(_) | Self::Bytes => None,
        }
    }

    fn is_gap(&self) -> bool {
        match self {
            Self::Gap => true,
            Self::Text(text) => text.is_empty(),
            _ => self.number().is_some_and(f64::is_nan),
        }
    }

    /// As a level; none if it is no text.
    fn text(&self) -> Option<Cow<'_, str>> {
        Some(match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Truth(truth) => Cow::Borrowed(spelled(*truth)),
            Self::Single(value) => Cow::Owned(value.to_string()),
            Self::Whole(value) | Self::Double(value) => Cow::Owned(value.to_string()),
            Self::Decimal(_, written) => Cow::Owned(written.to_string()),
            Self::Gap | Self::Moment { .. } | Self::Bytes => return None,
        })
    }
}

/// A column of a file, and why nothing is learnt from it, where that is so by its type.
pub struct TypedColumn {
    pub name: String,
    pub unusable: Option<Exclusion>,
}

/// An open file.
pub trait TypedFile {
    fn path(&self) -> &Path;

    /// As its header declares.
    fn rows(&self) -> usize;

    /// Takes all cells of some columns, those of each column in the order of the rows: the number of the row, from 1 on, the
    /// place among the wanted ones, and the cell.
    fn each(
        &self,
        wanted: &[usize],
        take: &mut dyn FnMut(usize, usize, &Cell<'_>) -> Result<(), DataError>,
    ) -> Result<(), DataError>;
}

/// What a column has been seen to hold.
#[derive(Debug, Clone, Default)]
struct Look {
    seen: ColumnScan,
    /// Bytes that are no text.
    has_bytes: bool,
}

impl Look {
    fn at(&mut self, cell: &Cell<'_>) {
        match cell {
            cell if cell.is_gap() => self.seen.look_at_gap(),
            Cell::Moment { is_date, .. } => self.seen.look_at_stamp(*is_date),
            Cell::Truth(_) => self.seen.look_at_truth(),
            Cell::Text(text) => self.seen.look_at_text(text),
            Cell::Whole(_) => self.seen.look_at_number(true),
            Cell::Single(_) | Cell::Double(_) | Cell::Decimal(..) => self.seen.look_at_number(false),
            Cell::Gap | Cell::Bytes => self.has_bytes = true,
        }
    }
}

/// Where the columns of a file are not those of the first one.
pub fn unlike(path: &Path, first: &Path) -> DataError {
    let message = format!("its columns are not those of {}, or of other types", first.display());
    DataError::File { path: path.to_owned(), message }
}

/// Reads files that have the same columns, one below the other.
pub fn read(
    opened: &[impl TypedFile],
    columns: Vec<TypedColumn>,
    reading: &ReadOptions,
    format: FileFormat,
) -> Result<DataFrame, DataError> {
    let path = opened[0].path();
    let file = |message: String| DataError::File { path: path.to_owned(), message };
    let rows = opened.iter().fold(0_usize, |rows, opened| rows.saturating_add(opened.rows()));
    if rows == 0 {
        return Err(file("it has no rows".into()));
    }
    let all: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    if let Some(name) = named_twice(&all) {
        return Err(file(format!("duplicate column name {name:?}")));
    }
    let reading = &reading.for_columns(&all);
    let mut left_out = Vec::new();
    let mut wanted = Vec::new();
    for (at, TypedColumn { name, unusable }) in columns.into_iter().enumerate() {
        let is_ignored = reading.ignored.contains(&name);
        match if is_ignored { Some(Exclusion::Ignored) } else { unusable } {
            Some(why) => left_out.push(ExcludedColumn { name, why }),
            None => wanted.push(at),
        }
    }
    if wanted.is_empty() {
        return Err(file("it has no column of numbers, booleans or text".into()));
    }
    Limits::of_this_machine().check(path, rows, wanted.len())?;
    let mut looks = vec![Look::default(); wanted.len()];
    for opened in opened {
        opened.each(&wanted, &mut |_, at, cell| {
            looks[at].at(cell);
            Ok(())
        })?;
    }
    let mut growing = Vec::new();
    for (at, look) in wanted.iter().zip(&looks) {
        let name = &all[*at];
        let holds = look.seen.holds(reading.categorical.contains(name), DecimalMark::Point);
        // Types say what there is: nothing is a text among numbers here.
        let holds = holds.map_err(|(_, message)| file(format!("column {name}: {message}")))?;
        let holds = holds.filter(|_| !look.has_bytes);
        if holds.is_none() {
            let why = if look.has_bytes { Exclusion::Bytes } else { Exclusion::Empty };
            left_out.push(ExcludedColumn { name: name.clone(), why });
        }
        growing.push(holds.map(|holds| ColumnBuilder::new(name.clone(), holds, rows)));
    }
    for opened in opened {
        opened.each(&wanted, &mut |row, at, cell| {
            let Some(column) = &mut growing[at] else { return Ok(()) };
            push(column, cell).map_err(|message| DataError::Cell {
                path: opened.path().to_owned(),
                line: row as u64,
                column: column.name.clone(),
                message,
            })
        })?;
    }
    let growing: Vec<ColumnBuilder> = growing.into_iter().flatten().collect();
    if growing.iter().any(|column| column.rows() != rows) {
        let what = format.name();
        return Err(file(format!(
            "not a readable {what} file: it has fewer rows than the {rows} that its header declares"
        )));
    }
    let paths: Vec<PathBuf> = opened.iter().map(|opened| opened.path().to_owned()).collect();
    let files: Vec<PlainFile<'_>> = paths.iter().map(|path| PlainFile(path)).collect();
    let sources: Vec<&dyn ByteSource> = files.iter().map(|file| file as &dyn ByteSource).collect();
    Ok(DataFrame {
        name: String::new(),
        source: String::new(),
        digest: digest(&sources)?,
        format,
        columns: growing.into_iter().map(ColumnBuilder::finish).collect(),
        rows,
        left_out,
        unknown: reading.unknown(&all),
        folders: 0,
    })
}

fn push(column: &mut ColumnBuilder, cell: &Cell<'_>) -> Result<(), String> {
    match cell {
        cell if cell.is_gap() => column.push_gap(),
        Cell::Moment { seconds, is_date } => return column.push_moment(*seconds, *is_date),
        Cell::Text(text) if column.is_time() => return column.push(text),
        cell if column.is_text() => match cell.text() {
            Some(text) => column.push_text(&text),
            None => column.push_gap(),
        },
        Cell::Truth(truth) => return column.push_number(f64::from(u8::from(*truth))),
        cell => return column.push_number(cell.number().unwrap_or(f64::NAN)),
    }
    Ok(())
}
