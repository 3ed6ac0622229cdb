//! What a sweep is to do, as it was decided when it began.

use serde::{Deserialize, Serialize};

use crate::learn::data::{self, DataError, Frame, Limits, Reading, Target, Task, bundled};
use crate::learn::families::{self, FAMILIES, Family, Reader, Shape};
use crate::learn::scores::{Score, scores};
use crate::learn::study::Study;
use crate::params::{Dimension, FamilySpace, Range};
use crate::sweep::search::{LAG, Method, Search};
use crate::text::shell::quoted;

/// Whose models are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Models {
    /// Every trial is fitted once more on all but the test part, judged by that, and its model logged.
    #[default]
    All,
    /// The best one is, when all trials have ended.
    Best,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The path of a file, or the name of a bundled set.
    pub data: String,
    #[serde(default)]
    pub reading: Reading,
    pub target: String,
    pub task: Task,
    /// The score that is gone by, without `val_`.
    pub metric: String,
    pub spaces: Vec<FamilySpace>,
    /// What of the spaces is not as it comes: family, hyper-parameter, range.
    #[serde(default)]
    pub ranges: Vec<(String, String, Range)>,
    pub method: Method,
    /// Values of a range that a grid takes.
    pub grid_points: usize,
    pub trials: Option<usize>,
    /// Seconds after which no trial begins.
    pub seconds: Option<f64>,
    pub folds: usize,
    pub test_size: f64,
    pub seed: u64,
    /// Whether trials that fall behind end early.
    pub prune: bool,
    pub models: Models,
}

/// A plan before what is not said has been found out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Wish {
    pub data: String,
    pub reading: Reading,
    pub target: Option<String>,
    pub task: Option<Task>,
    pub metric: Option<String>,
    /// Those that are usual for such data where there are none.
    pub families: Vec<String>,
    /// Family, hyper-parameter, and what is searched of it instead.
    pub ranges: Vec<(String, String, Range)>,
    pub method: Method,
    pub grid_points: Option<usize>,
    pub trials: Option<usize>,
    pub seconds: Option<f64>,
    pub folds: Option<usize>,
    pub test_size: Option<f64>,
    pub seed: Option<u64>,
    pub prune: Option<bool>,
    pub models: Models,
}

pub const TRIALS: usize = 20;
pub const FOLDS: usize = 5;
pub const TEST_SIZE: f64 = 0.2;
pub const SEED: u64 = 1;
pub const MOST_JOBS: usize = 256;
const MOST_IN_GRID: usize = 1_000_000;

fn wrong(message: String) -> DataError {
    DataError::Target(message)
}

fn check_parts(folds: usize, test_size: f64) -> Result<(), DataError> {
    if !(2..=50).contains(&folds) {
        return Err(wrong(format!("{folds} folds: there have to be 2 to 50")));
    }
    if !(0.01..=0.9).contains(&test_size) {
        return Err(wrong(format!("a test part of {test_size}: it has to be from 0.01 to 0.9 of the rows")));
    }
    Ok(())
}

/// Whatever goes by earlier trials can only go by those that have ended for sure.
pub fn most_jobs(method: Method, prunes: bool) -> usize {
    if method == Method::Tpe || prunes { LAG } else { MOST_JOBS }
}

/// A time as people write it: `90s`, `10m`, `2h`, or a number of seconds.
pub fn seconds(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, "s"),
    };
    let factor = match unit {
        "m" => 60.0,
        "h" => 3600.0,
        _ => 1.0,
    };
    match number.parse::<f64>() {
        Ok(value) if value > 0.0 && value.is_finite() => Ok(value * factor),
        _ => Err("write a time as 90s, 10m or 2h".into()),
    }
}

impl Wish {
    /// Reads the data and decides the rest.
    pub fn decide(&self) -> Result<(Plan, Study), DataError> {
        let frame = data::load(&self.data, &self.reading)?;
        let set = bundled::find(&self.data);
        let target = self.target.as_deref().or(set.map(|set| set.target));
        let Some(name) = target else {
            let columns: Vec<_> = frame.columns.iter().map(|column| column.name.as_str()).collect();
            return Err(wrong(format!(
                "the target is missing (--target): say which column of {} is to be predicted, of {}",
                frame.name,
                data::mentioned(&columns)
            )));
        };
        let task = self.task.or(set.filter(|set| set.target == name).map(|set| set.task));
        let target = Target::new(&frame, name, task)?;
        let task = target.task;
        let (folds, test_size) = (self.folds.unwrap_or(FOLDS), self.test_size.unwrap_or(TEST_SIZE));
        check_parts(folds, test_size)?;
        let (data, rows) = (absolute(&self.data, &frame), target.rows.len());
        let study = Study::new(frame, target, test_size, folds, self.seed.unwrap_or(SEED))?;
        let shape = Shape { rows, ..study.shape() };
        let plan = Plan {
            data,
            reading: self.reading.clone(),
            target: name.to_owned(),
            task,
            metric: self.metric(task)?.name.to_owned(),
            spaces: self.spaces(shape, study.width, Limits::of_this_machine())?,
            ranges: self.ranges.clone(),
            method: self.method,
            grid_points: self.grid_points.unwrap_or(3).max(1),
            trials: match (self.method, self.trials, self.seconds) {
                (Method::Grid, None, _) | (_, None, Some(_)) => None,
                (_, trials, _) => Some(trials.unwrap_or(TRIALS)),
            },
            seconds: self.seconds,
            folds,
            test_size,
            seed: self.seed.unwrap_or(SEED),
            prune: self.prunes(),
            models: self.models,
        };
        plan.check()?;
        Ok((plan, study))
    }

