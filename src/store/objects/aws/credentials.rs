//! Where keys come from, in the order in which boto3 looks: the environment, the profile (keys, a role, a sign-in, a program),
//! a web identity, the container, the machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, AwsCredential, AwsCredentialProvider};
use object_store::{CredentialProvider, RetryConfig};
use tokio::sync::Mutex;

use super::super::environment::Environment;
use super::super::place::Who;
use super::super::transport::Connector;
use super::profiles::chosen;
use super::{Files, Keys, Profile, now, process, role, sso, wrong};
use crate::store::reasons::innermost;
use crate::store::{ErrorKind, Inner};

/// Seconds before their end at which keys are got anew.
const MARGIN: i64 = 300;
/// What has no end is looked at again after so long: files are written by other programs.
const LOOKED_AT: Duration = Duration::from_secs(300);
/// The machine's own service answers at once, or there is none.
const BESIDE: Duration = Duration::from_secs(5);
/// Profiles that lead to others.
const DEEPEST: usize = 8;

/// Finds keys, keeps them while they are good, and gets new ones.
#[derive(Debug)]
pub struct Chain {
    environment: Environment,
    connector: Connector,
    who: Who,
    known: Mutex<Option<Known>>,
}

#[derive(Debug)]
enum Known {
    Keys(Keys, Instant),
    /// It looks after them itself.
    Provider(AwsCredentialProvider),
}

/// What was found, and how it is called.
enum Found {
    Keys(Keys, String),
    Provider(AwsCredentialProvider, String),
}

#[async_trait]
impl CredentialProvider for Chain {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        self.get().await.map_err(|kind| object_store::Error::Generic { store: "S3", source: Box::new(kind) })
    }
}

impl Chain {
    pub fn new(environment: Environment, connector: Connector, who: Who) -> Self {
        Self { environment, connector, who, known: Mutex::new(None) }
    }

    async fn get(&self) -> Inner<Arc<AwsCredential>> {
        // Whoever comes meanwhile waits for the same.
        let mut known = self.known.lock().await;
        let is_good = |keys: &Keys, since: &Instant| match keys.until {
            Some(until) => now() < until - MARGIN,
            None => since.elapsed() < LOOKED_AT,
        };
        match &*known {
            Some(Known::Keys(keys, since)) if is_good(keys, since) => {
                return Ok(Arc::clone(&keys.credential));
            }
            Some(Known::Provider(provider)) => return asked(provider).await,
            _ => {}
        }
        let found = match (self.find().await, &*known) {
            (Ok(found), _) => found,
            // They are good for some minutes yet.
            (Err(error), Some(Known::Keys(keys, _))) if keys.until.is_some_and(|until| now() < until) => {
                tracing::debug!(%error, "no new keys");
                return Ok(Arc::clone(&keys.credential));
            }
            (Err(error), _) => return Err(error),
        };
        match found {
            Found::Keys(keys, name) => {
                self.who.set(&name);
                let credential = Arc::clone(&keys.credential);
                *known = Some(Known::Keys(keys, Instant::now()));
                Ok(credential)
            }
            Found::Provider(provider, name) => {
                self.who.set(&name);
                let credential = asked(&provider).await;
                *known = Some(Known::Provider(provider));
                credential
            }
        }
    }

    async fn find(&self) -> Inner<Found> {
        if let Some(keys) = self.in_variables()? {
            return Ok(Found::Keys(keys, "the keys of AWS_ACCESS_KEY_ID".into()));
        }
        let files = {
            let environment = self.environment.clone();
            let reading = tokio::task::spawn_blocking(move || Files::read(&environment)).await;
            reading.unwrap_or_else(|error| Err(ErrorKind::Io(error.to_string())))?
        };
        let (name, is_chosen) = chosen(&self.environment);
        let profile = files.profile(name);
        if is_chosen && profile.is_none() {
            let words = format!(
                "there is no profile {name:?} in {} or {}",
                files.config.display(),
                files.credentials.display()
            );
            return Err(wrong(words, "check AWS_PROFILE; `aws configure list-profiles` lists them"));
        }
        if let Some(profile) = profile
            && let Some(found) = self.of_profile(profile, name, &files).await?
        {
            return Ok(found);
        }
        if let (Some(token), Some(arn)) =
            (self.environment.get("AWS_WEB_IDENTITY_TOKEN_FILE"), self.environment.get("AWS_ROLE_ARN"))
        {
            let session = self.environment.get("AWS_ROLE_SESSION_NAME").map(str::to_owned);
            return self.by_web_identity(token, arn, session);
        }
        if let Some(found) = self.of_container()? {
            return Ok(found);
        }
        if !self.environment.is_true("AWS_EC2_METADATA_DISABLED")
            && let Some(found) = self.of_machine().await?
        {
            return Ok(found);
        }
        let words = format!(
            "no AWS credentials are found: looked at AWS_ACCESS_KEY_ID, the profile {name:?} in {} and {}, the roles of a \
             container and of the machine",
            files.config.display(),
            files.credentials.display()
        );
        Err(wrong(
            words,
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; `aws configure` writes a profile",
        ))
    }

