//! A sweep before it begins: what to train on, what to predict, what to try, and for how long.

pub mod command;
pub mod complete;
pub mod effects;
pub mod update;
pub mod view;

use complete::{Offers, folder_of, rest};

use crate::learn::data::Task;
use crate::learn::families::{self, FAMILIES};
use crate::sweep::engine::pruner::PruneRule;
use crate::sweep::engine::rules::{MOST_JOBS, most_jobs};
use crate::sweep::executor_plan::{ExecutorPlan, SlurmOptions};
use crate::sweep::objective::tabular::KeptModels;
use crate::sweep::request::{FOLDS, SEED, SweepRequest, TEST_SIZE, TRIALS};
use crate::sweep::search::Method;
use crate::text::names;
use crate::tui::core::remote::Remote;
use crate::tui::widgets::input::{Input, Room, cursor, insert};

/// A line of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormField {
    Data,
    Target,
    /// The decimal mark of a CSV file.
    Decimal,
    /// Columns that are not read.
    Ignore,
    Task,
    Metric,
    Families,
    Method,
    Trials,
    Time,
    Folds,
    /// How often the folds are dealt anew.
    Repeats,
    TestSize,
    /// The column in whose order rows train and test.
    TimeColumn,
    /// The column whose groups stay whole.
    GroupColumn,
    /// The column that says how much each row counts.
    WeightColumn,
    ClassWeight,
    Pruner,
    Seed,
    Jobs,
    /// Whether a last trial averages the best of each family.
    Ensemble,
    Models,
    Executor,
}

pub const FIELDS: [FormField; 23] = [
    FormField::Data,
    FormField::Target,
    FormField::Decimal,
    FormField::Ignore,
    FormField::Task,
    FormField::Metric,
    FormField::Families,
    FormField::Method,
    FormField::Trials,
    FormField::Time,
    FormField::Folds,
    FormField::Repeats,
    FormField::TestSize,
    FormField::TimeColumn,
    FormField::GroupColumn,
    FormField::WeightColumn,
    FormField::ClassWeight,
    FormField::Pruner,
    FormField::Seed,
    FormField::Jobs,
    FormField::Ensemble,
    FormField::Models,
    FormField::Executor,
];

impl FormField {
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Target => "target",
            Self::Decimal => "decimal",
            Self::Ignore => "ignore",
            Self::Task => "task",
            Self::Metric => "metric",
            Self::Families => "families",
            Self::Method => "method",
            Self::Trials => "trials",
            Self::Time => "time",
            Self::Folds => "folds",
            Self::Repeats => "repeats",
            Self::TestSize => "test size",
            Self::TimeColumn => "time column",
            Self::GroupColumn => "group column",
            Self::WeightColumn => "weight column",
            Self::ClassWeight => "class weight",
            Self::Pruner => "pruner",
            Self::Seed => "seed",
            Self::Jobs => "jobs",
            Self::Ensemble => "ensemble",
            Self::Models => "models",
            Self::Executor => "executor",
        }
    }

    /// What an empty line stands for, or what can stand in it.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Data => {
                "a CSV, TSV, JSON lines, Parquet or Arrow file, or wine-quality, iris, diabetes, breast-cancer"
            }
            Self::Target => "the column to predict",
            Self::Decimal => "the decimal separator of a CSV file, . or , (detected by default)",
            Self::Ignore => "columns to ignore, comma-separated",
            Self::Task => "regression or classification; inferred from the target by default",
            Self::Metric => {
                "rmse, mae, r2, mape; accuracy, f1_macro, log_loss, roc_auc; any of scikit-learn's"
            }
            Self::Families => "all that suit the data by default; or names, comma-separated",
            Self::Method => "tpe, random, sobol or grid",
            Self::Trials => "20",
            Self::Time => "no limit by default; 90s, 10m, 2h",
            Self::Folds => "5",
            Self::Repeats => "1; how often rows are dealt to folds anew",
            Self::TestSize => "0.2; the part of the rows that tests the models, from 0.01 to 0.9",
            Self::TimeColumn => "none; a column of times, to train on the past and score what follows",
            Self::GroupColumn => "none; a column whose groups stay whole",
            Self::WeightColumn => "none; a column that says how much each row counts in a fit",
            Self::ClassWeight => "none; balanced, or weights such as yes=5,no=1",
            Self::Pruner => "median, but for a grid none; or asha, none",
            Self::Seed => "1",
            Self::Jobs => "all cores but one by default",
            Self::Ensemble => "no; yes ends with a trial that averages the best of several families",
            Self::Models => "all, or the best only",
            Self::Executor => "local, or slurm partition=cpu time=2:00:00; slurm alone as configured",
        }
    }
}

