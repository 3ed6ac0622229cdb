//! Some lines to be read: a reason, a plan, a history.

pub mod view;

use crate::text;

#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub title: String,
    pub lines: Vec<String>,
    pub scroll: usize,
    /// The lines are Markdown.
    pub is_markdown: bool,
}

impl Report {
    pub fn new(title: impl Into<String>, lines: Vec<String>) -> Self {
        Self { title: title.into(), lines, scroll: 0, is_markdown: false }
    }

    /// A text as people write notes.
    pub fn of_markdown(title: impl Into<String>, text: &str) -> Self {
        let lines = text.lines().map(str::to_owned).collect();
        Self { is_markdown: true, ..Self::new(title, lines) }
    }

    /// The lines, broken to so many cells; what goes on is moved in.
    pub fn wrapped(&self, width: usize) -> Vec<String> {
        let mut wrapped = Vec::new();
        for line in &self.lines {
            let clean = text::clean(line);
            if text::width(&clean) <= width {
                // Columns stay under one another.
                wrapped.push(clean.trim_end().to_owned());
                continue;
            }
            let indent = clean.len() - clean.trim_start().len();
            let is_entry = clean.trim_start().starts_with(['-', '*', '+']);
            let hanging = if self.is_markdown && !is_entry { 0 } else { 2 };
            let parts = text::wrap(clean.trim_start(), width.saturating_sub(indent + 2).max(16));
            if parts.is_empty() {
                wrapped.push(String::new());
            }
            for (at, part) in parts.into_iter().enumerate() {
                wrapped.push(format!("{}{part}", " ".repeat(indent + hanging * usize::from(at > 0))));
            }
        }
        wrapped
    }
}
