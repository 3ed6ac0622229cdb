//! The address of a database behind `postgresql://`, as SQLAlchemy and libpq read it together.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::passwords;
use crate::store::secrets;
use crate::store::sql::address::Parts;

/// Where libpq listens where nothing is said.
const PORT: u16 = 5432;
/// Where servers put their sockets.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];
/// Drivers that SQLAlchemy knows, which make no difference here.
const DRIVERS: [&str; 6] = ["psycopg2", "psycopg", "psycopg_async", "psycopg2cffi", "pg8000", "asyncpg"];

/// How the connection is protected, in libpq's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsMode {
    /// Not encrypted.
    Disable,
    /// Encrypted where the server can, whoever it is.
    #[default]
    Prefer,
    /// Encrypted, whoever the server is; with an authority at hand, as the next.
    Require,
    /// A server whose certificate an authority signed.
    VerifyCa,
    /// The same, and the certificate is for its name.
    VerifyFull,
}

impl TlsMode {
    fn parse(text: &str) -> Result<Self, String> {
        Ok(match text {
            "disable" => Self::Disable,
            "allow" | "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => {
                return Err(format!(
                    "sslmode={text}: expected disable, allow, prefer, require, verify-ca or verify-full"
                ));
            }
        })
    }

    /// As an address says it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// A database of a server, and how to get at it. However it is printed, it shows no password.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PgDatabase {
    /// With the driver that Python is to use: `postgresql+psycopg2`.
    pub(super) scheme: String,
    /// Names, addresses, or the folders of sockets, each with its port.
    pub(super) hosts: Vec<(String, Option<u16>)>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    /// Where the password comes from, in words.
    pub password_from: &'static str,
    pub(super) database: Option<String>,
    pub(super) tls: Option<TlsMode>,
    /// The authorities to trust; `system` for the machine's.
    pub(super) root_certificate: Option<PathBuf>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) application_name: Option<String>,
    /// What the server is told as on its command line: `-csearch_path=…`.
    pub(super) options: Option<String>,
    /// Only a server that takes writes will do.
    pub(super) wants_writable: bool,
    passfile: Option<PathBuf>,
    /// What is worth knowing of all this.
    pub(super) notes: Vec<String>,
    /// Where files of new experiments go, as MLflow puts them.
    pub(super) folder: PathBuf,
}

impl PgDatabase {
    /// Whether a scheme is PostgreSQL's, whatever driver is named behind a +.
    pub fn is_scheme(scheme: &str) -> bool {
        matches!(scheme.split('+').next(), Some("postgresql" | "postgres"))
    }

    /// From what stands behind the scheme and its `://`; relative addresses of artifacts start at `folder`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words: a driver or an option is not known.
    pub fn parse(scheme: &str, rest: &str, folder: &Path) -> Result<Self, String> {
        if let Some((_, driver)) = scheme.split_once('+')
            && !DRIVERS.contains(&driver)
        {
            return Err(format!("unknown driver {driver}; write postgresql://"));
        }
        let rest = rest.strip_prefix("//").ok_or("write postgresql://USER@HOST:5432/DATABASE")?;
        let parts = Parts::parse(rest)?;
        let mut database = Self {
            scheme: scheme.replacen("postgres+", "postgresql+", 1),
            user: parts.user,
            password: parts.password,
            database: parts.database,
            folder: folder.to_owned(),
            ..Self::default()
        };
        let mut hosts: Vec<String> = parts.host.into_iter().collect();
        let mut ports: Vec<u16> = parts.port.into_iter().collect();
        for (key, value) in &parts.query {
            match key.as_str() {
                // Each with a port of its own, as SQLAlchemy has several hosts.
                "host" => hosts.extend(value.split(',').map(str::to_owned)),
                "port" => ports = numbers(key, value)?,
                _ => database.option(key, value)?,
            }
        }
        database.hosts = with_ports(&hosts, &ports)?;
        if database.password.is_some() {
            database.password_from = "the address";
        }
        Ok(database)
    }

