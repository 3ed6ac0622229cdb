//! A server that sends what no server should, and the room that the program takes meanwhile.

use std::io::{Result, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use super::peer::{read_request, until_gone};

/// Megabytes that the whole program may take, whatever a store does.
pub const ROOM: u64 = 300;

pub struct Flood {
    pub port: u16,
    sent: Arc<AtomicU64>,
    requests: Arc<AtomicU64>,
}

/// The other side, which may be gone at any time.
pub struct Sink<'a> {
    stream: &'a mut TcpStream,
    sent: &'a AtomicU64,
}

impl Sink<'_> {
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.stream.write_all(bytes.as_ref())?;
        self.sent.fetch_add(bytes.as_ref().len() as u64, Ordering::Relaxed);
        Ok(())
    }

    /// A head with further lines; the body ends with the connection.
    pub fn head(&mut self, status: u16, lines: &str) -> Result<()> {
        self.send(format!("HTTP/1.1 {status} X\r\nConnection: close\r\n{lines}\r\n"))
    }

    /// A whole answer.
    pub fn json(&mut self, body: &str) -> Result<()> {
        self.head(200, &format!("Content-Length: {}\r\n", body.len()))?;
        self.send(body)
    }

    /// Sends no more for so long, unless the other side is gone by then.
    pub fn pause(&self, at_most: Duration) {
        until_gone(self.stream, at_most);
    }

    /// The same until nobody listens any more.
    pub fn without_end(&mut self, part: &str) -> Result<()> {
        let block = part.repeat(((64 << 10) / part.len()).max(1));
        loop {
            self.send(&block)?;
        }
    }
}

impl Flood {
    /// Starts a server that answers a request, its head and body, with what is sent.
    pub fn start(answer: impl Fn(&str, &mut Sink<'_>) -> Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sent, requests) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let flood = Self { port, sent: Arc::clone(&sent), requests: Arc::clone(&requests) };
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (answer, sent, requests) =
                    (Arc::clone(&answer), Arc::clone(&sent), Arc::clone(&requests));
                thread::spawn(move || {
                    let request = read_request(&mut stream);
                    requests.fetch_add(1, Ordering::Relaxed);
                    // The other side may be gone; that is its affair.
                    let _ = answer(&request, &mut Sink { stream: &mut stream, sent: &sent });
                });
            }
        });
        flood
    }

    pub fn uri(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Megabytes that were sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed) >> 20
    }

    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

/// The most megabytes that a process took so far.
pub fn peak_of(process: u32) -> u64 {
    let status =
        std::fs::read_to_string(Path::new("/proc").join(process.to_string()).join("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() >> 10
}
