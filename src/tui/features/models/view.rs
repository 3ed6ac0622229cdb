//! The registry, drawn: models, the versions of one as a timeline, and more about what is under the cursor.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::arranging::VersionOrder;
use super::cells::{VersionColumns, model_row};
use super::describe::{self, Extent, ToldLine, ToldRole};
use super::layout::{areas, inside};
use super::screen::{ModelsPane, ModelsScreen};
use super::update::told;
use crate::store::{ErrorKind, StoreError};
use crate::text;
use crate::tui::core::app::App;
use crate::tui::widgets::boxes::put;
use crate::tui::widgets::frame::{centred, pane_block};
use crate::tui::widgets::table::Rows;
use crate::tui::widgets::theme::Theme;

/// Cells of the keys in what is said of a model or version.
const KEY: usize = 13;

pub fn draw(app: &App, screen: &ModelsScreen, theme: &Theme, frame: &mut Frame<'_>, body: Rect) {
    let places = areas(body, screen.pane);
    if let Some(area) = places.models {
        models(app, screen, theme, frame, area);
    }
    if let Some(area) = places.versions {
        versions(app, screen, theme, frame, area);
    }
    if let Some(area) = places.details {
        details(app, screen, theme, frame, area);
    }
}

fn block<'a>(
    theme: &Theme,
    focused: bool,
    title: &str,
    rest: Vec<Span<'a>>,
    width: u16,
) -> ratatui::widgets::Block<'a> {
    let room = (width as usize).saturating_sub(4);
    let title = text::without_middle(&text::clean(title), room, theme.glyphs.ellipsis);
    let style = if focused { theme.accent } else { theme.text };
    let mut left = room.saturating_sub(text::width(&title) + 1);
    let mut spans = vec![Span::styled(format!(" {title} "), style)];
    for span in rest {
        let words = text::cut(&span.content, left, theme.glyphs.ellipsis);
        left -= text::width(&words);
        spans.push(Span::styled(words, span.style));
    }
    pane_block(theme, focused, Line::from(spans))
}

/// What went wrong, in words for the middle of a pane.
fn failure<'a>(error: &StoreError, theme: &Theme, width: u16) -> Vec<Line<'a>> {
    let told = [(error.kind.to_string(), theme.bad), (error.hint().to_owned(), theme.dim)];
    let told: &[(String, Style)] = match &error.kind {
        ErrorKind::Unsupported(_) => &told[..1],
        _ => &told,
    };
    let lines = told.iter().flat_map(|(words, style)| {
        let parts = text::wrap(&text::clean(words), width as usize);
        parts.into_iter().map(|part| Line::styled(part, *style))
    });
    lines.collect()
}

fn models(app: &App, screen: &ModelsScreen, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let focused = screen.pane == ModelsPane::Models;
    let room = inside(area);
    let of = screen.models.value().map_or(0, |models| models.len());
    let mut rest = Vec::new();
    let words = screen.words.value().trim();
    if screen.models.value().is_some() {
        let count = if words.is_empty() {
            text::count(of)
        } else {
            format!("{} of {}", text::count(screen.shown.len()), text::count(of))
        };
        rest.push(Span::styled(format!("{count} "), theme.dim));
        if !words.is_empty() {
            rest.push(Span::styled(format!("/{} ", text::clean(words)), theme.chip));
        }
        if screen.is_partial {
            rest.push(Span::styled("loading more ", theme.warn));
        }
        if let Some(error) = screen.models.error() {
            let age = screen.models.age(app.now).unwrap_or(0);
            let words = format!("as of {} ago: {} ", text::span(age), text::clean(&error.kind.to_string()));
            rest.push(Span::styled(words, theme.bad));
        }
    }
    frame.render_widget(block(theme, focused, "Models", rest, area.width), area);
    let Some(known) = screen.models.value() else {
        let lines = match screen.models.error() {
            Some(error) => failure(error, theme, room.width),
            None => vec![Line::styled("loading", theme.dim)],
        };
        return centred(frame, room, lines);
    };
    if screen.shown.is_empty() {
        let words = match (words.is_empty(), app.read_only) {
            (false, _) => "no model has that in its name, aliases, tags or description",
            (true, true) => "no registered models",
            (true, false) => "no registered models; B on a run registers its model",
        };
        let lines =
            text::wrap(words, room.width as usize).into_iter().map(|part| Line::styled(part, theme.dim));
        return centred(frame, room, lines.collect());
    }
    let rows = Rows::new(room, screen.cursor, screen.shown.len());
    let under_cursor = if focused { theme.selection } else { theme.unfocused_selection };
    rows.draw_bar(frame, area.right() - 1, focused, theme);
    rows.draw(frame.buffer_mut(), under_cursor, |at, place, buffer| {
        let Some(model) = screen.shown.get(at).and_then(|at| known.get(*at)) else { return };
        model_row(model, place.width as usize, app.now, theme).render(place, buffer);
    });
}

