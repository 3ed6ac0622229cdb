#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::learn::data::{ReadOptions, load};
use crate::learn::folds::SplitPlan;
use crate::learn::report::DataReport;
use crate::learn::study::TrainingData;

fn plan(column: Option<&str>, class_weight: Option<&str>) -> WeightPlan {
    WeightPlan {
        weight_column: column.map(str::to_owned),
        class_weight: class_weight.map(|text| text.parse().unwrap()),
    }
}

/// Of a table with `x`, a weight, and a target that is 1 in every third row, or a number.
fn study(weight: impl Fn(usize) -> String, plan: WeightPlan, task: Task) -> Result<TrainingData, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let rows = (0..60).fold("x,w,y\n".to_owned(), |text, row| {
        let y = if task == Task::Regression { row } else { usize::from(row % 3 == 0) };
        text + &format!("{},{},{y}\n", row * 7 % 11, weight(row))
    });
    std::fs::write(&path, rows).unwrap();
    let frame = load(path.to_str().unwrap(), &ReadOptions::default()).unwrap();
    let target = Target::new(&frame, "y", Some(task)).unwrap();
    TrainingData::split_by(frame, target, SplitPlan::by_chance(4, 0.2), plan, 1)
}

fn error(weight: impl Fn(usize) -> String, plan: WeightPlan) -> String {
    study(weight, plan, Task::Classification).unwrap_err().to_string()
}

