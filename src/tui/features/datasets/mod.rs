//! The data sets of an experiment: which runs were given each, and what it is made of.
//!
//! State: [`DatasetsScreen`], a screen over the panes.

pub mod actions;
pub mod effects;
pub mod update;
pub mod view;

use std::collections::BTreeMap;

use crate::mlflow::ExperimentId;
use crate::sheet::{Cell, Sheet};
use crate::store::{StoreError, UsedDataset};
use crate::text;
use crate::tui::core::remote::{Remote, Ticket};
use crate::tui::widgets::cursor::Cursor;

/// What tasks bring back. Answers carry the ticket of their request.
#[derive(Debug, Clone)]
pub enum Msg {
    Listed { ticket: Ticket, result: Result<Vec<UsedDataset>, StoreError> },
}

#[derive(Debug)]
pub struct DatasetsScreen {
    pub experiment: ExperimentId,
    /// What the experiment is called.
    pub name: String,
    /// Deleted runs count too.
    pub deleted: bool,
    pub sets: Remote<Vec<UsedDataset>>,
    pub cursor: Cursor,
    /// When they were asked for last, and how often somebody had written by then.
    pub asked: i64,
    pub writes: u64,
}

impl DatasetsScreen {
    pub fn length(&self) -> usize {
        self.sets.value().map_or(0, Vec::len)
    }

    pub fn under_cursor(&self) -> Option<&UsedDataset> {
        self.sets.value()?.get(self.cursor.at)
    }

    /// The data sets as a table.
    pub fn sheet(&self) -> Option<Sheet> {
        let mut sheet = Sheet::new(["name", "digest", "context", "runs", "source_type", "source"]);
        for used in self.sets.value()? {
            let data = &used.dataset;
            let runs = Cell::Integer(used.uses.len() as i64);
            let text = |text: &str| Cell::from(text);
            let source = [text(&data.source_type), text(&data.source)];
            let first = [text(&data.name), text(&data.digest), text(&contexts(used)), runs];
            sheet.push(first.into_iter().chain(source));
        }
        Some(sheet)
    }
}

/// What a data set was used for, with how often where that is for several things: `eval 3, training 12`.
pub fn contexts(used: &UsedDataset) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for of in &used.uses {
        *counts.entry(of.context.as_str()).or_default() += 1;
    }
    let is_one = counts.len() == 1;
    let told = counts.into_iter().filter(|(context, _)| !context.is_empty()).map(|(context, count)| {
        if is_one { context.to_owned() } else { format!("{context} {}", text::count(count)) }
    });
    told.collect::<Vec<_>>().join(", ")
}

/// Where a data set is from: of a JSON source what says it, as `wine.csv` in `{"uri": "wine.csv"}`.
pub fn source(used: &UsedDataset) -> String {
    let source = &used.dataset.source;
    let parsed: Option<serde_json::Map<String, serde_json::Value>> = serde_json::from_str(source).ok();
    let told = parsed.as_ref().and_then(|parsed| {
        let keys = ["uri", "url", "path", "delta_table_name", "table_name"];
        keys.iter().find_map(|key| parsed.get(*key)?.as_str())
    });
    let kind = &used.dataset.source_type;
    format!("{kind} {}", told.unwrap_or(source)).trim().to_owned()
}
