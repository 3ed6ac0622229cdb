//! Arrow files (Feather is one) and streams of Arrow, plain or packed with LZ4 or Zstandard: flat columns of numbers, decimals,
//! truth values, texts and times. Others are left out.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayAccessor, ArrowPrimitiveType};
use arrow_ipc::reader::StreamReader;
use arrow_schema::{DataType, Field, SchemaRef, TimeUnit};

use super::typed::{self, Cell, TypedColumn, TypedFile};
use super::{DataError, DataFrame, Exclusion, FileFormat, Limits, ReadOptions};
use crate::program::catch_panic;

/// What a file begins with; behind it, and perhaps more zeros, is a stream.
pub const FILE: &[u8] = b"ARROW1\0\0";
/// What a file of the first version of Feather begins with, which is none of Arrow.
pub const OLD: &[u8] = b"FEA1\0\0\0\0";
/// What a message of a stream begins with.
pub const MESSAGE: [u8; 4] = [0xff; 4];
/// Of a message without its body.
const LONGEST_HEADER: u64 = 256 << 20;

/// Where a file contradicts itself, its reader may panic in place of an error.
pub fn read(paths: &[PathBuf], reading: &ReadOptions) -> Result<DataFrame, DataError> {
    catch_panic(|| read_whole(paths, reading)).unwrap_or_else(|_| Err(broken(&paths[0], "it is damaged")))
}

fn read_whole(paths: &[PathBuf], reading: &ReadOptions) -> Result<DataFrame, DataError> {
    let opened: Vec<Opened<'_>> = paths.iter().map(|path| Opened::new(path)).collect::<Result<_, _>>()?;
    let fields = opened[0].schema.fields();
    let is_alike = |other: &SchemaRef| {
        let mut both = fields.iter().zip(other.fields());
        fields.len() == other.fields().len()
            && both.all(|(a, b)| a.name() == b.name() && of_values(a.data_type()) == of_values(b.data_type()))
    };
    if let Some(other) = opened.iter().find(|other| !is_alike(&other.schema)) {
        return Err(typed::unlike(other.path, opened[0].path));
    }
    let column =
        |field: &Field| TypedColumn { name: field.name().to_owned(), unusable: unusable(field.data_type()) };
    let columns = fields.iter().map(|field| column(field)).collect();
    typed::read(&opened, columns, reading, FileFormat::Arrow)
}

fn broken(path: &Path, why: &str) -> DataError {
    DataError::File { path: path.to_owned(), message: format!("not a readable Arrow file: {why}") }
}

/// The type of what a column holds, however its categories are numbered.
fn of_values(of: &DataType) -> &DataType {
    match of {
        DataType::Dictionary(_, values) => values,
        other => other,
    }
}

/// A file whose messages are as long as they say, and fit into memory.
struct Opened<'a> {
    path: &'a Path,
    schema: SchemaRef,
    rows: usize,
}

impl<'a> Opened<'a> {
    fn new(path: &'a Path) -> Result<Self, DataError> {
        let checked = stream(path)
            .map_err(Unfit::Read)
            .and_then(|mut file| checked(&mut file, Limits::of_this_machine()))
            .and_then(|rows| {
                is_whole(path)?.then_some(rows).ok_or_else(|| Unfit::Wrong("it is cut short".into()))
            });
        let rows = checked.map_err(|error| match error {
            Unfit::Read(cause) if cause.kind() != ErrorKind::UnexpectedEof => {
                DataError::Read { path: path.to_owned(), cause }
            }
            Unfit::Read(_) => broken(path, "it is cut short"),
            Unfit::Wrong(why) => broken(path, &why),
        })?;
        let reader = reader(path, None)?;
        Ok(Self { path, schema: reader.schema(), rows })
    }
}

/// The stream that a file holds.
fn stream(path: &Path) -> std::io::Result<BufReader<File>> {
    let mut file = BufReader::new(File::open(path)?);
    let mut start = [0; FILE.len()];
    file.read_exact(&mut start)?;
    let mut from = 0;
    if start == FILE {
        // Some programs fill up more than eight bytes.
        let mut next = [0; 8];
        while next == [0; 8] {
            from += 8;
            file.read_exact(&mut next)?;
        }
    }
    file.seek(SeekFrom::Start(from))?;
    Ok(file)
}

