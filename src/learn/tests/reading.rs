//! Files of training data: how they are read, what is left out, and what is told of it.

use std::io::Write as _;

use super::parquet_file::parquet;
use super::{read, write};
use crate::learn::data::{
    ColumnKind, ColumnValues, DataColumn, DataFrame, DecimalMark, ReadOptions, Target, Task, load,
};
use crate::learn::report::DataReport;
use crate::learn::study::TrainingData;

/// Texts of which some are numbers: numbers by size, and the others behind them.
#[test]
fn levels_of_digits_and_letters_have_an_order() {
    let levels = [
        "46a", "9", "22a", "19a", "12", "35a", "11", "21", "16", "24a", "43", "2a", "5", "27a", "36", "28a",
        "41", "29a", "25", "47a", "14a",
    ];
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<String> = levels.iter().chain(&levels).map(|level| format!("{level},1")).collect();
    let table = format!("house,y\n{}\n", rows.join("\n"));
    let frame = read(&write(folder.path(), "levels.csv", table.as_bytes()));
    let ColumnValues::Texts { levels, codes } = &frame.columns[0].values else { panic!() };
    let expected = "5 9 11 12 16 21 25 36 41 43 14a 19a 22a 24a 27a 28a 29a 2a 35a 46a 47a";
    assert_eq!(levels.join(" "), expected);
    assert_eq!((codes[0], codes[1], codes[22]), (19, 1, 1));
}

#[test]
fn names_between_commas_are_those_of_several_columns_where_no_column_is_called_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "t.csv", b"a,\"a,b\",b,c\n1,2,3,4\n5,6,7,8\n");
    let left_out = |ignored: &str| {
        let reading = ReadOptions { ignored: vec![ignored.into()], ..ReadOptions::default() };
        let frame = load(&path, &reading).unwrap();
        let names: Vec<String> = frame.left_out.into_iter().map(|column| column.name).collect();
        (names.join(" + "), frame.unknown.join(" + "))
    };
    assert_eq!(left_out("a,b"), ("a,b".into(), String::new()));
    assert_eq!(left_out("a, c"), ("a + c".into(), String::new()));
    assert_eq!(left_out("\"a,b\",c,d"), ("a,b + c".into(), "d".into()));
    let reading = ReadOptions { categorical: vec!["b,c".into()], ..ReadOptions::default() };
    let kinds: Vec<ColumnKind> =
        load(&path, &reading).unwrap().columns.iter().map(|column| column.kind).collect();
    assert_eq!(kinds, [ColumnKind::Integer, ColumnKind::Integer, ColumnKind::Text, ColumnKind::Text]);
}

#[test]
fn files_are_read_whatever_their_separator_quotes_and_packing() {
    let folder = tempfile::tempdir().unwrap();
    let plain = "a,b,c,d\n1,2.5,x,true\n2,,\"y, z\",false\n3,-1e3,x,true\n";
    let frame = read(&write(folder.path(), "plain.csv", plain.as_bytes()));
    let kinds: Vec<ColumnKind> = frame.columns.iter().map(|column| column.kind).collect();
    assert_eq!(kinds, [ColumnKind::Integer, ColumnKind::Real, ColumnKind::Text, ColumnKind::Boolean]);
    assert_eq!(frame.columns[1].gaps(), 1);
    let ColumnValues::Texts { levels, codes } = &frame.columns[2].values else { panic!() };
    assert_eq!(
        (levels.as_slice(), codes.as_slice()),
        (&["x".to_owned(), "y, z".to_owned()][..], &[0, 1, 0][..])
    );
    for (name, separator) in [("semicolon.csv", ";"), ("tabs.tsv", "\t"), ("bars.txt", "|")] {
        let text = format!("\u{feff}a{separator}b\r\n1{separator}\"2\"\r\n3{separator}NA\r\n");
        let frame = read(&write(folder.path(), name, text.as_bytes()));
        assert_eq!((frame.columns[0].name.as_str(), frame.columns.len(), frame.rows), ("a", 2, 2), "{name}");
        assert_eq!(frame.columns[1].gaps(), 1);
    }
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(plain.as_bytes()).unwrap();
    let packed = read(&write(folder.path(), "plain.csv.gz", &packed.finish().unwrap()));
    // A gap is not equal to itself.
    assert_eq!(format!("{:?}", packed.columns), format!("{:?}", frame.columns));
    assert_eq!((&packed.digest, packed.name.as_str()), (&frame.digest, "plain"));
    let reading = ReadOptions {
        no_header: true,
        categorical: vec!["c1".into()],
        ignored: vec!["c2".into()],
        ..ReadOptions::default()
    };
    let frame = load(&write(folder.path(), "bare.csv", b"3,1,5\n10,2,6\n3,3,7\n"), &reading).unwrap();
    assert_eq!(frame.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>(), ["c1", "c3"]);
    assert_eq!(frame.columns[0].kind, ColumnKind::Text);
}

