//! A search: the ids that are found, then the runs of the page.

use super::Link;
use super::reading::find_runs;
use super::search::{SqlValue, ids_of};
use crate::mlflow::RunId;
use crate::store::pages::{offset_of, token_at};
use crate::store::{ErrorKind, Inner, RunPage, RunSearch};

/// Bytes of a page that has no more runs, however many were asked for.
const HEAVY: usize = 48 << 20;
/// MLflow's largest page.
const MAX_RESULTS: usize = 50_000;

pub fn search(link: &mut impl Link, search: &RunSearch) -> Inner<RunPage> {
    if !(1..=MAX_RESULTS).contains(&search.max_results) {
        return Err(ErrorKind::Invalid(format!(
            "max_results is {}, and must be 1 to {MAX_RESULTS}",
            search.max_results
        )));
    }
    let mut offset = search.page_token.as_deref().map_or(Ok(0), offset_of)?;
    if !link.layout().datasets && search.filter.needs_store() {
        return Err(super::unsupported("data sets"));
    }
    let is_beyond_sql = search.filter.is_beyond_sql();
    loop {
        let mut page = page(link, search, offset)?;
        if !is_beyond_sql {
            return Ok(page);
        }
        page.runs.retain(|run| search.filter.matches(run));
        // Only the last page is empty.
        match page.next_page_token.as_deref() {
            Some(next) if page.runs.is_empty() => offset = offset_of(next)?,
            _ => return Ok(page),
        }
    }
}

/// The runs from `offset` on that the database finds.
fn page(link: &mut impl Link, search: &RunSearch, offset: usize) -> Inner<RunPage> {
    let sql = ids_of(search, offset, link.dialect());
    let values: Vec<_> = sql.values.iter().map(SqlValue::as_value).collect();
    let mut ids = link.all(&sql.text, &values, |row| RunId(row.string(0)))?;
    let is_last = ids.len() <= search.max_results;
    ids.truncate(search.max_results);
    // A run that `mlflow gc` removes in between is simply not there any more.
    let (runs, looked_at) = find_runs(link, &ids, HEAVY)?;
    let is_last = is_last && looked_at == ids.len();
    let next_page_token = (!is_last).then(|| token_at(offset + looked_at));
    Ok(RunPage { runs, next_page_token })
}

#[cfg(test)]
mod tests {
    use crate::mlflow::filter::{Asker, Expression};
    use crate::store::uri::{Location, RestOptions, open};
    use crate::store::{NewRun, RunSearch};

    #[tokio::test]
    async fn pages_on_which_nothing_passes_are_gone_over() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("mlflow.db").to_str().unwrap().into();
        let store = open(&Location::Sqlite(database), &RestOptions::default(), false).unwrap();
        store.begin().await.unwrap();
        let experiment = store.create_experiment("e", &[]).await.unwrap();
        for number in 0..7 {
            let run = NewRun {
                experiment_id: experiment.clone(),
                run_name: Some(format!("run-{number}")),
                user_id: "ana".into(),
                start_time: 1_000 - number,
                tags: Vec::new(),
            };
            store.create_run(&run).await.unwrap();
        }
        let mut search = RunSearch {
            experiment_ids: vec![experiment],
            filter: Expression::parse("name ~ '[456]$' AND user = ana").unwrap().at(Asker::default()),
            max_results: 2,
            ..RunSearch::default()
        };
        let mut pages = Vec::new();
        loop {
            let page = store.search_runs(&search).await.unwrap();
            pages.push(page.runs.iter().map(|run| run.info.run_name.clone()).collect::<Vec<_>>().join(" "));
            search.page_token = page.next_page_token;
            if search.page_token.is_none() {
                break;
            }
        }
        assert_eq!(pages, ["run-4 run-5", "run-6"], "only the last may be empty");
    }
}
