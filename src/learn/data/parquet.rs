//! Parquet files: flat columns of numbers, decimals, truth values and texts. Others are left out.

use std::borrow::Cow;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::data_type::Decimal;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::{Type, TypePtr};

use super::head::is_nanoseconds;
use super::pages::ParquetPages;
use super::typed::{self, Cell, TypedColumn, TypedFile};
use super::{DataError, DataFrame, Exclusion, FileFormat, ReadOptions};
use crate::program::catch_panic;

/// Where a file contradicts itself, its reader may panic in place of an error.
pub fn read(paths: &[PathBuf], reading: &ReadOptions) -> Result<DataFrame, DataError> {
    catch_panic(|| read_whole(paths, reading)).unwrap_or_else(|_| {
        let message = "not a readable Parquet file: it is damaged".to_owned();
        Err(DataError::File { path: paths[0].clone(), message })
    })
}

/// A file that is open.
struct Opened<'a> {
    path: &'a Path,
    reader: SerializedFileReader<ParquetPages<File>>,
    rows: usize,
}

impl<'a> Opened<'a> {
    fn new(path: &'a Path) -> Result<Self, DataError> {
        let file = File::open(path).map_err(|cause| DataError::Read { path: path.to_owned(), cause })?;
        let reader = SerializedFileReader::new(ParquetPages { source: file, most: u64::MAX });
        let reader = reader.map_err(|error| broken(path, &error))?;
        let rows = usize::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or(0);
        Ok(Self { path, reader, rows })
    }

    fn fields(&self) -> &[TypePtr] {
        self.reader.metadata().file_metadata().schema().get_fields()
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
        let broken = |error: ParquetError| broken(self.path, &error);
        let fields: Vec<TypePtr> = wanted.iter().map(|at| Arc::clone(&self.fields()[*at])).collect();
        let are_nanoseconds: Vec<bool> = fields.iter().map(|field| is_nanoseconds(field)).collect();
        let name = self.reader.metadata().file_metadata().schema().name();
        let part = Type::group_type_builder(name).with_fields(fields).build().map_err(broken)?;
        let rows = self.reader.get_row_iter(Some(part)).map_err(broken)?;
        for (row, number) in rows.zip(1..) {
            let row = row.map_err(broken)?;
            for (at, ((_, field), is_nanoseconds)) in row.get_column_iter().zip(&are_nanoseconds).enumerate()
            {
                take(number, at, &cell(field, *is_nanoseconds))?;
            }
        }
        Ok(())
    }
}

fn broken(path: &Path, error: &ParquetError) -> DataError {
    DataError::File { path: path.to_owned(), message: format!("not a readable Parquet file: {error}") }
}

fn read_whole(paths: &[PathBuf], reading: &ReadOptions) -> Result<DataFrame, DataError> {
    let opened: Vec<Opened<'_>> = paths.iter().map(|path| Opened::new(path)).collect::<Result<_, _>>()?;
    let fields = opened[0].fields();
    if let Some(other) = opened.iter().find(|other| other.fields() != fields) {
        return Err(typed::unlike(other.path, opened[0].path));
    }
    let columns =
        fields.iter().map(|field| TypedColumn { name: field.name().to_owned(), unusable: unusable(field) });
    let columns = columns.collect();
    typed::read(&opened, columns, reading, FileFormat::Parquet)
}

/// Why a column cannot be learnt from, by its type.
fn unusable(field: &Type) -> Option<Exclusion> {
    let info = field.get_basic_info();
    let is_list = info.has_repetition() && info.repetition() == Repetition::REPEATED;
    if is_list || !field.is_primitive() {
        return Some(Exclusion::Nested);
    }
    match info.logical_type_ref() {
        Some(LogicalType::Time(_)) => return Some(Exclusion::Times("times of day")),
        Some(LogicalType::Timestamp(_) | LogicalType::Date | LogicalType::Float16) => return None,
        _ => {}
    }
    match (info.converted_type(), field.get_physical_type()) {
        (ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS, _) => {
            Some(Exclusion::Times("times of day"))
        }
        (ConvertedType::INTERVAL, _) => Some(Exclusion::Times("durations")),
        (ConvertedType::DECIMAL, _) => None,
        (ConvertedType::BSON, _) | (_, Physical::FIXED_LEN_BYTE_ARRAY) => Some(Exclusion::Bytes),
        _ => None,
    }
}

