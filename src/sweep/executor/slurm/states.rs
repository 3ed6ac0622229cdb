//! How it stands with jobs, as `squeue`, `sacct` and `scontrol` tell it.
//!
//! The plain formats are asked for, not JSON. What is needed is an id and a state, and `-o '%i|%T|%r'` says both, and why a job waits, in every version
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

/// Tasks of an array that are told of together, at most: more than a sweep submits together.
const MOST_TASKS: usize = 100_000;

/// The format that [`squeue`] and [`stuck`] read.
pub const SQUEUE: &str = "%i|%T|%r";

/// The jobs of `squeue -h -r -o '%i|%T|%r'`, by their ids; elements of an array as `12_3`.
pub fn squeue(text: &str) -> HashMap<String, JobState> {
    text.lines().filter_map(job).collect()
}

/// Reasons of the queue that do not pass by themselves: somebody has to release the job, or to change what it asks for.
const STUCK: [&str; 9] = [
    "JobHeld",
    "requeued held",
    "requeued_held",
    "DependencyNeverSatisfied",
    "BadConstraints",
    "InvalidAccount",
    "InvalidQOS",
    "AccountNotAllowed",
    "QOSNotAllowed",
];

/// The jobs of such an answer that wait for what does not come by itself, and why.
pub fn stuck(text: &str) -> Vec<(String, String)> {
    let stuck = |line: &str| {
        let (id, _) = job(line).filter(|(_, state)| *state == JobState::Pending)?;
        let reason = line.trim().splitn(3, '|').nth(2)?;
        STUCK.iter().any(|known| reason.contains(known)).then(|| (id, reason.to_owned()))
    };
    text.lines().filter_map(stuck).collect()
}

/// The jobs of `sacct -n -P -X -o JobID,State`, by their ids. Tasks of an array that have not begun, and those that never did as
/// the array was called off, stand together: `13_[2-5,8-12:2%4]`. What has begun since has a line of its own.
pub fn sacct(text: &str) -> HashMap<String, JobState> {
    let (together, single): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.contains('['));
    // Steps have a dot.
    let single = single.into_iter().filter(|line| !line.contains('.')).filter_map(job);
    together.into_iter().flat_map(tasks).chain(single).collect()
}

/// The tasks that stand together on a line.
fn tasks(line: &str) -> Vec<(String, JobState)> {
    let split = || {
        let (ids, state) = line.trim().split_once('|')?;
        let (array, numbers) = ids.split_once("_[")?;
        Some((array, numbers.split(['%', ']']).next()?, JobState::named(state.split('|').next()?.trim())))
    };
    let Some((array, numbers, state)) = split() else { return Vec::new() };
    let numbers = numbers.split(',').filter_map(range).flatten().take(MOST_TASKS);
    numbers.map(|number| (format!("{array}_{number}"), state)).collect()
}

/// `3`, `2-5`, or every second one as `8-12:2`.
fn range(text: &str) -> Option<impl Iterator<Item = u32>> {
    let (ends, step) = text.split_once(':').unwrap_or((text, "1"));
    let (first, last) = ends.split_once('-').unwrap_or((ends, ends));
    let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
    Some((first..=last).step_by(step.parse::<usize>().ok()?.max(1)))
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
    fn jobs_are_stuck_that_wait_for_what_does_not_come_by_itself() {
        let text = "1_2|PENDING|Priority\n1_3|PENDING|JobArrayTaskLimit\n4|PENDING|launch failed requeued held\n\
                    5|PENDING|JobHeldAdmin\n6|RUNNING|None\n7_1|PENDING|DependencyNeverSatisfied\n8|FAILED|JobHeldUser\n9|PENDING\n";
        let ids: Vec<String> = stuck(text).into_iter().map(|(job, _)| job).collect();
        assert_eq!(ids, ["4", "5", "7_1"]);
        assert_eq!(stuck(text)[0].1, "launch failed requeued held");
        assert_eq!(squeue(text).len(), 8);
    }

    #[test]
    fn sacct_is_read() {
        let text = "12|COMPLETED|0:0\n12.batch|COMPLETED|0:0\n13_1|CANCELLED by 0|0:15\n13_[2-5]|PENDING|0:0\n14|TIMEOUT|\n";
        let jobs = sacct(text);
        assert_eq!(jobs.len(), 7);
        assert_eq!((jobs["13_1"], jobs["14"]), (JobState::Cancelled, JobState::TimedOut));
        assert_eq!((jobs["13_2"], jobs["13_5"]), (JobState::Pending, JobState::Pending));
    }

    /// Printed by 20.11.4, 22.05.8, 24.11.5 and 26.05.5 of the same jobs: arrays of which some tasks, or all, were called off
    /// before they began.
    #[test]
    fn sacct_tells_of_tasks_that_never_began() {
        let of = |text: &str| {
            let mut jobs: Vec<_> = sacct(text).into_iter().collect();
            jobs.sort_by_key(|(job, _)| job.split_once('_').map(|(_, task)| task.parse::<u32>().unwrap()));
            jobs
        };
        let of_array = |array: &str, tasks: &[u32], state| -> Vec<_> {
            tasks.iter().map(|task| (format!("{array}_{task}"), state)).collect()
        };
        for (text, tasks, state) in [
            ("11_[0-24]|CANCELLED by 0\n", (0..=24).collect::<Vec<_>>(), JobState::Cancelled),
            ("11_[0-24:2]|CANCELLED by 0\n", (0..=24).step_by(2).collect(), JobState::Cancelled),
            ("11_[2,4-5%1]|PENDING\n", vec![2, 4, 5], JobState::Pending),
            ("11_[0-2,4,7-9]|PENDING\n", vec![0, 1, 2, 4, 7, 8, 9], JobState::Pending),
            // Cut off, where a site has it so.
            ("11_[1,3,5,...]|PENDING\n", vec![1, 3, 5], JobState::Pending),
            ("11_[7]|CANCELLED by 1000\n", vec![7], JobState::Cancelled),
            ("11_[|PENDING\n11_[x-3]|PENDING\n", vec![], JobState::Pending),
        ] {
            assert_eq!(of(text), of_array("11", &tasks, state), "{text}");
        }
        let jobs = sacct("8_0|COMPLETED\n8_1|FAILED\n8_2|RUNNING\n8_[2,4-5%1]|PENDING\n");
        assert_eq!((jobs["8_2"], jobs["8_4"], jobs.len()), (JobState::Running, JobState::Pending, 5));
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
