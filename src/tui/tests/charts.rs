//! Charts: the dashboard of a run, marked runs over one another, and one chart on the whole screen.

use super::*;
use crate::tui::core::app::Screen;
use crate::tui::core::effect::Effect;
use crate::tui::features::charts::screen::ChartScreen;
use crate::tui::features::charts::update::plot_of;

fn chart(app: &App) -> &ChartScreen {
    match app.screens.last() {
        Some(Screen::Chart(screen)) => screen,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_charts_of_a_run_and_of_marked_ones() {
    for size in [(200, 50), (120, 36), (80, 24), (60, 20)] {
        let name = format!("{}x{}", size.0, size.1);
        let (mut app, runs) = opened(size, 30);
        keys(&mut app, "space space space 3 z", &runs);
        insta::assert_snapshot!(format!("dashboard-{name}"), drawn(&app));
        keys(&mut app, "enter m h h", &runs);
        insta::assert_snapshot!(format!("chart-{name}"), drawn(&app));
        assert_eq!(chart(&app).key(), "val_rmse");
    }
}

#[test]
fn the_cursor_reads_exact_values_and_the_window_follows_the_keys() {
    let (mut app, runs) = opened((160, 40), 30);
    keys(&mut app, "3 enter", &runs);
    let options = app.charts.options_of("val_rmse");
    let whole = {
        let plot = plot_of(&app, chart(&app));
        (plot.x.low, plot.x.high)
    };
    assert_eq!(whole, (0.0, 39.0));
    keys(&mut app, "h", &runs);
    let reading = chart(&app).reading(0, &app.histories, &options);
    assert_eq!(reading.point.unwrap().step, 38);
    assert!(drawn(&app).contains("step 38"));
    // The value is written in full into the clipboard.
    let effects = take(&mut app, Msg::Key(parse_keys("y").unwrap()[0]));
    let value = reading.point.unwrap().value;
    let copied = effects.iter().find_map(|effect| match effect {
        Effect::Shell(Shell::Copy(text)) => Some(text.clone()),
        _ => None,
    });
    assert!(copied.unwrap().trim_end().ends_with(&format!(",38,{value}")));
    keys(&mut app, "g g + + L", &runs);
    let zoomed = chart(&app).window.unwrap();
    assert!((zoomed.1 - zoomed.0 - 39.0 * 0.49).abs() < 1e-9, "{zoomed:?}");
    assert!(zoomed.0 > 0.0);
    keys(&mut app, "0", &runs);
    assert_eq!(chart(&app).window, None);
    // A gap is drawn as one, and counted.
    assert!(drawn(&app).contains("2 NaN"), "{}", drawn(&app));
    keys(&mut app, "x", &runs);
    assert!(drawn(&app).contains("by relative time"));
    keys(&mut app, "Y s s w ]", &runs);
    assert_eq!(chart(&app).key(), "train_loss");
    assert!(drawn(&app).contains("smoothed 0.6 · y 1–99 %"));
    assert!(!drawn(&app).contains("· log y"), "that is for one metric");
    keys(&mut app, "esc", &runs);
    assert!(app.screens.is_empty());
    assert!(drawn(&app).contains("by relative time · smoothed 0.6"));
}

#[test]
fn the_mouse_zooms_pans_and_reads() {
    let (mut app, runs) = opened((160, 40), 30);
    keys(&mut app, "3 enter", &runs);
    let at = |kind, column, row| Msg::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE });
    feed(&mut app, at(MouseEventKind::ScrollUp, 60, 10), &runs);
    let (low, high) = chart(&app).window.unwrap();
    assert!(low > 0.0 && high < 39.0);
    feed(&mut app, at(MouseEventKind::Down(MouseButton::Left), 60, 10), &runs);
    assert!(chart(&app).cursor.is_some());
    feed(&mut app, at(MouseEventKind::Drag(MouseButton::Left), 50, 10), &runs);
    feed(&mut app, at(MouseEventKind::Up(MouseButton::Left), 50, 10), &runs);
    let moved = chart(&app).window.unwrap();
    assert!(moved.0 > low && (moved.1 - moved.0 - (high - low)).abs() < 1e-9);
}

#[test]
fn charts_are_searched_and_what_is_not_answered_says_so() {
    let (mut app, runs) = opened((160, 40), 30);
    keys(&mut app, "3 /", &runs);
    for letter in "rmse".chars() {
        keys(&mut app, &letter.to_string(), &runs);
    }
    keys(&mut app, "enter", &runs);
    assert_eq!(app.charts.charts.len(), 1);
    assert_eq!(app.charts.key(), Some("val_rmse"));
    assert!(app.runs.view.words.is_empty(), "the table is not searched");
    keys(&mut app, "esc", &runs);
    assert_eq!(app.charts.charts.len(), 2);
    // A history that cannot be read leaves its place empty, with the reason.
    let (mut app, runs) = opened((160, 40), 30);
    keys(&mut app, "3 j", &runs);
    app.histories.clear();
    let effects = update(&mut app, Msg::Tick.at(NOW));
    let wants = effects.into_iter().find_map(|effect| match effect {
        Effect::Charts(features::charts::effects::Effect::Read(wants)) => Some(wants),
        _ => None,
    });
    take(&mut app, Msg::Frame);
    assert!(drawn(&app).contains("loading"));
    for want in wants.unwrap() {
        let error = StoreError::new("read the history", ErrorKind::NotFound("it is gone".into()));
        take(&mut app, features::charts::Msg::History { request: want, result: Err(error) });
    }
    take(&mut app, Msg::Frame);
    assert!(drawn(&app).contains("it is gone"), "{}", drawn(&app));
}

#[test]
fn marks_stay_from_experiment_to_experiment_and_concern_only_the_open_one() {
    let (mut app, runs) = opened((160, 40), 5);
    keys(&mut app, "space", &runs);
    let selected = app.runs.targets();
    keys(&mut app, "1 j enter", &runs);
    assert_eq!(app.runs.name, "Default");
    assert!(app.runs.selected.contains(selected[0].as_str()));
    assert_eq!(app.runs.selected.get(selected[0].as_str()).unwrap().slot, 1);
}
