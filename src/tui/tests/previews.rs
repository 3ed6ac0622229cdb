//! Files of a run that are looked into: tables, texts in colour, images by step.

use ratatui::style::{Modifier, Style};

use super::*;
use crate::tui::core::layout::Tab;
use crate::tui::features::details::preview::{FilePart, LARGEST};

/// An explorer on the artifacts of a run, with these in a folder of it.
fn artifacts(size: (u16, u16), folder: &str, names: &[&str]) -> (App, Vec<Run>) {
    let (mut app, runs) = opened(size, 3);
    keys(&mut app, "3 z", &runs);
    while app.details.tab != Tab::Artifacts {
        keys(&mut app, "]", &runs);
    }
    let run = app.details.shown_run().unwrap().clone();
    let file = |path: String, is_dir| ArtifactFile { path, is_dir, file_size: (!is_dir).then_some(1_234) };
    let mut listed = |path: &str, files: Vec<ArtifactFile>| {
        let ticket = app.details.artifacts.folders_mut().entry(path.to_owned()).or_default().ask();
        let result = Ok(ArtifactList { files, is_cut: false });
        feed(
            &mut app,
            details::Msg::Artifacts { run: run.clone(), path: path.into(), ticket, result },
            &runs,
        );
    };
    if folder.is_empty() {
        listed("", names.iter().map(|name| file((*name).to_owned(), false)).collect());
    } else {
        listed("", vec![file(folder.to_owned(), true)]);
        listed(folder, names.iter().map(|name| file(format!("{folder}/{name}"), false)).collect());
        keys(&mut app, "enter", &runs);
    }
    (app, runs)
}

/// The file under the cursor is looked into, and holds this.
fn look_into(app: &mut App, content: &[u8]) {
    let effects = take(app, Msg::Key(parse_keys("enter").unwrap()[0]));
    answer_preview(app, effects, content);
}

fn answer_preview(app: &mut App, effects: Vec<Effect>, content: &[u8]) {
    for effect in effects {
        let Effect::Details(details::effects::Effect::Preview { id, path, part, ticket }) = effect else {
            continue;
        };
        let result = Ok(match part {
            FilePart::Beginning if content.len() > LARGEST => {
                Preview::of_beginning(&path, content[..LARGEST].to_vec(), "")
            }
            FilePart::Beginning => Preview::of(&path, content.to_vec()),
            FilePart::End => Preview::of_end(&path, content[content.len() - LARGEST..].to_vec()),
        });
        take(app, details::Msg::Preview { run: id, path, ticket, result });
    }
    take(app, Msg::Frame);
}

/// The style of the first letter of words on the screen.
fn style_of(app: &App, theme: &Theme, words: &str) -> Style {
    let (x, y) = place(app, words);
    screen(app, theme).backend().buffer()[(x as u16, y as u16)].style()
}

fn wide_csv() -> String {
    let titles = (0..12).map(|at| format!("column_{at}")).collect::<Vec<_>>().join(",");
    let row = |row: usize| (0..12).map(|at| format!("{}", row * 100 + at)).collect::<Vec<_>>().join(",");
    let rows: Vec<String> = (0..50).map(|at| format!("row {at},{}\n", row(at))).collect();
    format!("name,{titles}\n{}", rows.concat())
}

