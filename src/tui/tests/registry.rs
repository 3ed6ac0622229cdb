//! The model registry on the screen: found, read, left for a run and come back to, changed and undone.

use super::*;
use crate::mlflow::ModelStage;
use crate::store::memory::Memory;
use crate::store::{NewRun, RunUpdate, Store};
use crate::tui::core::layout::Tab;
use crate::tui::features::compare::effects::Effect as CompareEffect;
use crate::tui::features::models;
use crate::tui::features::models::effects::Effect as ModelEffect;
use crate::tui::features::models::screen::ModelsPane;

pub use super::registered::answered;

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// An explorer on a store, whose runs are those in the table.
pub struct World {
    pub app: App,
    pub store: Store,
    pub runs: Vec<Run>,
    /// The store does not answer about models.
    pub is_slow: bool,
}

impl World {
    /// Six runs in `wine`, a model with a version of each of the first four, and two other models.
    pub fn new(size: (u16, u16)) -> Self {
        let store = Store::new(Memory::default());
        let runs = block_on(fill(&store));
        let mut world = Self { app: app(size), store, runs, is_slow: false };
        for msg in answer(Effect::Experiments(experiments::effects::Effect::Load), &world.runs) {
            world.feed(msg);
        }
        world
    }

    pub fn feed(&mut self, msg: impl Into<Msg>) {
        let mut queue = vec![msg.into()];
        while let Some(msg) = queue.pop() {
            for effect in take(&mut self.app, msg) {
                match effect {
                    Effect::Models(_) if self.is_slow => {}
                    Effect::Compare(CompareEffect::Load { ticket, runs, deciding }) => {
                        let found = compare::effects::gathered(&self.store, &runs, deciding.as_deref());
                        let result = block_on(found);
                        queue.insert(0, compare::Msg::Loaded { ticket, result }.into());
                    }
                    Effect::Models(effect) => queue.insert(0, answered(effect, &self.store).into()),
                    other => queue.extend(answer(other, &self.runs).into_iter().rev()),
                }
            }
        }
    }

    pub fn keys(&mut self, keys: &str) {
        for event in parse_keys(keys).expect(keys) {
            self.feed(Msg::Key(event));
        }
    }

    pub fn typed(&mut self, text: &str) {
        self.feed(Msg::Paste(text.to_owned()));
    }

    /// Time passes, and somebody has written to the store.
    pub fn later(&mut self) {
        self.app.now += 2_000;
        self.app.writes += 1;
        self.feed(Msg::Tick);
        self.feed(Msg::Tick);
    }

    pub fn screen(&self) -> String {
        drawn(&self.app)
    }

    pub fn has(&self, words: &str) {
        let screen = self.screen();
        assert!(screen.contains(words), "{words}\n{screen}");
    }

    pub fn lacks(&self, words: &str) {
        let screen = self.screen();
        assert!(!screen.contains(words), "{words}\n{screen}");
    }

    pub fn alias(&self, alias: &str) -> Option<u64> {
        block_on(self.store.get_registered_model("wine")).unwrap().alias(alias)
    }
}

async fn fill(store: &Store) -> Vec<Run> {
    let experiment = store.create_experiment("wine", &[]).await.unwrap();
    let mut runs = Vec::new();
    store.create_registered_model("iris").await.unwrap();
    store.create_registered_model("wine").await.unwrap();
    store.create_registered_model("\u{1b}[31mred\nmodel").await.unwrap();
    for number in 0..6_i64 {
        let new = NewRun {
            experiment_id: experiment.clone(),
            run_name: Some(format!("calm-{number}")),
            user_id: "ana".into(),
            start_time: NOW - 60_000 * (10 - number),
            tags: Vec::new(),
        };
        let id = store.create_run(&new).await.unwrap().info.run_id;
        let metric =
            Metric { key: "val_rmse".into(), value: 0.9 - 0.1 * number as f64, timestamp: NOW, step: 1 };
        store.log_batch(&id, &[metric], &[], &[]).await.unwrap();
        let end = RunUpdate { status: Some(RunStatus::Finished), end_time: Some(NOW), run_name: None };
        store.update_run(&id, &end).await.unwrap();
        if number < 4 {
            let source = format!("runs:/{id}/model");
            let file = "flavors:\n  sklearn:\n    sklearn_version: 1.9.1\n  python_function:\n    loader_module: mlflow.sklearn\n\
                signature:\n  inputs: '[{\"name\": \"pH\", \"type\": \"double\", \"required\": true}]'\n";
            store.write_artifact(&id, "model/MLmodel", file.as_bytes()).await.unwrap();
            store.write_artifact(&id, "model/requirements.txt", b"scikit-learn==1.9.1\n").await.unwrap();
            store
                .create_model_version("wine", &source, Some(&id), &[Tag::new("gate", "passed")])
                .await
                .unwrap();
        }
        let mut run = store.get_run(&id).await.unwrap();
        // The experiment that the table shows.
        run.info.experiment_id = "1".into();
        runs.push(run);
    }
    store.set_model_alias("wine", "champion", 2).await.unwrap();
    store.set_model_stage("wine", 2, ModelStage::Production, false).await.unwrap();
    store.describe_model_version("wine", 3, &"\u{1b}[2J long\n".repeat(100_000)[..4_900]).await.unwrap();
    runs
}

