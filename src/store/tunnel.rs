//! The way to a server that only another machine sees: the user's own `ssh` with its settings and agent, which carries
//! connections from there. It is begun when it is first needed, begun anew when it breaks, and ends with whoever needs it.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;
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

/// What a tunnel leads to, as the other machine names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A port of a machine that it sees, or its own.
    Port(String, u16),
    /// A socket of its own.
    Socket(PathBuf),
}

/// Where that is found on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// A port of this machine.
    Port(u16),
    /// A socket of the same name in a folder that only this user enters: who comes by it may be let in as the user of the
    /// other machine, without a password.
    Socket(PathBuf),
}

/// What of this machine leads through a tunnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends {
    /// The port of a SOCKS proxy.
    pub proxy: u16,
    /// To each target alone.
    pub targets: Vec<End>,
}

struct Begun {
    host: String,
    /// `ssh`, and what is written behind it.
    command: Vec<String>,
    targets: Vec<Target>,
    /// With the folder of the sockets among them.
    ends: Mutex<Option<(Ends, Option<TempDir>)>>,
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

impl Eq for Tunnel {}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tunnel {
    /// A connection to `host`, which sees the targets. Nothing is begun yet. `command` is `ssh` or what stands for it.
    pub fn new(host: &str, command: Vec<String>, targets: Vec<Target>) -> Self {
        let line = Connection {
            state: watch::Sender::new(State::Connecting),
            child: Mutex::new(None),
            is_over: AtomicBool::new(false),
        };
        Self(Arc::new(Begun {
            host: host.to_owned(),
            command,
            targets,
            ends: Mutex::new(None),
            line: Arc::new(line),
        }))
    }

    /// The machine that it leads to.
    pub fn host(&self) -> &str {
        &self.0.host
    }

    /// How what it leads to is reached, in words that stand behind a place.
    pub fn in_words(&self) -> String {
        format!(" through ssh {}", self.0.host)
    }

    /// What leads through it; it is begun if it was not.
    ///
    /// # Errors
    /// Where this machine has no port, folder or thread for it.
    pub fn ends(&self) -> Inner<Ends> {
        let mut held = held(&self.0.ends);
        if let Some((ends, _)) = &*held {
            return Ok(ends.clone());
        }
        let chosen = self
            .0
            .choose()
            .and_then(|chosen| {
                let (line, words) = (Arc::clone(&self.0.line), self.0.words(&chosen.0));
                let proxy = chosen.0.proxy;
                std::thread::Builder::new().name("ssh".into()).spawn(move || line.keep(&words, proxy))?;
                Ok(chosen)
            })
            .map_err(|error| ErrorKind::Io(format!("cannot begin ssh {}: {error}", self.0.host)))?;
        let ends = chosen.0.clone();
        *held = Some(chosen);
        Ok(ends)
    }

