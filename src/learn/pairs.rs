//! Classes by pairs, each against each: the votes that choose one, and the probability of each that follows from its
//! probability within every pair (Wu, Lin and Weng 2004, as libsvm has it).

/// Each two of so many classes, in the order of their scores.
pub fn pairs(classes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..classes).flat_map(move |first| (first + 1..classes).map(move |second| (first, second)))
}

/// From a pair's score to the probability of its first class: 1 / (1 + exp(slope score + offset)) (Platt 1999).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sigmoid {
    /// Below 0 where a greater score speaks for the first class.
    pub slope: f64,
    /// At score 0.
    pub offset: f64,
}

/// Within a pair no class is less probable than this, nor more than the rest: libsvm's bound.
pub const LEAST: f64 = 1e-7;

impl Sigmoid {
    /// Of a pair that is known by how many rows each class has, and by nothing else.
    pub fn by_counts(first: f64, second: f64) -> Self {
        Self { slope: 0.0, offset: ((second + 1.0) / (first + 1.0)).ln() }
    }

    /// Of the first class.
    pub fn probability(self, score: f64) -> f64 {
        let power = self.slope * score + self.offset;
        (1.0 / (1.0 + power.exp())).clamp(LEAST, 1.0 - LEAST)
    }
}

/// Of each class how many pairs it wins, and, below one vote, by how much (scikit-learn's one-versus-rest decision).
pub fn votes(scores: impl Iterator<Item = f64>, classes: usize) -> Vec<f64> {
    let (mut votes, mut sums) = (vec![0.0; classes], vec![0.0; classes]);
    for ((first, second), score) in pairs(classes).zip(scores) {
        votes[if score > 0.0 { first } else { second }] += 1.0;
        sums[first] += score;
        sums[second] -= score;
    }
    votes
        .into_iter()
        .zip(sums)
        .map(|(votes, sum): (f64, f64)| votes + sum / (3.0 * (sum.abs() + 1.0)))
        .collect()
}

/// The probability of each class from that of the first within each pair.
///
/// What is least is the sum over pairs of (r_ji p_i - r_ij p_j)² = pᵀQp, where all p are 1 in sum. libsvm goes towards it
/// in steps and stops near it; here (Q + eeᵀ) p = e is solved, of which p is a multiple. The matrix is positive definite,
/// so that elimination needs no pivots. ONNX does the same sums in [`super::onnx`].
pub fn coupled(of_first: &[f64], classes: usize) -> Vec<f64> {
    if let [first] = of_first {
        return vec![*first, 1.0 - first];
    }
    // A row for each class, and what it comes to behind it.
    let width = classes + 1;
    let mut system = vec![1.0; classes * width];
    for ((first, second), within) in pairs(classes).zip(of_first) {
        system[first * width + first] += (1.0 - within) * (1.0 - within);
        system[second * width + second] += within * within;
        system[first * width + second] -= (1.0 - within) * within;
        system[second * width + first] -= (1.0 - within) * within;
    }
    for pivot in 0..classes {
        let by = system[pivot * width + pivot];
        let row: Vec<f64> = system[pivot * width..][..width].iter().map(|value| value / by).collect();
        for at in 0..classes {
            let factor = system[at * width + pivot] - if at == pivot { 1.0 } else { 0.0 };
            for (value, of_pivot) in system[at * width..][..width].iter_mut().zip(&row) {
                *value -= factor * of_pivot;
            }
        }
    }
    let solved = (0..classes).map(|at| system[at * width + classes].max(0.0));
    let sum: f64 = solved.clone().sum();
    solved.map(|value| value / sum).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What [`coupled`] makes least.
    fn objective(of_first: &[f64], classes: usize, of: &[f64]) -> f64 {
        let pair = |((first, second), within): ((usize, usize), &f64)| {
            ((1.0 - within) * of[first] - within * of[second]).powi(2)
        };
        pairs(classes).zip(of_first).map(pair).sum()
    }

    /// What libsvm's steps come to when they are not broken off.
    #[test]
    fn probabilities_of_pairs_come_together_as_in_libsvm() {
        let coupled = coupled(&[0.9, 0.8, 0.35, 0.3, 0.6, 0.45], 4);
        let expected = [0.349_599_75, 0.135_962_56, 0.204_310_19, 0.310_127_51];
        for (is, expected) in coupled.iter().zip(expected) {
            assert!((is - expected).abs() < 1e-8, "{coupled:?}");
        }
    }

    proptest! {
        #[test]
        fn no_other_probabilities_fit_pairs_better(classes in 3_usize..9, seed in any::<u64>(), sure in 0.1_f64..30.0) {
            let mut rng = fastrand::Rng::with_seed(seed);
            let sigmoid = Sigmoid { slope: -sure, offset: 0.0 };
            let within: Vec<f64> =
                pairs(classes).map(|_| sigmoid.probability(2.0 * rng.f64() - 1.0)).collect();
            let best = coupled(&within, classes);
            prop_assert!((best.iter().sum::<f64>() - 1.0).abs() < 1e-12 && best.iter().all(|one| *one >= 0.0));
            let least = objective(&within, classes, &best);
            for _ in 0..50 {
                let (from, to) = (rng.usize(..classes), rng.usize(..classes));
                let mut other = best.clone();
                let moved = best[from] * rng.f64();
                other[from] -= moved;
                other[to] += moved;
                prop_assert!(objective(&within, classes, &other) >= least - 1e-12);
            }
        }

        #[test]
        fn pairs_that_agree_give_back_what_they_came_from(classes in 2_usize..9, seed in any::<u64>()) {
            let mut rng = fastrand::Rng::with_seed(seed);
            let of: Vec<f64> = (0..classes).map(|_| 0.01 + rng.f64()).collect();
            let sum: f64 = of.iter().sum();
            let within: Vec<f64> =
                pairs(classes).map(|(first, second)| of[first] / (of[first] + of[second])).collect();
            for (is, expected) in coupled(&within, classes).iter().zip(&of) {
                prop_assert!((is - expected / sum).abs() < 1e-9);
            }
        }
    }
}
