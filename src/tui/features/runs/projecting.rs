//! The lines of a view, computed away from the loop.

use std::sync::Arc;

use super::Msg;
use super::effects::Projecting;
use super::telling::TellingColumns;
use crate::catalog::view::{Ids, project_with};
use crate::mlflow::ViewType;
use crate::mlflow::filter::Asker;
use crate::store::pages::Pages;
use crate::store::{Result, RunSearch, Store};
use crate::tui::core::msg::{Announcement, Msg as Any};
use crate::tui::core::tasks::blocking;

/// Runs that one search asks for.
const PAGE: usize = 5_000;

/// Computes a view. Only where the filter asks for what a catalogue does not hold, the store is asked.
pub async fn project(store: Store, request: Projecting) -> Any {
    let found = if request.view.filter.needs_store() {
        match search(&store, &request).await {
            Ok(found) => Some(found),
            Err(error) => {
                return Announcement(format!("cannot apply the filter: {error}; {}", error.hint())).into();
            }
        }
    } else {
        None
    };
    blocking(move || {
        let telling = request.telling();
        let Projecting { ticket, catalog, complete, view, under_cursor, now, .. } = request;
        let projection = project_with(&catalog, &view, found.as_ref(), now);
        let position = under_cursor.and_then(|(picked, near)| projection.position(&catalog, &picked, near));
        let projection = Arc::new(projection);
        Msg::Projected { ticket, catalog, complete, view, projection, position, telling }
    })
    .await
}

/// The ids of the runs that pass the whole filter.
async fn search(store: &Store, request: &Projecting) -> Result<Ids> {
    let mut found = Ids::default();
    let Some(row) = request.catalog.newest_first.first() else { return Ok(found) };
    let experiment = request.catalog.texts.get(request.catalog.run(*row).experiment_id);
    let mut search = RunSearch {
        experiment_ids: vec![experiment.into()],
        filter: request.view.filter.at(Asker { now: request.now, user: &request.view.user }),
        view: ViewType::All,
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

impl Projecting {
    /// The columns that tell most, where they are wanted.
    pub fn telling(&self) -> Option<TellingColumns> {
        self.wants_columns.then(|| TellingColumns::of(&self.catalog, self.deciding.clone()))
    }
}
