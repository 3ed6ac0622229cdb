//! What a plan of a command comes to, found out away from the loop: where its script lies, whether it can run.

#![deny(clippy::wildcard_enum_match_arm)]

use std::path::{Path, PathBuf};

use super::command::CheckedCommand;
use crate::disk;
use crate::params::defaults;
use crate::sweep::engine::rules::Mode;
use crate::sweep::header::SweepFolders;
use crate::sweep::objective::command::{dimensions, written};
use crate::sweep::planned::PlannedCommand;
use crate::text;
use crate::text::shell::quoted;

/// Bytes of a script that is looked into for the names of its options.
const LONGEST: u64 = 1 << 20;

/// A plan to be filled in by what lies on this machine.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UnfoundScript {
    pub planned: PlannedCommand,
    /// The sweep that the run belongs to, which knows its command and its folder.
    pub sweep: Option<String>,
    /// All of the plan is that sweep's.
    pub is_whole: bool,
}

/// Whether a plan can be carried out, and what its first trial would run.
///
/// # Errors
/// What is wrong, as the command line says it.
pub fn check(planned: &PlannedCommand) -> Result<CheckedCommand, String> {
    if !cfg!(unix) {
        return Err("sweeps of commands need Linux, macOS or another Unix".into());
    }
    if !planned.folder.is_dir() {
        return Err(format!("folder: no folder {}", planned.folder.display()));
    }
    let plan = planned.request.decide(&planned.folder)?;
    let rules = &plan.rules;
    let command = plan.trial.command().ok_or("no command")?;
    check_script(&planned.folder, &command.command)?;
    let searched = rules.spaces.first().map_or(&[][..], |space| &space.dimensions);
    let first = command.template(rules)?.fill(&defaults(searched));
    let first: Vec<String> = first.iter().map(|word| quoted(word)).collect();
    let trials = rules
        .length()
        .map_or_else(|| "trials until the time is over".into(), |trials| text::counted(trials, "trial"));
    let words = format!(
        "{}, {trials}, {} at a time, for the {} {}",
        text::counted(searched.len(), "param"),
        rules.jobs,
        if rules.mode == Mode::Min { "lowest" } else { "highest" },
        text::clean(&rules.metric)
    );
    Ok(CheckedCommand { first: first.join(" "), words })
}

/// The word of a command that is its script.
fn script(command: &[String]) -> Option<&String> {
    let is_script = |word: &&String| {
        let ending = word.rsplit_once('.').map_or("", |(_, ending)| ending);
        ["py", "R", "r", "sh", "jl", "js", "pl"].contains(&ending)
            && !word.contains(['{', '}', '='])
            && !word.starts_with('-')
    };
    command.iter().find(is_script)
}

/// A script that is not there fails every trial: that is said before.
fn check_script(folder: &Path, command: &[String]) -> Result<(), String> {
    match script(command) {
        Some(script) if !folder.join(script).is_file() => {
            Err(format!("no file {script} in {}", folder.display()))
        }
        Some(_) | None => Ok(()),
    }
}

/// The same plan with the folder that its script lies in, the program that runs it, and places for its params.
pub fn find(unfound: UnfoundScript, state_folder: &Path, store: &str) -> PlannedCommand {
    let UnfoundScript { mut planned, sweep, is_whole } = unfound;
    let known = sweep.and_then(|id| {
        let all = SweepFolders::of(state_folder).sweeps;
        all.into_iter().map(|(_, header)| header).find(|header| header.id == id)
    });
    if let Some(header) = known
        && let Some(command) = header.plan.trial.command()
    {
        planned.request.command.clone_from(&command.command);
        planned.folder.clone_from(&header.folder);
        planned.request.patterns.clone_from(&command.patterns);
        planned.request.timeout = command.timeout;
        if is_whole {
            let rules = &header.plan.rules;
            let mode = if rules.mode == Mode::Min { "min" } else { "max" };
            planned.request.metric = Some(format!("{}:{mode}", rules.metric));
            let searched = rules.spaces.iter().flat_map(|space| &space.dimensions);
            planned.request.params = searched.map(written).collect();
            planned.request.trials = rules.trials;
            planned.request.method = rules.method;
            planned.request.jobs = Some(rules.jobs);
            planned.request.retries = Some(command.retries).filter(|retries| *retries > 0);
            planned.request.executor = header.plan.executor.clone();
            // Its first trial was the middle of all, and not this run.
            planned.request.start = None;
        } else {
            fit_places(&mut planned);
        }
        return planned;
    }
    let here = std::env::current_dir().unwrap_or_default();
    let script = script(&planned.request.command).cloned();
    planned.folder = script.as_deref().map_or_else(|| here.clone(), |script| folder_of(script, &here, store));
    if let Some(program) = planned.request.command.first_mut().filter(|program| *program == "python") {
        *program = python(&planned.folder);
    }
    if let Some(content) = script.and_then(|script| disk::read(&planned.folder.join(script), LONGEST).ok()) {
        let content = String::from_utf8_lossy(&content).into_owned();
        let places = places(&content, &planned.request.params);
        planned.request.command.extend(places);
    }
    planned
}

/// A param of the sweep that is not searched any more leaves no place behind.
fn fit_places(planned: &mut PlannedCommand) {
    let names: Vec<String> = dimensions(&planned.request.params, None)
        .unwrap_or_default()
        .into_iter()
        .map(|dimension| dimension.name)
        .collect();
    let is_strange = |word: &String| {
        let inside = word.split_once('{').and_then(|(_, rest)| Some(rest.split_once('}')?.0));
        inside.is_some_and(|name| {
            !["args", "args=", "hydra"].contains(&name) && !names.iter().any(|known| known == name)
        })
    };
    let mut kept: Vec<String> = Vec::new();
    for word in std::mem::take(&mut planned.request.command) {
        if !is_strange(&word) {
            kept.push(word);
        } else if kept.last().is_some_and(|before| before.starts_with('-') && !before.contains('=')) {
            kept.pop();
        }
    }
    let is_placed = |name: &String| kept.iter().any(|word| word.contains(&format!("{{{name}}}")));
    let has_rest = kept.iter().any(|word| ["{args}", "{args=}", "{hydra}"].contains(&word.as_str()));
    if names.iter().any(is_placed) && !names.iter().all(is_placed) && !has_rest {
        kept.push("{args}".into());
    }
    planned.request.command = kept;
}

