//! What is logged of a sweep of estimators: the names of params, metrics and files.

use super::TabularPlan;
use crate::learn::report::DataReport;
use crate::learn::scores::{self, Score};
use crate::sweep::engine::record::Log;
use crate::sweep::engine::rules::Rules;
use crate::sweep::engine::trial::Measured;
use crate::sweep::header::SweepHeader;
use crate::sweep::search::Proposal;
use crate::text::json;

/// The names, made of what the sweep was begun with.
#[derive(Debug)]
pub struct TabularLog {
    rules: Rules,
    metric: String,
    scores: Vec<Score>,
    plan: TabularPlan,
    report: Option<DataReport>,
    command: String,
    command_in_a_tag: String,
}

impl TabularLog {
    /// Of the sweep with this header.
    pub fn new(header: &SweepHeader, plan: &TabularPlan) -> Self {
        Self {
            rules: header.plan.rules.clone(),
            metric: header.plan.metric(),
            scores: scores::measured(plan.task, &header.plan.rules.metric),
            plan: plan.clone(),
            report: header.report.clone(),
            command: header.command(),
            command_in_a_tag: header.command_in_a_tag(),
        }
    }

    /// What folds go by, where that is not chance, how often they are dealt if more than once, and what rows are weighted by.
    fn ways_of_rows(&self) -> Vec<(&'static str, String)> {
        let (split, weights) = (&self.plan.split, &self.plan.weights);
        let repeats = (split.repeats > 1).then(|| split.repeats.to_string());
        let params = [
            ("repeats", repeats),
            ("time_column", split.time_column.clone()),
            ("group_column", split.group_column.clone()),
            ("weight_column", weights.weight_column.clone()),
            ("class_weight", weights.class_weight.as_ref().map(ToString::to_string)),
        ];
        params.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }

    fn named(&self, prefix: &str, suffix: &str, values: &[Option<f64>]) -> Vec<(String, f64)> {
        let named = self.scores.iter().zip(values);
        named
            .filter_map(|(score, value)| Some((format!("{prefix}_{}{suffix}", score.name), (*value)?)))
            .collect()
    }
}

impl Log for TabularLog {
    fn command(&self) -> String {
        self.command_in_a_tag.clone()
    }

    fn sweep_params(&self) -> Vec<(String, String)> {
        let (rules, tabular) = (&self.rules, &self.plan);
        let families: Vec<_> = rules.spaces.iter().map(|space| space.family.as_str()).collect();
        let mut params = vec![
            ("data", tabular.data.clone()),
            ("target", tabular.target.clone()),
            ("task", tabular.task.as_str().to_owned()),
            ("metric", self.metric.clone()),
            ("families", families.join(", ")),
            ("method", rules.method.as_str().to_owned()),
            ("folds", tabular.split.folds.to_string()),
            ("test_size", tabular.split.test_size.to_string()),
            ("seed", rules.seed.to_string()),
        ];
        params.extend(self.ways_of_rows());
        let leaks = self.report.iter().flat_map(DataReport::leaks).map(|(column, _)| column);
        let leaks = leaks.collect::<Vec<_>>().join(", ");
        params.extend(Some(("suspected_leaks", leaks)).filter(|(_, leaks)| !leaks.is_empty()));
        params.extend(rules.trials.map(|trials| ("trials", trials.to_string())));
        params.extend(rules.ensemble.then(|| ("ensemble", "true".to_owned())));
        params.extend(rules.seconds.map(|seconds| ("seconds", seconds.to_string())));
        params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn sweep_files(&self) -> Vec<(String, Vec<u8>)> {
        let space = json::pretty(&self.rules.spaces).unwrap_or_default();
        let command = format!("{}\n", self.command).into_bytes();
        let mut files = vec![("search_space.json".to_owned(), space), ("command.txt".to_owned(), command)];
        if let Some(report) = &self.report {
            files.push(("data.json".to_owned(), json::pretty(report).unwrap_or_default()));
        }
        files
    }

    fn trial_name(&self, number: usize, proposal: &Proposal) -> String {
        proposal.trial_name(number)
    }

    fn trial_params(&self, proposal: &Proposal) -> Vec<(String, String)> {
        let named = proposal.params.iter().map(|(key, value)| (key.clone(), value.to_string()));
        let ways = self.ways_of_rows().into_iter().map(|(name, value)| (name.to_owned(), value));
        [("family".to_owned(), proposal.family.clone())].into_iter().chain(named).chain(ways).collect()
    }

    fn metric(&self) -> String {
        self.metric.clone()
    }

    fn of_step(&self, measured: &Measured) -> Vec<(String, f64)> {
        let mut metrics = self.named("fold", "", &measured.values);
        metrics.push(("fit_seconds".into(), measured.fit_seconds));
        metrics.push(("predict_seconds".into(), measured.predict_seconds));
        metrics
    }

    fn of_last(&self, measured: &Measured) -> Vec<(String, f64)> {
        let mut metrics = self.named("test", "", &measured.values);
        metrics.push(("refit_seconds".into(), measured.fit_seconds));
        metrics
    }

    fn of_curve(&self) -> String {
        format!("test_{}_by_round", self.metric.strip_prefix("val_").unwrap_or(&self.metric))
    }

    fn of_result(&self, means: &[Option<f64>], deviations: &[Option<f64>]) -> Vec<(String, f64)> {
        let mut metrics = self.named("val", "", means);
        metrics.extend(self.named("val", "_std", deviations));
        metrics
    }

    fn pruned(&self, reports: usize, is_by_hand: bool) -> String {
        let folds = self.plan.split.parts();
        if is_by_hand {
            format!("pruned by hand after {reports} of {folds} folds")
        } else {
            format!("pruned after {reports} of {folds} folds: worse than the median")
        }
    }
}
