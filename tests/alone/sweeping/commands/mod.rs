//! Sweeps of commands, by scripts that know no MLflow: what they are given, what is read of them, and what becomes of those
//! that fail.

mod changing;
mod failing;
mod killing;
mod printing;
mod processes;
mod pruning;
mod screens;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use mltui::mlflow::{Run, RunStatus};
use mltui::store::uri::RestOptions;
use mltui::store::{Store, uri};
use serde_json::Value;

use super::data::found;
use crate::support::killing::{processes, runs};
use crate::support::sweeping::{STATE, block_on, local, mltui, output, seen, sweeps};
use crate::support::wait_until;

/// Prints a loss that is least at lr 0.01, and what it was given.
const TRAIN: &str = r#"
echo "start $MLTUI_TRIAL"
for step in 1 2 3; do
  loss=$(awk -v lr="$MLTUI_PARAM_LR" -v s=$step 'BEGIN { d = log(lr) - log(0.01); print d * d + 1 / s }')
  echo "{\"step\": $step, \"val_loss\": $loss}"
done
echo "warned" >&2
echo "args: $*"
"#;

struct World {
    home: tempfile::TempDir,
    uri: String,
}

impl World {
    /// A home with a script.
    fn new(script: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join("train.sh"), script).unwrap();
        let uri = local(home.path());
        Self { home, uri }
    }

    fn path(&self) -> &Path {
        self.home.path()
    }

    /// The words of a sweep of the script.
    fn words<'a>(more: &[&'a str], command: &[&'a str]) -> Vec<&'a str> {
        let first = ["sweep", "--param", "lr=1e-4..1.0:log", "--metric", "val_loss:min"];
        [&first, more, &["--", "bash", "train.sh"], command].concat()
    }

    fn sweep(&self, more: &[&str], command: &[&str]) -> (i32, String, String) {
        output(mltui(self.path(), &self.uri, &Self::words(more, command)))
    }

    fn spawn(&self, words: &[&str]) -> Child {
        let said = fs::File::options().create(true).append(true).open(self.path().join("said")).unwrap();
        let mut command = mltui(self.path(), &self.uri, words);
        command.stderr(said).stdout(Stdio::null()).spawn().unwrap()
    }

    /// Begins a sweep of the script, whose process is the test's own.
    fn start(&self, more: &[&str]) -> Child {
        self.spawn(&Self::words(more, &[]))
    }

    fn said(&self) -> String {
        fs::read_to_string(self.path().join("said")).unwrap_or_default()
    }

    fn id(&self) -> String {
        sweeps(self.path()).pop().unwrap()
    }

    fn trial(&self, number: usize) -> PathBuf {
        self.path().join(STATE).join(self.id()).join("trials").join(number.to_string())
    }

    fn listed(&self) -> Value {
        let (_, out, error) = output(mltui(self.path(), &self.uri, &["sweeps", "--json"]));
        serde_json::from_str::<Value>(&out).unwrap_or_else(|_| panic!("{error}"))[0].clone()
    }

    /// The file that scripts wait for.
    fn go(&self) {
        fs::write(self.path().join("go"), "").unwrap();
    }

    fn store(&self) -> Store {
        let location = uri::parse(&self.uri, Path::new("/")).unwrap();
        uri::open(&location, &RestOptions::default(), true).unwrap()
    }

    /// All runs of the experiment that is named after the script.
    fn runs(&self) -> Vec<Run> {
        runs(&self.store(), "train")
    }

    /// The runs of a trial.
    fn runs_of(&self, trial: usize) -> Vec<Run> {
        let number = trial.to_string();
        self.runs().into_iter().filter(|run| run.tag("mltui.trial") == Some(&number)).collect()
    }
}

