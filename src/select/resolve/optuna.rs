//! What Optuna says of its trials. Its callback for MLflow logs the objective as the metric `value` (or another name; of
//! several `value_0`, `value_1`), and tags the run with `direction`: `MINIMIZE`, or `['MINIMIZE', 'MAXIMIZE']`.

use super::telling::is_system;
use crate::catalog::{Catalog, Row, Sym};
use crate::select::{Goal, MetricGoal, newest_active};

const DIRECTION: &str = "direction";
/// Objectives of one study that are read; nobody has so many.
const MOST: usize = 16;

/// The objectives of the study that most of the newest runs are trials of, and in which all of its trials agree.
pub fn optuna_directions(catalog: &Catalog) -> Vec<MetricGoal> {
    let Some(column) = catalog.tags.column(&catalog.texts, DIRECTION) else { return Vec::new() };
    let newest = newest_active(catalog);
    let trials: Vec<(Row, Sym)> = newest.iter().filter_map(|row| Some((*row, column.get(*row)?))).collect();
    if trials.len() * 2 < newest.len() {
        return Vec::new();
    }
    let mut directions = trials.iter().map(|(_, text)| directions(catalog.texts.get(*text)));
    let Some(Some(goals)) = directions.next() else { return Vec::new() };
    if directions.any(|other| other.as_ref() != Some(&goals)) {
        return Vec::new();
    }
    let has = |metric: &str| {
        let column = catalog.metrics.column(&catalog.texts, metric);
        column.is_some_and(|column| trials.iter().any(|(row, _)| column.get(*row).is_some()))
    };
    if let [goal] = goals[..] {
        let metric = ["value", "objective_value", "objective"].into_iter().find(|metric| has(metric));
        // Under another name it is the only one that the callback logs; MLflow itself may log those of the machine.
        let metric = metric.or_else(|| {
            let keys = catalog.metrics.keys(&catalog.texts).map(|(key, _)| key);
            let mut others = keys.filter(|key| !is_system(key));
            let only = others.by_ref().find(|key| has(key))?;
            (!others.any(&has)).then_some(only)
        });
        return metric.map(|metric| MetricGoal::new(metric, goal)).into_iter().collect();
    }
    let numbered = goals.iter().enumerate();
    let objectives: Vec<MetricGoal> =
        numbered.map(|(at, goal)| MetricGoal::new(format!("value_{at}"), *goal)).collect();
    let is_there = objectives.iter().all(|objective| has(&objective.metric));
    if is_there { objectives } else { Vec::new() }
}

/// The directions of a study, of each of its objectives, as `MINIMIZE`, `StudyDirection.MINIMIZE` or a list of them.
fn directions(text: &str) -> Option<Vec<Goal>> {
    let list = text.trim().trim_start_matches('[').trim_end_matches(']');
    let goals = list.split(',').take(MOST + 1).map(|word| {
        let word = word.trim().trim_matches(['\'', '"']);
        match word.rsplit('.').next() {
            Some("MINIMIZE") => Some(Goal::Minimize),
            Some("MAXIMIZE") => Some(Goal::Maximize),
            _ => None,
        }
    });
    goals.collect::<Option<Vec<Goal>>>().filter(|goals| goals.len() <= MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directions_are_read_as_optuna_writes_them() {
        let (down, up) = (Goal::Minimize, Goal::Maximize);
        assert_eq!(directions("MINIMIZE"), Some(vec![down]));
        assert_eq!(directions("StudyDirection.MAXIMIZE"), Some(vec![up]));
        assert_eq!(directions("['MINIMIZE', 'MAXIMIZE']"), Some(vec![down, up]));
        for other in ["", "NOT_SET", "north", "minimize the loss", "['MINIMIZE', 'north']", "[]"] {
            assert_eq!(directions(other), None, "{other}");
        }
    }
}
