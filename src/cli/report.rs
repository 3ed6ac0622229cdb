//! `mltui report EXPERIMENT`: what a person wants to read under a pull request.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::choosing::PolicyFlags;
use super::finding::find_run;
use super::metric_names::missing;
use super::reading::read_all;
use super::{Failure, find_experiment, open};
use crate::catalog::{Builder, Catalog};
use crate::config::Settings;
use crate::disk::{self, Care};
use crate::marking::{self, ModelBy};
use crate::mlflow::{Experiment, MetricPoint, ModelId, ModelVersion, Run, RunId};
use crate::registry::{Measured, measured_model};
use crate::report::{Against, Material, SAMPLE, report};
use crate::select::{Ancestors, Policy, Selection, further_metrics, reason, select, select_with};
use crate::store::batch::whole_runs;
use crate::store::{ErrorKind, Store, now_ms};

/// Runs whose histories are drawn.
const CURVES: usize = 5;
/// Points of a history that are drawn.
const POINTS: usize = 2_000;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Name or id of the experiment
    experiment: String,
    #[command(flatten)]
    asked: PolicyFlags,
    /// Compare the best run with this one: @ALIAS of the model that the experiment's runs are registered as, MODEL@ALIAS, or a
    /// run by id or name
    #[arg(long, value_name = "@ALIAS")]
    vs: Option<String>,
    /// Show the N best runs
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Write Markdown, without charts (the default, but for a file that ends in .html)
    #[arg(long, conflicts_with = "html")]
    md: bool,
    /// Write one self-contained HTML page with charts
    #[arg(long)]
    html: bool,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub async fn run(settings: &Settings, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let store = open(settings)?;
    let experiment = find_experiment(&store, &arguments.experiment).await?;
    let (policy, origin) = arguments.asked.policy(settings, &store, &experiment).await?;
    let catalog = Arc::new(read_all(&store, &experiment, &policy).await?);
    let selection = choose(settings, &catalog, &policy, arguments.top.max(SAMPLE));
    let Some(best) = selection.best() else {
        let missing = missing(&store, &experiment, &catalog, &policy.primary().metric).await;
        let reason = || Failure::NoneEligible(reason::long(&selection, &catalog, origin).join("\n  "));
        return Err(missing.unwrap_or_else(reason));
    };
    let best = RunId::from(catalog.run_id(best.row));
    let held = match &arguments.vs {
        Some(vs) => Some(held(settings, &store, &experiment, &policy, (vs, &best)).await?),
        None => None,
    };
    let histories = histories(&store, &catalog, &selection, held.as_ref()).await?;
    let against = match held {
        None => None,
        Some(Held::Nobody(why)) => Some(Against::Nobody(why)),
        Some(Held::Run(name, it)) => Some(against(&store, &policy, &best, name, *it).await?),
    };
    let material = Material {
        experiment: &experiment.name,
        catalog,
        selection: &selection,
        origin,
        top: arguments.top,
        against,
        histories,
        patterns: &settings.selecting.patterns,
        now: now_ms(),
    };
    let report = report(&material);
    let of_name = |path: &PathBuf| {
        path.extension()
            .is_some_and(|end| end.eq_ignore_ascii_case("html") || end.eq_ignore_ascii_case("htm"))
    };
    let is_page = arguments.html || (!arguments.md && arguments.output.as_ref().is_some_and(of_name));
    let text = if is_page { report.html() } else { report.markdown() };
    match &arguments.output {
        Some(path) => Ok(put(path, text.as_bytes())?),
        None => Ok(out.write_all(text.as_bytes())?),
    }
}

