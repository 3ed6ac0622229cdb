//! Data sets, drawn: the list, and below it the schema of the one under the cursor.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Widget;

use super::update::about;
use super::{DatasetsScreen, contexts, source};
use crate::store::UsedDataset;
use crate::text;
use crate::tui::core::app::App;
use crate::tui::widgets::boxes::put;
use crate::tui::widgets::frame::{centred, pane_block};
use crate::tui::widgets::table::{Rows, below_titles};
use crate::tui::widgets::theme::Theme;

/// From this height on there is room for more about what is under the cursor.
const TALL: u16 = 12;
/// Cells of a name at most, and those of digest, context and number of runs.
const NAME: usize = 36;
const DIGEST: usize = 12;
const CONTEXT: usize = 20;
const RUNS: usize = 7;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatasetPlaces {
    /// With its frame.
    pub list: Rect,
    pub details: Option<Rect>,
}

impl DatasetPlaces {
    /// Data sets that there is room for: below the titles.
    pub fn rows(&self) -> usize {
        self.list.height.saturating_sub(3) as usize
    }
}

/// The list is as tall as it needs to be, up to half of the screen.
pub fn places(body: Rect, sets: usize) -> DatasetPlaces {
    if body.height < TALL {
        return DatasetPlaces { list: body, details: None };
    }
    let needed = (sets + 3).min(body.height as usize) as u16;
    let height = body.height - needed.clamp(5, body.height / 2);
    DatasetPlaces {
        list: Rect { height: body.height - height, ..body },
        details: Some(Rect { y: body.y + body.height - height, height, ..body }),
    }
}

pub fn draw(app: &App, screen: &DatasetsScreen, theme: &Theme, frame: &mut Frame<'_>, body: Rect) {
    let places = places(body, screen.length());
    list(app, screen, theme, frame, places.list);
    if let Some((area, used)) = places.details.zip(screen.under_cursor()) {
        details(used, theme, frame, area);
    } else if let Some(area) = places.details {
        frame.render_widget(pane_block(theme, false, Line::default()), area);
    }
}

fn list(app: &App, screen: &DatasetsScreen, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let mut title = vec![Span::styled(" Data sets ", theme.accent)];
    if screen.sets.value().is_some() {
        title.push(Span::styled(format!("{} ", text::count(screen.length())), theme.dim));
    }
    let name =
        text::without_middle(&text::clean(&screen.name), area.width as usize / 2, theme.glyphs.ellipsis);
    title.push(Span::styled(format!("of {name} "), theme.dim));
    if let (Some(error), Some(age)) = (screen.sets.error(), screen.sets.age(app.now)) {
        let words = format!("as of {} ago: {} ", text::span(age), text::clean(&error.kind.to_string()));
        title.push(Span::styled(words, theme.bad));
    }
    let block = pane_block(theme, true, Line::from(title));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let sets = match (screen.sets.value(), screen.sets.error()) {
        (Some(sets), _) if !sets.is_empty() => sets,
        (Some(_), _) => {
            let lines = [
                ("no run was given a data set", theme.text),
                ("mlflow.log_input tells which it was", theme.dim),
            ];
            return centred(frame, inner, lines.map(|(words, style)| Line::styled(words, style)).into());
        }
        (None, Some(error)) => {
            let lines = [(error.to_string(), theme.bad), (error.hint().to_owned(), theme.dim)];
            let lines = lines.into_iter().flat_map(|(words, style)| {
                let parts = text::wrap(&text::clean(&words), inner.width as usize);
                parts.into_iter().map(move |part| Line::styled(part, style))
            });
            return centred(frame, inner, lines.collect());
        }
        (None, None) => {
            return centred(frame, inner, vec![Line::styled("loading", theme.dim)]);
        }
    };
    let rows = Rows::new(below_titles(inner), screen.cursor, sets.len());
    let shown = sets.get(rows.shown.clone()).unwrap_or_default();
    let width = inner.width as usize;
    let name = shown.iter().map(|used| text::width(&text::clean(&used.dataset.name))).max().unwrap_or(0);
    let name = name.clamp(8, NAME.min(width / 3).max(8));
    let titles = cells(["Name", "Digest", "Context", "Runs", "Source"], name, width, theme);
    frame.render_widget(Line::styled(titles, theme.heading), Rect { height: 1, ..inner });
    rows.draw_bar(frame, inner.right(), true, theme);
    rows.draw(frame.buffer_mut(), theme.selection, |at, place, buffer| {
        let used = &sets[at];
        let parts = [
            used.dataset.name.clone(),
            used.dataset.digest.clone(),
            contexts(used),
            text::count(used.uses.len()),
            source(used),
        ];
        let parts = parts.map(|part| text::clean(&part).into_owned());
        let line = cells(parts.each_ref().map(String::as_str), name, width, theme);
        Line::styled(line, theme.text).render(place, buffer);
    });
}

/// A line of the list: as many of its cells as there is room for.
fn cells(parts: [&str; 5], name: usize, width: usize, theme: &Theme) -> String {
    let [label, digest, context, runs, source] = parts;
    let ellipsis = theme.glyphs.ellipsis;
    let mut line =
        format!(" {}  {} ", text::fit(label, name, ellipsis), text::fit_right(runs, RUNS, ellipsis));
    for (part, cells) in [(digest, DIGEST), (context, CONTEXT)] {
        if text::width(&line) + cells < width {
            line = format!("{line} {} ", text::fit(part, cells, ellipsis));
        }
    }
    let room = width.saturating_sub(text::width(&line) + 1);
    if room > 8 { format!("{line} {}", text::cut(source, room, ellipsis)) } else { line }
}

fn details(used: &UsedDataset, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let name = text::cut(
        &text::clean(&used.dataset.name),
        (area.width as usize).saturating_sub(6),
        theme.glyphs.ellipsis,
    );
    let block = pane_block(theme, false, Line::styled(format!(" {name} "), theme.heading));
    let inner = block.inner(area);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    frame.render_widget(block, area);
    let lines = about(used);
    let room = inner.height as usize;
    for (at, line) in lines.iter().take(room).enumerate() {
        // What does not fit is told by the last line.
        let is_cut = at + 1 == room && lines.len() > room;
        let words = if is_cut {
            format!("{} more lines: v shows all", text::count(lines.len() - at))
        } else {
            text::clean(line).into_owned()
        };
        let style = if is_cut { theme.dim } else { theme.text };
        let words = text::cut(&words, inner.width as usize, theme.glyphs.ellipsis);
        put(frame, inner, at, Line::styled(words, style));
    }
}
