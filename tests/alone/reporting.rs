//! `mltui report`, of a store that a sweep made.

use std::fs;
use std::path::Path;

use mltui::mlflow::ViewType;
use mltui::store::uri::RestOptions;
use mltui::store::{RunSearch, uri};

use crate::support::sweeping::{block_on, local, mltui, output};

#[test]
fn a_report_shows_the_best_run_beside_the_champion() {
    let home = tempfile::tempdir().unwrap();
    let address = local(home.path());
    let words =
        ["sweep", "--param", "lr=0.0..1.0", "--metric", "val_loss:min", "--trials", "20", "--jobs", "2"];
    fs::write(home.path().join("train.sh"), "echo \"{\\\"val_loss\\\": $MLTUI_PARAM_LR}\"").unwrap();
    let command = ["--", "sh", "train.sh"];
    let (code, _, error) = output(mltui(home.path(), &address, &[&words[..], &command].concat()));
    assert_eq!(code, 0, "{error}");
    let report =
        |words: &[&str]| output(mltui(home.path(), &address, &[&["report", "train"], words].concat()));
    let (code, out, error) = report(&["--vs", "@champion", "--top", "3"]);
    assert_eq!(code, 0, "{error}");
    assert!(out.starts_with("# train: lowest val_loss\n"), "{out}");
    assert!(out.contains("- No version of train is `@champion`.\n"), "{out}");
    assert!(
        out.contains("## The 3 best runs\n") && out.contains("## Params that matter for val_loss\n"),
        "{out}"
    );

    // The worst of them becomes the champion.
    let store =
        uri::open(&uri::parse(&address, Path::new("/")).unwrap(), &RestOptions::default(), false).unwrap();
    let worst = block_on(async {
        let experiment = store.find_experiment("train").await.unwrap().unwrap();
        let search = RunSearch {
            experiment_ids: vec![experiment.experiment_id],
            max_results: 100,
            view: ViewType::ActiveOnly,
            ..RunSearch::default()
        };
        let runs = store.search_runs(&search).await.unwrap().runs;
        let value = |run: &mltui::mlflow::Run| {
            run.metrics.iter().find(|metric| metric.key == "val_loss").map(|metric| metric.value)
        };
        let trials = runs.iter().filter(|run| run.tag("mltui.trial").is_some_and(|tag| tag != "parent"));
        let worst = trials.max_by(|a, b| value(a).unwrap().total_cmp(&value(b).unwrap())).unwrap().clone();
        store.create_registered_model("train").await.unwrap();
        let run = worst.info.run_id.clone();
        let version = store
            .create_model_version("train", &format!("runs:/{run}/model"), Some(&run), &[])
            .await
            .unwrap();
        store.set_model_alias("train", "champion", version.version).await.unwrap();
        worst
    });
    let file = home.path().join("report.html");
    let (code, out, error) = report(&["--vs", "@champion", "--output", file.to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (0, ""), "{error}");
    let page = fs::read_to_string(&file).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>"), "{page}");
    assert!(page.contains("<h2>Against train@champion (version 1)</h2>"), "{page}");
    assert!(page.contains(" better."), "{page}");
    let (_, out, _) = report(&["--vs", worst.info.run_id.as_str(), "--md"]);
    assert!(out.contains(&format!("## Against {}\n", worst.info.run_name)), "{out}");
    let (code, _, error) = report(&["--vs", "0123456789abcdef0123456789abcdef"]);
    assert_eq!(code, 3, "{error}");
    let (code, _, error) = report(&["--vs", "trian@champion"]);
    assert!(code == 3 && error.contains("no registered model \"trian\""), "{code} {error}");
    let (code, out, _) = report(&["--vs", "train@shadow", "--md"]);
    assert!(code == 0 && out.contains("No version of train is `@shadow`."), "{out}");
    let (code, _, error) = report(&["--where", "metrics.val_loss < -1"]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("No run is eligible"), "{error}");
}
