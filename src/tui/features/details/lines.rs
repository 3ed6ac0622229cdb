//! The lines of a tab: a key, a value, and what role it has.

use std::ops::Range;

use ratatui::layout::Rect;

use super::artifacts::ArtifactEntry;
use super::models::RunModel;
use super::series::LoggedImage;
use super::view::BETWEEN;
use super::{COLUMN, Details, MOST_COLUMNS, NoteLines, Tab, models};
use crate::mlflow::{Metric, ModelVersion, Param, Run, RunId, RunStatus, Tag, tags};
use crate::registry::badges;
use crate::store::ArtifactList;
use crate::sweep::engine::record::WHY;
use crate::text;
use crate::text::notes::{Words, laid_out};
use crate::tui::core::progress::{last_point, progress};

/// A run that has logged nothing for so many milliseconds may have died.
const SILENT: i64 = 3 * 3_600_000;

/// Runs under a run that are listed.
const CHILDREN: usize = 50;
/// Lines of the reason why a run failed that are shown, at most, and cells of each, at least.
const REASON_LINES: usize = 6;
const LEAST_WRAPPED: usize = 12;
/// Lines of a note that are shown, at least.
const NOTE_LINES: usize = 8;
/// Fields of a data set's schema that are listed.
const FIELDS: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineRole {
    /// Markdown.
    Note,
    Plain,
    Dim,
    Warn,
    Bad,
    /// The beginning of something of which the next lines tell.
    Heading,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DetailLine {
    pub key: String,
    /// As it is shown.
    pub value: String,
    /// As it is copied, where that is more than what is shown.
    pub exact: Option<String>,
    pub role: LineRole,
    /// What it is of, where that is not told by the line's place.
    pub target: Option<LineTarget>,
    /// The value in the styles of its parts, where it has several.
    pub styled: Vec<Words>,
}

/// What a line is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineTarget {
    /// A model, by its address.
    Folder(String),
    /// A file that can be looked into, by its path in the tree of artifacts.
    File(String),
    /// A folder of a model's files, by its path there.
    FilesBelow(String),
    /// Another run.
    Run(RunId),
    /// A registered version.
    Version(String, u64),
}

impl DetailLine {
    /// Whether all of a note is behind it.
    pub(super) fn is_of_note(&self) -> bool {
        self.role == LineRole::Note
    }

    pub(super) fn new(key: impl Into<String>, value: impl Into<String>, role: LineRole) -> Self {
        Self { key: key.into(), value: value.into(), exact: None, role, target: None, styled: Vec::new() }
    }
}

impl Details {
    /// Lines of the tab that is shown.
    pub fn length(&self) -> usize {
        match (self.run(), self.tab) {
            (None, _) => 0,
            (Some(run), Tab::Metrics) => run.metrics.len(),
            (Some(run), Tab::Params) => run.params.len(),
            (Some(_), Tab::Artifacts) => self.artifacts.count(),
            (Some(_), Tab::Models) => self.about_models().len() + self.model_lines().count(),
            (Some(_), _) => self.lines("", 0).len(),
        }
    }

    /// The lines in a range. A run may have tens of thousands of metrics: only what is asked for is formatted.
    /// `experiment` is the name of the run's experiment; `now` in milliseconds.
    pub fn window(&self, range: Range<usize>, experiment: &str, now: i64) -> Vec<DetailLine> {
        let Some(run) = self.run() else { return Vec::new() };
        match self.tab {
            Tab::Metrics => self.metrics_in(range).into_iter().map(metric).collect(),
            Tab::Params => run.params.get(range).unwrap_or_default().iter().map(param).collect(),
            Tab::Artifacts => self.artifact_lines(range),
            Tab::Models => {
                let about = self.about_models();
                // Of many models only the lines that are asked for are copied.
                let models = self.model_lines().skip(range.start.saturating_sub(about.len()));
                let rest = models.take(range.len()).cloned();
                about.into_iter().skip(range.start).chain(rest).take(range.len()).collect()
            }
            _ => self.lines(experiment, now).into_iter().skip(range.start).take(range.len()).collect(),
        }
    }

