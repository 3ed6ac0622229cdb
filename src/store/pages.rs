//! Lists that come in pages, followed to their end and no further than any store goes.

use std::hash::BuildHasher;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustc_hash::{FxBuildHasher, FxHashSet};
use serde::Deserialize;

use super::{ErrorKind, Inner, Result, RunPage, RunSearch, Store, StoreError};
use crate::mlflow::Run;

/// The content of a page token, which is base64 of this as JSON.
#[derive(Deserialize)]
struct PageToken {
    offset: usize,
}

/// The token of the page that begins behind so many things: MLflow's tokens are plain offsets.
pub fn token_at(offset: usize) -> String {
    STANDARD.encode(format!("{{\"offset\": {offset}}}"))
}

/// The offset that a token stands for.
///
/// # Errors
///
/// [`ErrorKind::Invalid`] for a token that is none of MLflow's.
pub fn offset_of(token: &str) -> Inner<usize> {
    let token =
        STANDARD.decode(token).ok().and_then(|bytes| serde_json::from_slice::<PageToken>(&bytes).ok());
    token.map(|token| token.offset).ok_or_else(|| ErrorKind::Invalid("invalid page token".into()))
}

/// Pages of one list, at most.
const MOST: usize = 100_000;
/// Bytes of a page token: MLflow's have some twenty.
const TOKEN: usize = 16 << 10;
/// Pages one after the other that bring nothing new.
const BARREN: usize = 20;
/// Runs of one list, at most: more are nobody's.
const RUNS: usize = 1_000_000;
/// Bytes of a list, all pages together, as it takes room here.
const WEIGHT: usize = 96 << 20;

/// The pages of a list, as they come.
#[derive(Debug, Default)]
pub struct Pages {
    /// Hashes of the tokens so far, and of the ids of runs.
    tokens: FxHashSet<u64>,
    runs: FxHashSet<u64>,
    /// Pages without anything new, since the last that had something.
    barren: usize,
    weight: usize,
}

impl Pages {
    /// Notes a page of so many things that take so many bytes, and returns the token to ask with next, if there is one. A
    /// store that leads back to a page that was there, or on and on to nothing, is asked no further.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Protocol`] for a list that leads nowhere, [`ErrorKind::TooMuch`] for one that is longer than any is.
    pub fn next(&mut self, token: Option<String>, things: usize, weight: usize) -> Inner<Option<String>> {
        self.weight += weight;
        if self.weight > WEIGHT {
            return Err(ErrorKind::TooMuch(format!("one list of more than {} MB", WEIGHT >> 20)));
        }
        self.note(things > 0)?;
        self.lead_on(token)
    }

    /// The same for a page of runs that nobody keeps as they are.
    ///
    /// # Errors
    ///
    /// As [`Self::next`].
    pub fn next_of_runs(&mut self, page: &RunPage) -> Inner<Option<String>> {
        let mut is_new = false;
        for run in &page.runs {
            is_new |= self.runs.insert(FxBuildHasher.hash_one(run.info.run_id.as_str()));
        }
        if self.runs.len() > RUNS {
            return Err(ErrorKind::TooMuch(format!("more than {RUNS} runs in one list")));
        }
        self.note(is_new)?;
        self.lead_on(page.next_page_token.clone())
    }

    /// The same for whoever asks page by page.
    ///
    /// # Errors
    ///
    /// As [`Self::next`].
    pub fn follow(&mut self, page: &RunPage) -> Result<Option<String>> {
        self.next_of_runs(page).map_err(|kind| StoreError::new("search runs", kind))
    }

    /// How many runs came, each counted once.
    pub fn runs(&self) -> usize {
        self.runs.len()
    }

    fn note(&mut self, is_new: bool) -> Inner<()> {
        self.barren = if is_new { 0 } else { self.barren + 1 };
        if self.barren < BARREN {
            return Ok(());
        }
        Err(ErrorKind::Protocol(format!("{BARREN} pages in a row without anything new")))
    }

    fn lead_on(&mut self, token: Option<String>) -> Inner<Option<String>> {
        let Some(token) = token else { return Ok(None) };
        if token.len() > TOKEN {
            return Err(ErrorKind::Protocol(format!("a page token of {} bytes", token.len())));
        }
        if self.tokens.len() == MOST {
            return Err(ErrorKind::Protocol(format!("more than {MOST} pages of one list")));
        }
        if !self.tokens.insert(FxBuildHasher.hash_one(&token)) {
            return Err(ErrorKind::Protocol("its pages form a cycle".into()));
        }
        Ok(Some(token))
    }
}

/// Hands on the runs that a search finds, page by page, until `enough` came or there are no more: a page is shorter than
/// asked for where its runs are too much for one.
///
/// # Errors
///
/// As [`Store::search_runs`] and [`Pages::next`].
pub async fn each_page(
    store: &Store,
    mut search: RunSearch,
    enough: usize,
    mut take: impl FnMut(Vec<Run>) + Send,
) -> Result<()> {
    let mut pages = Pages::default();
    loop {
        let page = store.search_runs(&search).await?;
        search.page_token = pages.follow(&page)?;
        take(page.runs);
        if search.page_token.is_none() || pages.runs() >= enough {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_an_offset_as_mlflow_writes_it() {
        assert_eq!(token_at(1_000), "eyJvZmZzZXQiOiAxMDAwfQ==");
        assert_eq!(offset_of(&token_at(7)), Ok(7));
        for token in ["", "7", "eyJ9", "bnVsbA=="] {
            assert!(matches!(offset_of(token), Err(ErrorKind::Invalid(_))), "{token}");
        }
    }

    #[test]
    fn pages_that_go_round_in_a_circle_are_left() {
        let mut pages = Pages::default();
        for token in ["a", "b"] {
            assert_eq!(pages.next(Some(token.into()), 1, 1).unwrap().as_deref(), Some(token));
        }
        assert!(matches!(pages.next(Some("a".into()), 1, 1), Err(ErrorKind::Protocol(_))));
        assert_eq!(pages.next(None, 1, 1).unwrap(), None);
    }

    #[test]
    fn pages_that_lead_on_and_on_are_left() {
        let mut pages = Pages::default();
        let mut next = |number: usize, things, weight| pages.next(Some(number.to_string()), things, weight);
        assert!((0..BARREN - 1).all(|number| next(number, 0, 0).is_ok()));
        assert!(next(100, 1, 1).is_ok(), "something came");
        assert!((200..200 + BARREN - 1).all(|number| next(number, 0, 0).is_ok()));
        assert!(matches!(next(300, 0, 0), Err(ErrorKind::Protocol(_))));
        assert!(matches!(next(400, 1, WEIGHT), Err(ErrorKind::TooMuch(_))));
        assert!(matches!(next(500, 1, 0), Err(ErrorKind::TooMuch(_))));
        let long = Pages::default().next(Some("x".repeat(TOKEN + 1)), 1, 1);
        assert!(matches!(long, Err(ErrorKind::Protocol(_))));
    }
}
