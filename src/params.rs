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
    /// Whole numbers from `low` on, `step` apart.
    IntSteps {
        /// The least.
        low: i64,
        /// None is greater.
        high: i64,
        /// Above 0.
        step: i64,
    },
    /// Numbers from `low` on, `step` apart.
    RealSteps {
        /// The least.
        low: f64,
        /// None is greater.
        high: f64,
        /// Above 0.
        step: f64,
    },
    /// One of these.
    Choice(Vec<ParamValue>),
}

/// Values of a range with steps, at most.
const MOST_STEPS: u64 = 1_000_000;

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
    /// As it is written on the command line: `2..16`, `0.001..1000.0:log`, `0.0..1.0:0.1`, `gini,entropy`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = |log: &bool| if *log { ":log" } else { "" };
        match self {
            Self::Int { low, high, log } => write!(f, "{low}..{high}{}", scale(log)),
            Self::Real { low, high, log } => write!(f, "{}..{}{}", float(*low), float(*high), scale(log)),
            Self::IntSteps { low, high, step } => write!(f, "{low}..{high}:{step}"),
            Self::RealSteps { low, high, step } => {
                write!(f, "{}..{}:{}", float(*low), float(*high), float(*step))
            }
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
            if let Some((high, step)) = high.split_once(':')
                && !log
            {
                if let (Ok(low), Ok(high), Ok(step)) = (low.parse(), high.parse(), step.parse()) {
                    return Ok(Self::IntSteps { low, high, step });
                }
                if let (Ok(low), Ok(high), Ok(step)) = (low.parse(), high.parse(), step.parse()) {
                    return Ok(Self::RealSteps { low, high, step });
                }
            }
            if let (Ok(low), Ok(high)) = (low.parse(), high.parse()) {
                return Ok(Self::Int { low, high, log });
            }
            if let (Ok(low), Ok(high)) = (low.parse(), high.parse()) {
                return Ok(Self::Real { low, high, log });
            }
        }
        if log || range.contains("..") || range.is_empty() {
            return Err(format!(
                "invalid range {text:?}; write 2..16, 0.001..10.0:log, 0..1:0.1, or choices: gini,entropy"
            ));
        }
        Ok(Self::Choice(range.split(',').map(|word| ParamValue::from(word.trim())).collect()))
    }
}

impl Range {
    /// Whether there is a value in it at all.
    ///
    /// # Errors
    /// A sentence that says what to write.
    pub fn check(&self) -> Result<(), String> {
        let order = || Err("low must be below high, and above 0 with log".to_owned());
        match self {
            Self::Int { low, high, log } if low > high || (*log && *low < 1) => order(),
            Self::Real { low, high, log }
                if low > high || !low.is_finite() || !high.is_finite() || (*log && *low <= 0.0) =>
            {
                order()
            }
            Self::IntSteps { .. } | Self::RealSteps { .. } => match self.steps() {
                Some(count) if count <= MOST_STEPS => Ok(()),
                Some(_) => Err(format!("more than {MOST_STEPS} steps; use a larger step, or none")),
                None => Err("low must be below high, and the step above 0".into()),
            },
            Self::Choice(choices) if choices.is_empty() => Err("no values".into()),
            _ => Ok(()),
        }
    }

    /// How many values a range with steps has; none of another, and of one that has no values.
    pub fn steps(&self) -> Option<u64> {
        match self {
            Self::IntSteps { low, high, step } if low <= high && *step > 0 => {
                Some((high.abs_diff(*low) / step.unsigned_abs()).saturating_add(1))
            }
            // A step that does not quite reach the end for want of digits is meant to reach it.
            Self::RealSteps { low, high, step } if low <= high && *step > 0.0 => {
                Some((((high - low) / step + 1e-9).floor() as u64).saturating_add(1))
                    .filter(|_| high.is_finite())
            }
            _ => None,
        }
    }

