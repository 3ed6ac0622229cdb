//! The registry by command, in a store that is read directly: changed, searched, promoted and reported on.

use std::path::Path;

use mltui::mlflow::{ExperimentId, Metric, ModelStage, RunId, RunStatus, Tag};
use mltui::store::uri::RestOptions;
use mltui::store::{NewModel, NewRun, RunUpdate, Store, uri};
use serde_json::Value;

use crate::support::sweeping::{block_on, mltui, output};

/// A store in a folder.
struct World {
    home: tempfile::TempDir,
    address: String,
    store: Store,
    experiment: ExperimentId,
}

impl World {
    /// Two runs in `grapes`, whose models are `cellar` 1 and 2, and a third that has a model and no version.
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let runs = home.path().join("mlruns");
        std::fs::create_dir(&runs).unwrap();
        let address = format!("file://{}", runs.display());
        let location = uri::parse(&address, Path::new("/")).unwrap();
        let store = uri::open(&location, &RestOptions::default(), false).unwrap();
        let experiment = block_on(async {
            let experiment = store.create_experiment("grapes", &[]).await.unwrap();
            store.create_registered_model("cellar").await.unwrap();
            experiment
        });
        // As MLflow 3 makes it, where logged models have room.
        std::fs::create_dir(runs.join(&experiment.0).join("models")).unwrap();
        let world = Self { home, address, store, experiment };
        block_on(async {
            for (number, values) in [(1, [0.5, 0.71]), (2, [0.5, 0.81]), (3, [0.4, 0.4])] {
                let (run, model) = world.trained(number, values).await;
                if number < 3 {
                    let source = format!("models:/{model}");
                    let tags = [Tag::new("reviewed", "by-bob")];
                    world.store.create_model_version("cellar", &source, Some(&run), &tags).await.unwrap();
                }
            }
            world.store.set_model_alias("cellar", "champion", 1).await.unwrap();
        });
        world
    }

    /// A run with a model that has a value of its own, which is not the run's last.
    async fn trained(&self, number: i64, [own, last]: [f64; 2]) -> (RunId, String) {
        let new = NewRun {
            experiment_id: self.experiment.clone(),
            run_name: Some(format!("calm-{number}")),
            user_id: "ana".into(),
            start_time: number,
            tags: Vec::new(),
        };
        let run = self.store.create_run(&new).await.unwrap().info.run_id;
        let new = NewModel {
            experiment_id: self.experiment.clone(),
            name: format!("net-{number}"),
            model_type: String::new(),
            source_run_id: run.clone(),
            params: vec![mltui::mlflow::Param { key: "depth".into(), value: number.to_string() }],
            tags: Vec::new(),
        };
        let model = self.store.create_logged_model(&new).await.unwrap().model_id;
        self.store.log_model_output(&run, &model, 1).await.unwrap();
        let metric = |value, step| Metric { key: "val_loss".into(), value, timestamp: step, step };
        self.store.log_model_metrics(&run, &model, &[metric(own, 1)], None).await.unwrap();
        self.store.log_batch(&run, &[metric(last, 9)], &[], &[]).await.unwrap();
        self.store.finish_logged_model(&model, true).await.unwrap();
        let done = RunUpdate { status: Some(RunStatus::Finished), end_time: Some(99), run_name: None };
        self.store.update_run(&run, &done).await.unwrap();
        (run, model.0)
    }

    fn said(&self, words: &[&str]) -> (i32, String, String) {
        output(mltui(self.home.path(), &self.address, words))
    }

    /// What a command prints that succeeds.
    fn told(&self, words: &[&str]) -> String {
        let (code, out, error) = self.said(words);
        assert_eq!(code, 0, "{words:?}: {error}");
        out
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.told(&[words, &["--json"]].concat())).unwrap()
    }
}