#[test]
fn models_and_versions_are_seen_with_values_and_how_they_stand_to_the_champion() {
    let mut world = World::new((150, 40));
    world.keys("M");
    world.has("Models 3");
    world.has("iris");
    world.has("^[[31mred model");
    world.keys("G enter");
    world.has("4 versions");
    world.has("vs @champion");
    let screen = world.screen();
    let line = |version: &str| screen.lines().find(|line| line.contains(version)).unwrap().to_owned();
    assert!(line("v2 ").contains("@champion") && line("v2 ").contains("Production"), "{screen}");
    assert!(line("v4 ").contains("0.6") && line("v4 ").contains("-0.2"), "better than 0.8\n{screen}");
    assert!(line("v1 ").contains("+0.1"), "{screen}");
    world.has("flavors      sklearn, python_function");
    world.has("inputs       name  type");
    world.has("pH    double");
    world.keys("v");
    world.has("flavors      sklearn: sklearn_version 1.9.1");
    world.has("inputs       name  type");
    world.has("             pH    double");
    world.has("requires     scikit-learn==1.9.1");
    world.has("files          MLmodel");
    world.keys("esc g w");
    world.has("Save models:/wine/4 as");
    world.has("wine-4");
    world.keys("esc j");
    world.has("wine v3");
    world.has("^[[2J long");
    world.has("long …");
    world.keys("v");
    world.has("gate = passed");
}

#[test]
fn models_are_searched_and_sorted_and_the_cursor_stays_on_its_own() {
    let mut world = World::new((120, 30));
    world.keys("M /");
    world.typed("champion");
    world.has("1 of 3");
    world.has("4 versions");
    world.keys("enter esc");
    world.has("Models 3");
    let chosen = |world: &World| models::update::screen(&world.app).unwrap().chosen.clone().unwrap();
    assert_eq!(chosen(&world), "wine", "it stays where it was");
    world.keys("s s");
    world.has("with aliases first");
    assert_eq!(chosen(&world), "wine");
    assert_eq!(models::update::screen(&world.app).unwrap().cursor.at, 0);
}

#[test]
fn from_a_version_to_its_run_and_back() {
    let mut world = World::new((120, 36));
    world.keys("M G enter j enter");
    assert!(world.app.screens.is_empty());
    assert_eq!(world.app.runs.run_under_cursor(), Some(world.runs[2].info.run_id.clone()));
    world.keys("esc");
    let screen = models::update::screen(&world.app).unwrap();
    assert_eq!((screen.pane, screen.version().unwrap().version), (ModelsPane::Versions, 3));
    world.keys("esc esc");
    assert!(world.app.screens.is_empty());
    // Once only: the next one leads on.
    world.keys("2 esc");
    assert!(world.app.screens.is_empty());
}

#[test]
fn what_was_being_read_when_the_registry_was_left_is_read_when_it_is_there_again() {
    let mut world = World::new((120, 36));
    world.keys("M G enter j");
    world.is_slow = true;
    world.later();
    world.keys("enter");
    assert!(world.app.screens.is_empty());
    world.is_slow = false;
    // A search that is typed there is a layer of its own.
    world.keys("/ c a l m enter esc");
    assert!(world.app.screens.is_empty() && world.app.runs.view.words.is_empty());
    block_on(world.store.set_model_alias("wine", "by-python", 3)).unwrap();
    world.keys("esc");
    assert!(!world.app.screens.is_empty());
    world.later();
    world.has("@by-python");
}

