//! The one place that changes a catalogue.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::summaries::SummaryTracker;
use super::texts::{Interner, Sym, Texts};
use super::{Catalog, Column, Keyed, Row, RunRow};
use crate::mlflow::RunId;
use crate::mlflow::filter::{DatasetField, same_number};
use crate::store::batch::{Head, RunBatch};
use crate::store::{DatasetUse, UsedDataset};

/// Folds batches into a catalogue and hands out snapshots.
#[derive(Debug, Default)]
pub struct Builder {
    interner: Interner,
    runs: Arc<Vec<RunRow>>,
    row_of: FxHashMap<Sym, Row>,
    metrics: Indexed<f64>,
    params: Indexed<Sym>,
    tags: Indexed<Sym>,
    inputs: Indexed<Sym>,
    pub(super) summaries: SummaryTracker,
    /// Histories may have grown wherever a run comes up again: a local store names the runs that somebody wrote to.
    pub(super) outdates_histories: bool,
    /// The order of the runs, as of the last snapshot, and the runs that it was made for.
    order: Order,
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

    /// Folds in a batch that stands for itself, such as one of changes; true if anything is different now.
    pub fn fold_changes(&mut self, batch: &RunBatch) -> bool {
        self.fold_with(batch, &mut Meaning::default())
    }

    /// Takes in which data sets runs were given; true if anything is different now. What a run was given is never taken back.
    pub fn fold_data_sets(&mut self, used: &[UsedDataset]) -> bool {
        let mut of_runs: FxHashMap<Row, Vec<[&str; 3]>> = FxHashMap::default();
        for UsedDataset { dataset, uses } in used {
            for DatasetUse { run, context } in uses {
                if let Some(row) = self.row(run) {
                    of_runs.entry(row).or_default().push([&dataset.name, &dataset.digest, context]);
                }
            }
        }
        let fields = [DatasetField::Name, DatasetField::Digest, DatasetField::Context];
        let keys = fields.map(|field| self.interner.intern(field.as_str()));
        let mut rows: Vec<Row> = of_runs.keys().copied().collect();
        rows.sort_unstable();
        let mut changed = false;
        for row in rows {
            for (at, key) in keys.into_iter().enumerate() {
                // What several have in common is said once.
                let mut words: Vec<&str> = Vec::new();
                for input in &of_runs[&row] {
                    if !input[at].is_empty() && !words.contains(&input[at]) {
                        words.push(input[at]);
                    }
                }
                if !words.is_empty() {
                    let value = self.interner.intern(&words.join(", "));
                    changed |= self.inputs.set(key, row, value, self.runs.len());
                }
            }
        }
        changed
    }

    /// Forgets the numbers of a scan that is over.
    pub fn end_scan(&mut self) {
        self.scan = Meaning::default();
    }

    /// Takes runs out of sight; true if any of them was to be seen.
    pub fn remove(&mut self, ids: &[RunId]) -> bool {
        let before = self.count;
        for id in ids {
            let sym = self.interner.intern(id.as_str());
            if let Some(row) = self.row_of.get(&sym).map(|row| *row as usize)
                && self.runs[row].present
            {
                Arc::make_mut(&mut self.runs)[row].present = false;
                self.count -= 1;
            }
        }
        self.count != before
    }

    /// The catalogue as it is now.
    pub fn snapshot(&mut self) -> Catalog {
        let texts = &self.interner.texts;
        self.metrics.seal(texts);
        self.params.seal(texts);
        self.tags.seal(texts);
        self.inputs.seal(texts);
        self.order.follow(&self.runs, texts);
        Catalog {
            texts: self.interner.texts.clone(),
            runs: Arc::clone(&self.runs),
            metrics: self.metrics.keyed.clone(),
            params: self.params.keyed.clone(),
            tags: self.tags.keyed.clone(),
            inputs: self.inputs.keyed.clone(),
            summaries: self.summaries.snapshot(),
            count: self.count,
            newest_first: Arc::clone(&self.order.newest_first),
            active: Arc::clone(&self.order.active),
        }
    }

    /// The number of a text, wherever it is from.
    pub(super) fn intern(&mut self, text: &str) -> Sym {
        self.interner.intern(text)
    }

    pub(super) fn text(&self, sym: Sym) -> &str {
        self.interner.texts.get(sym)
    }

    pub(super) fn runs(&self) -> &[RunRow] {
        &self.runs
    }

    /// The row of a run, present or not.
    pub(super) fn row(&mut self, id: &RunId) -> Option<Row> {
        let sym = self.interner.intern(id.as_str());
        self.row_of.get(&sym).copied()
    }

