//! Marks by keys, in the real program.

use mltui::marking::{events, holder};
use mltui::mlflow::{ExperimentId, Metric, RunStatus};
use mltui::store::{NewRun, RunUpdate, Store, now_ms};

use super::{block_on, experiment, open, state};
use crate::support::proxy::{Fault, Proxy};
use crate::support::terminal::Terminal;
use crate::support::{Server, V3};

/// The entries in the log of an experiment.
async fn state_of_marks(store: &Store, experiment: &ExperimentId) -> usize {
    events(&store.get_experiment(experiment).await.unwrap().tags).len()
}

/// What takes a version out of the registry asks, as far as the program has read what the mark did.
fn undo(terminal: &mut Terminal, effect: &str) {
    terminal.type_keys("U");
    let question = "Undo the mark";
    terminal.wait(effect, |screen| screen.contains(question) || screen.contains(effect));
    if terminal.screen().contains(question) {
        terminal.type_keys("y");
        terminal.wait_for(effect);
    }
}

#[test]
fn a_key_marks_the_best_run_and_the_next_start_finishes_what_broke_off() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(V3, folder.path());
    let store = open(&server.uri());
    let proxy = Proxy::start(server.port);
    let (id, runs) = block_on(experiment(&store, "wine"));
    let variables = [("USER", "ana"), ("MLTUI_POLL_INTERVAL", "0.3"), ("MLFLOW_HTTP_REQUEST_TIMEOUT", "3")];
    let arguments = ["--tracking-uri", &proxy.uri()];
    let mut terminal = Terminal::start(folder.path(), (150, 40), &arguments, &variables);
    terminal.wait_for("★ best: new, lowest val_rmse of 2 runs, 0.2 (29 %) ahead");
    terminal.type_keys("B");
    terminal.wait_for("Mark new as best?");
    terminal.wait_for("val_rmse: 0.5");
    assert_eq!(block_on(state_of_marks(&store, &id)), 0, "nothing is written before it is confirmed");
    terminal.type_keys("y");
    terminal.wait_for("new is marked best; registered as wine version 1, alias champion");
    terminal.wait_for("◆★ new");
    let champion = block_on(store.model_version_by_alias("wine", "champion")).unwrap();
    assert_eq!(champion.run_id.as_ref(), Some(&runs[1]));
    // The same run again, and that taken back: the first mark holds, and the words do not say otherwise.
    let marks = || block_on(store.get_experiment(&id)).unwrap().tags;
    proxy.set(Fault::Refuse("set-experiment-tag", 403));
    terminal.type_keys("U");
    terminal.wait_for("Undo the mark");
    terminal.type_keys("y");
    terminal.wait_for("nothing was undone: ");
    proxy.set(Fault::None);
    let first = marks();
    terminal.type_keys("B");
    terminal.wait_for("Mark new as best?");
    terminal.type_keys("y");
    terminal.wait("a second mark", |_| {
        marks() != first && holder(&events(&marks())).is_some_and(|mark| mark.done)
    });
    undo(&mut terminal, "the last mark of new is undone; an earlier one of it is current again");
    undo(&mut terminal, "new is no longer marked best");
    assert!(block_on(store.get_registered_model("wine")).is_err());
    // What is not begun is not said to be finished later.
    let before = marks();
    proxy.set(Fault::Cut { writes: 0, arrives: false, hangs: false, is_cut: true });
    terminal.type_keys("B");
    terminal.wait_for("nothing was marked: ");
    undo(&mut terminal, "nothing was undone: ");
    proxy.set(Fault::None);
    terminal.type_keys("r");
    terminal.wait_for("● live");
    assert_eq!(marks(), before);
    // The server goes away in the middle, and the program ends before it is back.
    proxy.set(Fault::Cut { writes: 4, arrives: true, hangs: false, is_cut: false });
    terminal.type_keys("B");
    terminal.wait_for("Mark new as best?");
    terminal.type_keys("y");
    terminal.wait_for("the mark is incomplete");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
    proxy.set(Fault::None);
    let mut terminal = Terminal::start(folder.path(), (150, 40), &arguments, &variables);
    terminal.wait_for("finished an interrupted mark; new is marked best");
    let whole = block_on(state(&store, &id, &runs, "wine"));
    assert_eq!((whole.best.as_str(), whole.tags[1].len(), whole.versions.len()), (runs[1].as_str(), 9, 1));
    // A better run comes in: the star goes to it by itself.
    let run = NewRun {
        experiment_id: id.clone(),
        run_name: Some("newest".into()),
        user_id: "ana".into(),
        start_time: now_ms(),
        tags: Vec::new(),
    };
    let newest = block_on(store.create_run(&run)).unwrap().info.run_id;
    let metric = Metric { key: "val_rmse".into(), value: 0.25, timestamp: 1, step: 0 };
    block_on(store.log_batch(&newest, &[metric], &[], &[])).unwrap();
    let update = RunUpdate { status: Some(RunStatus::Finished), end_time: Some(now_ms()), run_name: None };
    block_on(store.update_run(&newest, &update)).unwrap();
    terminal.wait_for("★ newest");
    terminal.type_keys("j");
    terminal.wait_for("★ best: newest, lowest val_rmse of 3 runs");
    terminal.type_keys("q");
    assert_eq!(terminal.wait_for_end(), 0);
}
