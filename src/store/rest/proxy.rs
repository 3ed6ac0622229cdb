//! The proxy between this program and a server, where the environment names one: errors and `doctor` tell of it.

use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;

use crate::store::address::shown;

/// A proxy that requests go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Without credentials.
    pub address: String,
    /// The variable that names it.
    pub variable: &'static str,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.address, self.variable)
    }
}

/// The proxy for a server's address, by the same rules that requests go by.
pub fn of(address: &str) -> Option<Proxy> {
    let through = Matcher::from_env().intercept(&address.parse().ok()?)?;
    let variables: [&str; 4] = if address.starts_with("https") {
        ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    } else {
        ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]
    };
    let is_set = |name: &&&str| std::env::var_os(**name).is_some_and(|value| !value.is_empty());
    let variable = variables.iter().find(is_set).copied().unwrap_or("the system's settings");
    Some(Proxy { address: shown(through.uri().to_string().trim_end_matches('/')), variable })
}
