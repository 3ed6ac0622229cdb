//! Data sets as the inputs of runs.

use std::collections::HashMap;

use super::dialect::Dialect;
use super::search::stage_condition;
use super::{Cells, Link, Value, values};
use crate::mlflow::{Dataset, DatasetInput, ExperimentId, RunId, Tag, ViewType, tags};
use crate::store::data_sets::in_order;
use crate::store::{DatasetUse, Inner, UsedDataset};

/// The columns of a data set, in the order that [`dataset`] reads.
fn columns(dialect: Dialect) -> String {
    let long = ["dataset_source", "dataset_schema", "dataset_profile"];
    let long = long.map(|name| (dialect.bounded)(&format!("d.{name}")));
    format!("d.name, d.digest, d.dataset_source_type, {}", long.join(", "))
}

fn dataset(row: &dyn Cells, from: usize) -> Dataset {
    Dataset {
        name: row.string(from),
        digest: row.string(from + 1),
        source_type: row.string(from + 2),
        source: row.string(from + 3),
        schema: row.optional_string(from + 4),
        profile: row.optional_string(from + 5),
    }
}

/// The inputs of runs, each with a row that begins with its run's id.
pub fn of_runs(
    link: &mut impl Link,
    is_it: &str,
    value: &[Value<'_>],
    mut take: impl FnMut(&dyn Cells, DatasetInput),
) -> Inner<()> {
    let of_them =
        format!("i.destination_type = 'RUN' AND i.destination_id {is_it} AND i.source_type = 'DATASET'");
    let statement = format!(
        "SELECT i.input_uuid, t.name, t.value FROM inputs i JOIN input_tags t ON t.input_uuid = i.input_uuid \
         WHERE {of_them}"
    );
    let mut tags: HashMap<String, Vec<Tag>> = HashMap::new();
    link.each(&statement, value, &mut |row| {
        tags.entry(row.string(0)).or_default().push(Tag::new(row.text(1), row.text(2)));
        Ok(())
    })?;
    let statement = format!(
        "SELECT i.destination_id, i.input_uuid, {} FROM inputs i \
         JOIN datasets d ON d.dataset_uuid = i.source_id WHERE {of_them}",
        columns(link.dialect())
    );
    link.each(&statement, value, &mut |row| {
        let mut tags = tags.get(&*row.text(1)).cloned().unwrap_or_default();
        tags.sort_by(|a, b| a.key.cmp(&b.key));
        take(row, DatasetInput { dataset: dataset(row, 2), tags });
        Ok(())
    })
}

/// The data sets of an experiment, with its runs that were given them: two statements, however many runs there are.
pub fn data_sets(link: &mut impl Link, experiment: &ExperimentId, view: ViewType) -> Inner<Vec<UsedDataset>> {
    if !link.layout().datasets {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    let statement = format!(
        "SELECT d.dataset_uuid, {} FROM datasets d WHERE d.experiment_id = ?1",
        columns(link.dialect())
    );
    link.each(&statement, values![experiment.as_key()], &mut |row| {
        places.insert(row.string(0), found.len());
        found.push(UsedDataset { dataset: dataset(row, 1), uses: Vec::new() });
        Ok(())
    })?;
    let statement = format!(
        "SELECT i.source_id, i.destination_id, t.value FROM datasets d \
         JOIN inputs i ON i.source_type = 'DATASET' AND i.source_id = d.dataset_uuid \
         AND i.destination_type = 'RUN' \
         JOIN runs r ON r.run_uuid = i.destination_id AND r.experiment_id = d.experiment_id AND r.{} \
         LEFT JOIN input_tags t ON t.input_uuid = i.input_uuid AND t.name = ?2 \
         WHERE d.experiment_id = ?1",
        stage_condition(view)
    );
    link.each(&statement, values![experiment.as_key(), tags::DATA_CONTEXT], &mut |row| {
        if let Some(at) = places.get(&*row.text(0)) {
            let context = row.optional_string(2).unwrap_or_default();
            found[*at].uses.push(DatasetUse { run: RunId(row.string(1)), context });
        }
        Ok(())
    })?;
    Ok(in_order(found))
}
