//! Stores that send more than there is room for, or on and on: the program says so, and stays small.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use mltui::catalog::summaries::NeededHistory;

use mltui::catalog::{ColumnSpec, gather, sync};
use mltui::mlflow::{ExperimentId, RunId, Tag, ViewType};
use mltui::store::uri::RestOptions;
use mltui::store::{ErrorKind, NewRun, Scan, ScanValues, Store, uri};
use support::flood::{Flood, Measured, ROOM, Sink, measure, peak_of};
use support::terminal::Terminal;

const EXPERIMENTS: &str = "{\"experiments\": [{\"experiment_id\": \"1\", \"name\": \"wine\"}]}";
/// Behind a value that is not all there is.
const CUT: &str = "[cut here: too long to be read]";

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

fn open(address: &str) -> Store {
    let options = RestOptions { max_retries: 0, ..RestOptions::default() };
    uri::open(&uri::parse(address, Path::new("/")).unwrap(), &options, false).unwrap()
}

/// A run as a server sends it, with what else is in its data.
fn run(number: usize, data: &str) -> String {
    format!(
        "{{\"info\": {{\"run_id\": \"{number:032x}\", \"experiment_id\": \"1\", \"run_name\": \"run-{number}\", \
         \"status\": \"FINISHED\", \"start_time\": {}, \"lifecycle_stage\": \"active\"}}, \"data\": {{{data}}}}}",
        1_700_000_000_000 + number
    )
}

/// A server with one experiment that answers a search for runs as told.
fn with_runs(answer: impl Fn(&str, &mut Sink<'_>) -> std::io::Result<()> + Send + Sync + 'static) -> Flood {
    Flood::start(move |request, sink| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        if path.starts_with("/api/2.0/mlflow/runs/search") {
            answer(request, sink)
        } else if path.starts_with("/api/2.0/mlflow/experiments/get") {
            sink.json("{\"experiment\": {\"experiment_id\": \"1\", \"name\": \"wine\"}}")
        } else if path.starts_with("/api/2.0/mlflow/experiments/") {
            sink.json(EXPERIMENTS)
        } else if path.starts_with("/version") {
            sink.json("3.17.2")
        } else {
            sink.head(404, "Content-Length: 0\r\n")
        }
    })
}

/// It failed with words, in the room that there is.
fn assert_refused(flood: &Flood, measured: &Measured, words: &[&str]) {
    let Measured { code, said, peak, .. } = measured;
    assert!(*code != 0 && *peak <= ROOM, "exit code {code}, {peak} MB: {said}");
    assert!(words.iter().all(|word| said.contains(word)), "{words:?} in {said}");
    assert!(flood.sent() < 2_000, "it listened to {} MB", flood.sent());
}

#[test]
fn json_without_an_end_is_left() {
    for (begin, more) in [
        ("{\"experiments\": [", "{\"experiment_id\": \"1\", \"name\": \"a\"},"),
        ("{\"experiments\": [{\"experiment_id\": \"1\", \"name\": \"", "aaaaaaaaaaaaaaaa"),
        ("{\"experiments\": [{\"experiment_id\": \"1\", \"name\": [", "[],"),
        ("{\"experiments\": ", "[[[[[[[["),
        ("", "        "),
    ] {
        let flood = Flood::start(move |_, sink| {
            sink.head(200, "Content-Type: application/json\r\n")?;
            sink.send(begin)?;
            sink.without_end(more)
        });
        let measured = measure(&flood.uri(), &["experiments"], &[]);
        assert_refused(&flood, &measured, &[&flood.uri(), "MB in one answer"]);
    }
}

#[test]
fn a_history_without_an_end_is_left() {
    let flood = Flood::start(|request, sink| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        let point = "{\"key\": \"m\", \"value\": 1.5, \"timestamp\": 1700000000000, \"step\": 3},";
        if path.contains("get-history") {
            sink.head(200, "Content-Type: application/json\r\n")?;
            sink.send("{\"metrics\": [")?;
            sink.without_end(point)
        } else if path.contains("runs/search") {
            let data = format!("\"metrics\": [{}]", point.trim_end_matches(','));
            let runs: Vec<String> = (0..4).map(|number| run(number, &data)).collect();
            sink.json(&format!("{{\"runs\": [{}]}}", runs.join(",")))
        } else {
            sink.json(EXPERIMENTS)
        }
    });
    let measured = measure(&flood.uri(), &["runs", "wine", "--columns", "max(metrics.m)"], &[]);
    assert_refused(&flood, &measured, &["history", &flood.uri(), "more than 128 MB in one answer"]);
}

