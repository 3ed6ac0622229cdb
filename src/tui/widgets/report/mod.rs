//! Some lines to be read: a reason, a plan, a history.

pub mod view;

use crate::text;
use crate::text::highlight::Kind;
use crate::text::notes::{Words, laid_out};
use crate::tui::core::app::{App, Overlay};

#[derive(Debug)]
pub struct Report {
    pub title: String,
    lines: Vec<String>,
    /// What stands below, as people write notes.
    markdown: String,
    pub scroll: usize,
    /// What it lies over, and what is there again when it is closed.
    pub behind: Option<Box<Overlay>>,
}

impl Report {
    pub fn new(title: impl Into<String>, lines: Vec<String>) -> Self {
        Self { title: title.into(), lines, markdown: String::new(), scroll: 0, behind: None }
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
        Self { title: title.into(), lines: Vec::new(), markdown: text.to_owned(), scroll: 0, behind: None }
    }

    /// Puts it over everything else, which is there again afterwards.
    pub fn open_over(mut self, app: &mut App) {
        self.behind = match app.overlay.take() {
            // Of two reports the later one is read.
            Some(Overlay::Report(report)) => report.behind,
            other => other.map(Box::new),
        };
        app.overlay = Some(Overlay::Report(self));
    }

    /// The lines, broken to so many cells.
    pub fn wrapped(&self, width: usize) -> Vec<Vec<Words>> {
        let lines = self.lines.iter().flat_map(|line| wrapped(line, width));
        lines.chain(laid_out(&self.markdown, width)).collect()
    }
}

/// Where the key of a line ends, in bytes: spaces follow it, two or more.
fn key_end(line: &str) -> usize {
    let indent = line.len() - line.trim_start().len();
    line[indent..].find("  ").map_or(line.len(), |end| indent + end)
}

/// The cells before the value of a line that has a key and one value.
fn value_column(line: &str) -> Option<usize> {
    let value = line[key_end(line)..].trim_start();
    // More of them are a table.
    (!value.is_empty() && !value.trim_end().contains("  ")).then(|| text::width(line) - text::width(value))
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
    // What goes on of a value stands under it.
    if let Some(column) = value_column(&clean).filter(|column| *column * 2 <= width) {
        let (key, value) = clean.split_at(clean.len() - clean[key_end(&clean)..].trim_start().len());
        let key = format!("{key}{}", " ".repeat(column.saturating_sub(text::width(key))));
        let lead = |at: usize| if at == 0 { key.clone() } else { " ".repeat(column) };
        let parts = text::wrap(value, width - column).into_iter().enumerate();
        return parts.map(|(at, part)| plain(format!("{}{part}", lead(at)))).collect();
    }
    let parts = text::wrap(clean.trim_start(), width.saturating_sub(indent + 2).max(16));
    if parts.is_empty() {
        return vec![Vec::new()];
    }
    let moved = |(at, part): (usize, String)| {
        plain(format!("{}{part}", " ".repeat(indent + 2 * usize::from(at > 0))))
    };
    parts.into_iter().enumerate().map(moved).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str, width: usize) -> Vec<String> {
        let words = |line: Vec<Words>| line.into_iter().map(|(words, _)| words).collect::<String>();
        wrapped(line, width).into_iter().map(words).collect()
    }

    #[test]
    fn values_are_wrapped_under_themselves_and_at_words() {
        assert_eq!(told("run   calm-ibis", 40), ["run   calm-ibis"]);
        assert_eq!(
            told("requirements  scikit-learn==1.9.1 numpy==2.4 scipy", 34),
            ["requirements  scikit-learn==1.9.1", "              numpy==2.4 scipy"]
        );
        // A name is broken behind its signs.
        assert_eq!(
            told("source  models:/resnet50-imagenet-pretrained/checkpoints/best", 30),
            ["source  models:/resnet50-", "        imagenet-pretrained/", "        checkpoints/best"]
        );
        // A table, and a key that leaves no room.
        assert_eq!(told("alcohol  double  required or not", 24), ["alcohol double", "  required or not"]);
        assert_eq!(told("a-very-long-key-of-something  x y", 30), ["a-very-long-key-of-something", "  x y"]);
    }
}
