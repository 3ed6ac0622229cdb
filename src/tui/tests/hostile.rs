//! Names, values and messages that want to harm the terminal or to look like others, on every screen.

use super::*;
use crate::sweep::progress::SweepStatus;
use crate::text::is_hidden;
use crate::tui::core::action::rows;

const HOSTILE: &str = "\u{1b}[31m\u{9b}2J\u{202e}\u{200b}\u{ad}\u{3164}\n\u{feff}e\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}\u{301}";

fn hostile(word: &str) -> String {
    format!("{word}{HOSTILE}")
}

/// Runs with such a text wherever a store keeps one.
fn runs() -> Vec<Run> {
    let mut runs: Vec<Run> = (0..5).map(run).collect();
    for run in &mut runs {
        let info = &mut run.info;
        for text in [&mut info.run_name, &mut info.user_id, &mut info.artifact_uri] {
            *text = hostile(text);
        }
        run.metrics.iter_mut().for_each(|metric| metric.key = hostile(&metric.key));
        run.params = run.params.iter().map(|p| Param::new(hostile(&p.key), hostile(&p.value))).collect();
        run.tags = run.tags.iter().map(|tag| Tag::new(hostile(&tag.key), hostile(&tag.value))).collect();
        run.tags.push(Tag::new("mlflow.note.content", HOSTILE));
    }
    runs
}

fn explorer(runs: &[Run]) -> App {
    let mut app = app((150, 40));
    app.store = hostile("sqlite:///");
    app.profiles = vec![(hostile("prod"), hostile("http://host"))];
    let experiments = vec![experiment("1", &hostile("wine")), experiment("2", &hostile("beer"))];
    feed(
        &mut app,
        experiments::Msg::Listed { result: Ok((experiments, Some("1".into()))), retry_ms: 2_000 },
        runs,
    );
    let ticket = app.details.artifacts.folders_mut().entry(String::new()).or_default().ask();
    let file = ArtifactFile { path: hostile("model"), is_dir: false, file_size: Some(7) };
    let id = runs[4].info.run_id.clone();
    feed(
        &mut app,
        details::Msg::Artifacts {
            run: id,
            path: String::new(),
            ticket,
            result: Ok(ArtifactList { files: vec![file], is_cut: false }),
        },
        runs,
    );
    feed(&mut app, Msg::Announcement(hostile("said")), runs);
    app
}

/// What is wrong on the screen, and how it was come to.
fn wrong(app: &App, script: &str) -> Vec<String> {
    let terminal = screen(app, &theme());
    let symbols = terminal.backend().buffer().content().iter().map(ratatui::buffer::Cell::symbol);
    let is_wrong = |symbol: &&str| symbol.chars().any(is_hidden) || symbol.chars().count() > 8;
    symbols.filter(is_wrong).map(|symbol| format!("{script}: {symbol:?}")).collect()
}

#[test]
fn no_text_from_outside_reaches_the_screen_as_it_is() {
    let runs = runs();
    let keymap = Keymap::defaults();
    let compared = "space j space C";
    let pressed: Vec<&str> = rows().filter_map(|row| keymap.keys_of(row.action).first().copied()).collect();
    let places = ["", "3 ]", compared];
    let mut scripts: Vec<String> =
        places.iter().flat_map(|place| pressed.iter().map(move |key| format!("{place} {key} j"))).collect();
    let tabs = (1..=6).map(|tab| format!("3{} j", " ]".repeat(tab)));
    let plots = (1..=3).map(|tab| format!("{compared}{} j l j k", " ]".repeat(tab)));
    scripts.extend(tabs.chain(plots).chain(["1 j".into()]));
    let (mut seen, mut found) = (String::new(), Vec::new());
    for script in scripts {
        let mut app = explorer(&runs);
        keys(&mut app, script.trim(), &runs);
        found.extend(wrong(&app, &script));
        seen = drawn(&app);
    }
    assert!(seen.contains("wine^[[31m<9b>2J<202e><200b><ad><3164>"));
    let mut app = explorer(&runs);
    let error = StoreError::new(hostile("read"), ErrorKind::Io(hostile("disk")));
    let ticket = app.runs.newest.ticket();
    feed(&mut app, runs::Msg::PollFailed { ticket, error, retry_ms: 1_000 }, &runs);
    found.extend(wrong(&app, "a failure"));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn what_leaves_the_screen_as_a_picture_or_a_page_is_well_formed() {
    let runs = runs();
    for (script, form) in [("3", "svg"), ("", "markdown"), ("1", "markdown"), ("3 ]", "json")] {
        let mut app = explorer(&runs);
        keys(&mut app, script, &runs);
        keys(&mut app, "E", &runs);
        let words: Vec<String> = format!("copy as {form}")
            .chars()
            .map(|c| if c == ' ' { "space".into() } else { c.to_string() })
            .collect();
        keys(&mut app, &words.join(" "), &runs);
        let effects = take(&mut app, Msg::Key(parse_keys("enter").unwrap()[0]));
        let copied = effects.iter().find_map(|effect| match effect {
            Effect::Shell(Shell::Copy(text)) => Some(text),
            _ => None,
        });
        let text = copied.unwrap();
        assert!(!text.chars().any(|c| c != '\n' && is_hidden(c)), "{text:?}");
        match form {
            "svg" => drop(roxmltree::Document::parse(text).unwrap()),
            "json" => drop(serde_json::from_str::<serde_json::Value>(text).unwrap()),
            _ => assert!(text.lines().all(|line| line.starts_with("| ") && line.ends_with(" |")), "{text}"),
        }
    }
}

#[test]
fn what_other_machines_call_themselves_is_cleaned_in_the_list_of_sweeps() {
    let runs = runs();
    let mut app = explorer(&runs);
    let mut sweep = super::sweeping::progress(&app, SweepStatus::Elsewhere);
    for text in [&mut sweep.name, &mut sweep.metric, &mut sweep.experiment_name] {
        *text = hostile(text);
    }
    (sweep.host, sweep.damage) = (Some(HOSTILE.into()), Some(HOSTILE.into()));
    feed(&mut app, sweeps::Msg::Progress { list: vec![sweep], unread: vec![HOSTILE.into()] }, &runs);
    keys(&mut app, "g s", &runs);
    assert!(drawn(&app).contains("Sweeps"), "{}", drawn(&app));
    assert_eq!(wrong(&app, "g s"), [""; 0]);
}
