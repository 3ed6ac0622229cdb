//! Notes, which are Markdown, laid out for a terminal: lines of words in styles, as wide as there is room.

mod table;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};
use unicode_segmentation::UnicodeSegmentation;

use crate::text::highlight::{Highlighter, Kind, Language};
use crate::text::{clean, width};
use table::Table;

/// Words in one style.
pub type Words = (String, Kind);

/// Cells that stay for words, however deep they are moved in.
const LEAST: usize = 8;
/// Lists and quotations in one another that are moved in.
const DEEPEST: usize = 24;

/// A note as lines of no more than so many cells; nothing in it steers a terminal. Line breaks stay line breaks, as MLflow's
/// page has it.
pub fn laid_out(note: &str, room: usize) -> Vec<Vec<Words>> {
    pages(note, Page::new(room.max(LEAST)))
}

/// The same of a file: the lines of a paragraph go on in one another, and settings may stand above it, as in cards of models.
pub fn laid_out_page(text: &str, room: usize) -> Vec<Vec<Words>> {
    let mut page = Page { joins_lines: true, ..Page::new(room.max(LEAST)) };
    let (settings, rest) = front_matter(text);
    if let Some(settings) = settings {
        page.code = Some(Code { highlighter: Highlighter::new(Language::Yaml), text: settings.to_owned() });
        page.end_code();
    }
    pages(rest, page)
}

/// The settings that a text begins with, between `---` and `---` or `...`, and what comes after them.
fn front_matter(text: &str) -> (Option<&str>, &str) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let begun = text.strip_prefix("---").map(|rest| rest.trim_start_matches([' ', '\t', '\r']));
    let Some(rest) = begun.and_then(|rest| rest.strip_prefix('\n')) else { return (None, text) };
    // A line across the page has an empty one below.
    if rest.lines().next().is_none_or(|line| line.trim().is_empty()) {
        return (None, text);
    }
    let mut end = 0;
    for line in rest.split_inclusive('\n') {
        if ["---", "..."].contains(&line.trim_end()) {
            return (Some(&rest[..end]), &rest[end + line.len()..]);
        }
        end += line.len();
    }
    (None, text)
}

fn pages(note: &str, mut page: Page) -> Vec<Vec<Words>> {
    let extensions = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    for event in Parser::new_ext(note, extensions) {
        page.take(event);
    }
    page.end_block();
    while page.lines.last().is_some_and(Vec::is_empty) {
        page.lines.pop();
    }
    page.lines
}

/// Where words stand in.
enum Inside {
    /// The mark of an entry, until it is written; what stands below it is moved in as far.
    Entry {
        mark: Option<String>,
        cells: usize,
    },
    Quote,
}

struct Code {
    highlighter: Highlighter,
    text: String,
}

struct Page {
    room: usize,
    lines: Vec<Vec<Words>>,
    inside: Vec<Inside>,
    /// The next number of each list; none where it has marks.
    lists: Vec<Option<u64>>,
    /// The paragraph that is being read.
    words: Vec<Words>,
    kinds: Vec<Kind>,
    /// The address of a link, and how much of the paragraph was there before it.
    links: Vec<(String, usize)>,
    code: Option<Code>,
    table: Option<Table>,
    /// An empty line is due before the next words.
    is_apart: bool,
    /// Lines of a paragraph go on in one another.
    joins_lines: bool,
}

impl Page {
    fn new(room: usize) -> Self {
        Self {
            room,
            lines: Vec::new(),
            inside: Vec::new(),
            lists: Vec::new(),
            words: Vec::new(),
            kinds: Vec::new(),
            links: Vec::new(),
            code: None,
            table: None,
            is_apart: false,
            joins_lines: false,
        }
    }

    fn kind(&self) -> Kind {
        self.kinds.last().copied().unwrap_or(Kind::Plain)
    }

