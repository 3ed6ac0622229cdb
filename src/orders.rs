//! No order by which the program sorts may be less than total: Rust's sort is free to panic on it, and the result would
//! depend on what stood where before. All that are more than one key's are listed here and tried on odd values.

use std::cmp::Ordering;
use std::fmt::Debug;

use proptest::prelude::*;

use crate::catalog::sort::{SortKey, sorted};
use crate::catalog::{Builder, Catalog, ColumnSpec, Value};
use crate::cli::experiments::by_cell;
use crate::compare::importance::{Correlation, Matter};
use crate::compare::{Entry, EntryKind, by_importance, by_spread};
use crate::mlflow::order::{by_step, rank};
use crate::mlflow::{LifecycleStage, Metric, MetricPoint, Param, Run, RunId, RunInfo, RunStatus};
use crate::select::{Goal, MetricGoal, Policy, select};
use crate::store::batch::whole_runs;
use crate::text::order::{by_digits, natural};

/// More than the twenty that Rust sorts by insertion, without a look at the order.
const ITEMS: usize = 24;

fn check<T: Debug>(
    name: &str,
    items: &[T],
    compare: impl Fn(&T, &T) -> Ordering,
) -> Result<(), TestCaseError> {
    for a in items {
        prop_assert!(compare(a, a).is_eq(), "{name}: {a:?} is not itself");
        for b in items {
            let order = compare(a, b);
            prop_assert_eq!(order, compare(b, a).reverse(), "{}: {:?} and {:?}", name, a, b);
            for c in items {
                if order.is_le() && compare(b, c).is_le() {
                    prop_assert!(
                        compare(a, c).is_le(),
                        "{name}: {a:?} ≤ {b:?} ≤ {c:?}, and not {a:?} ≤ {c:?}"
                    );
                }
            }
        }
    }
    let mut order: Vec<&T> = items.iter().collect();
    order.sort_by(|a, b| compare(a, b));
    Ok(())
}

fn number() -> impl Strategy<Value = f64> {
    let odd = [
        f64::NAN,
        -f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        -5e-324,
        0.0,
        -0.0,
        1.0,
    ];
    prop_oneof![proptest::sample::select(odd.to_vec()), -3.0..3.0_f64, any::<f64>()]
}

fn name() -> impl Strategy<Value = String> {
    let odd = [
        "",
        "-",
        "+",
        ".",
        "nan",
        "NaN",
        "-nan",
        "inf",
        "-inf",
        "Infinity",
        "1e400",
        "-1e400",
        "1e-400",
        "-0",
        "0",
        "+0",
        "00",
        "0.0",
        "9007199254740993",
        "9007199254740992.0",
        "123456789012345678901234567890123456789012345",
        "٣",
        "１",
        "1_000",
        "0x10",
        "1e",
        "1 ",
        " 1",
        "é",
    ];
    prop_oneof![
        proptest::sample::select(odd.to_vec()).prop_map(str::to_owned),
        "[0-9]{1,3}a?",
        "[-+]?[0-9]{1,2}(\\.[0-9])?",
        "[0-9]{18,40}",
        "[a-c1-3]{1,3}",
    ]
}

fn point() -> impl Strategy<Value = MetricPoint> {
    (-1..2_i64, 0..2_i64, number()).prop_map(|(step, timestamp, value)| MetricPoint {
        step,
        timestamp,
        value,
    })
}

fn entry() -> impl Strategy<Value = Entry> {
    let kinds = [EntryKind::Metric, EntryKind::Param, EntryKind::System];
    (proptest::sample::select(kinds.to_vec()), number(), any::<[bool; 2]>(), 0..3_usize).prop_map(
        |(kind, spread, [is_timing, differs], present)| Entry {
            kind,
            spec: ColumnSpec::RunId,
            is_timing,
            differs,
            spread,
            goal: None,
            best: None,
            present,
        },
    )
}

fn matter() -> impl Strategy<Value = Matter> {
    (name(), number()).prop_map(|(param, importance)| Matter {
        param,
        correlation: Correlation::Text,
        importance,
        runs: 1,
    })
}

#[derive(Debug, Clone)]
enum Written {
    Missing,
    Text(String),
    Count(u64),
    Time(i64),
}

fn cell() -> impl Strategy<Value = Written> {
    prop_oneof![
        Just(Written::Missing),
        name().prop_map(Written::Text),
        (0..4_u64).prop_map(Written::Count),
        (0..4_i64).prop_map(Written::Time),
    ]
}

