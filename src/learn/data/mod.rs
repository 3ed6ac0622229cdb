//! Data sets: a table of typed columns, where it comes from, and what is to be predicted in it.
//!
//! Knows nothing of models. Values are kept as they were read; filling gaps and scaling are learnt from training rows
//! only, in [`super::prepare`].

mod arrow;
mod builder;
pub mod bundled;
mod delimited;
mod files;
mod head;
mod json_lines;
mod left_out;
mod limits;
mod moments;
mod numerals;
mod options;
mod pages;
mod parquet;
mod records;
mod seen;
mod separator;
mod target;
mod typed;

use std::collections::HashSet;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use flate2::Crc;
use thiserror::Error;

use crate::text::did_you_mean;

pub use head::{ParquetHead, parquet_head};
pub use left_out::{ExcludedColumn, Exclusion};
pub use limits::Limits;
pub(super) use moments::ORDERS;
pub use moments::{Clock, DateOrder, Dates, moment};
pub use numerals::DecimalMark;
pub use options::ReadOptions;
pub use separator::{of as separator_of, separator};
pub use target::{Labels, Target, TargetValues, Task};

/// What a column holds. `integer` and `boolean` columns with gaps are numbers to whoever reads them with a data frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Whole numbers.
    Integer,
    /// Any numbers.
    Real,
    /// True and false.
    Boolean,
    /// Dates and times, as seconds since 1970, and how they are written.
    Time(Dates),
    /// Words.
    Text,
}

impl ColumnKind {
    /// The name of the type in MLflow's schemas.
    pub fn as_mlflow(self) -> &'static str {
        match self {
            Self::Integer => "long",
            Self::Real => "double",
            Self::Boolean => "boolean",
            Self::Time(_) | Self::Text => "string",
        }
    }
}

/// The values of a column, a gap where there is none.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnValues {
    /// NaN is a gap; truth is 1 and 0.
    Numbers(Vec<f64>),
    /// Indices into the levels; [`GAP`] is a gap. Levels are in the order of their text.
    Texts {
        /// One for each row.
        codes: Vec<u32>,
        /// Different texts.
        levels: Vec<String>,
    },
}

/// The code of a gap.
pub const GAP: u32 = u32::MAX;

/// A column of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct DataColumn {
    /// As the header has it, or `c1`, `c2`, … without one.
    pub name: String,
    /// The type of its values.
    pub kind: ColumnKind,
    /// One for each row.
    pub values: ColumnValues,
    /// How its numbers were written.
    pub mark: DecimalMark,
    /// The words that were taken for gaps, and how often.
    pub gap_words: Vec<(String, usize)>,
}

/// How a table was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileFormat {
    /// CSV and its kin.
    Delimited {
        /// Between two cells.
        separator: u8,
    },
    /// Objects of JSON, one a line.
    JsonLines,
    /// Parquet.
    Parquet,
    /// Arrow, as a file (Feather) or a stream.
    Arrow,
}

impl FileFormat {
    /// As it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delimited { .. } => "CSV",
            Self::JsonLines => "JSON lines",
            Self::Parquet => "Parquet",
            Self::Arrow => "Arrow",
        }
    }
}

/// Up to here every integer is a number of its own.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;

impl DataColumn {
    /// Whether its values can be told apart: larger integers, such as ids, are rounded.
    ///
    /// # Errors
    /// Says how the column is to be read.
    pub fn check_exact(&self) -> Result<(), DataError> {
        let ColumnValues::Numbers(numbers) = &self.values else { return Ok(()) };
        if numbers.iter().any(|number| number.abs() >= MOST_EXACT) {
            let name = &self.name;
            return Err(DataError::Target(format!(
                "column {name} has integers of 2^53 and more, which are not told apart; pass --categorical {name} to take them for texts"
            )));
        }
        Ok(())
    }

    /// How many levels it has, if it is one of texts.
    pub fn levels(&self) -> Option<usize> {
        match &self.values {
            ColumnValues::Numbers(_) => None,
            ColumnValues::Texts { levels, .. } => Some(levels.len()),
        }
    }

    /// How many rows have none.
    pub fn gaps(&self) -> usize {
        match &self.values {
            ColumnValues::Numbers(numbers) => numbers.iter().filter(|number| number.is_nan()).count(),
            ColumnValues::Texts { codes, .. } => codes.iter().filter(|code| **code == GAP).count(),
        }
    }
}

/// A table in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFrame {
    /// The name of the data set: of the file without its ending, or of the bundled set.
    pub name: String,
    /// Where it comes from: an absolute path, or `mltui:NAME`.
    pub source: String,
    /// Eight hexadecimal digits over the bytes of the file, unpacked.
    pub digest: String,
    /// How it was written.
    pub format: FileFormat,
    /// Those that were read.
    pub columns: Vec<DataColumn>,
    /// Of every column.
    pub rows: usize,
    /// The columns that are not among those.
    pub left_out: Vec<ExcludedColumn>,
    /// Columns that something was said of, and that are not there.
    pub unknown: Vec<String>,
    /// Folders that the pattern names, which are not read.
    pub folders: usize,
}