#[test]
fn words_are_found_in_a_file_that_is_looked_into() {
    let (mut app, runs) = artifacts((120, 36), "", &["a.log", "scores.csv"]);
    let lines =
        (0..500).map(|at| if at % 100 == 90 { format!("Error {at}\n") } else { format!("step {at}\n") });
    look_into(&mut app, lines.collect::<String>().as_bytes());
    keys(&mut app, "/ e r r", &runs);
    let text = drawn(&app);
    assert!(text.contains("/err") && text.contains("1 of 5 lines") && text.contains("Error 90"), "{text}");
    let theme = theme();
    assert_eq!(style_of(&app, &theme, "Error 90").bg, theme.selection.bg);
    keys(&mut app, "down down", &runs);
    assert!(drawn(&app).contains("Error 290") && drawn(&app).contains("3 of 5 lines"), "{}", drawn(&app));
    keys(&mut app, "up up up", &runs);
    assert!(drawn(&app).contains("Error 490"), "round: {}", drawn(&app));
    // What was found stays where it is; esc forgets the words, then closes the file.
    keys(&mut app, "enter esc", &runs);
    assert!(drawn(&app).contains("Error 490") && app.details.artifacts.preview.is_some());
    keys(&mut app, "/ E R R", &runs);
    assert!(drawn(&app).contains("no line holds that"), "{}", drawn(&app));
    keys(&mut app, "esc esc", &runs);
    assert!(app.details.artifacts.preview.is_none());
    // Among the files the cursor goes to what is found.
    keys(&mut app, "/ s c o", &runs);
    assert_eq!(app.details.artifacts.path(app.details.cursor.at), Some("scores.csv"));
    keys(&mut app, "esc", &runs);
    assert_eq!(app.details.cursor.at, 0, "back where it began");
    // Words of the tree do not follow into a file; what is beside the screen is scrolled to, and back.
    keys(&mut app, "/ a . enter", &runs);
    let long = (0..300).map(|at| format!("line {at} {} needle {at}\n", "-".repeat(300)));
    look_into(&mut app, long.collect::<String>().as_bytes());
    keys(&mut app, "ctrl-d ctrl-d ctrl-d", &runs);
    let before = drawn(&app);
    keys(&mut app, "/ n e e d l e space 2 0 0", &runs);
    let text = drawn(&app);
    assert!(text.contains("/needle 200") && text.contains("1 of 1 line"), "{text}");
    assert_eq!(text.matches("needle 200").count(), 2, "{text}");
    keys(&mut app, "esc", &runs);
    assert_eq!(drawn(&app), before);
}

#[test]
fn n_leads_from_one_place_that_was_found_to_the_next() {
    let (mut app, runs) = artifacts((120, 36), "", &["a.log"]);
    let lines =
        (0..500).map(|at| if at % 100 == 90 { format!("Error {at}\n") } else { format!("step {at}\n") });
    look_into(&mut app, lines.collect::<String>().as_bytes());
    keys(&mut app, "/ e r r enter n n", &runs);
    let text = drawn(&app);
    assert!(text.contains("Error 290") && text.contains("3 of 5 lines"), "{text}");
    assert!(text.contains("n next") && text.contains("N previous"), "{text}");
    keys(&mut app, "N", &runs);
    assert!(drawn(&app).contains("2 of 5 lines"), "{}", drawn(&app));
    // Where nothing is searched any more, n writes a note as before.
    keys(&mut app, "esc", &runs);
    assert!(!drawn(&app).contains("n next"), "{}", drawn(&app));
    keys(&mut app, "n", &runs);
    assert!(drawn(&app).contains("Note"), "{}", drawn(&app));
    // Among the lines of a tab too.
    keys(&mut app, "esc esc", &runs);
    while app.details.tab != Tab::Params {
        keys(&mut app, "]", &runs);
    }
    keys(&mut app, "/ r enter n", &runs);
    assert!(drawn(&app).contains("2 of 2 lines") && app.overlay.is_none(), "{}", drawn(&app));
}

#[test]
fn a_key_says_why_it_does_nothing_where_it_is_pressed() {
    let (mut app, runs) = artifacts((100, 30), "", &["README.md"]);
    look_into(&mut app, "one line\n".repeat(40_000).as_bytes());
    keys(&mut app, "v", &runs);
    assert!(drawn(&app).contains("this Markdown file is too long to be laid out"), "{}", drawn(&app));
    app.read_only = true;
    keys(&mut app, "esc 2 n", &runs);
    assert!(drawn(&app).contains("the store is opened read-only"), "{}", drawn(&app));
    app.read_only = false;
    let (mut app, runs) = opened((100, 30), 0);
    keys(&mut app, "v", &runs);
    assert!(!drawn(&app).contains("Markdown"), "{}", drawn(&app));
}