#[test]
fn the_champion_is_found_and_compared_by_the_values_of_models() {
    let world = World::new();
    // The run's last value decides who is best: calm-3 has 0.4, and its model too. No model is called grapes.
    let report = world.told(&["report", "grapes", "--metric", "val_loss:min", "--vs", "@champion"]);
    assert!(report.contains("## Against `cellar@champion` (version 1)"), "{report}");
    assert!(report.contains("0.4 against 0.5 of `cellar@champion`"), "{report}");
    assert!(report.contains("Metrics that logged models have themselves are theirs"), "{report}");
    assert!(report.contains("net-3 (m-") && report.contains("net-1 (m-"), "{report}");
    // Beside a run, not a version, values are those of runs.
    let report = world.told(&["report", "grapes", "--metric", "val_loss:min", "--vs", "calm-1"]);
    assert!(report.contains("0.4 against 0.71 of calm-1") && !report.contains("logged models"), "{report}");
}

#[test]
fn a_run_stays_under_the_name_that_it_is_registered_as() {
    let world = World::new();
    let promote = ["promote", "wine", "--run", "calm-2", "--to", "champion"];
    let (code, _, error) = world.said(&promote);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("`mltui promote cellar --version 2 --to champion`"), "{error}");
    let on_purpose = world.json(&[&promote[..], &["--register", "--dry-run"]].concat());
    assert!(on_purpose["writes"].to_string().contains("create model wine"), "{on_purpose}");
    let (code, _, error) = world.said(&["promote", "cellar", "--to", "champion", "--register"]);
    assert!(code == 2 && error.contains("--register"), "{code} {error}");
    // A run without a version goes where the others of its experiment are.
    let marked = world.json(&["mark-best", "grapes", "--metric", "val_loss:min", "--dry-run"]);
    let writes = marked["writes"].to_string();
    assert!(writes.contains("@champion of cellar: from v1 to the new version"), "{writes}");
    assert_eq!(marked["run"]["model"]["name"], "cellar");
}

