//! A file that is looked into, drawn.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};

use super::table::{Table, is_gap};
use super::{FilePart, Preview, TextLine};
use crate::text;
use crate::tui::core::app::App;
use crate::tui::core::go;
use crate::tui::features::details::artifacts::OpenFile;
use crate::tui::features::details::series::LoggedImage;
use crate::tui::features::details::view::{below_heading, wrapped};
use crate::tui::widgets::frame::centred;
use crate::tui::widgets::theme::{ImageColors, Theme};

/// A file that is looked into, under its name.
pub fn draw_file(app: &App, opened: &OpenFile, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let body = below_heading(area);
    draw_heading(app, opened, theme, frame, area);
    let width = body.width as usize;
    match opened.content.answer() {
        Some(Ok(Preview::Text { lines, .. })) => {
            for (y, line) in lines.iter().skip(opened.top).take(body.height as usize).enumerate() {
                let place = Rect { y: body.y + y as u16, height: 1, ..body };
                frame.render_widget(styled(line, opened.left, width, theme), place);
                mark(frame, place, app.details.find.at == Some(opened.top + y), theme);
            }
        }
        Some(Ok(Preview::Table { table, .. })) => {
            draw_table(table, opened, theme, frame, body);
            let found = app.details.find.at.and_then(|at| at.checked_sub(opened.top));
            if let Some(y) = found.filter(|y| y + 1 < body.height as usize) {
                mark(frame, Rect { y: body.y + 1 + y as u16, height: 1, ..body }, true, theme);
            }
        }
        // It is drawn elsewhere.
        Some(Ok(Preview::Image { .. })) if app.has_pixels => {}
        Some(Ok(Preview::Image { pixels, .. }))
            if theme.images != ImageColors::None && !theme.glyphs.is_ascii =>
        {
            draw_image(pixels, theme.images, frame, body);
        }
        Some(Ok(Preview::Image { .. })) => {
            let words = "images need a terminal with 256 or more colours (TERM, COLORTERM)";
            let words = text::cut(words, width, theme.glyphs.ellipsis);
            centred(frame, body, vec![Line::styled(words, theme.dim)]);
        }
        Some(Err(error)) => {
            let told = [(error.kind.to_string(), theme.bad), (error.hint().to_owned(), theme.dim)];
            centred(frame, body, wrapped(&told, body.width));
        }
        Some(Ok(Preview::Nothing(why))) => {
            centred(frame, body, wrapped(&[(why.clone(), theme.dim)], body.width));
        }
        None => {}
    }
}

/// The line that was found.
fn mark(frame: &mut Frame<'_>, place: Rect, is_found: bool, theme: &Theme) {
    if is_found {
        frame.buffer_mut().set_style(place, theme.selection);
    }
}

