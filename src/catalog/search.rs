//! Runs by words, as people type them: letters in their order, in the run's name, user, status, params or tags.
//!
//! Each word is found by itself and all have to be there. `'word` wants the letters together, `^word` at the start,
//! `word$` at the end, `!word` not at all; capitals count where the word has some. `key=word` looks at the param
//! or tag of that key alone. The start of a run's id finds it too.

use nucleo_matcher::pattern::{Atom, AtomKind, CaseMatching, Normalization};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::filter::RowSet;
use super::{Catalog, Keyed, Row, Sym};
use crate::mlflow::{Tag, tags};

/// Texts that are worth a thread of their own.
const A_THREADS_WORTH: usize = 8_192;

/// Words, understood.
#[derive(Debug, Clone)]
pub struct Search {
    words: Vec<SearchWord>,
}

#[derive(Debug, Clone)]
struct SearchWord {
    /// The param or tag to look at, in lower case; all of them without one.
    key: Option<String>,
    atom: Atom,
    /// The word as typed, for ids.
    text: String,
}

impl Search {
    pub fn new(words: &str) -> Self {
        let words = words.split_whitespace().map(|text| {
            let (is_negative, rest) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
            let (key, pattern) = match rest.split_once('=') {
                Some((key, pattern)) if !key.is_empty() => (Some(key.to_lowercase()), pattern),
                _ => (None, rest),
            };
            let mut atom = Atom::parse(pattern, CaseMatching::Smart, Normalization::Smart);
            if is_negative {
                // What must not be there is meant letter by letter.
                atom =
                    Atom::new(pattern, CaseMatching::Smart, Normalization::Smart, AtomKind::Substring, false);
                atom.negative = true;
            }
            SearchWord { key, atom, text: pattern.to_lowercase() }
        });
        Self { words: words.filter(|word| !word.text.is_empty()).collect() }
    }

    /// The rows in which all words are found.
    pub fn rows(&self, catalog: &Catalog) -> RowSet {
        let mut pass = vec![true; catalog.runs.len()];
        for word in &self.words {
            let found = word.rows(catalog);
            for (pass, found) in pass.iter_mut().zip(found) {
                *pass &= found != word.atom.negative;
            }
        }
        RowSet::new(pass)
    }

    /// For each of several things with a name, an id and tags, as experiments are, how well all words are found in it; none
    /// where one is not.
    pub fn scores<'a>(
        &self,
        things: impl Iterator<Item = (&'a str, &'a str, &'a [Tag])>,
    ) -> Vec<Option<u32>> {
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        // Whether a word is wanted or not is looked at below.
        let atoms = self.words.iter().map(|word| {
            let mut atom = word.atom.clone();
            atom.negative = false;
            (word, atom)
        });
        let atoms: Vec<(&SearchWord, Atom)> = atoms.collect();
        let scores = things.map(|(name, id, tags)| {
            atoms.iter().try_fold(0, |sum, (word, atom)| {
                let mut score =
                    |text: &str| atom.score(Utf32Str::new(text, &mut buffer), &mut matcher).map(u32::from);
                let is_meant = |tag: &&Tag| match &word.key {
                    Some(wanted) => tag.key.to_lowercase() == *wanted,
                    None => !tags::is_system(&tag.key),
                };
                let of_name = if word.key.is_none() { score(name) } else { None };
                let found = of_name
                    .or_else(|| (word.key.is_none() && word.text == id).then_some(0))
                    .or_else(|| tags.iter().filter(is_meant).find_map(|tag| score(&tag.value)).map(|_| 0));
                match (found, word.atom.negative) {
                    (Some(score), false) => Some(sum + score),
                    (None, true) => Some(sum),
                    (Some(_), true) | (None, false) => None,
                }
            })
        });
        scores.collect()
    }

