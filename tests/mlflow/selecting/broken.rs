//! Marks that break off anywhere, and two at once.

use std::process::Stdio;

use mltui::mlflow::Tag;

use super::{State, block_on, experiment, json_of, mltui, open, run, state};
use crate::support::proxy::{Fault, Proxy};
use crate::support::{Server, V3, wait_until};

fn values_but_times(state: &State) -> [Vec<(String, String)>; 2] {
    let stays = |tag: &&Tag| !["mltui.best.at", "mltui.best.mark"].contains(&tag.key.as_str());
    state
        .tags
        .each_ref()
        .map(|tags| tags.iter().filter(stays).map(|tag| (tag.key.clone(), tag.value.clone())).collect())
}

#[test]
fn a_mark_that_breaks_off_anywhere_is_finished_and_can_be_undone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let store = open(&server.uri());
    let proxy = Proxy::start(server.port);
    let finished = ["mark-best", "--resume"];
    let mut whole: Option<State> = None;
    let mut cuts = 0;
    // The server goes away before a write, or right behind it; the program is killed there. Each write meets one of these,
    // as all of them are met in memory.
    let kinds = [(false, false), (true, false), (false, true)];
    for undoing in [false, true] {
        let mut writes = 0_usize;
        loop {
            let (arrives, hangs) = kinds[(writes + usize::from(undoing)) % kinds.len()];
            let name = format!("cut {arrives} {hangs} {undoing} {writes}");
            let (id, runs) = block_on(experiment(&store, &name));
            let home = tempfile::tempdir().unwrap();
            let home = home.path();
            json_of(home, &server.uri(), &["mark-best", &name, "--run", runs[0].as_str(), "--json"]);
            let before = block_on(state(&store, &id, &runs, &name));
            if undoing {
                json_of(home, &server.uri(), &["mark-best", &name, "--json"]);
            }
            let step: &[&str] = if undoing { &["mark-best", &name, "--undo"] } else { &["mark-best", &name] };
            proxy.set(Fault::Cut { writes: writes as u64, arrives, hangs, is_cut: false });
            if hangs {
                let mut child = mltui(home, &proxy.uri(), step)
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .spawn()
                    .unwrap();
                wait_until("the cut or the end", || proxy.is_cut() || child.try_wait().unwrap().is_some());
                child.kill().unwrap();
                child.wait().unwrap();
            } else {
                let _ = run(home, &proxy.uri(), step);
            }
            let was_cut = proxy.is_cut();
            proxy.set(Fault::None);
            let resumed = run(home, &proxy.uri(), &[finished[0], &name, finished[1]]);
            assert!(resumed.status.success(), "{name}: {}", String::from_utf8_lossy(&resumed.stderr));
            let after = block_on(state(&store, &id, &runs, &name));
            if undoing {
                assert_eq!(after, before, "{name}");
            } else {
                let told = whole.get_or_insert_with(|| {
                    assert_eq!(after.versions, [2, 1]);
                    assert!(after.tags[0].is_empty() && after.tags[1].len() == 9, "{after:?}");
                    State { best: String::new(), ..block_on(state(&store, &id, &runs, &name)) }
                });
                assert_eq!(values_but_times(&after), values_but_times(told), "{name}");
                assert_eq!((&after.aliases, &after.versions), (&told.aliases, &told.versions), "{name}");
                assert_eq!(after.best, runs[1].as_str(), "{name}");
                let undone = run(home, &proxy.uri(), &["mark-best", &name, "--undo"]);
                assert!(undone.status.success());
                assert_eq!(block_on(state(&store, &id, &runs, &name)), before, "{name}, undone");
            }
            if !was_cut {
                break;
            }
            cuts += 1;
            writes += 1;
        }
        assert!(writes > 5, "the step has {writes} writes");
    }
    assert!(cuts > 20, "{cuts}");
}

#[test]
fn two_who_mark_at_once_end_in_one_mark() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let store = open(&server.uri());
    for round in 0..6 {
        let name = format!("both {round}");
        let (id, runs) = block_on(experiment(&store, &name));
        let homes = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let children: Vec<_> = homes
            .iter()
            .zip(&runs)
            .map(|(home, run)| {
                mltui(home.path(), &server.uri(), &["mark-best", &name, "--run", run.as_str()])
                    .stdout(Stdio::null())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for mut child in children {
            assert!(child.wait().unwrap().success());
        }
        let state = block_on(state(&store, &id, &runs, &name));
        let holder = runs.iter().position(|run| run.as_str() == state.best).unwrap();
        assert!(state.tags[1 - holder].is_empty(), "{state:?}");
        assert_eq!(state.tags[holder].len(), 5, "{state:?}");
        let champion = block_on(store.model_version_by_alias(&name, "champion")).unwrap();
        assert_eq!(champion.run_id.as_ref(), Some(&runs[holder]), "{state:?}");
        let previous = state.aliases.iter().find(|(alias, _)| alias == "previous-champion");
        assert!(previous.is_none_or(|(_, version)| *version != champion.version), "{state:?}");
    }
}
