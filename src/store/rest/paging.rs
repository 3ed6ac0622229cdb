//! Pages of runs: one after the other, or two at a time where the server's page tokens can be told in advance.
//!
//! MLflow's tokens are plain offsets, so runs created meanwhile shift the pages. Whoever collects them goes by
//! run id; nothing is lost, because new runs come first and push others onto later pages.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::future;
use serde_json::{Value, json};
use tokio::sync::mpsc::Sender;

use super::BULK_IDS;
use super::client::Client;
use super::pages::Pages;
use super::wire;
use crate::mlflow::filter::{Attribute, Clause, Field, Filter, Query, Test};
use crate::mlflow::{Run, RunId, ViewType};
use crate::store::batch::{BatchWriter, RunBatch, whole_runs};
use crate::store::{Changes, ErrorKind, RunPage, RunSearch, Scan};

type Inner<T> = std::result::Result<T, ErrorKind>;

const SEARCH: &str = "2.0/mlflow/runs/search";
/// Runs on a page of a scan: about a second and a half of the server's time.
const PAGE: usize = 1_000;
/// Runs of an experiment, at most: no server goes as far.
const MOST: usize = 100_000_000;
/// Pages asked for at once. A server with one worker gains nothing from more, and others use it too.
const AT_ONCE: usize = 2;
/// Clients set the times of runs, so changes are asked for from this much earlier on, in milliseconds.
const CLOCK_SKEW: i64 = 120_000;

/// A page of the runs that pass. It may be shorter than asked for where some of the filter is checked here; only the
/// last is empty.
pub async fn search(client: &Client, search: &RunSearch) -> Inner<RunPage> {
    let mut query = Query::new(&search.filter);
    let mut fallback = Query::without_null(&search.filter);
    let mut token = search.page_token.clone();
    let mut pages = Pages::default();
    loop {
        let mut page = match page(client, &search_body(search, &query.text, token.as_deref())).await {
            Err(ErrorKind::Invalid(_)) if fallback.is_some() => {
                query = fallback.take().unwrap_or_default();
                continue;
            }
            page => page?,
        };
        page.runs.retain(|run| query.passes(run));
        if !page.runs.is_empty() || page.next_page_token.is_none() {
            return Ok(page);
        }
        token = pages.next(page.next_page_token)?;
    }
}

fn search_body(search: &RunSearch, filter: &str, token: Option<&str>) -> Value {
    json!({
        "experiment_ids": search.experiment_ids,
        "filter": filter,
        "run_view_type": search.view.as_str(),
        "max_results": search.max_results,
        "order_by": search.order_by.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "page_token": token,
    })
}

async fn page(client: &Client, body: &Value) -> Inner<RunPage> {
    let answer = client.search(SEARCH, body).await?;
    let next = next_token(body, answer.value())?;
    Ok(RunPage { runs: answer.list("runs", wire::run)?, next_page_token: next })
}

/// The token of the page behind the one that was asked for. One that leads to itself would be followed for ever.
fn next_token(body: &Value, answer: &Value) -> Inner<Option<String>> {
    let next = wire::next_token(answer);
    if next.is_some() && next.as_deref() == body.get("page_token").and_then(Value::as_str) {
        return Err(ErrorKind::Protocol("the token of the next page is that of the page itself".into()));
    }
    Ok(next)
}

