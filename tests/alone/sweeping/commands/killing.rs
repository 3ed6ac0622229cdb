//! The processes of a sweep of a command that only prints, killed at random: in the end each trial is there once, with each
//! point once, nothing looks as if it ran, and no process is left.

use crate::support::killing::{Killable, killed_at_random, number};

/// Takes long enough that its points are sent while it runs.
const TRAIN: &str = r#"
for step in 1 2 3 4 5 6; do
  echo "{\"step\": $step, \"val_loss\": $MLTUI_PARAM_LR}"
  sleep 0.3
done
"#;
/// Rounds side by side: their scripts sleep for most of the time.
const AT_ONCE: usize = 4;

#[test]
fn whatever_of_a_sweep_of_a_command_is_killed_nothing_is_lost_doubled_or_left() {
    let (rounds, first) = (number("MLTUI_KILL_ROUNDS", 12), number("MLTUI_KILL_SEED", 0));
    let seeds: Vec<u64> = (first..first + rounds).collect();
    let of = Killable {
        command: &["bash", "train.sh"],
        script: ("train.sh", TRAIN),
        trials: 5,
        steps: &[1, 2, 3, 4, 5, 6],
    };
    for some in seeds.chunks(AT_ONCE) {
        std::thread::scope(|scope| {
            for seed in some {
                scope.spawn(move || killed_at_random(of, "sqlite:///HOME/mlflow.db", None, *seed));
            }
        });
    }
}