/// What is wrong with data, and what can be done.
#[derive(Debug, Error)]
pub enum DataError {
    /// The file is not there, or may not be read.
    #[error("cannot read {}: {cause}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's words.
        cause: std::io::Error,
    },
    /// Neither a file nor a bundled set.
    #[error(
        "no data set {name:?}{meant}; give a CSV, TSV, JSON lines, Parquet or Arrow file, or one of {known}"
    )]
    Unknown {
        /// What was requested.
        name: String,
        /// What may be meant, in words.
        meant: String,
        /// What there is.
        known: String,
    },
    /// A line is wrong.
    #[error("{}, line {line}: {}", path.display(), bounded(message))]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// What is wrong, and what to do.
        message: String,
    },
    /// A cell is wrong.
    #[error("{}, line {line}, column {}: {}", path.display(), brief(column), bounded(message))]
    Cell {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: u64,
        /// The name of the column.
        column: String,
        /// What is wrong, and what to do.
        message: String,
    },
    /// The file as a whole is wrong.
    #[error("{}: {}", path.display(), bounded(message))]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        message: String,
    },
    /// The data are read, and what is wanted of them cannot be: why, and what to change.
    #[error("{}", bounded(.0))]
    Target(String),
}

/// Columns that an error lists.
const MENTIONED: usize = 20;
/// Letters of a name that an error says.
const SAID: usize = 80;

