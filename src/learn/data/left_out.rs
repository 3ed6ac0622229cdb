//! Columns that nothing is learnt from, and why.

/// Why a column is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exclusion {
    /// Somebody asked for it.
    Ignored,
    /// It has no value in any row.
    Empty,
    /// It holds lists or records.
    Nested,
    /// Dates, times, timestamps: what they are called.
    Times(&'static str),
    /// It holds bytes.
    Bytes,
    /// It is the same in all rows.
    Constant,
    /// Folds go by it.
    Folds,
    /// Rows are weighted by it.
    Weights,
    /// Another column has the same values in all rows.
    Duplicate {
        /// The name of that.
        of: String,
    },
    /// It tells the time that folds go by.
    SameTime {
        /// The name of the column that they go by.
        of: String,
    },
    /// A text that tells rows apart and not what they are like.
    Identifier {
        /// Different texts in it.
        levels: usize,
        /// That have a target.
        rows: usize,
        /// One of them, cut.
        example: String,
    },
}

impl Exclusion {
    /// In a word.
    pub fn short(&self) -> &'static str {
        match self {
            Self::Ignored => "ignored",
            Self::Empty => "empty",
            Self::Nested => "nested",
            Self::Times(_) => "time",
            Self::Bytes => "bytes",
            Self::Constant => "constant",
            Self::Folds => "folds",
            Self::Weights => "weights",
            Self::Duplicate { .. } | Self::SameTime { .. } => "duplicate",
            Self::Identifier { .. } => "identifier",
        }
    }

    /// With what can be done about it.
    pub fn in_words(&self) -> String {
        match self {
            Self::Ignored => "as requested".into(),
            Self::Empty => "it is empty".into(),
            Self::Nested => "nested columns are not supported; flatten it, or pass --ignore".into(),
            Self::Times(what) => {
                format!("{what} are not supported; convert them to numbers (of seconds)")
            }
            Self::Bytes => "it is binary".into(),
            Self::Constant => "it is constant".into(),
            Self::Folds => "the folds go by it".into(),
            Self::Weights => "the rows are weighted by it".into(),
            Self::Duplicate { of } => format!("it is the same as {of}"),
            Self::SameTime { of } => format!("it tells the same time as {of}, which the folds go by"),
            Self::Identifier { levels, rows, example } => {
                format!(
                    "it looks like an identifier: {levels} distinct texts in {rows} rows, such as {example:?}"
                )
            }
        }
    }
}

/// A column that is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExcludedColumn {
    /// The name of the column.
    pub name: String,
    /// Why it is left out.
    pub why: Exclusion,
}
