//! The table of a comparison, drawn: keys and members, either way round.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::{CompareScreen, Show};
use crate::catalog::Bound;
use crate::compare::axes::cell_words;
use crate::compare::{CompareCell, Comparison, Entry};
use crate::select::Goal;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::widgets::frame::centred;
use crate::tui::widgets::theme::Theme;
use crate::tui::widgets::theme::letter;

/// Columns of the kind, and of keys, least and most.
const KIND: usize = 10;
const KEY: (usize, usize) = (12, 34);
/// Columns of a value.
const VALUE: (usize, usize) = (9, 22);
/// Columns of a value on a narrow screen.
const NARROW: usize = 14;
/// Lines that are looked at to find out how wide a column has to be.
const SAMPLE: usize = 60;

/// What of a table fits: the columns beside the pinned one.
pub struct Window {
    pub pinned: usize,
    pub first: usize,
    pub widths: Vec<usize>,
}

struct Table<'a> {
    screen: &'a CompareScreen,
    comparison: &'a Comparison,
    theme: &'a Theme,
    best_run: Option<&'a str>,
    now: i64,
}

pub fn draw(app: &App, screen: &CompareScreen, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let Some(comparison) = screen.fetched.value().map(AsRef::as_ref) else { return };
    if screen.shown.is_empty() {
        let words = match (screen.words.value(), screen.shows_equal) {
            ("", false) => "nothing differs between these runs; d shows everything".to_owned(),
            ("", true) => "these runs have nothing to compare".to_owned(),
            (words, _) => format!("nothing matches {}; esc clears it", text::clean(words)),
        };
        centred(frame, area, vec![Line::styled(words, theme.dim)]);
        return;
    }
    let table = Table { screen, comparison, theme, best_run: app.best.run_id(), now: app.now };
    if screen.is_turned { table.members_as_lines(frame, area) } else { table.keys_as_lines(frame, area) }
}

