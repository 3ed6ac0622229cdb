//! What is drawn: at all sizes, safely, without colours, and as it was approved.

use super::*;
use crate::tui::core::action::rows;

#[test]
fn every_size_is_drawn_without_a_panic() {
    let (mut app, runs) = opened((140, 40), 30);
    for columns in 1..=70 {
        for rows in 1..=26 {
            feed(&mut app, Msg::Resize { columns, rows }, &runs);
            screen(&app, &theme());
            app.help = Some(crate::tui::widgets::help::Help::default());
            screen(&app, &theme());
            app.help = None;
        }
    }
}

/// The terminal shrinks after the last message and before the frame.
#[test]
fn a_frame_that_is_smaller_than_known_is_left_empty() {
    let (mut app, runs) = opened((140, 40), 30);
    for walk in ["space j space", "3 ]", "enter", "esc 2 C", "]", "]", "]", "?"] {
        keys(&mut app, walk, &runs);
        for (columns, rows) in [(139, 40), (140, 39), (60, 12), (5, 2)] {
            let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
            let mut pictures = Pictures::default();
            pictures.prepare(&app);
            terminal.draw(|frame| draw(&app, &pictures, &theme(), frame)).unwrap();
            let is_blank = |cell: &ratatui::buffer::Cell| cell.symbol() == " ";
            assert!(terminal.backend().buffer().content().iter().all(is_blank), "{walk} {columns}x{rows}");
        }
    }
}

#[test]
fn nothing_unsafe_reaches_the_screen() {
    let (app, _) = opened((140, 60), 30);
    let terminal = screen(&app, &theme());
    for cell in terminal.backend().buffer().content() {
        assert!(!cell.symbol().chars().any(|c| c.is_control() || c == '\u{202e}'), "{:?}", cell.symbol());
    }
    assert!(terminal.backend().to_string().contains("^[[1m<202e>x"), "and can be told from others");
}

#[test]
fn colour_and_glyph_tell_the_status() {
    let (mut app, _) = opened((140, 40), 30);
    let terminal = screen(&app, &theme());
    let buffer = terminal.backend().buffer();
    let colour_of =
        |symbol: &str| buffer.content().iter().find(|cell| cell.symbol() == symbol).map(|cell| cell.fg);
    assert_eq!(colour_of("✗"), Some(ratatui::style::Color::Red));
    assert_eq!(colour_of("✓"), Some(ratatui::style::Color::Green));
    app.glyphs = Glyphs::Ascii;
    take(&mut app, Msg::Frame);
    let plain = screen(&app, &Theme::new(false, Palette::Auto, TERMINAL, Glyphs::Ascii));
    let buffer = plain.backend().buffer();
    assert!(
        buffer
            .content()
            .iter()
            .all(|cell| cell.fg == ratatui::style::Color::Reset && cell.bg == ratatui::style::Color::Reset)
    );
    let text = plain.backend().to_string();
    assert!(text.contains("! Failed") && text.contains("F Finished") && text.contains("R Running"), "{text}");
    let names: Vec<char> = text.chars().filter(|c| !c.is_ascii()).collect();
    assert!(names.iter().all(|c| "日本語\u{1f680}".contains(*c)), "only names are not ASCII: {names:?}");
}

/// The sizes of terminals that people have.
const SIZES: [(u16, u16); 5] = [(240, 60), (200, 50), (120, 36), (80, 24), (60, 20)];

/// The screens that people meet, at the sizes that they have.
#[test]
fn screens() {
    for size in SIZES {
        let name = format!("{}x{}", size.0, size.1);
        let (mut app, runs) = opened(size, 30);
        keys(&mut app, "s j", &runs);
        insta::assert_snapshot!(format!("runs-{name}"), screen(&app, &theme()).backend());
        keys(&mut app, "?", &runs);
        insta::assert_snapshot!(format!("help-{name}"), screen(&app, &theme()).backend());
    }
}

/// What is seen where there is nothing yet, or nothing at all.
#[test]
fn screens_without_runs() {
    for size in SIZES {
        let name = format!("{}x{}", size.0, size.1);
        let loading = app(size);
        insta::assert_snapshot!(format!("loading-{name}"), screen(&loading, &theme()).backend());
        let mut empty = app(size);
        feed(
            &mut empty,
            experiments::Msg::Listed {
                result: Ok((vec![experiment("0", "Default")], None)),
                retry_ms: 2_000,
            },
            &[],
        );
        feed(&mut empty, experiments::Msg::Counted(Some(HashMap::new())), &[]);
        insta::assert_snapshot!(format!("empty-store-{name}"), screen(&empty, &theme()).backend());
        let (nothing, _) = opened(size, 0);
        insta::assert_snapshot!(format!("empty-experiment-{name}"), screen(&nothing, &theme()).backend());
        let mut failing = app(size);
        let error = StoreError::new(
            "list experiments",
            ErrorKind::Unreachable("http://host: connection refused".into()),
        );
        feed(&mut failing, experiments::Msg::Listed { result: Err(error), retry_ms: 2_000 }, &[]);
        insta::assert_snapshot!(format!("failed-{name}"), screen(&failing, &theme()).backend());
    }
}

