//! CSV and its kin: any separator, quoted or not, in one file or in several with the same columns.
//!
//! A file is read twice: first for what its columns hold, then for the values. So a table takes no more memory than
//! its numbers do.

use std::io::Read;
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::builder::ColumnBuilder;
use super::files::{ByteSource, TextFile};
use super::numerals::{DecimalMark, Notation, notation};
use super::records::Records;
use super::seen::ColumnScan;
use super::separator;
use super::{
    DataError, DataFrame, ExcludedColumn, Exclusion, FileFormat, Limits, ReadOptions, digest, named_twice,
};

pub const MOST_COLUMNS: usize = 1_000_000;

/// A line of one of several files.
pub fn place(file: usize, line: u64) -> u64 {
    (file as u64) << 40 | line
}

/// A bundled set.
pub fn read_packed(name: &Path, bytes: &[u8], reading: &ReadOptions) -> Result<DataFrame, DataError> {
    let mut content = Vec::new();
    let unpacked = MultiGzDecoder::new(bytes).read_to_end(&mut content);
    unpacked.map_err(|cause| DataError::Read { path: name.to_owned(), cause })?;
    read(&[&TextFile::of(name, content)], reading)
}

/// Files with the same columns.
pub fn read(sources: &[&dyn ByteSource], reading: &ReadOptions) -> Result<DataFrame, DataError> {
    let separator = match (reading.separator, sources) {
        (Some(separator), _) => separator,
        (None, [first, ..]) => {
            first.open().and_then(separator::found).map_err(|cause| first.failed(cause))?
        }
        (None, []) => b',',
    };
    let mut scanned = Scanned { sources, names: Vec::new(), seen: Vec::new(), rows: 0, separator };
    let mut record = csv::StringRecord::new();
    for (file, source) in sources.iter().enumerate() {
        let mut first = records(*source, separator, reading)?;
        let names = names(&mut first, source.path(), reading)?;
        if file == 0 {
            scanned.seen = vec![ColumnScan::default(); names.len()];
            scanned.names = names;
        } else {
            scanned.check_names(&names, source.path())?;
        }
        while first.read(&mut record)? {
            let line = place(file, record.position().map_or(0, csv::Position::line));
            for (column, cell) in scanned.seen.iter_mut().zip(&record) {
                column.look(cell, line);
            }
            scanned.rows += 1;
        }
    }
    let (mut growing, left_out) = scanned.columns(reading, |_| None)?;
    for (file, source) in sources.iter().enumerate() {
        let mut records = records(*source, separator, reading)?;
        while records.read(&mut record)? {
            for (column, cell) in growing.iter_mut().zip(&record) {
                let Some(column) = column else { continue };
                if let Err(message) = column.push(cell) {
                    let line = place(file, record.position().map_or(0, csv::Position::line));
                    return Err(scanned.wrong_cell(line, &column.name, message));
                }
            }
        }
    }
    scanned.finish(growing, left_out, reading, FileFormat::Delimited { separator })
}

fn records<'a>(
    source: &'a dyn ByteSource,
    separator: u8,
    reading: &ReadOptions,
) -> Result<Records<'a>, DataError> {
    let bytes = source.open().map_err(|cause| source.failed(cause))?;
    Ok(Records::new(source.path(), bytes, separator, reading))
}

/// What was seen of the columns of some files when they were read for the first time.
pub struct Scanned<'a> {
    pub sources: &'a [&'a dyn ByteSource],
    pub names: Vec<String>,
    pub seen: Vec<ColumnScan>,
    pub rows: usize,
    pub separator: u8,
}

/// Columns under way, none of those that are left out, and why they are.
type Columns = (Vec<Option<ColumnBuilder>>, Vec<ExcludedColumn>);

