//! How it stands with jobs, as `squeue`, `sacct` and `scontrol` tell it.
//!
//! The plain formats are asked for, not JSON. What is needed is an id and a state, and `-o '%i|%T'` says both in every version
//! from 21.08 to 25.05 by the same names: new versions have only added some. `squeue --json` is there with a plugin alone, ignores
//! `-u`, `-r` and `--name` until 23.02 and so has all jobs of everybody, has the rest of an array as one entry, and says the
//! state as a text until 22.05 and as a list later, and numbers as they are until 22.05 and as objects later.

use std::collections::HashMap;

/// What becomes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It waits for a node.
    Pending,
    /// It is on a node.
    Running,
    /// Its script ended with 0.
    Completed,
    /// Its script ended with something else.
    Failed,
    /// Somebody called it off.
    Cancelled,
    /// Its time was over.
    TimedOut,
    /// It took more memory than it had.
    OutOfMemory,
    /// Its node failed, or it had to leave it to another job.
    Lost,
}

impl JobState {
    /// As Slurm names it: in `CANCELLED by 1000` the first word counts. Flags stand in the place of the state that a job comes to,
    /// and pass. What is not known is taken to be under way: it is asked again.
    pub fn named(text: &str) -> Self {
        let word = text.split([' ', '+', ',']).next().unwrap_or_default();
        match word {
            "PENDING" | "REQUEUED" | "REQUEUE_HOLD" | "REQUEUE_FED" | "SPECIAL_EXIT" | "RESV_DEL_HOLD" => {
                Self::Pending
            }
            "COMPLETED" => Self::Completed,
            "FAILED" => Self::Failed,
            "CANCELLED" | "REVOKED" => Self::Cancelled,
            "TIMEOUT" | "DEADLINE" => Self::TimedOut,
            "OUT_OF_MEMORY" => Self::OutOfMemory,
            "NODE_FAIL" | "BOOT_FAIL" | "PREEMPTED" => Self::Lost,
            _ => Self::Running,
        }
    }

    /// Whether it has not ended.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Pending | Self::Running)
    }
}

/// The format that [`squeue`] reads.
pub const SQUEUE: &str = "%i|%T";

/// The jobs of `squeue -h -r -o '%i|%T'`, by their ids; elements of an array as `12_3`.
pub fn squeue(text: &str) -> HashMap<String, JobState> {
    text.lines().filter_map(job).collect()
}

/// The jobs of `sacct -n -P -X -o JobID,State`, by their ids.
pub fn sacct(text: &str) -> HashMap<String, JobState> {
    // Steps have a dot, and elements that still wait stand together in brackets: squeue knows those.
    text.lines().filter(|line| !line.contains(['.', '['])).filter_map(job).collect()
}

fn job(line: &str) -> Option<(String, JobState)> {
    let (id, state) = line.trim().split_once('|')?;
    let is_id = id.starts_with(|c: char| c.is_ascii_digit());
    is_id.then(|| (id.to_owned(), JobState::named(state.split('|').next().unwrap_or_default().trim())))
}

/// The id that `sbatch --parsable` prints, maybe with the name of a cluster behind it: `12;main`. Lines before it are those of a
/// site's plugins.
pub fn submitted(text: &str) -> Option<String> {
    let id = text.lines().rev().find_map(|line| line.trim().split(';').next().filter(|id| !id.is_empty()))?;
    id.chars().all(|c| c.is_ascii_digit()).then(|| id.to_owned())
}

/// The ids of jobs, or of the arrays that they are of, in a list of them: each once, the lowest before the others.
pub fn all_submitted(text: &str) -> Vec<String> {
    let ids = text.lines().filter_map(|line| line.trim().split(['_', '.', '+']).next()?.parse::<u64>().ok());
    let ids: std::collections::BTreeSet<u64> = ids.collect();
    ids.into_iter().map(|id| id.to_string()).collect()
}

/// A number among the settings that `scontrol show config` prints.
pub fn setting(text: &str, name: &str) -> Option<usize> {
    word_of(text, name)?.parse().ok()
}