#[test]
fn decimal_commas_are_numbers_and_what_is_in_doubt_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let numbers = |frame: &DataFrame, at: usize| match &frame.columns[at].values {
        ColumnValues::Numbers(numbers) => numbers.clone(),
        ColumnValues::Texts { levels, .. } => panic!("taken for text: {levels:?}"),
    };
    let load =
        |text: &str, reading: &ReadOptions| load(&write(folder.path(), "t.csv", text.as_bytes()), reading);
    let read = |text: &str| load(text, &ReadOptions::default()).unwrap();
    let frame = read("a;b;c\n1,5;2,5;1.234\n-0,25;;2.345.678\n");
    assert_eq!((numbers(&frame, 0), numbers(&frame, 2)), (vec![1.5, -0.25], vec![1234.0, 2_345_678.0]));
    assert!(numbers(&frame, 1)[1].is_nan() && frame.columns[0].mark == DecimalMark::Comma);
    assert_eq!(numbers(&read("a,b\n\"1,5\",x\n\"2,25\",y\n"), 0), [1.5, 2.25], "in quotes");
    assert_eq!(numbers(&read("a\tb\n1,5\t3.000,5\n2,5\t7\n"), 1), [3000.5, 7.0]);
    assert_eq!(numbers(&read("a,b\n\"1,234.5\",\"1,234\"\n7.5,8\n"), 1), [1234.0, 8.0], "thousands");
    assert_eq!(numbers(&read("a;b\n1,234;x\n2,345;y\n"), 0), [1.234, 2.345], "semicolons say so");
    assert_eq!(numbers(&read("a;b\n1.234;x\n2.345;y\n"), 0), [1.234, 2.345], "as ever");
    let bare = ReadOptions { no_header: true, ..ReadOptions::default() };
    assert_eq!(numbers(&load("1,5;2,5\n3,5;4,5\n", &bare).unwrap(), 1), [2.5, 4.5]);
    let doubtful = "a,b\n\"1,234\",x\n\"2,345\",y\n";
    let error = load(doubtful, &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("line 2, column a") && error.contains("--decimal"), "{error}");
    let said = |decimal| ReadOptions { decimal: Some(decimal), ..ReadOptions::default() };
    assert_eq!(numbers(&load(doubtful, &said(DecimalMark::Point)).unwrap(), 0), [1234.0, 2345.0]);
    assert_eq!(numbers(&load(doubtful, &said(DecimalMark::Comma)).unwrap(), 0), [1.234, 2.345]);
    let error = load("a;b\n1,5;x\n1.5;y\n", &ReadOptions::default()).unwrap_err().to_string();
    assert!(error.contains("column a") && error.contains("among"), "{error}");
}

#[cfg(unix)]
#[test]
fn only_regular_files_are_opened() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.csv");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let link = folder.path().join("link.csv");
    std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
    for (path, what) in [(pipe.as_path(), "a pipe"), (&link, "a pipe"), (folder.path(), "a folder")] {
        let error = load(&path.display().to_string(), &ReadOptions::default()).unwrap_err().to_string();
        assert!(error.contains(&format!("it is {what}")), "{error}");
    }
}

/// What stands among numbers with commas is told as it is among numbers with points.
#[test]
fn a_text_among_numbers_is_an_error_whatever_their_mark() {
    let folder = tempfile::tempdir().unwrap();
    let load = |text: &str, decimal| {
        let reading = ReadOptions { decimal, ..ReadOptions::default() };
        load(&write(folder.path(), "t.csv", text.as_bytes()), &reading)
    };
    for mark in [None, Some(DecimalMark::Comma), Some(DecimalMark::Point)] {
        let error = load("a;b\n1,5;x\n3,25;y\nunbekannt;x\n0,5;y\n", mark).unwrap_err().to_string();
        assert!(error.contains("line 4, column a: \"unbekannt\" among 3 numbers"), "{mark:?}: {error}");
    }
    let error = load("a;b\n1,5;x\n3,25;y\n2.5;x\n", None).unwrap_err().to_string();
    assert!(error.contains("line 4, column a: \"2.5\" among 2 numbers"), "{error}");
    let few = load("a;b\nrot;x\n1,5;y\nblau;x\n", None).unwrap();
    assert_eq!(few.columns[0].kind, ColumnKind::Text, "mostly texts");
}

