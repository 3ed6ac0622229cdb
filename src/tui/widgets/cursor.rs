//! A cursor over a list.

/// A cursor over a list, and the part of the list that is on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    pub at: usize,
    pub top: usize,
}

impl Cursor {
    /// Moves by so many rows, as far as the list goes.
    pub fn step(&mut self, by: isize, length: usize, height: usize) {
        self.at = self.at.saturating_add_signed(by).min(length.saturating_sub(1));
        self.show(length, height);
    }

    pub fn jump(&mut self, to: usize, length: usize, height: usize) {
        self.at = to.min(length.saturating_sub(1));
        self.show(length, height);
    }

    /// Scrolls as little as needed for the cursor to be seen, and never past the end.
    pub fn show(&mut self, length: usize, height: usize) {
        self.at = self.at.min(length.saturating_sub(1));
        let height = height.max(1);
        self.top = self.top.min(self.at).max((self.at + 1).saturating_sub(height));
        self.top = self.top.min(length.saturating_sub(height.min(length)));
    }

    /// The indices on the screen.
    pub fn window(&self, length: usize, height: usize) -> std::ops::Range<usize> {
        self.top.min(length)..(self.top + height).min(length)
    }
}
