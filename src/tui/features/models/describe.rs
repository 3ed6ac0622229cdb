//! What there is to say of a model or a version, in lines.

use super::screen::ModelsScreen;
use crate::files::{ModelFolder, ModelLine, summary};
use crate::mlflow::filter::same_number;
use crate::mlflow::{LoggedModel, ModelVersion, RegisteredModel, Tag, tags};
use crate::promotion::is_of_log;
use crate::registry::{badges, point_table};
use crate::select::Goal;
use crate::store::StoreError;
use crate::text;

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What matters, and the beginning of a description, where other things are to be seen too.
    Short,
    /// All but a description, which is shown by itself.
    Whole,
}

/// Values and params that are told.
const MOST: usize = 200;
/// Characters and lines of a description's beginning.
const BEGINNING: (usize, usize) = (240, 3);

/// A key and what is said of it; a heading has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldLine {
    pub key: &'static str,
    pub value: String,
    pub role: ToldRole,
}

/// How a line is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ToldRole {
    #[default]
    Plain,
    /// Bad news.
    Bad,
    /// The titles of a table, and a row of one: it is cut, and not wrapped.
    Title,
    Row,
}

fn line(key: &'static str, value: impl Into<String>) -> ToldLine {
    ToldLine { key, value: value.into(), role: ToldRole::Plain }
}

fn bad(key: &'static str, value: impl Into<String>) -> ToldLine {
    ToldLine { role: ToldRole::Bad, ..line(key, value) }
}

fn time(time: Option<i64>, now: i64) -> String {
    time.map_or("-".into(), |ms| {
        format!("{} ({} ago)", text::timestamp(ms), text::span(now.saturating_sub(ms)))
    })
}

/// The beginning of a description in lines; the first stands beside its key.
fn described(text: &str, extent: Extent, lines: &mut Vec<ToldLine>) {
    if extent == Extent::Whole {
        return;
    }
    let (letters, most) = BEGINNING;
    let text = text.trim_end();
    let short: String = text.chars().take(letters).collect();
    let is_cut = short.len() < text.len() || short.lines().count() > most;
    let mut key = "description";
    for words in short.lines().take(most) {
        lines.push(line(key, words));
        key = "";
    }
    if let Some(last) = lines.last_mut().filter(|_| is_cut) {
        last.value.push_str(" …");
    }
}

fn tagged(all: &[Tag], lines: &mut Vec<ToldLine>) {
    let mut key = "tags";
    let told = all.iter().filter(|tag| !is_of_log(&tag.key));
    // The user's own first.
    let (system, own): (Vec<&Tag>, Vec<&Tag>) = told.partition(|tag| tags::is_system(&tag.key));
    for tag in own.into_iter().chain(system) {
        lines.push(line(key, format!("{} = {}", tag.key, tag.value.lines().next().unwrap_or_default())));
        key = "";
    }
}

/// What the files of a version say of it.
fn of_files(folder: Option<Result<&ModelFolder, &StoreError>>, extent: Extent, lines: &mut Vec<ToldLine>) {
    match (folder, extent) {
        (None, _) => {}
        (Some(Err(error)), _) => {
            lines.push(bad("files", error.to_string()));
        }
        (Some(Ok(folder)), Extent::Whole) => lines.extend(folder.lines().into_iter().map(of_folder)),
        (Some(Ok(folder)), Extent::Short) => {
            lines.extend(folder.file.iter().flat_map(summary).map(of_folder));
        }
    }
}

fn of_folder(told: ModelLine) -> ToldLine {
    let role = match (told.is_bad, told.is_title) {
        (true, _) => ToldRole::Bad,
        (false, true) => ToldRole::Title,
        (false, false) if told.key.is_empty() => ToldRole::Row,
        (false, false) => ToldRole::Plain,
    };
    ToldLine { key: told.key, value: told.value, role }
}

/// What a logged model says of itself: its params, and its metrics by data set and step.
fn of_model(model: &LoggedModel, lines: &mut Vec<ToldLine>) {
    let mut key = "model params";
    for param in &model.params {
        lines.push(line(key, format!("{} = {}", param.key, param.value)));
        key = "";
    }
    let mut key = "model metrics";
    let mut role = ToldRole::Title;
    for point in point_table(&model.metrics) {
        lines.push(ToldLine { role, ..line(key, point.words) });
        (key, role) = ("", ToldRole::Row);
    }
}

/// How a value stands to the champion's, in words for a person: whether it is better, and by how much.
pub fn is_better(difference: f64, goal: Goal) -> Option<bool> {
    match (goal, difference) {
        (_, difference) if difference == 0.0 || difference.is_nan() => None,
        (Goal::Minimize, difference) => Some(difference < 0.0),
        (Goal::Maximize, difference) => Some(difference > 0.0),
    }
}