    /// The places of the letters (as characters of `text`) that make a text match, in order. `key` is that of the
    /// param or tag whose value the text is.
    pub fn letters(&self, text: &str, key: Option<&str>) -> Vec<usize> {
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut buffer = Vec::new();
        let mut places = Vec::new();
        for word in self.words.iter().filter(|word| !word.atom.negative) {
            if word.key.as_deref().is_none_or(|wanted| key.is_some_and(|key| key.to_lowercase() == wanted)) {
                let text = Utf32Str::new(text, &mut buffer);
                // A word that is not found adds nothing.
                let _ = word.atom.indices(text, &mut matcher, &mut places);
            }
        }
        let mut places: Vec<usize> = places.into_iter().map(|place| place as usize).collect();
        places.sort_unstable();
        places.dedup();
        places
    }
}

impl SearchWord {
    /// For each row whether the word is found in it, whether it is wanted there or not.
    fn rows(&self, catalog: &Catalog) -> Vec<bool> {
        let mut found = vec![false; catalog.runs.len()];
        let is_meant = |key: &str| match &self.key {
            Some(wanted) => key.to_lowercase() == *wanted,
            // What MLflow notes by itself is not what people look for.
            None => !tags::is_system(key),
        };
        let mut asked = vec![false; catalog.texts.len()];
        let mut ask = |sym: Sym| asked[sym.0 as usize] = true;
        if self.key.is_none() {
            for run in catalog.runs.iter() {
                ask(run.name);
                ask(run.user);
            }
        }
        for keyed in [&catalog.params, &catalog.tags] {
            let columns = keyed.columns(&catalog.texts).filter(|(key, _)| is_meant(key));
            columns.for_each(|(_, column)| column.iter().for_each(|(_, sym)| ask(sym)));
        }
        let matching = self.matching(catalog, &asked);
        if self.key.is_none() {
            let statuses = self.statuses();
            let is_id = |row: Row| self.text.len() >= 3 && catalog.run_id(row).starts_with(&self.text);
            for (row, run) in catalog.runs.iter().enumerate() {
                found[row] = matching[run.name.0 as usize]
                    || matching[run.user.0 as usize]
                    || statuses[run.status as usize]
                    || is_id(row as Row);
            }
        }
        for keyed in [&catalog.params, &catalog.tags] {
            mark(catalog, keyed, &matching, is_meant, &mut found);
        }
        found
    }

    /// Of the texts that are asked for, those that match: every text is looked at once, however many runs share it.
    fn matching(&self, catalog: &Catalog, asked: &[bool]) -> Vec<bool> {
        let mut matching = vec![false; asked.len()];
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
        let share = asked.len().div_ceil(threads).max(A_THREADS_WORTH);
        // Whether a word is wanted or not is the caller's business.
        let mut atom = self.atom.clone();
        atom.negative = false;
        let look = |start: usize, part: &mut [bool]| {
            let mut matcher = Matcher::new(Config::DEFAULT);
            let mut buffer = Vec::new();
            for (at, matching) in part.iter_mut().enumerate().filter(|(at, _)| asked[start + at]) {
                let text = Utf32Str::new(catalog.texts.get(Sym((start + at) as u32)), &mut buffer);
                *matching = atom.score(text, &mut matcher).is_some();
            }
        };
        std::thread::scope(|scope| {
            let look = &look;
            let mut parts = matching.chunks_mut(share).enumerate();
            let first = parts.next();
            for (i, part) in parts {
                scope.spawn(move || look(i * share, part));
            }
            if let Some((_, part)) = first {
                look(0, part);
            }
        });
        matching
    }

    /// For each status whether the word begins it.
    fn statuses(&self) -> [bool; 5] {
        use crate::mlflow::RunStatus::{Failed, Finished, Killed, Running, Scheduled};
        let mut found = [false; 5];
        if self.text.len() >= 3 && matches!(self.atom.kind, AtomKind::Fuzzy | AtomKind::Substring) {
            for status in [Running, Scheduled, Finished, Failed, Killed] {
                found[status as usize] = status.as_str().to_lowercase().starts_with(&self.text);
            }
        }
        found
    }
}

fn mark(
    catalog: &Catalog,
    keyed: &Keyed<Sym>,
    matching: &[bool],
    is_meant: impl Fn(&str) -> bool,
    found: &mut [bool],
) {
    for (_, column) in keyed.columns(&catalog.texts).filter(|(key, _)| is_meant(key)) {
        for (row, value) in column.iter() {
            found[row as usize] |= matching[value.0 as usize];
        }
    }
}
