//! Large files on their way out, read while they are sent.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::store::{ErrorKind, Inner, Sent};

/// A file of so many bytes is sent in one piece, and again as often as any request.
pub const SMALL: u64 = 1 << 20;
/// Bytes of a part of a file that is being sent.
const PART: usize = 256 << 10;

/// Sends a file once, by a request that is made of its body: so many bytes, whatever becomes of the file meanwhile.
pub async fn stream<F: Future<Output = Inner<()>> + Send>(
    from: &Path,
    size: u64,
    sent: Sent<'_>,
    patience: Duration,
    request: impl FnOnce(reqwest::Body) -> F + Send,
) -> Inner<()> {
    let mut file = std::fs::File::open(from).map_err(named(from))?;
    let (sender, mut parts) = mpsc::channel::<std::io::Result<Bytes>>(2);
    let (told, mut going_on) = mpsc::unbounded_channel::<u64>();
    let reading = tokio::task::spawn_blocking(move || {
        let mut left = size;
        while left > 0 {
            let mut part = vec![0; PART.min(usize::try_from(left).unwrap_or(PART))];
            let read = file.read_exact(&mut part).map(|()| Bytes::from(part));
            let length = read.as_ref().map_or(0, |part| part.len() as u64);
            let is_end = read.is_err();
            // Nobody takes more where the request broke off.
            if sender.blocking_send(read).is_err() || is_end {
                return;
            }
            left -= length;
            let _ = told.send(length);
        }
    });
    let stream = futures_util::stream::poll_fn(move |context| parts.poll_recv(context));
    let mut request = std::pin::pin!(request(reqwest::Body::wrap_stream(stream)));
    let mut is_all_sent = false;
    let result = loop {
        tokio::select! {
            answer = &mut request => break answer,
            bytes = going_on.recv(), if !is_all_sent => match bytes {
                Some(bytes) => sent(bytes as i64),
                None => is_all_sent = true,
            },
            () = tokio::time::sleep(patience) => break Err(ErrorKind::Timeout(patience.as_secs())),
        }
    };
    reading.abort();
    result
}

/// Names the file that cannot be read.
pub fn named(path: &Path) -> impl Fn(std::io::Error) -> ErrorKind + '_ {
    move |error| ErrorKind::Io(format!("{}: {error}", path.display()))
}

/// Bytes of a file, which must be one.
pub fn size_of_file(path: &Path) -> Inner<u64> {
    let metadata = path.metadata().map_err(named(path))?;
    if metadata.is_file() {
        Ok(metadata.len())
    } else {
        Err(ErrorKind::Invalid(format!("{} is not a regular file", path.display())))
    }
}
