//! Comparisons against numbers worked out by hand, or by SciPy.

use crate::select::is_seed;
use std::sync::Arc;

use super::importance::{FEWEST, Matters, matters, spearman};
use super::*;
use crate::catalog::Builder;
use crate::mlflow::{LifecycleStage, Metric, Param, Run, RunId, RunInfo, RunStatus, Tag};
use crate::store::batch::whole_runs;

fn run(number: usize, params: &[(&str, &str)], metrics: &[(&str, f64)]) -> Run {
    Run {
        info: RunInfo {
            run_id: RunId(format!("{number:032x}")),
            experiment_id: "1".into(),
            run_name: format!("run-{number}"),
            user_id: "ana".into(),
            status: RunStatus::Finished,
            start_time: Some(1_000 + number as i64),
            end_time: Some(2_000 + number as i64),
            lifecycle_stage: LifecycleStage::Active,
            artifact_uri: String::new(),
        },
        metrics: metrics
            .iter()
            .map(|(key, value)| Metric { key: (*key).into(), value: *value, timestamp: 0, step: 0 })
            .collect(),
        params: params.iter().map(|(key, value)| Param::new(*key, *value)).collect(),
        tags: Vec::new(),
        inputs: Vec::new(),
        model_outputs: Vec::new(),
    }
}

fn compared(runs: &[Run], is_grouped: bool) -> Comparison {
    let mut builder = Builder::default();
    builder.fold_changes(&whole_runs(runs));
    let catalog = Arc::new(builder.snapshot());
    let rows: Vec<Row> = (0..runs.len() as Row).collect();
    Comparison::new(catalog, &rows, is_grouped, 0, &Patterns::default())
}

fn entry<'a>(comparison: &'a Comparison, name: &str) -> &'a Entry {
    comparison.entries.iter().find(|entry| entry.spec.name() == name).unwrap()
}

#[test]
fn what_differs_most_comes_first_and_the_best_is_known_where_the_name_says_so() {
    let comparison = compared(
        &[
            run(
                0,
                &[("lr", "0.1"), ("model", "a"), ("same", "x")],
                &[("rmse", 2.0), ("epochs", 10.0), ("acc", 0.90)],
            ),
            run(
                1,
                &[("lr", "0.01"), ("model", "b"), ("same", "x")],
                &[("rmse", 1.0), ("epochs", 10.0), ("acc", 0.91)],
            ),
            run(2, &[("lr", "0.1"), ("same", "x")], &[("rmse", f64::NAN), ("epochs", 10.0), ("acc", 0.89)]),
        ],
        false,
    );
    let names = |kind: EntryKind| -> Vec<String> {
        let of_kind = comparison.entries.iter().filter(|entry| entry.kind == kind);
        of_kind
            .map(|entry| format!("{}{}", entry.spec.title(), if entry.differs { "" } else { " same" }))
            .collect()
    };
    assert_eq!(names(EntryKind::Metric), ["rmse", "acc", "epochs same"]);
    assert_eq!(names(EntryKind::Param), ["model", "lr", "same same"]);
    assert_eq!(
        (entry(&comparison, "metrics.rmse").best, entry(&comparison, "metrics.acc").best),
        (Some(1.0), Some(0.91))
    );
    assert_eq!(entry(&comparison, "metrics.epochs").goal, None);
    let rmse = entry(&comparison, "metrics.rmse");
    let best: Vec<bool> = (0..3)
        .map(|member| comparison.is_best(rmse, &comparison.cell(rmse, &comparison.bound(rmse), member, 0)))
        .collect();
    assert_eq!(best, [false, true, false]);
    assert_eq!(entry(&comparison, "params.model").present, 2);
}

