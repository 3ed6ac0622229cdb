//! A Markdown file laid out as a page, as wide as there is room, or as it is written.

use super::words::{self, TextLine};
use super::{CELLS, LINES};
use crate::text;
use crate::text::highlight::Language;
use crate::text::notes::{Words, laid_out_page};

/// Longer files stay as they are written (bytes): they are laid out anew whenever the room changes.
const LONGEST: usize = 256 * 1024;

/// What a Markdown file says, and how it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    source: String,
    /// The cells that it is laid out for; none where it is shown as it is written.
    room: Option<usize>,
}

impl Page {
    /// The page that a text is, if it is not too long for one.
    pub fn of(language: Language, words: &str) -> Option<Self> {
        let is_page = language == Language::Markdown && words.len() <= LONGEST;
        is_page.then(|| Self { source: words.to_owned(), room: None })
    }

    pub fn is_laid_out(&self) -> bool {
        self.room.is_some()
    }

    /// The lines for so many cells, or those of the source; nothing where these are shown already.
    pub fn lines(&mut self, room: Option<usize>) -> Option<Vec<TextLine>> {
        if self.room == room {
            return None;
        }
        self.room = room;
        Some(match room {
            Some(room) => laid_out_page(&self.source, room).into_iter().take(LINES).map(line).collect(),
            None => words::lines(Language::Markdown, &self.source),
        })
    }
}

fn line(parts: Vec<Words>) -> TextLine {
    let mut line = TextLine { words: String::new(), parts: Vec::with_capacity(parts.len()) };
    for (words, kind) in parts {
        line.words.push_str(&words);
        line.parts.push((line.words.len(), kind));
    }
    if text::width(&line.words) > CELLS {
        line.words = text::cut(&line.words, CELLS, "");
        let end = line.words.len();
        line.parts.iter_mut().for_each(|(to, _)| *to = (*to).min(end));
    }
    line
}