#[test]
fn what_is_undone_is_the_last_change_and_a_store_that_is_away_loses_none() {
    let mut world = World::new((120, 36));
    world.keys("M G enter a");
    world.typed("one");
    world.keys("enter");
    assert!(world.alias("one").is_some() && world.app.models.done.len() == 1);
    world.is_slow = true;
    world.keys("a");
    world.typed("two");
    world.keys("enter");
    world.is_slow = false;
    world.keys("U");
    world.has("a change is being written");
    assert!(world.alias("one").is_some());
    world.app.models.is_writing = false;
    // A stage that a version has already is not written again.
    world.keys("S enter");
    world.has("is in None already");
    let done = Box::new(world.app.models.done.pop().unwrap());
    let away = crate::store::StoreError::new("set an alias", ErrorKind::Unreachable("refused".into()));
    world.feed(models::Msg::Undone { done, result: Err(away) });
    world.keys("U");
    assert_eq!(world.alias("one"), None);
}

#[test]
fn from_a_run_to_its_version_and_back() {
    let mut world = World::new((120, 36));
    world.keys("2 G g v");
    let screen = models::update::screen(&world.app).unwrap();
    assert_eq!(screen.version().map(|version| (version.name.as_str(), version.version)), Some(("wine", 1)));
    world.keys("esc");
    assert!(world.app.screens.is_empty(), "straight back");
    world.keys("3");
    world.app.details.choose_tab(Tab::Overview);
    let at = world.app.details.window(0..99, "", NOW).iter().position(|line| line.key == "registered");
    (0..at.unwrap()).for_each(|_| world.keys("j"));
    world.keys("enter");
    assert_eq!(models::update::screen(&world.app).unwrap().version().map(|version| version.version), Some(1));
    world.keys("esc 2 g g g v");
    world.has("no registered version was made from this run");
}

