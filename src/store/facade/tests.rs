//! What is done once for every place.

use async_trait::async_trait;

use super::*;
use crate::mlflow::{MetricPoint, ModelId};
use crate::store::memory::Memory;
use crate::store::{Changes, HistoryCursor};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn new_run(experiment: &str) -> NewRun {
    NewRun {
        experiment_id: experiment.into(),
        run_name: Some("first".into()),
        user_id: "ana".into(),
        start_time: 1,
        tags: Vec::new(),
    }
}

#[test]
fn what_is_over_a_limit_never_reaches_the_place() {
    let store = Store::new(Memory::default());
    block_on(async {
        let run = store.create_run(&new_run("0")).await.unwrap().info.run_id;
        let empty = Tag::new("", "x");
        let failures = [
            store.create_experiment("", &[]).await.map(drop).unwrap_err(),
            store.create_experiment("x", std::slice::from_ref(&empty)).await.map(drop).unwrap_err(),
            store.rename_experiment(&"0".into(), "").await.unwrap_err(),
            store.set_experiment_tag(&"0".into(), &empty).await.unwrap_err(),
            store.create_run(&NewRun { tags: vec![empty.clone()], ..new_run("0") }).await.unwrap_err(),
            store.set_tag(&run, &empty).await.unwrap_err(),
            store.log_batch(&run, &[], &[Param::new("", "x")], &[]).await.unwrap_err(),
            store.set_model_alias("wine", "v1", 1).await.unwrap_err(),
        ];
        for failure in failures {
            assert!(matches!(failure.kind, ErrorKind::Limit(_)), "{failure}");
        }
        let there = store.search_experiments(ViewType::All).await.unwrap();
        assert_eq!((there.len(), there[0].name.as_str(), there[0].tags.len()), (1, "Default", 0));
        let run = store.get_run(&run).await.unwrap();
        assert_eq!((run.params.len(), run.tags.len()), (0, 1), "the tag of its name");
    });
}

#[test]
fn nothing_is_written_to_what_is_only_read() {
    let writable = Store::new(Memory::default());
    let store = writable.clone().read_only();
    block_on(async {
        let run = writable.create_run(&new_run("0")).await.unwrap().info.run_id;
        assert!(writable.info().await.unwrap().writable && !store.info().await.unwrap().writable);
        let refused = store.set_tag(&run, &Tag::new("a", "b")).await.unwrap_err();
        assert!(matches!(refused.kind, ErrorKind::ReadOnly(_)));
        assert_eq!(refused.operation, format!("tag run {run}"));
        for refused in [
            store.create_experiment("x", &[]).await.map(drop),
            store.log_batch(&run, &[], &[], &[]).await,
            store.delete_run(&run).await,
            store.write_artifact(&run, "a.txt", b"x").await,
            store.create_registered_model("m").await,
            store.finish_logged_model(&ModelId("m-1".into()), true).await,
        ] {
            assert!(matches!(refused.unwrap_err().kind, ErrorKind::ReadOnly(_)));
        }
        assert_eq!(store.get_run(&run).await.unwrap().tags.len(), 1, "reading goes on");
        store.begin().await.unwrap();
    });
}

#[test]
fn an_experiment_is_found_by_its_name_before_its_id() {
    let store = Store::new(Memory::default());
    block_on(async {
        let wine = store.create_experiment("wine", &[]).await.unwrap();
        let named_as_id = store.create_experiment(wine.as_str(), &[]).await.unwrap();
        let find = async |name: &str| {
            let found = store.find_experiment(name).await.unwrap();
            found.map(|experiment| experiment.experiment_id).map_err(|error| error.to_string())
        };
        assert_eq!(find("wine").await, Ok(wine.clone()));
        assert_eq!(find(wine.as_str()).await, Ok(named_as_id.clone()));
        assert_eq!(find(named_as_id.as_str()).await, Ok(named_as_id));
        assert_eq!(find("beer").await.unwrap_err(), "no experiment \"beer\"");
        assert_eq!(find("wnie").await.unwrap_err(), "no experiment \"wnie\", but there is \"wine\"");
        assert_eq!(find("Wines").await.unwrap_err(), "no experiment \"Wines\", but there is \"wine\"");
    });
}

/// A place with one run of one metric and nothing else: what a place has to do at least.
#[derive(Debug)]
struct Least;

fn nothing<T>() -> Inner<T> {
    Err(ErrorKind::NotFound("there is nothing here".into()))
}

