//! Pages of runs: one after the other, or some at a time where the server's page tokens can be told in advance.
//!
//! MLflow's tokens are plain offsets, so runs created meanwhile shift the pages. Whoever collects them goes by
//! run id; nothing is lost, because new runs come first and push others onto later pages. Of pages that are read at the same time
//! the later one may be read first, and what is pushed onto it would be on neither: each begins with the run that the one
//! before ends with, and where that is another run it is asked for once more. For the same reason a page that
//! is too much is asked for again with fewer runs on it; how large those were that came tells what is asked for next.

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use rustc_hash::FxHashSet;
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;

use super::answer::Answer;
use super::body;
use super::changes::{ServerCursor, server_now};
use super::client::Client;
use super::wire;
use crate::mlflow::RunId;
use crate::mlflow::filter::Query;
use crate::store::batch::{BatchWriter, RunBatch};
use crate::store::pages::{Pages, offset_of, token_at};
use crate::store::{Capabilities, ErrorKind, Inner, RunPage, RunSearch, Scan};

const SEARCH: &str = "2.0/mlflow/runs/search";
/// Runs on a page of a scan: about a second and a half of the server's time.
pub const PAGE: usize = Capabilities::SERVER.page;
/// So many times fewer are asked for where a page is too much.
const FEWER: usize = 8;
/// Bytes that a page should have at most: the next one may have heavier runs.
const ROOM: usize = body::LONGEST / 4 * 3;
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
        let Sent { mut page, .. } = match page(client, &body).await {
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

/// A page, the room that it takes, in bytes, and how many runs were asked for on it.
#[derive(Debug)]
pub struct Sent {
    pub page: RunPage,
    pub weight: usize,
    pub size: usize,
}

/// A page of as many runs as the body says; of fewer, where these are too much for one.
pub async fn page(client: &Client, body: &Value) -> Inner<Sent> {
    let asked = body["max_results"].as_u64().map_or(1, |asked| asked as usize);
    // What no server takes is left for it to refuse.
    let mut size = if client.fitting() < PAGE && asked <= PAGE { asked.min(client.fitting()) } else { asked };
    let mut body = body.clone();
    loop {
        body["max_results"] = json!(size);
        match whole_page(client, &body, size).await {
            Err(ErrorKind::TooMuch(why)) if size > 1 => {
                tracing::debug!(size, why, "a page is too much");
                size = (size / FEWER).max(1);
                client.note_fitting(size);
            }
            page => return page,
        }
    }
}

async fn whole_page(client: &Client, body: &Value, size: usize) -> Inner<Sent> {
    read_page(client, body, size, &client.search(SEARCH, body).await?)
}

fn read_page(client: &Client, body: &Value, size: usize, answer: &Answer) -> Inner<Sent> {
    let next_page_token = next_token(body, answer.next_token())?;
    let list = answer.list("runs", wire::run)?;
    let bytes = answer.length().max(list.weight);
    client.note_fitting(next_size(client.fitting(), size, list.things.len(), bytes));
    Ok(Sent { page: RunPage { runs: list.things, next_page_token }, weight: list.weight, size })
}

/// How many runs to ask for after a page of so many runs and bytes: what would fit if the next ones are like these, with
/// room to spare, and no more than twice as many where it were fewer before.
fn next_size(before: usize, size: usize, runs: usize, bytes: usize) -> usize {
    let fit = (ROOM * runs).checked_div(bytes).filter(|_| runs > 0).unwrap_or(PAGE);
    fit.min(before.max(size.saturating_mul(2))).clamp(1, PAGE)
}

/// The token of the page behind the one that was requested. One that leads to itself would be followed for ever.
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

/// Sends all runs in blocks, and returns how far that is.
pub async fn scan(client: &Client, scan: &Scan, sink: &Sender<RunBatch>) -> Inner<ServerCursor> {
    let mut scanning = Scanning {
        client,
        scan,
        sink,
        writer: BatchWriter::new(0),
        pages: Pages::default(),
        seen: ServerCursor::default(),
        start: 0,
        has_first: false,
        delivered: FxHashSet::default(),
    };
    let first = scan.first.clamp(1, PAGE);
    let mut next = page(client, &scan_body(scan, first, None)).await?;
    if next.page.runs.is_empty() {
        client.confirm().await?;
    }
    scanning.start = server_now(client);
    let mut offset = 0;
    loop {
        offset += next.size;
        let Some(mut token) = scanning.deliver(next.page).await? else { return Ok(scanning.seen) };
        if client.fitting() == PAGE && offset_of(&token) == Ok(offset) {
            match scanning.parallel(offset).await? {
                None => return Ok(scanning.seen),
                // Pages that do not follow one another begin behind the first run, at least.
                Some(reached) => (offset, token) = (reached.max(1), token_at(reached.max(1))),
            }
        }
        next = page(client, &scan_body(scan, PAGE, Some(&token))).await?;
    }
}

/// A scan under way.
struct Scanning<'a> {
    client: &'a Client,
    scan: &'a Scan,
    sink: &'a Sender<RunBatch>,
    writer: BatchWriter,
    pages: Pages,
    seen: ServerCursor,
    /// The server's time when the scan began.
    start: i64,
    /// The first page was sent.
    has_first: bool,
    /// The runs of the page that was sent last.
    delivered: FxHashSet<RunId>,
}