/// Puts a whole file in the place of an old one. What is no regular file, as a pipe, `/dev/stdout` or a link, stays what it is
/// and is written into.
fn put(path: &Path, content: &[u8]) -> io::Result<()> {
    if path.symlink_metadata().map_or(true, |there| there.is_file()) {
        return disk::replace(path, content, Care::Shared);
    }
    let file = OpenOptions::new().write(true).create(true).truncate(true).open(path);
    let written = file.and_then(|mut file| file.write_all(content));
    written.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

fn choose(settings: &Settings, catalog: &Catalog, policy: &Policy, most: usize) -> Selection {
    let selection = select(catalog, policy, most);
    if selection.undecided.is_empty() {
        return selection;
    }
    let further = further_metrics(catalog, &settings.selecting.patterns);
    select_with(catalog, policy, &further, &Ancestors::default(), most)
}

/// What the best run is held against.
enum Held {
    Nobody(String),
    /// A run, and the logged model of it where it is that of a version.
    Run(String, Box<HeldRun>),
}

struct HeldRun {
    run: Run,
    /// Of a version.
    is_version: bool,
    model: Option<ModelId>,
}

/// The best run against another. Where the other is a version, models are compared: the version's, and the one of the best
/// run that would be registered.
async fn against(
    store: &Store,
    policy: &Policy,
    best: &RunId,
    name: String,
    held: HeldRun,
) -> Result<Against, Failure> {
    let best = store.get_run(best).await?;
    let deciding = Some(policy.primary().metric.as_str());
    let (mut own, mut other) = (None, None);
    if held.is_version {
        let source = marking::source(store, &best, Some(&ModelBy::of(policy))).await?;
        let id = source.ok().and_then(|source| ModelVersion::model_of_source(&source.address));
        own = measured_model(store, id.as_ref(), deciding).await?;
        other = measured_model(store, held.model.as_ref(), deciding).await?;
    }
    let (own, other) = (Measured { run: best, model: own }, Measured { run: held.run, model: other });
    let named = |it: &Measured| {
        let model = it.model.as_ref().filter(|_| !it.own_keys().is_empty())?;
        Some(format!("{} ({})", model.name, model.model_id))
    };
    let note = match (named(&own), named(&other)) {
        (None, None) => None,
        (Some(own), None) => Some(format!("{own} of the best run")),
        (None, Some(other)) => Some(format!("{other} of {name}")),
        (Some(own), Some(other)) => Some(format!("{own} of the best run and {other} of {name}")),
    };
    let note = note.map(|models| {
        format!(
            "Metrics that logged models have themselves are theirs, not the last of their runs: {models}."
        )
    });
    if own.is_same(&other) {
        return Ok(Against::Itself(name));
    }
    let [own, other] = Measured::pair(own, other);
    let mut builder = Builder::default();
    builder.fold_changes(&whole_runs(&[other, own]));
    Ok(Against::Run(name, Arc::new(builder.snapshot()), note))
}

async fn held(
    settings: &Settings,
    store: &Store,
    experiment: &Experiment,
    policy: &Policy,
    (vs, best): (&str, &RunId),
) -> Result<Held, Failure> {
    let Some((model, alias)) = vs.strip_prefix("models:/").unwrap_or(vs).rsplit_once('@') else {
        let run = find_run(store, vs).await?;
        let name = if run.info.run_name.is_empty() { vs.to_owned() } else { run.info.run_name.clone() };
        return Ok(Held::Run(name, Box::new(HeldRun { run, is_version: false, model: None })));
    };
    let is_named = !model.is_empty();
    let model = if is_named {
        model.to_owned()
    } else {
        let usual = settings.selecting.name(|part| match part {
            "experiment" => experiment.name.clone(),
            "experiment_id" => experiment.experiment_id.0.clone(),
            "metric" => policy.primary().metric.clone(),
            _ => settings.user.clone(),
        });
        marking::registered_name(store, best, &usual, Some(&ModelBy::of(policy))).await?
    };
    let version = match store.model_version_by_alias(&model, alias).await {
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => {
            // A model that somebody names is there, whether or not it has a champion yet.
            match store.get_registered_model(&model).await {
                Err(error) if is_named && matches!(error.kind, ErrorKind::NotFound(_)) => {
                    let words = format!("no registered model {model:?}; see `mltui models`");
                    return Err(Failure::NoneEligible(words));
                }
                _ => {}
            }
            return Ok(Held::Nobody(format!("No version of {model} is @{alias}.")));
        }
        version => version?,
    };
    let name = format!("{model}@{alias} (version {})", version.version);
    let model = version.logged_model();
    let Some(id) = version.run_id else {
        return Ok(Held::Nobody(format!("{name} has no run to compare with.")));
    };
    match store.get_run(&id).await {
        Err(error) if matches!(error.kind, ErrorKind::NotFound(_)) => {
            Ok(Held::Nobody(format!("The run of {name} is gone.")))
        }
        run => Ok(Held::Run(name, Box::new(HeldRun { run: run?, is_version: true, model }))),
    }
}

/// The histories of the best runs, and of what they are held against.
async fn histories(
    store: &Store,
    catalog: &Catalog,
    selection: &Selection,
    held: Option<&Held>,
) -> Result<Vec<(String, Vec<MetricPoint>)>, Failure> {
    let best = selection.ranking.iter().take(CURVES);
    let mut runs: Vec<(RunId, String)> = best
        .map(|ranked| (RunId::from(catalog.run_id(ranked.row)), catalog.run_name(ranked.row).to_owned()))
        .collect();
    if let Some(Held::Run(name, it)) = held {
        let run = &it.run;
        match runs.iter_mut().find(|(id, _)| *id == run.info.run_id) {
            Some((_, known)) => *known = format!("{known}, {name}"),
            None => runs.push((run.info.run_id.clone(), name.clone())),
        }
    }
    let ids: Vec<RunId> = runs.iter().map(|(id, _)| id.clone()).collect();
    let mut found = store.sampled_history(&ids, &selection.policy.primary().metric, POINTS).await?;
    let mut points = |id: &RunId| {
        let at = found.iter().position(|(known, _)| known == id)?;
        Some(found.swap_remove(at).1)
    };
    Ok(runs.into_iter().filter_map(|(id, name)| Some((name, points(&id)?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_is_no_regular_file_is_written_into() {
        use std::os::unix::fs::{FileTypeExt as _, symlink};
        let here = tempfile::tempdir().unwrap();
        let [file, link, pipe] = ["file", "link", "pipe"].map(|name| here.path().join(name));
        put(&file, b"a longer one").unwrap();
        symlink(&file, &link).unwrap();
        put(&link, b"through").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&file).unwrap(), b"through");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // It is open at both ends, so that nobody waits.
        let mut reader = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
        put(&pipe, b"piped").unwrap();
        assert!(pipe.metadata().unwrap().file_type().is_fifo(), "it is no file by now");
        let mut read = [0; 5];
        io::Read::read_exact(&mut reader, &mut read).unwrap();
        assert_eq!(&read, b"piped");
    }
}
