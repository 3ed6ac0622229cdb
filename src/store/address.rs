//! An address as somebody wrote it, and what of it may be shown. Whatever prints an address asks here: also one that
//! cannot be opened holds a password.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

/// What stands in place of what is hidden.
const HIDDEN: &str = "***";
/// Schemes that are followed by a host, however few slashes stand between.
const HOSTED: [&str; 3] = ["http", "https", "databricks"];
/// Parts of a query that say nothing secret.
const HARMLESS: [&str; 16] = [
    "cache",
    "charset",
    "connect_timeout",
    "driver",
    "host",
    "immutable",
    "mode",
    "port",
    "ssl_ca",
    "ssl_mode",
    "sslmode",
    "sslrootcert",
    "timeout",
    "unix_socket",
    "uri",
    "workspace",
];

/// A tracking URI. However it is printed, it shows no secret.
#[derive(Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// With its secrets: to connect to, and to hand on to another process.
    pub fn as_written(&self) -> &str {
        &self.0
    }

    /// Whether nothing is written there.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", shown(&self.0))
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&shown(&self.0))
    }
}

impl From<&str> for Address {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Address {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl FromStr for Address {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(text.into())
    }
}

impl PartialEq<&str> for Address {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

/// The address without user name, password, and whatever a query may hold. Where a mistake leaves open what is what,
/// rather too much is hidden than too little.
pub fn shown(address: &str) -> String {
    let address = address.trim();
    if is_path(address) {
        let is_written_as_uri = scheme(address).is_some();
        return if is_written_as_uri { without_values(address) } else { address.to_owned() };
    }
    // A password may hold anything, slashes and question marks too: all up to the last @ is taken for credentials.
    match address.rfind('@') {
        Some(at) => {
            without_values(&format!("{}{HIDDEN}@{}", &address[..kept_in_front(address)], &address[at + 1..]))
        }
        None => without_values(address),
    }
}

/// The scheme, as far as it is one: `user:password@host` has none.
fn scheme(address: &str) -> Option<&str> {
    let (scheme, rest) = address.split_once(':')?;
    let looks_right = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let is_known = HOSTED.iter().chain(&["sqlite", "file"]).any(|known| scheme.eq_ignore_ascii_case(known));
    (looks_right && (is_known || rest.starts_with("//"))).then_some(scheme)
}

/// Whether it names a file: what stands in it is part of a name, an @ too.
fn is_path(address: &str) -> bool {
    if address.starts_with("//") {
        return false;
    }
    if address.starts_with(['/', '.', '~']) {
        return true;
    }
    let Some(scheme) = scheme(address) else { return false };
    let is_local = scheme.to_ascii_lowercase().starts_with("sqlite") || scheme.eq_ignore_ascii_case("file");
    let rest = &address[scheme.len() + 1..];
    is_local && (!rest.starts_with("//") || rest.starts_with("///"))
}

/// How much of an address stands before the credentials: the scheme and its slashes.
fn kept_in_front(address: &str) -> usize {
    let scheme = scheme(address).map_or(0, |scheme| scheme.len() + 1);
    scheme + address[scheme..].bytes().take_while(|byte| *byte == b'/').count()
}

/// The address with the values in its query hidden. A page of MLflow behind a # stays.
fn without_values(address: &str) -> String {
    let Some(begin) = address.find(['?', '#']) else { return address.to_owned() };
    let mut text = address[..begin].to_owned();
    let mut is_hiding = false;
    let mut rest = &address[begin..];
    while let Some(separator) = rest.chars().next() {
        let end = rest[1..].find(['?', '&', ';', '#']).map_or(rest.len(), |at| at + 1);
        let part = &rest[1..end];
        text.push(separator);
        let is_page = separator == '#' && part.starts_with('/') && !part.contains('=') && !is_hiding;
        match part.split_once('=') {
            Some((key, _)) if HARMLESS.contains(&key) && !is_hiding => text.push_str(part),
            Some((key, _)) => {
                is_hiding = true;
                text.push_str(&format!("{key}={HIDDEN}"));
            }
            None if part.is_empty() || is_page => text.push_str(part),
            None => {
                is_hiding = true;
                text.push_str(HIDDEN);
            }
        }
        rest = &rest[end..];
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn credentials_are_hidden_however_an_address_is_written() {
        for (address, wanted) in [
            ("https://ana:pw@host:5000/p", "https://***@host:5000/p"),
            ("HTTPS://ana:pw@host", "HTTPS://***@host"),
            ("ana:pw@host:5000", "***@host:5000"),
            ("//ana:pw@host", "//***@host"),
            ("http:/ana:pw@host", "http:/***@host"),
            ("http:ana:pw@host", "http:***@host"),
            ("http:///ana:pw@host", "http:///***@host"),
            ("http://ana:p/w@host", "http://***@host"),
            ("http://ana:p?w#@@host/x", "http://***@host/x"),
            ("http://ghp_token@host", "http://***@host"),
            (
                "postgresql+psycopg2://u:pw@h/db?sslmode=require",
                "postgresql+psycopg2://***@h/db?sslmode=require",
            ),
            ("sqlite+pysqlcipher://:pw@/x.db", "sqlite+pysqlcipher://***@/x.db"),
            ("databricks://pw@profile", "databricks://***@profile"),
            ("http://h:5000/?token=pw", "http://h:5000/?token=***"),
            ("http://h/?mode=ro&api_key=a=b&c#pw", "http://h/?mode=ro&api_key=***&***#***"),
            ("h:5000?password=pw&user=x", "h:5000?password=***&user=***"),
            ("http://h#access_token=pw", "http://h#access_token=***"),
            ("sqlite:///x.db?key=pw", "sqlite:///x.db?key=***"),
        ] {
            assert_eq!(shown(address), wanted);
        }
    }

    #[test]
    fn what_is_no_secret_is_left_alone() {
        for address in [
            "sqlite:////home/at@home/x.db",
            "SQLITE:///at@home/x.db",
            "sqlite:///file:x.db?mode=ro&uri=true",
            "/home/at@home/mlruns",
            "./a@b:c.db",
            "file:///home/at@home/mlruns",
            "http://localhost:5000/#/experiments/1/runs/abc",
            "localhost:5000",
            "mlruns",
            "databricks",
            "",
        ] {
            assert_eq!(shown(address), address);
        }
    }

    proptest! {
        #[test]
        fn no_form_shows_a_password(
            front in "(http|HTTP|https|postgresql|mysql\\+pymysql|mssql|databricks|ftp)?:?/{0,4}",
            user in "[a-z]{0,5}",
            password in "[a-z0-9/?#&=:;@.%~-]{0,6}SECRET[a-z0-9/?#&=:;@.%~-]{0,6}",
            host in "[a-z]{1,8}(:[0-9]{1,5})?(/[a-z]{0,5})?",
        ) {
            // A front of nothing but slashes or of nothing can be a path's.
            prop_assume!(front != "/" && front != "///" && front != "////");
            let shown = shown(&format!("{front}{user}:{password}@{host}"));
            prop_assert!(!shown.contains("SECRET"), "{}", shown);
        }

        #[test]
        fn no_query_shows_a_value(
            front in "(http://h:5000/?|h:5000|//h|sqlite:///x.db|postgresql://h/db)",
            key in "[a-z_]{1,12}",
            value in "[a-z0-9/?#&=:;.%~-]{0,6}SECRET[a-z0-9/?#&=:;.%~-]{0,6}",
        ) {
            prop_assume!(!HARMLESS.contains(&key.as_str()));
            // What stands before another = is a key.
            prop_assume!(!value.split(['?', '&', ';', '#']).any(|part| part.contains("SECRET") && part.contains('=')));
            let shown = shown(&format!("{front}?{key}={value}"));
            prop_assert!(!shown.contains("SECRET"), "{}", shown);
        }
    }
}
