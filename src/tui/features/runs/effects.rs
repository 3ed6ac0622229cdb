//! What the user wants written to the store.

use crate::mlflow::RunId;
use crate::store::{Result, RunUpdate, Store};
use crate::tui::core::effect::Write;

/// Writes, run by run; the first failure ends it, and what was written before stays.
pub async fn write(store: &Store, write: &Write) -> Result<()> {
    match write {
        Write::RenameRun { id, name } => {
            let update = RunUpdate { run_name: Some(name.clone()), ..RunUpdate::default() };
            store.update_run(id, &update).await
        }
        Write::RenameExperiment { id, name } => store.rename_experiment(id, name).await,
        Write::DeleteRuns(ids) => each(ids, |id| store.delete_run(id)).await,
        Write::RestoreRuns(ids) => each(ids, |id| store.restore_run(id)).await,
        Write::SetTag { ids, tag } => each(ids, |id| store.set_tag(id, tag)).await,
        // These have their own way.
        Write::Mark(_) | Write::UndoMark { .. } => Ok(()),
        Write::DeleteTag { ids, key } => each(ids, |id| store.delete_tag(id, key)).await,
    }
}

async fn each<'a, F: Future<Output = Result<()>>>(
    ids: &'a [RunId],
    write: impl Fn(&'a RunId) -> F,
) -> Result<()> {
    for id in ids {
        write(id).await?;
    }
    Ok(())
}