#[test]
fn a_readme_is_a_page_and_its_source_is_a_key_away() {
    let (mut app, runs) = artifacts((100, 30), "", &["README.md", "other.txt"]);
    let source = "---\ntags: [a]\n---\n# Model card\n\nOne **bold**\nline.\n\n- an entry\n\n| a | b |\n|---|---|\n| 1 | 2 |\n";
    look_into(&mut app, source.as_bytes());
    let text = drawn(&app);
    assert!(text.contains("Model card") && !text.contains("# Model card"), "{text}");
    assert!(text.contains("One bold line.") && text.contains("• an entry"), "{text}");
    assert!(text.contains("tags: [a]") && text.contains("v source"), "{text}");
    keys(&mut app, "v", &runs);
    let text = drawn(&app);
    assert!(
        text.contains("# Model card") && text.contains("One **bold**") && text.contains("| a | b |"),
        "{text}"
    );
    keys(&mut app, "v / e n t r y", &runs);
    let text = drawn(&app);
    assert!(text.contains("1 of 1 line") && text.contains("• an entry"), "{text}");
    keys(&mut app, "enter", &runs);
    // As wide as there is room.
    feed(&mut app, Msg::Resize { columns: 60, rows: 20 }, &runs);
    assert!(drawn(&app).contains("• an entry"), "{}", drawn(&app));
    // What is no page has no source, and what is too long for one is shown as it is.
    keys(&mut app, "esc esc j", &runs);
    look_into(&mut app, b"# text");
    keys(&mut app, "v", &runs);
    assert!(drawn(&app).contains("# text"), "{}", drawn(&app));
    let (mut app, _) = artifacts((100, 30), "", &["README.md"]);
    look_into(&mut app, format!("# Long\n\n{}", "words and words\n".repeat(20_000)).as_bytes());
    assert!(drawn(&app).contains("# Long"), "{}", drawn(&app));
}

#[test]
fn of_a_large_log_the_end_is_a_key_away() {
    let (mut app, _) = artifacts((120, 36), "", &["train.log", "notes.txt"]);
    let lines = |from: usize| (from..from + 400_000).map(|at| format!("epoch {at} of them\n"));
    let content: String = lines(0).collect();
    look_into(&mut app, content.as_bytes());
    let text = drawn(&app);
    assert!(
        text.contains("the first 8.0 MB") && text.contains("epoch 0 of them") && !text.contains('%'),
        "{text}"
    );
    let effects = take(&mut app, Msg::Key(parse_keys("G").unwrap()[0]));
    answer_preview(&mut app, effects, content.as_bytes());
    let text = drawn(&app);
    assert!(text.contains("the last 8.0 MB") && text.contains("epoch 399999 of them"), "{text}");
    for _ in 0..2 {
        let effects = take(&mut app, Msg::Key(parse_keys("home").unwrap()[0]));
        answer_preview(&mut app, effects, content.as_bytes());
    }
    assert!(drawn(&app).contains("epoch 0 of them"));
}

#[test]
fn tables_are_drawn_at_all_sizes_as_approved() {
    for (columns, rows) in [(240, 60), (200, 50), (120, 36), (80, 24), (60, 20)] {
        let (mut app, runs) = artifacts((columns, rows), "", &["wide.csv", "notes.txt"]);
        look_into(&mut app, wide_csv().as_bytes());
        keys(&mut app, "j j j l l", &runs);
        insta::assert_snapshot!(format!("table-{columns}x{rows}"), drawn(&app));
    }
}