#[test]
fn an_error_without_an_end_is_left() {
    for length in ["", "Content-Length: 10000000000\r\n", "Transfer-Encoding: chunked\r\n"] {
        let flood = Flood::start(move |_, sink| {
            sink.head(500, length)?;
            let chunk = format!("10000\r\n{}\r\n", "oops".repeat(0x4000));
            sink.without_end(if length.starts_with('T') { &chunk } else { "oops" })
        });
        let measured = measure(&flood.uri(), &["experiments"], &[]);
        assert_refused(&flood, &measured, &["500", "oops"]);
        assert!(flood.sent() < 50, "{} MB", flood.sent());
    }
}

/// So many megabytes of spaces, packed.
fn packed(megabytes: usize) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let spaces = vec![b' '; 1 << 20];
    for _ in 0..megabytes {
        packed.write_all(&spaces).unwrap();
    }
    packed.finish().unwrap()
}

#[test]
fn what_is_packed_is_counted_unpacked() {
    let bomb = packed(400);
    let mut twice = GzEncoder::new(Vec::new(), Compression::fast());
    twice.write_all(&bomb).unwrap();
    for (encoding, body, words) in [
        ("gzip", bomb, "MB in one answer"),
        ("gzip, gzip", twice.finish().unwrap(), "no JSON"),
        ("br", b"\x8f\x07\x00{}\x03".to_vec(), "no JSON"),
    ] {
        let flood = Flood::start(move |_, sink| {
            let lines = format!("Content-Encoding: {encoding}\r\nContent-Length: {}\r\n", body.len());
            sink.head(200, &lines)?;
            sink.send(&body)
        });
        assert_refused(&flood, &measure(&flood.uri(), &["experiments"], &[]), &[words]);
    }
}

