//! An address as others need it: programs of Python's, and whoever looks for what is wrong.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::address::PgDatabase;
use super::tls_mode::TlsMode;
use crate::store::tunnel::{End, Tunnel};

/// Drivers that know no `hostaddr`.
const WITHOUT_ADDRESS: [&str; 2] = ["+pg8000", "+asyncpg"];

impl PgDatabase {
    /// The address for a program of Python's, which finds the password in `PGPASSWORD`.
    pub fn for_scripts(&self) -> String {
        // Where there is no way through the other machine, the address is as good as it can be.
        let ends = self.tunnel.as_ref().and_then(Tunnel::for_scripts);
        let knows_addresses = !WITHOUT_ADDRESS.iter().any(|driver| self.scheme.ends_with(driver));
        self.written(&ends.map_or(Vec::new(), |ends| ends.targets), knows_addresses, self.options.clone())
    }

    /// The address for whoever opens the same in the same way, who knows the password.
    pub fn without_password(&self) -> String {
        let options = self.search_path().map(|schemas| format!("-csearch_path={schemas}"));
        self.written(&[], true, options)
    }

    fn written(&self, ends: &[End], knows_addresses: bool, options: Option<String>) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let scheme = if self.scheme == "postgres" { "postgresql" } else { &self.scheme };
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let mut places = self.places();
        let mut addresses = Vec::new();
        for (at, (host, port)) in places.iter_mut().enumerate() {
            let address = match ends.get(at) {
                Some(End::Socket(path)) => {
                    *host = path.parent().unwrap_or(Path::new("/")).to_string_lossy().into_owned();
                    None
                }
                Some(End::Port(end)) => {
                    *port = *end;
                    Some(Ipv4Addr::LOCALHOST.into())
                }
                None => self.addresses.get(at).copied(),
            };
            match address.map(|address: IpAddr| address.to_string()) {
                Some(address) if knows_addresses => addresses.push(address),
                Some(address) => *host = address,
                None => {}
            }
        }
        let place = match places.as_slice() {
            [(host, port)] if !host.starts_with('/') => {
                if host.contains(':') {
                    format!("[{host}]:{port}")
                } else {
                    format!("{host}:{port}")
                }
            }
            [(folder, port)] => {
                query.append_pair("host", folder).append_pair("port", &port.to_string());
                String::new()
            }
            several => {
                for (host, port) in several {
                    query.append_pair("host", &format!("{host}:{port}"));
                }
                String::new()
            }
        };
        let file = |path: &Option<PathBuf>| {
            let path = path.as_deref()?;
            let whole = std::path::absolute(path).ok().filter(|_| path != Path::new("system"));
            Some(whole.as_deref().unwrap_or(path).to_string_lossy().into_owned())
        };
        for (key, value) in [
            // The host is then the name of its certificate.
            ("hostaddr", Some(addresses.join(",")).filter(|addresses| !addresses.is_empty())),
            ("sslmode", self.tls.map(|mode| mode.as_str().to_owned())),
            ("sslrootcert", file(&self.root_certificate)),
            ("sslcert", file(&self.certificate)),
            ("sslkey", file(&self.key)),
            ("options", options),
            ("target_session_attrs", self.wants_writable.unwrap_or(false).then(|| "read-write".to_owned())),
        ] {
            if let Some(value) = value {
                query.append_pair(key, &value);
            }
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{scheme}://{}@{place}/{}{mark}{query}", encoded(&self.user()), self.database())
    }

    /// How a server is reached, in words: who connects, and how that is protected.
    pub fn ways(&self) -> [(&'static str, String); 3] {
        let password = match self.password {
            Some(_) => format!("a password from {}", self.password_from),
            None => "no password (PGPASSWORD or ~/.pgpass can hold it)".to_owned(),
        };
        let is_local = self.is_local();
        let mode = self.tls_mode();
        let trusted = self.root_certificate.as_deref().map(|path| path.display());
        let tls = match mode {
            _ if is_local && self.tunnel.is_some() => "none: only ssh comes to the socket".to_owned(),
            _ if is_local => "none: the server is on this machine".to_owned(),
            TlsMode::Disable => "none: the connection is not encrypted (sslmode=disable)".to_owned(),
            TlsMode::Prefer => {
                "where the server offers it; it is not verified (sslmode=prefer; verify-full is safer)"
                    .to_owned()
            }
            _ => match trusted {
                Some(trusted) => format!("sslmode={}, trusting {trusted}", mode.as_str()),
                None => format!("required; the server is not verified (sslmode={})", mode.as_str()),
            },
        };
        [
            ("server", self.server()),
            ("credentials", format!("user {} and {password}", self.user())),
            ("TLS", tls),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_told_all_but_the_password() {
        for (text, wanted) in [
            ("postgresql+psycopg2://an%40a:pw@h:1/ml", "postgresql+psycopg2://an%40a@h:1/ml"),
            ("postgres://ana:pw@h/ml?sslmode=require", "postgresql://ana@h:5432/ml?sslmode=require"),
            ("postgresql://ana:pw@/ml?host=/run/pg", "postgresql://ana@/ml?host=%2Frun%2Fpg&port=5432"),
            ("postgresql://ana:pw@/ml?host=a:1&host=b:2", "postgresql://ana@/ml?host=a%3A1&host=b%3A2"),
            (
                "postgresql://ana:pw@[::1]/ml?sslrootcert=/x",
                "postgresql://ana@[::1]:5432/ml?sslrootcert=%2Fx",
            ),
            (
                "postgresql://ana:pw@db/ml?hostaddr=127.0.0.1&port=7",
                "postgresql://ana@db:7/ml?hostaddr=127.0.0.1",
            ),
            (
                "postgresql+pg8000://ana:pw@db/ml?hostaddr=10.0.0.5",
                "postgresql+pg8000://ana@10.0.0.5:5432/ml",
            ),
        ] {
            let (scheme, rest) = text.split_once(':').unwrap();
            let known = PgDatabase::parse(scheme, rest, Path::new("/home/ana")).unwrap();
            assert_eq!(known.for_scripts(), wanted);
        }
    }

    #[test]
    fn who_does_the_same_again_connects_as_the_same_user_and_as_safely() {
        let text = "postgresql://ana:s3cret@db/ml?sslmode=verify-full&sslrootcert=system&hostaddr=10.0.0.5\
                    &options=-csearch_path%3Dteam%20-cx%3Ds3cret";
        let parse = |text: &str| {
            let (scheme, rest) = text.split_once(':').unwrap();
            PgDatabase::parse(scheme, rest, Path::new("/home/ana")).unwrap()
        };
        let (known, again) = (parse(text), parse(&parse(text).without_password()));
        assert!(!known.without_password().contains("s3cret"), "{}", known.without_password());
        assert_eq!(
            (again.user(), again.password(), again.tls_mode()),
            ("ana".into(), None, TlsMode::VerifyFull)
        );
        assert_eq!((again.to_string(), &again.addresses), (known.to_string(), &known.addresses));
        assert_eq!(again.root_certificate, known.root_certificate);
    }
}
