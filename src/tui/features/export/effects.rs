//! What is saved into a file: whole, or not at all, and never over another file.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;

/// Writes a new file; `~/` is the home folder. Returns where it is.
pub fn save(path: &str, content: &str) -> io::Result<PathBuf> {
    let place = match (path.strip_prefix("~/"), directories::BaseDirs::new()) {
        (Some(rest), Some(folders)) => folders.home_dir().join(rest),
        _ => PathBuf::from(path),
    };
    let place = std::path::absolute(place)?;
    let named = |error: io::Error| match error.kind() {
        io::ErrorKind::AlreadyExists => {
            io::Error::new(error.kind(), format!("{} is there already; choose another name", place.display()))
        }
        kind => io::Error::new(kind, format!("{}: {error}", place.display())),
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

    #[test]
    fn a_file_is_written_once_and_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs.csv");
        let path = path.to_str().unwrap();
        assert_eq!(save(path, "a\n1\n").unwrap(), PathBuf::from(path));
        let error = save(path, "b").unwrap_err().to_string();
        assert!(error.contains("is there already"), "{error}");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "a\n1\n");
        assert!(save(&format!("{}/no/such.csv", folder.path().display()), "x").is_err());
    }
}