/// Options of the command line that the form has no line for; whether they are settings too.
const WITHOUT_LINE: [(&str, bool); 7] = [
    ("--categorical", true),
    ("--no-header", true),
    ("--separator", true),
    ("--space", true),
    ("--grid-points", false),
    ("--min-steps", false),
    ("--reduction", false),
];

/// Puts something in the place of an option: of a word of its own, and not of a part of a name.
fn put_for(words: &str, option: &str, put: &str) -> String {
    let (mut done, mut from) = (String::with_capacity(words.len()), 0);
    for (at, _) in words.match_indices(option) {
        let behind = at + option.len();
        let begins = words[..at].chars().next_back().is_none_or(char::is_whitespace);
        let goes_on = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        if begins && !words[behind..].starts_with(goes_on) {
            done.push_str(&words[from..at]);
            done.push_str(put);
            from = behind;
        }
    }
    done + &words[from..]
}

/// What is wrong with a plan, where the command line's options are lines of the form.
pub fn of_lines(words: &str) -> String {
    let option = |field: &FormField| match field {
        FormField::Families => "--family".to_owned(),
        FormField::Pruner => "--prune".to_owned(),
        field => format!("--{}", field.name().replace(' ', "-")),
    };
    let told = FIELDS.iter().fold(words.to_owned(), |words, field| {
        let (option, name) = (option(field), field.name());
        let words = put_for(&words, &format!("pass {option}"), &format!("fill in {name}"));
        put_for(&words, &option, name)
    });
    let is_in = |option: &str| put_for(&told, option, "") != told;
    let mut without = WITHOUT_LINE.iter().filter(|(option, _)| is_in(option)).peekable();
    if without.peek().is_none() || told.contains("config file") {
        told
    } else if without.all(|(_, is_setting)| *is_setting) {
        format!("{told} (on the command line, or in [sweep] of the config file)")
    } else {
        format!("{told} (on the command line)")
    }
}

#[derive(Debug)]
pub struct PlanForm {
    pub at: usize,
    inputs: Vec<Input>,
    /// What the form does not show stays as it was.
    base: SweepRequest,
    /// What is asked of Slurm where nobody says.
    slurm: SlurmOptions,
    /// How its lines may go on.
    pub offers: Offers,
    /// What the data come to, or what is wrong.
    pub check: Remote<String, String>,
    /// The sweep was asked for and has not begun yet.
    pub is_starting: bool,
}

