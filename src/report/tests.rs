use std::sync::Arc;

use super::*;
use crate::catalog::Builder;
use crate::mlflow::{
    ExperimentId, LifecycleStage, Metric, MetricPoint, Param, Run, RunId, RunInfo, RunStatus,
};
use crate::select::{Goal, MetricGoal, Patterns, Policy, PolicyOrigin, Selection, select};
use crate::store::batch::whole_runs;

const HOSTILE: &str = "<img src=x onerror=alert(1)> @everyone | *x*\u{1b}[31m";

fn run(at: usize, name: &str) -> Run {
    let lr = 0.001 * (at + 1) as f64;
    let metric = |key: &str, value: f64| Metric { key: key.into(), value, timestamp: 0, step: 0 };
    let param = |key: &str, value: String| Param { key: key.into(), value };
    Run {
        info: RunInfo {
            run_id: RunId(format!("{at:032x}")),
            experiment_id: ExperimentId("1".into()),
            run_name: name.into(),
            user_id: String::new(),
            status: RunStatus::Finished,
            start_time: Some(1_000),
            end_time: Some(2_500),
            lifecycle_stage: LifecycleStage::Active,
            artifact_uri: String::new(),
        },
        metrics: vec![metric("val_loss", (lr - 0.01).abs()), metric("acc", 1.0 - lr)],
        params: vec![param("lr", lr.to_string()), param("opt", ["adam", "sgd"][at % 2].into())],
        tags: Vec::new(),
        inputs: Vec::new(),
        model_outputs: Vec::new(),
    }
}

fn made(count: usize, name: &str, against: Option<Against>) -> Report {
    let mut builder = Builder::default();
    let runs: Vec<Run> = (0..count).map(|at| run(at, if at == 9 { name } else { "other" })).collect();
    builder.fold_changes(&whole_runs(&runs));
    let catalog = Arc::new(builder.snapshot());
    let selection: Selection =
        select(&catalog, &Policy::new(MetricGoal::new("val_loss", Goal::Minimize)), SAMPLE);
    let points = |values: &[f64]| -> Vec<MetricPoint> {
        let point = |(at, value): (usize, &f64)| MetricPoint { value: *value, timestamp: 0, step: at as i64 };
        values.iter().enumerate().map(point).collect()
    };
    report(&Material {
        experiment: name,
        catalog,
        selection: &selection,
        origin: PolicyOrigin::Asked,
        top: 3,
        against,
        histories: vec![(name.to_owned(), points(&[1.0, 0.5])), ("one point".into(), points(&[1.0]))],
        patterns: &Patterns::default(),
        now: 0,
    })
}

fn two(old: f64) -> Against {
    let mut champion = run(0, "old");
    champion.metrics[0].value = old;
    let mut builder = Builder::default();
    builder.fold_changes(&whole_runs(&[champion, run(11, "new")]));
    Against::Run("m@champion (version 4)".into(), Arc::new(builder.snapshot()), None)
}

#[test]
fn a_report_says_who_is_best_and_what_matters() {
    let words = made(40, "winner", Some(two(0.004))).markdown();
    insta::assert_snapshot!(words);
}

#[test]
fn a_page_is_well_formed_and_asks_for_nothing() {
    let page = made(40, HOSTILE, Some(two(0.001))).html();
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let tree = roxmltree::Document::parse_with_options(&page, options).unwrap();
    let elements = || tree.descendants().filter(roxmltree::Node::is_element);
    assert!(elements().all(|node| node.tag_name().name() != "script"));
    let pictures: Vec<_> = elements().filter(|node| node.has_tag_name("img")).collect();
    assert_eq!(pictures.len(), 2, "the curve of the one with several points, and the metric by a param");
    assert!(pictures.iter().all(|node| node.attribute("src").unwrap().starts_with("data:image/svg+xml;")));
    let title = elements().find(|node| node.has_tag_name("h1")).unwrap();
    let shown: String = title.descendants().find_map(|node| node.text()).unwrap().to_owned();
    assert_eq!(shown, format!("{}: lowest val_loss", crate::text::clean(HOSTILE)));
    assert!(!page.contains('\u{1b}'));
}

#[test]
fn what_cannot_be_compared_is_told() {
    let nobody = made(3, "winner", Some(Against::Nobody("No version of m is @champion.".into())));
    let words = nobody.markdown();
    assert!(words.contains("- No version of m is `@champion`.\n"), "{words}");
    assert!(!words.contains("matter"), "three runs tell nothing of params: {words}");
    let same = made(3, "winner", Some(Against::Itself("m@champion (version 4)".into()))).markdown();
    assert!(same.contains("- The best run is `m@champion` (version 4).\n"), "{same}");
    let equal = made(40, "winner", Some(two((0.012_f64 - 0.01).abs()))).markdown();
    assert!(equal.contains(", the same."), "{equal}");
}
