//! The address of a database behind `mysql://`, as SQLAlchemy and its drivers read it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::store::sql::address::Parts;
use crate::store::tunnel::{Target, Tunnel};

/// Where servers listen where nothing is said.
const PORT: u16 = 3306;
/// Where servers put their sockets.
const SOCKETS: [&str; 4] = [
    "/run/mysqld/mysqld.sock",
    "/var/run/mysqld/mysqld.sock",
    "/var/lib/mysql/mysql.sock",
    "/tmp/mysql.sock",
];
/// Drivers that SQLAlchemy knows, which make no difference here.
const DRIVERS: [&str; 6] =
    ["pymysql", "mysqldb", "mysqlconnector", "mariadbconnector", "aiomysql", "asyncmy"];

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsUse {
    /// Not encrypted.
    Disabled,
    /// Encrypted where the server can, whoever it is.
    Preferred,
    /// Encrypted, whoever the server is.
    Required,
    /// A server of the name that is asked for, whose certificate a trusted authority signed.
    Verified,
}

impl TlsUse {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text.to_ascii_uppercase().as_str() {
            "DISABLED" => Ok(Self::Disabled),
            "PREFERRED" => Ok(Self::Preferred),
            "REQUIRED" => Ok(Self::Required),
            // For any name the driver would trust all well-known authorities as well: the name is always verified.
            "VERIFY_IDENTITY" | "VERIFY_CA" => Ok(Self::Verified),
            _ => Err(format!(
                "ssl_mode={text}: expected DISABLED, PREFERRED, REQUIRED, VERIFY_CA or VERIFY_IDENTITY"
            )),
        }
    }
}

/// A database of a server, and how to get at it. However it is printed, it shows no password.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct MyDatabase {
    /// With the driver that Python is to use: `mysql+pymysql`.
    pub(super) scheme: String,
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) socket: Option<PathBuf>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    /// Where the password comes from, in words.
    pub password_from: &'static str,
    pub(super) database: Option<String>,
    pub(super) tls: Option<TlsUse>,
    /// Whoever the server is, also where there are authorities.
    pub(super) trusts_anybody: bool,
    /// What the address says of it besides files, as it is written there.
    pub(super) tls_options: Vec<(String, String)>,
    /// The authorities to trust.
    pub(super) authority: Option<PathBuf>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) connect_timeout: Option<Duration>,
    /// A file of options, as MySQL's programs read them.
    pub(super) defaults: Option<PathBuf>,
    /// What is worth knowing of all this.
    pub(super) notes: Vec<String>,
    /// Where files of new experiments go, as MLflow puts them.
    pub(super) folder: PathBuf,
    /// Another place for them, which a server of MLflow's says to its own processes.
    pub(in crate::store) artifact_root: Option<String>,
    /// The way through another machine, which sees the server.
    pub(super) tunnel: Option<Tunnel>,
}

