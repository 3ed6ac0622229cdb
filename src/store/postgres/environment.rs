//! What the environment adds to an address, as libpq has it.

use std::path::{Path, PathBuf};

use super::address::{PgDatabase, SOCKET_FOLDERS, numbers, seconds, wants_writable, with_ports};
use super::passwords;
use super::tls_mode::TlsMode;

/// Set by MLflow's server for its own processes: where files of new experiments go.
const ARTIFACT_ROOT: &str = "_MLFLOW_SERVER_ARTIFACT_ROOT";

impl PgDatabase {
    /// The same with what the environment adds, as libpq has it: `PGHOST`, `PGUSER`, `PGPASSWORD`, `~/.pgpass`, …
    ///
    /// # Errors
    ///
    /// What is wrong with a variable, in words.
    pub fn completed(
        mut self,
        variable: impl Fn(&str) -> Option<String>,
        home: Option<&Path>,
    ) -> Result<Self, String> {
        if self.hosts.iter().all(|(host, _)| host.is_empty()) {
            let own: Vec<u16> = self.hosts.iter().filter_map(|(_, port)| *port).collect();
            let hosts: Option<Vec<String>> =
                variable("PGHOST").map(|hosts| hosts.split(',').map(str::to_owned).collect());
            self.hosts = with_ports(&hosts.unwrap_or_default(), &own)?;
        }
        if let Some(ports) = variable("PGPORT") {
            let ports = numbers("PGPORT", &ports)?;
            for (at, (_, port)) in self.hosts.iter_mut().enumerate() {
                *port = port.or_else(|| ports.get(at).or(ports.first()).copied());
            }
        }
        self.refuse(&variable)?;
        self.user = self.user.or_else(|| variable("PGUSER"));
        self.database = self.database.or_else(|| variable("PGDATABASE"));
        self.application_name = self.application_name.or_else(|| variable("PGAPPNAME"));
        self.options = self.options.or_else(|| variable("PGOPTIONS"));
        if self.tls.is_none() {
            self.tls = variable("PGSSLMODE").map(|mode| TlsMode::parse(&mode)).transpose()?;
        }
        if self.connect_timeout.is_none()
            && let Some(value) = variable("PGCONNECT_TIMEOUT")
        {
            self.connect_timeout = Some(seconds("PGCONNECT_TIMEOUT", &value)?);
        }
        if self.wants_writable.is_none()
            && let Some(value) = variable("PGTARGETSESSIONATTRS")
        {
            self.wants_writable = Some(wants_writable("PGTARGETSESSIONATTRS", &value)?);
        }
        self.artifact_root = variable(ARTIFACT_ROOT);
        let file = |own: Option<PathBuf>, name: &str, usual: &str| {
            own.or_else(|| variable(name).map(PathBuf::from)).or_else(|| {
                home.map(|home| home.join(".postgresql").join(usual)).filter(|path| path.is_file())
            })
        };
        self.root_certificate = file(self.root_certificate, "PGSSLROOTCERT", "root.crt");
        self.certificate = file(self.certificate, "PGSSLCERT", "postgresql.crt");
        self.key = file(self.key, "PGSSLKEY", "postgresql.key");
        if self.password.is_none()
            && let Some(password) = variable("PGPASSWORD")
        {
            self.password = Some(password);
            self.password_from = "PGPASSWORD";
        }
        if self.password.is_none() {
            let passfile = self.passfile.clone().or_else(|| variable("PGPASSFILE").map(PathBuf::from));
            let usual = home.map(|home| home.join(".pgpass")).filter(|path| path.is_file());
            self.look_up(passfile.or(usual).as_deref());
        }
        Ok(self)
    }

