//! All calls that an explorer makes of a store, whatever it answers.

use std::time::Duration;

use mltui::catalog::Builder;
use mltui::compare::Comparison;
use mltui::mlflow::filter::{Filter, OrderBy, parse};
use mltui::mlflow::{
    Dataset, DatasetInput, ExperimentId, Metric, ModelId, ModelStage, Param, Part, RunId, RunStatus, Tag,
    ViewType,
};
use mltui::select::Patterns;
use mltui::store::{
    Cursor, HistoryCursor, NewRun, RunSearch, RunUpdate, Scan, ScanValues, Store, StoreError, now_ms,
};

/// What a whole store is known to hold.
#[derive(Debug, Clone)]
pub struct Known {
    pub experiment: ExperimentId,
    pub runs: Vec<RunId>,
    pub metric: String,
    pub registered: String,
    pub alias: String,
    pub model: Option<ModelId>,
}

/// No call takes as long.
const PATIENCE: Duration = Duration::from_secs(40);

/// The answer; an error has to be one of the store's and not what is left of a task.
async fn answer<T>(what: &str, call: impl Future<Output = Result<T, StoreError>>) -> Option<T> {
    let result = tokio::time::timeout(PATIENCE, call).await;
    match result.unwrap_or_else(|_| panic!("{what} does not end")) {
        Ok(answer) => Some(answer),
        Err(error) => {
            let words = error.to_string();
            assert!(!words.contains("panicked"), "{what}: {words}");
            assert!(words.len() < 10_000, "{what}: an error of {} bytes", words.len());
            None
        }
    }
}

pub async fn read_everything(store: &Store, known: &Known) {
    answer("info", store.info()).await;
    answer("run_counts", store.run_counts()).await;
    answer("latest_experiment", store.latest_experiment()).await;
    let mut experiments = vec![known.experiment.clone()];
    for view in [ViewType::All, ViewType::ActiveOnly] {
        let listed = answer("search_experiments", store.search_experiments(view)).await.unwrap_or_default();
        experiments.extend(listed.into_iter().map(|experiment| experiment.experiment_id));
    }
    experiments.sort();
    experiments.dedup();
    let mut runs = known.runs.clone();
    for experiment in experiments.iter().take(2) {
        answer("get_experiment", store.get_experiment(experiment)).await;
        answer("check_artifacts", store.check_artifacts(experiment)).await;
        scanned(store, experiment, &known.runs).await;
        runs.extend(searched(store, experiment).await);
    }
    runs.sort();
    runs.dedup();
    runs.truncate(3);
    for run in &runs {
        of_run(store, run, known).await;
    }
    for part in [Part::All, Part::Step(1), Part::Last(2)] {
        answer("metric_summaries", store.metric_summaries(&runs, &known.metric, part)).await;
    }
    answer("sampled_history", store.sampled_history(&runs, &known.metric, 10)).await;
    answer("get_registered_model", store.get_registered_model(&known.registered)).await;
    answer("registered_models", store.registered_models()).await;
    answer("model_versions", store.model_versions(&known.registered)).await;
    answer("get_model_version", store.get_model_version(&known.registered, 1)).await;
    answer("model_versions_of", store.model_versions_of(&runs)).await;
    answer("model_version_by_alias", store.model_version_by_alias(&known.registered, &known.alias)).await;
    if let Some(model) = &known.model {
        answer("get_logged_model", store.get_logged_model(model)).await;
    }
}

/// The catalogue, and what is made of it.
async fn scanned(store: &Store, experiment: &ExperimentId, watched: &[RunId]) {
    let bare = ScanValues::Only {
        metrics: vec!["rmse".into()],
        params: vec!["lr".into()],
        tags: Vec::new(),
        bare: true,
    };
    for values in [ScanValues::All, bare] {
        let scan = Scan { experiment_id: experiment.clone(), view: ViewType::All, first: 2, values };
        let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
        let mut builder = Builder::default();
        let folding = async {
            while let Some(batch) = receiver.recv().await {
                builder.fold(&batch);
            }
        };
        let (cursor, ()) = tokio::join!(answer("scan", store.scan(&scan, sender)), folding);
        let mut cursor = cursor.unwrap_or(Cursor::START);
        for _ in 0..2 {
            if let Some(changes) = answer("changes", store.changes(&scan, &mut cursor, watched)).await {
                for batch in &changes.batches {
                    builder.fold_changes(batch);
                }
                builder.remove(&changes.removed);
            }
        }
        builder.end_scan();
        let catalog = std::sync::Arc::new(builder.snapshot());
        let rows: Vec<_> = catalog.rows().take(8).collect();
        drop(Comparison::new(catalog, &rows, true, now_ms(), &Patterns::default()));
    }
}