    /// Cells of the longest key, on whatever line it is.
    pub fn longest_key(&self) -> usize {
        let cells = key_cells;
        let longest = match (self.run(), self.tab) {
            (None, _) => None,
            (Some(run), Tab::Metrics) => run.metrics.iter().map(|metric| cells(&metric.key)).max(),
            (Some(run), Tab::Params) => run.params.iter().map(|param| cells(&param.key)).max(),
            (Some(_), Tab::Artifacts) => Some(self.artifacts.longest()),
            (Some(_), Tab::Models) => {
                let about = self.about_models();
                let about = about.iter().map(|line| cells(&line.key));
                about.chain(self.models.value().into_iter().flatten().map(RunModel::longest_key)).max()
            }
            (Some(_), _) => self.lines("", 0).iter().map(|line| cells(&line.key)).max(),
        };
        longest.unwrap_or(0)
    }

    fn lines(&self, experiment: &str, now: i64) -> Vec<DetailLine> {
        let Some(run) = self.run() else { return Vec::new() };
        match self.tab {
            // Tabs of thousands of lines are laid out as far as they are seen.
            Tab::Charts | Tab::Metrics | Tab::Params | Tab::Artifacts => Vec::new(),
            Tab::Overview => {
                let mut lines = self.with_wrapped_reason(overview(run, experiment, now));
                let at = lines.iter().position(|line| line.key == "artifacts").map_or(0, |at| at + 1);
                lines.splice(at..at, self.note_lines(run));
                // Behind its ids: what a run is used for is worth more than where its files are.
                let versions = self.registered.iter().map(|version| registered("registered", version));
                let at = lines.iter().position(|line| line.key == "started").unwrap_or(0);
                lines.splice(at..at, versions);
                lines.extend(self.child_lines());
                lines
            }
            Tab::Tags => run_tags(run),
            Tab::Datasets => data_sets(run),
            Tab::Models => self.about_models().into_iter().chain(self.model_lines().cloned()).collect(),
        }
    }

    /// Lays out the note of the run that is shown, for so many cells of details.
    pub fn lay_out_note(&mut self, body: Rect) {
        let Some(run) = self.run() else { return };
        let columns = (body.width / COLUMN).clamp(1, MOST_COLUMNS);
        let keys = overview(run, "", 0).iter().map(|line| text::width(&line.key)).max().unwrap_or(0);
        let column = (body.width - (columns - 1) * BETWEEN) / columns;
        let room = (column as usize).saturating_sub(keys.max(8) + 2);
        let text = run.tag(tags::NOTE).unwrap_or_default();
        let own = self.with_wrapped_reason(overview(run, "", 0)).len();
        let others = own + self.registered.len() + self.child_lines().len();
        let most = ((body.height * columns) as usize).saturating_sub(others + 1).max(NOTE_LINES);
        if self.note.text != text || self.note.room != room {
            self.note = NoteLines { text: text.to_owned(), room, lines: laid_out(text, room), most };
        }
        self.note.most = most;
    }

    /// The same lines, where the reason of a failure is as many as it takes; all of it is behind each of them.
    fn with_wrapped_reason(&self, mut lines: Vec<DetailLine>) -> Vec<DetailLine> {
        let Some(at) = lines.iter().position(|line| line.role == LineRole::Bad) else { return lines };
        if self.note.room < LEAST_WRAPPED {
            return lines;
        }
        let parts = text::wrap(&text::clean(&lines[at].value), self.note.room);
        let part = |(nth, words): (usize, String)| DetailLine {
            exact: lines[at].exact.clone(),
            ..DetailLine::new(if nth == 0 { lines[at].key.as_str() } else { "" }, words, LineRole::Bad)
        };
        let parts: Vec<DetailLine> = parts.into_iter().take(REASON_LINES).enumerate().map(part).collect();
        lines.splice(at..=at, parts);
        lines
    }

    /// The first lines of the note; all of it is behind each of them.
    fn note_lines(&self, run: &Run) -> Vec<DetailLine> {
        let note = run.tag(tags::NOTE).unwrap_or_default();
        if self.note.lines.is_empty() || self.note.text != note {
            return vec![DetailLine::new("note", "-", LineRole::Plain)];
        }
        let exact = || Some(note.to_owned());
        let told = self.note.lines.iter().filter(|line| !line.is_empty());
        let (count, most) = (told.clone().count(), self.note.most);
        let line = |(at, words): (usize, &Vec<Words>)| DetailLine {
            exact: exact(),
            styled: words.clone(),
            ..DetailLine::new(if at == 0 { "note" } else { "" }, "", LineRole::Note)
        };
        let mut lines: Vec<DetailLine> = told.take(most).enumerate().map(line).collect();
        if count > most {
            let words = format!("and {} more lines: enter shows all", text::count(count - most));
            lines.push(DetailLine { exact: exact(), ..DetailLine::new("", words, LineRole::Note) });
        }
        lines
    }

