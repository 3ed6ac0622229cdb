//! The table, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use rustc_hash::FxHashMap;

use super::cells::{BASE, CellText, MemberCells, full_text};
use super::{LaidTable, has_kind, shown_at};
use crate::text;
use crate::tui::core::app::App;
use crate::tui::features::compare::view::{full_text_area, table_area};
use crate::tui::features::compare::{CompareScreen, labels};
use crate::tui::widgets::frame::centred;
use crate::tui::widgets::table::{RowContent, VisibleColumn};
use crate::tui::widgets::theme::Theme;

/// Cells of an alias that still says something.
const LEAST_BADGE: usize = 5;

/// What all rows have in common.
struct TableView<'a> {
    cells: MemberCells<'a>,
    laid: LaidTable,
    theme: &'a Theme,
}

/// The texts of a row or column that are too long, by the cells that they have: none is cut to the same text as another.
#[derive(Default)]
struct LongTexts {
    texts: Vec<String>,
    cut: FxHashMap<usize, FxHashMap<String, String>>,
}

impl LongTexts {
    fn new<'a>(cells: impl Iterator<Item = (&'a CellText, usize)>) -> Self {
        let long = cells.filter(|(said, width)| said.width() > *width).map(|(said, _)| said.words.clone());
        Self { texts: long.collect(), ..Self::default() }
    }

    fn cut(&mut self, said: &CellText, width: usize, ellipsis: &str) -> String {
        if said.width() <= width {
            return said.words.clone();
        }
        let room = width.saturating_sub(usize::from(said.is_best));
        let texts = &mut self.texts;
        let cut = self.cut.entry(room).or_insert_with(|| labels::cut_apart(texts, room, ellipsis));
        let cut = cut.get(&said.words).map_or(said.words.as_str(), String::as_str);
        text::cut(cut, room, ellipsis)
    }
}

fn longest_tail<C: std::borrow::Borrow<CellText>>(said: impl Iterator<Item = C>) -> usize {
    said.filter_map(|said| said.borrow().tail).max().unwrap_or(0)
}

pub fn draw(app: &App, screen: &CompareScreen, theme: &Theme, frame: &mut Frame<'_>, body: Rect) {
    let area = table_area(body);
    let Some(cells) = MemberCells::new(app, screen) else { return };
    if screen.shown.is_empty() {
        let words = match (screen.words.value(), screen.shows_all) {
            ("", false) => "nothing differs between these runs; d shows everything".to_owned(),
            ("", true) => "these runs have nothing to compare".to_owned(),
            (words, _) => format!("nothing matches {}; esc clears it", text::clean(words)),
        };
        centred(frame, area, vec![Line::styled(words, theme.dim)]);
        return;
    }
    let full = full_text(&cells).unwrap_or_default();
    let view = TableView { laid: cells.laid(area, theme.glyphs.ellipsis), cells, theme };
    if screen.is_turned {
        view.members_as_rows(frame);
    } else {
        view.keys_as_rows(frame, has_kind(area));
    }
    let place = full_text_area(body);
    let mut lines = text::wrap(&full, place.width as usize);
    if lines.len() > place.height as usize && place.height > 0 {
        // What is left of it goes into the last line, as far as it can.
        let rest = lines.split_off(place.height as usize - 1).join(" ");
        lines.push(text::cut(&rest, place.width as usize, theme.glyphs.ellipsis));
    }
    let first = place.height.saturating_sub(lines.len() as u16);
    for (at, line) in lines.into_iter().take(place.height as usize).enumerate() {
        let place = Rect { y: place.y + first + at as u16, height: 1, ..place };
        frame.render_widget(Line::styled(line, theme.text), place);
    }
}

