//! Dots, and the characters that they come to: braille, eight dots a cell, or ASCII, three.

/// What a dot is drawn with: the number of its line, and whether it stands behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ink {
    pub line: u8,
    pub is_faint: bool,
}

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
    ink: Ink,
}

/// A grid of dots; (0, 0) is the upper left one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canvas {
    dots: Dots,
    columns: usize,
    rows: usize,
    cells: Vec<DotCell>,
}

impl Canvas {
    /// So many cells.
    pub fn new(columns: usize, rows: usize, dots: Dots) -> Self {
        Self { dots, columns, rows, cells: vec![DotCell::default(); columns * rows] }
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
        let cell = &mut self.cells[y / high * self.columns + x / wide];
        if cell.bits != 0 && !cell.ink.is_faint && ink.is_faint {
            return;
        }
        if cell.bits != 0 && cell.ink.is_faint && !ink.is_faint {
            // A smoothed line is not blurred by the raw one behind it.
            cell.bits = 0;
        }
        cell.bits |= bit;
        cell.ink = ink;
    }

    /// A straight line between two places in dots, of which only what is inside is drawn.
    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), ink: Ink) {
        let Some((from, to)) = self.clip(from, to) else { return };
        let (dx, dy) = (to.0.round() - from.0.round(), to.1.round() - from.1.round());
        let steps = dx.abs().max(dy.abs()).max(1.0);
        for step in 0..=steps as i64 {
            let share = step as f64 / steps;
            let x = from.0.round() + dx * share;
            let y = from.1.round() + dy * share;
            self.dot(x.round() as i64, y.round() as i64, ink);
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
        (self.dots.character(cell.bits), cell.ink)
    }

    /// Whether a dot is set: what tests read back.
    pub fn is_set(&self, x: usize, y: usize) -> bool {
        let (wide, high) = self.dots.per_cell();
        self.cells[y / high * self.columns + x / wide].bits & self.dots.bit(x % wide, y % high) != 0
    }
}