/// Whether a file ends as one does; where a stream ends cannot be told.
fn is_whole(path: &Path) -> Result<bool, Unfit> {
    let mut file = File::open(path)?;
    let mut start = [0; FILE.len()];
    file.read_exact(&mut start)?;
    let mut end = [0; 6];
    file.seek(SeekFrom::End(-6))?;
    file.read_exact(&mut end)?;
    Ok(start != FILE || FILE.starts_with(&end))
}

fn reader(path: &Path, wanted: Option<Vec<usize>>) -> Result<StreamReader<BufReader<File>>, DataError> {
    let file = stream(path).map_err(|cause| DataError::Read { path: path.to_owned(), cause })?;
    StreamReader::try_new(file, wanted).map_err(|error| broken(path, &error.to_string()))
}

/// Why a stream is not read.
enum Unfit {
    Read(std::io::Error),
    Wrong(String),
}

impl From<std::io::Error> for Unfit {
    fn from(cause: std::io::Error) -> Self {
        Self::Read(cause)
    }
}

/// Goes through the messages of a stream before they are read: a damaged one can say that it is of any size, and would be given
/// the memory for it. The number of rows.
fn checked(file: &mut BufReader<File>, limits: Limits) -> Result<usize, Unfit> {
    let wrong = |why: &str| Unfit::Wrong(why.to_owned());
    let damaged = || wrong("it is damaged");
    let end = file.get_ref().metadata()?.len();
    let mut rows = 0_usize;
    loop {
        let mut length = [0; 4];
        match file.read_exact(&mut length) {
            // A stream may end without a mark.
            Err(cause) if cause.kind() == ErrorKind::UnexpectedEof => return Ok(rows),
            other => other?,
        }
        if length == MESSAGE {
            file.read_exact(&mut length)?;
        }
        let length = u64::try_from(i32::from_le_bytes(length)).map_err(|_| damaged())?;
        if length == 0 {
            return Ok(rows);
        }
        if length > LONGEST_HEADER.min(end) {
            return Err(damaged());
        }
        let mut header = vec![0; length as usize];
        file.read_exact(&mut header)?;
        let message = arrow_ipc::root_as_message(&header).map_err(|_| damaged())?;
        let body = u64::try_from(message.bodyLength()).map_err(|_| damaged())?;
        let start = file.stream_position()?;
        if body > end.saturating_sub(start) {
            return Err(wrong("it is cut short"));
        }
        let of_dictionary = message.header_as_dictionary_batch().and_then(|batch| batch.data());
        if let Some(batch) = message.header_as_record_batch() {
            let here = usize::try_from(batch.length()).map_err(|_| damaged())?;
            rows = rows.saturating_add(here);
        }
        if let Some(batch) = message.header_as_record_batch().or(of_dictionary)
            && batch.compression().is_some()
        {
            let mut unpacked = 0_u64;
            for buffer in batch.buffers().into_iter().flatten() {
                let at = u64::try_from(buffer.offset()).map_err(|_| damaged())?;
                if buffer.length() < 8 || at.saturating_add(8) > body {
                    continue;
                }
                file.seek(SeekFrom::Start(start + at))?;
                let mut length = [0; 8];
                file.read_exact(&mut length)?;
                // -1 is said of what is not packed.
                unpacked = unpacked.saturating_add(u64::try_from(i64::from_le_bytes(length)).unwrap_or(0));
            }
            if let Some(lack) = limits.shortage(unpacked) {
                return Err(Unfit::Wrong(format!("the columns of some of its rows {lack}")));
            }
        }
        file.seek(SeekFrom::Start(start + body))?;
    }
}