#[test]
fn a_script_that_only_prints_gets_a_run_with_all_that_it_said() {
    let world = World::new(TRAIN);
    let more = ["--param", "opt=adam,sgd", "--param", "m=0.0..0.9?opt=sgd", "--param", "seed=7", "--json"];
    let more = [&more[..], &["--trials", "6", "--jobs", "2", "--start", "lr=0.5,opt=sgd"]].concat();
    let (code, out, error) = world.sweep(&more, &["{args=}"]);
    assert_eq!(code, 0, "{error}");
    let said: Value = serde_json::from_str(&out).unwrap();
    let (parents, trials) = seen(&world.uri, "train");
    assert_eq!((parents.len(), trials.len(), parents[0].status), (1, 6, RunStatus::Finished));
    let param = |at: usize, name: &str| {
        trials[at].params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    };
    assert_eq!((param(0, "lr"), param(0, "opt"), param(0, "seed")), (Some("0.5"), Some("sgd"), Some("7")));
    let mut least = f64::INFINITY;
    for (at, trial) in trials.iter().enumerate() {
        assert_eq!(
            (trial.status, trial.ended, trial.name.clone()),
            (RunStatus::Finished, true, format!("trial-{at}"))
        );
        assert_eq!(param(at, "m").is_some(), param(at, "opt") == Some("sgd"));
        let lr: f64 = param(at, "lr").unwrap().parse().unwrap();
        let steps: Vec<i64> = trial.points.iter().map(|(_, step, _)| *step).collect();
        assert_eq!(steps, [1, 2, 3]);
        let value = trial.points[2].2;
        assert!((value - ((lr.ln() - 0.01_f64.ln()).powi(2) + 1.0 / 3.0)).abs() < 1e-3, "{lr}: {value}");
        least = least.min(value);
        assert_eq!(parents[0].points[at], ("val_loss".into(), at as i64, least));
    }
    assert_eq!(said["best"]["metrics"]["val_loss"], least);
    assert_eq!((&said["status"], &said["metric"]), (&"finished".into(), &"val_loss".into()));
    // What it was given and what it said, in the order in which it came.
    let log = fs::read_to_string(world.trial(0).join("trial.log")).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!((lines[0], lines[4]), ("start 0", "warned"));
    assert!(lines[5].starts_with("args: --lr=0.5 --opt=sgd --m=0.45 --seed=7"), "{}", lines[5]);
    let run = world.runs_of(0).remove(0);
    let artifacts = found(world.path(), "trial.log").map(|_| ());
    assert!(artifacts.is_some());
    let files = block_on(world.store().list_artifacts(&run.info.run_id, "logs")).unwrap().files;
    assert_eq!(files.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["logs/trial.log"]);
    let (code, out, _) = output(mltui(world.path(), &world.uri, &["sweeps", "log", &world.id(), "0"]));
    assert_eq!((code, out), (0, log));
    // On the sweep's own run: where, and the names of what was set, and no values.
    let parent = world.runs().into_iter().find(|run| run.tag("mltui.trial") == Some("parent")).unwrap();
    let param =
        |name: &str| parent.params.iter().find(|param| param.key == name).map(|param| param.value.clone());
    assert_eq!(param("command"), Some("bash train.sh '{args=}'".into()));
    assert_eq!(param("folder"), Some(world.path().canonicalize().unwrap().display().to_string()));
    let names = fs::read_to_string(found(world.path(), "environment.txt").unwrap()).unwrap();
    assert!(names.lines().any(|name| name == "HOME") && !names.contains(world.path().to_str().unwrap()));
}

#[test]
fn the_printed_command_does_the_same_again() {
    let world = World::new(TRAIN);
    let more =
        ["--trials", "3", "--seed", "5", "--start", "lr=0.5", "--metric-pattern", "x (?<x>\\d+)", "--json"];
    let (code, out, error) = world.sweep(&more, &["it's", "{{a}}", "--rate", "{lr}"]);
    assert_eq!(code, 0, "{error}");
    let command = serde_json::from_str::<Value>(&out).unwrap()["command"].as_str().unwrap().to_owned();
    let elsewhere = World::new(TRAIN);
    let program = Path::new(env!("CARGO_BIN_EXE_mltui")).parent().unwrap().display().to_string();
    let there = command.replace(&world.uri, &elsewhere.uri);
    let status = std::process::Command::new("bash")
        .args(["-c", &there])
        .current_dir(elsewhere.path())
        .env("HOME", elsewhere.path())
        .env("PATH", format!("{program}:/usr/bin:/bin"))
        .status()
        .unwrap();
    assert!(status.success(), "{there}");
    assert_eq!(seen(&world.uri, "train").1, seen(&elsewhere.uri, "train").1);
    let log = fs::read_to_string(elsewhere.trial(0).join("trial.log")).unwrap();
    assert!(log.ends_with("args: it's {a} --rate 0.5\n"), "{log}");
}

