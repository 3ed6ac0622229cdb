//! The program's own files with damage: sweeps, marks, plans, policies and what is remembered. All else is still read, and
//! what goes on with them ends.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mltui::marking::{self, Journal, Record, Step};
use mltui::mlflow::ExperimentId;
use mltui::select::{Goal, MetricGoal, Policy};
use mltui::state::by_experiment::ByExperiment;
use mltui::state::document::Document;
use mltui::state::policies::Policies;
use mltui::store::Store;
use mltui::store::memory;
use mltui::sweep::begin::{PreparedSweep, SweepOrigin, find_or_create};
use mltui::sweep::engine::journal::SweepFolder;
use mltui::sweep::engine::state::{SweepState, SweepStates};
use mltui::sweep::engine::unkept::{self, Unkept};
use mltui::sweep::header::{OpenedBy, SweepFolders, SweepHeader};
use mltui::sweep::progress::Progress;
use mltui::sweep::request::SweepRequest;
use mltui::sweep::run::{self, SweepJob};
use mltui::tui::core::memory::{Remembered, RememberedColumn, UiMemory};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::drawing::fuzz;

const STORE: &str = "sqlite:////data/mlflow.db";

/// What is wrong with a file.
#[derive(Debug, Clone)]
enum Damage {
    /// A value of the JSON in it, of one line if each line is some.
    Value(Index, Value),
    Gone(Index),
    Bytes(Index, Vec<u8>),
    Cut(Index),
    /// A line again, at the end.
    Again(Index),
    Nothing,
    AFolder,
}

fn damages() -> impl Strategy<Value = Vec<(Index, Damage)>> {
    let value = prop_oneof![
        select(vec![
            Value::Null,
            json!(true),
            json!(0),
            json!(-1),
            json!(1e308),
            json!(u64::MAX),
            json!(i64::MIN),
            json!(1_000_000_007),
            json!(""),
            json!("x"),
            json!("\u{1b}[2J\u{202e}"),
            json!("../../x"),
            json!([]),
            json!({}),
            json!([[]]),
            json!(0.5),
            json!("finished"),
            json!("ended"),
            json!("iris"),
            json!("/dev/zero"),
            json!("x".repeat(100_000)),
        ]),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        (0_u64..60).prop_map(|number| json!(number)),
        any::<String>().prop_map(|text| json!(text)),
    ];
    let damage = prop_oneof![
        12 => (any::<Index>(), value).prop_map(|(at, value)| Damage::Value(at, value)),
        3 => any::<Index>().prop_map(Damage::Gone),
        3 => (any::<Index>(), vec(any::<u8>(), 1..6)).prop_map(|(at, bytes)| Damage::Bytes(at, bytes)),
        2 => any::<Index>().prop_map(Damage::Cut),
        2 => any::<Index>().prop_map(Damage::Again),
        1 => Just(Damage::Nothing),
        1 => Just(Damage::AFolder),
    ];
    vec((any::<Index>(), damage), 1..5)
}

/// The values of a document, itself first.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(fields) => fields.values().map(count).sum(),
        _ => 0_usize,
    }
}

/// Does something to a value and to what holds it.
fn change(value: &mut Value, at: &mut usize, change_it: &mut dyn FnMut(&mut Value)) {
    if *at == 0 {
        change_it(value);
        *at = usize::MAX;
        return;
    }
    *at -= 1;
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| change(item, at, change_it)),
        Value::Object(fields) => fields.values_mut().for_each(|field| change(field, at, change_it)),
        _ => {}
    }
}

fn in_json(content: &[u8], at: Index, mut change_it: impl FnMut(&mut Value)) -> Option<Vec<u8>> {
    let documents: Result<Vec<Value>, _> =
        serde_json::Deserializer::from_slice(content).into_iter().collect();
    let mut documents = documents.ok()?;
    let mut at = at.index(documents.iter().map(count).sum::<usize>().max(1));
    let mut changed = Vec::new();
    let is_lines = documents.len() > 1;
    for document in &mut documents {
        change(document, &mut at, &mut change_it);
        changed.extend(if is_lines {
            serde_json::to_vec(document).ok()?
        } else {
            serde_json::to_vec_pretty(document).ok()?
        });
        changed.push(b'\n');
    }
    Some(changed)
}