/// What stands over the panes: each kind once, with its keys.
#[test]
fn overlays() {
    let overlays = [
        ("prompt", "f b a d space ("),
        ("completions", "f m e t"),
        ("leaderboard", "L"),
        ("group", "g b"),
        ("views", "W"),
        ("statistics", "e"),
        ("note", "n h i"),
        ("export", "E"),
        ("picker", "c down down space"),
        ("question", "space j space D"),
        ("report", "w"),
        ("choose-by", "m"),
        ("marks", "ctrl-b"),
        ("tags", "t"),
        ("palette", ": s o r t"),
        ("plan", "ctrl-t enter i r i s down"),
        ("sweeps", "g s"),
        ("help-of-sweeps", "g s ?"),
        ("search", "/ c a l m"),
    ];
    for (name, script) in overlays {
        let (mut app, runs) = opened((100, 30), 12);
        keys(&mut app, script, &runs);
        insta::assert_snapshot!(format!("overlay-{name}"), screen(&app, &theme()).backend());
        // At every size: nothing that was seen at one is lost outside of the screen at another.
        for size in SIZES {
            feed(&mut app, Msg::Resize { columns: size.0, rows: size.1 }, &runs);
            let drawn = screen(&app, &theme());
            insta::assert_snapshot!(format!("overlay-{name}-{}x{}", size.0, size.1), drawn.backend());
        }
    }
}

/// The tabs of a run, and what is asked and told of runs and experiments.
#[test]
fn details_and_questions() {
    let scripts = [
        ("overview", "3 ]"),
        ("metrics", "3 ] ]"),
        ("params", "3 ] ] ]"),
        ("run-tags", "3 ] ] ] ]"),
        ("artifacts", "3 ] ] ] ] ]"),
        ("run-data-sets", "3 ] ] ] ] ] ]"),
        ("children", "g t 2 g g D"),
        ("messages", "g m"),
        ("end-run", "j j g e"),
        ("profiles", "P"),
        ("save-file", "3 ] ] ] ] ] j g w"),
        ("new-experiment", "1 N"),
        ("note-of-experiment", "1 n"),
        ("delete-experiment", "1 D"),
    ];
    for size in SIZES {
        for (name, script) in scripts {
            let mut runs: Vec<Run> = (0..12).map(run).collect();
            for run in &mut runs[8..11] {
                run.tags.push(Tag::new("mlflow.parentRunId", format!("{:032x}", 11)));
            }
            let mut app = opened_with(size, &runs);
            app.say("saved 1.2 kB as /data/runs.csv");
            app.profiles = vec![
                ("lab".into(), "http://mlflow.lab:5000".into()),
                ("cluster".into(), "postgresql://ana@db.cluster.example.org:5432/mlflow".into()),
            ];
            keys(&mut app, script, &runs);
            insta::assert_snapshot!(
                format!("{name}-{}x{}", size.0, size.1),
                screen(&app, &theme()).backend()
            );
        }
    }
}

/// The colour of the first cell of words on the screen.
/// How to leave the details and that there are more tabs is seen on the smallest screens.
#[test]
fn small_screens_say_how_to_go_on() {
    for size in [(80, 24), (60, 20)] {
        for tabs in 0..8 {
            let (mut app, runs) = opened(size, 12);
            keys(&mut app, &format!("3{}", " ]".repeat(tabs)), &runs);
            let text = drawn(&app);
            let hints = text.lines().last().unwrap();
            assert!(hints.contains("esc back") && hints.contains("] next"), "{text}");
        }
        let (mut app, runs) = opened(size, 12);
        keys(&mut app, "?", &runs);
        let text = drawn(&app);
        assert!(text.contains("esc closes"), "{text}");
    }
    let (mut app, runs) = opened((60, 20), 12);
    keys(&mut app, "3", &runs);
    let title = |app: &App| drawn(app).lines().find(|line| line.contains("┏ 3 ")).unwrap().to_owned();
    assert!(title(&app).contains(" …"), "{}", title(&app));
    keys(&mut app, "[", &runs);
    assert!(title(&app).contains(" 3 … "), "{}", title(&app));
}

