//! The store in the moments in between: half written, half moved, not to be read for now.

use std::fs;
use std::path::Path;

use super::super::reading::DAMAGED;
use super::{age, block_on, filled, load, new_run, poll, scan, tag, value};
use crate::catalog::sync::Sync;
use crate::mlflow::{RunStatus, Tag, ViewType};
use crate::store::{ErrorKind, RunSearch};

#[test]
fn what_is_being_written_or_cannot_be_read_for_a_moment_stays_what_it_was() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("mlruns");
    let (store, experiment, runs) = filled(&root, &["a", "b"]);
    let mut sync = Sync::new(store.clone(), scan(&experiment));
    load(&mut sync);
    let meta = |at: usize| root.join(experiment.as_str()).join(runs[at].as_str()).join("meta.yaml");
    let whole = [fs::read(meta(0)).unwrap(), fs::read(meta(1)).unwrap()];
    // MLflow empties it first.
    fs::write(meta(0), "").unwrap();
    assert!(poll(&mut sync, &runs).is_none(), "nothing is told of it");
    assert_eq!(block_on(store.get_run(&runs[0])).unwrap().info.status, RunStatus::Running);
    fs::write(meta(0), &whole[0]).unwrap();
    // Any failure but that it is not there says nothing of it: here a link that leads to itself.
    #[cfg(unix)]
    {
        fs::remove_file(meta(1)).unwrap();
        std::os::unix::fs::symlink("meta.yaml", meta(1)).unwrap();
        let catalog = poll(&mut sync, &runs).unwrap();
        assert_eq!((catalog.count, value(&catalog, &runs[1], "m")), (2, Some(1.0)));
        assert!(tag(&catalog, &runs[1], DAMAGED).is_some());
        assert!(block_on(store.get_run(&runs[1])).unwrap().tag(DAMAGED).is_some());
        fs::remove_file(meta(1)).unwrap();
        fs::write(meta(1), &whole[1]).unwrap();
        let catalog = poll(&mut sync, &[]).unwrap();
        assert_eq!(tag(&catalog, &runs[1], DAMAGED), None);
    }
}

#[test]
fn a_run_whose_files_come_later_than_its_folder_is_seen() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("mlruns");
    let (store, experiment, runs) = filled(&root, &["a"]);
    let folder = root.join(experiment.as_str());
    let copy = folder.join("abcdef");
    fs::create_dir_all(copy.join("artifacts")).unwrap();
    age(&root);
    let mut sync = Sync::new(store, scan(&experiment));
    assert_eq!(load(&mut sync).count, 1);
    assert!(poll(&mut sync, &[]).is_none());
    fs::copy(folder.join(runs[0].as_str()).join("meta.yaml"), copy.join("meta.yaml")).unwrap();
    assert_eq!(poll(&mut sync, &[]).unwrap().count, 2);
}

#[test]
fn inputs_that_come_later_than_their_folders_are_seen() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("mlruns");
    let (store, experiment, runs) = filled(&root, &["a"]);
    let folder = root.join(experiment.as_str());
    let input = folder.join(runs[0].as_str()).join("inputs/x");
    fs::create_dir_all(&input).unwrap();
    age(&root);
    let search = RunSearch { experiment_ids: vec![experiment], max_results: 9, ..RunSearch::default() };
    let found = || block_on(store.search_runs(&search)).unwrap().runs.remove(0);
    assert!(found().tag(DAMAGED).unwrap().contains("inputs/x"));
    fs::write(input.join("meta.yaml"), "source_id: d\nsource_type: DATASET\ntags: {}\n").unwrap();
    assert!(found().tag(DAMAGED).unwrap().contains("datasets/d"));
    age(&root);
    fs::create_dir_all(folder.join("datasets/d")).unwrap();
    fs::write(folder.join("datasets/d/meta.yaml"), "name: wine\ndigest: ab\n").unwrap();
    let run = found();
    assert_eq!((run.inputs[0].dataset.name.as_str(), run.tag(DAMAGED)), ("wine", None));
}

