//! The processes of a machine, as Linux tells of them: which there are, who began them, and when, so that none is taken for
//! another one that got its number.

use std::fs;
use std::io::Read as _;

/// Bytes of an environment that are looked at.
const MOST: u64 = 1 << 20;

/// A process, by what the system says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub id: i32,
    /// Of the process that began it, or took it over.
    pub parent: i32,
    /// Of its group.
    pub group: i32,
    /// Of its session.
    pub session: i32,
    /// Ticks since the system was started.
    pub started: u64,
    /// It has ended, and nobody has taken note.
    pub is_dead: bool,
}

impl Process {
    /// The process of that number; none where there is none, or the system does not tell.
    pub fn of(id: i32) -> Option<Self> {
        Self::parse(id, &fs::read_to_string(format!("/proc/{id}/stat")).ok()?)
    }

    fn parse(id: i32, stat: &str) -> Option<Self> {
        // The name stands in brackets, and may hold anything.
        let (_, rest) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse().ok();
        Some(Self {
            id,
            parent: number(1)?,
            group: number(2)?,
            session: number(3)?,
            started: fields.get(19)?.parse().ok()?,
            is_dead: matches!(fields.first(), Some(&("Z" | "X"))),
        })
    }

    /// All that there are; none where the system does not tell.
    pub fn all() -> Vec<Self> {
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        entries.filter_map(|entry| Self::of(entry.file_name().to_str()?.parse().ok()?)).collect()
    }

    /// Whether a variable was in its environment when it began.
    pub fn has_variable(&self, name: &str, value: &str) -> bool {
        let mut content = Vec::new();
        let read = fs::File::open(format!("/proc/{}/environ", self.id))
            .and_then(|file| file.take(MOST).read_to_end(&mut content));
        let wanted = format!("{name}={value}").into_bytes();
        read.is_ok() && content.split(|byte| *byte == 0).any(|entry| entry == wanted)
    }

    /// Whether it is Python, or has that loaded.
    fn has_python(&self) -> bool {
        let program = fs::read_link(format!("/proc/{}/exe", self.id)).unwrap_or_default();
        let program = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut maps = Vec::new();
        let read = fs::File::open(format!("/proc/{}/maps", self.id))
            .and_then(|file| file.take(MOST).read_to_end(&mut maps));
        program.contains("python") || (read.is_ok() && String::from_utf8_lossy(&maps).contains("libpython"))
    }
}

/// Whether any process that has a variable runs Python; it may be so where the system does not tell.
pub fn may_run_python(name: &str, value: &str) -> bool {
    let all = Process::all();
    let is_ours = |process: &&Process| !process.is_dead && process.has_variable(name, value);
    all.is_empty() || all.iter().filter(is_ours).any(Process::has_python)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_is_known_by_its_number_and_its_beginning() {
        let own = Process::of(std::process::id() as i32).unwrap();
        assert!(own.started > 0 && !own.is_dead && Process::all().contains(&own));
        let odd = "7 (a) b (c) S 1 2 3 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 1234 0";
        let expected = Process { id: 7, parent: 1, group: 2, session: 3, started: 1234, is_dead: false };
        assert_eq!(Process::parse(7, odd), Some(expected));
        assert_eq!(Process::parse(7, "7 (a"), None);
        let mut child = Command::new("sh");
        child.args(["-c", "echo begun; read end"]).env("MLTUI_TEST_MARK", "here");
        let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // What is just being started has no environment yet.
        assert_eq!(child.stdout.as_mut().unwrap().read(&mut [0]).unwrap(), 1);
        let known = Process::of(child.id() as i32).unwrap();
        assert_eq!(known.parent, own.id);
        assert!(
            known.has_variable("MLTUI_TEST_MARK", "here") && !known.has_variable("MLTUI_TEST_MARK", "her")
        );
        assert!(!may_run_python("MLTUI_TEST_MARK", "here"));
        child.kill().unwrap();
        child.wait().unwrap();
        let mut child = Command::new("python3");
        child.args(["-c", "print(1, flush=True); input()"]).env("MLTUI_TEST_MARK", "there");
        let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        assert_eq!(child.stdout.as_mut().unwrap().read(&mut [0]).unwrap(), 1);
        assert!(may_run_python("MLTUI_TEST_MARK", "there"));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
