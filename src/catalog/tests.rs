use proptest::prelude::*;

use super::sort;
use super::sort::SortKey;
use super::*;
use crate::mlflow::filter::{Direction, parse};
use crate::mlflow::{ExperimentId, Metric, Param, Run, RunId, RunInfo, Tag};
use crate::store::batch::{BatchWriter, whole_runs};

fn run(id: usize, metric: Option<f64>, param: Option<&str>) -> Run {
    let run_id = RunId(format!("{id:032x}"));
    Run {
        info: RunInfo {
            artifact_uri: format!("/root/1/{run_id}/artifacts"),
            run_id,
            experiment_id: ExperimentId("1".into()),
            run_name: format!("run-{id}"),
            user_id: "ana".into(),
            status: RunStatus::Finished,
            start_time: Some(1_000 + id as i64),
            end_time: Some(2_000 + id as i64),
            lifecycle_stage: LifecycleStage::Active,
        },
        metrics: metric
            .map(|value| Metric { key: "m".into(), value, timestamp: 0, step: 0 })
            .into_iter()
            .collect(),
        params: param.map(|value| Param::new("p", value)).into_iter().collect(),
        tags: vec![Tag::new("mlflow.runName", format!("run-{id}"))],
        inputs: Vec::new(),
        model_outputs: Vec::new(),
    }
}

fn catalog(runs: &[Run]) -> Catalog {
    let mut builder = Builder::default();
    builder.fold_changes(&whole_runs(runs));
    builder.snapshot()
}

fn sorted(catalog: &Catalog, key: &str) -> Vec<Row> {
    sort::sorted(catalog, &[SortKey::parse(key).unwrap()], 0)
}

#[test]
fn missing_and_nan_come_last_in_both_directions() {
    let values = [Some(2.0), None, Some(f64::NAN), Some(-1.0), Some(f64::INFINITY)];
    let runs: Vec<Run> = values.iter().enumerate().map(|(i, v)| run(i, *v, None)).collect();
    let catalog = catalog(&runs);
    assert_eq!(sorted(&catalog, "metrics.m"), [3, 0, 4, 2, 1]);
    assert_eq!(sorted(&catalog, "metrics.m desc"), [4, 0, 3, 2, 1]);
}