    /// The rows that have a value of a metric.
    pub(super) fn rows_with_metric(&self, key: Sym) -> impl Iterator<Item = Row> + '_ {
        let column = self.metrics.index.get(&key).map(|at| &self.metrics.keyed.columns[*at as usize]);
        column.into_iter().flat_map(|column| column.rows.iter().copied())
    }

    fn fold_with(&mut self, batch: &RunBatch, meaning: &mut Meaning) -> bool {
        let mut changed = false;
        if meaning.texts.len() <= batch.part {
            meaning.texts.resize_with(batch.part + 1, Vec::new);
        }
        let Meaning { texts, rows } = meaning;
        let texts = &mut texts[batch.part];
        texts.extend(batch.texts().map(|text| self.interner.intern(text)));
        for head in &batch.heads {
            let (row, is_new) = self.head(head, texts);
            rows.push(row);
            changed |= is_new;
            if self.outdates_histories && batch.replaces {
                self.summaries.outdate_run(row);
            }
        }
        if batch.replaces {
            // Of all that a run can have, only tags can go away again.
            let kept =
                batch.tags.iter().map(|cell| (rows[cell.run as usize], texts[cell.key as usize])).collect();
            changed |= self.tags.keep_only(rows, &kept);
        }
        let runs = self.runs.len();
        for cell in &batch.metrics {
            let (key, row) = (texts[cell.key as usize], rows[cell.run as usize]);
            if self.metrics.set(key, row, cell.value, runs) {
                changed = true;
                self.summaries.outdate(key, row);
            }
        }
        for cell in &batch.params {
            changed |= self.params.set(
                texts[cell.key as usize],
                rows[cell.run as usize],
                texts[cell.value as usize],
                runs,
            );
        }
        for cell in &batch.tags {
            changed |= self.tags.set(
                texts[cell.key as usize],
                rows[cell.run as usize],
                texts[cell.value as usize],
                runs,
            );
        }
        changed
    }

    /// Takes in a head; returns the run's row, and whether anything of it is different now.
    fn head(&mut self, head: &Head, texts: &[Sym]) -> (Row, bool) {
        let run_id = texts[head.run_id as usize];
        let run = RunRow {
            run_id,
            experiment_id: texts[head.experiment_id as usize],
            name: texts[head.name as usize],
            user: texts[head.user as usize],
            artifact_pattern: texts[head.artifact_pattern as usize],
            status: head.status,
            stage: head.stage,
            present: true,
            start_time: head.start_time,
            end_time: head.end_time,
        };
        let row = *self.row_of.entry(run_id).or_insert(self.runs.len() as Row);
        match self.runs.get(row as usize).copied() {
            Some(known) if known == run => return (row, false),
            Some(known) => {
                self.count += usize::from(!known.present);
                Arc::make_mut(&mut self.runs)[row as usize] = run;
            }
            None => {
                self.count += 1;
                Arc::make_mut(&mut self.runs).push(run);
            }
        }
        (row, true)
    }
}

/// The order in which runs are shown that nothing else orders.
#[derive(Debug, Default)]
struct Order {
    runs: Arc<Vec<RunRow>>,
    newest_first: Arc<Vec<Row>>,
    active: Arc<Vec<Row>>,
}

impl Order {
    /// Brings the order up to date if the runs are others than before.
    fn follow(&mut self, runs: &Arc<Vec<RunRow>>, texts: &Texts) {
        if Arc::ptr_eq(&self.runs, runs) {
            return;
        }
        self.runs = Arc::clone(runs);
        let run = |row: Row| &runs[row as usize];
        let present = (0..runs.len() as Row).filter(|row| run(*row).present);
        let mut order: Vec<(i64, Row)> = present.map(|row| (run(row).start_time, row)).collect();
        order.sort_unstable_by(|(time_a, a), (time_b, b)| {
            time_b.cmp(time_a).then_with(|| texts.get(run(*a).run_id).cmp(texts.get(run(*b).run_id)))
        });
        let rows: Vec<Row> = order.into_iter().map(|(_, row)| row).collect();
        self.active = Arc::new(rows.iter().copied().filter(|row| run(*row).status.is_active()).collect());
        self.newest_first = Arc::new(rows);
    }
}

/// Whether two values are the same logged value.
trait Same: Copy {
    fn is_same(self, other: Self) -> bool;
}

impl Same for f64 {
    fn is_same(self, other: Self) -> bool {
        same_number(self, other)
    }
}

impl Same for Sym {
    fn is_same(self, other: Self) -> bool {
        self == other
    }
}