#[test]
fn runs_that_differ_in_their_seed_are_one_with_mean_and_deviation() {
    let with = |number: usize, lr: &str, seed: &str, rmse: f64| {
        run(number, &[("lr", lr), ("train.random_state", seed)], &[("rmse", rmse)])
    };
    let runs = [
        with(0, "0.1", "1", 1.0),
        with(1, "0.2", "1", 5.0),
        with(2, "0.1", "2", 2.0),
        with(3, "0.1", "3", 6.0),
    ];
    let comparison = compared(&runs, true);
    let members: Vec<Vec<Row>> = comparison.members.iter().map(|member| member.rows.clone()).collect();
    assert_eq!(members, [vec![0, 2, 3], vec![1]]);
    let rmse = entry(&comparison, "metrics.rmse");
    let CompareCell::Mean { mean, deviation, count, .. } =
        comparison.cell(rmse, &comparison.bound(rmse), 0, 0)
    else {
        panic!("a mean")
    };
    // statistics.stdev([1, 2, 6])
    assert!(
        (mean - 3.0).abs() < 1e-12
            && (deviation.unwrap() - 2.645_751_311_064_590_6).abs() < 1e-12
            && count == 3
    );
    let seed = entry(&comparison, "params.train.random_state");
    assert_eq!(
        comparison.cell(seed, &comparison.bound(seed), 0, 0),
        CompareCell::Several { first: "1", distinct: 3 }
    );
    assert_eq!(rmse.best, Some(3.0), "of the means");
    for (key, expected) in [
        ("seed", true),
        ("data/Seed", true),
        ("fold_id", true),
        ("seeded", false),
        ("lr", false),
        ("split", true),
    ] {
        assert_eq!(is_seed(key), expected, "{key}");
    }
    let alone = compared(&[run(0, &[], &[("rmse", 1.0)]), run(1, &[], &[("rmse", 2.0)])], true);
    assert_eq!(alone.members.len(), 2, "nothing says that these are repetitions");
}

#[test]
fn an_infinite_value_is_never_best_and_spoils_no_mean() {
    let with = |number: usize, seed: &str, loss: f64, acc: f64| {
        run(number, &[("lr", "0.1"), ("seed", seed)], &[("val_loss", loss), ("val_acc", acc)])
    };
    let runs = [
        with(0, "1", 0.5, 0.5),
        with(1, "2", 0.6, 0.75),
        with(2, "3", f64::NEG_INFINITY, f64::INFINITY),
        run(3, &[("lr", "0.2")], &[("val_loss", f64::INFINITY), ("val_acc", f64::INFINITY)]),
    ];
    let alone = compared(&runs, false);
    let (loss, acc) = (entry(&alone, "metrics.val_loss"), entry(&alone, "metrics.val_acc"));
    assert_eq!((loss.best, acc.best), (Some(0.5), Some(0.75)));
    let expected = (0.6 - 0.5) / 0.6 / 2.0 * 0.5;
    assert!(loss.differs && (loss.spread - expected).abs() < 1e-12, "two of four are on no scale: {loss:?}");
    let cell = |member: usize| alone.cell(loss, &alone.bound(loss), member, 0);
    let differences =
        [difference(&cell(2), &cell(0)), difference(&cell(0), &cell(3)), difference(&cell(3), &cell(3))];
    assert_eq!(differences, [None; 3]);
    assert!(difference(&cell(1), &cell(0)).is_some_and(|(by, _)| by > 0.09 && by < 0.11));
    let axis = axes::Axis::new(&alone, &loss.spec, 0).unwrap();
    assert_eq!(axis.places, [Some(0.0), Some(1.0), None, None]);
    assert_eq!(axis.labels, ["0.5", "0.6", "-inf", "inf"]);

    let groups = compared(&runs, true);
    let loss = entry(&groups, "metrics.val_loss");
    let CompareCell::Mean { mean, deviation, count, infinite } = groups.cell(loss, &groups.bound(loss), 0, 0)
    else {
        panic!("a mean")
    };
    // statistics.stdev([0.5, 0.6])
    assert!((mean - 0.55).abs() < 1e-12 && (deviation.unwrap() - 0.070_710_678_118_654_74).abs() < 1e-12);
    assert_eq!((count, infinite, loss.best), (2, 1, None), "a seed of it diverged");
    let endless = super::groups::mean(&[f64::INFINITY, f64::INFINITY]);
    assert_eq!(endless, CompareCell::Mean { mean: f64::INFINITY, deviation: None, count: 2, infinite: 2 });

    let same = [run(0, &[], &[("m", f64::INFINITY)]), run(1, &[], &[("m", f64::INFINITY)])];
    let same = compared(&same, false);
    let same = entry(&same, "metrics.m");
    assert_eq!((same.differs, same.spread), (false, 0.0));
}