    fn option(&mut self, key: &str, value: &str) -> Result<(), String> {
        let text = || Some(value.to_owned());
        match key {
            "user" => self.user = text(),
            "password" => self.password = text(),
            "dbname" => self.database = text(),
            "sslmode" => self.tls = Some(TlsMode::parse(value)?),
            "sslrootcert" => self.root_certificate = Some(value.into()),
            "sslcert" => self.certificate = Some(value.into()),
            "sslkey" => self.key = Some(value.into()),
            "connect_timeout" => self.connect_timeout = seconds(key, value)?,
            "application_name" => self.application_name = text(),
            "options" => self.options = text(),
            "passfile" => self.passfile = Some(value.into()),
            "target_session_attrs" => match value {
                "any" => self.wants_writable = false,
                "read-write" | "primary" => self.wants_writable = true,
                _ => return Err(format!("{key}={value}: expected any or read-write")),
            },
            // These say how it is already, or what does not matter here.
            "fallback_application_name"
            | "client_encoding"
            | "keepalives"
            | "keepalives_idle"
            | "keepalives_interval"
            | "keepalives_count"
            | "tcp_user_timeout"
            | "sslcompression"
            | "sslsni"
            | "prepare_threshold" => {}
            "channel_binding" | "gssencmode" if value != "require" => {}
            _ => {
                return Err(format!(
                    "unsupported parameter {key}; known are host, port, user, password, dbname, sslmode, sslrootcert, \
                     sslcert, sslkey, connect_timeout, application_name, options, passfile and target_session_attrs"
                ));
            }
        }
        Ok(())
    }

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
        // What would open another database, or protect the connection better than this does.
        if variable("PGSERVICE").is_some() && (self.database.is_none() || self.hosts.is_empty()) {
            return Err("PGSERVICE is not supported: write the host and the database into the address".into());
        }
        for name in ["PGGSSENCMODE", "PGCHANNELBINDING"] {
            if variable(name).is_some_and(|value| value == "require") {
                return Err(format!(
                    "{name}=require is not supported; unset it, and use sslmode=verify-full"
                ));
            }
        }
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
            self.connect_timeout = seconds("PGCONNECT_TIMEOUT", &value)?;
        }
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

    /// The same for a user whose name and password are known from elsewhere, where the address names none.
    pub fn with_login(mut self, user: &str, password: &str) -> Self {
        self.user = self.user.or_else(|| Some(user.to_owned()));
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

    /// The password, if one is known.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Lets nobody show the password.
    pub fn note_secrets(&self) {
        if let Some(password) = &self.password {
            secrets::note(password);
        }
    }

    /// Who connects: as libpq has it, the user of this machine where nobody is named.
    pub fn user(&self) -> String {
        let named = self.user.clone().filter(|user| !user.is_empty());
        named.or_else(|| whoami::username().ok()).unwrap_or_else(|| "postgres".into())
    }

    /// The database: that of the user's name where none is named.
    pub fn database(&self) -> String {
        self.database.clone().unwrap_or_else(|| self.user())
    }

    /// The servers to try, one after the other.
    pub fn places(&self) -> Vec<(String, u16)> {
        let named = self.hosts.iter().filter(|(host, _)| !host.is_empty());
        let places: Vec<_> = named.map(|(host, port)| (host.clone(), port.unwrap_or(PORT))).collect();
        if !places.is_empty() {
            return places;
        }
        let port = self.hosts.iter().find_map(|(_, port)| *port).unwrap_or(PORT);
        let socket = SOCKET_FOLDERS
            .into_iter()
            .find(|folder| Path::new(folder).join(format!(".s.PGSQL.{port}")).exists());
        vec![(socket.unwrap_or("localhost").to_owned(), port)]
    }

    /// The first of them.
    fn place(&self) -> (String, u16) {
        self.places().swap_remove(0)
    }

    /// The server in words: `host:5432`, `/tmp:5432`.
    pub fn server(&self) -> String {
        let places: Vec<String> = self.places().iter().map(|(host, port)| format!("{host}:{port}")).collect();
        places.join(", ")
    }

    /// How the connection is protected.
    pub fn tls_mode(&self) -> TlsMode {
        self.tls.unwrap_or_default()
    }

    /// The schemas where tables are looked for, where the address says it.
    fn search_path(&self) -> Option<&str> {
        let (_, rest) = self.options.as_deref()?.split_once("search_path=")?;
        rest.split_whitespace().next()
    }
}

impl fmt::Display for PgDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = self.place();
        let database = self.database();
        if host.starts_with('/') {
            write!(f, "postgresql:///{database}?host={host}")?;
            if port != PORT {
                write!(f, "&port={port}")?;
            }
        } else {
            let host = host.to_ascii_lowercase();
            let host = if host.contains(':') { format!("[{host}]") } else { host };
            write!(f, "postgresql://{host}")?;
            if port != PORT {
                write!(f, ":{port}")?;
            }
            write!(f, "/{database}")?;
        }
        match self.search_path() {
            Some(schemas) => {
                let mark = if host.starts_with('/') { '&' } else { '?' };
                write!(f, "{mark}options=-csearch_path%3D{}", utf8_percent_encode(schemas, NON_ALPHANUMERIC))
            }
            None => Ok(()),
        }
    }
}

