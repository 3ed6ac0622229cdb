//! Work for a pane that is too long for the loop: the lines of a view, the content of a file.

use std::sync::Arc;

use crate::catalog::Catalog;
use crate::catalog::view::{Ids, Picked, View, project_with};
use crate::mlflow::RunId;
use crate::store::pages::Pages;
use crate::store::{ErrorKind, Result, RunSearch, Store, StoreError};
use crate::tui::core::msg::Msg;
use crate::tui::features::details::preview::{LARGEST, Preview};

/// Runs that one search asks for.
const PAGE: usize = 5_000;

pub struct Request {
    pub generation: u64,
    pub catalog: Arc<Catalog>,
    pub complete: bool,
    pub view: Box<View>,
    pub selected: Option<(Picked, usize)>,
    pub now: i64,
}

/// Computes a view. Only where the filter asks for what a catalogue does not hold, the store is asked.
pub async fn project(store: Store, request: Request) -> Msg {
    let found = if request.view.filter.needs_store() {
        match search(&store, &request).await {
            Ok(found) => Some(found),
            Err(error) => return Msg::Said(format!("the filter was not applied: {error}; {}", error.hint())),
        }
    } else {
        None
    };
    blocking(move || {
        let Request { generation, catalog, complete, view, selected, now } = request;
        let projection = project_with(&catalog, &view, found.as_ref(), now);
        let position = selected.and_then(|(picked, near)| projection.position(&catalog, &picked, near));
        Msg::Projected { generation, catalog, complete, view, projection: Arc::new(projection), position }
    })
    .await
}

/// Computes away from the loop; a panic becomes a message.
pub async fn blocking(work: impl FnOnce() -> Msg + Send + 'static) -> Msg {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Msg::TaskFailed(error.to_string()))
}

/// The ids of the runs that pass the whole filter.
async fn search(store: &Store, request: &Request) -> Result<Ids> {
    let mut found = Ids::default();
    let Some(row) = request.catalog.newest_first.first() else { return Ok(found) };
    let experiment = request.catalog.texts.get(request.catalog.run(*row).experiment_id);
    let mut search = RunSearch {
        experiment_ids: vec![experiment.into()],
        filter: request.view.filter.clone(),
        view: crate::mlflow::ViewType::All,
        max_results: PAGE,
        ..RunSearch::default()
    };
    let mut pages = Pages::default();
    loop {
        let page = store.search_runs(&search).await?;
        search.page_token = pages.follow(&page)?;
        found.extend(page.runs.into_iter().map(|run| run.info.run_id.0));
        if search.page_token.is_none() {
            return Ok(found);
        }
    }
}

/// Reads a file and makes it fit to be looked at; one that is too large, whatever it was said to be, is not read to its end.
pub async fn preview(store: &Store, id: &RunId, path: &str) -> Result<Preview> {
    let content = match store.read_artifact(id, path, LARGEST).await {
        Err(StoreError { kind: ErrorKind::TooMuch(_), .. }) => {
            let words = format!(
                "more than {} are too much to look into; `mlflow artifacts download -r {id} -a {path}` fetches the file",
                crate::text::bytes(LARGEST as u64)
            );
            return Ok(Preview::Nothing(words));
        }
        content => content?,
    };
    let name = path.to_owned();
    let decoding = tokio::task::spawn_blocking(move || Preview::of(&name, &content));
    decoding.await.map_err(|error| StoreError::new("look into the file", ErrorKind::Io(error.to_string())))
}
