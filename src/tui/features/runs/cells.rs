//! The cells of a line: texts cleaned, numbers formatted, letters that were searched for shown.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use rustc_hash::FxHashMap;

use super::Runs;
use super::column_layout::INDENT;
use super::columns::{is_number, shorten};
use crate::catalog::search::Search;
use crate::catalog::view::{FoldState, Group, LineKind, Shape, ViewLine};
use crate::catalog::{Bound, ColumnSpec, Row, Value};
use crate::mlflow::filter::Direction;
use crate::mlflow::{LifecycleStage, RunStatus, Statistic, tags};
use crate::text;
use crate::tui::core::app::App;
use crate::tui::widgets::frame::with_letters;
use crate::tui::widgets::sparkline::sparkline;
use crate::tui::widgets::table::VisibleColumn;
use crate::tui::widgets::theme::Theme;

/// Cells of a name that aliases leave.
const LEAST_NAME: usize = 8;

/// What all lines of a frame have in common.
pub struct RunCells<'a> {
    runs: &'a Runs,
    theme: &'a Theme,
    /// What is seen of each line, and where its values are; a picture has none.
    places: &'a [VisibleColumn],
    bound: Vec<Option<Bound>>,
    search: Option<Search>,
    /// The most cells of a number from its decimal point on, in each place.
    fractions: Vec<usize>,
    /// Names that are longer than their place, as they are told apart.
    names: FxHashMap<String, String>,
    app: &'a App,
    now: i64,
}

impl<'a> RunCells<'a> {
    /// For the lines on the screen.
    pub fn new(app: &'a App, theme: &'a Theme, places: &'a [VisibleColumn], lines: &[ViewLine]) -> Self {
        let (runs, now) = (&app.runs, app.now);
        let bound = |place: &VisibleColumn| Bound::new(&runs.catalog, &runs.columns[place.column].spec);
        let bound: Vec<Option<Bound>> =
            places.iter().map(|place| (!place.is_picture).then(|| bound(place))).collect();
        let fractions = bound.iter().zip(places).map(|(bound, place)| {
            let Some(bound) = bound.as_ref().filter(|_| place.right) else { return 0 };
            let spec = &runs.columns[place.column].spec;
            let rows = lines.iter().filter_map(|line| match line.kind {
                LineKind::Run(row) => Some(row),
                LineKind::Group(_) => None,
            });
            let value = |row: Row| {
                let latest = latest(app, spec, row);
                latest.unwrap_or_else(|| bound.value(&runs.catalog, row, now))
            };
            let shown = rows.map(|row| number_of(&value(row), spec));
            shown.flatten().map(|number| text::fraction(&number)).max().unwrap_or(0)
        });
        let fractions = fractions.collect();
        let words = &runs.shown_view.words;
        let search = (!words.trim().is_empty()).then(|| Search::new(words));
        let mut cells =
            Self { runs, theme, places, bound, search, fractions, names: FxHashMap::default(), app, now };
        cells.names = cells.cut_names(lines);
        cells
    }

    /// The names that their place cuts: what differs stays.
    fn cut_names(&self, lines: &[ViewLine]) -> FxHashMap<String, String> {
        let Some(place) = self.places.first().filter(|place| place.column == 0) else {
            return FxHashMap::default();
        };
        let mut rooms: FxHashMap<String, usize> = FxHashMap::default();
        for line in lines {
            let LineKind::Run(row) = line.kind else { continue };
            let name = text::clean(self.runs.catalog.run_name(row));
            let before = text::width(&self.prefix(line));
            let (room, _) = self.name_room(row, &name, place.width.saturating_sub(before));
            if text::width(&name) > room {
                let known = rooms.entry(name.into_owned()).or_insert(room);
                *known = room.min(*known);
            }
        }
        let (names, rooms): (Vec<String>, Vec<usize>) = rooms.into_iter().collect();
        let cuts = text::told_apart(&names, |at| rooms[at], self.theme.glyphs.ellipsis);
        names.into_iter().zip(cuts).collect()
    }

    /// What the aliases of a run's model leave of the room for its name, and these as they stand behind it.
    fn name_room(&self, row: Row, name: &str, room: usize) -> (usize, String) {
        let badges = text::clean(self.runs.badges.of(self.runs.catalog.run_id(row)));
        // They stay where they are seen: the end of a long name gives way.
        let least = text::width(name).min(LEAST_NAME) + 1;
        let badges = text::cut(&badges, room.saturating_sub(least), self.theme.glyphs.ellipsis);
        if badges.is_empty() {
            return (room, badges);
        }
        (room - text::width(&badges) - 1, badges)
    }

