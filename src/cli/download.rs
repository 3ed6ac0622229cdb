//! `mltui download ADDRESS`: files of a run or model, to this machine.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use super::finding::find_run;
use super::output::print_json;
use super::transferring::{may_replace, watched};
use super::{Failure, open_existing};
use crate::config::Settings;
use crate::files::{self, Address, Done, DownloadRequest, Progress, Source, Target};
use crate::store::Store;
use crate::text;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// runs:/RUN/PATH, models:/NAME/VERSION, models:/NAME@ALIAS or models:/m-MODEL_ID
    address: String,
    /// Folder for the file, or for what is in the folder or model [default: one of its name, in the working folder]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Read again what was written, and keep its SHA-256 sums beside it, in NAME.sha256. What is there already, from the
    /// same run or model, is only compared with these
    #[arg(long)]
    verify: bool,
    /// Replace files of the same names
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Whether it looks like the id of a run, not like the beginning of one or a name.
fn is_whole_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The address with the id of the run that is meant by a name, or by the beginning of an id.
pub async fn of_run(store: &Store, mut address: Address) -> Result<Address, Failure> {
    if let Address::Run(id, _) = &mut address
        && !is_whole_id(&id.0)
    {
        *id = find_run(store, &id.0).await?.info.run_id;
    }
    Ok(address)
}

/// The files of an address; nothing is at an address of what is not there.
pub async fn find(settings: &Settings, address: &str) -> Result<Source, Failure> {
    let address: Address = address.parse()?;
    let store = open_existing(settings)?;
    let address = of_run(&store, address).await?;
    Ok(files::resolve(&store, &address).await?)
}

pub async fn run(settings: &Settings, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let source = find(settings, &arguments.address).await?;
    let target = arguments.to.clone().map_or_else(|| Target::Under(PathBuf::new()), Target::Into);
    let mut request = DownloadRequest { target, replaces: arguments.force, verifies: arguments.verify };
    let started = Instant::now();
    let cancelled = "cancelled; what came so far is kept, and the same command goes on with it";
    let done = loop {
        let progress = Progress::default();
        let work = files::download(&source, &request, &progress);
        match watched(work, &progress, cancelled).await {
            Err(Failure::Transfer(error)) if !request.replaces => {
                if !may_replace(&error, arguments.json).await {
                    return Err(error.into());
                }
                request.replaces = true;
            }
            result => break result?,
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    if arguments.json { print(&source, &done, seconds, out) } else { say(&done, out) }
}

fn print(source: &Source, done: &Done, seconds: f64, out: &mut impl Write) -> Result<(), Failure> {
    let files = done.files.iter().map(|file| {
        json!({ "path": file.path, "size": file.size, "sha256": file.sha256, "resumed": file.resumed })
    });
    let report = json!({
        "address": source.address.to_string(),
        "uri": source.uri(),
        "path": done.target,
        "bytes": done.bytes(),
        "seconds": seconds,
        "was_there": done.was_there,
        "manifest": done.manifest,
        "files": files.collect::<Vec<_>>(),
    });
    Ok(print_json(&report, out)?)
}

fn say(done: &Done, out: &mut impl Write) -> Result<(), Failure> {
    let what = match done.files.as_slice() {
        [file] if done.is_file => text::bytes(file.size),
        files => format!("{} files, {}", text::count(files.len()), text::bytes(done.bytes())),
    };
    let resumed: u64 = done.files.iter().map(|file| file.resumed).sum();
    let note = match &done.manifest {
        _ if done.was_there => ", already there and as its manifest says".to_owned(),
        Some(_) if resumed > 0 => format!(", {} of it from before, verified", text::bytes(resumed)),
        Some(_) => ", verified".to_owned(),
        None if resumed > 0 => format!(", {} of it from before", text::bytes(resumed)),
        None => String::new(),
    };
    let path = done.target.display().to_string();
    Ok(writeln!(out, "{path}  ({what}{note})")?)
}
