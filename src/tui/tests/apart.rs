//! No two series on the screen carry the same label, however many runs are marked and whatever they are called.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::tui::core::app::Screen;
use crate::tui::features::charts::dashboard::view::charts_area;
use crate::tui::features::charts::update::dashboard_area;

/// Names that have beginnings and ends in common, some with what a terminal must not get; none has spaces.
fn name() -> impl Strategy<Value = String> {
    let part = |parts: &'static [&'static str]| proptest::sample::select(parts.to_vec());
    let begin = part(&["", "resnet50-imagenet-pretrained-", "日本語/", "\u{1b}[31m\u{202e}", "…"]);
    let end = part(&["", "-with-warmup-and-cosine-decay", ".weights", "\u{200b}"]);
    (begin, "[ab]{0,2}[0-9]{0,2}", end).prop_map(|(begin, middle, end)| format!("{begin}{middle}{end}"))
}

fn are_apart(labels: &[String], what: &str) {
    let different: HashSet<&String> = labels.iter().collect();
    assert_eq!(different.len(), labels.len(), "{labels:?} in {what}");
}

/// The text of the cells of a part of the screen, row by row.
fn rows_in(app: &App, area: ratatui::layout::Rect) -> Vec<String> {
    let terminal = screen(app, &theme());
    let buffer = terminal.backend().buffer();
    let row = |y: u16| {
        let (mut words, mut x) = (String::new(), area.x);
        while x < area.right() {
            let symbol = buffer[(x, y)].symbol();
            words.push_str(symbol);
            x += crate::text::width(symbol).max(1) as u16;
        }
        words
    };
    (area.y..area.bottom()).map(row).collect()
}

fn select(app: &mut App, runs: &[Run], count: usize) {
    for run in &runs[..count] {
        app.runs.set_selected(&run.info.run_id, true);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn no_two_series_carry_the_same_label(
        names in prop::collection::vec(name(), 3..90),
        keys in prop::collection::hash_set(name().prop_filter("a key", |key| !key.is_empty()), 1..9),
        unmarked in 0..60_usize,
        size in proptest::sample::select(vec![(240, 60), (200, 50), (120, 36), (80, 24), (60, 20)]),
    ) {
        let (mut app, mut runs) = opened(size, names.len());
        for (run, name) in runs.iter_mut().zip(&names) {
            run.info.run_name = if name.is_empty() { "run".into() } else { name.clone() };
            let metric = |key: &String| Metric { key: key.clone(), value: 1.0, timestamp: NOW, step: 9 };
            run.metrics = keys.iter().map(metric).collect();
            run.metrics.sort_by(|a, b| a.key.cmp(&b.key));
        }
        let ticket = app.runs.newest.ticket();
        feed(&mut app, snapshot(ticket, &runs), &runs);
        // Letters of the first ones are free again, and taken by none.
        select(&mut app, &runs, names.len());
        for run in &runs[..unmarked.min(names.len() - 2)] {
            app.runs.set_selected(&run.info.run_id, false);
        }
        keys_of(&mut app, "3 z", &runs);

        // The dashboard: the titles of its charts, and the runs below them.
        let area = dashboard_area(&app).unwrap();
        let grid = app.charts.grid(area.width as usize, area.height as usize);
        let placed = grid.placed(app.charts.top);
        let titles: Vec<String> = placed.iter().filter(|place| place.chart.is_some()).map(|place| {
            let at = ratatui::layout::Rect {
                x: area.x + place.x as u16, y: area.y + place.y as u16, width: place.width as u16, height: 1,
            };
            rows_in(&app, at)[0].trim_start_matches('▌').trim_start().split("  ").next().unwrap().trim().to_owned()
        }).collect();
        let text = drawn(&app);
        are_apart(&titles, &text);
        prop_assert_eq!(charts_area(area, 1), area);
        let below = ratatui::layout::Rect { y: area.bottom(), height: 1, ..area };
        let line = rows_in(&app, below).remove(0);
        let told = line.split_once("  ").map_or("", |(_, told)| told);
        let told: Vec<Vec<&str>> = told.split("   ").map(|run| run.split_whitespace().collect()).collect();
        let told: Vec<&Vec<&str>> = told.iter().filter(|run| run.len() == 3).collect();
        for at in [0, 1] {
            are_apart(&told.iter().map(|run| run[at].trim_start_matches('★').to_owned()).collect::<Vec<_>>(), &text);
        }

        // One chart: its legend.
        keys_of(&mut app, "enter", &runs);
        let Some(Screen::Chart(chart)) = app.screens.last() else { panic!("{}", drawn(&app)) };
        let rows = rows_in(&app, chart.areas(app.geometry().body).legend);
        let runs_told = rows.iter().skip(1).filter(|row| !row.starts_with(' '));
        let told: Vec<Vec<String>> =
            runs_told.map(|row| row.split_whitespace().map(str::to_owned).collect()).collect();
        prop_assert!(!told.is_empty(), "{}", drawn(&app));
        for at in [0, 1] {
            let words: Vec<String> =
                told.iter().map(|run| run[at].trim_start_matches('★').to_owned()).collect();
            are_apart(&words, &drawn(&app));
        }

        // A comparison: its points and columns.
        keys_of(&mut app, "esc 2 C", &runs);
        let Some(Screen::Compare(compared)) = app.screens.last() else { panic!("{}", drawn(&app)) };
        let letters: Vec<String> =
            (0..compared.members()).map(|member| theme().letter(compared.slot(member))).collect();
        are_apart(&letters, "a comparison");
        prop_assert!(!letters.contains(&"+".to_owned()));
    }
}

fn keys_of(app: &mut App, script: &str, runs: &[Run]) {
    super::keys(app, script, runs);
}

#[test]
fn runs_beyond_the_letters_have_two() {
    let (mut app, runs) = opened((120, 200), 70);
    select(&mut app, &runs, 70);
    let text = drawn(&app);
    for (name, letter) in
        [("calm-ibis-0 ", "a"), ("calm-ibis-51 ", "Z"), ("calm-ibis-52 ", "aa"), ("calm-ibis-69 ", "ar")]
    {
        let line = text.lines().find(|line| line.contains(name)).expect(name);
        let before: Vec<&str> = line.split(name).next().unwrap().split(['│', '┃', ' ', '★']).collect();
        assert!(before.contains(&letter), "{name}: {line}");
    }
    keys(&mut app, "C", &runs);
    let Some(Screen::Compare(compared)) = app.screens.last() else { panic!() };
    let letters: HashSet<String> =
        (0..compared.members()).map(|member| theme().letter(compared.slot(member))).collect();
    assert_eq!(letters.len(), 70);
    // More than there are letters for: those that are drawn have one.
    let mut selected = crate::tui::core::selected::SelectedRuns::default();
    for at in 0..800 {
        selected.insert(&at.to_string(), "", &"1".into());
    }
    for at in 0..720 {
        assert!(selected.remove(&at.to_string()));
    }
    let drawn = selected.drawn_with(&RunId::from("x"), "x");
    let letters: HashSet<String> = drawn.iter().map(|drawn| theme().letter(drawn.slot)).collect();
    assert_eq!(letters.len(), drawn.len());
    assert!(!letters.contains("+"));
}