    /// The cells of a line.
    pub fn line(&self, line: &ViewLine) -> Vec<Line<'static>> {
        let cell =
            |((place, bound), fraction): ((&VisibleColumn, &Option<Bound>), &usize)| match (line.kind, bound)
            {
                (LineKind::Run(row), Some(bound)) => self.run_cell(line, row, (*place, *fraction), bound),
                (LineKind::Run(row), None) => self.trend(row, place.width),
                (LineKind::Group(group), Some(_)) => {
                    self.group_cell(line, &self.runs.projection.groups[group as usize], *place)
                }
                (LineKind::Group(_), None) => Line::default(),
            };
        self.places.iter().zip(&self.bound).zip(&self.fractions).map(cell).collect()
    }

    fn trend(&self, row: Row, width: usize) -> Line<'static> {
        let Self { runs, theme, .. } = self;
        let points = runs.sparks.get(runs.catalog.run_id(row)).map(|spark| spark.points.as_slice());
        Line::styled(sparkline(points.unwrap_or_default(), width, theme), theme.spark)
    }

    fn run_cell(
        &self,
        line: &ViewLine,
        row: Row,
        (place, fraction): (VisibleColumn, usize),
        bound: &Bound,
    ) -> Line<'static> {
        let Self { runs, theme, .. } = self;
        let spec = &runs.columns[place.column].spec;
        let is_deleted = runs.catalog.run(row).stage == LifecycleStage::Deleted;
        if *spec == ColumnSpec::Status && is_deleted {
            return Line::styled(
                text::cut(theme.glyphs.deleted, place.width, theme.glyphs.ellipsis),
                theme.dim,
            );
        }
        let value = latest(self.app, spec, row).unwrap_or_else(|| bound.value(&runs.catalog, row, self.now));
        let (mut words, mut style) = cell(&value, spec, self.now, theme);
        let is_finite = !matches!(value, Value::Number(number) if !number.is_finite());
        if fraction > 0 && is_finite && number_of(&value, spec).is_some() {
            // Decimal points stand under one another, as far as there is room.
            let room = place.width.saturating_sub(text::width(&words));
            words.push_str(&" ".repeat(fraction.saturating_sub(text::fraction(&words)).min(room)));
        }
        if *spec == ColumnSpec::Status && text::width(&words) > place.width {
            theme.short_status(runs.catalog.run(row).status).clone_into(&mut words);
        }
        if line.context || is_deleted {
            style = theme.dim;
        } else if let Value::Number(number) | Value::Point(number, _) = value
            && let Some(warmth) = runs.heat.warmth(spec, number)
        {
            // The whole cell is tinted.
            words = text::fit_right(&words, place.width, theme.glyphs.ellipsis);
            style = style.patch(theme.warmth(warmth.share, warmth.is_judged));
        }
        let mut room = place.width;
        let mut spans = Vec::new();
        if place.column == 0 {
            let prefix = self.prefix(line);
            let cells = text::width(&prefix).min(room);
            spans.push(Span::styled(text::cut(&prefix, cells, ""), theme.dim));
            room -= cells;
        }
        let mut badges = String::new();
        if *spec == ColumnSpec::RunName {
            (room, badges) = self.name_room(row, &words, room);
            if let Some(cut) = self.names.get(&words) {
                words.clone_from(cut);
            }
        }
        let letters = match (&self.search, spec) {
            (Some(search), ColumnSpec::RunName | ColumnSpec::User | ColumnSpec::RunId) => {
                search.letters(&words, None)
            }
            (Some(search), ColumnSpec::Param(key) | ColumnSpec::Tag(key)) if !tags::is_system(key) => {
                search.letters(&words, Some(key))
            }
            _ => Vec::new(),
        };
        spans.extend(with_letters(&text::cut(&words, room, theme.glyphs.ellipsis), &letters, style, theme));
        if !badges.is_empty() {
            spans.push(Span::raw(" "));
            spans.push(Span::styled(badges, theme.selected));
        }
        Line::from(spans)
    }

    /// What stands before a name in a tree or group.
    fn prefix(&self, line: &ViewLine) -> String {
        let indent = " ".repeat(line.depth as usize * INDENT);
        let fold = match line.fold {
            FoldState::Open(_) => self.theme.glyphs.open,
            FoldState::Closed(_) => self.theme.glyphs.closed,
            FoldState::Leaf => "",
        };
        if fold.is_empty() { indent } else { format!("{indent}{fold} ") }
    }

    fn is_grouped_by_status(&self) -> bool {
        self.runs.shown_view.shape == Shape::Groups(ColumnSpec::Status)
    }

    /// A cell of a group's line: its value and count, and the best or the extremes of each metric.
    fn group_cell(&self, line: &ViewLine, group: &Group, place: VisibleColumn) -> Line<'static> {
        let theme = self.theme;
        if place.column == 0 {
            let value = match group.value.as_deref() {
                None => "(none)".to_owned(),
                Some(value) if self.is_grouped_by_status() => value.parse().map_or_else(
                    |()| text::clean(value).into_owned(),
                    |status: RunStatus| status.label().to_owned(),
                ),
                Some(value) => text::clean(value).into_owned(),
            };
            let count = format!(" ({})", text::count(group.runs.len()));
            let prefix = self.prefix(line);
            let room = place.width.saturating_sub(text::width(&prefix) + text::width(&count));
            let words = format!("{prefix}{}{count}", text::cut(&value, room, theme.glyphs.ellipsis));
            return Line::styled(text::cut(&words, place.width, theme.glyphs.ellipsis), theme.heading);
        }
        let spec = &self.runs.columns[place.column].spec;
        let measured = self.runs.shown_view.measured.iter().position(|measured| measured == spec);
        let Some((low, high)) = measured.and_then(|at| group.extremes.get(at).copied().flatten()) else {
            return Line::default();
        };
        let heading = |value: f64| if value.is_finite() { theme.heading } else { theme.warn };
        let whole = |value: f64| text::value(spec.title(), value);
        let (words, style) = match self.runs.shown_view.sorted_by(spec) {
            Some((_, Direction::Ascending)) => (whole(low), heading(low)),
            Some((_, Direction::Descending)) => (whole(high), heading(high)),
            None if text::number(low) == text::number(high) => (text::number(low), theme.dim),
            None => {
                let both =
                    format!("{}{}{}", text::short_number(low), theme.glyphs.range, text::short_number(high));
                (both, theme.dim)
            }
        };
        Line::styled(text::cut(&words, place.width, theme.glyphs.ellipsis), style)
    }
}

