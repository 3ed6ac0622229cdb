//! Which columns of a table are seen, and where: the first one stays in view, the others scroll behind it.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

/// Cells between two columns.
pub const GAP: usize = 2;
/// The chosen column is cut where there is too little room for it; below so many cells nothing of it would tell anything.
pub const LEAST: usize = 6;

/// What there is from left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Across {
    /// Cells in front of the first column.
    pub lead: usize,
    pub columns: usize,
    pub chosen: usize,
}

/// What a column asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ColumnRequest {
    pub width: usize,
    /// Numbers stand to the right, under a title to the right.
    pub right: bool,
    /// Cells of a picture behind it; the first column that is seen and asks for one has it, where there is room.
    pub picture: usize,
}

impl ColumnRequest {
    pub fn left(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    pub fn right(width: usize) -> Self {
        Self { width, right: true, ..Self::default() }
    }
}

/// A column that is seen, or the picture behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VisibleColumn {
    pub column: usize,
    pub is_picture: bool,
    pub x: usize,
    pub width: usize,
    pub right: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ColumnWindow {
    /// From left to right.
    pub places: Vec<VisibleColumn>,
    /// Where the first column ends: there columns are missing where there are `more_left`.
    pub pinned: usize,
    pub more_left: bool,
    pub more_right: bool,
}

impl ColumnWindow {
    /// The columns that fit. Only those that are seen, and those that may be, are asked what they want, once.
    pub fn new(width: usize, across: Across, column: impl Fn(usize) -> ColumnRequest) -> Self {
        let mut laid = Self::default();
        if across.columns == 0 {
            return laid;
        }
        let known = RefCell::new(FxHashMap::default());
        let column = |at: usize| *known.borrow_mut().entry(at).or_insert_with(|| column(at));
        // A cell is left for the sign that there is more.
        let room = width.saturating_sub(across.lead + 1);
        let behind = laid.put(0, across.lead, room, column(0));
        laid.pinned = behind - GAP;
        let from = first_seen(width.saturating_sub(behind), across, column);
        let next = laid.fill(width, from, behind, across, column);
        laid.more_left = from > 1;
        laid.more_right = next < across.columns;
        laid
    }

    /// Places columns from one on, as many as there is room for; returns the first one that is not seen.
    fn fill(
        &mut self,
        width: usize,
        from: usize,
        mut x: usize,
        across: Across,
        column: impl Fn(usize) -> ColumnRequest,
    ) -> usize {
        let mut has_picture = false;
        for at in from..across.columns {
            let wanted = column(at);
            let room = width.saturating_sub(x + sign(at, across));
            if wanted.width > room && (at > from || room < LEAST) {
                return at;
            }
            x = self.put(at, x, room, wanted);
            if wanted.picture > 0 && !has_picture && x + wanted.picture <= width {
                has_picture = true;
                self.places.push(VisibleColumn {
                    column: at,
                    is_picture: true,
                    x,
                    width: wanted.picture,
                    right: false,
                });
                x += wanted.picture + GAP;
            }
        }
        across.columns
    }

    /// Places a column, as far as there is room; returns where the next one would begin.
    fn put(
        &mut self,
        column: usize,
        x: usize,
        room: usize,
        ColumnRequest { width, right, .. }: ColumnRequest,
    ) -> usize {
        let width = width.min(room);
        if width > 0 {
            self.places.push(VisibleColumn { column, is_picture: false, x, width, right });
        }
        x + width + GAP
    }

    /// The column at a cell; pictures are none.
    pub fn at(&self, x: usize) -> Option<usize> {
        let is_at =
            |place: &&VisibleColumn| !place.is_picture && (place.x..place.x + place.width).contains(&x);
        self.places.iter().find(is_at).map(|place| place.column)
    }

    /// The cells that a column takes, where it is seen.
    pub fn width(&self, column: usize) -> Option<usize> {
        self.places.iter().find(|place| place.column == column).map(|place| place.width)
    }
}

/// The cells that a column leaves for the sign that there is more behind it.
fn sign(column: usize, across: Across) -> usize {
    usize::from(column + 1 < across.columns)
}

/// The first of the columns that scroll: as far to the left as the chosen one can still be seen.
fn first_seen(room: usize, across: Across, column: impl Fn(usize) -> ColumnRequest) -> usize {
    let chosen = across.chosen.min(across.columns - 1).max(1);
    let mut first = chosen;
    let (mut used, mut picture) = (0, 0);
    for at in (1..=chosen).rev().filter(|at| *at < across.columns) {
        let wanted = column(at);
        used += wanted.width;
        if wanted.picture > 0 {
            // One alone has a picture behind it: the first that is seen.
            picture = GAP + wanted.picture;
        } else if at == chosen {
            used += sign(at, across);
        }
        if used + picture > room {
            break;
        }
        first = at;
        used += GAP;
    }
    first
}
