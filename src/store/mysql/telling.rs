//! An address as others need it: programs of Python's, who does the same again, and whoever looks for what is wrong.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::address::{MyDatabase, TlsUse};
use crate::store::tunnel::{End, Tunnel};

impl MyDatabase {
    /// The address for a program of Python's, whose drivers find a password nowhere else.
    pub fn for_scripts(&self) -> String {
        // Where there is no way through the other machine, the address is as good as it can be.
        let ends = self.tunnel.as_ref().and_then(Tunnel::for_scripts);
        let options = self.tls_options.iter().flat_map(|(key, value)| self.for_driver(key, value)).collect();
        self.written(ends.and_then(|ends| ends.targets.into_iter().next()), self.password(), options)
    }

    /// The address for whoever opens the same in the same way, who knows the password.
    pub fn without_password(&self) -> String {
        let options = self.tls_options.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        self.written(None, None, options.collect())
    }

    /// What a driver of Python's makes the same of: PyMySQL knows no `ssl_mode`.
    fn for_driver<'a>(&self, key: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
        if key != "ssl_mode" || !self.scheme.ends_with("+pymysql") {
            return vec![(key, value)];
        }
        match TlsUse::parse(value) {
            Ok(TlsUse::Disabled) => vec![("ssl_disabled", "true")],
            Ok(TlsUse::Required) if self.authority.is_none() => vec![("ssl_verify_cert", "false")],
            Ok(TlsUse::Verified) if self.authority.is_none() => {
                vec![("ssl_verify_cert", "true"), ("ssl_verify_identity", "true")]
            }
            // With an authority it verifies by itself.
            Ok(TlsUse::Preferred | TlsUse::Required | TlsUse::Verified) | Err(_) => Vec::new(),
        }
    }

    fn written(&self, end: Option<End>, password: Option<&str>, tls_options: Vec<(&str, &str)>) -> String {
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let place = match (end, self.socket()) {
            (Some(End::Port(port)), _) => format!("127.0.0.1:{port}"),
            (Some(End::Socket(socket)), _) | (None, Some(socket)) => {
                query.append_pair("unix_socket", &socket.to_string_lossy());
                String::new()
            }
            (None, None) => {
                let (host, port) = self.place();
                if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
            }
        };
        for (key, file) in
            [("ssl_ca", &self.authority), ("ssl_cert", &self.certificate), ("ssl_key", &self.key)]
        {
            if let Some(file) = file {
                let whole = std::path::absolute(file).unwrap_or_else(|_| file.clone());
                query.append_pair(key, &whole.to_string_lossy());
            }
        }
        for (key, value) in tls_options {
            query.append_pair(key, value);
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        let password = password.map(|password| format!(":{}", encoded(password))).unwrap_or_default();
        let user = encoded(&self.user());
        format!("{}://{user}{password}@{place}/{}{mark}{query}", self.scheme, self.database())
    }

    /// How a server is reached, in words: who connects, and how that is protected.
    pub fn ways(&self) -> [(&'static str, String); 3] {
        let password = match self.password {
            Some(_) => format!("a password from {}", self.password_from),
            None => "no password (~/.my.cnf or MYSQL_PWD can hold it)".to_owned(),
        };
        let tls = match self.tls_use() {
            TlsUse::Disabled if self.socket().is_some() && self.tunnel.is_some() => {
                "none: only ssh comes to the socket".to_owned()
            }
            TlsUse::Disabled if self.socket().is_some() => "none: the server is on this machine".to_owned(),
            TlsUse::Disabled => "none: the connection is not encrypted (ssl_mode=DISABLED)".to_owned(),
            TlsUse::Preferred => {
                "where the server offers it; it is not verified (ssl_ca=FILE is safer)".to_owned()
            }
            TlsUse::Required => format!("required; the server is not verified ({})", self.tls_words()),
            TlsUse::Verified => format!("verified ({})", self.tls_words()),
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
    use std::path::Path;

    use super::*;

    #[test]
    fn scripts_get_no_less_protection_than_the_address_has() {
        for (text, wanted) in [
            ("mysql://a@h/db?ssl_mode=REQUIRED", "mysql://a@h:3306/db?ssl_mode=REQUIRED"),
            ("mysql+pymysql://a@h/db?ssl_mode=REQUIRED", "mysql+pymysql://a@h:3306/db?ssl_verify_cert=false"),
            ("mysql+pymysql://a@h/db?ssl_mode=disabled", "mysql+pymysql://a@h:3306/db?ssl_disabled=true"),
            (
                "mysql+pymysql://a@h/db?ssl_mode=VERIFY_CA&ssl_ca=/c",
                "mysql+pymysql://a@h:3306/db?ssl_ca=%2Fc",
            ),
            (
                "mysql+pymysql://a@h/db?ssl_ca=/c&ssl_check_hostname=false",
                "mysql+pymysql://a@h:3306/db?ssl_ca=%2Fc&ssl_check_hostname=false",
            ),
        ] {
            let (scheme, rest) = text.split_once(':').unwrap();
            let known = MyDatabase::parse(scheme, rest, Path::new("/home/ana")).unwrap();
            assert_eq!(known.for_scripts(), wanted);
        }
    }
}