impl MyDatabase {
    /// Whether a scheme is MySQL's or MariaDB's, whatever driver is named behind a +.
    pub fn is_scheme(scheme: &str) -> bool {
        matches!(scheme.split('+').next(), Some("mysql" | "mariadb"))
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
            return Err(format!("unknown driver {driver}; write mysql://"));
        }
        let rest = rest.strip_prefix("//").ok_or("write mysql://USER@HOST:3306/DATABASE")?;
        let parts = Parts::parse(rest)?;
        let mut database = Self {
            scheme: scheme.to_owned(),
            host: parts.host,
            port: parts.port,
            user: parts.user,
            password: parts.password,
            database: parts.database,
            folder: folder.to_owned(),
            ..Self::default()
        };
        for (key, value) in &parts.query {
            database.option(key, value)?;
        }
        if database.database.is_none() {
            return Err("the database is missing: mysql://USER@HOST:3306/DATABASE".into());
        }
        if database.password.is_some() {
            database.password_from = "the address";
        }
        Ok(database)
    }

    fn option(&mut self, key: &str, value: &str) -> Result<(), String> {
        let at_least = |known: Option<TlsUse>, wanted: TlsUse| match known {
            Some(TlsUse::Verified | TlsUse::Disabled) => known,
            _ => Some(wanted),
        };
        if (key == "ssl" || key.starts_with("ssl_")) && !["ssl_ca", "ssl_cert", "ssl_key"].contains(&key) {
            self.tls_options.push((key.to_owned(), value.to_owned()));
        }
        match key {
            "unix_socket" => self.socket = Some(value.into()),
            "ssl_ca" => {
                self.authority = Some(value.into());
                self.tls = at_least(self.tls, TlsUse::Verified);
            }
            "ssl_cert" => {
                self.certificate = Some(value.into());
                self.tls = at_least(self.tls, TlsUse::Required);
            }
            "ssl_key" => self.key = Some(value.into()),
            "ssl_mode" => self.tls = Some(TlsUse::parse(value)?),
            "ssl_disabled" if is_true(value) => self.tls = Some(TlsUse::Disabled),
            "ssl" if is_true(value) => self.tls = at_least(self.tls, TlsUse::Required),
            "ssl_verify_cert" | "ssl_verify_identity" if is_true(value) => self.tls = Some(TlsUse::Verified),
            "connect_timeout" => {
                let seconds: u64 = value
                    .trim()
                    .parse()
                    .map_err(|_| format!("{key}={value}: expected a number of seconds"))?;
                self.connect_timeout = Some(Duration::from_secs(seconds.max(1)));
            }
            "read_default_file" => self.defaults = Some(value.into()),
            "ssl_check_hostname" if is_true(value) => {}
            // Where there is an authority, the name is verified all the same.
            "ssl_check_hostname" | "ssl_verify_identity" => self.tls = at_least(self.tls, TlsUse::Required),
            "ssl_verify_cert" => {
                self.tls = at_least(self.tls, TlsUse::Required);
                self.trusts_anybody = true;
            }
            // These say how it is already, or what does not matter here.
            "ssl" | "ssl_disabled" | "charset" | "use_unicode" | "read_timeout" | "write_timeout"
            | "autocommit" | "program_name" | "local_infile" | "binary_prefix" | "sql_mode"
            | "read_default_group" | "init_command" | "collation" => {}
            _ => {
                return Err(format!(
                    "unsupported parameter {key}; known are unix_socket, ssl_ca, ssl_cert, ssl_key, ssl_mode, \
                     ssl_disabled, ssl_check_hostname, ssl_verify_cert, ssl_verify_identity, connect_timeout, read_default_file and charset"
                ));
            }
        }
        Ok(())
    }

    /// The password, if one is known.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Who connects: the user of this machine where nobody is named.
    pub fn user(&self) -> String {
        let named = self.user.clone().filter(|user| !user.is_empty());
        named.or_else(|| whoami::username().ok()).unwrap_or_else(|| "root".into())
    }

    /// The database.
    pub fn database(&self) -> String {
        self.database.clone().unwrap_or_default()
    }

    /// The socket of a server on this machine, where it is reached by that.
    pub(super) fn socket(&self) -> Option<PathBuf> {
        if self.socket.is_some() || self.host.is_some() {
            return self.socket.clone();
        }
        SOCKETS.into_iter().map(PathBuf::from).find(|socket| socket.exists() && self.port.is_none())
    }

    /// Host and port of a server that is reached by them.
    pub(super) fn place(&self) -> (String, u16) {
        (self.host.clone().unwrap_or_else(|| "localhost".into()), self.port.unwrap_or(PORT))
    }

    /// The server in words: `host:3306`, `/run/mysqld/mysqld.sock`, and the machine that it is reached through.
    pub fn server(&self) -> String {
        let server = match self.socket() {
            Some(socket) => socket.display().to_string(),
            None => {
                let (host, port) = self.place();
                format!("{host}:{port}")
            }
        };
        server + &self.tunnel.as_ref().map_or(String::new(), Tunnel::in_words)
    }

    /// What another machine is to lead to.
    ///
    /// # Errors
    ///
    /// Why it cannot, in words.
    pub fn target(&self) -> Result<Target, String> {
        match (&self.socket, &self.host) {
            (Some(socket), _) => Ok(Target::Socket(socket.clone())),
            (None, None) => {
                Err("write the host into tracking_uri as ssh_host sees it: mysql://localhost/DATABASE, or \
                     ?unix_socket=/run/mysqld/mysqld.sock"
                    .into())
            }
            (None, Some(host)) => Ok(Target::Port(host.clone(), self.port.unwrap_or(PORT))),
        }
    }

    /// The same by way of another machine.
    #[must_use]
    pub fn through(mut self, tunnel: &Tunnel) -> Self {
        self.tunnel = Some(tunnel.clone());
        self
    }

    /// How the connection is protected.
    pub fn tls_use(&self) -> TlsUse {
        match (self.tls, &self.authority) {
            _ if self.socket().is_some() => TlsUse::Disabled,
            (Some(TlsUse::Disabled), _) => TlsUse::Disabled,
            _ if self.trusts_anybody => TlsUse::Required,
            // Whoever names an authority wants it to be asked.
            (None | Some(TlsUse::Preferred | TlsUse::Required), Some(_)) => TlsUse::Verified,
            (tls, _) => tls.unwrap_or(TlsUse::Preferred),
        }
    }

    /// The same as an address says it.
    pub(super) fn tls_words(&self) -> String {
        match (self.tls_use(), &self.authority) {
            (TlsUse::Disabled, _) => "ssl_mode=DISABLED".into(),
            (TlsUse::Preferred, _) => "ssl_mode=PREFERRED".into(),
            (TlsUse::Required, _) if self.trusts_anybody => "ssl_verify_cert=false".into(),
            (TlsUse::Required, _) => "ssl_mode=REQUIRED".into(),
            (TlsUse::Verified, Some(authority)) => format!("ssl_ca={}", authority.display()),
            (TlsUse::Verified, None) => "ssl_mode=VERIFY_IDENTITY".into(),
        }
    }
}

