//! `mltui history RUN METRIC`: every point of a metric.

use std::io::{IsTerminal as _, Write};

use super::finding::find_run;
use super::metric_names::no_metric;
use super::output::OutputFlags;
use super::{Failure, open};
use crate::config::Settings;
use crate::sheet::{Cell, Format, Sheet};
use crate::text;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Id of the run, the beginning of its id, or its name
    run: String,
    /// Name of the metric
    metric: String,
    /// Print only the last N points
    #[arg(long, value_name = "N")]
    last: Option<usize>,
    #[command(flatten)]
    format: OutputFlags,
}

pub async fn run(settings: &Settings, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let store = open(settings)?;
    let run = find_run(&store, &arguments.run).await?;
    let mut points = store.metric_history(&run.info.run_id, &arguments.metric).await?;
    if points.is_empty() {
        let names: Vec<&str> = run.metrics.iter().map(|metric| metric.key.as_str()).collect();
        let name = &run.info.run_name;
        if names.is_empty() {
            return Err(Failure::NoneEligible(format!("run {name} has no metrics")));
        }
        return Err(no_metric(&format!("run {name} has no metric"), &arguments.metric, &names));
    }
    points.sort_by_key(|point| (point.step, point.timestamp));
    points.drain(..points.len().saturating_sub(arguments.last.unwrap_or(usize::MAX)));
    let is_for_people = !arguments.format.json && !arguments.format.csv;
    let mut sheet = Sheet::new(["step", if is_for_people { "time" } else { "timestamp" }, "value"]);
    for point in points {
        let time = point.timestamp;
        sheet.push([
            Cell::Integer(point.step),
            if is_for_people { Cell::Text(text::timestamp(time)) } else { Cell::Integer(time) },
            Cell::Number(point.value),
        ]);
    }
    let words = match (arguments.format.json, arguments.format.csv) {
        (true, _) => sheet.written(Format::Json),
        (_, true) => sheet.written(Format::Csv),
        _ => sheet.text(std::io::stdout().is_terminal()),
    };
    Ok(out.write_all(words.as_bytes())?)
}
