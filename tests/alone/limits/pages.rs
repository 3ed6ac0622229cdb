//! Pages without an end, short ones and heavy ones.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mltui::catalog::gather;
use mltui::mlflow::{ExperimentId, RunId};

use super::measuring::measure;
use super::{block_on, open, run, with_runs};
use crate::support::flood::{Flood, ROOM};

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
            let told = ["form a cycle", "without anything new", "that of the page itself"];
            let is_fully_logged = told.iter().any(|words| measured.said.contains(words));
            assert!(is_fully_logged && measured.peak <= ROOM, "{case} {arguments:?}: {}", measured.said);
            let asked = flood.requests() - before;
            assert!(asked < 100, "{case} {arguments:?}: {asked} requests");
        }
    }
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
