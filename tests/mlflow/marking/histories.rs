//! Marks and undoings of several people at once, and the one state that they must end in.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use fastrand::Rng;
use mltui::marking::{
    Journal, MARK, MarkEvent, MarkOutcome, MarkRequest, Record, Registration, Undoing, events, holder, mark,
    plan, resume, undo,
};
use mltui::mlflow::{ExperimentId, Run, RunId};
use mltui::store::memory::Memory;
use mltui::store::{NewModel, NewRun, Result, Store};

/// On a version in the registry: the mark that it was made for.
const VERSION_OF: &str = "mltui.mark";
const RUNS: usize = 4;
const PEOPLE: usize = 8;
/// Histories that once ended wrong, beyond those that are tried in order.
const FOUND: [u64; 1] = [78_909];

type Step<'a> = Pin<Box<dyn Future<Output = Result<Option<MarkOutcome>>> + 'a>>;

fn is_undone(log: &[MarkEvent], mark: &str) -> bool {
    log.iter().any(|event| matches!(event, MarkEvent::Undone(undone) if undone.mark == mark))
}

/// Runs a future to its end.
fn drive<T>(future: impl Future<Output = T>) -> T {
    let mut future = Box::pin(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
}

/// In memory where there is such a place: thousands of journals are written.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// What somebody does.
#[derive(Debug, Clone, Copy)]
enum Deed {
    Mark { run: usize, now: i64 },
    Undo { now: i64 },
}

/// Versions that the aliases pointed to before anybody marked, and whether the model was there.
#[derive(Debug, Clone, Copy)]
struct Outside {
    champion: Option<u64>,
    previous: Option<u64>,
    is_there: bool,
}

struct World {
    store: Store,
    journals: tempfile::TempDir,
    experiment: ExperimentId,
    runs: Vec<RunId>,
    /// The name of the registered model.
    model: String,
    outside: Outside,
}

impl World {
    /// An experiment with runs that have a model each; what others registered before is theirs.
    async fn new(store: Store, name: &str, rng: &mut Rng) -> Self {
        let experiment = store.create_experiment(name, &[]).await.unwrap();
        let mut runs = Vec::new();
        for number in 0..RUNS {
            let run = NewRun {
                experiment_id: experiment.clone(),
                run_name: Some(format!("run-{number}")),
                user_id: "ana".into(),
                start_time: number as i64,
                tags: Vec::new(),
            };
            let run = store.create_run(&run).await.unwrap().info.run_id;
            let model = NewModel {
                experiment_id: experiment.clone(),
                name: "model".into(),
                model_type: String::new(),
                source_run_id: run.clone(),
                params: Vec::new(),
                tags: Vec::new(),
            };
            match store.create_logged_model(&model).await {
                Ok(made) => {
                    store.log_model_output(&run, &made.model_id, 0).await.unwrap();
                    store.finish_logged_model(&made.model_id, true).await.unwrap();
                }
                // Before MLflow 3 a model is among the files.
                Err(_) => store.write_artifact(&run, "model/MLmodel", b"flavors: {}").await.unwrap(),
            }
            runs.push(run);
        }
        let others = rng.u64(0..4);
        if others > 0 {
            store.create_registered_model(name).await.unwrap();
        }
        for version in 1..=others.min(2) {
            let source = store.get_run(&runs[0]).await.unwrap().info.artifact_uri;
            store.create_model_version(name, &source, Some(&runs[0]), &[]).await.unwrap();
            let alias = if version == 1 { "champion" } else { "previous" };
            store.set_model_alias(name, alias, version).await.unwrap();
        }
        let outside = Outside {
            champion: (others > 0).then_some(1),
            previous: (others > 1).then_some(2),
            is_there: others > 0,
        };
        let journals = folder();
        Self { store, journals, experiment, runs, model: name.to_owned(), outside }
    }

    /// Somebody with a state folder of their own.
    fn journal(&self, person: usize) -> Journal {
        Journal::new(&self.journals.path().join(person.to_string()), "memory")
    }

    async fn carry_out(&self, person: usize, deed: Deed) -> Result<Option<MarkOutcome>> {
        let (store, journal, random) = (&self.store, self.journal(person), person as u32);
        match deed {
            Deed::Undo { now } => {
                let undoing = Undoing { by: "ana".into(), now, of_others: true };
                undo(store, &journal, &self.experiment, &undoing, random).await
            }
            Deed::Mark { run, now } => {
                let request = MarkRequest {
                    experiment: self.experiment.clone(),
                    run: self.runs[run].clone(),
                    metric: "rmse".into(),
                    value: Some(1.0),
                    direction: "min".into(),
                    value_of: "latest".into(),
                    why: "the best".into(),
                    by: "ana".into(),
                    now,
                    random,
                    model_by: None,
                    registration: Some(Registration {
                        name: self.model.clone(),
                        alias: "champion".into(),
                        previous_alias: "previous".into(),
                    }),
                };
                let plan = plan(store, &request).await?;
                mark(store, &journal, &plan).await.map(Some)
            }
        }
    }

    /// Marks one after the other.
    async fn before(&self, rng: &mut Rng) {
        for now in 1_001..1_001 + rng.i64(0..3) {
            let run = rng.usize(0..RUNS);
            self.carry_out(0, Deed::Mark { run, now }).await.unwrap();
        }
    }

    /// The run that holds is tagged, and no other.
    async fn check_tags(&self, told: &str) -> Vec<MarkEvent> {
        let experiment = self.store.get_experiment(&self.experiment).await.unwrap();
        let log = events(&experiment.tags);
        for id in &self.runs {
            let run: Run = self.store.get_run(id).await.unwrap();
            let is_best = run.tag(MARK) == Some("true");
            assert_eq!(is_best, holder(&log).is_some_and(|holder| holder.run() == *id), "{told}");
            assert!(is_best || !run.tags.iter().any(|tag| tag.key.starts_with(MARK)), "{told}");
        }
        for person in 0..PEOPLE {
            assert_eq!(self.journal(person).broken_off().unwrap(), [], "{told}");
        }
        log
    }
}

/// What the tags and the registry must be, by the logs of experiments that share a registered model.
async fn check(worlds: &[&World], told: &str) {
    let World { store, model, outside, .. } = worlds[0];
    let mut log = Vec::new();
    for world in worlds {
        log.extend(world.check_tags(told).await);
    }
    log.sort_by(|a, b| a.id().cmp(b.id()));
    let told = &format!("{told}\n{}", log.iter().map(line).collect::<String>());
    let marks: Vec<&Record> = log
        .iter()
        .filter_map(|event| match event {
            MarkEvent::Marked(record) if !is_undone(&log, &record.id) => Some(record.as_ref()),
            _ => None,
        })
        .collect();
    let versions = store.model_versions(model).await.unwrap();
    let known = store.get_registered_model(model).await.ok();
    let alias = |alias: &str| known.as_ref().and_then(|known| known.alias(alias));
    let version_of = |record: &Record| {
        let model = record.model.as_ref().filter(|model| model.moved)?;
        model.version.filter(|version| versions.iter().any(|known| known.version == *version))
    };
    // Its version is champion; before it comes the mark before it, or what was there at first.
    let mut wanted = marks.iter().rev().filter_map(|record| version_of(record)).fold(
        Vec::new(),
        |mut found: Vec<u64>, version| {
            if !found.contains(&version) {
                found.push(version);
            }
            found
        },
    );
    if let Some(holder) = holder(&log) {
        assert_eq!(wanted.first().copied(), version_of(holder), "the holder is registered: {told}");
        assert!(version_of(holder).is_some(), "{told}");
    }
    let marked = wanted.len();
    wanted.extend(outside.champion);
    assert_eq!(alias("champion"), wanted.first().copied(), "champion: {told}");
    let previous = if marked == 0 { outside.previous } else { wanted.get(1).copied().or(outside.previous) };
    assert_eq!(alias("previous"), previous, "previous: {told}");
    // No version is left of a mark that was undone, and no model without any.
    for version in &versions {
        let of = version.tags.iter().find(|tag| tag.key == VERSION_OF);
        let is_used =
            marks.iter().any(|record| record.model.as_ref().unwrap().version == Some(version.version));
        assert!(of.is_none() || is_used, "version {} is left: {told}", version.version);
    }
    assert!(known.is_none() || outside.is_there || marked > 0, "{told}");
}

fn line(event: &MarkEvent) -> String {
    match event {
        MarkEvent::Undone(undone) => format!("{} undoes {}\n", undone.id, undone.mark),
        MarkEvent::Marked(record) => {
            let model = record.model.clone().unwrap_or_default();
            format!(
                "{} marks {}: version {:?} over {:?}, {:?}, follows {:?}, moved {}, done {}, {:?}\n",
                record.id,
                record.run_name,
                model.version,
                model.alias_before,
                model.previous_before,
                model.follows,
                model.moved,
                record.done,
                record.note
            )
        }
    }
}

/// What several people do at once.
fn deeds(rng: &mut Rng, people: usize) -> Vec<Deed> {
    let mut now = 1_002;
    let count = rng.usize(2..=people);
    let mut deed = || {
        now += rng.i64(0..2);
        if rng.bool() { Deed::Mark { run: rng.usize(0..RUNS), now } } else { Deed::Undo { now } }
    };
    (0..count).map(|_| deed()).collect()
}

/// One history, call by call: some of the people break off and are finished later.
fn history(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let world = drive(World::new(Store::new(Memory::stepping()), "m", &mut rng));
    drive(world.before(&mut rng));
    let end = if rng.u8(0..4) == 0 { rng.usize(1..60) } else { usize::MAX };
    let mut told = format!("history {seed}\n");
    let mut steps: Vec<(String, Step<'_>)> = Vec::new();
    for (person, deed) in (1..).zip(deeds(&mut rng, 4)) {
        steps.push((format!("{person}: {deed:?}"), Box::pin(world.carry_out(person, deed))));
    }
    let mut spent = 0;
    while !steps.is_empty() {
        let at = rng.usize(0..steps.len());
        // Several calls in a row, too.
        for _ in 0..rng.usize(1..6) {
            spent += 1;
            let step = steps[at].1.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            told.push_str(&format!("  {spent} {}", steps[at].0));
            if let Poll::Ready(outcome) = step {
                let said = outcome.unwrap().map_or("nothing".to_owned(), |it| it.messages.join("; "));
                told.push_str(&format!(" ends: {said}\n"));
                drop(steps.remove(at));
                break;
            }
            told.push('\n');
        }
        if spent >= end && !steps.is_empty() {
            let (who, _) = steps.remove(rng.usize(0..steps.len()));
            told.push_str(&format!("  {spent} {who} breaks off\n"));
        }
    }
    for person in 0..PEOPLE {
        let resumed = drive(resume(&world.store, &world.journal(person))).unwrap();
        assert_eq!(resumed.failed, [], "{told}");
    }
    drive(check(&[&world], &told));
}

/// Another number of histories, or a single one, for whoever looks for more.
fn asked(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Call by call in every order that chance finds, on a store in memory.
pub fn in_memory() {
    if let Some(seed) = asked("MLTUI_HISTORY") {
        return history(seed);
    }
    FOUND.into_iter().for_each(history);
    let count = asked("MLTUI_HISTORIES").unwrap_or(10_000);
    std::thread::scope(|scope| {
        for first in 0..2 {
            scope.spawn(move || (first..count).step_by(2).for_each(history));
        }
    });
}

/// Two experiments register in one model, one after the other.
pub fn in_one_model() {
    for seed in 0..asked("MLTUI_HISTORIES").unwrap_or(10_000) / 5 {
        let mut rng = Rng::with_seed(seed);
        let store = Store::new(Memory::default());
        let first = drive(World::new(store.clone(), "m", &mut rng));
        let mut second = drive(World::new(store, "n", &mut rng));
        (second.model, second.outside) = (first.model.clone(), first.outside);
        let worlds = [&first, &second];
        let mut told = format!("history {seed}\n");
        for _ in 0..rng.i64(2..9) {
            // Their clocks tell other times.
            let (at, now) = (rng.usize(0..2), rng.i64(2_000..2_100));
            let deed = if rng.u8(0..5) < 3 {
                Deed::Mark { run: rng.usize(0..RUNS), now }
            } else {
                Deed::Undo { now }
            };
            told.push_str(&format!("  {at}: {deed:?}\n"));
            drive(worlds[at].carry_out(at, deed)).unwrap();
            drive(check(&worlds, &told));
        }
    }
}

/// At once in earnest, on a store that others share.
pub fn at_once(store: &Store, count: u64, people: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for seed in 0..asked("MLTUI_HISTORIES_AT_ONCE").unwrap_or(count) {
        let mut rng = Rng::with_seed(seed);
        runtime.block_on(async {
            let world = Arc::new(World::new(store.clone(), &format!("m-{seed}"), &mut rng).await);
            world.before(&mut rng).await;
            let mut told = format!("history {seed}\n");
            let mut tasks = Vec::new();
            for (person, deed) in (1..).zip(deeds(&mut rng, people)) {
                told.push_str(&format!("  {person}: {deed:?}\n"));
                let world = Arc::clone(&world);
                tasks.push(tokio::spawn(async move { world.carry_out(person, deed).await }));
            }
            for task in tasks {
                task.await.unwrap().unwrap();
            }
            check(&[&world], &told).await;
        });
    }
}

/// Somebody moves an alias by hand between marks: undoing leaves it, or puts it back.
pub fn by_hand() {
    let world = drive(World::new(Store::new(Memory::default()), "m", &mut Rng::with_seed(0)));
    let (store, outside) = (&world.store, world.outside);
    let carry_out = |deed: Deed| drive(world.carry_out(0, deed)).unwrap().unwrap();
    let aliases = || {
        let known = drive(store.get_registered_model("m")).ok();
        let alias = |alias: &str| known.as_ref().and_then(|known| known.alias(alias));
        (alias("champion"), alias("previous"))
    };
    let version = |outcome: &MarkOutcome| outcome.record.model.as_ref().unwrap().version.unwrap();
    let first = version(&carry_out(Deed::Mark { run: 1, now: 1_000 }));
    let second = version(&carry_out(Deed::Mark { run: 2, now: 2_000 }));
    let third = version(&carry_out(Deed::Mark { run: 3, now: 3_000 }));
    assert_eq!(aliases(), (Some(third), Some(second)));
    drive(store.set_model_alias("m", "champion", first)).unwrap();
    let said = carry_out(Deed::Undo { now: 4_000 }).messages.join("; ");
    assert!(said.contains("was moved by somebody else since; left unchanged"), "{said}");
    assert_eq!(aliases().0, Some(first), "what was moved by hand stays");
    let fourth = version(&carry_out(Deed::Mark { run: 0, now: 5_000 }));
    assert_eq!(aliases(), (Some(fourth), Some(first)), "what was champion is the previous one");
    carry_out(Deed::Undo { now: 6_000 });
    assert_eq!(aliases().0, Some(first), "as it was before");
    // A version that an alias of others points to is not deleted.
    let last = version(&carry_out(Deed::Mark { run: 3, now: 7_000 }));
    drive(store.set_model_alias("m", "production", last)).unwrap();
    carry_out(Deed::Undo { now: 8_000 });
    assert_eq!(drive(store.model_version_by_alias("m", "production")).unwrap().version, last);
    assert_eq!(aliases().0, Some(first));
    // One that was undone, and chosen by hand then, is what the next mark lies on.
    drive(store.set_model_alias("m", "champion", last)).unwrap();
    let next = version(&carry_out(Deed::Mark { run: 2, now: 9_000 }));
    assert_eq!(aliases(), (Some(next), Some(last)), "{outside:?}");
    carry_out(Deed::Undo { now: 10_000 });
    assert_eq!(aliases().0, Some(last));
}
