//! `mltui doctor`: every step from the settings to the data, each with its outcome.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Failure, doctor_report, doctor_slurm, open};
use crate::config::{ConfigError, Folders, Settings};
use crate::disk::{Care, Draft};
use crate::mlflow::ViewType;
use crate::store::uri::{Auth, Location, address, proxy};
use crate::text;

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Write all of it to a file to attach to a bug report, with the versions, the settings, the end of the log and the last
    /// crash, and without passwords; `-` prints it [default: mltui-report-TIME.md]
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "")]
    pub report: Option<OsString>,
}

pub async fn run(settings: &Settings, arguments: &Arguments, out: &mut impl Write) -> Result<(), Failure> {
    let Some(file) = &arguments.report else { return check(settings, out).await };
    let mut told = Vec::new();
    if let Err(failure) = check(settings, &mut told).await {
        writeln!(told, "{failure}")?;
    }
    let told = String::from_utf8_lossy(&told);
    doctor_report::write(&settings.state_folder, &told, &settings.show(), Path::new(file), out)
}

/// A report where the settings themselves cannot be read.
pub fn report_unread(
    error: &ConfigError,
    folders: &Folders,
    arguments: &Arguments,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let file = Path::new(arguments.report.as_deref().unwrap_or_default());
    let told = format!("the settings cannot be read: {error}\n");
    doctor_report::write(&folders.state, &told, "", file, out)
}

/// Goes from step to step and says what came of each.
async fn check(settings: &Settings, out: &mut impl Write) -> Result<(), Failure> {
    let mut line = |name: &str, value: &str| writeln!(out, "{name:<14}{}", text::clean(value));
    let state = if settings.config_exists { "" } else { " (no such file; using defaults)" };
    line("config file", &format!("{}{state}", settings.config_file.display()))?;
    line("state folder", &state_folder(&settings.state_folder))?;
    line("tracking URI", &format!("{} (from {})", settings.tracking_uri, settings.origin))?;
    if let Some(workspace) = &settings.rest.workspace {
        line("workspace", workspace)?;
    }
    if let Ok(Location::Server(url)) = &settings.location {
        server(settings, &address(url), &mut line)?;
    }
    for (name, value) in settings.location.as_ref().ok().and_then(Location::ways).into_iter().flatten() {
        line(name, &value)?;
    }
    if let Some(url) = &settings.rest.artifacts_server {
        let who = match &settings.rest.artifacts_auth {
            Auth::None => "without credentials".to_owned(),
            // A token may stand in the place of a user.
            Auth::Basic { password, .. } if password.is_empty() => "as a user, but no password".to_owned(),
            Auth::Basic { user, .. } => format!("as user {user}"),
            Auth::Bearer(_) => "with a token".to_owned(),
        };
        line("artifacts", &format!("at {}, {who}", address(url)))?;
    }
    if let Ok(Location::Databricks(workspace)) = &settings.location
        && let Some(found) = workspace.found()
    {
        network(settings, &found.host, &mut line)?;
    }
    line("mode", if settings.read_only { "read-only" } else { "reading and writing" })?;
    terminal(settings, &mut line)?;
    doctor_slurm::tell(settings, &mut line)?;
    let mut once = settings.clone();
    once.rest.max_retries = 0;
    once.rest.timeout = once.rest.timeout.min(PATIENCE);
    let store = open(&once)?;
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
    let runs = store
        .run_counts()
        .await?
        .map(|counts| counts.values().map(|count| count.active).sum::<u64>() as usize);
    let runs = runs.map_or(String::new(), |runs| format!(", {}", text::runs(runs)));
    line("content", &format!("{}{runs}", text::counted(experiments.len(), "experiment")))?;
    Ok(())
}

/// The folder of what the program keeps, and why it cannot be written.
fn state_folder(folder: &Path) -> String {
    let shown = folder.display();
    match try_to_write(folder) {
        Err(error) => format!("{shown} (not writable: {error}; sweeps and marks are disabled)"),
        Ok(()) => shown.to_string(),
    }
}