#[test]
fn the_titles_of_a_table_stay_and_its_last_row_is_reached() {
    let (mut app, runs) = artifacts((80, 24), "", &["wide.csv"]);
    look_into(&mut app, wide_csv().as_bytes());
    keys(&mut app, "G", &runs);
    let text = drawn(&app);
    assert!(text.contains("name") && text.contains("row 49") && !text.contains("row 0 "), "{text}");
    assert!(text.contains("50 rows, columns 1-") && text.contains(" 100% "), "{text}");
    keys(&mut app, "l l l l l l l l l l l l l l l", &runs);
    let text = drawn(&app);
    assert!(text.contains("4911") && !text.contains("name") && text.contains("-13 of 13"), "{text}");
    keys(&mut app, "h h h h h h h h h h h h h h h g g", &runs);
    assert!(drawn(&app).contains("row 0 "), "{}", drawn(&app));
    assert_eq!(app.details.tab, Tab::Artifacts);
    keys(&mut app, "esc l", &runs);
    assert_eq!(app.details.tab, Tab::Datasets, "without a file it leads to the next tab again");
}

#[test]
fn the_last_line_of_a_text_and_what_is_right_of_the_screen_are_reached() {
    let (mut app, runs) = artifacts((60, 20), "", &["train.log"]);
    let lines: Vec<String> = (0..99).map(|at| format!("line {at} {} end{at}\n", "w".repeat(90))).collect();
    look_into(&mut app, lines.concat().as_bytes());
    keys(&mut app, "G", &runs);
    let text = drawn(&app);
    assert!(text.contains("line 98") && !text.contains("end98"), "{text}");
    keys(&mut app, "l l l l l l l l", &runs);
    let text = drawn(&app);
    assert!(text.contains("w end98") && text.contains("from character"), "{text}");
}

#[test]
fn why_nothing_is_to_be_seen_is_said_whole() {
    let (mut app, _) = artifacts((60, 20), "", &["a.parquet"]);
    look_into(&mut app, b"PAR1 and something else");
    let text = drawn(&app);
    let words: Vec<&str> =
        text.split_whitespace().filter(|word| word.chars().any(char::is_alphanumeric)).collect();
    let words = words.join(" ");
    assert!(words.contains("not a readable Parquet file: ") && words.contains("Corrupt footer"), "{words}");
}

#[test]
fn words_of_a_file_have_the_colours_of_the_theme() {
    let (mut app, _) = artifacts((100, 30), "", &["train.log"]);
    look_into(&mut app, b"2026-11-23 12:00:01 ERROR out of memory\n12:00:02 WARNING slow\n");
    let colored = theme();
    let fg = |words: &str| style_of(&app, &colored, words).fg;
    assert_eq!(fg("ERROR"), colored.bad.fg);
    assert_eq!(fg("WARNING"), colored.warn.fg);
    assert_eq!(fg("2026-11-23"), colored.dim.fg);
    let mono = Theme::new(false, Palette::Auto, TERMINAL, Glyphs::Unicode);
    let marked = |words: &str| style_of(&app, &mono, words).add_modifier;
    assert!(marked("ERROR").contains(Modifier::BOLD) && marked("2026-11-23").contains(Modifier::DIM));
    let cells = screen(&app, &mono);
    let has_color = |cell: &ratatui::buffer::Cell| cell.fg != ratatui::style::Color::Reset;
    assert!(!cells.backend().buffer().content().iter().any(has_color));
}

