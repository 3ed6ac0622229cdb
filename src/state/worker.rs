//! Which process is at something, and on which machine: a home may be shared by many.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Worker {
    /// The name of the machine; empty where it is not known.
    pub host: String,
    /// What the system calls itself since it was started; empty where it does not.
    pub boot: String,
    pub process: u32,
}

impl Worker {
    pub fn this() -> Self {
        Self { host: host(), boot: boot(), process: std::process::id() }
    }

    /// Whether it is on a machine whose processes and locks cannot be seen from here. A machine may change its name, and
    /// containers of one machine have names of their own.
    pub fn is_elsewhere(&self) -> bool {
        let is_same_system = !self.boot.is_empty() && self.boot == boot();
        self.has_other_name() && !is_same_system
    }

    /// Whether the machine, or the container, has another name.
    pub fn has_other_name(&self) -> bool {
        // Networks give the same machine different names behind the first dot.
        let first = |name: &str| name.split('.').next().unwrap_or_default().to_lowercase();
        !self.host.is_empty() && first(&self.host) != first(&host())
    }

    /// Whether another process of that number is there, of this machine. One of another user's is.
    pub fn is_alive(&self) -> bool {
        self.process != std::process::id() && is_there(self.process) && may_be_this_program(self.process)
    }
}

#[cfg(unix)]
fn is_there(process: u32) -> bool {
    use rustix::process::{Pid, test_kill_process};
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
    // Whom one may not signal is there all the same.
    pid.is_some_and(|pid| test_kill_process(pid) != Err(rustix::io::Errno::SRCH))
}

/// Where that cannot be told, it is not.
#[cfg(not(unix))]
fn is_there(_: u32) -> bool {
    false
}

/// The number may be another program's by now.
fn may_be_this_program(process: u32) -> bool {
    let name = |process: &str| std::fs::read(format!("/proc/{process}/comm")).ok();
    name(&process.to_string()).is_none_or(|other| name("self").is_none_or(|own| own == other))
}

fn host() -> String {
    #[cfg(unix)]
    return rustix::system::uname().nodename().to_string_lossy().into_owned();
    #[cfg(not(unix))]
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

fn boot() -> String {
    // Of Linux; elsewhere the name has to do.
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or(String::new(), |id| id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_another_if_neither_its_name_nor_its_system_is_known() {
        let this = Worker::this();
        assert!(!this.is_elsewhere() && !this.has_other_name());
        assert!(!this.is_alive(), "no other process is at it");
        assert!(!Worker::default().is_elsewhere(), "of an older version");
        let renamed = Worker { host: "a-container".into(), ..this.clone() };
        assert!(renamed.has_other_name());
        assert_eq!(renamed.is_elsewhere(), this.boot.is_empty());
        let restarted = Worker { boot: "of yesterday".into(), host: format!("{}.lan", this.host), ..this };
        assert!(!restarted.is_elsewhere());
        let other = Worker { host: "another-machine".into(), boot: "its own".into(), process: 1 };
        assert!(other.is_elsewhere());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_of_another_user_is_alive_and_one_that_ended_is_not() {
        assert!(is_there(1), "it may not be signalled, unless by root");
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert!(!is_there(child.id()));
        assert!(!is_there(u32::MAX));
    }
}
