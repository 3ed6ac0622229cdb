//! Answers without an end, packed ones, slow ones, and absurd ones.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use mltui::catalog::summaries::NeededHistory;
use mltui::catalog::{ColumnSpec, sync};
use mltui::mlflow::{ExperimentId, ViewType};
use mltui::store::{Scan, ScanValues};

use super::measuring::measure;
use super::{EXPERIMENTS, assert_refused, block_on, open, run, with_runs};
use crate::support::flood::Flood;
use crate::support::terminal::Terminal;

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
        ("gzip, gzip", twice.finish().unwrap(), "not JSON"),
        ("br", b"\x8f\x07\x00{}\x03".to_vec(), "not JSON"),
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
            sink.pause(Duration::from_millis(100));
        }
    });
    let measured = measure(&flood.uri(), &["experiments"], &[("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")]);
    assert_refused(&flood, &measured, &[&flood.uri(), "was incomplete after 1 s"]);
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
    kept.want(vec![NeededHistory::of(&column).unwrap()], false);
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
