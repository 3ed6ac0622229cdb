//! Points that cover a space more evenly than chance does: a Sobol sequence, scrambled by the seed (Owen 1995, Burley 2020).

use optimizer::distribution::Distribution;
use optimizer::param::ParamValue as Sampled;
use sobol_burley::{NUM_DIMENSIONS, sample};

/// Points of one sequence; behind them another begins.
const LENGTH: usize = 1 << 16;

/// The point of that number, in one of its dimensions.
pub fn point(number: usize, dimension: usize, seed: u64, distribution: &Distribution) -> Sampled {
    let (sequence, set) = (number / LENGTH, dimension / NUM_DIMENSIONS as usize);
    // Another sequence for each seed, for each set of dimensions, and for what lies behind its end.
    let mixed = [seed, sequence as u64, set as u64].into_iter().fold(0_u64, |mixed, part| {
        (mixed ^ part).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    });
    let (index, dimension) = ((number % LENGTH) as u32, dimension as u32 % NUM_DIMENSIONS);
    spread(f64::from(sample(index, dimension, (mixed >> 32) as u32)), distribution)
}

/// A share of a range, from 0 to 1, as the value that lies there.
fn spread(share: f64, distribution: &Distribution) -> Sampled {
    let between = |low: f64, high: f64| low + share * (high - low);
    match distribution {
        Distribution::Float(range) if range.log_scale => {
            Sampled::Float(between(range.low.ln(), range.high.ln()).exp())
        }
        Distribution::Float(range) => Sampled::Float(between(range.low, range.high)),
        // Each whole number has the part of the range that is rounded to it.
        Distribution::Int(range) => {
            let (low, high) = (range.low as f64 - 0.5, range.high as f64 + 0.5);
            let value = if range.log_scale { between(low.ln(), high.ln()).exp() } else { between(low, high) };
            Sampled::Int((value.round() as i64).clamp(range.low, range.high))
        }
        Distribution::Categorical(choices) => {
            let last = choices.n_choices.saturating_sub(1);
            Sampled::Categorical(((share * choices.n_choices as f64) as usize).min(last))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::params::{Dimension, ParamValue, Range};
    use crate::sweep::search::{FamilySpace, Method, Observation, Proposal, Proposer, Startup};

    fn space() -> FamilySpace {
        let choices = ["a", "b", "c", "d"].map(|name| ParamValue::Text(name.into())).to_vec();
        let dimensions = vec![
            Dimension::real("x", 0.0, 1.0, 0.5),
            Dimension::real("y", 1e-4, 1.0, 0.01).log(),
            Dimension {
                name: "n".into(),
                range: Range::Int { low: 1, high: 8, log: false },
                default: ParamValue::Int(4),
                only_if: None,
            },
            Dimension {
                name: "c".into(),
                default: choices[0].clone(),
                range: Range::Choice(choices),
                only_if: None,
            },
        ];
        FamilySpace { family: "trial".into(), dimensions }
    }

    /// The first two params of some trials behind the first, as shares of their ranges.
    fn points(method: Method, seed: u64, count: usize) -> Vec<[f64; 2]> {
        let search = Proposer::new(method, seed, vec![space()], 3);
        let point = |number| {
            let params = search.propose(number, &[]).unwrap().params;
            let (ParamValue::Real(x), ParamValue::Real(y)) = (&params["x"], &params["y"]) else { panic!() };
            [*x, y.log10() / 4.0 + 1.0]
        };
        (1..=count).map(point).collect()
    }

    /// Warnock's formula for the root of the mean square of what a box from the origin holds too much or too little.
    fn discrepancy(points: &[[f64; 2]]) -> f64 {
        let n = points.len() as f64;
        let one: f64 = points.iter().map(|[x, y]| (1.0 - x * x) * (1.0 - y * y) / 4.0).sum();
        let both = |a: &[f64; 2], b: &[f64; 2]| (1.0 - a[0].max(b[0])) * (1.0 - a[1].max(b[1]));
        let two: f64 = points.iter().map(|a| points.iter().map(|b| both(a, b)).sum::<f64>()).sum();
        (1.0 / 9.0 - 2.0 / n * one + two / n / n).sqrt()
    }

    #[test]
    fn a_space_is_covered_more_evenly_than_by_chance() {
        for seed in 0..20 {
            let [even, chance] =
                [Method::Sobol, Method::Random].map(|method| discrepancy(&points(method, seed, 64)));
            assert!(even < 0.02 && even < chance / 1.5, "{seed}: {even} against {chance}");
        }
        assert_ne!(points(Method::Sobol, 1, 4), points(Method::Sobol, 2, 4), "the seed scrambles");
        assert_eq!(points(Method::Sobol, 1, 4), points(Method::Sobol, 1, 8)[..4]);
    }

    #[test]
    fn whole_numbers_and_choices_come_as_often_as_each_other() {
        let search = Proposer::new(Method::Sobol, 3, vec![space()], 3);
        let mut counts = std::collections::BTreeMap::new();
        for number in 1..=64 {
            let params = search.propose(number, &[]).unwrap().params;
            for name in ["n", "c"] {
                *counts.entry(format!("{name}={}", params[name])).or_insert(0) += 1;
            }
        }
        assert!(counts.iter().all(|(value, count)| *count == if value.starts_with('n') { 8 } else { 16 }));
        assert_eq!(counts.len(), 12, "{counts:?}");
        // Behind the end of the sequence, and with more params than it has dimensions.
        let many = (0..300).map(|at| Dimension::real(&format!("x{at}"), 0.0, 1.0, 0.5)).collect();
        let wide = FamilySpace { family: "trial".into(), dimensions: many };
        let search = Proposer::new(Method::Sobol, 3, vec![wide], 3);
        let [a, b] = [7, 7 + (1 << 16)].map(|number| search.propose(number, &[]).unwrap().params);
        assert!(a.len() == 300 && a != b && a["x0"] != a["x256"]);
    }

    #[test]
    fn the_parzen_estimator_begins_with_such_points_where_it_is_to() {
        let search = |startup| Proposer::new(Method::Tpe, 5, vec![space()], 3).starting(startup);
        let even = Proposer::new(Method::Sobol, 5, vec![space()], 3);
        let mut tried: Vec<(Proposal, f64)> = Vec::new();
        let known = |tried: &[(Proposal, f64)], startup, number| {
            let observed = tried.iter().map(|(proposal, loss)| Observation { proposal, loss: Some(*loss) });
            search(startup).propose(number, &observed.collect::<Vec<_>>()).unwrap()
        };
        for number in 0..20 {
            let proposal = known(&tried, Startup::Sobol, number);
            assert_eq!(proposal == even.propose(number, &[]).unwrap(), number < 8, "{number}");
            let ParamValue::Real(x) = proposal.params["x"] else { panic!() };
            tried.push((proposal, (x - 0.3).abs()));
        }
        assert_ne!(known(&tried[..3], Startup::Random, 3), tried[3].0);
    }
}
