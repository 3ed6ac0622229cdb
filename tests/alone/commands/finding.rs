//! Runs by their ids, the beginnings of these, and names; and what a metric was on its way.

use mltui::mlflow::{Metric, Run, Tag};
use mltui::store::{NewRun, Store};

use crate::support::commands::{json, open, printed, refused};

async fn run(store: &Store, name: &str, points: &[(i64, f64)]) -> Run {
    let experiment = store.find_experiment("finding").await.unwrap();
    let experiment_id = match experiment {
        Ok(known) => known.experiment_id,
        Err(_) => store.create_experiment("finding", &[]).await.unwrap(),
    };
    let new = NewRun {
        experiment_id,
        run_name: Some(name.to_owned()),
        user_id: "ana".into(),
        start_time: 1_700_000_000_000,
        tags: vec![Tag::new("a", "b")],
    };
    let run = store.create_run(&new).await.unwrap();
    let metric = |(step, value): &(i64, f64)| Metric {
        key: "val/loss".into(),
        value: *value,
        timestamp: 1_700_000_000_000 + step,
        step: *step,
    };
    let points: Vec<Metric> = points.iter().map(metric).collect();
    store.log_batch(&run.info.run_id, &points, &[], &[]).await.unwrap();
    run
}

#[test]
fn a_run_is_found_by_id_name_and_the_beginning_of_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let store = open(&address);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (first, second) = runtime.block_on(async {
        let first = run(&store, "bold owl 50%", &[(2, 0.5), (1, f64::NAN), (3, 0.25)]).await;
        let second = run(&store, "twin", &[(1, 1.0)]).await;
        run(&store, "twin", &[(1, 1.0)]).await;
        (first, second)
    });
    let place: &[&str] = &["--tracking-uri", &address];
    let id = first.info.run_id.as_str();
    for wanted in [id, &id[..12], "bold owl 50%"] {
        let points = json(folder.path(), &[place, &["history", wanted, "val/loss", "--json"]].concat());
        let value = |at: usize| points[at]["value"].clone();
        assert_eq!((value(0), value(1), value(2)), ("NaN".into(), 0.5.into(), 0.25.into()), "{points}");
        assert_eq!(points[2]["timestamp"], 1_700_000_000_003_i64);
    }
    let last =
        printed(folder.path(), &[place, &["history", id, "val/loss", "--csv", "--last", "1"]].concat());
    assert_eq!(last, "step,timestamp,value\n3,1700000000003,0.25\n");
    let (code, message) = refused(folder.path(), &[place, &["history", "twin", "val/loss"]].concat());
    assert!(
        code == 2 && message.contains("several runs") && message.contains(second.info.run_id.as_str()),
        "{message}"
    );
    let (code, message) = refused(folder.path(), &[place, &["history", "nobody", "val/loss"]].concat());
    assert!(code == 3 && message.contains("no run has the id or name \"nobody\""), "{message}");
    let (code, message) = refused(folder.path(), &[place, &["history", id, "loss"]].concat());
    assert!(code == 3 && message.contains("has no metric \"loss\"; did you mean val/loss?"), "{message}");
    let compared = printed(
        folder.path(),
        &[place, &["compare", "bold owl 50%", second.info.run_id.as_str(), "--csv"]].concat(),
    );
    assert!(compared.contains("metrics,val/loss,0.25,1"), "{compared}");
    let third = runtime.block_on(run(&store, "third", &[(1, 1.0)]));
    let words = ["compare", "third", second.info.run_id.as_str(), "--baseline", id];
    let (code, message) = refused(folder.path(), &[place, &words].concat());
    assert!(code == 2 && message.contains("not among the compared runs"), "{message}");
    let begins = &third.info.run_id.as_str()[..20];
    let (code, message) = refused(folder.path(), &[place, &["compare", "third", begins]].concat());
    assert!(code == 2 && message.contains("2 to 500 different runs"), "{message}");
}

#[test]
fn a_metric_that_no_run_has_is_told_with_what_may_be_meant() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let store = open(&address);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let first = runtime.block_on(run(&store, "bold-owl", &[(1, 1.0)]));
    let place: &[&str] = &["--tracking-uri", &address];
    let id = first.info.run_id.as_str();
    let said = "no run of \"finding\" has a metric";
    for (words, metric) in [
        (&["best", "finding", "--metric", "val/lsos"][..], "val/lsos"),
        (&["best", "finding", "--metric", "val/lsso", "--max"], "val/lsso"),
        (&["report", "finding", "--metric", "val/lossy:min"], "val/lossy"),
        (&["mark-best", "finding", "--metric", "val/lox"], "val/lox"),
        (&["promote", "model", "--best", "finding", "--to", "champion", "--metric", "val/lox"], "val/lox"),
    ] {
        let (code, message) = refused(folder.path(), &[place, words].concat());
        let wanted = format!("{said} {metric:?}; did you mean val/loss?");
        assert!(code == 3 && message.contains(&wanted), "{message}");
    }
    let words = ["promote", "model", "--run", id, "--to", "champion", "--metric", "zz"];
    let (code, message) = refused(folder.path(), &[place, &words].concat());
    let wanted = "run bold-owl has no metric \"zz\"; metrics are val/loss";
    assert!(code == 3 && message.contains(wanted), "{message}");
}

#[test]
fn an_address_names_a_run_as_commands_do() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let store = open(&address);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (first, _, twin) = runtime.block_on(async {
        let first = run(&store, "bold-owl", &[(1, 1.0)]).await;
        (first, run(&store, "twin", &[(1, 1.0)]).await, run(&store, "twin", &[(1, 1.0)]).await)
    });
    std::fs::write(folder.path().join("notes.txt"), "well done").unwrap();
    let place: &[&str] = &["--tracking-uri", &address];
    printed(folder.path(), &[place, &["upload", "notes.txt", "runs:/bold-owl/texts"]].concat());
    let id = first.info.run_id.as_str();
    for wanted in ["bold-owl", &id[..10], id] {
        let file = format!("runs:/{wanted}/texts/notes.txt");
        assert_eq!(printed(folder.path(), &[place, &["artifacts", "cat", &file]].concat()), "well done");
    }
    let (code, message) = refused(folder.path(), &[place, &["artifacts", "ls", "runs:/twin"]].concat());
    assert!(
        code == 2 && message.contains("several runs") && message.contains(twin.info.run_id.as_str()),
        "{message}"
    );
    let (code, message) = refused(folder.path(), &[place, &["artifacts", "ls", "runs:/nobody"]].concat());
    assert!(code == 3 && message.contains("nobody"), "{message}");
}
