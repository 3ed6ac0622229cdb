//! Where the files of a run are, and where they must not be.

use mltui::store::ErrorKind;

use crate::support::stores::{MOST, block_on, kind, new_run, open};
use crate::support::sweeping::{mltui, output};

#[test]
fn files_of_a_run_are_below_the_folder_of_its_experiment() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("store")).unwrap();
    let path = folder.path().join("store/mlflow.db");
    let store = open(&format!("sqlite:///{}", path.display()));
    let id = block_on(store.create_experiment("wine", &[])).unwrap();
    let run = block_on(store.create_run(&new_run(&id, "first", 1))).unwrap().info.run_id;
    let outside = folder.path().join("outside");
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::write(outside.join("notes.txt"), "x").unwrap();
    let place = |experiment: &str, of_run: &str| {
        let db = rusqlite::Connection::open(&path).unwrap();
        db.execute("UPDATE runs SET artifact_uri = ?1", [of_run]).unwrap();
        db.execute("UPDATE experiments SET artifact_location = ?1", [experiment]).unwrap();
    };
    let home = folder.path().join("store/mlruns/1").display().to_string();
    let (up, up_encoded) =
        (format!("{home}/r/../../../../outside"), format!("file://{home}/%2e%2e/%2e./../../outside"));
    let served = "mlflow-artifacts:/1/../../../outside".to_owned();
    for (experiment, of_run) in [
        (&home, &up),
        (&home, &up_encoded),
        (&home, &format!("{home}x/../outside")),
        (&"mlflow-artifacts:/1".to_owned(), &served),
        (&"mlflow-artifacts:/1".to_owned(), &up),
    ] {
        place(experiment, of_run);
        for failure in [
            kind(block_on(store.list_artifacts(&run, ""))),
            kind(block_on(store.read_artifact(&run, "notes.txt", 100))),
            kind(block_on(store.write_artifact(&run, "mine.txt", b"x"))),
        ] {
            assert!(
                matches!(failure, ErrorKind::Invalid(_) | ErrorKind::Elsewhere(_)),
                "{of_run}: {failure}"
            );
        }
    }
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1, "nothing was written there");
    // A folder above that somebody chose for the experiment is as good as any other.
    let above = format!("{}/store/../outside", folder.path().display());
    place(&above, &format!("{above}/r"));
    block_on(store.write_artifact(&run, "mine.txt", b"x")).unwrap();
    assert_eq!(block_on(store.read_artifact(&run, "mine.txt", 100)).unwrap(), b"x");
}

#[test]
fn files_that_are_elsewhere_are_said_to_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mlflow.db");
    let store = open(&format!("sqlite:///{}", path.display()));
    let id = block_on(store.create_experiment("wine", &[])).unwrap();
    let run = block_on(store.create_run(&new_run(&id, "first", 1))).unwrap().info.run_id;
    assert_eq!(block_on(store.list_artifacts(&run, "")).unwrap().files, [], "nothing was logged yet");
    let gone = "/somewhere/that/is/not/here/mlruns/1";
    for place in ["mlflow-artifacts:/1", "hdfs://host/1", "dbfs:/1", gone] {
        let root = format!("{place}/{run}/artifacts");
        let db = rusqlite::Connection::open(&path).unwrap();
        db.execute("UPDATE runs SET artifact_uri = ?1", [&root]).unwrap();
        db.execute(
            "UPDATE experiments SET artifact_location = ?1 WHERE experiment_id = ?2",
            [place, id.as_str()],
        )
        .unwrap();
        for failure in [
            kind(block_on(store.list_artifacts(&run, ""))),
            kind(block_on(store.read_artifact(&run, "notes.txt", MOST))),
        ] {
            assert!(
                matches!(&failure, ErrorKind::Elsewhere(why) if why.contains(&root)),
                "{place}: {failure}"
            );
        }
        assert!(matches!(kind(block_on(store.check_artifacts(&id))), ErrorKind::Elsewhere(_)), "{place}");
        if place != gone {
            let written = block_on(store.write_artifact(&run, "notes.txt", b"x"));
            assert!(matches!(kind(written), ErrorKind::Elsewhere(_)), "{place}");
        }
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no file was written");
}

/// As they are left where a disk is not mounted.
#[cfg(unix)]
#[test]
fn a_link_that_leads_to_nothing_is_told_and_nothing_is_made_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let (link, target) = (folder.path().join("mlflow.db"), folder.path().join("disk.db"));
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let uri = format!("sqlite:///{}", link.display());
    let words = format!("is a symbolic link to {}, which is not there", target.display());
    let sweep = ["sweep", "--data", "iris", "--family", "decision_tree", "--trials", "1"];
    for command in [&["experiments"][..], &["models"], &sweep] {
        let (code, _, error) = output(mltui(folder.path(), &uri, command));
        assert!(
            code == 3 && error.contains(&words) && !error.contains("is made"),
            "{command:?}: {code} {error}"
        );
    }
    let refused = kind(block_on(open(&uri).create_experiment("wine", &[])));
    assert!(refused.to_string().contains(&words), "{refused}");
    assert!(!target.exists() && link.is_symlink());
}