#[test]
fn an_answer_that_trickles_is_given_up() {
    let flood = Flood::start(|_, sink| {
        sink.head(200, "")?;
        loop {
            sink.send(" ")?;
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    });
    let measured = measure(&flood.uri(), &["experiments"], &[("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")]);
    assert_refused(&flood, &measured, &[&flood.uri(), "not all there after 1 s"]);
}

#[test]
fn pages_without_an_end_are_left_wherever_they_are_asked_for() {
    for case in ["empty", "alternating", "the same runs"] {
        let count = AtomicU64::new(0);
        let flood = with_runs(move |_, sink| {
            let number = count.fetch_add(1, Ordering::Relaxed);
            let (runs, token) = match case {
                "empty" => (String::new(), number),
                "alternating" => (run(number as usize, ""), number % 2),
                _ => (run(1, ""), number),
            };
            sink.json(&format!("{{\"runs\": [{runs}], \"next_page_token\": \"token-{token}\"}}"))
        });
        for arguments in [
            &["runs", "wine"][..],
            &["runs", "wine", "--filter", "metrics.m > 1"],
            &["wait", "--experiment", "wine", "--timeout", "0"],
            &["best", "wine", "--metric", "m", "--max"],
        ] {
            let before = flood.requests();
            let measured = measure(&flood.uri(), arguments, &[]);
            let told = ["form a cycle", "nothing new", "that of the page itself"];
            let is_fully_logged = told.iter().any(|words| measured.said.contains(words));
            assert!(is_fully_logged && measured.peak <= ROOM, "{case} {arguments:?}: {}", measured.said);
            let asked = flood.requests() - before;
            assert!(asked < 100, "{case} {arguments:?}: {asked} requests");
        }
    }
}

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
    assert!(refused.to_string().contains("the rest would be lost"), "{refused}");
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
fn absurd_numbers_are_taken_as_they_are() {
    let flood = with_runs(|_, sink| {
        let times = [i64::MAX, i64::MIN, i64::MIN + 1, -1, 0];
        let runs: Vec<String> = times
            .iter()
            .enumerate()
            .map(|(number, time)| {
                let metric = format!(
                    "\"metrics\": [{{\"key\": \"m\", \"value\": {number}, \"timestamp\": {time}, \"step\": {time}}}]"
                );
                let end = format!("\"end_time\": \"{}\", \"start_time\"", time.wrapping_neg());
                let run = run(number, &metric).replace("\"start_time\"", &end);
                let start = (1_700_000_000_000 + number).to_string();
                run.replace(&start, &format!("\"{time}\""))
            })
            .collect();
        sink.json(&format!("{{\"runs\": [{}]}}", runs.join(",")))
    });
    for arguments in [&["runs", "wine"][..], &["runs", "wine", "--json"], &["runs", "wine", "--csv"]] {
        let measured = measure(&flood.uri(), arguments, &[]);
        assert_eq!(measured.code, 0, "{}", measured.said);
        assert!(measured.out.contains("run-0") && measured.out.contains("run-4"), "{}", measured.out);
    }
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(folder.path(), (140, 40), &["--tracking-uri", &flood.uri()], &[]);
    terminal.wait("the runs", |screen| screen.contains("5 runs") && screen.contains("live"));
    terminal.type_keys("jjjj");
    terminal.type_keys("3]]]]]");
    terminal.wait("no failure", |screen| screen.contains("run-4") && !screen.contains("interrupted"));
    terminal.type_keys("q");
}

#[test]
fn a_file_is_not_what_it_is_said_to_be() {
    const MOST: usize = 8_000_000;
    let flood = Flood::start(|request, sink| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        if path.contains("runs/get") {
            return sink.json(&format!("{{\"run\": {}}}", run(1, "")));
        }
        if path.contains("endless") {
            sink.head(200, "Content-Type: application/octet-stream\r\n")?;
            return sink.without_end("zzzz");
        }
        if path.contains("huge") {
            sink.head(200, "Content-Length: 10000000000\r\n")?;
            return sink.without_end("zzzz");
        }
        sink.head(200, &format!("Content-Length: {}\r\n", if path.contains("short") { 100 } else { 2 }))?;
        sink.send("zzzz")
    });
    let store = open(&flood.uri());
    let read = |path: &str| block_on(store.read_artifact(&RunId("1".into()), path, MOST));
    for path in ["endless", "huge"] {
        let failure = read(path).unwrap_err();
        assert!(
            matches!(&failure.kind, ErrorKind::TooMuch(words) if words.contains(&flood.uri())),
            "{failure}"
        );
    }
    assert!(flood.sent() < 50, "{} MB", flood.sent());
    let failure = read("short").unwrap_err();
    assert!(failure.to_string().contains("interrupted"), "{failure}");
    assert_eq!(read("longer").unwrap(), b"zz");
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

#[cfg(unix)]
#[test]
fn a_pipe_among_the_artifacts_stops_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&format!("sqlite:///{}", folder.path().join("mlflow.db").display()));
    let id = block_on(async {
        let experiment = store.create_experiment("wine", &[]).await.unwrap();
        let new = NewRun {
            experiment_id: experiment,
            run_name: Some("hopeful-newt-7".into()),
            user_id: "ana".into(),
            start_time: 1_700_000_000_000,
            tags: Vec::new(),
        };
        let run = store.create_run(&new).await.unwrap();
        store.write_artifact(&run.info.run_id, "a.txt", b"first words").await.unwrap();
        run.info.run_id
    });
    let uri = block_on(store.get_run(&id)).unwrap().info.artifact_uri;
    let files = Path::new(uri.strip_prefix("file://").unwrap_or(&uri)).to_owned();
    let files = if files.is_absolute() { files } else { folder.path().join(files) };
    let made = std::process::Command::new("mkfifo").arg(files.join("b.txt")).status().unwrap();
    assert!(made.success());
    for (name, to) in [("c.txt", "/dev/zero"), ("d.txt", "/dev/tty"), ("e.txt", "a.txt"), ("round", ".")] {
        std::os::unix::fs::symlink(to, files.join(name)).unwrap();
    }
    let mut terminal = Terminal::start(folder.path(), (140, 40), &[], &[]);
    terminal.wait("the run", |screen| screen.contains("hopeful-newt-7") && screen.contains("live"));
    terminal.type_keys("3");
    for _ in 0..5 {
        terminal.type_keys("]");
    }
    terminal.wait("its files", |screen| screen.contains("e.txt"));
    // The folder stands first.
    for word in ["first words", "a pipe", "a device", "a device", "first words"] {
        terminal.type_keys("j\r");
        terminal.wait(word, |screen| screen.contains(word));
        terminal.type_keys("\u{1b}");
        terminal.wait("the file closed", |screen| !screen.contains(word));
    }
    // The program still reads and is told of what is new.
    block_on(store.set_tag(&id, &Tag::new("mlflow.runName", "calm-ibis-2"))).unwrap();
    terminal.wait("the new name", |screen| screen.contains("calm-ibis-2"));
    let peak = peak_of(terminal.process_id());
    assert!(peak <= ROOM, "{peak} MB");
    terminal.type_keys("q");
}

/// A server that sends so many runs a page at most, however many are asked for.
fn with_short_pages(runs: usize, page: usize) -> Flood {
    with_runs(move |request, sink| {
        let body: serde_json::Value =
            serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        let size = (body["max_results"].as_u64().unwrap() as usize).min(page);
        let from = body["page_token"].as_str().map_or(0, |token| token.parse().unwrap());
        let to = (from + size).min(runs);
        let sent: Vec<String> = (from..to).map(|number| run(0xa00 + number, "")).collect();
        let next = if to < runs { to.to_string() } else { String::new() };
        sink.json(&format!("{{\"runs\": [{}], \"next_page_token\": \"{next}\"}}", sent.join(",")))
    })
}

