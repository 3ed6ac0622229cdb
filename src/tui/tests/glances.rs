//! What the cursor is on among the artifacts, seen without a key.

use super::*;
use crate::tui::core::layout::Tab;
use crate::tui::features::details::effects::Effect as DetailsEffect;
use crate::tui::features::details::glance::PIECE;

fn file(path: &str, size: u64) -> ArtifactFile {
    ArtifactFile { path: path.into(), is_dir: false, file_size: Some(size) }
}

/// An explorer on the artifacts of a run: a folder, and these files.
fn artifacts(size: (u16, u16), files: Vec<ArtifactFile>) -> (App, Vec<Run>) {
    let (mut app, runs) = opened(size, 3);
    keys(&mut app, "3 z", &runs);
    while app.details.tab != Tab::Artifacts {
        keys(&mut app, "]", &runs);
    }
    let run = app.details.shown_run().unwrap().clone();
    let ticket = app.details.artifacts.folders_mut().entry(String::new()).or_default().ask();
    let folder = ArtifactFile { path: "model".into(), is_dir: true, file_size: None };
    let files = std::iter::once(folder).chain(files).collect();
    let result = Ok(ArtifactList { files, is_cut: false });
    feed(&mut app, details::Msg::Artifacts { run, path: String::new(), ticket, result }, &runs);
    (app, runs)
}

/// What is asked for when a key was pressed.
fn asked(app: &mut App, key: &str) -> Vec<DetailsEffect> {
    let effects = take(app, Msg::Key(parse_keys(key).unwrap()[0]));
    let of_details = |effect| if let Effect::Details(effect) = effect { Some(effect) } else { None };
    effects.into_iter().filter_map(of_details).collect()
}

fn wanted(effects: &[DetailsEffect]) -> Vec<(&str, u128)> {
    let told = effects.iter().filter_map(|effect| match effect {
        DetailsEffect::Glance { path, patience, .. } => Some((path.as_str(), patience.as_millis())),
        DetailsEffect::DropGlance => Some(("nothing", 0)),
        _ => None,
    });
    told.collect()
}

#[test]
fn what_the_cursor_is_on_is_seen_at_all_sizes_as_approved() {
    let files = || vec![file("metrics.csv", 1_234), file("notes.txt", 560)];
    for (columns, rows) in [(200, 50), (120, 36), (80, 24), (60, 20)] {
        let (mut app, runs) = artifacts((columns, rows), files());
        keys(&mut app, "j", &runs);
        insta::assert_snapshot!(format!("glance-{columns}x{rows}"), drawn(&app));
    }
    // What is in a folder is seen as well, and known when that is opened.
    let (mut app, runs) = artifacts((120, 36), files());
    assert!(drawn(&app).contains("model/  2 files, 91.6 kB"), "{}", drawn(&app));
    assert!(!wanted(&asked(&mut app, "enter")).iter().any(|(path, _)| *path == "model"));
    assert!(drawn(&app).contains("    MLmodel") && !drawn(&app).contains("loading"));
    keys(&mut app, "enter", &runs);
}

#[test]
fn a_glance_follows_the_cursor_after_a_rest_and_is_dropped_where_it_leaves() {
    let (mut app, _) =
        artifacts((120, 36), vec![file("a.txt", 5), file("b.png", 5_000_000), file("c.txt", 7)]);
    assert_eq!(wanted(&asked(&mut app, "j")), [("a.txt", 60)]);
    app.capabilities.cheap_reads = false;
    // What is too large is said, and not fetched; and what was being fetched is not any more.
    assert_eq!(wanted(&asked(&mut app, "j")), [("nothing", 0)]);
    assert!(drawn(&app).contains("5.0 MB: enter opens it"), "{}", drawn(&app));
    assert_eq!(wanted(&asked(&mut app, "j")), [("c.txt", 200)]);
    assert_eq!(wanted(&asked(&mut app, "k")), [("nothing", 0)]);
    // Another tab shows no files.
    assert_eq!(wanted(&asked(&mut app, "k")), [("a.txt", 200)]);
    assert_eq!(wanted(&asked(&mut app, "]")), [("nothing", 0)]);
}

