//! A sweep before it runs: its experiment, and its folder.

use std::sync::Arc;

use crate::learn::study::TrainingData;
use crate::mlflow::{Tag, ViewType, tags};
use crate::params::Params;
use crate::store::failing::{Failing, Moment};
use crate::store::memory::Memory;
use crate::store::{ErrorKind, NewRun, Store, uri};
use crate::sweep::begin::{PreparedSweep, SweepOrigin, find_or_create};
use crate::sweep::engine::journal::{Change, EndReason, Event, EventKind, TrialOutcome};
use crate::sweep::engine::state::SweepStates;
use crate::sweep::header::{OpenedBy, SweepFolders, SweepHeader};
use crate::sweep::plan::SweepPlan;
use crate::sweep::progress::{Progress, SweepStatus};
use crate::sweep::request::SweepRequest;
use crate::sweep::search::Proposal;

fn plan() -> (SweepPlan, TrainingData) {
    let request =
        SweepRequest { data: "iris".into(), trials: Some(1), folds: Some(2), ..SweepRequest::default() };
    request.decide().unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn failing(nth: usize, moment: Moment) -> (Arc<Failing<Memory>>, Store) {
    let failing = Arc::new(Failing::new(Memory::default(), nth, moment, ErrorKind::Timeout(1)));
    (Arc::clone(&failing), Store::new(failing))
}

#[test]
fn an_experiment_is_found_by_name_or_id_and_made_where_there_is_none() {
    let (plan, _) = plan();
    block_on(async {
        let store = Store::new(Memory::default());
        let made = find_or_create(&store, "iris", &plan).await.unwrap();
        assert_eq!(made.name, "iris");
        let tag = |key: &str| made.tags.iter().find(|tag| tag.key == key).map(|tag| tag.value.as_str());
        assert_eq!(tag(tags::PRIMARY_METRIC), Some(plan.metric().as_str()));
        assert_eq!(tag(tags::GREATER_IS_BETTER), Some("True"));
        for name in ["iris", made.experiment_id.as_str()] {
            assert_eq!(find_or_create(&store, name, &plan).await.unwrap(), made, "{name}");
        }
        assert_eq!(store.search_experiments(ViewType::All).await.unwrap().len(), 2);
        // So is one that was there and has had no run yet; where somebody has said so or logged, it stays.
        let empty = store.create_experiment("empty", &[]).await.unwrap();
        let told = find_or_create(&store, "empty", &plan).await.unwrap();
        assert_eq!((told.experiment_id.clone(), &told.tags), (empty, &made.tags));
        let used = store.create_experiment("used", &[]).await.unwrap();
        let run = NewRun {
            experiment_id: used,
            run_name: None,
            user_id: String::new(),
            start_time: 1,
            tags: Vec::new(),
        };
        store.create_run(&run).await.unwrap();
        assert_eq!(find_or_create(&store, "used", &plan).await.unwrap().tags, Vec::new());
        let judged =
            store.create_experiment("judged", &[Tag::new(tags::PRIMARY_METRIC, "loss")]).await.unwrap();
        let found = find_or_create(&store, "judged", &plan).await.unwrap();
        assert_eq!((found.experiment_id, found.tags.len()), (judged, 1));
        // A deleted one is found: its name is taken.
        store.delete_experiment(&made.experiment_id).await.unwrap();
        assert_eq!(find_or_create(&store, "iris", &plan).await.unwrap().experiment_id, made.experiment_id);
    });
}

#[test]
fn an_experiment_whose_making_was_not_answered_is_found() {
    let (plan, _) = plan();
    block_on(async {
        // It is looked for, then made: the second call.
        let (_, store) = failing(2, Moment::After);
        let made = find_or_create(&store, "iris", &plan).await.unwrap();
        assert_eq!(made.tags.len(), 2);
        let (_, store) = failing(2, Moment::Before);
        let refused = find_or_create(&store, "iris", &plan).await.unwrap_err();
        assert_eq!(refused.to_string(), "cannot create experiment \"iris\": no answer within 1 s");
        assert_eq!(store.search_experiments(ViewType::All).await.unwrap().len(), 1);
        let (failing, store) = failing(1, Moment::Before);
        find_or_create(&store, "iris", &plan).await.unwrap_err();
        assert_eq!(failing.calls(), 1, "nothing is made where it is not known whether it is there");
    });
}

#[test]
fn what_is_prepared_and_not_begun_leaves_nothing() {
    let state = tempfile::tempdir().unwrap();
    let origin = SweepOrigin {
        store: "memory",
        opened_by: &OpenedBy::TrackingUri("memory".into()),
        config_file: None,
        user: "ana",
        state_folder: state.path(),
    };
    let (plan, data) = plan();
    let prepared = PreparedSweep::new(plan, &data, &origin).unwrap();
    assert_eq!(prepared.plan().trial.tabular().unwrap().data, "iris");
    assert!(SweepFolders::of(state.path()).sweeps.is_empty(), "it cannot be taken up yet");
    drop(prepared);
    let sweeps = state.path().join("sweeps");
    assert_eq!(std::fs::read_dir(sweeps).map_or(0, Iterator::count), 0);
}

#[test]
fn the_same_again_is_in_the_same_store_and_tells_no_password() {
    let state = tempfile::tempdir().unwrap();
    let here = std::path::Path::new("/data");
    for (address, said) in [
        ("https://ana:s3cr3t-pass@mlflow.example:5000", "--tracking-uri https://mlflow.example:5000"),
        ("sqlite:///my runs.db", "--tracking-uri 'sqlite:////data/my runs.db'"),
        (
            "postgresql://ana:s3cr3t-pass@db/ml?sslmode=verify-full&sslrootcert=/ca.pem",
            "--tracking-uri 'postgresql://ana@db:5432/ml?sslmode=verify-full&sslrootcert=%2Fca.pem'",
        ),
        (
            "mysql://ana:s3cr3t-pass@db/ml?ssl_mode=VERIFY_IDENTITY",
            "--tracking-uri 'mysql://ana@db:3306/ml?ssl_mode=VERIFY_IDENTITY'",
        ),
    ] {
        let location = uri::parse(address, here).unwrap();
        let store = location.name();
        let origin = SweepOrigin {
            store: &store,
            opened_by: &OpenedBy::TrackingUri(location.without_password(None)),
            config_file: None,
            user: "ana",
            state_folder: state.path(),
        };
        let (plan, data) = plan();
        let place = Store::new(Memory::default());
        let experiment = block_on(find_or_create(&place, "iris", &plan)).unwrap();
        let (_, header) = PreparedSweep::new(plan, &data, &origin).unwrap().begin(&experiment).unwrap();
        let command = header.command();
        assert!(command.contains(said) && !command.contains("s3cr3t"), "{command}");
        assert_eq!(header.resume_command(), format!("mltui sweep --resume {} {said}", header.id));
        assert_eq!(header.cancel_command(), format!("mltui sweeps cancel {} {said}", header.id));
        let named = SweepHeader { config_file: Some("/my files/c.toml".into()), ..header };
        for command in [named.command(), named.resume_command(), named.cancel_command()] {
            assert!(command.contains(&format!(" --config '/my files/c.toml' {said}")), "{command}");
        }
    }
}

#[test]
fn a_sweep_that_is_begun_can_be_taken_up() {
    let state = tempfile::tempdir().unwrap();
    let origin = SweepOrigin {
        store: "memory",
        opened_by: &OpenedBy::TrackingUri("memory".into()),
        config_file: None,
        user: "ana",
        state_folder: state.path(),
    };
    let (mut plan, data) = plan();
    plan.rules.jobs = 3;
    block_on(async {
        let store = Store::new(Memory::default());
        let experiment = find_or_create(&store, "iris", &plan).await.unwrap();
        let (folder, header) = PreparedSweep::new(plan, &data, &origin).unwrap().begin(&experiment).unwrap();
        assert_eq!(
            (header.experiment_name.as_str(), header.plan.rules.jobs, header.user.as_str()),
            ("iris", 3, "ana")
        );
        let known = SweepFolders::of(state.path()).sweeps;
        assert_eq!(known.len(), 1);
        assert_eq!((&known[0].0.path, &known[0].1.id), (&folder.path, &header.id));
        assert_eq!(known[0].1.experiment, experiment.experiment_id);
        assert!(folder.events().unwrap().is_empty());
    });
}

#[test]
fn what_was_changed_in_a_sweep_counts_in_its_progress() {
    let (plan, data) = plan();
    let state = tempfile::tempdir().unwrap();
    let origin = SweepOrigin {
        store: "memory",
        opened_by: &OpenedBy::TrackingUri("memory".into()),
        config_file: None,
        user: "ana",
        state_folder: state.path(),
    };
    let prepared = PreparedSweep::new(plan, &data, &origin).unwrap();
    let experiment =
        block_on(find_or_create(&Store::new(Memory::default()), "iris", prepared.plan())).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let (folder, header) = prepared.in_folder(elsewhere.path()).begin(&experiment).unwrap();
    assert_eq!(header.folder, elsewhere.path());
    let read = || Progress::read(&folder, &header, &mut SweepStates::default(), header.created).unwrap();
    assert_eq!(read().of, Some(1));
    let mut writer = folder.take().unwrap().unwrap();
    for change in [
        Change::Trials { most: 9 },
        Change::Jobs { jobs: 3 },
        Change::Prune { trial: 0 },
        Change::Trials { most: 7 },
    ] {
        writer.write(&Event::now(EventKind::Changed { change: Some(change) })).unwrap();
    }
    assert_eq!((read().of, read().jobs), (Some(7), 3), "the last word counts");
    // Another number of jobs has another pace: a trial takes six seconds, and six are left for three jobs.
    let proposal = Proposal::new("ridge", Params::new());
    let begun = EventKind::Started { trial: 0, proposal, attempt: None, since: None };
    writer.write(&Event { at: header.created, kind: begun }).unwrap();
    let outcome = TrialOutcome::Failed { message: "out of memory".into() };
    writer
        .write(&Event {
            at: header.created + 6_000,
            kind: EventKind::Ended { trial: 0, outcome, attempt: None },
        })
        .unwrap();
    assert_eq!(read().left, Some(12.0));
}

/// Killed between its last word in the journal and the same in the store, it is not over: its own run still runs.
#[test]
fn a_sweep_whose_end_the_store_does_not_know_is_interrupted() {
    let (plan, data) = plan();
    let state = tempfile::tempdir().unwrap();
    let origin = SweepOrigin {
        store: "memory",
        opened_by: &OpenedBy::TrackingUri("memory".into()),
        config_file: None,
        user: "ana",
        state_folder: state.path(),
    };
    let store = Store::new(Memory::default());
    let experiment = block_on(find_or_create(&store, "iris", &plan)).unwrap();
    for (reason, told) in [
        (EndReason::Finished, SweepStatus::Finished),
        (EndReason::Failed, SweepStatus::Failed),
        (EndReason::Cancelled, SweepStatus::Cancelled),
    ] {
        let prepared = PreparedSweep::new(plan.clone(), &data, &origin).unwrap();
        let (folder, header) = prepared.begin(&experiment).unwrap();
        let mut writer = folder.take().unwrap().unwrap();
        writer.write(&Event::now(EventKind::Begun)).unwrap();
        writer.write(&Event::now(EventKind::Closed { reason })).unwrap();
        drop(writer);
        let status =
            || Progress::read(&folder, &header, &mut SweepStates::default(), header.created).unwrap().state;
        folder.set_sent(1).unwrap();
        // What was called off stays so; the next start tells the store.
        let untold =
            if reason == EndReason::Cancelled { SweepStatus::Cancelled } else { SweepStatus::Interrupted };
        assert_eq!(status(), untold, "{reason:?}");
        folder.set_sent(2).unwrap();
        assert_eq!(status(), told, "{reason:?}");
    }
}
