//! Sweeps of commands from the screen: planned by what was logged, followed, changed while they go on.

use std::fs;

use super::*;
use crate::support::terminal::Terminal;

/// Prints, and fails where the loss is too high.
const FRAIL: &str = r#"
echo "given $MLTUI_PARAM_LR"
awk -v lr="$MLTUI_PARAM_LR" 'BEGIN { exit !(lr > 0.05) }' && { echo "loss is inf" >&2; exit 3; }
for step in 0 1 2 3 4; do
  awk -v lr="$MLTUI_PARAM_LR" -v s=$step 'BEGIN { d = log(lr) - log(0.01); printf "{\"step\": %d, \"val_loss\": %f}\n", s, d * d + 1 / (s + 1) }'
done
"#;

/// Says what it is given, and waits until it may go on.
const WAITING: &str = r#"
echo "given $MLTUI_PARAM_LR"
while [ ! -e "$HOME/go" ]; do sleep 0.05; done
echo '{"val_loss": 0.5}'
echo "the end"
"#;

fn explorer(world: &World) -> Terminal {
    let words = ["--tracking-uri", &world.uri];
    Terminal::start(world.path(), (130, 40), &words, &[("USER", "ana")])
}

#[test]
fn a_sweep_of_a_command_is_planned_from_a_run_begun_and_looked_at() {
    let world = World::new(FRAIL);
    let (code, _, error) = world.sweep(&["--trials", "3", "--method", "random", "--max-failures", "0"], &[]);
    assert_eq!(code, 0, "{error}");
    let mut screen = explorer(&world);
    screen.wait_for("trial-");
    // What the sweep before ran, over what its trials tried.
    screen.type_keys("gs");
    screen.wait_for("3/3");
    screen.type_keys("\x1b");
    screen.wait("the list to close", |screen| !screen.contains("3/3"));
    screen.type_keys("\x14");
    screen.wait_for("a command, around this run");
    screen.type_keys("\r");
    screen.wait_for("bash train.sh");
    screen.wait_for("lr=");
    screen.wait_for("first run");
    screen.wait_for("val_loss:min");
    // The number of trials, from the last line up.
    screen.type_keys(&"\x1b[A".repeat(12));
    screen.type_keys("\x155");
    screen.type_keys("\t");
    screen.wait_for("1 param, 5 trials, 1 at a time, for the lowest val_loss");
    screen.type_keys("\r");
    screen.wait_for("runs bash train.sh");
    screen.type_keys("gs");
    screen.wait_for("5/5");
    screen.type_keys("\r");
    screen.wait_for("5/5");
    screen.wait_for("finished");
    screen.wait_for("val_loss min");
    // A failed one shows its last words: the state is sorted by.
    screen.type_keys("\x1b[C");
    screen.type_keys("s");
    screen.wait_for("state \u{25b2}");
    screen.type_keys("l");
    screen.wait_for("given ");
    screen.wait_for("following");
    screen.type_keys("\x1b");
    screen.wait("the table", |screen| !screen.contains("following"));
    screen.type_keys("]");
    screen.wait_for("best, trial");
    screen.type_keys("c");
    screen.wait_for("coloured by lr");
    // The other sweep over it.
    screen.type_keys("o");
    screen.wait_for("Lay another sweep over this one");
    screen.type_keys("\r");
    screen.wait_for("b sweep-");
    screen.type_keys("\x1b");
    screen.wait_for("Sweeps");
    screen.type_keys("\x1b");
    screen.wait("the list to close", |screen| !screen.contains("5/5"));
    // What was planned is begun again with one key and a yes.
    screen.type_keys("T");
    screen.wait_for("bash train.sh");
    screen.wait_for("y yes");
    screen.type_keys("y");
    screen.wait_for("runs bash train.sh");
    wait_until("its end", || {
        let (_, out, _) = output(mltui(world.path(), &world.uri, &["sweeps", "--json"]));
        let list: Value = serde_json::from_str(&out).unwrap();
        let all = list.as_array().unwrap();
        all.len() == 3 && all.iter().all(|sweep| sweep["status"] == "finished" && sweep["unsent"] == 0)
    });
    screen.signal("-TERM");
    assert_eq!(screen.wait_for_end(), 0);
}

#[test]
fn a_log_is_followed_and_changes_are_asked_for_while_a_sweep_goes_on() {
    let world = World::new(WAITING);
    let mut sweep = world.start(&["--trials", "2"]);
    let mut screen = explorer(&world);
    screen.wait_for("train");
    screen.type_keys("gs");
    screen.wait_for("bash train.sh in train");
    screen.type_keys("\r");
    screen.wait_for("trial-0");
    screen.type_keys("l");
    screen.wait_for("given 0.01");
    screen.type_keys("\x1b");
    screen.wait_for("begun");
    screen.type_keys("t");
    screen.wait_for("Number of trials");
    screen.type_keys("\x15");
    screen.type_keys("3\r");
    screen.wait_for("is to have 3 trials");
    screen.wait_for("0/3");
    screen.type_keys("+");
    screen.wait_for("2 jobs");
    let folder = world.path().join(STATE).join(sweeps(world.path()).pop().unwrap());
    wait_until("what was asked", || {
        let asked = fs::read_to_string(folder.join("changes.jsonl")).unwrap_or_default();
        asked.lines().count() == 2 && asked.contains("\"most\":3") && asked.contains("\"jobs\":2")
    });
    fs::write(world.path().join("go"), "").unwrap();
    assert!(sweep.wait().unwrap().success(), "{}", world.said());
    screen.type_keys("G");
    screen.type_keys("l");
    screen.wait_for("the end");
    screen.signal("-TERM");
    assert_eq!(screen.wait_for_end(), 0);
}
