//! Which family a trial is of: the better the best trial of one is, the more often its turn comes.

use std::collections::HashMap;

use fastrand::Rng;
use serde::{Deserialize, Serialize};

use super::Observation;

/// How the family of a trial is chosen, where results are gone by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FamilyChoice {
    /// As any other choice is: by the estimator.
    #[default]
    Estimated,
    /// By the best trial of each.
    Ranked,
}

/// The chance that every family has, as a share of an even one.
const LEAST: f64 = 0.25;

/// The place of one of these families. The best has about half of all trials, the next half of the rest, and so on; one of which
/// nothing is known yet an even share.
pub fn draw(names: &[&str], observed: &[Observation<'_>], rng: &mut Rng) -> Option<usize> {
    let chances = chances(names, observed);
    let mut left = rng.f64() * chances.iter().sum::<f64>();
    for (at, chance) in chances.iter().enumerate() {
        left -= chance;
        if left < 0.0 {
            return Some(at);
        }
    }
    names.len().checked_sub(1)
}

fn chances(names: &[&str], observed: &[Observation<'_>]) -> Vec<f64> {
    let mut best: HashMap<&str, f64> = HashMap::new();
    for trial in observed {
        // One that fails is behind all others.
        let loss = trial.loss.filter(|loss| !loss.is_nan()).unwrap_or(f64::INFINITY);
        let known = best.entry(trial.proposal.family.as_str()).or_insert(loss);
        *known = known.min(loss);
    }
    let even = 1.0 / names.len().max(1) as f64;
    names
        .iter()
        .map(|name| {
            let Some(loss) = best.get(name) else { return even };
            let ahead =
                names.iter().filter(|other| best.get(*other).is_some_and(|other| other < loss)).count();
            0.5_f64.powi(ahead as i32 + 1).max(LEAST * even)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::Params;
    use crate::sweep::search::Proposal;

    #[test]
    fn the_better_a_family_is_the_more_often_it_comes() {
        let of = |family: &str| Proposal::new(family, Params::new());
        let tried =
            [("a", Some(3.0)), ("b", Some(1.0)), ("c", None), ("b", Some(2.0)), ("d", Some(f64::NAN))];
        let proposals = tried.map(|(family, _)| of(family));
        let observed: Vec<Observation<'_>> = tried
            .iter()
            .zip(&proposals)
            .map(|((_, loss), proposal)| Observation { proposal, loss: *loss })
            .collect();
        let names = ["a", "b", "c", "d", "e"];
        assert_eq!(chances(&names, &observed), [0.25, 0.5, 0.125, 0.125, 0.2]);
        let mut counts = [0; 5];
        for seed in 0..2_000 {
            counts[draw(&names, &observed, &mut Rng::with_seed(seed)).unwrap()] += 1;
        }
        assert!(counts[1] > counts[0] && counts[0] > counts[2] && counts[2] > 100, "{counts:?}");
        // None is left out for ever, however many there are.
        let names: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let proposals: Vec<Proposal> = names.iter().map(|name| of(name)).collect();
        let observed: Vec<Observation<'_>> = (0..20)
            .zip(&proposals)
            .map(|(loss, proposal)| Observation { proposal, loss: Some(f64::from(loss)) })
            .collect();
        let chances = chances(&names, &observed);
        assert!(chances[0] > 0.49 && (chances[19] - LEAST / 20.0).abs() < 1e-12, "{chances:?}");
        assert_eq!(draw(&[], &[], &mut Rng::with_seed(1)), None);
    }
}