    /// A grid is asked for to be seen whole.
    pub fn prunes(&self) -> bool {
        self.prune.unwrap_or(self.method != Method::Grid)
    }

    fn metric(&self, task: Task) -> Result<Score, DataError> {
        let known = scores(task);
        let Some(name) = &self.metric else { return Ok(known[0]) };
        let bare = name.strip_prefix("val_").unwrap_or(name);
        known.iter().copied().find(|score| score.name == bare).ok_or_else(|| {
            let names: Vec<_> = known.iter().map(|score| score.name).collect();
            wrong(format!("{} has no metric {name:?}: it has {}", task.as_str(), names.join(", ")))
        })
    }

    /// Of `width` features, on a machine of such limits.
    fn spaces(&self, shape: Shape, width: usize, limits: Limits) -> Result<Vec<FamilySpace>, DataError> {
        let mut spaces = Vec::new();
        let lack = |family: &dyn Family| families::lacking(family, shape.rows, width, limits);
        if self.families.is_empty() {
            let usual = FAMILIES.iter().filter(|family| family.takes(shape.task) && family.is_usual(shape));
            let fitting = usual.filter(|family| lack(**family).is_none());
            spaces.extend(fitting.map(|family| families::space(*family, shape)));
            if spaces.is_empty() {
                return Err(wrong(format!(
                    "no family fits: {}",
                    FAMILIES.iter().find_map(|family| lack(*family)).unwrap_or_default()
                )));
            }
        }
        for name in &self.families {
            let family = known(name)?;
            if !family.takes(shape.task) {
                return Err(wrong(format!("{name} is not for {}", shape.task.as_str())));
            }
            if let Some(lack) = lack(family) {
                return Err(wrong(lack));
            }
            spaces.push(families::space(family, shape));
        }
        for (name, dimension, range) in &self.ranges {
            let family = known(name)?;
            // A range of a family that is not searched is of no use, and of no harm.
            let Some(space) = spaces.iter_mut().find(|space| space.family == *name) else { continue };
            narrow(space, family, dimension, range)?;
            let made = family.estimator(shape.task, Reader(&space.defaults()), 0);
            made.map_err(|error| wrong(format!("{name}: {error}")))?;
        }
        Ok(spaces)
    }
}

fn known(name: &str) -> Result<&'static dyn Family, DataError> {
    families::find(name).ok_or_else(|| {
        let names: Vec<_> = FAMILIES.iter().map(|family| family.name()).collect();
        wrong(format!("there is no family {name:?}: there are {}", names.join(", ")))
    })
}

/// Puts a range in the place of the usual one; a single choice is what the family then always takes.
fn narrow(space: &mut FamilySpace, family: &dyn Family, name: &str, range: &Range) -> Result<(), DataError> {
    let default = match range {
        Range::Int { low, high, .. } => crate::params::Value::Int(i64::midpoint(*low, *high)),
        Range::Real { low, high, log } => crate::params::Value::Real(crate::params::tidy(if *log {
            (low.ln() / 2.0 + high.ln() / 2.0).exp()
        } else {
            f64::midpoint(*low, *high)
        })),
        Range::Choice(choices) => {
            choices.first().cloned().ok_or_else(|| wrong(format!("{}.{name} has no values", space.family)))?
        }
    };
    let is_empty = match range {
        Range::Int { low, high, log } => low > high || (*log && *low < 1),
        Range::Real { low, high, log } => {
            low > high || !low.is_finite() || !high.is_finite() || (*log && *low <= 0.0)
        }
        Range::Choice(_) => false,
    };
    if is_empty {
        return Err(wrong(format!(
            "{}.{name}: low has to be below high, and above 0 with log",
            space.family
        )));
    }
    let mut is_known = false;
    for known in space.dimensions.iter_mut().filter(|dimension| dimension.name == name) {
        known.range = range.clone();
        known.default = default.clone();
        is_known = true;
    }
    if !is_known {
        if !family.further().contains(&name) {
            let names = space.dimensions.iter().map(|dimension| dimension.name.as_str());
            let names: Vec<_> = names.chain(family.further().iter().copied()).collect();
            return Err(wrong(format!("{} has no {name:?}: it has {}", space.family, names.join(", "))));
        }
        space.dimensions.push(Dimension {
            name: name.to_owned(),
            range: range.clone(),
            default,
            only_if: None,
        });
    }
    Ok(())
}

