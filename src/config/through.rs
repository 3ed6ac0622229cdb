//! The way to a profile's server that goes through another machine.

use super::raw::RawProfile;
use crate::store::tunnel::{Target, Tunnel};
use crate::store::uri::{Location, TlsUse, UriOrigin};
use crate::store::{ErrorKind, StoreError};

/// The tunnel that a profile asks for; its address is the one that is opened.
///
/// # Errors
/// Where there is nothing that a tunnel leads to, with what to do instead.
pub fn tunnel(
    location: Result<&Location, &StoreError>,
    origin: &UriOrigin,
    profile: Option<&RawProfile>,
) -> Result<Option<Tunnel>, StoreError> {
    let own = profile.filter(|_| matches!(origin, UriOrigin::Profile(_)));
    let Some((profile, host)) = own.and_then(|profile| Some((profile, profile.ssh_host.as_deref()?))) else {
        return Ok(None);
    };
    let refused = |words: String| {
        Err(StoreError::new(format!("open {} through ssh", profile.tracking_uri), ErrorKind::Address(words)))
    };
    // It would be read as an option.
    if host.is_empty() || host.starts_with('-') {
        return refused("ssh_host is the name of a machine, as ssh takes it".into());
    }
    let command = match profile.ssh_command.as_deref().map(shell_words::split) {
        None => vec!["ssh".to_owned()],
        Some(Ok(words)) if !words.is_empty() => words,
        Some(Ok(_)) => return refused("ssh_command is empty".into()),
        Some(Err(_)) => return refused("ssh_command: a quote is not closed".into()),
    };
    // What is wrong with the address is told anyhow.
    let Ok(location) = location else { return Ok(None) };
    match (location.targets(), location) {
        (Some(Err(words)), _) => refused(words),
        // Its driver looks for the name in the address that it connects to, which is this machine's.
        (Some(Ok(targets)), Location::MySql(database))
            if database.tls_use() == TlsUse::Verified && matches!(targets[..], [Target::Port(..)]) =>
        {
            refused(
                "the name in the certificate of a MySQL server cannot be verified through ssh, which encrypts by itself: write \
                 ssl_mode=REQUIRED, and leave ssl_ca out"
                    .into(),
            )
        }
        // There is no way to write it for ssh.
        (Some(Ok(targets)), _)
            if targets.iter().any(
                |target| matches!(target, Target::Socket(path) if path.to_string_lossy().contains("${")),
            ) =>
        {
            refused("ssh takes ${ in the path of a socket for a variable of its own: name a link to it instead".into())
        }
        (Some(Ok(targets)), _) => Ok(Some(Tunnel::new(host, command, targets))),
        (None, Location::Databricks(_)) => refused(
            "ssh_host is for servers that only another machine sees; Databricks is reached directly, or through the proxy that \
             HTTPS_PROXY names"
                .into(),
        ),
        (None, _) => refused(format!("a file on another machine is opened there: run `ssh -t {host} mltui`")),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::RawConfig;
    use crate::store::uri;

    fn asked(address: &str, ssh: &str) -> Result<Option<String>, String> {
        let text = format!("[profiles.far]\ntracking_uri = \"{address}\"\n{ssh}");
        let raw = RawConfig::parse(&text, Path::new("c.toml")).unwrap();
        let location = uri::parse(address, Path::new("/"));
        let origin = UriOrigin::Profile("far".into());
        let tunnel = tunnel(location.as_ref(), &origin, raw.profiles.get("far"));
        tunnel.map(|it| it.map(|it| it.host().to_owned())).map_err(|error| error.to_string())
    }

    #[test]
    fn servers_are_reached_through_another_machine_and_files_are_opened_there() {
        assert_eq!(asked("http://ml:5000", "ssh_host = \"login1\""), Ok(Some("login1".into())));
        assert_eq!(asked("http://ml:5000", ""), Ok(None));
        let refused = |address: &str, ssh: &str, words: &str| {
            let said = asked(address, ssh).unwrap_err();
            assert!(said.contains(words), "{said}");
        };
        refused("sqlite:////data/mlflow.db", "ssh_host = \"login1\"", "ssh -t login1 mltui");
        for address in ["postgresql://db/ml", "postgresql:///ml?host=/run/pg", "mysql://db/ml"] {
            assert_eq!(asked(address, "ssh_host = \"login1\""), Ok(Some("login1".into())), "{address}");
        }
        // What is found on this machine is not what the other one has.
        refused("postgresql:///ml", "ssh_host = \"login1\"", "host=/var/run/postgresql");
        refused("mysql:///ml", "ssh_host = \"login1\"", "unix_socket=");
        refused(
            "mysql:///ml?unix_socket=/run/${x}/my.sock",
            "ssh_host = \"login1\"",
            "a variable of its own",
        );
        refused("postgresql:///ml?host=a,/run/pg", "ssh_host = \"login1\"", "not to both");
        refused("mysql://db/ml?ssl_ca=/ca.pem", "ssh_host = \"login1\"", "ssl_mode=REQUIRED");
        refused("databricks", "ssh_host = \"login1\"", "HTTPS_PROXY");
        refused("http://ml:5000", "ssh_host = \"-oProxyCommand=x\"", "name of a machine");
        refused("http://ml:5000", "ssh_host = \"a\"\nssh_command = \"ssh 'x\"", "quote");
    }
}
