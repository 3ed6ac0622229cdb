//! A search: the ids that are found, then the runs of the page.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

use super::Inner;
use super::connection::Connection;
use super::reading::find_run;
use super::rows::bounded;
use crate::mlflow::RunId;
use crate::store::pages::{offset_of, token_at};
use crate::store::sql::search::{Dialect, SqlValue, heaviness, ids_of};
use crate::store::{ErrorKind, RunPage, RunSearch};

/// Bytes of a page that has no more runs, however many were asked for.
const HEAVY: usize = 48 << 20;
/// MLflow's largest page.
const MAX_RESULTS: usize = 50_000;

const SQLITE: Dialect = Dialect {
    placeholder: |text, number| {
        text.push('?');
        text.push_str(&number.to_string());
    },
    bounded,
};

impl ToSql for SqlValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Integer(int) => ValueRef::Integer(*int),
            Self::Real(real) => ValueRef::Real(*real),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

pub fn search(connection: &mut Connection, search: &RunSearch) -> Inner<RunPage> {
    if !(1..=MAX_RESULTS).contains(&search.max_results) {
        return Err(ErrorKind::Invalid(format!(
            "max_results is {}, and must be 1 to {MAX_RESULTS}",
            search.max_results
        )));
    }
    let mut offset = search.page_token.as_deref().map_or(Ok(0), offset_of)?;
    if !connection.schema.datasets && search.filter.needs_store() {
        return Err(ErrorKind::Unsupported("table of data sets".into()));
    }
    let is_beyond_sql = search.filter.is_beyond_sql();
    loop {
        let mut page = page(connection, search, offset)?;
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
fn page(connection: &mut Connection, search: &RunSearch, offset: usize) -> Inner<RunPage> {
    let sql = ids_of(search, offset, SQLITE);
    let mut ids: Vec<RunId> = {
        let mut statement = connection.db.prepare_cached(&sql.text)?;
        let found = statement
            .query_map(rusqlite::params_from_iter(&sql.values), |row| row.get::<_, String>(0).map(RunId))?;
        found.collect::<Result<_, _>>()?
    };
    let mut is_last = ids.len() <= search.max_results;
    ids.truncate(search.max_results);
    let mut runs = Vec::with_capacity(ids.len());
    let (mut looked_at, mut weight) = (0, 0);
    for id in &ids {
        looked_at += 1;
        // A run that `mlflow gc` removes in between is simply not there any more.
        if let Some(run) = find_run(connection, id)? {
            weight += heaviness(&run);
            runs.push(run);
        }
        if weight > HEAVY && looked_at < ids.len() {
            is_last = false;
            break;
        }
    }
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
