//! An answer that came, and is still to be read.

use reqwest::Response;
use reqwest::header::CONTENT_TYPE;

use super::answer::Answer;
use super::body::Source;
use super::failure::not_json;
use crate::store::backend::Inner;

/// A successful answer whose body is still to come.
pub struct Received<'a> {
    pub response: Response,
    pub source: &'a Source,
}

impl Received<'_> {
    pub async fn bytes(self, most: usize) -> Inner<Vec<u8>> {
        self.source.file(self.response, most).await
    }

    /// Whether it says so itself, or says nothing of what it is.
    pub fn is_json(&self) -> bool {
        self.kind().is_none_or(|kind| kind.contains("json"))
    }

    fn kind(&self) -> Option<&str> {
        self.response.headers().get(CONTENT_TYPE)?.to_str().ok()
    }

    pub async fn answer(self, most: usize) -> Inner<Answer> {
        if self.is_json() {
            return Answer::parse(self.source.json(self.response, most).await?);
        }
        let kind = self.kind().unwrap_or_default().to_owned();
        Err(not_json(&kind, &self.source.beginning(self.response).await))
    }
}
