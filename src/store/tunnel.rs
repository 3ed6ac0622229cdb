//! The way to a server that only another machine sees: the user's own `ssh` with its settings and agent, which carries
//! connections from there. It is begun when it is first needed, begun anew when it breaks, and ends with whoever needs it.

use std::collections::VecDeque;
use std::fmt;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::{ErrorKind, Inner};

/// How long a connection may take to be there.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether it is.
const LOOK: Duration = Duration::from_millis(50);
/// The longest pause before another try.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Lines of what `ssh` says that are kept.
const SAID: usize = 5;

/// A connection by `ssh`.
#[derive(Clone)]
pub struct Tunnel(Arc<Begun>);

/// Ports of this machine that lead through a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// A SOCKS proxy.
    pub proxy: u16,
    /// To the server alone.
    pub server: u16,
}

struct Begun {
    host: String,
    /// `ssh`, and what is written behind it.
    command: Vec<String>,
    /// The server as the other machine names it, and its port.
    server: (String, u16),
    ports: Mutex<Option<Ports>>,
    line: Arc<Connection>,
}

/// What the thread that keeps the connection shares.
struct Connection {
    state: watch::Sender<State>,
    child: Mutex<Option<Child>>,
    is_over: AtomicBool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Connecting,
    There,
    /// What `ssh` said.
    Failed(String),
}

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tunnel").field(&self.0.host).finish()
    }
}

impl PartialEq for Tunnel {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tunnel {
    /// A connection to `host`, which sees the server. Nothing is begun yet. `command` is `ssh` or what stands for it.
    pub fn new(host: &str, command: Vec<String>, server: (String, u16)) -> Self {
        let line = Connection {
            state: watch::Sender::new(State::Connecting),
            child: Mutex::new(None),
            is_over: AtomicBool::new(false),
        };
        Self(Arc::new(Begun {
            host: host.to_owned(),
            command,
            server,
            ports: Mutex::new(None),
            line: Arc::new(line),
        }))
    }

    /// The machine that it leads to.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// The ports that lead through it; it is begun if it was not.
    ///
    /// # Errors
    /// Where this machine has no port or thread for it.
    pub fn ports(&self) -> Inner<Ports> {
        let failed =
            |error: std::io::Error| ErrorKind::Io(format!("cannot begin ssh {}: {error}", self.0.host));
        let mut ports = held(&self.0.ports);
        if let Some(ports) = *ports {
            return Ok(ports);
        }
        let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let (proxy, server) = (free().map_err(failed)?, free().map_err(failed)?);
        let port = |listener: &TcpListener| listener.local_addr().map(|address| address.port());
        let chosen = Ports { proxy: port(&proxy).map_err(failed)?, server: port(&server).map_err(failed)? };
        drop((proxy, server));
        let (line, words) = (Arc::clone(&self.0.line), self.0.words(chosen));
        std::thread::Builder::new()
            .name("ssh".into())
            .spawn(move || line.keep(&words, chosen.proxy))
            .map_err(failed)?;
        *ports = Some(chosen);
        Ok(chosen)
    }

