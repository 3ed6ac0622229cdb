//! The records of a file of text, one by one, and none without an end: a file that is no table at all would fill the
//! memory as a single one.

use std::cell::Cell;
use std::io::{Error, Read};
use std::path::Path;
use std::rc::Rc;

use super::{DataError, ReadOptions};

/// Megabytes of a record, unpacked.
const LONGEST: usize = 32;

pub struct Records<'a> {
    path: &'a Path,
    reader: csv::Reader<Bounded<'a>>,
    room: Rc<Cell<usize>>,
}

/// Bytes, as many as there is room for in the record that is read.
struct Bounded<'a> {
    bytes: Box<dyn Read + 'a>,
    room: Rc<Cell<usize>>,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.bytes.read(buffer)?;
        let room = self.room.get().checked_sub(length).ok_or_else(|| {
            Error::other(format!(
                "more than {LONGEST} MB in one record; is this a table, and is every quote closed?"
            ))
        })?;
        self.room.set(room);
        Ok(length)
    }
}

impl<'a> Records<'a> {
    pub fn new(path: &'a Path, bytes: Box<dyn Read + 'a>, separator: u8, reading: &ReadOptions) -> Self {
        let room = Rc::new(Cell::new(LONGEST << 20));
        let mut settings = csv::ReaderBuilder::new();
        settings.delimiter(separator).has_headers(!reading.no_header).trim(csv::Trim::All);
        let reader = settings.from_reader(Bounded { bytes, room: Rc::clone(&room) });
        Self { path, reader, room }
    }

    /// The first record, which holds names or values.
    pub fn first(&mut self) -> Result<&csv::StringRecord, DataError> {
        let Self { path, reader, room } = self;
        let first = reader.headers().map_err(|error| wrong(path, 1, &error))?;
        room.set(LONGEST << 20);
        Ok(first)
    }

    /// The next record; false if there is none.
    pub fn read(&mut self, record: &mut csv::StringRecord) -> Result<bool, DataError> {
        let line = self.reader.position().line();
        let is_there = self.reader.read_record(record).map_err(|error| wrong(self.path, line, &error))?;
        self.room.set(LONGEST << 20);
        Ok(is_there)
    }
}

/// What went wrong with the record that begins at a line.
fn wrong(path: &Path, line: u64, error: &csv::Error) -> DataError {
    let line = error.position().map_or(line, csv::Position::line);
    let message = match error.kind() {
        csv::ErrorKind::Io(cause) => cause.to_string(),
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} fields, but {expected_len} in the rows before")
        }
        csv::ErrorKind::Utf8 { err, .. } => {
            format!("field {} is not UTF-8: save the file as UTF-8", err.field() + 1)
        }
        other => format!("{other:?}"),
    };
    DataError::Line { path: path.to_owned(), line, message }
}