    fn in_variables(&self) -> Inner<Option<Keys>> {
        let (id, secret) =
            (self.environment.get("AWS_ACCESS_KEY_ID"), self.environment.get("AWS_SECRET_ACCESS_KEY"));
        match (id, secret) {
            (Some(id), Some(secret)) => {
                let token = self.environment.first(&["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"]);
                Ok(Some(Keys::new(id, secret, token.map(|(_, token)| token), None)))
            }
            (Some(_), None) => {
                Err(wrong("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not", "set both, or none"))
            }
            (None, _) => Ok(None),
        }
    }

    /// What a profile gives; nothing where it holds no more than settings.
    async fn of_profile(&self, first: &Profile, name: &str, files: &Files) -> Inner<Option<Found>> {
        // From the one that is used to the one that has keys: each role is assumed with the keys of the next.
        let mut roles: Vec<(&Profile, String, String)> = Vec::new();
        let (mut profile, mut name) = (first, name.to_owned());
        let found = loop {
            let is_own_source = profile.get("source_profile").is_some_and(|source| source == name);
            match profile.get("role_arn") {
                Some(arn) if roles.len() < DEEPEST && !roles.iter().any(|(_, known, _)| *known == name) => {
                    if let Some(token) = profile.get("web_identity_token_file") {
                        let session = profile.get("role_session_name").map(str::to_owned);
                        break self.by_web_identity(token, arn, session)?;
                    }
                    roles.push((profile, name.clone(), arn.to_owned()));
                    match (profile.get("source_profile"), profile.get("credential_source")) {
                        (Some(_), _) if is_own_source => {
                            break self.direct(profile, &name, files).await?.ok_or_else(|| bare(&name))?;
                        }
                        (Some(source), _) => {
                            source.clone_into(&mut name);
                            profile = files.profile(source).ok_or_else(|| {
                                wrong(format!("there is no source_profile {source:?}"), "check ~/.aws/config")
                            })?;
                        }
                        (None, Some(source)) => break self.by_source(source, &name).await?,
                        (None, None) => {
                            return Err(wrong(
                                format!(
                                    "profile {name:?} has a role_arn, but neither source_profile nor credential_source"
                                ),
                                "add one of them to ~/.aws/config",
                            ));
                        }
                    }
                }
                Some(_) => {
                    return Err(wrong(
                        format!("the source_profile of {name:?} leads in a circle, or too far"),
                        "check ~/.aws/config",
                    ));
                }
                None => match self.direct(profile, &name, files).await? {
                    Some(found) => break found,
                    None if roles.is_empty() => return Ok(None),
                    None => return Err(bare(&name)),
                },
            }
        };
        let mut found = found;
        while let Some((profile, name, arn)) = roles.pop() {
            let by = match &found {
                Found::Keys(keys, _) => Arc::clone(&keys.credential),
                Found::Provider(provider, _) => asked(provider).await?,
            };
            let wire = self.connector.wire();
            let keys = role::assume(profile, &name, &arn, &by, &self.environment, wire).await?;
            found = Found::Keys(keys, format!("the role of profile {name:?}"));
        }
        Ok(Some(found))
    }

    /// The keys that a profile has itself.
    async fn direct(&self, profile: &Profile, name: &str, files: &Files) -> Inner<Option<Found>> {
        if sso::is_meant(profile) {
            let keys = sso::ask(profile, name, files, &self.environment, self.connector.wire()).await?;
            return Ok(Some(Found::Keys(keys, format!("the sign-in of profile {name:?}"))));
        }
        match (profile.get("aws_access_key_id"), profile.get("aws_secret_access_key")) {
            (Some(id), Some(secret)) => {
                let keys = Keys::new(id, secret, profile.get("aws_session_token"), None);
                return Ok(Some(Found::Keys(keys, format!("the keys of profile {name:?}"))));
            }
            (Some(_), None) => {
                return Err(wrong(
                    format!("profile {name:?} has an aws_access_key_id, but no aws_secret_access_key"),
                    "add it to ~/.aws/credentials",
                ));
            }
            (None, _) => {}
        }
        let Some(command) = profile.get("credential_process") else { return Ok(None) };
        let keys = process::ask(command, name).await?;
        Ok(Some(Found::Keys(keys, format!("the credential_process of profile {name:?}"))))
    }

