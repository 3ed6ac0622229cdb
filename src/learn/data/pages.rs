//! The pages of a Parquet file, as they lie in it. Its reader makes room for what a page says of itself before it looks at
//! what the page holds; a number that was damaged would have it take all memory there is, and die of that.

use std::io::{BufRead as _, BufReader};

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// Bytes that any page may have unpacked; pages are a megabyte, unless a single value is larger.
const ANY: u64 = 64 << 20;
/// How much more a page is than what it is packed in: nothing that gzip packs is larger.
const MOST_PACKED: u64 = 1_032;

/// A file of which each page is looked at before it is read.
pub struct ParquetPages<R> {
    pub source: R,
    /// Bytes that a page may have unpacked, whatever it is packed in.
    pub most: u64,
}

impl<R: Length> Length for ParquetPages<R> {
    fn len(&self) -> u64 {
        self.source.len()
    }
}

impl<R: ChunkReader> ChunkReader for ParquetPages<R> {
    type T = BufReader<R::T>;

    /// What begins there: the head of a page, or the end of the file.
    fn get_read(&self, start: u64) -> Result<Self::T> {
        let mut reader = BufReader::new(self.source.get_read(start)?);
        match PageHead::of(reader.fill_buf()?) {
            Some(head) if head.unpacked > self.most => {
                Err(ParquetError::General(format!("a page has {} bytes, which is too much", head.unpacked)))
            }
            Some(head) => head.check().map(|()| reader),
            None => Ok(reader),
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.source.get_bytes(start, length)
    }
}

/// The sizes in the head of a page.
#[derive(Debug, PartialEq, Eq)]
struct PageHead {
    unpacked: u64,
    packed: u64,
    /// Values that a dictionary holds.
    values: u64,
}

impl PageHead {
    /// As Thrift's compact protocol writes `PageHeader` of parquet.thrift: fields in the order of their numbers. None where
    /// something else is read; there the reader finds its own errors.
    fn of(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        let _kind = number(&mut rest)?;
        let (unpacked, packed) = (number(&mut rest)?, number(&mut rest)?);
        // A sum over the page is there or not.
        let last = if rest.first() == Some(&NUMBER) { number(&mut rest).map(|_| 4)? } else { 3 };
        let is_dictionary = rest.split_off_first() == Some(&((DICTIONARY - last) << 4 | STRUCT));
        let values = if is_dictionary { number(&mut rest)? } else { 0 };
        Some(Self { unpacked, packed, values })
    }

    fn check(&self) -> Result<()> {
        let Self { unpacked, packed, values } = *self;
        let fits = |number: u64| i32::try_from(number).is_ok();
        let is_page =
            fits(packed) && fits(unpacked) && unpacked <= packed.saturating_mul(MOST_PACKED).max(ANY);
        // Each value takes a byte at least.
        if is_page && values <= unpacked {
            return Ok(());
        }
        let of = if is_page { format!("{values} values") } else { format!("{unpacked} bytes") };
        let (page, holds) = if is_page { (unpacked, "hold") } else { (packed, "pack") };
        Err(ParquetError::General(format!("{page} bytes of a page cannot {holds} {of}: the file is damaged")))
    }
}

/// The byte before a number of 32 bits that is the next field, and the end of that before a field with others in it.
const NUMBER: u8 = 0x15;
const STRUCT: u8 = 0x0c;
/// The number of the field that tells of a dictionary.
const DICTIONARY: u8 = 7;

/// Takes a field that is a number; one that is negative, or far too long, is larger than all that is allowed.
fn number(rest: &mut &[u8]) -> Option<u64> {
    if rest.split_off_first() != Some(&NUMBER) {
        return None;
    }
    let last = rest.iter().position(|byte| byte & 0x80 == 0)?;
    let bytes = rest.split_off(..=last)?;
    let bits = bytes.iter().rev().fold(0_u64, |bits, byte| bits << 7 | u64::from(byte & 0x7f));
    // Zigzag: the lowest bit is the sign.
    Some(if bytes.len() < 10 && bits & 1 == 0 { bits >> 1 } else { u64::MAX })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::fs;
    use std::fs::File;
    use std::path::Path;
    use std::sync::Arc;

    use parquet::basic::Compression;
    use parquet::data_type::DoubleType;
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;
    use crate::learn::data::{ReadOptions, load};

    /// 2,147,483,000.
    const LARGE: [u8; 5] = [0xf0, 0xf5, 0xff, 0xff, 0x0f];

    fn write(path: &Path) {
        let schema = Arc::new(parse_message_type("message m { required double a; }").unwrap());
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let file = File::create(path).unwrap();
        let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<DoubleType>().write_batch(&[1.0, 2.0, 2.0, 3.0], None, None).unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.close().unwrap();
    }

    /// The file with other bytes for the one where a number of the first page begins.
    fn changed(whole: &[u8], at: usize, with: &[u8]) -> Vec<u8> {
        assert!(whole[at - 1] == NUMBER && whole[at] < 0x80);
        [&whole[..at], with, &whole[at + 1..]].concat()
    }

    #[test]
    fn a_page_takes_no_more_memory_than_it_can_hold() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        write(&path);
        let whole = fs::read(&path).unwrap();
        let read = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            load(path.to_str().unwrap(), &ReadOptions::default()).map_err(|error| error.to_string())
        };
        assert_eq!(read(&whole).unwrap().rows, 4);
        // Behind the four letters: kind, unpacked, packed, and the values of the dictionary.
        let head = PageHead::of(&whole[4..]).unwrap();
        assert_eq!((head.unpacked, head.values), (24, 3));
        let (unpacked, values) = (7, 12);
        let endless = [&[0x80; 20][..], &[0]].concat();
        for (at, with, expected) in [
            (unpacked, &LARGE[..], "22 bytes of a page cannot pack 2147483000 bytes"),
            (unpacked, &endless, "22 bytes of a page cannot pack"),
            (values, &LARGE, "24 bytes of a page cannot hold 2147483000 values"),
            (values, &[25 << 1], "24 bytes of a page cannot hold 25 values"),
        ] {
            let error = read(&changed(&whole, at, with)).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
    }
}
