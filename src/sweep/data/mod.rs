//! Data sets: a table of typed columns, where it comes from, and what is to be predicted in it.
//!
//! Knows nothing of models. Values are kept as they were read; filling gaps and scaling are learnt from training rows
//! only, in [`super::prepare`].

mod builder;
pub mod bundled;
mod delimited;
mod parquet;
mod target;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use builder::Limits;
pub use target::{Labels, Target, TargetValues, Task};

/// What a column holds. `integer` and `boolean` columns with gaps are numbers to whoever reads them with a data frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Integer,
    Real,
    Boolean,
    Text,
}

impl Kind {
    /// The name of the type in MLflow's schemas.
    pub fn as_mlflow(self) -> &'static str {
        match self {
            Self::Integer => "long",
            Self::Real => "double",
            Self::Boolean => "boolean",
            Self::Text => "string",
        }
    }
}

/// The values of a column, a gap where there is none.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// NaN is a gap; truth is 1 and 0.
    Numbers(Vec<f64>),
    /// Indices into the levels; [`GAP`] is a gap. Levels are in the order of their text.
    Texts { codes: Vec<u32>, levels: Vec<String> },
}

pub const GAP: u32 = u32::MAX;

#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    pub name: String,
    pub kind: Kind,
    pub values: Values,
}

impl Column {
    pub fn gaps(&self) -> usize {
        match &self.values {
            Values::Numbers(numbers) => numbers.iter().filter(|number| number.is_nan()).count(),
            Values::Texts { codes, .. } => codes.iter().filter(|code| **code == GAP).count(),
        }
    }
}

/// A table in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The name of the data set: of the file without its ending, or of the bundled set.
    pub name: String,
    /// Where it comes from: an absolute path, or `mltui:NAME`.
    pub source: String,
    /// Eight hexadecimal digits over the bytes of the file, unpacked.
    pub digest: String,
    pub columns: Vec<Column>,
    pub rows: usize,
    /// What was left out or taken for something while reading, in words.
    pub notes: Vec<String>,
}

/// How a file is to be read; what is `None` is found out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Reading {
    pub separator: Option<u8>,
    pub no_header: bool,
    /// Columns whose numbers stand for categories.
    pub categorical: Vec<String>,
    /// Columns that are not read.
    pub ignored: Vec<String>,
}

/// What is wrong with data, and what can be done.
#[derive(Debug, Error)]
pub enum DataError {
    #[error("cannot read {}: {cause}", path.display())]
    Read { path: PathBuf, cause: std::io::Error },
    #[error("there is no data set {name:?}: give the path of a CSV, TSV or Parquet file, or one of {known}")]
    Unknown { name: String, known: String },
    #[error("{}, line {line}: {message}", path.display())]
    Line { path: PathBuf, line: u64, message: String },
    #[error("{}, line {line}, column {column}: {message}", path.display())]
    Cell { path: PathBuf, line: u64, column: String, message: String },
    #[error("{}: {message}", path.display())]
    File { path: PathBuf, message: String },
    #[error("{0}")]
    Target(String),
}

/// How the names of files end that hold data.
pub const ENDINGS: [&str; 7] = [".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz", ".parquet"];

/// A path as people type it: `~/` is the home folder, as in a shell.
pub fn expanded(path: &str) -> PathBuf {
    let home = directories::BaseDirs::new();
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.home_dir().join(rest),
        _ => PathBuf::from(path),
    }
}

/// Reads a data set: a bundled one by its name, or a file.
pub fn load(name: &str, reading: &Reading) -> Result<Frame, DataError> {
    if let Some(set) = bundled::find(name) {
        return set.frame();
    }
    let path = expanded(name);
    if !path.exists() {
        let known = bundled::SETS.map(|set| set.name).join(", ");
        return Err(DataError::Unknown { name: name.to_owned(), known });
    }
    let read = |cause| DataError::Read { path: path.clone(), cause };
    let path = std::path::absolute(&path).map_err(read)?;
    let mut frame =
        if is_parquet(&path)? { parquet::read(&path, reading)? } else { delimited::read(&path, reading)? };
    frame.name = stem(&path);
    frame.source = path.display().to_string();
    Ok(frame)
}

/// By its first bytes: a name can be anything.
fn is_parquet(path: &Path) -> Result<bool, DataError> {
    use std::io::Read;
    let mut start = [0; 4];
    let mut file =
        std::fs::File::open(path).map_err(|cause| DataError::Read { path: path.to_owned(), cause })?;
    Ok(file.read_exact(&mut start).is_ok() && &start == b"PAR1")
}

fn stem(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
        _ => name.to_owned(),
    }
}

impl Frame {
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}
