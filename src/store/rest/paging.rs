//! Pages of runs: one after the other, or two at a time where the server's page tokens can be told in advance.
//!
//! MLflow's tokens are plain offsets, so runs created meanwhile shift the pages. Whoever collects them goes by
//! run id; nothing is lost, because new runs come first and push others onto later pages. For the same reason a page that
//! is too much is asked for again with fewer runs on it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future;
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;

use super::changes::Seen;
use super::client::Client;
use super::wire;
use crate::mlflow::filter::Query;
use crate::store::batch::{BatchWriter, RunBatch};
use crate::store::pages::Pages;
use crate::store::{ErrorKind, RunPage, RunSearch, Scan};

type Inner<T> = std::result::Result<T, ErrorKind>;

const SEARCH: &str = "2.0/mlflow/runs/search";
/// Runs on a page of a scan: about a second and a half of the server's time.
pub const PAGE: usize = 1_000;
/// So many times fewer are asked for where a page is too much.
const FEWER: usize = 8;
/// Pages asked for at once. A server with one worker gains nothing from more, and others use it too.
const AT_ONCE: usize = 2;
/// Bytes of text in one batch.
const BATCH: usize = 4 << 20;

/// A page of the runs that pass. It may be shorter than asked for where some of the filter is checked here; only the
/// last is empty.
pub async fn search(client: &Client, search: &RunSearch) -> Inner<RunPage> {
    let mut query = Query::new(&search.filter);
    let mut fallback = Query::without_null(&search.filter);
    let mut body = search_body(search, &query.text);
    let mut pages = Pages::default();
    loop {
        let (mut page, _) = match page(client, &mut body).await {
            Err(ErrorKind::Invalid(_)) if fallback.is_some() => {
                query = fallback.take().unwrap_or_default();
                body["filter"] = json!(query.text);
                continue;
            }
            page => page?,
        };
        let next = pages.next_of_runs(&page)?;
        page.runs.retain(|run| query.passes(run));
        if !page.runs.is_empty() || next.is_none() {
            return Ok(page);
        }
        body["page_token"] = json!(next);
    }
}

fn search_body(search: &RunSearch, filter: &str) -> Value {
    json!({
        "experiment_ids": search.experiment_ids,
        "filter": filter,
        "run_view_type": search.view.as_str(),
        "max_results": search.max_results,
        "order_by": search.order_by.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "page_token": search.page_token,
    })
}

/// A page, and the room that it takes, in bytes. Where it is too much, one with fewer runs: the body says how many.
pub async fn page(client: &Client, body: &mut Value) -> Inner<(RunPage, usize)> {
    loop {
        let size = body["max_results"].as_u64().unwrap_or(1);
        match whole_page(client, body).await {
            Err(ErrorKind::TooMuch(why)) if size > 1 => {
                tracing::debug!(size, why, "a page is too much");
                body["max_results"] = json!((size / FEWER as u64).max(1));
            }
            page => return page,
        }
    }
}

async fn whole_page(client: &Client, body: &Value) -> Inner<(RunPage, usize)> {
    let answer = client.search(SEARCH, body).await?;
    let next_page_token = next_token(body, answer.next_token())?;
    let list = answer.list("runs", wire::run)?;
    Ok((RunPage { runs: list.things, next_page_token }, list.weight))
}

/// The token of the page behind the one that was asked for. One that leads to itself would be followed for ever.
fn next_token(body: &Value, next: Option<String>) -> Inner<Option<String>> {
    if next.is_some() && next.as_deref() == body.get("page_token").and_then(Value::as_str) {
        return Err(ErrorKind::Protocol("the token of the next page is that of the page itself".into()));
    }
    Ok(next)
}

pub fn scan_body(scan: &Scan, size: usize, token: Option<&str>) -> Value {
    json!({
        "experiment_ids": [scan.experiment_id], "run_view_type": scan.view.as_str(),
        "max_results": size, "page_token": token,
    })
}

pub fn token_at(offset: usize) -> String {
    STANDARD.encode(format!("{{\"offset\": {offset}}}"))
}