impl TableView<'_> {
    fn keys_as_rows(&self, frame: &mut Frame<'_>, has_kind: bool) {
        let Self { cells, laid, theme } = self;
        let places = &laid.table.columns.places;
        let titles = places.iter().map(|place| {
            let member = shown_at(place);
            member.map_or_else(Line::default, |at| self.member(at, place, laid.table.heading(place, theme)))
        });
        let tails: Vec<usize> = places
            .iter()
            .map(|place| {
                let Some(member) = shown_at(place) else { return 0 };
                let entries = laid.table.rows.shown.clone().filter_map(|at| cells.bound_entry(at));
                longest_tail(entries.map(|(entry, bound)| cells.said(entry, &bound, member)))
            })
            .collect();
        let mut last_kind = None;
        laid.table.draw(frame, theme, titles.collect(), theme.selection, |at| {
            let Some((entry, bound)) = cells.bound_entry(at) else { return RowContent::default() };
            let is_other = last_kind.replace(entry.kind) != Some(entry.kind);
            let kind = if has_kind && is_other { entry.kind.word() } else { "" };
            let style = if entry.differs { theme.text } else { theme.dim };
            let said: Vec<Option<CellText>> =
                places.iter().map(|place| Some(cells.said(entry, &bound, shown_at(place)?))).collect();
            let known =
                said.iter().zip(places).filter_map(|(said, place)| Some((said.as_ref()?, place.width)));
            let mut long = LongTexts::new(known);
            let line = places.iter().zip(&said).zip(&tails).map(|((place, said), tail)| match said {
                None => self.key(at, place, style),
                Some(said) => self.value(said, &mut long, (place, *tail), laid.table.is_chosen(at, place)),
            });
            RowContent { lead: Line::styled(format!(" {kind}"), theme.dim), cells: line.collect() }
        });
    }

    fn members_as_rows(&self, frame: &mut Frame<'_>) {
        let Self { cells, laid, theme } = self;
        let places = &laid.table.columns.places;
        let entries: Vec<_> = places.iter().map(|place| cells.bound_entry(shown_at(place)?)).collect();
        let titles = places.iter().map(|place| match shown_at(place) {
            None => Line::default(),
            Some(key) => self.key(key, place, laid.table.heading(place, theme)),
        });
        let mut tails = Vec::with_capacity(places.len());
        let mut long: Vec<LongTexts> = places
            .iter()
            .zip(&entries)
            .map(|(place, entry)| {
                let Some((entry, bound)) = entry else {
                    tails.push(0);
                    return LongTexts::default();
                };
                let shown = laid.table.rows.shown.clone();
                let said: Vec<CellText> = shown.map(|member| cells.said(entry, bound, member)).collect();
                tails.push(longest_tail(said.iter()));
                LongTexts::new(said.iter().map(|said| (said, place.width)))
            })
            .collect();
        laid.table.draw(frame, theme, titles.collect(), theme.selection, |member| {
            let columns = places.iter().zip(&entries).zip(&mut long).zip(&tails);
            let line = columns.map(|(((place, entry), long), tail)| match entry {
                None => self.member(member, place, theme.heading),
                Some((entry, bound)) => {
                    let said = cells.said(entry, bound, member);
                    self.value(&said, long, (place, *tail), laid.table.is_chosen(member, place))
                }
            });
            RowContent { lead: Line::default(), cells: line.collect() }
        });
    }

    fn key(&self, at: usize, place: &VisibleColumn, style: Style) -> Line<'static> {
        Line::styled(text::cut(self.laid.key(at), place.width, self.theme.glyphs.ellipsis), style)
    }

    fn value(
        &self,
        said: &CellText,
        long: &mut LongTexts,
        (place, tail): (&VisibleColumn, usize),
        is_chosen: bool,
    ) -> Line<'static> {
        let theme = self.theme;
        let style = (said.style)(theme);
        let style = if is_chosen { style.add_modifier(Modifier::UNDERLINED) } else { style };
        let star = if said.is_best { theme.glyphs.best } else { "" };
        let words = long.cut(said, place.width, theme.glyphs.ellipsis);
        // Decimal points stand under one another, as far as there is room.
        let spare = place.width.saturating_sub(said.width());
        let behind = said.tail.map_or(0, |own| tail.saturating_sub(own).min(spare));
        Line::from(vec![Span::styled(format!("{star}{words}"), style), Span::raw(" ".repeat(behind))])
    }

    /// Letter, name, aliases, and how many runs stand behind it.
    fn member(&self, member: usize, place: &VisibleColumn, style: Style) -> Line<'static> {
        let Self { cells, theme, laid } = self;
        let slot = cells.screen.slot(member);
        let (name, others) = (&laid.members[member], cells.others(member));
        let base = if cells.base == Some(member) { BASE } else { "" };
        let sign = if cells.is_best(member) { theme.glyphs.best } else { "" };
        let room =
            place.width.saturating_sub(cells.letters + 1 + others.len() + base.len() + text::width(sign));
        let left = room.saturating_sub(text::width(name) + 1);
        let badges = match cells.badges(member) {
            badges if left < LEAST_BADGE.min(text::width(&badges)) => String::new(),
            badges => text::cut(&badges, left, theme.glyphs.ellipsis),
        };
        let gap = if badges.is_empty() { "" } else { " " };
        Line::from(vec![
            Span::styled(format!("{:1$} ", theme.letter(slot), cells.letters), theme.line(slot)),
            Span::styled(sign, theme.good),
            Span::styled(text::cut(name, room, theme.glyphs.ellipsis), style),
            Span::raw(gap),
            Span::styled(badges, theme.selected),
            Span::styled(others, theme.dim),
            Span::styled(base, theme.chip),
        ])
    }
}