fn run(id: usize, (metrics, param, start): &([Option<f64>; 2], Option<String>, Option<i64>)) -> Run {
    let metrics = ["a", "b"].iter().zip(metrics);
    let metric = |(key, value): (&&str, &Option<f64>)| {
        value.map(|value| Metric { key: (*key).into(), value, timestamp: 0, step: 0 })
    };
    Run {
        info: RunInfo {
            run_id: RunId(format!("{id:032x}")),
            experiment_id: "1".into(),
            run_name: param.clone().unwrap_or_default(),
            user_id: String::new(),
            status: RunStatus::Finished,
            start_time: *start,
            end_time: None,
            lifecycle_stage: LifecycleStage::Active,
            artifact_uri: String::new(),
        },
        metrics: metrics.filter_map(metric).collect(),
        params: param.iter().map(|value| Param::new("p", value)).collect(),
        tags: Vec::new(),
        inputs: Vec::new(),
        model_outputs: Vec::new(),
    }
}

fn catalog<'a>(runs: impl IntoIterator<Item = &'a Run>) -> Catalog {
    let mut builder = Builder::default();
    builder.fold_changes(&whole_runs(runs));
    builder.snapshot()
}

/// The ids of the runs as a table sorts them, and as they are ranked by two metrics.
fn ids(catalog: &Catalog, weights: &[f64]) -> Vec<Vec<String>> {
    let id = |row: u32| catalog.run_id(row).to_owned();
    let keys =
        ["metrics.a", "metrics.b desc", "params.p", "params.p desc", "run_name", "start_time", "duration"];
    let tables = keys.iter().map(|key| {
        let keys = [SortKey::parse(key).unwrap(), SortKey::parse("metrics.b").unwrap()];
        sorted(catalog, &keys, 5).into_iter().map(id).collect()
    });
    let mut policy = Policy::new(MetricGoal::new("a", Goal::Minimize));
    let mut rankings = vec![policy.clone()];
    policy.tie_breaks = vec![MetricGoal::new("b", Goal::Maximize)];
    rankings.push(policy.clone());
    policy.objectives.append(&mut policy.tie_breaks);
    policy.weights = weights.to_vec();
    rankings.push(policy);
    let rankings = rankings
        .iter()
        .map(|policy| select(catalog, policy, ITEMS).ranking.iter().map(|ranked| id(ranked.row)).collect());
    tables.chain(rankings).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_order_is_total(
        names in prop::collection::vec(name(), ITEMS),
        numbers in prop::collection::vec(number(), ITEMS),
        points in prop::collection::vec(point(), ITEMS),
        entries in prop::collection::vec(entry(), ITEMS),
        matters in prop::collection::vec(matter(), ITEMS),
        cells in prop::collection::vec(cell(), ITEMS),
    ) {
        check("natural", &names, |a, b| natural(a, b))?;
        check("digits", &names, |a, b| by_digits(a, b))?;
        check("rank", &numbers, |a, b| rank(*a).cmp(&rank(*b)))?;
        for pair in numbers.windows(2).filter(|pair| !pair[0].is_nan() && !pair[1].is_nan()) {
            prop_assert_eq!(pair[0] < pair[1], rank(pair[0]) < rank(pair[1]), "{:?}", pair);
        }
        check("by_step", &points, by_step)?;
        check("by_spread", &entries, by_spread)?;
        check("by_importance", &matters, by_importance)?;
        let values: Vec<Value<'_>> = cells.iter().map(|cell| match cell {
            Written::Missing => Value::Missing,
            Written::Text(text) => Value::Text(text),
            Written::Count(count) => Value::Count(*count),
            Written::Time(time) => Value::Time(*time),
        }).collect();
        for descending in [false, true] {
            check("by_cell", &values, |a, b| by_cell(a, b, descending))?;
        }
    }

    /// The orders of runs look into a catalogue: by a total one the result is the same whichever run came first.
    #[test]
    fn runs_come_in_one_order_however_they_came(
        runs in prop::collection::vec(
            ([prop::option::of(number()), prop::option::of(number())], prop::option::of(name()), prop::option::of(0..3_i64)),
            ITEMS..ITEMS * 2,
        ),
        weights in prop_oneof![Just(vec![]), Just(vec![1.0, 2.0])],
    ) {
        let runs: Vec<Run> = runs.iter().enumerate().map(|(id, values)| run(id, values)).collect();
        let forward = ids(&catalog(&runs), &weights);
        let middle = runs.len() / 2;
        let turned = runs[middle..].iter().rev().chain(&runs[..middle]);
        prop_assert_eq!(forward, ids(&catalog(turned), &weights));
    }
}
