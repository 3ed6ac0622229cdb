//! `mltui doctor --report`: what somebody needs to look into a bug, in a file without secrets.

use std::env;
use std::fmt::Write as _;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use regex::{Captures, Regex};

use super::{Failure, crash};
use crate::disk::{self, Care, Draft};
use crate::store::now_ms;
use crate::store::secrets::hide;
use crate::text;

/// Of the log so much is taken from its end, in bytes.
const LOG: u64 = 64 << 10;

/// Variables whose values tell nothing of anybody.
const OPEN: [&str; 22] = [
    "COLORFGBG",
    "COLORTERM",
    "COLUMNS",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "LINES",
    "MLTUI_COLOR",
    "MLTUI_GLYPHS",
    "MLTUI_GRAPHICS",
    "MLTUI_LOG",
    "MLTUI_MOUSE",
    "MLTUI_NOTIFY",
    "MLTUI_POLL_INTERVAL",
    "MLTUI_READ_ONLY",
    "MLTUI_THEME",
    "NO_COLOR",
    "SHELL",
    "TERM",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "TZ",
];

/// Of others it is told that they are set.
const NAMED: [&str; 13] = [
    "AWS_",
    "AZURE_",
    "DATABRICKS_",
    "GOOGLE_",
    "MLFLOW_",
    "MLTUI_",
    "MYSQL",
    "PG",
    "SLURM_",
    "SSH_",
    "STY",
    "TMUX",
    "XDG_",
];

/// Writes the report into a file, which must not be there, or prints it where that is `-`. No name is one of the time.
pub fn write(
    state_folder: &Path,
    doctor: &str,
    settings: &str,
    file: &Path,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let report = report(state_folder, doctor, settings);
    if file == Path::new("-") {
        return Ok(out.write_all(report.as_bytes())?);
    }
    let name = || {
        let now = text::timestamp(now_ms()).replace([':', '-'], "").replace(' ', "-");
        PathBuf::from(format!("mltui-report-{now}.md"))
    };
    let path = if file.as_os_str().is_empty() { name() } else { file.to_owned() };
    let written = Draft::begin(&path, Care::Private).and_then(|mut draft| {
        draft.write(report.as_bytes())?;
        draft.put_new()
    });
    match written {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let words = format!("{} is there already; name another file", path.display());
            Err(Failure::Usage(words))
        }
        Err(cause) => Err(Failure::State { what: "the report is not written", cause }),
        Ok(()) => {
            let path = text::clean(&path.to_string_lossy()).into_owned();
            Ok(writeln!(out, "{path}\nLook through it, then attach it to your bug report.")?)
        }
    }
}

fn report(state_folder: &Path, doctor: &str, settings: &str) -> String {
    let log =
        disk::read_end(&state_folder.join("mltui.log"), LOG).unwrap_or_else(|error| match error.kind() {
            ErrorKind::NotFound => "none; MLTUI_LOG=debug writes one".to_owned(),
            _ => error.to_string(),
        });
    let crash = crash::last(state_folder).unwrap_or_else(|| "none".to_owned());
    let mut report = String::from(
        "# Report of mltui\n\nPasswords and tokens are taken out. Names of servers, folders, experiments and runs may be in \
         it: please look through it before you send it.\n",
    );
    let sections = [
        ("Versions", versions()),
        ("Doctor", doctor.to_owned()),
        (
            "Environment",
            environment(env::vars_os().filter_map(|(name, value)| {
                Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
            })),
        ),
        ("Settings", settings.to_owned()),
        ("Log", log),
        ("Last crash", crash),
    ];
    let home = env::var("HOME").unwrap_or_default();
    for (title, content) in sections {
        let _ = write!(report, "\n## {title}\n\n");
        let content = without_secrets(&content, &home);
        for line in text::clean_lines(&content).lines() {
            // Indented, so that nothing in it means something to Markdown.
            let _ = writeln!(report, "    {line}");
        }
    }
    report
}

fn versions() -> String {
    let mut words = format!(
        "mltui {} ({} build)\nsystem {} {}",
        env!("CARGO_PKG_VERSION"),
        if cfg!(debug_assertions) { "debug" } else { "release" },
        env::consts::OS,
        env::consts::ARCH
    );
    #[cfg(unix)]
    {
        let system = rustix::system::uname();
        let _ =
            write!(words, ", {} {}", system.sysname().to_string_lossy(), system.release().to_string_lossy());
    }
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let _ = write!(words, "\ncores {cores}");
    words
}

/// The variables that matter: the values of some, the names of others.
fn environment(all: impl Iterator<Item = (String, String)>) -> String {
    let mut lines: Vec<String> = all
        .filter_map(|(name, value)| {
            if OPEN.contains(&name.as_str()) {
                return Some(format!("{name}={value}"));
            }
            let is_named =
                NAMED.iter().any(|start| name.starts_with(start)) || name.to_lowercase().ends_with("_proxy");
            is_named.then(|| format!("{name} is set"))
        })
        .collect();
    lines.sort();
    lines.join("\n")
}

