use proptest::prelude::*;

use super::*;
use crate::catalog::{Builder, Catalog};
use crate::mlflow::filter::Asker;
use crate::mlflow::{ExperimentId, LifecycleStage, Metric, Param, Run, RunId, RunInfo, RunStatus, Tag, tags};
use crate::store::batch::whole_runs;

fn run(id: usize, metrics: &[(&str, f64)]) -> Run {
    let run_id = RunId(format!("{id:032x}"));
    Run {
        info: RunInfo {
            artifact_uri: String::new(),
            run_id,
            experiment_id: ExperimentId("1".into()),
            run_name: format!("run-{id}"),
            user_id: "ana".into(),
            status: RunStatus::Finished,
            start_time: Some(1_000 + id as i64),
            end_time: Some(2_000),
            lifecycle_stage: LifecycleStage::Active,
        },
        metrics: metrics
            .iter()
            .map(|(key, value)| Metric { key: (*key).into(), value: *value, timestamp: 0, step: 0 })
            .collect(),
        params: Vec::new(),
        tags: Vec::new(),
        inputs: Vec::new(),
        model_outputs: Vec::new(),
    }
}

fn catalog(runs: &[Run]) -> Catalog {
    let mut builder = Builder::default();
    builder.fold_changes(&whole_runs(runs));
    builder.snapshot()
}

fn policy(objectives: &[(&str, Goal)]) -> Policy {
    let mut all = objectives.iter().map(|(metric, goal)| MetricGoal::new(*metric, *goal));
    let mut policy = Policy::new(all.next().unwrap());
    policy.objectives.extend(all);
    policy
}

fn names(catalog: &Catalog, selection: &Selection) -> Vec<String> {
    selection.ranking.iter().map(|ranked| catalog.run_name(ranked.row).to_owned()).collect()
}

const DOWN: Goal = Goal::Minimize;
const UP: Goal = Goal::Maximize;

#[test]
fn whoever_is_left_out_is_counted_for_the_first_reason() {
    let mut runs: Vec<Run> = (0..10).map(|id| run(id, &[("m", id as f64)])).collect();
    runs[0].info.status = RunStatus::Failed;
    runs[1].info.status = RunStatus::Killed;
    runs[2].info.status = RunStatus::Running;
    runs[3].metrics[0].value = f64::NAN;
    runs[4].metrics[0].value = f64::INFINITY;
    runs[5].metrics.clear();
    runs[6].info.lifecycle_stage = LifecycleStage::Deleted;
    runs[7].params = vec![Param::new("family", "tree")];
    let catalog = catalog(&runs);
    let mut policy = policy(&[("m", DOWN)]);
    policy.constrain("params.family != 'none'").unwrap();
    let strict = select(&catalog, &policy, 10);
    assert_eq!(names(&catalog, &strict), ["run-7"]);
    assert_eq!((strict.considered, strict.left_out.constraint, strict.eligible), (9, 5, 1));
    policy.constrain("").unwrap();
    let selection = select(&catalog, &policy, 10);
    assert_eq!(names(&catalog, &selection), ["run-7", "run-8", "run-9"]);
    let expected = LeftOut {
        failed: 1,
        killed: 1,
        unfinished: 1,
        nan: 1,
        infinite: 1,
        missing: 1,
        ..LeftOut::default()
    };
    assert_eq!((selection.considered, selection.left_out), (9, expected));
    assert_eq!(selection.margin(), Some(1.0));
    assert_eq!(
        reason::long(&selection, &catalog, PolicyOrigin::Names).join("\n"),
        "run-7 has the lowest m of 3 eligible runs: 7.\n\
         9 runs were considered, 6 excluded: 1 not finished, 1 failed, 1 killed, 1 without the metric, 1 NaN, 1 infinite.\n\
         It is 1 (12 %) ahead of run-8, which has 8.\n\
         Metric and direction inferred from the name; using the latest value."
    );
    assert_eq!(reason::short(&selection), "lowest m of 3 runs, 1 (12 %) ahead");
}

#[test]
fn a_lead_that_rounding_makes_is_told_as_such() {
    let mean = |parts: [f64; 3]| parts.iter().sum::<f64>() / 3.0;
    let runs = [run(1, &[("m", mean([0.1, 0.2, 0.3]))]), run(2, &[("m", mean([0.3, 0.2, 0.1]))])];
    let catalog = catalog(&runs);
    let selection = select(&catalog, &policy(&[("m", DOWN)]), 2);
    let told = reason::short(&selection);
    assert!(told.ends_with("(rounding) ahead"), "{told}");
}

