//! A peer that answers as it is told, for failures that a real server cannot be made to show; and what it was sent.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What the peer does with one request.
#[derive(Clone)]
pub enum Answer {
    /// Status, further headers, body.
    Http(u16, &'static str, &'static str),
    /// The connection is closed without an answer.
    Close,
    /// An answer that breaks off in the middle.
    Half,
}

pub struct Peer {
    pub port: u16,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Peer {
    /// Gives the answers in their order, the last one again and again.
    pub fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let count = seen.lock().unwrap().len();
                let answer = answers[count.min(answers.len() - 1)].clone();
                let mut stream = stream;
                let request = read_request(&mut stream);
                seen.lock().unwrap().push(request);
                // The other side may be gone; that is its affair.
                let _ = respond(&mut stream, &answer);
            }
        });
        Self { port, requests }
    }

    pub fn uri(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The requests so far, head and body.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Waits until the other side is gone, or so long.
pub fn until_gone(stream: &TcpStream, at_most: Duration) {
    let end = Instant::now() + at_most;
    let mut stream = stream;
    while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        let is_open = stream.set_read_timeout(Some(left)).is_ok();
        // Nothing more, or an error: the time is over, or the connection.
        if !is_open || !matches!(stream.read(&mut [0; 512]), Ok(1..)) {
            return;
        }
    }
}

pub fn read_request(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = stream.read(&mut buffer).unwrap_or(0);
        bytes.extend_from_slice(&buffer[..length]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let wanted = head.lines().find_map(|line| {
                line.to_lowercase().strip_prefix("content-length:").map(|n| n.trim().parse().unwrap())
            });
            if body.len() >= wanted.unwrap_or(0_usize) {
                return text;
            }
        }
        if length == 0 {
            return text;
        }
    }
}

fn respond(stream: &mut TcpStream, answer: &Answer) -> std::io::Result<()> {
    match answer {
        Answer::Http(status, headers, body) => write!(
            stream,
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
            body.len()
        ),
        Answer::Close => Ok(()),
        Answer::Half => write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n{{\"runs\": ["
        ),
    }
}
