//! Hyper-parameters: their values, and the ranges that are searched.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The value of a hyper-parameter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParamValue {
    /// A whole number.
    Int(i64),
    /// Any other number.
    Real(f64),
    /// A word.
    Text(String),
}

impl fmt::Display for ParamValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => write!(f, "{value}"),
            Self::Real(value) if *value != 0.0 && (value.abs() < 1e-4 || value.abs() >= 1e9) => {
                write!(f, "{value:e}")
            }
            Self::Real(value) => write!(f, "{value}"),
            Self::Text(value) => f.write_str(value),
        }
    }
}

/// The hyper-parameters of a trial by name.
pub type Params = BTreeMap<String, ParamValue>;

/// The values that a hyper-parameter can have.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Range {
    /// Whole numbers, both ends among them.
    Int {
        /// The least.
        low: i64,
        /// The greatest.
        high: i64,
        /// Whether it is searched by the logarithm; `low` is 1 at least then.
        log: bool,
    },
    /// Numbers, both ends among them.
    Real {
        /// The least.
        low: f64,
        /// The greatest.
        high: f64,
        /// Whether it is searched by the logarithm; `low` is above 0 then.
        log: bool,
    },
    /// One of these.
    Choice(Vec<ParamValue>),
}

/// A hyper-parameter that is searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dimension {
    /// As it stands among a run's params.
    pub name: String,
    /// What it can be.
    pub range: Range,
    /// What a family's first trial takes.
    pub default: ParamValue,
    /// Searched only where another one, named before, has this value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only_if: Option<(String, ParamValue)>,
}

impl fmt::Display for Range {
    /// As it is written on the command line: `2..16`, `0.001..1000 log`, `gini,entropy`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = |log: &bool| if *log { ":log" } else { "" };
        match self {
            Self::Int { low, high, log } => write!(f, "{low}..{high}{}", scale(log)),
            Self::Real { low, high, log } => write!(f, "{}..{}{}", float(*low), float(*high), scale(log)),
            Self::Choice(choices) => {
                let words: Vec<_> = choices.iter().map(ParamValue::to_string).collect();
                f.write_str(&words.join(","))
            }
        }
    }
}

/// A real number that is not taken for a whole one when it is read again.
fn float(value: f64) -> String {
    format!("{value:?}")
}

impl std::str::FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (range, log) = text.strip_suffix(":log").map_or((text, false), |range| (range, true));
        if let Some((low, high)) = range.split_once("..") {
            if let (Ok(low), Ok(high)) = (low.parse(), high.parse()) {
                return Ok(Self::Int { low, high, log });
            }
            if let (Ok(low), Ok(high)) = (low.parse(), high.parse()) {
                return Ok(Self::Real { low, high, log });
            }
        }
        if log || range.contains("..") || range.is_empty() {
            return Err(format!(
                "invalid range {text:?}; write 2..16, 0.001..10.0:log, or choices: gini,entropy"
            ));
        }
        Ok(Self::Choice(range.split(',').map(|word| ParamValue::from(word.trim())).collect()))
    }
}

impl From<&str> for ParamValue {
    /// A number if it reads as one.
    fn from(text: &str) -> Self {
        if let Ok(value) = text.parse() {
            return Self::Int(value);
        }
        text.parse().map_or_else(|_| Self::Text(text.to_owned()), Self::Real)
    }
}

impl Dimension {
    fn new(name: &str, range: Range, default: ParamValue) -> Self {
        Self { name: name.to_owned(), range, default, only_if: None }
    }

    /// Whole numbers from `low` to `high`.
    pub fn int(name: &str, low: i64, high: i64, default: i64) -> Self {
        let default = ParamValue::Int(default.clamp(low, high.max(low)));
        Self::new(name, Range::Int { low, high: high.max(low), log: false }, default)
    }

    /// Numbers from `low` to `high`.
    pub fn real(name: &str, low: f64, high: f64, default: f64) -> Self {
        Self::new(name, Range::Real { low, high, log: false }, ParamValue::Real(default))
    }

    /// One of some words; the first is the default.
    pub fn choice(name: &str, choices: &[&str]) -> Self {
        let choices: Vec<ParamValue> =
            choices.iter().map(|choice| ParamValue::Text((*choice).to_owned())).collect();
        let default = choices[0].clone();
        Self::new(name, Range::Choice(choices), default)
    }

    /// Searched by its logarithm.
    pub fn log(mut self) -> Self {
        if let Range::Int { log, .. } | Range::Real { log, .. } = &mut self.range {
            *log = true;
        }
        self
    }

    /// Searched only where another one, named before, is this word.
    pub fn only_if(mut self, name: &str, value: &str) -> Self {
        self.only_if = Some((name.to_owned(), ParamValue::Text(value.to_owned())));
        self
    }

    /// Whether it is searched where the ones before are these.
    pub fn applies(&self, params: &Params) -> bool {
        self.only_if.as_ref().is_none_or(|(name, value)| params.get(name) == Some(value))
    }

    /// Values for a grid: all choices, or `count` from the low end to the high one.
    pub fn grid(&self, count: usize) -> Vec<ParamValue> {
        let share = |at: usize| if count > 1 { at as f64 / (count - 1) as f64 } else { 0.5 };
        let between = |low: f64, high: f64, log: bool, at: usize| {
            if log {
                (low.ln() + share(at) * (high.ln() - low.ln())).exp()
            } else {
                low + share(at) * (high - low)
            }
        };
        match &self.range {
            Range::Choice(choices) => choices.clone(),
            Range::Real { low, high, log } => {
                (0..count).map(|at| ParamValue::Real(tidy(between(*low, *high, *log, at)))).collect()
            }
            Range::Int { low, high, log } => {
                let whole = |at| between(*low as f64, *high as f64, *log, at).round() as i64;
                let mut values: Vec<i64> = (0..count).map(whole).collect();
                values.dedup();
                values.into_iter().map(ParamValue::Int).collect()
            }
        }
    }
}

/// A number with four digits, as people write them.
pub fn tidy(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

/// What a family's first trial takes.
pub fn defaults(dimensions: &[Dimension]) -> Params {
    let mut params = Params::new();
    for dimension in dimensions {
        if dimension.applies(&params) {
            params.insert(dimension.name.clone(), dimension.default.clone());
        }
    }
    params
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_print_and_parse_back(low in -1000_i64..1000, more in 1_i64..1000, log in any::<bool>(), real in any::<bool>()) {
            let range = if real {
                Range::Real { low: low as f64 / 8.0, high: (low + more) as f64 / 8.0, log }
            } else {
                Range::Int { low, high: low + more, log }
            };
            prop_assert_eq!(range.to_string().parse::<Range>().unwrap(), range);
        }
    }
}