#[test]
fn pages_that_are_shorter_than_asked_for_are_followed() {
    let flood = with_short_pages(20, 2);
    for (limit, lines) in [("1", 1), ("5", 5), ("20", 20), ("30", 20)] {
        let measured = measure(&flood.uri(), &["runs", "wine", "--limit", limit, "--csv"], &[]);
        assert_eq!(measured.out.lines().skip(1).count(), lines, "--limit {limit}: {}", measured.said);
    }
    let store = open(&flood.uri());
    let id = |number| (ExperimentId("1".into()), RunId(format!("{:032x}", 0xa00 + number)));
    let wanted: Vec<_> = (0..20).map(id).collect();
    let found = block_on(gather::runs(&store, &wanted)).unwrap();
    assert_eq!(found.rows().count(), 20);
}

#[test]
fn what_a_page_weighs_tells_how_many_runs_are_asked_for() {
    const RUNS: usize = 600;
    let asked: Arc<Mutex<Vec<u64>>> = Arc::default();
    let sizes = Arc::clone(&asked);
    let flood = with_runs(move |request, sink| {
        let body: serde_json::Value =
            serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        let size = body["max_results"].as_u64().unwrap();
        sizes.lock().unwrap().push(size);
        let offset = |token: &str| {
            let decoded = STANDARD.decode(token).unwrap();
            serde_json::from_slice::<serde_json::Value>(&decoded).unwrap()["offset"].as_u64().unwrap()
        };
        let from = body["page_token"].as_str().map_or(0, offset) as usize;
        let to = (from + size as usize).min(RUNS);
        let tag = |key| format!("{{\"key\": \"t{key}\", \"value\": \"{}\"}}", "x".repeat(25_000));
        let tags = format!("\"tags\": [{}, {}, {}, {}]", tag(0), tag(1), tag(2), tag(3));
        let sent: Vec<String> = (from..to).map(|number| run(number, &tags)).collect();
        let next = if to < RUNS { STANDARD.encode(format!("{{\"offset\": {to}}}")) } else { String::new() };
        sink.json(&format!("{{\"runs\": [{}], \"next_page_token\": \"{next}\"}}", sent.join(",")))
    });
    let measured = measure(&flood.uri(), &["runs", "wine", "--columns", "run_name", "--csv"], &[]);
    assert_eq!(measured.out.lines().skip(1).count(), RUNS, "{}", measured.said);
    let asked = asked.lock().unwrap();
    assert!(asked.len() <= 5 && asked.iter().all(|size| *size < 480), "{asked:?}");
}

#[test]
fn a_history_that_is_too_long_hides_no_others_and_is_not_asked_for_again() {
    let flood = Flood::start(|request, sink| {
        let path = request.split(' ').nth(1).unwrap_or_default();
        if path.starts_with("/api/2.0/mlflow/runs/search") {
            let metric = "\"metrics\": [{\"key\": \"m\", \"value\": 1, \"timestamp\": 1, \"step\": 1}]";
            let runs: Vec<String> = (0..3).map(|number| run(number, metric)).collect();
            sink.json(&format!("{{\"runs\": [{}]}}", runs.join(",")))
        } else if path.contains("get-history") && path.contains(&format!("run_id={:032x}", 1)) {
            sink.head(200, "Content-Type: application/json\r\nContent-Length: 3000000000\r\n")
        } else if path.contains("get-history") {
            sink.json("{\"metrics\": [{\"key\": \"m\", \"value\": 2, \"timestamp\": 1, \"step\": 1}]}")
        } else {
            sink.json(EXPERIMENTS)
        }
    });
    let scan = Scan {
        experiment_id: ExperimentId("1".into()),
        view: ViewType::ActiveOnly,
        first: 100,
        values: ScanValues::All,
    };
    let mut kept = sync::Sync::new(open(&flood.uri()), scan);
    let column = ColumnSpec::parse("max(metrics.m)").unwrap();
    kept.want(vec![NeededHistory::of(&column).unwrap()]);
    let mut last = None;
    block_on(async {
        kept.load(|_| ()).await.unwrap();
        while kept.fill(&[], |snapshot| last = Some(snapshot)).await.unwrap() {}
        let before = flood.requests();
        assert!(!kept.fill(&[], |_| ()).await.unwrap());
        assert_eq!(flood.requests(), before, "nothing is asked for again");
    });
    let coverage = last.unwrap().catalog.coverage(&column).unwrap();
    assert_eq!((coverage.known, coverage.of), (2, 3));
}

#[test]
fn a_login_page_in_place_of_the_version_is_told_as_such() {
    let flood = Flood::start(|_, sink| {
        sink.head(200, "Content-Type: text/html\r\n")?;
        sink.send(format!("<html>{}</html>", "x".repeat(100_000)))
    });
    let failure = block_on(open(&flood.uri()).info()).unwrap_err().to_string();
    assert!(failure.contains("no version number under /version"), "{failure}");
}
