//! Roles, and the style and glyph of each. Nothing is told by colour alone: without colours every role that
//! carries meaning is bold, dim, underlined or reversed, and has a glyph or a word.

use ratatui::style::{Color, Modifier, Style};

use crate::config::Glyphs;
use crate::mlflow::RunStatus;

#[derive(Debug, Clone, Copy)]
pub struct Theme {
    pub text: Style,
    pub dim: Style,
    pub accent: Style,
    pub heading: Style,
    pub border: Style,
    pub focused_border: Style,
    pub selection: Style,
    pub unfocused_selection: Style,
    pub chosen_column: Style,
    pub spark: Style,
    pub good: Style,
    pub running: Style,
    pub bad: Style,
    pub warn: Style,
    pub key: Style,
    pub glyphs: Symbols,
}

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
    /// Seven heights, the lowest first; a full block would run into the row above.
    pub levels: [&'static str; 7],
    pub is_ascii: bool,
}

const UNICODE: Symbols = Symbols {
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
    levels: ["▁", "▂", "▃", "▄", "▅", "▆", "▇"],
    is_ascii: false,
};

const ASCII: Symbols = Symbols {
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
    levels: ["_", ".", "-", "~", "=", "+", "#"],
    is_ascii: true,
};

impl Theme {
    /// The terminal's own sixteen colours on its own background, so that dark and light both work.
    pub fn new(color: bool, glyphs: Glyphs) -> Self {
        let glyphs = if glyphs == Glyphs::Ascii { ASCII } else { UNICODE };
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        let dim = plain.add_modifier(Modifier::DIM);
        let reversed = plain.add_modifier(Modifier::REVERSED);
        let mono = Self {
            text: plain,
            dim,
            accent: bold,
            heading: bold,
            border: dim,
            focused_border: bold,
            selection: reversed,
            unfocused_selection: plain.add_modifier(Modifier::UNDERLINED),
            chosen_column: plain.add_modifier(Modifier::UNDERLINED | Modifier::BOLD),
            spark: plain,
            good: plain,
            running: bold,
            bad: bold.add_modifier(Modifier::UNDERLINED),
            warn: bold,
            key: bold,
            glyphs,
        };
        if !color {
            return mono;
        }
        Self {
            accent: plain.fg(Color::Cyan).add_modifier(Modifier::BOLD),
            dim: plain.fg(Color::DarkGray),
            border: plain.fg(Color::DarkGray),
            focused_border: plain.fg(Color::Cyan),
            selection: plain.bg(Color::Blue).fg(Color::White).add_modifier(Modifier::BOLD),
            unfocused_selection: plain.add_modifier(Modifier::BOLD),
            chosen_column: plain.fg(Color::Cyan).add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
            spark: plain.fg(Color::Cyan),
            good: plain.fg(Color::Green),
            running: plain.fg(Color::Yellow),
            bad: plain.fg(Color::Red),
            warn: plain.fg(Color::Yellow),
            key: plain.fg(Color::Cyan),
            ..mono
        }
    }

    /// A run's status: style, and symbol with word.
    pub fn status(&self, status: RunStatus) -> (Style, &'static str) {
        let word = |unicode, ascii| if self.glyphs.is_ascii { ascii } else { unicode };
        match status {
            RunStatus::Running => (self.running, word("● run", "R run")),
            RunStatus::Scheduled => (self.dim, word("◌ queued", "Q queued")),
            RunStatus::Finished => (self.good, word("✓ done", "D done")),
            RunStatus::Failed => (self.bad, word("✗ failed", "F failed")),
            RunStatus::Killed => (self.warn, word("⊘ killed", "K killed")),
        }
    }
}
