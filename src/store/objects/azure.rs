//! `abfss://` and `wasbs://`: a connection string, an account's key, or whoever signed in, as MLflow's client has it.

use std::collections::HashMap;
use std::sync::Arc;

use object_store::azure::{AzureConfigKey, MicrosoftAzure, MicrosoftAzureBuilder};

use super::address::Bucket;
use super::environment::Environment;
use super::given::{self, ForAzure, Given};
use super::place::{Place, Who};
use super::told::Told;
use super::transport::Connector;
use crate::store::reasons::innermost;
use crate::store::secrets::note;
use crate::store::{ErrorKind, Inner};

const STRING: &str = "AZURE_STORAGE_CONNECTION_STRING";
const SIGN_IN: &str = "set AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCESS_KEY, or run `az login`";

/// How an account is asked.
#[derive(Debug, PartialEq, Eq)]
struct Account {
    name: String,
    endpoint: String,
    settings: Vec<(AzureConfigKey, String)>,
    who: &'static str,
}

impl Account {
    fn of(bucket: &Bucket, environment: &Environment) -> Inner<Self> {
        // What the client of data lakes is called is an object store as well, under its other name.
        let host = bucket.host.replacen(".dfs.", ".blob.", 1);
        let mut account = Self {
            name: bucket.account().to_owned(),
            endpoint: format!("https://{host}"),
            settings: Vec::new(),
            who: "the machine's own credentials",
        };
        if let Some(text) = environment.get(STRING) {
            account.connect(text)?;
            return Ok(account);
        }
        if let Some(key) = environment.get("AZURE_STORAGE_ACCESS_KEY") {
            note(key);
            account.settings.push((AzureConfigKey::AccessKey, key.to_owned()));
            account.who = "the key of AZURE_STORAGE_ACCESS_KEY";
            return Ok(account);
        }
        let named = |keys: &[(AzureConfigKey, &str)]| {
            keys.iter()
                .map(|(key, name)| Some((*key, environment.get(name)?.to_owned())))
                .collect::<Option<Vec<_>>>()
        };
        let tenant = (AzureConfigKey::AuthorityId, "AZURE_TENANT_ID");
        let client = (AzureConfigKey::ClientId, "AZURE_CLIENT_ID");
        if let Some(settings) =
            named(&[tenant, client, (AzureConfigKey::ClientSecret, "AZURE_CLIENT_SECRET")])
        {
            note(&settings[2].1);
            (account.settings, account.who) = (settings, "the client of AZURE_CLIENT_ID");
        } else if let Some(settings) =
            named(&[tenant, client, (AzureConfigKey::FederatedTokenFile, "AZURE_FEDERATED_TOKEN_FILE")])
        {
            (account.settings, account.who) = (settings, "the workload of AZURE_CLIENT_ID");
        } else if is_signed_in_by_tool(environment) {
            account.settings.push((AzureConfigKey::UseAzureCli, "true".to_owned()));
            account.who = "the sign-in of az";
        } else {
            account.settings.extend(named(&[client]).unwrap_or_default());
            account
                .settings
                .extend(named(&[(AzureConfigKey::MsiEndpoint, "IDENTITY_ENDPOINT")]).unwrap_or_default());
        }
        if let Some(host) = environment.get("AZURE_AUTHORITY_HOST") {
            account.settings.push((AzureConfigKey::AuthorityHost, host.to_owned()));
        }
        Ok(account)
    }

