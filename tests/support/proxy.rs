//! A proxy between a client and a real server, which can be told to spoil what passes.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What becomes of requests.
#[derive(Debug, Clone, PartialEq)]
pub enum Fault {
    None,
    /// The answer comes so much later.
    Slow(Duration),
    /// Another answer than the server's: status, further headers, body.
    Instead(u16, &'static str, &'static str),
    /// The server's answer breaks off in the middle.
    Half,
    /// Answers to requests whose path holds this break off behind so many bytes.
    Short(&'static str, usize),
    /// The request arrives under another host's name.
    Host(&'static str),
    /// So many more writes pass. From the next one on nothing is answered.
    Cut {
        writes: u64,
        /// That write arrives all the same.
        arrives: bool,
        /// Connections are not closed either.
        hangs: bool,
        /// It has come so far.
        is_cut: bool,
    },
    /// Requests whose path holds this are refused with a status; all others pass.
    Refuse(&'static str, u16),
}

/// Whether a request changes something.
fn is_write(request: &str) -> bool {
    let line = request.lines().next().unwrap_or_default();
    !line.starts_with("GET") && !line.contains("/search")
}

pub struct Proxy {
    port: u16,
    fault: Arc<Mutex<Fault>>,
    bytes: Arc<AtomicU64>,
    requests: Arc<AtomicU64>,
    open: Arc<Open>,
}

/// Requests that are not answered yet: now, and the most at any time.
#[derive(Default)]
struct Open {
    now: AtomicU64,
    most: AtomicU64,
}

/// One of them, until its answer is on its way: whoever has that may ask again.
struct Request(Arc<Open>);

impl Request {
    fn new(open: Arc<Open>) -> Self {
        let now = open.now.fetch_add(1, Ordering::Relaxed) + 1;
        open.most.fetch_max(now, Ordering::Relaxed);
        Self(open)
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Proxy {
    /// A proxy in front of the server at a port of this machine.
    pub fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let fault = Arc::new(Mutex::new(Fault::None));
        let (bytes, requests) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let proxy = Self {
            port,
            fault: Arc::clone(&fault),
            bytes: Arc::clone(&bytes),
            requests: Arc::clone(&requests),
            open: Arc::default(),
        };
        let open = Arc::clone(&proxy.open);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (fault, bytes, requests, open) =
                    (Arc::clone(&fault), Arc::clone(&bytes), Arc::clone(&requests), Arc::clone(&open));
                // Either side may be gone; that is its affair.
                thread::spawn(move || {
                    drop(pass(client, server, &fault, &bytes, &requests, Request::new(open)));
                });
            }
        });
        proxy
    }

    pub fn uri(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    /// Whether a cut has come.
    pub fn is_cut(&self) -> bool {
        matches!(*self.fault.lock().unwrap(), Fault::Cut { is_cut: true, .. })
    }

    /// The most requests that were under way at the same time.
    pub fn most_open(&self) -> u64 {
        self.open.most.load(Ordering::Relaxed)
    }

    /// Bytes of answers and number of requests so far.
    pub fn passed(&self) -> (u64, u64) {
        (self.bytes.load(Ordering::Relaxed), self.requests.load(Ordering::Relaxed))
    }
}

fn pass(
    mut client: TcpStream,
    server: u16,
    fault: &Mutex<Fault>,
    bytes: &AtomicU64,
    requests: &AtomicU64,
    open: Request,
) -> std::io::Result<()> {
    let request = super::peer::read_request(&mut client);
    requests.fetch_add(1, Ordering::Relaxed);
    let fault = {
        let mut known = fault.lock().unwrap();
        let now = known.clone();
        if let Fault::Cut { writes, is_cut, .. } = &mut *known
            && is_write(&request)
        {
            *is_cut |= *writes == 0;
            *writes = writes.saturating_sub(1);
        }
        now
    };
    if let Fault::Cut { writes, arrives, hangs, is_cut } = fault
        && (is_cut || (writes == 0 && is_write(&request)))
    {
        if arrives && !is_cut {
            let _ = forward(&request, server, &format!("127.0.0.1:{server}"));
        }
        if hangs {
            super::peer::until_gone(&client, Duration::from_secs(60));
        }
        return Ok(());
    }
    if let Fault::Refuse(part, status) = fault
        && request.lines().next().is_some_and(|line| line.contains(part))
    {
        let body = "no";
        return write!(
            client,
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
    }
    if let Fault::Instead(status, headers, body) = fault {
        return write!(
            client,
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
            body.len()
        );
    }
    if let Fault::Slow(time) = fault {
        super::peer::until_gone(&client, time);
    }
    let host = match fault {
        Fault::Host(name) => name.to_owned(),
        _ => format!("127.0.0.1:{server}"),
    };
    let answer = forward(&request, server, &host)?;
    bytes.fetch_add(answer.len() as u64, Ordering::Relaxed);
    let length = match fault {
        Fault::Half => answer.len() * 2 / 3,
        Fault::Short(part, length) if request.lines().next().is_some_and(|line| line.contains(part)) => {
            length.min(answer.len())
        }
        _ => answer.len(),
    };
    drop(open);
    client.write_all(&answer[..length])
}

/// The server's answer to a request.
fn forward(request: &str, server: u16, host: &str) -> std::io::Result<Vec<u8>> {
    let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
    let head: Vec<&str> = head
        .lines()
        .filter(|line| !["host:", "connection:"].iter().any(|name| line.to_lowercase().starts_with(name)))
        .collect();
    let mut upstream = TcpStream::connect(("127.0.0.1", server))?;
    write!(upstream, "{}\r\nHost: {host}\r\nConnection: close\r\n\r\n{body}", head.join("\r\n"))?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer)?;
    Ok(answer)
}
