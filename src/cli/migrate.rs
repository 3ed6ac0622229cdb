//! `mltui migrate FROM TO`: everything of one store, copied into another.

use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::Failure;
use super::migrate_sides::{Sides, has_workspace, named, place_of};
use super::opening::{open_existing, open_or_begin};
use super::output::{OutputFlags, TextTable, print_json};
use super::transferring::seen;
use crate::catalog::Value;
use crate::config::{Flags, Settings};
use crate::disk::{self, Care};
use crate::migrate::{self, Kind, Phase, Preview, Progress, Report, Request, Snapshot};
use crate::mlflow::LifecycleStage;
use crate::state::lock::{LockedFile, lock};
use crate::store::now_ms;
use crate::text;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The store to copy: a tracking URI, or the name of a profile. It is only read
    from: String,
    /// The store to copy into: a tracking URI, or the name of a profile. A database file or a folder is made where there is none
    to: String,
    /// The workspace to copy, of a store that has several
    #[arg(long, value_name = "NAME")]
    from_workspace: Option<String>,
    /// The workspace to copy into
    #[arg(long, value_name = "NAME")]
    to_workspace: Option<String>,
    /// Copy only these experiments, by name or id, and the registered models' versions that come from them
    #[arg(long = "experiment", value_name = "NAME", num_args = 1..)]
    experiments: Vec<String>,
    /// Leave the files of runs and models out
    #[arg(long)]
    no_artifacts: bool,
    /// Leave logged models (MLflow 3) out
    #[arg(long)]
    no_models: bool,
    /// Leave registered models out
    #[arg(long)]
    no_registry: bool,
    /// Leave out what is deleted; otherwise it is copied, and deleted there as well
    #[arg(long)]
    no_deleted: bool,
    /// Copy also into experiments and registered models of the same names that did not come from FROM
    #[arg(long)]
    merge: bool,
    /// Read files again on both sides, and compare what is in them
    #[arg(long)]
    verify: bool,
    /// Only say what would be copied
    #[arg(long)]
    dry_run: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(
    settings: &Settings,
    flags: &Flags,
    arguments: &Arguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    if flags.tracking_uri.is_some() || flags.profile.is_some() {
        let words = "migrate names both stores by itself: mltui migrate FROM TO";
        return Err(Failure::Usage(words.into()));
    }
    let sides = Sides {
        from: (&arguments.from, arguments.from_workspace.as_deref()),
        to: (&arguments.to, arguments.to_workspace.as_deref()),
    };
    let (from, to) = sides.find(settings, flags, arguments.dry_run)?;
    let source = open_existing(&from)?;
    has_workspace(&from, Some(&source)).await?;
    if let Some(to) = &to {
        has_workspace(to, None).await?;
    }
    let stage = settings.state_folder.join("migrate");
    let place = to.as_ref().map_or_else(|| arguments.to.clone(), place_of);
    let request = Request {
        experiments: arguments.experiments.clone(),
        artifacts: !arguments.no_artifacts,
        models: !arguments.no_models,
        registry: !arguments.no_registry,
        deleted: !arguments.no_deleted,
        merges: arguments.merge,
        verifies: arguments.verify,
        origin: named(&from),
        stage: stage.join(hash(&place)),
    };
    let progress = Progress::default();
    let started = Instant::now();
    let line = |elapsed| line(&progress.snapshot(), elapsed);
    let (to, name) = match to {
        Some(to) => {
            let store = open_or_begin(&to)?;
            has_workspace(&to, Some(&store)).await?;
            (Some(store), named(&to))
        }
        None => (None, arguments.to.clone()),
    };
    let cancelled = "cancelled; what came so far stays, and the same command goes on with it";
    match to {
        Some(to) if !arguments.dry_run => {
            let _alone = alone(&request.stage, &name)?;
            let work = migrate::migrate(&source, &to, &request, &progress);
            let report = seen(work, line, cancelled).await?;
            let seconds = started.elapsed().as_secs_f64();
            tell_problems(&report)?;
            if arguments.json {
                print(&report, &request.origin, &name, seconds, out)?;
            } else {
                say(&report, &request.origin, &name, out)?;
            }
            judge(&report)
        }
        to => {
            let work = migrate::preview(&source, to.as_ref(), &request, &progress);
            let preview = seen(work, line, "cancelled; nothing was written").await?;
            if arguments.json {
                print_preview(&preview, &request.origin, &name, out)
            } else {
                say_preview(&preview, &request, &name, out)
            }
        }
    }
}

fn hash(text: &str) -> String {
    let sum = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    crate::files::hex(&sum).chars().take(16).collect()
}

