//! What the store says of itself.

use std::path::Path;

use super::Inner;
use super::connection::Connection;
use super::opening::Frozen;
use crate::store::StoreInfo;

pub fn info(connection: &Connection, path: &Path) -> Inner<StoreInfo> {
    let mut notes = Vec::new();
    let writable = if connection.file.is_some() {
        let journal: String = connection.db.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        notes.push(format!("journal mode {journal}"));
        match &connection.frozen {
            None => {}
            Some(Frozen { copy: None, .. }) => notes
                .push("opened without locks, as its folder is not writable or it is immutable".to_owned()),
            Some(Frozen { copy: Some(_), .. }) => notes.push(
                "read from a private copy, as its folder is not writable and its log or journal is needed"
                    .to_owned(),
            ),
        }
        connection.frozen.is_none() && !connection.db.is_readonly("main")?
    } else {
        notes.push("does not exist yet; the first write creates it".to_owned());
        true
    };
    let layout = &connection.schema.layout;
    notes.extend(layout.lacks());
    Ok(StoreInfo {
        kind: "SQLite store".into(),
        location: format!("sqlite:///{}", path.display()),
        revision: layout.revision.clone(),
        writable,
        notes,
    })
}