#[test]
fn a_lead_whose_share_is_beyond_all_numbers_is_told_without_it() {
    let told = |best: f64, second: f64| {
        let catalog = catalog(&[run(1, &[("m", best)]), run(2, &[("m", second)])]);
        reason::short(&select(&catalog, &policy(&[("m", UP)]), 2))
    };
    assert_eq!(told(1e308, 1.0), "highest m of 2 runs, 1e308 ahead");
    assert_eq!(told(1.0, 0.0), "highest m of 2 runs, 1 ahead");
    assert_eq!(told(1e9, 1.0), "highest m of 2 runs, 1e9 (1.0e11 %) ahead");
}

#[test]
fn ties_are_told_and_broken_by_the_next_metric_and_then_the_start() {
    let mut runs = [
        run(3, &[("m", 1.0), ("n", 5.0)]),
        run(1, &[("m", 1.0), ("n", 4.0)]),
        run(2, &[("m", 1.0), ("n", 4.0)]),
        run(0, &[("m", 1.0)]),
    ];
    let mut by_n = policy(&[("m", DOWN)]);
    by_n.tie_breaks.push(MetricGoal::new("n", UP));
    let first = catalog(&runs);
    let selection = select(&first, &by_n, 4);
    assert_eq!(names(&first, &selection), ["run-3", "run-1", "run-2", "run-0"]);
    assert_eq!(
        (selection.tied, selection.tie_break),
        (4, Some(TieBreak::Metric(by_n.tie_breaks[0].clone())))
    );
    let by_start = select(&first, &policy(&[("m", DOWN)]), 1);
    assert_eq!(names(&first, &by_start)[0], "run-0");
    assert_eq!((by_start.tied, by_start.tie_break.clone()), (4, Some(TieBreak::Start)));
    assert!(reason::short(&by_start).ends_with("tied with 3 others"));
    let long = reason::long(&by_start, &first, PolicyOrigin::Names).join("\n");
    assert!(!long.contains("ahead"), "{long}");
    for run in &mut runs {
        run.info.start_time = Some(7);
    }
    let together = catalog(&runs);
    assert_eq!(select(&together, &policy(&[("m", UP)]), 1).tie_break, Some(TieBreak::Id));
    let zeros = catalog(&[run(1, &[("m", 0.0)]), run(0, &[("m", -0.0)])]);
    assert_eq!(select(&zeros, &policy(&[("m", DOWN)]), 1).tied, 2, "a zero is a zero");
}

#[test]
fn ties_go_on_through_metrics_whose_direction_is_known() {
    let values = |rmse, mae, train| {
        [
            ("val_acc", 0.9),
            ("val_rmse", rmse),
            ("val_mae", mae),
            ("val_mae_std", -mae),
            ("train_f1", train),
            ("lr", train),
        ]
    };
    let runs = [
        run(0, &values(0.5, 0.4, 0.99)),
        run(1, &values(0.5, 0.4, 0.90)),
        run(2, &values(0.5, 0.3, 0.10)),
        run(3, &values(0.5, 0.3, 0.20)),
        run(4, &[("val_acc", 0.8)]),
        run(5, &[("val_acc", 0.7)]),
    ];
    let known = catalog(&runs);
    let mut by_acc = policy(&[("val_acc", UP)]);
    by_acc.tie_breaks.push(MetricGoal::new("val_rmse", DOWN));
    let before = select(&known, &by_acc, 2);
    assert_eq!(names(&known, &before), ["run-0", "run-1"]);
    assert_eq!((before.tie_break, before.undecided.len()), (Some(TieBreak::Start), 4));
    let further = further_metrics(&known, &Patterns::default());
    assert!(further.iter().all(|objective| objective.metric != "val_mae_std" && objective.metric != "lr"));
    let after = select_with(&known, &by_acc, &further, &Ancestors::default(), 4);
    assert_eq!(names(&known, &after), ["run-3", "run-2", "run-0", "run-1"], "validation before training");
    assert_eq!(after.tie_break, Some(TieBreak::Further(MetricGoal::new("train_f1", UP))));
    assert!(after.undecided.is_empty());
    let words = reason::long(&after, &known, PolicyOrigin::Asked).join(" ");
    assert!(words.contains("4 runs are tied; decided by the highest train_f1."), "{words}");
    // What is tied further down counts as far as it shows.
    let tied = catalog(&[
        run(0, &[("m", 1.0)]),
        run(1, &[("m", 2.0)]),
        run(2, &[("m", 2.0)]),
        run(3, &[("m", 2.0)]),
    ]);
    let by_m = policy(&[("m", DOWN)]);
    assert_eq!(select(&tied, &by_m, 2).undecided.len(), 3);
    let apart = catalog(&[run(0, &[("m", 1.0)]), run(1, &[("m", 2.0)])]);
    assert!(select(&apart, &by_m, 9).undecided.is_empty());
}

