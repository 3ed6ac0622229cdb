//! Each screen in each set of colours, in none, and in plain letters.

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::*;
use crate::tui::core::layer::{LAYERS, Layer};

/// Screens, by the keys that lead to them.
const SCREENS: [&str; 12] = [
    "s",
    "space j space j",
    "space j space 3",
    "space j space 3 enter",
    "3 ]",
    "3 ] ]",
    "space j space C",
    "space j j space C ]",
    "C ] ]",
    "C ] ] ]",
    "L",
    "?",
];

fn themes() -> [(&'static str, Theme); 4] {
    let rich = Abilities { truecolor: true, indexed: true, light: None };
    [
        ("dark", Theme::new(true, Palette::Dark, rich, Glyphs::Unicode)),
        ("light", Theme::new(true, Palette::Light, rich, Glyphs::Unicode)),
        ("16", theme()),
        ("none", Theme::new(false, Palette::Auto, rich, Glyphs::Unicode)),
    ]
}

/// Runs whose names are plain letters.
fn plain_runs() -> Vec<Run> {
    let mut runs: Vec<Run> = (0..12).map(run).collect();
    for (number, run) in runs.iter_mut().enumerate() {
        run.info.run_name = format!("calm-ibis-{number}");
    }
    runs
}

/// How bright people see a colour (WCAG 2).
fn luminance(color: (u8, u8, u8)) -> f64 {
    let part = |byte: u8| {
        let share = f64::from(byte) / 255.0;
        if share <= 0.040_45 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(color.0) + 0.7152 * part(color.1) + 0.0722 * part(color.2)
}

fn contrast(cell: &Cell, is_light: bool) -> Option<f64> {
    let rgb = |color, otherwise| match color {
        Color::Rgb(red, green, blue) => Some((red, green, blue)),
        Color::Reset => Some(otherwise),
        _ => None,
    };
    let (paper, ink) = if is_light { ((255, 255, 255), (0, 0, 0)) } else { ((0, 0, 0), (255, 255, 255)) };
    let (one, other) = (luminance(rgb(cell.fg, ink)?), luminance(rgb(cell.bg, paper)?));
    Some((one.max(other) + 0.05) / (one.min(other) + 0.05))
}

fn is_lit(cell: &Cell) -> bool {
    cell.bg != Color::Reset
        || cell.modifier.intersects(Modifier::REVERSED | Modifier::UNDERLINED | Modifier::BOLD)
}

fn row(buffer: &Buffer, y: u16) -> String {
    (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect()
}

#[test]
fn words_are_read_in_all_colours() {
    let runs = plain_runs();
    for script in SCREENS {
        let mut app = opened_with((120, 36), &runs);
        keys(&mut app, script, &runs);
        for (name, theme) in themes() {
            let terminal = screen(&app, &theme);
            let buffer = terminal.backend().buffer();
            for y in 0..buffer.area.height {
                for x in 0..buffer.area.width {
                    let cell = &buffer[(x, y)];
                    if !cell.symbol().chars().all(char::is_alphanumeric) {
                        continue;
                    }
                    assert!(
                        cell.fg == Color::Reset || cell.fg != cell.bg,
                        "{script} in {name}: {}",
                        row(buffer, y)
                    );
                    let contrast = contrast(cell, name == "light");
                    assert!(
                        contrast.is_none_or(|contrast| contrast >= 2.5),
                        "{script} in {name}: {contrast:?} of {} at {x} in {}",
                        cell.symbol(),
                        row(buffer, y)
                    );
                }
            }
        }
    }
}

#[test]
fn the_cursor_is_seen_in_all_colours() {
    let runs = plain_runs();
    for (name, theme) in themes() {
        let mut app = opened_with((120, 36), &runs);
        keys(&mut app, "j j", &runs);
        // In the pane with the keys, and in one without.
        for focus in ["2", "3"] {
            keys(&mut app, focus, &runs);
            let terminal = screen(&app, &theme);
            let buffer = terminal.backend().buffer();
            let lit = |run: &str| {
                let y = (0..buffer.area.height).find(|y| row(buffer, *y).contains(run)).unwrap();
                let line = row(buffer, y);
                let x = line[..line.find(run).unwrap()].chars().count() as u16;
                buffer[(x, y)].clone()
            };
            let (chosen, other) = (lit("calm-ibis-9 "), lit("calm-ibis-8 "));
            assert!(is_lit(&chosen) && !is_lit(&other), "{name} {focus}: {chosen:?} {other:?}");
        }
        keys(&mut app, "2", &runs);
        let terminal = screen(&app, &theme);
        let buffer = terminal.backend().buffer();
        let titles = (0..buffer.area.height).find(|y| row(buffer, *y).contains("val_rmse")).unwrap();
        let line = row(buffer, titles);
        let at = |word: &str| line[..line.find(word).unwrap()].chars().count() as u16;
        let (chosen, other) = (&buffer[(at("val_rmse"), titles)], &buffer[(at("family"), titles)]);
        assert_ne!(
            (chosen.fg, chosen.modifier),
            (other.fg, other.modifier),
            "{name}: the title of the column"
        );
        if theme.cross.bg.is_some() {
            let cell = &buffer[(at("val_rmse") + 2, titles + 1)];
            assert_eq!(Some(cell.bg), theme.cross.bg, "{name}: the column under the cursor");
        }
    }
}

#[test]
fn plain_letters_are_all_that_is_drawn_where_they_are_wanted() {
    let runs = plain_runs();
    for script in SCREENS {
        let mut app = opened_with((120, 36), &runs);
        app.glyphs = Glyphs::Ascii;
        keys(&mut app, script, &runs);
        let plain = screen(&app, &Theme::new(false, Palette::Auto, TERMINAL, Glyphs::Ascii));
        let buffer = plain.backend().buffer();
        for y in 0..buffer.area.height {
            assert!(row(buffer, y).is_ascii(), "{script}: {}", row(buffer, y));
        }
    }
}

#[test]
fn no_key_stands_twice_in_a_footer() {
    let runs = plain_runs();
    for script in SCREENS.into_iter().chain(["1", "g s", "M", "c", "f", "space D"]) {
        let mut app = opened_with((240, 60), &runs);
        keys(&mut app, script, &runs);
        let layer = app.layer();
        assert!(LAYERS.contains(&layer));
        let offered = app.offered(layer).filter(|(row, _)| !row.hint.is_empty());
        let mut known: Vec<String> = Vec::new();
        for (row, keys) in offered {
            assert!(
                !known.iter().any(|key| key == keys[0]),
                "{script}: {} of {} stands twice",
                keys[0],
                row.name
            );
            known.push(keys[0].to_owned());
        }
    }
    let mut app = opened_with((240, 60), &runs);
    assert_eq!(app.layer(), Layer::Panes);
    let text = drawn(&app);
    let footer = text.lines().last().unwrap();
    let order = [
        "enter details",
        "space select",
        "C compare",
        "b best",
        "B promote best",
        "s sort",
        "f filter",
        "/ search",
    ];
    let places: Vec<usize> = order.iter().map(|hint| footer.find(hint).expect(hint)).collect();
    assert!(places.is_sorted(), "what is used most comes first: {footer}");
    assert!(footer.trim_end_matches(['"', ' ']).ends_with("? help"), "{footer}");
    feed(&mut app, Msg::Resize { columns: 60, rows: 20 }, &runs);
    assert!(drawn(&app).lines().last().unwrap().contains("? help"));
}
