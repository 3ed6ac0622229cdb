//! The bytes of an answer: never more of them than there is room for, and counted after they are unpacked.
//!
//! Only one large answer is in memory at a time, whoever asked for it.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Response;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::cutting::Cutter;
use crate::store::reasons::innermost;
use crate::store::{ErrorKind, Inner};

/// Bytes of a JSON answer that are kept, long texts in it cut. Of runs, smaller pages are asked for where one has more.
pub const LONGEST: usize = 48 << 20;
/// The same for a history: a server of MLflow 2 knows no pages there, and sends some 120 bytes a point.
pub const HISTORY: usize = 128 << 20;
/// Bytes that are read of what is only to be shown.
pub const SHOWN: usize = 64 << 10;
/// Bytes of a JSON answer that are looked at, with all that is cut out.
const LOOKED_AT: usize = 256 << 20;
/// An answer of more bytes than this has to wait for its turn.
const LARGE: usize = 4 << 20;

/// From whom an answer comes, and how long it may take.
#[derive(Debug, Clone)]
pub struct Source {
    pub base: String,
    pub timeout: Duration,
    /// The turn of large answers.
    pub turn: Arc<Semaphore>,
}

/// A body, and the turn that it holds.
#[derive(Debug, Default)]
pub struct Body {
    pub bytes: Vec<u8>,
    pub turn: Option<OwnedSemaphorePermit>,
}

impl Source {
    /// A JSON body, in which texts that are too long are cut.
    pub async fn json(&self, mut response: Response, most: usize) -> Inner<Body> {
        let mut body = Body::default();
        let mut cutter = Cutter::default();
        let mut looked_at = 0;
        if response.content_length().is_some_and(|length| length > LOOKED_AT as u64) {
            return Err(self.too_much(LOOKED_AT));
        }
        while let Some(part) = self.part(&mut response).await? {
            looked_at += part.len();
            cutter.push(&part, &mut body.bytes);
            if body.bytes.len() > most {
                return Err(self.too_much(most));
            }
            if looked_at > LOOKED_AT {
                return Err(self.too_much(LOOKED_AT));
            }
            self.wait_for_turn(&mut body).await;
        }
        Ok(body)
    }

    /// A file's bytes, of which there may be so many.
    pub async fn file(&self, mut response: Response, most: usize) -> Inner<Vec<u8>> {
        if response.content_length().is_some_and(|length| length > most as u64) {
            return Err(self.too_much(most));
        }
        let mut body = Body::default();
        while let Some(part) = self.part(&mut response).await? {
            if part.len() > most - body.bytes.len() {
                return Err(self.too_much(most));
            }
            body.bytes.extend_from_slice(&part);
            self.wait_for_turn(&mut body).await;
        }
        Ok(body.bytes)
    }

    /// The beginning of a body: enough of it to be shown. One that breaks off says what it says, also where the request
    /// itself may take as long as it takes.
    pub async fn beginning(&self, response: Response) -> Vec<u8> {
        let mut bytes = Vec::new();
        match tokio::time::timeout(self.timeout, self.read_beginning(response, &mut bytes)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a body is not all there"),
            Err(_) => tracing::debug!("a body is not all there in time"),
        }
        bytes
    }

    pub async fn read_beginning(&self, mut response: Response, bytes: &mut Vec<u8>) -> Inner<()> {
        while bytes.len() < SHOWN
            && let Some(part) = self.part(&mut response).await?
        {
            bytes.extend_from_slice(&part[..part.len().min(SHOWN - bytes.len())]);
        }
        Ok(())
    }

    async fn part(
        &self,
        response: &mut Response,
    ) -> Inner<Option<impl AsRef<[u8]> + std::ops::Deref<Target = [u8]> + use<>>> {
        response.chunk().await.map_err(|error| {
            let base = &self.base;
            ErrorKind::Unreachable(if error.is_timeout() {
                let seconds = self.timeout.as_secs_f64();
                format!("{base}: the answer was incomplete after {seconds} s (MLFLOW_HTTP_REQUEST_TIMEOUT)")
            } else {
                format!("{base}: the answer was interrupted: {}", innermost(&error))
            })
        })
    }

    async fn wait_for_turn(&self, body: &mut Body) {
        if body.turn.is_none() && body.bytes.len() > LARGE {
            // Nobody closes it.
            body.turn = Arc::clone(&self.turn).acquire_owned().await.ok();
        }
    }

    pub fn too_much(&self, most: usize) -> ErrorKind {
        too_much(&self.base, most)
    }
}

pub fn too_much(base: &str, most: usize) -> ErrorKind {
    let most = if most < 1 << 20 { format!("{} kB", most >> 10) } else { format!("{} MB", most >> 20) };
    ErrorKind::TooMuch(format!("{base} sends more than {most} in one answer"))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn the_rest_of_what_is_only_shown_is_not_waited_for_without_end() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(b"HTTP/1.1 500 Error\r\nContent-Length: 100\r\n\r\nbroken").unwrap();
            let _ = ended.recv();
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let bytes = runtime.block_on(async {
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let response = client.get(&base).send().await.unwrap();
            let timeout = Duration::from_millis(200);
            let source = Source { base, timeout, turn: Arc::new(Semaphore::new(1)) };
            tokio::time::timeout(Duration::from_secs(30), source.beginning(response)).await
        });
        drop(end);
        server.join().unwrap();
        assert_eq!(bytes.unwrap(), b"broken");
    }
}
