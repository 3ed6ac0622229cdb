//! Where a run stands with a single value among all runs that are shown.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::effects::Effect;
use crate::catalog::view::{LineKind, Projection};
use crate::catalog::{Catalog, Row, Sym};
use crate::mlflow::order::rank;
use crate::mlflow::tags;
use crate::select::Goal;
use crate::tui::core::remote::{Remote, Ticket};

/// The values of a metric among the runs that are shown, in ascending order; NaN and infinity are none.
pub type Values = Vec<(String, Vec<f64>)>;

#[derive(Debug, Default)]
pub struct Standings {
    fetched: Remote<Values>,
    asked: Option<Asked>,
}

/// What values were asked for.
#[derive(Debug)]
struct Asked {
    catalog: Arc<Catalog>,
    projection: Arc<Projection>,
    keys: Vec<String>,
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Standing {
    /// 1 for the best one; where nobody knows what is better, for the highest.
    pub place: usize,
    /// Runs with a value.
    pub of: usize,
    /// How far it is from the worst value (0) to the best (1).
    pub share: f64,
}

impl Standings {
    /// Asks for the values of metrics, unless that was the last question.
    pub fn want<'a>(
        &mut self,
        catalog: &Arc<Catalog>,
        projection: &Arc<Projection>,
        keys: impl Iterator<Item = &'a str> + Clone,
    ) -> Option<Effect> {
        keys.clone().next()?;
        let is_asked = self.asked.as_ref().is_some_and(|asked| {
            Arc::ptr_eq(&asked.catalog, catalog)
                && Arc::ptr_eq(&asked.projection, projection)
                && keys.clone().all(|key| asked.keys.iter().any(|known| known == key))
        });
        if is_asked {
            return None;
        }
        let asked = Asked {
            catalog: Arc::clone(catalog),
            projection: Arc::clone(projection),
            keys: keys.map(str::to_owned).collect(),
        };
        let (catalog, projection, keys) = (Arc::clone(catalog), Arc::clone(projection), asked.keys.clone());
        self.asked = Some(asked);
        Some(Effect::Rank { ticket: self.fetched.ask(), catalog, projection, keys })
    }

    pub fn take(&mut self, ticket: Ticket, values: Values, now: i64) {
        self.fetched.take(ticket, Ok(values), now);
    }

    /// Where a value of a metric stands; nothing where it is the only one, or no number.
    pub fn of(&self, key: &str, value: f64, goal: Option<Goal>) -> Option<Standing> {
        let (_, values) = self.fetched.value()?.iter().find(|(known, _)| known == key)?;
        if values.len() < 2 || !value.is_finite() {
            return None;
        }
        let (below, upto) =
            (values.partition_point(|other| *other < value), values.partition_point(|other| *other <= value));
        let is_least_best = goal == Some(Goal::Minimize);
        let place = 1 + if is_least_best { below } else { values.len() - upto };
        let (low, high) = (*values.first()?, *values.last()?);
        // Where all are the same, nobody is ahead.
        if high <= low {
            return None;
        }
        // Halves: all there is between may be more than a number holds.
        let share = ((value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0)).clamp(0.0, 1.0);
        Some(Standing { place, of: values.len(), share: if is_least_best { 1.0 - share } else { share } })
    }
}

/// The latest values of metrics of the runs that a view shows.
pub fn values(catalog: &Catalog, projection: &Projection, keys: &[String]) -> Values {
    let shown = Shown::new(catalog, projection);
    let of = |key: &String| {
        let mut values: Vec<f64> = shown.values(key).into_iter().map(|(value, _)| value).collect();
        values.sort_unstable_by_key(|value| rank(*value));
        (key.clone(), values)
    };
    keys.iter().map(of).collect()
}

/// The latest values of a metric of the runs that a view shows, and whose they are.
pub fn ranked(catalog: &Catalog, projection: &Projection, key: &str) -> Vec<(f64, Row)> {
    Shown::new(catalog, projection).values(key)
}

/// The runs that a view shows.
struct Shown<'a> {
    catalog: &'a Catalog,
    rows: Vec<Row>,
    children: FxHashMap<Sym, Vec<Row>>,
}

impl<'a> Shown<'a> {
    fn new(catalog: &'a Catalog, projection: &Projection) -> Self {
        // What stands there only for its children or its parent does not pass.
        let passing = projection.lines.iter().filter_map(|line| match line.kind {
            LineKind::Run(row) if !line.context => Some(row),
            LineKind::Run(_) | LineKind::Group(_) => None,
        });
        let rows: Vec<Row> = passing.collect();
        let mut children: FxHashMap<Sym, Vec<Row>> = FxHashMap::default();
        if let Some(parents) = catalog.tags.column(&catalog.texts, tags::PARENT_RUN_ID) {
            for row in &rows {
                if let Some(parent) = parents.get(*row) {
                    children.entry(parent).or_default().push(*row);
                }
            }
        }
        Self { catalog, rows, children }
    }