/// A difference with its sign.
pub fn signed(difference: f64) -> String {
    if difference > 0.0 { format!("+{}", text::number(difference)) } else { text::number(difference) }
}

/// The same as lines to be read one after the other.
pub fn in_lines(told: Vec<ToldLine>) -> Vec<String> {
    let width = told.iter().map(|line| line.key.len()).max().unwrap_or(0);
    told.into_iter().map(|line| format!("{:width$}  {}", line.key, line.value)).collect()
}

/// All of a model.
pub fn model(model: &RegisteredModel, extent: Extent, now: i64) -> Vec<ToldLine> {
    let mut lines = Vec::new();
    let newest = model.newest_version().map_or("none yet".into(), |version| format!("newest v{version}"));
    let count = model.version_count.map_or(newest.clone(), |count| match count {
        0 => "none yet".into(),
        1 => newest.clone(),
        count => format!("{}, {newest}", text::count(count as usize)),
    });
    lines.push(line("versions", count));
    let mut key = "aliases";
    for (alias, version) in &model.aliases {
        lines.push(line(key, format!("{} v{version}", badges(std::slice::from_ref(alias)))));
        key = "";
    }
    let stages = model.latest.iter().filter(|(stage, _)| !matches!(stage.as_str(), "" | "None"));
    let stages: Vec<String> = stages.map(|(stage, version)| format!("{stage} v{version}")).collect();
    if !stages.is_empty() {
        lines.push(line("stages", stages.join(", ")));
    }
    described(&model.description, extent, &mut lines);
    tagged(&model.tags, &mut lines);
    lines.push(line("created", time(model.creation_time, now)));
    lines.push(line("changed", time(model.last_updated_time, now)));
    lines
}

/// All of a version. `experiment` is the name of the one that its run is in.
pub fn version(
    screen: &ModelsScreen,
    version: &ModelVersion,
    champion: &str,
    experiment: &str,
    extent: Extent,
    now: i64,
) -> Vec<ToldLine> {
    let mut lines = Vec::new();
    if version.status != "READY" {
        let words = format!("{} {}", version.status, version.status_message);
        lines.push(bad("status", words));
    }
    let origin = screen.origins.get(&version.version);
    match (&version.run_id, origin.map(|origin| &origin.run)) {
        (None, _) => lines.push(line("run", "none")),
        (Some(id), None) => lines.push(line("run", id.as_str())),
        (Some(id), Some(None)) => {
            lines.push(bad("run", format!("{id}, which is gone")));
        }
        (Some(id), Some(Some(run))) => {
            lines.push(line("run", format!("{} in {experiment} ({id})", run.run_name)));
        }
    }
    if let Some(goal) = &screen.goal {
        let value = screen.value(version.version);
        let mut words = value.map_or("-".into(), text::number);
        let champion_version = screen.aliased(champion);
        if let Some(of) = champion_version.filter(|of| of.version != version.version)
            && let (Some(value), Some(theirs)) = (value, screen.value(of.version))
        {
            let by = text::number((value - theirs).abs());
            let stands = match is_better(value - theirs, goal.goal) {
                Some(true) => format!("{by} better than"),
                Some(false) => format!("{by} worse than"),
                None if same_number(value, theirs) => "equal to".into(),
                None => "not comparable to".into(),
            };
            words = format!("{words}, {stands} @{champion} v{} ({})", of.version, text::number(theirs));
        }
        lines.push(line("metric", format!("{} {words}", goal.metric)));
    }
    described(&version.description, extent, &mut lines);
    tagged(&version.tags, &mut lines);
    of_files(screen.folder_of(version), extent, &mut lines);
    if let Some(origin) = origin {
        if let Some(model) = origin.model.as_ref().filter(|_| extent == Extent::Whole) {
            of_model(model, &mut lines);
        }
        let (mut key, metrics) = match extent {
            // The model's own were told.
            Extent::Whole => ("run metrics", origin.run_metrics.clone()),
            Extent::Short => ("metrics", origin.metrics()),
        };
        for (name, value) in metrics.into_iter().take(MOST) {
            lines.push(line(key, format!("{name} {}", text::number(value))));
            key = "";
        }
    }
    if let Some(model) = &version.model_id {
        lines.push(line("model id", model.as_str()));
    }
    lines.push(line("source", version.source.clone()));
    let by = if version.user_id.is_empty() { String::new() } else { format!(" by {}", version.user_id) };
    lines.push(line("created", format!("{}{by}", time(version.creation_time, now))));
    if version.last_updated_time != version.creation_time {
        lines.push(line("changed", time(version.last_updated_time, now)));
    }
    lines
}