#[test]
fn values_are_in_the_environment_and_in_a_file_and_patterns_find_metrics() {
    let world = World::new(
        "cat \"$MLTUI_PARAMS\"; test -d \"$MLTUI_TRIAL_DIR\" && echo \"epoch 4 loss=$MLTUI_PARAM_LR\"",
    );
    let pattern = "epoch (?<step>[0-9]+) loss=(?<val_loss>.*)";
    let (code, _, error) =
        world.sweep(&["--trials", "1", "--metric-pattern", pattern, "--param", "a.b=1e-3"], &[]);
    assert_eq!(code, 0, "{error}");
    assert_eq!(seen(&world.uri, "train").1[0].points, [("val_loss".into(), 4, 0.01)]);
    let log = fs::read_to_string(world.trial(0).join("trial.log")).unwrap();
    assert!(log.contains("\"lr\": 0.01") && log.contains("\"a.b\": 0.001"), "{log}");
}

#[test]
fn what_is_wrong_is_told_before_anything_runs() {
    let world = World::new(TRAIN);
    for (more, command, why) in [
        (&["--param", "x=1..0"][..], &[][..], "--param x=1..0: low must be below high"),
        (&["--start", "lr=7"], &[], "lr cannot be \"7\"; it is 0.0001..1.0:log"),
        (&[], &["{rate}"], "{rate} in the command is no param; params are lr"),
        (&["--param", "x=1,2"], &["{lr}"], "nothing in the command takes the param x"),
        (&["--gpus", "0", "--jobs", "2"], &[], "there are GPUs for 1"),
        (&["--folds", "3"], &[], "cannot be used with"),
        (&["--models", "all"], &[], "cannot be used with"),
    ] {
        let (code, _, error) = world.sweep(more, command);
        assert!(code == 2 && error.contains(why), "{why}: {error}");
    }
    for (words, why) in [
        (&["sweep", "--param", "lr=1,2"][..], "required"),
        (&["sweep", "--param", "lr=1,2", "--", "bash", "train.sh"], "pass --metric NAME:min"),
        (&["sweep", "--metric", "a:min", "--", "no-such-program"], "no program \"no-such-program\" in PATH"),
    ] {
        let (code, _, error) = output(mltui(world.path(), &world.uri, words));
        assert!(code == 2 && error.contains(why), "{why}: {error}");
    }
    assert!(sweeps(world.path()).is_empty() && !world.path().join("mlflow.db").exists());
}

#[test]
fn many_trials_go_side_by_side_and_each_has_gpus_of_its_own() {
    // Each waits until all are under way.
    let script = "touch here.$MLTUI_TRIAL; until [ $(ls here.* | wc -l) -ge 12 ]; do sleep 0.02; done\n\
                  echo \"gpus $CUDA_VISIBLE_DEVICES\"; echo \"{\\\"val_loss\\\": $MLTUI_PARAM_LR}\"";
    let world = World::new(script);
    let gpus = (0..24).map(|at| at.to_string()).collect::<Vec<_>>().join(",");
    let (code, _, error) = world.sweep(&["--trials", "12", "--gpus", &gpus, "--gpus-per-trial", "2"], &[]);
    assert_eq!(code, 0, "{error}");
    let mut given = Vec::new();
    for trial in 0..12 {
        let log = fs::read_to_string(world.trial(trial).join("trial.log")).unwrap();
        let line = log.lines().next().unwrap().strip_prefix("gpus ").unwrap().to_owned();
        given.extend(line.split(',').map(|gpu| gpu.parse::<usize>().unwrap()));
    }
    given.sort_unstable();
    assert_eq!(given, (0..24).collect::<Vec<_>>());
    let mut values: Vec<_> = seen(&world.uri, "train").1.iter().map(|trial| trial.params.clone()).collect();
    values.dedup();
    assert_eq!(values.len(), 12, "what is under way is not proposed again");
}

