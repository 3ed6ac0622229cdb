//! `mltui doctor`: every step from the settings to the data, each with its outcome.

use std::io::{IsTerminal, Write};
use std::time::Instant;

use super::{Failure, open};
use crate::config::Settings;
use crate::mlflow::ViewType;
use crate::text;

pub async fn run(settings: &Settings, out: &mut impl Write) -> Result<(), Failure> {
    let mut line = |name: &str, value: &str| writeln!(out, "{name:<14}{}", text::clean(value));
    let state = if settings.config_exists { "" } else { " (not there: defaults)" };
    line("config file", &format!("{}{state}", settings.config_file.display()))?;
    line("state folder", &settings.state_folder.display().to_string())?;
    line(
        "tracking URI",
        &format!(
            "{} (from {})",
            crate::store::uri::without_credentials(&settings.tracking_uri),
            settings.origin
        ),
    )?;
    line("credentials", &format!("{:?}", settings.rest.auth))?;
    line("mode", if settings.read_only { "read-only" } else { "reading and writing" })?;
    terminal(settings, &mut line)?;
    let store = open(settings)?;
    let start = Instant::now();
    let info = store.info().await?;
    let first = start.elapsed();
    let start = Instant::now();
    let experiments = store.search_experiments(ViewType::ActiveOnly).await?;
    let second = start.elapsed();
    let mut line = |name: &str, value: &str| writeln!(out, "{name:<14}{}", text::clean(value));
    line("store", &format!("{} at {}", info.kind, info.location))?;
    if let Some(revision) = &info.revision {
        line("schema", &format!("revision {revision}{}", version_of(revision)))?;
    }
    line("writable", if info.writable { "yes" } else { "no" })?;
    for note in &info.notes {
        line("", note)?;
    }
    let ms = |elapsed: std::time::Duration| format!("{:.1} ms", elapsed.as_secs_f64() * 1000.0);
    line("latency", &format!("{} to connect, {} to list experiments", ms(first), ms(second)))?;
    let runs = store.run_counts().await?.map(|counts| counts.values().sum::<u64>() as usize);
    let runs = runs.map_or(String::new(), |runs| format!(", {} runs", text::count(runs)));
    line("content", &format!("{} experiments{runs}", text::count(experiments.len())))?;
    Ok(())
}

fn terminal(
    settings: &Settings,
    line: &mut impl FnMut(&str, &str) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| "unset".into());
    let size = crossterm::terminal::size().map_or("of unknown size".into(), |(w, h)| format!("{w}x{h}"));
    let kind = if std::io::stdout().is_terminal() { size } else { "standard output is none".into() };
    let color = if settings.color { "colours on" } else { "colours off" };
    line(
        "terminal",
        &format!(
            "{kind}, TERM {}, COLORTERM {}, {color}, {:?} glyphs",
            variable("TERM"),
            variable("COLORTERM"),
            settings.glyphs
        ),
    )
}

/// The MLflow versions that a schema revision belongs to, where that was measured.
fn version_of(revision: &str) -> &'static str {
    match revision {
        "97727af70f4d" => " (MLflow 2.0)",
        "acf3f17fdcc7" => " (MLflow 2.9)",
        "0584bdc529eb" => " (MLflow 2.22)",
        "bda7b8c39065" => " (MLflow 3.0)",
        "bf29a5ff90ea" => " (MLflow 3.5)",
        "1b5f0d9ad7c1" => " (MLflow 3.10)",
        "dc11669786a5" => " (MLflow 3.17)",
        "f4a9b2c7d1e6" => " (MLflow 3.18)",
        _ => " (of an MLflow that was not tried: columns are probed)",
    }
}