    fn values(&self, key: &str) -> Vec<(f64, Row)> {
        let Self { catalog, rows, children } = self;
        let Some(column) = catalog.metrics.column(&catalog.texts, key) else { return Vec::new() };
        // A parent that says again what one of its children says is no other result.
        let repeats = |row: Row| {
            let children = children.get(&catalog.run(row).run_id).into_iter().flatten();
            let own = column.get(row).map(f64::to_bits);
            children.copied().any(|child| column.get(child).map(f64::to_bits) == own)
        };
        let known = rows.iter().filter(|row| !repeats(**row));
        let values = known.filter_map(|row| Some((column.get(*row)?, *row)));
        // As where the best is chosen, what is infinite is out.
        values.filter(|(value, _)| value.is_finite()).collect()
    }
}

/// `3rd`, `21st`, `112th`.
pub fn ordinal(place: usize) -> String {
    let ending = match (place % 10, place % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{}{ending}", crate::text::count(place))
}

impl Standing {
    /// `3rd of 17`, `best of 17`; where nobody knows what is better, `3rd highest of 17`.
    pub fn in_words(&self, goal: Option<Goal>) -> String {
        let of = crate::text::count(self.of);
        match (self.place, goal) {
            (1, Some(_)) => format!("best of {of}"),
            (1, None) => format!("highest of {of}"),
            (place, Some(_)) => format!("{} of {of}", ordinal(place)),
            (place, None) => format!("{} highest of {of}", ordinal(place)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Builder;
    use crate::catalog::view::{View, project};
    use crate::mlflow::{LifecycleStage, Metric, Run, RunInfo, RunStatus, Tag};
    use crate::store::batch::whole_runs;

    #[test]
    fn a_value_stands_among_others() {
        let mut standings = Standings::default();
        let ticket = standings.fetched.ask();
        let values = vec![1.0, 2.0, 2.0, 4.0];
        standings.take(
            ticket,
            vec![("x".into(), values), ("one".into(), vec![1.0]), ("same".into(), vec![1.0, 1.0])],
            0,
        );
        let of =
            |value, goal| standings.of("x", value, goal).map(|found| (found.in_words(goal), found.share));
        let (up, down) = (Some(Goal::Maximize), Some(Goal::Minimize));
        assert_eq!(of(4.0, up), Some(("best of 4".into(), 1.0)));
        assert_eq!(of(2.0, up), Some(("2nd of 4".into(), 1.0 / 3.0)));
        assert_eq!(of(1.0, down), Some(("best of 4".into(), 1.0)));
        assert_eq!(of(1.0, None), Some(("4th highest of 4".into(), 0.0)));
        assert_eq!(of(f64::NAN, up), None);
        assert_eq!(of(f64::INFINITY, up), None, "where the best is chosen, it is out too");
        assert_eq!(standings.of("one", 1.0, up), None, "there is nobody to stand among");
        assert_eq!(standings.of("same", 1.0, up), None, "nobody is ahead");
        assert_eq!(standings.of("y", 1.0, up), None);
        assert_eq!(
            [1, 2, 3, 4, 11, 12, 21, 112, 1_001].map(ordinal).join(" "),
            "1st 2nd 3rd 4th 11th 12th 21st 112th 1,001st"
        );
    }

    #[test]
    fn a_parent_that_repeats_a_child_is_not_counted() {
        let run = |id: &str, parent: Option<&str>, value: f64| {
            let info = RunInfo {
                run_id: id.into(),
                run_name: id.to_owned(),
                experiment_id: "1".into(),
                user_id: String::new(),
                status: RunStatus::Finished,
                start_time: Some(1),
                end_time: Some(2),
                artifact_uri: String::new(),
                lifecycle_stage: LifecycleStage::Active,
            };
            let metrics = vec![Metric { key: "rmse".into(), value, timestamp: 1, step: 0 }];
            let tags = parent.map(|parent| Tag::new(tags::PARENT_RUN_ID, parent)).into_iter().collect();
            let (params, inputs, model_outputs) = (Vec::new(), Vec::new(), Vec::new());
            Run { info, metrics, params, tags, inputs, model_outputs }
        };
        let runs = [
            run("sweep", None, 0.5),
            run("a", Some("sweep"), 0.5),
            run("b", Some("sweep"), 0.7),
            run("own", None, 0.6),
            run("under", Some("own"), 0.9),
        ];
        let mut builder = Builder::default();
        builder.fold_changes(&whole_runs(&runs));
        let catalog = builder.snapshot();
        let projection = project(&catalog, &View::default(), 0);
        let values = values(&catalog, &projection, &["rmse".to_owned()]);
        assert_eq!(values, [("rmse".to_owned(), vec![0.5, 0.6, 0.7, 0.9])]);
    }
}