    /// The first of the runs under this one.
    fn child_lines(&self) -> Vec<DetailLine> {
        let count = self.children.len();
        let shown = self.children.iter().take(CHILDREN).enumerate();
        let mut lines: Vec<DetailLine> = shown
            .map(|(at, id)| {
                let key = match (at, count) {
                    (0, 1) => "child".to_owned(),
                    (0, count) => format!("{} children", text::count(count)),
                    _ => String::new(),
                };
                let target = Some(LineTarget::Run(id.clone()));
                DetailLine { target, ..DetailLine::new(key, id.to_string(), LineRole::Plain) }
            })
            .collect();
        if count > CHILDREN {
            let words = format!("and {} more: g t shows runs as a tree", text::count(count - CHILDREN));
            lines.push(DetailLine::new("", words, LineRole::Dim));
        }
        lines
    }

    fn artifact_lines(&self, range: Range<usize>) -> Vec<DetailLine> {
        // Images are told from those beside them.
        let first = range.start.saturating_sub(1);
        let entries: Vec<_> =
            self.artifacts.entries_from(first).take(range.end.saturating_add(1) - first).collect();
        let entry_at = |at: usize| entries.get(at.checked_sub(first)?);
        let line = |at: usize| {
            let entry = entry_at(at)?;
            let (value, exact, role) = match entry {
                ArtifactEntry::Folder { file, .. } => (String::new(), Some(&file.path), LineRole::Heading),
                ArtifactEntry::File { file, .. } => {
                    let size = file.file_size.map_or(String::new(), text::bytes);
                    let image = LoggedImage::of(&file.path);
                    let beside = [at.checked_sub(1), Some(at + 1)].into_iter().flatten();
                    let mut beside = beside.filter_map(|at| match entry_at(at)? {
                        ArtifactEntry::File { file, .. } => LoggedImage::of(&file.path),
                        _ => None,
                    });
                    // Of several at one step the time tells which is which.
                    let is_alike = |image: &LoggedImage| {
                        beside.any(|other| (&other.key, other.step) == (&image.key, image.step))
                    };
                    let value = match image.filter(is_alike) {
                        Some(image) => format!("{size:<8}  {}", text::timestamp(image.timestamp)),
                        None => size,
                    };
                    (value, Some(&file.path), LineRole::Plain)
                }
                ArtifactEntry::Loading { .. } | ArtifactEntry::Empty { .. } => {
                    (String::new(), None, LineRole::Dim)
                }
                ArtifactEntry::More { .. } => {
                    let most = text::count(ArtifactList::MOST);
                    (format!("more than {most} entries: the others are not listed"), None, LineRole::Warn)
                }
                ArtifactEntry::Failed { error, .. } => (error.to_string(), None, LineRole::Bad),
            };
            Some(DetailLine { exact: exact.cloned(), ..DetailLine::new(entry_key(entry), value, role) })
        };
        (range.start..range.end.min(entries.len())).filter_map(line).collect()
    }

    /// The registered versions of the run, whatever they were made from.
    fn version_lines(&self) -> Vec<DetailLine> {
        let mut lines = Vec::new();
        for version in &self.registered {
            let DetailLine { value, .. } = registered("", version);
            lines.push(DetailLine::new(value, &version.status, LineRole::Heading));
            let uri = format!("models:/{}/{}", version.name, version.version);
            let from = lines.len() - 1;
            lines.push(DetailLine::new("  uri", &uri, LineRole::Plain));
            lines.push(DetailLine::new("  source", &version.source, LineRole::Plain));
            if !version.description.is_empty() {
                lines.push(DetailLine::new("  description", &version.description, LineRole::Plain));
            }
            let tag = |tag: &crate::mlflow::Tag| {
                DetailLine::new(format!("  {}", tag.key), &tag.value, LineRole::Plain)
            };
            lines.extend(version.tags.iter().map(tag));
            let target = LineTarget::Version(version.name.clone(), version.version);
            lines[from..].iter_mut().for_each(|line| line.target = Some(target.clone()));
        }
        lines
    }

