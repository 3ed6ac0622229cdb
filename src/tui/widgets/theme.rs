//! Roles, and the style and glyph of each. Nothing is told by colour alone: without colours every role that
//! carries meaning is bold, dim, underlined or reversed, and has a glyph or a word.

use ratatui::style::{Color, Modifier, Style};

use crate::chart::Ink;
use crate::config::{Glyphs, Palette};
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
    /// A letter that was searched for.
    pub matched: Style,
    /// A filter in force.
    pub chip: Style,
    /// A selected run, and the sign of the champion.
    pub selected: Style,
    /// The cursor in a text that is typed.
    pub typing: Style,
    pub images: ImageColors,
    lines: &'static [Color],
    /// What is drawn behind is so much of its colour, of 8 parts; the rest is the background.
    faint: Option<(u16, u8)>,
    pub glyphs: Symbols,
}

/// The colours that images can be drawn in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageColors {
    None,
    /// 256 colours.
    Indexed,
    Rgb,
}

/// What a terminal can show, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abilities {
    /// 24-bit colours.
    pub truecolor: bool,
    /// 256 colours.
    pub indexed: bool,
    /// Whether the background is light.
    pub light: Option<bool>,
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
    pub vertical: &'static str,
    /// Where a tick meets an axis.
    pub y_tick: &'static str,
    pub x_tick: &'static str,
    pub corner: &'static str,
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
    vertical: "│",
    y_tick: "┤",
    x_tick: "┬",
    corner: "└",
    bar: "■",
    bar_vertical: "┃",
    best: "★",
    point: "•",
    deleted: "⌫ Deleted",
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
    vertical: "|",
    y_tick: "+",
    x_tick: "+",
    corner: "+",
    bar: "=",
    bar_vertical: "#",
    best: "*",
    point: "o",
    deleted: "X Deleted",
    levels: ["_", ".", "-", "~", "=", "+", "#"],
    is_ascii: true,
};

/// The colours of the roles.
struct Colors {
    dim: Color,
    accent: Color,
    border: Color,
    selection: (Color, Color),
    good: Color,
    running: Color,
    bad: Color,
    warn: Color,
    matched: Color,
    selected: Color,
}

/// The terminal's own colours.
const SIXTEEN: Colors = Colors {
    dim: Color::DarkGray,
    accent: Color::Cyan,
    border: Color::DarkGray,
    selection: (Color::Blue, Color::White),
    good: Color::Green,
    running: Color::Yellow,
    bad: Color::Red,
    warn: Color::Yellow,
    matched: Color::Magenta,
    selected: Color::Magenta,
};

/// The same on a light background, where yellow and cyan are hard to read.
const SIXTEEN_LIGHT: Colors = Colors {
    accent: Color::Blue,
    running: Color::Magenta,
    warn: Color::Magenta,
    selection: (Color::Blue, Color::White),
    ..SIXTEEN
};

const DARK: Colors = Colors {
    dim: Color::Rgb(0x8a, 0x91, 0x9e),
    accent: Color::Rgb(0x6c, 0xb6, 0xff),
    border: Color::Rgb(0x4a, 0x52, 0x60),
    selection: (Color::Rgb(0x2a, 0x40, 0x63), Color::Rgb(0xf0, 0xf4, 0xfa)),
    good: Color::Rgb(0x6b, 0xc4, 0x6d),
    running: Color::Rgb(0xe2, 0xb3, 0x4a),
    bad: Color::Rgb(0xf4, 0x70, 0x67),
    warn: Color::Rgb(0xe2, 0xb3, 0x4a),
    matched: Color::Rgb(0xf0, 0x9a, 0x5c),
    selected: Color::Rgb(0xd2, 0xa6, 0xff),
};

const LIGHT: Colors = Colors {
    dim: Color::Rgb(0x6a, 0x73, 0x7d),
    accent: Color::Rgb(0x05, 0x50, 0xae),
    border: Color::Rgb(0xc0, 0xc7, 0xcf),
    selection: (Color::Rgb(0xcf, 0xe2, 0xf9), Color::Rgb(0x0b, 0x22, 0x3d)),
    good: Color::Rgb(0x1a, 0x7f, 0x37),
    running: Color::Rgb(0x95, 0x5f, 0x00),
    bad: Color::Rgb(0xcf, 0x22, 0x2e),
    warn: Color::Rgb(0x95, 0x5f, 0x00),
    matched: Color::Rgb(0xbc, 0x4c, 0x00),
    selected: Color::Rgb(0x82, 0x50, 0xdf),
};

