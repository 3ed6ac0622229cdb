//! Named views: saved, picked, changed, removed, exported and imported.

use super::*;
use crate::catalog::ColumnSpec;
use crate::catalog::view::Shape;
use crate::state::views::{NamedView, SavedView, ViewPlace};
use crate::tui::features::export::effects::Effect as Export;
use crate::tui::features::runs::effects::Effect as Runs;

fn typed(app: &mut App, text: &str, runs: &[Run]) {
    for letter in text.chars() {
        let key = if letter == ' ' { "space".to_owned() } else { letter.to_string() };
        keys(app, &key, runs);
    }
}

/// What comes of keys, without being answered.
fn effects(app: &mut App, text: &str) -> Vec<Effect> {
    parse_keys(text).expect(text).into_iter().flat_map(|event| take(app, Msg::Key(event))).collect()
}

fn written(effects: &[Effect]) -> (Vec<String>, Vec<String>) {
    let names = |views: &[NamedView]| {
        let whose = |view: &NamedView| if view.of.is_none() { " of all" } else { "" };
        views.iter().map(|view| format!("{}{}", view.name, whose(view))).collect()
    };
    let kept = effects.iter().find_map(|effect| match effect {
        Effect::Runs(Runs::KeepViews { gone, new }) => Some((names(gone), names(new))),
        _ => None,
    });
    kept.unwrap_or_default()
}

#[test]
fn a_view_is_saved_and_comes_back() {
    let (mut app, runs) = opened((160, 40), 30);
    assert!(!drawn(&app).contains("· view"), "nothing narrows");
    keys(&mut app, "f", &runs);
    typed(&mut app, "params.family = tree", &runs);
    keys(&mut app, "enter s g t l l -", &runs);
    let (shown, sort) = (app.runs.length(), app.runs.view.sort.clone());
    let columns = app.runs.columns.clone();
    // How charts are drawn goes with it.
    keys(&mut app, "3 x s a 2", &runs);
    let drawn_so = app.charts.saved();
    assert_eq!((drawn_so.x.as_str(), drawn_so.mean.as_str()), ("relative", "sd"));
    keys(&mut app, "g W", &runs);
    typed(&mut app, "mine", &runs);
    assert_eq!(written(&effects(&mut app, "enter")), (vec![], vec!["mine".into()]));
    assert!(drawn(&app).contains("[W view mine]"), "{}", drawn(&app));
    keys(&mut app, "s", &runs);
    assert!(drawn(&app).contains("view mine (changed)"), "{}", drawn(&app));
    keys(&mut app, "g r", &runs);
    assert!(
        app.runs.length() == 30 && app.runs.view.shape == Shape::Flat && !drawn(&app).contains("view mine")
    );
    // Back with two keys.
    keys(&mut app, "3 x S a 2 W enter", &runs);
    assert_eq!(app.charts.saved(), drawn_so);
    assert_eq!((app.runs.length(), &app.runs.view.sort, &app.runs.columns), (shown, &sort, &columns));
    assert_eq!(
        (app.runs.view.shape.clone(), app.runs.filter_text.as_str()),
        (Shape::Tree, "params.family = tree")
    );
    assert!(drawn(&app).contains("view mine"));
    // It is there on the next visit, and known by its name.
    let remembered = app.runs.remembered();
    assert_eq!(remembered.view.as_deref(), Some("mine"));
    let (mut later, _) = opened((160, 40), 0);
    later.views.list.clone_from(&app.views.list);
    later.runs.open("1".into(), "wine".into(), &remembered);
    crate::tui::features::runs::views::come_back(&mut later, remembered.view.as_deref());
    assert_eq!(later.runs.picked_view(), Some(("mine", false)));
    // As it was before it was picked.
    keys(&mut app, "W down enter", &runs);
    assert!(app.runs.length() == 30 && app.runs.view.sort.is_empty() && app.runs.picked_view().is_none());
    // Another of the name takes its place only when asked.
    keys(&mut app, "g W", &runs);
    typed(&mut app, "mine", &runs);
    keys(&mut app, "enter", &runs);
    assert!(drawn(&app).contains("Replace the view mine?"), "{}", drawn(&app));
    assert_eq!(written(&effects(&mut app, "n")), (vec![], vec![]));
    keys(&mut app, "g W", &runs);
    typed(&mut app, "mine", &runs);
    keys(&mut app, "enter", &runs);
    assert_eq!(written(&effects(&mut app, "y")), (vec![], vec!["mine".into()]));
    assert_eq!(app.views.list.len(), 1);
    // For all experiments, and removed.
    keys(&mut app, "W", &runs);
    assert_eq!(written(&effects(&mut app, "tab")), (vec!["mine".into()], vec!["mine of all".into()]));
    keys(&mut app, "up", &runs);
    assert_eq!(written(&effects(&mut app, "tab")), (vec!["mine of all".into()], vec!["mine".into()]));
    keys(&mut app, "up ctrl-x", &runs);
    assert!(drawn(&app).contains("Delete the view mine?"), "{}", drawn(&app));
    assert_eq!(written(&effects(&mut app, "y")), (vec!["mine".into()], vec![]));
    assert!(app.views.list.is_empty());
}