#[test]
fn aliases_stand_wherever_the_run_does() {
    let mut world = World::new((150, 40));
    world.keys("2 G k");
    let line = |world: &World, words: &str| {
        let screen = world.screen();
        screen.lines().filter(|line| line.contains(words)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(line(&world, "calm-1").iter().any(|line| line.contains("@champion")), "{}", world.screen());
    assert!(line(&world, "calm-3").iter().all(|line| !line.contains('@')));
    world.app.details.choose_tab(Tab::Overview);
    world.has("wine v2 @champion Production");
    world.app.details.choose_tab(Tab::Models);
    world.has("wine v2 @champion Production");
    world.has("models:/wine/2");
    world.lacks("no models");
    world.keys("L");
    assert!(line(&world, "calm-1").iter().any(|line| line.contains("0.8") && line.contains("@champion")));
    // Runs side by side.
    world.keys("esc 2 C");
    world.has("calm-1 @champion");
    // What somebody does elsewhere is seen.
    world.keys("esc");
    block_on(world.store.set_model_alias("wine", "champion", 4)).unwrap();
    world.later();
    assert!(line(&world, "calm-3").iter().any(|line| line.contains("@champion")), "{}", world.screen());
}

#[test]
fn what_somebody_does_elsewhere_is_seen_in_the_registry() {
    let mut world = World::new((120, 36));
    world.keys("M G enter j");
    block_on(async {
        let run = &world.runs[5].info.run_id;
        store_version(&world.store, run).await;
        world.store.delete_model_version("wine", 1).await.unwrap();
        world.store.create_registered_model("another").await.unwrap();
    });
    world.later();
    world.has("another");
    world.has("v5");
    let screen = models::update::screen(&world.app).unwrap();
    assert_eq!(screen.version().unwrap().version, 3, "the cursor stays on its own");
    assert_eq!(screen.chosen.as_deref(), Some("wine"));
    assert!(screen.versions().iter().all(|version| version.version != 1));
    block_on(world.store.delete_registered_model("wine")).unwrap();
    world.later();
    assert_ne!(models::update::screen(&world.app).unwrap().chosen.as_deref(), Some("wine"));
}

async fn store_version(store: &Store, run: &RunId) {
    store.create_model_version("wine", &format!("runs:/{run}/model"), Some(run), &[]).await.unwrap();
}

#[test]
fn an_alias_is_set_moved_after_a_question_deleted_and_each_undone() {
    let mut world = World::new((120, 36));
    world.keys("M G enter a");
    world.typed("@challenger");
    world.keys("enter");
    assert_eq!(world.alias("challenger"), Some(4));
    world.has("U undoes it");
    world.keys("a");
    world.typed("champion");
    world.keys("enter");
    world.has("from v2 to v4");
    assert_eq!(world.alias("champion"), Some(2), "not before y");
    world.keys("y");
    assert_eq!(world.alias("champion"), Some(4));
    world.keys("U");
    assert_eq!(world.alias("champion"), Some(2));
    world.keys("U");
    assert_eq!(world.alias("challenger"), None);
    world.keys("U");
    world.has("nothing was changed here");
    world.keys("j j A enter");
    assert_eq!(world.alias("champion"), None);
    world.keys("U");
    assert_eq!(world.alias("champion"), Some(2));
    world.keys("a");
    world.typed("v7");
    world.keys("enter");
    world.has("reserved");
    world.keys("esc H");
    world.has("ana: undone: @champion of wine deleted");
    world.has("ana: @champion of wine to v4, which was v2");
}

#[test]
fn an_alias_that_somebody_moved_since_is_left_alone() {
    let mut world = World::new((120, 36));
    world.keys("M G enter a");
    world.typed("challenger");
    world.keys("enter");
    block_on(world.store.set_model_alias("wine", "challenger", 1)).unwrap();
    world.keys("U");
    world.has("somebody has changed it since");
    assert_eq!(world.alias("challenger"), Some(1));
}

#[test]
fn descriptions_tags_stages_and_names_are_changed_and_undone() {
    let mut world = World::new((120, 36));
    let version = |world: &World, number| block_on(world.store.get_model_version("wine", number)).unwrap();
    world.keys("M G enter n");
    world.typed("the fourth");
    world.keys("enter");
    assert_eq!(version(&world, 4).description, "the fourth");
    world.keys("t");
    world.typed("owner = ana");
    world.keys("enter");
    assert!(version(&world, 4).tags.contains(&Tag::new("owner", "ana")));
    world.keys("S");
    world.typed("Production, archive");
    world.keys("enter");
    assert_eq!(
        (version(&world, 4).stage(), version(&world, 2).stage()),
        (Some("Production"), Some("Archived"))
    );
    world.keys("U");
    assert_eq!((version(&world, 4).stage(), version(&world, 2).stage()), (None, Some("Production")));
    world.keys("U U");
    assert_eq!((version(&world, 4).description.as_str(), version(&world, 4).tags.len()), ("", 1));
    world.keys("h R ctrl-u");
    world.typed("wine-2");
    world.keys("enter");
    world.later();
    world.has("wine-2");
    assert_eq!(models::update::screen(&world.app).unwrap().chosen.as_deref(), Some("wine-2"));
    world.keys("U");
    assert_eq!(block_on(world.store.model_versions("wine")).unwrap().len(), 4);
}

#[test]
fn what_is_deleted_is_asked_about_and_names_what_goes_with_it() {
    let mut world = World::new((120, 36));
    world.keys("M G enter j j d");
    world.has("Delete wine v2?");
    world.has("@champion point to it");
    world.keys("n");
    assert_eq!(world.alias("champion"), Some(2));
    world.keys("d y");
    assert_eq!(world.alias("champion"), None);
    world.later();
    world.keys("h d");
    world.has("3 versions go with it");
    world.keys("y");
    assert!(block_on(world.store.get_registered_model("wine")).is_err());
    let mut world = World::new((120, 36));
    world.app.read_only = true;
    world.keys("M G enter d");
    world.has("read-only");
}

#[test]
fn a_store_without_a_registry_says_so_once() {
    let (mut app, _) = opened((100, 30), 0);
    let unsupported = || StoreError::new("list", ErrorKind::Unsupported("model registry".into()));
    for effect in take(&mut app, Msg::Key(parse_keys("M").unwrap()[0])) {
        if let Effect::Models(ModelEffect::ReadModels { ticket, .. }) = effect {
            let result = Err(unsupported());
            take(&mut app, models::Msg::Models { ticket, is_whole: true, result });
        }
    }
    assert!(drawn(&app).contains("this store has no model"), "{}", drawn(&app));
}
