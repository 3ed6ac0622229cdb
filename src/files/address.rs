//! What an address means: `runs:/ID/path`, `models:/NAME/VERSION`, `models:/NAME@ALIAS`, `models:/m-ID`,
//! `mlflow-artifacts:/path`; MLflow's own rules.

use std::fmt;
use std::str::FromStr;

use super::error::{Result, TransferError};
use super::names;
use crate::mlflow::{ModelId, ModelVersion, RunId};
use crate::store::{ErrorKind, Files, FilesOf, Store, StoreError, if_there};
use crate::text;

/// Versions whose sources name other versions are followed so far.
const DEEPEST: usize = 8;

/// Files of a run or model, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `runs:/ID/path`
    Run(RunId, String),
    /// `models:/m-ID/path` (MLflow 3)
    Model(ModelId, String),
    /// `models:/NAME/VERSION/path`, where a version can also be `latest` or a stage.
    Version(String, String, String),
    /// `models:/NAME@ALIAS/path`
    Alias(String, String, String),
    /// `mlflow-artifacts:/path`
    Place(String),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = |path: &str| if path.is_empty() { String::new() } else { format!("/{path}") };
        match self {
            Self::Run(id, path) => write!(f, "runs:/{id}{}", below(path)),
            Self::Model(id, path) => write!(f, "models:/{id}{}", below(path)),
            Self::Version(name, version, path) => write!(f, "models:/{name}/{version}{}", below(path)),
            Self::Alias(name, alias, path) => write!(f, "models:/{name}@{alias}{}", below(path)),
            Self::Place(uri) => f.write_str(uri),
        }
    }
}

impl FromStr for Address {
    type Err = TransferError;

    fn from_str(text: &str) -> Result<Self> {
        let wrong =
            |why: &str| Err(TransferError::Address(format!("{text:?} is no address of files: {why}")));
        let text = text.trim();
        let Some((scheme, rest)) = text.split_once(':') else {
            return wrong("it begins with neither runs:/ nor models:/");
        };
        // `runs://profile@…` names another server, which is what --tracking-uri is for.
        if matches!(scheme, "runs" | "models") && rest.starts_with("//") {
            return wrong("the server is named by --tracking-uri");
        }
        let rest = rest.trim_start_matches('/').trim_end_matches('/');
        let (first, path) = rest.split_once('/').unwrap_or((rest, ""));
        let is_path =
            |path: &str| path.is_empty() || path.split('/').all(|part| !matches!(part, "" | "." | ".."));
        match scheme {
            "runs" | "models" if first.is_empty() => wrong("it names nothing"),
            "runs" | "models" if !is_path(path) => {
                wrong("its path has an empty part, or one that leads to a folder above")
            }
            "runs" => Ok(Self::Run(first.into(), path.to_owned())),
            "models" => match first.rsplit_once('@') {
                Some((name, alias)) if !name.is_empty() && !alias.is_empty() => {
                    Ok(Self::Alias(name.to_owned(), alias.to_owned(), path.to_owned()))
                }
                Some(_) => wrong("it has no name before the @, or no alias behind it"),
                None if is_model_id(first) => Ok(Self::Model(first.into(), path.to_owned())),
                None => {
                    let (version, path) = path.split_once('/').unwrap_or((path, ""));
                    if version.is_empty() {
                        return wrong(
                            "a model needs a version or an alias, as models:/NAME/3 or models:/NAME@champion",
                        );
                    }
                    Ok(Self::Version(first.to_owned(), version.to_owned(), path.to_owned()))
                }
            },
            "mlflow-artifacts" if !rest.is_empty() && is_path(rest) => {
                Ok(Self::Place(text.trim_end_matches('/').to_owned()))
            }
            _ => wrong("it begins with neither runs:/ nor models:/"),
        }
    }
}

impl Address {
    /// The name that its files get on this machine: their own, or one that is made of what holds them.
    pub fn name(&self) -> String {
        let (path, whole) = match self {
            Self::Run(id, path) => (path.as_str(), id.to_string()),
            Self::Model(id, path) => (path.as_str(), id.to_string()),
            Self::Version(name, version, path) => (path.as_str(), format!("{name}-{version}")),
            Self::Alias(name, alias, path) => (path.as_str(), format!("{name}-{alias}")),
            Self::Place(uri) => ("", uri.rsplit('/').next().unwrap_or_default().to_owned()),
        };
        match path.rsplit('/').next().unwrap_or_default() {
            "" => names::tame(&whole),
            // One that would do something to a terminal is no name to offer.
            own if text::clean(own) == own => own.to_owned(),
            own => names::tame(own),
        }
    }
}

