//! The connection of a tunnel: `ssh`, begun, watched and begun anew.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::folder::PrivateFolder;
use super::{End, Ends, PATIENCE, Target};

/// How often it is looked whether it is there.
pub const LOOK: Duration = Duration::from_millis(50);
/// The longest pause before another try.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often other ports are tried at once where somebody else has one.
const CHOICES: usize = 5;
/// How long `ssh` may take where it only asks itself.
const ASKED: Duration = Duration::from_secs(3);
/// How long the proxy has to be there where the other machine runs a command of its own in the place of ours.
const SILENCE: Duration = Duration::from_secs(3);
/// How long its last words may take behind its end.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Lines of what `ssh` says that are kept.
const SAID: usize = 5;

/// What the thread that keeps the connection shares with whoever needs it.
pub struct Line {
    pub host: String,
    /// `ssh`, and what is written behind it.
    command: Vec<String>,
    targets: Vec<Target>,
    ends: Mutex<Option<Ends>>,
    /// Of the sockets among them.
    folder: Mutex<Option<PrivateFolder>>,
    pub state: watch::Sender<State>,
    child: Mutex<Option<Child>>,
    /// It goes by a connection that the user has open.
    shares: AtomicBool,
    is_over: AtomicBool,
    /// It was there once.
    has_been: AtomicBool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    Connecting,
    There,
    /// What `ssh` said.
    Failed(String),
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Line {
    pub fn new(host: &str, command: Vec<String>, targets: Vec<Target>) -> Self {
        Self {
            host: host.to_owned(),
            command,
            targets,
            ends: Mutex::new(None),
            folder: Mutex::new(None),
            state: watch::Sender::new(State::Connecting),
            child: Mutex::new(None),
            shares: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            has_been: AtomicBool::new(false),
        }
    }

    /// What leads through it now, and whether that was chosen only now.
    pub fn ends(&self) -> io::Result<(Ends, bool)> {
        let mut ends = held(&self.ends);
        if let Some(ends) = &*ends {
            return Ok((ends.clone(), false));
        }
        let chosen = self.choose(None)?;
        Ok((ends.insert(chosen).clone(), true))
    }

    /// Free places of this machine; sockets stay where they were.
    fn choose(&self, before: Option<&Ends>) -> io::Result<Ends> {
        // They are held until all are found, so that no two are the same.
        let mut taken = Vec::new();
        let mut port = || {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            let port = listener.local_addr()?.port();
            taken.push(listener);
            io::Result::Ok(port)
        };
        let proxy = port()?;
        let mut targets = Vec::with_capacity(self.targets.len());
        for (at, target) in self.targets.iter().enumerate() {
            targets.push(match (target, before.and_then(|ends| ends.targets.get(at))) {
                (Target::Socket(_), Some(known)) => known.clone(),
                (Target::Socket(path), None) => {
                    let mut folder = held(&self.folder);
                    let folder = match &mut *folder {
                        Some(folder) => folder,
                        none => none.insert(PrivateFolder::new()?),
                    };
                    let own = folder.path().join(at.to_string());
                    std::fs::create_dir(&own)?;
                    End::Socket(own.join(path.file_name().unwrap_or_default()))
                }
                (Target::Port(..), _) => End::Port(port()?),
            });
        }
        Ok(Ends { proxy, targets })
    }

    /// The command with its words. The far end ends when this process does: `cat` has nothing to read then.
    pub fn words(&self, ends: &Ends, shares: bool) -> Vec<String> {
        let mut words = self.command.clone();
        // What is asked of a connection that others share stays there when this one has ended.
        words.extend(if shares { Vec::new() } else { vec!["-S".to_owned(), "none".to_owned()] });
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
        words.extend(self.forwards(ends));
        words.extend(["--".into(), self.host.clone(), "cat".into()]);
        words
    }

    fn forwards(&self, ends: &Ends) -> Vec<String> {
        let local = Ipv4Addr::LOCALHOST;
        let mut words = Vec::new();
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
        words
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    fn arrive(&self) {
        self.has_been.store(true, Ordering::Relaxed);
        self.state.send_replace(State::There);
    }

    pub fn has_been(&self) -> bool {
        self.has_been.load(Ordering::Relaxed)
    }

    /// Ends it, and leaves nothing behind.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        self.kill();
        self.cancel();
        drop(held(&self.folder).take());
    }

    /// Ends `ssh` with what it started.
    fn kill(&self) {
        if let Some(child) = held(&self.child).as_mut() {
            #[cfg(unix)]
            let _ = rustix::process::kill_process_group(
                rustix::process::Pid::from_child(child),
                rustix::process::Signal::KILL,
            );
            let _ = child.kill();
        }
    }

    /// Keeps the connection until nobody needs it.
    pub fn keep(&self) {
        let mut pause = Duration::from_secs(1);
        let mut choices = 0;
        while !self.is_over() {
            let begun = Instant::now();
            self.leave_taken_ports();
            let mut said = self.connect(false);
            let was_there = *self.state.borrow() == State::There;
            if self.is_over() {
                return;
            }
            // Somebody else was faster.
            if self.leave_taken_ports() && !was_there && choices < CHOICES {
                choices += 1;
                continue;
            }
            // Where it takes more than a key to be let in, only a connection that the user has open is a way.
            if !was_there && self.has_master() {
                self.shares.store(true, Ordering::Relaxed);
                let also_said = self.connect(true);
                if *self.state.borrow() == State::There {
                    said = also_said;
                }
                self.cancel();
            }
            if self.is_over() {
                return;
            }
            choices = 0;
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

    /// Chooses other ports where somebody else has one of them; whether that was so.
    fn leave_taken_ports(&self) -> bool {
        let mut held = held(&self.ends);
        let Some(ends) = &mut *held else { return false };
        let own = ends.targets.iter().filter_map(|end| match end {
            End::Port(port) => Some(*port),
            End::Socket(_) => None,
        });
        let is_taken = |port| {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port))
                .is_err_and(|error| error.kind() == io::ErrorKind::AddrInUse)
        };
        let is_any_taken = own.chain([ends.proxy]).any(is_taken);
        if is_any_taken && let Ok(other) = self.choose(Some(ends)) {
            *ends = other;
        }
        is_any_taken
    }

    /// Whether the user has a connection to the machine open that others may share.
    fn has_master(&self) -> bool {
        self.ask(&["-O".into(), "check".into()])
    }

    /// Takes back what was asked of a connection that others share.
    fn cancel(&self) {
        if !self.shares.swap(false, Ordering::Relaxed) {
            return;
        }
        let ends = held(&self.ends).clone();
        if let Some(ends) = ends {
            let mut words = vec!["-O".to_owned(), "cancel".to_owned()];
            words.extend(self.forwards(&ends));
            self.ask(&words);
        }
    }

    /// Whether `ssh` says yes to what it need not ask the other machine.
    fn ask(&self, words: &[String]) -> bool {
        let Some((program, options)) = self.command.split_first() else { return false };
        let mut command = Command::new(program);
        command.args(options).args(words).args(["--", &self.host]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let Ok(mut child) = command.spawn() else { return false };
        let until = Instant::now() + ASKED;
        while Instant::now() < until {
            match child.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) => std::thread::sleep(LOOK / 5),
                Err(_) => return false,
            }
        }
        let _ = child.kill();
        let _ = child.wait();
        false
    }