#[test]
fn gaps_among_texts_are_few_words_and_truth_has_one_spelling() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        "n,t,c,s,y\nNone,None,NA,TRUE,None\n2,NA,1,,None\n3,x,2,false,a\n4,?,1,true,NA\n5,x,1,None,a\n";
    let reading = ReadOptions { categorical: vec!["c".into()], ..ReadOptions::default() };
    let frame = load(&write(folder.path(), "t.csv", text.as_bytes()), &reading).unwrap();
    let levels = |at: usize| match &frame.columns[at].values {
        ColumnValues::Texts { levels, .. } => levels.join(" "),
        ColumnValues::Numbers(_) => panic!("{at}"),
    };
    assert_eq!((frame.columns[0].kind, frame.columns[0].gaps()), (ColumnKind::Real, 1));
    assert_eq!((levels(1).as_str(), frame.columns[1].gaps()), ("None x", 2));
    assert_eq!(frame.columns[1].gap_words, [("?".to_owned(), 1), ("NA".to_owned(), 1)]);
    assert_eq!((levels(2).as_str(), frame.columns[2].gaps()), ("1 2 NA", 0), "as was said");
    assert_eq!((levels(3).as_str(), frame.columns[3].gaps()), ("False True", 2));
    let target = Target::new(&frame, "y", None).unwrap();
    assert_eq!((target.rows.len(), target.labels.unwrap().name(0).as_str()), (4, "None"));
}

#[test]
fn a_column_is_left_out_of_all_folds_or_of_none() {
    let folder = tempfile::tempdir().unwrap();
    // Of 400 rows 190 levels, near to one in two; of 60 rows none like another; and a level that one row has.
    let mut text = String::from("near,id,rare,x,y\n");
    for row in 0..400 {
        let rare = if row == 7 { "once" } else { ["a", "b"][row % 2] };
        text.push_str(&format!("n{},i{row},{rare},{},{}\n", row % 190, row % 7, row % 11));
    }
    let frame = read(&write(folder.path(), "near.csv", text.as_bytes()));
    let target = Target::new(&frame, "y", Some(Task::Regression)).unwrap();
    let study = TrainingData::new(frame, target, 0.2, 5, 1).unwrap();
    let parts = (0..5).map(|fold| study.fold(fold).unwrap()).chain([study.whole().unwrap()]);
    for part in parts {
        let columns: Vec<usize> =
            part.preparation.encodings.iter().map(crate::learn::prepare::Encoding::column).collect();
        assert_eq!(columns, [0, 2, 3]);
        // Of so many levels what the target is like for each.
        assert_eq!(part.preparation.names[0], "near.mean");
    }
    let left = study.roles.left_out(&study.frame);
    assert_eq!(left.len(), 1);
    assert_eq!((left[0].name.as_str(), left[0].why.short()), ("id", "identifier"));
}

/// What is left out is told of, and counted, however many columns there are.
#[test]
fn an_account_of_many_columns_has_true_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let account = |columns: usize, left_out: usize| {
        let names = |start: &'static str, count| (0..count).map(move |at| format!("{start}{at}"));
        let header: Vec<String> = names("n", columns).chain(names("same", left_out)).collect();
        let mut text = format!("{},t,city,y\n", header.join(","));
        for row in 0..300_u64 {
            let cell = |at: usize| match (at < columns, row) {
                (true, 5) => String::new(),
                (true, _) => (row + at as u64 * 7 * (row % 2)).to_string(),
                (false, _) => "7".to_owned(),
            };
            let cells: Vec<String> = (0..columns + left_out).map(cell).collect();
            let class = if row < 40 { "z".to_owned() } else { format!("k{}", row % 13) };
            // More than single precision tells apart, whatever it is counted from.
            let time = (row % 150) + if row % 2 == 0 { 0 } else { 1 << 40 };
            text.push_str(&format!("{},{time},c{},{class}\n", cells.join(","), row % 120));
        }
        let frame = read(&write(folder.path(), "wide.csv", text.as_bytes()));
        let target = Target::new(&frame, "y", None).unwrap();
        DataReport::of(&TrainingData::new(frame, target, 0.2, 5, 1).unwrap())
    };
    let wide = account(1_100, 30);
    assert_eq!((wide.columns.len(), wide.more_columns), (1_000, 133));
    let lines = wide.lines();
    let says = |expected: &str| assert!(lines.iter().any(|line| line == expected), "{expected}: {lines:#?}");
    says("wide: same0 is excluded: it is constant");
    says("wide: 10 more columns are excluded");
    says("wide: missing values: n0 1, n1 1, n2 1, n3 1, n4 1, n5 1, n6 1, n7 1 and 1092 more");
    let starts =
        |start: &str| assert!(lines.iter().any(|line| line.starts_with(start)), "{start}: {lines:#?}");
    starts("wide: the target y: classification: 40 rows of \"z\", 20 of \"k");
    starts(
        "wide: features: numbers t, n0, n1, n2, n3, n4, n5, n6 and 1093 more; texts city (100 of 120 levels)",
    );
    starts("wide: t: in single precision, only 7");
    let few = account(2, 2);
    let briefly = few.briefly().join("; ");
    assert!(
        briefly.contains("excluded same0 (constant), same1 (constant); missing values in n0 1, n1 1"),
        "{briefly}"
    );
    assert!(briefly.contains("levels used: city 100 of 120; distinct values in single precision: t "));
    let all = account(1, 1_200);
    assert_eq!(all.lines()[2], "wide: features: numbers (2); texts (1)");
    assert!(all.lines().contains(&"wide: 1180 more columns are excluded".to_owned()));
}