fn versions(app: &App, screen: &ModelsScreen, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let focused = screen.pane == ModelsPane::Versions;
    let title = screen.chosen.as_deref().unwrap_or("Versions");
    let all = screen.versions();
    let mut rest = Vec::new();
    let count = screen.all_versions().len();
    let words = screen.version_words.value().trim();
    if count > 0 {
        let of = if words.is_empty() { String::new() } else { format!("{} of ", text::count(all.len())) };
        rest.push(Span::styled(format!("{of}{} ", text::counted(count, "version")), theme.dim));
    }
    if !words.is_empty() {
        rest.push(Span::styled(format!("/{} ", text::clean(words)), theme.chip));
    }
    if screen.version_order != VersionOrder::Newest {
        rest.push(Span::styled(format!("{} ", screen.version_order.word()), theme.chip));
    }
    if let Some(goal) = &screen.goal {
        let words =
            format!("{} {} ({}) ", theme.glyphs.separator, text::clean(&goal.metric), goal.goal.word());
        rest.push(Span::styled(words, theme.dim));
    }
    let error = screen.versions.error().or(screen.reading_origins.error());
    if let Some(error) = error.filter(|_| !all.is_empty()) {
        rest.push(Span::styled(format!("{} ", text::clean(&error.kind.to_string())), theme.bad));
    }
    frame.render_widget(block(theme, focused, title, rest, area.width), area);
    let room = inside(area);
    if all.is_empty() {
        let lines = match (screen.versions.error(), screen.versions.value()) {
            (Some(error), _) => failure(error, theme, room.width),
            (None, Some(_)) if count > 0 => vec![Line::styled("no version has that", theme.dim)],
            (None, Some(_)) if screen.of.is_some() => vec![Line::styled("no versions", theme.dim)],
            (None, _) if screen.chosen.is_none() => Vec::new(),
            (None, _) => vec![Line::styled("loading", theme.dim)],
        };
        return centred(frame, room, lines);
    }
    let body = Rect { y: room.y + 1, height: room.height.saturating_sub(1), ..room };
    let rows = Rows::new(body, screen.version_cursor, all.len());
    let seen = all.get(rows.shown.clone()).unwrap_or_default();
    let columns = VersionColumns::new(screen, seen, &app.selecting.alias, room.width as usize);
    put(frame, room, 0, columns.titles(theme));
    let under_cursor = if focused { theme.selection } else { theme.unfocused_selection };
    rows.draw_bar(frame, area.right() - 1, focused, theme);
    rows.draw(frame.buffer_mut(), under_cursor, |at, place, buffer| {
        let Some(version) = all.get(at) else { return };
        columns.row(version, app.now, theme).render(place, buffer);
    });
}

/// More about the version under the cursor, or about the model.
fn details(app: &App, screen: &ModelsScreen, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let Some(model) = screen.model() else {
        return frame.render_widget(block(theme, false, "", Vec::new(), area.width), area);
    };
    let (title, rest, lines) = match screen.version().filter(|_| screen.pane == ModelsPane::Versions) {
        Some(version) => {
            let mut rest = Vec::new();
            if !version.aliases.is_empty() {
                let badges = crate::registry::badges(&version.aliases);
                rest.push(Span::styled(format!("{} ", text::clean(&badges)), theme.selected));
            }
            if let Some(stage) = version.stage() {
                rest.push(Span::styled(format!("{} ", text::clean(stage)), theme.chip));
            }
            (
                format!("{} v{}", version.name, version.version),
                rest,
                told(app, screen, version, Extent::Short),
            )
        }
        None => (model.name.clone(), Vec::new(), describe::model(model, Extent::Short, app.now)),
    };
    frame.render_widget(block(theme, false, &title, rest, area.width), area);
    let room = inside(area);
    let lines: Vec<Line<'_>> = wrapped(&lines, room.width as usize, theme);
    let height = room.height as usize;
    let is_cut = lines.len() > height;
    for (at, line) in
        lines.into_iter().take(if is_cut { height.saturating_sub(1) } else { height }).enumerate()
    {
        put(frame, room, at, line);
    }
    if is_cut && height > 0 {
        put(
            frame,
            room,
            height - 1,
            Line::styled(format!("{} v shows all", theme.glyphs.ellipsis), theme.dim),
        );
    }
}

/// Keys and values, those that are long in several lines.
fn wrapped<'a>(told: &[ToldLine], width: usize, theme: &Theme) -> Vec<Line<'a>> {
    let room = width.saturating_sub(KEY).max(8);
    let mut lines = Vec::new();
    for line in told {
        let style = match line.role {
            ToldRole::Bad => theme.bad,
            ToldRole::Title => theme.heading,
            ToldRole::Plain | ToldRole::Row => theme.text,
        };
        let words = text::clean(&line.value);
        let parts = match line.role {
            ToldRole::Title | ToldRole::Row => vec![text::cut(&words, room, theme.glyphs.ellipsis)],
            ToldRole::Plain | ToldRole::Bad => text::wrap(&words, room),
        };
        let parts = if parts.is_empty() { vec![String::new()] } else { parts };
        for (at, part) in parts.into_iter().enumerate() {
            let key = text::fit(if at == 0 { line.key } else { "" }, KEY, "");
            lines.push(Line::from(vec![Span::styled(key, theme.dim), Span::styled(part, style)]));
        }
    }
    lines
}