/// What the file is called, and what there is of it.
fn draw_heading(app: &App, opened: &OpenFile, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let height = below_heading(area).height;
    let area = Rect { height: 1, ..area };
    let width = area.width as usize;
    let (kind, style) = match opened.content.answer() {
        None => ("loading".to_owned(), theme.dim),
        Some(Err(_)) => ("not read".to_owned(), theme.bad),
        Some(Ok(Preview::Text { kind, lines, cut, .. })) => {
            let more = if *cut { " at least" } else { "" };
            let from = match opened.left {
                0 => String::new(),
                left => format!(", from character {}", text::count(left + 1)),
            };
            (format!("{kind},{more} {}{from}", text::counted(lines.len(), "line")), theme.dim)
        }
        Some(Ok(Preview::Table { kind, table })) => {
            (format!("{kind}, {}", extent(table, opened.left, width, theme)), theme.dim)
        }
        Some(Ok(Preview::Image { kind, size, .. })) => {
            (format!("{kind}, {} x {} pixels", size.0, size.1), theme.dim)
        }
        // It is said below, where there is room for it.
        Some(Ok(Preview::Nothing(_))) => (String::new(), theme.dim),
    };
    let kind = match opened.part {
        FilePart::End if opened.content.is_waiting() => format!("reading its end {}", theme.glyphs.ellipsis),
        FilePart::End | FilePart::Beginning => kind,
    };
    let (name, kind) = match (LoggedImage::of(&opened.path), app.details.artifacts.series(&opened.path)) {
        (Some(image), Some((images, at))) => {
            let keys =
                |action: go::Action| app.keymap.keys_of(action.into()).first().copied().unwrap_or_default();
            let (before, after) = (keys(go::Action::Left), keys(go::Action::Right));
            let of = text::count(images.len());
            (image.to_string(), format!("{} of {of} ({before}, {after}), {kind}", text::count(at + 1)))
        }
        (Some(image), None) => (image.to_string(), kind),
        (None, _) => (below_model(&opened.path).to_owned(), kind),
    };
    let name = text::without_middle(&text::clean(&name), width / 2, theme.glyphs.ellipsis);
    let room = width.saturating_sub(text::width(&name) + 2);
    let kind = text::cut(&text::clean(&kind), room, theme.glyphs.ellipsis);
    let heading =
        Line::from(vec![Span::styled(name, theme.accent), Span::styled(format!("  {kind}"), style)]);
    let free = width.saturating_sub(heading.width());
    frame.render_widget(heading, area);
    let share = opened.content.value().and_then(|content| seen_share(content, opened.top, height));
    if let Some(share) = share.map(|share| format!("{share}%")).filter(|share| free > share.len() + 1) {
        let place = Rect { x: area.x + area.width - share.len() as u16, width: share.len() as u16, ..area };
        frame.render_widget(Span::styled(share, theme.dim), place);
    }
}

/// The path of a file of a logged model from the model's folder; that of other files as it is.
fn below_model(path: &str) -> &str {
    let below = path.strip_prefix("models:/").and_then(|path| path.split_once('/'));
    below.map_or(path, |(_, below)| below)
}

/// How much of a file stands above the end of the screen, in percent; none where all of it is seen, or nobody knows.
fn seen_share(content: &Preview, top: usize, height: u16) -> Option<usize> {
    let is_part = match content {
        Preview::Text { cut, .. } => *cut,
        Preview::Table { table, .. } => table.is_part,
        Preview::Image { .. } | Preview::Nothing(_) => false,
    };
    if is_part {
        return None;
    }
    let (seen, length) = ((height as usize).saturating_sub(content.header()), content.length());
    (length > seen).then(|| (top + seen).min(length) * 100 / length)
}

/// How much a table holds, and which columns of it are seen.
fn extent(table: &Table, left: usize, width: usize, theme: &Theme) -> String {
    let kept = table.rows.len();
    let rows = text::counted(table.all_rows, "row");
    let rows = if kept < table.all_rows { format!("first {} of {rows}", text::count(kept)) } else { rows };
    let shown = table.shown(left, width);
    let columns = match (shown.first(), shown.last()) {
        (Some((first, _)), Some((last, _))) if shown.len() < table.all_columns => {
            let more = |is_more: bool, glyph: &'static str| if is_more { glyph } else { "" };
            let before = more(*first > 0, theme.glyphs.more_left);
            let after = more(last + 1 < table.all_columns, theme.glyphs.more_right);
            let (first, last) = (text::count(first + 1), text::count(last + 1));
            let seen =
                if first == last { format!("column {first}") } else { format!("columns {first}-{last}") };
            format!("{before}{seen} of {}{after}", text::count(table.all_columns))
        }
        _ => text::counted(table.all_columns, "column"),
    };
    format!("{rows}, {columns}")
}

/// A line in its colours, without what is left of the screen.
fn styled(line: &TextLine, left: usize, width: usize, theme: &Theme) -> Line<'static> {
    let (from, pad) = text::behind(&line.words, left);
    let words = &line.words[from..];
    let shown = text::cut(words, width.saturating_sub(pad), theme.glyphs.ellipsis);
    let is_cut = shown != words;
    let end = if is_cut { shown.len().saturating_sub(theme.glyphs.ellipsis.len()) } else { shown.len() };
    let mut spans = vec![Span::raw(" ".repeat(pad))];
    let mut at = 0;
    for (to, kind) in &line.parts {
        let to = to.saturating_sub(from).min(end);
        if to > at {
            spans.push(Span::styled(shown[at..to].to_owned(), theme.kind(*kind)));
            at = to;
        }
    }
    spans.push(Span::styled(shown[at..].to_owned(), theme.text));
    Line::from(spans)
}