fn damage(path: &Path, damage: &Damage) {
    let Ok(content) = fs::read(path) else { return };
    let changed = match damage {
        Damage::Value(at, new) => in_json(&content, *at, |value| value.clone_from(new)),
        Damage::Gone(at) => in_json(&content, *at, |value| match value {
            Value::Object(fields) => drop(fields.keys().next().cloned().map(|key| fields.remove(&key))),
            Value::Array(items) => drop(items.pop()),
            other => *other = Value::Null,
        }),
        Damage::Bytes(at, bytes) => {
            let (mut changed, at) = (content.clone(), at.index(content.len().max(1)));
            changed.splice(at..(at + bytes.len()).min(content.len()), bytes.iter().copied());
            Some(changed)
        }
        Damage::Cut(at) => Some(content[..at.index(content.len().max(1))].to_vec()),
        Damage::Again(at) => {
            let lines: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
            let line = lines.get(at.index(lines.len().max(1)));
            line.map(|line| [&content[..], line].concat())
        }
        Damage::Nothing => Some(Vec::new()),
        Damage::AFolder => {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
            None
        }
    };
    if let Some(changed) = changed {
        fs::write(path, changed).unwrap();
    }
}

/// The files of a whole state directory, and where they lie in it.
async fn whole(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let store: Store = Store::new(memory::Memory::default());
    let wish = SweepRequest {
        data: "iris".into(),
        families: vec!["naive_bayes".into(), "decision_tree".into()],
        trials: Some(3),
        folds: Some(2),
        ..SweepRequest::default()
    };
    let (mut plan, data) = wish.decide().unwrap();
    plan.rules.jobs = 1;
    let experiment = find_or_create(&store, "iris", &plan).await.unwrap();
    let origin = SweepOrigin {
        store: STORE,
        opened_by: &OpenedBy::TrackingUri(STORE.into()),
        config_file: None,
        user: "ana",
        state_folder: folder,
    };
    let prepared = PreparedSweep::new(plan, &data, &origin).unwrap();
    let (sweep, header) = prepared.begin(&experiment).unwrap();
    let job = SweepJob::new(store.clone(), sweep.clone(), header, data).unwrap();
    run::run(job, std::future::pending(), |_| {}).await.unwrap();
    let lost = Unkept { trial: Some(1), what: "model".into(), why: "it is too large".into() };
    sweep.set_unkept(Some(1), &[lost]).unwrap();
    // As if it had broken off before the end.
    let events = sweep.path.join("events.jsonl");
    let lines = fs::read_to_string(&events).unwrap();
    let kept: Vec<&str> = lines.lines().collect();
    fs::write(&events, format!("{}\n", kept[..kept.len() * 2 / 3].join("\n"))).unwrap();
    fs::write(sweep.log(), "learns from\n\u{1b}[2J\n").unwrap();

    let record = Record {
        id: "1795435200000-abc".into(),
        run_id: "0".repeat(32),
        run_name: "calm".into(),
        metric: "rmse".into(),
        value: Some(0.5),
        model: Some(marking::Model {
            name: "wine".into(),
            source: "models:/m-1".into(),
            ..marking::Model::default()
        }),
        ..Record::default()
    };
    let journal = Journal::new(folder, STORE);
    let undone = marking::Undone {
        id: "1795435200001-abd".into(),
        mark: record.id.clone(),
        ..marking::Undone::default()
    };
    let other = Box::new(Record { id: "1795435200002-abe".into(), ..record.clone() });
    journal.note(&experiment.experiment_id, &Step::Mark(Box::new(record))).unwrap();
    journal.note(&experiment.experiment_id, &Step::Undo { undone, record: other }).unwrap();

    let policy = Policy::new(MetricGoal::new("rmse", Goal::Minimize));
    Policies::new(folder, STORE).set(&experiment.experiment_id, Some(&policy)).unwrap();
    ByExperiment::new(folder, "plans", STORE).set(&experiment.experiment_id, Some(wish)).unwrap();
    let remembered =
        Remembered { words: "a b".into(), filter: "metrics.a < 1".into(), ..Remembered::default() };
    let memory = UiMemory { experiments: [("1".to_owned(), remembered)].into(), ..UiMemory::default() };
    Document::new(folder, "stores", STORE).change(|known| *known = memory).unwrap();
    let mut files = Vec::new();
    walk(folder, folder, &mut files);
    files.sort();
    files
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() {
            walk(root, &entry.path(), files);
        } else {
            let path = entry.path().strip_prefix(root).unwrap().to_owned();
            files.push((path, fs::read(entry.path()).unwrap()));
        }
    }
}