/// A sweep may be resumed from another folder.
fn absolute(data: &str, frame: &Frame) -> String {
    if bundled::find(data).is_some() { data.to_owned() } else { frame.source.clone() }
}

impl Plan {
    /// Whether it can be carried out at all: it may come from a file.
    pub fn check(&self) -> Result<(), DataError> {
        check_parts(self.folds, self.test_size)?;
        let in_grid = self.spaces.iter().map(|space| space.most_in_grid(self.grid_points));
        let in_grid = in_grid.fold(0, usize::saturating_add);
        if self.method == Method::Grid && in_grid > MOST_IN_GRID {
            return Err(wrong(format!(
                "a grid of {in_grid} trials: take fewer --grid-points, or fewer values with --space; {MOST_IN_GRID} is the most"
            )));
        }
        Ok(())
    }

    pub fn score(&self) -> Score {
        let all = scores(self.task);
        all.iter().copied().find(|score| score.name == self.metric).unwrap_or(all[0])
    }

    /// The place of the score that is gone by.
    pub fn metric_at(&self) -> usize {
        scores(self.task).iter().position(|score| score.name == self.metric).unwrap_or(0)
    }

    pub fn search(&self) -> Search {
        Search::new(self.method, self.seed, self.spaces.clone(), self.grid_points)
    }

    /// How many trials can be under way side by side.
    pub fn most_jobs(&self) -> usize {
        most_jobs(self.method, self.prune)
    }

    /// So many as are asked for, or one for each core but one, as far as the plan allows.
    pub fn jobs(&self, asked: Option<usize>) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        asked.unwrap_or(cores.saturating_sub(1)).clamp(1, self.most_jobs())
    }

    /// Trials at most, where that is known.
    pub fn length(&self) -> Option<usize> {
        match (self.search().length(), self.trials) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// Reads the data again, to go on.
    pub fn study(&self) -> Result<Study, DataError> {
        let frame = data::load(&self.data, &self.reading)?;
        let target = Target::new(&frame, &self.target, Some(self.task))?;
        Study::new(frame, target, self.test_size, self.folds, self.seed)
    }

    /// The command that does the same again, wherever it is logged.
    pub fn command(&self) -> String {
        let mut words = vec!["mltui".to_owned(), "sweep".to_owned()];
        let mut flag = |name: &str, value: String| words.push(option(name, &value));
        flag("data", self.data.clone());
        flag("target", self.target.clone());
        flag("task", self.task.as_str().to_owned());
        flag("metric", self.metric.clone());
        for space in &self.spaces {
            flag("family", space.family.clone());
        }
        for (family, name, range) in &self.ranges {
            flag("space", format!("{family}.{name}={range}"));
        }
        flag("method", format!("{:?}", self.method).to_lowercase());
        if self.method == Method::Grid {
            flag("grid-points", self.grid_points.to_string());
        }
        if let Some(trials) = self.trials {
            flag("trials", trials.to_string());
        }
        if let Some(seconds) = self.seconds {
            flag("time", format!("{seconds}s"));
        }
        flag("folds", self.folds.to_string());
        flag("test-size", self.test_size.to_string());
        flag("seed", self.seed.to_string());
        flag("models", format!("{:?}", self.models).to_lowercase());
        for name in &self.reading.categorical {
            flag("categorical", name.clone());
        }
        for name in &self.reading.ignored {
            flag("ignore", name.clone());
        }
        if let Some(separator) = self.reading.separator {
            flag("separator", char::from(separator).to_string());
        }
        if let Some(mark) = self.reading.decimal {
            flag("decimal", mark.character().to_string());
        }
        if self.reading.no_header {
            words.push("--no-header".to_owned());
        }
        words.push(if self.prune { "--prune" } else { "--no-prune" }.to_owned());
        words.join(" ")
    }
}

/// An option of a command with its value. One that looks like an option itself is tied to it.
pub fn option(name: &str, value: &str) -> String {
    format!("--{name}{}{}", if value.starts_with('-') { '=' } else { ' ' }, quoted(value))
}