    /// The registered versions, and why no models are told, where none are.
    fn about_models(&self) -> Vec<DetailLine> {
        let mut lines = self.version_lines();
        match (self.models.answer(), self.run()) {
            (Some(Err(error)), _) => {
                lines.push(DetailLine::new("not read", error.to_string(), LineRole::Bad));
            }
            (None, Some(run)) if !models::places(run).is_empty() => {
                lines.push(DetailLine::new("loading", "", LineRole::Dim));
            }
            (Some(Ok(_)) | None, _) => {}
        }
        lines
    }

    /// What is said of the models of the run.
    fn model_lines(&self) -> impl Iterator<Item = &DetailLine> {
        let known = self.models.answer().and_then(Result::ok);
        known.into_iter().flatten().flat_map(RunModel::lines)
    }
}

/// The cells of a key on the screen.
pub fn key_cells(key: &str) -> usize {
    if key.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        key.len()
    } else {
        text::width(&text::clean(key))
    }
}

/// What an entry of the tree is called, as deep in it as it is.
pub fn entry_key(entry: &ArtifactEntry<'_>) -> String {
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let (depth, mark, words) = match entry {
        ArtifactEntry::Folder { file, depth, open, title } => {
            let name = title.map_or_else(|| name(&file.path), str::to_owned);
            (depth, if *open { "v " } else { "> " }, format!("{name}/"))
        }
        ArtifactEntry::File { file, depth } => {
            let image = LoggedImage::of(&file.path).map(|image| image.to_string());
            (depth, "  ", image.unwrap_or_else(|| name(&file.path)))
        }
        ArtifactEntry::Loading { depth } => (depth, "  ", "loading".to_owned()),
        ArtifactEntry::Empty { depth } => (depth, "  ", "empty".to_owned()),
        ArtifactEntry::More { depth } => (depth, "  ", "…".to_owned()),
        ArtifactEntry::Failed { depth, .. } => (depth, "  ", "not listed".to_owned()),
    };
    format!("{}{mark}{words}", "  ".repeat(*depth))
}

/// A registered version: `wine v3 @champion Production`.
fn registered(key: &str, version: &ModelVersion) -> DetailLine {
    let badges = badges(&version.aliases);
    let stage = version.stage().unwrap_or_default();
    let words = [format!("{} v{}", version.name, version.version), badges, stage.to_owned()];
    let words: Vec<String> = words.into_iter().filter(|words| !words.is_empty()).collect();
    let target = Some(LineTarget::Version(version.name.clone(), version.version));
    DetailLine { target, ..DetailLine::new(key, words.join(" "), LineRole::Plain) }
}

fn overview(run: &Run, experiment: &str, now: i64) -> Vec<DetailLine> {
    let info = &run.info;
    let time = |time: Option<i64>| match time {
        Some(ms) => format!("{} ({} ago)", text::timestamp(ms), text::span(now.saturating_sub(ms))),
        None => "-".into(),
    };
    let end = info.ended().or_else(|| info.status.is_active().then_some(now));
    let duration =
        info.start_time.zip(end).map_or("-".into(), |(start, end)| text::duration(end.saturating_sub(start)));
    let tag = |key: &str| run.tag(key).unwrap_or("-").to_owned();
    let line = |key: &str, value: String| DetailLine::new(key, value, LineRole::Plain);
    let told = why(run).map(|(key, words)| {
        // The last words of a program say most.
        let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        let exact = Some(words.to_owned());
        DetailLine { exact, ..DetailLine::new(key, last.trim(), LineRole::Bad) }
    });
    let mut lines: Vec<DetailLine> = told.into_iter().collect();
    lines.extend([
        line("run id", info.run_id.to_string()),
        line("experiment", format!("{experiment} ({})", info.experiment_id)),
        line("started", time(info.start_time)),
        line("duration", duration),
    ]);
    if let Some(progress) = progress(run, now) {
        lines.push(line("progress", format!("{} % · {}", progress.percent(), progress.in_words())));
    }
    if let Some(silent) = silence(run, now) {
        let words = format!("none for {}; if it has died, g e ends it", text::span(silent));
        lines.push(DetailLine::new("news", words, LineRole::Warn));
    } else if let Some(last) = last_point(run).filter(|_| info.status.is_active()) {
        lines.push(line("last point", format!("{} ago", text::span(now.saturating_sub(last)))));
    }
    lines.extend([
        line("user", info.user_id.clone()),
        line("source", tag(tags::SOURCE_NAME)),
        line("git commit", tag(tags::GIT_COMMIT)),
        line("artifacts", info.artifact_uri.clone()),
    ]);
    if let Some(parent) = run.tag(tags::PARENT_RUN_ID) {
        let target = Some(LineTarget::Run(parent.into()));
        lines.push(DetailLine { target, ..line("parent", parent.to_owned()) });
    }
    for input in &run.inputs {
        let context =
            input.tags.iter().find(|tag| tag.key == tags::DATA_CONTEXT).map_or("", |tag| &tag.value);
        lines.push(line("data set", format!("{} {} {context}", input.dataset.name, input.dataset.digest)));
    }
    lines.extend(run.model_outputs.iter().map(|output| line("model", output.model_id.to_string())));
    lines
}

