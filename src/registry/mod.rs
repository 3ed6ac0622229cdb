//! What stands behind the versions of registered models: the runs and logged models that they were made from, and what these
//! are worth.
//!
//! Knows the store, and how a metric is chosen; nothing of screens and commands.

#![warn(missing_docs, clippy::missing_errors_doc)]

pub mod edit;
pub mod history;
mod measured;
mod nan;
mod origin;
mod points;

pub use measured::{Measured, is_of_beginning, judged_model, measured_model};
pub use nan::find_nan;
pub use origin::{VersionOrigin, origins};
pub use points::{PointLine, point_table};

use crate::mlflow::ModelVersion;
use crate::select::{MetricGoal, Patterns, Resolved, resolve};

/// The metric that versions are judged by where nobody names one, as for the runs of an experiment.
pub fn metric_of(origins: &[VersionOrigin], patterns: &Patterns) -> Option<MetricGoal> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for key in origins.iter().flat_map(|origin| origin.metrics().into_keys()) {
        match counts.iter_mut().find(|(known, _)| *known == key) {
            Some((_, count)) => *count += 1,
            None => counts.push((key, 1)),
        }
    }
    // Those that most versions have come first.
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let counts: Vec<(&str, usize)> = counts.iter().map(|(key, count)| (key.as_str(), *count)).collect();
    match resolve(None, &[], patterns, &counts, None, &[]) {
        Resolved::Policy(policy, _) => Some(policy.primary().clone()),
        Resolved::Undirected(..) | Resolved::Open => None,
    }
}

/// The version that an alias points to.
pub fn aliased<'a>(versions: &'a [ModelVersion], alias: &str) -> Option<&'a ModelVersion> {
    versions.iter().find(|version| version.aliases.iter().any(|known| known == alias))
}

/// What versions are called: `@champion`, `@challenger`.
pub fn badges(aliases: &[String]) -> String {
    aliases.iter().map(|alias| format!("@{alias}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::Goal;

    fn origin(run: &[(&str, f64)], model: &[(&str, f64)]) -> VersionOrigin {
        let owned =
            |pairs: &[(&str, f64)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), *value)).collect();
        VersionOrigin { run_metrics: owned(run), model_metrics: owned(model), ..VersionOrigin::default() }
    }

    #[test]
    fn the_value_of_a_model_stands_before_that_of_its_run() {
        let origin = origin(&[("val_loss", 0.5), ("lr", 1.0)], &[("val_loss", 0.4)]);
        assert_eq!(origin.value("val_loss"), Some(0.4));
        assert_eq!(origin.value("lr"), Some(1.0));
        assert_eq!(origin.value("absent"), None);
        assert_eq!(origin.metrics().len(), 2);
    }

    #[test]
    fn a_metric_with_a_known_direction_is_chosen() {
        let patterns = Patterns::default();
        let some = [origin(&[("epoch", 9.0), ("val_rmse", 0.5)], &[]), origin(&[("val_rmse", 0.4)], &[])];
        let chosen = metric_of(&some, &patterns).unwrap();
        assert_eq!((chosen.metric.as_str(), chosen.goal), ("val_rmse", Goal::Minimize));
        assert_eq!(metric_of(&[origin(&[("colour", 9.0)], &[])], &patterns), None);
    }
}
