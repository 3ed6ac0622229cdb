//! Dots, and the characters that they come to: braille, eight dots a cell, or ASCII, three.

/// What a dot is drawn with: the number of its line, whether it stands behind, and how its line is stroked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ink {
    pub line: u8,
    pub is_faint: bool,
    pub stroke: Stroke,
}

impl Ink {
    /// Of the grid behind all lines, where that is drawn in pixels.
    pub const GRID: Self = Self { line: u8::MAX, is_faint: true, stroke: Stroke::Dotted };

    /// A solid line in front.
    pub fn of(line: u8) -> Self {
        Self { line, ..Self::default() }
    }

    /// The same, behind others.
    pub fn faint(self) -> Self {
        Self { is_faint: true, ..self }
    }
}

/// How a line is stroked, so that lines of one colour are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Stroke {
    #[default]
    Solid,
    Dashed,
    Dotted,
}

impl Stroke {
    /// Whether a line shows so many dots along the axis that it runs along.
    pub fn shows(self, at: i64) -> bool {
        match self {
            Self::Solid => true,
            Self::Dashed => at.rem_euclid(11) < 7,
            Self::Dotted => at.rem_euclid(4) < 1,
        }
    }
}

/// Lines that can share a cell.
const SHARING: usize = 4;

/// The characters that dots are drawn with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dots {
    #[default]
    Braille,
    Ascii,
}

impl Dots {
    /// Dots in a cell: columns and rows.
    pub fn per_cell(self) -> (usize, usize) {
        match self {
            Self::Braille => (2, 4),
            Self::Ascii => (1, 3),
        }
    }

    /// The bit of a dot within its cell.
    fn bit(self, x: usize, y: usize) -> u8 {
        match self {
            // Unicode numbers the dots 1 2 3 7 down the left and 4 5 6 8 down the right.
            Self::Braille => [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]][x][y],
            Self::Ascii => 1 << y,
        }
    }

    fn character(self, bits: u8) -> char {
        match self {
            Self::Braille if bits == 0 => ' ',
            Self::Braille => char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' '),
            Self::Ascii => [' ', '\'', '-', '/', '.', ':', '/', '|'][(bits & 7) as usize],
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct DotCell {
    bits: u8,
    /// The inks of its dots; the others repeat the last.
    inks: [Ink; SHARING],
    count: u8,
}

impl DotCell {
    fn add(&mut self, ink: Ink, is_shared: bool) {
        if !is_shared {
            (self.inks[0], self.count) = (ink, 1);
        } else if !self.inks[..self.count as usize].contains(&ink) {
            let at = (self.count as usize).min(SHARING - 1);
            self.inks[at] = ink;
            self.count = at as u8 + 1;
        }
    }
}

/// A grid of dots; (0, 0) is the upper left one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canvas {
    dots: Dots,
    columns: usize,
    rows: usize,
    /// Where lines meet, cells take the inks of all of them in turn, and not that of the last.
    is_shared: bool,
    cells: Vec<DotCell>,
}

impl Canvas {
    /// So many cells.
    pub fn new(columns: usize, rows: usize, dots: Dots) -> Self {
        Self { dots, columns, rows, is_shared: false, cells: vec![DotCell::default(); columns * rows] }
    }

    /// The same for lines of which none covers another: where they meet, their inks alternate.
    pub fn shared(self) -> Self {
        Self { is_shared: true, ..self }
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The size in dots.
    pub fn size(&self) -> (usize, usize) {
        let (wide, high) = self.dots.per_cell();
        (self.columns * wide, self.rows * high)
    }

    /// Puts a dot; what is drawn later has the cell, except that what stands behind never takes it.
    pub fn dot(&mut self, x: i64, y: i64, ink: Ink) {
        let (width, height) = self.size();
        if x < 0 || y < 0 || x >= width as i64 || y >= height as i64 {
            return;
        }
        let (wide, high) = self.dots.per_cell();
        let (x, y) = (x as usize, y as usize);
        let bit = self.dots.bit(x % wide, y % high);
        let is_shared = self.is_shared;
        let cell = &mut self.cells[y / high * self.columns + x / wide];
        if cell.bits != 0 && !cell.inks[0].is_faint && ink.is_faint {
            return;
        }
        if cell.bits != 0 && cell.inks[0].is_faint && !ink.is_faint {
            // A smoothed line is not blurred by the raw one behind it.
            *cell = DotCell::default();
        }
        cell.bits |= bit;
        cell.add(ink, is_shared);
    }

    /// A straight line between two places in dots, of which only what is inside is drawn.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink) {
        let Some((from, to)) = self.clip(from, to) else { return };
        let (dx, dy) = (to.0.round() - from.0.round(), to.1.round() - from.1.round());
        let steps = dx.abs().max(dy.abs()).max(1.0);
        let is_steep = dy.abs() > dx.abs();
        for step in 0..=steps as i64 {
            let share = step as f64 / steps;
            let x = (from.0.round() + dx * share).round() as i64;
            let y = (from.1.round() + dy * share).round() as i64;
            if ink.stroke.shows(if is_steep { y } else { x }) {
                self.dot(x, y, ink);
            }
        }
    }

    /// The part of a line that is inside (Liang and Barsky).
    fn clip(&self, from: (f64, f64), to: (f64, f64)) -> Option<((f64, f64), (f64, f64))> {
        let (width, height) = self.size();
        let (right, bottom) = (width as f64 - 0.5, height as f64 - 0.5);
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let (mut start, mut end) = (0.0_f64, 1.0_f64);
        let edges = [
            (-dx, from.0 + 0.499),
            (dx, right - 0.001 - from.0),
            (-dy, from.1 + 0.499),
            (dy, bottom - 0.001 - from.1),
        ];
        for (slope, room) in edges {
            if slope == 0.0 {
                if room < 0.0 {
                    return None;
                }
            } else {
                let at = room / slope;
                if slope < 0.0 {
                    start = start.max(at);
                } else {
                    end = end.min(at);
                }
            }
        }
        let place = |share: f64| (from.0 + dx * share, from.1 + dy * share);
        (start <= end).then(|| (place(start), place(end)))
    }

    /// The character and ink of a cell.
    pub fn cell(&self, column: usize, row: usize) -> (char, Ink) {
        let cell = self.cells[row * self.columns + column];
        let turn = column % usize::from(cell.count.max(1));
        (self.dots.character(cell.bits), cell.inks[turn])
    }

    /// Whether a dot is set: what tests read back.
    pub fn is_set(&self, x: usize, y: usize) -> bool {
        let (wide, high) = self.dots.per_cell();
        self.cells[y / high * self.columns + x / wide].bits & self.dots.bit(x % wide, y % high) != 0
    }
}
