//! Credentials of IAM Identity Center: `aws sso login` leaves a token, which is exchanged for keys.

use std::fmt::Write as _;
use std::path::PathBuf;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use object_store::client::HttpError;
use serde::Deserialize;

use super::super::environment::Environment;
use super::super::failure::{Refusal, cause};
use super::super::transport::Wire;
use super::{Files, Keys, Profile, now, seconds, wrong};
use crate::disk;
use crate::store::Inner;
use crate::store::reasons::innermost;
use crate::store::secrets::note;

/// A file with a token, and an answer with keys, are not larger.
const MOST: u64 = 1 << 20;
const SIGN_IN: &str = "run `aws sso login` (with --profile, if it is not the default)";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    access_token: String,
    expires_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    role_credentials: RoleCredentials,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RoleCredentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    /// In milliseconds.
    expiration: i64,
}

/// What a profile says of its sign-in.
#[derive(Debug, PartialEq, Eq)]
struct SignIn<'a> {
    /// By its name the token is found.
    name: &'a str,
    region: &'a str,
    account: &'a str,
    role: &'a str,
}

impl<'a> SignIn<'a> {
    fn of(profile: &'a Profile, name: &str, files: &'a Files) -> Inner<Self> {
        let missing = |what: &str| {
            wrong(
                format!("profile {name:?} has no {what}"),
                "add it to ~/.aws/config; `aws configure sso` does that",
            )
        };
        let need = |from: &'a Profile, what: &str| from.get(what).ok_or_else(|| missing(what));
        let (session, known_as) = match profile.get("sso_session") {
            Some(known_as) => (
                files.session(known_as).ok_or_else(|| missing(&format!("[sso-session {known_as}]")))?,
                known_as,
            ),
            None => (profile, need(profile, "sso_start_url")?),
        };
        Ok(Self {
            name: known_as,
            region: need(session, "sso_region")?,
            account: need(profile, "sso_account_id")?,
            role: need(profile, "sso_role_name")?,
        })
    }

    /// Where `aws sso login` puts the token.
    fn token(&self, environment: &Environment) -> Option<PathBuf> {
        let sum = digest(&SHA1_FOR_LEGACY_USE_ONLY, self.name.as_bytes());
        let mut name = String::new();
        for byte in sum.as_ref() {
            let _ = write!(name, "{byte:02x}");
        }
        Some(environment.home.as_ref()?.join(".aws/sso/cache").join(format!("{name}.json")))
    }
}

/// Exchanges the token of a profile.
pub async fn ask(
    profile: &Profile,
    name: &str,
    files: &Files,
    environment: &Environment,
    wire: &Wire,
) -> Inner<Keys> {
    let sign_in = SignIn::of(profile, name, files)?;
    let nobody = || wrong(format!("nobody is signed in for profile {name:?}"), SIGN_IN);
    let token =
        sign_in.token(environment).and_then(|path| disk::read(&path, MOST).ok()).ok_or_else(nobody)?;
    let token: Token = serde_json::from_slice(&token).map_err(|_| nobody())?;
    note(&token.access_token);
    let over = || wrong(format!("the sign-in of profile {name:?} has expired"), SIGN_IN);
    if seconds(&token.expires_at).is_none_or(|until| until <= now()) {
        return Err(over());
    }
    let usual = format!("https://portal.sso.{}.amazonaws.com", sign_in.region);
    let server = environment.get("AWS_ENDPOINT_URL_SSO").unwrap_or(&usual);
    let failed = |error: &HttpError| match cause::<Refusal>(error) {
        Some(refusal) if refusal.status == 401 => over(),
        _ => wrong(format!("no keys for profile {name:?} from {server}: {}", innermost(error)), SIGN_IN),
    };
    let request = wire
        .http
        .get(format!("{}/federation/credentials", server.trim_end_matches('/')))
        .query(&[("role_name", sign_in.role), ("account_id", sign_in.account)])
        .header("x-amz-sso_bearer_token", &token.access_token)
        .build()
        .map_err(|error| wrong(format!("profile {name:?}: {}", error.without_url()), SIGN_IN))?;
    let response = wire.ask(request).await.map_err(|error| failed(&error))?;
    let text = wire.text(response, MOST as usize).await.map_err(|error| failed(&error))?;
    let Answer { role_credentials: keys } = serde_json::from_str(&text)
        .map_err(|_| wrong(format!("{server} answers with no keys for profile {name:?}"), SIGN_IN))?;
    let until = Some(keys.expiration / 1_000);
    Ok(Keys::new(&keys.access_key_id, &keys.secret_access_key, Some(&keys.session_token), until))
}

/// Whether a profile signs in so.
pub fn is_meant(profile: &Profile) -> bool {
    profile.get("sso_session").is_some() || profile.get("sso_start_url").is_some()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_token_is_where_the_tools_put_it() {
        let profile = Profile::of(&[
            ("sso_start_url", "https://d-1.awsapps.com/start"),
            ("sso_region", "eu-west-1"),
            ("sso_account_id", "1"),
            ("sso_role_name", "ml"),
        ]);
        let files = Files::default();
        let sign_in = SignIn::of(&profile, "ml", &files).unwrap();
        let path = sign_in.token(&Environment::of(&[], Some(Path::new("/h")))).unwrap();
        assert_eq!(path.file_name().unwrap().to_str().unwrap(), SUM, "sha1sum says so");
        let less = Profile::of(&[("sso_session", "none")]);
        let refused = SignIn::of(&less, "ml", &files).unwrap_err();
        assert!(refused.to_string().contains("[sso-session none]"), "{refused}");
    }

    const SUM: &str = "0c54b6c27e90660baa89eaad85ac1d5dae26cb7d.json";
}