fn cell(field: &Field, is_nanoseconds: bool) -> Cell<'_> {
    match field {
        Field::Null => Cell::Gap,
        Field::Bool(truth) => Cell::Truth(*truth),
        Field::Byte(value) => Cell::Whole(f64::from(*value)),
        Field::Short(value) => Cell::Whole(f64::from(*value)),
        Field::Int(value) => Cell::Whole(f64::from(*value)),
        Field::Long(nanos) if is_nanoseconds => Cell::of_micros(nanos.div_euclid(1_000)),
        Field::Long(value) => Cell::Whole(*value as f64),
        Field::UByte(value) => Cell::Whole(f64::from(*value)),
        Field::UShort(value) => Cell::Whole(f64::from(*value)),
        Field::UInt(value) => Cell::Whole(f64::from(*value)),
        Field::ULong(value) => Cell::Whole(*value as f64),
        Field::Float16(value) => Cell::Double(f64::from(f32::from(*value))),
        Field::Float(value) => Cell::Single(*value),
        Field::Double(value) => Cell::Double(*value),
        Field::Decimal(value) => {
            decimal(value, field).map_or(Cell::Bytes, |value| Cell::Decimal(value, field))
        }
        Field::Date(days) => Cell::of_days(*days),
        Field::TimestampMillis(millis) => millis.checked_mul(1_000).map_or(Cell::Bytes, Cell::of_micros),
        Field::TimestampMicros(micros) => Cell::of_micros(*micros),
        Field::Str(text) => Cell::Text(Cow::Borrowed(text)),
        Field::Bytes(bytes) => Cell::of_bytes(bytes.data()),
        _ => Cell::Bytes,
    }
}

/// The nearest number: a division of two exact ones, or by way of the digits.
fn decimal(decimal: &Decimal, field: &Field) -> Option<f64> {
    let (bytes, scale) = (decimal.data(), decimal.scale());
    if (1..=8).contains(&bytes.len()) && (0..=22).contains(&scale) {
        let start = if bytes[0] >> 7 == 1 { -1 } else { 0 };
        let whole = bytes.iter().fold(start, |whole: i64, byte| whole << 8 | i64::from(*byte));
        if whole.unsigned_abs() < 1 << f64::MANTISSA_DIGITS {
            return Some(whole as f64 / 10_f64.powi(scale));
        }
    }
    field.to_string().parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use parquet::data_type::{ByteArray, ByteArrayType};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;
    use crate::learn::data::ColumnValues;

    #[test]
    fn decimals_of_any_length_are_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("decimals.parquet");
        let schema = "message m { required byte_array price (DECIMAL(30, 2)); }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let file = File::create(&path).unwrap();
        let mut writer =
            SerializedFileWriter::new(file, schema, Arc::new(WriterProperties::builder().build())).unwrap();
        let values: Vec<ByteArray> =
            [&[0x7f][..], &[0xff, 0x38], &[0x0d, 0xe0, 0xb6, 0xb3, 0xa7, 0x64, 0, 1, 0], &[]]
                .iter()
                .map(|bytes| ByteArray::from(bytes.to_vec()))
                .collect();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&values, None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.close().unwrap();
        let frame = read(std::slice::from_ref(&path), &ReadOptions::default()).unwrap();
        let ColumnValues::Numbers(numbers) = &frame.columns[0].values else { panic!("{frame:?}") };
        assert_eq!(numbers, &[1.27, -2.0, 2_560_000_000_000_000_002.56, 0.0]);
    }
}
