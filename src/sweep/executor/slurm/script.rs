//! The batch script of trials, and the options that it is submitted with.

use std::path::Path;

use crate::sweep::executor_plan::{SlurmOptions, seconds_of};
use crate::text::shell::quoted;

/// The subcommand that is the work of a job.
pub const TRIAL_JOB: &str = "trial-job";
/// Seconds before its time is over that a job is told so.
const WARNING: u64 = 60;
/// The shell that sets a job up.
const SHELL: &str = "#!/bin/bash";

/// The trials of a job: one, or those of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// The number of the first.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// The number of their attempt.
    pub attempt: u32,
}

impl Batch {
    /// Whether a trial is one of them.
    pub fn has(self, trial: usize) -> bool {
        trial.checked_sub(self.first).is_some_and(|at| at < self.count)
    }

    /// Whether it is an array.
    pub fn is_array(self) -> bool {
        self.count > 1
    }
}

/// The script of a job: what sets it up, and the program in its place.
pub fn script(options: &SlurmOptions, program: &Path, folder: &Path, batch: Batch) -> String {
    let word = |path: &Path| quoted(&path.to_string_lossy());
    let trial = match (batch.is_array(), batch.first) {
        (false, first) => first.to_string(),
        (true, 0) => "\"$SLURM_ARRAY_TASK_ID\"".to_owned(),
        // The numbers within an array have a limit of their own.
        (true, first) => format!("$(({first} + SLURM_ARRAY_TASK_ID))"),
    };
    let work = format!("exec {} {TRIAL_JOB} {} {trial} {}", word(program), word(folder), batch.attempt);
    let lines = [SHELL].into_iter().chain(options.setup.iter().map(String::as_str)).chain([work.as_str()]);
    joined(lines)
}

fn joined<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The script that is a sweep's own process.
pub fn driver_script(setup: &[String], command: &[String]) -> String {
    let command: Vec<String> = command.iter().map(|word| quoted(word)).collect();
    let work = format!("exec {}", command.join(" "));
    let lines = [SHELL].into_iter().chain(setup.iter().map(String::as_str)).chain([work.as_str()]);
    joined(lines)
}

/// What is asked of a job that is none of the user's.
#[derive(Debug, Clone, Copy)]
pub struct Submission<'a> {
    /// Its name, by which it is found again.
    pub name: &'a str,
    /// The folder that it runs in.
    pub working_folder: &'a Path,
    /// The file of what the script itself says.
    pub output: &'a Path,
}

/// The options of `sbatch` for some trials; `jobs` of an array run at once, after the job `after` if there is one.
pub fn words(
    options: &SlurmOptions,
    submission: Submission<'_>,
    batch: Batch,
    jobs: usize,
    after: Option<&str>,
) -> Vec<String> {
    let mut words = common(submission);
    if batch.is_array() {
        words.push(format!("--array=0-{}%{jobs}", batch.count - 1));
    }
    words.extend(after.map(|job| format!("--dependency=afterany:{job}")));
    words.extend(asked(options));
    words
}

/// What is asked of a job, as options of `sbatch`, and that it is told before its time is over.
fn asked(options: &SlurmOptions) -> impl Iterator<Item = String> + '_ {
    let cpus = options.cpus.map(|cpus| cpus.to_string());
    let asked = [
        ("partition", options.partition.clone()),
        ("account", options.account.clone()),
        ("qos", options.qos.clone()),
        ("gres", options.gres.clone()),
        ("cpus-per-task", cpus),
        ("mem", options.mem.clone()),
        ("time", options.time.clone()),
        ("constraint", options.constraint.clone()),
    ];
    let asked = asked.map(|(name, value)| Some(format!("--{name}={}", value?)));
    let warned = format!("--signal=B:USR1@{}", warning(options));
    std::iter::once(warned).chain(asked.into_iter().flatten()).chain(options.extra.iter().cloned())
}

