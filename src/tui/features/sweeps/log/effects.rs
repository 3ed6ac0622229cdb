//! The log of a trial, read on from where it was read last.

#![deny(clippy::wildcard_enum_match_arm)]

use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};

use super::LogPart;
use crate::disk;
use crate::sweep::engine::attempts::TrialFolder;

/// Bytes that are read at once: of more that is new, the end.
const MOST: u64 = 1 << 20;

/// What is new of a log; nothing where the trial has said nothing yet.
///
/// # Errors
/// What cannot be read, in words.
pub fn follow(folder: &TrialFolder, from: u64) -> Result<LogPart, String> {
    let nothing = LogPart { text: String::new(), skipped: 0, to: 0, replaces: from > 0 };
    let mut file = match disk::open(&folder.log()) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(nothing),
        file => file.map_err(|error| error.to_string())?,
    };
    let length = file.metadata().map_err(|error| error.to_string())?.len();
    // A log that has become shorter is another one.
    let replaces = length < from;
    let begin = if replaces { 0 } else { from };
    let start = begin.max(length.saturating_sub(MOST));
    let mut content = Vec::new();
    file.seek(SeekFrom::Start(start)).map_err(|error| error.to_string())?;
    file.take(length - start).read_to_end(&mut content).map_err(|error| error.to_string())?;
    // A letter that is half written is read with its other half.
    let whole = content.len() - unfinished(&content);
    content.truncate(whole);
    Ok(LogPart {
        text: String::from_utf8_lossy(&content).into_owned(),
        skipped: start - begin,
        to: start + whole as u64,
        replaces,
    })
}

/// Bytes at the end that begin a letter and are not all of it.
fn unfinished(content: &[u8]) -> usize {
    match std::str::from_utf8(content) {
        Ok(_) => 0,
        Err(_) => {
            let behind = content.iter().rev().take(4).position(|byte| byte & 0xc0 != 0x80);
            let Some(at) = behind.map(|behind| content.len() - 1 - behind) else { return 0 };
            match std::str::from_utf8(&content[at..]) {
                Err(error) if error.error_len().is_none() => content.len() - at,
                Ok(_) | Err(_) => 0,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::sweep::engine::journal::SweepFolder;

    #[test]
    fn what_is_new_is_read_and_a_letter_stays_whole() {
        let here = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: here.path().to_owned() }.trial_folder(0);
        assert_eq!(follow(&folder, 0).unwrap().text, "");
        folder.make().unwrap();
        std::fs::write(folder.log(), b"a\n\xe2\x82").unwrap();
        let first = follow(&folder, 0).unwrap();
        assert_eq!((first.text.as_str(), first.to), ("a\n", 2));
        let mut file = disk::open_to_append(&folder.log()).unwrap();
        file.write_all(b"\xac\xff\n").unwrap();
        let second = follow(&folder, first.to).unwrap();
        assert_eq!((second.text.as_str(), second.to), ("\u{20ac}\u{fffd}\n", 7));
        assert_eq!(follow(&folder, 7).unwrap().text, "");
        std::fs::write(folder.log(), "b\n").unwrap();
        let anew = follow(&folder, 7).unwrap();
        assert!(anew.replaces && anew.text == "b\n");
        std::fs::write(folder.log(), "x".repeat(3 << 20)).unwrap();
        let long = follow(&folder, 0).unwrap();
        assert_eq!((long.text.len() as u64, long.skipped), (MOST, 2 << 20));
    }
}
