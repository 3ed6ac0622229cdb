//! Charts and comparisons, with the real program in a terminal of 200x50.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::keys::{Visit, spread};
use crate::stores::{self, METRICS, Shape};

const ROUNDS: usize = 7;
const KEYS: usize = 300;

/// All charts of the dashboard are drawn: each has its axis, and none waits.
fn is_complete(screen: &str, charts: usize, tick: &str) -> bool {
    screen.matches(tick).count() >= charts && !screen.contains("loading")
}

pub fn charts(folder: &Path) {
    let path = stores::make_shaped(folder, 1, 100_000, Shape::Five);
    println!("\na run with 5 metrics x 100,000 steps, local store, 200x50");
    let mut starts = Vec::new();
    let mut opens = Vec::new();
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        let visit = Visit::at(&path, "bench");
        // In the pane below the table only some of them are to be seen.
        visit.terminal.wait_closely(|screen| screen.contains("calm-ibis"));
        let mut visit = visit;
        visit.terminal.type_keys("3z");
        visit.terminal.wait_closely(|screen| is_complete(screen, 3, "50k"));
        starts.push(begin.elapsed().as_secs_f64() * 1e3);
        drop(visit);
        let mut visit = Visit::at(&path, "Default");
        visit.terminal.wait_closely(|screen| screen.contains("0 runs"));
        // To the other experiment in the list, and from there the key that opens it.
        visit.terminal.type_keys("1gg");
        std::thread::sleep(Duration::from_millis(200));
        let begin = Instant::now();
        visit.terminal.type_keys("\r3z");
        visit.terminal.wait_closely(|screen| is_complete(screen, 3, "50k"));
        opens.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    println!("  start of the program to all charts       median {:6.1} ms  (bar 250)", crate::median(starts));
    println!("  opening the experiment to all charts     median {:6.1} ms  (bar 250)", crate::median(opens));

    let mut visit = Visit::at(&path, "bench");
    visit.terminal.wait_closely(|screen| screen.contains("calm-ibis"));
    visit.terminal.type_keys("3\r");
    visit.terminal.wait_closely(|screen| screen.contains("100,000 points"));
    visit.terminal.type_keys("++");
    visit.terminal.wait_closely(|screen| screen.contains("zoomed"));
    let mut times = Vec::new();
    for key in ["L", "+", "H", "-"].iter().cycle().take(KEYS) {
        std::thread::sleep(Duration::from_millis(25));
        let before = visit.terminal.screen();
        let begin = Instant::now();
        visit.terminal.type_keys(key);
        visit.terminal.wait_closely(|screen| screen != before);
        times.push(begin.elapsed().as_secs_f64());
    }
    let (median, p99) = spread(times);
    println!(
        "  pan or zoom, key to frame                median {median:5.1} ms, p99 {p99:5.1} ms  (bar p99 16)"
    );

    let path = stores::make(folder, 20, 5_000);
    let empty = Visit::at(&path, "Default");
    empty.terminal.wait_closely(|screen| screen.contains("bench"));
    std::thread::sleep(Duration::from_millis(500));
    let without = resident(empty.terminal.process_id());
    drop(empty);
    let mut visit = Visit::at(&path, "bench");
    visit.terminal.wait_closely(|screen| screen.matches("calm-ibis").count() >= 20);
    visit.terminal.type_keys("vGv3z");
    visit.terminal.wait_closely(|screen| {
        let mut own = METRICS.iter().filter(|key| !key.starts_with("val_"));
        own.all(|key| screen.contains(key)) && is_complete(screen, 8, "2000")
    });
    std::thread::sleep(Duration::from_millis(1_500));
    let with = resident(visit.terminal.process_id());
    println!(
        "20 runs x 10 metrics x 5,000 steps over one another: {:.1} MB over the empty screen's {without:.1} MB  (bar 60)",
        with - without
    );
}

/// Megabytes of memory that a process has now.
fn resident(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes =
        line.and_then(|line| line.split_whitespace().nth(1)).and_then(|word| word.parse::<f64>().ok());
    kilobytes.unwrap_or(f64::NAN) / 1000.0
}

pub fn compare(folder: &Path) {
    let path = stores::make_shaped(folder, 500, 0, Shape::Dense);
    println!("\n500 runs x 12,000 metrics compared, 200x50");
    let mut visit = Visit::at(&path, "bench");
    visit.terminal.wait_closely(|screen| {
        screen.contains("500 runs · newest first") && !screen.contains("loading more")
    });
    std::thread::sleep(Duration::from_millis(500));
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        times.push(visit.press("C", "what differs most first") * 1e3);
        visit.terminal.wait_closely(|screen| screen.contains("12,0"));
        visit.terminal.type_keys("\x1b");
        visit.terminal.wait_closely(|screen| !screen.contains("what differs most first"));
        std::thread::sleep(Duration::from_millis(200));
    }
    println!("  key to first frame                       median {:6.1} ms  (bar 100)", crate::median(times));
    let mut times = Vec::new();
    visit.press("C", "what differs most first");
    for i in 0..KEYS / 3 {
        std::thread::sleep(Duration::from_millis(25));
        let before = visit.terminal.screen();
        let begin = Instant::now();
        visit.terminal.type_keys(["j", "v", "v"][i % 3]);
        visit.terminal.wait_closely(|screen| screen != before);
        times.push(begin.elapsed().as_secs_f64());
    }
    let (median, p99) = spread(times);
    println!("  move or turn, key to frame               median {median:5.1} ms, p99 {p99:5.1} ms");
}