/// The options of `sbatch` for a sweep's own process.
pub fn driver_words(options: &SlurmOptions, submission: Submission<'_>) -> Vec<String> {
    common(submission).into_iter().chain(asked(options)).collect()
}

fn common(submission: Submission<'_>) -> Vec<String> {
    // A percent sign begins a pattern there.
    let output = submission
        .output
        .to_string_lossy()
        .replace('%', "%%")
        .replace("{job}", "%j")
        .replace("{array}", "%A_%a");
    vec![
        "--parsable".to_owned(),
        "--export=ALL".to_owned(),
        "--requeue".to_owned(),
        "--open-mode=append".to_owned(),
        format!("--job-name={}", submission.name),
        format!("--chdir={}", submission.working_folder.display()),
        format!("--output={output}"),
    ]
}

/// A minute, and less of a job that has only minutes.
fn warning(options: &SlurmOptions) -> u64 {
    let time = options.time.as_deref().and_then(seconds_of);
    time.map_or(WARNING, |time| WARNING.min(time / 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> SlurmOptions {
        SlurmOptions {
            partition: Some("gpu".into()),
            gres: Some("gpu:1".into()),
            cpus: Some(4),
            time: Some("2:00:00".into()),
            setup: vec!["module load cuda".into(), "source .venv/bin/activate".into()],
            extra: vec!["--exclude=n[1-2]".into()],
            ..SlurmOptions::default()
        }
    }

    #[test]
    fn a_batch_script_sets_up_and_becomes_the_trial() {
        let made = |first, count| {
            let batch = Batch { first, count, attempt: 2 };
            script(&options(), Path::new("/opt/ml tui"), Path::new("/home/ana/sweeps/s1"), batch)
        };
        assert_eq!(
            made(7, 1),
            "#!/bin/bash\nmodule load cuda\nsource .venv/bin/activate\n\
             exec '/opt/ml tui' trial-job /home/ana/sweeps/s1 7 2\n"
        );
        assert!(made(0, 5).ends_with(" /home/ana/sweeps/s1 \"$SLURM_ARRAY_TASK_ID\" 2\n"));
        assert!(made(1000, 5).ends_with(" $((1000 + SLURM_ARRAY_TASK_ID)) 2\n"));
        let driver = driver_script(&["module load x".into()], &["mltui".into(), "it's".into()]);
        assert_eq!(driver, "#!/bin/bash\nmodule load x\nexec mltui 'it'\\''s'\n");
    }

    #[test]
    fn the_options_are_those_of_the_plan_and_what_finds_the_job_again() {
        let submission = Submission {
            name: "mltui-s1-0x1000-1",
            working_folder: Path::new("/home/ana"),
            output: Path::new("/home/50%/slurm/{array}.out"),
        };
        let array = Batch { first: 0, count: 1000, attempt: 1 };
        let said = words(&options(), submission, array, 16, Some("12")).join(" ");
        assert_eq!(
            said,
            "--parsable --export=ALL --requeue --open-mode=append --job-name=mltui-s1-0x1000-1 --chdir=/home/ana \
             --output=/home/50%%/slurm/%A_%a.out --array=0-999%16 --dependency=afterany:12 --signal=B:USR1@60 \
             --partition=gpu --gres=gpu:1 --cpus-per-task=4 --time=2:00:00 --exclude=n[1-2]"
        );
        let one = Batch { count: 1, ..array };
        let said =
            words(&SlurmOptions { time: Some("2".into()), ..options() }, submission, one, 16, None).join(" ");
        assert!(!said.contains("--array") && said.contains("--signal=B:USR1@30"), "{said}");
        let driver = options().for_driver(&["time=1-0".to_owned(), "mem=2G".to_owned()]).unwrap();
        let said = driver_words(&driver, submission).join(" ");
        assert!(
            said.ends_with(" --signal=B:USR1@60 --partition=gpu --mem=2G --time=1-0")
                && !said.contains("array="),
            "{said}"
        );
        assert_eq!(driver.setup, options().setup);
    }
}