impl Scanning<'_> {
    /// Asks for pages from an offset on, as many at a time as may be, until one of them is the last; returns the offset of those
    /// that are too much, or would be, or that do not follow what was sent.
    ///
    /// A server with several workers leaves a connection to one of them for good, and two may be at the same. A new one is
    /// taken by a worker that has nothing else to do: so each page has its own.
    async fn parallel(&mut self, mut offset: usize) -> Inner<Option<usize>> {
        let client = self.client;
        let at_once = client.pages_at_once();
        let mut asked = FuturesOrdered::new();
        // The last run of the page before is the first of each.
        let mut next = offset - 1;
        loop {
            while asked.len() < at_once && client.fitting() == PAGE {
                // The first page of all has no token.
                let token = (next > 0).then(|| token_at(next));
                let body = scan_body(self.scan, PAGE, token.as_deref());
                let start = next;
                asked.push_back(async move {
                    let answer = client.search_on(SEARCH, &body, at_once > 1).await?;
                    Ok::<_, ErrorKind>((start, read_page(client, &body, PAGE, &answer)?))
                });
                next += PAGE - 1;
            }
            let (start, Sent { page, .. }) = match asked.next().await {
                None => return Ok(Some(offset)),
                Some(Err(ErrorKind::TooMuch(_))) => {
                    client.note_fitting(PAGE / FEWER);
                    return Ok(Some(offset));
                }
                Some(sent) => sent?,
            };
            if page.runs.first().is_some_and(|run| !self.delivered.contains(&run.info.run_id)) {
                return Ok(Some(start));
            }
            offset = start + PAGE;
            if self.deliver(page).await?.is_none() {
                return Ok(None);
            }
        }
    }

    /// Hands on a page, and returns the token of the next one; none also when nobody listens any more.
    async fn deliver(&mut self, page: RunPage) -> Inner<Option<String>> {
        let next = self.pages.next_of_runs(&page)?;
        self.seen.note(&page.runs, self.start);
        self.delivered = page.runs.iter().map(|run| run.info.run_id.clone()).collect();
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
    fn what_came_tells_how_many_runs_are_asked_for_next() {
        const HEAVY: usize = 100 << 10;
        assert_eq!(next_size(PAGE, PAGE, PAGE, PAGE << 10), PAGE, "light ones");
        assert_eq!(next_size(PAGE, 30, 30, 30 * HEAVY), ROOM / HEAVY, "a full page would be too much");
        assert_eq!(next_size(125, 125, 125, 125 * HEAVY), 250, "no more than twice as many");
        assert_eq!(next_size(250, 250, 250, 250 * HEAVY), ROOM / HEAVY, "and not what is too much again");
        assert_eq!(next_size(500, 500, 500, 500 << 10), PAGE, "lighter ones again");
        assert_eq!(next_size(125, 1, 1, 1_000), 125, "one run tells nothing of larger pages");
        assert_eq!(next_size(PAGE, 1, 1, ROOM + 1), 1);
        assert_eq!(next_size(125, 125, 0, 20), 250, "nothing came");
    }

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