/// Writes a file into a folder and takes it away again. Where the folder is still to be made, that is tried in the nearest
/// one above it that is there.
fn try_to_write(folder: &Path) -> io::Result<()> {
    let above =
        folder.ancestors().map(|above| if above.as_os_str().is_empty() { Path::new(".") } else { above });
    for above in above {
        match above.symlink_metadata() {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {}
            Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", above.display()))),
            Ok(_) if !above.is_dir() => {
                let words = format!("{} is not a folder", above.display());
                return Err(io::Error::new(io::ErrorKind::NotADirectory, words));
            }
            Ok(_) if above == folder => {
                return Draft::begin(&folder.join("doctor"), Care::Private)?.write(&[0; 4096]);
            }
            Ok(_) => return tempfile::Builder::new().prefix(".mltui-").tempdir_in(above).map(drop),
        }
    }
    Ok(())
}

/// How a server is reached.
fn server(
    settings: &Settings,
    address: &str,
    line: &mut impl FnMut(&str, &str) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let rest = &settings.rest;
    match &rest.auth {
        Auth::None => line("credentials", "none")?,
        Auth::Basic { user, password } if !password.is_empty() => {
            line("credentials", &format!("user {user} and a password"))?;
        }
        Auth::Basic { .. } => line("credentials", "a user, but no password")?,
        Auth::Bearer(_) => line("credentials", "a token")?,
    }
    if let Some(why) = &rest.withheld {
        line("", why)?;
    }
    network(settings, address, line)
}

/// What lies between this machine and an address, and how long an answer is waited for.
fn network(
    settings: &Settings,
    address: &str,
    line: &mut impl FnMut(&str, &str) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let rest = &settings.rest;
    match proxy::of(address) {
        Some(proxy) => line("proxy", &format!("{proxy}; NO_PROXY lists the hosts that bypass it"))?,
        None => line("proxy", "none for this address")?,
    }
    let tls = match &rest.ca_file {
        _ if !address.starts_with("https://") => "none: the connection is not encrypted".to_owned(),
        _ if rest.insecure_tls => {
            format!("INSECURE: certificates are not verified ({})", rest.insecure_tls_by)
        }
        Some(path) => format!("only the authorities in {} are trusted ({})", path.display(), rest.ca_file_by),
        None => "verified against this machine's trusted authorities".into(),
    };
    line("TLS", &tls)?;
    if let Some(path) = &rest.client_cert {
        line("", &format!("client certificate {}", path.display()))?;
    }
    let patience = text::span(rest.patience(0).as_millis() as i64);
    line(
        "attempts",
        &format!(
            "one here, {}; other commands retry for {patience} (MLFLOW_HTTP_REQUEST_MAX_RETRIES)",
            waiting(rest.timeout)
        ),
    )
}

/// How long an answer is waited for, and by what: the settings, or doctor's own limit where that is less.
fn waiting(timeout: Duration) -> String {
    let by = "MLFLOW_HTTP_REQUEST_TIMEOUT, or timeout in [http]";
    let seconds = timeout.as_secs_f64();
    if timeout <= PATIENCE {
        return format!("{seconds} s at most ({by})");
    }
    let own = PATIENCE.as_secs_f64();
    format!("{own} s at most (doctor's own limit; other commands: {seconds} s, {by})")
}

fn terminal(
    settings: &Settings,
    line: &mut impl FnMut(&str, &str) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let variable = |name: &str| {
        std::env::var_os(name).map_or("unset".into(), |value| value.to_string_lossy().into_owned())
    };
    let size = crossterm::terminal::size().map_or("of unknown size".into(), |(w, h)| format!("{w}x{h}"));
    let kind =
        if std::io::stdout().is_terminal() { size } else { "standard output is not a terminal".into() };
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
        _ => " (of an untested MLflow version: columns are probed)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_folder_that_cannot_be_made_is_told() {
        let here = tempfile::tempdir().unwrap();
        let folder = here.path().join("a/b/mltui");
        assert_eq!(state_folder(&folder), folder.display().to_string());
        assert_eq!(std::fs::read_dir(here.path()).unwrap().count(), 0, "looking leaves nothing behind");
        std::fs::write(here.path().join("a"), "").unwrap();
        for folder in [folder, here.path().join("a")] {
            let told = state_folder(&folder);
            assert!(told.contains("a is not a folder"), "{told}");
        }
        #[cfg(target_os = "linux")]
        assert!(state_folder(Path::new("/proc/none/mltui")).contains("not writable"), "nor by root");
    }
}