/// A name, or its beginning where it is long: a file without a head may have whole texts for names.
fn brief(name: &str) -> String {
    match name.char_indices().nth(SAID) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// The beginning of a message that repeats what a file holds.
fn bounded(message: &str) -> &str {
    const LONGEST: usize = 4_000;
    message.char_indices().nth(LONGEST).map_or(message, |(end, _)| &message[..end])
}

/// Some of the names that there are, for an error.
pub fn mentioned(names: &[&str]) -> String {
    let some: Vec<_> = names.iter().take(MENTIONED).map(|name| brief(name)).collect();
    let more = names.len().saturating_sub(MENTIONED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", some.join(", "))
}

/// How the names of files end that hold data.
pub const ENDINGS: [&str; 19] = [
    ".csv",
    ".tsv",
    ".txt",
    ".jsonl",
    ".ndjson",
    ".csv.gz",
    ".tsv.gz",
    ".txt.gz",
    ".jsonl.gz",
    ".ndjson.gz",
    ".csv.zst",
    ".tsv.zst",
    ".txt.zst",
    ".jsonl.zst",
    ".ndjson.zst",
    ".parquet",
    ".feather",
    ".arrow",
    ".arrows",
];

/// Files of a folder that are told where none is near.
const TOLD_FILES: usize = 8;
/// Entries of a folder among which a file is looked for that is perhaps meant.
const MOST_ENTRIES: usize = 2_000;

/// A path as people type it: `~/` is the home folder, as in a shell.
pub fn expanded(path: &str) -> PathBuf {
    let home = directories::BaseDirs::new();
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.home_dir().join(rest),
        _ => PathBuf::from(path),
    }
}

/// Reads a data set: a bundled one by its name, or a file.
///
/// # Errors
/// Where the file cannot be read, with line and column.
pub fn load(name: &str, reading: &ReadOptions) -> Result<DataFrame, DataError> {
    if let Some(set) = bundled::find(name) {
        return set.frame(reading);
    }
    let path = expanded(name);
    let read = |cause| DataError::Read { path: path.clone(), cause };
    if files::is_pattern(&path) && !path.exists() {
        let pattern = std::path::absolute(&path).map_err(read)?;
        let found = files::matching(&pattern)?;
        let frame = load_all(&pattern, found.files, reading)?;
        return Ok(DataFrame { folders: found.folders, ..frame });
    }
    // Opening a pipe may take for ever, and some devices have no end.
    match std::fs::metadata(&path) {
        Ok(found) if found.is_file() => {}
        Ok(found) => {
            let what = if found.is_dir() { "a folder" } else { "a pipe, a socket or a device" };
            let message = format!("it is {what}; data must be a CSV, TSV, JSON lines, Parquet or Arrow file");
            return Err(DataError::File { path, message });
        }
        Err(cause) if cause.kind() == ErrorKind::NotFound => {
            let known = bundled::SETS.map(|set| set.name).join(", ");
            return Err(DataError::Unknown { name: name.to_owned(), meant: meant(name), known });
        }
        Err(cause) => return Err(read(cause)),
    }
    let path = std::path::absolute(&path).map_err(read)?;
    load_all(&path, vec![path.clone()], reading)
}

/// Reads the files that a path or a pattern names, one below the other.
fn load_all(named: &Path, paths: Vec<PathBuf>, reading: &ReadOptions) -> Result<DataFrame, DataError> {
    let kinds: Vec<files::Kind> = paths.iter().map(|path| files::Kind::of(path)).collect::<Result<_, _>>()?;
    let mixed = || {
        let message = "its files are not all of one kind: CSV, JSON lines, Parquet or Arrow".into();
        DataError::File { path: named.to_owned(), message }
    };
    if kinds.iter().any(|kind| *kind != kinds[0]) {
        return Err(mixed());
    }
    let mut frame = match kinds[0] {
        files::Kind::Parquet => parquet::read(&paths, reading)?,
        files::Kind::Arrow => arrow::read(&paths, reading)?,
        files::Kind::Text => read_texts(paths, reading)?.ok_or_else(mixed)?,
    };
    frame.name = stem(named);
    frame.source = named.display().to_string();
    Ok(frame)
}

/// Reads files of text; none where some are JSON lines, and others are not.
fn read_texts(paths: Vec<PathBuf>, reading: &ReadOptions) -> Result<Option<DataFrame>, DataError> {
    // Of several files each would take of the memory that is free now.
    let is_kept = paths.len() == 1;
    let open = |path: PathBuf| {
        files::TextFile::new(&path, is_kept)
            .and_then(|file| Ok((file.is_json()?, file)))
            .map_err(|cause| DataError::Read { path, cause })
    };
    let opened: Vec<(bool, files::TextFile)> = paths.into_iter().map(open).collect::<Result<_, _>>()?;
    let (are_json, files): (Vec<bool>, Vec<files::TextFile>) = opened.into_iter().unzip();
    if are_json.iter().any(|is| *is != are_json[0]) {
        return Ok(None);
    }
    let sources: Vec<&dyn files::ByteSource> =
        files.iter().map(|file| file as &dyn files::ByteSource).collect();
    let read = if are_json[0] { json_lines::read } else { delimited::read };
    read(&sources, reading).map(Some)
}

/// What may be meant by the name of a data set that is not there: a bundled set, or a file where it was looked for.
fn meant(name: &str) -> String {
    let folder = name.rfind('/').map_or("", |at| &name[..=at]);
    let place = if folder.is_empty() { PathBuf::from(".") } else { expanded(folder) };
    let entries = std::fs::read_dir(place).into_iter().flatten().flatten().take(MOST_ENTRIES);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let files: Vec<String> = names
        .filter(|file| ENDINGS.iter().any(|ending| file.ends_with(ending)))
        .map(|file| format!("{folder}{file}"))
        .collect();
    let known = bundled::SETS.iter().map(|set| set.name).chain(files.iter().map(String::as_str));
    let near = did_you_mean(name, known);
    if !near.is_empty() || files.is_empty() {
        return near;
    }
    let mut files: Vec<&str> = files.iter().map(String::as_str).collect();
    files.sort_unstable();
    let more = files.len().saturating_sub(TOLD_FILES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    files.truncate(TOLD_FILES);
    format!("; there are {}{more}", files.join(", "))
}

/// A name that more than one column has.
fn named_twice(names: &[String]) -> Option<&String> {
    let mut known = HashSet::with_capacity(names.len());
    names.iter().find(|name| !known.insert(name.as_str()))
}

/// Eight hexadecimal digits over all that comes out of some files.
fn digest(sources: &[&dyn files::ByteSource]) -> Result<String, DataError> {
    let mut crc = Crc::new();
    let mut block = vec![0; 1 << 16];
    for source in sources {
        let mut reader = source.open().map_err(|cause| source.failed(cause))?;
        loop {
            let length = reader.read(&mut block).map_err(|cause| source.failed(cause))?;
            if length == 0 {
                break;
            }
            crc.update(&block[..length]);
        }
    }
    Ok(format!("{:08x}", crc.sum()))
}

fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").or(name.strip_suffix(".zst")).unwrap_or(&name);
    let name = match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    };
    if !name.contains(['*', '?']) {
        return name.to_owned();
    }
    // Of several files what their names have in common, or their folder's.
    let common = name.replace(['*', '?'], "");
    let common = common.trim_matches(|letter: char| !letter.is_alphanumeric());
    match path.parent() {
        Some(folder) if common.is_empty() && folder.file_name().is_some() => stem(folder),
        _ if common.is_empty() => "data".to_owned(),
        _ => common.to_owned(),
    }
}

impl DataFrame {
    /// The place of the column of that name.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The error where there is no such column.
    pub fn missing_column(&self, name: &str) -> DataError {
        if let Some(ExcludedColumn { why, .. }) = self.left_out.iter().find(|column| column.name == name) {
            let name = brief(name);
            return DataError::Target(format!(
                "column {name} of {} is excluded: {}",
                self.name,
                why.in_words()
            ));
        }
        let known = self.columns.iter().map(|column| column.name.as_str());
        let known: Vec<_> = known.chain(self.left_out.iter().map(|column| column.name.as_str())).collect();
        let known = mentioned(&known);
        let meant = did_you_mean(
            name,
            self.columns.iter().map(|column| column.name.as_str()).filter(|name| name.len() <= SAID),
        );
        DataError::Target(format!("no column {:?} in {}{meant}; it has {known}", brief(name), self.name))
    }
}
