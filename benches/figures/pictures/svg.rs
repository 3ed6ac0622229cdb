//! What stands in a terminal, as SVG: letters as text, lines, blocks and dots as shapes, so that any font will do.

use std::collections::HashMap;
use std::fmt::Write as _;

use vt100::{Cell, Color, Screen};

use crate::support::terminal::Terminal;

/// Pixels of a cell, and where in it letters stand.
const CELL: (f64, f64) = (9.0, 19.0);
const BASE: f64 = 14.0;
const MARGIN: f64 = 10.0;
const GROUND: &str = "#16181a";
const TEXT: &str = "#d8dde3";
/// Pixels below a film, for the key that was pressed.
const LABEL: f64 = 34.0;

/// A terminal as it is.
pub fn still(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    let mut body = String::new();
    for y in 0..rows {
        let _ =
            write!(body, "<g transform=\"translate(0 {:.1})\">{}</g>", f64::from(y) * CELL.1, row(screen, y));
    }
    whole(columns, rows, 0.0, "", &body)
}

/// Frames, each shown for some seconds, with the key that led there.
#[derive(Default)]
pub struct Film {
    frames: Vec<(Screen, String, f64)>,
}

impl Film {
    pub fn take(&mut self, terminal: &Terminal, key: &str, seconds: f64) {
        let screen = terminal.frame();
        // What has not changed is one frame.
        match self.frames.last_mut() {
            Some((last, _, shown))
                if key.is_empty() && last.contents_formatted() == screen.contents_formatted() =>
            {
                *shown += seconds;
            }
            _ => self.frames.push((screen, key.to_owned(), seconds)),
        }
    }

    /// All of it, again and again.
    pub fn svg(&self) -> String {
        let total: f64 = self.frames.iter().map(|(.., seconds)| seconds).sum();
        let (mut known, mut rows, mut body, mut style) =
            (HashMap::new(), String::new(), String::new(), String::new());
        let mut begin = 0.0;
        let mut size = (0, 0);
        for (at, (screen, key, seconds)) in self.frames.iter().enumerate() {
            size = screen.size();
            let share = |time: f64| time / total * 100.0;
            // Without animation the last one is seen.
            let rest = if at + 1 == self.frames.len() { "visible" } else { "hidden" };
            let _ = write!(
                style,
                ".f{at}{{visibility:{rest};animation:a{at} {total:.1}s step-end infinite}}@keyframes a{at}{{0%{{visibility:{}}}",
                if at == 0 { "visible" } else { "hidden" }
            );
            if at > 0 {
                let _ = write!(style, "{:.3}%{{visibility:visible}}", share(begin));
            }
            begin += seconds;
            let _ = write!(style, "{:.3}%{{visibility:hidden}}}}", share(begin).min(99.999));
            let _ = write!(body, "<g class=\"f{at}\">");
            for y in 0..size.0 {
                let drawn = row(screen, y);
                if drawn.is_empty() {
                    continue;
                }
                let count = known.len();
                let number = *known.entry(drawn.clone()).or_insert_with(|| {
                    let _ = write!(rows, "<g id=\"r{count}\">{drawn}</g>");
                    count
                });
                let _ = write!(body, "<use href=\"#r{number}\" y=\"{:.1}\"/>", f64::from(y) * CELL.1);
            }
            let _ = write!(body, "{}</g>", label(key, size));
        }
        whole(size.1, size.0, LABEL, &format!("<style>{style}</style><defs>{rows}</defs>"), &body)
    }
}

/// The key that was pressed, below the screen.
fn label(key: &str, (rows, columns): (u16, u16)) -> String {
    if key.is_empty() {
        return String::new();
    }
    let width = key.chars().count() as f64 * CELL.0 + 18.0;
    let (x, y) = (f64::from(columns) * CELL.0 / 2.0 - width / 2.0, f64::from(rows) * CELL.1 + 6.0);
    format!(
        "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"24\" rx=\"5\" fill=\"#2a4063\"/>\
         <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#f0f4fa\" font-weight=\"bold\">{}</text>",
        x + 9.0,
        y + 17.0,
        escaped(key)
    )
}

