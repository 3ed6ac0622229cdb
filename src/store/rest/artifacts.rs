//! Artifacts through the server, which hands them on from wherever they lie.

use reqwest::Method;

use super::client::Client;
use super::wire;
use crate::mlflow::{ArtifactFile, RunId};
use crate::store::pages::Pages;
use crate::store::{ArtifactList, ErrorKind, Inner};

/// The server's artifact service: what stands before the path of a file, and where files are handed over for others.
pub const SERVICE: &str = "api/2.0/mlflow-artifacts/artifacts/";
pub const UPLOAD: &str = "ajax-api/2.0/mlflow/upload-artifact";

pub async fn list(client: &Client, id: &RunId, path: &str) -> Inner<ArtifactList> {
    let mut query = vec![("run_id", id.as_str())];
    if !path.is_empty() {
        query.push(("path", path));
    }
    list_with(client, "2.0/mlflow/artifacts/list", &query, path).await
}

/// A folder, `path`, page by page, as a way of the server tells it.
pub async fn list_with(
    client: &Client,
    route: &str,
    query: &[(&str, &str)],
    path: &str,
) -> Inner<ArtifactList> {
    let mut files: Vec<ArtifactFile> = Vec::new();
    let mut token: Option<String> = None;
    let mut pages = Pages::default();
    let is_cut = loop {
        let mut query = query.to_vec();
        if let Some(token) = &token {
            query.push(("page_token", token));
        }
        let answer = client.get(route, &query).await?;
        let list = answer.list("files", wire::artifact_file)?;
        token = pages.next(answer.next_token(), list.things.len(), list.weight)?;
        // A folder that lists itself, or what is elsewhere, would lead round in circles.
        files.extend(list.things.into_iter().filter(|file| is_directly_below(path, &file.path)));
        let is_cut = files.len() > ArtifactList::MOST;
        if token.is_none() || is_cut {
            break is_cut;
        }
    };
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.truncate(ArtifactList::MOST);
    Ok(ArtifactList { files, is_cut })
}

/// The entries of a folder that were told by their names alone.
pub fn named_below(folder: &str, mut files: Vec<ArtifactFile>) -> ArtifactList {
    files.retain(|file| is_directly_below("", &file.path));
    for file in &mut files {
        if !folder.is_empty() {
            file.path = format!("{}/{}", folder.trim_end_matches('/'), file.path);
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let is_cut = files.len() > ArtifactList::MOST;
    files.truncate(ArtifactList::MOST);
    ArtifactList { files, is_cut }
}

fn is_directly_below(folder: &str, path: &str) -> bool {
    let folder = folder.trim_matches('/');
    let rest = if folder.is_empty() {
        Some(path)
    } else {
        path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'))
    };
    rest.is_some_and(|name| !name.is_empty() && name != "." && name != ".." && !name.contains('/'))
}

/// The path below the server's own artifact service, for runs that keep their files there.
pub fn proxied(uri: &str, path: &str) -> Option<String> {
    let rest = uri.strip_prefix("mlflow-artifacts:")?;
    // `mlflow-artifacts://host:port/path` names the server again.
    let rest = match rest.strip_prefix("//") {
        Some(with_host) => with_host.split_once('/').map_or("", |(_, path)| path),
        None => rest.trim_start_matches('/'),
    };
    Some(format!("{SERVICE}{}/{path}", rest.trim_end_matches('/')))
}

pub fn check(path: &str) -> Inner<()> {
    let leads_out = path.starts_with('/') || path.split('/').any(|part| matches!(part, "" | "." | ".."));
    if leads_out {
        return Err(ErrorKind::Invalid(format!("the artifact path {path:?} is outside the run's folder")));
    }
    Ok(())
}

pub async fn read(client: &Client, id: &RunId, uri: &str, path: &str, most: usize) -> Inner<Vec<u8>> {
    check(path)?;
    let result = match proxied(uri, path) {
        Some(address) => client.download(&address, &[], most).await,
        None => client.download("get-artifact", &[("run_id", id.as_str()), ("path", path)], most).await,
    };
    match result {
        // 2.22 answers 500 for a file that is not there: the listing tells.
        Err(ErrorKind::Server { status: 500, message }) => {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            if list(client, id, folder).await?.files.iter().any(|file| file.path == path) {
                Err(ErrorKind::Server { status: 500, message })
            } else {
                Err(ErrorKind::NotFound(format!("run {id} has no artifact {path:?}")))
            }
        }
        other => other,
    }
}

pub async fn write(client: &Client, id: &RunId, uri: &str, path: &str, content: &[u8]) -> Inner<()> {
    check(path)?;
    match proxied(uri, path) {
        Some(address) => client.upload(Method::PUT, &address, &[], content).await,
        None => {
            let query = [("run_uuid", id.as_str()), ("path", path)];
            client.upload(Method::POST, UPLOAD, &query, content).await
        }
    }
}

/// There is no way through the server to the files of a model but its own artifact service.
pub fn need_service(uri: &str) -> Inner<()> {
    proxied(uri, "").map(drop).ok_or_else(|| no_service(uri))
}

pub fn no_service(uri: &str) -> ErrorKind {
    ErrorKind::Unsupported(format!("artifact service for models at {uri}"))
}

/// Writes a file of a model that lies at `uri`.
pub async fn write_model(client: &Client, uri: &str, path: &str, content: &[u8]) -> Inner<()> {
    check(path)?;
    let address = proxied(uri, path).ok_or_else(|| no_service(uri))?;
    client.upload(Method::PUT, &address, &[], content).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_holds_only_what_is_directly_below_it() {
        for (folder, path) in
            [("", "model"), ("model", "model/MLmodel"), ("model/", "model/data"), ("a/b", "a/b/c")]
        {
            assert!(is_directly_below(folder, path), "{folder} {path}");
        }
        for (folder, path) in [
            ("", "a/b"),
            ("", ".."),
            ("model", "model"),
            ("model", "models/MLmodel"),
            ("model", "model/a/b"),
            ("model", "elsewhere/x"),
            ("model", "model/.."),
        ] {
            assert!(!is_directly_below(folder, path), "{folder} {path}");
        }
    }
}