/// Whether a token is the plain offset that is expected, so that others can be made.
fn is_offset(token: &str, offset: usize) -> bool {
    let decoded = STANDARD.decode(token).ok();
    decoded
        .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok())
        .is_some_and(|value| value.get("offset").and_then(Value::as_u64) == Some(offset as u64))
}

/// Sends all runs in blocks, and returns how far that is.
pub async fn scan(client: &Client, scan: &Scan, sink: &Sender<RunBatch>) -> Inner<Seen> {
    let mut scanning = Scanning {
        client,
        scan,
        sink,
        writer: BatchWriter::new(0),
        pages: Pages::default(),
        seen: Seen::default(),
        has_first: false,
    };
    let first = scan.first.clamp(1, PAGE);
    let mut body = scan_body(scan, first, None);
    let (mut next, _) = page(client, &mut body).await?;
    if next.runs.is_empty() {
        client.confirm().await?;
    }
    let mut size = if body["max_results"] == first { PAGE } else { first.div_ceil(FEWER) };
    let mut offset = first;
    loop {
        let Some(mut token) = scanning.deliver(next).await? else { return Ok(scanning.seen) };
        if size == PAGE && is_offset(&token, offset) {
            match scanning.parallel(offset).await? {
                None => return Ok(scanning.seen),
                Some(reached) => (size, token) = (PAGE / FEWER, token_at(reached)),
            }
        }
        body = scan_body(scan, size, Some(&token));
        (next, _) = page(client, &mut body).await?;
        offset += size;
        size = body["max_results"].as_u64().map_or(size, |asked| size.min(asked as usize));
    }
}

/// A scan under way.
struct Scanning<'a> {
    client: &'a Client,
    scan: &'a Scan,
    sink: &'a Sender<RunBatch>,
    writer: BatchWriter,
    pages: Pages,
    seen: Seen,
    /// The first page was sent.
    has_first: bool,
}

impl Scanning<'_> {
    /// Asks for pages from an offset on, [`AT_ONCE`] at a time, until one of them is the last; returns the offset of those
    /// that are too much.
    async fn parallel(&mut self, mut offset: usize) -> Inner<Option<usize>> {
        loop {
            let bodies: Vec<Value> = (0..AT_ONCE)
                .map(|i| scan_body(self.scan, PAGE, Some(&token_at(offset + i * PAGE))))
                .collect();
            let pages = bodies.iter().map(|body| whole_page(self.client, body));
            let pages = match future::try_join_all(pages).await {
                Err(ErrorKind::TooMuch(_)) => return Ok(Some(offset)),
                pages => pages?,
            };
            offset += AT_ONCE * PAGE;
            for (page, _) in pages {
                if self.deliver(page).await?.is_none() {
                    return Ok(None);
                }
            }
        }
    }

    /// Hands on a page, and returns the token of the next one; none also when nobody listens any more.
    async fn deliver(&mut self, page: RunPage) -> Inner<Option<String>> {
        let next = self.pages.next_of_runs(&page)?;
        self.seen.note(&page.runs, self.client);
        for run in page.runs {
            self.writer.run(&run);
            if self.writer.batch.text.len() > BATCH && !self.send().await {
                return Ok(None);
            }
        }
        self.writer.batch.completes_first_page = !self.has_first;
        self.has_first = true;
        Ok(if self.send().await { next } else { None })
    }

    async fn send(&mut self) -> bool {
        self.sink.send(self.writer.take()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_leads_to_itself_is_refused() {
        let body = |token: Option<&str>| json!({ "max_results": 1, "page_token": token });
        let next = || Some("b".to_owned());
        assert_eq!(next_token(&body(None), next()), Ok(next()));
        assert_eq!(next_token(&body(Some("a")), next()), Ok(next()));
        assert_eq!(next_token(&body(Some("a")), None), Ok(None));
        assert!(matches!(next_token(&body(Some("b")), next()), Err(ErrorKind::Protocol(_))));
    }
}
