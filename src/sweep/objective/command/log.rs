//! What is logged of a sweep of a command.

use super::{CommandPlan, param};
use crate::sweep::engine::record::Log;
use crate::sweep::engine::rules::{Mode, Rules};
use crate::sweep::engine::trial::Measured;
use crate::sweep::header::SweepHeader;
use crate::sweep::search::Proposal;
use crate::text::json;
use crate::text::shell::quoted;

/// The names, made of what the sweep was begun with.
#[derive(Debug)]
pub struct CommandLog {
    rules: Rules,
    plan: CommandPlan,
    folder: String,
    command: String,
    command_in_a_tag: String,
}

impl CommandLog {
    /// Of the sweep with this header.
    pub fn new(header: &SweepHeader, plan: &CommandPlan) -> Self {
        Self {
            rules: header.plan.rules.clone(),
            plan: plan.clone(),
            folder: header.folder.display().to_string(),
            command: header.command(),
            command_in_a_tag: header.command_in_a_tag(),
        }
    }
}

impl Log for CommandLog {
    fn command(&self) -> String {
        self.command_in_a_tag.clone()
    }

    fn sweep_params(&self) -> Vec<(String, String)> {
        let rules = &self.rules;
        let command: Vec<String> = self.plan.command.iter().map(|word| quoted(word)).collect();
        let mode = if rules.mode == Mode::Min { "min" } else { "max" };
        let dimensions = rules.spaces.iter().flat_map(|space| &space.dimensions);
        let searched: Vec<String> = dimensions.map(param::written).collect();
        let mut params = vec![
            ("command", command.join(" ")),
            ("folder", self.folder.clone()),
            ("metric", rules.metric.clone()),
            ("mode", mode.to_owned()),
            ("method", rules.method.as_str().to_owned()),
            ("seed", rules.seed.to_string()),
        ];
        params.extend((!searched.is_empty()).then(|| ("params", searched.join(" "))));
        params.extend(rules.trials.map(|trials| ("trials", trials.to_string())));
        params.extend(rules.seconds.map(|seconds| ("seconds", seconds.to_string())));
        params.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn sweep_files(&self) -> Vec<(String, Vec<u8>)> {
        let space = json::pretty(&self.rules.spaces).unwrap_or_default();
        let names = self.plan.environment.join("\n");
        vec![
            ("search_space.json".to_owned(), space),
            ("command.txt".to_owned(), format!("{}\n", self.command).into_bytes()),
            ("environment.txt".to_owned(), format!("{names}\n").into_bytes()),
        ]
    }

    fn trial_name(&self, number: usize, proposal: &Proposal) -> String {
        proposal.trial_name(number)
    }

    fn trial_params(&self, proposal: &Proposal) -> Vec<(String, String)> {
        proposal.params.iter().map(|(key, value)| (key.clone(), value.to_string())).collect()
    }

    fn metric(&self) -> String {
        self.rules.metric.clone()
    }

    fn of_step(&self, _: &Measured) -> Vec<(String, f64)> {
        Vec::new()
    }

    fn of_last(&self, _: &Measured) -> Vec<(String, f64)> {
        Vec::new()
    }

    fn of_result(&self, _: &[Option<f64>], _: &[Option<f64>]) -> Vec<(String, f64)> {
        Vec::new()
    }

    fn is_of_scripts(&self) -> bool {
        true
    }

    fn pruned(&self, step: usize, is_by_hand: bool) -> String {
        let pruned = if is_by_hand { "pruned by hand" } else { "pruned" };
        if step == 0 { pruned.to_owned() } else { format!("{pruned} at step {step}") }
    }
}
