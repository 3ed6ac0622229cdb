//! What is asked of a sweep besides to pause and to end: lines that anybody may add, in the order in which they are taken.

use std::io::{self, Write as _};

use serde::{Deserialize, Serialize};

use super::SweepFolder;
use crate::disk;

const FILE: &str = "changes.jsonl";
/// Bytes of all that was ever asked; more is refused.
const MOST: u64 = 1 << 20;

/// A change to a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A trial that is under way ends as one that was pruned.
    Prune {
        /// Its number.
        trial: usize,
    },
    /// A trial that failed or was pruned is carried out once more.
    Retry {
        /// Its number.
        trial: usize,
    },
    /// The maximum number of trials is another.
    Trials {
        /// All of the sweep's, not more of them.
        most: usize,
    },
    /// Another number of trials is carried out side by side.
    Jobs {
        /// That many.
        jobs: usize,
    },
}

impl SweepFolder {
    /// Asks for a change; whoever is at the sweep takes it within a second, or when the sweep is resumed.
    ///
    /// # Errors
    /// Where it cannot be written, or the folder is gone.
    pub fn ask(&self, change: Change) -> io::Result<()> {
        self.check()?;
        let mut file = disk::open_to_append(&self.path.join(FILE))?;
        if file.metadata()?.len() > MOST {
            return Err(io::Error::other("too many changes were asked of this sweep"));
        }
        let mut line = serde_json::to_vec(&change).map_err(io::Error::other)?;
        line.push(b'\n');
        file.write_all(&line)
    }

    /// How much was asked, in bytes: another number where there is more.
    pub fn asked_bytes(&self) -> u64 {
        self.path.join(FILE).metadata().map_or(0, |metadata| metadata.len())
    }

    /// What was asked, from the first change on. What this version does not understand is none of them, but counted.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn changes(&self) -> io::Result<Vec<Option<Change>>> {
        let content = match disk::read(&self.path.join(FILE), 2 * MOST) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            content => content?,
        };
        // A line without its end is still being written.
        let whole = content.iter().rposition(|byte| *byte == b'\n').map_or(&[][..], |end| &content[..end]);
        let lines = whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Ok(lines.map(|line| serde_json::from_slice(line).ok()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_taken_in_their_order_and_half_of_one_is_none() {
        let here = tempfile::tempdir().unwrap();
        let folder = SweepFolder { path: here.path().to_owned() };
        assert_eq!(folder.changes().unwrap(), []);
        folder.ask(Change::Jobs { jobs: 3 }).unwrap();
        folder.ask(Change::Prune { trial: 7 }).unwrap();
        let mut file = disk::open_to_append(&here.path().join(FILE)).unwrap();
        file.write_all(b"{\"change\":\"of_the_future\"}\n{\"change\":\"tri").unwrap();
        let asked = [Some(Change::Jobs { jobs: 3 }), Some(Change::Prune { trial: 7 }), None];
        assert_eq!(folder.changes().unwrap(), asked);
    }
}
