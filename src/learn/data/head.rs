//! The first rows of a Parquet file, as text: to be looked at, not to be learnt from. All types are shown.

use bytes::Bytes;
use jiff::Timestamp;
use parquet::basic::{LogicalType, TimeUnit};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::{Type, TypePtr};

use super::pages::ParquetPages;
use crate::program::catch_panic;

/// Bytes of a page that is unpacked to be looked at.
const PAGE: u64 = 64 << 20;
/// Bytes of a cell that are kept; and where all cells have more than that together, of the others.
const CELL: usize = 1_000;
const ALL_CELLS: usize = 64 << 20;
const SHORT_CELL: usize = 40;

/// The first rows of a file, by columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParquetHead {
    /// The first columns: their names and cells.
    pub columns: Vec<(String, Vec<String>)>,
    /// Rows of the file.
    pub all_rows: usize,
    /// Columns of the file.
    pub all_columns: usize,
}

/// Reads the first columns, and as many of the first rows as `most_rows` says for so many columns.
///
/// # Errors
/// What is wrong with the file, in words.
pub fn parquet_head(
    content: Vec<u8>,
    most_rows: impl Fn(usize) -> usize,
    most_columns: usize,
) -> Result<ParquetHead, String> {
    let damaged = |_| "it is damaged".to_owned();
    let pages = ParquetPages { source: Bytes::from(content), most: PAGE };
    let reader = catch_panic(|| SerializedFileReader::new(pages)).map_err(damaged)?;
    let reader = reader.map_err(|error| error.to_string())?;
    let metadata = reader.metadata().file_metadata();
    let fields = metadata.schema().get_fields();
    let all_rows = usize::try_from(metadata.num_rows()).unwrap_or(0);
    let rows = all_rows.min(most_rows(fields.len()));
    let mut columns = Vec::new();
    let (mut unread, mut last, mut left) = (0, None, ALL_CELLS);
    // Column by column: where one cannot be read, the others can, and the pages of one at a time are in memory.
    for field in fields.iter().take(most_columns) {
        let name = metadata.schema().name();
        let cells = catch_panic(|| cells(&reader, name, field, rows, &mut left)).map_err(damaged);
        let cells = cells.and_then(|cells| cells.map_err(|error| error.to_string()));
        let cells = cells.unwrap_or_else(|error| {
            (unread, last) = (unread + 1, Some(error));
            vec!["(not readable)".to_owned(); rows]
        });
        columns.push((field.name().to_owned(), cells));
    }
    match last {
        Some(error) if unread == columns.len() => Err(error),
        _ => Ok(ParquetHead { columns, all_rows, all_columns: fields.len() }),
    }
}

type Reader = SerializedFileReader<ParquetPages<Bytes>>;

fn cells(
    reader: &Reader,
    schema: &str,
    field: &TypePtr,
    rows: usize,
    left: &mut usize,
) -> Result<Vec<String>, ParquetError> {
    let part = Type::group_type_builder(schema).with_fields(vec![field.clone()]).build()?;
    let is_nanoseconds = is_nanoseconds(field);
    let mut cells = Vec::new();
    for row in reader.get_row_iter(Some(part))?.take(rows) {
        let row = row?;
        let value = row.get_column_iter().next().map(|(_, value)| value);
        let most = if *left == 0 { SHORT_CELL } else { CELL };
        let cell = value.map_or(String::new(), |value| cell(value, is_nanoseconds, most));
        *left = left.saturating_sub(cell.len());
        cells.push(cell);
    }
    if cells.len() < rows {
        return Err(ParquetError::General("it has fewer rows than its header declares".into()));
    }
    Ok(cells)
}

/// The reader knows no timestamps of this kind, which pandas writes.
pub(super) fn is_nanoseconds(field: &Type) -> bool {
    let kind = field.get_basic_info().logical_type_ref();
    matches!(kind, Some(LogicalType::Timestamp(kind)) if kind.unit == TimeUnit::NANOS)
}

