//! Metric histories: whole, and only what is new of them.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::answer::Answer;
use super::client::Client;
use super::{Rest, body, wire};
use crate::mlflow::{Collector, Metric, MetricPoint, Part, Run, RunId, Summary};
use crate::store::pages::{Pages, token_at};
use crate::store::{ErrorKind, HistoryCursor, HistoryPage, HistoryPart, Inner, by_step, sample_indices};

const PATH: &str = "2.0/mlflow/metrics/get-history";
/// Points of one history, at most: several are read at a time.
const MOST: usize = 2_000_000;
/// Points on a page.
const PAGE: &str = "25000";
/// Histories that are read at a time.
const SIDE_BY_SIDE: usize = 4;

/// One page, from a token on. MLflow 2.22 knows no pages here and sends everything at once.
async fn page(client: &Client, id: &RunId, key: &str, token: Option<&str>) -> Inner<Answer> {
    let mut query = vec![("run_id", id.as_str()), ("metric_key", key), ("max_results", PAGE)];
    query.extend(token.map(|token| ("page_token", token)));
    client.get_up_to(PATH, &query, body::HISTORY).await
}

/// Where a page of a history begins.
#[derive(Debug, Clone, PartialEq)]
struct Token(String);

/// The points of one page.
pub async fn some(client: &Client, id: &RunId, key: &str, from: &HistoryCursor) -> Inner<HistoryPage> {
    let token = from.get::<Token>().map(|token| token.0.as_str());
    let answer = page(client, id, key, token).await?;
    let points = answer.list("metrics", wire::point)?.things;
    // One that leads nowhere is not followed.
    let next = answer.next_token().filter(|next| Some(next.as_str()) != token && !points.is_empty());
    Ok(HistoryPage { points, next: next.map(|next| HistoryCursor::new(Token(next))) })
}

/// All points of runs; none for a run that has more than so many. Each history is read whole, page by page: where MLflow is
/// asked for many runs at a time, it takes samples, and leaves steps below 0 out.
pub async fn of_runs(rest: &Rest, runs: &[Run], most: usize) -> Inner<Vec<Option<Vec<Metric>>>> {
    let each: Vec<_> = runs.iter().map(|run| of_one(&rest.client, run, most)).collect();
    stream::iter(each).buffered(SIDE_BY_SIDE).try_collect().await
}

/// All points of a run, key by key; none for one that has more than so many.
async fn of_one(client: &Client, run: &Run, most: usize) -> Inner<Option<Vec<Metric>>> {
    let mut points = Vec::new();
    for Metric { key, .. } in &run.metrics {
        let more = whole(client, &run.info.run_id, key).await?;
        points.extend(more.into_iter().map(|point| point.of(key)));
        if points.len() > most {
            return Ok(None);
        }
    }
    Ok(Some(points))
}

/// Hands on the points of a page and of all that follow, as the server orders them: by timestamp, step and value.
async fn each_page(
    client: &Client,
    id: &RunId,
    key: &str,
    mut token: Option<String>,
    mut take: impl FnMut(Vec<MetricPoint>) + Send,
) -> Inner<()> {
    let mut pages = Pages::default();
    let mut count = 0;
    loop {
        let answer = page(client, id, key, token.as_deref()).await?;
        let list = answer.list("metrics", wire::point)?;
        count += list.things.len();
        if count > MOST {
            return Err(ErrorKind::TooMuch(format!(
                "{} sends a history of more than {MOST} points",
                client.base()
            )));
        }
        token = pages.next(answer.next_token(), list.things.len(), list.weight)?;
        take(list.things);
        if token.is_none() {
            return Ok(());
        }
    }
}

/// The points of a page and of all that follow, in the same order.
async fn read_on(client: &Client, id: &RunId, key: &str, token: Option<String>) -> Inner<Vec<MetricPoint>> {
    let mut points = Vec::new();
    each_page(client, id, key, token, |page| points.extend(page)).await?;
    Ok(points)
}

/// What a history comes to, or a part of it; none without such a point. No more than a page of it is kept.
pub async fn summary(client: &Client, id: &RunId, key: &str, part: Part) -> Inner<Option<Summary>> {
    let mut collected = Collector::new(part);
    each_page(client, id, key, None, |page| page.into_iter().for_each(|point| collected.add(point))).await?;
    Ok(collected.summary())
}

/// All points, by step.
pub async fn whole(client: &Client, id: &RunId, key: &str) -> Inner<Vec<MetricPoint>> {
    let mut points = read_on(client, id, key, None).await?;
    points.sort_by(by_step);
    Ok(points)
}

/// Histories of which no more than so many points are kept, read side by side and one by one.
pub async fn sampled(
    client: &Client,
    ids: &[RunId],
    key: &str,
    most: usize,
) -> Inner<Vec<(RunId, Vec<MetricPoint>)>> {
    let read = stream::iter(ids.to_vec()).map(|id| async move {
        let points = whole(client, &id, key).await?;
        let sample = sample_indices(points.len(), most).map(|at| points[at]).collect();
        Inner::Ok((id, sample))
    });
    let mut found: Vec<(RunId, Vec<MetricPoint>)> = read.buffered(SIDE_BY_SIDE).try_collect().await?;
    found.retain(|(_, points)| !points.is_empty());
    Ok(found)
}

/// How far a history has been read: so many points, and the first and the last of them in the order of the server, by
/// timestamp, step and value.
#[derive(Debug, Clone, Copy, PartialEq)]
struct ReadPoints {
    points: usize,
    first: MetricPoint,
    last: MetricPoint,
}

/// What comes behind a cursor. The server orders by time, so that new points come last, and its page tokens are plain
/// offsets: reading goes on at the last known point, and if another one stands there, points were put in between and
/// everything is read again. MLflow 2.22 sends everything in any case.
pub async fn since(client: &Client, id: &RunId, key: &str, cursor: &HistoryCursor) -> Inner<HistoryPart> {
    // MLflow refuses a token for the very beginning.
    if let Some(ReadPoints { points: known @ 2.., first, last }) = cursor.get::<ReadPoints>().copied() {
        let token = token_at(known - 1);
        let mut points = read_on(client, id, key, Some(token)).await?;
        let begins_with =
            |point: &MetricPoint| points.first().is_some_and(|found| by_step(found, point).is_eq());
        if begins_with(&first) {
            return Ok(all(points));
        }
        if begins_with(&last) {
            points.remove(0);
            let last = points.last().copied().unwrap_or(last);
            let cursor = HistoryCursor::new(ReadPoints { points: known + points.len(), first, last });
            points.sort_by(by_step);
            return Ok(HistoryPart { points, replaces: false, cursor });
        }
    }
    Ok(all(read_on(client, id, key, None).await?))
}

fn all(mut points: Vec<MetricPoint>) -> HistoryPart {
    let cursor = match points.as_slice() {
        [first, .., last] => {
            HistoryCursor::new(ReadPoints { points: points.len(), first: *first, last: *last })
        }
        [only] => HistoryCursor::new(ReadPoints { points: 1, first: *only, last: *only }),
        [] => HistoryCursor::START,
    };
    points.sort_by(by_step);
    HistoryPart { points, replaces: true, cursor }
}
