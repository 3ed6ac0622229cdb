//! `gs://`: the credentials that Google's tools leave, a service account, the machine's own, or an emulator.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder};
use serde_json::Value;

use super::address::Bucket;
use super::environment::Environment;
use super::given::{self, ForGoogle, Given};
use super::place::{Place, Who};
use super::told::Told;
use super::transport::Connector;
use crate::disk;
use crate::store::reasons::innermost;
use crate::store::{ErrorKind, Inner};

/// A file of credentials is not larger.
const MOST: u64 = 1 << 20;
const SIGN_IN: &str = "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to the file of a service account";

/// The file of credentials, and what set it; nothing where the machine's own are used.
fn file(environment: &Environment) -> Option<(PathBuf, &'static str)> {
    if let Some(path) = environment.get("GOOGLE_APPLICATION_CREDENTIALS") {
        return Some((environment.at_home(path), "GOOGLE_APPLICATION_CREDENTIALS"));
    }
    let folder = environment.file("CLOUDSDK_CONFIG", ".config/gcloud")?;
    let usual = folder.join("application_default_credentials.json");
    usual.is_file().then_some((usual, "gcloud's default credentials"))
}

/// What a file of credentials is, as far as it is one that can be used.
fn checked(path: &Path, name: &str) -> Inner<String> {
    let wrong = |why: String| ErrorKind::ObjectStore(format!("{name}: {why}"), SIGN_IN);
    let bytes = disk::read(path, MOST).map_err(|error| wrong(error.to_string()))?;
    let parsed: Value =
        serde_json::from_slice(&bytes).map_err(|_| wrong(format!("{} is no JSON", path.display())))?;
    match parsed["type"].as_str() {
        Some("service_account") => {
            Ok(parsed["client_email"].as_str().unwrap_or("a service account").to_owned())
        }
        Some("authorized_user") => Ok("the user of gcloud".to_owned()),
        kind => Err(wrong(format!(
            "{} holds credentials of the type {:?}, which is not supported",
            path.display(),
            kind.unwrap_or_default()
        ))),
    }
}

/// By credentials that were handed out, or those of the environment.
pub fn open(
    bucket: &Bucket,
    environment: &Environment,
    given: Option<&Arc<Given>>,
) -> Inner<(GoogleCloudStorage, Place)> {
    let ways = environment.ways();
    let connector = Connector::new(&ways)?;
    let failed = |error: object_store::Error| ErrorKind::ObjectStore(innermost(&error), SIGN_IN);
    let builder = || {
        GoogleCloudStorageBuilder::new()
            .with_bucket_name(&bucket.name)
            .with_retry(super::retries())
            .with_http_connector(connector.clone())
    };
    let place = |endpoint: String, who: &str| Place {
        bucket: bucket.clone(),
        endpoint,
        region: None,
        who: Who::new(who),
        is_given: given.is_some(),
        patience: ways.patience.as_secs(),
    };
    if let Some(host) = environment.get("STORAGE_EMULATOR_HOST") {
        let url = if host.contains("://") { host.to_owned() } else { format!("http://{host}") };
        let url = url.trim_end_matches('/');
        if let Some(given) = given {
            let told = Arc::new(ForGoogle(Arc::clone(given)));
            let built = builder().with_base_url(url).with_credentials(told).build().map_err(failed)?;
            return Ok((built, place(format!("{url} (STORAGE_EMULATOR_HOST)"), given::WHO)));
        }
        let emulated =
            builder().with_base_url(url).with_skip_signature(true).with_credentials(Told::nobody()).build();
        let place = place(format!("{url} (STORAGE_EMULATOR_HOST)"), "nobody's credentials");
        return Ok((emulated.map_err(failed)?, place));
    }
    let public = "https://storage.googleapis.com".to_owned();
    if let Some(given) = given {
        let told = Arc::new(ForGoogle(Arc::clone(given)));
        let built = builder().with_credentials(told).build().map_err(failed)?;
        return Ok((built, place(public, given::WHO)));
    }
    let found = file(environment);
    let who = match &found {
        Some((path, name)) => checked(path, name)?,
        None => "the machine's own credentials".to_owned(),
    };
    let mut with_credentials = builder();
    if let Some((path, _)) = &found {
        with_credentials = with_credentials.with_application_credentials(path.display().to_string());
    }
    let credentials = Arc::clone(with_credentials.build().map_err(failed)?.credentials());
    let words = match found {
        Some((path, _)) => format!("{} gives no access", path.display()),
        None => "no Google credentials are found: looked at GOOGLE_APPLICATION_CREDENTIALS, gcloud's default credentials, and \
                 the metadata service of the machine"
            .to_owned(),
    };
    let told = Told::new(credentials, words, SIGN_IN);
    let built = builder().with_credentials(Arc::new(told)).build().map_err(failed)?;
    Ok((built, place(public, &who)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::address::parse;
    use super::*;

    #[test]
    fn credentials_are_those_that_googles_tools_leave() {
        let home = tempfile::tempdir().unwrap();
        let open = |variables: &[(&str, &str)]| {
            open(&parse("gs://models/x").unwrap().0, &Environment::of(variables, Some(home.path())), None)
        };
        let (_, place) = open(&[("STORAGE_EMULATOR_HOST", "localhost:4443")]).unwrap();
        assert_eq!(place.server(), "http://localhost:4443 (STORAGE_EMULATOR_HOST)");
        let gcloud = home.path().join(".config/gcloud");
        fs::create_dir_all(&gcloud).unwrap();
        let user =
            r#"{"type": "authorized_user", "client_id": "a", "client_secret": "b", "refresh_token": "c"}"#;
        fs::write(gcloud.join("application_default_credentials.json"), user).unwrap();
        assert_eq!(open(&[]).unwrap().1.who(), "the user of gcloud");
        let other = home.path().join("other.json");
        fs::write(&other, r#"{"type": "external_account"}"#).unwrap();
        for (path, word) in
            [(other.to_str().unwrap(), "external_account"), ("/no/such/file", "/no/such/file")]
        {
            let refused = open(&[("GOOGLE_APPLICATION_CREDENTIALS", path)]).unwrap_err().to_string();
            assert!(
                refused.contains(word) && refused.contains("GOOGLE_APPLICATION_CREDENTIALS"),
                "{refused}"
            );
        }
    }
}
