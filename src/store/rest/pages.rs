//! Answers that come in parts, followed to their end and no further than any server goes: the tokens of pages, and the
//! bytes of a body.

use reqwest::Response;
use rustc_hash::FxHashSet;

use super::failure::innermost;
use crate::store::ErrorKind;

type Inner<T> = std::result::Result<T, ErrorKind>;

/// Pages of one list, at most.
const MOST: usize = 100_000;
/// Bytes of an answer, unpacked. The histories of a server that knows no pages are the longest: some 120 bytes a point.
pub const LONGEST: usize = 256 << 20;
/// Bytes that are read of what is only to be shown.
pub const SHOWN: usize = 64 << 10;

/// The tokens of a list's pages, as they come.
#[derive(Default)]
pub struct Pages {
    seen: FxHashSet<String>,
}

impl Pages {
    /// The token to ask with next, if there is one. A server that leads back to a page that was there is asked no further.
    pub fn next(&mut self, token: Option<String>) -> Inner<Option<String>> {
        let Some(token) = token else { return Ok(None) };
        if self.seen.len() == MOST {
            return Err(ErrorKind::Protocol(format!("more than {MOST} pages of one list")));
        }
        if !self.seen.insert(token.clone()) {
            return Err(ErrorKind::Protocol("it leads from page to page in a circle".into()));
        }
        Ok(Some(token))
    }
}

/// The whole body, which is no longer than any answer of MLflow.
pub async fn body(response: Response) -> Inner<Vec<u8>> {
    let (bytes, is_whole) = beginning(response, LONGEST).await?;
    if is_whole { Ok(bytes) } else { Err(ErrorKind::Protocol(format!("more than {} MB", LONGEST >> 20))) }
}

/// The beginning of a body, of so many bytes at most, and whether that is all of it.
pub async fn beginning(mut response: Response, most: usize) -> Inner<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    loop {
        let part = response.chunk().await.map_err(|error| {
            ErrorKind::Unreachable(format!("the answer broke off: {}", innermost(&error)))
        })?;
        let Some(part) = part else { return Ok((bytes, true)) };
        let room = most - bytes.len();
        bytes.extend_from_slice(&part[..part.len().min(room)]);
        if part.len() > room {
            return Ok((bytes, false));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_go_round_in_a_circle_are_left() {
        let mut pages = Pages::default();
        for token in ["a", "b"] {
            assert_eq!(pages.next(Some(token.into())).unwrap().as_deref(), Some(token));
        }
        assert!(matches!(pages.next(Some("a".into())), Err(ErrorKind::Protocol(_))));
        assert_eq!(pages.next(None).unwrap(), None);
    }
}