fn scan_body(scan: &Scan, size: usize, token: Option<&str>) -> Value {
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

pub async fn scan(client: &Client, scan: &Scan, sink: &Sender<RunBatch>) -> Inner<()> {
    let mut writer = BatchWriter::new(0);
    let first = scan.first.clamp(1, PAGE);
    let mut next = page(client, &scan_body(scan, first, None)).await?;
    if next.runs.is_empty() {
        client.confirm().await?;
    }
    let mut offset = first;
    let mut pages = Pages::default();
    writer.batch.completes_first_page = true;
    loop {
        if !deliver(&mut writer, &next.runs, sink).await {
            return Ok(());
        }
        let Some(token) = pages.next(next.next_page_token)? else { return Ok(()) };
        if is_offset(&token, offset) {
            return parallel(client, scan, offset, &mut writer, sink).await;
        }
        next = page(client, &scan_body(scan, PAGE, Some(&token))).await?;
        offset += PAGE;
    }
}

/// Asks for pages from an offset on, [`AT_ONCE`] at a time, until one of them is the last.
async fn parallel(
    client: &Client,
    scan: &Scan,
    mut offset: usize,
    writer: &mut BatchWriter,
    sink: &Sender<RunBatch>,
) -> Inner<()> {
    while offset < MOST {
        let bodies: Vec<Value> =
            (0..AT_ONCE).map(|i| scan_body(scan, PAGE, Some(&token_at(offset + i * PAGE)))).collect();
        let pages = future::try_join_all(bodies.iter().map(|body| page(client, body))).await?;
        offset += AT_ONCE * PAGE;
        for page in &pages {
            if !deliver(writer, &page.runs, sink).await || page.next_page_token.is_none() {
                return Ok(());
            }
        }
    }
    Err(ErrorKind::Protocol(format!("more than {MOST} runs in one experiment")))
}

/// Hands on a page; false when nobody listens any more.
async fn deliver(writer: &mut BatchWriter, runs: &[Run], sink: &Sender<RunBatch>) -> bool {
    for run in runs {
        writer.run(run);
    }
    sink.send(writer.take()).await.is_ok()
}

/// Runs that started or ended since, and the watched ones as they are now.
pub async fn changes(client: &Client, scan: &Scan, since: i64, watched: &[RunId]) -> Inner<Changes> {
    let since = since - CLOCK_SKEW;
    let mut found: Vec<Run> = Vec::new();
    for attribute in ["start_time", "end_time"] {
        let mut token = None;
        let mut pages = Pages::default();
        loop {
            let mut body = scan_body(scan, PAGE, token.as_deref());
            body["filter"] = json!(format!("attributes.{attribute} >= {since}"));
            let page = page(client, &body).await?;
            found.extend(page.runs);
            token = pages.next(page.next_page_token)?;
            if token.is_none() {
                break;
            }
        }
    }
    let mut removed = Vec::new();
    // What is found in no list is asked for by itself.
    let in_lists = watched.chunk_by(|a, b| Query::lists(&a.0) && Query::lists(&b.0));
    for ids in in_lists.flat_map(|some| some.chunks(BULK_IDS)) {
        let filter = Filter {
            clauses: vec![Clause {
                field: Field::Attribute(Attribute::RunId),
                test: Test::In(ids.iter().map(|id| id.0.clone()).collect()),
            }],
        };
        let mut body = scan_body(scan, ids.len(), None);
        body["run_view_type"] = json!(ViewType::All.as_str());
        body["filter"] = json!(Query::new(&filter).text);
        let page = page(client, &body).await?;
        if page.runs.is_empty() {
            // All of them deleted for good is less likely than somebody who answers in MLflow's place.
            client.confirm().await?;
        }
        for id in ids {
            let is_there = page
                .runs
                .iter()
                .any(|run| run.info.run_id == *id && scan.view.contains(run.info.lifecycle_stage));
            if !is_there {
                removed.push(id.clone());
            }
        }
        found.extend(page.runs.into_iter().filter(|run| scan.view.contains(run.info.lifecycle_stage)));
    }
    let batches = if found.is_empty() { Vec::new() } else { vec![whole_runs(&found)] };
    Ok(Changes { batches, removed, ..Changes::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_leads_to_itself_is_refused() {
        let body = |token: Option<&str>| json!({ "max_results": 1, "page_token": token });
        let answer = json!({ "next_page_token": "b" });
        assert_eq!(next_token(&body(None), &answer), Ok(Some("b".into())));
        assert_eq!(next_token(&body(Some("a")), &answer), Ok(Some("b".into())));
        assert_eq!(next_token(&body(Some("a")), &json!({})), Ok(None));
        assert!(matches!(next_token(&body(Some("b")), &answer), Err(ErrorKind::Protocol(_))));
    }
}
