//! What every store has to do about registered models: lists, tags, descriptions, stages, names, and which runs they are of.

use mltui::mlflow::{ModelStage, ModelVersion, Run, Tag};
use mltui::store::{ErrorKind, Store};
use serde_json::{Value, json};

use crate::support::stores::kind;

/// Leaves `edited` behind, as [`check_dump`] wants it.
pub(super) async fn conformance(store: &Store, prefix: &str, first: &Run, second: &Run) {
    let name = format!("{prefix}edited");
    store.create_registered_model(&name).await.unwrap();
    for run in [first, second, first] {
        let source = format!("{}/model", run.info.artifact_uri);
        store.create_model_version(&name, &source, Some(&run.info.run_id), &[]).await.unwrap();
    }
    model(store, &name).await;
    versions(store, &name).await;
    stages(store, &name).await;
    of_runs(store, &name, first, second).await;
    renamed(store, prefix, first).await;
}

async fn model(store: &Store, name: &str) {
    let before = store.get_registered_model(name).await.unwrap();
    assert!(before.creation_time.is_some_and(|time| time > 1_000_000_000_000), "{before:?}");
    assert_eq!((before.newest_version(), before.description.as_str()), (Some(3), ""));
    assert_eq!(before.latest, [("None".to_owned(), 3)]);
    store.describe_registered_model(name, "line 1\nline 2 it's").await.unwrap();
    store.set_registered_model_tag(name, &Tag::new("team", "old")).await.unwrap();
    store.set_registered_model_tag(name, &Tag::new("team", "wine")).await.unwrap();
    store.set_registered_model_tag(name, &Tag::new("passing", "1")).await.unwrap();
    store.delete_registered_model_tag(name, "passing").await.unwrap();
    store.set_model_alias(name, "champion", 2).await.unwrap();
    store.set_model_alias(name, "a-first", 2).await.unwrap();
    let model = store.get_registered_model(name).await.unwrap();
    assert_eq!(model.description, "line 1\nline 2 it's");
    assert_eq!(model.tags, [Tag::new("team", "wine")]);
    assert!(model.last_updated_time >= before.last_updated_time);
    let mut listed = store.registered_models().await.unwrap();
    assert!(listed.is_sorted_by_key(|model| model.name.clone()), "by name");
    let at = listed.iter().position(|model| model.name == name).unwrap();
    let mut listed = listed.swap_remove(at);
    assert!(listed.version_count.is_none_or(|count| count == 3), "{listed:?}");
    listed.version_count = model.version_count;
    listed.aliases.sort();
    let mut one = model;
    one.aliases.sort();
    assert_eq!(listed, one, "listed as it is by itself");
    assert!(matches!(kind(store.describe_registered_model("absent", "x").await), ErrorKind::NotFound(_)));
    let long = "x".repeat(5_001);
    assert!(matches!(kind(store.describe_registered_model(name, &long).await), ErrorKind::Limit(_)));
    let absent = store.set_registered_model_tag("absent", &Tag::new("k", "v")).await;
    assert!(matches!(kind(absent), ErrorKind::NotFound(_)));
}

async fn versions(store: &Store, name: &str) {
    store.describe_model_version(name, 2, "the second").await.unwrap();
    store.set_model_version_tag(name, 2, &Tag::new("why", "it's better")).await.unwrap();
    store.set_model_version_tag(name, 2, &Tag::new("passing", "1")).await.unwrap();
    store.delete_model_version_tag(name, 2, "passing").await.unwrap();
    // A description can be taken away again.
    store.describe_model_version(name, 3, "passing").await.unwrap();
    store.describe_model_version(name, 3, "").await.unwrap();
    let all = store.model_versions(name).await.unwrap();
    assert_eq!(all[0].description, "");
    let numbers: Vec<u64> = all.iter().map(|version| version.version).collect();
    assert_eq!(numbers, [3, 2, 1], "the newest first");
    let second = &all[1];
    assert_eq!((second.description.as_str(), second.status.as_str()), ("the second", "READY"));
    assert_eq!(second.tags, [Tag::new("why", "it's better")]);
    assert_eq!(second.aliases, ["a-first", "champion"]);
    assert!(second.creation_time.is_some() && second.last_updated_time >= second.creation_time);
    assert_eq!(second.model_id, None);
    let mut one = store.get_model_version(name, 2).await.unwrap();
    one.aliases.sort();
    assert_eq!(&one, second);
    assert!(matches!(kind(store.get_model_version(name, 9).await), ErrorKind::NotFound(_)));
    assert!(matches!(kind(store.describe_model_version(name, 9, "x").await), ErrorKind::NotFound(_)));
    let absent = store.set_model_version_tag(name, 9, &Tag::new("k", "v")).await;
    assert!(matches!(kind(absent), ErrorKind::NotFound(_)));
}