impl Table<'_> {
    fn keys_as_lines(&self, frame: &mut Frame<'_>, area: Rect) {
        let Self { screen, theme, .. } = self;
        let height = area.height.saturating_sub(1) as usize;
        let lines: Vec<usize> = screen.key_cursor.window(screen.shown.len(), height).collect();
        let entries: Vec<(&Entry, Bound)> = lines.iter().filter_map(|at| self.bound_entry(*at)).collect();
        let sample = &entries[..entries.len().min(SAMPLE)];
        let longest = entries.iter().map(|(entry, _)| text::width(&title(entry))).max().unwrap_or(0);
        let kind = if area.width >= 70 { KIND + 1 } else { 0 };
        let key = pinned(longest, area.width);
        let width_of = |member: usize| {
            let cells = sample.iter().map(|(entry, bound)| text::width(&self.words(entry, bound, member).0));
            let (name, _) = self.comparison.title(member);
            let name = text::width(&text::clean(name)) + 3;
            cells.max().unwrap_or(0).max(name).clamp(VALUE.0, widest(area.width))
        };
        let window =
            window(screen.member_cursor.at, screen.members(), kind + key + 3, area.width as usize, width_of);
        let mut header = vec![Span::raw(" ".repeat(kind + key + 1))];
        for (at, width) in window.widths.iter().enumerate() {
            let member = window.first + at;
            header.push(Span::raw("  "));
            header.extend(self.member_title(member, *width, true));
        }
        self.arrows(&mut header, &window, screen.members(), area.width as usize);
        frame.render_widget(Line::from(header), Rect { height: 1, ..area });
        let mut last_kind = None;
        for (y, (at, (entry, bound))) in lines.iter().zip(&entries).enumerate() {
            let is_chosen = *at == screen.key_cursor.at;
            let mut spans = vec![Span::raw(" ")];
            if kind > 0 {
                let word = if last_kind == Some(entry.kind) { "" } else { entry.kind.word() };
                last_kind = Some(entry.kind);
                spans.push(Span::styled(text::fit(word, kind, ""), theme.dim));
            }
            let style = if entry.differs { theme.text } else { theme.dim };
            spans.push(Span::styled(text::fit(&title(entry), key, theme.glyphs.ellipsis), style));
            for (column, width) in window.widths.iter().enumerate() {
                let member = window.first + column;
                let (words, style) = self.words(entry, bound, member);
                let style = if is_chosen && member == screen.member_cursor.at {
                    style.add_modifier(Modifier::UNDERLINED)
                } else {
                    style
                };
                spans.push(Span::raw("  "));
                spans.push(Span::styled(text::fit_right(&words, *width, theme.glyphs.ellipsis), style));
            }
            self.put(frame, area, y, spans, is_chosen);
        }
    }

    fn members_as_lines(&self, frame: &mut Frame<'_>, area: Rect) {
        let Self { screen, theme, .. } = self;
        let height = area.height.saturating_sub(1) as usize;
        let lines: Vec<usize> = screen.member_cursor.window(screen.members(), height).collect();
        let names =
            lines.iter().map(|member| text::width(&text::clean(self.comparison.title(*member).0)) + 7);
        let name = pinned(names.max().unwrap_or(0), area.width);
        let width_of = |at: usize| {
            let Some((entry, bound)) = self.bound_entry(at) else { return VALUE.0 };
            let cells =
                lines.iter().take(SAMPLE).map(|member| text::width(&self.words(entry, &bound, *member).0));
            cells.max().unwrap_or(0).max(text::width(&title(entry))).clamp(6, widest(area.width))
        };
        let window =
            window(screen.key_cursor.at, screen.shown.len(), name + 3, area.width as usize, width_of);
        let mut header = vec![Span::raw(" ".repeat(name + 1))];
        let entries: Vec<(&Entry, Bound)> = (window.first..window.first + window.widths.len())
            .filter_map(|at| self.bound_entry(at))
            .collect();
        for (at, ((entry, _), width)) in entries.iter().zip(&window.widths).enumerate() {
            let is_chosen = window.first + at == screen.key_cursor.at;
            let style = if is_chosen { theme.chosen_column } else { theme.heading };
            header.push(Span::raw("  "));
            header.push(Span::styled(text::fit_right(&title(entry), *width, theme.glyphs.ellipsis), style));
        }
        self.arrows(&mut header, &window, screen.shown.len(), area.width as usize);
        frame.render_widget(Line::from(header), Rect { height: 1, ..area });
        for (y, member) in lines.iter().enumerate() {
            let is_chosen = *member == screen.member_cursor.at;
            let mut spans = vec![Span::raw(" ")];
            spans.extend(self.member_title(*member, name, false));
            for ((entry, bound), width) in entries.iter().zip(&window.widths) {
                let (words, style) = self.words(entry, bound, *member);
                spans.push(Span::raw("  "));
                spans.push(Span::styled(text::fit_right(&words, *width, theme.glyphs.ellipsis), style));
            }
            self.put(frame, area, y, spans, is_chosen);
        }
    }

    fn put(&self, frame: &mut Frame<'_>, area: Rect, y: usize, mut spans: Vec<Span<'_>>, is_chosen: bool) {
        if is_chosen {
            let used: usize = spans.iter().map(Span::width).sum();
            spans.push(Span::raw(" ".repeat((area.width as usize).saturating_sub(used))));
            for span in &mut spans {
                span.style = span.style.patch(self.theme.selection);
            }
        }
        frame.render_widget(Line::from(spans), Rect { y: area.y + 1 + y as u16, height: 1, ..area });
    }

    fn bound_entry(&self, at: usize) -> Option<(&Entry, Bound)> {
        let entry = self.screen.entry(at)?;
        Some((entry, self.comparison.bound(entry)))
    }

    /// Letter, name, and how many runs stand behind it.
    fn member_title(&self, member: usize, width: usize, is_column: bool) -> Vec<Span<'static>> {
        let theme = self.theme;
        let (name, others) = self.comparison.title(member);
        let slot = self.screen.slot(member);
        let is_base = self.screen.baseline_member() == Some(member);
        let others = if others > 0 { format!(" +{others}") } else { String::new() };
        let base = if is_base { " base" } else { "" };
        let is_best = self.comparison.members[member].rows.iter().any(|row| {
            let id = self.comparison.catalog.run_id(*row);
            self.best_run == Some(id)
        });
        let sign = if is_best { theme.glyphs.best } else { "" };
        let sign_width = text::width(sign);
        let room = width.saturating_sub(2 + others.len() + base.len() + sign_width);
        let name = text::cut(&text::clean(name), room, theme.glyphs.ellipsis);
        let used = 2 + text::width(&name) + others.len() + base.len() + sign_width;
        let padding = Span::raw(" ".repeat(width.saturating_sub(used)));
        let is_chosen = is_column && member == self.screen.member_cursor.at;
        let style = if is_chosen { theme.chosen_column } else { theme.heading };
        let mut spans = vec![
            Span::styled(format!("{} ", letter(slot)), theme.line(slot)),
            Span::styled(sign, theme.good),
            Span::styled(name, style),
            Span::styled(others, theme.dim),
            Span::styled(base, theme.chip),
        ];
        // Names stand above numbers that stand to the right.
        spans.insert(if is_column { 0 } else { spans.len() }, padding);
        spans
    }

    /// What a cell says, and how.
    fn words(&self, entry: &Entry, bound: &Bound, member: usize) -> (String, Style) {
        let theme = self.theme;
        let cell = self.comparison.cell(entry, bound, member, self.now);
        let is_best = self.comparison.is_best(entry, &cell);
        let is_base = self.screen.baseline_member() == Some(member);
        let difference = match self.screen.show {
            Show::Values => None,
            _ if is_base => None,
            _ => self.screen.difference(entry, &cell, self.now),
        };
        let star = if is_best { theme.glyphs.best } else { "" };
        if let Some((by, share)) = difference {
            let words = match (self.screen.show, share) {
                (Show::Relative, Some(share)) => percent(share),
                _ => signed(by),
            };
            let style = match entry.goal {
                Some(_) if by == 0.0 || by.is_nan() => theme.dim,
                Some(Goal::Minimize) if by < 0.0 => theme.good,
                Some(Goal::Maximize) if by > 0.0 => theme.good,
                Some(_) => theme.bad,
                None => theme.text,
            };
            return (format!("{star}{words}"), style);
        }
        let words = text::clean(&cell_words(&cell)).into_owned();
        let count = match cell {
            CompareCell::Mean { count, infinite, .. } if infinite > 0 && infinite != count => {
                format!(" ({count}, {infinite} inf)")
            }
            CompareCell::Mean { count, .. } => format!(" ({count})"),
            _ => String::new(),
        };
        let style = match cell {
            CompareCell::Missing => theme.dim,
            _ if is_best => theme.good.add_modifier(Modifier::BOLD),
            _ if !entry.differs => theme.dim,
            _ => theme.text,
        };
        (format!("{star}{words}{count}"), style)
    }

    /// That there is more to the left and to the right.
    fn arrows(&self, header: &mut Vec<Span<'_>>, window: &Window, count: usize, width: usize) {
        let theme = self.theme;
        if window.first > 0 {
            header[0] = Span::raw(" ".repeat(header[0].width().saturating_sub(1)));
            header.insert(1, Span::styled(theme.glyphs.more_left, theme.accent));
        }
        if window.first + window.widths.len() < count {
            let used: usize = header.iter().map(Span::width).sum();
            header.push(Span::raw(" ".repeat(width.saturating_sub(used + 1))));
            header.push(Span::styled(theme.glyphs.more_right, theme.accent));
        }
    }
}

