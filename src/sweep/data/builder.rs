//! Columns that grow cell by cell, their kind already known.

use std::path::Path;

use rustc_hash::FxHashMap;

use super::{Column, DataError, GAP, Kind, Values};
use crate::mlflow::order::natural;

/// How much of a machine a data set may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that are free.
    pub memory: u64,
}

impl Limits {
    /// What the machine says is free, or the control group of the process; everything where neither says.
    pub fn of_this_machine() -> Self {
        let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let available = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
        let kilobytes = available.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        let of_machine = kilobytes.map(|kilobytes| kilobytes * 1024);
        Self { memory: of_machine.into_iter().chain(free_in_group()).min().unwrap_or(u64::MAX) }
    }

    /// What is missing, in words, if so many bytes do not fit.
    pub fn lack(self, needed: u64) -> Option<String> {
        let gigabytes = |bytes: u64| bytes as f64 / 1e9;
        (needed > self.memory / 2).then(|| {
            format!("need {:.1} GB, and {:.1} GB are free", gigabytes(needed), gigabytes(self.memory))
        })
    }

    /// An error if a table of so many numbers does not fit.
    pub fn check(self, path: &Path, rows: usize, columns: usize) -> Result<(), DataError> {
        let needed = (rows as u64).saturating_mul(columns as u64).saturating_mul(8);
        self.lack(needed).map_or(Ok(()), |lack| {
            Err(DataError::File {
                path: path.to_owned(),
                message: format!("{rows} rows x {columns} columns {lack}: leave columns out with --ignore"),
            })
        })
    }
}

/// What the control group of this process may still take: its limit, less what it holds and cannot drop.
fn free_in_group() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let folder = Path::new("/sys/fs/cgroup").join(group);
    let number = |name: &str| std::fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    let stat = std::fs::read_to_string(folder.join("memory.stat")).ok()?;
    let cached = stat.lines().find_map(|line| line.strip_prefix("inactive_file ")?.parse::<u64>().ok())?;
    let held = number("memory.current")?.saturating_sub(cached);
    Some(number("memory.max")?.saturating_sub(held))
}

/// What a column has been seen to hold.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    pub numbers: u64,
    pub integers: u64,
    pub truths: u64,
    pub texts: u64,
    pub gaps: u64,
    /// The first text: its line, and the text.
    pub first_text: Option<(u64, String)>,
}

/// A cell that says that there is nothing: pandas' own list, and the question mark of older archives.
pub fn is_gap(cell: &str) -> bool {
    matches!(
        cell,
        "" | "?"
            | "NA"
            | "N/A"
            | "n/a"
            | "#N/A"
            | "#NA"
            | "<NA>"
            | "NaN"
            | "nan"
            | "-NaN"
            | "-nan"
            | "NULL"
            | "null"
            | "None"
            | "#N/A N/A"
            | "1.#IND"
            | "-1.#IND"
            | "1.#QNAN"
            | "-1.#QNAN"
    )
}

pub fn truth(cell: &str) -> Option<bool> {
    match cell {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

pub fn number(cell: &str) -> Option<f64> {
    let starts_well = cell.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    if starts_well { cell.parse().ok().filter(|number: &f64| !number.is_nan()) } else { None }
}

impl Seen {
    pub fn look(&mut self, cell: &str, line: u64) {
        if is_gap(cell) {
            self.gaps += 1;
        } else if number(cell).is_some() {
            self.numbers += 1;
            let digits = cell.strip_prefix(['-', '+']).unwrap_or(cell);
            // What a data frame would read as a 64-bit integer.
            if digits.len() <= 18 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
                self.integers += 1;
            }
        } else {
            if truth(cell).is_some() {
                self.truths += 1;
            } else {
                self.texts += 1;
            }
            self.first_text.get_or_insert_with(|| (line, cell.chars().take(40).collect()));
        }
    }

    /// What the column is; an error where it is mostly numbers and holds text. None if it holds nothing.
    pub fn kind(&self, is_categorical: bool) -> Result<Option<Kind>, (u64, String)> {
        let filled = self.numbers + self.truths + self.texts;
        if filled == 0 {
            return Ok(None);
        }
        if is_categorical {
            return Ok(Some(Kind::Text));
        }
        if self.truths == filled {
            return Ok(Some(if self.gaps == 0 { Kind::Boolean } else { Kind::Text }));
        }
        if self.numbers == filled {
            let is_whole = self.integers == filled && self.gaps == 0;
            return Ok(Some(if is_whole { Kind::Integer } else { Kind::Real }));
        }
        if self.numbers * 2 > filled
            && let Some((line, text)) = &self.first_text
        {
            return Err((
                *line,
                format!(
                    "{text:?} among {} numbers: mend it, leave it empty, or say that the column holds categories with --categorical",
                    self.numbers
                ),
            ));
        }
        Ok(Some(Kind::Text))
    }
}

/// A column under way.
#[derive(Debug)]
pub struct Growing {
    pub name: String,
    kind: Kind,
    numbers: Vec<f64>,
    codes: Vec<u32>,
    levels: FxHashMap<String, u32>,
}

impl Growing {
    pub fn new(name: String, kind: Kind, rows: usize) -> Self {
        let is_text = kind == Kind::Text;
        Self {
            name,
            kind,
            numbers: Vec::with_capacity(if is_text { 0 } else { rows }),
            codes: Vec::with_capacity(if is_text { rows } else { 0 }),
            levels: FxHashMap::default(),
        }
    }

    /// Adds a cell; the error says what is wrong with it.
    pub fn push(&mut self, cell: &str) -> Result<(), String> {
        if self.kind == Kind::Text {
            let code = if is_gap(cell) { GAP } else { self.code(cell) };
            self.codes.push(code);
            return Ok(());
        }
        let value = match (is_gap(cell), self.kind) {
            (true, _) => f64::NAN,
            (_, Kind::Boolean) => {
                f64::from(u8::from(truth(cell).ok_or_else(|| format!("{cell:?} is neither true nor false"))?))
            }
            _ => number(cell).ok_or_else(|| format!("{cell:?} is not a number"))?,
        };
        self.push_number(value)
    }

    pub fn push_number(&mut self, value: f64) -> Result<(), String> {
        // Models work in single precision where MLflow's tools do.
        if value.is_infinite() || (value.abs() > f64::from(f32::MAX)) {
            return Err(format!("{value:e} is larger than models can take: mend it or leave it empty"));
        }
        self.numbers.push(value);
        Ok(())
    }

    fn code(&mut self, text: &str) -> u32 {
        if let Some(code) = self.levels.get(text) {
            return *code;
        }
        let code = self.levels.len() as u32;
        self.levels.insert(text.to_owned(), code);
        code
    }

    pub fn finish(self) -> Column {
        if self.kind != Kind::Text {
            return Column { name: self.name, kind: self.kind, values: Values::Numbers(self.numbers) };
        }
        let mut levels: Vec<(String, u32)> = self.levels.into_iter().collect();
        // Numbers that stand for categories keep the order of numbers.
        levels.sort_by(|(a, _), (b, _)| natural(a, b));
        let mut place = vec![0; levels.len()];
        for (at, (_, code)) in levels.iter().enumerate() {
            place[*code as usize] = at as u32;
        }
        let codes = self.codes.into_iter().map(|code| if code == GAP { GAP } else { place[code as usize] });
        let levels_in_order = levels.iter().map(|(level, _)| level.clone()).collect();
        Column {
            name: self.name,
            kind: Kind::Text,
            values: Values::Texts { codes: codes.collect(), levels: levels_in_order },
        }
    }
}