/// The latest value of a metric of a run that goes on: a chart of it may have heard more than the table.
fn latest(app: &App, spec: &ColumnSpec, row: Row) -> Option<Value<'static>> {
    let ColumnSpec::Metric(key, Statistic::Latest) = spec else { return None };
    let catalog = &app.runs.catalog;
    if !catalog.run(row).status.is_active() {
        return None;
    }
    app.latest(&catalog.run_id(row).into(), Some(row), key).map(Value::Number)
}

/// A number as a cell has it, where it is nothing but that.
fn number_of(value: &Value<'_>, spec: &ColumnSpec) -> Option<String> {
    match value {
        Value::Number(number) => Some(text::value(spec.title(), *number)),
        Value::Text(words) if matches!(spec, ColumnSpec::Param(_)) && is_number(words) => {
            Some(shorten(spec.title(), words))
        }
        _ => None,
    }
}

/// NaN and the infinities are seen at once.
fn number_style(number: f64, theme: &Theme) -> Style {
    if number.is_finite() { theme.text } else { theme.warn }
}

/// A cell's words and style.
pub fn cell(value: &Value<'_>, spec: &ColumnSpec, now: i64, theme: &Theme) -> (String, Style) {
    match value {
        Value::Missing => ("-".into(), theme.dim),
        Value::Number(number) => (text::value(spec.title(), *number), number_style(*number, theme)),
        Value::Point(number, step) => {
            // At a chosen step, the title says which it is.
            let step = step.filter(|_| !matches!(spec, ColumnSpec::Metric(_, Statistic::At(_))));
            let at = step.map_or(String::new(), |step| format!(" @{step}"));
            (format!("{}{at}", text::value(spec.title(), *number)), number_style(*number, theme))
        }
        Value::Text(words) if matches!(spec, ColumnSpec::Param(_)) => {
            (shorten(spec.title(), words), theme.text)
        }
        Value::Text(words) => (text::clean(words).into_owned(), theme.text),
        Value::OwnedText(words) => (text::clean(words).into_owned(), theme.text),
        Value::Time(ms) if *spec == ColumnSpec::Started => (text::timestamp(*ms), theme.dim),
        Value::Time(ms) => (text::span(now.saturating_sub(*ms)), theme.dim),
        Value::Duration(ms) => (text::duration(*ms), theme.dim),
        Value::Count(count) => (count.to_string(), theme.text),
        Value::Status(status) => {
            let (style, words) = theme.status(*status);
            (words.to_owned(), style)
        }
    }
}
