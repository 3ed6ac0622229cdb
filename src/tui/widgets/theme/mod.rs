//! Roles, and the style and glyph of each. Nothing is told by colour alone: without colours every role that
//! carries meaning is bold, dim, underlined or reversed, and has a glyph or a word.

mod colors;
mod symbols;

use ratatui::style::{Color, Modifier, Style};

use crate::chart::{Ink, Stroke};
use crate::config::{Glyphs, Palette};
use crate::mlflow::RunStatus;
use crate::text::highlight::Kind;
use colors::{Colors, DARK, LIGHT, LINES_DARK, LINES_LIGHT, LINES_SIXTEEN, SIXTEEN, SIXTEEN_LIGHT};
pub use symbols::Symbols;

#[derive(Debug, Clone, Copy)]
pub struct Theme {
    pub text: Style,
    pub dim: Style,
    pub accent: Style,
    pub heading: Style,
    pub border: Style,
    /// The grid behind a chart.
    pub grid: Style,
    pub focused_border: Style,
    pub selection: Style,
    pub unfocused_selection: Style,
    pub chosen_column: Style,
    /// Behind the column under the cursor.
    pub cross: Style,
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

impl Theme {
    /// A label that was made for any terminal, in the signs of this one.
    pub fn plain(&self, label: &str) -> String {
        if self.glyphs.is_ascii {
            let label = label.replace(OWN, self.glyphs.live).replace('…', self.glyphs.ellipsis);
            label.replace('╱', "/").replace('╲', "\\").replace('─', "-")
        } else {
            label.to_owned()
        }
    }

    /// The letter of a number, in the signs of this terminal.
    pub fn letter(&self, slot: u16) -> String {
        self.plain(&letter(slot))
    }

    /// The style of a line on a chart, and of whatever tells of its run: by the number of its selection, 0 without one.
    pub fn line(&self, slot: u16) -> Style {
        match slot.checked_sub(1) {
            None => self.spark,
            Some(_) if self.lines.is_empty() => Style::new().add_modifier(Modifier::BOLD),
            Some(at) => Style::new().fg(self.lines[at as usize % self.lines.len()]),
        }
    }

    /// The style of what is drawn with an ink.
    pub fn ink(&self, ink: Ink) -> Style {
        let line = u16::from(ink.line);
        if ink.is_faint { self.faint_line(line) } else { self.line(line) }
    }

    /// Whether lines are told apart by their colours.
    pub fn tells_lines(&self) -> bool {
        matches!(self.lines.first(), Some(Color::Rgb(..)))
    }

    /// Whether a grid has a colour that no line has.
    pub fn has_grid(&self) -> bool {
        matches!(self.grid.fg, Some(Color::Rgb(..)))
    }

    /// A piece of a line.
    pub fn stroke(&self, stroke: Stroke) -> &'static str {
        self.glyphs.strokes[match stroke {
            Stroke::Solid => 0,
            Stroke::Dashed => 1,
            Stroke::Dotted => 2,
        }]
    }