#[test]
fn a_deletion_that_broke_off_is_ended_by_the_same_again() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("mlruns");
    let (store, experiment, runs) = filled(&root, &["a", "b"]);
    let (here, trash) = (root.join(experiment.as_str()), root.join(".trash").join(experiment.as_str()));
    let stages = || -> Vec<_> {
        let run = |id| block_on(store.get_run(id)).unwrap().info.lifecycle_stage.as_str();
        runs.iter().map(run).collect()
    };
    let stage = || block_on(store.get_experiment(&experiment)).unwrap().lifecycle_stage.as_str();
    // Moved, and not marked.
    fs::create_dir_all(root.join(".trash")).unwrap();
    fs::rename(&here, &trash).unwrap();
    assert_eq!(stage(), "deleted");
    block_on(store.delete_experiment(&experiment)).unwrap();
    assert_eq!(stages(), ["deleted", "deleted"]);
    assert!(block_on(store.delete_experiment(&experiment)).is_err());
    // Moved back, and marked as deleted still, as others may leave it.
    fs::rename(&trash, &here).unwrap();
    assert_eq!(stage(), "deleted");
    block_on(store.restore_experiment(&experiment)).unwrap();
    assert_eq!((stage(), stages()), ("active", vec!["active", "active"]));
}

#[test]
fn a_copy_beside_an_experiment_does_not_take_its_name() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("mlruns");
    let (store, experiment, _) = filled(&root, &[]);
    fs::create_dir(root.join("1")).unwrap();
    fs::copy(root.join(experiment.as_str()).join("meta.yaml"), root.join("1/meta.yaml")).unwrap();
    block_on(async {
        let found = store.search_experiments(ViewType::All).await.unwrap();
        let ids: Vec<_> = found.iter().map(|known| known.experiment_id.as_str()).collect();
        assert_eq!(ids, [experiment.as_str(), "1"]);
        let refused = store.create_run(&new_run(&"1".into(), "x")).await.unwrap_err();
        assert!(
            matches!(&refused.kind, ErrorKind::Invalid(words) if words.contains("says that it is")),
            "{refused}"
        );
    });
}

#[test]
fn models_are_never_there_without_what_mlflow_needs() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("mlruns");
    let (store, _, _) = filled(&root, &[]);
    let models = root.join("models");
    block_on(async {
        store.create_registered_model("net").await.unwrap();
        for _ in 0..2 {
            store.create_model_version("net", "s3://x", None, &[Tag::new("a", "b")]).await.unwrap();
        }
        let names = |folder: &Path| {
            let all = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
            let mut all: Vec<String> = all.map(|name| name.into_string().unwrap()).collect();
            all.sort();
            all
        };
        assert_eq!(names(&models.join("net")), ["meta.yaml", "version-1", "version-2"]);
        // A version that is damaged hinders a new name before anything is done.
        let meta = models.join("net/version-1/meta.yaml");
        let whole = fs::read(&meta).unwrap();
        fs::write(&meta, "name: 'ne").unwrap();
        let refused = store.rename_registered_model("net", "net2").await.unwrap_err();
        assert!(matches!(refused.kind, ErrorKind::Invalid(_)), "{refused}");
        let said = |path: &str| fs::read_to_string(models.join(path).join("meta.yaml")).unwrap();
        assert!(models.join("net").is_dir() && said("net/version-2").contains("name: net\n"));
        fs::write(&meta, whole).unwrap();
        store.rename_registered_model("net", "net2").await.unwrap();
        for path in ["net2", "net2/version-1", "net2/version-2"] {
            assert!(said(path).contains("name: net2\n"), "{path}");
        }
        // What a deletion that broke off left is cleared away.
        fs::create_dir_all(models.join(".mltui-0123/version-1")).unwrap();
        fs::write(models.join(".mltui-0123/meta.yaml"), "name: old\n").unwrap();
        store.delete_registered_model("net2").await.unwrap();
        assert_eq!(names(&models), [""; 0]);
    });
}
