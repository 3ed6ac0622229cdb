//! The way to a profile's server that goes through another machine.

use super::raw::RawProfile;
use crate::store::tunnel::Tunnel;
use crate::store::uri::{Location, UriOrigin};
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
    match location {
        Ok(Location::Server(url)) => {
            let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
            let port = url.port_or_known_default().unwrap_or(80);
            Ok(Some(Tunnel::new(host, command, (name, port))))
        }
        Ok(Location::Sqlite(_) | Location::Folder(_)) => {
            refused(format!("a file on another machine is opened there: run `ssh -t {host} mltui`"))
        }
        Ok(Location::Databricks(_)) => refused(
            "ssh_host is for servers that only another machine sees; Databricks is reached directly, or through the proxy that \
             HTTPS_PROXY names"
                .into(),
        ),
        Ok(Location::Postgres(_) | Location::MySql(_)) => refused(format!(
            "ssh_host is for servers (http://, https://); run `ssh -t {host} mltui`, or forward the database's port with \
             `ssh -L` and name it in tracking_uri"
        )),
        // What is wrong with the address is told anyhow.
        Err(_) => Ok(None),
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
        refused("postgresql://db/mlflow", "ssh_host = \"login1\"", "ssh -L");
        refused("databricks", "ssh_host = \"login1\"", "HTTPS_PROXY");
        refused("http://ml:5000", "ssh_host = \"-oProxyCommand=x\"", "name of a machine");
        refused("http://ml:5000", "ssh_host = \"a\"\nssh_command = \"ssh 'x\"", "quote");
    }
}