fn whole(columns: u16, rows: u16, below: f64, head: &str, body: &str) -> String {
    let (width, height) =
        (f64::from(columns) * CELL.0 + 2.0 * MARGIN, f64::from(rows) * CELL.1 + 2.0 * MARGIN + below);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" font-size=\"15\" \
         font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\">{head}\
         <rect width=\"{width:.0}\" height=\"{height:.0}\" rx=\"8\" fill=\"{GROUND}\"/>\
         <g transform=\"translate({MARGIN} {MARGIN})\" fill=\"{TEXT}\">{body}</g></svg>\n"
    )
}

/// What cells next to one another have in common.
#[derive(Clone, PartialEq)]
struct Look {
    color: Option<String>,
    is_bold: bool,
    is_underlined: bool,
}

/// A row: grounds, then shapes, then letters.
fn row(screen: &Screen, y: u16) -> String {
    let columns = screen.size().1;
    let cells: Vec<&Cell> = (0..columns).filter_map(|x| screen.cell(y, x)).collect();
    let mut drawn = String::new();
    let mut x = 0;
    while x < cells.len() {
        let ground = colors(cells[x]).1;
        let end = (x..cells.len()).find(|at| colors(cells[*at]).1 != ground).unwrap_or(cells.len());
        if let Some(color) = ground {
            let _ = write!(
                drawn,
                "<rect x=\"{:.0}\" width=\"{:.0}\" height=\"{:.0}\" fill=\"{color}\"/>",
                x as f64 * CELL.0,
                (end - x) as f64 * CELL.0,
                CELL.1
            );
        }
        x = end;
    }
    let mut shapes: Vec<(Option<String>, String)> = Vec::new();
    for (x, cell) in cells.iter().enumerate() {
        let path = cell.contents().chars().next().and_then(|letter| shape(letter, x as f64 * CELL.0));
        let Some(path) = path else { continue };
        let color = colors(cell).0;
        match shapes.iter_mut().find(|(known, _)| *known == color) {
            Some((_, all)) => all.push_str(&path),
            None => shapes.push((color, path)),
        }
    }
    for (color, path) in shapes {
        let _ = write!(drawn, "<path d=\"{path}\"{}/>", filled(color.as_deref()));
    }
    letters(&cells, &mut drawn);
    drawn
}

fn letters(cells: &[&Cell], drawn: &mut String) {
    let is_text = |cell: &Cell| {
        let first = cell.contents().chars().next();
        first.is_some_and(|letter| letter != ' ' && shape(letter, 0.0).is_none())
    };
    let look =
        |cell: &Cell| Look { color: colors(cell).0, is_bold: cell.bold(), is_underlined: cell.underline() };
    let mut x = 0;
    while x < cells.len() {
        if !is_text(cells[x]) {
            x += 1;
            continue;
        }
        let own = look(cells[x]);
        // One space within words goes with them.
        let goes_on = |at: usize| is_text(cells[at]) && look(cells[at]) == own;
        let mut end = x + 1;
        while end < cells.len()
            && (goes_on(end) || end + 1 < cells.len() && cells[end].contents() == " " && goes_on(end + 1))
        {
            end += 1;
        }
        let text: String = cells[x..end]
            .iter()
            .map(|cell| if cell.has_contents() { cell.contents() } else { " " })
            .collect();
        let bold = if own.is_bold { " font-weight=\"bold\"" } else { "" };
        let line = if own.is_underlined { " text-decoration=\"underline\"" } else { "" };
        let _ = write!(
            drawn,
            "<text x=\"{:.0}\" y=\"{BASE:.0}\" textLength=\"{:.0}\"{bold}{line}{}>{}</text>",
            x as f64 * CELL.0,
            (end - x) as f64 * CELL.0,
            filled(own.color.as_deref()),
            escaped(&text)
        );
        x = end;
    }
}

