//! The address of a database behind `postgresql://`, as SQLAlchemy and libpq read it together.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::tls_mode::TlsMode;
use crate::store::sql::address::Parts;
use crate::store::tunnel::{Target, Tunnel};

/// Where libpq listens where nothing is said.
const PORT: u16 = 5432;
/// Where servers put their sockets.
pub(super) const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];
/// Drivers that SQLAlchemy knows, which make no difference here.
const DRIVERS: [&str; 6] = ["psycopg2", "psycopg", "psycopg_async", "psycopg2cffi", "pg8000", "asyncpg"];

/// A database of a server, and how to get at it. However it is printed, it shows no password.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct PgDatabase {
    /// With the driver that Python is to use: `postgresql+psycopg2`.
    pub(super) scheme: String,
    /// Names, addresses, or the folders of sockets, each with its port.
    pub(super) hosts: Vec<(String, Option<u16>)>,
    /// Where each of them is found, so that nobody is asked for its name.
    pub(super) addresses: Vec<IpAddr>,
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
    pub(super) wants_writable: Option<bool>,
    pub(super) passfile: Option<PathBuf>,
    /// What is worth knowing of all this.
    pub(super) notes: Vec<String>,
    /// Where files of new experiments go, as MLflow puts them.
    pub(super) folder: PathBuf,
    /// Another place for them, which a server of MLflow's says to its own processes.
    pub(in crate::store) artifact_root: Option<String>,
    /// The way through another machine, which sees the servers.
    pub(super) tunnel: Option<Tunnel>,
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
        if !database.addresses.is_empty() && hosts.iter().all(String::is_empty) {
            hosts = database.addresses.iter().map(ToString::to_string).collect();
        }
        let found = database.addresses.len();
        if found > 0 && (hosts.len() != found || hosts.iter().any(|host| host.starts_with('/'))) {
            return Err(format!("hostaddr has {found} addresses for {} hosts", hosts.len()));
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
            "hostaddr" => self.addresses = addresses(value)?,
            "sslmode" => self.tls = Some(TlsMode::parse(value)?),
            "sslrootcert" => self.root_certificate = Some(value.into()),
            "sslcert" => self.certificate = Some(value.into()),
            "sslkey" => self.key = Some(value.into()),
            "connect_timeout" => self.connect_timeout = Some(seconds(key, value)?),
            "application_name" => self.application_name = text(),
            "options" => self.options = text(),
            "passfile" => self.passfile = Some(value.into()),
            "target_session_attrs" => self.wants_writable = Some(wants_writable(key, value)?),
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
                    "unsupported parameter {key}; known are host, hostaddr, port, user, password, dbname, sslmode, sslrootcert, \
                     sslcert, sslkey, connect_timeout, application_name, options, passfile and target_session_attrs"
                ));
            }
        }
        Ok(())
    }

    /// The password, if one is known.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
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
    pub(super) fn place(&self) -> (String, u16) {
        self.places().swap_remove(0)
    }

    /// The server in words: `host:5432`, `/tmp:5432`, and the machine that it is reached through.
    pub fn server(&self) -> String {
        let places: Vec<String> = self.places().iter().map(|(host, port)| format!("{host}:{port}")).collect();
        places.join(", ") + &self.tunnel.as_ref().map_or(String::new(), Tunnel::in_words)
    }

    /// What another machine is to lead to.
    ///
    /// # Errors
    ///
    /// Why it cannot, in words.
    pub fn targets(&self) -> Result<Vec<Target>, String> {
        if self.hosts.iter().all(|(host, _)| host.is_empty()) {
            return Err(
                "write the host into tracking_uri as ssh_host sees it: postgresql://localhost/DATABASE, or \
                        ?host=/var/run/postgresql for a socket"
                    .into(),
            );
        }
        let mut places = self.places();
        for ((host, _), address) in places.iter_mut().zip(&self.addresses) {
            *host = address.to_string();
        }
        if !self.is_local() && places.iter().any(|(host, _)| host.starts_with('/')) {
            return Err("ssh_host leads to hosts or to sockets, not to both".into());
        }
        let target = |(host, port): (String, u16)| match host.strip_prefix('/') {
            Some(_) => Target::Socket(Path::new(&host).join(format!(".s.PGSQL.{port}"))),
            None => Target::Port(host, port),
        };
        Ok(places.into_iter().map(target).collect())
    }

    /// The same by way of another machine.
    #[must_use]
    pub fn through(mut self, tunnel: &Tunnel) -> Self {
        self.tunnel = Some(tunnel.clone());
        self
    }

    /// How the connection is protected.
    pub fn tls_mode(&self) -> TlsMode {
        // Who trusts the machine's authorities is served with no less, as libpq has it.
        let is_system = self.root_certificate.as_deref() == Some(Path::new("system"));
        self.tls.unwrap_or(if is_system { TlsMode::VerifyFull } else { TlsMode::Prefer })
    }

    /// Whether all of its places are sockets of this machine.
    pub(super) fn is_local(&self) -> bool {
        self.places().iter().all(|(host, _)| host.starts_with('/'))
    }

    /// The schemas where tables are looked for, where the address says it.
    pub(super) fn search_path(&self) -> Option<&str> {
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
        let address = self.addresses.first().filter(|address| address.to_string() != host);
        if let Some(address) = address {
            write!(f, "?hostaddr={address}")?;
        }
        match self.search_path() {
            Some(schemas) => {
                let mark = if host.starts_with('/') || address.is_some() { '&' } else { '?' };
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

pub(super) fn numbers(key: &str, value: &str) -> Result<Vec<u16>, String> {
    let number = |text: &str| text.trim().parse().map_err(|_| format!("{key}={value}: expected a port"));
    value.split(',').filter(|text| !text.is_empty()).map(number).collect()
}

fn addresses(value: &str) -> Result<Vec<IpAddr>, String> {
    let address = |text: &str| {
        text.trim().parse().map_err(|_| format!("hostaddr={text}: expected an address such as 10.0.0.5"))
    };
    value.split(',').filter(|text| !text.is_empty()).map(address).collect()
}

/// How long a connection may take to come; 0 and less is for ever.
pub(super) fn seconds(key: &str, value: &str) -> Result<Duration, String> {
    const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 24 * 3_600);
    let seconds: i64 =
        value.trim().parse().map_err(|_| format!("{key}={value}: expected a number of seconds"))?;
    let seconds = u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs);
    Ok(seconds.unwrap_or(FOR_EVER).min(FOR_EVER))
}

/// Whether only a server that takes writes will do.
pub(super) fn wants_writable(key: &str, value: &str) -> Result<bool, String> {
    match value {
        "any" | "" => Ok(false),
        "read-write" | "primary" => Ok(true),
        _ => Err(format!("{key}={value}: expected any or read-write")),
    }
}

/// Hosts, each `host` or `host:port`, with the ports that are given beside them: one for all, or one for each.
pub(super) fn with_ports(hosts: &[String], ports: &[u16]) -> Result<Vec<(String, Option<u16>)>, String> {
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
        let for_ever = parse("postgresql://h/ml?connect_timeout=0").unwrap().connect_timeout.unwrap();
        assert!(for_ever > Duration::from_secs(1_000_000));
        assert_eq!(format!("{known} {known:?}"), "postgresql://host:5433/ml \"postgresql://host:5433/ml\"");
        let socket = parse("postgres://ana@/ml?host=/run/pg&port=5433").unwrap();
        assert_eq!(socket.places(), [("/run/pg".to_owned(), 5433)]);
        assert_eq!(socket.to_string(), "postgresql:///ml?host=/run/pg&port=5433");
        let several = parse("postgresql://ana@/ml?host=a:1&host=b:2").unwrap();
        assert_eq!(several.server(), "a:1, b:2");
        let several = parse("postgresql://ana@/ml?host=a,b&port=7").unwrap();
        assert_eq!(several.server(), "a:7, b:7");
        let found = parse("postgresql://ana@db/ml?hostaddr=10.0.0.5&sslmode=verify-full").unwrap();
        assert_eq!(
            (found.server(), found.addresses.as_slice()),
            ("db:5432".into(), &["10.0.0.5".parse().unwrap()][..])
        );
        assert_eq!(found.to_string(), "postgresql://db/ml?hostaddr=10.0.0.5");
        assert_eq!(parse(&found.to_string()).unwrap().to_string(), found.to_string());
        assert_eq!(found.targets().unwrap(), [Target::Port("10.0.0.5".into(), 5432)]);
        let alone = parse("postgresql:///ml?hostaddr=::1&port=7").unwrap();
        assert_eq!((alone.server(), alone.to_string()), ("::1:7".into(), "postgresql://[::1]:7/ml".into()));
        let schema = parse("postgresql://h/ml?options=-csearch_path%3Dteam%20-cx%3D1").unwrap();
        assert_eq!(parse(&schema.to_string()).unwrap().to_string(), schema.to_string());
        assert_eq!(schema.to_string(), "postgresql://h/ml?options=-csearch_path%3Dteam");
        assert_eq!(parse("postgresql://ana@[::1]/ml").unwrap().to_string(), "postgresql://[::1]/ml");
    }

    #[test]
    fn the_machines_authorities_are_trusted_for_a_name_only() {
        let mode = |query: &str| parse(&format!("postgresql://h/ml?{query}")).unwrap().tls_mode();
        assert_eq!(mode("sslrootcert=system"), TlsMode::VerifyFull);
        assert_eq!(mode("sslrootcert=system&sslmode=require"), TlsMode::Require);
        assert_eq!((mode("sslrootcert=/x"), mode("")), (TlsMode::Prefer, TlsMode::Prefer));
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