impl PlanForm {
    pub fn new(request: &SweepRequest, jobs: Option<usize>, slurm: &SlurmOptions) -> Self {
        let number = |value: Option<usize>| value.map_or(String::new(), |value| value.to_string());
        let text = |field: FormField| match field {
            FormField::Data => request.data.clone(),
            FormField::Target => request.target.clone().unwrap_or_default(),
            FormField::Decimal => {
                request.reading.decimal.map_or(String::new(), |mark| mark.character().to_string())
            }
            FormField::Ignore => names::written(&request.reading.ignored),
            FormField::Task => request.task.map_or(String::new(), |task| task.as_str().to_owned()),
            FormField::Metric => request.metric.clone().unwrap_or_default(),
            FormField::Families => request.families.join(", "),
            FormField::Method => match request.method {
                Method::Tpe => String::new(),
                Method::Random => "random".into(),
                Method::Sobol => "sobol".into(),
                Method::Grid => "grid".into(),
            },
            FormField::Trials => number(request.trials.filter(|trials| *trials != TRIALS)),
            FormField::Time => request.seconds.map_or(String::new(), |seconds| format!("{seconds}s")),
            FormField::Folds => number(request.folds.filter(|folds| *folds != FOLDS)),
            FormField::Repeats => number(request.repeats.filter(|repeats| *repeats != 1)),
            FormField::TestSize => request
                .test_size
                .filter(|size| *size != TEST_SIZE)
                .map_or(String::new(), |size| size.to_string()),
            FormField::TimeColumn => request.time_column.clone().unwrap_or_default(),
            FormField::GroupColumn => request.group_column.clone().unwrap_or_default(),
            FormField::WeightColumn => request.weight_column.clone().unwrap_or_default(),
            FormField::ClassWeight => {
                request.class_weight.as_ref().map_or(String::new(), ToString::to_string)
            }
            FormField::Pruner => match (request.prune, request.prune_rule) {
                (Some(false), _) => "none".into(),
                (Some(true), rule) => rule.unwrap_or(PruneRule::Median).as_str().into(),
                (None, Some(PruneRule::Asha)) => PruneRule::Asha.as_str().into(),
                (None, Some(PruneRule::Median) | None) => String::new(),
            },
            FormField::Seed => {
                request.seed.filter(|seed| *seed != SEED).map_or(String::new(), |seed| seed.to_string())
            }
            FormField::Jobs => number(jobs),
            FormField::Ensemble => {
                if request.ensemble {
                    "yes".into()
                } else {
                    String::new()
                }
            }
            FormField::Models => match request.models {
                KeptModels::All => String::new(),
                KeptModels::Best => "best".into(),
            },
            FormField::Executor => request.executor.written(slurm),
        };
        let inputs = FIELDS.iter().map(|field| Input::new(text(*field))).collect();
        Self {
            at: 0,
            inputs,
            base: request.clone(),
            slurm: slurm.clone(),
            offers: Offers::default(),
            check: Remote::default(),
            is_starting: false,
        }
    }

    pub fn field(&self) -> FormField {
        FIELDS[self.at]
    }

    pub fn input(&self, field: FormField) -> &Input {
        let at = FIELDS.iter().position(|known| *known == field).unwrap_or(0);
        &self.inputs[at]
    }

    pub fn current(&mut self) -> &mut Input {
        &mut self.inputs[self.at]
    }

    /// Puts in what the line would go on with.
    pub fn complete(&mut self) {
        if let Some(rest) = self.rest() {
            insert(self.current(), &rest, Room::Line);
            self.check.forget();
        }
    }

    /// How the line with the cursor would go on, if the cursor stands at its end.
    pub fn rest(&self) -> Option<String> {
        let input = &self.inputs[self.at];
        let is_at_end = cursor(input) == input.value().len();
        rest(self.field(), input.value(), &self.offers).filter(|_| is_at_end)
    }

    /// The folder to be listed so that the line of the data can go on, if it is another than before.
    pub fn wanted_folder(&mut self) -> Option<String> {
        let folder = folder_of(self.input(FormField::Data).value()).to_owned();
        if self.field() != FormField::Data || self.offers.folder.as_ref() == Some(&folder) {
            return None;
        }
        self.offers.entries.clear();
        self.offers.folder = Some(folder.clone());
        Some(folder)
    }

    /// To the next line, or to the one before.
    pub fn go(&mut self, is_next: bool) {
        let by = if is_next { 1 } else { FIELDS.len() - 1 };
        self.at = (self.at + by) % FIELDS.len();
    }

