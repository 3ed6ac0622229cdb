//! `mltui compare`: runs side by side.

use std::collections::HashSet;
use std::io::{IsTerminal as _, Write};
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};

use super::finding::find_run;
use super::output::print_json;
use super::{Failure, open};
use crate::catalog::Builder;
use crate::compare::{Comparison, Entry, MOST, export};
use crate::config::Settings;
use crate::mlflow::Run;
use crate::sheet::Format;
use crate::store::batch::whole_runs;
use crate::store::now_ms;

/// Runs that are asked for side by side.
const AT_ONCE: usize = 4;

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags are")]
pub struct Arguments {
    /// Runs of any experiments in the store: ids, beginnings of ids, or names
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    runs: Vec<String>,
    /// Print JSON: the runs, and the values, best runs and spread of each row
    #[arg(long, conflicts_with_all = ["csv", "md"])]
    json: bool,
    /// Print CSV with a header
    #[arg(long, conflicts_with = "md")]
    csv: bool,
    /// Print a Markdown table
    #[arg(long)]
    md: bool,
    /// Only show what differs between the runs
    #[arg(long)]
    only_diff: bool,
    /// Add the absolute and relative differences to this run
    #[arg(long, value_name = "RUN")]
    baseline: Option<String>,
    /// Group runs that differ only in seed or fold: mean, standard deviation and count
    #[arg(long)]
    seeds: bool,
}

pub async fn run(settings: &Settings, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let few =
        |count: usize| Failure::Usage(format!("give 2 to {MOST} different runs to compare, not {count}"));
    let distinct: HashSet<&String> = arguments.runs.iter().collect();
    if distinct.len() < 2 || distinct.len() > MOST {
        return Err(few(distinct.len()));
    }
    let store = open(settings)?;
    let found: Vec<Run> = futures_util::stream::iter(&arguments.runs)
        .map(|wanted| find_run(&store, wanted))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut runs: Vec<Run> = Vec::new();
    for run in found {
        if !runs.iter().any(|known| known.info.run_id == run.info.run_id) {
            runs.push(run);
        }
    }
    if runs.len() < 2 {
        return Err(few(runs.len()));
    }
    let baseline = match &arguments.baseline {
        Some(wanted) => Some(find_run(&store, wanted).await?.info.run_id),
        None => None,
    };
    if let (Some(id), Some(wanted)) = (&baseline, &arguments.baseline)
        && !runs.iter().any(|run| run.info.run_id == *id)
    {
        return Err(Failure::Usage(format!("--baseline {wanted} is not among the compared runs")));
    }
    let mut builder = Builder::default();
    builder.fold_changes(&whole_runs(&runs));
    let catalog = Arc::new(builder.snapshot());
    let now = now_ms();
    let rows: Vec<_> = (0..runs.len() as u32).collect();
    let comparison = Comparison::new(catalog, &rows, arguments.seeds, now, &settings.selecting.patterns);
    let entries: Vec<&Entry> =
        comparison.entries.iter().filter(|entry| entry.differs || !arguments.only_diff).collect();
    let baseline = baseline.and_then(|baseline| {
        let has = |row: &u32| comparison.catalog.run_id(*row) == baseline.as_str();
        comparison.members.iter().position(|member| member.rows.iter().any(has))
    });
    if arguments.json {
        return Ok(print_json(&export::json(&comparison, &entries, baseline, now), out)?);
    }
    let sheet = export::sheet(&comparison, &entries, baseline, now);
    let text = match (arguments.csv, arguments.md) {
        (true, _) => sheet.written(Format::Csv),
        (_, true) => sheet.written(Format::Markdown),
        _ => sheet.text(std::io::stdout().is_terminal()),
    };
    Ok(out.write_all(text.as_bytes())?)
}
