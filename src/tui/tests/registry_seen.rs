//! What the registry shows: as approved, searched and sorted, files and logged models of a version.

use super::registry::{World, block_on};
use super::*;
use crate::mlflow::{LoggedModel, ModelMetric};
use crate::registry::VersionOrigin;
use crate::tui::features::models::place::RegistryPlace;
use crate::tui::features::{files, models};

/// The screen without what is another one each time: ids and times.
fn approved(world: &World) -> String {
    let ids = regex::Regex::new("[0-9a-f]{32}").unwrap();
    let times = regex::Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d").unwrap();
    let screen = world.screen();
    let screen = ids.replace_all(&screen, "0123456789abcdef0123456789abcdef");
    let screen = times.replace_all(&screen, "2026-11-23 12:00:00");
    // Whether something was changed after it was made is a matter of a millisecond.
    let changed = regex::Regex::new(r"changed +2026[^)]*\)").unwrap();
    let blank = |found: &regex::Captures<'_>| " ".repeat(found[0].len());
    let screen = changed.replace_all(&screen, blank);
    let promotion = regex::Regex::new(r"promotion\.[0-9]{13}-").unwrap();
    promotion.replace_all(&screen, "promotion.1790000000000-").into_owned()
}

fn shown(world: &World) -> Vec<u64> {
    let screen = models::update::screen(&world.app).unwrap();
    screen.versions().iter().map(|version| version.version).collect()
}

#[test]
fn the_registry_is_drawn_at_all_sizes_as_approved() {
    for (columns, rows) in [(240, 60), (200, 50), (120, 36), (80, 24), (60, 20)] {
        let mut world = World::new((columns, rows));
        let first = block_on(world.store.get_model_version("wine", 1)).unwrap();
        // Long ago enough that moments between do not count.
        world.app.now = first.creation_time.unwrap() + (3 * 60 + 30) * 60_000 + 30_000;
        world.keys("M G");
        insta::assert_snapshot!(format!("registry-models-{columns}x{rows}"), approved(&world));
        world.keys("l j");
        insta::assert_snapshot!(format!("registry-versions-{columns}x{rows}"), approved(&world));
        world.keys("B");
        insta::assert_snapshot!(format!("registry-promote-{columns}x{rows}"), approved(&world));
        world.keys("enter");
        insta::assert_snapshot!(format!("registry-question-{columns}x{rows}"), approved(&world));
    }
}

#[test]
fn every_size_shows_what_is_under_the_cursor() {
    for size in [(200, 50), (120, 36), (80, 24), (60, 20), (40, 10), (24, 6)] {
        let mut world = World::new(size);
        world.keys("M G");
        world.has("wine");
        world.keys("l");
        assert!(world.screen().contains("@champion") || size.0 < 30, "{size:?}\n{}", world.screen());
        world.keys("G k k k k esc / q esc esc");
    }
}

#[test]
fn models_are_found_by_tags_and_description() {
    let mut world = World::new((120, 30));
    block_on(async {
        world.store.describe_registered_model("iris", "Petals of Flowers").await.unwrap();
        world.store.set_registered_model_tag("wine", &Tag::new("team", "red")).await.unwrap();
    });
    world.keys("M /");
    world.typed("flowers");
    world.has("1 of 3");
    world.has("iris");
    world.keys("esc /");
    world.typed("team=red");
    world.has("1 of 3");
    world.has("4 versions");
    world.keys("esc /");
    world.typed("nobody");
    world.has("no model has that");
}

#[test]
fn versions_are_searched_and_sorted_and_the_cursor_stays_on_its_own() {
    let mut world = World::new((140, 36));
    world.keys("M G l j");
    assert_eq!(shown(&world), [4, 3, 2, 1]);
    world.keys("s");
    world.has("best first");
    assert_eq!(shown(&world), [4, 3, 2, 1], "a later run has less error");
    world.keys("s");
    assert_eq!(shown(&world), [2, 4, 3, 1]);
    let chosen = |world: &World| models::update::screen(&world.app).unwrap().version().unwrap().version;
    assert_eq!(chosen(&world), 3);
    world.keys("s");
    assert_eq!(shown(&world), [1, 2, 3, 4]);
    world.keys("/");
    world.typed("champion");
    assert_eq!(shown(&world), [2]);
    world.has("1 of 4 versions");
    world.has("vs @champion");
    world.keys("esc /");
    // By the name of the run, and by tags.
    world.typed("calm-3 gate=passed");
    assert_eq!(shown(&world), [4]);
    world.later();
    assert_eq!(shown(&world), [4], "also when they are read again");
    world.keys("enter esc");
    assert_eq!(shown(&world).len(), 4, "esc takes the search away first");
    world.keys("/");
    world.typed("nothing");
    world.has("no version has that");
    // Those of another model are shown whole.
    world.keys("esc esc k G");
    assert!(models::update::screen(&world.app).unwrap().version_words.value().is_empty());
}