    /// The value behind so many steps.
    pub fn at(&self, steps: u64) -> Option<ParamValue> {
        let steps = steps.min(self.steps()?.saturating_sub(1));
        match self {
            Self::IntSteps { low, step, .. } => {
                Some(ParamValue::Int(low.saturating_add(step.saturating_mul(steps as i64))))
            }
            Self::RealSteps { low, high, step } => {
                // 0.3, and not 0.30000000000000004.
                let value = low + steps as f64 * step;
                Some(ParamValue::Real(format!("{value:.12e}").parse().unwrap_or(value).min(*high)))
            }
            _ => None,
        }
    }

    /// How many steps a value is behind the least; none where it is on no step.
    pub fn steps_to(&self, value: &ParamValue) -> Option<u64> {
        let number = match value {
            ParamValue::Int(value) => *value as f64,
            ParamValue::Real(value) => *value,
            ParamValue::Text(_) => return None,
        };
        let steps = match (self, value) {
            (Self::IntSteps { low, step, .. }, ParamValue::Int(value)) if value >= low && *step > 0 => {
                let behind = value.abs_diff(*low);
                (behind % step.unsigned_abs() == 0).then_some(behind / step.unsigned_abs())?
            }
            (Self::RealSteps { low, step, .. }, _) if number >= *low => {
                let steps = (number - low) / step;
                ((steps - steps.round()).abs() < 1e-6).then_some(steps.round() as u64)?
            }
            _ => return None,
        };
        (steps < self.steps()?).then_some(steps)
    }

    /// What lies in the middle, or the first of some choices.
    pub fn middle(&self) -> Option<ParamValue> {
        match self {
            Self::Int { low, high, log: true } if *low > 0 => {
                let middle = ((*low as f64).ln() / 2.0 + (*high as f64).ln() / 2.0).exp().round();
                Some(ParamValue::Int((middle as i64).clamp(*low, *high.max(low))))
            }
            Self::Int { low, high, .. } => Some(ParamValue::Int(i64::midpoint(*low, *high))),
            Self::Real { low, high, log } => Some(ParamValue::Real(tidy(if *log {
                (low.ln() / 2.0 + high.ln() / 2.0).exp()
            } else {
                f64::midpoint(*low, *high)
            }))),
            Self::IntSteps { .. } | Self::RealSteps { .. } => self.at(self.steps()? / 2),
            Self::Choice(choices) => choices.first().cloned(),
        }
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
            // Whoever names a step wants every one.
            steps @ (Range::IntSteps { .. } | Range::RealSteps { .. }) => {
                (0..steps.steps().unwrap_or(0)).filter_map(|at| steps.at(at)).collect()
            }
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
            let range = if real {
                Range::RealSteps { low: low as f64 / 8.0, high: (low + more) as f64 / 8.0, step: 0.1 }
            } else {
                Range::IntSteps { low, high: low + more, step: 3 }
            };
            prop_assert_eq!(range.to_string().parse::<Range>().unwrap(), range.clone());
            prop_assert!(range.check().is_ok());
            for steps in 0..range.steps().unwrap().min(50) {
                prop_assert_eq!(range.at(steps).and_then(|value| range.steps_to(&value)), Some(steps));
            }
        }
    }

    #[test]
    fn steps_come_to_the_end_that_is_named_and_print_as_people_write_them() {
        let range: Range = "0..1:0.1".parse().unwrap();
        let values: Vec<String> =
            (0..range.steps().unwrap()).map(|at| range.at(at).unwrap().to_string()).collect();
        assert_eq!(values, ["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1"]);
        let range: Range = "2..33:8".parse().unwrap();
        assert_eq!((range.steps(), range.at(9)), (Some(4), Some(ParamValue::Int(26))));
        assert_eq!(range.steps_to(&ParamValue::Int(27)), None);
        for wrong in [
            "1..0:1",
            "0..1:0",
            "0..1:-1",
            "0..1e9:0.0001",
            "0..inf:1",
            "5..1",
            "0..1:log",
            "0.0..1.0:log",
            "nan..1",
        ] {
            assert!(
                wrong.parse::<Range>().is_err() || wrong.parse::<Range>().unwrap().check().is_err(),
                "{wrong}"
            );
        }
        assert!("0..1:0.1:log".parse::<Range>().is_err());
    }
}