fn colour_of(app: &App, words: &str) -> Option<ratatui::style::Color> {
    let terminal = screen(app, &theme());
    let buffer = terminal.backend().buffer();
    let width = buffer.area.width as usize;
    let rows = buffer.content().chunks(width);
    let starts = rows.flat_map(|row| (0..width).map(move |at| &row[at..]));
    let spells = |cells: &&[ratatui::buffer::Cell]| {
        let symbols = cells.iter().map(ratatui::buffer::Cell::symbol);
        symbols.take(words.chars().count()).collect::<String>() == words
    };
    starts.into_iter().find(spells).map(|cells| cells[0].fg)
}

#[test]
fn colour_tells_what_is_good_and_what_is_wrong() {
    use ratatui::style::Color;
    let (mut app, runs) = opened((120, 36), 12);
    assert_eq!(colour_of(&app, "● live"), Some(Color::Green));
    assert_eq!(colour_of(&app, "★ best:"), Some(Color::Green));
    keys(&mut app, "p", &runs);
    let paused = format!("{} paused", theme().glyphs.paused);
    assert_eq!(colour_of(&app, &paused), Some(Color::Yellow));
    keys(&mut app, "p f ( ( (", &runs);
    assert_eq!(colour_of(&app, "^ "), Some(Color::Red), "what is wrong with a filter");
    keys(&mut app, "esc", &runs);
    let error = StoreError::new("refresh", ErrorKind::Unreachable("http://host: refused".into()));
    let ticket = app.runs.newest.ticket();
    feed(&mut app, runs::Msg::PollFailed { ticket, error, retry_ms: 4_000 }, &runs);
    let stale = format!("{} stale", theme().glyphs.failing);
    assert_eq!(colour_of(&app, &stale), Some(Color::Red));
    assert_eq!(colour_of(&app, "cannot refresh"), Some(Color::Red));
}

/// The table of keys, from the rows of the actions.
fn key_table() -> String {
    let mut table = String::from("| keys | what they do | name |\n| --- | --- | --- |\n");
    for row in rows() {
        let keys: Vec<String> = row.keys.iter().map(|keys| format!("`{keys}`")).collect();
        table.push_str(&format!("| {} | {} | `{}` |\n", keys.join(", "), row.help, row.name));
    }
    table
}

#[test]
fn the_docs_show_the_keys_as_they_are() {
    crate::documents::check("docs/keys.md", "keys", &key_table());
}

/// tmux and screen take their prefix for themselves, and a terminal stops and goes on by keys of its own.
#[test]
fn the_first_key_of_an_action_is_nobody_elses() {
    for row in rows() {
        let first = row.keys.first().copied().unwrap_or_default();
        let is_taken = first.split(' ').any(|key| ["ctrl-b", "ctrl-a", "ctrl-s", "ctrl-q"].contains(&key));
        assert!(!is_taken, "{}: {first}", row.name);
    }
}

/// What is only read is closed by the key that leaves the program elsewhere.
#[test]
fn q_closes_what_lies_over_the_screen() {
    for script in ["2 w", "2 g m", "g s", "2 j space D", "?", "2 w ?"] {
        let (mut app, runs) = opened((120, 36), 12);
        app.say("something");
        keys(&mut app, script, &runs);
        assert!(app.overlay.is_some() || app.help.is_some(), "{script}");
        while app.overlay.is_some() || app.help.is_some() {
            let before = (app.overlay.is_some(), app.help.is_some());
            keys(&mut app, "q", &runs);
            assert!(!app.quitting, "{script}");
            assert_ne!((app.overlay.is_some(), app.help.is_some()), before, "{script}");
        }
        keys(&mut app, "q", &runs);
        assert!(app.quitting, "{script}");
    }
}

#[test]
fn who_hesitates_sees_how_keys_go_on() {
    let (mut app, runs) = opened((120, 36), 3);
    keys(&mut app, "2 g", &runs);
    assert!(!drawn(&app).contains("show runs as a tree"), "nobody is disturbed who knows");
    let later = app.now + 300;
    update(&mut app, Msg::Tick.at(later));
    let text = drawn(&app);
    for line in ["g … ", "t show runs as a tree", "s sweep progress", "g to the first row"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("g w"), "{text}");
    keys(&mut app, "g", &runs);
    assert!(!drawn(&app).contains("show runs as a tree"));
    assert_eq!(app.runs.cursor.at, 0);
    for (columns, rows) in [(240, 60), (200, 50), (120, 36), (80, 24), (60, 20), (30, 8)] {
        let (mut app, runs) = opened((columns, rows), 3);
        keys(&mut app, "2 g", &runs);
        let later = app.now + 300;
        update(&mut app, Msg::Tick.at(later));
        insta::assert_snapshot!(format!("keys-{columns}x{rows}"), screen(&app, &theme()).backend());
    }
}
