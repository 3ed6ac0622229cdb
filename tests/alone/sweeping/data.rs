//! The data of a sweep: what is wrong with them, how they are read, and what is told of that.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use mltui::learn::data::{ReadOptions, load};
use serde_json::{Value, json};

use crate::support::parquet::parquet;
use crate::support::sweeping::{STATE, local, mltui, output, swept};

#[test]
fn what_is_wrong_with_data_is_said_with_file_line_and_column() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let write = |name: &str, text: &str| {
        let path = home.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let rows = |last: &str| {
        let rows = (0..40).fold(String::new(), |rows, row| rows + &format!("{row},{}\n", row % 2));
        format!("x,y\n{rows}{last}")
    };
    let column = |line: &dyn Fn(usize) -> String| {
        let lines: String = (0..40).map(line).collect();
        format!("x,y\n{lines}")
    };
    let fine = write("fine.csv", &rows(""));
    let cases = [
        (write("text.csv", &rows("abc,1\n")), "y", "line 42, column x: \"abc\" among 40 numbers"),
        (write("ragged.csv", &rows("1,2,3\n")), "y", "line 42: 3 fields, but 2 in the rows before"),
        (write("none.csv", "x,y\n"), "y", "it has no rows"),
        (write("empty.csv", ""), "y", "it is empty"),
        (write("twice.csv", "x,x\n1,2\n"), "x", "duplicate column name \"x\""),
        (write("constant.csv", &column(&|row| format!("{row},7.5\n"))), "y", "is constant (7.5)"),
        (write("single.csv", &column(&|row| format!("{row},a\n"))), "y", "a single class"),
        (write("huge.csv", &rows("1e300,1\n")), "y", "line 42, column x: 1e300 is too large"),
        (write("same.csv", &column(&|row| format!("3,{row}\n"))), "y", "nothing to learn from"),
        (write("numbers.csv", "1,2\n3,4\n"), "y", "--no-header"),
        (fine.clone(), "z", "no column \"z\" in fine; it has x, y"),
        (home.path().join("missing.csv").display().to_string(), "y", "no data set"),
        ("iri".to_owned(), "y", "no data set \"iri\" (did you mean iris?)"),
        ("wine".to_owned(), "y", "did you mean wine-quality?"),
        ("people.csv".to_owned(), "y", "no data set \"people.csv\"; there are constant.csv, "),
        ("fin.csv".to_owned(), "y", "no data set \"fin.csv\" (did you mean fine.csv?)"),
        (fine.replace("fine", "fien"), "y", "/fine.csv?"),
        (fine.clone(), "Y", "no column \"Y\" in fine (did you mean y?)"),
    ];
    for (data, target, expected) in &cases {
        let (code, _, error) =
            output(mltui(home.path(), &uri, &["sweep", "--data", data, "--target", target]));
        assert!(code == 2 && error.contains(expected), "{data}: {code} {error}");
    }
    for (more, expected) in [
        (&["--family", "oak"][..], "no family \"oak\""),
        (&["--family", "svr"], "svr does not support classification"),
        (&["--family", "random_forrest"], "no family \"random_forrest\" (did you mean random_forest?)"),
        (&["--metric", "rmse"], "no metric \"rmse\" for classification"),
        (&["--metric", "acuracy"], "no metric \"acuracy\" for classification (did you mean accuracy?)"),
        (&["--metric", "val_acuracy"], "did you mean accuracy?"),
        (&["--folds", "30"], "too few for 30 folds"),
        (&["--space", "random_forest.max_depth=9..2", "--family", "random_forest"], "low must be below high"),
        (&["--space", "random_forest"], "write FAMILY.NAME=RANGE"),
        (&["--space", "oak.max_depth=2..3"], "no family \"oak\""),
        (
            &["--space", "random_forest.leaves=2..3"],
            "random_forest has no \"leaves\"; it has n_estimators, max_depth",
        ),
        (&["--space", "decision_tree.criterion=best"], "criterion is best; it must be one of gini, entropy"),
        (&["--ignore", "X"], "no column \"X\" in fine (did you mean x?)"),
        (&["--categorical", "xx"], "no column \"xx\" in fine"),
        (&["--ignore", "X,z"], "no column \"X\" in fine (did you mean x?)"),
        (&["--family", "LogisticRegression"], "no family \"LogisticRegression\" (did you mean logistic?)"),
        (&["--time", "soon"], "expected a time such as"),
    ] {
        let words: Vec<&str> =
            ["sweep", "--data", &fine, "--target", "y"].into_iter().chain(more.iter().copied()).collect();
        let (code, _, error) = output(mltui(home.path(), &uri, &words));
        assert!(code == 2 && error.contains(expected), "{more:?}: {code} {error}");
    }
    assert!(!home.path().join("mlflow.db").exists(), "nothing was begun");
}

