//! Files on their way into a bucket: small ones in one piece, large ones in parts. An object is there when all of it is.

use std::fs::File;
use std::path::Path as LocalPath;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use object_store::PutPayload;
use object_store::multipart::PartId;
use object_store::path::Path;

use super::client::{Asked, Client};
use super::tree::ObjectTree;
use crate::store::{ErrorKind, Inner, Sent};

/// A file of so many bytes goes in one piece.
const SMALL: u64 = 8 << 20;
/// Bytes of a part, but for files that would have too many.
const PART: u64 = 8 << 20;
/// S3 takes 10,000.
const MOST_PARTS: u64 = 9_000;
/// Parts of a file that are sent side by side: so many are in memory.
const SIDE_BY_SIDE: usize = 2;
/// How long parts that are given up have to go.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes that are handed to the connection at once: it is seen by them that something goes out.
const CHUNK: usize = 256 << 10;

fn payload(content: &Bytes) -> PutPayload {
    let starts = (0..content.len()).step_by(CHUNK);
    starts.map(|start| content.slice(start..content.len().min(start + CHUNK))).collect()
}

fn named(path: &LocalPath) -> impl Fn(std::io::Error) -> ErrorKind + '_ {
    move |error| ErrorKind::Io(format!("{}: {error}", path.display()))
}

/// Writes an object whole, in the place of one that is there.
pub async fn put(tree: &ObjectTree, path: &str, content: Bytes) -> Inner<()> {
    if path.is_empty() {
        return Err(ErrorKind::Invalid("an artifact needs a file name".into()));
    }
    let (key, payload) = (tree.key(path)?, payload(&content));
    let work = |asked: Arc<Asked>| {
        let (key, payload, options) = (key.clone(), payload.clone(), tree.client().options(path));
        async move { asked.writer.put_opts(&key, payload, options).await.map(drop) }
    };
    tree.client().call(path, work).await
}

/// The same with a file of this machine.
pub async fn write(tree: &ObjectTree, path: &str, from: &LocalPath, sent: Sent<'_>) -> Inner<()> {
    let file = open(from).await?;
    if file.size <= SMALL {
        let content = file.part(0, file.size).await?;
        put(tree, path, content).await?;
        sent(file.size as i64);
        return Ok(());
    }
    let key = tree.key(path)?;
    let starting = |asked: Arc<Asked>| {
        let (key, options) = (key.clone(), tree.client().options_of_parts(path));
        async move { asked.writer.create_multipart_opts(&key, options).await }
    };
    let id = tree.client().call(path, starting).await?;
    let begun = Begun { client: tree.share(), key, id, is_over: false };
    let done = AtomicI64::new(0);
    let count = |bytes: i64| {
        done.fetch_add(bytes, Ordering::Relaxed);
        sent(bytes);
    };
    let result = begun.send(path, &file, &count).await;
    if result.is_err() {
        sent(-done.into_inner());
        begun.abort().await;
    } else {
        begun.keep();
    }
    result
}

/// A file of this machine that is read part by part.
struct Local {
    file: Arc<File>,
    name: String,
    size: u64,
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Inner<T> + Send + 'static) -> Inner<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(ErrorKind::Io(error.to_string())))
}

async fn open(from: &LocalPath) -> Inner<Local> {
    let from = from.to_owned();
    blocking(move || {
        let file = crate::store::local::files::open(&from)?;
        let size = file.metadata().map_err(named(&from))?.len();
        Ok(Local { file: Arc::new(file), name: from.display().to_string(), size })
    })
    .await
}

impl Local {
    async fn part(&self, from: u64, length: u64) -> Inner<Bytes> {
        let (file, name) = (Arc::clone(&self.file), self.name.clone());
        blocking(move || {
            let mut part = Vec::with_capacity(length as usize);
            read_at(&file, from, length, &mut part).map_err(named(LocalPath::new(&name)))?;
            if part.len() as u64 != length {
                return Err(ErrorKind::Io(format!("{name}: it became shorter while it was sent")));
            }
            Ok(part.into())
        })
        .await
    }
}

/// Parts are read side by side: each by a handle of its own.
fn read_at(file: &File, from: u64, length: u64, into: &mut Vec<u8>) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileExt as _;
        into.resize(length as usize, 0);
        let mut filled = 0;
        while filled < into.len() {
            match file.read_at(&mut into[filled..], from + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        into.truncate(filled);
        Ok(())
    }
    #[cfg(not(unix))]
    {
        use std::os::windows::fs::FileExt as _;
        into.resize(length as usize, 0);
        let mut filled = 0;
        while filled < into.len() {
            match file.seek_read(&mut into[filled..], from + filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        into.truncate(filled);
        Ok(())
    }
}

/// Parts that are no object yet. What is left behind costs, so they are taken away where nobody goes on.
struct Begun {
    client: Arc<Client>,
    key: Path,
    id: String,
    is_over: bool,
}

impl Begun {
    async fn send(&self, path: &str, file: &Local, sent: Sent<'_>) -> Inner<()> {
        let part = PART.max(file.size.div_ceil(MOST_PARTS));
        let count = file.size.div_ceil(part);
        let sending = stream::iter(0..count).map(|at| async move {
            let length = part.min(file.size - at * part);
            let payload = payload(&file.part(at * part, length).await?);
            let work = |asked: Arc<Asked>| {
                let (key, id, payload) = (self.key.clone(), self.id.clone(), payload.clone());
                async move { asked.reader.put_part(&key, &id, at as usize, payload).await }
            };
            let id = self.client.call(path, work).await?;
            sent(length as i64);
            Ok::<_, ErrorKind>(id)
        });
        let parts: Vec<PartId> = sending.buffered(SIDE_BY_SIDE).try_collect().await?;
        let work = |asked: Arc<Asked>| {
            let (key, id, parts) = (self.key.clone(), self.id.clone(), parts.clone());
            async move { asked.reader.complete_multipart(&key, &id, parts).await.map(drop) }
        };
        self.client.call(path, work).await
    }

    fn keep(mut self) {
        self.is_over = true;
    }

    async fn abort(mut self) {
        self.is_over = true;
        abort(&self.client, &self.key, &self.id).await;
    }
}

async fn abort(client: &Client, key: &Path, id: &String) {
    if let Err(error) = client.asked().reader.abort_multipart(key, id).await {
        tracing::debug!(%error, "parts of an upload stay behind");
    }
}

/// Parts of uploads that were given up, and are being taken out of their buckets.
static GOING: AtomicUsize = AtomicUsize::new(0);

struct Going;

impl Going {
    fn begin() -> Self {
        GOING.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        GOING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Waits until the parts of uploads that were given up are gone, which would cost money; not for long.
pub async fn settled() {
    let gone = async {
        while GOING.load(Ordering::SeqCst) > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let _ = tokio::time::timeout(PATIENCE, gone).await;
}

impl Drop for Begun {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let (client, key, id) = (Arc::clone(&self.client), self.key.clone(), self.id.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let going = Going::begin();
            runtime.spawn(async move {
                abort(&client, &key, &id).await;
                drop(going);
            });
        }
    }
}
