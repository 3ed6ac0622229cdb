//! The address of a database behind `sqlite:///`, as SQLAlchemy and Python's driver read it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::percent_decode_str;

/// A database file, and how it is to be opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Database {
    /// Where the file is, which need not exist.
    pub path: PathBuf,
    /// `mode=ro`
    pub read_only: bool,
    /// `immutable=1`: nobody changes it, so it is read without locks and without a look at its log.
    pub immutable: bool,
    /// `timeout=SECONDS`: how long a writer waits for others.
    pub patience: Option<Duration>,
}

impl From<PathBuf> for Database {
    fn from(path: PathBuf) -> Self {
        Self { path, ..Self::default() }
    }
}

impl From<&str> for Database {
    fn from(path: &str) -> Self {
        PathBuf::from(path).into()
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match (self.read_only, self.immutable) {
            (_, true) => write!(f, "sqlite:///file:{path}?immutable=1&uri=true"),
            (true, false) => write!(f, "sqlite:///file:{path}?mode=ro&uri=true"),
            (false, false) => write!(f, "sqlite:///{path}"),
        }
    }
}

/// What Python's driver takes for itself and what means nothing to a program in another language.
const PYTHONS_OWN: [&str; 4] = ["check_same_thread", "isolation_level", "detect_types", "cached_statements"];

impl Database {
    /// From what stands behind `sqlite:///`; relative paths start at `folder`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words: no file is named, or an option means something that is not done here.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let (name, query) = text.split_once('?').unwrap_or((text, ""));
        let options: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let is_uri = options.iter().rfind(|(key, _)| key == "uri");
        let is_uri = is_uri.map_or(Ok(false), |(key, value)| truth(key, value))?;
        let name = match name.strip_prefix("file:") {
            Some(rest) if is_uri => file(rest)?,
            Some(_) => {
                return Err("`file:` needs uri=true: sqlite:///file:x.db?mode=ro&uri=true".into());
            }
            None => name.to_owned(),
        };
        if name.is_empty() || name.starts_with(":memory:") {
            return Err(NEEDS_FILE.into());
        }
        let mut database = Self::from(folder.join(name));
        for (key, value) in &options {
            database.option(key, value, is_uri)?;
        }
        Ok(database)
    }

    fn option(&mut self, key: &str, value: &str, is_uri: bool) -> Result<(), String> {
        match key {
            "mode" => match value {
                "ro" => self.read_only = true,
                "rw" | "rwc" => {}
                "memory" => return Err(NEEDS_FILE.into()),
                _ => return Err(format!("mode={value}: expected ro, rw or rwc")),
            },
            "immutable" => {
                self.immutable = truth(key, value)?;
                self.read_only |= self.immutable;
            }
            "timeout" => {
                let seconds = value.parse().ok().and_then(|it| Duration::try_from_secs_f64(it).ok());
                let wrong = || format!("timeout={value}: expected a number of seconds");
                self.patience = Some(seconds.filter(|it| it.as_secs() < 1 << 20).ok_or_else(wrong)?);
            }
            "uri" | "cache" => {}
            _ if PYTHONS_OWN.contains(&key) => {}
            // Without uri=true Python passes nothing of this on to SQLite either.
            _ if !is_uri => {}
            _ => {
                return Err(format!(
                    "unknown parameter {key}={value}; known are mode, immutable, cache and timeout"
                ));
            }
        }
        Ok(())
    }
}

const NEEDS_FILE: &str = "a SQLite store needs a file: sqlite:///relative.db or sqlite:////absolute.db";

/// The path of SQLite's `file:` address, without the scheme.
fn file(text: &str) -> Result<String, String> {
    let text = text.split('#').next().unwrap_or(text);
    let path = match text.strip_prefix("//") {
        None => text,
        Some(rest) => {
            let (host, _) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            if !host.is_empty() && host != "localhost" {
                return Err(format!(
                    "file://{host} is on another machine; write file:///path or file:relative"
                ));
            }
            &rest[host.len()..]
        }
    };
    let decoded = percent_decode_str(path).decode_utf8();
    decoded.map(Into::into).map_err(|_| "the path is not valid UTF-8".into())
}

/// The words for true and false that SQLAlchemy and SQLite take.
fn truth(key: &str, value: &str) -> Result<bool, String> {
    match value.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" | "t" | "1" => Ok(true),
        "false" | "no" | "off" | "n" | "f" | "0" => Ok(false),
        _ => Err(format!("{key}={value}: expected true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Database, String> {
        Database::parse(text, Path::new("/home/ana"))
    }

    #[test]
    fn an_address_is_read_as_sqlalchemy_reads_it() {
        let plain = Database::from("/home/ana/x.db");
        let read_only = Database { read_only: true, ..plain.clone() };
        assert_eq!(parse("x.db").unwrap(), plain);
        assert_eq!(parse("/data/x.db").unwrap(), Database::from("/data/x.db"));
        assert_eq!(parse("file:x.db?mode=ro&uri=true").unwrap(), read_only);
        assert_eq!(parse("file:x.db?uri=1&mode=rwc&cache=shared").unwrap(), plain);
        assert_eq!(parse("x.db?mode=ro").unwrap(), read_only);
        assert_eq!(parse("x.db?check_same_thread=false&vfs=unix").unwrap(), plain);
        for name in ["file:/data/a%20b.db", "file:///data/a%20b.db#x", "file://localhost/data/a%20b.db"] {
            let parsed = parse(&format!("{name}?uri=true&immutable=1")).unwrap();
            assert_eq!(parsed.path, Path::new("/data/a b.db"), "{name}");
            assert!(parsed.immutable && parsed.read_only);
        }
        assert_eq!(parse("x.db?timeout=2.5").unwrap().patience, Some(Duration::from_millis(2_500)));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (text, word) in [
            ("file:x.db?mode=ro", "uri=true"),
            ("file:x.db?uri=perhaps", "uri=perhaps"),
            ("file:x.db?mode=read&uri=true", "mode=read"),
            ("file:x.db?vfs=unix&uri=true", "vfs=unix"),
            ("file::memory:?uri=true", "needs a file"),
            ("file:x.db?mode=memory&uri=true", "needs a file"),
            ("file://host/x.db?uri=true", "another machine"),
            ("x.db?timeout=-1", "timeout=-1"),
            ("x.db?timeout=nan", "timeout=nan"),
            ("", "needs a file"),
            (":memory:", "needs a file"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn an_address_prints_as_one_that_opens_the_same() {
        for text in ["x.db", "file:x.db?mode=ro&uri=true", "file:x.db?immutable=1&uri=true"] {
            let known = parse(text).unwrap();
            let printed = known.to_string();
            assert_eq!(parse(printed.strip_prefix("sqlite:///").unwrap()).unwrap(), known);
        }
    }
}