/// The titles stay above the rows.
fn draw_table(table: &Table, opened: &OpenFile, theme: &Theme, frame: &mut Frame<'_>, area: Rect) {
    let shown = table.shown(opened.left, area.width as usize);
    let line = |cell: &dyn Fn(usize) -> Option<String>, style: &dyn Fn(&str) -> Style| {
        let mut spans = Vec::new();
        for (at, width) in &shown {
            let Some(words) = cell(*at) else { break };
            let fit = if table.columns[*at].is_number { text::fit_right } else { text::fit };
            if !spans.is_empty() {
                spans.push(Span::raw("  "));
            }
            spans.push(Span::styled(fit(&words, *width, theme.glyphs.ellipsis), style(&words)));
        }
        Line::from(spans)
    };
    let titles = line(&|at| Some(table.columns[at].title.clone()), &|_| theme.heading);
    frame.render_widget(titles, Rect { height: area.height.min(1), ..area });
    let body = below_heading(area);
    if table.rows.is_empty() {
        let words = if table.columns.is_empty() { "no rows and no columns" } else { "no rows" };
        return centred(frame, body, vec![Line::styled(words, theme.dim)]);
    }
    for (y, row) in table.rows.iter().skip(opened.top).take(body.height as usize).enumerate() {
        let style = |words: &str| if is_gap(words) { theme.dim } else { theme.text };
        let line = line(&|at| row.get(at).cloned(), &style);
        frame.render_widget(line, Rect { y: body.y + y as u16, height: 1, ..body });
    }
}

/// An image in half blocks: two pixels a cell, one above the other.
fn draw_image(pixels: &[Vec<[u8; 3]>], colors: ImageColors, frame: &mut Frame<'_>, area: Rect) {
    let (height, width) = (pixels.len(), pixels.first().map_or(0, Vec::len));
    let (columns, rows) = (area.width as usize, area.height as usize * 2);
    if width == 0 || columns == 0 || rows == 0 {
        return;
    }
    // As large as it fits, and never larger than it is.
    let scale = (columns as f64 / width as f64).min(rows as f64 / height as f64).min(1.0);
    let (drawn_width, drawn_height) =
        (((width as f64 * scale) as usize).max(1), ((height as f64 * scale) as usize).max(1));
    // Each drawn pixel is the mean of those that it stands for.
    let part = |at: usize, drawn: usize, all: usize| (at * all / drawn)..((at + 1) * all).div_ceil(drawn);
    let pixel = |x: usize, y: usize| {
        let (mut sums, mut count) = ([0_u32; 3], 0);
        for row in &pixels[part(y, drawn_height, height)] {
            for pixel in &row[part(x, drawn_width, width)] {
                sums = std::array::from_fn(|at| sums[at] + u32::from(pixel[at]));
                count += 1;
            }
        }
        let [red, green, blue] = sums.map(|sum| (sum / count.max(1)) as u8);
        match colors {
            ImageColors::Indexed => Color::Indexed(indexed([red, green, blue])),
            _ => Color::Rgb(red, green, blue),
        }
    };
    for row in 0..drawn_height.div_ceil(2) {
        let spans: Vec<Span<'_>> = (0..drawn_width)
            .map(|x| {
                let style = Style::new().fg(pixel(x, row * 2));
                let has_lower = row * 2 + 1 < drawn_height;
                Span::styled("▀", if has_lower { style.bg(pixel(x, row * 2 + 1)) } else { style })
            })
            .collect();
        frame.render_widget(Line::from(spans), Rect { y: area.y + row as u16, height: 1, ..area });
    }
}

/// The nearest colour of the cube of 6 x 6 x 6 that terminals with 256 colours have.
fn indexed(color: [u8; 3]) -> u8 {
    const LEVELS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let nearest = |value: u8| (0..6_u8).min_by_key(|at| LEVELS[*at as usize].abs_diff(value)).unwrap_or(0);
    let [red, green, blue] = color.map(nearest);
    16 + 36 * red + 6 * green + blue
}