#[test]
fn of_groups_the_best_is_one_whose_members_are_all_finite() {
    let with = |number: usize, lr: &str, loss: f64| {
        let seed = number.to_string();
        run(number, &[("lr", lr), ("seed", seed.as_str())], &[("val_loss", loss)])
    };
    let runs = [
        with(0, "0.1", 0.25),
        with(1, "0.1", f64::INFINITY),
        with(2, "0.2", 0.5),
        with(3, "0.2", 0.75),
        with(4, "0.3", 0.125),
        with(5, "0.3", f64::NAN),
        // Its mean is what is left of the first.
        with(6, "0.4", 0.25),
        with(7, "0.4", f64::NEG_INFINITY),
        run(8, &[("lr", "0.5")], &[("val_loss", 0.6875)]),
    ];
    let groups = compared(&runs, true);
    let loss = entry(&groups, "metrics.val_loss");
    assert_eq!(loss.best, Some(0.625));
    let row = export::json(&groups, &[loss], None, 0)["rows"][0].clone();
    assert_eq!(row["best"], serde_json::json!([1]));
    assert_eq!(row["values"][0], serde_json::json!({"mean": 0.25, "std": null, "runs": 1, "infinite": 1}));
    assert_eq!((&row["values"][1]["infinite"], &row["values"][2]["mean"]), (&0.into(), &"NaN".into()));
    let csv = export::sheet(&groups, &[loss], None, 0).csv();
    let lines: Vec<&str> = csv.lines().collect();
    assert!(
        lines[0].starts_with(
            "kind,name,run-0,run-0 std,run-0 runs,run-0 infinite,run-2,run-2 std,run-2 runs,run-4"
        )
    );
    assert!(lines[2].starts_with("metrics,val_loss,0.25,,1,1,0.625,"), "{csv}");
}

#[test]
fn what_is_wanted_is_what_it_is_where_the_best_run_is_chosen() {
    let runs = [
        run(0, &[], &[("margin", 1.0), ("loss", 1.0), ("value", 1.0)]),
        run(1, &[], &[("margin", 2.0), ("loss", 2.0), ("value", 2.0)]),
    ];
    let with = |direction: Option<&str>, patterns: &[&str]| {
        let mut runs = runs.clone();
        for run in &mut runs {
            run.tags.extend(direction.map(|direction| Tag::new("direction", direction)));
        }
        let mut builder = Builder::default();
        builder.fold_changes(&whole_runs(&runs));
        let lines: Vec<String> = patterns.iter().map(|line| (*line).to_owned()).collect();
        let patterns = Patterns::parse(&lines).unwrap();
        let compared = Comparison::new(Arc::new(builder.snapshot()), &[0, 1], false, 0, &patterns);
        ["margin", "loss", "value"].map(|name| entry(&compared, &format!("metrics.{name}")).best)
    };
    assert_eq!(with(None, &[]), [None, Some(1.0), None]);
    assert_eq!(with(None, &["mar* max", "loss max"]), [Some(2.0), Some(2.0), None]);
    assert_eq!(with(Some("MAXIMIZE"), &["mar* min"]), [Some(1.0), Some(1.0), Some(2.0)]);
}

#[test]
fn infinite_values_are_left_out_where_params_are_weighed() {
    let runs: Vec<Run> = (0..FEWEST + 2)
        .map(|number| {
            let lr = format!("0.{number}");
            let loss = if number < 2 { f64::INFINITY } else { number as f64 };
            run(number, &[("lr", &lr)], &[("val_loss", loss)])
        })
        .collect();
    let Matters::Ranked { runs, params, .. } = matters(&compared(&runs, false), "val_loss", 0) else {
        panic!("a ranking")
    };
    assert_eq!(runs, FEWEST);
    assert!(params[0].importance.is_finite() && params[0].correlation.number().is_some());
}