#[test]
fn the_files_of_a_version_are_listed_and_one_is_read_saved_or_opened() {
    let mut world = World::new((120, 36));
    world.keys("M G f");
    world.has("this works on a version");
    world.keys("l g o");
    world.has("this is a folder; g w saves it");
    world.keys("f");
    world.has("Files of wine v4");
    world.has("requirements.txt");
    world.typed("MLm");
    let effects = take(&mut world.app, Msg::Key(parse_keys("enter").unwrap()[0]));
    let read = effects.iter().find_map(|effect| match effect {
        Effect::Files(files::effects::Effect::Save { number, request }) => Some((*number, request.clone())),
        _ => None,
    });
    let (number, request) = read.expect("it is read at once");
    assert_eq!((request.address.as_str(), &request.aim), ("models:/wine/4/MLmodel", &files::Aim::Read));
    let text = files::Ended::Text { text: "flavors: {}".into(), is_markdown: false };
    world.feed(files::Msg::Ended { number, request: request.clone(), ended: text });
    world.has("flavors: {}");
    // The list is where it was left.
    world.keys("esc f enter");
    assert_eq!(world.app.saving.as_ref().map(|saving| saving.what.as_str()), Some("models:/wine/4/MLmodel"));
    let number = world.app.saves;
    world.feed(files::Msg::Ended { number, request, ended: files::Ended::Binary });
    world.has("this is no text");
    world.has("save to a path");
    world.lacks("read it here");
    world.keys("esc f");
    world.has("ctrl-o open, save, copy");
    world.keys("ctrl-o");
    world.has("read it here");
    world.has("models:/wine/4/MLmodel");
    world.typed("save");
    world.keys("enter");
    world.has("Save models:/wine/4/MLmodel as");
}

#[test]
fn a_logged_model_tells_its_params_and_its_metrics_by_data_set_and_step() {
    let mut world = World::new((120, 40));
    world.keys("M G l");
    let metric = |step: i64, value: f64| ModelMetric {
        key: "val_rmse".into(),
        run_id: "r".into(),
        dataset: Some(("reds".into(), "abcd".into())),
        point: MetricPoint { step, timestamp: 0, value },
    };
    let model = LoggedModel {
        model_id: "m-1".into(),
        experiment_id: "1".into(),
        name: "net".into(),
        model_type: String::new(),
        artifact_location: String::new(),
        status: "READY".into(),
        source_run_id: None,
        params: vec![Param::new("depth", "7")],
        tags: Vec::new(),
        creation_time: None,
        metrics: vec![metric(1, 0.5), metric(2, 0.25)],
    };
    let Some(crate::tui::core::app::Screen::Models(screen)) = world.app.screens.last_mut() else { panic!() };
    screen.origins.insert(4, VersionOrigin::of(None, Some(&model)));
    world.keys("v");
    world.has("model params   depth = 7");
    world.has("model metrics  metric    value  step  data set");
    world.has("               val_rmse   0.25     2  reds (abcd)");
}

#[test]
fn the_palette_finds_models_whose_runs_nobody_has_looked_at() {
    let mut world = World::new((120, 36));
    world.is_slow = true;
    world.keys(":");
    world.typed("model ir");
    world.lacks("model iris");
    // What is typed stays when they come.
    let names = vec!["iris".to_owned(), "wine".to_owned()];
    let ticket = world.app.models.names.ticket();
    world.feed(models::Msg::Names { ticket, result: Ok(names) });
    world.has("model iris");
    // Actions stay, too: those of what lies below.
    world.keys(&"backspace ".repeat(8));
    world.typed("run-versus");
    world.has("run-versus-champion");
    world.keys(&"backspace ".repeat(10));
    world.typed("model ir");
    world.is_slow = false;
    world.keys("enter");
    assert_eq!(models::update::screen(&world.app).unwrap().chosen.as_deref(), Some("iris"));
}

#[test]
fn the_registry_is_opened_on_a_version_that_an_alias_points_to() {
    let mut world = World::new((120, 36));
    let place: RegistryPlace = "models:/wine@champion".parse().unwrap();
    world.app.screens.push(crate::tui::core::app::Screen::Models(Box::new(place.screen())));
    world.later();
    let screen = models::update::screen(&world.app).unwrap();
    assert_eq!(screen.version().map(|version| version.version), Some(2));
    world.keys("esc");
    assert!(world.app.screens.is_empty());
}

#[test]
fn what_is_named_and_not_there_is_told() {
    for (place, words) in [
        ("models:/wine@nobody", "no version is @nobody"),
        ("models:/wine/99", "no version is v99"),
        ("models:/nothing@champion", "there is no model nothing"),
        ("models:/nothing", "there is no model nothing"),
    ] {
        let mut world = World::new((120, 36));
        let place: RegistryPlace = place.parse().unwrap();
        world.app.screens.push(crate::tui::core::app::Screen::Models(Box::new(place.clone().screen())));
        world.later();
        assert_eq!(world.app.status.as_deref(), Some(words), "{place:?}");
    }
}

#[test]
fn a_model_with_an_at_in_its_name_is_found_by_its_whole_name() {
    let mut world = World::new((120, 36));
    block_on(world.store.create_registered_model("wine@champion")).unwrap();
    let place: RegistryPlace = "models:/wine@champion".parse().unwrap();
    world.app.screens.push(crate::tui::core::app::Screen::Models(Box::new(place.screen())));
    world.later();
    let screen = models::update::screen(&world.app).unwrap();
    assert_eq!(screen.chosen.as_deref(), Some("wine@champion"));
    assert_eq!((world.app.status.as_deref(), screen.version()), (None, None));
}