/// The colours of lines, told apart by people with any kind of colour vision as far as ten colours can be: Okabe and
/// Ito's, made lighter for a dark background and without the blues, which the selected run has, and others between them.
const LINES_DARK: [Color; 10] = [
    Color::Rgb(0xf2, 0xa6, 0x1d),
    Color::Rgb(0x2f, 0xc0, 0x8a),
    Color::Rgb(0xf0, 0x8c, 0xbc),
    Color::Rgb(0xf2, 0xe6, 0x4c),
    Color::Rgb(0xf0, 0x60, 0x34),
    Color::Rgb(0xb4, 0x7c, 0xf4),
    Color::Rgb(0xc4, 0xc4, 0xc4),
    Color::Rgb(0x9a, 0xd0, 0x3c),
    Color::Rgb(0xb8, 0x86, 0x5a),
    Color::Rgb(0x50, 0xd8, 0xd0),
];

const LINES_LIGHT: [Color; 10] = [
    Color::Rgb(0xb8, 0x6e, 0x00),
    Color::Rgb(0x00, 0x80, 0x5c),
    Color::Rgb(0xb0, 0x48, 0x84),
    Color::Rgb(0x80, 0x76, 0x00),
    Color::Rgb(0xc2, 0x46, 0x00),
    Color::Rgb(0x7a, 0x30, 0xc0),
    Color::Rgb(0x58, 0x58, 0x58),
    Color::Rgb(0x4a, 0x80, 0x00),
    Color::Rgb(0x80, 0x4c, 0x1c),
    Color::Rgb(0x00, 0x7c, 0x88),
];

const LINES_SIXTEEN: [Color; 10] = [
    Color::Yellow,
    Color::Green,
    Color::Magenta,
    Color::Red,
    Color::Blue,
    Color::LightYellow,
    Color::LightGreen,
    Color::LightMagenta,
    Color::LightRed,
    Color::LightBlue,
];

impl Theme {
    /// The style of a line on a chart, and of whatever tells of its run: by the number of its selection, 0 without one.
    pub fn line(&self, slot: u8) -> Style {
        match slot.checked_sub(1) {
            None => self.spark,
            Some(_) if self.lines.is_empty() => Style::new().add_modifier(Modifier::BOLD),
            Some(at) => Style::new().fg(self.lines[at as usize % self.lines.len()]),
        }
    }

    /// The colour of a line's pixels.
    pub fn line_rgb(&self, ink: Ink) -> [u8; 3] {
        let style = if ink.is_faint { self.faint_line(ink.line) } else { self.line(ink.line) };
        let dimmed = |color: [u8; 3]| {
            if style.add_modifier.contains(Modifier::DIM) { color.map(|value| value / 2) } else { color }
        };
        dimmed(match style.fg {
            Some(Color::Rgb(red, green, blue)) => [red, green, blue],
            Some(Color::Red | Color::LightRed) => [0xe0, 0x50, 0x50],
            Some(Color::Green | Color::LightGreen) => [0x40, 0xb0, 0x60],
            Some(Color::Yellow | Color::LightYellow) => [0xd0, 0xa0, 0x30],
            Some(Color::Blue | Color::LightBlue) => [0x50, 0x80, 0xe0],
            Some(Color::Magenta | Color::LightMagenta) => [0xc0, 0x60, 0xc0],
            Some(Color::Cyan | Color::LightCyan) => [0x30, 0xa8, 0xc0],
            _ => [0x90, 0x90, 0x90],
        })
    }

    /// A level of so many, from the least to the most: from dim to the accent.
    pub fn ramp(&self, level: u8, levels: u8) -> Style {
        let share = u16::from(level.saturating_sub(1)) * 8 / u16::from(levels.max(2) - 1);
        match (self.dim.fg, self.accent.fg) {
            (Some(Color::Rgb(red, green, blue)), Some(Color::Rgb(to_red, to_green, to_blue))) => {
                let mix =
                    |from: u8, to: u8| ((u16::from(from) * (8 - share) + u16::from(to) * share) / 8) as u8;
                Style::new().fg(Color::Rgb(mix(red, to_red), mix(green, to_green), mix(blue, to_blue)))
            }
            _ if share < 4 => self.dim,
            _ => self.spark,
        }
    }

    /// The same, behind something else.
    pub fn faint_line(&self, slot: u8) -> Style {
        let style = self.line(slot).remove_modifier(Modifier::BOLD);
        match (style.fg, self.faint) {
            (Some(Color::Rgb(red, green, blue)), Some((parts, ground))) => {
                let mix =
                    |value: u8| ((u16::from(value) * parts + u16::from(ground) * (8 - parts)) / 8) as u8;
                style.fg(Color::Rgb(mix(red), mix(green), mix(blue)))
            }
            _ => style.add_modifier(Modifier::DIM),
        }
    }

