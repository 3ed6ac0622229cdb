//! Which process is at something, and on which machine: a home may be shared by many.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Worker {
    /// The name of the machine; empty where it is not known.
    pub host: String,
    /// What the system calls itself since it was started; empty where it does not.
    pub boot: String,
    /// Its number there, for people who preview the file.
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
    fn has_other_name(&self) -> bool {
        // Networks give the same machine different names behind the first dot.
        let first = |name: &str| name.split('.').next().unwrap_or_default().to_lowercase();
        !self.host.is_empty() && first(&self.host) != first(&host())
    }
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
        assert!(!Worker::default().is_elsewhere(), "of an older version");
        let renamed = Worker { host: "a-container".into(), ..this.clone() };
        assert!(renamed.has_other_name());
        assert_eq!(renamed.is_elsewhere(), this.boot.is_empty());
        let restarted = Worker { boot: "of yesterday".into(), host: format!("{}.lan", this.host), ..this };
        assert!(!restarted.is_elsewhere());
        let other = Worker { host: "another-machine".into(), boot: "its own".into(), process: 1 };
        assert!(other.is_elsewhere());
    }
}
