//! A report on an experiment for those who were not there: the best run and why, how it stands against the champion, the
//! runs behind it, the params that matter. Written as Markdown for a pull request, or as a page of its own.

#![warn(missing_docs, clippy::missing_errors_doc)]

mod content;
mod html;
mod markdown;

pub use content::{Against, Material, SAMPLE, report};

use crate::sheet::Sheet;

/// What is reported.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Of the whole.
    pub title: String,
    /// Lines below the title.
    pub about: Vec<String>,
    /// In order.
    pub sections: Vec<Section>,
}

/// A part with a title of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// What it is about.
    pub title: String,
    /// In order.
    pub blocks: Vec<Block>,
}

/// What a section consists of.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// Sentences, one a line.
    Lines(Vec<String>),
    /// A table.
    Table(Sheet),
    /// A chart, which Markdown has no room for.
    Chart {
        /// What it shows, for those who cannot see it.
        title: String,
        /// The picture.
        svg: String,
    },
}

impl Report {
    /// As Markdown, without charts.
    pub fn markdown(&self) -> String {
        markdown::write(self)
    }

    /// As one page, which asks for no other file and runs nothing.
    pub fn html(&self) -> String {
        html::write(self)
    }
}

#[cfg(test)]
mod tests;