/// What the command line does not say of a file the settings do, and an error names both.
#[test]
fn how_a_file_is_read_is_said_by_a_flag_or_by_the_settings() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let rows: String =
        (0..60).fold(String::new(), |rows, row| rows + &format!("\"{row},234\",{}\n", row % 2));
    fs::write(home.path().join("t.csv"), format!("x,y\n{}", rows.replace("\"0,", "\"1,"))).unwrap();
    fs::write(home.path().join("c.toml"), "[sweep]\ndecimal = ','\n").unwrap();
    let sweep = |more: &[&str]| {
        let words =
            ["sweep", "--data", "t.csv", "--target", "y", "--family", "decision_tree", "--trials", "1"];
        output(mltui(home.path(), &uri, &[&words, more].concat()))
    };
    let (code, _, error) = sweep(&[]);
    assert!(code == 2 && error.contains("--decimal , (or set decimal in [sweep]"), "{error}");
    let (code, out, error) = sweep(&["--config", "c.toml"]);
    assert!(code == 0 && error.contains("with decimal commas"), "{error}");
    let file = fs::canonicalize(home.path()).unwrap().join("c.toml").display().to_string();
    let repeats =
        |out: &str| out.lines().any(|line| line.starts_with("to repeat: ") && line.contains(" --config "));
    assert!(repeats(&out) && out.contains(&file), "{out}");
    let (code, _, error) = sweep(&["--config", "c.toml", "--decimal", "."]);
    assert!(code == 0 && !error.contains("with decimal commas"), "{error}");
    let (code, out, error) = sweep(&["--decimal", ","]);
    assert!(code == 0 && !repeats(&out), "{out} {error}");
}

/// A sweep that was begun when data were read in another way does not go on: its trials would be ranked together.
#[test]
fn a_sweep_whose_data_are_read_in_another_way_does_not_go_on() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let rows: String = (0..120).fold(String::new(), |rows, row| {
        rows + &format!("{},0.1,{}\n", 1.7e9 + f64::from(row) / 3.0, row % 2)
    });
    fs::write(home.path().join("t.csv"), format!("at,same,y\n{rows}")).unwrap();
    let words = ["--data", "t.csv", "--target", "y", "--family", "decision_tree", "--trials", "1"];
    let id = swept(home.path(), &uri, &words)["sweep"].as_str().unwrap().to_owned();
    let plan = home.path().join(STATE).join(&id).join("plan.json");
    let resume = || output(mltui(home.path(), &uri, &["sweep", "--resume", &id]));
    let (code, _, error) = resume();
    assert_eq!(code, 0, "read as it was: {error}");
    let begun: Value = serde_json::from_slice(&fs::read(&plan).unwrap()).unwrap();
    let without = |mut header: Value, key: &str| {
        header.as_object_mut().unwrap().remove(key);
        header
    };
    let older = without(begun.clone(), "fingerprint");
    let mut of_levels = older.clone();
    of_levels["account"]["columns"][1]["use"] = "levels".into();
    let mut other = begun.clone();
    other["fingerprint"] = "01234567".into();
    for header in [without(older.clone(), "account"), of_levels, other] {
        fs::write(&plan, header.to_string()).unwrap();
        let (code, _, error) = resume();
        assert!(code == 2 && error.contains("differently than the one that began the sweep"), "{error}");
    }
    // What is only told of the data may be told in other words by each version.
    let mut words = older.clone();
    words["account"]["target"]["because"] = "says so".into();
    words["account"]["columns"][2]["why"] = "an earlier version called it something else".into();
    words["account"]["counts"]["with_gaps"] = 7.into();
    words["account"]["further"] = "a field of a newer version".into();
    let mut unknown = begun.clone();
    unknown["account"] = json!({ "told": "in another form" });
    for header in [older, words, unknown] {
        fs::write(&plan, header.to_string()).unwrap();
        let (code, _, error) = resume();
        assert_eq!(code, 0, "{error}");
    }
}

