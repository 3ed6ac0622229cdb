//! Promotions that break off anywhere, and two at once: on a server and in a file.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use mltui::store::Store;

use super::{block_on, experiment, json_of, mltui, open, run};
use crate::support::proxy::{Fault, Proxy};
use crate::support::{Server, V3, wait_until};

/// The aliases of a model.
fn aliases(store: &Store, model: &str) -> Vec<(String, u64)> {
    let mut aliases = block_on(store.get_registered_model(model)).unwrap().aliases;
    aliases.sort();
    aliases
}

fn pairs(expected: &[(&str, u64)]) -> Vec<(String, u64)> {
    expected.iter().map(|(alias, version)| ((*alias).to_owned(), *version)).collect()
}

fn ended(home: &Path, address: &str, words: &[&str]) {
    let output = run(home, address, words);
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_promotion_that_breaks_off_anywhere_is_finished_and_can_be_undone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let store = open(&server.uri());
    let proxy = Proxy::start(server.port);
    let (first, second) = (pairs(&[("champion", 1)]), pairs(&[("champion", 2), ("previous-champion", 1)]));
    let mut cuts = 0;
    // As for marks: each write meets one of these.
    let kinds = [(false, false), (true, false), (false, true)];
    for undoing in [false, true] {
        let mut writes = 0_usize;
        loop {
            let (arrives, hangs) = kinds[(writes + usize::from(undoing)) % kinds.len()];
            let name = format!("promoted {arrives} {hangs} {undoing} {writes}");
            let (_, runs) = block_on(experiment(&store, &name));
            let home = tempfile::tempdir().unwrap();
            let home = home.path();
            let to = |run: usize| ["promote", &name, "--run", runs[run].as_str(), "--to", "champion"];
            let undo = ["promote", &name, "--undo", "--to", "champion"];
            ended(home, &server.uri(), &to(0));
            if undoing {
                ended(home, &server.uri(), &to(1));
            }
            let promoting = to(1);
            let step: &[&str] = if undoing { &undo } else { &promoting };
            proxy.set(Fault::Cut { writes: writes as u64, arrives, hangs, is_cut: false });
            if hangs {
                let mut command = mltui(home, &proxy.uri(), step);
                let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
                wait_until("the cut or the end", || proxy.is_cut() || child.try_wait().unwrap().is_some());
                child.kill().unwrap();
                child.wait().unwrap();
            } else {
                let _ = run(home, &proxy.uri(), step);
            }
            let was_cut = proxy.is_cut();
            proxy.set(Fault::None);
            ended(home, &proxy.uri(), &["mark-best", &name, "--resume"]);
            if undoing {
                assert_eq!(aliases(&store, &name), first, "{name}");
            } else {
                assert_eq!(aliases(&store, &name), second, "{name}");
                assert_eq!(block_on(store.model_versions(&name)).unwrap().len(), 2, "{name}");
                ended(home, &proxy.uri(), &undo);
                assert_eq!(aliases(&store, &name), first, "{name}, undone");
            }
            if !was_cut {
                break;
            }
            cuts += 1;
            writes += 1;
        }
        assert!(writes > 2, "the step has {writes} writes");
    }
    assert!(cuts > 6, "{cuts}");
}

#[test]
fn a_promotion_in_a_file_is_killed_anywhere_and_finished() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let address = format!("sqlite:///{}", home.join("mlflow.db").display());
    let store = open(&address);
    let mut random = fastrand::Rng::with_seed(7);
    let mut killed = 0;
    for round in 0..30 {
        let name = format!("killed {round}");
        let (_, runs) = block_on(experiment(&store, &name));
        let to = |run: usize| ["promote", &name, "--run", runs[run].as_str(), "--to", "champion"];
        ended(home, &address, &to(0));
        let mut command = mltui(home, &address, &to(1));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(random.u64(0..60_000)));
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        ended(home, &address, &["mark-best", &name, "--resume"]);
        let (before, whole) =
            (pairs(&[("champion", 1)]), pairs(&[("champion", 2), ("previous-champion", 1)]));
        let now = aliases(&store, &name);
        assert!(now == before || now == whole, "{name}: {now:?}");
        ended(home, &address, &to(1));
        assert_eq!(aliases(&store, &name), whole, "{name}");
        assert_eq!(block_on(store.model_versions(&name)).unwrap().len(), 2, "{name}");
        ended(home, &address, &["promote", &name, "--undo", "--to", "champion"]);
        assert_eq!(aliases(&store, &name), before, "{name}, undone");
    }
    assert!(killed > 3, "{killed} were killed");
}

/// Two promote another run each, at the same time.
fn both_at_once(address: &str) {
    let store = open(address);
    for round in 0..6 {
        let name = format!("both promote {round}");
        let (_, runs) = block_on(experiment(&store, &name));
        let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let children: Vec<_> = homes
            .iter()
            .zip(&runs)
            .map(|(home, run)| {
                let words = ["promote", &name, "--run", run.as_str(), "--to", "champion"];
                mltui(home.path(), address, &words)
                    .stdout(Stdio::null())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            // Whoever is overtaken before it holds says so.
            let code = output.status.code();
            assert!(matches!(code, Some(0 | 4)), "{code:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        let versions = block_on(store.model_versions(&name)).unwrap();
        let mut of: Vec<_> = versions.iter().filter_map(|version| version.run_id.clone()).collect();
        of.sort_unstable();
        let mut wanted = runs.to_vec();
        wanted.sort_unstable();
        assert_eq!(of, wanted, "each run has one version");
        let aliases = aliases(&store, &name);
        let at = |alias: &str| aliases.iter().find(|(known, _)| known == alias).map(|(_, version)| *version);
        let champion = at("champion").unwrap();
        assert!(at("previous-champion").is_none_or(|version| version != champion), "{aliases:?}");
        // What one of them promoted is taken back, and nothing of either stands in the way.
        let told = json_of(homes[0].path(), address, &["models", &name, "--history", "--json"]);
        assert_eq!(told.as_array().unwrap().len(), 2, "{told}");
    }
}

#[test]
fn two_who_promote_at_once_end_in_one_champion() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    both_at_once(&server.uri());
    let file = tempfile::tempdir().unwrap();
    both_at_once(&format!("sqlite:///{}", file.path().join("mlflow.db").display()));
}