    /// Waits until it is there.
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`] with what `ssh` said, or if it takes too long.
    pub async fn ready(&self) -> Inner<Ports> {
        let ports = self.ports()?;
        let mut state = self.0.line.state.subscribe();
        let settled = state.wait_for(|state| *state != State::Connecting);
        let said = match tokio::time::timeout(PATIENCE, settled).await {
            Ok(Ok(state)) => match &*state {
                State::Failed(said) => said.clone(),
                State::There | State::Connecting => return Ok(ports),
            },
            Ok(Err(_)) | Err(_) => format!("no connection within {} s", PATIENCE.as_secs()),
        };
        Err(ErrorKind::Unreachable(format!("ssh {}: {said}", self.0.host)))
    }
}

impl Begun {
    /// The command with its words. The far end ends when this process does: `cat` has nothing to read then.
    fn words(&self, ports: Ports) -> Vec<String> {
        let (name, port) = &self.server;
        let name = if name.contains(':') { format!("[{name}]") } else { name.clone() };
        let local = Ipv4Addr::LOCALHOST;
        let mut words = self.command.clone();
        for option in [
            "BatchMode=yes",
            "ControlMaster=no",
            "ExitOnForwardFailure=yes",
            "ServerAliveInterval=15",
            "ServerAliveCountMax=3",
        ] {
            words.extend(["-o".to_owned(), option.to_owned()]);
        }
        words.extend(["-T".into(), "-D".into(), format!("{local}:{}", ports.proxy)]);
        words.extend(["-L".into(), format!("{local}:{}:{name}:{port}", ports.server)]);
        words.extend(["--".into(), self.host.clone(), "cat".into()]);
        words
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.line.is_over.store(true, Ordering::Relaxed);
        if let Some(child) = held(&self.line.child).as_mut() {
            let _ = child.kill();
        }
    }
}

impl Connection {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Keeps the connection until nobody needs it.
    fn keep(&self, words: &[String], port: u16) {
        let mut pause = Duration::from_secs(1);
        while !self.is_over() {
            let begun = Instant::now();
            let said = self.connect(words, port);
            if self.is_over() {
                return;
            }
            tracing::warn!(%said, "the connection by ssh is gone");
            self.state.send_replace(State::Failed(said));
            // One that held for a while is not to blame for its end.
            pause = if begun.elapsed() > LONGEST_PAUSE { Duration::from_secs(1) } else { pause };
            let until = Instant::now() + pause;
            while Instant::now() < until && !self.is_over() {
                std::thread::sleep(LOOK);
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Begins `ssh` and waits for its end; what it said last.
    fn connect(&self, words: &[String], port: u16) -> String {
        let Some((program, rest)) = words.split_first() else { return "no command".into() };
        let mut command = Command::new(program);
        command.args(rest).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        // Ctrl-c in the terminal is not meant for it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return format!("cannot run {program}: {error}"),
        };
        let told = child.stderr.take();
        *held(&self.child) = Some(child);
        if self.is_over()
            && let Some(child) = held(&self.child).as_mut()
        {
            let _ = child.kill();
        }
        let said = std::thread::scope(|scope| {
            let reading = scope.spawn(|| told.map(last_words).unwrap_or_default());
            self.wait_until_there(port);
            reading.join().unwrap_or_default()
        });
        if let Some(mut child) = held(&self.child).take() {
            let _ = child.wait();
        }
        said
    }

    /// Looks for the port that `ssh` opens when everything else is there.
    fn wait_until_there(&self, port: u16) {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let begun = Instant::now();
        while !self.is_over() && begun.elapsed() < PATIENCE {
            let has_ended =
                held(&self.child).as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)));
            if has_ended {
                return;
            }
            if TcpStream::connect_timeout(&address, LOOK).is_ok() {
                self.state.send_replace(State::There);
                return;
            }
            std::thread::sleep(LOOK);
        }
        // It hangs: another try may do better.
        if let Some(child) = held(&self.child).as_mut() {
            let _ = child.kill();
        }
    }
}

/// The last lines of what comes, in one.
fn last_words(stream: impl std::io::Read) -> String {
    let mut last = VecDeque::new();
    let mut lines = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        match std::io::Read::take(&mut lines, 4_096).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {
                let line = String::from_utf8_lossy(&line).trim().to_owned();
                if !line.is_empty() {
                    last.push_back(line);
                    if last.len() > SAID {
                        last.pop_front();
                    }
                }
            }
        }
    }
    match last.len() {
        0 => "the connection ended".into(),
        _ => Vec::from(last).join("; "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    #[test]
    fn what_ssh_is_told_leaves_nothing_to_ask() {
        let tunnel =
            Tunnel::new("login1", vec!["ssh".into(), "-p".into(), "2222".into()], ("ml".into(), 5000));
        let words = tunnel.0.words(Ports { proxy: 1, server: 2 }).join(" ");
        assert!(words.starts_with("ssh -p 2222 -o BatchMode=yes"), "{words}");
        assert!(words.ends_with("-T -D 127.0.0.1:1 -L 127.0.0.1:2:ml:5000 -- login1 cat"), "{words}");
        let six = Tunnel::new("login1", vec!["ssh".into()], ("::1".into(), 5000));
        assert!(six.0.words(Ports { proxy: 1, server: 2 }).contains(&"127.0.0.1:2:[::1]:5000".into()));
    }

    #[cfg(unix)]
    #[test]
    fn what_ssh_says_is_told() {
        let command = ["sh", "-c", "echo Permission denied >&2; exit 255"].map(str::to_owned).to_vec();
        let tunnel = Tunnel::new("login1", command, ("ml".into(), 5000));
        let failed = block_on(tunnel.ready()).unwrap_err();
        assert_eq!(failed, ErrorKind::Unreachable("ssh login1: Permission denied".into()));
        let absent = Tunnel::new("login1", vec!["no-such-ssh".into()], ("ml".into(), 5000));
        let failed = block_on(absent.ready()).unwrap_err();
        assert!(matches!(&failed, ErrorKind::Unreachable(words) if words.contains("cannot run no-such-ssh")));
    }
}
