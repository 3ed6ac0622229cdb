//! The data sets of an experiment: as a list, and as columns, groups and filters of its runs.

use super::*;
use crate::mlflow::Dataset;
use crate::store::{DatasetUse, UsedDataset};
use crate::tui::core::app::Screen;
use crate::tui::features::datasets::Msg as Told;
use crate::tui::features::datasets::effects::Effect as Asked;

const SCHEMA: &str = r#"{"mlflow_colspec": [{"type": "double", "name": "alcohol", "required": true},
    {"type": "long", "name": "quality", "required": false}]}"#;

fn used(name: &str, digest: &str, runs: std::ops::Range<usize>, context: &str) -> UsedDataset {
    UsedDataset {
        dataset: Dataset {
            name: name.into(),
            digest: digest.into(),
            source_type: "http".into(),
            source: "{\"url\": \"https://example.com/wine.csv\"}".into(),
            schema: Some(SCHEMA.into()),
            profile: Some("{\"num_rows\": 4898}".into()),
        },
        uses: runs
            .map(|number| DatasetUse { run: RunId(format!("{number:032x}")), context: context.into() })
            .collect(),
    }
}

fn sets() -> Vec<UsedDataset> {
    let mut wine = used("wine", "9f2c41aa", 0..5, "training");
    wine.uses.extend(used("", "", 6..8, "eval").uses);
    vec![used("it's\u{1b}[31m", "77b0", 5..6, ""), wine]
}

fn with_sets(size: (u16, u16)) -> (App, Vec<Run>) {
    let (mut app, runs) = opened(size, 9);
    let opening = |app: &mut App, key: &str| {
        let event = parse_keys(key).unwrap().pop().unwrap();
        take(app, Msg::Key(event))
    };
    opening(&mut app, "g");
    let effects = opening(&mut app, "D");
    let [Effect::Datasets(Asked::List { ticket, experiment, deleted })] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    assert_eq!((experiment.as_str(), *deleted), ("1", false));
    take(&mut app, Told::Listed { ticket: *ticket, result: Ok(sets()) });
    (app, runs)
}

#[test]
fn a_data_set_leads_to_its_runs() {
    let (mut app, runs) = with_sets((120, 36));
    let text = drawn(&app);
    for words in
        ["Data sets 2", "9f2c41aa", "eval 2, training 5", "http https://example.com/wine.csv", "it's^[[31m"]
    {
        assert!(text.contains(words), "{words}: {text}");
    }
    keys(&mut app, "j", &runs);
    let text = drawn(&app);
    assert!(text.contains("alcohol  double") && text.contains("quality  long    no"), "{text}");
    keys(&mut app, "v", &runs);
    assert!(drawn(&app).contains("num_rows"), "{}", drawn(&app));
    keys(&mut app, "esc enter", &runs);
    assert!(app.screens.is_empty());
    assert_eq!(app.runs.filter_text, "dataset.name = 'wine' AND dataset.digest = '9f2c41aa'");
    // What is in a name never ends the quotes around it.
    let (mut app, runs) = with_sets((80, 24));
    keys(&mut app, "enter", &runs);
    assert_eq!(app.runs.filter_text, "dataset.name = \"it's\u{1b}[31m\" AND dataset.digest = '77b0'");
}

#[test]
fn a_list_of_data_sets_is_empty_or_not_read_and_says_so() {
    let (mut app, _) = with_sets((120, 36));
    let Some(Screen::Datasets(screen)) = app.screens.last_mut() else { panic!("closed") };
    let ticket = screen.sets.ask();
    let failed = StoreError::new("list the data sets", ErrorKind::Unreachable("no route".into()));
    take(&mut app, Told::Listed { ticket, result: Err(failed) });
    assert!(drawn(&app).contains("9f2c41aa") && drawn(&app).contains("as of"), "{}", drawn(&app));
    let Some(Screen::Datasets(screen)) = app.screens.last_mut() else { panic!("closed") };
    let ticket = screen.sets.ask();
    take(&mut app, Told::Listed { ticket, result: Ok(Vec::new()) });
    assert!(drawn(&app).contains("no run was given a data set"), "{}", drawn(&app));
}

#[test]
fn runs_show_their_data_sets_where_somebody_asks() {
    let (mut app, runs) = opened((200, 50), 9);
    assert!(!app.runs.needs_data_sets());
    keys(&mut app, "c d a t a s e t . n enter", &runs);
    assert!(app.runs.needs_data_sets() && app.runs.asked_data_sets, "they are read only now");
    let mut builder = Builder::default();
    builder.fold_changes(&whole_runs(&runs));
    assert!(builder.fold_data_sets(&sets()));
    assert!(!builder.fold_data_sets(&sets()), "the same once more is no change");
    let snapshot = Snapshot { catalog: Arc::new(builder.snapshot()), complete: true };
    let ticket = app.runs.newest.ticket();
    feed(&mut app, runs::Msg::Snapshot { ticket, snapshot }, &runs);
    assert!(drawn(&app).contains("Data set") && drawn(&app).contains(" wine"), "{}", drawn(&app));
    keys(&mut app, "g b enter", &runs);
    let groups: Vec<_> =
        app.runs.projection.groups.iter().map(|group| (group.value.clone(), group.runs.len())).collect();
    assert!(groups.contains(&(Some("wine".into()), 7)) && groups.contains(&(None, 1)), "{groups:?}");
}

#[test]
fn screens() {
    for size in [(240, 60), (200, 50), (120, 36), (80, 24), (60, 20)] {
        let (mut app, runs) = with_sets(size);
        keys(&mut app, "j", &runs);
        insta::assert_snapshot!(format!("data-sets-{}x{}", size.0, size.1), screen(&app, &theme()).backend());
    }
}
