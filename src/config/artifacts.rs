//! The server that keeps the files of a database.

use super::ConfigError;
use super::access::of_environment;
use super::environment::Environment;
use super::raw::{ProfileAuth, RawProfile};
use crate::store::uri::{self, Auth, Location, RestOptions};
use crate::store::{ErrorKind, StoreError};

/// The variable that says the same as `artifacts_server` in a profile.
pub const VARIABLE: &str = "MLTUI_ARTIFACTS_SERVER";

/// Notes in the options which server keeps what a database has at `mlflow-artifacts:`, and who one is there; the location with
/// files of new experiments there.
///
/// # Errors
/// In the first place where credentials cannot be read, in the second where the address is no server's, or there is no need of it.
pub fn with_artifacts_server(
    location: Result<Location, StoreError>,
    rest: &mut RestOptions,
    profile: Option<&RawProfile>,
    environment: &Environment,
) -> Result<Result<Location, StoreError>, ConfigError> {
    let Ok(known) = location else { return Ok(location) };
    let of_profile = profile.and_then(|profile| profile.artifacts_server.as_ref());
    // A variable that is left over sends nobody's files and tokens elsewhere.
    let (name, written) = match (of_profile, environment.get(VARIABLE).filter(|_| known.is_database())) {
        (Some(written), _) => ("artifacts_server", written.as_written()),
        (None, Some(written)) => (VARIABLE, written),
        (None, None) => return Ok(Ok(known)),
    };
    let is_of_profile = of_profile.is_some();
    let refused = |words: &str| {
        let kind = ErrorKind::Address(words.to_owned());
        Ok(Err(StoreError::new(format!("use {name} {:?}", crate::store::address::shown(written)), kind)))
    };
    if !known.is_database() {
        return refused(
            "it is for a database, whose files a server of MLflow's keeps; a server keeps its own",
        );
    }
    let Ok(Location::Server(url)) = uri::parse(written, &environment.folder) else {
        return refused("it is the address of an MLflow server, such as http://localhost:5000");
    };
    let asks = profile.is_some_and(|profile| profile.auth == ProfileAuth::Environment);
    rest.artifacts_auth = match (Auth::in_address(&url), &rest.auth) {
        (Some(auth), _) => auth,
        // A database has users and passwords, and no tokens.
        (None, token @ Auth::Bearer(_))
            if is_of_profile && profile.is_some_and(|profile| profile.token_env.is_some()) =>
        {
            token.clone()
        }
        // From the same environment, where no profile says anything.
        (None, known) if profile.is_none() => known.clone(),
        (None, _) if asks => of_environment(environment)?,
        (None, _) => Auth::None,
    };
    rest.artifacts_server = Some(url);
    Ok(Ok(known.with_artifacts_server()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::RawConfig;

    fn asked(address: &str, lines: &str, variables: &[(&str, &str)]) -> Result<(String, Auth), String> {
        let text = format!("[profiles.p]\ntracking_uri = \"{address}\"\n{lines}");
        let raw = RawConfig::parse(&text, Path::new("c.toml")).unwrap();
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let environment = Environment { variables: variables.collect(), ..Environment::default() };
        let token = Auth::Bearer("t0ken".into());
        let mut rest = RestOptions { auth: token, ..RestOptions::default() };
        let (location, profile) = (uri::parse(address, Path::new("/")), raw.profiles.get("p"));
        let location = with_artifacts_server(location, &mut rest, profile, &environment).unwrap();
        location.map_err(|error| error.to_string())?;
        Ok((rest.artifacts_server.map_or(String::new(), |url| uri::address(&url)), rest.artifacts_auth))
    }

    #[test]
    fn a_database_has_files_at_a_server_that_gets_no_password_of_the_database() {
        const SERVER: &str = "artifacts_server = \"http://ml:5000\"\n";
        let (server, none) = ("http://ml:5000".to_owned(), Auth::None);
        for database in ["postgresql://ana:pw@db/ml", "mysql://ana:pw@db/ml", "sqlite:////data/x.db"] {
            assert_eq!(asked(database, SERVER, &[]), Ok((server.clone(), none.clone())));
            assert_eq!(asked(database, "", &[]), Ok((String::new(), none.clone())));
            let variable = [("MLTUI_ARTIFACTS_SERVER", "http://other:1")];
            assert_eq!(asked(database, SERVER, &variable).unwrap().0, server);
            let other = ("http://other:1".to_owned(), none.clone());
            assert_eq!(asked(database, "token_env = \"T\"", &variable), Ok(other), "no token goes there");
        }
        let with = |lines: &str, variables: &[(&str, &str)]| {
            asked("postgresql://db/ml", &format!("{SERVER}{lines}"), variables).unwrap().1
        };
        let own = [("MLFLOW_TRACKING_USERNAME", "bob"), ("MLFLOW_TRACKING_PASSWORD", "secret")];
        assert_eq!(with("token_env = \"T\"", &own), Auth::Bearer("t0ken".into()));
        assert_eq!(with("", &own), Auth::None);
        assert_eq!(with("username_env = \"U\"\npassword_env = \"P\"", &own), Auth::None);
        let bob = Auth::Basic { user: "bob".into(), password: "secret".into() };
        assert_eq!(with("auth = \"environment\"", &own), bob);
        let refused = asked("http://ml:5000", SERVER, &[]).unwrap_err();
        assert!(refused.contains("a server keeps its own"), "{refused}");
        let odd = "artifacts_server = \"s3://ana:secret@bucket/x\"";
        let refused = asked("postgresql://db/ml", odd, &[]).unwrap_err();
        assert!(refused.contains("address of an MLflow server") && !refused.contains("secret"), "{refused}");
    }
}
