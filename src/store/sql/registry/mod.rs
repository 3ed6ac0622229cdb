//! Registered models, their versions and aliases: of the workspace that is open, and no other.

mod models;
mod on_models;
mod versions;

use super::{Link, values};
use crate::store::{ErrorKind, Inner};

pub use models::{
    create_model, date_model, delete_alias, delete_model, delete_model_tag, describe_model, model, models,
    rename_model, set_alias, set_model_tag,
};
pub use versions::{
    create_version, delete_version, delete_version_tag, describe_version, import_version, set_stage,
    set_version_tag, version, version_by_alias, versions, versions_of,
};

fn exists(link: &mut impl Link, name: &str) -> Inner<bool> {
    let workspace = link.workspace().to_owned();
    let statement = format!("SELECT 1 FROM registered_models WHERE {} AND name = ?2", link.layout().here());
    Ok(link.one(&statement, values![&workspace, name], |_| ())?.is_some())
}

fn need(link: &mut impl Link, name: &str) -> Inner<()> {
    if exists(link, name)? {
        Ok(())
    } else {
        Err(ErrorKind::NotFound(format!("no registered model {name:?}")))
    }
}

/// Notes that something of a model is new. It comes before anything is written of its versions, as in MLflow: in a database
/// that locks rows two who do it in another order would wait for each other.
fn touch(link: &mut impl Link, name: &str, now: i64) -> Inner<()> {
    let workspace = link.workspace().to_owned();
    let statement = format!(
        "UPDATE registered_models SET last_updated_time = ?3 WHERE {} AND name = ?2",
        link.layout().here()
    );
    link.execute(&statement, values![&workspace, name, now])?;
    Ok(())
}
