//! Where a model comes from, for Unity Catalog's lineage: the notebook or job of its run, and the tables that were its data. As
//! MLflow's client tells it, in a header.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::mlflow::Run;

/// Tables that are told, at most.
const MOST: usize = 10;

/// The header's value; none where the run is of neither a notebook nor a job.
pub fn header(run: &Run) -> Option<String> {
    let mut entities = Vec::new();
    if let Some(id) = run.tag("mlflow.databricks.notebookID") {
        entities.push(json!({ "notebook": { "id": id } }));
    }
    if let Some(id) = run.tag("mlflow.databricks.jobID") {
        let mut job = json!({ "id": id });
        if let Some(run) = run.tag("mlflow.databricks.jobRunID") {
            job["job_run_id"] = json!(run);
        }
        entities.push(json!({ "job": job }));
    }
    if entities.is_empty() {
        return None;
    }
    let tables = run.inputs.iter().filter(|input| input.dataset.source_type == "delta_table");
    let tables = tables.filter_map(|input| {
        let source: Value = serde_json::from_str(&input.dataset.source).ok()?;
        let named = |key: &str| source[key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let (name, id) = (named("delta_table_name")?, named("delta_table_id")?);
        Some(json!({ "table": { "name": name, "table_id": id } }))
    });
    let tables: Vec<Value> = tables.take(MOST).collect();
    let told = json!({ "entities": entities, "lineages": [{ "source_securables": tables }] });
    Some(STANDARD.encode(told.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlflow::{Dataset, DatasetInput, Tag};
    use crate::store::rest::wire;

    #[test]
    fn a_run_of_a_notebook_or_job_is_told_with_its_tables() {
        let info = json!({
            "run_id": "r", "experiment_id": "1", "run_name": "calm", "status": "FINISHED", "artifact_uri": "dbfs:/x",
            "lifecycle_stage": "active", "start_time": 1,
        });
        let mut run = wire::run(&json!({ "info": info })).unwrap();
        assert_eq!(header(&run), None);
        run.tags = vec![
            Tag::new("mlflow.databricks.jobID", "7"),
            Tag::new("mlflow.databricks.jobRunID", "8"),
            Tag::new("mlflow.databricks.notebookID", "9"),
        ];
        let source = r#"{"delta_table_name": "a.b.c", "delta_table_id": "t1"}"#;
        for (source_type, source) in [("delta_table", source), ("delta_table", "{}"), ("local", source)] {
            let dataset = Dataset {
                name: "d".into(),
                digest: "1".into(),
                source_type: source_type.into(),
                source: source.into(),
                schema: None,
                profile: None,
            };
            run.inputs.push(DatasetInput { dataset, tags: Vec::new() });
        }
        let told = STANDARD.decode(header(&run).unwrap()).unwrap();
        let told: Value = serde_json::from_slice(&told).unwrap();
        let wanted = json!({
            "entities": [{ "notebook": { "id": "9" } }, { "job": { "id": "7", "job_run_id": "8" } }],
            "lineages": [{ "source_securables": [{ "table": { "name": "a.b.c", "table_id": "t1" } }] }],
        });
        assert_eq!(told, wanted);
    }
}