async fn searched(store: &Store, experiment: &ExperimentId) -> Vec<RunId> {
    let mut found = Vec::new();
    let filters = [
        "",
        "metrics.rmse < 3 and params.lr LIKE '%'",
        "tags.team = 'red' and status != 'FAILED'",
        "dataset.name = 'd'",
    ];
    for (at, filter) in filters.iter().enumerate() {
        let order: Vec<OrderBy> = ["metrics.rmse", "params.lr DESC", "start_time"][..at.min(3)]
            .iter()
            .map(|text| OrderBy::parse(text).unwrap())
            .collect();
        let mut search = RunSearch {
            experiment_ids: vec![experiment.clone()],
            filter: parse(filter).unwrap_or_else(|_| Filter::default()),
            view: ViewType::All,
            order_by: order,
            max_results: 2,
            page_token: None,
        };
        for _ in 0..3 {
            let Some(page) = answer("search_runs", store.search_runs(&search)).await else { break };
            found.extend(page.runs.into_iter().map(|run| run.info.run_id));
            search.page_token = page.next_page_token;
            if search.page_token.is_none() {
                break;
            }
        }
    }
    found
}

async fn of_run(store: &Store, run: &RunId, known: &Known) {
    answer("get_run", store.get_run(run)).await;
    answer("metric_history", store.metric_history(run, &known.metric)).await;
    let mut cursor = HistoryCursor::START;
    for _ in 0..2 {
        let part = answer("history_since", store.history_since(run, &known.metric, &cursor)).await;
        cursor = part.map_or(cursor, |part| part.cursor);
    }
    for folder in ["", "model"] {
        answer("list_artifacts", store.list_artifacts(run, folder)).await;
    }
    answer("read_artifact", store.read_artifact(run, "metrics.csv", 1 << 20)).await;
    answer("logged_models_of", store.logged_models_of(&known.experiment, run)).await;
}

pub async fn write_something(store: &Store, known: &Known) {
    let (tag, experiment) = (Tag::new("k", "v"), &known.experiment);
    let run = NewRun {
        experiment_id: experiment.clone(),
        run_name: None,
        user_id: "ana".into(),
        start_time: 1,
        tags: vec![tag.clone()],
    };
    let made = answer("create_run", store.create_run(&run)).await.map(|run| run.info.run_id);
    for id in known.runs.iter().take(1).chain(&made) {
        let metrics = [Metric { key: known.metric.clone(), value: 0.5, timestamp: 1, step: 99 }];
        answer(
            "log_batch",
            store.log_batch(id, &metrics, &[Param::new("p", "1")], std::slice::from_ref(&tag)),
        )
        .await;
        answer("delete_tag", store.delete_tag(id, "k")).await;
        let end =
            RunUpdate { status: Some(RunStatus::Finished), end_time: Some(2), run_name: Some("n".into()) };
        answer("update_run", store.update_run(id, &end)).await;
        let dataset = Dataset {
            name: "d".into(),
            digest: "1".into(),
            source_type: "local".into(),
            source: "{}".into(),
            schema: None,
            profile: None,
        };
        answer("log_inputs", store.log_inputs(id, &[DatasetInput { dataset, tags: Vec::new() }])).await;
        answer("delete_run", store.delete_run(id)).await;
        answer("restore_run", store.restore_run(id)).await;
    }
    answer("create_experiment", store.create_experiment("new", std::slice::from_ref(&tag))).await;
    answer("rename_experiment", store.rename_experiment(experiment, "other")).await;
    answer("set_experiment_tag", store.set_experiment_tag(experiment, &tag)).await;
    answer("delete_experiment_tag", store.delete_experiment_tag(experiment, "k")).await;
    answer("delete_experiment", store.delete_experiment(experiment)).await;
    answer("restore_experiment", store.restore_experiment(experiment)).await;
    let name = &known.registered;
    answer("create_registered_model", store.create_registered_model("another")).await;
    answer("create_model_version", store.create_model_version(name, "runs:/x", known.runs.first(), &[]))
        .await;
    answer("set_model_alias", store.set_model_alias(name, "a", 2)).await;
    answer("describe_registered_model", store.describe_registered_model(name, "text")).await;
    answer("describe_model_version", store.describe_model_version(name, 2, "text")).await;
    answer("set_registered_model_tag", store.set_registered_model_tag(name, &tag)).await;
    answer("delete_registered_model_tag", store.delete_registered_model_tag(name, "k")).await;
    answer("set_model_version_tag", store.set_model_version_tag(name, 2, &tag)).await;
    answer("delete_model_version_tag", store.delete_model_version_tag(name, 2, "k")).await;
    answer("set_model_stage", store.set_model_stage(name, 2, ModelStage::Production, true)).await;
    answer("rename_registered_model", store.rename_registered_model(name, "renamed")).await;
    answer("rename_registered_model", store.rename_registered_model("renamed", name)).await;
    answer("delete_model_alias", store.delete_model_alias(name, "a")).await;
    answer("delete_model_version", store.delete_model_version(name, 2)).await;
    answer("delete_registered_model", store.delete_registered_model(name)).await;
}