#[test]
fn rows_stand_by_how_much_they_differ_among_how_many() {
    let with = |number: usize, params: &[(&str, &str)]| {
        let loss = 1.0 + number as f64;
        let metrics =
            [("fit_seconds", 10_f64.powi(number as i32)), ("loss", loss), ("acc", 0.9 + loss / 100.0)];
        run(number, params, &metrics)
    };
    let runs = [
        with(0, &[("parent_only", "a"), ("same", "1")]),
        with(1, &[("lr", "0.1"), ("depth", "3"), ("gamma", "1"), ("same", "1")]),
        with(2, &[("lr", "0.2"), ("depth", "4"), ("gamma", "100"), ("same", "1")]),
        with(3, &[("lr", "0.4"), ("depth", "5"), ("same", "1")]),
    ];
    let comparison = compared(&runs, false);
    let names = |kind: EntryKind| -> Vec<&str> {
        let of_kind = comparison.entries.iter().filter(|entry| entry.kind == kind);
        of_kind.map(|entry| entry.spec.title()).collect()
    };
    assert_eq!(names(EntryKind::Metric), ["loss", "acc", "fit_seconds"], "timings come last");
    assert_eq!(names(EntryKind::Param), ["lr", "gamma", "depth", "parent_only", "same"]);
    // (0.4 - 0.1) / 0.4 / 2 in three of four
    assert!((entry(&comparison, "params.lr").spread - 0.375 * 0.75).abs() < 1e-12);
}

#[test]
fn plots_leave_out_what_tells_nothing_of_the_runs_on_them() {
    let mut runs: Vec<Run> = (1..6)
        .map(|number| {
            let lr = format!("0.{number}");
            let mut params = vec![("lr", lr.as_str()), ("same", "x")];
            if number < 3 {
                params.push(("gamma", if number == 1 { "1" } else { "2" }));
            }
            run(number, &params, &[("loss", number as f64)])
        })
        .collect();
    runs.push(run(9, &[("trials", "5"), ("same", "y")], &[]));
    let comparison = compared(&runs, false);
    let metric = ColumnSpec::metric("loss");
    let names = |laid: &axes::ParallelAxes| -> Vec<String> {
        laid.axes.iter().map(|axis| axis.spec.title().to_owned()).collect()
    };
    let laid = axes::parallel(&comparison, &metric, |member| member < 5, false, 0);
    assert_eq!((names(&laid), laid.left_out), (vec!["lr".into(), "loss".into()], 3), "{laid:?}");
    assert!(laid.axes.iter().all(|axis| axis.places[5].is_none()));
    let laid = axes::parallel(&comparison, &metric, |_| true, true, 0);
    assert_eq!((laid.axes.len(), laid.left_out), (5, 0));
}

#[test]
fn the_ends_of_an_axis_are_told_apart() {
    let runs: Vec<Run> =
        (0..4).map(|number| run(number, &[], &[("acc", 0.991_234_1 + number as f64 * 1e-7)])).collect();
    let comparison = compared(&runs, false);
    let axis = axes::Axis::new(&comparison, &ColumnSpec::metric("acc"), 0).unwrap();
    assert_eq!(axis.ends(), ("0.9912341".into(), "0.9912344".into()));
    let labels = axis.distinct_labels(&[0, 1, 2, 3]);
    assert_eq!(labels, ["0.9912341", "0.9912342", "0.9912343", "0.9912344"]);
}

#[test]
fn axes_have_marks_with_their_unit() {
    let runs: Vec<Run> = (0..9)
        .map(|number| {
            let mut run = run(
                number,
                &[("kind", ["a", "b", "c"][number % 3])],
                &[("lr", 10_f64.powi(-(number as i32)))],
            );
            run.info.end_time = Some(1_000 + number as i64 + 60_000 * (1 + number as i64));
            run
        })
        .collect();
    let comparison = compared(&runs, false);
    let marks = |spec: &ColumnSpec, most: usize| -> Vec<(f64, String)> {
        let axis = axes::Axis::new(&comparison, spec, 0).unwrap();
        axis.marks(most).into_iter().map(|mark| (mark.place, mark.label)).collect()
    };
    let kind = ColumnSpec::Param("kind".into());
    assert_eq!(marks(&kind, 9), [(0.0, "a".into()), (0.5, "b".into()), (1.0, "c".into())]);
    assert_eq!(marks(&kind, 2), [(0.0, "a".into()), (1.0, "c".into())]);
    let lr = marks(&ColumnSpec::metric("lr"), 9);
    assert_eq!((lr[0].1.as_str(), lr[8].1.as_str(), lr.len()), ("1e-8", "1", 9));
    let axis = axes::Axis::new(&comparison, &ColumnSpec::Duration, 0).unwrap();
    assert_eq!(axis.ends(), ("1m 00s".into(), "9m 00s".into()));
    assert!(marks(&ColumnSpec::Duration, 4).iter().any(|(_, label)| label == "4m"), "{:?}", axis.marks(4));
    let duration = entry(&comparison, "duration");
    assert_eq!(axes::difference_words(duration, -61_000.0), "-1m 01s");
    let mean = CompareCell::Mean { mean: 61_000.0, deviation: Some(1_500.0), count: 2, infinite: 0 };
    assert_eq!(axes::cell_words(duration, &mean), "1m 01s±1.5s");
}

