//! Some lines to be read: a reason, a plan, a history.

pub mod view;

use crate::text;
use crate::text::highlight::Kind;
use crate::text::notes::{Words, laid_out};

#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub title: String,
    lines: Vec<String>,
    /// What stands below, as people write notes.
    markdown: String,
    pub scroll: usize,
}

impl Report {
    pub fn new(title: impl Into<String>, lines: Vec<String>) -> Self {
        Self { title: title.into(), lines, markdown: String::new(), scroll: 0 }
    }

    /// With a text as people write notes below, under a heading; without one where it is empty.
    pub fn with_markdown(mut self, heading: &str, text: &str) -> Self {
        if !text.trim().is_empty() {
            self.lines.extend([String::new(), format!("{heading}:")]);
            text.clone_into(&mut self.markdown);
        }
        self
    }

    /// A text as people write notes.
    pub fn of_markdown(title: impl Into<String>, text: &str) -> Self {
        Self { title: title.into(), lines: Vec::new(), markdown: text.to_owned(), scroll: 0 }
    }

    /// The lines, broken to so many cells.
    pub fn wrapped(&self, width: usize) -> Vec<Vec<Words>> {
        let lines = self.lines.iter().flat_map(|line| wrapped(line, width));
        lines.chain(laid_out(&self.markdown, width)).collect()
    }
}

/// A line in lines of so many cells; what goes on is moved in.
fn wrapped(line: &str, width: usize) -> Vec<Vec<Words>> {
    let plain = |words: String| vec![(words, Kind::Plain)];
    let clean = text::clean(line);
    if text::width(&clean) <= width {
        // Columns stay under one another.
        return vec![plain(clean.trim_end().to_owned())];
    }
    let indent = clean.len() - clean.trim_start().len();
    let parts = text::wrap(clean.trim_start(), width.saturating_sub(indent + 2).max(16));
    if parts.is_empty() {
        return vec![Vec::new()];
    }
    let moved = |(at, part): (usize, String)| {
        plain(format!("{}{part}", " ".repeat(indent + 2 * usize::from(at > 0))))
    };
    parts.into_iter().enumerate().map(moved).collect()
}