/// As MLflow's SQL stores have it, where infinite values are the greatest numbers.
#[test]
fn filters_find_infinite_values_as_mlflow_does() {
    let values = [2.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    let runs: Vec<Run> = values.iter().enumerate().map(|(i, v)| run(i, Some(*v), None)).collect();
    let catalog = catalog(&runs);
    for (text, rows) in [
        ("metrics.m < 1e309", vec![0, 1, 2]),
        ("metrics.m > -1e309", vec![0, 1, 2]),
        ("metrics.m = 1e309", vec![]),
        ("metrics.m = 1.7976931348623157e308", vec![1]),
        ("metrics.m > 1e308", vec![1]),
        ("metrics.m < -1e308", vec![2]),
    ] {
        let found = filter::matching(&catalog, &parse(text).unwrap()).unwrap();
        assert_eq!(catalog.rows().filter(|row| found.contains(*row)).collect::<Vec<_>>(), rows, "{text}");
    }
}

#[test]
fn no_infinite_value_is_the_best_of_a_group_with_others() {
    use super::view::{Shape, View, project};
    let infinite = f64::INFINITY;
    let values =
        [("a", 0.5), ("a", infinite), ("a", -infinite), ("a", 0.25), ("b", infinite), ("c", f64::NAN)];
    let runs: Vec<Run> = values.iter().enumerate().map(|(i, (p, v))| run(i, Some(*v), Some(p))).collect();
    let shape = Shape::Groups(ColumnSpec::Param("p".into()));
    let view = View { shape, measured: vec![ColumnSpec::metric("m")], ..View::default() };
    let mut groups = project(&catalog(&runs), &view, 0).groups;
    groups.sort_by(|a, b| a.value.cmp(&b.value));
    let extremes: Vec<_> = groups.iter().map(|group| group.extremes[0]).collect();
    assert_eq!(extremes, [Some((0.25, 0.5)), Some((infinite, infinite)), None]);
    let by_metric = View { shape: Shape::Groups(ColumnSpec::metric("m")), ..View::default() };
    let huge = project(&catalog(&[run(0, Some(1e300), None)]), &by_metric, 0).groups;
    assert_eq!(huge[0].value.as_deref(), Some("1e300"));
}

#[test]
fn params_sort_as_numbers_where_they_are_numbers() {
    let values = ["10", "9", "1e-3", "adam", "SGD", "-2"];
    let runs: Vec<Run> = values.iter().enumerate().map(|(i, v)| run(i, None, Some(v))).collect();
    assert_eq!(sorted(&catalog(&runs), "params.p"), [5, 2, 1, 0, 4, 3]);
}

#[test]
fn ties_go_by_start_newest_first() {
    let runs: Vec<Run> = (0..4).map(|i| run(i, Some(1.0), None)).collect();
    assert_eq!(sorted(&catalog(&runs), "metrics.m"), [3, 2, 1, 0]);
    assert_eq!(sorted(&catalog(&runs), "metrics.absent"), [3, 2, 1, 0]);
}

#[test]
fn a_change_replaces_the_run_and_keeps_its_row() {
    let mut builder = Builder::default();
    let mut runs = vec![run(1, Some(1.0), Some("a")), run(2, Some(2.0), None)];
    builder.fold_changes(&whole_runs(&runs));
    let before = builder.snapshot();
    runs[0].tags.clear();
    runs[0].metrics[0].value = 5.0;
    runs[0].info.status = RunStatus::Failed;
    builder.fold_changes(&whole_runs(&runs[..1]));
    let after = builder.snapshot();
    let name = |catalog: &Catalog| {
        catalog.tags.column(&catalog.texts, "mlflow.runName").and_then(|c| c.get(0)).is_some()
    };
    assert!(name(&before) && !name(&after), "a deleted tag goes, and the old snapshot keeps it");
    assert_eq!(after.metrics.column(&after.texts, "m").unwrap().get(0), Some(5.0));
    assert_eq!(after.run(0).status, RunStatus::Failed);
    assert_eq!(after.count, 2);
    assert_eq!(after.artifact_uri(0), runs[0].info.artifact_uri);
    builder.remove(&[runs[0].info.run_id.clone()]);
    assert_eq!(builder.snapshot().count, 1);
    assert_eq!(builder.snapshot().rows().collect::<Vec<_>>(), [1]);
}

#[test]
fn what_is_known_already_changes_nothing_and_copies_nothing() {
    let runs = [run(1, Some(f64::NAN), Some("a")), run(2, Some(2.0), None)];
    let mut builder = Builder::default();
    assert!(builder.fold_changes(&whole_runs(&runs)));
    let before = builder.snapshot();
    assert!(!builder.fold_changes(&whole_runs(&runs[..1])));
    assert!(!builder.fold_changes(&whole_runs(&runs)));
    assert!(!builder.remove(&[RunId("unknown".into())]));
    let after = builder.snapshot();
    assert!(Arc::ptr_eq(&before.runs, &after.runs));
    let column = |catalog: &Catalog| Arc::clone(catalog.metrics.column(&catalog.texts, "m").unwrap());
    assert!(Arc::ptr_eq(&column(&before), &column(&after)));
    assert!(builder.remove(&[runs[0].info.run_id.clone()]));
    assert!(!builder.remove(&[runs[0].info.run_id.clone()]));
    assert!(builder.fold_changes(&whole_runs(&runs[..1])), "a restored run is back");
}

#[test]
fn words_find_runs() {
    let catalog =
        catalog(&[run(1, None, Some("Adam")), run(2, None, Some("sgd")), run(12, None, Some("größe"))]);
    let found = |words: &str| {
        let rows = search::Search::new(words).rows(&catalog);
        catalog.rows().filter(|row| rows.contains(*row)).collect::<Vec<_>>()
    };
    assert_eq!(found(""), [0, 1, 2]);
    assert_eq!(found("adm"), [0], "letters in their order");
    assert_eq!(found("Adam"), [0]);
    assert!(found("ADAM").is_empty() && found("'adm").is_empty(), "capitals and quotes ask for more");
    assert_eq!(found("'run-1"), [0, 2]);
    assert_eq!(found("'run-1 grö"), [2]);
    assert_eq!(found("!sgd"), [0, 2]);
    assert_eq!(found("!p=sgd run"), [0, 2]);
    assert_eq!(found("00000"), [0, 1, 2], "the start of an id");
    assert_eq!(found("p=sg"), [1]);
    assert!(found("q=sg").is_empty());
    assert_eq!(found("finished ana"), [0, 1, 2]);
    assert!(found("nothing").is_empty());
}

#[test]
fn histories_fill_in_and_say_how_far_they_are() {
    use super::summaries::NeededHistory;
    use crate::mlflow::{MetricPoint, Statistic, Summary};
    let runs: Vec<Run> = (0..4).map(|i| run(i, (i < 3).then_some(1.0), None)).collect();
    let mut builder = Builder::default();
    builder.fold_changes(&whole_runs(&runs));
    let column = ColumnSpec::parse("min(metrics.m)").unwrap();
    let wanted = NeededHistory::of(&column).unwrap();
    let id = |at: usize| runs[at].info.run_id.clone();
    // Those on the screen first, then the newest; none without the metric.
    assert_eq!(builder.unknown(&wanted, &[id(0)], 2, |_| false), [id(0), id(2)]);
    assert_eq!(builder.unknown(&wanted, &[], 9, |known| known == id(1).as_str()).len(), 2);
    let summary = |value: f64| {
        Summary::of([
            MetricPoint { step: 3, timestamp: 0, value },
            MetricPoint { step: 4, timestamp: 0, value: 1.0 },
        ])
    };
    let coverage = |builder: &mut Builder| {
        let coverage = builder.snapshot().coverage(&column).unwrap();
        (coverage.known, coverage.of)
    };
    assert_eq!(coverage(&mut builder), (0, 3));
    assert!(builder.fill(
        &wanted,
        &[id(0), id(2)],
        &[(id(0), summary(-5.0).unwrap()), (id(2), summary(-7.0).unwrap())]
    ));
    assert_eq!(coverage(&mut builder), (2, 3));
    assert!(builder.fill(&wanted, &[id(1)], &[]), "that a run has no such value is known too");
    assert_eq!(coverage(&mut builder), (3, 3));
    assert!(builder.unknown(&wanted, &[], 9, |_| false).is_empty());
    let catalog = builder.snapshot();
    assert_eq!(sorted(&catalog, "min(metrics.m)"), [2, 0, 3, 1]);
    let value = Bound::new(&catalog, &column).value(&catalog, 2, 0);
    assert_eq!(value, Value::Point(-7.0, Some(3)));
    assert_eq!(
        Bound::new(&catalog, &ColumnSpec::Metric("m".into(), Statistic::At(3))).value(&catalog, 2, 0),
        Value::Missing
    );
    // A new latest value makes the summary out of date; what was known stays until it is asked for again.
    let mut changed = runs[2].clone();
    changed.metrics[0].value = 9.0;
    builder.fold_changes(&whole_runs([&changed]));
    assert_eq!(coverage(&mut builder), (2, 3));
    assert_eq!(builder.unknown(&wanted, &[], 9, |_| false), [id(2)]);
    let catalog = builder.snapshot();
    assert_eq!(Bound::new(&catalog, &column).value(&catalog, 2, 0), Value::Point(-7.0, Some(3)));
}

#[test]
fn columns_of_statistics_are_read_back() {
    for name in [
        "min(metrics.a b)",
        "max(metrics.x)",
        "mean(metrics.a,b)",
        "first(metrics.x(y))",
        "at(metrics.a, b, -3)",
        "last(metrics.a, 5)",
    ] {
        assert_eq!(ColumnSpec::parse(name).unwrap().name(), name);
    }
    assert_eq!(ColumnSpec::parse("latest(metrics.x)").unwrap(), ColumnSpec::metric("x"));
    for wrong in [
        "min(params.x)",
        "min()",
        "at(metrics.x)",
        "at(metrics.x, y)",
        "last(metrics.x, 0)",
        "median(metrics.x)",
    ] {
        assert!(ColumnSpec::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn parts_of_a_scan_may_name_texts_differently() {
    let mut heads = BatchWriter::new(0);
    heads.run(&run(7, Some(1.5), None));
    let mut params = BatchWriter::new(1);
    let (key, value) = (params.text("p"), params.text("x"));
    params.batch.params.push(crate::store::batch::TextCell { run: 0, key, value });
    let mut builder = Builder::default();
    builder.fold(&heads.take());
    builder.fold(&params.take());
    let catalog = builder.snapshot();
    let filter = parse("params.p = 'x' AND metrics.m = 1.5 AND run_name = 'run-7'").unwrap();
    assert!(filter::matching(&catalog, &filter).unwrap().contains(0));
    assert!(!filter::matching(&catalog, &parse("params.p IS NULL").unwrap()).unwrap().contains(0));
}

proptest! {
    #[test]
    fn no_arrangement_loses_or_doubles_a_run(
        parents in prop::collection::vec(prop::option::of(0_usize..12), 0..12),
        descending: bool,
    ) {
        use super::view::{Projection, Shape, View, LineKind, project};
        let runs: Vec<Run> = parents
            .iter()
            .enumerate()
            .map(|(i, parent)| {
                let mut run = run(i, Some(i as f64 % 3.0), Some(["a", "b", "c"][i % 3]));
                run.tags.extend(parent.map(|parent| Tag::new("mlflow.parentRunId", format!("{parent:032x}"))));
                run
            })
            .collect();
        let catalog = catalog(&runs);
        let direction = if descending { Direction::Descending } else { Direction::Ascending };
        let sort = vec![SortKey { column: ColumnSpec::metric("m"), direction }];
        let shown = |projection: &Projection| {
            let mut rows: Vec<Row> = projection
                .lines
                .iter()
                .filter_map(|line| match line.kind { LineKind::Run(row) => Some(row), LineKind::Group(_) => None })
                .collect();
            rows.sort_unstable();
            rows
        };
        let all: Vec<Row> = (0..runs.len() as Row).collect();
        for shape in [Shape::Flat, Shape::Tree, Shape::Groups(ColumnSpec::Param("p".into()))] {
            let all_toggled = matches!(shape, Shape::Groups(_));
            let view = View { sort: sort.clone(), shape, all_toggled, ..View::default() };
            let projection = project(&catalog, &view, 0);
            prop_assert_eq!(shown(&projection), all.clone());
            prop_assert_eq!(projection.passing, runs.len());
            for at in 0..projection.lines.len() {
                let picked = projection.picked(&catalog, at).unwrap();
                prop_assert_eq!(projection.position(&catalog, &picked, 0), Some(at));
            }
        }
    }

    #[test]
    fn a_sort_is_a_total_order_and_loses_nothing(
        values in prop::collection::vec(prop::option::of(prop_oneof![Just(f64::NAN), Just(0.0), -1e9..1e9f64]), 0..40),
        descending: bool,
    ) {
        let runs: Vec<Run> = values.iter().enumerate().map(|(i, v)| run(i, *v, None)).collect();
        let catalog = catalog(&runs);
        let direction = if descending { Direction::Descending } else { Direction::Ascending };
        let key = SortKey { column: ColumnSpec::metric("m"), direction };
        let order = sort::sorted(&catalog, std::slice::from_ref(&key), 0);
        prop_assert_eq!(order.len(), values.len());
        let class = |row: &Row| match values[*row as usize] { None => 2, Some(v) if v.is_nan() => 1, _ => 0 };
        for pair in order.windows(2) {
            prop_assert!(class(&pair[0]) <= class(&pair[1]));
            if let (Some(a), Some(b)) = (values[pair[0] as usize], values[pair[1] as usize])
                && !a.is_nan() && !b.is_nan()
            {
                let in_order = if descending { a >= b } else { a <= b };
                prop_assert!(in_order);
            }
        }
    }
}
