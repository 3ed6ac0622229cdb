//! Parquet files: flat columns of numbers, decimals, truth values and texts. Others are left out.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::data_type::Decimal;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::{Type, TypePtr};

use super::builder::ColumnBuilder;
use super::files::{ByteSource, PlainFile};
use super::head::is_nanoseconds;
use super::numerals::DecimalMark;
use super::pages::ParquetPages;
use super::seen::{ColumnScan, spelled};
use super::{
    DataError, DataFrame, ExcludedColumn, Exclusion, FileFormat, Limits, ReadOptions, digest, named_twice,
};
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

    /// Its rows, of some of its columns.
    fn each(
        &self,
        part: &Type,
        mut take: impl FnMut(usize, &Row) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let rows = self.reader.get_row_iter(Some(part.clone())).map_err(|error| broken(self.path, &error))?;
        for (row, number) in rows.zip(1..) {
            take(number, &row.map_err(|error| broken(self.path, &error))?)?;
        }
        Ok(())
    }
}

fn broken(path: &Path, error: &ParquetError) -> DataError {
    DataError::File { path: path.to_owned(), message: format!("not a readable Parquet file: {error}") }
}

fn read_whole(paths: &[PathBuf], reading: &ReadOptions) -> Result<DataFrame, DataError> {
    let opened: Vec<Opened<'_>> = paths.iter().map(|path| Opened::new(path)).collect::<Result<_, _>>()?;
    let (path, fields) = (opened[0].path, opened[0].fields());
    let file = |message: String| DataError::File { path: path.to_owned(), message };
    if let Some(other) = opened.iter().find(|other| other.fields() != fields) {
        let message = format!("its columns are not those of {}, or of other types", path.display());
        return Err(DataError::File { path: other.path.to_owned(), message });
    }
    let rows = opened.iter().map(|opened| opened.rows).sum();
    if rows == 0 {
        return Err(file("it has no rows".into()));
    }
    let all: Vec<String> = fields.iter().map(|field| field.name().to_owned()).collect();
    if let Some(name) = named_twice(&all) {
        return Err(file(format!("duplicate column name {name:?}")));
    }
    let reading = &reading.for_columns(&all);
    let mut left_out = Vec::new();
    let mut wanted = Vec::new();
    for field in fields {
        let is_ignored = reading.ignored.iter().any(|name| name == field.name());
        match if is_ignored { Some(Exclusion::Ignored) } else { unusable(field) } {
            Some(why) => left_out.push(ExcludedColumn { name: field.name().to_owned(), why }),
            None => wanted.push(Arc::clone(field)),
        }
    }
    if wanted.is_empty() {
        return Err(file("it has no column of numbers, booleans or text".into()));
    }
    let names: Vec<String> = wanted.iter().map(|field| field.name().to_owned()).collect();
    Limits::of_this_machine().check(path, rows, names.len())?;
    let name = opened[0].reader.metadata().file_metadata().schema().name();
    let mut looks: Vec<Look> = wanted.iter().map(|field| Look::of(field)).collect();
    let part = Type::group_type_builder(name).with_fields(wanted).build();
    let part = part.map_err(|error| broken(path, &error))?;
    for opened in &opened {
        opened.each(&part, |_, row| {
            row.get_column_iter().zip(&mut looks).for_each(|((_, field), look)| look.at(field));
            Ok(())
        })?;
    }
    let mut growing = Vec::new();
    for (name, look) in names.iter().zip(&looks) {
        let holds = look.seen.holds(reading.categorical.contains(name), DecimalMark::Point);
        // Types say what there is: nothing is a text among numbers here.
        let holds = holds.map_err(|(_, message)| file(format!("column {name}: {message}")))?;
        let holds = holds.filter(|_| !look.has_bytes);
        if holds.is_none() {
            let why = if look.has_bytes { Exclusion::Bytes } else { Exclusion::Empty };
            left_out.push(ExcludedColumn { name: name.clone(), why });
        }
        growing.push(holds.map(|holds| ColumnBuilder::new(name.clone(), holds, rows)));
    }
    for opened in &opened {
        opened.each(&part, |row_number, row| {
            for (((_, field), column), look) in row.get_column_iter().zip(&mut growing).zip(&looks) {
                let Some(column) = column else { continue };
                push(column, field, look.is_nanoseconds).map_err(|message| DataError::Cell {
                    path: opened.path.to_owned(),
                    line: row_number as u64,
                    column: column.name.clone(),
                    message,
                })?;
            }
            Ok(())
        })?;
    }
    let growing: Vec<ColumnBuilder> = growing.into_iter().flatten().collect();
    if growing.iter().any(|column| column.rows() != rows) {
        return Err(file(format!(
            "not a readable Parquet file: it has fewer rows than the {rows} that its header declares"
        )));
    }
    let files: Vec<PlainFile<'_>> = paths.iter().map(|path| PlainFile(path)).collect();
    let sources: Vec<&dyn ByteSource> = files.iter().map(|file| file as &dyn ByteSource).collect();
    Ok(DataFrame {
        name: String::new(),
        source: String::new(),
        digest: digest(&sources)?,
        format: FileFormat::Parquet,
        columns: growing.into_iter().map(ColumnBuilder::finish).collect(),
        rows,
        left_out,
        unknown: reading.unknown(&all),
        folders: 0,
    })
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

/// What a column has been seen to hold.
#[derive(Debug, Clone, Default)]
struct Look {
    seen: ColumnScan,
    /// Bytes that are no text.
    has_bytes: bool,
    /// Whole numbers that are times.
    is_nanoseconds: bool,
}

impl Look {
    fn of(field: &Type) -> Self {
        Self { is_nanoseconds: is_nanoseconds(field), ..Self::default() }
    }

    fn at(&mut self, field: &Field) {
        if moment(field, self.is_nanoseconds).is_some() {
            return self.seen.look_at_stamp(matches!(field, Field::Date(_)));
        }
        match (field, number(field)) {
            (Field::Null, _) => self.seen.look_at_gap(),
            (_, Some((value, _))) if value.is_nan() => self.seen.look_at_gap(),
            (_, Some((_, is_whole))) => self.seen.look_at_number(is_whole),
            (Field::Bool(_), _) => self.seen.look_at_truth(),
            (field, None) => match text(field) {
                Some(text) if text.is_empty() => self.seen.look_at_gap(),
                Some(text) => self.seen.look_at_text(&text),
                None => self.has_bytes = true,
            },
        }
    }
}

/// A date or a time stamp as seconds since 1970, as exact as a data frame's in microseconds.
fn moment(field: &Field, is_nanoseconds: bool) -> Option<f64> {
    let micros = match field {
        Field::Date(days) => return Some(f64::from(*days) * 86_400.0),
        Field::TimestampMillis(millis) => millis.checked_mul(1_000)?,
        Field::TimestampMicros(micros) => *micros,
        Field::Long(nanos) if is_nanoseconds => nanos.div_euclid(1_000),
        _ => return None,
    };
    Some(micros as f64 / 1e6)
}

/// A field as a number, with whether it is a whole one by its type.
fn number(field: &Field) -> Option<(f64, bool)> {
    Some(match field {
        Field::Byte(value) => (f64::from(*value), true),
        Field::Short(value) => (f64::from(*value), true),
        Field::Int(value) => (f64::from(*value), true),
        Field::Long(value) => (*value as f64, true),
        Field::UByte(value) => (f64::from(*value), true),
        Field::UShort(value) => (f64::from(*value), true),
        Field::UInt(value) => (f64::from(*value), true),
        Field::ULong(value) => (*value as f64, true),
        Field::Float16(value) => (f64::from(f32::from(*value)), false),
        Field::Float(value) => (f64::from(*value), false),
        Field::Double(value) => (*value, false),
        Field::Decimal(value) => (decimal(value, field)?, false),
        _ => return None,
    })
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

/// A field as a level; none if it is no text.
fn text(field: &Field) -> Option<String> {
    match field {
        Field::Str(text) => Some(text.clone()),
        Field::Bytes(bytes) => String::from_utf8(bytes.data().to_vec()).ok(),
        Field::Bool(truth) => Some(spelled(*truth).to_owned()),
        Field::Float(value) => Some(value.to_string()),
        Field::Decimal(_) => Some(field.to_string()),
        other => number(other).map(|(value, _)| value.to_string()),
    }
}

fn push(column: &mut ColumnBuilder, field: &Field, is_nanoseconds: bool) -> Result<(), String> {
    if let Some(moment) = moment(field, is_nanoseconds) {
        return column.push_moment(moment, matches!(field, Field::Date(_)));
    }
    if column.is_time()
        && let Some(text) = text(field).filter(|text| !text.is_empty())
    {
        return column.push(&text);
    }
    let number = number(field).map(|(value, _)| value);
    match field {
        Field::Null => column.push_gap(),
        _ if number.is_some_and(f64::is_nan) => column.push_gap(),
        field if column.is_text() => match text(field) {
            Some(text) if !text.is_empty() => column.push_text(&text),
            _ => column.push_gap(),
        },
        Field::Bool(truth) => return column.push_number(f64::from(u8::from(*truth))),
        _ => return column.push_number(number.unwrap_or(f64::NAN)),
    }
    Ok(())
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
