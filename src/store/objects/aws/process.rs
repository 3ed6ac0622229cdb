//! `credential_process`: a program of the user's that prints credentials.

use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;

use super::{Keys, seconds, wrong};
use crate::store::Inner;

/// A program that asks somebody is not waited for much longer.
const PATIENCE: Duration = Duration::from_secs(60);
const HINT: &str = "run that command in a shell, and see what it says";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    version: u64,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

/// Runs the program of a profile.
pub async fn ask(command: &str, profile: &str) -> Inner<Keys> {
    let failed = |why: &str| wrong(format!("the credential_process of profile {profile:?} {why}"), HINT);
    let words = shell_words::split(command).map_err(|error| failed(&format!("cannot be read: {error}")))?;
    let [program, arguments @ ..] = words.as_slice() else { return Err(failed("is empty")) };
    let mut process = tokio::process::Command::new(program);
    process.args(arguments).stdin(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, process.output()).await;
    let output = output.map_err(|_| failed(&format!("does not end within {} s", PATIENCE.as_secs())))?;
    let output = output.map_err(|error| failed(&format!("cannot be run: {program}: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().lines().last().unwrap_or_default();
        return Err(failed(&format!("failed ({}): {said}", output.status)));
    }
    read(&output.stdout).map_err(|why| failed(&why))
}

fn read(printed: &[u8]) -> Result<Keys, String> {
    // What it printed may hold a part of a key: none of it is shown.
    let printed: Printed = serde_json::from_slice(printed).map_err(|_| "prints no credentials".to_owned())?;
    if printed.version != 1 {
        return Err(format!("prints credentials of version {}, which is not known", printed.version));
    }
    let until = match printed.expiration {
        Some(time) => Some(seconds(&time).ok_or("prints an expiration that is no time")?),
        None => None,
    };
    Ok(Keys::new(&printed.access_key_id, &printed.secret_access_key, printed.session_token.as_deref(), until))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[tokio::test]
    async fn a_program_prints_credentials_or_says_why_not() {
        let keys = ask(
            r#"printf '{"Version": 1, "AccessKeyId": "AKIA", "SecretAccessKey": "process secret", "Expiration": "2030-01-01T00:00:00Z"}'"#,
            "ml",
        )
        .await
        .unwrap();
        assert_eq!(keys.credential.key_id, "AKIA");
        assert_eq!(keys.until, Some(1_893_456_000));
        for (command, word) in [
            ("sh -c 'echo sign in first >&2; exit 3'", "sign in first"),
            ("/no/such/program", "cannot be run"),
            ("echo SecretKey: hunter2", "prints no credentials"),
            (r#"printf '{"Version": 2, "AccessKeyId": "a", "SecretAccessKey": "b"}'"#, "version 2"),
            ("sh -c 'unfinished", "cannot be read"),
        ] {
            let refused = ask(command, "ml").await.unwrap_err().to_string();
            assert!(refused.contains(word) && refused.contains("\"ml\""), "{refused}");
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }
}