#[test]
fn parents_that_are_not_known_are_named() {
    let mut runs = [run(0, &[("m", 1.0)]), run(1, &[("m", 1.0)]), run(2, &[("m", 2.0)])];
    runs[0].tags.push(Tag::new(tags::PARENT_RUN_ID, format!("{:032x}", 9)));
    runs[1].tags.push(Tag::new(tags::PARENT_RUN_ID, format!("{:032x}", 0)));
    runs[2].tags.push(Tag::new(tags::PARENT_RUN_ID, "it's \"no\" id"));
    let id = |id: usize| RunId(format!("{id:032x}"));
    let known = catalog(&runs);
    let mut ancestors = Ancestors::default();
    assert_eq!(missing_parents(&known, &ancestors), [id(9)]);
    ancestors.insert(id(9), Some(id(8)));
    assert_eq!(missing_parents(&known, &ancestors), [id(8)]);
    ancestors.insert(id(8), Some(id(2)));
    assert!(missing_parents(&known, &ancestors).is_empty());
    assert!(missing_parents(&catalog(&runs[..0]), &Ancestors::default()).is_empty());
}

#[test]
fn a_parent_repeats_what_is_below_runs_that_are_not_in_the_catalogue() {
    // 0 is above 9, which is above 8, which is above 1.
    let id = |id: usize| RunId(format!("{id:032x}"));
    let mut runs = [run(0, &[("m", 1.0)]), run(1, &[("m", 1.0)]), run(2, &[("m", 0.5)])];
    runs[1].tags.push(Tag::new(tags::PARENT_RUN_ID, id(8).as_str()));
    let known = catalog(&runs);
    let by_m = policy(&[("m", UP)]);
    let chosen = |ancestors: &[(usize, Option<usize>)]| {
        let ancestors: Ancestors =
            ancestors.iter().map(|(below, above)| (id(*below), above.map(id))).collect();
        let selection = select_with(&known, &by_m, &[], &ancestors, 9);
        (names(&known, &selection), selection.left_out.parents)
    };
    let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    assert_eq!(chosen(&[]), (all(&["run-0", "run-1", "run-2"]), 0));
    assert_eq!(chosen(&[(8, None)]), (all(&["run-0", "run-1", "run-2"]), 0));
    assert_eq!(chosen(&[(8, Some(9)), (9, Some(0))]), (all(&["run-1", "run-2"]), 1));
    assert_eq!(chosen(&[(8, Some(9)), (9, Some(8))]).1, 0, "they go round");
    assert_eq!(chosen(&[(8, Some(1))]).1, 0, "it is above itself");
}

#[test]
fn runs_that_are_parents_of_each_other_do_not_put_each_other_out() {
    let under =
        |run: &mut Run, parent: usize| run.tags.push(Tag::new(tags::PARENT_RUN_ID, format!("{parent:032x}")));
    let mut runs = [run(0, &[("m", 1.0)]), run(1, &[("m", 1.0)]), run(2, &[("m", 1.0)])];
    under(&mut runs[0], 1);
    under(&mut runs[1], 0);
    let known = catalog(&runs);
    let selection = select(&known, &policy(&[("m", UP)]), 9);
    assert_eq!((names(&known, &selection).len(), selection.left_out.parents), (3, 0));
    // One below them repeats both.
    under(&mut runs[2], 1);
    let known = catalog(&runs);
    let selection = select(&known, &policy(&[("m", UP)]), 9);
    assert_eq!((names(&known, &selection), selection.left_out.parents), (vec!["run-2".to_owned()], 2));
    // A round that is longer than anybody looks.
    let mut round: Vec<Run> = (0..DEEPEST * 2).map(|id| run(id, &[("m", 1.0)])).collect();
    for (id, run) in round.iter_mut().enumerate() {
        under(run, (id + 1) % (DEEPEST * 2));
    }
    assert_eq!(select(&catalog(&round), &policy(&[("m", UP)]), 1).eligible, DEEPEST * 2);
}

