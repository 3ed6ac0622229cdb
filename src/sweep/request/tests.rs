//! What is decided of a request, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;
use crate::learn::report::DataReport;
use crate::params::Params;
use crate::sweep::search::Proposer;

/// The trials of a grid over these, of a family on iris.
fn grid(family: &str, ranges: &[(&str, &str)]) -> Vec<Params> {
    let range = |(name, range): &(&str, &str)| {
        (family.to_owned(), (*name).to_owned(), range.parse::<Range>().unwrap())
    };
    let request = SweepRequest {
        data: "iris".into(),
        families: vec![family.into()],
        ranges: ranges.iter().map(range).collect(),
        method: Method::Grid,
        ..SweepRequest::default()
    };
    let rules = request.decide().unwrap().0.rules;
    let proposer = Proposer::new(rules.method, rules.seed, rules.spaces, rules.grid_points);
    (0..proposer.length().unwrap()).map(|at| proposer.propose(at, &[]).unwrap().params).collect()
}

#[test]
fn a_grid_goes_over_what_is_named_and_leaves_the_rest() {
    let named = [("n_estimators", "50,100,200"), ("max_depth", "2,3")];
    let trials = grid("gradient_boosting", &named);
    assert_eq!(trials.len(), 6);
    let of = |trial: &Params| {
        let mut trial = trial.clone();
        trial.retain(|name, _| !named.iter().any(|(named, _)| named == name));
        trial
    };
    assert!(trials.iter().all(|trial| of(trial) == of(&trials[0])) && !of(&trials[0]).is_empty());
    // What has a meaning by default only is searched there, and so is what gives a meaning.
    assert_eq!(grid("svm", &[("C", "0.1,1,10")]).len(), 3);
    let degrees = grid("svm", &[("kernel", "rbf,linear")]);
    assert_eq!(degrees.len(), 2);
    assert!(grid("svm", &[]).len() > 6, "nothing is named: all is searched");
}

#[test]
fn a_metric_that_no_trial_can_have_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let rows: Vec<String> = (0..40).map(|at| format!("{at},{}", at * 7 % 11 - 3)).collect();
    std::fs::write(&path, format!("x,y\n{}\n", rows.join("\n"))).unwrap();
    let refused = |metric: &str| {
        let request = SweepRequest {
            data: path.display().to_string(),
            target: Some("y".into()),
            task: Some(Task::Regression),
            metric: Some(metric.into()),
            ..SweepRequest::default()
        };
        request.decide().err().map(|error| error.to_string())
    };
    for metric in ["msle", "neg_mean_gamma_deviance"] {
        assert!(refused(metric).unwrap().contains("not defined for some values"), "{metric}");
    }
    assert_eq!(refused("median_absolute_error"), None);
    assert!(refused("").unwrap().contains("no metric \"\""));
}

fn request(folder: &std::path::Path, text: &str, metric: &str) -> SweepRequest {
    let path = folder.join("t.csv");
    std::fs::write(&path, text).unwrap();
    let metric = Some(metric.to_owned()).filter(|metric| !metric.is_empty());
    SweepRequest {
        data: path.display().to_string(),
        target: Some("y".into()),
        metric,
        ..SweepRequest::default()
    }
}

#[test]
fn a_metric_that_is_not_defined_in_a_fold_is_refused_before_anything_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    // All of one class came first.
    let rows = |class: fn(usize) -> usize, count: usize| {
        (0..count)
            .fold("x,t,y\n".to_owned(), |text, at| text + &format!("{},{at},{}\n", at * 7 % 11, class(at)))
    };
    let late = rows(|at| usize::from(!(3..=70).contains(&at)), 120);
    let by_time =
        |metric| SweepRequest { time_column: Some("t".into()), ..request(folder.path(), &late, metric) };
    let error = by_time("roc_auc").decide().unwrap_err().to_string();
    let expected = "roc_auc is not defined in fold 1 of 5: none of its 16 rows is of class \"1\"; use fewer --folds, or another --metric such as accuracy";
    assert_eq!(error, expected);
    let (_, training) = by_time("log_loss").decide().unwrap();
    let told = DataReport::of(&training).lines().join("\n");
    assert!(told.contains("no row of the test part is of class \"0\""), "{told}");
    // A part of a single row.
    let few =
        SweepRequest { task: Some(Task::Regression), ..request(folder.path(), &rows(|at| at, 12), "r2") };
    let few = SweepRequest { folds: Some(5), time_column: Some("t".into()), test_size: Some(0.5), ..few };
    let error = few.decide().unwrap_err().to_string();
    assert!(error.starts_with("r2 is not defined in fold 1 of 5: it has a single row"), "{error}");
}

#[test]
fn the_column_that_folds_go_by_may_be_ignored_too() {
    let folder = tempfile::tempdir().unwrap();
    let text = (0..60)
        .fold("x,t,y\n".to_owned(), |text, at| text + &format!("{},{},{}\n", at * 7 % 11, at / 3, at % 2));
    for is_time in [true, false] {
        let mut request = request(folder.path(), &text, "");
        request.reading.ignored = vec!["t".into(), "elsewhere".into()];
        if is_time {
            request.time_column = Some("t".into());
        } else {
            request.group_column = Some("t".into());
        }
        let (plan, training) = request.decide().unwrap();
        let learnt: Vec<usize> = (0..3).filter(|column| training.roles.is_learnt(*column)).collect();
        assert_eq!(learnt, [0]);
        assert!(plan.trial.tabular().unwrap().reading.ignored.is_empty());
    }
}

#[test]
fn a_time_is_read_as_people_write_it() {
    for (text, time) in [
        ("90s", 90.0),
        ("45", 45.0),
        ("0.5", 0.5),
        ("10m", 600.0),
        ("2h", 7_200.0),
        ("1.5h", 5_400.0),
        ("1h30m", 5_400.0),
        ("1h 30m", 5_400.0),
        // What the command of a plan says of a third of a hundred.
        ("33.333333333333336s", 33.333_333_333_333_336),
    ] {
        assert_eq!(seconds(text), Ok(time), "{text}");
    }
    for text in ["", "0s", "-5m", "-5", "inf", "NaN", "10 apples", "m", "999999999999999999h"] {
        assert_eq!(seconds(text).unwrap_err(), "expected a time such as 90s, 10m or 2h", "{text}");
    }
}
