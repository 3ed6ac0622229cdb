//! New versions of models in Unity Catalog, in the steps of MLflow's client: the files are brought here and looked at, a version
//! is made that is pending, its files are put where the catalogue keeps them, by credentials that it hands out for that, and it
//! is finished. What broke off in between is gone on with.

mod copying;
mod credentials;
mod description;
mod lineage;

use std::sync::Arc;

use reqwest::Method;
use serde_json::{Value, json};

use self::copying::{LocalCopy, Origin};
use self::credentials::Credentials;
use self::description::Description;
use super::catalog::version_of;
use crate::mlflow::{ModelVersion, Run, RunId, Tag};
use crate::store::objects::{self, Issuer as _};
use crate::store::rest::body;
use crate::store::rest::client::{Client, Repeat};
use crate::store::rest::wire::{self, text};
use crate::store::{ErrorKind, FileTree as _, Inner};

const VERSIONS: &str = "2.0/mlflow/unity-catalog/model-versions";
/// Whether the workspace takes files by its Files API alone.
const FILES_API: &str =
    "2.0/mlflow/unity-catalog/registered-models:is-databricks-sdk-models-artifact-repository-enabled";
const FILES_API_FIELD: &str = "is_databricks_sdk_models_artifact_repository_enabled";
/// The same as it is set on this machine, which comes first.
const FILES_API_SET: &str = "MLFLOW_USE_DATABRICKS_SDK_MODEL_ARTIFACTS_REPO_FOR_UC";
/// The id of the workspace, with each of its answers.
const WORKSPACE: &str = "x-databricks-org-id";
const LINEAGE: &str = "x-databricks-lineage-identifier";

/// What is to become a version.
pub struct New<'a> {
    pub name: &'a str,
    pub source: &'a str,
    pub run_id: Option<&'a RunId>,
    /// As Unity Catalog takes them.
    pub tags: Vec<Tag>,
}

/// A version as it was made, and where its files belong.
struct Made {
    version: ModelVersion,
    location: String,
}

impl Made {
    fn read(value: &Value) -> Inner<Self> {
        let location = value.get("storage_location").map_or_else(|| Ok(String::new()), text)?;
        Ok(Self { version: version_of(value)?, location })
    }
}

/// What MLflow's client alone can register, and why that is so.
fn only_with_mlflow(why: &str) -> ErrorKind {
    ErrorKind::Elsewhere(why.to_owned())
}

/// A failure with what can be done about it.
fn told(kind: ErrorKind, name: &str, source: &str) -> ErrorKind {
    match kind {
        ErrorKind::Elsewhere(why) => ErrorKind::Unsupported(format!(
            "upload of this model into Unity Catalog ({why}): register the version with mlflow.register_model({source:?}, \
             {name:?}), and promote it here"
        )),
        other => other,
    }
}

/// Whether a version could be made of a source, as far as that is known without its files.
pub async fn check(client: &Arc<Client>, name: &str, source: &str) -> Inner<()> {
    let work = async {
        need_buckets(client).await?;
        let origin = Origin::find(client, source).await?;
        let Some(description) = origin.description().await? else { return Err(no_model(source)) };
        // Of other models nothing else has to be known.
        let is_asked = description.windows(12).any(|part| part == b"transformers");
        let has_weights = is_asked && origin.has("model").await?;
        Description::checked(&description, |_| has_weights).map(drop)
    };
    work.await.map_err(|kind| told(of_files(kind), name, source))
}

/// That files are missing, or refused by their storage, says nothing of models, and keeps nothing else from being done.
fn of_files(kind: ErrorKind) -> ErrorKind {
    match kind {
        ErrorKind::NotFound(words) => ErrorKind::Invalid(words),
        ErrorKind::ObjectStore(words, hint) => ErrorKind::Invalid(format!("{words}; {hint}")),
        // A bucket that stalls may go on.
        hung @ ErrorKind::Hung(..) => ErrorKind::Unreachable(hung.to_string()),
        other => other,
    }
}

fn no_model(source: &str) -> ErrorKind {
    ErrorKind::Invalid(format!(
        "there is no MLmodel file in {source}: nothing is registered but models of MLflow's"
    ))
}