/// Where a script lies: here, or beside the store; that of a whole path where it is itself.
fn folder_of(script: &str, here: &Path, store: &str) -> PathBuf {
    let path = Path::new(script);
    if path.is_absolute() {
        return path.parent().unwrap_or(path).to_owned();
    }
    let beside = store.strip_prefix("sqlite:///").and_then(|file| Path::new(file).parent());
    let places = [Some(here), beside];
    let found = places.into_iter().flatten().find(|folder| folder.join(path).is_file());
    found.unwrap_or(here).to_owned()
}

/// The Python of the folder, or the one in the path.
fn python(folder: &Path) -> String {
    let own = [".venv/bin/python", "venv/bin/python"].into_iter().find(|own| folder.join(own).is_file());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |name: &str| std::env::split_paths(&path).any(|place| place.join(name).is_file());
    match own.filter(|_| std::env::var_os("VIRTUAL_ENV").is_none()) {
        Some(own) => own.to_owned(),
        None if !is_there("python") && is_there("python3") => "python3".into(),
        None => "python".into(),
    }
}

/// Where params go, as the script calls its options: `--max-depth {max_depth}`; what it does not name goes as `--name value`.
fn places(content: &str, params: &[String]) -> Vec<String> {
    if content.contains("hydra.main") {
        return vec!["{hydra}".into()];
    }
    let names = params.iter().filter_map(|param| Some(param.split_once('=')?.0));
    let (mut words, mut has_rest) = (Vec::new(), false);
    for name in names {
        let dashed = name.replace('_', "-");
        let is_named = |option: &str| {
            content.match_indices(&format!("--{option}")).any(|(at, found)| {
                let next = content[at + found.len()..].chars().next();
                !next.is_some_and(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
            })
        };
        if !is_named(name) && dashed != name && is_named(&dashed) {
            words.extend([format!("--{dashed}"), format!("{{{name}}}")]);
        } else {
            has_rest = true;
        }
    }
    if has_rest {
        words.push("{args}".into());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn params_go_where_the_script_has_options_for_them() {
        let script = "p.add_argument('--max-depth'); p.add_argument(\"--lr\")";
        let params = ["lr=1..2", "max_depth=1..9"].map(str::to_owned);
        assert_eq!(places(script, &params), ["--max-depth", "{max_depth}", "{args}"]);
        assert_eq!(places(script, &params[1..]), ["--max-depth", "{max_depth}"]);
        assert_eq!(places("--lr_decay", &params[..1]), ["{args}"]);
        assert_eq!(places("@hydra.main(config)", &params), ["{hydra}"]);
        assert_eq!(places("", &[]), [""; 0]);
    }

    #[test]
    fn a_script_is_found_here_or_beside_the_store() {
        let (here, beside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir(beside.path().join("src")).unwrap();
        std::fs::write(beside.path().join("src/train.py"), "").unwrap();
        let store = format!("sqlite:///{}/mlflow.db", beside.path().display());
        assert_eq!(folder_of("src/train.py", here.path(), &store), beside.path());
        assert_eq!(folder_of("other.py", here.path(), &store), here.path());
        assert_eq!(folder_of("/a/b/train.py", here.path(), &store), Path::new("/a/b"));
        let python = |folder: &Path| super::python(folder);
        std::fs::create_dir_all(here.path().join(".venv/bin")).unwrap();
        std::fs::write(here.path().join(".venv/bin/python"), "").unwrap();
        if std::env::var_os("VIRTUAL_ENV").is_none() {
            assert_eq!(python(here.path()), ".venv/bin/python");
        }
    }

    #[test]
    fn a_command_of_a_sweep_keeps_places_only_for_what_is_searched() {
        let mut planned = PlannedCommand::default();
        planned.request.command =
            ["sh", "t.sh", "--lr", "{lr}", "--opt={opt}", "x"].map(str::to_owned).to_vec();
        planned.request.params = vec!["opt=a,b".into(), "depth=1..3".into()];
        fit_places(&mut planned);
        assert_eq!(planned.request.command, ["sh", "t.sh", "--opt={opt}", "x", "{args}"]);
    }

    #[test]
    fn a_plan_says_what_its_first_trial_runs() {
        let here = tempfile::tempdir().unwrap();
        let mut planned = PlannedCommand { folder: here.path().to_owned(), ..PlannedCommand::default() };
        planned.request.command = ["sh", "t.sh", "{args}"].map(str::to_owned).to_vec();
        planned.request.params = vec!["lr=1e-3..1e-1:log".into(), "opt=a b,c".into()];
        planned.request.metric = Some("loss:min".into());
        planned.request.start = Some("lr=0.05".into());
        assert!(check(&planned).unwrap_err().contains("no file t.sh in"));
        std::fs::write(here.path().join("t.sh"), "").unwrap();
        let checked = check(&planned).unwrap();
        assert_eq!(checked.first, "sh t.sh --lr 0.05 --opt 'a b'");
        assert!(checked.words.contains("2 params, 20 trials, 1 at a time"), "{}", checked.words);
        planned.folder = here.path().join("none");
        assert!(check(&planned).unwrap_err().contains("no folder"));
    }
}
