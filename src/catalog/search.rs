//! Finding runs by typed words: all of them must occur, in any case, in the run's name, id, user, status, params or tags.

use super::filter::RowSet;
use super::{Catalog, Keyed, Sym};
use crate::mlflow::tags;

/// The rows in which every word occurs. A word `key=text` asks for a param or tag of that key.
pub fn containing(catalog: &Catalog, words: &str) -> RowSet {
    let mut pass = vec![true; catalog.runs.len()];
    for word in words.split_whitespace() {
        let found = rows_with(catalog, &word.to_lowercase());
        for (pass, found) in pass.iter_mut().zip(found) {
            *pass &= found;
        }
    }
    RowSet::new(pass)
}

fn rows_with(catalog: &Catalog, word: &str) -> Vec<bool> {
    let mut found = vec![false; catalog.runs.len()];
    if let Some((key, text)) = word.split_once('=') {
        let texts = matching_texts(catalog, text);
        mark(catalog, &catalog.params, &texts, |known| known.to_lowercase() == key, &mut found);
        mark(catalog, &catalog.tags, &texts, |known| known.to_lowercase() == key, &mut found);
        return found;
    }
    let texts = matching_texts(catalog, word);
    let is_match = |sym: Sym| texts[sym.0 as usize];
    for (run, found) in catalog.runs.iter().zip(&mut found) {
        *found = is_match(run.name)
            || is_match(run.run_id)
            || is_match(run.user)
            || run.status.as_str().to_lowercase().contains(word);
    }
    mark(catalog, &catalog.params, &texts, |_| true, &mut found);
    // What MLflow notes by itself is not what people look for.
    mark(catalog, &catalog.tags, &texts, |key| !tags::is_system(key), &mut found);
    found
}

/// For each text whether the word occurs in it: every text is looked at once, however many runs share it.
fn matching_texts(catalog: &Catalog, word: &str) -> Vec<bool> {
    let occurs = |text: &str| {
        if text.is_ascii() {
            contains_ascii(text.as_bytes(), word.as_bytes())
        } else {
            text.to_lowercase().contains(word)
        }
    };
    (0..catalog.texts.len() as u32).map(|number| occurs(catalog.texts.get(Sym(number)))).collect()
}

/// Whether a word in lower case occurs in a text of any case.
fn contains_ascii(text: &[u8], word: &[u8]) -> bool {
    word.is_empty() || text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}

fn mark(
    catalog: &Catalog,
    keyed: &Keyed<Sym>,
    texts: &[bool],
    is_meant: impl Fn(&str) -> bool,
    found: &mut [bool],
) {
    for (key, column) in keyed.columns(&catalog.texts) {
        if is_meant(key) {
            for (row, value) in column.iter() {
                found[row as usize] |= texts[value.0 as usize];
            }
        }
    }
}
