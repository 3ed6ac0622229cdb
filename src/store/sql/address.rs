//! The address of a database server, taken apart as SQLAlchemy does it for MLflow.

use percent_encoding::percent_decode_str;

/// The parts of `user:password@host:port/database?key=value`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Parts {
    pub user: Option<String>,
    pub password: Option<String>,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub database: Option<String>,
    pub query: Vec<(String, String)>,
}

impl Parts {
    /// From what stands behind `scheme://`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words that tell no secret.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (user, password, rest) = credentials(text);
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (place, database) =
            rest.split_once('/').map_or((rest, None), |(place, name)| (place, Some(name)));
        let (host, port) = match place.strip_prefix('[') {
            Some(inner) => {
                let (host, rest) = inner.split_once(']').ok_or("the IPv6 address lacks its ]")?;
                let port = match rest.strip_prefix(':') {
                    None if rest.is_empty() => "",
                    Some(port) => port,
                    None => return Err("only :PORT can follow the ] of an IPv6 address".into()),
                };
                (host, port)
            }
            None => place.split_once(':').unwrap_or((place, "")),
        };
        // A password with a / or @ in it that is not encoded ends up here.
        let port = match port {
            "" => None,
            port => Some(port.parse().map_err(|_| {
                "the port is not a number from 1 to 65535; in a user name or password write %2F for /, %3A for : and %40 for @"
            })?),
        };
        if host.contains('@') {
            return Err("a user name or password with an @ in it is written with %40".into());
        }
        let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Ok(Self {
            user,
            password,
            host: filled(host),
            port,
            database: database.and_then(filled),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        })
    }
}

/// User, password, and what follows them. A password goes to the first @, a user without one to the last.
fn credentials(text: &str) -> (Option<String>, Option<String>, &str) {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let end = text.find([':', '/']).unwrap_or(text.len());
    if text[end..].starts_with(':')
        && let Some((password, rest)) = text[end + 1..].split_once('@')
    {
        let user = Some(decoded(&text[..end])).filter(|user| !user.is_empty());
        return (user, Some(decoded(password)).filter(|password| !password.is_empty()), rest);
    }
    match text[..end].rfind('@') {
        Some(at) => (Some(decoded(&text[..at])).filter(|user| !user.is_empty()), None, &text[at + 1..]),
        None => (None, None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> [String; 5] {
        let parts = Parts::parse(text).unwrap();
        let port = parts.port.map(|port| port.to_string());
        [parts.user, parts.password, parts.host, port, parts.database].map(Option::unwrap_or_default)
    }

    /// As SQLAlchemy's `make_url` answers.
    #[test]
    fn an_address_is_taken_apart_as_sqlalchemy_does_it() {
        for (text, wanted) in [
            ("ana:pw@host:5432/db", ["ana", "pw", "host", "5432", "db"]),
            ("ana:p%40w%2F%3A@host/db", ["ana", "p@w/:", "host", "", "db"]),
            ("ana:p/w:x@host/db", ["ana", "p/w:x", "host", "", "db"]),
            ("ana%40home:pw@host/db", ["ana@home", "pw", "host", "", "db"]),
            ("ana@home@host/db", ["ana@home", "", "host", "", "db"]),
            ("ana:@/db?host=/run", ["ana", "", "", "", "db"]),
            (":pw@host", ["", "pw", "host", "", ""]),
            ("host/db", ["", "", "host", "", "db"]),
            ("/db", ["", "", "", "", "db"]),
            ("", ["", "", "", "", ""]),
            ("ana:pw@[::1]:5433/db", ["ana", "pw", "::1", "5433", "db"]),
            ("[fe80::1]/db", ["", "", "fe80::1", "", "db"]),
            ("ana:a+b@host/d/b", ["ana", "a+b", "host", "", "d/b"]),
        ] {
            assert_eq!(parts(text), wanted, "{text}");
        }
        let query = Parts::parse("h/db?sslmode=require&options=-csearch_path%3Dx").unwrap().query;
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(query, [pair("sslmode", "require"), pair("options", "-csearch_path=x")]);
    }

    #[test]
    fn what_cannot_be_taken_apart_tells_no_secret() {
        for text in
            ["ana:secret", "ana:p@secret@host/db", "host:secret/db", "[::1", "[::1]5432/db", "h:99999/db"]
        {
            let words = Parts::parse(text).err().unwrap();
            assert!(!words.contains("secret"), "{words}");
        }
    }
}