impl Scanned<'_> {
    pub fn path(&self, file: usize) -> &Path {
        self.sources.get(file).map_or(Path::new(""), |source| source.path())
    }

    fn check_names(&self, names: &[String], path: &Path) -> Result<(), DataError> {
        if *names == self.names {
            return Ok(());
        }
        let wrong = |message| Err(DataError::File { path: path.to_owned(), message });
        let first = self.path(0).display();
        if names.len() != self.names.len() {
            return wrong(format!(
                "it has {}, and {first} has {}",
                crate::text::counted(names.len(), "column"),
                self.names.len()
            ));
        }
        let differing = names.iter().zip(&self.names).enumerate().find(|(_, (own, other))| own != other);
        let words = differing.map_or(String::new(), |(at, (own, other))| {
            format!("its column {} is {own:?}, and in {first} it is {other:?}", at + 1)
        });
        wrong(words)
    }

    /// An error that says where a cell is.
    pub fn wrong_cell(&self, place: u64, column: &str, message: String) -> DataError {
        let path = self.path((place >> 40) as usize).to_owned();
        DataError::Cell { path, line: place & ((1 << 40) - 1), column: column.to_owned(), message }
    }

    /// Columns to be filled, as they were seen to be.
    pub fn columns(
        &self,
        reading: &ReadOptions,
        unusable: impl Fn(usize) -> Option<Exclusion>,
    ) -> Result<Columns, DataError> {
        if self.rows == 0 {
            return Err(DataError::File { path: self.path(0).to_owned(), message: "it has no rows".into() });
        }
        let reading = &reading.for_columns(&self.names);
        let marks = marks(self, reading)?;
        let (mut left_out, mut found) = (Vec::new(), Vec::with_capacity(self.names.len()));
        for (at, ((name, seen), mark)) in self.names.iter().zip(&self.seen).zip(marks).enumerate() {
            let is_ignored = reading.ignored.contains(name).then_some(Exclusion::Ignored);
            if let Some(why) = is_ignored.or_else(|| unusable(at)) {
                left_out.push(ExcludedColumn { name: name.clone(), why });
                found.push(None);
                continue;
            }
            let holds = seen.holds(reading.categorical.contains(name), mark);
            let holds = holds.map_err(|(place, message)| self.wrong_cell(place, name, message))?;
            if holds.is_none() {
                left_out.push(ExcludedColumn { name: name.clone(), why: Exclusion::Empty });
            }
            found.push(holds);
        }
        // Before there is room made for any of it.
        Limits::of_this_machine().check(self.path(0), self.rows, found.iter().flatten().count())?;
        let builder =
            |(holds, name): (Option<_>, &String)| Some(ColumnBuilder::new(name.clone(), holds?, self.rows));
        Ok((found.into_iter().zip(&self.names).map(builder).collect(), left_out))
    }

    /// The table, of columns that are filled.
    pub fn finish(
        self,
        growing: Vec<Option<ColumnBuilder>>,
        left_out: Vec<ExcludedColumn>,
        reading: &ReadOptions,
        format: FileFormat,
    ) -> Result<DataFrame, DataError> {
        let growing: Vec<ColumnBuilder> = growing.into_iter().flatten().collect();
        if growing.iter().any(|column| column.rows() != self.rows) {
            let message = "the file changed while it was read".into();
            return Err(DataError::File { path: self.path(0).to_owned(), message });
        }
        Ok(DataFrame {
            name: String::new(),
            source: String::new(),
            digest: digest(self.sources)?,
            format,
            columns: growing.into_iter().map(ColumnBuilder::finish).collect(),
            rows: self.rows,
            left_out,
            unknown: reading.for_columns(&self.names).unknown(&self.names),
            folders: 0,
        })
    }
}

/// How the numbers of each column are written. `1,234` and `1.234` say by themselves nothing: the rest of the file does.
fn marks(scanned: &Scanned<'_>, reading: &ReadOptions) -> Result<Vec<DecimalMark>, DataError> {
    let Scanned { names, seen, separator, .. } = scanned;
    if let Some(mark) = reading.decimal {
        return Ok(vec![mark; seen.len()]);
    }
    let is_read = |name: &String| !reading.ignored.contains(name) && !reading.categorical.contains(name);
    let told: Vec<Option<DecimalMark>> =
        names.iter().zip(seen).map(|(name, seen)| seen.mark().filter(|_| is_read(name))).collect();
    let (points, commas) =
        (told.contains(&Some(DecimalMark::Point)), told.contains(&Some(DecimalMark::Comma)));
    let mark = |((name, seen), told): ((&String, &ColumnScan), &Option<DecimalMark>)| {
        let doubtful = seen.doubtful().filter(|_| is_read(name));
        match (told, doubtful) {
            (Some(mark), _) => Ok(*mark),
            // The column as a whole has none, for something in it is no number: whichever makes more of it numbers.
            (None, None) => Ok(seen.likely_mark()),
            (None, Some(_)) if commas && !points => Ok(DecimalMark::Comma),
            (None, Some(_)) if points && !commas => Ok(DecimalMark::Point),
            // Where nothing speaks against it, a point is what it is for programs, and semicolons stand where commas are
            // taken.
            (None, Some((_, cell))) if !points && !commas && !cell.contains(',') => Ok(DecimalMark::Point),
            (None, Some(_)) if !points && !commas && *separator == b';' => Ok(DecimalMark::Comma),
            (None, Some((line, cell))) => {
                let message = format!(
                    "{cell:?} is ambiguous: pass --decimal . or --decimal , (or set decimal in [sweep] of the config file)"
                );
                Err(scanned.wrong_cell(*line, name, message))
            }
        }
    };
    names.iter().zip(seen).zip(&told).map(mark).collect()
}

