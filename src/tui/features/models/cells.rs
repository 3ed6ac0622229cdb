//! The lines of models and versions: what of them fits.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::describe::{is_better, signed};
use super::screen::ModelsScreen;
use crate::mlflow::tags::is_system;
use crate::mlflow::{ModelVersion, RegisteredModel};
use crate::promotion::is_of_log;
use crate::registry::badges;
use crate::text;
use crate::tui::widgets::theme::Theme;

/// Cells of an age, and between columns.
const AGE: usize = 4;
const GAP: usize = 2;
/// Cells of badges at most, of a run's name, a value, a difference, a user.
const BADGES: usize = 34;
const RUN: usize = 28;
const VALUE: usize = 9;
const DIFFERENCE: usize = 11;
const USER: usize = 12;
/// With less room a model says no more than its name and newest version.
const NARROW: usize = 26;

/// A model: its name, the newest version, aliases as far as there is room, and when it was changed.
pub fn model_row<'a>(model: &RegisteredModel, width: usize, now: i64, theme: &Theme) -> Line<'a> {
    let age = model.last_updated_time.map_or(String::new(), |time| age(now, time));
    let newest = model.newest_version().map_or("-".into(), |version| format!("v{version}"));
    let right = if width < NARROW {
        text::fit_right(&newest, 4, "")
    } else {
        format!("{} {}", text::fit_right(&newest, 5, ""), text::fit_right(&age, 4, ""))
    };
    let room = width.saturating_sub(text::width(&right) + 1);
    let aliases: Vec<String> = model.aliases.iter().map(|(alias, _)| alias.clone()).collect();
    let badges = text::clean(&badges(&aliases)).into_owned();
    let name = text::cut(&text::clean(&model.name), room, theme.glyphs.ellipsis);
    let left = room.saturating_sub(text::width(&name) + 1);
    // A letter or two of an alias say nothing.
    let badges = if left >= 6 { text::cut(&badges, left, theme.glyphs.ellipsis) } else { String::new() };
    let used = text::width(&name) + 1 + text::width(&badges);
    Line::from(vec![
        Span::styled(name, theme.text),
        Span::raw(" "),
        Span::styled(badges, theme.selected),
        Span::raw(" ".repeat((room + 1).saturating_sub(used))),
        Span::styled(right, theme.dim),
    ])
}

/// A column of versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum VersionColumn {
    Version,
    Badges,
    Stage,
    Run,
    Value,
    Difference,
    Tags,
    Age,
    User,
}

/// The columns that fit, and how wide each is.
pub struct VersionColumns<'a> {
    screen: &'a ModelsScreen,
    champion: &'a str,
    /// Its number and value, where both are known.
    champion_value: Option<(u64, f64)>,
    columns: Vec<(VersionColumn, usize)>,
}

/// As they stand from left to right; and in which order they are given room.
const PLACES: [VersionColumn; 9] = [
    VersionColumn::Version,
    VersionColumn::Badges,
    VersionColumn::Stage,
    VersionColumn::Run,
    VersionColumn::Value,
    VersionColumn::Difference,
    VersionColumn::Tags,
    VersionColumn::User,
    VersionColumn::Age,
];
const RANKS: [VersionColumn; 9] = [
    VersionColumn::Version,
    VersionColumn::Badges,
    VersionColumn::Value,
    VersionColumn::Difference,
    VersionColumn::Age,
    VersionColumn::Stage,
    VersionColumn::Run,
    VersionColumn::User,
    VersionColumn::Tags,
];

impl<'a> VersionColumns<'a> {
    pub fn new(screen: &'a ModelsScreen, seen: &[ModelVersion], champion: &'a str, width: usize) -> Self {
        let version = screen.aliased(champion).map(|known| known.version);
        let champion_value = version.and_then(|version| Some((version, screen.value(version)?)));
        let mut this = Self { screen, champion, champion_value, columns: Vec::new() };
        let mut room = width;
        let mut widths = Vec::new();
        for column in RANKS {
            let Some(wanted) = this.width(column, seen) else { continue };
            let gap = if widths.is_empty() { 0 } else { GAP };
            // Badges and names may be cut, numbers not.
            let may_cut = matches!(column, VersionColumn::Badges | VersionColumn::Run | VersionColumn::Tags);
            let least = if may_cut { wanted.min(10) } else { wanted };
            if room < gap + least {
                continue;
            }
            let given = wanted.min(room - gap);
            room -= gap + given;
            widths.push((column, given));
        }
        let found = |column: &VersionColumn| widths.iter().find(|(known, _)| known == column).copied();
        this.columns = PLACES.iter().filter_map(found).collect();
        this
    }

    /// The cells that a column asks for; none where it has nothing to say.
    fn width(&self, column: VersionColumn, seen: &[ModelVersion]) -> Option<usize> {
        let widest = |most: usize| {
            let cells = seen.iter().map(|version| text::width(&self.words(column, version, 0))).max()?;
            (cells > 0).then_some(cells.min(most))
        };
        match column {
            VersionColumn::Version => Some(widest(8)?.max(4)),
            VersionColumn::Badges => widest(BADGES),
            VersionColumn::Stage => widest(10),
            VersionColumn::Run => widest(RUN),
            VersionColumn::Value => {
                let goal = self.screen.goal.as_ref()?;
                Some(text::width(&text::clean(&goal.metric)).clamp(VALUE, 16))
            }
            VersionColumn::Difference => {
                self.champion_value?;
                Some((self.champion.chars().count() + 4).clamp(DIFFERENCE, 14))
            }
            VersionColumn::Tags => widest(40),
            VersionColumn::Age => Some(AGE),
            VersionColumn::User => widest(USER),
        }
    }

