//! What a sweep of a script could search, by the runs that the script has logged: params that differ between them, with ranges
//! that fit what was seen.

use crate::params::{ParamValue, Range, tidy};
use crate::sweep::objective::command::dimensions;

/// Different words of a param that are choices; of more it is a name, a path, or a text.
const MOST_CHOICES: usize = 8;
/// From this ratio of the greatest to the least on a range is searched by its logarithm.
const DECADES: f64 = 100.0;
/// Around a run so much of a range is searched to either side of its value.
const AROUND: f64 = 0.25;
/// Params of a run that are tried around it where nothing ever varied, at most.
const MOST_ALONE: usize = 12;

/// What is known of a param: its value in the run, and those in all runs of the script.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SeenParam {
    /// Its name.
    pub name: String,
    /// In the run itself.
    pub own: Option<String>,
    /// In all of them, that of the run too; what is used most comes first.
    pub values: Vec<String>,
}

/// What could be searched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SearchGuess {
    /// As it is written on a command line: `lr=1e-5..0.1:log`.
    pub params: Vec<String>,
    /// What the first trial takes.
    pub start: Option<String>,
}

impl SearchGuess {
    /// Of all that varied, over all that was seen.
    pub fn of_all(seen: &[SeenParam]) -> Self {
        Self::of(seen.iter().filter_map(|param| Some((param, range(&param.values)?))))
    }

    /// Of all that varied, around the values of the run; of a run whose params never varied, around those that are numbers.
    pub fn around(seen: &[SeenParam]) -> Self {
        let varied = seen.iter().filter_map(|param| {
            let (all, own) = (range(&param.values)?, param.own.as_deref()?);
            Some((param, near(&all, own)?))
        });
        let varied = Self::of(varied);
        if !varied.params.is_empty() || seen.len() > MOST_ALONE {
            return varied;
        }
        Self::of(seen.iter().filter_map(|param| Some((param, alone(param.own.as_deref()?)?))))
    }

    /// Takes what can be written: a name may be none that a command line has.
    fn of<'a>(found: impl Iterator<Item = (&'a SeenParam, Range)>) -> Self {
        let mut guess = Self::default();
        let mut start: Vec<String> = Vec::new();
        for (param, range) in found {
            guess.params.push(format!("{}={range}", param.name));
            if dimensions(&guess.params, None).is_err() {
                guess.params.pop();
                continue;
            }
            let is_one = matches!(&range, Range::Choice(choices) if choices.len() < 2);
            let own = param.own.as_ref().filter(|own| !is_one && !own.contains([',', '=']));
            if let Some(own) = own {
                start.push(format!("{}={own}", param.name));
                if dimensions(&guess.params, Some(&start.join(","))).is_err() {
                    start.pop();
                }
            }
        }
        guess.start = (!start.is_empty()).then(|| start.join(","));
        guess
    }
}

/// The range that fits these values; none where they are all the same, or no choice.
fn range(values: &[String]) -> Option<Range> {
    let mut distinct: Vec<&str> = Vec::new();
    for value in values {
        if !distinct.contains(&value.as_str()) {
            distinct.push(value);
        }
    }
    if distinct.len() < 2 {
        return None;
    }
    let whole: Option<Vec<i64>> = distinct.iter().map(|value| value.parse().ok()).collect();
    if let Some(whole) = whole {
        let (low, high) = (*whole.iter().min()?, *whole.iter().max()?);
        return Some(Range::Int { low, high, log: low >= 1 && high as f64 / low as f64 >= DECADES });
    }
    let number = |value: &&str| value.parse().ok().filter(|number: &f64| number.is_finite());
    let real: Option<Vec<f64>> = distinct.iter().map(number).collect();
    if let Some(real) = real {
        let low = real.iter().copied().fold(f64::INFINITY, f64::min);
        let high = real.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        return (low < high).then_some(Range::Real { low, high, log: low > 0.0 && high / low >= DECADES });
    }
    let is_choice = |value: &&str| !value.is_empty() && !value.contains(',') && value.trim() == *value;
    if distinct.len() > MOST_CHOICES || !distinct.iter().all(is_choice) {
        return None;
    }
    Some(Range::Choice(distinct.into_iter().map(|word| ParamValue::Text(word.to_owned())).collect()))
}