#[test]
fn weights_of_classes_are_read_as_they_are_written() {
    for (text, written) in [
        ("balanced", "balanced"),
        (" none ", "none"),
        ("yes=5, no=0.5", "yes=5,no=0.5"),
        ("balanced=2", "balanced=2"),
        ("\"a,b=3\",a=b=1e-7", "\"a,b=3\",a=b=1e-7"),
    ] {
        let read: ClassWeight = text.parse().unwrap();
        assert_eq!(read.to_string(), written);
        assert_eq!(written.parse(), Ok(read.clone()));
        let json = serde_json::to_string(&read).unwrap();
        assert_eq!(serde_json::from_str::<ClassWeight>(&json).unwrap(), read);
    }
    for (text, said) in [
        ("", "expected balanced"),
        ("ballanced", "expected balanced"),
        ("yes", "expected balanced"),
        ("yes=", "a number above 0"),
        ("yes=0", "a number above 0"),
        ("yes=-1", "a number above 0"),
        ("yes=nan", "a number above 0"),
        ("yes=inf", "a number above 0"),
        ("yes=1e300", "a number above 0"),
        ("yes=1,yes=2", "two weights"),
        ("\"yes=1", "unclosed quote"),
    ] {
        let error = text.parse::<ClassWeight>().unwrap_err();
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[test]
fn what_is_no_weight_is_refused_with_its_row() {
    let by = || plan(Some("w"), None);
    let at_7 =
        |other: &'static str| move |row: usize| if row == 7 { other.to_owned() } else { "1".to_owned() };
    let limits = "a weight is 0, or from 1e-15 to 1e15";
    for (cell, said) in [("-1", "-1"), ("", "no value"), ("1e20", "1e20"), ("1e-20", "1e-20")] {
        let expected = format!("the weight column w has {said} in row 8; {limits}");
        assert_eq!(error(at_7(cell), by()), expected);
    }
    let many = error(|row| (row as i32 - 2).to_string(), by());
    assert_eq!(many, format!("the weight column w has -2 in row 1, and in 1 more rows; {limits}"));
    assert_eq!(error(|_| "0".into(), by()), "all 60 rows have weight 0 in the weight column w");
    let text = error(|row| ["low", "high"][row % 2].into(), by());
    assert_eq!(text, "the weight column w is text; weights have to be numbers");
    let dates = error(|row| format!("2026-11-{:02}", 1 + row % 28), by());
    assert_eq!(dates, "the weight column w holds dates; weights have to be numbers");
    let error = |plan| error(|row| row.to_string(), plan);
    assert!(error(plan(Some("y"), None)).contains("y is the target"));
    assert!(error(plan(Some("ww"), None)).contains("no column \"ww\""));
    let unknown = error(plan(None, Some("0=1,11=5")));
    let expected = "--class-weight: the target y has no class \"11\"; classes are 0, 1";
    assert_eq!(unknown, expected);
    let numbers = study(|row| row.to_string(), plan(None, Some("balanced")), Task::Regression).unwrap_err();
    assert!(numbers.to_string().contains("--class-weight is for classification"), "{numbers}");
}

#[test]
fn a_fold_in_which_nothing_counts_is_refused_before_anything_is_trained() {
    let by = || plan(Some("w"), None);
    let one =
        |class: bool| move |row: usize| if row.is_multiple_of(3) == class { "2" } else { "0" }.to_owned();
    for (class, name) in [(true, "1"), (false, "0")] {
        let expected = format!(
            "all rows that are trained on in fold 1 of 4 are of class {name:?} or have weight 0 in the weight column w"
        );
        assert_eq!(error(one(class), by()), expected);
    }
    let single = study(|row| usize::from(row == 7).to_string(), by(), Task::Regression).unwrap_err();
    let single = single.to_string();
    assert!(
        single.starts_with("all rows that are trained on in fold ") && single.contains(" have weight 0 in"),
        "{single}"
    );
}

#[test]
fn rows_of_weight_0_are_scored_and_not_learnt_from() {
    let weight = |row: usize| if row.is_multiple_of(4) { "0".to_owned() } else { format!("{}.5", row % 4) };
    let study = study(weight, plan(Some("w"), Some("balanced")), Task::Classification).unwrap();
    let fold = study.fold(1).unwrap();
    let rows = &study.split.folds[1];
    let counting: Vec<u32> = rows.train.iter().copied().filter(|row| row % 4 != 0).collect();
    assert!(counting.len() < rows.train.len());
    assert_eq!(fold.train.records.raw.rows, counting.len());
    assert_eq!(fold.truth.len(), rows.validation.len());
    // Within each part all classes count as much as each other, by their rows.
    let ones = counting.iter().filter(|row| **row % 3 == 0).count() as f64;
    for (row, weight) in counting.iter().zip(fold.train.weights().unwrap()) {
        let of_class = if row % 3 == 0 { ones } else { counting.len() as f64 - ones };
        let expected = (f64::from(row % 4) + 0.5) * counting.len() as f64 / (2.0 * of_class);
        assert!((f64::from(*weight) - expected).abs() < 1e-6 * expected, "{weight} {expected}");
    }
    // It is no feature.
    assert_eq!(fold.preparation.names, ["x"]);
    let report = DataReport::of(&study);
    let lines = report.lines().join("\n");
    for line in [
        "t: w is excluded: the rows are weighted by it",
        "t: rows are weighted by w, 0 to 3.5; 15 of weight 0 are scored, but not learnt from; and by class, balanced; metrics are not weighted",
    ] {
        assert!(lines.contains(line), "{lines}");
    }
    assert!(report.briefly().contains(&"weights of w, class weights balanced".to_owned()));
}

#[test]
fn other_weights_are_another_sweep() {
    let of = |weight: &dyn Fn(usize) -> String, plan: WeightPlan| {
        study(weight, plan, Task::Classification).unwrap().fingerprint()
    };
    let rising = |row: usize| (row + 1).to_string();
    let other = |row: usize| (row + 1 + usize::from(row == 9)).to_string();
    let all = [
        of(&rising, plan(None, None)),
        of(&rising, plan(Some("w"), None)),
        of(&other, plan(Some("w"), None)),
        of(&rising, plan(None, Some("balanced"))),
        of(&rising, plan(None, Some("1=2"))),
        of(&rising, plan(None, Some("1=3"))),
    ];
    for (at, one) in all.iter().enumerate() {
        assert!(all[..at].iter().all(|other| other != one), "{all:?}");
    }
}