/// The text without what may be a secret: those that are known, and whatever looks like one.
fn without_secrets(text: &str, home: &str) -> String {
    let mut text = hide(text).into_owned();
    if home.len() > 1 {
        text = text.replace(home, "~");
    }
    // Users and passwords of addresses; values whose names say that they are secret; what is sent in headers.
    let patterns = [
        r#"(?P<keep>[A-Za-z][A-Za-z0-9+.-]*://)[^\s'"<>`]*@"#,
        r#"(?i)(?P<keep>[\w.-]*(?:passw|pwd|secret|token|signature|credential|api[_-]?key|access[_-]?key)[\w.-]*["']?\s*[=:]\s*["']?)[^\s&'",;]+"#,
        r"(?i)(?P<keep>[?&;](?:sig|key|auth|sslkey|code)=)[^\s&'\x22]+",
        r"(?i)(?P<keep>\b(?:proxy-)?authorization\x22?\s*[:=]\s*)[^\r\n]+",
        r"(?i)(?P<keep>\b(?:bearer|basic)\s+)[A-Za-z0-9+/=._~-]{8,}",
    ];
    for pattern in patterns {
        let Ok(pattern) = Regex::new(pattern) else { continue };
        let hidden = pattern.replace_all(&text, |found: &Captures<'_>| {
            let keep = &found["keep"];
            let end = if keep.ends_with("://") { "@" } else { "" };
            // What names a variable is no secret.
            if keep.to_lowercase().contains("_env") { found[0].to_owned() } else { format!("{keep}***{end}") }
        });
        text = hidden.into_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_left_in_a_report() {
        for (text, left) in [
            (
                "tracking URI  https://ana:geheim@host:5000/x (from a flag)",
                "tracking URI  https://***@host:5000/x (from a flag)",
            ),
            (
                "postgresql://u:ge/heim@h@db/mlflow?sslmode=require",
                "postgresql://***@db/mlflow?sslmode=require",
            ),
            ("mysql://h/db?password=geheim&ssl_mode=REQUIRED", "mysql://h/db?password=***&ssl_mode=REQUIRED"),
            ("https://x.blob/y?sv=1&sig=geheim%3D&se=2", "https://x.blob/y?sv=1&sig=***&se=2"),
            (
                "https://s3/x?X-Amz-Signature=geheim&X-Amz-Expires=9",
                "https://s3/x?X-Amz-Signature=***&X-Amz-Expires=9",
            ),
            ("Authorization: Basic Z2VoZWltZ2VoZWlt", "Authorization: ***"),
            ("sent bearer geheim-geheim", "sent bearer ***"),
            (r#"MLFLOW_TRACKING_PASSWORD = "geheim""#, r#"MLFLOW_TRACKING_PASSWORD = "***""#),
            (r#"{"token": "geheim", "a": 1}"#, r#"{"token": "***", "a": 1}"#),
            (r#"password_env = "TEAM_PASSWORD""#, r#"password_env = "TEAM_PASSWORD""#),
            ("models:/wine@champion of /home/ana/mlflow.db", "models:/wine@champion of ~/mlflow.db"),
        ] {
            assert_eq!(without_secrets(text, "/home/ana"), left);
        }
        let variables = [
            ("PATH", "/bin"),
            ("TERM", "xterm"),
            ("MLFLOW_TRACKING_PASSWORD", "geheim"),
            ("HTTPS_PROXY", "http://u:geheim@p"),
            ("USER", "ana"),
        ];
        let told =
            environment(variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter());
        assert_eq!(told, "HTTPS_PROXY is set\nMLFLOW_TRACKING_PASSWORD is set\nTERM=xterm");
    }

    #[test]
    fn a_report_is_new_private_and_says_what_happened() {
        let here = tempfile::tempdir().unwrap();
        std::fs::write(here.path().join("mltui.log"), "WARN ```x``` http://u:geheim@h\n").unwrap();
        std::fs::write(here.path().join("crash.txt"), "mltui 0 crashed\n").unwrap();
        let file = here.path().join("r.md");
        let mut out = Vec::new();
        write(here.path(), "store  broken\u{1b}[31m\n", "[tui]\n", &file, &mut out).unwrap();
        let report = std::fs::read_to_string(&file).unwrap();
        for line in
            ["    store  broken^[[31m", "    [tui]", "    WARN ```x``` http://***@h", "    mltui 0 crashed"]
        {
            assert!(report.lines().any(|found| found == line), "{line}: {report}");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        let again = write(here.path(), "", "", &file, &mut std::io::sink());
        assert!(matches!(again, Err(Failure::Usage(words)) if words.contains("another file")));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), report, "nothing is replaced");
        assert_eq!(std::fs::read_dir(here.path()).unwrap().count(), 3, "nothing is left beside it");
    }
}