/// The part of a range around a value.
fn near(range: &Range, own: &str) -> Option<Range> {
    match *range {
        Range::Int { low, high, log } => {
            let own: i64 = own.parse().ok()?;
            let (from, to) = if log {
                let by = (high as f64 / low as f64).powf(AROUND);
                ((own as f64 / by).round() as i64, (own as f64 * by).round() as i64)
            } else {
                let by = (((high - low) as f64 * AROUND).round() as i64).max(1);
                (own.saturating_sub(by), own.saturating_add(by))
            };
            // What was never below 0 or 1 hardly means anything there.
            let least = if low >= 1 { 1 } else { low.min(0) };
            Some(Range::Int { low: from.max(least).min(own), high: to.max(own + 1), log })
        }
        Range::Real { low, high, log } => {
            let own: f64 = own.parse().ok()?;
            let (from, to) = if log {
                let by = (high / low).powf(AROUND);
                (own / by, own * by)
            } else {
                let by = (high - low) * AROUND;
                (own - by, own + by)
            };
            let (mut from, mut to) = (tidy(from), tidy(to));
            // A share stays one, and what was never negative never is.
            if low >= 0.0 && !log {
                from = from.max(0.0);
                if high <= 1.0 {
                    to = to.min(1.0);
                }
            }
            let (from, to) = (from.min(own), to.max(own));
            (from < to).then_some(Range::Real { low: from, high: to, log })
        }
        Range::Choice(_) => Some(Range::Choice(vec![ParamValue::Text(own.to_owned())])),
        Range::IntSteps { .. } | Range::RealSteps { .. } => None,
    }
}

/// A range around a number of which no other value was ever seen.
fn alone(own: &str) -> Option<Range> {
    if let Ok(own) = own.parse::<i64>() {
        return (own > 1).then_some(Range::Int {
            low: own.div_euclid(2).max(1),
            high: own.saturating_mul(2),
            log: false,
        });
    }
    let own: f64 = own.parse().ok().filter(|own: &f64| own.is_finite() && *own > 0.0)?;
    Some(Range::Real { low: tidy(own / 3.0).min(own), high: tidy(own * 3.0).max(own), log: true })
}

/// What is logged of where a run came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoggedSource {
    /// A path, or the address of a project.
    pub name: String,
    /// `LOCAL`, `PROJECT`, `NOTEBOOK`.
    pub kind: String,
    /// Of a project.
    pub entry_point: Option<String>,
}

impl LoggedSource {
    /// The command that does the same again, with places for these params; none where no command did it.
    pub fn command(&self, params: &[String]) -> Option<Vec<String>> {
        let word = |word: &str| word.to_owned();
        if self.kind == "PROJECT" {
            let mut words = vec![word("mlflow"), word("run"), self.name.clone()];
            if let Some(entry) = self.entry_point.as_deref().filter(|entry| *entry != "main") {
                words.extend([word("-e"), word(entry)]);
            }
            let names = params.iter().filter_map(|param| Some(param.split_once('=')?.0));
            words.extend(names.flat_map(|name| [word("-P"), format!("{name}={{{name}}}")]));
            return Some(words);
        }
        let is_notebook = self.kind == "NOTEBOOK"
            || ending(&self.name) == "ipynb"
            || ["ipykernel_launcher", "colab_kernel_launcher"].iter().any(|name| self.name.contains(name));
        if self.name.is_empty() || is_notebook {
            return None;
        }
        // A name that a brace stands in is none of a place.
        let script = self.name.replace('{', "{{").replace('}', "}}");
        let program = match ending(&self.name) {
            "py" => Some("python"),
            "R" | "r" => Some("Rscript"),
            "sh" => Some("bash"),
            "jl" => Some("julia"),
            "js" => Some("node"),
            _ => None,
        };
        Some(program.map(str::to_owned).into_iter().chain([script]).collect())
    }
}