#[test]
fn only_a_view_can_be_removed_from_the_list() {
    let (mut app, runs) = opened((160, 40), 30);
    keys(&mut app, "W", &runs);
    assert!(drawn(&app).contains("save the view") && !drawn(&app).contains("ctrl-x"), "{}", drawn(&app));
    keys(&mut app, "esc g W", &runs);
    typed(&mut app, "mine", &runs);
    keys(&mut app, "enter W", &runs);
    assert!(drawn(&app).contains("ctrl-x remove"), "{}", drawn(&app));
    keys(&mut app, "down", &runs);
    assert!(!drawn(&app).contains("ctrl-x"), "{}", drawn(&app));
}

#[test]
fn views_go_into_a_file_and_come_out_of_one() {
    let (mut app, runs) = opened((160, 40), 30);
    let place = ViewPlace::new("", &"1".into());
    let view = |name: &str, of: Option<&ViewPlace>| NamedView {
        name: name.into(),
        of: of.cloned(),
        view: SavedView { filter: "status = failed".into(), ..SavedView::default() },
    };
    feed(&mut app, runs::Msg::ViewsRead(Ok(vec![view("failed", Some(&place)), view("all", None)])), &runs);
    assert_eq!(app.status.as_deref(), Some("imported failed, all"));
    feed(&mut app, runs::Msg::ViewsRead(Ok(vec![view("failed", Some(&place)), view("new", None)])), &runs);
    let words = app.status.clone().unwrap();
    assert!(words.contains("imported new") && words.contains("failed stayed as before"), "{words}");
    assert_eq!(app.views.list.len(), 3);
    keys(&mut app, "W", &runs);
    typed(&mut app, "export", &runs);
    keys(&mut app, "enter", &runs);
    let saved = effects(&mut app, "enter");
    let content = saved.iter().find_map(|effect| match effect {
        Effect::Export(Export::Save { path, content }) if path == "views.json" => Some(content.as_str()),
        _ => None,
    });
    assert!(content.unwrap().contains("\"failed\""), "{saved:?}");
    keys(&mut app, "W", &runs);
    typed(&mut app, "import", &runs);
    keys(&mut app, "enter", &runs);
    let asked = effects(&mut app, "enter");
    assert!(asked.iter().any(|effect| matches!(effect, Effect::Runs(Runs::ImportViews { .. }))), "{asked:?}");
    feed(&mut app, runs::Msg::ViewsRead(Err("views.json: no such file".into())), &runs);
    assert_eq!(app.status.as_deref(), Some("nothing was imported: views.json: no such file"));
}

