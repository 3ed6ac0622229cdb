//! From a key to the finished frame, with the real program in a terminal of 200x50.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::stores::{self, Shape};
use crate::support::terminal::Terminal;

const MOVES: usize = 300;
const ROUNDS: usize = 15;

/// An explorer on a store, in a home of its own.
pub struct Visit {
    pub terminal: Terminal,
    _home: tempfile::TempDir,
}

impl Visit {
    pub fn new(path: &Path, arguments: &[&str]) -> Self {
        Self::of(path, arguments, &[])
    }

    /// With an experiment that is opened first.
    pub fn at(path: &Path, experiment: &str) -> Self {
        Self::of(path, &[], &[("MLFLOW_EXPERIMENT_NAME", experiment)])
    }

    fn of(path: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let address = format!("sqlite:///{}", path.display());
        let mut all = vec!["--tracking-uri", address.as_str()];
        all.extend(arguments);
        let terminal = Terminal::start(home.path(), (200, 50), &all, variables);
        Self { terminal, _home: home }
    }

    /// Seconds from a key until the screen says `text`.
    pub fn press(&mut self, keys: &str, text: &str) -> f64 {
        let begin = Instant::now();
        self.terminal.type_keys(keys);
        self.terminal.wait_closely(|screen| screen.contains(text));
        begin.elapsed().as_secs_f64()
    }
}

/// Whether the details show charts with their curves, or tiles with where the run stands.
pub fn has_charts(screen: &str) -> bool {
    let has_curves = screen.contains('┤') && screen.contains(['⠉', '⠑', '⠒']);
    has_curves
        || ["best of 1", "st of 1", "nd of 1", "rd of 1", "th of 1"]
            .iter()
            .any(|words| screen.contains(words))
}

pub fn spread(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] * 1e3;
    (at(0.5), at(0.99))
}

pub fn keys(folder: &Path) {
    println!("\nkey to finished frame, 200x50, as a terminal sees it (it looks every 0.2 ms)");
    let normal = stores::make(folder, 100_000, 1);
    let wide = stores::make_shaped(folder, 100_000, 1, Shape::Wide);
    let mut figures = Vec::new();
    for (path, what) in [(&normal, "100,000 runs"), (&wide, "the same, 12,000 metric names")] {
        println!("  {what}");
        let moves = moves(path);
        println!("    move, loaded           median {:5.1} ms, p99 {:5.1} ms  (bar 3, 8)", moves.0, moves.1);
        let loading = moves_while_loading(path);
        println!(
            "    move, while loading    median {:5.1} ms, p99 {:5.1} ms  (bar 3, 8)",
            loading.0, loading.1
        );
        let sort = sort(path);
        println!("    sort by a metric       median {:5.1} ms               (bar 25)", sort * 1e3);
        let fuzzy = fuzzy(path);
        println!("    fuzzy filter, a letter median {:5.1} ms               (bar 30)", fuzzy * 1e3);
        let picker = picker(path);
        println!("    the column picker      median {:5.1} ms               (bar 30)", picker * 1e3);
        figures.push([moves.0, sort * 1e3, fuzzy * 1e3]);
    }
    let ratio = |at: usize| figures[1][at] / figures[0][at];
    println!(
        "  12,000 names against 10: move {:.2}, sort {:.2}, fuzzy {:.2} times (bar 1.5)",
        ratio(0),
        ratio(1),
        ratio(2)
    );
}

fn loaded(path: &Path) -> Visit {
    let visit = Visit::new(path, &[]);
    visit
        .terminal
        .wait_closely(|screen| screen.contains("100,000 runs · newest first") && has_charts(screen));
    std::thread::sleep(Duration::from_millis(300));
    visit
}

fn moves(path: &Path) -> (f64, f64) {
    let mut visit = loaded(path);
    let times = (0..MOVES).map(|i| {
        // As a hand does it: the frame before is long drawn.
        std::thread::sleep(Duration::from_millis(25));
        visit.press("j", &format!("row {} of 100,000", i + 2))
    });
    spread(times.collect())
}

fn moves_while_loading(path: &Path) -> (f64, f64) {
    let mut times = Vec::new();
    while times.len() < MOVES / 3 {
        let mut visit = Visit::new(path, &[]);
        visit.terminal.wait_closely(|screen| screen.contains("row 1 of"));
        for i in 0.. {
            std::thread::sleep(Duration::from_millis(20));
            times.push(visit.press("j", &format!("row {} of", i + 2)));
            if !visit.terminal.screen().contains("loading more") {
                break;
            }
        }
    }
    spread(times)
}

fn sort(path: &Path) -> f64 {
    let times = (0..ROUNDS).map(|_| {
        let mut visit = loaded(path);
        visit.press("s", "· by ")
    });
    crate::median(times.collect())
}

/// The last letter of a word that was typed before.
fn fuzzy(path: &Path) -> f64 {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let mut visit = loaded(path);
        visit.press("/", "key=text");
        visit.press("ib", "/ib");
        visit.terminal.wait_closely(|screen| screen.contains(" of 100,000 · /ib"));
        std::thread::sleep(Duration::from_millis(200));
        times.push(visit.press("4", " of 100,000 · /ib4"));
    }
    crate::median(times)
}

fn picker(path: &Path) -> f64 {
    let mut visit = loaded(path);
    let times = (0..ROUNDS).map(|_| {
        let time = visit.press("c", "space on or off");
        visit.terminal.type_keys("\x1b");
        visit.terminal.wait_closely(|screen| !screen.contains("space on or off"));
        std::thread::sleep(Duration::from_millis(50));
        time
    });
    crate::median(times.collect())
}
