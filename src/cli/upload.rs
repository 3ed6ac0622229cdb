//! `mltui upload PATH ADDRESS`: files of this machine, to a run.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;

use super::Failure;
use super::download::find;
use super::output::print_json;
use super::transferring::{may_replace, watched};
use crate::config::Settings;
use crate::files::{self, Address, Progress, UploadRequest};
use crate::text;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// A file, or a folder, of which everything that is in it is logged
    path: PathBuf,
    /// runs:/RUN, or a folder of the run: runs:/RUN/FOLDER
    address: String,
    /// Replace files of the same names
    #[arg(long)]
    force: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub async fn run(settings: &Settings, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    if !matches!(arguments.address.parse()?, Address::Run(..)) {
        return Err(Failure::Usage("files are logged to a run: runs:/RUN or runs:/RUN/FOLDER".into()));
    }
    let source = find(settings, &arguments.address).await?;
    let mut request = UploadRequest { from: arguments.path.clone(), replaces: arguments.force };
    let started = Instant::now();
    let cancelled = "cancelled; files that were sent before are whole, and stay";
    let sent = loop {
        let progress = Progress::default();
        let work = files::upload(&source, &request, &progress);
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
    let bytes: u64 = sent.iter().map(|file| file.size).sum();
    if arguments.json {
        let files = sent.iter().map(|file| json!({ "path": file.path, "size": file.size }));
        let report = json!({
            "address": source.address.to_string(),
            "uri": source.uri(),
            "bytes": bytes,
            "seconds": started.elapsed().as_secs_f64(),
            "files": files.collect::<Vec<_>>(),
        });
        return Ok(print_json(&report, out)?);
    }
    let count = text::count(sent.len());
    let files = if sent.len() == 1 { "file" } else { "files" };
    Ok(writeln!(out, "{}  ({count} {files}, {})", source.uri(), text::bytes(bytes))?)
}
