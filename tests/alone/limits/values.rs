//! Values that are too long: cut, and never written back.

use mltui::mlflow::{RunId, Tag};
use mltui::store::NewRun;

use super::measuring::measure;
use super::{CUT, block_on, open, run, with_runs};
use crate::support::flood::{ROOM, peak_of};
use crate::support::terminal::Terminal;

#[test]
fn a_tag_of_200_mb_is_cut_and_never_written_back() {
    let flood = with_runs(|_, sink| {
        sink.head(200, "")?;
        let (before, after) = ("\"tags\": [{\"key\": \"novel\", \"value\": \"", "\"}]");
        let run = run(7, &format!("{before}@{after}"));
        let (before, after) = run.split_once('@').unwrap();
        sink.send(format!("{{\"runs\": [{before}It begins. "))?;
        for _ in 0..200 {
            sink.send("x".repeat(1 << 20))?;
        }
        sink.send(format!("{after}]}}"))
    });
    let measured = measure(&flood.uri(), &["runs", "wine", "--json"], &[]);
    assert!(measured.code == 0 && measured.peak <= ROOM, "{} MB: {}", measured.peak, measured.said);
    let runs: serde_json::Value = serde_json::from_str(&measured.out).unwrap();
    let value = runs[0]["tags"]["novel"].as_str().unwrap();
    assert!(value.starts_with("It begins. xxx") && value.ends_with(CUT) && value.len() < 40_000);
    let store = open(&flood.uri());
    let before = flood.requests();
    let refused = block_on(store.set_tag(&RunId("7".into()), &Tag::new("novel", value))).unwrap_err();
    assert!(refused.to_string().contains("would lose the rest"), "{refused}");
    assert_eq!(flood.requests(), before, "nothing was sent");
}

#[test]
fn runs_with_more_text_than_there_is_room_for_are_shown_with_beginnings() {
    const RUNS: usize = 3_000;
    let flood = with_runs(|request, sink| {
        let body: serde_json::Value =
            serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        let size = body["max_results"].as_u64().unwrap() as usize;
        let from = body["page_token"].as_str().map_or(0, |token| token.parse().unwrap());
        let to = (from + size).min(RUNS);
        sink.head(200, "")?;
        sink.send("{\"runs\": [")?;
        for number in from..to {
            let tag =
                format!("\"tags\": [{{\"key\": \"novel\", \"value\": \"{number} {}\"}}]", "x".repeat(60_000));
            let comma = if number == from { "" } else { "," };
            sink.send(format!("{comma}{}", run(number, &tag)))?;
        }
        let next = if to < RUNS { to.to_string() } else { String::new() };
        sink.send(format!("], \"next_page_token\": \"{next}\"}}"))
    });
    let arguments = ["runs", "wine", "--columns", "tags.novel", "--csv"];
    let measured = measure(&flood.uri(), &arguments, &[]);
    assert!(measured.code == 0 && measured.peak <= ROOM, "{} MB: {}", measured.peak, measured.said);
    let values: Vec<&str> = measured.out.lines().skip(1).collect();
    assert_eq!(values.len(), RUNS);
    assert!(values.iter().all(|value| value.contains(" xxx") && value.contains(CUT)));
    // The explorer keeps several states of the table.
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(folder.path(), (120, 30), &["--tracking-uri", &flood.uri()], &[]);
    terminal.wait("all runs", |screen| screen.contains("3,000 runs") && screen.contains("live"));
    let peak = peak_of(terminal.process_id());
    assert!(peak <= ROOM, "{peak} MB");
    terminal.type_keys("q");
}

#[test]
fn values_in_a_file_that_are_too_long_are_cut_and_never_written_back() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:///{}", folder.path().join("mlflow.db").display());
    let store = open(&address);
    let id = block_on(async {
        let experiment = store.create_experiment("wine", &[]).await.unwrap();
        let new = NewRun {
            experiment_id: experiment,
            run_name: Some("hopeful-newt-7".into()),
            user_id: "ana".into(),
            start_time: 1_700_000_000_000,
            tags: vec![Tag::new("short", "é")],
        };
        // Others come first: what is behind them is read by columns.
        let later = NewRun { start_time: 1_700_000_001_000, ..new.clone() };
        let id = store.create_run(&new).await.unwrap().info.run_id;
        store.create_run(&later).await.unwrap();
        id
    });
    drop(store);
    let db = rusqlite::Connection::open(folder.path().join("mlflow.db")).unwrap();
    for (table, key, length) in
        [("tags", "novel", 200_000_000), ("params", "saga", 200_000_000), ("tags", "tale", 50_000)]
    {
        db.execute(
            &format!("INSERT INTO {table} (key, value, run_uuid) VALUES (?1, 'It begins. ' || printf('%.*c', {length}, 'x'), ?2)"),
            [key, id.as_str()],
        )
        .unwrap();
    }
    drop(db);
    for arguments in [
        &["runs", "wine", "--json"][..],
        &["runs", "wine", "--json", "--filter", "tags.tale LIKE 'It %'"],
        &["runs", "wine", "--json", "--filter", "params.saga != 'a'"],
        &["runs", "wine", "--json", "--sort", "params.saga"],
    ] {
        let measured = measure(&address, arguments, &[]);
        assert!(
            measured.code == 0 && measured.peak <= ROOM,
            "{arguments:?}: {} MB: {}",
            measured.peak,
            measured.said
        );
        let runs: Vec<serde_json::Value> = serde_json::from_str(&measured.out).unwrap();
        let run = runs.iter().find(|run| run["run_id"] == id.as_str()).unwrap();
        assert_eq!(run["tags"]["short"], "é");
        for value in [&run["tags"]["novel"], &run["params"]["saga"]] {
            assert!(value.as_str().is_some_and(|value| value.ends_with(CUT)), "{value}");
        }
        let tale = run["tags"]["tale"].as_str().unwrap();
        assert!(tale.starts_with("It begins. xxx") && tale.ends_with(CUT));
    }
    for columns in ["tags.novel", "params.saga", "tags.tale"] {
        let measured = measure(&address, &["runs", "wine", "--csv", "--columns", columns], &[]);
        let is_well = measured.code == 0 && measured.peak <= ROOM && measured.out.contains(CUT);
        assert!(is_well, "{columns}: {} MB: {}", measured.peak, measured.said);
    }
    let store = open(&address);
    let tale = block_on(store.get_run(&id)).unwrap().tag("tale").unwrap().to_owned();
    assert!(block_on(store.set_tag(&id, &Tag::new("tale", tale))).is_err());
}
