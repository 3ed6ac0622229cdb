//! Linear support vector machines of many rows, by dual coordinate descent with shrinking, as LIBLINEAR solves them (Hsieh et
//! al. 2008; for numbers Ho and Lin 2012). Rows are in single precision.

use fastrand::Rng;
use ndarray::Array2;

use super::machine::Fitted;

/// A variable is as good as done whose slope is no greater.
const TOLERANCE: f64 = 0.01;
/// Passes over all rows, after which what is found is taken.
const MOST_PASSES: usize = 1_000;

/// Rows in single precision, one behind the other.
pub struct Table {
    values: Vec<f32>,
    pub width: usize,
}

impl Table {
    pub fn new(rows: Array2<f32>) -> Self {
        let width = rows.ncols();
        let is_in_order = rows.is_standard_layout();
        let values =
            if is_in_order { rows.into_raw_vec_and_offset().0 } else { rows.iter().copied().collect() };
        Self { values, width }
    }

    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.width..][..self.width]
    }
}

/// What rows are to be told, and what an error costs.
pub struct Problem<'a> {
    /// A table, of which these rows are learnt from.
    pub table: &'a Table,
    pub rows: &'a [usize],
    /// Of each of them: a sign, or a number.
    pub targets: &'a [f64],
    /// How much each of them counts; none where all count once.
    pub weights: Option<&'a [f64]>,
    pub c: f64,
    /// What an error may be for nothing, where numbers are predicted; none where signs are.
    pub tube: Option<f64>,
}

/// Where a variable stands, and how far it may go.
#[derive(Debug, Clone, Copy)]
struct Variable {
    value: f64,
    least: f64,
    most: f64,
}

impl Variable {
    /// How steep it is to rise and to fall from here: a negative slope of one, and a positive one of the other, ask for it.
    fn slopes(self, gradient: f64, tube: f64) -> (f64, f64) {
        let of = |is_above: bool| if is_above { gradient + tube } else { gradient - tube };
        (of(self.value >= 0.0), of(self.value > 0.0))
    }

    fn violation(self, (rise, fall): (f64, f64)) -> f64 {
        let up = if self.value < self.most { -rise } else { 0.0 };
        let down = if self.value > self.least { fall } else { 0.0 };
        up.max(down).max(0.0)
    }

    /// Whether it will hardly move again.
    fn is_settled(self, (rise, fall): (f64, f64), margin: f64) -> bool {
        (self.value >= self.most || rise > margin) && (self.value <= self.least || fall < -margin)
    }

    /// The least along this variable.
    fn moved(self, gradient: f64, curvature: f64, tube: f64) -> f64 {
        let wanted = curvature * self.value - gradient;
        let within = wanted.signum() * (wanted.abs() - tube).max(0.0) / curvature;
        within.clamp(self.least, self.most)
    }
}

impl Problem<'_> {
    /// The same from the same state of `rng`.
    pub fn solve(&self, rng: &mut Rng) -> Fitted {
        let tube = self.tube.unwrap_or(0.0);
        let mut variables: Vec<Variable> = (0..self.rows.len()).map(|at| self.begun(at)).collect();
        // The last weight is of a feature that is always 1.
        let mut plane = vec![0.0; self.table.width];
        let mut constant = 0.0;
        let square = |value: &f32| f64::from(*value).powi(2);
        let curvature = |at: usize| self.row(at).iter().map(square).sum::<f64>() + 1.0;
        let curvatures: Vec<f64> = (0..self.rows.len()).map(curvature).collect();
        let mut active: Vec<usize> = (0..self.rows.len()).collect();
        let mut margin = f64::INFINITY;
        for _ in 0..MOST_PASSES {
            let is_whole = active.len() == self.rows.len();
            rng.shuffle(&mut active);
            let mut greatest = 0.0_f64;
            active.retain(|at| {
                let row = self.row(*at);
                let gradient = dot(row, &plane) + constant - self.targets[*at];
                let variable = &mut variables[*at];
                let slopes = variable.slopes(gradient, tube);
                let violation = variable.violation(slopes);
                if violation <= 0.0 {
                    return !variable.is_settled(slopes, margin);
                }
                greatest = greatest.max(violation);
                let moved = variable.moved(gradient, curvatures[*at], tube);
                let step = moved - variable.value;
                variable.value = moved;
                constant += step;
                for (weight, value) in plane.iter_mut().zip(row) {
                    *weight += step * f64::from(*value);
                }
                true
            });
            margin = greatest;
            if greatest <= TOLERANCE {
                if is_whole {
                    break;
                }
                // Those that were thought settled are looked at again.
                active = (0..self.rows.len()).collect();
                margin = f64::INFINITY;
            }
        }
        let intercept = self.intercept(&plane);
        Fitted { weights: plane, intercept }
    }

    fn row(&self, at: usize) -> &[f32] {
        self.table.row(self.rows[at])
    }

    fn begun(&self, at: usize) -> Variable {
        let most = self.c * self.weights.map_or(1.0, |of| of[at]);
        let (least, most) = match self.tube {
            Some(_) => (-most, most),
            None if self.targets[at] > 0.0 => (0.0, most),
            None => (-most, 0.0),
        };
        Variable { value: 0.0, least, most }
    }

    /// The best one for these weights. While they were sought it counted as a weight, which is to be small too.
    fn intercept(&self, weights: &[f64]) -> f64 {
        // Where the slope of the loss changes, and by how much: errors of one kind end there, or those of the other begin.
        let mut bends = Vec::with_capacity(2 * self.rows.len());
        let mut slope = 0.0;
        for (at, target) in self.targets.iter().enumerate() {
            let score = dot(self.row(at), weights);
            let weight = self.weights.map_or(1.0, |of| of[at]);
            let tube = self.tube.unwrap_or(0.0);
            if self.tube.is_some() || *target > 0.0 {
                bends.push((target - score - tube, weight));
                slope -= weight;
            }
            if self.tube.is_some() || *target <= 0.0 {
                bends.push((target - score + tube, weight));
            }
        }
        bends.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let (mut at, mut before) = (0.0, None);
        let even = slope.abs() * 1e-12;
        for (bend, weight) in bends {
            if let Some(before) = before {
                return f64::midpoint(before, bend);
            }
            at = bend;
            slope += weight;
            if slope > even {
                break;
            }
            // It is level from here to the next bend.
            before = (slope >= -even).then_some(bend);
        }
        at
    }
}

/// In lanes, so that it is done several at a time.
fn dot(row: &[f32], plane: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (row, plane) = (row.chunks_exact(LANES), plane.chunks_exact(LANES));
    let rest: f64 = row.remainder().iter().zip(plane.remainder()).map(|(a, b)| f64::from(*a) * b).sum();
    for (row, plane) in row.zip(plane) {
        for lane in 0..LANES {
            sums[lane] += f64::from(row[lane]) * plane[lane];
        }
    }
    rest + sums.iter().sum::<f64>()
}
