//! The characters that symbols are made of, in Unicode and in ASCII.

use crate::config::Glyphs;

/// The characters that symbols are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Symbols {
    pub ellipsis: &'static str,
    pub ascending: &'static str,
    pub descending: &'static str,
    pub cursor: &'static str,
    pub more_left: &'static str,
    pub more_right: &'static str,
    pub live: &'static str,
    pub failing: &'static str,
    pub paused: &'static str,
    pub separator: &'static str,
    pub selected: &'static str,
    /// A run on the Pareto front, a run that somebody marked best.
    pub front: &'static str,
    pub champion: &'static str,
    pub open: &'static str,
    pub closed: &'static str,
    pub on: &'static str,
    pub off: &'static str,
    pub range: &'static str,
    pub new_line: &'static str,
    pub horizontal: &'static str,
    /// What of a list is seen, in its right border.
    pub thumb: &'static str,
    pub vertical: &'static str,
    /// Where a tick meets an axis.
    pub y_tick: &'static str,
    pub x_tick: &'static str,
    pub corner: &'static str,
    /// A line of the grid behind a chart, and pieces of lines: solid, dashed, dotted.
    pub grid: &'static str,
    pub strokes: [&'static str; 3],
    /// One cell of a bar, across and upwards.
    pub bar: &'static str,
    pub bar_vertical: &'static str,
    pub best: &'static str,
    pub point: &'static str,
    /// The status of a deleted run.
    pub deleted: &'static str,
    /// Seven heights, the lowest first; a full block would run into the row above.
    pub levels: [&'static str; 7],
    pub is_ascii: bool,
}

impl Symbols {
    pub fn of(glyphs: Glyphs) -> Self {
        if glyphs == Glyphs::Ascii { ASCII } else { UNICODE }
    }
}

pub const UNICODE: Symbols = Symbols {
    ellipsis: "…",
    ascending: "▲",
    descending: "▼",
    cursor: "▌",
    more_left: "‹",
    more_right: "›",
    live: "●",
    failing: "✗",
    paused: "‖",
    separator: "·",
    selected: "▪",
    front: "☆",
    champion: "◆",
    open: "▾",
    closed: "▸",
    on: "■",
    off: "□",
    range: "–",
    new_line: "⏎",
    horizontal: "─",
    thumb: "▐",
    vertical: "│",
    y_tick: "┤",
    x_tick: "┬",
    corner: "└",
    grid: "┈",
    strokes: ["──", "╌╌", "┈┈"],
    bar: "■",
    bar_vertical: "┃",
    best: "★",
    point: "•",
    deleted: "⌫ Deleted",
    levels: ["▁", "▂", "▃", "▄", "▅", "▆", "▇"],
    is_ascii: false,
};

pub const ASCII: Symbols = Symbols {
    ellipsis: "~",
    ascending: "^",
    descending: "v",
    cursor: ">",
    more_left: "<",
    more_right: ">",
    live: "*",
    failing: "x",
    paused: "=",
    separator: "-",
    selected: "*",
    front: "+",
    champion: "#",
    open: "v",
    closed: ">",
    on: "[x]",
    off: "[ ]",
    range: "..",
    new_line: "$",
    horizontal: "-",
    thumb: "#",
    vertical: "|",
    y_tick: "+",
    x_tick: "+",
    corner: "+",
    grid: ".",
    strokes: ["--", "- ", ".."],
    bar: "=",
    bar_vertical: "#",
    best: "*",
    point: "o",
    deleted: "X Deleted",
    levels: ["_", ".", "-", "~", "=", "+", "#"],
    is_ascii: true,
};
