//! The way to a server that only another machine sees: the user's own `ssh` with its settings and agent, which carries
//! connections from there. It is begun when it is first needed, begun anew when it breaks, and ends with whoever needs it.
//!
//! It has a connection of its own: a forward that is asked of one that others share (`ControlMaster`) stays there. Only where
//! that is the one way in, as where a second factor is asked for, such a connection is used, and asked to forget it at the end.

mod folder;
mod line;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{ErrorKind, Inner};
use line::{LOOK, Line, State};

/// How long a connection may take to be there.
const PATIENCE: Duration = Duration::from_secs(30);

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

/// What of this machine leads through a tunnel. Ports become others where somebody else takes one while there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends {
    /// The port of a SOCKS proxy.
    pub proxy: u16,
    /// To each target alone.
    pub targets: Vec<End>,
}

/// The line, which ends with the last of those who need it.
struct Begun(Arc<Line>);

impl fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tunnel").field(&self.host()).finish()
    }
}

impl PartialEq for Tunnel {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Tunnel {}

impl Tunnel {
    /// A connection to `host`, which sees the targets. Nothing is begun yet. `command` is `ssh` or what stands for it.
    pub fn new(host: &str, command: Vec<String>, targets: Vec<Target>) -> Self {
        Self(Arc::new(Begun(Arc::new(Line::new(host, command, targets)))))
    }

    fn line(&self) -> &Arc<Line> {
        &self.0.0
    }

    /// The machine that it leads to.
    pub fn host(&self) -> &str {
        &self.line().host
    }

    /// Whether it was there once: what broke may come back, and a name that `ssh` does not know will not be known later.
    pub fn has_been(&self) -> bool {
        self.line().has_been()
    }

    /// How what it leads to is reached, in words that stand behind a place.
    pub fn in_words(&self) -> String {
        format!(" through ssh {}", self.host())
    }

    /// What leads through it by now; it is begun if it was not.
    ///
    /// # Errors
    /// Where this machine has no port, folder or thread for it.
    pub fn ends(&self) -> Inner<Ends> {
        let line = self.line();
        let begun = line.ends().and_then(|(ends, is_new)| {
            if is_new {
                let line = Arc::clone(line);
                std::thread::Builder::new().name("ssh".into()).spawn(move || line.keep())?;
            }
            Ok(ends)
        });
        begun.map_err(|error| ErrorKind::Io(format!("cannot begin ssh {}: {error}", self.host())))
    }

    /// What has become of it, once that is known.
    fn settled(&self, state: Option<State>) -> Inner<Ends> {
        let said = match state {
            Some(State::There) => return self.ends(),
            Some(State::Failed(said)) => said,
            Some(State::Connecting) | None => format!("no connection within {} s", PATIENCE.as_secs()),
        };
        Err(ErrorKind::Unreachable(format!("ssh {}: {said}", self.host())))
    }

    /// Waits until it is there.
    ///
    /// # Errors
    /// [`ErrorKind::Unreachable`] with what `ssh` said, or if it takes too long.
    pub async fn ready(&self) -> Inner<Ends> {
        self.ends()?;
        let mut state = self.line().state.subscribe();
        let settled = state.wait_for(|state| *state != State::Connecting);
        let settled = tokio::time::timeout(PATIENCE, settled).await;
        let state = settled.ok().and_then(|state| state.ok().map(|state| state.clone()));
        self.settled(state)
    }

    /// The same on a thread that may block.
    ///
    /// # Errors
    /// As [`ready`](Self::ready).
    pub fn wait(&self) -> Inner<Ends> {
        self.ends()?;
        let until = Instant::now() + PATIENCE;
        let state = || self.line().state.borrow().clone();
        while state() == State::Connecting && Instant::now() < until {
            std::thread::sleep(LOOK);
        }
        self.settled(Some(state()))
    }

    /// What another program is told to go by: what is there, or, where the other machine cannot be reached now, what will be.
    pub fn for_scripts(&self) -> Option<Ends> {
        self.wait().or_else(|_| self.ends()).ok()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.end();
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
        tunnel.line().words(&Ends { proxy: 1, targets: ends.to_vec() }, false).join(" ")
    }

    #[test]
    fn what_ssh_is_told_leaves_nothing_to_ask() {
        let told = words(vec![Target::Port("ml".into(), 5000)], &[End::Port(2)]);
        assert!(told.starts_with("ssh -p 2222 -S none -o BatchMode=yes"), "{told}");
        assert!(told.ends_with("-T -L 127.0.0.1:2:ml:5000 -D 127.0.0.1:1 -- login1 cat"), "{told}");
        let six = words(vec![Target::Port("::1".into(), 5000)], &[End::Port(2)]);
        assert!(six.contains(" 127.0.0.1:2:[::1]:5000 "), "{six}");
        let socket = vec![Target::Socket("/run/a:b/100%h/.s.PGSQL.5432".into())];
        let socket = words(socket, &[End::Socket("/tmp/x/.s.PGSQL.5432".into())]);
        assert!(socket.contains(r" -L /tmp/x/.s.PGSQL.5432:/run/a\:b/100%%h/.s.PGSQL.5432 "), "{socket}");
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
