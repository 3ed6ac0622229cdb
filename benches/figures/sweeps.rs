//! A sweep of 10,000 trials of a command, in the list of sweeps and on its screen: from a key to the finished frame.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::keys::spread;
use crate::median;
use crate::support::terminal::Terminal;

const TRIALS: usize = 10_000;
const ROUNDS: usize = 15;
const MOVES: usize = 200;

/// The home of whoever ran the sweep, and the store, both made on first use.
fn swept(folder: &Path) -> (PathBuf, String) {
    let home = folder.join("sweep-of-10000");
    let address = format!("sqlite:///{}", home.join("mlflow.db").display());
    let whole = home.join(".whole");
    if !whole.exists() {
        let _ = std::fs::remove_dir_all(&home);
        std::fs::create_dir_all(&home).unwrap();
        std::fs::write(home.join("train.sh"), "echo \"{\\\"val_loss\\\": $MLTUI_PARAM_LR}\"").unwrap();
        let mut sweep = Command::new(env!("CARGO_BIN_EXE_mltui"));
        let params = ["--param", "lr=0.0..1.0", "--param", "depth=2..12", "--param", "opt=adam,sgd"];
        sweep.args(["--tracking-uri", &address, "sweep", "--metric", "val_loss:min", "--jobs", "2"]);
        sweep.args(params).args(["--trials", &TRIALS.to_string(), "--method", "random"]);
        sweep.args(["--", "sh", "train.sh"]).current_dir(&home).env("HOME", &home);
        assert!(sweep.status().unwrap().success());
        std::fs::write(whole, "").unwrap();
    }
    (home, address)
}

fn visit(home: &Path, address: &str) -> Terminal {
    let terminal = Terminal::start(home, (200, 50), &["--tracking-uri", address], &[]);
    terminal.wait_closely(|screen| screen.contains("10,001 runs"));
    std::thread::sleep(Duration::from_millis(500));
    terminal
}

fn press(terminal: &mut Terminal, keys: &str, is_it: impl Fn(&str) -> bool) -> f64 {
    let begin = std::time::Instant::now();
    terminal.type_keys(keys);
    terminal.wait_closely(is_it);
    begin.elapsed().as_secs_f64() * 1e3
}

pub fn sweeps(folder: &Path) {
    println!("\na sweep of 10,000 trials of a command, key to finished frame, 200x50");
    let (home, address) = swept(folder);
    let (mut list, mut open, mut sort, mut chart) = (vec![], vec![], vec![], vec![]);
    for _ in 0..ROUNDS {
        let mut terminal = visit(&home, &address);
        list.push(press(&mut terminal, "gs", |screen| {
            screen.contains("Sweeps") && screen.contains(" finished ")
        }));
        open.push(press(&mut terminal, "\r", |screen| {
            screen.contains("trial 9999") || screen.contains("  9999  ")
        }));
        std::thread::sleep(Duration::from_millis(300));
        terminal.type_keys("\x1b[C\x1b[C");
        std::thread::sleep(Duration::from_millis(100));
        sort.push(press(&mut terminal, "s", |screen| screen.contains("▲")));
        chart.push(press(&mut terminal, "]", |screen| screen.contains("by trial")));
    }
    println!("    the list               median {:5.1} ms", median(list));
    println!("    the sweep opened       median {:5.1} ms", median(open));
    println!("    sort by the metric     median {:5.1} ms  (bar 25)", median(sort));
    println!("    the chart              median {:5.1} ms", median(chart));
    let mut terminal = visit(&home, &address);
    press(&mut terminal, "gs", |screen| screen.contains("Sweeps") && screen.contains(" finished "));
    press(&mut terminal, "\r", |screen| screen.contains("  9999  "));
    let mut moves = Vec::new();
    for at in 1..=MOVES {
        std::thread::sleep(Duration::from_millis(25));
        let name = format!("trial-{} ", TRIALS - 1 - at);
        moves.push(press(&mut terminal, "j", |screen| screen.contains(&name)) / 1e3);
    }
    let (middle, worst) = spread(moves);
    println!("    move                   median {middle:5.1} ms, p99 {worst:5.1} ms  (bar 3, 8)");
}
