//! The quadratic program of support vector machines, by sequential minimal optimisation with second-order working sets
//! (Fan, Chen and Lin 2005), as libsvm solves it. (linfa's regression leaves out the errors on one side, and its
//! classification takes ten times as long.)

use ndarray::ArrayView2;
use rustc_hash::FxHashMap;

use super::radial;

/// The stopping tolerance, libsvm's.
const TOLERANCE: f64 = 1e-3;
/// Bytes of kernel rows that are kept.
pub const KEPT: usize = 96 << 20;
/// Stands for a curvature that is not positive.
const FLAT: f64 = 1e-12;

/// Minimise ½ aᵀQa + pᵀa with yᵀa = 0 and 0 ≤ a ≤ C (times the weight of the row), where Q is the kernel with the signs of y.
pub struct Problem<'a> {
    rows: ArrayView2<'a, f64>,
    /// Of a radial kernel; a linear one without.
    gamma: Option<f64>,
    /// Of each variable its sign; of regression there are two for a row.
    signs: Vec<f64>,
    linear: Vec<f64>,
    most: f64,
    /// Of each variable, where rows count by weights.
    mosts: Option<Vec<f64>>,
}

pub struct Solution {
    /// Of each row.
    pub weights: Vec<f64>,
    pub intercept: f64,
}

/// Kernel rows in single precision, as many as fit.
struct Kernel<'a> {
    rows: ArrayView2<'a, f64>,
    norms: Vec<f64>,
    gamma: Option<f64>,
    known: FxHashMap<usize, Vec<f32>>,
}

impl Kernel<'_> {
    fn value(&self, a: usize, b: usize, product: f64) -> f64 {
        match self.gamma {
            None => product,
            Some(gamma) => radial(gamma, self.norms[a] + self.norms[b], product),
        }
    }

    fn make_known(&mut self, row: usize) {
        if self.known.contains_key(&row) {
            return;
        }
        let count = self.rows.nrows();
        if (self.known.len() + 1) * count * 4 > KEPT.max(count * 16) {
            self.known.clear();
        }
        let products = self.rows.dot(&self.rows.row(row));
        let values =
            products.iter().enumerate().map(|(other, product)| self.value(row, other, *product) as f32);
        self.known.insert(row, values.collect());
    }
}

impl<'a> Problem<'a> {
    /// Signs of 1 and -1.
    pub fn classification(rows: ArrayView2<'a, f64>, gamma: Option<f64>, signs: &[f64], c: f64) -> Self {
        Self { rows, gamma, signs: signs.to_vec(), linear: vec![-1.0; signs.len()], most: c, mosts: None }
    }

    pub fn regression(
        rows: ArrayView2<'a, f64>,
        gamma: Option<f64>,
        values: &[f64],
        c: f64,
        tube: f64,
    ) -> Self {
        let count = values.len();
        let linear = values.iter().map(|value| tube - value).chain(values.iter().map(|value| tube + value));
        let signs = (0..2 * count).map(|at| if at < count { 1.0 } else { -1.0 });
        Self { rows, gamma, signs: signs.collect(), linear: linear.collect(), most: c, mosts: None }
    }

    /// Rows count so much.
    pub fn weighted(self, weights: Option<&[f64]>) -> Self {
        let mosts = weights.map(|of| (0..self.signs.len()).map(|at| of[at % of.len()] * self.most).collect());
        Self { mosts, ..self }
    }

    fn most(&self, at: usize) -> f64 {
        self.mosts.as_ref().map_or(self.most, |mosts| mosts[at])
    }

    /// None if it takes far too many steps.
    pub fn solve(&self) -> Option<Solution> {
        let count = self.rows.nrows();
        let norms: Vec<f64> = self.rows.outer_iter().map(|row| row.dot(&row)).collect();
        let mut kernel = Kernel { rows: self.rows, norms, gamma: self.gamma, known: FxHashMap::default() };
        let diagonal: Vec<f64> = (0..count).map(|row| kernel.value(row, row, kernel.norms[row])).collect();
        let mut alphas = vec![0.0; self.signs.len()];
        let mut gradient = self.linear.clone();
        for _ in 0..200 * self.signs.len() + 200_000 {
            let Some(first) = self.first(&alphas, &gradient) else {
                return Some(self.solution(&alphas, &gradient));
            };
            kernel.make_known(first % count);
            let Some(second) = self.second(first, &alphas, &gradient, &kernel, &diagonal) else {
                return Some(self.solution(&alphas, &gradient));
            };
            // Both rows have to be there at the same time.
            kernel.make_known(second % count);
            kernel.make_known(first % count);
            let (before_first, before_second) = (alphas[first], alphas[second]);
            let between = f64::from(kernel.known[&(first % count)][second % count]);
            let curvature = (diagonal[first % count] + diagonal[second % count] - 2.0 * between).max(FLAT);
            self.step(first, second, curvature, &mut alphas, &gradient);
            let by_first = (alphas[first] - before_first) * self.signs[first];
            let by_second = (alphas[second] - before_second) * self.signs[second];
            let (of_first, of_second) = (&kernel.known[&(first % count)], &kernel.known[&(second % count)]);
            for (at, gradient) in gradient.iter_mut().enumerate() {
                let row = at % count;
                let change = f64::from(of_first[row]) * by_first + f64::from(of_second[row]) * by_second;
                *gradient += self.signs[at] * change;
            }
        }
        None
    }