#[test]
fn runs_are_compared_by_any_value_of_their_histories() {
    let runs = [run(0, &[], &[("loss", 0.5), ("acc", 0.5)]), run(1, &[], &[("loss", 0.25), ("acc", 0.5)])];
    let last = compared(&runs, false);
    let point = |step: i64, value: f64| crate::mlflow::MetricPoint { step, timestamp: 0, value };
    let of = |points: [f64; 2]| Summary::of([point(0, points[0]), point(1, points[1])]).unwrap();
    let column = [(0, of([0.125, 0.5])), (1, of([0.75, 0.25]))].into_iter().collect();
    let known = FxHashMap::from_iter([("loss".to_owned(), Arc::new(column))]);
    let by = last.by(Statistic::Min, known.clone());
    let mut learned = last.by(Statistic::Min, FxHashMap::default());
    assert!(!learned.is_known(entry(&learned, "min(metrics.loss)")));
    learned.learn(known.clone());
    assert_eq!(learned.entries, by.entries, "what is read later says the same");
    let loss = entry(&by, "min(metrics.loss)");
    assert_eq!((loss.best, loss.differs, by.is_known(loss)), (Some(0.125), true, true));
    let cell = by.cell(loss, &by.bound(loss), 0, 0);
    assert_eq!(cell, CompareCell::One(Value::Point(0.125, Some(0))));
    assert!(by.is_best(loss, &cell));
    let acc = entry(&by, "min(metrics.acc)");
    assert_eq!((by.is_known(acc), acc.best), (false, None), "nobody has read it");
    assert_eq!(by.cell(acc, &by.bound(acc), 0, 0), CompareCell::Missing);
    assert!(export::sheet(&by, &[loss], None, 0).csv().contains("metrics,min(loss),0.125,0.25"));
    assert_eq!(entry(&last.by(Statistic::First, known), "first(metrics.loss)").best, Some(0.125));
}

#[test]
fn ranks_correlate_as_scipy_has_it() {
    // scipy.stats.spearmanr([1, 2, 2, 4, 5], [3, 1, 4, 4, 10])
    let pairs = [(1.0, 3.0), (2.0, 1.0), (2.0, 4.0), (4.0, 4.0), (5.0, 10.0)];
    assert!((spearman(&pairs).unwrap() - 0.763_157_894_736_842).abs() < 1e-12);
    assert_eq!(spearman(&[(1.0, 1.0), (1.0, 2.0)]), None);
    assert_eq!(spearman(&[]), None);
}

