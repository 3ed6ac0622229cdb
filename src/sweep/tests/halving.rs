//! Successive halving on 1,000 real learning curves, of small networks whose table `tests/support/curves/make.py` made: what
//! it finds, and with how many steps.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::sweep::engine::pruner::PruneRule;
use crate::sweep::engine::trial::Verdict;

const TABLE: &[u8] = include_bytes!("../../../tests/support/curves/networks.u16");
const STEPS: usize = 81;
/// Trials side by side.
const JOBS: usize = 4;

fn curves() -> Vec<Vec<f64>> {
    let value = |bytes: &[u8]| f64::from(u16::from_le_bytes([bytes[0], bytes[1]])) / 5000.0;
    TABLE.chunks_exact(2 * STEPS).map(|curve| curve.chunks_exact(2).map(value).collect()).collect()
}

/// The last loss of the best trial that came to its end, and how many steps all took.
fn searched(curves: &[&Vec<f64>], pruner: Pruner) -> (f64, usize) {
    let here = tempfile::tempdir().unwrap();
    let folder = SweepFolder { path: here.path().to_owned() };
    let rules = Rules { method: Method::Sobol, trials: Some(curves.len()), jobs: JOBS, pruner, ..rules() };
    let (stop, tell) = (AtomicBool::new(false), |_: Event| Ok(()));
    let aim = Aim { at: 0, mode: Mode::Min };
    let queue = Queue::new(&rules, aim, &folder, SweepState::default(), &stop, &tell);
    let (mut under_way, mut steps): (Vec<(usize, usize)>, usize) = (Vec::new(), 0);
    loop {
        while under_way.len() < JOBS
            && let Some(trial) = queue.take().unwrap()
        {
            under_way.push((trial.number, 0));
        }
        if under_way.is_empty() {
            break;
        }
        under_way.retain_mut(|(number, step)| {
            let value = curves[*number][*step];
            (*step, steps) = (*step + 1, steps + 1);
            let is_end = *step == STEPS;
            let watch = queue.watch(*number);
            let verdict = watch.steps(1, &[(*step as i64, Some(value))], is_end).unwrap();
            if verdict == Verdict::Prune {
                queue.end(*number, TrialEnd::Pruned).unwrap();
            } else if is_end {
                let measured = Measured {
                    values: vec![Some(value)],
                    fit_seconds: 0.0,
                    predict_seconds: 0.0,
                    curve: Vec::new(),
                    params: Params::new(),
                };
                watch.report(TrialReport::Step(measured)).unwrap();
                queue.end(*number, TrialEnd::Finished).unwrap();
            }
            verdict != Verdict::Prune && !is_end
        });
    }
    let best = queue.best().unwrap().number;
    (curves[best][STEPS - 1], steps)
}

#[test]
fn halving_finds_the_same_best_with_a_third_of_the_steps() {
    let all = curves();
    assert_eq!(all.len(), 1000);
    let least = all.iter().map(|curve| curve[STEPS - 1]).fold(f64::INFINITY, f64::min);
    for seed in 0..2 {
        let mut order: Vec<&Vec<f64>> = all.iter().collect();
        fastrand::Rng::with_seed(seed).shuffle(&mut order);
        let (best, steps) = searched(&order, Pruner::new(PruneRule::Asha, 3, Some(3)));
        assert!(best <= least, "in order {seed}, with {steps} steps of {}", all.len() * STEPS);
        assert!(steps * 3 <= all.len() * STEPS, "{steps} steps in order {seed}");
    }
}