    /// Refuses what would open another database, or protect the connection better than is done here.
    fn refuse(&self, variable: &impl Fn(&str) -> Option<String>) -> Result<(), String> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        if variable("PGSERVICE").is_some() && (self.database.is_none() || self.hosts.is_empty()) {
            return Err("PGSERVICE is not supported: write the host and the database into the address".into());
        }
        if variable("PGHOSTADDR").is_some() {
            return Err("PGHOSTADDR is not supported: unset it, and write ?hostaddr= into the address".into());
        }
        for name in ["PGREQUIREAUTH", "PGSSLCRL", "PGSSLCRLDIR"] {
            if variable(name).is_some() {
                return Err(format!("{name} is not supported; unset it, and use sslmode=verify-full"));
            }
        }
        for name in ["PGGSSENCMODE", "PGCHANNELBINDING"] {
            if variable(name).is_some_and(|value| value == "require") {
                return Err(format!(
                    "{name}=require is not supported; unset it, and use sslmode=verify-full"
                ));
            }
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

    /// Looks for the password in a file.
    fn look_up(&mut self, passfile: Option<&Path>) {
        let Some(path) = passfile else { return };
        let (host, port) = self.place();
        let host = if host.starts_with('/') && SOCKET_FOLDERS.contains(&host.as_str()) {
            "localhost".to_owned()
        } else {
            host
        };
        match passwords::find(path, &host, port, &self.database(), &self.user()) {
            Ok(None) => {}
            Ok(Some(password)) => {
                self.password = Some(password);
                self.password_from = "the password file";
            }
            Err(words) => self.notes.push(words),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(text: &str, variables: &[(&str, &str)]) -> Result<PgDatabase, String> {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        let (scheme, rest) = text.split_once(':').unwrap();
        PgDatabase::parse(scheme, rest, Path::new("/home/ana")).unwrap().completed(variable, None)
    }

    fn with(text: &str, variables: &[(&str, &str)]) -> PgDatabase {
        completed(text, variables).unwrap()
    }

    #[test]
    fn the_environment_fills_what_the_address_leaves_open() {
        let environment = [
            ("PGHOST", "db.example.org"),
            ("PGPORT", "6000"),
            ("PGUSER", "ana"),
            ("PGDATABASE", "ml"),
            ("PGPASSWORD", "secret"),
            ("PGSSLMODE", "require"),
        ];
        let known = with("postgresql://", &environment);
        assert_eq!(known.to_string(), "postgresql://db.example.org:6000/ml");
        assert_eq!(
            (known.user(), known.password(), known.tls_mode()),
            ("ana".into(), Some("secret"), TlsMode::Require)
        );
        assert_eq!(known.password_from, "PGPASSWORD");
        let known = with("postgresql://bob:own@host/mine?sslmode=disable", &environment);
        assert_eq!(known.to_string(), "postgresql://host:6000/mine");
        assert_eq!(
            (known.user(), known.password(), known.tls_mode()),
            ("bob".into(), Some("own"), TlsMode::Disable)
        );
    }
    #[test]
    fn the_password_file_is_looked_into_last() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgpass");
        std::fs::write(&file, "host:*:ml:ana:secret\n").unwrap();
        #[cfg(unix)]
        std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let file = file.to_str().unwrap();
        let known = with("postgresql://ana@host/ml", &[("PGPASSFILE", file)]);
        assert_eq!((known.password(), known.password_from), (Some("secret"), "the password file"));
        assert_eq!(with("postgresql://bob@host/ml", &[("PGPASSFILE", file)]).password(), None);
        let known = with("postgresql://ana@host/ml", &[("PGPASSFILE", file), ("PGPASSWORD", "first")]);
        assert_eq!(known.password(), Some("first"));
    }

    #[test]
    fn what_would_lead_elsewhere_or_protect_better_is_refused() {
        for (name, value) in [
            ("PGHOSTADDR", "10.0.0.1"),
            ("PGREQUIREAUTH", "scram-sha-256"),
            ("PGSSLCRL", "/x.crl"),
            ("PGGSSENCMODE", "require"),
            ("PGCHANNELBINDING", "require"),
            ("PGTARGETSESSIONATTRS", "standby"),
        ] {
            let words = completed("postgresql://h/ml", &[(name, value)]).unwrap_err();
            assert!(words.contains(name), "{words}");
        }
        assert!(completed("postgresql://h", &[("PGSERVICE", "x")]).is_err());
        let named = [("PGSERVICE", "x"), ("PGHOSTADDR", ""), ("PGGSSENCMODE", "prefer")];
        assert!(completed("postgresql://h/ml", &named).is_ok());
        let writable = |text: &str| with(text, &[("PGTARGETSESSIONATTRS", "read-write")]).wants_writable;
        assert_eq!(writable("postgresql://h/ml"), Some(true));
        assert_eq!(writable("postgresql://h/ml?target_session_attrs=any"), Some(false));
    }

    #[test]
    fn a_profiles_password_is_for_its_user_alone() {
        let login = |text: &str| with(text, &[]).with_login("ana", "secret");
        for text in ["postgresql://h/ml", "postgresql://ana@h/ml"] {
            assert_eq!(
                (login(text).user(), login(text).password()),
                ("ana".into(), Some("secret")),
                "{text}"
            );
        }
        let other = login("postgresql://bob@h/ml");
        assert_eq!((other.user(), other.password()), ("bob".into(), None));
        assert_eq!(login("postgresql://ana:own@h/ml").password(), Some("own"));
    }
}
