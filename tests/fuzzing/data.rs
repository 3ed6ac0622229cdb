//! Data files of all kinds of damage: CSV of odd quotes, separators and encodings, packed files, Parquet with changed bytes.
//! A table comes out of it that can be learnt from, or a sentence.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use mltui::learn::data::{ColumnValues, DataError, DataFrame, DecimalMark, ReadOptions, Target, load};
use mltui::learn::families::FAMILIES;
use mltui::learn::report::DataReport;
use mltui::learn::scores::Prediction;
use mltui::learn::study::TrainingData;
use mltui::params::Params;
use mltui::sweep::request::SweepRequest;
use parquet::basic::{Compression as Packing, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::drawing::fuzz;

#[derive(Debug, Clone)]
struct Table {
    separator: &'static str,
    ends: &'static str,
    start: &'static [u8],
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Cells that are left out or added at the end of a row.
    ragged: Vec<(Index, i8)>,
}

impl Table {
    fn written(&self) -> Vec<u8> {
        let mut lines = vec![self.header.clone()];
        lines.extend(self.rows.iter().cloned());
        for (at, more) in &self.ragged {
            let line = at.index(lines.len());
            let line = &mut lines[line];
            line.resize_with((line.len() as i64 + i64::from(*more)).max(0) as usize, || "7".to_owned());
        }
        let lines: Vec<String> = lines.iter().map(|line| line.join(self.separator)).collect();
        [self.start, lines.join(self.ends).as_bytes()].concat()
    }
}

#[derive(Debug, Clone)]
enum Content {
    Csv(Table),
    Parquet(usize),
    Any(Vec<u8>),
}

#[derive(Debug, Clone)]
enum Damage {
    Bytes(Index, Vec<u8>),
    Cut(Index),
    /// A part again, so many times.
    Again(Index, Index, u8),
    /// Near the end, where a Parquet file tells of itself.
    Foot(Index, u8),
    /// A number of 32 bits, as Parquet writes those that tell of pages.
    Number(Index, i32),
    Utf16,
    Latin,
    Gzip,
    TwoGzips,
}

const CELLS: [&str; 38] = [
    "0",
    "1",
    "1",
    "2",
    "3.5",
    "-1e300",
    "1e400",
    "5e-324",
    "NaN",
    "nan",
    "inf",
    "-Infinity",
    "",
    "NA",
    "null",
    "None",
    "?",
    "true",
    "False",
    "yes",
    "a",
    "b",
    "c",
    "\"a\"",
    "\"a\"\"b\"",
    "\"a,b;c\td\"",
    "\"a\nb\"",
    "\"",
    "a\"b",
    "'",
    " 1 ",
    "1,5",
    "1.234,5",
    "9007199254740993",
    "18446744073709551616",
    "é\u{301}",
    "\u{0}",
    "\u{feff}",
];

/// Before the header.
const STARTS: [&[u8]; 9] =
    [b"", b"", b"", b"\xef\xbb\xbf", b"\xff\xfe", b"\n\n", b"sep=;\n", b"# a\n", b"\0"];

fn tables() -> impl Strategy<Value = Table> {
    let cell = || {
        prop_oneof![
            12 => select(&CELLS[..]).prop_map(str::to_owned),
            6 => (0_u8..9).prop_map(|number| number.to_string()),
            2 => any::<f64>().prop_map(|number| number.to_string()),
            1 => any::<String>(),
            1 => (0_usize..100_000).prop_map(|length| "x".repeat(length)),
        ]
    };
    let name = prop_oneof![
        8 => select(&["a", "b", "c", "d", "y", "y", "target", "", "\"x y\"", "1", "\u{1b}[2J", "mlflow", "a"][..]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    let column = prop_oneof![
        // Of one kind, as columns are.
        3 => Just(vec!["0", "1"]),
        3 => Just(vec!["1", "2", "3", "4.5", "", "-7"]),
        2 => Just(vec!["a", "b", "c", "NA"]),
        1 => Just(vec!["1,5", "2,25", "3"]),
        1 => Just(vec!["5", "5"]),
        1 => Just(vec!["true", "false", ""]),
        2 => Just(Vec::new()),
    ];
    let rows = (vec(column, 0..6), 0_usize..60, any::<u64>()).prop_flat_map(move |(columns, count, seed)| {
        let mut random = fastrand::Rng::with_seed(seed);
        let width = columns.len();
        let plain: Vec<Vec<String>> = (0..count)
            .map(|_| {
                let pick = |kinds: &Vec<&str>| {
                    let kinds = if kinds.is_empty() { &CELLS[..] } else { &kinds[..] };
                    kinds[random.usize(..kinds.len())].to_owned()
                };
                columns.iter().map(pick).collect()
            })
            .collect();
        let odd = vec((any::<Index>(), any::<Index>(), cell()), 0..4);
        odd.prop_map(move |odd| {
            let mut rows = plain.clone();
            for (row, at, text) in odd {
                if count > 0 && width > 0 {
                    rows[row.index(count)][at.index(width)] = text;
                }
            }
            rows
        })
    });
    let separator = select(&[",", ",", ";", "\t", "|", " ", ", "][..]);
    let ends = select(&["\n", "\n", "\r\n", "\r", "\n\n", "\r\r\n"][..]);
    let start = select(&STARTS[..]);
    (separator, ends, start, vec(name, 0..6), rows, vec((any::<Index>(), -3_i8..9), 0..2)).prop_map(
        |(separator, ends, start, header, rows, ragged)| Table {
            separator,
            ends,
            start,
            header,
            rows,
            ragged,
        },
    )
}

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let number = prop_oneof![select(&[0, 1, -1, 100, 1 << 20, i32::MAX][..]), any::<i32>()];
    let damage = prop_oneof![
        4 => (any::<Index>(), vec(any::<u8>(), 1..6)).prop_map(|(at, bytes)| Damage::Bytes(at, bytes)),
        1 => any::<Index>().prop_map(Damage::Cut),
        1 => (any::<Index>(), any::<Index>(), 1_u8..20).prop_map(|(from, to, times)| Damage::Again(from, to, times)),
        4 => (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Damage::Foot(at, byte)),
        3 => (any::<Index>(), number).prop_map(|(at, number)| Damage::Number(at, number)),
        1 => Just(Damage::Utf16),
        1 => Just(Damage::Latin),
        1 => Just(Damage::Gzip),
        1 => Just(Damage::TwoGzips),
    ];
    vec(damage, 0..4)
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        let length = bytes.len();
        match damage {
            Damage::Gzip => bytes = zipped(&bytes),
            Damage::TwoGzips => bytes = [zipped(&bytes), zipped(&bytes)].concat(),
            Damage::Utf16 => {
                bytes = String::from_utf8_lossy(&bytes).encode_utf16().flat_map(u16::to_le_bytes).collect();
            }
            Damage::Latin => {
                bytes = bytes.iter().map(|byte| if *byte == b'a' { 0xe4 } else { *byte }).collect();
            }
            _ if length == 0 => {}
            Damage::Bytes(at, new) => {
                let at = at.index(length);
                bytes.splice(at..(at + new.len()).min(length), new.iter().copied());
            }
            Damage::Cut(at) => bytes.truncate(at.index(length)),
            Damage::Again(from, to, times) => {
                let (from, to) = (from.index(length), to.index(length));
                let part = bytes[from.min(to)..from.max(to)].to_vec();
                (0..*times).for_each(|_| bytes.extend_from_slice(&part));
                bytes.truncate(2_000_000);
            }
            Damage::Foot(at, byte) => {
                let foot = length.min(900);
                bytes[length - foot + at.index(foot)] = *byte;
            }
            Damage::Number(at, number) => renumber(&mut bytes, *at, *number),
        }
    }
    bytes
}

/// Another number in the place of one; what comes behind it moves.
fn renumber(bytes: &mut Vec<u8>, at: Index, number: i32) {
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == 0x15).map(|at| at + 1).collect();
    let Some(start) = (!places.is_empty()).then(|| places[at.index(places.len())]) else { return };
    let length = bytes[start..].iter().take_while(|byte| **byte >= 0x80).count();
    let mut rest = (number << 1 ^ number >> 31).cast_unsigned();
    let mut letters = Vec::new();
    while rest >= 0x80 {
        letters.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    letters.push(rest.to_le_bytes()[0]);
    bytes.splice(start..(start + length + 1).min(bytes.len()), letters);
}

/// A small file of the types that are read.
fn parquet(folder: &Path, packing: Packing) -> Vec<u8> {
    let schema = "message m { required double a; optional int64 b; required binary c (UTF8); required boolean d; \
                  required int32 e (DECIMAL(5, 2)); required binary f; required int64 g (TIMESTAMP_MILLIS); }";
    let path = folder.join("base.parquet");
    let properties = WriterProperties::builder().set_compression(packing).build();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer =
        SerializedFileWriter::new(File::create(&path).unwrap(), schema, Arc::new(properties)).unwrap();
    for _ in 0..2 {
        let mut group = writer.next_row_group().unwrap();
        let mut at = 0;
        while let Some(mut column) = group.next_column().unwrap() {
            let bytes = |text: &str| ByteArray::from(text);
            let wrote = match at {
                0 => {
                    column.typed::<DoubleType>().write_batch(&[1.0, 2.5, f64::NAN, 4.0, 5.0, 6.0], None, None)
                }
                1 => column.typed::<Int64Type>().write_batch(
                    &[1, i64::MAX, 3],
                    Some(&[1, 1, 0, 0, 1, 0]),
                    None,
                ),
                2 => column.typed::<ByteArrayType>().write_batch(
                    &["x", "y", "", "x", "y", "z"].map(bytes),
                    None,
                    None,
                ),
                3 => column.typed::<BoolType>().write_batch(
                    &[true, false, true, true, false, true],
                    None,
                    None,
                ),
                4 => column.typed::<Int32Type>().write_batch(&[1, 2, 3, 4, 5, 6], None, None),
                5 => column.typed::<ByteArrayType>().write_batch(
                    &[bytes("a"), vec![255].into(), bytes("b"), bytes("c"), bytes("d"), bytes("e")],
                    None,
                    None,
                ),
                _ => column.typed::<Int64Type>().write_batch(&[1, 2, 3, 4, 5, 6], None, None),
            };
            assert_eq!(wrote.unwrap() % 3, 0);
            column.close().unwrap();
            at += 1;
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    fs::read(path).unwrap()
}

/// Everything that is done with a table before it is learnt from, and a little learning.
fn learn(frame: &DataFrame, fits: u8) -> Result<(), DataError> {
    for column in &frame.columns {
        let length = match &column.values {
            ColumnValues::Numbers(numbers) => numbers.len(),
            ColumnValues::Texts { codes, .. } => codes.len(),
        };
        assert_eq!(length, frame.rows, "rows of {:?}", column.name);
    }
    let Some(name) = frame.columns.last().map(|column| column.name.clone()) else { return Ok(()) };
    let target = Target::new(frame, &name, None)?;
    let study = TrainingData::new(frame.clone(), target, 0.2, 2, 1)?;
    let account = DataReport::of(&study);
    drop((account.lines(), account.briefly()));
    let fitting = FAMILIES.into_iter().filter(|family| family.supports(study.target.task));
    for family in fitting.cycle().skip(fits.into()).take(2) {
        let Ok(part) = study.fold(0) else { continue };
        if let Ok(fitted) = part.fit_and_score(family, &Params::new(), 1) {
            let rows = match &fitted.prediction {
                Prediction::Numbers(numbers) => numbers.len(),
                Prediction::Classes { classes, .. } => classes.len(),
            };
            assert_eq!(rows, part.truth.len());
        }
    }
    Ok(())
}

#[test]
fn damaged_data_is_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let packings = [
        Packing::UNCOMPRESSED,
        Packing::SNAPPY,
        Packing::ZSTD(ZstdLevel::default()),
        Packing::GZIP(parquet::basic::GzipLevel::default()),
    ];
    let files = packings.map(|packing| parquet(folder.path(), packing));
    let content = prop_oneof![
        6 => tables().prop_map(Content::Csv),
        3 => (0..files.len()).prop_map(Content::Parquet),
        1 => vec(any::<u8>(), 0..200).prop_map(Content::Any),
    ];
    let reading = (
        proptest::option::weighted(0.1, any::<u8>()),
        proptest::option::weighted(0.1, select(&[DecimalMark::Point, DecimalMark::Comma][..])),
        prop::bool::weighted(0.1),
        vec(select(&["a", "b", "y", "gone"][..]).prop_map(str::to_owned), 0..2),
        vec(select(&["a", "c", "gone"][..]).prop_map(str::to_owned), 0..2),
    );
    let reading = reading.prop_map(|(separator, decimal, no_header, categorical, ignored)| ReadOptions {
        separator,
        decimal,
        no_header,
        categorical,
        ignored,
    });
    let name = select(&["x.csv", "x.tsv", "x.csv.gz", "x.parquet", "x"][..]);
    fuzz(
        "data",
        &(content, damages(), reading, name, any::<u8>()),
        |(content, damages, reading, name, fits)| {
            let bytes = match content {
                Content::Csv(table) => table.written(),
                Content::Parquet(at) => files[*at].clone(),
                Content::Any(bytes) => bytes.clone(),
            };
            let path = folder.path().join(name);
            fs::write(&path, damaged(bytes, damages)).unwrap();
            let path = path.to_str().unwrap();
            let said = match load(path, reading) {
                Ok(frame) => learn(&frame, *fits).err(),
                Err(error) => Some(error),
            };
            if let Some(error) = said {
                let words = error.to_string();
                assert!(!words.is_empty() && words.len() < 20_000, "a sentence of {} bytes", words.len());
            }
            // As the plan's form does while the path is typed.
            let wish =
                SweepRequest { data: path.to_owned(), reading: reading.clone(), ..SweepRequest::default() };
            drop(wish.decide().map_err(|error| error.to_string()));
        },
    );
}
