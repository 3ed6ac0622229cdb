//! What files of options and the environment add to an address.

use std::fs;
use std::path::{Path, PathBuf};

use super::address::{MyDatabase, TlsUse};

/// Set by MLflow's server for its own processes: where files of new experiments go.
const ARTIFACT_ROOT: &str = "_MLFLOW_SERVER_ARTIFACT_ROOT";
/// The parts of a file of options that are for all clients.
const GROUPS: [&str; 3] = ["client", "client-server", "client-mariadb"];
/// A file of options is not larger.
const MOST: u64 = 1 << 20;

impl MyDatabase {
    /// The same with what the environment adds: MLflow's own variables, `~/.my.cnf` and `MYSQL_PWD`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words.
    pub fn completed(
        mut self,
        variable: impl Fn(&str) -> Option<String>,
        home: Option<&Path>,
    ) -> Result<Self, String> {
        self.artifact_root = variable(ARTIFACT_ROOT);
        let file = |own: Option<PathBuf>, name: &str| own.or_else(|| variable(name).map(PathBuf::from));
        let (had_authority, had_certificate) = (self.authority.is_some(), self.certificate.is_some());
        self.authority = file(self.authority, "MLFLOW_MYSQL_SSL_CA");
        self.certificate = file(self.certificate, "MLFLOW_MYSQL_SSL_CERT");
        self.key = file(self.key, "MLFLOW_MYSQL_SSL_KEY");
        if self.tls.is_none() && self.authority.is_some() && !had_authority {
            self.tls = Some(TlsUse::Verified);
        } else if self.tls.is_none() && self.certificate.is_some() && !had_certificate {
            self.tls = Some(TlsUse::Required);
        }
        let usual = home.map(|home| home.join(".my.cnf")).filter(|path| path.is_file());
        if let Some(path) = self.defaults.clone().or(usual) {
            match options(&path) {
                Ok(options) => self.fill(&options)?,
                Err(words) if self.defaults.is_some() => return Err(words),
                Err(words) => self.notes.push(words),
            }
        }
        if self.password.is_none()
            && let Some(password) = variable("MYSQL_PWD")
        {
            self.password = Some(password);
            self.password_from = "MYSQL_PWD";
        }
        Ok(self)
    }

    /// Fills what is left open. A password is for its user alone.
    fn fill(&mut self, options: &[(String, String)]) -> Result<(), String> {
        let option =
            |name: &str| options.iter().rfind(|(known, _)| known == name).map(|(_, value)| value.as_str());
        if self.host.is_none() && self.socket.is_none() {
            self.host = option("host").map(str::to_owned);
            if self.port.is_none()
                && let Some(port) = option("port")
            {
                self.port = Some(port.parse().map_err(|_| format!("port={port} in a file of options"))?);
            }
            if self.host.is_none() {
                self.socket = option("socket").map(PathBuf::from);
            }
        }
        let user = option("user");
        let is_theirs = self.user.as_deref().is_none_or(|own| user.is_none_or(|user| user == own));
        self.user = self.user.take().or_else(|| user.map(str::to_owned));
        if self.password.is_none()
            && is_theirs
            && let Some(password) = option("password")
        {
            self.password = Some(password.to_owned());
            self.password_from = "a file of options";
        }
        if self.tls.is_none() {
            self.authority = self.authority.take().or_else(|| option("ssl-ca").map(PathBuf::from));
            self.certificate = self.certificate.take().or_else(|| option("ssl-cert").map(PathBuf::from));
            self.key = self.key.take().or_else(|| option("ssl-key").map(PathBuf::from));
            self.tls = match option("ssl-mode") {
                Some(mode) => Some(TlsUse::parse(mode)?),
                None if self.authority.is_some() => Some(TlsUse::Verified),
                None => self.certificate.as_ref().map(|_| TlsUse::Required),
            };
        }
        Ok(())
    }

    /// The same for a user whose name and password are known from elsewhere, where the address names none, or that one. Another
    /// user is not given the password.
    pub fn with_login(mut self, user: &str, password: &str) -> Self {
        if self.user.as_deref().is_some_and(|own| own != user) {
            return self;
        }
        self.user = Some(user.to_owned());
        if self.password.is_none() {
            self.password = Some(password.to_owned());
            self.password_from = "the profile";
        }
        self
    }
}

/// The options of a file that are for all clients, with dashes in their names.
fn options(path: &Path) -> Result<Vec<(String, String)>, String> {
    let unread = |why: &str| format!("the file of options {} is not used: {why}", path.display());
    let metadata = fs::metadata(path).map_err(|error| unread(&error.to_string()))?;
    if !metadata.is_file() || metadata.len() > MOST {
        return Err(unread("it is not a small file"));
    }
    #[cfg(unix)]
    if std::os::unix::fs::MetadataExt::mode(&metadata) & 0o002 != 0 {
        return Err(unread("anybody may write to it"));
    }
    let text = fs::read_to_string(path).map_err(|error| unread(&error.to_string()))?;
    let mut is_ours = false;
    let mut found = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(group) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            is_ours = GROUPS.contains(&group.trim());
        } else if is_ours
            && !line.starts_with(['#', ';', '!'])
            && let Some((name, value)) = line.split_once('=')
        {
            found.push((name.trim().replace('_', "-"), unquoted(value.trim()).to_owned()));
        }
    }
    Ok(found)
}

/// A value without its quotes, or without a note behind it.
fn unquoted(value: &str) -> &str {
    for quote in ['\'', '"'] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.split(quote).next()) {
            return inner;
        }
    }
    value.split(" #").next().unwrap_or(value).trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str, file: &str, variables: &[(&str, &str)]) -> MyDatabase {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(".my.cnf");
        fs::write(&path, file).unwrap();
        let (scheme, rest) = text.split_once(':').unwrap();
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        MyDatabase::parse(scheme, rest, Path::new("/"))
            .unwrap()
            .completed(variable, Some(home.path()))
            .unwrap()
    }

    const FILE: &str = "[mysqld]\nport=1\n[client]\n# a note\nuser = ana\npassword = \"se#cret\"\nhost=db # ours\n\
                        port=3307\nskip-ssl\n[mysql]\nuser=other\n";

    #[test]
    fn files_of_options_and_the_environment_fill_what_the_address_leaves_open() {
        let known = with("mysql:///ml", FILE, &[("MYSQL_PWD", "last")]);
        assert_eq!(known.to_string(), "mysql://db:3307/ml");
        assert_eq!((known.user(), known.password()), ("ana".into(), Some("se#cret")));
        assert_eq!(known.password_from, "a file of options");
        let known = with("mysql://host/ml", FILE, &[]);
        assert_eq!((known.to_string(), known.user()), ("mysql://host/ml".into(), "ana".into()));
        let known = with("mysql://bob@host/ml", FILE, &[("MYSQL_PWD", "last")]);
        assert_eq!((known.password(), known.password_from), (Some("last"), "MYSQL_PWD"));
        let known = with("mysql://bob:own@host/ml", "", &[("MLFLOW_MYSQL_SSL_CA", "/ca.pem")]);
        assert_eq!((known.password(), known.tls_use()), (Some("own"), TlsUse::Verified));
        let login = with("mysql://bob@host/ml", "", &[]).with_login("ana", "secret");
        assert_eq!((login.user(), login.password()), ("bob".into(), None));
        let login = with("mysql://host/ml", "", &[]).with_login("ana", "secret");
        assert_eq!((login.user(), login.password()), ("ana".into(), Some("secret")));
    }
}