    fn value(&self, field: FormField) -> Option<&str> {
        Some(self.input(field).value().trim()).filter(|text| !text.is_empty())
    }

    fn number<T: std::str::FromStr>(&self, field: FormField) -> Result<Option<T>, String> {
        let Some(text) = self.value(field) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| format!("{}: {text:?} is not an integer", field.name()))
    }

    /// What the form asks for, and how many jobs; or what is wrong with a line.
    pub fn request(&self) -> Result<(SweepRequest, Option<usize>), String> {
        let mut request = self.base.clone();
        let data = self.value(FormField::Data).ok_or("data: missing")?;
        data.clone_into(&mut request.data);
        request.target = self.value(FormField::Target).map(str::to_owned);
        let mark = self.value(FormField::Decimal).map(str::parse).transpose();
        request.reading.decimal = mark.map_err(|error: String| format!("decimal: {error}"))?;
        let ignored = names::read(self.value(FormField::Ignore).unwrap_or_default());
        request.reading.ignored = ignored.map_err(|error| format!("ignore: {error}"))?;
        if request.target.as_ref().is_some_and(|target| request.reading.ignored.contains(target)) {
            return Err("ignore: the target is among these columns".into());
        }
        request.task = match self.value(FormField::Task) {
            None => None,
            Some("regression") => Some(Task::Regression),
            Some("classification") => Some(Task::Classification),
            Some(other) => return Err(format!("task: expected regression or classification, not {other:?}")),
        };
        request.metric = self.value(FormField::Metric).map(str::to_owned);
        let names = self.value(FormField::Families).unwrap_or_default();
        request.families =
            names.split([',', ' ']).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if let Some(name) = request.families.iter().find(|name| families::find(name).is_none()) {
            let known: Vec<_> = FAMILIES.iter().map(|family| family.name()).collect();
            let meant = families::suggestion(name);
            return Err(format!("families: no {name:?}{meant}; families are {}", known.join(", ")));
        }
        request.method = match self.value(FormField::Method) {
            None | Some("tpe") => Method::Tpe,
            Some("random") => Method::Random,
            Some("sobol") => Method::Sobol,
            Some("grid") => Method::Grid,
            Some(other) => return Err(format!("method: expected tpe, random, sobol or grid, not {other:?}")),
        };
        request.trials = self.number(FormField::Trials)?;
        request.seconds = match self.value(FormField::Time) {
            None => None,
            Some(text) => {
                Some(crate::sweep::request::seconds(text).map_err(|error| format!("time: {error}"))?)
            }
        };
        request.folds = self.number(FormField::Folds)?;
        request.repeats = self.number(FormField::Repeats)?;
        request.test_size = match self.value(FormField::TestSize).map(str::parse) {
            None => None,
            Some(Ok(size)) => Some(size),
            Some(Err(_)) => return Err("test size: a fraction from 0.01 to 0.9".into()),
        };
        request.time_column = self.value(FormField::TimeColumn).map(str::to_owned);
        request.group_column = self.value(FormField::GroupColumn).map(str::to_owned);
        if request.time_column.is_some() && request.group_column.is_some() {
            return Err("group column: not beside a time column, whose order divides groups".into());
        }
        request.weight_column = self.value(FormField::WeightColumn).map(str::to_owned);
        let class_weight = self.value(FormField::ClassWeight).map(str::parse).transpose();
        request.class_weight = class_weight.map_err(|error: String| format!("class weight: {error}"))?;
        (request.prune, request.prune_rule) = match self.value(FormField::Pruner) {
            None => (None, None),
            Some("median") => (Some(true), Some(PruneRule::Median)),
            Some("asha") => (Some(true), Some(PruneRule::Asha)),
            Some("none") => (Some(false), None),
            Some(other) => return Err(format!("pruner: expected median, asha or none, not {other:?}")),
        };
        request.seed = self.number(FormField::Seed)?;
        request.ensemble = match self.value(FormField::Ensemble) {
            None | Some("no") => false,
            Some("yes") => true,
            Some(other) => return Err(format!("ensemble: expected yes or no, not {other:?}")),
        };
        request.models = match self.value(FormField::Models) {
            None | Some("all") => KeptModels::All,
            Some("best") => KeptModels::Best,
            Some(other) => return Err(format!("models: expected all or best, not {other:?}")),
        };
        let executor = self.value(FormField::Executor).unwrap_or_default();
        request.executor =
            ExecutorPlan::read(executor, &self.slurm).map_err(|error| format!("executor: {error}"))?;
        let jobs: Option<usize> = self.number(FormField::Jobs)?;
        let most = most_jobs(request.method, request.prunes());
        if jobs.is_some_and(|jobs| !(1..=most).contains(&jobs)) {
            let why = if most == MOST_JOBS { "" } else { ", as tpe and pruning learn from earlier trials" };
            return Err(format!("jobs: 1 to {most}{why}"));
        }
        if request.trials == Some(0) {
            return Err("trials: at least 1".into());
        }
        Ok((request, jobs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::weights::ClassWeight;

    #[test]
    fn what_is_wrong_is_told_by_the_lines_of_the_form() {
        for (words, told) in [
            (
                "no target given; pass --target with a column of t: a",
                "no target given; fill in target with a column of t: a",
            ),
            (
                "--time-column and --group-column exclude each other",
                "time column and group column exclude each other",
            ),
            ("use 3 --folds or fewer", "use 3 folds or fewer"),
            ("drop --weight-column and --class-weight", "drop weight column and class weight"),
            (
                "pass --categorical id",
                "pass --categorical id (on the command line, or in [sweep] of the config file)",
            ),
            (
                "--space svm.C=0..1: x",
                "--space svm.C=0..1: x (on the command line, or in [sweep] of the config file)",
            ),
            ("--min-steps 0: use at least 1", "--min-steps 0: use at least 1 (on the command line)"),
            ("no file my--data.csv", "no file my--data.csv"),
            ("no column \"--time\"; pass --time-column", "no column \"--time\"; fill in time column"),
            ("--folds-of-it, --datax and --seeds", "--folds-of-it, --datax and --seeds"),
        ] {
            assert_eq!(of_lines(words), told);
        }
    }

    #[test]
    fn all_that_is_asked_for_has_a_line() {
        let request = SweepRequest {
            data: "t.csv".into(),
            weight_column: Some("w".into()),
            class_weight: Some(ClassWeight::Balanced),
            prune: Some(true),
            prune_rule: Some(PruneRule::Asha),
            ..SweepRequest::default()
        };
        let mut form = PlanForm::new(&request, None, &SlurmOptions::default());
        let asked = |form: &PlanForm| {
            let (asked, _) = form.request()?;
            Ok::<_, String>((asked.weight_column, asked.class_weight, asked.prune, asked.prune_rule))
        };
        let (weight, class) = (request.weight_column.clone(), request.class_weight.clone());
        assert_eq!(asked(&form), Ok((weight, class, Some(true), Some(PruneRule::Asha))));
        let mut put = |field: FormField, text: &str| {
            form.at = FIELDS.iter().position(|known| *known == field).unwrap();
            *form.current() = Input::new(text.to_owned());
            asked(&form)
        };
        assert!(put(FormField::WeightColumn, "").is_ok());
        assert!(put(FormField::ClassWeight, "heavy").unwrap_err().starts_with("class weight: "));
        assert_eq!(put(FormField::ClassWeight, ""), Ok((None, None, Some(true), Some(PruneRule::Asha))));
        assert_eq!(put(FormField::Pruner, "none"), Ok((None, None, Some(false), None)));
        assert!(put(FormField::Pruner, "halving").unwrap_err().contains("median, asha or none"));
        assert_eq!(put(FormField::Pruner, ""), Ok((None, None, None, None)));
    }
}
