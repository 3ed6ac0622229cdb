//! Metric histories.
//!
//! MLflow's stores are never ANALYZEd, and the obvious `ORDER BY timestamp, step, value` makes SQLite walk that
//! metric of *all* runs. The index by run is named, and the points are sorted here.

use rusqlite::params;

use super::Inner;
use super::connection::Connection;
use super::rows::{int, metric_value};
use crate::mlflow::{MetricPoint, RunId};
use crate::store::sample_indices;

/// All points, by step, then timestamp, then value.
pub fn whole(connection: &mut Connection, id: &RunId, key: &str) -> Inner<Vec<MetricPoint>> {
    let hint = connection.schema.history_index.map_or(String::new(), |index| format!("INDEXED BY {index}"));
    let mut statement = connection.db.prepare_cached(&format!(
        "SELECT step, timestamp, value, is_nan FROM metrics {hint} WHERE run_uuid = ?1 AND key = ?2"
    ))?;
    let mut points = Vec::new();
    let mut rows = statement.query(params![id.as_str(), key])?;
    while let Some(row) = rows.next()? {
        points.push(MetricPoint {
            step: int(row, 0).unwrap_or(0),
            timestamp: int(row, 1).unwrap_or(0),
            value: metric_value(row, 2, 3),
        });
    }
    points
        .sort_by(|a, b| (a.step, a.timestamp).cmp(&(b.step, b.timestamp)).then(a.value.total_cmp(&b.value)));
    Ok(points)
}

pub fn sampled(
    connection: &mut Connection,
    ids: &[RunId],
    key: &str,
    max_points: usize,
) -> Inner<Vec<(RunId, Vec<MetricPoint>)>> {
    let mut histories = Vec::with_capacity(ids.len());
    for id in ids {
        let points = whole(connection, id, key)?;
        if !points.is_empty() {
            let sample = sample_indices(points.len(), max_points).map(|i| points[i]).collect();
            histories.push((id.clone(), sample));
        }
    }
    Ok(histories)
}
