//! Columns that grow cell by cell, what they hold already known.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::moments::{Dates, moment};
use super::numerals::parse;
use super::seen::{ColumnContent, spelled, truth};
use super::{ColumnKind, ColumnValues, DataColumn, GAP};
use crate::text::order::of_levels;

/// Seconds from 1970 to the last date that there is.
const FURTHEST: f64 = 253_402_300_800.0;

/// A column under way.
#[derive(Debug)]
pub struct ColumnBuilder {
    pub name: String,
    holds: ColumnContent,
    numbers: Vec<f64>,
    codes: Vec<u32>,
    levels: FxHashMap<String, u32>,
    gap_words: BTreeMap<String, usize>,
}

impl ColumnBuilder {
    pub fn new(name: String, holds: ColumnContent, rows: usize) -> Self {
        let is_text = holds.kind == ColumnKind::Text;
        Self {
            name,
            holds,
            numbers: Vec::with_capacity(if is_text { 0 } else { rows }),
            codes: Vec::with_capacity(if is_text { rows } else { 0 }),
            levels: FxHashMap::default(),
            gap_words: BTreeMap::new(),
        }
    }

    pub fn is_text(&self) -> bool {
        self.holds.kind == ColumnKind::Text
    }

    pub fn is_time(&self) -> bool {
        matches!(self.holds.kind, ColumnKind::Time(_))
    }

    /// Adds seconds since 1970; where they are categories, as text.
    pub fn push_moment(&mut self, seconds: f64, is_day: bool) -> Result<(), String> {
        if self.is_text() {
            let dates = if is_day { Dates::DAYS } else { Dates::STAMPS };
            self.push_text(&dates.written(seconds));
            return Ok(());
        }
        if seconds.abs() > FURTHEST {
            return Err(format!("{seconds:e} seconds since 1970 are no date"));
        }
        self.numbers.push(seconds);
        Ok(())
    }

    pub fn rows(&self) -> usize {
        if self.is_text() { self.codes.len() } else { self.numbers.len() }
    }

    /// Adds a cell of a file of text; the error says what is wrong with it.
    pub fn push(&mut self, cell: &str) -> Result<(), String> {
        if self.holds.gaps.has(cell) {
            if !cell.is_empty() {
                *self.gap_words.entry(cell.to_owned()).or_default() += 1;
            }
            self.push_gap();
            return Ok(());
        }
        match self.holds.kind {
            ColumnKind::Text => {
                let truth = truth(cell).filter(|_| self.holds.truths);
                self.push_text(truth.map_or(cell, |truth| spelled(truth)));
                Ok(())
            }
            ColumnKind::Boolean => {
                let truth = truth(cell).ok_or_else(|| format!("{cell:?} is neither true nor false"))?;
                self.push_number(f64::from(u8::from(truth)))
            }
            ColumnKind::Time(dates) => {
                let moment = moment(cell, dates.order).filter(|moment| moment.dates == dates);
                self.numbers
                    .push(moment.ok_or_else(|| format!("{cell:?} is not a date like the others"))?.local);
                Ok(())
            }
            ColumnKind::Integer | ColumnKind::Real => {
                let number = parse(cell, self.holds.mark);
                self.push_number(number.ok_or_else(|| format!("{cell:?} is not a number"))?)
            }
        }
    }

    pub fn push_gap(&mut self) {
        if self.is_text() {
            self.codes.push(GAP);
        } else {
            self.numbers.push(f64::NAN);
        }
    }

    pub fn push_text(&mut self, text: &str) {
        let code = self.code(text);
        self.codes.push(code);
    }

    pub fn push_number(&mut self, value: f64) -> Result<(), String> {
        // Models work in single precision where MLflow's tools do.
        if value.is_infinite() || (value.abs() > f64::from(f32::MAX)) {
            return Err(format!("{value:e} is too large for single precision; correct it or leave it empty"));
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

    pub fn finish(self) -> DataColumn {
        let ColumnContent { kind, mark, .. } = self.holds;
        let gap_words = self.gap_words.into_iter().collect();
        if kind != ColumnKind::Text {
            let values = ColumnValues::Numbers(self.numbers);
            return DataColumn { name: self.name, kind, values, mark, gap_words };
        }
        let mut levels: Vec<(String, u32)> = self.levels.into_iter().collect();
        // Numbers that stand for categories keep the order of numbers.
        levels.sort_by(|(a, _), (b, _)| of_levels(a, b));
        let mut place = vec![0; levels.len()];
        for (at, (_, code)) in levels.iter().enumerate() {
            place[*code as usize] = at as u32;
        }
        let codes = self.codes.into_iter().map(|code| if code == GAP { GAP } else { place[code as usize] });
        let levels_in_order = levels.iter().map(|(level, _)| level.clone()).collect();
        DataColumn {
            name: self.name,
            kind: ColumnKind::Text,
            values: ColumnValues::Texts { codes: codes.collect(), levels: levels_in_order },
            mark,
            gap_words,
        }
    }
}