#[test]
fn a_parent_that_repeats_its_child_does_not_win() {
    let mut runs =
        [run(0, &[("m", 1.0)]), run(1, &[("m", 1.0)]), run(2, &[("m", 1.0)]), run(3, &[("m", 0.5)])];
    let under =
        |run: &mut Run, parent: usize| run.tags.push(Tag::new(tags::PARENT_RUN_ID, format!("{parent:032x}")));
    under(&mut runs[1], 0);
    under(&mut runs[2], 1);
    // A run that is its own parent, and a parent that nobody knows.
    under(&mut runs[3], 3);
    let known = catalog(&runs);
    let selection = select(&known, &policy(&[("m", UP)]), 9);
    assert_eq!(names(&known, &selection), ["run-2", "run-3"]);
    assert_eq!((selection.left_out.parents, selection.tied), (2, 1));
    // A failed child has no model to offer.
    runs[2].info.status = RunStatus::Failed;
    let known = catalog(&runs);
    assert_eq!(names(&known, &select(&known, &policy(&[("m", UP)]), 1))[0], "run-1");
}

#[test]
fn margins_are_held_against_the_spread() {
    let mut runs: Vec<Run> = (0..4).map(|id| run(id, &[("rmse", [1.0, 1.2, 0.9, 2.0][id])])).collect();
    for (id, run) in runs.iter_mut().enumerate() {
        let depth = if id == 3 { "9" } else { "3" };
        run.params = vec![Param::new("depth", depth), Param::new("seed", id.to_string())];
    }
    let known = catalog(&runs);
    let by_rmse = policy(&[("rmse", DOWN)]);
    let selection = select(&known, &by_rmse, 2);
    let spread = selection.spread.clone().unwrap();
    assert_eq!(spread.of, SpreadOf::Seeds(3));
    assert!((spread.deviation - 0.152_752_523).abs() < 1e-8);
    let words = reason::long(&selection, &known, PolicyOrigin::Chosen).join(" ");
    assert!(words.contains("within the spread over 3 runs that differ only in their seed"), "{words}");
    let words = reason::not_significant(&selection).unwrap();
    assert_eq!(
        words,
        "Its lead of 0.1 (10.0 %) is within the spread over 3 runs that differ only in their seed (standard deviation 0.15275): not significant."
    );
    runs[2].metrics.extend(
        ["fold_0_rmse", "fold_1_rmse"].into_iter().zip([0.91, 0.89]).map(|(key, value)| Metric {
            key: key.into(),
            value,
            timestamp: 0,
            step: 0,
        }),
    );
    let known = catalog(&runs[2..]);
    let selection = select(&known, &by_rmse, 2);
    assert_eq!(selection.spread.as_ref().unwrap().of, SpreadOf::Folds(2));
    let words = reason::long(&selection, &known, PolicyOrigin::Chosen).join(" ");
    assert!(words.contains("more than the spread over 2 folds"), "{words}");
}

#[test]
fn runs_that_differ_only_in_their_seed_have_the_same_other_params_and_no_more() {
    let mut runs: Vec<Run> =
        (0..5).map(|id| run(id, &[("rmse", [0.9, 0.5, 0.6, 0.7, f64::INFINITY][id])])).collect();
    // The first one has a param that the others lack, and the last one diverged.
    runs[0].params = vec![Param::new("a", "x"), Param::new("lr", "0.1"), Param::new("seed", "9")];
    for (id, run) in runs.iter_mut().enumerate().skip(1) {
        run.params = vec![Param::new("lr", "0.1"), Param::new("seed", id.to_string())];
    }
    let known = catalog(&runs);
    let found = select(&known, &policy(&[("rmse", DOWN)]), 2).spread.unwrap();
    assert_eq!(found.of, SpreadOf::Seeds(3));
    assert!((found.deviation - 0.1).abs() < 1e-12, "{found:?}");
    runs[1].params.remove(0);
    let alone = catalog(&runs[1..]);
    assert_eq!(select(&alone, &policy(&[("rmse", DOWN)]), 2).spread, None, "nothing is the same");
}

