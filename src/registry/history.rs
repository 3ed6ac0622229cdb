//! What was changed by hand of a registered model and by whom: tags of the model.

use serde::{Deserialize, Serialize};

use crate::mlflow::Tag;
use crate::store::{Result, Store};
use crate::text;

/// On a registered model, before the id of each change by hand.
const EDITED: &str = "mltui.edit.";
/// Older changes than so many are forgotten: each is a tag that every reader of the model is sent.
const MOST: usize = 100;

/// Who changes something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    /// Their name.
    pub by: String,
    /// Milliseconds since the epoch.
    pub now: i64,
    /// So that no two changes have one id.
    pub random: u32,
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Event {
    /// The time, so that later ones have greater ids, and something random.
    pub id: String,
    /// Milliseconds since the epoch.
    pub at: i64,
    /// Who did it.
    pub by: String,
    /// What, in words.
    pub words: String,
}

/// The changes that the tags of a model tell of, the oldest first. Entries that cannot be read are none.
pub fn edits(tags: &[Tag]) -> Vec<Event> {
    let mut all: Vec<Event> = tags
        .iter()
        .filter_map(|tag| {
            let id = tag.key.strip_prefix(EDITED)?;
            let event: Event = serde_json::from_str(&tag.value).ok()?;
            (event.id == id).then_some(event)
        })
        .collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all
}

/// Notes a change by hand. The oldest of very many goes.
///
/// # Errors
/// What the store says; the change itself is made.
pub(super) async fn note(store: &Store, model: &str, words: &str, author: &Author) -> Result<()> {
    let known = edits(&store.get_registered_model(model).await?.tags);
    let newest = known.last().map_or("", |event| event.id.as_str());
    let id = later_id(newest, author.now, author.random);
    let event = Event { id: id.clone(), at: author.now, by: author.by.clone(), words: words.to_owned() };
    let entry = Tag::new(format!("{EDITED}{id}"), serde_json::to_string(&event).unwrap_or_default());
    store.set_registered_model_tag(model, &entry).await?;
    let most = MOST.min(store.capabilities().model_tags / 4);
    let more = (known.len() + 1).saturating_sub(most);
    for old in &known[..more.min(known.len())] {
        store.delete_registered_model_tag(model, &format!("{EDITED}{}", old.id)).await?;
    }
    Ok(())
}

/// An id that is greater than all that are there, also where another clock is ahead of this one.
pub fn later_id(newest: &str, now: i64, random: u32) -> String {
    let id = |time: i64| format!("{time:013}-{random:08x}");
    let own = id(now);
    if own.as_str() > newest {
        return own;
    }
    let time = newest.split('-').next().and_then(|time| time.parse::<i64>().ok()).unwrap_or(now);
    id(time.saturating_add(1))
}

impl Event {
    /// It in one line.
    pub fn line(&self) -> String {
        format!("{}  {}: {}", text::timestamp(self.at), self.by, self.words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::edit::{Edit, apply, undo};
    use crate::store::memory::Memory;

    fn author(now: i64) -> Author {
        Author { by: "ana".into(), now, random: 7 }
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    fn tag(value: &str) -> Edit {
        Edit::Tag { model: "net".into(), version: None, key: "team".into(), value: Some(value.into()) }
    }

    #[test]
    fn what_was_done_stands_in_the_history_with_what_was_before() {
        block_on(async {
            let store = Store::new(Memory::default());
            store.create_registered_model("net").await.unwrap();
            apply(&store, &tag("red"), &author(1_000)).await.unwrap();
            let done = apply(&store, &tag("blue"), &author(2_000)).await.unwrap();
            // A clock that goes behind changes no order.
            undo(&store, &done.undo.unwrap(), &author(500)).await.unwrap();
            let mut told = edits(&store.get_registered_model("net").await.unwrap().tags);
            told.reverse();
            let words: Vec<&str> = told.iter().map(|event| event.words.as_str()).collect();
            assert_eq!(
                words,
                [
                    "undone: net: tag team = blue",
                    "net: tag team = blue, which was \"red\"",
                    "net: tag team = red"
                ]
            );
            assert!(told.iter().all(|event| event.by == "ana"));
            assert_eq!(told[0].at, 500);
        });
    }

    #[test]
    fn a_history_has_an_end() {
        block_on(async {
            let store = Store::new(Memory::default());
            store.create_registered_model("net").await.unwrap();
            for step in 0..MOST as i64 + 5 {
                apply(&store, &tag(&step.to_string()), &author(step)).await.unwrap();
            }
            let mut told = edits(&store.get_registered_model("net").await.unwrap().tags);
            told.reverse();
            assert_eq!(told.len(), MOST);
            assert_eq!(told[0].at, MOST as i64 + 4);
        });
    }

    #[test]
    fn entries_of_others_are_not_taken_for_ours() {
        let tags = [
            Tag::new("mltui.edit.1", "not json"),
            Tag::new("mltui.edit.2", r#"{"id": "3", "words": "another id"}"#),
            Tag::new("team", "red"),
        ];
        assert_eq!(edits(&tags), Vec::new());
    }
}