impl TypedFile for Opened<'_> {
    fn path(&self) -> &Path {
        self.path
    }

    fn rows(&self) -> usize {
        self.rows
    }

    fn each(
        &self,
        wanted: &[usize],
        take: &mut dyn FnMut(usize, usize, &Cell<'_>) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let mut first = 1;
        for batch in reader(self.path, Some(wanted.to_vec()))? {
            let batch = batch.map_err(|error| broken(self.path, &error.to_string()))?;
            for (at, column) in batch.columns().iter().enumerate() {
                cells(column.as_ref(), &mut |row, cell| take(first + row, at, cell))?;
            }
            first += batch.num_rows();
        }
        Ok(())
    }
}

/// Why a column cannot be learnt from, by its type.
fn unusable(of: &DataType) -> Option<Exclusion> {
    match of {
        DataType::Time32(_) | DataType::Time64(_) => Some(Exclusion::Times("times of day")),
        DataType::Duration(_) | DataType::Interval(_) => Some(Exclusion::Times("durations")),
        DataType::Dictionary(_, values) => unusable(values),
        DataType::FixedSizeBinary(_) => Some(Exclusion::Bytes),
        DataType::List(_)
        | DataType::ListView(_)
        | DataType::FixedSizeList(..)
        | DataType::LargeList(_)
        | DataType::LargeListView(_)
        | DataType::Struct(_)
        | DataType::Union(..)
        | DataType::Map(..)
        | DataType::RunEndEncoded(..) => Some(Exclusion::Nested),
        _ => None,
    }
}

type Take<'a> = &'a mut dyn FnMut(usize, &Cell<'_>) -> Result<(), DataError>;

/// Takes all cells of a column.
fn cells(column: &dyn Array, take: Take<'_>) -> Result<(), DataError> {
    match column.data_type() {
        DataType::Boolean => each(column, column.as_boolean(), take, Cell::Truth),
        DataType::Int8 => numbers::<Int8Type>(column, take, |value| Cell::Whole(f64::from(value))),
        DataType::Int16 => numbers::<Int16Type>(column, take, |value| Cell::Whole(f64::from(value))),
        DataType::Int32 => numbers::<Int32Type>(column, take, |value| Cell::Whole(f64::from(value))),
        DataType::Int64 => numbers::<Int64Type>(column, take, |value| Cell::Whole(value as f64)),
        DataType::UInt8 => numbers::<UInt8Type>(column, take, |value| Cell::Whole(f64::from(value))),
        DataType::UInt16 => numbers::<UInt16Type>(column, take, |value| Cell::Whole(f64::from(value))),
        DataType::UInt32 => numbers::<UInt32Type>(column, take, |value| Cell::Whole(f64::from(value))),
        DataType::UInt64 => numbers::<UInt64Type>(column, take, |value| Cell::Whole(value as f64)),
        DataType::Float16 => {
            numbers::<Float16Type>(column, take, |value| Cell::Double(f64::from(f32::from(value))))
        }
        DataType::Float32 => numbers::<Float32Type>(column, take, Cell::Single),
        DataType::Float64 => numbers::<Float64Type>(column, take, Cell::Double),
        DataType::Date32 => numbers::<Date32Type>(column, take, Cell::of_days),
        DataType::Date64 => {
            let days =
                |value: i64| i32::try_from(value.div_euclid(86_400_000)).map_or(Cell::Bytes, Cell::of_days);
            numbers::<Date64Type>(column, take, days)
        }
        DataType::Timestamp(TimeUnit::Second, _) => {
            numbers::<TimestampSecondType>(column, take, |value| micros(value, 1_000_000))
        }
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            numbers::<TimestampMillisecondType>(column, take, |value| micros(value, 1_000))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            numbers::<TimestampMicrosecondType>(column, take, Cell::of_micros)
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            numbers::<TimestampNanosecondType>(column, take, |value| Cell::of_micros(value.div_euclid(1_000)))
        }
        DataType::Decimal32(..) => decimals::<Decimal32Type>(column, take),
        DataType::Decimal64(..) => decimals::<Decimal64Type>(column, take),
        DataType::Decimal128(..) => decimals::<Decimal128Type>(column, take),
        DataType::Decimal256(..) => decimals::<Decimal256Type>(column, take),
        DataType::Utf8 => each(column, column.as_string::<i32>(), take, text),
        DataType::LargeUtf8 => each(column, column.as_string::<i64>(), take, text),
        DataType::Utf8View => each(column, column.as_string_view(), take, text),
        DataType::Binary => each(column, column.as_binary::<i32>(), take, Cell::of_bytes),
        DataType::LargeBinary => each(column, column.as_binary::<i64>(), take, Cell::of_bytes),
        DataType::BinaryView => each(column, column.as_binary_view(), take, Cell::of_bytes),
        DataType::Dictionary(..) => levels(column, take),
        DataType::Null => (0..column.len()).try_for_each(|row| take(row, &Cell::Gap)),
        _ => (0..column.len()).try_for_each(|row| take(row, &Cell::Bytes)),
    }
}

