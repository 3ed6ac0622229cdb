//! What is saved into a file: whole, or not at all, and never over another file.

#![deny(clippy::wildcard_enum_match_arm)]

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::tui::core::msg::{Announcement, Msg};
use crate::tui::core::tasks::{Slot, Tasks, blocking};

/// What opens addresses says within this time that it found no browser.
const FAILS_WITHIN: Duration = Duration::from_secs(3);
const BETWEEN: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Into a new file; an existing one is not overwritten.
    Save {
        path: String,
        content: String,
    },
    Browse(String),
}

pub fn perform(effect: Effect, tasks: &mut Tasks) {
    match effect {
        Effect::Save { path, content } => {
            let work = move || {
                let size = crate::text::bytes(content.len() as u64);
                Announcement(match save(&path, &content) {
                    Ok(place) => format!("saved {size} as {}", place.display()),
                    Err(error) => format!("nothing was saved: {error}"),
                })
            };
            tasks.answer(Slot("save"), blocking(work));
        }
        Effect::Browse(address) => tasks.spawn(browse(address)),
    }
}

/// Opens an address in the browser, if there is one.
async fn browse(address: String) -> Msg {
    let opened = tokio::task::spawn_blocking({
        let address = address.clone();
        move || match Browsers::of(|name| std::env::var(name).ok()) {
            Browsers::None => false,
            Browsers::Usual => is_opened(open::commands(address)),
            Browsers::OfDesktop => {
                let mut commands = open::commands(address);
                for command in &mut commands {
                    command.env_remove("BROWSER");
                }
                is_opened(commands)
            }
        }
    });
    if opened.await.unwrap_or(false) {
        Announcement(format!("opened {address}")).into()
    } else {
        Msg::NoBrowser(address)
    }
}

/// Browsers that draw in the terminal, where they would have no room: this program is there.
const OF_TEXT: [&str; 10] =
    ["w3m", "lynx", "links", "links2", "elinks", "browsh", "chawan", "cha", "carbonyl", "www-browser"];

/// Who can show a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Browsers {
    /// Nobody: no desktop is there, and no program is named but those for terminals.
    None,
    /// Whoever the system calls.
    Usual,
    /// The same, but for the program that is named.
    OfDesktop,
}

impl Browsers {
    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_set = |name: &&str| variable(name).is_some_and(|value| !value.is_empty());
        let is_of_text = |command: &str| {
            let program = command.split_whitespace().next().unwrap_or_default();
            OF_TEXT.contains(&program.rsplit('/').next().unwrap_or_default())
        };
        // A list, of which the first is tried first.
        let named = variable("BROWSER").filter(|value| !value.is_empty());
        let first = named.as_deref().and_then(|named| named.split(':').next()).map(is_of_text);
        let desktops = ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "WSL_INTEROP", "TERMUX_VERSION"];
        let has_desktop = !cfg!(all(unix, not(target_os = "macos"))) || desktops.iter().any(is_set);
        match first {
            Some(true) if has_desktop => Self::OfDesktop,
            Some(false) => Self::Usual,
            None if has_desktop => Self::Usual,
            Some(true) | None => Self::None,
        }
    }
}

/// Whether one of these programs, tried one after the other, goes well or goes on: a browser may run until it is closed.
fn is_opened(commands: Vec<Command>) -> bool {
    commands.into_iter().any(|mut command| {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // A key that interrupts this program is not for the browser.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let Ok(mut child) = command.spawn() else { return false };
        let started = Instant::now();
        while started.elapsed() < FAILS_WITHIN {
            match child.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) => std::thread::sleep(BETWEEN),
                Err(_) => return false,
            }
        }
        std::thread::spawn(move || child.wait());
        true
    })
}

/// Writes a new file; `~/` is the home folder. Returns where it is.
pub fn save(path: &str, content: &str) -> io::Result<PathBuf> {
    let place = match (path.strip_prefix("~/"), directories::BaseDirs::new()) {
        (Some(rest), Some(folders)) => folders.home_dir().join(rest),
        _ => PathBuf::from(path),
    };
    let place = std::path::absolute(place)?;
    let named = |error: io::Error| {
        let kind = error.kind();
        let words = if kind == io::ErrorKind::AlreadyExists {
            format!("{} already exists; choose another name", place.display())
        } else {
            format!("{}: {error}", place.display())
        };
        io::Error::new(kind, words)
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(&place).map_err(named)?;
    let written = file.write_all(content.as_bytes()).and_then(|()| file.sync_all());
    if let Err(error) = written {
        // Half a file is worse than none.
        let _ = std::fs::remove_file(&place);
        return Err(named(error));
    }
    Ok(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(all(unix, not(target_os = "macos")))]
    #[test]
    fn a_browser_for_terminals_opens_nothing_here() {
        let of = |variables: &[(&str, &str)]| {
            let known: std::collections::HashMap<&str, &str> = variables.iter().copied().collect();
            Browsers::of(|name| known.get(name).map(|value| (*value).to_owned()))
        };
        let desktop = ("DISPLAY", ":0");
        assert_eq!(of(&[]), Browsers::None, "the system would call w3m");
        assert_eq!(of(&[("DISPLAY", ""), ("BROWSER", "/usr/bin/w3m -N")]), Browsers::None);
        assert_eq!(of(&[("BROWSER", "lynx:firefox")]), Browsers::None);
        assert_eq!(of(&[desktop, ("BROWSER", "links2")]), Browsers::OfDesktop);
        assert_eq!(of(&[desktop]), Browsers::Usual);
        assert_eq!(of(&[("WAYLAND_DISPLAY", "wayland-0"), ("BROWSER", "")]), Browsers::Usual);
        // Editors elsewhere hand an address on to where somebody sits.
        assert_eq!(of(&[("BROWSER", "/vscode/bin/helpers/browser.sh")]), Browsers::Usual);
        assert_eq!(of(&[("WSL_DISTRO_NAME", "Debian")]), Browsers::Usual);
    }

    #[cfg(unix)]
    #[test]
    fn an_address_is_opened_only_by_what_does_not_fail() {
        let command = |words: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", words]);
            command
        };
        assert!(!is_opened(Vec::new()));
        assert!(!is_opened(vec![command("exit 3"), Command::new("/no/such/program")]));
        assert!(is_opened(vec![Command::new("/no/such/program"), command("exit 3"), command("exit 0")]));
        assert!(is_opened(vec![command("sleep 4")]), "a browser goes on");
    }

    #[test]
    fn a_file_is_written_once_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.csv");
        let path = path.to_str().unwrap();
        assert_eq!(save(path, "a\n1\n").unwrap(), PathBuf::from(path));
        let error = save(path, "b").unwrap_err().to_string();
        assert!(error.contains("already exists"), "{error}");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "a\n1\n");
        assert!(save(&format!("{}/no/such.csv", folder.path().display()), "x").is_err());
    }
}