#[test]
fn whole_numbers_are_classes_where_they_are_few_and_met_often() {
    let folder = tempfile::tempdir().unwrap();
    let task = |values: &[&str]| {
        let mut text = String::from("x,y\n");
        for (row, value) in values.iter().enumerate() {
            text.push_str(&format!("{row},{value}\n"));
        }
        let frame = read(&write(folder.path(), "y.csv", text.as_bytes()));
        let target = Target::new(&frame, "y", None).unwrap();
        (target.task, target.because)
    };
    let many = |distinct: usize, rows: usize| -> Vec<String> {
        (0..rows).map(|row| (row % distinct).to_string()).collect()
    };
    let task_of = |distinct, rows| {
        let values = many(distinct, rows);
        task(&values.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert_eq!(task(&["0", "1", "", "1", "0", "1"]).0, Task::Classification, "with one gap");
    assert_eq!(task(&["0.0", "1.0", "1.0", "0.0"]).0, Task::Classification, "written as fractions");
    assert_eq!(task(&["0.5", "1.0", "1.0", "0.5"]).0, Task::Regression);
    assert_eq!(task_of(20, 200).0, Task::Classification);
    assert_eq!(task_of(21, 400).0, Task::Regression);
    let (task, because) = task_of(20, 25);
    assert_eq!(task, Task::Regression);
    assert!(because.contains("20 integers in 25 rows"), "{because}");
}

#[test]
fn a_parquet_file_that_contradicts_itself_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let whole = parquet(&path);
    assert_eq!(read(path.to_str().unwrap()).rows, 3);
    // What the file tells of itself stands at its end: where columns begin, how long they are.
    let mut refused = 0;
    for at in whole.len() / 2..whole.len() {
        for byte in [0x00, 0x7f, 0x83, 0xff] {
            let mut damaged = whole.clone();
            damaged[at] = byte;
            std::fs::write(&path, damaged).unwrap();
            match load(path.to_str().unwrap(), &ReadOptions::default()) {
                Ok(frame) => assert!(frame.columns.len() <= 1),
                Err(error) => {
                    refused += 1;
                    assert!(error.to_string().contains("a.parquet"), "{error}");
                }
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn columns_that_say_the_same_are_learnt_from_once() {
    let folder = tempfile::tempdir().unwrap();
    let rows: String = (0..60).fold(String::from("a,b,c,d,e,y\n"), |text, row| {
        let word = ["x", "z", ""][row % 3];
        text + &format!("{row},{row}.0,{word},{word},{},{}\n", if row == 5 { 0 } else { row }, row * row % 17)
    });
    let frame = read(&write(folder.path(), "t.csv", rows.as_bytes()));
    let target = Target::new(&frame, "y", Some(Task::Regression)).unwrap();
    let report = DataReport::of(&TrainingData::new(frame, target, 0.2, 3, 1).unwrap());
    let lines = report.lines().join("\n");
    assert!(
        lines.contains("t: b is excluded: it is the same as a\nt: d is excluded: it is the same as c\n"),
        "{lines}"
    );
    assert!(lines.contains("features: numbers a, e; texts c (2 levels)"), "{lines}");
}

#[test]
fn dashes_and_the_like_are_gaps_among_numbers_and_words_among_texts() {
    let folder = tempfile::tempdir().unwrap();
    let text = "n,t,d\n1,-,2026-01-01\n-,a,--\n2,b,2026-01-02\nn.a.,-,.\n3.5,a,2026-01-03\n";
    let frame = read(&write(folder.path(), "t.csv", text.as_bytes()));
    let gaps: Vec<usize> = frame.columns.iter().map(DataColumn::gaps).collect();
    assert_eq!((frame.columns[0].kind, gaps), (ColumnKind::Real, vec![2, 0, 2]));
    assert_eq!(frame.columns[0].gap_words, [("-".to_owned(), 1), ("n.a.".to_owned(), 1)]);
    assert_eq!(frame.columns[1].levels(), Some(3));
}
