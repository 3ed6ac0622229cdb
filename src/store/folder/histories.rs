//! Histories: the lines of one file.

use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::files::content;
use super::layout::{Layout, METRICS};
use super::lines::{self, End};
use crate::mlflow::{MetricPoint, Part, RunId, Summary};
use crate::store::local::files::open;
use crate::store::local::inside;
use crate::store::{ErrorKind, HistoryCursor, HistoryPart, Inner, by_step};

/// Points of a history that is read.
const MOST: usize = 4_000_000;
/// Bytes of its file.
const MOST_BYTES: u64 = 512 << 20;
/// Threads that read files side by side.
const READERS: usize = 4;
/// With fewer runs, threads cost more than they bring.
const FEW: usize = 16;

fn too_long() -> ErrorKind {
    ErrorKind::TooMuch(format!("a history of more than {} MB", MOST_BYTES >> 20))
}

fn file(layout: &Layout, id: &RunId, key: &str) -> Inner<PathBuf> {
    let (_, run) = layout.run(id)?;
    inside(&run.join(METRICS), key)
}

fn bytes(layout: &Layout, id: &RunId, key: &str) -> Inner<Vec<u8>> {
    let path = file(layout, id, key)?;
    // A folder of other metrics is none itself.
    if !path.is_file() {
        return Ok(Vec::new());
    }
    match content(&path, MOST_BYTES) {
        Ok((content, false)) => Ok(content),
        Ok((_, true)) => Err(too_long()),
        Err(ErrorKind::NotFound(_)) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn points(content: &[u8]) -> Inner<Vec<MetricPoint>> {
    // Before they take memory.
    if content.split(|byte| *byte == b'\n').nth(MOST + 1).is_some() {
        return Err(ErrorKind::TooMuch(format!("a history of more than {MOST} points")));
    }
    let mut points = lines::points(content);
    if points.len() > MOST {
        return Err(ErrorKind::TooMuch(format!("a history of more than {MOST} points")));
    }
    points.sort_by(by_step);
    Ok(points)
}

pub fn whole(layout: &Layout, id: &RunId, key: &str) -> Inner<Vec<MetricPoint>> {
    points(&bytes(layout, id, key)?)
}

/// The points behind those that were read: lines are only put at the end. A line that is not written to its end is read, and
/// read again when it is.
pub fn since(layout: &Layout, id: &RunId, key: &str, cursor: &HistoryCursor) -> Inner<HistoryPart> {
    let path = file(layout, id, key)?;
    let refused = |error: io::Error| ErrorKind::Io(format!("{}: {error}", path.display()));
    let empty = HistoryPart { points: Vec::new(), replaces: true, cursor: HistoryCursor::START };
    if !path.is_file() {
        return Ok(empty);
    }
    let mut file = match open(&path) {
        Err(ErrorKind::NotFound(_)) => return Ok(empty),
        file => file?,
    };
    let length = file.metadata().map_err(refused)?.len();
    let known = cursor.get::<End>().filter(|end| end.goes_on_in(&mut file, length));
    let from = known.map_or(0, |end| end.length);
    if length - from > MOST_BYTES {
        return Err(too_long());
    }
    let mut content = Vec::new();
    file.seek(SeekFrom::Start(from)).map_err(refused)?;
    (&file).take(length - from).read_to_end(&mut content).map_err(refused)?;
    let end = End::of(&mut file, from + content.len() as u64).map_err(refused)?;
    Ok(HistoryPart { points: points(&content)?, replaces: known.is_none(), cursor: HistoryCursor::new(end) })
}

/// What the histories of these runs come to, or a part of them. Runs that are no more have none.
pub fn summaries(layout: &Layout, ids: &[RunId], key: &str, part: Part) -> Inner<Vec<(RunId, Summary)>> {
    let one = |id: &RunId| match whole(layout, id, key) {
        Ok(points) => Ok(Summary::of_part(points, part).map(|summary| (id.clone(), summary))),
        Err(ErrorKind::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    };
    if ids.len() < FEW {
        let found: Inner<Vec<_>> = ids.iter().map(one).collect();
        return found.map(|found| found.into_iter().flatten().collect());
    }
    let next = AtomicUsize::new(0);
    let read = || -> Inner<Vec<(RunId, Summary)>> {
        let mut found = Vec::new();
        while let Some(id) = ids.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.extend(one(id)?);
        }
        Ok(found)
    };
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS).map(|_| scope.spawn(read)).collect();
        let mut found = Vec::with_capacity(ids.len());
        for reader in readers {
            let stopped = || ErrorKind::Io("the reader stopped".into());
            found.extend(reader.join().map_err(|_| stopped())??);
        }
        Ok(found)
    })
}