/// `m-` and 32 hexadecimal digits: other names can begin so as well.
fn is_model_id(text: &str) -> bool {
    text.strip_prefix("m-")
        .is_some_and(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Where files are, and which of them are meant.
#[derive(Debug, Clone)]
pub struct Source {
    /// As it was asked for.
    pub address: Address,
    /// The registered model's version that it led through.
    pub version: Option<(String, u64)>,
    /// What holds them.
    pub of: FilesOf,
    /// All files there.
    pub files: Files,
    /// The path of the file or folder; empty for all of them.
    pub path: String,
}

impl Source {
    /// What it came to: the run or logged model that holds the files.
    pub fn holder(&self) -> String {
        match self.path.as_str() {
            "" => self.of.to_string(),
            path => format!("{}/{path}", self.of),
        }
    }

    /// The artifact address, as MLflow has it.
    pub fn uri(&self) -> String {
        self.files.named(&self.path)
    }
}

/// Finds the files of an address.
///
/// # Errors
/// If there is no such run, model or version, its files are not where this machine gets at them, or the store does not
/// answer.
pub async fn resolve(store: &Store, address: &Address) -> Result<Source> {
    let address = &numbered_whole(store, address).await?;
    let (mut at, mut below, mut version) = (address.clone(), String::new(), None);
    for _ in 0..DEEPEST {
        let (found, path) = match &at {
            Address::Alias(name, alias, path) => (aliased(store, name, alias).await?, path),
            Address::Version(name, number, path) => (numbered(store, name, number).await?, path),
            Address::Run(id, path) => {
                let (of, path) = of_run(store, id, joined(path, &below)).await;
                return source(store, address, version, of, path).await;
            }
            Address::Model(id, path) => {
                return source(store, address, version, FilesOf::Model(id.clone()), joined(path, &below))
                    .await;
            }
            Address::Place(uri) => {
                let (of, path) =
                    if version.is_some() { (FilesOf::Place(uri.clone()), below) } else { split(uri) };
                return source(store, address, version, of, path).await;
            }
        };
        below = joined(path, &below);
        at = numbered_whole(store, &origin(store, &found).await?).await?;
        version = version.or(Some((found.name, found.version)));
    }
    Err(TransferError::Nothing(format!("{address} is made from a version of a version, which leads too far")))
}

/// An address as it is meant: in `models:/a@b/3` the whole name may be a model's, whose version is named.
async fn numbered_whole(store: &Store, address: &Address) -> Result<Address> {
    let Address::Alias(name, alias, path) = address else { return Ok(address.clone()) };
    let (number, below) = path.split_once('/').unwrap_or((path, ""));
    let whole = format!("{name}@{alias}");
    let Ok(version) = number.parse::<u64>() else { return Ok(address.clone()) };
    Ok(match if_there(store.get_model_version(&whole, version).await)? {
        Some(_) => Address::Version(whole, number.to_owned(), below.to_owned()),
        None => address.clone(),
    })
}

async fn source(
    store: &Store,
    address: &Address,
    version: Option<(String, u64)>,
    of: FilesOf,
    path: String,
) -> Result<Source> {
    let files = store.files(&of).await?;
    Ok(Source { address: address.clone(), version, of, files, path })
}

/// The files of a run; where it has none of that name, those of the logged model of that name, as MLflow 3 has it.
async fn of_run(store: &Store, id: &RunId, path: String) -> (FilesOf, String) {
    let (name, rest) = path.split_once('/').unwrap_or((&path, ""));
    if !name.is_empty()
        && !is_in_run(store, id, name).await
        && let Some(model) = model_named(store, id, name).await
    {
        return (FilesOf::Model(model), rest.to_owned());
    }
    (FilesOf::Run(id.clone()), path)
}

async fn is_in_run(store: &Store, id: &RunId, name: &str) -> bool {
    let list = store.list_artifacts(id, "").await;
    list.is_ok_and(|list| list.is_cut || list.files.iter().any(|file| file.path == name))
}

/// The latest model of a run that is called so. That there is none, or no such thing, is found out where the run is asked.
async fn model_named(store: &Store, id: &RunId, name: &str) -> Option<ModelId> {
    let run = store.get_run(id).await.ok()?;
    let models = store.logged_models_of(&run.info.experiment_id, id).await.ok()?;
    let named = models.into_iter().filter(|model| model.name == name);
    named.max_by_key(|model| model.creation_time).map(|model| model.model_id)
}

/// A place and what is in it: the last part may be a file, which has no folder of its own.
fn split(uri: &str) -> (FilesOf, String) {
    let scheme = uri.find(':').map_or(0, |at| at + 1);
    match uri.rsplit_once('/') {
        Some((folder, name)) if folder.len() > scheme + 1 => {
            (FilesOf::Place(folder.to_owned()), name.to_owned())
        }
        _ => (FilesOf::Place(uri.to_owned()), String::new()),
    }
}

fn joined(path: &str, below: &str) -> String {
    match (path.is_empty(), below.is_empty()) {
        (true, _) => below.to_owned(),
        (_, true) => path.to_owned(),
        _ => format!("{path}/{below}"),
    }
}

/// What a version was made from.
async fn origin(store: &Store, version: &ModelVersion) -> Result<Address> {
    let source = version.source.trim_end_matches('/');
    if version.is_prompt() {
        return Err(TransferError::Nothing(format!("{:?} is a prompt, which has no files", version.name)));
    }
    if source.starts_with("runs:/") || source.starts_with("models:/") {
        return source.parse();
    }
    // What lies among the files of its run is reached as these are, whatever their address.
    if let Some(id) = &version.run_id
        && let Ok(run) = store.get_run(id).await
        && let Some(rest) = source.strip_prefix(run.info.artifact_uri.trim_end_matches('/'))
        && (rest.is_empty() || rest.starts_with('/'))
    {
        return Ok(Address::Run(id.clone(), rest.trim_start_matches('/').to_owned()));
    }
    if let Some(id) = &version.model_id {
        return Ok(Address::Model(id.clone(), String::new()));
    }
    if source.is_empty() {
        let words = format!("version {} of model {:?} names no source", version.version, version.name);
        return Err(TransferError::Nothing(words));
    }
    Ok(Address::Place(source.to_owned()))
}

fn absent(error: StoreError, words: String) -> TransferError {
    match error.kind {
        ErrorKind::NotFound(_) | ErrorKind::Invalid(_) => TransferError::Nothing(words),
        _ => error.into(),
    }
}

async fn aliased(store: &Store, name: &str, alias: &str) -> Result<ModelVersion> {
    let found = store.model_version_by_alias(name, alias).await;
    found.map_err(|error| {
        absent(error, format!("no version of model {name:?} has the alias {alias:?}; see `mltui models`"))
    })
}

async fn numbered(store: &Store, name: &str, version: &str) -> Result<ModelVersion> {
    if let Ok(number) = version.parse::<u64>() {
        let found = store.get_model_version(name, number).await;
        return found.map_err(|error| {
            absent(error, format!("no version {version} of model {name:?}; see `mltui models`"))
        });
    }
    let is_latest = version.eq_ignore_ascii_case("latest");
    let versions = store.model_versions(name).await?;
    let mut fitting =
        versions.into_iter().filter(|known| is_latest || known.current_stage.eq_ignore_ascii_case(version));
    fitting.next().ok_or_else(|| {
        TransferError::Nothing(format!(
            "model {name:?} has no version {version:?}, and none in such a stage; see `mltui models`"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_mlflows() {
        let id = "m-0123456789abcdef0123456789abcdef";
        for (text, shown) in [
            ("runs:/abc/model/MLmodel", "runs:/abc/model/MLmodel"),
            ("runs:/abc/", "runs:/abc"),
            ("models:/wine/3", "models:/wine/3"),
            ("models:/wine/latest/MLmodel", "models:/wine/latest/MLmodel"),
            ("models:/wine@champion", "models:/wine@champion"),
            ("models:/a@b@champion/x", "models:/a@b@champion/x"),
            ("mlflow-artifacts:/1/abc/artifacts", "mlflow-artifacts:/1/abc/artifacts"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), shown);
        }
        let parsed: Address = format!("models:/{id}/data").parse().unwrap();
        assert_eq!(parsed, Address::Model(id.into(), "data".into()));
        assert!(matches!("models:/m-1/2".parse().unwrap(), Address::Version(..)), "a name can begin so");
        for text in [
            "",
            "abc",
            "runs:/",
            "models:/wine",
            "models:/@a",
            "models:/wine@",
            "runs:/a/../b",
            "runs:/a//b",
            "s3://b/c",
            "runs://host/a",
            "file:///etc",
            "/etc/passwd",
            "mlflow-artifacts:/a/../../b",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_place_is_parted_before_its_last_name() {
        let parts = |uri: &str| split(uri);
        assert_eq!(
            parts("mlflow-artifacts:/1/r/artifacts/a.txt"),
            (FilesOf::Place("mlflow-artifacts:/1/r/artifacts".into()), "a.txt".into())
        );
        assert_eq!(
            parts("mlflow-artifacts:/1"),
            (FilesOf::Place("mlflow-artifacts:/1".into()), String::new())
        );
    }
}
