//! Files of text: plain, or packed with gzip or Zstandard, one or several by a pattern.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Component, Path, PathBuf};

use flate2::bufread::GzDecoder;

use super::{DataError, Limits, arrow};
use crate::text::pattern::matches;

/// Of the free memory the part that an unpacked file may take while it is read.
const PART: u64 = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    Gzip,
    Zstandard,
}

/// What is read more than once.
pub trait ByteSource {
    /// What it is called in an error.
    fn path(&self) -> &Path;
    /// Its bytes from the beginning.
    fn open(&self) -> io::Result<Box<dyn Read + '_>>;

    fn failed(&self, cause: io::Error) -> DataError {
        DataError::Read { path: self.path().to_owned(), cause }
    }
}

/// A file as it lies on the disk.
pub struct PlainFile<'a>(pub &'a Path);

impl ByteSource for PlainFile<'_> {
    fn path(&self) -> &Path {
        self.0
    }

    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(File::open(self.0)?))
    }
}

/// A file of text.
#[derive(Debug)]
pub struct TextFile {
    path: PathBuf,
    packing: Packing,
    /// What it holds, unpacked, where that is held in memory.
    content: Option<Vec<u8>>,
}

/// What is packed with gzip, one piece behind the other.
struct Gunzip<R> {
    /// None at the end.
    piece: Option<GzDecoder<R>>,
}

impl<R: BufRead> Read for Gunzip<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(piece) = &mut self.piece {
            let length = piece.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            let Some(mut rest) = self.piece.take().map(GzDecoder::into_inner) else { break };
            match rest.fill_buf()? {
                [] => break,
                [0x1f, ..] => self.piece = Some(GzDecoder::new(rest)),
                other => {
                    let what = if other.iter().all(|byte| *byte == 0) { "zeros" } else { "other bytes" };
                    let words = format!(
                        "behind what gzip packed stand {what}: unpack it with gzip, see that it is whole, and pack it again"
                    );
                    return Err(io::Error::new(io::ErrorKind::InvalidData, words));
                }
            }
        }
        Ok(0)
    }
}

fn unpacked<'a>(packing: Packing, packed: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match packing {
        Packing::None => Box::new(packed),
        Packing::Gzip => Box::new(Gunzip { piece: Some(GzDecoder::new(packed)) }),
        Packing::Zstandard => Box::new(zstd::stream::read::Decoder::new(packed)?),
    })
}

impl TextFile {
    /// Looks how a file is packed; one that is to be kept is unpacked, if there is the memory for it.
    pub fn new(path: &Path, is_kept: bool) -> io::Result<Self> {
        let mut start = Vec::new();
        File::open(path)?.take(4).read_to_end(&mut start)?;
        let packing = match start[..] {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => Packing::Zstandard,
            _ => Packing::None,
        };
        let mut file = Self { path: path.to_owned(), packing, content: None };
        if is_kept && packing != Packing::None {
            let most = Limits::of_this_machine().memory / PART;
            let mut content = Vec::new();
            // What is wrong with it is said where it is read.
            let is_whole = file.open().and_then(|reader| reader.take(most).read_to_end(&mut content));
            let is_whole = is_whole.is_ok_and(|length| (length as u64) < most);
            file.content = is_whole.then_some(content);
        }
        Ok(file)
    }

    /// What is in memory already.
    pub fn of(name: &Path, content: Vec<u8>) -> Self {
        Self { path: name.to_owned(), packing: Packing::None, content: Some(content) }
    }

    /// Whether it holds objects of JSON, or a list of them, by what it begins with.
    pub fn is_json(&self) -> io::Result<bool> {
        let mut start = [0_u8; 64];
        let mut reader = self.open()?;
        let mut length = 0;
        while length < start.len() {
            match reader.read(&mut start[length..])? {
                0 => break,
                more => length += more,
            }
        }
        let start = &start[..length];
        let start = start.strip_prefix("\u{feff}".as_bytes()).unwrap_or(start);
        let mut signs = start.iter().filter(|byte| !byte.is_ascii_whitespace());
        Ok(match signs.next() {
            Some(b'{') => true,
            Some(b'[') => matches!(signs.next(), Some(b'{' | b'[')),
            _ => false,
        })
    }
}

impl ByteSource for TextFile {
    fn path(&self) -> &Path {
        &self.path
    }

    /// Unpacked.
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        if let Some(content) = &self.content {
            return Ok(Box::new(content.as_slice()));
        }
        unpacked(self.packing, BufReader::with_capacity(1 << 16, File::open(&self.path)?))
    }
}

/// Whether a path names several files.
pub fn is_pattern(path: &Path) -> bool {
    path.as_os_str().to_string_lossy().contains(['*', '?'])
}

/// What a pattern names.
#[derive(Debug, PartialEq)]
pub struct Matched {
    /// Sorted.
    pub files: Vec<PathBuf>,
    /// Folders, which are not read.
    pub folders: usize,
}

/// Folders that are named in an error.
const NAMED: usize = 3;