/// Keeps others of this machine from copying into the same store meanwhile, and clears what they left when they were ended.
fn alone(stage: &Path, to: &str) -> Result<Option<LockedFile>, Failure> {
    if let Some(folder) = stage.parent() {
        disk::make_folder(folder, Care::Private)?;
    }
    let held = match lock(&stage.with_extension("lock"), 0) {
        // Its file system has no locks.
        Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(None),
        held => held?,
    };
    if held.is_none() {
        let words = format!("another mltui migrate is copying into {to}; wait until it has ended");
        return Err(Failure::Usage(words));
    }
    match std::fs::remove_dir_all(stage) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(held),
    }
}

/// How far it is: `copying: 120 of 1,000 runs, 34,000 points, 12 files, 3.4 MB`.
fn line(now: &Snapshot, elapsed: Duration) -> String {
    let runs = match now.runs {
        0 => text::runs(now.runs_done as usize),
        runs => format!("{} of {}", text::count(now.runs_done as usize), text::runs(runs as usize)),
    };
    match now.phase {
        Phase::Looking => format!("looking: {runs}"),
        Phase::Checking => format!("comparing: {runs}"),
        Phase::Copying => {
            let speed = now.bytes as f64 / elapsed.as_secs_f64().max(0.001);
            format!(
                "copying: {runs}, {}, {}, {}, {}/s",
                text::counted(now.points as usize, "point"),
                text::counted(now.files as usize, "file"),
                text::bytes(now.bytes),
                text::bytes(speed as u64)
            )
        }
    }
}

fn tell_problems(report: &Report) -> Result<(), Failure> {
    let mut told = String::new();
    for problem in &report.problems {
        let others = match problem.others {
            0 => String::new(),
            others => format!(" and {} more", text::count(others)),
        };
        told.push_str(&format!("{}{others}: {}\n", problem.what, problem.why));
    }
    if report.more_problems > 0 {
        told.push_str(&format!("and {} more\n", text::count(report.more_problems)));
    }
    if !told.is_empty() {
        let told = text::clean_lines(&crate::store::secrets::hide(&told));
        io::stderr().write_all((told + "\n").as_bytes())?;
    }
    Ok(())
}

fn judge(report: &Report) -> Result<(), Failure> {
    if report.is_same() {
        return Ok(());
    }
    let listed: usize = report.problems.iter().map(|problem| 1 + problem.others).sum();
    let count = listed + report.more_problems;
    Err(Failure::Differs(format!(
        "the copy is not the same as what was copied: {} (above)",
        text::counted(count, "difference")
    )))
}

fn say(report: &Report, from: &str, to: &str, out: &mut impl Write) -> Result<(), Failure> {
    let copied = &report.copied;
    writeln!(out, "from {from}")?;
    writeln!(out, "to   {to}")?;
    for note in &report.notes {
        writeln!(out, "{note}")?;
    }
    writeln!(
        out,
        "copied now: {}, {}, {}, {} ({}), {}, {}",
        text::counted(copied.experiments as usize, "experiment"),
        text::runs(copied.runs as usize),
        text::counted(copied.points as usize, "metric point"),
        text::counted(copied.files as usize, "file"),
        text::bytes(copied.bytes),
        text::counted(copied.models as usize, "logged model"),
        text::counted(copied.versions as usize, "model version"),
    )?;
    writeln!(out)?;
    let rows = Kind::ALL.into_iter().map(|kind| {
        let (from, to) = (report.from.get(kind), report.to.get(kind));
        vec![
            Value::Text(kind.label()),
            Value::Count(from.count),
            Value::Count(to.count),
            Value::OwnedText(format!("{:016x}", from.digest)),
            Value::Text(if from == to { "same" } else { "differs" }),
        ]
    });
    let names = ["what", "from", "to", "digest", "result"].map(str::to_owned).to_vec();
    let titles = names.clone();
    let table = TextTable { titles, names, rows: rows.collect() };
    table.print(OutputFlags::default(), now_ms(), out)?;
    Ok(())
}

