#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;

use fastrand::Rng;

use super::*;
use crate::learn::data::{ReadOptions, Task, load};

/// A table with a column `by` and a target that is read as classes.
fn frame(rows: impl Iterator<Item = (String, u32)>) -> (DataFrame, Target) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let rows: String = rows.enumerate().fold(String::from("x,by,y\n"), |text, (at, (by, class))| {
        text + &format!("{at},{by},{}\n", ["a", "b", "c"][class as usize])
    });
    std::fs::write(&path, rows).unwrap();
    let frame = load(path.to_str().unwrap(), &ReadOptions::default()).unwrap();
    let target = Target::new(&frame, "y", None).unwrap();
    (frame, target)
}

fn by(time: Option<&str>, group: Option<&str>, folds: usize, repeats: usize) -> SplitPlan {
    SplitPlan {
        repeats,
        time_column: time.map(str::to_owned),
        group_column: group.map(str::to_owned),
        ..SplitPlan::by_chance(folds, 0.2)
    }
}

/// Of each row that is not in the test part how often it is scored.
fn scored(split: &Split) -> Vec<usize> {
    let count = |row: &u32| split.folds.iter().filter(|fold| fold.validation.contains(row)).count();
    split.train.iter().map(count).collect()
}

#[test]
fn what_follows_is_scored_and_the_latest_is_the_test_part() {
    // Days that come backwards, three rows each.
    let day = |row: u32| 40 - row / 3;
    for write in [|day: u32| format!("{day}"), |day| format!("2026-{:02}-{:02}", 1 + day / 28, 1 + day % 28)]
    {
        let (frame, target) = frame((0..120).map(|row| (write(day(row)), row % 2)));
        let split = Split::new(&frame, &target, &by(Some("by"), None, 5, 1), 1).unwrap();
        assert_eq!((split.train.len(), split.test.len(), split.folds.len()), (96, 24, 5));
        let days = |rows: &[u32]| rows.iter().map(|row| day(*row)).collect::<BTreeSet<u32>>();
        let (first, last) =
            (|rows: &[u32]| *days(rows).first().unwrap(), |rows: &[u32]| *days(rows).last().unwrap());
        assert!(last(&split.train) < first(&split.test));
        assert_eq!(split.test_from.map(day), Some(first(&split.test)));
        for (at, fold) in split.folds.iter().enumerate() {
            assert!(last(&fold.train) < first(&fold.validation), "fold {at}");
            let before = if at == 0 { &fold.train } else { &split.folds[at - 1].validation };
            assert!(last(before) < first(&fold.validation));
        }
        assert_eq!(split.folds[4].train.len() + split.folds[4].validation.len(), 96);
    }
}

#[test]
fn no_group_is_divided_and_folds_are_alike() {
    let mut rng = Rng::with_seed(4);
    let sizes: Vec<u32> = (0..40).map(|_| rng.u32(1..20)).collect();
    let rows: Vec<(u32, u32)> = sizes
        .iter()
        .zip(0..)
        .flat_map(|(size, group)| (0..*size).map(move |row| (group, (group + row) % 3)))
        .collect();
    let (frame, target) = frame(rows.iter().map(|(group, class)| (format!("g{group}"), *class)));
    let all = rows.len();
    for seed in 1..4 {
        let split = Split::new(&frame, &target, &by(None, Some("by"), 4, 3), seed).unwrap();
        assert_eq!(split.folds.len(), 12);
        assert!(scored(&split).iter().all(|times| *times == 3));
        let groups =
            |rows_of: &[u32]| rows_of.iter().map(|row| rows[*row as usize].0).collect::<BTreeSet<u32>>();
        assert!(groups(&split.train).is_disjoint(&groups(&split.test)));
        assert!(split.test.len().abs_diff(all / 5) < all / 25, "{} of {all}", split.test.len());
        for fold in &split.folds {
            assert!(groups(&fold.train).is_disjoint(&groups(&fold.validation)));
            assert_eq!(fold.train.len() + fold.validation.len(), split.train.len());
            assert!(fold.validation.len().abs_diff(split.train.len() / 4) < 12, "{}", fold.validation.len());
            for class in 0..3 {
                let count =
                    |rows_of: &[u32]| rows_of.iter().filter(|row| rows[**row as usize].1 == class).count();
                assert!(count(&fold.validation).abs_diff(count(&split.train) / 4) < 12);
            }
        }
        // Each time otherwise, and with the same seed the same.
        assert!(split.folds[0] != split.folds[4] && split.folds[4] != split.folds[8]);
        assert_eq!(Split::new(&frame, &target, &by(None, Some("by"), 4, 3), seed).unwrap(), split);
    }
}

#[test]
fn the_first_repeat_is_what_there_is_without_any() {
    let (frame, target) = frame((0..90).map(|row| (row.to_string(), row % 3)));
    let once = Split::new(&frame, &target, &by(None, None, 5, 1), 7).unwrap();
    let thrice = Split::new(&frame, &target, &by(None, None, 5, 3), 7).unwrap();
    assert_eq!((&thrice.test, &thrice.folds[..5]), (&once.test, &once.folds[..]));
    assert!(scored(&thrice).iter().all(|times| *times == 3));
    assert!(thrice.folds[5] != thrice.folds[0] && thrice.folds[10] != thrice.folds[5]);
}

