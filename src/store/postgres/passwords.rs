//! libpq's password file: `host:port:database:user:password`, a line each; the first that fits holds.

use std::fs;
use std::path::Path;

/// A file of passwords is not larger.
const MOST: u64 = 1 << 20;

/// The password of somebody, or why the file is not read.
pub fn find(
    path: &Path,
    host: &str,
    port: u16,
    database: &str,
    user: &str,
) -> Result<Option<String>, String> {
    let unread = |why: &str| format!("the password file {} is not used: {why}", path.display());
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unread(&error.to_string())),
    };
    if !metadata.is_file() || metadata.len() > MOST {
        return Err(unread("it is not a small file"));
    }
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::mode(&metadata) & 0o077 != 0 {
        return Err(unread("others may read it; run `chmod 600` on it"));
    }
    let text = fs::read_to_string(path).map_err(|error| unread(&error.to_string()))?;
    let port = port.to_string();
    let wanted = [host, port.as_str(), database, user];
    let of_line = |line: &str| {
        let fields = fields(line);
        let [known @ .., password] = fields.as_slice() else { return None };
        let fits = known.len() == wanted.len()
            && known.iter().zip(wanted).all(|(known, wanted)| known == "*" || known == wanted);
        fits.then(|| password.clone())
    };
    Ok(text.lines().filter(|line| !line.starts_with('#')).find_map(of_line))
}

/// The first five fields of a line; a backslash takes what follows as it is.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        let last = fields.len() - 1;
        match letter {
            '\\' => fields[last].extend(letters.next()),
            ':' if last < 4 => fields.push(String::new()),
            ':' => break,
            letter => fields[last].push(letter),
        }
    }
    fields
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_first_line_that_fits_holds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pgpass");
        let lines =
            "# a note\nhost:5432:ml:ana:p\\:w\\\\:rest\nhost:*:*:ana:other\nlocalhost:*:*:*:any\nbroken\n";
        fs::write(&path, lines).unwrap();
        assert!(find(&path, "host", 5432, "ml", "ana").unwrap_err().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let find = |host, port, database, user| find(&path, host, port, database, user).unwrap();
        assert_eq!(find("host", 5432, "ml", "ana").as_deref(), Some("p:w\\"));
        assert_eq!(find("host", 5433, "ml", "ana").as_deref(), Some("other"));
        assert_eq!(find("localhost", 1, "x", "y").as_deref(), Some("any"));
        assert_eq!(find("host", 5432, "ml", "bob"), None);
        assert_eq!(super::find(&path.with_file_name("absent"), "h", 1, "d", "u"), Ok(None));
    }
}