#[test]
fn images_are_listed_by_key_and_step_and_stepped_through() {
    let name = |key: &str, step: usize| format!("{key}+step+{step}+timestamp+{}+8f0a-11{step}", NOW - 60_000);
    let mut names = Vec::new();
    for step in [0, 10, 5] {
        names.extend([
            format!("{}+compressed.webp", name("dogs", step)),
            format!("{}.png", name("dogs", step)),
        ]);
    }
    names.push(format!("{}.png", name("val~cats", 5)));
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (mut app, runs) = artifacts((100, 30), "images", &names);
    insta::assert_snapshot!("images-100x30", drawn(&app));
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(8, 8).write_to(&mut png, image::ImageFormat::Png).unwrap();
    keys(&mut app, "j j", &runs);
    look_into(&mut app, png.get_ref());
    let text = drawn(&app);
    assert!(text.contains("val/cats step 5  1.2 kB"), "its name is whole beside the file: {text}");
    assert!(text.contains("dogs step 5  2 of 3 (h, l), PNG, 8 x 8 pixels"), "{text}");
    let mut press = |key: &str| {
        let effects = take(&mut app, Msg::Key(parse_keys(key).unwrap()[0]));
        answer_preview(&mut app, effects, png.get_ref());
        drawn(&app)
    };
    assert!(press("l").contains("dogs step 10  3 of 3"));
    assert!(press("l").contains("this is the last of 3 images"));
    assert!(press("h").contains("dogs step 5  2 of 3"));
    assert!(press("left").contains("dogs step 0  1 of 3"));
    assert!(press("h").contains("this is the first of 3 images"));
    assert_eq!(app.details.cursor.at, 1, "the cursor of the tree goes along");
}

#[test]
fn images_in_half_blocks_at_all_sizes() {
    let mut pictures = [(300, 100), (90, 240)].map(|(width, height)| {
        let mut png = std::io::Cursor::new(Vec::new());
        let pixel = |x: u32, y: u32| image::Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, 90]);
        let image = image::RgbImage::from_fn(width, height, pixel);
        image.write_to(&mut png, image::ImageFormat::Png).unwrap();
        png.into_inner()
    });
    for size in [(240, 60), (200, 50), (120, 36), (80, 24), (60, 20)] {
        for (name, png) in ["wide", "tall"].into_iter().zip(&mut pictures) {
            let (mut app, _) = artifacts(size, "", &["plot.png"]);
            look_into(&mut app, png);
            let text = drawn(&app);
            assert!(text.contains('▀'), "{text}");
            insta::assert_snapshot!(format!("image-{name}-{}x{}", size.0, size.1), text);
        }
    }
}

#[test]
fn nothing_in_a_file_steers_the_terminal() {
    let hostile = "a\u{1b}[31m\u{9b}2J\u{202e}\u{200b},\"b\u{1b}]0;t\u{7}\nc\"\n1\u{301}\u{301},\u{1b}c\n";
    let json = r#"{"columns":["a\u001b[2J"],"data":[["\u202e\u0007"]]}"#;
    for (name, content) in
        [("a.csv", hostile), ("a.md", hostile), ("a.log", hostile), ("a.py", hostile), ("a.json", json)]
    {
        let (mut app, runs) = artifacts((60, 20), "", &[name]);
        look_into(&mut app, content.as_bytes());
        for moved in ["", "l", "l", "j"] {
            keys(&mut app, moved, &runs);
            let terminal = screen(&app, &theme());
            for cell in terminal.backend().buffer().content() {
                assert!(!cell.symbol().chars().any(crate::text::is_hidden), "{name}: {:?}", cell.symbol());
            }
        }
    }
}

#[test]
fn the_current_tab_is_seen_and_clicked_where_it_stands() {
    for width in [24, 40, 60, 80] {
        let (mut app, runs) = opened((width, 20), 3);
        keys(&mut app, "3 z", &runs);
        for tab in Tab::ALL {
            app.details.choose_tab(tab);
            let screen = drawn(&app);
            let line = screen.lines().nth(1).unwrap().to_owned();
            let at = line.find(tab.title()).unwrap_or_else(|| panic!("{width}: {tab:?} in {line}"));
            let cells = crate::text::width(&line[..at]) as u16;
            let area = app.geometry().details.unwrap();
            // The screen is quoted.
            let x = cells - 1;
            assert_eq!(details::view::tab_at(area, tab, x), Some(tab), "{width} {line}");
        }
    }
}
