//! The table, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::cells::MemberCells;
use super::{has_kind, shown_at, title};
use crate::catalog::Bound;
use crate::compare::Entry;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::features::compare::CompareScreen;
use crate::tui::widgets::frame::centred;
use crate::tui::widgets::table::{RowContent, Table, VisibleColumn};
use crate::tui::widgets::theme::Theme;
use crate::tui::widgets::theme::letter;

/// Cells of a name that aliases leave, and of an alias that still says something.
const LEAST_NAME: usize = 8;
const LEAST_BADGE: usize = 5;

/// What all rows have in common.
struct TableView<'a> {
    cells: MemberCells<'a>,
    table: Table,
    theme: &'a Theme,
    best_run: Option<&'a str>,
}

pub fn draw(app: &App, screen: &CompareScreen, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let Some(cells) = MemberCells::new(screen, &app.runs.badges, app.now) else { return };
    if screen.shown.is_empty() {
        let words = match (screen.words.value(), screen.shows_equal) {
            ("", false) => "nothing differs between these runs; d shows everything".to_owned(),
            ("", true) => "these runs have nothing to compare".to_owned(),
            (words, _) => format!("nothing matches {}; esc clears it", text::clean(words)),
        };
        centred(frame, area, vec![Line::styled(words, theme.dim)]);
        return;
    }
    let view = TableView { table: cells.table(area), cells, theme, best_run: app.best.run_id() };
    if screen.is_turned {
        view.members_as_rows(frame);
    } else {
        view.keys_as_rows(frame, has_kind(area));
    }
}

impl TableView<'_> {
    fn keys_as_rows(&self, frame: &mut Frame<'_>, has_kind: bool) {
        let Self { cells, table, theme, .. } = self;
        let places = &table.columns.places;
        let titles = places.iter().map(|place| {
            let member = shown_at(place);
            member.map_or_else(Line::default, |at| self.member(at, place, table.heading(place, theme)))
        });
        let mut last_kind = None;
        table.draw(frame, theme, titles.collect(), theme.selection, |at| {
            let Some((entry, bound)) = cells.bound_entry(at) else { return RowContent::default() };
            let is_other = last_kind.replace(entry.kind) != Some(entry.kind);
            let kind = if has_kind && is_other { entry.kind.word() } else { "" };
            let style = if entry.differs { theme.text } else { theme.dim };
            let line = places.iter().map(|place| match shown_at(place) {
                None => self.key(entry, place, style),
                Some(member) => self.value((entry, &bound), member, place, table.is_chosen(at, place)),
            });
            RowContent { lead: Line::styled(format!(" {kind}"), theme.dim), cells: line.collect() }
        });
    }

    fn members_as_rows(&self, frame: &mut Frame<'_>) {
        let Self { cells, table, theme, .. } = self;
        let places = &table.columns.places;
        let entries: Vec<_> = places.iter().map(|place| cells.bound_entry(shown_at(place)?)).collect();
        let titles = places.iter().zip(&entries).map(|(place, entry)| match entry {
            None => Line::default(),
            Some((entry, _)) => self.key(entry, place, table.heading(place, theme)),
        });
        table.draw(frame, theme, titles.collect(), theme.selection, |member| {
            let line = places.iter().zip(&entries).map(|(place, entry)| match entry {
                None => self.member(member, place, theme.heading),
                Some((entry, bound)) => {
                    self.value((entry, bound), member, place, table.is_chosen(member, place))
                }
            });
            RowContent { lead: Line::default(), cells: line.collect() }
        });
    }

    fn key(&self, entry: &Entry, place: &VisibleColumn, style: Style) -> Line<'static> {
        Line::styled(text::cut(&title(entry), place.width, self.theme.glyphs.ellipsis), style)
    }

    fn value(
        &self,
        (entry, bound): (&Entry, &Bound),
        member: usize,
        place: &VisibleColumn,
        is_chosen: bool,
    ) -> Line<'static> {
        let theme = self.theme;
        let said = self.cells.said(entry, bound, member);
        let style = (said.style)(theme);
        let style = if is_chosen { style.add_modifier(Modifier::UNDERLINED) } else { style };
        let star = if said.is_best { theme.glyphs.best } else { "" };
        Line::styled(text::cut(&format!("{star}{}", said.words), place.width, theme.glyphs.ellipsis), style)
    }

    /// Letter, name, and how many runs stand behind it.
    fn member(&self, member: usize, place: &VisibleColumn, style: Style) -> Line<'static> {
        let Self { cells, theme, .. } = self;
        let (name, others) = cells.comparison.title(member);
        let slot = cells.screen.slot(member);
        let others = if others > 0 { format!(" +{others}") } else { String::new() };
        let base = if cells.base == Some(member) { " base" } else { "" };
        let rows = &cells.comparison.members[member].rows;
        let is_best = rows.iter().any(|row| self.best_run == Some(cells.comparison.catalog.run_id(*row)));
        let sign = if is_best { theme.glyphs.best } else { "" };
        let room = place.width.saturating_sub(2 + others.len() + base.len() + text::width(sign));
        let name = text::clean(name);
        // The end of a long name gives way to aliases; a letter or two of one say nothing.
        let left = room.saturating_sub(text::width(&name).min(LEAST_NAME) + 1);
        let badges = cells.badges(member);
        let badges =
            if left < LEAST_BADGE { String::new() } else { text::cut(&badges, left, theme.glyphs.ellipsis) };
        let room = if badges.is_empty() { room } else { room - text::width(&badges) - 1 };
        let name = text::cut(&name, room, theme.glyphs.ellipsis);
        let gap = if badges.is_empty() { "" } else { " " };
        Line::from(vec![
            Span::styled(format!("{} ", letter(slot)), theme.line(slot)),
            Span::styled(sign, theme.good),
            Span::styled(name, style),
            Span::raw(gap),
            Span::styled(badges, theme.selected),
            Span::styled(others, theme.dim),
            Span::styled(base, theme.chip),
        ])
    }
}