fn filled(color: Option<&str>) -> String {
    color.map_or(String::new(), |color| format!(" fill=\"{color}\""))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// The colours of a cell, where they are not those of the picture.
fn colors(cell: &Cell) -> (Option<String>, Option<String>) {
    let of = |color: Color| match color {
        Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
        Color::Default | Color::Idx(_) => None,
    };
    let (front, ground) = (of(cell.fgcolor()), of(cell.bgcolor()));
    if cell.inverse() {
        (Some(ground.unwrap_or_else(|| GROUND.into())), Some(front.unwrap_or_else(|| TEXT.into())))
    } else {
        (front, ground)
    }
}

/// The path of a character that is no letter: dots, blocks, lines.
fn shape(letter: char, x: f64) -> Option<String> {
    let (width, height) = CELL;
    let rect = |left: f64, top: f64, wide: f64, high: f64| {
        let number = |value: f64| format!("{value:.1}").replace(".0", "");
        let (x, top, wide, high) = (number(x + left), number(top), number(wide), number(high));
        format!("M{x} {top}h{wide}v{high}h-{wide}z")
    };
    let code = u32::from(letter);
    Some(match letter {
        '\u{2801}'..='\u{28ff}' => braille(code - 0x2800, rect),
        '▁'..='█' => {
            let high = height * f64::from(code - 0x2580) / 8.0;
            rect(0.0, height - high, width, high)
        }
        '▌' => rect(0.0, 0.0, width / 2.0, height),
        '▐' => rect(width / 2.0, 0.0, width / 2.0, height),
        '■' => rect(1.0, 6.0, width - 2.0, 8.0),
        '┈' | '╌' => [0.5, 3.5, 6.5].map(|left| rect(left, height / 2.0 - 0.5, 1.6, 1.0)).concat(),
        _ => {
            let (left, right, up, down, thick) = arms(letter)?;
            let (middle, centre) = (height / 2.0, width / 2.0);
            let mut path = String::new();
            for (is_there, part) in [
                (left, rect(0.0, middle - thick / 2.0, centre + thick / 2.0, thick)),
                (right, rect(centre - thick / 2.0, middle - thick / 2.0, centre + thick / 2.0, thick)),
                (up, rect(centre - thick / 2.0, 0.0, thick, middle + thick / 2.0)),
                (down, rect(centre - thick / 2.0, middle - thick / 2.0, thick, middle + thick / 2.0)),
            ] {
                if is_there {
                    path.push_str(&part);
                }
            }
            path
        }
    })
}

fn braille(dots: u32, rect: impl Fn(f64, f64, f64, f64) -> String) -> String {
    // The places of the bits: three rows of both columns, then the fourth of each.
    const PLACES: [(f64, f64); 8] =
        [(0.0, 0.0), (0.0, 1.0), (0.0, 2.0), (1.0, 0.0), (1.0, 1.0), (1.0, 2.0), (0.0, 3.0), (1.0, 3.0)];
    let places = PLACES.iter().enumerate().filter(|(bit, _)| dots & (1 << bit) != 0);
    places.map(|(_, (column, row))| rect(1.2 + column * 4.4, 1.2 + row * 4.75, 2.2, 2.2)).collect()
}

/// Where a line of a box goes on: to the left, right, up and down; and how thick it is.
fn arms(letter: char) -> Option<(bool, bool, bool, bool, f64)> {
    let (of, thick) = match letter {
        '─' => ("lr", 1.2),
        '│' => ("ud", 1.2),
        '╭' | '┌' => ("rd", 1.2),
        '╮' | '┐' => ("ld", 1.2),
        '╰' | '└' => ("ru", 1.2),
        '╯' | '┘' => ("lu", 1.2),
        '┤' => ("lud", 1.2),
        '├' => ("rud", 1.2),
        '┬' => ("lrd", 1.2),
        '┴' => ("lru", 1.2),
        '┼' => ("lrud", 1.2),
        '━' => ("lr", 2.6),
        '┃' => ("ud", 2.6),
        '┏' => ("rd", 2.6),
        '┓' => ("ld", 2.6),
        '┗' => ("ru", 2.6),
        '┛' => ("lu", 2.6),
        _ => return None,
    };
    let goes = |to: char| of.contains(to);
    Some((goes('l'), goes('r'), goes('u'), goes('d'), thick))
}