#[test]
fn the_view_of_the_command_line_is_shown_first() {
    let runs: Vec<Run> = (0..30).map(run).collect();
    let opened = |wanted: &str, view: SavedView| {
        let mut app = app((160, 40));
        app.views.list = vec![NamedView { name: "failed".into(), of: None, view }];
        app.views.wanted = Some(wanted.into());
        for msg in answer(Effect::Experiments(experiments::effects::Effect::Load), &runs) {
            feed(&mut app, msg, &runs);
        }
        app
    };
    let view = SavedView {
        filter: "status = failed".into(),
        group: Some("params.family".into()),
        sort: vec!["metrics.val_rmse desc".into()],
        ..SavedView::default()
    };
    let app = opened("failed", view.clone());
    assert_eq!(app.runs.view.shape, Shape::Groups(ColumnSpec::Param("family".into())));
    assert_eq!((app.runs.projection.passing, app.runs.view.sort.len()), (7, 1));
    let app = opened("fialed", view.clone());
    assert_eq!(app.status.as_deref(), Some("no view \"fialed\" of this experiment: failed"));
    assert_eq!(app.runs.projection.passing, 30);
    let broken = SavedView { filter: "status = ".into(), sort: vec!["nothing".into()], ..view };
    let app = opened("failed", broken);
    let words = app.status.clone().unwrap();
    assert!(words.contains("the order \"nothing\", the filter \"status = \" cannot be read"), "{words}");
    assert!(app.overlay.is_none() && app.runs.projection.passing == 30);
}

#[test]
fn a_view_of_another_experiment_stays_where_it_is() {
    let (mut app, runs) = opened((160, 40), 3);
    let place = |id: &str| Some(ViewPlace::new("", &id.into()));
    let view = |of: Option<ViewPlace>, filter: &str| NamedView {
        name: "best".into(),
        of,
        view: SavedView { filter: filter.into(), ..SavedView::default() },
    };
    app.views.list = vec![view(place("2"), "status = failed"), view(place("1"), "")];
    let moved = effects(&mut app, "W tab");
    let of = |app: &App| app.views.list.iter().map(|view| view.of.clone()).collect::<Vec<_>>();
    assert_eq!(written(&moved), (vec!["best".into()], vec!["best of all".into()]));
    assert_eq!(of(&app), [place("2"), None]);
    assert_eq!(app.views.list[1].view.filter, "", "and not what the other one shows");
    // Removed from the list that was opened before it was moved, it is gone.
    keys(&mut app, "up ctrl-x y", &runs);
    assert_eq!(of(&app), [place("2")]);
    // The name column keeps its width, and no width is out of range.
    let wide = |width| crate::state::views::SavedColumn { name: "run_name".into(), width: Some(width) };
    let mut named = view(place("1"), "");
    named.view.columns =
        vec![wide(40), crate::state::views::SavedColumn { name: "status".into(), width: Some(60_000) }];
    app.views.list.push(named);
    keys(&mut app, "W enter", &runs);
    assert_eq!((app.runs.columns[0].width, app.runs.columns[1].width), (Some(40), Some(80)));
    assert_eq!(app.runs.picked_view(), Some(("best", false)));
}

#[test]
fn settings_of_charts_are_written_and_read_back() {
    let mut charts = features::charts::dashboard::Dashboard::default();
    let as_at_first = charts.saved();
    assert_eq!(serde_json::to_string(&as_at_first).unwrap(), "{}");
    charts.x_metric = Some("train/epoch".into());
    charts.options = crate::chart::Options {
        x: crate::chart::XAxis::Metric,
        log_x: true,
        smoothing: crate::chart::Smoothing(0.6),
        y_range: crate::chart::YRange::Middle90,
        band: crate::chart::Band::Range,
        ..charts.options
    };
    charts.log.insert("loss".into());
    let text = serde_json::to_string(&charts.saved()).unwrap();
    assert_eq!(
        text,
        r#"{"x":"metrics.train/epoch","log_x":true,"log_y":["loss"],"smoothing":0.6,"y_range":"90","mean":"range"}"#
    );
    let mut others = features::charts::dashboard::Dashboard::default();
    others.take_saved(&serde_json::from_str(&text).unwrap());
    assert_eq!((others.saved(), others.options), (charts.saved(), charts.options));
    // Of another program's file nothing odd is taken.
    others.take_saved(&serde_json::from_str(r#"{"x":"moon","smoothing":7,"mean":"?","new":1}"#).unwrap());
    assert_eq!(others.saved(), as_at_first);
}