/// The files that a pattern names: `*` stands for any letters of a name, `?` for one.
///
/// # Errors
/// Where there is none, or a folder cannot be read.
pub fn matching(pattern: &Path) -> Result<Matched, DataError> {
    let mut found = vec![PathBuf::new()];
    for component in pattern.components() {
        let name = component.as_os_str().to_string_lossy().into_owned();
        if !matches!(component, Component::Normal(_)) || !name.contains(['*', '?']) {
            for path in &mut found {
                path.push(component);
            }
            continue;
        }
        let mut next = Vec::new();
        for folder in found {
            let entries = match std::fs::read_dir(&folder) {
                Ok(entries) => entries,
                // A file among the folders.
                Err(cause) if cause.kind() == io::ErrorKind::NotADirectory => continue,
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
                Err(cause) => return Err(DataError::Read { path: folder, cause }),
            };
            for entry in entries {
                let entry = entry.map_err(|cause| DataError::Read { path: folder.clone(), cause })?;
                let own = entry.file_name().to_string_lossy().into_owned();
                // As for a shell, what is hidden is meant by its dot alone.
                if (name.starts_with('.') || !own.starts_with('.')) && matches(&name, &own) {
                    next.push(folder.join(own));
                }
            }
        }
        found = next;
    }
    found.sort();
    let folders: Vec<String> =
        found.iter().filter(|path| path.is_dir()).map(|path| path.display().to_string()).collect();
    let files: Vec<PathBuf> = found.into_iter().filter(|path| path.is_file()).collect();
    if files.is_empty() {
        let message = match folders.len() {
            0 => "no file is named so; * stands for any letters of a name, ? for one".into(),
            count => {
                let more = if count > NAMED { format!(" and {} more", count - NAMED) } else { String::new() };
                let named = folders[..count.min(NAMED)].join(", ");
                format!(
                    "only folders are named so, which are not read: {named}{more}; a pattern has to name files, as in FOLDER/*"
                )
            }
        };
        return Err(DataError::File { path: pattern.to_owned(), message });
    }
    Ok(Matched { files, folders: folders.len() })
}

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Parquet,
    Arrow,
    Text,
}

impl Kind {
    /// By its first bytes: a name can be anything.
    pub fn of(path: &Path) -> Result<Self, DataError> {
        let read = |cause| DataError::Read { path: path.to_owned(), cause };
        let mut start = Vec::new();
        std::fs::File::open(path).and_then(|file| file.take(8).read_to_end(&mut start)).map_err(read)?;
        // A column can be called so too.
        if start.starts_with(b"PAR1") && !start.get(4).is_none_or(|next| b",;\t|\"\r\n".contains(next)) {
            return Ok(Self::Parquet);
        }
        if start.starts_with(arrow::OLD) {
            let message =
                "it is Feather of version 1, which is deprecated; write it again with pandas or pyarrow";
            return Err(DataError::File { path: path.to_owned(), message: message.into() });
        }
        let is_arrow = start.starts_with(arrow::FILE) || start.starts_with(&arrow::MESSAGE);
        Ok(if is_arrow { Self::Arrow } else { Self::Text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_packed_content_is_told() -> io::Result<()> {
        use std::io::Write as _;
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.csv.gz");
        let pack = |text: &[u8]| {
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packed.write_all(text)?;
            packed.finish()
        };
        let (first, second) = (pack(b"a,b\n")?, pack(b"1,2\n")?);
        let read = |bytes: &[u8]| {
            std::fs::write(&path, bytes)?;
            let mut text = String::new();
            TextFile::new(&path, false)?.open()?.read_to_string(&mut text).map(|_| text)
        };
        assert_eq!(read(&[&first[..], &second].concat())?, "a,b\n1,2\n");
        for (behind, words) in [(&[0; 512][..], "stand zeros:"), (b"end of tape", "stand other bytes:")] {
            let error = read(&[&first[..], &second, behind].concat()).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        Ok(())
    }

    #[test]
    fn a_pattern_reads_files_and_tells_of_folders() {
        let here = tempfile::tempdir().unwrap();
        for name in ["a.csv", "b.csv"] {
            std::fs::create_dir(here.path().join(name)).unwrap();
        }
        let error = matching(&here.path().join("*.csv")).unwrap_err().to_string();
        assert!(error.contains("only folders are named so") && error.contains("b.csv"), "{error}");
        std::fs::write(here.path().join("c.csv"), "x").unwrap();
        let found = matching(&here.path().join("*.csv")).unwrap();
        assert_eq!(found, Matched { files: vec![here.path().join("c.csv")], folders: 2 });
    }

    /// All of them together could take more than there is.
    #[test]
    fn of_several_packed_files_none_is_kept() -> io::Result<()> {
        use std::io::Write as _;
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.csv.gz");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(b"a,b\n1,2\n")?;
        std::fs::write(&path, packed.finish()?)?;
        for is_kept in [true, false] {
            let file = TextFile::new(&path, is_kept)?;
            assert_eq!(file.content.is_some(), is_kept);
            let mut text = String::new();
            file.open()?.read_to_string(&mut text)?;
            assert_eq!(text, "a,b\n1,2\n");
        }
        Ok(())
    }
}