async fn stages(store: &Store, name: &str) {
    let stages = async || -> Vec<String> {
        let all = store.model_versions(name).await.unwrap();
        all.into_iter().map(|version| version.current_stage).collect()
    };
    store.set_model_stage(name, 1, ModelStage::Production, false).await.unwrap();
    store.set_model_stage(name, 2, ModelStage::Production, false).await.unwrap();
    assert_eq!(stages().await, ["None", "Production", "Production"]);
    store.set_model_stage(name, 3, ModelStage::Production, true).await.unwrap();
    assert_eq!(stages().await, ["Production", "Archived", "Archived"]);
    store.set_model_stage(name, 1, ModelStage::Staging, true).await.unwrap();
    let refused = store.set_model_stage(name, 1, ModelStage::Archived, true).await;
    assert!(matches!(kind(refused), ErrorKind::Invalid(_)));
    let absent = store.set_model_stage(name, 9, ModelStage::Staging, false).await;
    assert!(matches!(kind(absent), ErrorKind::NotFound(_)));
    let mut latest = store.get_registered_model(name).await.unwrap().latest;
    latest.sort();
    let expected = [("Archived", 2), ("Production", 3), ("Staging", 1)];
    assert_eq!(latest, expected.map(|(stage, version)| (stage.to_owned(), version)));
}

async fn of_runs(store: &Store, name: &str, first: &Run, second: &Run) {
    let of = async |runs: &[&Run]| -> Vec<ModelVersion> {
        let ids: Vec<_> = runs.iter().map(|run| run.info.run_id.clone()).collect();
        let all = store.model_versions_of(&ids).await.unwrap();
        all.into_iter().filter(|version| version.name == name).collect()
    };
    let numbers = |found: &[ModelVersion]| found.iter().map(|version| version.version).collect::<Vec<u64>>();
    assert_eq!(numbers(&of(&[first]).await), [3, 1]);
    let found = of(&[second]).await;
    assert_eq!((numbers(&found), found[0].aliases.len()), (vec![2], 2), "with aliases");
    assert_eq!(numbers(&of(&[first, second]).await), [3, 2, 1]);
    assert!(store.model_versions_of(&["0123456789abcdef".into()]).await.unwrap().is_empty());
    assert!(store.model_versions_of(&["' OR '1'='1".into()]).await.unwrap().is_empty());
    assert!(store.model_versions_of(&[]).await.unwrap().is_empty());
}

async fn renamed(store: &Store, prefix: &str, run: &Run) {
    let (before, after) = (format!("{prefix}before"), format!("{prefix}after"));
    store.create_registered_model(&before).await.unwrap();
    let source = format!("{}/model", run.info.artifact_uri);
    let tag = Tag::new("k", "v");
    let tags = std::slice::from_ref(&tag);
    store.create_model_version(&before, &source, Some(&run.info.run_id), tags).await.unwrap();
    store.set_model_alias(&before, "it", 1).await.unwrap();
    store.set_registered_model_tag(&before, &tag).await.unwrap();
    let taken = store.rename_registered_model(&before, &format!("{prefix}edited")).await;
    assert!(matches!(kind(taken), ErrorKind::AlreadyExists(_)));
    assert!(matches!(kind(store.rename_registered_model(&before, "a/b").await), ErrorKind::Limit(_)));
    store.rename_registered_model(&before, &after).await.unwrap();
    assert!(matches!(kind(store.get_registered_model(&before).await), ErrorKind::NotFound(_)));
    let model = store.get_registered_model(&after).await.unwrap();
    assert_eq!((model.alias("it"), model.tags.as_slice()), (Some(1), tags));
    let versions = store.model_versions(&after).await.unwrap();
    assert_eq!((versions.len(), versions[0].tags.as_slice()), (1, tags));
    store.delete_registered_model(&after).await.unwrap();
}

/// What MLflow's own client has to find after [`conformance`].
pub(super) fn check_dump(dump: &Value, prefix: &str) {
    let model = &dump["models"][format!("{prefix}edited")];
    assert_eq!(model["description"], "line 1\nline 2 it's");
    assert_eq!(model["tags"], json!({ "team": "wine" }));
    assert_eq!(model["aliases"], json!({ "a-first": "2", "champion": "2" }));
    assert_eq!(model["stages"], json!({ "1": "Staging", "2": "Archived", "3": "Production" }));
    assert_eq!(model["described"], json!({ "2": "the second" }));
    assert_eq!(model["tagged"]["2"], json!({ "why": "it's better" }));
    assert_eq!(dump["models"][format!("{prefix}after")], Value::Null);
}
