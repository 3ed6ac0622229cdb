//! The colours of roles and of lines: on dark and light backgrounds, and a terminal's own sixteen.

use ratatui::style::Color;

/// The colours of the roles.
pub struct Colors {
    pub dim: Color,
    pub accent: Color,
    pub border: Color,
    /// Behind the lines of a chart, where there is a colour for it.
    pub grid: Option<Color>,
    pub selection: (Color, Color),
    pub good: Color,
    pub running: Color,
    pub bad: Color,
    pub warn: Color,
    pub matched: Color,
    pub selected: Color,
    /// Behind the row and the column under the cursor, where there is a colour for it.
    pub cross: Option<Color>,
}

/// The terminal's own colours.
pub const SIXTEEN: Colors = Colors {
    dim: Color::DarkGray,
    accent: Color::Cyan,
    border: Color::DarkGray,
    grid: None,
    selection: (Color::Blue, Color::White),
    good: Color::Green,
    running: Color::Yellow,
    bad: Color::Red,
    warn: Color::Yellow,
    matched: Color::Magenta,
    selected: Color::Magenta,
    cross: None,
};

/// The same on a light background, where yellow and cyan are hard to read.
pub const SIXTEEN_LIGHT: Colors = Colors {
    accent: Color::Blue,
    running: Color::Magenta,
    warn: Color::Magenta,
    selection: (Color::Blue, Color::White),
    ..SIXTEEN
};

pub const DARK: Colors = Colors {
    dim: Color::Rgb(0x8a, 0x91, 0x9e),
    accent: Color::Rgb(0x6c, 0xb6, 0xff),
    border: Color::Rgb(0x4a, 0x52, 0x60),
    grid: Some(Color::Rgb(0x2c, 0x31, 0x3a)),
    selection: (Color::Rgb(0x2a, 0x40, 0x63), Color::Rgb(0xf0, 0xf4, 0xfa)),
    good: Color::Rgb(0x6b, 0xc4, 0x6d),
    running: Color::Rgb(0xe2, 0xb3, 0x4a),
    bad: Color::Rgb(0xf4, 0x70, 0x67),
    warn: Color::Rgb(0xe2, 0xb3, 0x4a),
    matched: Color::Rgb(0xf0, 0x9a, 0x5c),
    selected: Color::Rgb(0xd2, 0xa6, 0xff),
    cross: Some(Color::Rgb(0x1e, 0x24, 0x2e)),
};

pub const LIGHT: Colors = Colors {
    dim: Color::Rgb(0x6a, 0x73, 0x7d),
    accent: Color::Rgb(0x05, 0x50, 0xae),
    border: Color::Rgb(0xc0, 0xc7, 0xcf),
    grid: Some(Color::Rgb(0xe0, 0xe4, 0xe8)),
    selection: (Color::Rgb(0xcf, 0xe2, 0xf9), Color::Rgb(0x0b, 0x22, 0x3d)),
    good: Color::Rgb(0x1a, 0x7f, 0x37),
    running: Color::Rgb(0x95, 0x5f, 0x00),
    bad: Color::Rgb(0xcf, 0x22, 0x2e),
    warn: Color::Rgb(0x95, 0x5f, 0x00),
    matched: Color::Rgb(0xbc, 0x4c, 0x00),
    selected: Color::Rgb(0x82, 0x50, 0xdf),
    cross: Some(Color::Rgb(0xf0, 0xf3, 0xf7)),
};

/// The colours of lines, told apart by people with any kind of colour vision as far as ten colours can be: Okabe and
/// Ito's, made lighter for a dark background and without the blues, which the selected run has, and others between them.
pub const LINES_DARK: [Color; 10] = [
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

pub const LINES_LIGHT: [Color; 10] = [
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

pub const LINES_SIXTEEN: [Color; 10] = [
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
