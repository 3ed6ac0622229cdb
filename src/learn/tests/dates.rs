//! Columns of dates: how they are read, and what becomes of them.

use super::write;
use crate::learn::data::{ColumnKind, ColumnValues, DataFrame, DateOrder, ReadOptions, Target, Task, load};
use crate::learn::folds::SplitPlan;
use crate::learn::prepare::Preparation;
use crate::learn::report::DataReport;
use crate::learn::roles::Roles;
use crate::learn::study::TrainingData;
use crate::learn::weights::WeightPlan;

fn read(text: &str, reading: &ReadOptions) -> DataFrame {
    let folder = tempfile::tempdir().unwrap();
    load(&write(folder.path(), "t.csv", text.as_bytes()), reading).unwrap()
}

#[test]
fn dates_are_known_by_all_of_their_column() {
    let text = "iso,german,american,either,mixed,word,n\n\
                2026-11-29T00:00:00Z,29.11.2026 09:00,11/29/2026,1/2/2026,2026-11-29,2026-11-29,1\n\
                NA,1.2.2026 10:30,1/2/2026,3/4/2026,29.11.2026,soon,2\n\
                2026-11-29T10:18:02Z,?,2/28/2026,5/6/2026,2026-11-29,2026-11-30,3\n";
    let frame = read(text, &ReadOptions::default());
    let kinds: Vec<_> = frame.columns.iter().map(|column| column.kind).collect();
    let order = |at: usize| if let ColumnKind::Time(dates) = kinds[at] { Some(dates.order) } else { None };
    let orders = [0, 1, 2].map(order);
    assert_eq!(orders, [DateOrder::Year, DateOrder::Day, DateOrder::Month].map(Some));
    let text = ColumnKind::Text;
    assert_eq!(kinds[3..], [text, text, text, ColumnKind::Integer]);
    let ColumnValues::Numbers(moments) = &frame.columns[0].values else { panic!() };
    assert!((moments[2] - moments[0] - 37_082.0).abs() < 1e-9 && moments[1].is_nan());
    assert_eq!(frame.columns[1].gap_words, [("?".to_owned(), 1)]);
    let error = Target::new(&frame, "iso", Some(Task::Regression)).unwrap_err().to_string();
    assert!(error.contains("the target iso holds dates"), "{error}");
}

#[test]
fn a_date_becomes_the_parts_that_differ_and_gaps_their_mean() {
    let rows: String = (0..60).fold(String::from("at,y\n"), |text, row| {
        let at = if row % 4 == 3 { String::new() } else { format!("2026-{:02}-10 08:00", 1 + row % 4 * 2) };
        text + &format!("{at},{row}\n")
    });
    let frame = read(&rows, &ReadOptions::default());
    let target = Target::new(&frame, "y", Some(Task::Regression)).unwrap();
    let roles = Roles::decide(&frame, &target, &SplitPlan::by_chance(5, 0.2), None).unwrap();
    let preparation = Preparation::fit(&frame, &roles, &target.values, &[0, 1, 2, 3, 4, 5, 6]).unwrap();
    let parts = ["elapsed", "month", "month_sin", "month_cos", "weekday", "weekday_sin", "weekday_cos"];
    assert_eq!(preparation.names, parts.map(|part| format!("at.{part}")));
    let features = preparation.apply(&frame, &[2, 7]);
    assert_eq!((features.raw.column(0)[0], features.raw.column(1)[0]), (120.0, 5.0));
    assert!((features.raw.column(1)[1] - 3.0).abs() < 1e-6, "the mean month");
    let with_gaps = features.with_gaps();
    assert!((0..parts.len()).all(|at| with_gaps.column(at)[1].is_nan() && !with_gaps.column(at)[0].is_nan()));
    let report = DataReport::of(&TrainingData::new(frame, target, 0.2, 3, 1).unwrap());
    let lines = report.lines().join("\n");
    assert!(lines.contains("features: dates at (elapsed, month, weekday)\n"), "{lines}");
    assert!(lines.contains("missing values: at 15"), "{lines}");
    assert_eq!((report.counts.times, report.counts.with_gaps), (1, 1));
    let categorical = ReadOptions { categorical: vec!["at".into()], ..ReadOptions::default() };
    assert_eq!(read(&rows, &categorical).columns[0].kind, ColumnKind::Text, "as was said");
}

/// What the folds go by is no feature, and neither is what says the same in other words.
#[test]
fn what_tells_the_time_of_the_folds_again_is_left_out() {
    let rows: String = (0..90_u32).fold(String::from("day,german,until,millis,week,x,y\n"), |text, row| {
        let (month, day) = (1 + row / 28, 1 + row % 28);
        // A day each, but for the ends of the months.
        let seconds = 1_767_225_600 + i64::from([0, 31, 59, 90][row as usize / 28] + row % 28) * 86_400;
        text + &format!(
            "2026-{month:02}-{day:02},{day:02}.{month:02}.2026,2026-{month:02}-{day:02} 23:59,{}000,{},{},{row}\n",
            seconds,
            row / 7,
            row * 37 % 101
        )
    });
    let frame = read(&rows, &ReadOptions::default());
    let target = Target::new(&frame, "y", Some(Task::Regression)).unwrap();
    let plan = SplitPlan { time_column: Some("day".into()), ..SplitPlan::by_chance(3, 0.2) };
    let study = TrainingData::split_by(frame, target, plan, WeightPlan::default(), 1).unwrap();
    let learnt = study.frame.columns.iter().enumerate().filter(|(at, _)| study.roles.is_learnt(*at));
    assert_eq!(learnt.map(|(_, column)| column.name.as_str()).collect::<Vec<_>>(), ["week", "x"]);
    let lines = DataReport::of(&study).lines().join("\n");
    for name in ["german", "until", "millis"] {
        let line = format!("{name} is excluded: it tells the same time as day, which the folds go by");
        assert!(lines.contains(&line), "{lines}");
    }
}

#[test]
fn where_nothing_is_left_to_learn_from_all_that_is_excluded_is_told() {
    let rows: String = (0..60_u32).fold(String::from("day,german,same,y\n"), |text, row| {
        let (month, day) = (1 + row / 28, 1 + row % 28);
        text + &format!("2026-{month:02}-{day:02},{day:02}.{month:02}.2026,1,{row}\n")
    });
    let frame = read(&rows, &ReadOptions::default());
    let target = Target::new(&frame, "y", Some(Task::Regression)).unwrap();
    let plan = SplitPlan { time_column: Some("day".into()), ..SplitPlan::by_chance(3, 0.2) };
    let error =
        TrainingData::split_by(frame, target, plan, WeightPlan::default(), 1).unwrap_err().to_string();
    for words in [
        "day is excluded: the folds go by it",
        "german is excluded: it tells the same time as day",
        "same is excluded: it is constant",
    ] {
        assert!(error.contains(words), "{error}");
    }
}
