//! Metric histories, as every database server has them.

use rustc_hash::FxHashMap;

use super::{Cells, Link, Place, Pool, Pooled, as_list, values};
use crate::mlflow::{Collector, MetricPoint, Part, RunId, Summary};
use crate::store::{ErrorKind, Inner, by_step, sample_indices};

/// Runs whose points one statement reads.
const RUNS: usize = 1_000;
/// Points of one history, at most: each takes 24 bytes.
const MOST: usize = 4_000_000;

/// Reads step, timestamp, value and `is_nan`.
pub fn point(row: &dyn Cells, from: usize) -> MetricPoint {
    MetricPoint {
        step: row.int(from).unwrap_or(0),
        timestamp: row.int(from + 1).unwrap_or(0),
        value: row.metric_value(from + 2, from + 3),
    }
}

pub fn note(points: &mut Vec<MetricPoint>, point: MetricPoint) -> Inner<()> {
    points.push(point);
    if points.len() > MOST {
        return Err(ErrorKind::TooMuch(format!("a history of more than {MOST} points")));
    }
    Ok(())
}

/// All points, by step, then timestamp, then value.
pub fn whole(connection: &mut impl Link, id: &RunId, key: &str) -> Inner<Vec<MetricPoint>> {
    let mut points = Vec::new();
    connection.each(
        "SELECT step, timestamp, value, is_nan FROM metrics WHERE run_uuid = ?1 AND key = ?2",
        values![id.as_str(), key],
        &mut |row| note(&mut points, point(row, 0)),
    )?;
    points.sort_by(by_step);
    points.shrink_to_fit();
    Ok(points)
}

/// At most about so many points of each history, evenly spaced.
pub fn sampled<P: Place>(
    place: &P,
    ids: Vec<RunId>,
    key: &str,
    most: usize,
) -> Inner<Vec<(RunId, Vec<MetricPoint>)>> {
    place.read(|link| {
        let sample = |id: RunId| {
            let points = P::history(link, &id, key)?;
            Ok((id, sample_indices(points.len(), most).map(|at| points[at]).collect::<Vec<_>>()))
        };
        let mut sampled: Vec<_> = ids.into_iter().map(sample).collect::<Inner<_>>()?;
        sampled.retain(|(_, sample)| !sample.is_empty());
        Ok(sampled)
    })
}

/// What the histories of these runs come to, or a part of them: a statement for some runs at a time, however many points they
/// have.
pub fn summaries<C: Pooled + Link>(
    pool: &Pool<C>,
    ids: &[RunId],
    key: &str,
    part: Part,
) -> Inner<Vec<(RunId, Summary)>> {
    let mut found = Vec::with_capacity(ids.len());
    for ids in ids.chunks(RUNS) {
        let mut collected: FxHashMap<&str, Collector> =
            ids.iter().map(|id| (id.as_str(), Collector::new(part))).collect();
        pool.read(|connection| {
            let statement = format!(
                "SELECT run_uuid, step, timestamp, value, is_nan FROM metrics WHERE key = ?1 AND run_uuid IN {}",
                (connection.dialect().among)("?2")
            );
            let list = as_list(ids.iter().map(RunId::as_str));
            connection.each(&statement, values![key, &list], &mut |row| {
                if let Some(collector) = collected.get_mut(&*row.text(0)) {
                    collector.add(point(row, 1));
                }
                Ok(())
            })
        })?;
        found.extend(ids.iter().filter_map(|id| Some((id.clone(), collected.get(id.as_str())?.summary()?))));
    }
    Ok(found)
}