/// A file below a folder, wherever it is.
pub(super) fn found(folder: &Path, name: &str) -> Option<PathBuf> {
    fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() { found(&path, name) } else { (entry.file_name() == name).then_some(path) }
    })
}

#[test]
fn what_was_read_and_what_was_left_out_is_told_and_logged() {
    let home = tempfile::tempdir().unwrap();
    let uri = local(home.path());
    let mut text = String::from("Kunde;Preis;Art;fest;zuletzt;y\n");
    for row in 0..60 {
        let price = if row == 7 { "NA".to_owned() } else { format!("1.{row:03},5") };
        let (kind, y) =
            (["None", "alt", "neu", "NA"][row % 4], if row == 9 { "" } else { ["0", "1"][row % 2] });
        writeln!(text, "K-{row};{price};{kind};3;{row},25;{y}").unwrap();
    }
    let data = home.path().join("kunden.csv");
    fs::write(&data, text).unwrap();
    let data = data.display().to_string();
    let mut words = vec!["sweep", "--data", &data, "--target", "y", "--family", "decision_tree"];
    words.extend(["--trials", "1", "--ignore", "zuletzt", "--json"]);
    let (code, out, error) = output(mltui(home.path(), &uri, &words));
    assert_eq!(code, 0, "{error}");
    for line in [
        "kunden: 60 rows, 6 columns of CSV, separated by ';', with decimal commas",
        "kunden: the target y: classification: 30 rows of \"0\", 29 of \"1\"; its values are 2 integers; 1 of 60 rows have none and are not used",
        "kunden: features: numbers Preis; texts Art (3 levels)",
        "kunden: Kunde is excluded: it looks like an identifier: 59 distinct texts in 59 rows, such as \"K-0\"",
        "kunden: fest is excluded: it is constant",
        "kunden: zuletzt is excluded: as requested",
        "kunden: missing values: Preis 1 (\"NA\" 1), Art 15 (\"NA\" 15)",
    ] {
        assert!(error.lines().any(|said| said == format!("mltui: {line}")), "{line}\n{error}");
    }
    let printed: Value = serde_json::from_str(&out).unwrap();
    let kept = found(home.path(), "data.json").unwrap();
    let logged: Value = serde_json::from_slice(&fs::read(kept).unwrap()).unwrap();
    assert_eq!(printed["data"], logged);
    let column = |name: &str| {
        let all = logged["columns"].as_array().unwrap();
        all.iter().find(|column| column["name"] == name).unwrap().clone()
    };
    assert_eq!((&logged["format"], &logged["decimal"]), (&"csv".into(), &",".into()));
    assert_eq!(
        (&column("Kunde")["use"], &column("Kunde")["reason"]),
        (&"left_out".into(), &"identifier".into())
    );
    assert_eq!(column("Art")["gap_words"], serde_json::json!({"NA": 15}));
    assert_eq!((&column("Art")["levels"], &column("Art")["use"]), (&3.into(), &"levels".into()));
}

#[test]
fn what_breaks_the_reader_of_a_file_is_told_in_one_sentence() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("a.parquet");
    let whole = parquet(&path);
    let name = path.to_str().unwrap();
    // What the file tells of itself stands at its end; some of what can be wrong there makes the reader panic.
    let breaks_it = |at: usize| {
        let mut damaged = whole.clone();
        damaged[at] = 1;
        fs::write(&path, damaged).unwrap();
        load(name, &ReadOptions::default()).is_err_and(|error| error.to_string().ends_with("it is damaged"))
    };
    assert!((whole.len() / 2..whole.len()).any(breaks_it));
    let (code, _, error) = output(mltui(home.path(), &local(home.path()), &["sweep", "--data", name]));
    // The first line says that there is no database yet.
    assert!(error.starts_with("mltui: no file"), "{error}");
    assert_eq!((code, error.lines().count()), (2, 2), "{error}");
    assert!(error.contains("it is damaged") && !error.contains("panicked"), "{error}");
}
