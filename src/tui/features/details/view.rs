//! One run, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::preview::view::draw_file;
use super::{DetailLine, LineRole, LineTarget, glance, metrics};
use crate::mlflow::RunId;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::layout::{Focus, Tab, details_body};
use crate::tui::widgets::frame::{centred, pane_block};
use crate::tui::widgets::report::view::styled;
use crate::tui::widgets::table::{Rows, scroll_bar};
use crate::tui::widgets::theme::Theme;

/// From this width on a file stands beside the tree that it was opened in.
pub(super) const SIDE_BY_SIDE: u16 = 96;
/// Cells before the first tab, and of the sign that there are others before it.
const LEAD: u16 = 3;
const MORE: u16 = 2;
/// Cells of a key at most where lines stand in columns, and cells between these.
const COLUMN_KEY: usize = 32;
pub(super) const BETWEEN: u16 = 3;
/// Cells of the size of a file.
pub(super) const SIZE: u16 = 8;

/// Draws the pane, but for charts: what of the line above them is left to say how they are drawn.
pub fn draw(app: &App, theme: &Theme, frame: &mut Frame<'_>, area: Rect) -> Option<Rect> {
    let focused = app.focus == Focus::Details;
    let block = pane_block(theme, focused, title(app, theme, focused, area.width));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let details = &app.details;
    let runs = &app.runs;
    let group = runs.group_under_cursor();
    if let Some(group) = group.filter(|_| details.tab != Tab::Charts) {
        let words = format!("a group of {}; x unfolds it", text::runs(group.runs.len()));
        centred(frame, inner, vec![Line::styled(words, theme.dim)]);
        return None;
    }
    // Without a row above there is nothing that the details could belong to.
    let Some(run) = details.run().filter(|_| runs.length() > 0) else {
        let words = match details.fetched.error() {
            Some(error) => Line::styled(text::clean(&error.to_string()).into_owned(), theme.bad),
            None if runs.length() == 0 => Line::styled("no run under the cursor", theme.dim),
            None => Line::styled("loading", theme.dim),
        };
        centred(frame, inner, vec![words]);
        return None;
    };
    let body = details_body(area);
    let area = Rect { y: body.y.saturating_sub(1), height: 1, ..body };
    // The run is said first: what is below belongs to it, whatever is selected above.
    let (style, status) = theme.status(run.info.status);
    let room = area.width.saturating_sub(12) as usize;
    let name = text::without_middle(&text::clean(&run.info.run_name), room, theme.glyphs.ellipsis);
    let mut heading = vec![Span::styled(name, theme.heading), Span::raw("  "), Span::styled(status, style)];
    if let Some(group) = group {
        let words = format!("  first of {} in the group", text::count(group.runs.len()));
        heading.push(Span::styled(words, theme.dim));
    }
    if let Some(error) = details.fetched.error() {
        let words = match details.fetched.age(app.now) {
            Some(age) if error.is_transient() => format!("as of {} ago, not refreshed", text::span(age)),
            Some(_) | None => error.kind.to_string(),
        };
        heading.push(Span::styled(format!("  {}", text::clean(&words)), theme.bad));
    }
    let heading = Line::from(heading);
    let used = heading.width();
    frame.render_widget(heading, area);
    if details.tab == Tab::Charts {
        let room = area.width.saturating_sub(used as u16 + 2);
        return Some(Rect { x: area.x + area.width - room, width: room, ..area });
    }
    let (lines, file) = areas(app, body);
    match details.artifacts.preview.as_ref().filter(|_| details.tab == Tab::Artifacts) {
        Some(opened) => {
            if let Some(lines) = lines {
                draw_lines(app, theme, frame, lines);
            }
            draw_file(app, opened, theme, frame, file);
        }
        None if details.titles() > 0 => metrics::view::draw(app, theme, frame, body),
        None => match details.glance_areas(body) {
            Some((tree, glance)) => {
                draw_lines(app, theme, frame, tree);
                glance::view::draw(app, theme, frame, glance);
            }
            None => draw_lines(app, theme, frame, body),
        },
    }
    None
}