#[test]
fn a_log_is_followed_until_the_trial_ends() {
    let world =
        World::new("echo one; until [ -e go ]; do sleep 0.02; done; echo two; echo '{\"val_loss\": 1}'");
    let mut sweep = world.start(&["--trials", "1"]);
    wait_until("its first word", || {
        !sweeps(world.path()).is_empty()
            && fs::read_to_string(world.trial(0).join("trial.log")).is_ok_and(|log| log == "one\n")
    });
    let mut follow = mltui(world.path(), &world.uri, &["sweeps", "log", &world.id(), "0", "--follow"]);
    let mut follow = follow.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(follow.stdout.take().unwrap()));
    assert_eq!(lines.next().unwrap().unwrap(), "one");
    world.go();
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(rest, ["two", "{\"val_loss\": 1}"]);
    assert!(follow.wait().unwrap().success() && sweep.wait().unwrap().success(), "{}", world.said());
    let (code, _, error) = output(mltui(world.path(), &world.uri, &["sweeps", "log", &world.id(), "7"]));
    assert!(code == 3 && error.contains("no trial 7"), "{error}");
}

#[test]
fn a_sweep_is_a_file_as_well_whose_options_come_behind_those_of_the_command_line() {
    let world = World::new(TRAIN);
    let file = "command = [\"bash\", \"train.sh\", \"{args=}\"]\nmetric = \"val_loss:min\"\ntrials = 9\nseed = 5\n\
                [params]\nlr = { low = 1e-4, high = 1.0, log = true }\nopt = [\"a b\", \"c\"]\n";
    fs::write(world.path().join("train.toml"), file).unwrap();
    let run =
        |more: &[&str]| output(mltui(world.path(), &world.uri, &[&["sweep", "train.toml"], more].concat()));
    let (code, out, error) = run(&["--start", "lr=0.5", "--dry-run"]);
    assert_eq!((code, out.trim()), (0, "bash train.sh --lr=0.5 '--opt=a b'"), "{error}");
    assert!(sweeps(world.path()).is_empty(), "nothing ran");
    let (code, out, error) = run(&["--trials", "3", "--json"]);
    assert_eq!(code, 0, "{error}");
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(said["finished"], 3);
    let expected = "--param lr=0.0001..1.0:log --param 'opt=a b,c' --metric val_loss:min";
    assert!(said["command"].as_str().unwrap().contains(expected), "{said}");
    fs::write(world.path().join("train.toml"), file.replace("trials", "trails")).unwrap();
    for (more, why) in [
        (&[][..], "train.toml:3: unknown key \"trails\"; did you mean trials?"),
        (&["--data", "iris"], "cannot be used with"),
        (&["--folds", "3"], "cannot be used with"),
    ] {
        let (code, _, error) = run(more);
        assert!(code == 2 && error.contains(why), "{why}: {error}");
    }
    for (words, why) in [
        (&["sweep", "iris"][..], "cannot read the sweep's file"),
        (&["sweep", "--dry-run"], "no data given"),
        (&["sweep", "--data", "iris", "--min-steps", "3"], "--min-steps has a meaning with --prune alone"),
    ] {
        let (code, _, error) = output(mltui(world.path(), &world.uri, words));
        assert!(code == 2 && error.contains(why), "{why}: {error}");
    }
}

#[test]
fn no_command_waits_for_one_that_only_prints() {
    let script = "touch here.$MLTUI_TRIAL; echo \"{\\\"val_loss\\\": $MLTUI_PARAM_LR}\"\n\
                  until [ $(ls here.* | wc -l) -ge 2 ]; do sleep 0.02; done";
    let world = World::new(script);
    let (code, _, error) = world.sweep(&["--trials", "2", "--jobs", "2", "--timeout", "20s"], &[]);
    assert!(code == 0 && !error.contains("timeout"), "{error}");
}

/// On a new store, which the MLflow of a script would bring up to its own version: one of them at a time.
#[test]
fn no_command_waits_for_long_for_one_that_says_nothing_and_is_no_python() {
    let script = "touch here.$MLTUI_TRIAL; until [ $(ls here.* | wc -l) -ge 2 ]; do sleep 0.02; done\n\
                  echo \"{\\\"val_loss\\\": $MLTUI_PARAM_LR}\"";
    let world = World::new(script);
    let (code, _, error) = world.sweep(&["--trials", "2", "--jobs", "2", "--timeout", "20s"], &[]);
    assert!(code == 0 && !error.contains("timeout"), "{error}");
}