fn cell(value: &Field, is_nanoseconds: bool, most: usize) -> String {
    let cut = |text: &str| {
        let end = (0..=most.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
        text[..end.unwrap_or(0)].to_owned()
    };
    let moment = |moment: Result<Timestamp, jiff::Error>| {
        moment.map_or_else(
            |_| value.to_string(),
            |at| at.to_string().replace('T', " ").trim_end_matches('Z').to_owned(),
        )
    };
    // Long values are not copied whole: one that a dictionary holds once may stand in every row.
    match value {
        Field::Str(text) => cut(text),
        Field::Float(number) => number.to_string(),
        Field::Double(number) => crate::text::exact(*number),
        Field::Bytes(bytes) => match std::str::from_utf8(bytes.data()) {
            Ok(text) => cut(text),
            Err(_) => format!("({})", crate::text::bytes(bytes.data().len() as u64)),
        },
        Field::Long(nanoseconds) if is_nanoseconds => {
            moment(Timestamp::from_nanosecond(i128::from(*nanoseconds)))
        }
        Field::TimestampMillis(at) => moment(Timestamp::from_millisecond(*at)),
        Field::TimestampMicros(at) => moment(Timestamp::from_microsecond(*at)),
        other => cut(&other.to_string()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::sync::Arc;

    use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// A file of 3 rows.
    fn written() -> Vec<u8> {
        let schema = "message m {
            required double price; optional binary name (UTF8); required int64 at (TIMESTAMP(NANOS, true));
            required int64 at_ms (TIMESTAMP(MILLIS, true)); required binary raw; }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let mut file = Vec::new();
        let mut writer = SerializedFileWriter::new(&mut file, schema, Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<DoubleType>().write_batch(&[1.0, 0.1, f64::NAN], None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let names = [ByteArray::from("a\u{1b}[31m"), ByteArray::from("b")];
        column.typed::<ByteArrayType>().write_batch(&names, Some(&[1, 0, 1]), None).unwrap();
        column.close().unwrap();
        for unit in [1_000_000_000, 1_000] {
            let mut column = group.next_column().unwrap().unwrap();
            let moments = [0, 1_795_435_200 * unit, unit / 2];
            column.typed::<Int64Type>().write_batch(&moments, None, None).unwrap();
            column.close().unwrap();
        }
        let mut column = group.next_column().unwrap().unwrap();
        let raw = [&[0xff, 0][..], b"text", &[]].map(|bytes| ByteArray::from(bytes.to_vec()));
        column.typed::<ByteArrayType>().write_batch(&raw, None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.close().unwrap();
        file
    }

    #[test]
    fn values_of_all_types_are_seen() {
        let head = parquet_head(written(), |_| 10, 10).unwrap();
        assert_eq!((head.all_rows, head.all_columns), (3, 5));
        let cells: Vec<Vec<&str>> =
            head.columns.iter().map(|(_, cells)| cells.iter().map(String::as_str).collect()).collect();
        assert_eq!(cells[0], ["1", "0.1", "NaN"]);
        assert_eq!(cells[1], ["a\u{1b}[31m", "null", "b"]);
        assert_eq!(cells[2], ["1970-01-01 00:00:00", "2026-11-23 12:00:00", "1970-01-01 00:00:00.5"]);
        assert_eq!(cells[3], cells[2]);
        assert_eq!(cells[4], ["(2 B)", "text", ""]);
        let part = parquet_head(written(), |columns| columns / 2, 1).unwrap();
        assert_eq!((part.columns.len(), part.columns[0].1.len(), part.all_rows), (1, 2, 3));
    }

    #[test]
    fn a_file_that_is_damaged_anywhere_ends_nothing() {
        let whole = written();
        for at in 0..whole.len() {
            for with in [0, 0xff, whole[at] ^ 0x10] {
                let mut damaged = whole.clone();
                damaged[at] = with;
                let _ = parquet_head(damaged, |_| 10, 10);
            }
            assert!(parquet_head(whole[..at].to_vec(), |_| 10, 10).is_err());
        }
    }
}