/// Makes a version with its files.
pub async fn create(client: &Arc<Client>, new: &New<'_>) -> Inner<ModelVersion> {
    make(client, new).await.map_err(|kind| told(kind, new.name, new.source))
}

async fn make(client: &Arc<Client>, new: &New<'_>) -> Inner<ModelVersion> {
    need_buckets(client).await?;
    let (origin, copy, description) = brought(client, new.source).await?;
    // As MLflow's client has it, a logged model says itself which run made it.
    let run_id = match &origin.model {
        Some(model) => model.source_run_id.as_ref(),
        None => new.run_id,
    };
    let (run, workspace) = match run_id {
        Some(id) => source_run(client, id).await?,
        None => (None, None),
    };
    let mut body = json!({
        "name": new.name,
        "source": new.source,
        "tags": wire::pairs(&new.tags),
        "feature_deps": "",
        "model_version_dependencies": description.dependencies(),
    });
    let told = [
        ("run_id", run_id.map(ToString::to_string)),
        ("run_tracking_server_id", workspace),
        ("model_id", origin.model.map(|model| model.model_id.to_string())),
    ];
    for (field, value) in told {
        if let Some(value) = value {
            body[field] = json!(value);
        }
    }
    let mut request = client.request(Method::POST, &format!("api/{VERSIONS}/create"))?.json(&body);
    if let Some(lineage) = run.as_ref().and_then(lineage::header) {
        request = request.header(LINEAGE, lineage);
    }
    let answer = client.send(request, Repeat::Never).await?.answer(body::LONGEST).await?;
    let made = answer.required("model_version", Made::read)?;
    let failure = match fill(client, &made, &copy).await {
        Ok(version) => return Ok(version),
        Err(failure) => of_files(failure),
    };
    let (name, number) = (&made.version.name, made.version.version);
    if failure.may_pass() {
        return Err(left(failure, name, number));
    }
    match known(client, name, number).await {
        Ok(known) if known.version.is_whole() => return Ok(known.version),
        Err(ErrorKind::NotFound(_)) => return Err(failure),
        Err(error) if error.may_pass() => return Err(left(error, name, number)),
        Ok(_) => {}
        Err(error) => {
            tracing::debug!(%error, "the version stays: nobody says what became of it");
            return Err(left(failure, name, number));
        }
    }
    // Nobody goes on with it, and nobody else can have used it.
    let body = json!({ "name": name, "version": number.to_string() });
    match client.delete(&format!("{VERSIONS}/delete"), &body).await {
        Ok(_) => Err(failure),
        Err(error) => {
            tracing::debug!(%error, "the unfinished version stays");
            Err(left(failure, name, number))
        }
    }
}

/// A version as it is by now.
async fn known(client: &Client, name: &str, version: u64) -> Inner<Made> {
    let query = [("name", name), ("version", &version.to_string())];
    client.get(&format!("{VERSIONS}/get"), &query).await?.required("model_version", Made::read)
}

/// Finishes a version that was made and has not all of its files, or is not known to have them.
pub async fn complete(client: &Arc<Client>, name: &str, version: u64) -> Inner<()> {
    let made = known(client, name, version).await?;
    if !made.version.is_unfinished() {
        return Ok(());
    }
    let source = made.version.source.clone();
    let work = async {
        let (_, copy, _) = brought(client, &source).await?;
        fill(client, &made, &copy).await.map(drop)
    };
    work.await.map_err(|kind| left(told(of_files(kind), name, &source), name, version))
}

/// The files of a model on this machine, which may be registered.
async fn brought(client: &Arc<Client>, source: &str) -> Inner<(Origin, LocalCopy, Description)> {
    let origin = Origin::find(client, source).await.map_err(of_files)?;
    let copy = origin.copy().await.map_err(of_files)?;
    let description = copy.description()?.ok_or_else(|| no_model(source))?;
    let description = Description::checked(&description, |path| copy.has(path))?;
    Ok((origin, copy, description))
}

