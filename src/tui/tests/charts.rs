//! Charts: the dashboard of a run, marked runs over one another, and one chart on the whole screen.

use super::*;
use crate::text;
use crate::tui::core::app::Screen;
use crate::tui::core::effect::Effect;
use crate::tui::features::charts::histories::HistoryKey;
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
    for size in [(240, 60), (200, 50), (120, 36), (80, 24), (60, 20)] {
        let name = format!("{}x{}", size.0, size.1);
        let (mut app, runs) = opened(size, 30);
        keys(&mut app, "space space space 3 z", &runs);
        insta::assert_snapshot!(format!("dashboard-{name}"), drawn(&app));
        keys(&mut app, "enter m h h", &runs);
        insta::assert_snapshot!(format!("chart-{name}"), drawn(&app));
        assert_eq!(chart(&app).key(), "val_rmse");
        // Over it, and its mean.
        keys(&mut app, "g X", &runs);
        insta::assert_snapshot!(format!("x-axis-{name}"), drawn(&app));
        keys(&mut app, "esc E", &runs);
        insta::assert_snapshot!(format!("export-{name}"), drawn(&app));
        keys(&mut app, "esc", &runs);
        let (mut app, runs) = opened_with_seeds(size);
        keys(&mut app, "space space space space space space 3 z a", &runs);
        insta::assert_snapshot!(format!("means-{name}"), drawn(&app));
    }
}

