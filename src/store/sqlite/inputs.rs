//! Data sets as the inputs of runs.

use std::collections::HashMap;

use rusqlite::{Row, params};

use super::Inner;
use super::connection::Connection;
use super::rows::{bounded, optional_string, string, text};
use crate::mlflow::{Dataset, DatasetInput, ExperimentId, RunId, Tag, ViewType, tags};
use crate::store::data_sets::in_order;
use crate::store::sql::search::stage_condition;
use crate::store::{DatasetUse, UsedDataset};

/// The columns of a data set, in the order that [`dataset`] reads from the second on.
fn columns() -> String {
    let long =
        ["dataset_source", "dataset_schema", "dataset_profile"].map(|name| bounded(&format!("d.{name}")));
    format!("d.name, d.digest, d.dataset_source_type, {}", long.join(", "))
}

fn dataset(row: &Row<'_>) -> Dataset {
    Dataset {
        name: string(row, 1),
        digest: string(row, 2),
        source_type: string(row, 3),
        source: string(row, 4),
        schema: optional_string(row, 5),
        profile: optional_string(row, 6),
    }
}

pub fn of_run(connection: &Connection, id: &RunId) -> Inner<Vec<DatasetInput>> {
    let mut statement = connection.db.prepare_cached(&format!(
        "SELECT i.input_uuid, {} FROM inputs i \
         JOIN datasets d ON d.dataset_uuid = i.source_id \
         WHERE i.destination_type = 'RUN' AND i.destination_id = ?1 AND i.source_type = 'DATASET' \
         ORDER BY d.name, d.digest",
        columns()
    ))?;
    let mut tags = connection
        .db
        .prepare_cached("SELECT name, value FROM input_tags WHERE input_uuid = ?1 ORDER BY name")?;
    let mut inputs = Vec::new();
    let mut rows = statement.query(params![id.as_str()])?;
    while let Some(row) = rows.next()? {
        let found = tags.query_map([text(row, 0)], |row| Ok(Tag::new(text(row, 0), text(row, 1))))?;
        inputs.push(DatasetInput { dataset: dataset(row), tags: found.collect::<Result<_, _>>()? });
    }
    Ok(inputs)
}

/// The data sets of an experiment, with its runs that were given them: two statements, however many runs there are.
pub fn data_sets(
    connection: &mut Connection,
    experiment: &ExperimentId,
    view: ViewType,
) -> Inner<Vec<UsedDataset>> {
    if !connection.schema.datasets {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut statement = connection.db.prepare_cached(&format!(
        "SELECT d.dataset_uuid, {} FROM datasets d WHERE d.experiment_id = ?1",
        columns()
    ))?;
    let mut rows = statement.query(params![experiment.as_key()])?;
    while let Some(row) = rows.next()? {
        places.insert(string(row, 0), found.len());
        found.push(UsedDataset { dataset: dataset(row), uses: Vec::new() });
    }
    let mut statement = connection.db.prepare_cached(&format!(
        "SELECT i.source_id, i.destination_id, t.value FROM datasets d \
         JOIN inputs i ON i.source_type = 'DATASET' AND i.source_id = d.dataset_uuid \
         AND i.destination_type = 'RUN' \
         JOIN runs r ON r.run_uuid = i.destination_id AND r.experiment_id = d.experiment_id AND r.{} \
         LEFT JOIN input_tags t ON t.input_uuid = i.input_uuid AND t.name = ?2 \
         WHERE d.experiment_id = ?1",
        stage_condition(view)
    ))?;
    let mut rows = statement.query(params![experiment.as_key(), tags::DATA_CONTEXT])?;
    while let Some(row) = rows.next()? {
        if let Some(at) = places.get(text(row, 0).as_ref()) {
            let context = optional_string(row, 2).unwrap_or_default();
            found[*at].uses.push(DatasetUse { run: RunId(string(row, 1)), context });
        }
    }
    Ok(in_order(found))
}