#[test]
fn several_objectives_have_a_front_and_a_choice_on_it() {
    let runs = [
        run(0, &[("acc", 0.9), ("ms", 100.0)]),
        run(1, &[("acc", 0.8), ("ms", 10.0)]),
        run(2, &[("acc", 0.7), ("ms", 50.0)]),
        run(3, &[("acc", 0.85), ("ms", 20.0)]),
        run(4, &[("acc", 0.99)]),
    ];
    let known = catalog(&runs);
    let mut both = policy(&[("acc", UP), ("ms", DOWN)]);
    let first = select(&known, &both, 9);
    assert_eq!(names(&known, &first), ["run-0", "run-3", "run-1", "run-2"]);
    assert_eq!((first.front.len(), first.left_out.missing), (3, 1));
    both.weights = vec![1.0, 1.0];
    let weighed = select(&known, &both, 9);
    assert_eq!(names(&known, &weighed), ["run-3", "run-0", "run-1", "run-2"]);
    let score = weighed.ranking[0].score.unwrap();
    assert!((score - f64::midpoint(0.5, 80.0 / 90.0)).abs() < 1e-12, "{score}");
    assert!(!weighed.ranking[3].on_front);
}

#[test]
fn policies_are_checked_and_written_down() {
    let mut both = policy(&[("acc", UP), ("ms", DOWN)]);
    both.weights = vec![0.7, 0.3];
    both.value = ValueOf::Last(5);
    both.constrain("metrics.ms < 50 AND params.family = 'tree'").unwrap();
    both.tie_breaks.push(MetricGoal::new("loss", DOWN));
    assert_eq!(policy::WrittenPolicy::of(&both).policy(), Some(both.clone()));
    for wrong in [vec![1.0], vec![1.0, -1.0], vec![f64::NAN, 1.0], vec![0.0, 0.0]] {
        both.weights = wrong;
        assert!(both.check().is_err());
    }
    let mut mine = both.clone();
    mine.constrain("age < 1d OR user = me").unwrap();
    let mine = mine.at(Asker { now: 100_000_000, user: "ana" });
    assert_eq!(
        mine.filter.to_string(),
        "(attributes.start_time > 13600000 OR attributes.user_id = 'ana')",
        "as of now"
    );
    assert!(matches!(both.constrain("dataset.name = 'x'"), Err(PolicyError::DataSets)));
    assert!(matches!(both.constrain("metrics.ms <"), Err(PolicyError::Constraint { .. })));
    assert!(policy(&[("m", UP), ("m", DOWN)]).check().is_err());
    for (text, value) in [("latest", ValueOf::Latest), ("best", ValueOf::Best), ("last:3", ValueOf::Last(3))]
    {
        assert_eq!(ValueOf::parse(text), Ok(value));
        assert_eq!(value.to_string(), text);
    }
    assert!(ValueOf::parse("last:0").is_err() && ValueOf::parse("mean").is_err());
}

proptest! {
    #[test]
    fn the_front_is_what_nobody_beats(
        points in (2_usize..4).prop_flat_map(|size| prop::collection::vec(prop::collection::vec(0_u8..5, size), 0..40))
    ) {
        let points: Vec<Vec<f64>> =
            points.into_iter().map(|point| point.into_iter().map(f64::from).collect()).collect();
        let beats = |a: &Vec<f64>, b: &Vec<f64>| a != b && a.iter().zip(b).all(|(a, b)| a <= b);
        let mut expected: Vec<usize> = (0..points.len())
            .filter(|at| !points.iter().any(|other| beats(other, &points[*at])))
            .collect();
        let mut found = front::front(&points);
        found.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn the_best_is_the_best(values in prop::collection::vec(prop::num::f64::ANY, 0..60), most in 1_usize..8, up: bool) {
        let runs: Vec<Run> = values.iter().enumerate().map(|(id, value)| run(id, &[("m", *value)])).collect();
        let known = catalog(&runs);
        let goal = if up { UP } else { DOWN };
        let selection = select(&known, &policy(&[("m", goal)]), most);
        let mut good: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        good.sort_by(|a, b| if up { b.partial_cmp(a).unwrap() } else { a.partial_cmp(b).unwrap() });
        prop_assert_eq!(selection.eligible, good.len());
        prop_assert_eq!(selection.eligible + selection.left_out.total(), selection.considered);
        let ranked: Vec<f64> = selection.ranking.iter().map(|ranked| ranked.values[0]).collect();
        prop_assert_eq!(ranked, good[..most.max(2).min(good.len())].to_vec());
        let first = good.first().copied();
        prop_assert_eq!(selection.tied, good.iter().filter(|value| Some(**value) == first).count());
    }
}
