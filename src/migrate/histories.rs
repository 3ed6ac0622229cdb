//! Metric histories, page by page.

use std::collections::HashSet;

use super::error::Result;
use super::sums::{Tally, point_key};
use crate::mlflow::{MetricPoint, RunId};
use crate::store::{HistoryCursor, Store};

/// Hands on a history page by page.
pub async fn each_page(
    store: &Store,
    id: &RunId,
    key: &str,
    mut take: impl AsyncFnMut(Vec<MetricPoint>) -> Result<()>,
) -> Result<()> {
    let mut from = HistoryCursor::START;
    loop {
        let page = store.history_page(id, key, &from).await?;
        take(page.points).await?;
        match page.next {
            Some(next) => from = next,
            None => return Ok(()),
        }
    }
}

/// What a history comes to; a point that is there twice is two.
async fn tally(store: &Store, id: &RunId, key: &str) -> Result<Tally> {
    let mut tally = Tally::default();
    each_page(store, id, key, async |points| {
        for point in &points {
            tally.add((key, point_key(point)));
        }
        Ok(())
    })
    .await?;
    Ok(tally)
}

/// The points of a history, each once.
pub async fn points(store: &Store, id: &RunId, key: &str) -> Result<HashSet<(i64, i64, u64)>> {
    let mut found = HashSet::new();
    each_page(store, id, key, async |points| {
        found.extend(points.iter().map(point_key));
        Ok(())
    })
    .await?;
    Ok(found)
}

/// The same; a point that is there twice is one. All of it is in memory for that.
async fn distinct(store: &Store, id: &RunId, key: &str) -> Result<Tally> {
    let mut points: Vec<_> = store.metric_history(id, key).await?.iter().map(point_key).collect();
    points.sort_unstable();
    points.dedup();
    Ok(Tally::of(points.into_iter().map(|point| (key, point))))
}

/// What a history comes to in both stores. Files can hold a point twice, and databases do not: one that only the second has
/// twice came twice.
pub async fn tallies(
    (from, old): (&Store, &RunId),
    (to, new): (&Store, &RunId),
    key: &str,
) -> Result<(Tally, Tally)> {
    let both = (tally(from, old, key).await?, tally(to, new, key).await?);
    if both.0 == both.1 {
        return Ok(both);
    }
    Ok((distinct(from, old, key).await?, both.1))
}

pub async fn are_same(from: (&Store, &RunId), to: (&Store, &RunId), key: &str) -> Result<bool> {
    let (from, to) = tallies(from, to, key).await?;
    Ok(from == to)
}