#[test]
fn a_model_is_changed_by_command() {
    let world = World::new();
    let of = |name: &str| block_on(world.store.get_registered_model(name)).unwrap();
    let version = |number| block_on(world.store.get_model_version("cellar", number)).unwrap();
    let edit = |words: &[&str]| world.told(&[&["models", "edit"], words].concat());
    assert_eq!(
        edit(&["cellar/2", "--alias", "shadow", "--dry-run"]),
        "would change: @shadow of cellar to v2\n"
    );
    assert_eq!(of("cellar").alias("shadow"), None);
    let changes = world.json(&[
        "models",
        "edit",
        "cellar@champion",
        "--alias",
        "@champion",
        "--alias",
        "shadow",
        "--description",
        "the first",
        "--tag",
        "team=red=blue",
        "--delete-tag",
        "reviewed",
        "--stage",
        "production",
    ]);
    assert_eq!(changes["version"], 1);
    let told: Vec<(&str, bool, bool)> = changes["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["change"].as_str().unwrap(), it["done"] == true, it["already"] == true))
        .collect();
    assert_eq!(
        told,
        [
            ("description", true, false),
            ("tag", true, false),
            ("delete_tag", true, false),
            ("alias", false, true),
            ("alias", true, false),
            ("stage", true, false),
        ]
    );
    let first = version(1);
    assert_eq!(first.description, "the first");
    assert_eq!(first.current_stage, ModelStage::Production.as_str());
    assert_eq!(first.tags, [Tag::new("team", "red=blue")]);
    edit(&["models:/cellar/2", "--stage", "Production", "--archive-others"]);
    assert_eq!(
        (version(1).current_stage.as_str(), version(2).current_stage.as_str()),
        ("Archived", "Production")
    );
    edit(&["cellar", "--delete-alias", "shadow", "--tag", "owner=ana"]);
    assert_eq!(of("cellar").alias("shadow"), None);
    assert_eq!(edit(&["cellar", "--rename", "vault"]), "cellar renamed to vault\n");
    // All of it stands in the history, and not among the tags.
    let history = world.told(&["models", "vault", "--history"]);
    for words in
        ["@shadow of cellar deleted", "v2 to Production", "cellar renamed to vault", "which was in None"]
    {
        assert!(history.contains(words), "{words}: {history}");
    }
    let listed = world.json(&["models", "vault"]);
    assert_eq!(listed["tags"], serde_json::json!({"owner": "ana"}));
    // What is not there is not deleted, and nothing without a word of agreement.
    for (words, code, error) in [
        (&["vault", "--delete-alias", "none"][..], 3, "no version of \"vault\" is @none"),
        (&["vault/2", "--delete-tag", "none"], 3, "vault v2 has no tag"),
        (&["vault/9", "--tag", "a=b"], 3, "9"),
        (&["nobody", "--tag", "a=b"], 3, "no registered model \"nobody\""),
        (&["vault", "--alias", "new"], 2, "write vault/VERSION"),
        (&["vault/1", "--stage", "Done"], 2, "no stage"),
        (&["vault", "--tag", "mltui.edit.1=x"], 2, "history"),
        (&["vault"], 2, "required"),
        (&["vault/2", "--delete"], 2, "nothing was changed; with --yes: "),
        (&["vault/2", "--delete", "--tag", "a=b"], 2, "cannot be used with"),
    ] {
        let (ended, _, said) = world.said(&[&["models", "edit"], words].concat());
        assert!(ended == code && said.contains(error), "{words:?}: {ended} {said}");
    }
    assert!(edit(&["vault/2", "--delete", "--dry-run"]).contains("v2 deleted (in Production)"));
    edit(&["vault/2", "--delete", "--yes"]);
    assert_eq!(block_on(world.store.model_versions("vault")).unwrap().len(), 1);
    assert!(edit(&["vault", "--delete", "--yes"]).contains("(1, @champion v1)"));
    assert!(block_on(world.store.registered_models()).unwrap().is_empty());
}

#[test]
fn models_are_searched_by_tags_and_descriptions_and_told_with_their_own_values() {
    let world = World::new();
    block_on(async {
        world.store.create_registered_model("other").await.unwrap();
        world.store.describe_registered_model("other", "for the Harvest").await.unwrap();
        world.store.set_registered_model_tag("cellar", &Tag::new("team", "red")).await.unwrap();
        world.store.set_model_version_tag("cellar", 2, &Tag::new("gate", "passed")).await.unwrap();
    });
    let names = |filter: &str| world.told(&["models", "--filter", filter, "--csv", "--columns", "name"]);
    assert_eq!(names("harvest").lines().skip(1).collect::<Vec<_>>(), ["other"]);
    assert_eq!(names("TEAM=red").lines().skip(1).collect::<Vec<_>>(), ["cellar"]);
    let versions = world.json(&["models", "cellar", "--filter", "gate=pass"]);
    assert_eq!(versions["versions"].as_array().unwrap().len(), 1);
    let own = &versions["versions"][0]["logged_model"];
    assert_eq!(own["params"], serde_json::json!({"depth": "2"}));
    assert_eq!((&own["metrics"][0]["value"], &own["metrics"][0]["step"]), (&0.5.into(), &1.into()));
    let (code, _, error) = world.said(&["models", "cellar", "--metric", "val_los"]);
    assert!(code == 3 && error.contains("did you mean val_loss?"), "{code} {error}");
}

#[test]
fn a_model_is_addressed_whatever_its_name_is() {
    let world = World::new();
    block_on(async {
        for name in ["edit", "red@dry", "a b.é"] {
            world.store.create_registered_model(name).await.unwrap();
        }
        world.store.create_registered_model("red").await.unwrap();
    });
    for words in [&["models", "--", "edit"][..], &["models", "models:/edit"], &["models", "red@dry"]] {
        assert_eq!(world.told(words), "no versions\n", "{words:?}");
    }
    assert_eq!(world.json(&["models", "models:/edit"])["name"], "edit");
    assert_eq!(world.json(&["models", "models:/red@dry"])["name"], "red@dry");
    let (ended, _, said) =
        world.said(&["models", "edit", "edit", "--tag", "half=1", "--rename", "red@dry", "--dry-run"]);
    assert!(ended == 2 && said.contains("already"), "{ended} {said}");
    for (name, shown) in [("edit", "edit"), ("models:/red@dry", "red@dry"), ("a b.é", "a b.é")] {
        let said = world.told(&["models", "edit", name, "--tag", "k=v"]);
        assert_eq!(said, format!("{shown}: tag k = v\n"));
        let model = block_on(world.store.get_registered_model(shown)).unwrap();
        assert!(model.tags.contains(&Tag::new("k", "v")), "{:?}", model.tags);
    }
    let run = block_on(async {
        let (run, _) = world.trained(4, [0.3, 0.3]).await;
        world.store.write_artifact(&run, "net/1/a.txt", b"words").await.unwrap();
        let source = format!("runs:/{run}/net");
        world.store.create_model_version("red@dry", &source, Some(&run), &[]).await.unwrap();
        world.store.create_model_version("red", &source, Some(&run), &[]).await.unwrap();
        world.store.set_model_alias("red", "white", 1).await.unwrap();
        run
    });
    for address in
        ["models:/red@dry/1/1/a.txt", "models:/red@white/1/a.txt", &format!("runs:/{run}/net/1/a.txt")]
    {
        assert_eq!(world.told(&["artifacts", "cat", address]), "words", "{address}");
    }
    // As before where there is no model of the whole name.
    assert!(world.told(&["models", "edit", "cellar@champion", "--tag", "k=v"]).starts_with("cellar v1: "));
    let (code, _, error) = world.said(&["models", "edit", "red@rose", "--tag", "k=v"]);
    assert!(code == 3 && error.contains("no version of \"red\" is @rose"), "{error}");
    let (code, _, error) = world.said(&["models", "edit", "blue@dry", "--tag", "k=v"]);
    assert!(code == 3 && error.contains("no registered model \"blue"), "{error}");
}

#[test]
fn what_a_tag_may_be_is_known_before_anything_is_written() {
    let world = World::new();
    let long = |letters: usize| format!("long={}", "x".repeat(letters));
    for tag in [long(100_001), format!("{}=v", "k".repeat(251)), "a//b=v".into()] {
        let (code, _, error) = world.said(&[
            "models",
            "edit",
            "cellar/1",
            "--description",
            "new",
            "--tag",
            "first=1",
            "--tag",
            &tag,
        ]);
        assert!(code == 2 && error.contains("--tag: "), "{code} {error}");
    }
    let first = block_on(world.store.get_model_version("cellar", 1)).unwrap();
    assert_eq!((first.description.as_str(), first.tags.len()), ("", 1), "nothing was written");
    for of in ["cellar", "cellar/1"] {
        world.told(&["models", "edit", of, "--tag", &long(9_000)]);
    }
}

#[test]
fn versions_that_a_stage_archives_are_named() {
    let world = World::new();
    let edit = |words: &[&str]| world.told(&[&["models", "edit"], words].concat());
    edit(&["cellar/1", "--stage", "Production"]);
    let both = ["cellar/2", "--stage", "Production", "--archive-others"];
    let planned = edit(&[&both[..], &["--dry-run"]].concat());
    assert_eq!(planned, "would change: cellar v2 to Production; v1 to Archived\n");
    assert_eq!(edit(&both), "cellar v2 to Production; v1 to Archived\n");
    let history = world.told(&["models", "cellar", "--history"]);
    assert!(history.contains("cellar v2 to Production, which was in None; v1 to Archived"), "{history}");
    assert_eq!(edit(&both), "already: cellar v2 to Production\n");
    // There already, and others with it.
    edit(&["cellar/1", "--stage", "Production"]);
    assert_eq!(edit(&both), "cellar v2 to Production; v1 to Archived\n");
    let stage = |number| block_on(world.store.get_model_version("cellar", number)).unwrap().current_stage;
    assert_eq!((stage(1).as_str(), stage(2).as_str()), ("Archived", "Production"));
}