#[test]
fn of_few_rows_one_is_held_out_at_least() {
    let split = |rows: u32, of: u32, folds: usize| {
        let (frame, target) = frame((0..rows).map(|row| (row.to_string(), row % of)));
        Split::new(&frame, &target, &SplitPlan::by_chance(folds, 0.1), 1)
    };
    let parts = |split: &Split| (split.test.len(), split.train.len());
    assert_eq!(parts(&split(6, 2, 2).unwrap()), (1, 5));
    assert_eq!(parts(&split(40, 2, 2).unwrap()), (4, 36), "as many as there were");
    let error = split(4, 2, 2).unwrap_err().to_string();
    assert!(
        error.contains("4 rows with a target: too few for 2 folds and a test set; at least 5 "),
        "{error}"
    );
    assert_eq!([(5, 0.2), (5, 0.9), (2, 0.01)].map(|(folds, share)| fewest_rows(folds, share)), [12, 96, 5]);
    // A class of one row cannot be in both parts.
    let (_, mut target) = frame((0..6).map(|row| (row.to_string(), row % 2)));
    target.values = TargetValues::Classes { classes: (0..6).collect(), count: 6 };
    let error = Split::by_chance(&target, &SplitPlan::by_chance(2, 0.1), 1).unwrap_err().to_string();
    assert!(error.contains("no two of 6 rows are of one class of y"), "{error}");
}

#[test]
fn what_cannot_be_is_refused_with_what_to_change() {
    let refused = |rows: &mut dyn Iterator<Item = (String, u32)>, plan: &SplitPlan| {
        let (frame, target) = frame(rows);
        Split::new(&frame, &target, plan, 1).unwrap_err().to_string()
    };
    let (time, group) = (by(Some("by"), None, 5, 1), by(None, Some("by"), 5, 1));
    let dated = |of: &'static [&'static str]| {
        move || (0..60_u32).map(move |row| (of[row as usize % of.len()].to_owned(), row % 2))
    };
    for (rows, plan, expected) in [
        (dated(&["2026-01-01", "soon"]), &time, "by has \"soon\", which is not a date; --time-column needs"),
        (dated(&["01/02/2026", "02/03/2026"]), &time, "the day and the month could change places"),
        (dated(&["1", "2", "3", ""]), &time, "15 of 60 rows have no value in the time column by"),
        (dated(&["1"]), &time, "by has the same time in all of 60 rows, or"),
        (dated(&["1", "2", "3"]), &time, "by has only 2 different times before the test set"),
        (
            dated(&["1", "2", "3", "4", "5"]),
            &time,
            "by has 4 different times before the test set, too few for 5 folds; use 3 --folds or fewer",
        ),
        (
            dated(&["1", "1", "1", "1", "1", "1", "1", "2", "3", "4", "5", "6", "7", "8", "9"]),
            &time,
            "but 28 of 48 rows have the same one, so 5 folds would divide them",
        ),
        (dated(&["g"]), &group, "by has 1 group, but 5 folds and a test set need at least 6; choose another"),
        (dated(&["g", ""]), &group, "30 of 60 rows have no value in the group column by"),
        (dated(&["g", "h", "i"]), &group, "by has 3 groups, but 5 folds and a test set need at least 6"),
        (dated(&["g", "h"]), &by(Some("by"), Some("by"), 5, 1), "exclude each other"),
        (dated(&["1", "2"]), &by(Some("by"), None, 5, 2), "there is one order of time"),
        (dated(&["1", "2"]), &by(None, None, 5, 30), "use 1 to 20 for --repeats"),
        (dated(&["1", "2"]), &by(None, Some("y"), 5, 1), "y is the target"),
        (dated(&["1", "2"]), &by(None, Some("z"), 5, 1), "no column \"z\""),
        (dated(&["a", "b", "c", "d", "e", "f"]), &by(None, Some("by"), 5, 2), "the same in each repeat"),
    ] {
        let error = refused(&mut rows(), plan);
        assert!(error.contains(expected), "{error}");
    }
    let late = (0..60_u32).map(|row| (row.to_string(), u32::from(row > 40)));
    let error = refused(&mut late.into_iter(), &time);
    assert!(error.contains("fold 1 of 5 would be trained on a single class of y"), "{error}");
}

/// Ids of databases are such.
#[test]
fn integers_that_would_be_rounded_are_no_groups_and_no_classes() {
    let (large, target) =
        frame((0..60).map(|row| (format!("{}", 9_007_199_254_740_992 + u64::from(row % 4)), row % 2)));
    let column = &large.columns[large.column("by").unwrap()];
    let error = groups::groups(column, &target.rows).unwrap_err().to_string();
    assert!(error.contains("--categorical by"), "{error}");
    let error = Target::new(&large, "by", Some(Task::Classification)).unwrap_err().to_string();
    assert!(error.contains("--categorical by"), "{error}");
}

/// As spreadsheets and rounding write it.
#[test]
fn a_zero_with_a_sign_is_no_group_and_no_time_of_its_own() {
    let (numbered, target) =
        frame((0..60).map(|row| (["0.0", "-0.0", "1.5", "2.5"][row as usize % 4].into(), row % 2)));
    let column = &numbered.columns[numbered.column("by").unwrap()];
    let (of, count) = groups::groups(column, &target.rows).unwrap();
    assert_eq!((count, of[0], of[1]), (3, 0, 0));
    let keys = times::keys("by", column, &target.rows).unwrap();
    assert!(keys[0].total_cmp(&keys[1]).is_eq(), "nothing goes before itself");
}
