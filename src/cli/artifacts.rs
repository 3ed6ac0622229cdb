//! `mltui artifacts`: what there is among the files of a run or model, and what is in them.

use std::io::Write;

use serde_json::{Value as Json, json};

use super::Failure;
use super::download::find;
use super::output::{OutputFlags, TextTable, print_json};
use super::transferring::watched;
use crate::catalog::Value;
use crate::config::Settings;
use crate::files::{self, Progress, Source, TransferError};
use crate::mlflow::ArtifactFile;
use crate::store::now_ms;
use crate::text;

#[derive(Debug, clap::Subcommand)]
pub enum ArtifactsCommand {
    /// List the files of a run or model
    Ls(LsArguments),
    /// Print a file of a run or model
    Cat(CatArguments),
}

#[derive(Debug, clap::Args)]
pub struct LsArguments {
    /// runs:/RUN/PATH, models:/NAME/VERSION, models:/NAME@ALIAS or models:/m-MODEL_ID
    address: String,
    /// Also list what is in folders
    #[arg(short, long)]
    recursive: bool,
    #[command(flatten)]
    format: OutputFlags,
}

#[derive(Debug, clap::Args)]
pub struct CatArguments {
    /// runs:/RUN/PATH, or a file of a model
    address: String,
    /// Skip so many bytes
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    offset: u64,
    /// Print no more than so many bytes
    #[arg(long, value_name = "BYTES")]
    length: Option<u64>,
}

pub async fn run(
    settings: &Settings,
    command: &ArtifactsCommand,
    out: &mut impl Write,
) -> Result<(), Failure> {
    match command {
        ArtifactsCommand::Ls(arguments) => list(settings, arguments, out).await,
        ArtifactsCommand::Cat(arguments) => print(settings, arguments, out).await,
    }
}

async fn list(settings: &Settings, arguments: &LsArguments, out: &mut impl Write) -> Result<(), Failure> {
    let source = find(settings, &arguments.address).await?;
    let (mut files, is_file, is_cut) = if arguments.recursive {
        let listing = files::walk(&source, &Progress::default()).await?;
        let empty =
            listing.empty.into_iter().map(|path| ArtifactFile { path, is_dir: true, file_size: None });
        (listing.files.into_iter().chain(empty).collect::<Vec<_>>(), listing.is_file, false)
    } else {
        let entries = files::entries(&source).await?;
        (entries.files, entries.is_file, entries.is_cut)
    };
    files.sort_by(|a, b| text::order::natural(&a.path, &b.path));
    if files.is_empty() && !source.path.is_empty() {
        return Err(TransferError::Nothing(format!("nothing is at {}", source.address)).into());
    }
    if is_cut {
        super::sweep_report::say(&format!("only the first {} entries are listed", text::count(files.len())));
    }
    if arguments.format.json {
        let entries: Vec<Json> = files.iter().map(|file| entry(&source, file, is_file)).collect();
        return Ok(print_json(&Json::Array(entries), out)?);
    }
    if files.is_empty() && !arguments.format.csv {
        return Ok(writeln!(out, "no files")?);
    }
    let size = |file: &ArtifactFile| match (file.file_size, arguments.format.csv) {
        (Some(size), true) => Value::Count(size),
        (Some(size), false) => Value::OwnedText(text::bytes(size)),
        (None, _) => Value::Missing,
    };
    let name = |file: &ArtifactFile| {
        Value::OwnedText(if file.is_dir { format!("{}/", file.path) } else { file.path.clone() })
    };
    let table = TextTable {
        titles: vec!["Path".into(), "Size".into()],
        names: vec!["path".into(), "size".into()],
        rows: files.iter().map(|file| vec![name(file), size(file)]).collect(),
    };
    Ok(table.print(arguments.format, now_ms(), out)?)
}

fn entry(source: &Source, file: &ArtifactFile, is_itself: bool) -> Json {
    let uri = if is_itself { source.uri() } else { format!("{}/{}", source.uri(), file.path) };
    json!({ "path": file.path, "is_dir": file.is_dir, "size": file.file_size, "uri": uri })
}

async fn print(settings: &Settings, arguments: &CatArguments, out: &mut impl Write) -> Result<(), Failure> {
    let source = find(settings, &arguments.address).await?;
    if !files::entries(&source).await?.is_file {
        let words =
            format!("{} is a folder; `mltui artifacts ls {}` lists it", source.address, source.address);
        return Err(Failure::Usage(words));
    }
    let range = (arguments.offset, arguments.length.unwrap_or(u64::MAX));
    let mut written = Ok(());
    let work = files::read_range(&source.files, &source.path, range, |part| {
        out.write_all(part).map_err(|error| {
            let kind = error.kind();
            written = Err(error);
            kind.into()
        })
    });
    let result = watched(work, &Progress::default(), "cancelled").await;
    // Whoever reads may have seen enough.
    written?;
    result?;
    Ok(out.flush()?)
}