#[test]
fn the_cursor_reads_exact_values_and_the_window_follows_the_keys() {
    let (mut app, runs) = opened((150, 50), 30);
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
    // Both ends are the last there is.
    for (key, low, high) in [("L", None, Some(39.0)), ("H", Some(0.0), None)] {
        for _ in 0..20 {
            keys(&mut app, key, &runs);
        }
        let window = chart(&app).window.unwrap();
        assert!((window.1 - window.0 - 39.0 * 0.49).abs() < 1e-9, "{window:?}");
        assert!(low.is_none_or(|low: f64| (window.0 - low).abs() < 1e-9), "{window:?}");
        assert!(high.is_none_or(|high: f64| (window.1 - high).abs() < 1e-9), "{window:?}");
    }
    keys(&mut app, "0 L", &runs);
    assert_eq!(chart(&app).window, None, "all is shown");
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

/// An explorer with runs that have these metrics, each a bit less than the run before.
fn opened_with(size: (u16, u16), metrics: &[&str]) -> (App, Vec<Run>) {
    let with_metrics = |number: usize| {
        let metric = |key: &&str| Metric {
            key: (*key).into(),
            value: 1.0 - number as f64 / 100.0,
            timestamp: NOW,
            step: if key.starts_with("once") || key.starts_with("stepless") { 0 } else { 39 },
        };
        let mut metrics: Vec<Metric> = metrics.iter().map(metric).collect();
        metrics.sort_by(|a, b| a.key.cmp(&b.key));
        let mut run = run(number);
        run.info.run_name = format!("a-long-name-that-runs-have-in-common-{number}");
        Run { metrics, ..run }
    };
    let runs: Vec<Run> = (0..9).map(with_metrics).collect();
    let mut app = app(size);
    for msg in answer(Effect::Experiments(experiments::effects::Effect::Load), &runs) {
        feed(&mut app, msg, &runs);
    }
    (app, runs)
}

fn charts(app: &App) -> Vec<&str> {
    app.charts.charts.iter().map(|chart| chart.metric.name.as_str()).collect()
}

const METRICS: [&str; 9] = [
    "epoch",
    "once_f1",
    "grad_norm",
    "lr",
    "stepless_mae",
    "system/cpu",
    "train/loss",
    "val/acc",
    "val/loss",
];

#[test]
fn what_decides_is_the_first_chart_and_then_the_column_under_the_cursor() {
    let (mut app, runs) = opened_with((200, 60), &METRICS);
    assert_eq!(app.best.policy().unwrap().primary().metric, "val/acc");
    keys(&mut app, "3 2", &runs);
    let order = ["val/acc", "loss", "stepless_mae", "grad_norm", "once_f1", "epoch", "lr", "system/cpu"];
    assert_eq!(charts(&app), order);
    let at = app.runs.columns.iter().position(|column| column.spec.metric_key() == Some("lr")).unwrap();
    app.runs.choose_column(at);
    keys(&mut app, "j", &runs);
    assert_eq!(charts(&app)[..3], ["val/acc", "lr", "loss"]);
    // What somebody chose stays chosen wherever it goes.
    keys(&mut app, "3 l l", &runs);
    assert_eq!(app.charts.key(), Some("loss"));
    app.runs.choose_column(
        app.runs.columns.iter().position(|column| column.spec.metric_key() == Some("epoch")).unwrap(),
    );
    keys(&mut app, "2 j", &runs);
    assert_eq!((app.charts.key(), app.charts.at), (Some("loss"), 2));
}

#[test]
fn parts_of_the_data_share_a_chart_and_single_values_are_tiles() {
    let (mut app, runs) = opened_with((200, 60), &METRICS);
    keys(&mut app, "3 z", &runs);
    let screen = drawn(&app);
    assert!(screen.contains("loss  v ── val 0.92  t ╌╌ train 0.92"), "{screen}");
    // The newest run is the ninth of nine that each got worse.
    assert!(screen.contains("0.92  9th of 9"), "{screen}");
    assert!(screen.contains("stepless_mae  0.92  by time, all at step 0"), "{screen}");
    assert!(screen.contains("single values") && screen.contains("rates, times, system"), "{screen}");
    // Both parts are on the chart that has the whole screen, and each says which it is.
    keys(&mut app, "l enter", &runs);
    assert_eq!(chart(&app).key(), "loss");
    let lines: Vec<(&str, String)> =
        chart(&app).lines.iter().map(|line| (line.which.key.as_str(), line.label.text())).collect();
    assert_eq!(lines, [("val/loss", "v".to_owned()), ("train/loss", "t".to_owned())]);
    keys(&mut app, "h", &runs);
    let effects = take(&mut app, Msg::Key(parse_keys("y").unwrap()[0]));
    let copied = effects.iter().find_map(|effect| match effect {
        Effect::Shell(Shell::Copy(text)) => Some(text.clone()),
        _ => None,
    });
    let copied = copied.unwrap();
    assert!(copied.starts_with("run_id,run_name,metric,step,value\n"), "{copied}");
    assert_eq!((copied.lines().count(), copied.matches(",val/loss,38,").count()), (3, 1), "{copied}");
    keys(&mut app, "]", &runs);
    assert!(drawn(&app).contains("stepless_mae · by relative time · all points are at one step"));
}

#[test]
fn the_run_under_the_cursor_is_dim_behind_those_that_are_marked() {
    let (mut app, runs) = opened_with((200, 60), &METRICS);
    keys(&mut app, "space space space 3 z", &runs);
    let slots: Vec<u16> = app.charts.drawn.iter().map(|drawn| drawn.slot).collect();
    assert_eq!(slots, [1, 2, 3, 0]);
    assert_eq!(app.charts.own, 3);
    for chart in &app.charts.charts {
        for line in chart.lines() {
            assert_eq!(line.ink.is_faint, line.run == 3);
            assert_eq!(u16::from(line.ink.line), app.charts.drawn[line.run].slot, "a colour is a run");
        }
    }
    // Names stay apart in the legend, and each run has its line in a tile.
    let screen = drawn(&app);
    for number in 5..9 {
        assert!(screen.contains(&format!("-common-{number} 0.9")), "{number}: {screen}");
    }
    assert!(screen.contains("a 0.92 9th") && screen.contains("c 0.94 7th"), "{screen}");
    // A run that is marked itself is one of them.
    keys(&mut app, "2 k space 3", &runs);
    assert!(
        app.charts.drawn.iter().all(|drawn| drawn.slot > 0) || app.charts.own + 1 == app.charts.drawn.len()
    );
}

#[test]
fn letters_stand_along_the_lines_where_colours_do_not_tell_them_apart() {
    let (mut app, runs) = opened_with((120, 40), &["val/acc"]);
    keys(&mut app, "space space k 3 z", &runs);
    let letters = |theme: &Theme| {
        let text = screen(&app, theme).backend().to_string();
        text.lines()
            .filter(|line| line.contains('│') || line.contains('┤'))
            .map(|line| line.matches(['a', 'b']).count())
            .sum::<usize>()
    };
    let terminal = Abilities { truecolor: true, ..TERMINAL };
    let coloured = letters(&Theme::new(true, Palette::Dark, terminal, Glyphs::Unicode));
    let mono = letters(&Theme::new(false, Palette::Dark, terminal, Glyphs::Unicode));
    assert!(coloured == 2 && mono > 6, "{coloured}, {mono}");
    // The grid, which is dim without colours, leaves nothing on the lines that pass over it.
    let screen = screen(&app, &Theme::new(false, Palette::Dark, terminal, Glyphs::Unicode));
    let cells = screen.backend().buffer().content().iter();
    let mut dots = cells.filter(|cell| cell.symbol().starts_with(|c| ('\u{2801}'..='\u{28ff}').contains(&c)));
    let dim = dots.clone().filter(|cell| cell.modifier.contains(ratatui::style::Modifier::DIM)).count();
    let faint = app.charts.charts[0].lines().iter().filter(|line| line.ink.is_faint).count();
    assert!(dots.next().is_some() && (faint > 0 || dim == 0), "{dim}");
}

#[test]
fn one_cursor_goes_through_all_charts() {
    let (mut app, runs) = opened_with((200, 60), &METRICS);
    keys(&mut app, "3 z < < <", &runs);
    let at = app.charts.cursor.unwrap();
    let screen = drawn(&app);
    assert!(screen.contains(&format!("at step {at}")), "{at} {screen}");
    let point = |key: &str| {
        let run = app.charts.drawn[0].run.clone();
        let known = app.histories.get(&HistoryKey { run, key: key.to_owned() }).unwrap();
        known.points.iter().find(|point| point.step == at as i64).unwrap().value
    };
    let (val, train) = (text::number(point("val/loss")), text::number(point("train/loss")));
    assert!(screen.contains(&format!("val {val}  t ╌╌ train {train}")), "{val} {screen}");
    assert!(screen.contains(&format!("grad_norm  {}", text::number(point("grad_norm")))), "{screen}");
    // Drawn by time, it has another axis.
    assert!(screen.contains("stepless_mae  0.92  by time"), "{screen}");
    // The chart on the whole screen goes on from there.
    keys(&mut app, "enter", &runs);
    assert_eq!(chart(&app).cursor, Some(at));
    keys(&mut app, "esc", &runs);
    keys(&mut app, "> > > >", &runs);
    assert_eq!(app.charts.cursor, None, "behind the end it is gone");
    keys(&mut app, "< esc", &runs);
    assert_eq!((app.charts.cursor, app.is_on_charts()), (None, true));
    keys(&mut app, "< x", &runs);
    assert_eq!(app.charts.cursor, None, "it belongs to the axis");
}

#[test]
fn charts_stand_over_another_metric_of_the_run() {
    let (mut app, runs) = opened_with((200, 60), &METRICS);
    keys(&mut app, "3 z x x x", &runs);
    let screen = drawn(&app);
    assert!(screen.contains("by epoch"), "{screen}");
    // Of forty points two have no number, neither here nor there.
    assert!(screen.contains("2 without x"), "{screen}");
    assert!(screen.contains("stepless_mae  0.92  by time, all at step 0"), "{screen}");
    keys(&mut app, "enter", &runs);
    assert!(drawn(&app).contains("val/acc · by epoch"), "{}", drawn(&app));
    // Training ends where epoch is least, and the cursor goes from point to point of that axis.
    let latest =
        text::legend_number(runs[8].metrics.iter().find(|metric| metric.key == "val/acc").unwrap().value);
    assert!(drawn(&app).contains(&latest), "{}", drawn(&app));
    keys(&mut app, "g g", &runs);
    assert!(drawn(&app).contains("epoch 0.92, step 39: "), "{}", drawn(&app));
    keys(&mut app, "l", &runs);
    assert!(chart(&app).cursor.unwrap() > 0.921, "{:?}", chart(&app).cursor);
    // Any other one is picked.
    keys(&mut app, "g X", &runs);
    assert!(drawn(&app).contains("grad_norm"), "{}", drawn(&app));
    for letter in ["l", "r", "enter"] {
        keys(&mut app, letter, &runs);
    }
    assert!(drawn(&app).contains("val/acc · by lr"), "{}", drawn(&app));
    keys(&mut app, "x x x x", &runs);
    assert!(drawn(&app).contains("by lr"), "the one that was picked stays in turn: {}", drawn(&app));
    let effects = take(&mut app, Msg::Key(parse_keys("E").unwrap()[0]));
    assert!(effects.is_empty());
    keys(&mut app, "esc esc", &runs);
    assert!(drawn(&app).contains("by lr"));
}

/// Six runs: two learning rates with three seeds each.
fn opened_with_seeds(size: (u16, u16)) -> (App, Vec<Run>) {
    let (mut app, mut runs) = opened_with(size, &["val/acc", "train/loss"]);
    runs.truncate(6);
    for (at, run) in runs.iter_mut().enumerate() {
        run.info.run_name = format!("net-{at}");
        run.params = vec![Param::new("lr", ["0.1", "0.2"][at % 2]), Param::new("seed", at.to_string())];
    }
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    (app, runs)
}

#[test]
fn seeds_are_one_line_with_a_band() {
    let (mut app, runs) = opened_with_seeds((160, 50));
    keys(&mut app, "space space space space space space 3 z a", &runs);
    let names: Vec<&str> = app.charts.drawn.iter().map(|drawn| drawn.name.as_str()).collect();
    assert_eq!(names, ["net-5 +2", "net-4 +2"]);
    let screen = drawn(&app);
    assert!(screen.contains("mean ±1 sd") && screen.contains("net-5 +2 0.97"), "{screen}");
    keys(&mut app, "enter", &runs);
    let screen = drawn(&app);
    assert!(screen.contains("val/acc · by step · mean ±1 sd"), "{screen}");
    assert!(screen.contains("±0.02  min ") && screen.contains("means of 3"), "{screen}");
    keys(&mut app, "h", &runs);
    assert!(drawn(&app).contains(", mean of 3"), "{}", drawn(&app));
    keys(&mut app, "a", &runs);
    let screen = drawn(&app);
    assert!(screen.contains("mean, min–max") && screen.contains("–"), "{screen}");
    keys(&mut app, "a", &runs);
    assert_eq!(chart(&app).drawn.len(), 6, "each by itself");
    keys(&mut app, "a x x x", &runs);
    assert_eq!(chart(&app).drawn.len(), 2);
    // A run that is gone from the selection is gone from its mean.
    keys(&mut app, "esc 2 g g space 3", &runs);
    assert_eq!(app.charts.drawn.iter().map(|drawn| drawn.members.len()).collect::<Vec<_>>(), [3, 2]);
}

#[test]
fn the_groups_of_the_table_are_lines_too() {
    let (mut app, runs) = opened_with_seeds((160, 50));
    let column = crate::catalog::ColumnSpec::Param("lr".into());
    app.runs.view.shape = crate::catalog::view::Shape::Groups(column);
    keys(&mut app, "s 2 g g x j 3 z a", &runs);
    let names: Vec<&str> = app.charts.drawn.iter().map(|drawn| drawn.name.as_str()).collect();
    assert_eq!(names.len(), 2, "{names:?} {}", drawn(&app));
    assert!(names.iter().all(|name| name.starts_with("lr 0.") && name.ends_with("(3)")), "{names:?}");
    assert!(drawn(&app).contains("groups of params.lr"), "{}", drawn(&app));
}

/// One run that is alone says how runs come to be put together.
#[test]
fn a_mean_of_one_run_says_what_it_needs() {
    let (mut app, runs) = opened_with_seeds((160, 50));
    keys(&mut app, "3 a", &runs);
    assert!(drawn(&app).contains("select runs that differ only in their seed"), "{}", drawn(&app));
}

#[test]
fn the_metrics_of_a_run_are_a_table_of_their_histories() {
    for size in [(240, 60), (200, 50), (120, 36), (80, 24), (60, 20)] {
        let (mut app, runs) = opened_with(size, &METRICS);
        keys(&mut app, "3 ] ] z j j", &runs);
        insta::assert_snapshot!(format!("metrics-{}x{}", size.0, size.1), drawn(&app));
    }
    // Each is asked for as it comes to be seen, and opens as a chart.
    let many: Vec<String> = (0..60).map(|at| format!("m{at:02}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let (mut app, runs) = opened_with((160, 40), &many);
    keys(&mut app, "3 ] ]", &runs);
    let run = app.details.shown_run().unwrap().clone();
    let is_known = |app: &App, key: &str| app.histories.of(&run, key).is_some();
    assert!(is_known(&app, "m00") && !is_known(&app, "m59"));
    keys(&mut app, "G", &runs);
    assert!(is_known(&app, "m59"));
    assert!(drawn(&app).contains("m59  "), "the last line is seen below the titles: {}", drawn(&app));
    keys(&mut app, "enter", &runs);
    assert_eq!(chart(&app).key(), "m59");
    keys(&mut app, "esc", &runs);
    let (x, y) = place(&app, "m57");
    feed(&mut app, click(x, y), &runs);
    assert_eq!(app.details.cursor.at, 57);
    let (x, y) = place(&app, "latest");
    feed(&mut app, click(x, y), &runs);
    assert_eq!(app.details.cursor.at, 57, "above the rows are the titles");
}

#[test]
fn a_run_that_goes_on_says_how_far_it_is() {
    let (mut app, mut runs) = opened_with((160, 40), &["val/acc", "epoch"]);
    for (at, run) in runs.iter_mut().enumerate() {
        run.info.status = RunStatus::Running;
        run.info.start_time = Some(NOW - 3_600_100 + at as i64);
        run.metrics.iter_mut().find(|metric| metric.key == "epoch").unwrap().value = 3.0;
    }
    runs[8].params.push(Param::new("max_epochs", "4"));
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    keys(&mut app, "r j k 3 z", &runs);
    assert!(drawn(&app).contains("epoch 3 of 4, about 20m left · last point 0s ago"), "{}", drawn(&app));
    keys(&mut app, "enter", &runs);
    assert!(drawn(&app).contains("· epoch 3 of 4, about 20m left"), "{}", drawn(&app));
    keys(&mut app, "esc ]", &runs);
    let text = drawn(&app);
    assert!(text.contains("75 % · epoch 3 of 4, about 20m left") && text.contains("last point"), "{text}");
    // Of the others nobody knows how much there is to come.
    keys(&mut app, "z 2 j", &runs);
    assert!(!drawn(&app).contains("progress") && drawn(&app).contains("last point"), "{}", drawn(&app));
}