#[async_trait]
impl Backend for Least {
    fn capabilities(&self) -> Capabilities {
        Capabilities::SERVER
    }
    async fn info(&self) -> Inner<StoreInfo> {
        nothing()
    }
    async fn search_experiments(&self, _: ViewType) -> Inner<Vec<Experiment>> {
        Ok(Vec::new())
    }
    async fn get_experiment(&self, _: &ExperimentId) -> Inner<Experiment> {
        nothing()
    }
    async fn create_experiment(&self, _: &str, _: &[Tag]) -> Inner<ExperimentId> {
        nothing()
    }
    async fn rename_experiment(&self, _: &ExperimentId, _: &str) -> Inner<()> {
        nothing()
    }
    async fn delete_experiment(&self, _: &ExperimentId) -> Inner<()> {
        nothing()
    }
    async fn restore_experiment(&self, _: &ExperimentId) -> Inner<()> {
        nothing()
    }
    async fn set_experiment_tag(&self, _: &ExperimentId, _: &Tag) -> Inner<()> {
        nothing()
    }
    async fn delete_experiment_tag(&self, _: &ExperimentId, _: &str) -> Inner<()> {
        nothing()
    }
    async fn create_run(&self, _: &NewRun) -> Inner<Run> {
        nothing()
    }
    async fn get_run(&self, _: &RunId) -> Inner<Run> {
        nothing()
    }
    async fn search_runs(&self, _: &RunSearch) -> Inner<RunPage> {
        nothing()
    }
    async fn log_batch(&self, _: &RunId, _: &[Metric], _: &[Param], _: &[Tag]) -> Inner<()> {
        Ok(())
    }
    async fn log_inputs(&self, _: &RunId, _: &[DatasetInput]) -> Inner<()> {
        nothing()
    }
    async fn update_run(&self, _: &RunId, _: &RunUpdate) -> Inner<()> {
        nothing()
    }
    async fn delete_run(&self, _: &RunId) -> Inner<()> {
        nothing()
    }
    async fn restore_run(&self, _: &RunId) -> Inner<()> {
        nothing()
    }
    async fn delete_tag(&self, _: &RunId, _: &str) -> Inner<()> {
        nothing()
    }
    async fn metric_history(&self, id: &RunId, key: &str) -> Inner<Vec<MetricPoint>> {
        let count = if id.as_str() == "r" && key == "loss" { 10 } else { 0 };
        Ok((0..count).map(|step| MetricPoint { step, timestamp: step, value: step as f64 }).collect())
    }
    async fn scan(&self, _: &Scan, _: mpsc::Sender<RunBatch>) -> Inner<Cursor> {
        nothing()
    }
    async fn changes(&self, _: &Scan, _: &mut Cursor, _: &[RunId]) -> Inner<Changes> {
        nothing()
    }
}

#[test]
fn a_place_without_registry_models_and_files_is_a_store_all_the_same() {
    let store = Store::new(Least);
    let run = RunId::from("r");
    block_on(async {
        let failures = [
            store.get_registered_model("m").await.map(drop).unwrap_err(),
            store.set_model_alias("m", "champion", 1).await.unwrap_err(),
            store.get_logged_model(&ModelId("m-1".into())).await.map(drop).unwrap_err(),
            store.list_artifacts(&run, "").await.map(drop).unwrap_err(),
            store.write_artifact(&run, "a", b"x").await.unwrap_err(),
        ];
        for failure in &failures {
            assert!(matches!(failure.kind, ErrorKind::Unsupported(_)), "{failure}");
        }
        assert_eq!(
            failures[1].to_string(),
            "cannot set alias \"champion\" of model \"m\": this store has no model registry"
        );
        assert_eq!(store.run_counts().await.unwrap(), None);
        assert_eq!(store.latest_experiment().await.unwrap(), None);
        assert_eq!(store.page_token(10), None);
        store.set_tag(&run, &Tag::new("a", "b")).await.unwrap();
        store.begin().await.unwrap();
    });
}

#[test]
fn histories_are_sampled_and_summed_up_where_a_place_only_reads_them() {
    let store = Store::new(Least);
    let ids = [RunId::from("r"), RunId::from("other")];
    block_on(async {
        let sampled = store.sampled_history(&ids, "loss", 4).await.unwrap();
        let steps: Vec<i64> = sampled[0].1.iter().map(|point| point.step).collect();
        assert_eq!((sampled.len(), steps), (1, vec![0, 3, 6, 9]));
        let summaries = store.metric_summaries(&ids, "loss", crate::mlflow::Part::All).await.unwrap();
        assert_eq!(summaries.len(), 1);
        assert!((summaries[0].1.last.0 - 9.0).abs() < f64::EPSILON);
        let part = store.history_since(&ids[0], "loss", &HistoryCursor::START).await.unwrap();
        assert!(part.replaces && part.points.len() == 10);
    });
}
