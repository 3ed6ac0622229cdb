//! What is planned for an experiment, and kept until it is begun again.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::objective::command::CommandRequest;
use super::request::SweepRequest;

/// What is planned for an experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum PlannedSweep {
    /// Our own estimators on a table.
    Table(SweepRequest),
    /// Runs of a command.
    Command(PlannedCommand),
}

/// A command, and where it runs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PlannedCommand {
    /// What is asked for.
    #[serde(flatten)]
    pub request: CommandRequest,
    /// The folder that it runs in.
    pub folder: PathBuf,
}

/// What has a command is one; a plan of an earlier version has none.
impl<'de> Deserialize<'de> for PlannedSweep {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let plan = Json::deserialize(input)?;
        let read = if plan.get("command").is_some() {
            serde_json::from_value(plan).map(Self::Command)
        } else {
            serde_json::from_value(plan).map(Self::Table)
        };
        read.map_err(serde::de::Error::custom)
    }
}

impl PlannedSweep {
    /// Trials that it has at most, where it says so.
    pub fn trials(&self) -> Option<usize> {
        match self {
            Self::Table(request) => request.trials,
            Self::Command(planned) => planned.request.trials,
        }
    }

    /// What is trained, in few words: the data, or the command.
    pub fn subject(&self) -> String {
        match self {
            Self::Table(request) => request.data.clone(),
            Self::Command(planned) => planned.request.command.join(" "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_read_back_and_those_of_an_earlier_version_are_of_a_table() {
        let command = PlannedCommand {
            request: CommandRequest {
                command: vec!["python".into(), "train.py".into()],
                params: vec!["lr=1e-5..0.1:log".into()],
                metric: Some("loss:min".into()),
                timeout: Some(60.0),
                ..CommandRequest::default()
            },
            folder: "/work".into(),
        };
        let table = SweepRequest { data: "iris".into(), ..SweepRequest::default() };
        for plan in [PlannedSweep::Command(command), PlannedSweep::Table(table.clone())] {
            let text = serde_json::to_string(&plan).unwrap();
            assert_eq!(serde_json::from_str::<PlannedSweep>(&text).unwrap(), plan);
        }
        let old = serde_json::to_string(&table).unwrap();
        assert_eq!(serde_json::from_str::<PlannedSweep>(&old).unwrap(), PlannedSweep::Table(table));
    }
}