/// What stands behind the last dot.
fn ending(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(name: &str, own: &str, values: &[&str]) -> SeenParam {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        SeenParam { name: name.into(), own: Some(own.into()), values }
    }

    fn some() -> Vec<SeenParam> {
        vec![
            seen("lr", "0.003", &["1e-4", "0.003", "0.1"]),
            seen("depth", "7", &["3", "7", "12"]),
            seen("batch", "64", &["8", "64", "1024"]),
            seen("opt", "sgd", &["adam", "sgd", "adam"]),
            seen("dropout", "0.5", &["0.0", "0.5"]),
            seen("epochs", "20", &["20", "20"]),
            seen("data", "/a/3", &["/a/1", "/a/2", "/a/3", "b", "c", "d", "e", "f", "g"]),
            seen("class weight", "1", &["1", "2"]),
        ]
    }

    #[test]
    fn what_varied_is_searched_over_what_was_seen() {
        let guess = SearchGuess::of_all(&some());
        let params =
            ["lr=0.0001..0.1:log", "depth=3..12", "batch=8..1024:log", "opt=adam,sgd", "dropout=0.0..0.5"];
        assert_eq!(guess.params, params);
        assert_eq!(guess.start.as_deref(), Some("lr=0.003,depth=7,batch=64,opt=sgd,dropout=0.5"));
    }

    #[test]
    fn around_a_run_ranges_are_narrower_and_begin_with_its_values() {
        let guess = SearchGuess::around(&some());
        let params = [
            "lr=0.0005335..0.01687:log",
            "depth=5..9",
            "batch=19..215:log",
            "opt=sgd",
            "dropout=0.375..0.625",
        ];
        assert_eq!(guess.params, params);
        assert_eq!(guess.start.as_deref(), Some("lr=0.003,depth=7,batch=64,dropout=0.5"));
        assert!(dimensions(&guess.params, guess.start.as_deref()).is_ok());
        // At the ends of what was seen.
        let ends =
            [seen("p", "1.0", &["0.0", "1.0"]), seen("n", "1", &["1", "50"]), seen("z", "0", &["0", "4"])];
        assert_eq!(SearchGuess::around(&ends).params, ["p=0.75..1.0", "n=1..13", "z=0..1"]);
        let one = [seen("lr", "0.01", &["0.01"]), seen("depth", "6", &["6"]), seen("opt", "adam", &["adam"])];
        assert_eq!(SearchGuess::of_all(&one).params, [""; 0]);
        assert_eq!(SearchGuess::around(&one).params, ["lr=0.003333..0.03:log", "depth=3..12"]);
    }

    #[test]
    fn a_source_is_a_command() {
        let source =
            |name: &str, kind: &str| LoggedSource { name: name.into(), kind: kind.into(), entry_point: None };
        let command =
            |source: &LoggedSource| source.command(&["lr=1..2".into()]).map(|words| words.join(" "));
        assert_eq!(command(&source("src/train.py", "LOCAL")).as_deref(), Some("python src/train.py"));
        assert_eq!(command(&source("fit.R", "LOCAL")).as_deref(), Some("Rscript fit.R"));
        assert_eq!(command(&source("./bin/train", "LOCAL")).as_deref(), Some("./bin/train"));
        assert_eq!(command(&source("/x/ipykernel_launcher.py", "LOCAL")), None);
        assert_eq!(command(&source("a.ipynb", "NOTEBOOK")), None);
        let project = LoggedSource { entry_point: Some("fit".into()), ..source("/p", "PROJECT") };
        assert_eq!(command(&project).as_deref(), Some("mlflow run /p -e fit -P lr={lr}"));
    }
}