fn text(text: &str) -> Cell<'_> {
    Cell::Text(Cow::Borrowed(text))
}

fn micros(value: i64, times: i64) -> Cell<'static> {
    value.checked_mul(times).map_or(Cell::Bytes, Cell::of_micros)
}

fn each<'a, A: ArrayAccessor + Copy>(
    column: &dyn Array,
    values: A,
    take: Take<'_>,
    cell: impl Fn(A::Item) -> Cell<'a>,
) -> Result<(), DataError> {
    for row in 0..column.len() {
        let cell = if column.is_null(row) { Cell::Gap } else { cell(values.value(row)) };
        take(row, &cell)?;
    }
    Ok(())
}

fn numbers<T: ArrowPrimitiveType>(
    column: &dyn Array,
    take: Take<'_>,
    cell: impl Fn(T::Native) -> Cell<'static>,
) -> Result<(), DataError> {
    each(column, column.as_primitive::<T>(), take, cell)
}

fn decimals<T: DecimalType>(column: &dyn Array, take: Take<'_>) -> Result<(), DataError> {
    let values = column.as_primitive::<T>();
    for row in 0..column.len() {
        if column.is_null(row) {
            take(row, &Cell::Gap)?;
            continue;
        }
        let written = values.value_as_string(row);
        take(row, &written.parse().map_or(Cell::Bytes, |value| Cell::Decimal(value, &written)))?;
    }
    Ok(())
}