    fn push(&mut self, words: &str, kind: Kind) {
        self.words.push((clean(words).into_owned(), kind));
    }

    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.begin(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(words) => match &mut self.code {
                Some(code) => code.text.push_str(&words),
                None => self.push(&words, self.kind()),
            },
            Event::Code(words) => self.push(&words, Kind::String),
            // They come line by line.
            Event::Html(words) => {
                self.push(words.trim_end(), Kind::Comment);
                self.flush();
            }
            Event::InlineHtml(words) => self.push(words.trim_end(), Kind::Comment),
            Event::InlineMath(words) | Event::DisplayMath(words) | Event::FootnoteReference(words) => {
                self.push(&words, Kind::Plain);
            }
            Event::SoftBreak | Event::HardBreak if self.table.is_some() => self.push(" ", Kind::Plain),
            Event::SoftBreak if self.joins_lines => self.push(" ", self.kind()),
            Event::SoftBreak | Event::HardBreak => self.flush(),
            Event::Rule => {
                self.end_block();
                self.words.push(("-".repeat(self.free().min(40)), Kind::Comment));
                self.end_block();
            }
            Event::TaskListMarker(is_done) => {
                self.push(if is_done { "[x] " } else { "[ ] " }, Kind::Key);
            }
        }
    }

    fn begin(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { .. } => {
                self.end_block();
                self.kinds.push(Kind::Heading);
            }
            Tag::BlockQuote(_) => {
                self.end_block();
                self.inside.push(Inside::Quote);
                self.kinds.push(Kind::Comment);
            }
            Tag::CodeBlock(kind) => {
                self.end_block();
                let language = match kind {
                    CodeBlockKind::Fenced(name) => {
                        Language::named(name.split_whitespace().next().unwrap_or("").to_lowercase().as_str())
                    }
                    CodeBlockKind::Indented => Language::Plain,
                };
                self.code = Some(Code { highlighter: Highlighter::new(language), text: String::new() });
            }
            Tag::HtmlBlock => self.flush(),
            Tag::List(first) => {
                self.flush();
                // A list within a list stands close to its entry.
                self.is_apart = self.lists.is_empty() && !self.lines.is_empty();
                self.lists.push(first);
            }
            Tag::Item => {
                self.flush();
                let mark = match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}. ", *number - 1)
                    }
                    Some(None) | None => "• ".to_owned(),
                };
                self.inside.push(Inside::Entry { cells: width(&mark), mark: Some(mark) });
            }
            Tag::Emphasis => self.kinds.push(match self.kind() {
                Kind::Plain => Kind::Emphasis,
                kind => kind,
            }),
            Tag::Strong => self.kinds.push(Kind::Strong),
            Tag::Strikethrough => self.kinds.push(Kind::Comment),
            Tag::Link { dest_url, .. } => {
                self.links.push((clean(&dest_url).into_owned(), self.words.len()));
                self.kinds.push(Kind::Key);
            }
            Tag::Image { dest_url, .. } => {
                self.links.push((clean(&dest_url).into_owned(), self.words.len()));
                self.kinds.push(Kind::Key);
                self.push("picture ", Kind::Comment);
            }
            Tag::Table(alignments) => {
                self.end_block();
                self.table = Some(Table { alignments, rows: Vec::new() });
            }
            Tag::TableHead | Tag::TableRow => {
                if let Some(table) = &mut self.table {
                    table.rows.push(Vec::new());
                }
                let is_head = self.table.as_ref().is_some_and(|table| table.rows.len() == 1);
                self.kinds.push(if is_head { Kind::Strong } else { Kind::Plain });
            }
            Tag::TableCell
            | Tag::Paragraph
            | Tag::MetadataBlock(_)
            | Tag::FootnoteDefinition(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.end_block(),
            TagEnd::HtmlBlock => {
                self.flush();
                self.is_apart = true;
            }
            TagEnd::Heading(_) => {
                self.end_block();
                self.kinds.pop();
            }
            TagEnd::BlockQuote(_) => {
                self.end_block();
                self.inside.pop();
                self.kinds.pop();
            }
            TagEnd::CodeBlock => self.end_code(),
            TagEnd::List(_) => {
                self.flush();
                self.lists.pop();
                self.is_apart = self.lists.is_empty();
            }
            TagEnd::Item => {
                self.flush();
                // An entry without words has its mark all the same.
                let has_mark = matches!(self.inside.last(), Some(Inside::Entry { mark: Some(_), .. }));
                if has_mark && self.inside.len() <= DEEPEST {
                    self.words.push((String::new(), Kind::Plain));
                    self.flush();
                }
                self.inside.pop();
                self.is_apart = false;
            }
            TagEnd::Link | TagEnd::Image => {
                self.kinds.pop();
                if let Some((address, from)) = self.links.pop() {
                    // What stands before a line break is written already.
                    let from = from.min(self.words.len());
                    let mut rest = Some(address.as_str());
                    for (words, _) in &self.words[from..] {
                        rest = rest.and_then(|rest| rest.strip_prefix(words.as_str()));
                        if rest.is_none() {
                            break;
                        }
                    }
                    // Neither is told twice.
                    if rest != Some("") && !address.is_empty() {
                        self.words.push((format!(" ({address})"), Kind::Comment));
                    }
                }
            }
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.words);
                if let Some(row) = self.table.as_mut().and_then(|table| table.rows.last_mut()) {
                    row.push(cell);
                }
            }
            TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::TableHead
            | TagEnd::TableRow => {
                self.kinds.pop();
            }
            TagEnd::Table => self.end_table(),
            TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::MetadataBlock(_)
            | TagEnd::Superscript
            | TagEnd::Subscript => {}
        }
    }

    /// Cells that there are for words.
    fn free(&self) -> usize {
        let cells = |inside: &Inside| match inside {
            Inside::Entry { cells, .. } => *cells,
            Inside::Quote => 2,
        };
        self.room.saturating_sub(self.inside.iter().take(DEEPEST).map(cells).sum()).max(LEAST.min(self.room))
    }

    /// What stands before the words of a line: marks of entries once, then as much empty room.
    fn before(&mut self) -> Vec<Words> {
        self.inside
            .iter_mut()
            .take(DEEPEST)
            .map(|inside| match inside {
                Inside::Entry { mark, cells } => {
                    mark.take().map_or((" ".repeat(*cells), Kind::Plain), |mark| (mark, Kind::Key))
                }
                Inside::Quote => ("> ".to_owned(), Kind::Comment),
            })
            .collect()
    }

    fn write(&mut self, words: Vec<Words>) {
        if std::mem::take(&mut self.is_apart) && !self.lines.is_empty() {
            self.lines.push(Vec::new());
        }
        let mut line = self.before();
        line.extend(words);
        self.lines.push(joined(line));
    }

    /// Writes the words that are there.
    fn flush(&mut self) {
        let words = std::mem::take(&mut self.words);
        if words.is_empty() {
            return;
        }
        for line in wrapped(&words, self.free()) {
            self.write(line);
        }
    }

    fn end_block(&mut self) {
        let is_begun = !self.words.is_empty();
        self.flush();
        self.is_apart |= is_begun;
    }

    fn end_code(&mut self) {
        let Some(Code { mut highlighter, text }) = self.code.take() else { return };
        let room = self.free().saturating_sub(2).max(1);
        for line in text.lines() {
            let line = clean(line).into_owned();
            let mut from = 0;
            let ends = highlighter.line(&line).into_iter().chain([(line.len(), Kind::Plain)]);
            let parts = ends.filter_map(|(end, kind)| {
                let words = line.get(from..end)?;
                from = end;
                (!words.is_empty()).then(|| (words.to_owned(), kind))
            });
            for mut piece in broken(parts.collect(), room) {
                piece.insert(0, ("  ".to_owned(), Kind::Plain));
                self.write(piece);
            }
        }
        self.is_apart = true;
    }

    fn end_table(&mut self) {
        let Some(table) = self.table.take() else { return };
        for line in table.lines(self.free()) {
            self.write(line);
        }
        self.is_apart = true;
    }
}