fn print(report: &Report, from: &str, to: &str, seconds: f64, out: &mut impl Write) -> Result<(), Failure> {
    let copied = &report.copied;
    let checked = Kind::ALL.into_iter().map(|kind| {
        let (from, to) = (report.from.get(kind), report.to.get(kind));
        json!({
            "what": kind.label(),
            "from": { "count": from.count, "digest": format!("{:016x}", from.digest) },
            "to": { "count": to.count, "digest": format!("{:016x}", to.digest) },
            "same": from == to,
        })
    });
    let experiments =
        report.experiments.iter().map(|(name, from, to)| json!({ "name": name, "from": from, "to": to }));
    let problems = report
        .problems
        .iter()
        .map(|problem| json!({ "what": problem.what, "others": problem.others, "why": problem.why }));
    let value = json!({
        "from": from,
        "to": to,
        "same": report.is_same(),
        "copied": {
            "experiments": copied.experiments,
            "runs": copied.runs,
            "points": copied.points,
            "files": copied.files,
            "bytes": copied.bytes,
            "logged_models": copied.models,
            "model_versions": copied.versions,
        },
        "experiments": experiments.collect::<Vec<_>>(),
        "checked": checked.collect::<Vec<_>>(),
        "bytes": { "from": report.from.bytes, "to": report.to.bytes },
        "problems": problems.collect::<Vec<_>>(),
        "more_problems": report.more_problems,
        "notes": report.notes,
        "seconds": seconds,
    });
    Ok(print_json(&value, out)?)
}

fn stage(stage: LifecycleStage) -> &'static str {
    match stage {
        LifecycleStage::Active => "",
        LifecycleStage::Deleted => "deleted",
    }
}

fn say_preview(preview: &Preview, request: &Request, to: &str, out: &mut impl Write) -> Result<(), Failure> {
    writeln!(out, "from {}", request.origin)?;
    writeln!(out, "to   {to}")?;
    for note in &preview.notes {
        writeln!(out, "{note}")?;
    }
    let rows = preview.experiments.iter().map(|one| {
        vec![
            Value::Text(one.id.as_str()),
            Value::Text(&one.name),
            Value::Text(stage(one.stage)),
            Value::Text(one.place),
            Value::Count(one.runs),
            Value::Count(one.models as u64),
            Value::Count(one.files),
            Value::OwnedText(text::bytes(one.bytes)),
        ]
    });
    let names = ["id", "experiment", "stage", "there", "runs", "models", "files", "size"];
    let names = names.map(str::to_owned).to_vec();
    let table = TextTable { titles: names.clone(), names, rows: rows.collect() };
    table.print(OutputFlags::default(), now_ms(), out)?;
    let runs: u64 = preview.experiments.iter().map(|one| one.runs).sum();
    let bytes: u64 = preview.experiments.iter().map(|one| one.bytes).sum();
    Ok(writeln!(
        out,
        "{}, {}, {} of files; {}, {}; nothing was written",
        text::counted(preview.experiments.len(), "experiment"),
        text::runs(runs as usize),
        text::bytes(bytes),
        text::counted(preview.registered_models, "registered model"),
        text::counted(preview.versions, "version"),
    )?)
}

fn print_preview(preview: &Preview, from: &str, to: &str, out: &mut impl Write) -> Result<(), Failure> {
    let experiments = preview.experiments.iter().map(|one| {
        json!({
            "id": one.id.as_str(),
            "name": one.name,
            "stage": one.stage.as_str(),
            "there": one.place,
            "runs": one.runs,
            "logged_models": one.models,
            "files": one.files,
            "bytes": one.bytes,
        })
    });
    let value = json!({
        "from": from,
        "to": to,
        "experiments": experiments.collect::<Vec<_>>(),
        "registered_models": preview.registered_models,
        "model_versions": preview.versions,
        "notes": preview.notes,
    });
    Ok(print_json(&value, out)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_a_copy_is() {
        let mut now = Snapshot { runs: 1_000, runs_done: 12, ..Snapshot::default() };
        let second = Duration::from_secs(1);
        assert_eq!(line(&now, second), "looking: 12 of 1,000 runs");
        now = Snapshot { phase: Phase::Copying, points: 34_000, files: 2, bytes: 2_000_000, ..now };
        let told = "copying: 12 of 1,000 runs, 34,000 points, 2 files, 2.0 MB, 2.0 MB/s";
        assert_eq!(line(&now, second), told);
        now = Snapshot { phase: Phase::Checking, runs: 0, ..now };
        assert_eq!(line(&now, second), "comparing: 12 runs");
    }

    #[test]
    fn one_copies_into_a_store_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let stage = home.path().join("migrate").join(hash("there"));
        std::fs::create_dir_all(&stage).unwrap();
        std::fs::write(stage.join("left"), "x").unwrap();
        let held = alone(&stage, "there").unwrap();
        assert!(held.is_some() && !stage.exists(), "what was left is cleared");
        let refused = alone(&stage, "there").unwrap_err().to_string();
        assert!(refused.contains("another mltui migrate"), "{refused}");
        drop(held);
        assert!(alone(&stage, "there").unwrap().is_some());
    }
}