/// All that looks at a state directory.
fn read(folder: &Path) {
    let all = SweepFolders::of(folder);
    let mut courses = SweepStates::default();
    for (sweep, header) in &all.sweeps {
        drop((header.command(), header.command_in_a_tag(), sweep.read_log(), sweep.events()));
        drop((sweep.is_running(), sweep.host(), sweep.control(), sweep.sent()));
        drop(unkept::in_words(&sweep.unkept().map_err(|error| error.to_string())));
        for now in [0, 1_795_435_200_000, i64::MAX] {
            if let Ok(progress) = Progress::read(sweep, header, &mut courses, now) {
                drop((format!("{progress:?}"), unkept::in_json(&progress.unkept)));
            }
        }
        if let Ok(events) = sweep.events() {
            let course = SweepState::of(&events);
            let best = mltui::sweep::engine::state::best(&course.trials, header.plan.aim());
            assert!(best.is_none_or(|best| best < course.trials.len()));
        }
        if let Some(account) = &header.report {
            drop((account.lines(), account.briefly()));
        }
    }
    drop(Journal::new(folder, STORE).broken_off());
    drop(Policies::new(folder, STORE).all());
    drop(ByExperiment::<SweepRequest>::new(folder, "plans", STORE).all());
    if let Ok(memory) = Document::<UiMemory>::new(folder, "stores", STORE).load() {
        for remembered in memory.experiments.values() {
            let columns = remembered.columns.iter().flatten();
            drop((remembered.shape.shape(), columns.map(RememberedColumn::shown).collect::<Vec<_>>()));
        }
    }
}

/// All that writes to one.
async fn go_on(folder: &Path, resumes: bool) {
    let store: Store = Store::new(memory::Memory::default());
    let journal = Journal::new(folder, STORE);
    drop(marking::resume(&store, &journal).await);
    drop(journal.end("x"));
    drop(Policies::new(folder, STORE).set(&ExperimentId::from("9"), None));
    drop(Document::<UiMemory>::new(folder, "stores", STORE).change(|_| ()));
    for (sweep, header) in SweepFolders::of(folder).sweeps {
        // What a mistaken path or number of rows asks for is somebody's wish.
        if resumes
            && header.plan.trial.tabular().is_some_and(|plan| plan.data == "iris")
            && resume(&store, &sweep, &header).await.is_some()
        {
            read(folder);
        }
    }
    drop(run::close_broken(&store, folder, STORE).await);
}

async fn resume(store: &Store, folder: &SweepFolder, header: &SweepHeader) -> Option<()> {
    let data = header.plan.training_data().ok()?;
    let job = SweepJob::new(store.clone(), folder.clone(), header.clone(), data).unwrap();
    // Long enough for a whole one; what goes on and on is called off.
    let patience = tokio::time::sleep(Duration::from_millis(300));
    let told = run::run(job, patience, |told| drop(format!("{told:?}"))).await;
    told.err().map(|error| drop(error.to_string()))
}

#[test]
fn damaged_journals_are_read_or_refused() {
    let runtime = Runtime::new().unwrap();
    let base = tempfile::tempdir().unwrap();
    let files = runtime.block_on(whole(base.path()));
    assert!(files.len() > 8, "{:?}", files.iter().map(|(path, _)| path).collect::<Vec<_>>());
    let here = tempfile::tempdir().unwrap();
    let inputs = (damages(), prop::bool::weighted(0.2));
    fuzz("journals", &inputs, |(damages, resumes)| {
        let folder = here.path().join("state");
        let _ = fs::remove_dir_all(&folder);
        for (path, content) in &files {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        for (at, what) in damages {
            damage(&folder.join(&files[at.index(files.len())].0), what);
        }
        read(&folder);
        runtime.block_on(go_on(&folder, *resumes));
        read(&folder);
    });
}
