//! Training, from the data to models that Python runs.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use mltui::learn::data::{ColumnKind, ColumnValues, ReadOptions, Target, bundled};
use mltui::learn::families::{FAMILIES, Family};
use mltui::learn::onnx::export;
use mltui::learn::scores::Prediction;
use mltui::learn::study::TrainingData;
use mltui::learn::{data, families};
use mltui::params::{Params, defaults};
use serde_json::json;

use crate::support::V3;

/// A table with everything in it: gaps, texts, truth values, whole numbers.
fn mixed(folder: &Path) -> String {
    let mut rng = fastrand::Rng::with_seed(7);
    let mut text = String::from("size,colour,is_new,rooms,note,price,sold\n");
    for row in 0..400 {
        let size = 20.0 + 180.0 * rng.f64();
        let colour = ["red", "green", "blue"][rng.usize(..3)];
        let (is_new, rooms) = (rng.bool(), rng.i64(1..7));
        let price = 3.0 * size + if is_new { 40.0 } else { 0.0 } + 9.0 * rooms as f64 + 30.0 * rng.f64();
        let price = price + if colour == "red" { 60.0 } else { 0.0 };
        let size = if row % 11 == 0 { String::new() } else { format!("{size:.3}") };
        let colour = if row % 13 == 0 { "" } else { colour };
        let sold = if price > 400.0 { "yes" } else { "no" };
        text.push_str(&format!("{size},{colour},{is_new},{rooms},\"note, {row}\",{price:.2},{sold}\n"));
    }
    let path = folder.join("mixed.csv");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Times as programs write them, in milliseconds and in seconds with gaps: what is learnt is the hour of a single day.
fn times(folder: &Path) -> String {
    let mut rng = fastrand::Rng::with_seed(9);
    let mut text = String::from("at,seen,y\n");
    for row in 0..400 {
        let second = rng.u32(0..86_400);
        let at = 1_795_651_200_000_u64 + u64::from(second) * 1000;
        let seen = if row % 9 == 0 { String::new() } else { format!("{:.3}", at as f64 / 1e3 + 0.25) };
        text.push_str(&format!("{at},{seen},{:.3}\n", (f64::from(second) / 13_750.0).sin()));
    }
    let path = folder.join("times.csv");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Dates with and without times, and gaps: what is learnt is the month, the weekday and the hour.
fn dates(folder: &Path) -> String {
    let mut rng = fastrand::Rng::with_seed(10);
    let mut text = String::from("at,day,us,size,y\n");
    for row in 0..400 {
        let (days, second) = (rng.i64(-20_000..20_000), rng.i64(0..86_400));
        let at = jiff::Timestamp::from_second(days * 86_400 + second).unwrap();
        let written = if row % 2 == 0 { "%Y-%m-%dT%H:%M:%S.25+02:00" } else { "%Y-%m-%dT%H:%M:%S+02:00" };
        let written = at.strftime(written);
        let day = jiff::Timestamp::from_second((days + 3) * 86_400).unwrap();
        let y = f64::from(day.strftime("%m").to_string().parse::<u8>().unwrap())
            + if row % 7 == 0 { 5.0 } else { at.strftime("%H").to_string().parse::<f64>().unwrap() };
        let us = at.strftime("%m/%d/%Y %H:%M").to_string();
        let (written, day) = (written.to_string(), day.strftime("%d.%m.%Y").to_string());
        let written = if row % 7 == 0 { "NA" } else { &written };
        let day = if row % 11 == 0 { "" } else { &day };
        text.push_str(&format!("{written},{day},{us},{:.3},{y}\n", rng.f64()));
    }
    let path = folder.join("dates.csv");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// A text of many levels, which tell more than all else; some have gaps, and some are met once.
fn towns(folder: &Path) -> String {
    let mut rng = fastrand::Rng::with_seed(12);
    let effects: Vec<f64> = (0..150).map(|_| rng.f64()).collect();
    let mut text = String::from("town,size,price,kind\n");
    for row in 0..900 {
        let (town, size) = (if row < 150 { row } else { rng.usize(..130) }, rng.f64());
        let price = 10.0 * effects[town] + size;
        let kind = ["low", "middle", "high"][(price / 4.0) as usize];
        let town = if row % 17 == 0 { "?".into() } else { format!("T{town}") };
        text.push_str(&format!("{town},{size:.4},{price:.3},{kind}\n"));
    }
    let path = folder.join("towns.csv");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

pub fn study(data: &str, target: &str, task: Option<data::Task>, ignored: &[&str]) -> TrainingData {
    let ignored = ignored.iter().map(|name| (*name).to_owned()).collect();
    let frame = data::load(data, &ReadOptions { ignored, ..ReadOptions::default() }).unwrap();
    let target = Target::new(&frame, target, task).unwrap();
    TrainingData::new(frame, target, 0.2, 5, 1).unwrap()
}

/// Fits on all but the test part and writes the model, the test rows and the predictions.
fn write_case(folder: &Path, study: &TrainingData, family: &dyn Family, params: &Params) {
    let part = study.whole().unwrap();
    let fitted = match part.fit_and_score(family, params, 3) {
        Ok(fitted) => fitted,
        Err(error) => panic!("{} with {params:?}: {error}", family.name()),
    };
    let exported = export(&fitted.model, &part.preparation, &study.frame, study.target.labels.as_ref());
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("model.onnx"), &exported.bytes).unwrap();
    let rows = &study.split.test;
    let inputs: Vec<_> = exported
        .inputs
        .iter()
        .map(|at| {
            let column = &study.frame.columns[*at];
            let (kind, values): (&str, Vec<serde_json::Value>) = match (&column.values, column.kind) {
                (ColumnValues::Texts { codes, levels }, _) => {
                    let text =
                        |row: &u32| levels.get(codes[*row as usize] as usize).map_or("", String::as_str);
                    ("text", rows.iter().map(|row| json!(text(row))).collect())
                }
                (ColumnValues::Numbers(numbers), ColumnKind::Integer) => {
                    ("integer", rows.iter().map(|row| json!(numbers[*row as usize] as i64)).collect())
                }
                (ColumnValues::Numbers(numbers), ColumnKind::Boolean) => {
                    ("boolean", rows.iter().map(|row| json!(numbers[*row as usize] > 0.5)).collect())
                }
                (ColumnValues::Numbers(moments), ColumnKind::Time(dates)) => {
                    let text = |row: &u32| {
                        let moment = moments[*row as usize];
                        if moment.is_nan() { String::new() } else { dates.written(moment) }
                    };
                    ("text", rows.iter().map(|row| json!(text(row))).collect())
                }
                (ColumnValues::Numbers(numbers), _) => {
                    let number = |row: &u32| Some(numbers[*row as usize]).filter(|number| !number.is_nan());
                    ("real", rows.iter().map(|row| json!(number(row))).collect())
                }
            };
            json!({"name": column.name, "kind": kind, "values": values})
        })
        .collect();
    let labels = study
        .target
        .labels
        .as_ref()
        .map(|labels| (0..labels.len()).map(|at| labels.name(at)).collect::<Vec<_>>());
    let (expected, probabilities) = match &fitted.prediction {
        Prediction::Numbers(values) => (json!(values), json!(null)),
        Prediction::Classes { probabilities, classes, count, .. } => {
            (json!(classes), json!(probabilities.chunks(*count).collect::<Vec<_>>()))
        }
    };
    let case =
        json!({"inputs": inputs, "labels": labels, "expected": expected, "probabilities": probabilities});
    fs::write(folder.join("case.json"), case.to_string()).unwrap();
}

#[test]
fn models_predict_in_python_what_they_predict_here() {
    let folder = tempfile::tempdir().unwrap();
    let cases = folder.path().join("cases");
    let table = mixed(folder.path());
    let mut studies: Vec<(String, TrainingData)> = bundled::SETS
        .iter()
        .map(|set| (set.name.to_owned(), study(set.name, set.target, Some(set.task), &[])))
        .collect();
    studies.push(("mixed-number".into(), study(&table, "price", None, &["sold"])));
    studies.push(("mixed-class".into(), study(&table, "sold", None, &["price"])));
    studies.push(("mixed-truth".into(), study(&table, "is_new", None, &[])));
    let timed = study(&times(folder.path()), "y", None, &[]);
    let tree = families::find("decision_tree").unwrap();
    let space = tree.search_space(timed.shape());
    let fitted = timed.whole().unwrap().fit_and_score(tree, &defaults(&space), 1).unwrap();
    assert!(fitted.scores[0] < 0.1, "a day is more than two minutes long: {:?}", fitted.scores);
    studies.push(("times".into(), timed));
    let dated = study(&dates(folder.path()), "y", Some(data::Task::Regression), &[]);
    let names = &dated.whole().unwrap().preparation.names;
    assert!(
        ["at.elapsed", "at.hour_sin", "day.month", "day.weekday", "size"]
            .iter()
            .all(|name| names.contains(&(*name).into()))
    );
    assert!(!names.contains(&"day.hour".into()), "it is the same everywhere: {names:?}");
    let fitted = dated.whole().unwrap().fit_and_score(tree, &defaults(&space), 1).unwrap();
    assert!(fitted.scores[2] > 0.7, "the month and the hour are found: {:?}", fitted.scores);
    studies.push(("dates".into(), dated));
    let towns = towns(folder.path());
    for (target, ignored, names) in [
        ("price", "kind", &["town.mean"][..]),
        ("kind", "price", &["town.share_0", "town.share_1", "town.share_2"]),
    ] {
        let study = study(&towns, target, None, &[ignored]);
        let part = study.whole().unwrap();
        assert_eq!(part.preparation.names[..names.len()], *names);
        let boosting = families::find("gradient_boosting").unwrap();
        let fitted =
            part.fit_and_score(boosting, &defaults(&boosting.search_space(study.shape())), 1).unwrap();
        let score = if target == "price" { fitted.scores[2] } else { fitted.scores[0] };
        assert!(score > 0.75, "a town tells most: {:?}", fitted.scores);
        studies.push((format!("towns-{target}"), study));
    }
    let mut written = 0;
    for (name, study) in &studies {
        let shape = study.shape();
        for family in
            FAMILIES.into_iter().filter(|family| family.supports(shape.task) && family.name() != "linfa_tree")
        {
            let space = family.search_space(shape);
            write_case(&cases.join(format!("{name}-{}", family.name())), study, family, &defaults(&space));
            // And with the other choices.
            let mut others = defaults(&space);
            for dimension in &space {
                if let mltui::params::Range::Choice(choices) = &dimension.range {
                    others.insert(dimension.name.clone(), choices[choices.len() - 1].clone());
                }
            }
            if others != defaults(&space) {
                write_case(&cases.join(format!("{name}-{}-other", family.name())), study, family, &others);
            }
            written += 1;
        }
    }
    let said = V3.run(include_str!("../support/predict.py"), &[cases.to_str().unwrap()]);
    assert!(said.lines().count() > written, "{said}");
}

#[test]
fn parquet_and_arrow_are_read_as_the_same_table_in_csv() {
    let folder = tempfile::tempdir().unwrap();
    let csv = mixed(folder.path());
    let parquet = folder.path().join("mixed.parquet").display().to_string();
    for (form, compression) in [
        ("parquet", "snappy"),
        ("parquet", "zstd"),
        ("parquet", "gzip"),
        ("feather", "uncompressed"),
        ("feather", "lz4"),
        ("feather", "zstd"),
    ] {
        let write = "import sys, pandas as pd
getattr(pd.read_csv(sys.argv[1]), 'to_' + sys.argv[3])(sys.argv[2], compression=sys.argv[4])";
        V3.run(write, &[&csv, &parquet, form, compression]);
        let (ours, theirs) =
            (data::load(&csv, &ReadOptions::default()), data::load(&parquet, &ReadOptions::default()));
        let (ours, theirs) = (ours.unwrap(), theirs.unwrap());
        // A gap is not equal to itself.
        assert_eq!(format!("{:?}", ours.columns), format!("{:?}", theirs.columns), "{form} {compression}");
    }
    fs::write(&parquet, b"PAR1 and nothing else").unwrap();
    let error = data::load(&parquet, &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("not a readable Parquet file"), "{error}");
}

/// Trains on the first fold, and keeps what went in and what came out for Python.
pub fn beside(name: &str, study: &TrainingData, family: &str) -> serde_json::Value {
    let params = defaults(&families::find(family).unwrap().search_space(study.shape()));
    beside_with(name, study, family, &params)
}

/// The same with these hyper-parameters.
pub fn beside_with(name: &str, study: &TrainingData, family: &str, params: &Params) -> serde_json::Value {
    let family = families::find(family).unwrap();
    let part = study.fold(0).unwrap();
    let fitted = part.fit_and_score(family, params, 5).unwrap_or_else(|error| panic!("{name}: {error}"));
    let rows = |features: &mltui::learn::features::Features| {
        let matrix = &features.raw;
        let row = |row| (0..matrix.width()).map(|at| matrix.column(at)[row]).collect::<Vec<_>>();
        (0..matrix.rows).map(row).collect::<Vec<_>>()
    };
    let target = match &part.train.targets {
        data::TargetValues::Numbers(values) => json!(values),
        data::TargetValues::Classes { classes, .. } => json!(classes),
    };
    let truth = match &part.truth {
        data::TargetValues::Numbers(values) => json!(values),
        data::TargetValues::Classes { classes, .. } => json!(classes),
    };
    let (predicted, classes) = match &fitted.prediction {
        Prediction::Numbers(values) => (json!(values), json!(null)),
        Prediction::Classes { probabilities, classes, count } => {
            (json!(probabilities.chunks(*count).collect::<Vec<_>>()), json!(classes))
        }
    };
    let params: serde_json::Map<_, _> = params
        .iter()
        .map(|(key, value)| {
            let text = value.to_string();
            (key.clone(), text.parse::<f64>().map_or(json!(text), |number| json!(number)))
        })
        .collect();
    json!({
        "name": name, "train": rows(&part.train.records), "held_out": rows(&part.held_out), "target": target,
        "truth": truth, "params": params, "predicted": predicted, "classes": classes, "scores": fitted.scores,
    })
}

/// Tables of which least squares leave more than one answer: more columns than rows, as many, and columns that are sums of
/// others.
fn ambiguous(folder: &Path) -> Vec<(&'static str, TrainingData)> {
    let mut rng = fastrand::Rng::with_seed(11);
    let table = |name: &'static str, columns: usize, rng: &mut fastrand::Rng| {
        let names: Vec<String> = (0..columns).map(|at| format!("x{at}")).collect();
        let mut text = format!("{},colour,sum,twice,y\n", names.join(","));
        for row in 0..40 {
            // Eighths, so that sums are exact in single precision.
            let values: Vec<f64> = names.iter().map(|_| f64::from(rng.i32(-80..80)) / 8.0).collect();
            let colour = ["red", "green", "blue"][row % 3];
            let target = values[0] - 2.0 * values[1] + (row % 3) as f64 + rng.f64();
            let cells: Vec<String> = values.iter().map(f64::to_string).collect();
            let (sum, twice) = (values[0] + values[1], values[2] * 2.0);
            writeln!(text, "{},{colour},{sum},{twice},{target}", cells.join(",")).unwrap();
        }
        let path = folder.join(format!("{name}.csv"));
        fs::write(&path, text).unwrap();
        (name, study(&path.display().to_string(), "y", Some(data::Task::Regression), &[]))
    };
    // A fold has 25 or 26 training rows.
    [("collinear", 4), ("square", 21), ("wide", 60)]
        .map(|(name, columns)| table(name, columns, &mut rng))
        .into()
}

#[test]
fn least_squares_without_one_answer_are_those_of_numpy() {
    let folder = tempfile::tempdir().unwrap();
    let cases: Vec<_> =
        ambiguous(folder.path()).iter().map(|(name, study)| beside(name, study, "linear")).collect();
    let path = folder.path().join("cases.json");
    fs::write(&path, json!(cases).to_string()).unwrap();
    let said = V3.run(
        "import json, sys, numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
for case in json.load(open(sys.argv[1])):
    x, y, new = (np.array(case[key]) for key in ('train', 'target', 'held_out'))
    scaler = StandardScaler().fit(x)
    weights, _, rank, _ = np.linalg.lstsq(scaler.transform(x), y - y.mean(), rcond=1e-9)
    assert rank < x.shape[1], case['name']
    ours = np.array(case['predicted'])
    theirs = scaler.transform(new) @ weights + y.mean()
    also = make_pipeline(StandardScaler(), LinearRegression()).fit(x, y).predict(new)
    worst = max(np.abs(ours - theirs).max(), np.abs(ours - also).max()) / np.abs(theirs).max()
    assert worst < 1e-8, (case['name'], worst)
    print(case['name'], x.shape, rank, worst)",
        &[path.to_str().unwrap()],
    );
    assert_eq!(said.lines().count(), 3, "{said}");
}

#[test]
fn further_trees_are_as_good_as_those_of_scikit_learn() {
    let folder = tempfile::tempdir().unwrap();
    let of = |family: &'static str| {
        let sets = bundled::SETS
            .iter()
            .filter(move |set| family != "ada_boost" || set.task == data::Task::Classification);
        sets.map(move |set| {
            let mut case = beside(set.name, &study(set.name, set.target, Some(set.task), &[]), family);
            case["family"] = family.into();
            case
        })
    };
    let cases: Vec<_> = of("extra_trees").chain(of("ada_boost")).collect();
    let path = folder.path().join("cases.json");
    fs::write(&path, json!(cases).to_string()).unwrap();
    let said = V3.run(
        "import json, sys, numpy as np
from sklearn.ensemble import AdaBoostClassifier, ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.tree import DecisionTreeClassifier
for case in json.load(open(sys.argv[1])):
    x, y, new, truth = (np.array(case[key]) for key in ('train', 'target', 'held_out', 'truth'))
    reals = ['max_features', 'learning_rate']
    params = {key: value if key in reals else int(value) for key, value in case['params'].items()}
    kind = ExtraTreesRegressor if case['classes'] is None else ExtraTreesClassifier
    if case['family'] == 'ada_boost':
        kind, params['estimator'] = AdaBoostClassifier, DecisionTreeClassifier(max_depth=params.pop('max_depth'))
    theirs = [kind(random_state=seed, **params).fit(x, y) for seed in range(5)]
    if case['family'] == 'ada_boost' and case['name'] == 'breast-cancer':
        apart = np.abs(theirs[0].predict_proba(new) - np.array(case['predicted'])).mean()
        assert apart < 0.005, apart
    theirs = [model.predict(new) for model in theirs]
    if case['classes'] is None:
        theirs = [((said - truth) ** 2).mean() ** 0.5 for said in theirs]
        worse = case['scores'][0] / np.mean(theirs) - 1
    else:
        theirs = [(said == truth).mean() for said in theirs]
        worse = np.mean(theirs) - case['scores'][0]
    print(case['name'], case['scores'][0], theirs)
    assert worse < 0.03, (case['name'], worse)",
        &[path.to_str().unwrap()],
    );
    assert_eq!(said.lines().count(), 8, "{said}");
}

const KINDS: &str = r#"
import decimal, sys, pyarrow as pa, pyarrow.parquet as pq
def price(row):
    return decimal.Decimal(row * 7919 - 40000) / 100
rows = range(60)
def decimals(precision):
    return pa.array([None if row == 3 else price(row) for row in rows], pa.decimal128(precision, 2))
columns = {
    "small": decimals(9), "middle": decimals(18), "large": decimals(38),
    "whole": pa.array([decimal.Decimal(row) * 10 ** 20 for row in rows], pa.decimal128(38, 0)),
    "huge": pa.array([price(row) for row in rows], pa.decimal256(60, 4)),
    "truth": pa.array([None if row == 1 else row % 2 == 0 for row in rows]),
    "word": pa.array(["None" if row % 3 == 0 else "NA" if row % 3 == 1 else "" for row in rows]),
    "at": pa.array([1795651200000000000 + row for row in rows], pa.timestamp("ns")),
    "when": pa.array([row for row in rows], pa.timestamp("ms", "UTC")),
    "day": pa.array([row for row in rows], pa.date32()),
    "clock": pa.array([row for row in rows], pa.time64("ns")),
    "tags": pa.array([["a", "b"] for row in rows]),
    "place": pa.array([{"x": row, "y": 1.5} for row in rows]),
    "bytes": pa.array([b"\xff\x00" for row in rows]),
    "flag": pa.array([None if row == 5 else row % 2 for row in rows]),
}
table = pa.table(columns)
if sys.argv[2] == "arrow":
    table = table.append_column("kind", pa.array(["a", "b"] * 30).dictionary_encode())
    with pa.ipc.new_stream(sys.argv[1], table.schema) as stream: stream.write_table(table, max_chunksize=16)
else:
    pq.write_table(table, sys.argv[1], store_decimal_as_integer=sys.argv[2] == "integer")
print(",".join(str(None if row == 3 else float(price(row))) for row in rows))
"#;

#[test]
fn tables_of_a_database_are_read_with_their_decimals_and_their_other_kinds_are_told() {
    let folder = tempfile::tempdir().unwrap();
    for stored in ["integer", "bytes", "arrow"] {
        let path = folder.path().join(format!("{stored}.parquet")).display().to_string();
        let said = V3.run(KINDS, &[&path, stored]);
        let expected: Vec<f64> =
            said.trim().split(',').map(|cell| cell.parse().unwrap_or(f64::NAN)).collect();
        let frame = data::load(&path, &ReadOptions::default()).unwrap();
        let column = |name: &str| &frame.columns[frame.column(name).unwrap()];
        let numbers = |name: &str| match &column(name).values {
            ColumnValues::Numbers(numbers) => numbers,
            ColumnValues::Texts { .. } => panic!("{name} is taken for text"),
        };
        for name in ["small", "middle", "large"] {
            let read: Vec<u64> = numbers(name).iter().map(|number| number.to_bits()).collect();
            let expected: Vec<u64> = expected.iter().map(|number| number.to_bits()).collect();
            assert_eq!((column(name).kind, read), (ColumnKind::Real, expected), "{name} as {stored}");
        }
        assert!((numbers("whole")[59] - 59e20).abs() < 1.0 && (numbers("huge")[0] + 400.0).abs() < 1e-12);
        let levels = |name: &str| match &column(name).values {
            ColumnValues::Texts { levels, .. } => levels.clone(),
            ColumnValues::Numbers(_) => panic!("{name} is taken for numbers"),
        };
        assert_eq!((levels("truth"), column("truth").gaps()), (vec!["False".into(), "True".into()], 1));
        // A file that has gaps of its own means what it says.
        assert_eq!((levels("word"), column("word").gaps()), (vec!["NA".into(), "None".into()], 20));
        let mut left: Vec<_> =
            frame.left_out.iter().map(|column| (column.name.as_str(), column.why.short())).collect();
        left.sort_unstable();
        let expected = [("bytes", "bytes"), ("clock", "time"), ("place", "nested"), ("tags", "nested")];
        assert_eq!(left, expected);
        let ignored = ["tags", "place", "large", "nowhere"].map(str::to_owned).to_vec();
        let less = data::load(&path, &ReadOptions { ignored, ..ReadOptions::default() }).unwrap();
        assert_eq!(less.columns.len(), frame.columns.len() - 1);
        assert_eq!(less.left_out.iter().filter(|column| column.why.short() == "ignored").count(), 3);
        assert_eq!(less.unknown, ["nowhere"]);
        let flag = Target::new(&frame, "flag", None).unwrap();
        assert_eq!((flag.task, flag.rows.len()), (data::Task::Classification, 59));
        for (name, moments, dates) in [
            ("at", [1_795_651_200.0; 2], data::Dates::STAMPS),
            ("when", [0.0, 0.059], data::Dates::STAMPS),
            ("day", [0.0, 59.0 * 86_400.0], data::Dates::DAYS),
        ] {
            assert_eq!(
                (column(name).kind, [numbers(name)[0], numbers(name)[59]]),
                (ColumnKind::Time(dates), moments),
                "{name}"
            );
        }
        let error = Target::new(&frame, "when", None).unwrap_err().to_string();
        assert!(error.contains("the target when holds dates"), "{error}");
    }
}