/// Words of one style next to each other as one, without spaces at the end.
fn joined(line: Vec<Words>) -> Vec<Words> {
    let mut joined: Vec<Words> = Vec::new();
    for (words, kind) in line {
        match joined.last_mut() {
            Some((last, known)) if *known == kind => last.push_str(&words),
            _ if words.is_empty() => {}
            _ => joined.push((words, kind)),
        }
    }
    while let Some((words, _)) = joined.last_mut() {
        words.truncate(words.trim_end().len());
        if !words.is_empty() {
            break;
        }
        joined.pop();
    }
    joined
}

/// Broken between words, and within those that are longer than a line.
fn wrapped(words: &[Words], room: usize) -> Vec<Vec<Words>> {
    let mut lines: Vec<Vec<Words>> = Vec::new();
    let (mut line, mut used) = (Vec::new(), 0);
    // A word may have several styles, and a space comes before it or does not.
    let mut word: Vec<Words> = Vec::new();
    let mut is_apart = false;
    let mut place = |word: &mut Vec<Words>, is_apart: bool| {
        if word.is_empty() {
            return;
        }
        let word = std::mem::take(word);
        let cells: usize = word.iter().map(|(words, _)| width(words)).sum();
        let space = usize::from(is_apart && used > 0);
        if used > 0 && used + space + cells > room {
            lines.push(std::mem::take(&mut line));
            used = 0;
        } else if space > 0 {
            let kind = line.last().map_or(Kind::Plain, |(_, kind): &Words| *kind);
            let next = word.first().map_or(Kind::Plain, |(_, kind)| *kind);
            line.push((" ".to_owned(), if kind == next { kind } else { Kind::Plain }));
            used += 1;
        }
        if cells <= room {
            used += cells;
            line.extend(word);
            return;
        }
        let mut pieces = broken(word, room);
        let last = pieces.pop().unwrap_or_default();
        lines.extend(pieces);
        used = last.iter().map(|(words, _)| width(words)).sum();
        line = last;
    };
    for (words, kind) in words {
        let mut rest = words.as_str();
        loop {
            let space = rest.len() - rest.trim_start().len();
            if space > 0 {
                place(&mut word, is_apart);
                is_apart = true;
                rest = &rest[space..];
            }
            if rest.is_empty() {
                break;
            }
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            word.push((rest[..end].to_owned(), *kind));
            rest = &rest[end..];
        }
    }
    place(&mut word, is_apart);
    lines.push(line);
    lines
}

/// Broken where the room ends.
fn broken(parts: Vec<Words>, room: usize) -> Vec<Vec<Words>> {
    let mut lines = vec![Vec::new()];
    let mut used = 0;
    for (words, kind) in parts {
        let mut piece = String::new();
        for grapheme in words.graphemes(true) {
            let cells = width(grapheme);
            if used > 0 && used + cells > room {
                if let Some(line) = lines.last_mut() {
                    line.push((std::mem::take(&mut piece), kind));
                }
                lines.push(Vec::new());
                used = 0;
            }
            piece.push_str(grapheme);
            used += cells;
        }
        if let Some(line) = lines.last_mut() {
            line.push((piece, kind));
        }
    }
    lines
}

#[cfg(test)]
mod tests;