/// The first word of one of these settings.
pub fn word_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.split('=').next().is_some_and(|key| key.trim() == name))?;
    line.split_once('=')?.1.split_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names that `squeue` and `sacct` have for states, and since which version.
    const NAMES: [(&str, JobState, &str); 29] = {
        use JobState::*;
        [
            ("PENDING", Pending, "21.08"),
            ("RUNNING", Running, "21.08"),
            ("SUSPENDED", Running, "21.08"),
            ("COMPLETED", Completed, "21.08"),
            ("CANCELLED", Cancelled, "21.08"),
            ("FAILED", Failed, "21.08"),
            ("TIMEOUT", TimedOut, "21.08"),
            ("NODE_FAIL", Lost, "21.08"),
            ("PREEMPTED", Lost, "21.08"),
            ("BOOT_FAIL", Lost, "21.08"),
            ("DEADLINE", TimedOut, "21.08"),
            ("OUT_OF_MEMORY", OutOfMemory, "21.08"),
            // Flags, which stand in the place of a state until they are taken away.
            ("COMPLETING", Running, "21.08"),
            ("STAGE_OUT", Running, "21.08"),
            ("CONFIGURING", Running, "21.08"),
            ("RESIZING", Running, "21.08"),
            ("REQUEUED", Pending, "21.08"),
            ("REQUEUE_FED", Pending, "21.08"),
            ("REQUEUE_HOLD", Pending, "21.08"),
            ("SPECIAL_EXIT", Pending, "21.08"),
            ("STOPPED", Running, "21.08"),
            ("REVOKED", Cancelled, "21.08"),
            ("RESV_DEL_HOLD", Pending, "21.08"),
            ("SIGNALING", Running, "21.08"),
            ("LAUNCH_FAILED", Running, "23.02"),
            ("POWER_UP_NODE", Running, "23.02"),
            ("RECONFIG_FAIL", Running, "23.02"),
            ("UPDATE_DB", Running, "23.11"),
            ("EXPEDITING", Running, "25.05"),
        ]
    };

    #[test]
    fn states_of_all_versions_are_known() {
        use JobState::*;
        for (name, state, since) in NAMES {
            assert_eq!(JobState::named(name), state, "{name} of {since}");
            // As `squeue` prints it, of a job and of a task.
            let jobs = squeue(&format!("7|{name}\n8_1|{name}\n"));
            assert_eq!((jobs["7"], jobs["8_1"]), (state, state), "{name}");
            // With the flags of it where a format shows them: behind a plus sign, or a comma since 23.11.
            for flagged in [format!("{name}+COMPLETING"), format!("{name},UPDATE_DB")] {
                assert_eq!(JobState::named(&flagged), state, "{flagged}");
            }
        }
        for (text, state) in [
            ("CANCELLED by 1000", Cancelled),
            ("CANCELLED+", Cancelled),
            ("OUT_OF_ME+", Running),
            ("A_STATE_OF_THE_FUTURE", Running),
        ] {
            assert_eq!(JobState::named(text), state, "{text}");
        }
    }

    /// Printed by 22.05.8.
    #[test]
    fn squeue_is_read() {
        let text = "1_2|PENDING\n1_3|PENDING\n4|PENDING\n1_0|RUNNING\n1_1|COMPLETED\n3|FAILED\n";
        let jobs = squeue(text);
        assert_eq!(jobs.len(), 6);
        assert_eq!(
            (jobs["1_2"], jobs["1_0"], jobs["3"]),
            (JobState::Pending, JobState::Running, JobState::Failed)
        );
        assert!(squeue("slurm_load_jobs error: nothing\n\n|RUNNING\n").is_empty());
    }

    #[test]
    fn sacct_is_read() {
        let text = "12|COMPLETED|0:0\n12.batch|COMPLETED|0:0\n13_1|CANCELLED by 0|0:15\n13_[2-5]|PENDING|0:0\n14|TIMEOUT|\n";
        let jobs = sacct(text);
        assert_eq!(jobs.len(), 3);
        assert_eq!((jobs["13_1"], jobs["14"]), (JobState::Cancelled, JobState::TimedOut));
    }

    #[test]
    fn ids_and_settings_are_read() {
        assert_eq!(submitted("12\n").as_deref(), Some("12"));
        assert_eq!(submitted("lua: a word of the site\n12;main\n").as_deref(), Some("12"));
        assert_eq!(submitted("Submitted batch job\n"), None);
        assert_eq!(submitted(""), None);
        assert_eq!(all_submitted("12_1\n\n9\n12_0\n100_[3-4]\nno\n"), ["9", "12", "100"]);
        assert_eq!(word_of("ClusterName             = main\n", "ClusterName"), Some("main"));
        let config = "Configuration data as of 2026-11-27T10:00:00\nMaxArraySize            = 1001\nMinJobAge               = 300 sec\n";
        assert_eq!((setting(config, "MaxArraySize"), setting(config, "MinJobAge")), (Some(1001), Some(300)));
        assert_eq!(setting(config, "MaxJobCount"), None);
    }
}