    /// Waits until it is there.
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`] with what `ssh` said, or if it takes too long.
    pub async fn ready(&self) -> Inner<Ends> {
        let ends = self.ends()?;
        let mut state = self.0.line.state.subscribe();
        let settled = state.wait_for(|state| *state != State::Connecting);
        let said = match tokio::time::timeout(PATIENCE, settled).await {
            Ok(Ok(state)) => match &*state {
                State::Failed(said) => said.clone(),
                State::There | State::Connecting => return Ok(ends),
            },
            Ok(Err(_)) | Err(_) => format!("no connection within {} s", PATIENCE.as_secs()),
        };
        Err(ErrorKind::Unreachable(format!("ssh {}: {said}", self.0.host)))
    }

    /// The same on a thread that may block.
    ///
    /// # Errors
    /// As [`ready`](Self::ready).
    pub fn wait(&self) -> Inner<Ends> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        runtime.map_err(|error| ErrorKind::Io(error.to_string()))?.block_on(self.ready())
    }
}

impl Begun {
    /// Free places of this machine.
    fn choose(&self) -> io::Result<(Ends, Option<TempDir>)> {
        // They are held until all are found, so that no two are the same.
        let mut taken = Vec::new();
        let mut port = || {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let port = listener.local_addr()?.port();
            taken.push(listener);
            io::Result::Ok(port)
        };
        let proxy = port()?;
        let mut folder = None;
        let mut targets = Vec::with_capacity(self.targets.len());
        for (at, target) in self.targets.iter().enumerate() {
            targets.push(match target {
                Target::Port(..) => End::Port(port()?),
                Target::Socket(path) => {
                    let folder: &TempDir = match &mut folder {
                        Some(folder) => folder,
                        none => none.insert(private_folder()?),
                    };
                    let own = folder.path().join(at.to_string());
                    std::fs::create_dir(&own)?;
                    End::Socket(own.join(path.file_name().unwrap_or_default()))
                }
            });
        }
        Ok((Ends { proxy, targets }, folder))
    }

    /// The command with its words. The far end ends when this process does: `cat` has nothing to read then.
    fn words(&self, ends: &Ends) -> Vec<String> {
        let local = Ipv4Addr::LOCALHOST;
        let mut words = self.command.clone();
        for option in [
            "BatchMode=yes",
            "ControlMaster=no",
            "ExitOnForwardFailure=yes",
            "ServerAliveInterval=15",
            "ServerAliveCountMax=3",
            // What an earlier connection left there.
            "StreamLocalBindUnlink=yes",
        ] {
            words.extend(["-o".to_owned(), option.to_owned()]);
        }
        words.push("-T".into());
        for (target, end) in self.targets.iter().zip(&ends.targets) {
            let there = match target {
                Target::Port(name, port) if name.contains(':') => format!("[{name}]:{port}"),
                Target::Port(name, port) => format!("{name}:{port}"),
                Target::Socket(path) => escaped(path),
            };
            let here = match end {
                End::Port(port) => format!("{local}:{port}"),
                End::Socket(path) => escaped(path),
            };
            words.extend(["-L".into(), format!("{here}:{there}")]);
        }
        // Opened last, for where it is there the others are.
        words.extend(["-D".into(), format!("{local}:{}", ends.proxy)]);
        words.extend(["--".into(), self.host.clone(), "cat".into()]);
        words
    }
}

/// A folder that nobody else enters.
fn private_folder() -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("mltui-ssh-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir()
}

/// A path among the colons of `-L`.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "\\\\").replace(':', "\\:")
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

    fn words(targets: Vec<Target>, ends: &[End]) -> String {
        let tunnel = Tunnel::new("login1", vec!["ssh".into(), "-p".into(), "2222".into()], targets);
        tunnel.0.words(&Ends { proxy: 1, targets: ends.to_vec() }).join(" ")
    }

    #[test]
    fn what_ssh_is_told_leaves_nothing_to_ask() {
        let told = words(vec![Target::Port("ml".into(), 5000)], &[End::Port(2)]);
        assert!(told.starts_with("ssh -p 2222 -o BatchMode=yes"), "{told}");
        assert!(told.ends_with("-T -L 127.0.0.1:2:ml:5000 -D 127.0.0.1:1 -- login1 cat"), "{told}");
        let six = words(vec![Target::Port("::1".into(), 5000)], &[End::Port(2)]);
        assert!(six.contains(" 127.0.0.1:2:[::1]:5000 "), "{six}");
        let socket = vec![Target::Socket("/run/a:b/.s.PGSQL.5432".into())];
        let socket = words(socket, &[End::Socket("/tmp/x/.s.PGSQL.5432".into())]);
        assert!(socket.contains(r" -L /tmp/x/.s.PGSQL.5432:/run/a\:b/.s.PGSQL.5432 "), "{socket}");
    }

    #[cfg(unix)]
    #[test]
    fn sockets_lie_where_nobody_else_enters_and_go_with_the_tunnel() {
        use std::os::unix::fs::PermissionsExt as _;
        let targets = vec![
            Target::Socket("/run/a/my.sock".into()),
            Target::Port("db".into(), 5432),
            Target::Socket("/run/b/my.sock".into()),
        ];
        let tunnel = Tunnel::new("login1", vec!["no-such-ssh".into()], targets);
        let ends = tunnel.ends().unwrap();
        assert_eq!(ends, tunnel.ends().unwrap(), "they stay");
        let [End::Socket(first), End::Port(port), End::Socket(second)] = &ends.targets[..] else {
            panic!("{ends:?}")
        };
        assert!(first != second && first.ends_with("my.sock") && *port != ends.proxy, "{ends:?}");
        let folder = first.parent().unwrap().parent().unwrap().to_owned();
        assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        drop(tunnel);
        assert!(!folder.exists());
    }

    #[cfg(unix)]
    #[test]
    fn what_ssh_says_is_told() {
        let server = || vec![Target::Port("ml".into(), 5000)];
        let command = ["sh", "-c", "echo Permission denied >&2; exit 255"].map(str::to_owned).to_vec();
        let tunnel = Tunnel::new("login1", command, server());
        let failed = block_on(tunnel.ready()).unwrap_err();
        assert_eq!(failed, ErrorKind::Unreachable("ssh login1: Permission denied".into()));
        let absent = Tunnel::new("login1", vec!["no-such-ssh".into()], server());
        let failed = block_on(absent.ready()).unwrap_err();
        assert!(matches!(&failed, ErrorKind::Unreachable(words) if words.contains("cannot run no-such-ssh")));
    }
}
