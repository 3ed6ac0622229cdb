//! Downloads and uploads whose process is killed: nothing half stands under a final name, and the same command ends whole.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::support::commands::mltui;
use crate::support::stores::{block_on, new_run};
use crate::support::{Server, V3, client};

const SIZE: usize = 24 << 20;

/// Bytes of files in a folder.
fn bytes_in(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(known) if known.is_dir() => bytes_in(&entry.path()),
        Ok(known) => known.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn begun(folder: &Path, words: &[&str]) -> Child {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_mltui"));
    command.args(words).current_dir(folder).env_clear().env("HOME", folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_download_that_is_killed_leaves_no_half_file_and_goes_on() {
    let server = Server::shared(V3);
    let mut random = fastrand::Rng::with_seed(11);
    let content: Vec<u8> = (0..SIZE).map(|_| random.u8(..)).collect();
    let store = client::open(&server.uri(), client::quick());
    let run = block_on(async {
        let experiment = store.create_experiment("killed downloads", &[]).await.unwrap();
        let run = store.create_run(&new_run(&experiment, "killed", 1)).await.unwrap().info.run_id;
        store.write_artifact(&run, "t/big.bin", &content).await.unwrap();
        store.write_artifact(&run, "t/small", b"1").await.unwrap();
        run
    });
    let address = format!("runs:/{run}/t");
    let uri = server.uri();
    let words = ["--tracking-uri", uri.as_str(), "download", address.as_str(), "--to", "out"];
    let mut killed = 0;
    for round in 0..10 {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("work");
        fs::create_dir(&folder).unwrap();
        // Several times in a row, each further than the one before.
        for _ in 0..2 {
            let until = random.u64(1..SIZE as u64);
            let mut child = begun(&folder, &words);
            while bytes_in(&folder) < until && child.try_wait().unwrap().is_none() {
                std::thread::yield_now();
            }
            child.kill().unwrap();
            killed += usize::from(!child.wait().unwrap().success());
            let out = folder.join("out");
            assert!(!out.exists() || fs::read(out.join("big.bin")).unwrap() == content, "round {round}");
        }
        if !folder.join("out").exists() {
            let done = mltui(&folder, &words);
            assert!(done.status.success(), "round {round}: {}", String::from_utf8_lossy(&done.stderr));
        }
        assert!(fs::read(folder.join("out/big.bin")).unwrap() == content, "round {round}");
        assert_eq!(fs::read(folder.join("out/small")).unwrap(), b"1");
        let visible: Vec<String> = names(&folder).into_iter().filter(|name| !name.starts_with('.')).collect();
        assert_eq!(visible, ["out"], "round {round}");
    }
    assert!(killed > 5, "{killed} were killed");
}

/// Uploads to a store, killed at any time.
fn uploads(address: &str, folder: &Path) {
    let store = client::open(address, client::quick());
    let mut random = fastrand::Rng::with_seed(13);
    let content: Vec<u8> = (0..SIZE).map(|_| random.u8(..)).collect();
    fs::write(folder.join("big.bin"), &content).unwrap();
    let mut killed = 0;
    for round in 0..10 {
        let run = block_on(async {
            let name = format!("killed uploads {address} {round}");
            let experiment = store.create_experiment(&name, &[]).await.unwrap();
            store.create_run(&new_run(&experiment, "killed", 1)).await.unwrap().info.run_id
        });
        let target = format!("runs:/{run}/t");
        let words = ["--tracking-uri", address, "upload", "big.bin", target.as_str()];
        let mut child = begun(folder, &words);
        std::thread::sleep(Duration::from_micros(random.u64(1_000..150_000)));
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        // What was staged stays, under a name of its own.
        let named = || {
            let list = block_on(store.list_artifacts(&run, "t"));
            let mut files = list.map_or(Vec::new(), |list| list.files);
            files.retain(|file| !file.path.contains("/.mltui-"));
            files
        };
        if named().is_empty() {
            let done = mltui(folder, &words);
            assert!(done.status.success(), "round {round}: {}", String::from_utf8_lossy(&done.stderr));
        }
        let list = named();
        let seen: Vec<(&str, Option<u64>)> =
            list.iter().map(|file| (file.path.as_str(), file.file_size)).collect();
        assert_eq!(seen, [("t/big.bin", Some(SIZE as u64))], "round {round}");
    }
    assert!(killed > 2, "{killed} were killed");
}

#[test]
fn an_upload_that_is_killed_leaves_no_half_file() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("work");
    fs::create_dir(&folder).unwrap();
    uploads(&format!("sqlite:///{}", folder.join("mlflow.db").display()), &folder);
    uploads(&Server::shared(V3).uri(), &folder);
}