    /// Begins `ssh` and waits for its end; what it said last.
    fn connect(&self, shares: bool) -> String {
        let Some(ends) = held(&self.ends).clone() else { return "no port".into() };
        let words = self.words(&ends, shares);
        let Some((program, rest)) = words.split_first() else { return "no command".into() };
        let mut command = Command::new(program);
        command.args(rest).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-c in the terminal is not meant for it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return format!("cannot run {program}: {error}"),
        };
        // What `cat` sends back has gone all the way, and `ssh` has opened its ports before.
        let token = format!("mltui {:016x}", fastrand::u64(..));
        if let Some(stdin) = &mut child.stdin {
            let _ = stdin.write_all(format!("{token}\n").as_bytes());
        }
        let (echo, told) = (child.stdout.take(), child.stderr.take());
        *held(&self.child) = Some(child);
        if self.is_over() {
            self.kill();
        }
        let has_come = Arc::new(AtomicBool::new(false));
        let words = Arc::new(Mutex::new(VecDeque::new()));
        let (coming, heard) = (Arc::clone(&has_come), Arc::clone(&words));
        std::thread::spawn(move || {
            if let Some(echo) = echo {
                look_for(&token, echo, &coming);
            }
        });
        let (end, ended) = std::sync::mpsc::channel::<()>();
        std::thread::spawn(move || {
            if let Some(told) = told {
                note_last(told, &heard);
            }
            drop(end);
        });
        self.wait_until_there(ends.proxy, &has_come);
        while self.is_running() {
            std::thread::sleep(LOOK);
        }
        // What it started may go on: a proxy command, or a connection that others share, which holds its pipes as long as it likes.
        self.kill();
        let _ = ended.recv_timeout(LAST_WORDS);
        if let Some(mut child) = held(&self.child).take() {
            let _ = child.wait();
        }
        let words = Vec::from(std::mem::take(&mut *held(&words)));
        if words.is_empty() { "the connection ended".into() } else { words.join("; ") }
    }

    fn is_running(&self) -> bool {
        held(&self.child).as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Waits for what comes back from the other machine. One that lets nobody run `cat` is taken as it is once the proxy has been
    /// there for a while.
    fn wait_until_there(&self, proxy: u16, has_come: &AtomicBool) {
        let begun = Instant::now();
        let mut proxy_since = None;
        while !self.is_over() && begun.elapsed() < PATIENCE {
            if !self.is_running() {
                return;
            }
            if has_come.load(Ordering::Relaxed) {
                self.arrive();
                return;
            }
            match proxy_since {
                None if is_proxy(proxy) => proxy_since = Some(Instant::now()),
                Some(since) if since.elapsed() > SILENCE => {
                    if is_proxy(proxy) {
                        self.arrive();
                        return;
                    }
                    proxy_since = None;
                }
                None | Some(_) => {}
            }
            std::thread::sleep(LOOK);
        }
        // It hangs: another try may do better.
        self.kill();
    }
}