pub(super) fn is_true(value: &str) -> bool {
    matches!(value.to_ascii_lowercase().as_str(), "true" | "1" | "yes" | "on" | "")
}

impl fmt::Display for MyDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = self.database();
        if let Some(socket) = self.socket() {
            return write!(f, "mysql:///{database}?unix_socket={}", socket.display());
        }
        let (host, port) = self.place();
        let host = host.to_ascii_lowercase();
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        write!(f, "mysql://{host}")?;
        if port != PORT {
            write!(f, ":{port}")?;
        }
        write!(f, "/{database}")
    }
}

impl fmt::Debug for MyDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<MyDatabase, String> {
        let (scheme, rest) = text.split_once(':').unwrap();
        MyDatabase::parse(scheme, rest, Path::new("/home/ana"))
    }

    #[test]
    fn an_address_is_read_as_sqlalchemy_and_its_drivers_do() {
        let known =
            parse("mysql+pymysql://ana:se%40cret@Host:3307/ml?charset=utf8mb4&connect_timeout=3").unwrap();
        assert_eq!(
            (known.user(), known.database(), known.server()),
            ("ana".into(), "ml".into(), "Host:3307".into())
        );
        assert_eq!((known.password(), known.tls_use()), (Some("se@cret"), TlsUse::Preferred));
        assert_eq!(format!("{known} {known:?}"), "mysql://host:3307/ml \"mysql://host:3307/ml\"");
        assert_eq!(known.for_scripts(), "mysql+pymysql://ana:se%40cret@Host:3307/ml");
        let again = parse("mysql://ana:secret@h/ml?ssl_ca=/ca.pem&ssl_mode=VERIFY_CA&charset=utf8").unwrap();
        let wanted = "mysql://ana@h:3306/ml?ssl_ca=%2Fca.pem&ssl_mode=VERIFY_CA";
        assert_eq!(again.without_password(), wanted);
        assert_eq!(parse(wanted).unwrap().tls_use(), again.tls_use());
        assert_eq!(again.for_scripts(), wanted.replace("ana@", "ana:secret@"));
        let socket = parse("mysql://ana@/ml?unix_socket=/run/my.sock").unwrap();
        assert_eq!(socket.to_string(), "mysql:///ml?unix_socket=/run/my.sock");
        assert_eq!((socket.server(), socket.tls_use()), ("/run/my.sock".into(), TlsUse::Disabled));
        assert_eq!(parse("mysql://ana@[::1]/ml").unwrap().to_string(), "mysql://[::1]/ml");
        let mode = |query: &str| parse(&format!("mysql://h/ml?{query}")).unwrap().tls_use();
        assert_eq!(mode("ssl_ca=/ca.pem"), TlsUse::Verified);
        assert_eq!(mode("ssl_ca=/ca.pem&ssl_cert=/c&ssl_key=/k"), TlsUse::Verified);
        // Nobody is trusted for any name with the authorities that everybody knows.
        for names in ["ssl_mode=VERIFY_CA", "ssl_check_hostname=false", "ssl_verify_identity=0"] {
            assert_eq!(mode(&format!("{names}&ssl_ca=/ca.pem")), TlsUse::Verified, "{names}");
            assert_eq!(mode(&format!("ssl_ca=/ca.pem&{names}")), TlsUse::Verified, "{names}");
        }
        for anybody in
            ["ssl_verify_cert=false", "ssl_ca=/ca.pem&ssl_verify_cert=false", "ssl_check_hostname=no"]
        {
            assert_eq!(mode(anybody), TlsUse::Required, "{anybody}");
        }
        assert_eq!(mode("ssl_verify_cert=false&ssl_disabled=true"), TlsUse::Disabled);
        assert_eq!((mode("ssl=true"), mode("ssl_mode=REQUIRED")), (TlsUse::Required, TlsUse::Required));
        assert_eq!(
            (mode("ssl_disabled=true"), mode("ssl_mode=VERIFY_IDENTITY")),
            (TlsUse::Disabled, TlsUse::Verified)
        );
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (text, word) in [
            ("mysql://h", "the database is missing"),
            ("mysql://h/db?ssl_mode=perhaps", "ssl_mode=perhaps"),
            ("mysql://h/db?connect_timeout=soon", "connect_timeout=soon"),
            ("mysql://h/db?odd=x", "odd"),
            ("mysql+odd://h/db", "odd"),
            ("mysql:h/db", "mysql://USER"),
            ("mysql://ana:p@secret@h/db", "%40"),
        ] {
            let words = parse(text).unwrap_err();
            assert!(words.contains(word) && !words.contains("secret"), "{text}: {words}");
        }
    }
}