    /// The colour of a line's pixels.
    pub fn line_rgb(&self, ink: Ink) -> [u8; 3] {
        let style = match ink {
            Ink::GRID if self.has_grid() => self.grid,
            Ink::GRID => self.grid.add_modifier(Modifier::DIM),
            ink => self.ink(ink),
        };
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

    /// The tint of a value that stands so far from the worst (0) to the best (1) of its column; where neither end is
    /// better, from the least to the greatest.
    pub fn warmth(&self, share: f64, is_judged: bool) -> Style {
        let (Some((_, ground)), Some(bad), Some(good), Some(accent)) =
            (self.faint, rgb(self.bad), rgb(self.good), rgb(self.accent))
        else {
            // Without enough colours, the fifths at either end.
            return match (share, is_judged) {
                (0.8.., true) => self.good.add_modifier(Modifier::BOLD),
                (0.8.., false) => self.heading,
                (..=0.2, true) if self.bad.fg.is_some() => self.bad,
                (..=0.2, _) => self.dim,
                _ => Style::new(),
            };
        };
        let (color, strength) = match (is_judged, share >= 0.5) {
            (true, true) => (good, share * 2.0 - 1.0),
            (true, false) => (bad, 1.0 - share * 2.0),
            (false, _) => (accent, share),
        };
        // Nothing is better than the wrong shade of the background.
        if strength < FAINTEST {
            return Style::new();
        }
        let mix = |value: u8| {
            let (value, ground) = (f64::from(value), f64::from(ground));
            (ground + (value - ground) * strength * TINT) as u8
        };
        Style::new().bg(Color::Rgb(mix(color[0]), mix(color[1]), mix(color[2])))
    }

    /// The same, behind something else.
    pub fn faint_line(&self, slot: u16) -> Style {
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
        let glyphs = Symbols::of(glyphs);
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
            grid: dim,
            focused_border: bold,
            selection: reversed,
            unfocused_selection: plain.add_modifier(Modifier::UNDERLINED),
            chosen_column: plain.add_modifier(Modifier::UNDERLINED | Modifier::BOLD),
            cross: plain,
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
            grid: plain.fg(colors.grid.unwrap_or(colors.border)),
            focused_border: plain.fg(colors.accent),
            selection: plain.bg(background).fg(foreground).add_modifier(bold),
            unfocused_selection: match colors.cross {
                Some(color) => plain.bg(color).add_modifier(bold),
                None => plain.add_modifier(bold | Modifier::UNDERLINED),
            },
            cross: colors.cross.map_or(plain, |color| plain.bg(color)),
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

    /// What the words of a file are. Only what a line is read for stands out without colours.
    pub fn kind(&self, kind: Kind) -> Style {
        let color = |style: Style| Style { fg: style.fg, ..Style::new() };
        match kind {
            Kind::Plain => self.text,
            Kind::Key => self.key,
            Kind::String | Kind::Info => color(self.good),
            Kind::Number => color(self.running),
            Kind::Word => color(self.selected),
            Kind::Comment => self.dim,
            Kind::Heading => self.accent,
            Kind::Strong => self.heading,
            Kind::Emphasis => self.text.add_modifier(Modifier::ITALIC),
            Kind::Error => self.bad,
            Kind::Warning => self.warn,
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

/// The share of a colour in the tint of a cell.
const TINT: f64 = 0.42;
/// A tint that is less than this is left out.
const FAINTEST: f64 = 0.15;

/// The colour of a style, where it has one of 24 bits.
fn rgb(style: Style) -> Option<[u8; 3]> {
    match style.fg {
        Some(Color::Rgb(red, green, blue)) => Some([red, green, blue]),
        _ => None,
    }
}

/// Whether a background of these shares of red, green and blue (0 to 1) is a light one, by its luminance as people
/// see it (ITU-R BT.709).
pub fn is_light([red, green, blue]: [f64; 3]) -> bool {
    0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5
}

/// Numbers of colours: so many that any list of colours ends where they do.
const ROUND: u16 = 240;
/// In place of a letter, for the run under the cursor where that is not selected.
const OWN: char = '\u{25cf}';

/// Numbers that have a single letter, and those that have letters of their own.
pub const SINGLE_LETTERS: u16 = 52;
pub const LETTERED: u16 = SINGLE_LETTERS + 26 * 26;

/// The number of what has no letters.
pub const NO_LETTER: u16 = u16::MAX;

/// The letters of a number: `a` to `z`, then `A` to `Z`, then `aa`, `ab` and so on.
pub fn letter(slot: u16) -> String {
    let at = |by: u16| char::from(b'a' + (by % 26) as u8);
    match slot {
        0 => OWN.to_string(),
        1..=26 => at(slot - 1).to_string(),
        27..=SINGLE_LETTERS => at(slot - 27).to_ascii_uppercase().to_string(),
        _ if slot <= LETTERED => {
            let by = slot - SINGLE_LETTERS - 1;
            [at(by / 26), at(by)].iter().collect()
        }
        _ => "+".to_owned(),
    }
}

/// The cells of such letters.
pub fn letter_cells(slot: u16) -> usize {
    if (SINGLE_LETTERS + 1..=LETTERED).contains(&slot) { 2 } else { 1 }
}

/// The number of a line's colour: colours come round again.
pub fn color_number(slot: u16) -> u8 {
    slot.checked_sub(1).map_or(0, |by| (by % ROUND) as u8 + 1)
}