/// Categories.
fn levels(column: &dyn Array, take: Take<'_>) -> Result<(), DataError> {
    let dictionary = column.as_any_dictionary();
    let values = dictionary.values();
    let keys = if values.is_empty() { Vec::new() } else { dictionary.normalized_keys() };
    for row in 0..column.len() {
        match keys.get(row) {
            Some(key) if column.is_valid(row) => {
                cells(values.slice(*key, 1).as_ref(), &mut |_, cell| take(row, cell))?;
            }
            _ => take(row, &Cell::Gap)?,
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, DictionaryArray, Float64Array, Int64Array, RecordBatch, StringArray};
    use arrow_ipc::CompressionType;
    use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};

    use super::*;
    use crate::learn::data::load;

    fn table() -> RecordBatch {
        let size: Float64Array = (0..300).map(|row| (row % 7 != 0).then_some(f64::from(row) / 4.0)).collect();
        let count: Int64Array = (0..300).map(Some).collect();
        let kind: DictionaryArray<Int8Type> =
            (0..300).map(|row| (row % 5 != 0).then_some(["a", "b", "c"][row % 3])).collect();
        let note: StringArray = (0..300).map(|row| Some(["x", ""][row % 2])).collect();
        let columns: [(&str, ArrayRef); 4] = [
            ("size", Arc::new(size)),
            ("count", Arc::new(count)),
            ("kind", Arc::new(kind)),
            ("note", Arc::new(note)),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    fn file(packed: Option<CompressionType>) -> Vec<u8> {
        let options = IpcWriteOptions::default().try_with_compression(packed).unwrap();
        let table = table();
        let mut writer = FileWriter::try_new_with_options(Vec::new(), &table.schema(), options).unwrap();
        writer.write(&table.slice(0, 200)).unwrap();
        writer.write(&table.slice(200, 100)).unwrap();
        writer.into_inner().unwrap()
    }

    #[test]
    fn files_and_streams_are_the_same_table_packed_or_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let mut text = String::from("size,count,kind,note\n");
        for row in 0..300 {
            let size = if row % 7 == 0 { String::new() } else { (f64::from(row) / 4.0).to_string() };
            let at = row as usize;
            let kind = if row % 5 == 0 { "" } else { ["a", "b", "c"][at % 3] };
            text.push_str(&format!("{size},{row},{kind},{}\n", ["x", ""][at % 2]));
        }
        std::fs::write(&path, text).unwrap();
        let wanted = load(path.to_str().unwrap(), &ReadOptions::default()).unwrap();
        let mut stream = StreamWriter::try_new(Vec::new(), &table().schema()).unwrap();
        stream.write(&table()).unwrap();
        let forms = [
            file(None),
            file(Some(CompressionType::LZ4_FRAME)),
            file(Some(CompressionType::ZSTD)),
            stream.into_inner().unwrap(),
        ];
        for form in forms {
            // By its content, whatever its name is.
            std::fs::write(&path, form).unwrap();
            let frame = load(path.to_str().unwrap(), &ReadOptions::default()).unwrap();
            assert_eq!((frame.rows, frame.format), (300, FileFormat::Arrow));
            for (ours, theirs) in frame.columns.iter().zip(&wanted.columns) {
                assert_eq!(ours.name, theirs.name);
                assert_eq!(format!("{:?}", ours.values), format!("{:?}", theirs.values));
            }
        }
        for (content, words) in [(&b"FEA1\0\0\0\0 and more"[..], "version 1"), (b"ARROW1\0\0ab", "cut short")]
        {
            std::fs::write(&path, content).unwrap();
            let error = load(path.to_str().unwrap(), &ReadOptions::default()).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn columns_can_have_the_names_of_formats() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        for name in ["FEA1", "ARROW1", "PAR1"] {
            std::fs::write(&path, format!("{name},x\n1,2\n3,5\n")).unwrap();
            let frame = load(path.to_str().unwrap(), &ReadOptions::default()).unwrap();
            assert_eq!((frame.columns[0].name.as_str(), frame.rows), (name, 2));
        }
    }

    #[test]
    fn categories_can_be_numbered_otherwise_in_other_files() {
        let folder = tempfile::tempdir().unwrap();
        let small: DictionaryArray<Int8Type> = ["a", "b"].into_iter().map(Some).collect();
        let large: DictionaryArray<Int32Type> = ["b", "c"].into_iter().map(Some).collect();
        for (name, column) in [("1", Arc::new(small) as ArrayRef), ("2", Arc::new(large))] {
            let table = RecordBatch::try_from_iter([("kind", column)]).unwrap();
            let file = File::create(folder.path().join(format!("{name}.feather"))).unwrap();
            let mut writer = FileWriter::try_new(file, &table.schema()).unwrap();
            writer.write(&table).unwrap();
            writer.finish().unwrap();
        }
        let pattern = folder.path().join("*.feather");
        let frame = load(pattern.to_str().unwrap(), &ReadOptions::default()).unwrap();
        assert_eq!(frame.rows, 4);
    }

    #[test]
    fn a_damaged_file_is_refused_whatever_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.arrow");
        let path = std::slice::from_ref(&path);
        for whole in [file(None), file(Some(CompressionType::LZ4_FRAME))] {
            for cut in (8..whole.len()).step_by(31) {
                std::fs::write(&path[0], &whole[..cut]).unwrap();
                assert!(read(path, &ReadOptions::default()).is_err(), "{cut}");
            }
            // Some of these are other values, and no damage that shows; none takes all memory, nor ends the process.
            let mut refused = 0;
            for at in (8..whole.len()).step_by(9) {
                let mut damaged = whole.clone();
                damaged[at] ^= 0x7f;
                std::fs::write(&path[0], &damaged).unwrap();
                refused += usize::from(read(path, &ReadOptions::default()).is_err());
            }
            assert!(refused > 100, "{refused}");
        }
    }
}
