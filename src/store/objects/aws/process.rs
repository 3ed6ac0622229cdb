//! `credential_process`: a program of the user's that prints credentials.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::{Keys, seconds, wrong};
use crate::store::Inner;

/// A program that asks somebody is not waited for much longer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of what it prints: credentials are far less.
const MOST: u64 = 64 << 10;
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
    let mut process = Command::new(program);
    process.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let answer = tokio::time::timeout(PATIENCE, answer(process.kill_on_drop(true))).await;
    let answer = answer.map_err(|_| failed(&format!("does not end within {} s", PATIENCE.as_secs())))?;
    let (status, printed, said) = answer.map_err(|error| match error.kind() {
        io::ErrorKind::FileTooLarge => {
            failed(&format!("prints more than {} KiB, which is more than credentials are", MOST >> 10))
        }
        _ => failed(&format!("cannot be run: {program}: {error}")),
    })?;
    if !status.success() {
        let said = String::from_utf8_lossy(&said);
        let said = said.trim().lines().last().unwrap_or_default();
        return Err(failed(&format!("failed ({status}): {said}")));
    }
    read(&printed).map_err(|why| failed(&why))
}

/// How a program ends, what it prints, and what it says besides. One that prints too much is ended.
async fn answer(process: &mut Command) -> io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    let mut child = process.spawn()?;
    let printed = async {
        let (printed, is_all) = beginning(child.stdout.take()).await?;
        if is_all { Ok(printed) } else { Err(io::Error::from(io::ErrorKind::FileTooLarge)) }
    };
    let mut stderr = child.stderr.take();
    let said = async {
        let (said, _) = beginning(stderr.as_mut()).await?;
        // It would wait for somebody to take the rest.
        if let Some(rest) = &mut stderr {
            tokio::io::copy(rest, &mut tokio::io::sink()).await?;
        }
        Ok(said)
    };
    let (printed, said) = tokio::try_join!(printed, said)?;
    Ok((child.wait().await?, printed, said))
}

/// The beginning of what comes; whether that is all of it.
async fn beginning(stream: Option<impl AsyncRead + Unpin>) -> io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(MOST + 1).read_to_end(&mut bytes).await?;
    }
    let is_all = bytes.len() as u64 <= MOST;
    Ok((bytes, is_all))
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
        let talks = r#"sh -c 'head -c 300000 /dev/zero >&2; printf "{\"Version\": 1, \"AccessKeyId\": \"AKIA\", \"SecretAccessKey\": \"s\"}"'"#;
        assert_eq!(ask(talks, "ml").await.unwrap().credential.key_id, "AKIA");
        for (command, word) in [
            ("sh -c 'echo sign in first >&2; exit 3'", "sign in first"),
            ("/no/such/program", "cannot be run"),
            ("echo SecretKey: hunter2", "prints no credentials"),
            (r#"printf '{"Version": 2, "AccessKeyId": "a", "SecretAccessKey": "b"}'"#, "version 2"),
            ("sh -c 'unfinished", "cannot be read"),
            // It never ends, and is ended.
            ("yes SecretKey: hunter2", "prints more than 64 KiB"),
        ] {
            let refused = ask(command, "ml").await.unwrap_err().to_string();
            assert!(refused.contains(word) && refused.contains("\"ml\""), "{refused}");
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }
}