    fn difference(&self, version: &ModelVersion) -> Option<f64> {
        let (champion, best) = self.champion_value?;
        if champion == version.version {
            return None;
        }
        Some(self.screen.value(version.version)? - best)
    }

    fn words(&self, column: VersionColumn, version: &ModelVersion, now: i64) -> String {
        match column {
            VersionColumn::Version => format!("v{}", version.version),
            VersionColumn::Badges => text::clean(&badges(&version.aliases)).into_owned(),
            VersionColumn::Stage => text::clean(version.stage().unwrap_or_default()).into_owned(),
            VersionColumn::Run => {
                let origin = self.screen.origins.get(&version.version);
                match (&version.run_id, origin.map(|origin| &origin.run)) {
                    (None, _) => String::new(),
                    (Some(_), Some(Some(run))) => text::clean(&run.run_name).into_owned(),
                    (Some(_), Some(None)) => "gone".into(),
                    (Some(id), None) => {
                        text::clean(&id.as_str().chars().take(8).collect::<String>()).into_owned()
                    }
                }
            }
            VersionColumn::Value => match self.screen.value(version.version) {
                Some(value) => text::number(value),
                None if self.screen.origins.contains_key(&version.version) => "-".into(),
                None => String::new(),
            },
            VersionColumn::Difference => self.difference(version).map_or(String::new(), signed),
            VersionColumn::Tags => {
                let own = version.tags.iter().filter(|tag| !is_system(&tag.key) && !is_of_log(&tag.key));
                let tag = |tag: &crate::mlflow::Tag| {
                    let value: String = tag.value.chars().take(40).collect();
                    format!("{}={value}", tag.key)
                };
                text::clean(&own.take(4).map(tag).collect::<Vec<_>>().join(" ")).into_owned()
            }
            VersionColumn::Age => version.creation_time.map_or(String::new(), |time| age(now, time)),
            VersionColumn::User => text::clean(&version.user_id).into_owned(),
        }
    }

    fn style(&self, column: VersionColumn, version: &ModelVersion, theme: &Theme) -> Style {
        match column {
            VersionColumn::Version if version.status != "READY" => theme.bad,
            VersionColumn::Version => theme.heading,
            VersionColumn::Badges => theme.selected,
            VersionColumn::Stage => theme.chip,
            VersionColumn::Run | VersionColumn::Value => theme.text,
            VersionColumn::Difference => {
                let better = self.difference(version).zip(self.screen.goal.as_ref());
                match better.and_then(|(difference, goal)| is_better(difference, goal.goal)) {
                    Some(true) => theme.good,
                    Some(false) => theme.bad,
                    None => theme.dim,
                }
            }
            VersionColumn::Tags | VersionColumn::Age | VersionColumn::User => theme.dim,
        }
    }

    fn title(&self, column: VersionColumn) -> String {
        match column {
            VersionColumn::Version => String::new(),
            VersionColumn::Badges => "alias".into(),
            VersionColumn::Stage => "stage".into(),
            VersionColumn::Run => "run".into(),
            VersionColumn::Value => {
                self.screen.goal.as_ref().map_or(String::new(), |goal| text::clean(&goal.metric).into_owned())
            }
            VersionColumn::Difference => format!("vs @{}", text::clean(self.champion)),
            VersionColumn::Tags => "tags".into(),
            VersionColumn::Age => "when".into(),
            VersionColumn::User => "who".into(),
        }
    }

    fn is_right(column: VersionColumn) -> bool {
        matches!(column, VersionColumn::Value | VersionColumn::Difference | VersionColumn::Age)
    }

    fn line(&self, cell: impl Fn(VersionColumn) -> (String, Style), ellipsis: &str) -> Line<'static> {
        let mut spans = Vec::new();
        for (column, width) in &self.columns {
            if !spans.is_empty() {
                spans.push(Span::raw(" ".repeat(GAP)));
            }
            let (words, style) = cell(*column);
            let words = if Self::is_right(*column) {
                text::fit_right(&words, *width, ellipsis)
            } else {
                text::fit(&words, *width, ellipsis)
            };
            spans.push(Span::styled(words, style));
        }
        Line::from(spans)
    }

    pub fn titles(&self, theme: &Theme) -> Line<'static> {
        self.line(|column| (self.title(column), theme.heading), theme.glyphs.ellipsis)
    }

    pub fn row(&self, version: &ModelVersion, now: i64, theme: &Theme) -> Line<'static> {
        let cell = |column| (self.words(column, version, now), self.style(column, version, theme));
        self.line(cell, theme.glyphs.ellipsis)
    }
}

/// How long ago something was, in whole seconds: there is no room for less.
fn age(now: i64, time: i64) -> String {
    text::span(now.saturating_sub(time).max(1_000))
}
