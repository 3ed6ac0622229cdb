//! Files of several formats, packed or not, one or many.

use std::io::Write as _;
use std::path::Path;

use super::write;
use crate::learn::data::{ColumnKind, ColumnValues, DataFrame, Exclusion, FileFormat, ReadOptions, load};

fn read(path: &str) -> Result<DataFrame, String> {
    load(path, &ReadOptions::default()).map_err(|error| error.to_string())
}

fn numbers(frame: &DataFrame, name: &str) -> Vec<f64> {
    let column = &frame.columns[frame.column(name).unwrap()];
    let ColumnValues::Numbers(numbers) = &column.values else { panic!("{column:?}") };
    numbers.clone()
}

const LINES: &str = concat!(
    "{\"size\": 1.5, \"rooms\": 2, \"new\": true, \"colour\": \"red\", \"day\": \"2026-11-29\", \"tags\": [1]}\n",
    "\n",
    "{\"rooms\": 3, \"size\": null, \"new\": false, \"colour\": \"NA\", \"day\": \"2026-11-30\"}\r\n",
    "{\"size\": \"2\", \"rooms\": 4, \"new\": true, \"colour\": \"blue\", \"day\": \"\", \"late\": 7}",
);

#[test]
fn objects_a_line_are_rows_whatever_their_members() {
    let folder = tempfile::tempdir().unwrap();
    let frame = read(&write(folder.path(), "t.jsonl", LINES.as_bytes())).unwrap();
    assert_eq!((frame.rows, frame.format, frame.name.as_str()), (3, FileFormat::JsonLines, "t"));
    let kinds: Vec<_> = frame.columns.iter().map(|column| (column.name.as_str(), column.kind)).collect();
    assert_eq!(
        kinds[..4],
        [
            ("size", ColumnKind::Real),
            ("rooms", ColumnKind::Integer),
            ("new", ColumnKind::Boolean),
            ("colour", ColumnKind::Text)
        ]
    );
    assert!(matches!(kinds[4], ("day", ColumnKind::Time(_))) && kinds[5].0 == "late");
    let size = numbers(&frame, "size");
    assert!((size[0] - 1.5).abs() < 1e-12 && size[1].is_nan() && (size[2] - 2.0).abs() < 1e-12);
    assert_eq!((numbers(&frame, "rooms"), numbers(&frame, "late")[2]), (vec![2.0, 3.0, 4.0], 7.0));
    assert_eq!(frame.columns[5].gaps(), 2);
    assert_eq!(frame.left_out.iter().map(|left| &left.why).collect::<Vec<_>>(), [&Exclusion::Nested]);
    let unnamed =
        read(&write(folder.path(), "unnamed.jsonl", b"{\"x\": 1, \"\": 2}\n{\"\": 3, \"x\": 4}\n")).unwrap();
    assert_eq!(numbers(&unnamed, "unnamed_1"), [2.0, 3.0], "as in CSV");
    for (text, expected) in [
        ("{\"a\": 1}\n[1]\n", "line 2: not an object of JSON in one line"),
        ("{\"a\": 1}\n{\"a\": 1\n", "line 2: not an object of JSON in one line"),
        ("{\"a\": 1, \"a\": 2}\n", "line 1, column a: twice in one object"),
        ("[{\"a\": 1}, {\"a\": 2}]", "line 1: a JSON array; one object a line is needed (jq -c '.[]')"),
        ("[\n  {\n    \"a\": 1\n  }\n]\n", "line 1: a JSON array; one object a line is needed (jq -c '.[]')"),
        ("{\n  \"a\": 1\n}\n", "line 1: indented JSON; one object a line is needed (jq -c .)"),
        ("{\"x\": 1, \"\": 2, \"unnamed_1\": 2}\n", "duplicate column name \"unnamed_1\""),
        ("{\"a\": 1}\n{\"a\": 2}\n{\"a\": \"x\"}\n", "line 3, column a: \"x\" among 2 numbers"),
    ] {
        let error = read(&write(folder.path(), "wrong.jsonl", text.as_bytes())).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn what_is_packed_is_read_as_what_is_not() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("t.csv", "a,b\n1,x\n2,y\n"), ("t.jsonl", LINES)] {
        let plain = read(&write(folder.path(), name, text.as_bytes())).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(text.as_bytes()).unwrap();
        let zstandard = zstd::stream::encode_all(text.as_bytes(), 3).unwrap();
        for (ending, packed) in [("gz", gzip.finish().unwrap()), ("zst", zstandard)] {
            let frame = read(&write(folder.path(), &format!("{name}.{ending}"), &packed)).unwrap();
            assert_eq!(format!("{:?}", frame.columns), format!("{:?}", plain.columns));
            assert_eq!((&frame.digest, &frame.name), (&plain.digest, &plain.name));
            let cut = write(folder.path(), &format!("cut.{ending}"), &packed[..packed.len() - 6]);
            assert!(read(&cut).is_err(), "{name}.{ending}");
        }
    }
}

#[test]
fn several_files_are_one_table_in_the_order_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let below = folder.path().join("years");
    std::fs::create_dir(&below).unwrap();
    let named = |pattern: &str| below.join(pattern).display().to_string();
    write(&below, "y-2024.csv", b"a,b\n1,x\n2,y\n");
    write(&below, "y-2025.csv", b"a,b\n3,x\n");
    write(&below, ".hidden.csv", b"q\n1\n");
    let frame = read(&named("y-*.csv")).unwrap();
    assert_eq!((frame.rows, frame.name.as_str()), (3, "y"));
    assert_eq!(numbers(&frame, "a"), [1.0, 2.0, 3.0]);
    assert_eq!(frame.source, named("y-*.csv"));
    assert_eq!(read(&named("*.csv")).unwrap().name, "years");
    assert_eq!(read(&folder.path().join("*/y-202?.csv").display().to_string()).unwrap().rows, 3);
    assert_ne!(read(&named("y-2024.csv")).unwrap().digest, frame.digest);
    // A fraction in the last file makes all of them real.
    write(&below, "y-2026.csv", b"a,b\n0.5,z\n");
    assert_eq!(read(&named("*.csv")).unwrap().columns[0].kind, ColumnKind::Real);
    let wrong = |name: &str, content: &[u8], expected: &str| {
        let path = write(&below, name, content);
        let error = read(&named("*")).unwrap_err();
        assert!(error.contains(expected), "{error}");
        std::fs::remove_file(Path::new(&path)).unwrap();
    };
    wrong("z.csv", b"a,c\n1,x\n", "z.csv: its column 2 is \"c\", and in ");
    wrong("z.csv", b"a\n1\n", "z.csv: it has 1 column, and ");
    wrong("z.csv", b"a,b\n1,x\nnone of it,x\n", "z.csv, line 3, column a: \"none of it\" among 5 numbers");
    wrong("z.jsonl", b"{\"a\": 1}\n", "its files are not all of one kind");
    let error = read(&named("*.tsv")).unwrap_err();
    assert!(error.contains("no file is named so"), "{error}");
    let lines = folder.path().join("lines");
    std::fs::create_dir(&lines).unwrap();
    write(&lines, "1.jsonl", b"{\"a\": 1}\n");
    write(&lines, "2.jsonl", b"{\"b\": \"x\", \"a\": 2}\n");
    let frame = read(&lines.join("*.jsonl").display().to_string()).unwrap();
    assert_eq!((frame.rows, numbers(&frame, "a"), frame.columns[1].gaps()), (2, vec![1.0, 2.0], 1));
}