    /// By a connection string, which may also name a service elsewhere: a development storage for one.
    fn connect(&mut self, text: &str) -> Inner<()> {
        // It is all but secret: nothing of it is shown.
        let wrong = |why: &str| {
            ErrorKind::ObjectStore(format!("{STRING} {why}"), "copy it anew from the account's keys")
        };
        let parts: HashMap<String, &str> = text
            .split(';')
            .filter_map(|part| part.split_once('='))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim()))
            .collect();
        self.who = "the connection string of AZURE_STORAGE_CONNECTION_STRING";
        if parts.get("usedevelopmentstorage").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            self.settings.push((AzureConfigKey::UseEmulator, "true".to_owned()));
            "http://127.0.0.1:10000".clone_into(&mut self.endpoint);
            return Ok(());
        }
        if let Some(name) = parts.get("accountname") {
            (*name).clone_into(&mut self.name);
        }
        match (parts.get("accountkey"), parts.get("sharedaccesssignature")) {
            (Some(key), _) => {
                note(key);
                self.settings.push((AzureConfigKey::AccessKey, (*key).to_owned()));
            }
            (None, Some(signature)) => {
                let signature = signature.trim_start_matches('?');
                note(signature);
                if let Some((_, signed)) =
                    url::form_urlencoded::parse(signature.as_bytes()).find(|(name, _)| name == "sig")
                {
                    note(&signed);
                }
                self.settings.push((AzureConfigKey::SasKey, signature.to_owned()));
            }
            (None, None) => return Err(wrong("has neither AccountKey nor SharedAccessSignature")),
        }
        let protocol = parts.get("defaultendpointsprotocol").copied().unwrap_or("https");
        if let Some(endpoint) = parts.get("blobendpoint") {
            endpoint.trim_end_matches('/').clone_into(&mut self.endpoint);
        } else if let Some(suffix) = parts.get("endpointsuffix") {
            self.endpoint = format!("{protocol}://{}.blob.{suffix}", self.name);
        } else if parts.contains_key("accountname") {
            self.endpoint = format!("{protocol}://{}.blob.core.windows.net", self.name);
        }
        if url::Url::parse(&self.endpoint).is_err() {
            return Err(wrong("has a BlobEndpoint that is no address"));
        }
        Ok(())
    }
}

/// Whether `az` is there, and somebody signed in by it.
fn is_signed_in_by_tool(environment: &Environment) -> bool {
    let folder = environment.file("AZURE_CONFIG_DIR", ".azure");
    folder.is_some_and(|folder| folder.join("azureProfile.json").is_file())
}

pub fn open(bucket: &Bucket, environment: &Environment) -> Inner<(MicrosoftAzure, Place)> {
    let ways = environment.ways();
    let account = Account::of(bucket, environment)?;
    let connector = Connector::new(&ways)?;
    let failed = |error: object_store::Error| ErrorKind::ObjectStore(innermost(&error), SIGN_IN);
    let is_emulated = account.settings.iter().any(|(key, _)| *key == AzureConfigKey::UseEmulator);
    let builder = || {
        let mut builder = MicrosoftAzureBuilder::new()
            .with_container_name(&bucket.name)
            .with_retry(super::retries())
            .with_http_connector(connector.clone());
        if !is_emulated {
            builder = builder.with_account(&account.name).with_endpoint(account.endpoint.clone());
        }
        for (key, value) in &account.settings {
            builder = builder.with_config(*key, value);
        }
        builder
    };
    let place = Place {
        bucket: bucket.clone(),
        endpoint: account.endpoint.clone(),
        region: None,
        who: Who::new(account.who),
        is_given: false,
        patience: ways.patience.as_secs(),
    };
    let built = builder().build().map_err(failed)?;
    if is_emulated {
        return Ok((built, place));
    }
    let words = format!("{} give no access to the account {:?}", account.who, account.name);
    let told = Told::new(Arc::clone(built.credentials()), words, SIGN_IN);
    Ok((builder().with_credentials(Arc::new(told)).build().map_err(failed)?, place))
}