#[test]
fn params_that_matter_are_told_from_those_that_do_not() {
    let mut rng = fastrand::Rng::with_seed(7);
    let mut runs = Vec::new();
    for number in 0..80 {
        let (lr, noise, depth) = (rng.f64(), rng.f64(), rng.usize(1..6));
        let model = ["a", "b", "c"][rng.usize(..3)];
        let rmse = 3.0 * lr * lr + if model == "b" { 1.0 } else { 0.0 } + 0.05 * rng.f64();
        let params = [
            ("lr", lr.to_string()),
            ("noise", noise.to_string()),
            ("depth", depth.to_string()),
            ("model", model.to_owned()),
            ("fixed", "1".to_owned()),
        ];
        let params: Vec<(&str, &str)> = params.iter().map(|(key, value)| (*key, value.as_str())).collect();
        runs.push(run(number, &params, &[("rmse", rmse)]));
    }
    let comparison = compared(&runs, false);
    let found = matters(&comparison, "rmse", 0);
    assert_eq!(found, matters(&comparison, "rmse", 0), "the same each time");
    let Matters::Ranked { runs: count, r2, params } = found else { panic!("{found:?}") };
    assert_eq!(count, 80);
    assert!(r2 > 0.7, "{r2}");
    let order: Vec<&str> = params.iter().map(|matter| matter.param.as_str()).collect();
    assert_eq!(order[..2], ["lr", "model"]);
    assert!(params[2].importance < 0.05 && params[1].importance > 0.2, "{params:?}");
    assert!(params[0].correlation.number().unwrap() > 0.7);
    assert_eq!(params[1].correlation, importance::Correlation::Text);
    // What few runs have, and what is the same in all that have it, has no correlation.
    let rare: Vec<Run> = runs
        .iter()
        .enumerate()
        .map(|(at, run)| {
            let mut run = run.clone();
            run.params.extend((at < 2).then(|| Param::new("rare", at.to_string())));
            run.params.extend((at < 40).then(|| Param::new("flat", "1")));
            run
        })
        .collect();
    let Matters::Ranked { params, .. } = matters(&compared(&rare, false), "rmse", 0) else {
        panic!("ranked")
    };
    let of = |name: &str| params.iter().find(|matter| matter.param == name).map(|matter| matter.correlation);
    assert_eq!(
        (of("rare"), of("flat")),
        (Some(importance::Correlation::TooFew), Some(importance::Correlation::Flat))
    );
    assert_eq!(params.last().map(|matter| matter.param.as_str()), Some("rare"), "it says nothing");
    let is_noise = |r2: f64| params.iter().map(|matter| matter.is_noise(r2)).collect::<Vec<_>>();
    assert_eq!(is_noise(0.9).iter().filter(|is_noise| **is_noise).count(), 1);
    assert!(is_noise(0.05).iter().all(|is_noise| *is_noise), "a forest that has learnt nothing");
    let few = compared(&runs[..FEWEST - 1], false);
    assert_eq!(matters(&few, "rmse", 0), Matters::TooFew { runs: FEWEST - 1 });
    assert_eq!(matters(&comparison, "unknown", 0), Matters::TooFew { runs: 0 });
}

#[test]
fn a_comparison_leaves_as_a_table() {
    let comparison = compared(
        &[run(0, &[("lr", "0.1")], &[("rmse", 0.1)]), run(1, &[("lr", "0.2")], &[("rmse", f64::NAN)])],
        false,
    );
    let entries: Vec<&Entry> =
        comparison.entries.iter().filter(|entry| entry.kind != EntryKind::Attribute).collect();
    let csv = export::sheet(&comparison, &entries, None, 0).csv();
    assert_eq!(
        csv,
        "kind,name,run-0,run-1\nattributes,run_id,00000000000000000000000000000000,00000000000000000000000000000001\n\
         metrics,rmse,0.1,NaN\nparams,lr,0.1,0.2\n"
    );
    let lr: Vec<&Entry> = comparison.entries.iter().filter(|entry| entry.kind == EntryKind::Param).collect();
    let json = export::json(&comparison, &lr, Some(0), 0);
    assert_eq!(json["rows"][0]["difference"][1], 0.1);
    assert_eq!(json["rows"][0]["relative"][1], 1.0);
    assert_eq!(json["runs"][1]["run_name"], "run-1");
}

#[test]
fn all_texts_of_an_axis_are_marked_where_there_is_room() {
    let runs: Vec<Run> =
        (0..12).map(|at| run(at, &[("model", &format!("net-{at}"))], &[("rmse", at as f64)])).collect();
    let comparison = compared(&runs, false);
    let axis = axes::Axis::new(&comparison, &entry(&comparison, "params.model").spec, 0).expect("an axis");
    let marks: Vec<String> = axis.marks(12).into_iter().map(|mark| mark.label).collect();
    assert_eq!(marks, (0..12).map(|at| format!("net-{at}")).collect::<Vec<_>>());
    assert_eq!(axis.marks(11).len(), 6, "every second one where there is less");
}
