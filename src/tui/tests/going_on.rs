//! A run that goes on: the table, a chart and the details are told of it one after the other, and say the same.

use super::*;

/// The latest loss of the run, from now on.
fn with_loss(runs: &mut [Run], value: f64) {
    runs[1].metrics[1].value = value;
}

fn told(app: &App, value: &str) -> usize {
    drawn(app).matches(value).count()
}

#[test]
fn the_table_and_a_chart_say_what_was_heard_last() {
    let (mut app, mut runs) = opened((160, 40), 2);
    while app.runs.run_under_cursor() != Some(runs[1].info.run_id.clone()) {
        keys(&mut app, "j", &runs);
    }
    keys(&mut app, "3", &runs);
    let ticket = app.runs.newest.ticket();
    // The table hears of it first: no history is answered yet.
    with_loss(&mut runs, 0.1111);
    app.now += 1_000;
    for effect in take(&mut app, snapshot(ticket, &runs)) {
        if matches!(effect, Effect::Runs(_)) {
            for msg in answer(effect, &runs) {
                drop(take(&mut app, msg));
            }
        }
    }
    take(&mut app, Msg::Frame);
    assert_eq!(told(&app, "0.1111"), 2, "in the table and over the chart: {}", drawn(&app));
    // Then a chart is read, and the run has gone on meanwhile: the table says it too.
    with_loss(&mut runs, 0.2222);
    app.now += 300;
    let wants = vec![(
        features::charts::histories::HistoryKey { run: runs[1].info.run_id.clone(), key: "val_rmse".into() },
        features::charts::histories::MetricVersion::of_value(0.2222, 9),
    )];
    let writes = app.writes;
    for want in app.histories.want(&wants, writes).unwrap() {
        take(&mut app, read(want, &runs));
    }
    take(&mut app, Msg::Frame);
    assert_eq!((told(&app, "0.2222"), told(&app, "0.1111")), (2, 0), "{}", drawn(&app));
    // And so with the details.
    with_loss(&mut runs, 0.3333);
    runs[1].metrics[1].step = 40;
    app.now += 300;
    let ticket = app.details.fetched.ask();
    take(&mut app, details::Msg::Run { ticket, result: Ok(Box::new(runs[1].clone())) });
    take(&mut app, Msg::Frame);
    assert_eq!((told(&app, "0.3333"), told(&app, "0.2222")), (2, 0), "{}", drawn(&app));
    // A table whose row was left as it was, and a poll without news, take nothing back.
    with_loss(&mut runs, 0.2222);
    let ticket = app.runs.newest.ticket();
    for msg in [snapshot(ticket, &runs), polled(ticket)] {
        app.now += 300;
        for effect in take(&mut app, msg) {
            if matches!(effect, Effect::Runs(_)) {
                for msg in answer(effect, &runs) {
                    drop(take(&mut app, msg));
                }
            }
        }
    }
    take(&mut app, Msg::Frame);
    assert_eq!((told(&app, "0.3333"), told(&app, "0.2222")), (2, 0), "{}", drawn(&app));
    // What has ended is what the store says of it.
    runs[1].info.status = RunStatus::Finished;
    with_loss(&mut runs, 0.4444);
    app.now += 300;
    let ticket = app.runs.newest.ticket();
    feed(&mut app, snapshot(ticket, &runs), &runs);
    assert_eq!(told(&app, "0.4444"), 2, "{}", drawn(&app));
}