/// What a run that did not finish says of the reason, and the tag that says it: ours of a trial, or one that people set.
fn why(run: &Run) -> Option<(&str, &str)> {
    if !matches!(run.info.status, RunStatus::Failed | RunStatus::Killed) {
        return None;
    }
    let is_told = |tag: &&Tag| {
        let last = tag.key.rsplit(['.', '_', '/']).next().unwrap_or_default();
        ["error", "exception", "traceback", "failure"].iter().any(|word| last.eq_ignore_ascii_case(word))
    };
    let own = run.tag(WHY).map(|why| ("why", why));
    own.or_else(|| run.tags.iter().find(is_told).map(|tag| (tag.key.as_str(), tag.value.as_str())))
}

/// Milliseconds for which a run that goes on has logged no point, where that is worth a word.
fn silence(run: &Run, now: i64) -> Option<i64> {
    let points = run.metrics.iter().map(|metric| metric.timestamp);
    let last = points.chain(run.info.start_time).max().filter(|_| run.info.status.is_active())?;
    Some(now.saturating_sub(last)).filter(|silent| *silent >= SILENT)
}

fn metric(metric: &Metric) -> DetailLine {
    DetailLine {
        key: metric.key.clone(),
        value: format!("{:<12} at step {}", text::number(metric.value), metric.step),
        exact: Some(text::exact(metric.value)),
        ..DetailLine::new("", "", if metric.value.is_finite() { LineRole::Plain } else { LineRole::Warn })
    }
}

fn param(param: &Param) -> DetailLine {
    DetailLine::new(&param.key, &param.value, LineRole::Plain)
}

/// The user's tags first, then MLflow's own.
fn run_tags(run: &Run) -> Vec<DetailLine> {
    let (system, own): (Vec<_>, Vec<_>) = run.tags.iter().partition(|tag| tags::is_system(&tag.key));
    let lines = |tags: Vec<&crate::mlflow::Tag>, role| {
        tags.into_iter().map(move |tag| DetailLine::new(&tag.key, &tag.value, role)).collect::<Vec<_>>()
    };
    let mut all = lines(own, LineRole::Plain);
    all.extend(lines(system, LineRole::Dim));
    all
}

fn data_sets(run: &Run) -> Vec<DetailLine> {
    let mut lines = Vec::new();
    for input in &run.inputs {
        let data = &input.dataset;
        let context =
            input.tags.iter().find(|tag| tag.key == tags::DATA_CONTEXT).map_or("", |tag| &tag.value);
        lines.push(DetailLine::new(&data.name, context, LineRole::Heading));
        lines.push(DetailLine::new("  digest", &data.digest, LineRole::Plain));
        lines.push(DetailLine {
            exact: Some(format!("{} {}", data.source_type, data.source)),
            ..DetailLine::new(
                "  source",
                format!("{}  {}", data.source_type, text::facts(&data.source)),
                LineRole::Plain,
            )
        });
        if let Some(profile) = &data.profile {
            lines.push(DetailLine {
                exact: Some(profile.clone()),
                ..DetailLine::new("  profile", text::facts(profile), LineRole::Plain)
            });
        }
        let Some(schema) = data.schema.as_ref().filter(|schema| !schema.is_empty()) else { continue };
        // All of it is copied, and opened.
        let line = |key: &str, words: String| DetailLine {
            exact: Some(schema.clone()),
            ..DetailLine::new(key, words, LineRole::Plain)
        };
        let Some(table) = text::schema(schema) else {
            lines.push(line("  schema", schema.clone()));
            continue;
        };
        let hidden = table.len().saturating_sub(FIELDS + 1);
        for (at, words) in table.into_iter().take(FIELDS + 1).enumerate() {
            lines.push(if at == 0 { models::titled(line("  schema", words)) } else { line("", words) });
        }
        if hidden > 0 {
            lines.push(line("", format!("and {} more: enter shows all", text::count(hidden))));
        }
    }
    lines
}