impl fmt::Debug for PgDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

fn numbers(key: &str, value: &str) -> Result<Vec<u16>, String> {
    let number = |text: &str| text.trim().parse().map_err(|_| format!("{key}={value}: expected a port"));
    value.split(',').filter(|text| !text.is_empty()).map(number).collect()
}

/// How long a connection may take to come; 0 and less is for ever.
fn seconds(key: &str, value: &str) -> Result<Option<Duration>, String> {
    let seconds: i64 =
        value.trim().parse().map_err(|_| format!("{key}={value}: expected a number of seconds"))?;
    Ok(u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs))
}

/// Hosts, each `host` or `host:port`, with the ports that are given beside them: one for all, or one for each.
fn with_ports(hosts: &[String], ports: &[u16]) -> Result<Vec<(String, Option<u16>)>, String> {
    if hosts.is_empty() {
        return Ok(ports.first().map(|port| (String::new(), Some(*port))).into_iter().collect());
    }
    if ports.len() > 1 && ports.len() != hosts.len() {
        return Err(format!("{} ports for {} hosts", ports.len(), hosts.len()));
    }
    let with_port = |(at, host): (usize, &String)| {
        let beside = ports.get(at).or(ports.first()).copied();
        match host.split_once(':') {
            // More than one colon: an IPv6 address.
            Some((name, port)) if !port.contains(':') && !host.starts_with('/') => {
                let port = if port.is_empty() { beside } else { Some(numbers("port", port)?[0]) };
                Ok((name.to_owned(), port))
            }
            _ => Ok((host.clone(), beside)),
        }
    };
    hosts.iter().enumerate().map(with_port).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PgDatabase, String> {
        let (scheme, rest) = text.split_once(':').unwrap();
        PgDatabase::parse(scheme, rest, Path::new("/home/ana"))
    }

    fn with(text: &str, variables: &[(&str, &str)]) -> PgDatabase {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        parse(text).unwrap().completed(variable, None).unwrap()
    }

    #[test]
    fn an_address_is_read_as_libpq_and_sqlalchemy_do() {
        let known =
            parse("postgresql+psycopg2://ana:secret@host:5433/ml?sslmode=verify-full&connect_timeout=3")
                .unwrap();
        assert_eq!(
            (known.user(), known.database(), known.server()),
            ("ana".into(), "ml".into(), "host:5433".into())
        );
        assert_eq!((known.password(), known.tls_mode()), (Some("secret"), TlsMode::VerifyFull));
        assert_eq!(known.connect_timeout, Some(Duration::from_secs(3)));
        assert_eq!(format!("{known} {known:?}"), "postgresql://host:5433/ml \"postgresql://host:5433/ml\"");
        let socket = parse("postgres://ana@/ml?host=/run/pg&port=5433").unwrap();
        assert_eq!(socket.places(), [("/run/pg".to_owned(), 5433)]);
        assert_eq!(socket.to_string(), "postgresql:///ml?host=/run/pg&port=5433");
        let several = parse("postgresql://ana@/ml?host=a:1&host=b:2").unwrap();
        assert_eq!(several.server(), "a:1, b:2");
        let several = parse("postgresql://ana@/ml?host=a,b&port=7").unwrap();
        assert_eq!(several.server(), "a:7, b:7");
        let schema = parse("postgresql://h/ml?options=-csearch_path%3Dteam%20-cx%3D1").unwrap();
        assert_eq!(parse(&schema.to_string()).unwrap().to_string(), schema.to_string());
        assert_eq!(schema.to_string(), "postgresql://h/ml?options=-csearch_path%3Dteam");
        assert_eq!(parse("postgresql://ana@[::1]/ml").unwrap().to_string(), "postgresql://[::1]/ml");
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
    fn what_is_not_understood_is_named() {
        for (text, word) in [
            ("postgresql://h/db?sslmode=perhaps", "sslmode=perhaps"),
            ("postgresql://h/db?connect_timeout=soon", "connect_timeout=soon"),
            ("postgresql://h/db?service=x", "service"),
            ("postgresql://h/db?channel_binding=require", "channel_binding"),
            ("postgresql+odd://h/db", "odd"),
            ("postgresql:h/db", "postgresql://USER"),
            ("postgresql://h:port/db", "port"),
            ("postgresql:///db?host=a,b,c&port=1,2", "2 ports for 3 hosts"),
        ] {
            let words = parse(text).unwrap_err();
            assert!(words.contains(word), "{text}: {words}");
        }
    }
}
