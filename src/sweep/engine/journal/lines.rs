//! The journal as a file: whole lines are taken, what a crash cut off is left out, and what is damaged is told.

use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::Event;
use crate::disk;

/// Bytes that no line is longer than, and no journal: of some 100,000 trials.
const LONGEST_LINE: u64 = 1 << 20;
pub(super) const LONGEST: u64 = 256 << 20;
/// Trials may begin in another order than that of their numbers, as many as run side by side.
const AHEAD: usize = 1_000;

/// A position between two lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Bytes before it.
    pub at: u64,
    /// Trials that begin before it.
    begun: usize,
}

/// As far as a journal could be read.
#[derive(Debug)]
pub struct Followed {
    /// Behind the last line that was read.
    pub to: Position,
    /// What is wrong there. What comes behind it is not known.
    pub damage: Option<io::Error>,
}

impl Followed {
    /// The position, if nothing is wrong there.
    ///
    /// # Errors
    /// What is wrong.
    pub fn whole(self) -> io::Result<Position> {
        self.damage.map_or(Ok(self.to), Err)
    }
}

/// Reads the lines from a position on, and takes an event each.
///
/// # Errors
/// Where the file cannot be read, or is longer than any journal.
pub fn follow(path: &Path, from: Position, mut take: impl FnMut(Event)) -> io::Result<Followed> {
    let mut file = match disk::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Followed { to: Position::default(), damage: None });
        }
        file => file?,
    };
    if file.metadata()?.len() > LONGEST {
        return Err(disk::damaged(path, format_args!("it is longer than {LONGEST} bytes")));
    }
    file.seek(SeekFrom::Start(from.at))?;
    let (mut reader, mut line) = (BufReader::new(file), Vec::new());
    let mut to = from;
    let damage = loop {
        line.clear();
        let length = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            // Cut off by a crash, which may leave empty blocks behind; or just being written.
            let is_cut_off = (length as u64) < LONGEST_LINE || is_empty(&line, &mut reader)?;
            break (!is_cut_off).then_some("a line is incomplete");
        }
        match serde_json::from_slice::<Event>(&line) {
            Ok(event) if event.kind.trial().is_some_and(|trial| trial >= to.begun.saturating_add(AHEAD)) => {
                break Some("a trial number is out of order");
            }
            Ok(event) => {
                to.begun += usize::from(matches!(event.kind, super::EventKind::Started { .. }));
                take(event);
            }
            // The last one may be half of what was to be written.
            Err(_) if reader.fill_buf()?.is_empty() => break None,
            Err(_) => break Some("a line cannot be parsed"),
        }
        to.at += length as u64;
    };
    let damage = damage.map(|why| {
        let place = to.at;
        disk::damaged(
            path,
            format_args!("{why}, behind byte {place}; `truncate -s {place} FILE` keeps everything before it"),
        )
    });
    Ok(Followed { to, damage })
}

/// Whether nothing but empty blocks is left.
fn is_empty(line: &[u8], reader: &mut impl BufRead) -> io::Result<bool> {
    let mut is_empty = line.iter().all(|byte| *byte == 0);
    while is_empty {
        let block = reader.fill_buf()?;
        if block.is_empty() {
            break;
        }
        is_empty = block.iter().all(|byte| *byte == 0);
        let length = block.len();
        reader.consume(length);
    }
    Ok(is_empty)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;
    use crate::sweep::engine::journal::EventKind;

    const BEGUN: &str = r#"{"at":1,"event":"begun"}"#;

    fn journal(folder: &Path, text: &[u8]) -> PathBuf {
        let path = folder.join("events.jsonl");
        fs::write(&path, text).unwrap();
        path
    }

    fn followed(path: &Path) -> (usize, u64, Option<String>) {
        let mut count = 0;
        let followed = follow(path, Position::default(), |_| count += 1).unwrap();
        (count, followed.to.at, followed.damage.map(|error| error.to_string()))
    }

    fn started(trial: usize) -> String {
        format!(r#"{{"at":1,"event":"started","trial":{trial},"family":"ridge","params":{{}}}}"#)
    }

    #[test]
    fn what_a_crash_cut_off_is_no_damage() {
        let folder = tempfile::tempdir().unwrap();
        let whole = format!("{BEGUN}\n");
        let zeros = "\0".repeat(3 << 20);
        for rest in ["", "{\"at\":1,\"ev", "{\"at\":1,\"ev\n", "\0\0\0\0", &zeros] {
            let path = journal(folder.path(), format!("{whole}{rest}").as_bytes());
            assert_eq!(followed(&path), (1, whole.len() as u64, None), "{} bytes", rest.len());
        }
    }

    #[test]
    fn what_is_damaged_in_between_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let whole = format!("{BEGUN}\n");
        let long = "x".repeat(2 << 20);
        let huge = started(usize::MAX);
        for (bad, why) in [
            ("\0\0\0", "cannot be parsed"),
            ("\u{fffd}{", "cannot be parsed"),
            (&long, "is incomplete"),
            (&started(5_000), "number is out of order"),
            (&huge, "number is out of order"),
        ] {
            let path = journal(folder.path(), format!("{whole}{bad}\n{BEGUN}\n").as_bytes());
            let (count, at, damage) = followed(&path);
            let damage = damage.unwrap();
            assert_eq!((count, at), (1, whole.len() as u64), "{damage}");
            assert!(damage.contains(why) && damage.contains(path.to_str().unwrap()), "{damage}");
        }
        // A number that is not known is no line that was cut off either.
        let path = journal(folder.path(), format!("{whole}{huge}\n").as_bytes());
        assert!(followed(&path).2.is_some());
    }

    #[test]
    fn numbers_grow_with_the_trials_that_begin() {
        let folder = tempfile::tempdir().unwrap();
        let mut text = String::new();
        for trial in 0..3_000 {
            text.push_str(&started(trial ^ 1));
            text.push('\n');
        }
        let path = journal(folder.path(), text.as_bytes());
        assert_eq!(followed(&path), (3_000, text.len() as u64, None));
        // From a place on as from the start.
        let half =
            follow(&journal(folder.path(), &text.as_bytes()[..text.len() / 2]), Position::default(), drop)
                .unwrap();
        let path = journal(folder.path(), text.as_bytes());
        let mut last = None;
        let rest = follow(&path, half.to, |event| last = event.kind.trial()).unwrap();
        assert!(rest.damage.is_none());
        assert_eq!((rest.to.at, last), (text.len() as u64, Some(2_998)));
        assert!(matches!(serde_json::from_str::<Event>(BEGUN).unwrap().kind, EventKind::Begun));
    }

    #[test]
    fn a_journal_without_an_end_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = journal(folder.path(), b"");
        fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(disk::is_damage(&follow(&path, Position::default(), drop).unwrap_err()));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(disk::is_damage(&follow(&path, Position::default(), drop).unwrap_err()));
    }
}