    fn may_rise(&self, at: usize, alphas: &[f64]) -> bool {
        if self.signs[at] > 0.0 { alphas[at] < self.most(at) } else { alphas[at] > 0.0 }
    }

    fn may_fall(&self, at: usize, alphas: &[f64]) -> bool {
        if self.signs[at] > 0.0 { alphas[at] > 0.0 } else { alphas[at] < self.most(at) }
    }

    /// The variable that asks most to rise.
    fn first(&self, alphas: &[f64], gradient: &[f64]) -> Option<usize> {
        let mut best: Option<(f64, usize)> = None;
        for (at, gradient) in gradient.iter().enumerate() {
            let pull = -self.signs[at] * gradient;
            if self.may_rise(at, alphas) && best.is_none_or(|(known, _)| pull > known) {
                best = Some((pull, at));
            }
        }
        best.map(|(_, at)| at)
    }

    /// The one whose fall together with it gains most; none where all is as good as done.
    fn second(
        &self,
        first: usize,
        alphas: &[f64],
        gradient: &[f64],
        kernel: &Kernel<'_>,
        diagonal: &[f64],
    ) -> Option<usize> {
        let count = diagonal.len();
        let of_first = &kernel.known[&(first % count)];
        let highest = -self.signs[first] * gradient[first];
        let mut lowest = f64::INFINITY;
        let mut best: Option<(f64, usize)> = None;
        for (at, gradient) in gradient.iter().enumerate() {
            if !self.may_fall(at, alphas) {
                continue;
            }
            let pull = -self.signs[at] * gradient;
            lowest = lowest.min(pull);
            let gap = highest - pull;
            if gap > 0.0 {
                let row = at % count;
                let curvature =
                    (diagonal[first % count] + diagonal[row] - 2.0 * f64::from(of_first[row])).max(FLAT);
                let gain = gap * gap / curvature;
                if best.is_none_or(|(known, _)| gain > known) {
                    best = Some((gain, at));
                }
            }
        }
        if highest - lowest < TOLERANCE { None } else { best.map(|(_, at)| at) }
    }

    /// Moves two variables along the line on which the sum stays, within their bounds. Whichever meets its bound is there exactly:
    /// by rounding it could be a hair away, and would be chosen again and again.
    fn step(&self, first: usize, second: usize, curvature: f64, alphas: &mut [f64], gradient: &[f64]) {
        let (a, b) = (alphas[first], alphas[second]);
        let (most, other_most) = (self.most(first), self.most(second));
        // With signs that differ both rise or both fall; else one does what the other does not.
        let is_together = self.signs[first] * self.signs[second] < 0.0;
        let direction = if is_together { 1.0 } else { -1.0 };
        let wanted = -(gradient[first] + direction * gradient[second]) / curvature;
        let room = if wanted > 0.0 { most - a } else { a };
        let other_room = if (wanted > 0.0) == is_together { other_most - b } else { b };
        let step = wanted.abs().min(room).min(other_room).copysign(wanted);
        let bound = |wanted: f64, most: f64| if wanted > 0.0 { most } else { 0.0 };
        let is_bound = |room: f64| step.abs() >= room;
        alphas[first] = if is_bound(room) { bound(wanted, most) } else { a + step };
        alphas[second] =
            if is_bound(other_room) { bound(direction * wanted, other_most) } else { b + direction * step };
    }

    fn solution(&self, alphas: &[f64], gradient: &[f64]) -> Solution {
        let count = self.rows.nrows();
        let mut weights = vec![0.0; count];
        for (at, alpha) in alphas.iter().enumerate() {
            weights[at % count] += self.signs[at] * alpha;
        }
        let (mut sum, mut free) = (0.0, 0.0);
        let (mut upper, mut lower) = (f64::INFINITY, f64::NEG_INFINITY);
        for (at, alpha) in alphas.iter().enumerate() {
            let value = self.signs[at] * gradient[at];
            if *alpha > 0.0 && *alpha < self.most(at) {
                sum += value;
                free += 1.0;
            } else if self.may_rise(at, alphas) {
                lower = lower.max(-value);
            } else {
                upper = upper.min(-value);
            }
        }
        let intercept = if free > 0.0 { -sum / free } else { f64::midpoint(upper, lower) };
        Solution { weights, intercept }
    }
}