fn names(records: &mut Records<'_>, path: &Path, reading: &ReadOptions) -> Result<Vec<String>, DataError> {
    let header = records.first()?;
    if header.is_empty() {
        return Err(DataError::File { path: path.to_owned(), message: "it is empty".into() });
    }
    let at_line = |message: String| DataError::Line { path: path.to_owned(), line: 1, message };
    if header.len() > MOST_COLUMNS {
        return Err(at_line(format!("{} columns; the maximum is {MOST_COLUMNS}", header.len())));
    }
    if reading.no_header {
        return Ok((1..=header.len()).map(|at| format!("c{at}")).collect());
    }
    let name = |(at, name): (usize, &str)| match name.trim_start_matches('\u{feff}') {
        // What a data frame's index becomes when it is written.
        "" => format!("unnamed_{at}"),
        name => name.to_owned(),
    };
    let names: Vec<String> = header.iter().enumerate().map(name).collect();
    if let Some(name) = named_twice(&names) {
        return Err(at_line(format!("duplicate column name {name:?}")));
    }
    if names.iter().all(|name| notation(name) != Notation::Text) {
        return Err(at_line("all column names are numbers; if the file has no header, pass --no-header (or set no_header in [sweep] of the config file)".into()));
    }
    Ok(names)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    /// What begins so, and goes on for ever.
    struct Endless(&'static str);

    impl ByteSource for Endless {
        fn path(&self) -> &Path {
            Path::new("t.csv")
        }

        fn open(&self) -> std::io::Result<Box<dyn Read + '_>> {
            Ok(Box::new(self.0.as_bytes().chain(std::io::repeat(b'6'))))
        }
    }

    #[test]
    fn a_record_without_an_end_is_an_error() {
        for start in ["", "a,b\n1,2\n", "a,b\n1,2\n3,\"4\n5"] {
            let error = read(&[&Endless(start)], &ReadOptions::default()).unwrap_err().to_string();
            let line = start.lines().count().min(2) + 1;
            let expected = format!("t.csv, line {line}: more than 32 MB in one record");
            assert!(error.starts_with(&expected), "{start:?}: {error}");
        }
    }

    /// Objects of a few members each may have many columns in all.
    #[test]
    fn no_room_is_made_for_a_table_that_does_not_fit() {
        let mut seen = ColumnScan::default();
        seen.look("1.5", 1);
        let names = vec!["a".to_owned(), "b".to_owned()];
        let (seen, rows) = (vec![seen; 2], usize::MAX / 4);
        let scanned = Scanned { sources: &[], names, seen, rows, separator: b',' };
        let error = scanned.columns(&ReadOptions::default(), |_| None).unwrap_err().to_string();
        assert!(error.contains("x 2 columns need"), "{error}");
    }

    #[test]
    fn columns_have_names_of_their_own_however_many_they_are() {
        let read = |header: &str| {
            let text = format!("{header}\n{}\n", ",".repeat(header.matches(',').count()));
            let file = TextFile::of(Path::new("t.csv"), text.into_bytes());
            read(&[&file], &ReadOptions::default()).map_err(|error| error.to_string())
        };
        let names: Vec<String> = (0..100_000).map(|at| format!("column_{at}")).collect();
        assert_eq!(read(&names.join(",")).unwrap().left_out.len(), 100_000);
        let twice = format!("{},column_7", names.join(","));
        assert_eq!(read(&twice).unwrap_err(), "t.csv, line 1: duplicate column name \"column_7\"");
        assert_eq!(read("unnamed_1,").unwrap_err(), "t.csv, line 1: duplicate column name \"unnamed_1\"");
        let many = read(&",".repeat(MOST_COLUMNS)).unwrap_err();
        assert!(many.ends_with("line 1: 1000001 columns; the maximum is 1000000"), "{many}");
    }
}
