//! Markdown: headings, lists, quotations, code, emphasis, links; and the settings that may stand above it.

use super::{Highlighter, Kind, Language, Parts};

impl Highlighter {
    pub(super) fn markdown(&mut self, parts: &mut Parts<'_>) {
        let words = parts.line.trim_start();
        if let Some((fence, inside)) = &mut self.fenced {
            if words.trim_end().starts_with(fence.as_str()) {
                parts.take_rest(Kind::Comment);
                self.fenced = None;
            } else {
                parts.taken = inside.line(parts.line);
            }
            return;
        }
        // Cards of models begin with YAML between two such lines.
        if self.is_first && parts.line.trim_end() == "---" {
            self.fenced = Some(("---".into(), Box::new(Self::new(Language::Yaml))));
            return parts.take_rest(Kind::Comment);
        }
        let fence = if words.starts_with('~') { '~' } else { '`' };
        let marks = words.len() - words.trim_start_matches(fence).len();
        if marks >= 3 {
            let language = words[marks..].trim().to_lowercase();
            let fence = words[..marks].to_owned();
            // Markdown within Markdown would go as deep as a file likes.
            let language = match Language::named(&language) {
                Language::Markdown => Language::Plain,
                language => language,
            };
            self.fenced = Some((fence, Box::new(Self::new(language))));
            return parts.take_rest(Kind::Comment);
        }
        let level = words.len() - words.trim_start_matches('#').len();
        if (1..=6).contains(&level) && words[level..].starts_with(' ') {
            return parts.take_rest(Kind::Heading);
        }
        if words.starts_with('>') {
            return parts.take_rest(Kind::Comment);
        }
        parts.take(parts.line.len() - words.len(), Kind::Plain);
        parts.take(mark(words), Kind::Key);
        inline(parts);
    }
}

/// Bytes of the mark of an entry of a list: `-`, `*`, `12.`.
fn mark(words: &str) -> usize {
    let digits = words.len() - words.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let length = if digits == 0 { usize::from(words.starts_with(['-', '*', '+'])) } else { digits + 1 };
    let is_mark = digits == 0 || words[digits..].starts_with(['.', ')']);
    if length > 0 && is_mark && words[length..].starts_with(' ') { length } else { 0 }
}

fn inline(parts: &mut Parts<'_>) {
    let last_link = parts.line.rfind("](").unwrap_or(0);
    while let Some(c) = parts.rest().chars().next() {
        let rest = parts.rest();
        let closed = |begin: &str, end: &str| {
            let inside = rest.strip_prefix(begin)?;
            inside.find(end).filter(|at| *at > 0).map(|at| begin.len() + at + end.len())
        };
        if let Some(length) = closed("`", "`") {
            parts.take(length, Kind::String);
        } else if let Some(length) = closed("**", "**").or_else(|| closed("__", "__")) {
            parts.take(length, Kind::Strong);
        } else if let Some(length) = (parts.at < last_link).then(|| closed("[", "](")).flatten() {
            parts.take(length - 1, Kind::Key);
            let target = parts.rest().find(')').map_or(parts.rest().len(), |at| at + 1);
            parts.take(target, Kind::Comment);
        } else {
            parts.take(c.len_utf8(), Kind::Plain);
        }
    }
}
