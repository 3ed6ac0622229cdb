//! The run that somebody means: by its id, the beginning of its id, or its name.

use super::Failure;
use crate::mlflow::filter::{Attribute, Clause, Comparator, Field, Filter, Query, Test};
use crate::mlflow::{ExperimentId, Run, RunId, ViewType};
use crate::store::{ErrorKind, RunSearch, Store};
use crate::text;

/// So many of those that could be meant are told.
const TOLD: usize = 5;

/// Finds a run. An id stands before a name, and names before beginnings of ids; deleted runs are found by their whole ids alone.
///
/// # Errors
///
/// [`Failure::NoRun`] where there is none, [`Failure::Usage`] where several could be meant, and the store's.
pub async fn find_run(store: &Store, wanted: &str) -> Result<Run, Failure> {
    match store.get_run(&RunId::from(wanted)).await {
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_) | ErrorKind::Invalid(_)) => {}
        run => return Ok(run?),
    }
    let experiments = store.search_experiments(ViewType::ActiveOnly).await?;
    let experiments: Vec<ExperimentId> = experiments.into_iter().map(|known| known.experiment_id).collect();
    let mut found =
        with(store, &experiments, Attribute::RunName, Test::Text(Comparator::Equal, wanted.into())).await?;
    // The search of a server may be less exact.
    found.retain(|run| run.info.run_name == wanted);
    if found.is_empty() && !wanted.is_empty() && wanted.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let begins = Test::Text(Comparator::Like, format!("{wanted}%"));
        found = with(store, &experiments, Attribute::RunId, begins).await?;
        found.retain(|run| run.info.run_id.0.starts_with(wanted));
    }
    match found.len() {
        0 => Err(Failure::NoRun(wanted.to_owned())),
        1 => Ok(found.remove(0)),
        _ => {
            let each = found
                .iter()
                .take(TOLD)
                .map(|run| format!("\n  {}  {}", run.info.run_id, text::clean(&run.info.run_name)));
            let more = if found.len() > TOLD { "\n  …" } else { "" };
            Err(Failure::Usage(format!(
                "several runs are {wanted:?}; name one by its id:{}{more}",
                each.collect::<String>()
            )))
        }
    }
}

/// The newest runs with such an attribute, a few.
async fn with(
    store: &Store,
    experiments: &[ExperimentId],
    attribute: Attribute,
    test: Test,
) -> Result<Vec<Run>, Failure> {
    let clause = Clause { field: Field::Attribute(attribute), test };
    if experiments.is_empty() || !Query::asks(&clause) {
        return Ok(Vec::new());
    }
    let search = RunSearch {
        experiment_ids: experiments.to_vec(),
        filter: Filter::of(vec![clause]),
        max_results: TOLD + 1,
        ..RunSearch::default()
    };
    Ok(store.search_runs(&search).await?.runs)
}