/// Puts the files where they belong, and says that they are all there.
async fn fill(client: &Arc<Client>, made: &Made, copy: &LocalCopy) -> Inner<ModelVersion> {
    let (name, version) = (&made.version.name, made.version.version);
    let issuer = Arc::new(Credentials { client: Arc::clone(client), name: name.clone(), version });
    let first = issuer.issue().await?;
    let place = objects::open_given(&made.location, issuer, first).await?;
    // The bucket tells its region.
    place.check().await?;
    copy.write(&place).await?;
    let body = json!({ "name": name, "version": version.to_string() });
    let finalized = match client.post(&format!("{VERSIONS}/finalize"), &body, Repeat::Safe).await {
        Ok(answer) => answer,
        Err(failure) => {
            // It may have been done, and the answer lost.
            let known = known(client, name, version).await?.version;
            return if known.is_whole() { Ok(known) } else { Err(failure) };
        }
    };
    tracing::debug!(uri = place.uri(), "the version's files are there");
    finalized.required("model_version", version_of)
}

/// That a version was left as it is, and what is done about that. What may pass is still told apart.
fn left(kind: ErrorKind, name: &str, version: u64) -> ErrorKind {
    let words = format!(
        "version {version} of {name} is left unfinished (PENDING_REGISTRATION): the same again goes on with it, `d` in the \
         explorer or MLflow's delete_model_version deletes it"
    );
    match kind {
        ErrorKind::Unreachable(why) => ErrorKind::Unreachable(format!("{why}; {words}")),
        ErrorKind::Protocol(why) => ErrorKind::Protocol(format!("{why}; {words}")),
        ErrorKind::Server { status, message } => {
            ErrorKind::Server { status, message: format!("{message}; {words}") }
        }
        other if other.may_pass() => ErrorKind::Unreachable(format!("{other}; {words}")),
        other => ErrorKind::Partly(format!("{other}; {words}")),
    }
}

/// The run that a model is from, and the workspace's id; nothing of a run that is gone, or that may not be looked at.
async fn source_run(client: &Client, id: &RunId) -> Inner<(Option<Run>, Option<String>)> {
    let request = client.request(Method::GET, "api/2.0/mlflow/runs/get")?.query(&[("run_id", id.as_str())]);
    let received = match client.send(request, Repeat::Safe).await {
        Err(failure) if failure.may_pass() => return Err(failure),
        Err(failure) => {
            tracing::debug!(%failure, "no link to the run is kept");
            return Ok((None, None));
        }
        Ok(received) => received,
    };
    let workspace =
        received.response.headers().get(WORKSPACE).and_then(|id| id.to_str().ok()).map(str::to_owned);
    let run = received.answer(body::LONGEST).await?.required("run", wire::run)?;
    Ok((Some(run), workspace))
}

/// Buckets are where files are put; some workspaces take them by their own API alone.
async fn need_buckets(client: &Client) -> Inner<()> {
    let is_other = match std::env::var(FILES_API_SET) {
        Ok(set) => matches!(set.to_ascii_lowercase().as_str(), "true" | "1"),
        // As for MLflow's client, no answer means no.
        Err(_) => match client.get(FILES_API, &[]).await {
            Ok(answer) => answer.required(FILES_API_FIELD, |is| Ok(is == true)).unwrap_or(false),
            Err(_) => false,
        },
    };
    if is_other {
        return Err(only_with_mlflow("the workspace takes files of models by its Files API"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_and_what_may_pass_still_may() {
        for kind in [
            ErrorKind::Unreachable("away".into()),
            ErrorKind::Timeout(5),
            ErrorKind::Server { status: 503, message: "busy".into() },
            ErrorKind::Protocol("odd".into()),
            ErrorKind::Forbidden("no".into()),
            ErrorKind::ObjectStore("no".into(), "ask"),
        ] {
            let was = kind.may_pass();
            let kind = left(kind, "a.b.c", 3);
            assert_eq!(kind.may_pass(), was);
            let words = kind.to_string();
            assert!(
                words.contains("version 3 of a.b.c") && words.contains("delete_model_version"),
                "{words}"
            );
        }
        let stalled = of_files(ErrorKind::Hung("https://bucket".into(), 60));
        assert!(stalled.may_pass() && stalled.to_string().contains("within 60 s"), "{stalled}");
        let kind = told(only_with_mlflow("of tape"), "a.b.c", "models:/m-1");
        assert!(kind.to_string().contains(
            "(of tape): register the version with mlflow.register_model(\"models:/m-1\", \"a.b.c\")"
        ));
    }
}
