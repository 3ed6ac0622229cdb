//! Changes of the registry that were made on this machine: they are undone later, too, and what was deleted leaves a trace.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::registry::edit::{Edit, Undo};
use crate::state::document::Document;
use crate::text;

/// Changes that are kept, the last ones.
const MOST: usize = 200;

/// A change, and how it is undone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptEdit {
    /// In milliseconds since the epoch.
    pub at: i64,
    pub by: String,
    pub words: String,
    /// Nothing is left of what it was about.
    #[serde(default)]
    pub is_deletion: bool,
    /// None where it cannot be undone, or is.
    #[serde(default)]
    pub undo: Option<Undo>,
}

impl KeptEdit {
    pub fn new(edit: &Edit, undo: Option<&Undo>, words: &str, (by, at): (&str, i64)) -> Self {
        let is_deletion = matches!(edit, Edit::DeleteVersion { .. } | Edit::DeleteModel { .. });
        Self { at, by: by.to_owned(), words: words.to_owned(), is_deletion, undo: undo.cloned() }
    }

    pub fn line(&self) -> String {
        format!("{}  {}: {}", text::timestamp(self.at), self.by, self.words)
    }
}

/// The document that they are kept in.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Edits {
    #[serde(default)]
    edits: Vec<KeptEdit>,
}

/// The changes of a store's registry.
#[derive(Debug, Clone)]
pub struct KeptEdits(Document<Edits>);

impl KeptEdits {
    pub fn new(state_folder: &Path, store: &str) -> Self {
        Self(Document::new(state_folder, "edits", store))
    }

    /// All that are kept, the oldest first.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn load(&self) -> io::Result<Vec<KeptEdit>> {
        self.0.load().map(|kept| kept.edits)
    }

    /// Keeps one more.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn add(&self, edit: KeptEdit) -> io::Result<()> {
        self.0.change(|kept| {
            kept.edits.push(edit);
            let more = kept.edits.len().saturating_sub(MOST);
            kept.edits.drain(..more);
        })
    }

    /// One was undone: that is not done once more.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn undone(&self, undo: &Undo) -> io::Result<()> {
        self.0.change(|kept| {
            if let Some(edit) = kept.edits.iter_mut().rev().find(|edit| edit.undo.as_ref() == Some(undo)) {
                edit.undo = None;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mlflow::ModelStage;
    use crate::registry::edit::apply;
    use crate::registry::history::Author;
    use crate::store::Store;
    use crate::store::memory::Memory;

    #[tokio::test]
    async fn a_change_is_undone_by_another_start_of_the_program_and_only_once() {
        let store = Store::new(Memory::default());
        store.create_registered_model("wine").await.unwrap();
        store.create_model_version("wine", "/m", None, &[]).await.unwrap();
        let author = Author { by: "ana".into(), now: 1, random: 7 };
        let folder = tempfile::tempdir().unwrap();
        let kept = KeptEdits::new(folder.path(), "memory");
        let (model, alias) = ("wine".to_owned(), "champion".to_owned());
        let stage = ModelStage::Staging;
        let edits = [
            Edit::Alias { model: model.clone(), alias, version: Some(1) },
            Edit::Stage { model: model.clone(), version: 1, stage, archives_others: false },
            Edit::DeleteVersion { model, version: 1 },
        ];
        for edit in &edits[..2] {
            let applied = apply(&store, edit, &author).await.unwrap();
            kept.add(KeptEdit::new(edit, applied.undo.as_ref(), &applied.words, ("ana", 1))).unwrap();
        }
        let known = KeptEdits::new(folder.path(), "memory").load().unwrap();
        assert_eq!(known.len(), 2);
        let undo = known[0].undo.clone().unwrap();
        crate::registry::edit::undo(&store, &undo, &author).await.unwrap();
        assert_eq!(store.get_registered_model("wine").await.unwrap().alias("champion"), None);
        kept.undone(&undo).unwrap();
        let known = kept.load().unwrap();
        assert!(known[0].undo.is_none() && known[1].undo.is_some());
        let applied = apply(&store, &edits[2], &author).await.unwrap();
        kept.add(KeptEdit::new(&edits[2], applied.undo.as_ref(), &applied.words, ("ana", 1))).unwrap();
        let last = kept.load().unwrap().pop().unwrap();
        assert!(last.is_deletion && last.line().contains("ana: "), "{last:?}");
        for at in 0..300 {
            kept.add(KeptEdit { at, ..last.clone() }).unwrap();
        }
        assert_eq!(kept.load().unwrap().len(), MOST);
    }
}
