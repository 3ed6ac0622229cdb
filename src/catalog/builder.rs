//! The one place that changes a catalogue.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::texts::{Interner, Sym};
use super::{Catalog, Column, Keyed, Row, RunRow};
use crate::mlflow::RunId;
use crate::store::batch::{Head, RunBatch};

/// Folds batches into a catalogue and hands out snapshots.
#[derive(Debug, Default)]
pub struct Builder {
    interner: Interner,
    runs: Arc<Vec<RunRow>>,
    row_of: FxHashMap<Sym, Row>,
    metrics: Indexed<f64>,
    params: Indexed<Sym>,
    tags: Indexed<Sym>,
    /// What the numbers in the batches of the scan under way mean.
    scan: Meaning,
    count: usize,
}

/// From a scan's numbers to the catalogue's.
#[derive(Debug, Default)]
struct Meaning {
    texts: Vec<Vec<Sym>>,
    rows: Vec<Row>,
}

impl Builder {
    /// Folds in a batch of a scan; batches of a part come in their order.
    pub fn fold(&mut self, batch: &RunBatch) {
        let mut meaning = std::mem::take(&mut self.scan);
        self.fold_with(batch, &mut meaning);
        self.scan = meaning;
    }

    /// Folds in a batch that stands for itself, such as one of changes.
    pub fn fold_changes(&mut self, batch: &RunBatch) {
        self.fold_with(batch, &mut Meaning::default());
    }

    /// Forgets the numbers of a scan that is over.
    pub fn end_scan(&mut self) {
        self.scan = Meaning::default();
    }

    /// Takes runs out of sight.
    pub fn remove(&mut self, ids: &[RunId]) {
        for id in ids {
            let sym = self.interner.intern(id.as_str());
            if let Some(row) = self.row_of.get(&sym) {
                let run = &mut Arc::make_mut(&mut self.runs)[*row as usize];
                self.count -= usize::from(run.present);
                run.present = false;
            }
        }
    }

    /// The catalogue as it is now.
    pub fn snapshot(&mut self) -> Catalog {
        self.metrics.seal();
        self.params.seal();
        self.tags.seal();
        Catalog {
            texts: self.interner.texts.clone(),
            runs: Arc::clone(&self.runs),
            metrics: self.metrics.keyed.clone(),
            params: self.params.keyed.clone(),
            tags: self.tags.keyed.clone(),
            count: self.count,
        }
    }

    fn fold_with(&mut self, batch: &RunBatch, meaning: &mut Meaning) {
        if meaning.texts.len() <= batch.part {
            meaning.texts.resize_with(batch.part + 1, Vec::new);
        }
        let Meaning { texts, rows } = meaning;
        let texts = &mut texts[batch.part];
        texts.extend(batch.texts().map(|text| self.interner.intern(text)));
        for head in &batch.heads {
            rows.push(self.head(head, texts));
        }
        if batch.replaces {
            self.tags.remove_rows(rows);
        }
        for cell in &batch.metrics {
            self.metrics.set(texts[cell.key as usize], rows[cell.run as usize], cell.value);
        }
        for cell in &batch.params {
            self.params.set(texts[cell.key as usize], rows[cell.run as usize], texts[cell.value as usize]);
        }
        for cell in &batch.tags {
            self.tags.set(texts[cell.key as usize], rows[cell.run as usize], texts[cell.value as usize]);
        }
    }

    fn head(&mut self, head: &Head, texts: &[Sym]) -> Row {
        let run_id = texts[head.run_id as usize];
        let uri = self.interner.texts.get(texts[head.artifact_uri as usize]);
        let pattern = uri.replace(self.interner.texts.get(run_id), "\u{1}");
        let run = RunRow {
            run_id,
            experiment_id: texts[head.experiment_id as usize],
            name: texts[head.name as usize],
            user: texts[head.user as usize],
            artifact_pattern: self.interner.intern(&pattern),
            status: head.status,
            stage: head.stage,
            present: true,
            start_time: head.start_time,
            end_time: head.end_time,
        };
        let runs = Arc::make_mut(&mut self.runs);
        let row = *self.row_of.entry(run_id).or_insert(runs.len() as Row);
        match runs.get_mut(row as usize) {
            Some(known) => {
                self.count += usize::from(!known.present);
                *known = run;
            }
            None => {
                self.count += 1;
                runs.push(run);
            }
        }
        row
    }
}

/// Columns with an index by key.
#[derive(Debug)]
struct Indexed<T> {
    keyed: Keyed<T>,
    index: FxHashMap<Sym, u32>,
}

impl<T> Default for Indexed<T> {
    fn default() -> Self {
        Self { keyed: Keyed::default(), index: FxHashMap::default() }
    }
}

impl<T: Copy> Indexed<T> {
    fn set(&mut self, key: Sym, row: Row, value: T) {
        let Keyed { keys, columns } = &mut self.keyed;
        let at = *self.index.entry(key).or_insert_with(|| {
            keys.push(key);
            columns.push(Arc::default());
            keys.len() as u32 - 1
        });
        let column = Arc::make_mut(&mut columns[at as usize]);
        if column.sorted {
            match column.rows.last() {
                Some(last) if *last >= row => {
                    if let Ok(known) = column.rows.binary_search(&row) {
                        column.values[known] = value;
                        return;
                    }
                    column.sorted = false;
                }
                _ => {}
            }
        }
        column.rows.push(row);
        column.values.push(value);
    }

    /// Takes out all values of these rows.
    fn remove_rows(&mut self, rows: &[Row]) {
        self.seal();
        for column in &mut self.keyed.columns {
            if rows.iter().any(|row| column.rows.binary_search(row).is_ok()) {
                let column = Arc::make_mut(column);
                for row in rows {
                    if let Ok(at) = column.rows.binary_search(row) {
                        column.rows.remove(at);
                        column.values.remove(at);
                    }
                }
            }
        }
    }

    /// Puts rows in order; of several values of a row the last one stays.
    fn seal(&mut self) {
        for column in &mut self.keyed.columns {
            if column.sorted {
                continue;
            }
            let column = Arc::make_mut(column);
            let mut pairs: Vec<(Row, T)> = column.iter().collect();
            pairs.sort_by_key(|(row, _)| *row);
            let mut sorted = Column {
                rows: Vec::with_capacity(pairs.len()),
                values: Vec::with_capacity(pairs.len()),
                sorted: true,
            };
            for (i, (row, value)) in pairs.iter().enumerate() {
                if pairs.get(i + 1).is_none_or(|(next, _)| next != row) {
                    sorted.rows.push(*row);
                    sorted.values.push(*value);
                }
            }
            *column = sorted;
        }
    }
}
