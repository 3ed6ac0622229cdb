//! `mltui sweeps`: the sweeps of this machine; pausing them, going on, calling them off.

use std::io::Write;

use serde_json::{Value as Json, json};

use super::Failure;
use super::output::print_json;
use crate::config::Settings;
use crate::store::now_ms;
use crate::sweep::course::Courses;
use crate::sweep::journal::{Folder, Wanted};
use crate::sweep::progress::Progress;
use crate::sweep::unkept;
use crate::text;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Begin no further fold until it is continued
    Pause { sweep: String },
    /// Go on after a pause
    Continue { sweep: String },
    /// End it now; `mltui sweep --resume` goes on where it stood
    Cancel { sweep: String },
    /// Print what the process of a sweep said
    Log { sweep: String },
}

pub fn run(settings: &Settings, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let (sweep, wanted) = match &arguments.command {
        None => return list(settings, arguments.json, out),
        Some(Command::Log { sweep }) => {
            let (folder, _) = find(settings, sweep)?;
            let log = std::fs::read_to_string(folder.log()).unwrap_or_default();
            return Ok(log.lines().try_for_each(|line| writeln!(out, "{}", text::clean(line)))?);
        }
        Some(Command::Pause { sweep }) => (sweep, Wanted::Pause),
        Some(Command::Continue { sweep }) => (sweep, Wanted::Run),
        Some(Command::Cancel { sweep }) => (sweep, Wanted::Cancel),
    };
    let (folder, progress) = find(settings, sweep)?;
    if !progress.state.is_active() {
        return Err(Failure::Usage(format!("the sweep {sweep} is {}", progress.state.as_str())));
    }
    Ok(folder.want(wanted)?)
}

fn find(settings: &Settings, id: &str) -> Result<(Folder, Progress), Failure> {
    let found = Folder::all(&settings.state_folder)
        .into_iter()
        .find(|(_, header)| header.id == id || header.name == id)
        .ok_or_else(|| {
            Failure::NoneEligible(format!("there is no sweep {id:?}; `mltui sweeps` lists them"))
        })?;
    let progress = Progress::read(&found.0, &found.1, &mut Courses::default(), now_ms())?;
    Ok((found.0, progress))
}

fn list(settings: &Settings, as_json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let all = Folder::all(&settings.state_folder);
    let mut courses = Courses::default();
    let progress = all.iter().map(|(folder, header)| Progress::read(folder, header, &mut courses, now_ms()));
    let progress: Vec<Progress> = progress.collect::<std::io::Result<_>>()?;
    if as_json {
        let entry = |sweep: &Progress| {
            json!({
                "sweep": sweep.id,
                "name": sweep.name,
                "experiment_id": sweep.experiment.as_str(),
                "experiment": sweep.experiment_name,
                "data": sweep.data,
                "status": sweep.state.as_str(),
                "finished": sweep.finished,
                "pruned": sweep.pruned,
                "failed": sweep.failed,
                "trials": sweep.of,
                "metric": sweep.metric,
                "best": sweep.best.as_ref().map(|(trial, family, mean)| {
                    json!({ "trial": trial, "family": family, "value": mean })
                }),
                "seconds": sweep.seconds,
                "unsent": sweep.unsent,
                "not_kept": unkept::in_json(&sweep.unkept),
            })
        };
        return Ok(print_json(&Json::Array(progress.iter().map(entry).collect()), out)?);
    }
    if progress.is_empty() {
        return Ok(writeln!(out, "no sweeps; `mltui sweep --data FILE --target COLUMN` begins one")?);
    }
    for sweep in &progress {
        let of = sweep.of.map_or(String::new(), |of| format!("/{of}"));
        let best = sweep.best.as_ref().map_or(String::new(), |(trial, family, mean)| {
            format!("  best {} {} ({family}-{trial})", sweep.metric, text::number(*mean))
        });
        writeln!(
            out,
            "{}  {:<11} {:>4}{of} trials  {}{best}",
            sweep.id,
            sweep.state.as_str(),
            sweep.ended(),
            text::clean(&sweep.experiment_name)
        )?;
        if let Some(words) = unkept::in_words(&sweep.unkept) {
            writeln!(out, "    {}", text::clean(&words))?;
        }
    }
    Ok(())
}