/// Where the tree and the file that was opened in it are, with its heading: without room for both, only the file is seen.
fn areas(app: &App, body: Rect) -> (Option<Rect>, Rect) {
    if body.width < SIDE_BY_SIDE {
        return (None, body);
    }
    let (tree, file) = app.details.beside(body);
    (Some(tree), file)
}

/// The room of a file's content, below its heading, if one is seen.
pub fn file_area(app: &App) -> Option<Rect> {
    let is_seen = app.screens.is_empty()
        && app.details.tab == Tab::Artifacts
        && app.runs.length() > 0
        && app.runs.group_under_cursor().is_none()
        && app.details.run().is_some();
    let pane = app.geometry().details.filter(|_| is_seen)?;
    Some(below_heading(areas(app, details_body(pane)).1))
}

pub fn below_heading(area: Rect) -> Rect {
    Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area }
}

pub fn wrapped(told: &[(String, Style)], width: u16) -> Vec<Line<'static>> {
    let lines = told.iter().flat_map(|(words, style)| {
        let parts = text::wrap(&text::clean(words), width as usize);
        parts.into_iter().map(|part| Line::styled(part, *style))
    });
    lines.collect()
}

fn draw_lines(app: &App, theme: &Theme, frame: &mut Frame<'_>, body: Rect) {
    let details = &app.details;
    let length = details.length();
    if let Some(error) = details.artifacts.failure().filter(|_| details.tab == Tab::Artifacts) {
        let told = [(error.kind.to_string(), theme.bad), (error.hint().to_owned(), theme.dim)];
        return centred(frame, body, wrapped(&told, body.width));
    }
    if length == 0 {
        let words = match details.tab {
            Tab::Models if !details.knows_registered => "loading".to_owned(),
            Tab::Models => "no models: neither logged nor registered".to_owned(),
            Tab::Artifacts if details.models.is_waiting() => "loading".to_owned(),
            Tab::Artifacts if details.models.error().is_some() => {
                details.models.error().map_or_else(String::new, ToString::to_string)
            }
            Tab::Artifacts => {
                let place = details.run().map_or("", |run| run.info.artifact_uri.as_str());
                if place.is_empty() { "no artifacts".into() } else { format!("no artifacts in {place}") }
            }
            tab => format!("no {}", tab.title().to_lowercase()),
        };
        return centred(frame, body, wrapped(&[(words, theme.dim)], body.width));
    }
    // Beside the names of files there are mostly only their sizes.
    let most = match details.tab {
        Tab::Artifacts if !details.artifacts.says_more() => body.width.saturating_sub(2 + SIZE),
        _ => body.width * 3 / 5,
    };
    let key_width = details.longest_key().clamp(8, (most as usize).max(8));
    let focused = app.focus == Focus::Details;
    let under_cursor = if focused { theme.selection } else { Style::new() };
    let columns = details.columns(body);
    let key_width = if columns > 1 { key_width.min(COLUMN_KEY) } else { key_width };
    let all = Rows::in_columns(body, details.cursor, length, (columns, BETWEEN));
    let shown = all.iter().map(|rows| rows.shown.clone());
    let shown = shown.reduce(|first, next| first.start..next.end.max(first.end)).unwrap_or_default();
    scroll_bar(frame, (body, body.right() + 1), (shown.clone(), length), focused, theme);
    let lines = details.window(shown.clone(), &app.runs.name, app.now);
    for rows in all {
        rows.draw(frame.buffer_mut(), under_cursor, |at, place, buffer| {
            if let Some(line) = lines.get(at - shown.start) {
                drawn_line(app, line, (key_width, place.width as usize), theme).render(place, buffer);
            }
        });
    }
}