/// Whether a SOCKS proxy that asks for no password answers at a port of this machine.
fn is_proxy(port: u16) -> bool {
    let answer = || {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), LOOK)?;
        stream.set_read_timeout(Some(LOOK))?;
        stream.write_all(&[5, 1, 0])?;
        let mut answer = [0; 2];
        stream.read_exact(&mut answer).map(|()| answer)
    };
    answer().is_ok_and(|answer: [u8; 2]| answer == [5, 0])
}

/// A path among the colons of `-L`, where a % stands before what `ssh` puts in.
fn escaped(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "\\\\").replace(':', "\\:").replace('%', "%%")
}

/// Reads to the end, and notes that a line came.
fn look_for(token: &str, stream: impl Read, has_come: &AtomicBool) {
    each_line(stream, |line| {
        if line.ends_with(token) {
            has_come.store(true, Ordering::Relaxed);
        }
    });
}

fn each_line(stream: impl Read, mut take: impl FnMut(&str)) {
    let mut lines = BufReader::new(stream);
    loop {
        let mut line = Vec::new();
        match Read::take(&mut lines, 4_096).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => take(String::from_utf8_lossy(&line).trim()),
        }
    }
}

/// Notes the last lines of what comes, to its end.
fn note_last(stream: impl Read, last: &Mutex<VecDeque<String>>) {
    each_line(stream, |line| {
        if !line.is_empty() {
            let mut last = held(last);
            last.push_back(line.to_owned());
            if last.len() > SAID {
                last.pop_front();
            }
        }
    });
}