/// So many values tell how many there will be, and no more than so many times as many are foreseen.
const TELLING: usize = 64;
const FORESEEN: usize = 8;

/// A column that has room for one value more. Where it needs more room, or is copied, it gets as much as all of its runs will
/// need: the heads of all runs come before their values.
fn with_room<T: Copy>(column: &mut Arc<Column<T>>, runs: usize) -> &mut Column<T> {
    let length = column.rows.len();
    let is_full = length == column.rows.capacity();
    let is_shared = Arc::strong_count(column) > 1;
    if length > 0 && (is_full || is_shared) {
        // As if they were spread over the runs to come as over those before, where there are enough to tell.
        let before = column.rows.last().map_or(1, |last| *last as usize + 1).max(length);
        let foreseen = (length * runs).div_ceil(before).min(runs).min(length * FORESEEN);
        let room = if length < TELLING { 0 } else { foreseen }.max(length + length / 2 + 4);
        if is_shared {
            let mut roomy = Column {
                rows: Vec::with_capacity(room),
                values: Vec::with_capacity(room),
                sorted: column.sorted,
            };
            roomy.rows.extend_from_slice(&column.rows);
            roomy.values.extend_from_slice(&column.values);
            *column = Arc::new(roomy);
        } else {
            let column = Arc::make_mut(column);
            column.rows.reserve_exact(room - length);
            column.values.reserve_exact(room - length);
        }
    }
    Arc::make_mut(column)
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

impl<T: Same> Indexed<T> {
    /// Sets a value; true if it is another than before. An unchanged column stays shared with its snapshots.
    /// There are so many runs by now.
    fn set(&mut self, key: Sym, row: Row, value: T, runs: usize) -> bool {
        let Keyed { keys, columns, .. } = &mut self.keyed;
        let at = *self.index.entry(key).or_insert_with(|| {
            keys.push(key);
            columns.push(Arc::default());
            keys.len() as u32 - 1
        });
        let column = &mut columns[at as usize];
        let mut stays_sorted = column.sorted;
        if column.sorted && column.rows.last().is_some_and(|last| *last >= row) {
            if let Ok(known) = column.rows.binary_search(&row) {
                if column.values[known].is_same(value) {
                    return false;
                }
                Arc::make_mut(column).values[known] = value;
                return true;
            }
            stays_sorted = false;
        }
        let column = with_room(column, runs);
        column.sorted = stays_sorted;
        column.rows.push(row);
        column.values.push(value);
        true
    }

    /// Takes out the values of these rows but for the kept ones; true if there were any.
    fn keep_only(&mut self, rows: &[Row], kept: &FxHashSet<(Row, Sym)>) -> bool {
        self.sort_rows();
        let mut changed = false;
        for (key, column) in self.keyed.keys.iter().zip(&mut self.keyed.columns) {
            for row in rows.iter().filter(|row| !kept.contains(&(**row, *key))) {
                if let Ok(at) = column.rows.binary_search(row) {
                    let column = Arc::make_mut(column);
                    column.rows.remove(at);
                    column.values.remove(at);
                    changed = true;
                }
            }
        }
        changed
    }

    /// Makes everything ready to be read.
    fn seal(&mut self, texts: &Texts) {
        self.sort_rows();
        let keys = &self.keyed.keys;
        if self.keyed.by_text.len() != keys.len() {
            let mut places: Vec<u32> = (0..keys.len() as u32).collect();
            places.sort_unstable_by_key(|at| texts.get(keys[*at as usize]));
            self.keyed.by_text = Arc::new(places);
        }
    }

    /// Puts rows in order; of several values of a row the last one stays.
    fn sort_rows(&mut self) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_gets_room_for_all_runs_where_its_values_tell_how_many_there_will_be() {
        let filled = |values: u32, runs: usize| {
            let mut column: Arc<Column<f64>> = Arc::default();
            for row in 0..values {
                let column = with_room(&mut column, runs);
                column.rows.push(row);
                column.values.push(0.0);
            }
            column.rows.capacity()
        };
        assert_eq!(filled(90_000, 100_000), 100_000, "no more than there are runs");
        assert!(filled(10, 100_000) < 32, "a few values tell nothing");
        assert!(filled(1_000, 1_000_000) <= 8_192, "nor do some of the rest of a very long list");
        let mut shared: Arc<Column<f64>> = Arc::default();
        with_room(&mut shared, 9).rows.push(3);
        let before = Arc::clone(&shared);
        with_room(&mut shared, 9).rows.push(4);
        assert_eq!((before.rows.as_slice(), shared.rows.as_slice()), (&[3][..], &[3, 4][..]));
    }
}