/// The cells of the pinned column: a third of the screen at most.
fn pinned(longest: usize, width: u16) -> usize {
    longest.clamp(KEY.0, KEY.1).min((width as usize / 3).max(4))
}

fn widest(width: u16) -> usize {
    if width < 100 { NARROW } else { VALUE.1 }
}

/// The columns beside the pinned one that are seen, the chosen one among them and as far to the right as it must be.
fn window(
    chosen: usize,
    count: usize,
    pinned: usize,
    width: usize,
    width_of: impl Fn(usize) -> usize,
) -> Window {
    let room = width.saturating_sub(pinned);
    let mut first = chosen.min(count.saturating_sub(1));
    let mut used = width_of(first) + 2;
    while first > 0 {
        let more = width_of(first - 1) + 2;
        if used + more > room {
            break;
        }
        used += more;
        first -= 1;
    }
    let mut widths = Vec::new();
    let mut used = 0;
    for at in first..count {
        let more = width_of(at);
        if used + more + 2 > room && !widths.is_empty() {
            break;
        }
        used += more + 2;
        widths.push(more.min(room.saturating_sub(2).max(1)));
    }
    Window { pinned, first, widths }
}

fn title(entry: &Entry) -> String {
    match entry.kind {
        crate::compare::EntryKind::Attribute => entry.spec.name(),
        _ => text::clean(entry.spec.title()).into_owned(),
    }
}

fn signed(by: f64) -> String {
    let words = text::number(by);
    if by > 0.0 { format!("+{words}") } else { words }
}

/// A share as a percentage with its sign.
fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let digits = if percent.abs() < 10.0 { 2 } else { usize::from(percent.abs() < 100.0) };
    if percent.abs() >= 1e6 { format!("{percent:+.1e}%") } else { format!("{percent:+.digits$}%") }
}