/// By a shared access signature that was handed out, at `endpoint`, or Azure's own.
pub fn open_given(
    bucket: &Bucket,
    environment: &Environment,
    given: &Arc<Given>,
    endpoint: Option<&str>,
) -> Inner<(MicrosoftAzure, Place)> {
    let ways = environment.ways();
    let own = || format!("https://{}", bucket.host.replacen(".dfs.", ".blob.", 1));
    let endpoint = endpoint.map_or_else(own, str::to_owned);
    let built = MicrosoftAzureBuilder::new()
        .with_container_name(&bucket.name)
        .with_retry(super::retries())
        .with_http_connector(Connector::new(&ways)?)
        .with_account(bucket.account())
        .with_endpoint(endpoint.clone())
        .with_allow_http(endpoint.starts_with("http://"))
        .with_credentials(Arc::new(ForAzure(Arc::clone(given))))
        .build()
        .map_err(|error| ErrorKind::ObjectStore(innermost(&error), SIGN_IN))?;
    let place = Place {
        bucket: bucket.clone(),
        endpoint,
        region: None,
        who: Who::new(given::WHO),
        is_given: true,
        patience: ways.patience.as_secs(),
    };
    Ok((built, place))
}

#[cfg(test)]
mod tests {
    use super::super::address::parse;
    use super::*;

    fn account(variables: &[(&str, &str)]) -> Inner<Account> {
        let bucket = parse("abfss://c@acc.dfs.core.windows.net/x").unwrap().0;
        Account::of(&bucket, &Environment::of(variables, None))
    }

    #[test]
    fn an_account_is_known_as_mlflow_knows_it() {
        let key = account(&[("AZURE_STORAGE_ACCESS_KEY", "a key of azure")]).unwrap();
        assert_eq!(key.endpoint, "https://acc.blob.core.windows.net");
        assert_eq!(key.settings, [(AzureConfigKey::AccessKey, "a key of azure".to_owned())]);
        let whole = "DefaultEndpointsProtocol=http;AccountName=own;AccountKey=bm9uZQ==;BlobEndpoint=http://127.0.0.1:1/own/";
        let text = account(&[(STRING, whole), ("AZURE_STORAGE_ACCESS_KEY", "other")]).unwrap();
        assert_eq!((text.name.as_str(), text.endpoint.as_str()), ("own", "http://127.0.0.1:1/own"));
        assert_eq!(text.settings, [(AzureConfigKey::AccessKey, "bm9uZQ==".to_owned())]);
        let signed = account(&[(
            STRING,
            "AccountName=own;SharedAccessSignature=sv=1&sig=abcdef;EndpointSuffix=core.chinacloudapi.cn",
        )])
        .unwrap();
        assert_eq!(signed.endpoint, "https://own.blob.core.chinacloudapi.cn");
        assert_eq!(signed.settings, [(AzureConfigKey::SasKey, "sv=1&sig=abcdef".to_owned())]);
        let client = [
            ("AZURE_TENANT_ID", "t"),
            ("AZURE_CLIENT_ID", "c"),
            ("AZURE_CLIENT_SECRET", "a secret of azure"),
        ];
        assert_eq!(account(&client).unwrap().who, "the client of AZURE_CLIENT_ID");
        assert_eq!(account(&client[..2]).unwrap().who, "the machine's own credentials");
        let refused = account(&[(STRING, "AccountName=own;AccountKay=hunter2")]).unwrap_err().to_string();
        assert!(refused.contains(STRING) && !refused.contains("hunter2"), "{refused}");
    }

    #[test]
    fn all_of_them_can_be_opened() {
        let bucket = parse("wasbs://c@acc.blob.core.windows.net/x").unwrap().0;
        for variables in
            [&[("AZURE_STORAGE_ACCESS_KEY", "bm9uZQ==")][..], &[(STRING, "UseDevelopmentStorage=true")], &[]]
        {
            open(&bucket, &Environment::of(variables, None)).unwrap();
        }
        let (_, place) = open(&bucket, &Environment::of(&[], None)).unwrap();
        assert_eq!(
            (place.called(), place.server().as_str()),
            ("container", "https://acc.blob.core.windows.net")
        );
    }
}