/// A line: what it is called, and what there is to say of that.
fn drawn_line<'a>(
    app: &App,
    line: &DetailLine,
    (key_width, width): (usize, usize),
    theme: &Theme,
) -> Line<'a> {
    let key = text::fit(&text::clean(&line.key), key_width, theme.glyphs.ellipsis);
    let room = width.saturating_sub(key_width + 2);
    let value = match &line.target {
        Some(LineTarget::Run(id)) => named(app, id),
        Some(
            LineTarget::Folder(_) | LineTarget::File(_) | LineTarget::FilesBelow(_) | LineTarget::Version(..),
        )
        | None => line.value.clone(),
    };
    let value = text::fit(&text::clean(&value), room, theme.glyphs.ellipsis);
    let (key_style, style) = match line.role {
        LineRole::Plain if app.details.tab == Tab::Artifacts => (theme.text, theme.dim),
        LineRole::Plain | LineRole::Note => (theme.dim, theme.text),
        LineRole::Dim => (theme.dim, theme.dim),
        LineRole::Warn => (theme.dim, theme.warn),
        LineRole::Bad => (theme.dim, theme.bad),
        LineRole::Heading => (theme.heading, theme.text),
    };
    let mut spans = vec![Span::styled(key, key_style), Span::raw("  ")];
    if line.styled.is_empty() {
        spans.push(Span::styled(value, style));
    } else {
        spans.extend(styled(&line.styled, room, theme));
    }
    Line::from(spans)
}

/// A run by its name, where that is known.
fn named(app: &App, id: &RunId) -> String {
    let catalog = &app.runs.catalog;
    match catalog.find(id.as_str()) {
        Some(row) => format!("{}  {id}", catalog.run_name(row)),
        None => id.to_string(),
    }
}

/// The tabs, of which the current one is marked and seen; where others do not fit, that is seen too.
fn title<'a>(app: &App, theme: &Theme, focused: bool, width: u16) -> Line<'a> {
    let mut spans = vec![Span::styled(" 3 ", if focused { theme.accent } else { theme.text })];
    let first = first_tab(width, app.details.tab);
    if first > 0 {
        spans.push(Span::styled(format!("{} ", theme.glyphs.ellipsis), theme.dim));
    }
    let mut room = tab_room(width).saturating_sub(if first > 0 { MORE as usize } else { 0 });
    for (at, tab) in Tab::ALL.into_iter().enumerate().skip(first) {
        let cells = tab.title().len() + 1;
        // Behind all but the last there has to be room for the sign that there are more.
        if cells + usize::from(at + 1 < Tab::ALL.len()) > room {
            spans.push(Span::styled(theme.glyphs.ellipsis, theme.dim));
            break;
        }
        room -= cells;
        let style = if tab == app.details.tab { theme.chosen_column } else { theme.dim };
        spans.push(Span::styled(tab.title(), style));
        spans.push(Span::raw(" "));
    }
    Line::from(spans)
}

/// Cells of the titles of tabs.
fn tab_room(width: u16) -> usize {
    width.saturating_sub(2 + LEAD) as usize
}

/// The first tab that is shown: further on where the current one would be cut off by the border.
fn first_tab(width: u16, current: Tab) -> usize {
    let at = Tab::ALL.iter().position(|tab| *tab == current).unwrap_or(0);
    let cells = |first: usize| {
        let titles: usize = Tab::ALL[first..=at].iter().map(|tab| tab.title().len() + 1).sum();
        titles + if first > 0 { MORE as usize } else { 0 } + usize::from(at + 1 < Tab::ALL.len())
    };
    let room = tab_room(width);
    (0..at).find(|first| cells(*first) <= room).unwrap_or(at)
}

/// The tab whose title stands at a place of the upper border.
pub fn tab_at(area: Rect, current: Tab, x: u16) -> Option<Tab> {
    let first = first_tab(area.width, current);
    let mut left = area.x + 1 + LEAD + if first > 0 { MORE } else { 0 };
    for tab in Tab::ALL.into_iter().skip(first) {
        let width = tab.title().len() as u16;
        if (left..left + width).contains(&x) {
            return Some(tab);
        }
        left += width + 1;
    }
    None
}