    /// Without knowledge of the background, the terminal's sixteen colours are taken: they fit it by themselves.
    pub fn new(color: bool, palette: Palette, terminal: Abilities, glyphs: Glyphs) -> Self {
        let mono = Self::mono(glyphs);
        if !color {
            return mono;
        }
        let colors = match (palette, terminal.truecolor, terminal.light) {
            (Palette::Dark, true, _) | (Palette::Auto, true, Some(false)) => DARK,
            (Palette::Light, true, _) | (Palette::Auto, true, Some(true)) => LIGHT,
            (Palette::Auto, false, Some(true)) | (Palette::Light, false, _) => SIXTEEN_LIGHT,
            _ => SIXTEEN,
        };
        let images = match terminal {
            Abilities { truecolor: true, .. } => ImageColors::Rgb,
            Abilities { indexed: true, .. } => ImageColors::Indexed,
            _ => ImageColors::None,
        };
        let (lines, faint): (&'static [Color], _) = match (palette, terminal.truecolor, terminal.light) {
            (Palette::Dark, true, _) | (Palette::Auto, true, Some(false)) => (&LINES_DARK, Some((3, 0x10))),
            (Palette::Light, true, _) | (Palette::Auto, true, Some(true)) => (&LINES_LIGHT, Some((3, 0xff))),
            _ => (&LINES_SIXTEEN, None),
        };
        Self { images, lines, faint, ..mono.colored(&colors) }
    }

    fn mono(glyphs: Glyphs) -> Self {
        let glyphs = if glyphs == Glyphs::Ascii { ASCII } else { UNICODE };
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        let dim = plain.add_modifier(Modifier::DIM);
        let reversed = plain.add_modifier(Modifier::REVERSED);
        Self {
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
            matched: bold.add_modifier(Modifier::UNDERLINED),
            chip: bold.add_modifier(Modifier::UNDERLINED),
            selected: bold,
            typing: reversed,
            images: ImageColors::None,
            lines: &[],
            faint: None,
            glyphs,
        }
    }

    fn colored(self, colors: &Colors) -> Self {
        let plain = Style::new();
        let bold = Modifier::BOLD;
        let (background, foreground) = colors.selection;
        Self {
            accent: plain.fg(colors.accent).add_modifier(bold),
            dim: plain.fg(colors.dim),
            border: plain.fg(colors.border),
            focused_border: plain.fg(colors.accent),
            selection: plain.bg(background).fg(foreground).add_modifier(bold),
            unfocused_selection: plain.add_modifier(bold),
            chosen_column: plain.fg(colors.accent).add_modifier(bold | Modifier::UNDERLINED),
            spark: plain.fg(colors.accent),
            good: plain.fg(colors.good),
            running: plain.fg(colors.running),
            bad: plain.fg(colors.bad),
            warn: plain.fg(colors.warn),
            key: plain.fg(colors.accent),
            matched: plain.fg(colors.matched).add_modifier(bold | Modifier::UNDERLINED),
            chip: plain.fg(colors.matched).add_modifier(bold),
            selected: plain.fg(colors.selected).add_modifier(bold),
            ..self
        }
    }

    /// A run's status: style, and symbol with word.
    pub fn status(&self, status: RunStatus) -> (Style, &'static str) {
        let word = |unicode, ascii| if self.glyphs.is_ascii { ascii } else { unicode };
        match status {
            RunStatus::Running => (self.running, word("● Running", "R Running")),
            RunStatus::Scheduled => (self.dim, word("◌ Scheduled", "S Scheduled")),
            RunStatus::Finished => (self.good, word("✓ Finished", "F Finished")),
            RunStatus::Failed => (self.bad, word("✗ Failed", "! Failed")),
            RunStatus::Killed => (self.warn, word("⊘ Killed", "K Killed")),
        }
    }

    /// The same without style for a narrow cell.
    pub fn short_status(&self, status: RunStatus) -> &'static str {
        let word = |unicode, ascii| if self.glyphs.is_ascii { ascii } else { unicode };
        match status {
            RunStatus::Running => word("● Run.", "R Run."),
            RunStatus::Scheduled => word("◌ Sched.", "S Sched."),
            RunStatus::Finished => word("✓ Fin.", "F Fin."),
            RunStatus::Failed | RunStatus::Killed => self.status(status).1,
        }
    }
}

/// Whether a background of these shares of red, green and blue (0 to 1) is a light one, by its luminance as people
/// see it (ITU-R BT.709).
pub fn is_light([red, green, blue]: [f64; 3]) -> bool {
    0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5
}

/// The letter of a number: `a` to `z`, then `A` to `Z`.
pub fn letter(slot: u8) -> char {
    match slot {
        0 => '\u{25cf}',
        1..=26 => (b'a' + slot - 1) as char,
        27..=52 => (b'A' + slot - 27) as char,
        _ => '+',
    }
}