    async fn by_source(&self, source: &str, name: &str) -> Inner<Found> {
        let found = match source {
            "Environment" => {
                self.in_variables()?.map(|keys| Found::Keys(keys, "the keys of AWS_ACCESS_KEY_ID".into()))
            }
            "EcsContainer" => self.of_container()?,
            "Ec2InstanceMetadata" => self.of_machine().await?,
            _ => None,
        };
        found.ok_or_else(|| {
            wrong(
                format!("profile {name:?}: its credential_source {source:?} gives no keys"),
                "check ~/.aws/config",
            )
        })
    }

    fn by_web_identity(&self, token: &str, arn: &str, session: Option<String>) -> Inner<Found> {
        let token = self.environment.at_home(token).display().to_string();
        let mut settings = vec![
            (AmazonS3ConfigKey::WebIdentityTokenFile, token),
            (AmazonS3ConfigKey::RoleArn, arn.to_owned()),
        ];
        settings.extend(session.map(|session| (AmazonS3ConfigKey::RoleSessionName, session)));
        let region = self.environment.first(&["AWS_DEFAULT_REGION", "AWS_REGION"]);
        settings.extend(region.map(|(_, region)| (AmazonS3ConfigKey::Region, region.to_owned())));
        let server = self.environment.get("AWS_ENDPOINT_URL_STS");
        settings.extend(server.map(|server| (AmazonS3ConfigKey::StsEndpoint, server.to_owned())));
        Ok(Found::Provider(self.provider(settings)?, format!("the web identity of {arn}")))
    }

    fn of_container(&self) -> Inner<Option<Found>> {
        let named = |key, name: &str| self.environment.get(name).map(|value| (key, value.to_owned()));
        let relative = named(
            AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        );
        let full =
            named(AmazonS3ConfigKey::ContainerCredentialsFullUri, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
        let token = named(
            AmazonS3ConfigKey::ContainerAuthorizationTokenFile,
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        );
        let settings: Vec<_> = match (relative, full, token) {
            (Some(relative), ..) => vec![relative],
            (None, Some(full), Some(token)) => vec![full, token],
            _ => return Ok(None),
        };
        Ok(Some(Found::Provider(self.provider(settings)?, "the role of the container".into())))
    }

    /// Asked once, to know whether there is such a thing.
    async fn of_machine(&self) -> Inner<Option<Found>> {
        let server = self.environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        let settings = server
            .map(|server| (AmazonS3ConfigKey::MetadataEndpoint, server.trim_end_matches('/').to_owned()));
        let provider = self.provider(settings.into_iter().collect())?;
        match tokio::time::timeout(BESIDE, provider.get_credential()).await {
            Ok(Ok(_)) => Ok(Some(Found::Provider(provider, "the role of the machine".into()))),
            Ok(Err(error)) => {
                tracing::debug!(%error, "the machine has no role");
                Ok(None)
            }
            Err(_) => Ok(None),
        }
    }

    /// One of the library's own, which depends on what is set.
    fn provider(&self, settings: Vec<(AmazonS3ConfigKey, String)>) -> Inner<AwsCredentialProvider> {
        let retries = RetryConfig { max_retries: 1, retry_timeout: BESIDE, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::new().with_bucket_name("none").with_retry(retries);
        builder = builder.with_http_connector(self.connector.clone());
        for (key, value) in settings {
            builder = builder.with_config(key, value);
        }
        let built =
            builder.build().map_err(|error| wrong(innermost(&error), "check the variables of AWS"))?;
        Ok(Arc::clone(built.credentials()))
    }
}

fn bare(name: &str) -> ErrorKind {
    wrong(
        format!("profile {name:?} has no keys"),
        "add them to ~/.aws/credentials; `aws configure` does that",
    )
}

/// What a provider of the library's gives; its failures are those of whoever gives the keys.
async fn asked(provider: &AwsCredentialProvider) -> Inner<Arc<AwsCredential>> {
    let credential = provider.get_credential().await.map_err(|error| {
        wrong(
            format!("no AWS credentials: {}", innermost(&error)),
            "check the role that the container or machine has, and the variables of AWS",
        )
    })?;
    crate::store::secrets::note(&credential.secret_key);
    if let Some(token) = &credential.token {
        crate::store::secrets::note(token);
    }
    Ok(credential)
}