#[test]
fn an_answer_that_comes_too_late_is_not_shown_and_enter_goes_on_with_what_is_seen() {
    let (mut app, runs) = artifacts((120, 36), vec![file("a.txt", 5), file("b.txt", 7)]);
    let first = asked(&mut app, "j");
    let second = asked(&mut app, "j");
    let answer = |app: &mut App, effects: Vec<DetailsEffect>, words: &str| {
        for effect in effects {
            let DetailsEffect::Glance { id, path, ticket, .. } = effect else { continue };
            let result = Ok(Glanced::File(Preview::of(&path, words.as_bytes().to_vec())));
            take(app, details::Msg::Glance { run: id, path, ticket, result });
        }
    };
    answer(&mut app, first, "the first");
    assert!(!drawn(&app).contains("the first"));
    answer(&mut app, second, "the second");
    assert!(drawn(&app).contains("the second"));
    // Until all of it is there, what is seen stays.
    let effects = asked(&mut app, "enter");
    assert!(matches!(effects[..], [DetailsEffect::Preview { .. }]), "{effects:?}");
    assert!(drawn(&app).contains("the second") && app.details.artifacts.preview.is_some());
    keys(&mut app, "esc", &runs);
    assert!(app.details.artifacts.preview.is_none());
}

#[test]
fn of_a_large_file_the_beginning_is_said_to_be_that() {
    use crate::tui::features::details::glance::piece;
    let lines = "one line\n".repeat(PIECE / 9 + 1);
    let told = piece("a.log", lines.into_bytes(), false, Some(1 << 30));
    assert!(
        matches!(&told, Preview::Text { kind, cut: true, .. } if kind.starts_with("the first 65.5 kB")),
        "{told:?}"
    );
    let told = piece("a.bin", vec![0; PIECE], false, Some(2_000_000));
    assert_eq!(told, Preview::Nothing("2.0 MB binary".into()));
    let told = piece("a.parquet", vec![0; PIECE], false, None);
    assert_eq!(told, Preview::Nothing("more than 1.0 MB: enter opens it".into()));
}

#[tokio::test]
async fn a_cursor_that_goes_on_lets_nothing_be_fetched() {
    use crate::store::memory::Memory;
    use crate::store::{NewRun, Store};
    use crate::tui::core::tasks::Tasks;
    use crate::tui::features::details::effects::perform;
    let store = Store::new(Memory::default());
    let run = NewRun {
        experiment_id: "0".into(),
        run_name: None,
        user_id: "ana".into(),
        start_time: 1,
        tags: Vec::new(),
    };
    let run = store.create_run(&run).await.unwrap().info.run_id;
    for name in ["a.txt", "b.txt", "c.txt"] {
        store.write_artifact(&run, name, name.as_bytes()).await.unwrap();
    }
    let (sender, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let mut tasks = Tasks::new(store, sender);
    for (number, name) in ["a.txt", "b.txt", "c.txt"].into_iter().enumerate() {
        let patience = std::time::Duration::from_millis(20);
        let what = GlanceAt::File(None);
        let ticket = Ticket(number as u64);
        perform(
            DetailsEffect::Glance { id: run.clone(), path: name.into(), what, patience, ticket },
            &mut tasks,
        );
    }
    let Some(Msg::Details(details::Msg::Glance { path, result: Ok(Glanced::File(_)), .. })) =
        heard.recv().await
    else {
        panic!("no file was seen");
    };
    assert_eq!(path, "c.txt");
    perform(DetailsEffect::DropGlance, &mut tasks);
    drop(tasks);
    assert!(heard.recv().await.is_none(), "the others were never read");
}

/// A folder of many files: all of them are looked at when it is listed, and no more when the cursor moves.
#[test]
fn a_key_in_a_large_folder_looks_at_what_is_seen() {
    use crate::tui::features::details::artifacts::LOOKED_AT;
    const FILES: usize = 10_000;
    for size in [(200, 50), (80, 40)] {
        let files = (0..FILES).map(|at| file(&format!("part-{at:05}.txt"), 10)).collect();
        let (mut app, runs) = artifacts(size, files);
        drawn(&app);
        for key in ["j", "k", "pagedown", "j"] {
            LOOKED_AT.set(0);
            keys(&mut app, key, &runs);
            drawn(&app);
            assert!(LOOKED_AT.get() < 500, "{key} {size:?}: {}", LOOKED_AT.get());
        }
        for key in ["G", "k"] {
            LOOKED_AT.set(0);
            keys(&mut app, key, &runs);
            drawn(&app);
            assert!(LOOKED_AT.get() < 500, "{key} {size:?}: {}", LOOKED_AT.get());
        }
        assert_eq!(app.details.cursor.at, FILES - 1);
    }
}
