//! Both ways to a machine: exactly by the kernel of the rows with each other, or by a plane through features that stand for it.

use fastrand::Rng;
use ndarray::{Array2, ArrayView1, Axis};

use super::nystroem::Landmarks;
use super::{dual, smo};
use crate::learn::families::{FitError, wrong};
use crate::learn::model::ModelForm;

/// What tells two classes apart: rows of a table, with a sign each, and how much each counts, where not all count once.
#[derive(Debug, Clone)]
pub struct Sides {
    pub rows: Vec<usize>,
    pub signs: Vec<f64>,
    pub weights: Option<Vec<f64>>,
}

impl Sides {
    /// Those at these places.
    pub fn select(&self, places: &[usize]) -> Self {
        let of = |values: &Vec<f64>| places.iter().map(|at| values[*at]).collect();
        Self {
            rows: places.iter().map(|at| self.rows[*at]).collect(),
            signs: of(&self.signs),
            weights: self.weights.as_ref().map(of),
        }
    }

    /// Whether there are no two classes to tell apart.
    pub fn is_one_sided(&self) -> bool {
        let first = self.positive();
        first == 0 || first == self.signs.len()
    }

    /// How many have a sign of 1.
    pub fn positive(&self) -> usize {
        self.signs.iter().filter(|sign| **sign > 0.0).count()
    }
}

/// A fitted machine: its score is a sum by these weights, of the kernels with all rows of the table or of features, and the
/// intercept.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    pub weights: Vec<f64>,
    pub intercept: f64,
}

/// Scaled rows to fit machines on, and how.
pub struct Machine<'a> {
    pub scaled: &'a Array2<f64>,
    pub c: f64,
    pub way: Way,
}

/// How the rows are told apart.
pub enum Way {
    /// By the kernel of all rows: a linear one, or a radial one of this `gamma`.
    Exact(Option<f64>),
    /// By a plane through features in single precision: the scaled ones, or those that landmarks make of them.
    Plane(dual::Table, Option<Landmarks>),
}

impl Machine<'_> {
    /// Of five parts of the rows so many are held out in turn for a calibration: where rows are many, one is enough.
    pub fn held_out(&self) -> usize {
        match self.way {
            Way::Exact(_) => 5,
            Way::Plane(..) => 1,
        }
    }

    pub fn classify(&self, of: &Sides, rng: &mut Rng) -> Result<Fitted, FitError> {
        let (rows, weights) = (&of.rows, of.weights.as_deref());
        match &self.way {
            Way::Exact(gamma) => {
                let part = self.scaled.select(Axis(0), rows);
                let problem = smo::Problem::classification(part.view(), *gamma, &of.signs, self.c);
                let solution = solved(&problem.weighted(weights))?;
                let mut weights = vec![0.0; self.scaled.nrows()];
                for (row, weight) in rows.iter().zip(solution.weights) {
                    weights[*row] = weight;
                }
                Ok(Fitted { weights, intercept: solution.intercept })
            }
            Way::Plane(table, _) => {
                let problem =
                    dual::Problem { table, rows, targets: &of.signs, weights, c: self.c, tube: None };
                Ok(problem.solve(rng))
            }
        }
    }

    /// For all rows. An error up to `tube` costs nothing.
    pub fn regress(
        &self,
        targets: &[f64],
        weights: Option<&[f64]>,
        tube: f64,
        rng: &mut Rng,
    ) -> Result<Fitted, FitError> {
        match &self.way {
            Way::Exact(gamma) => {
                let problem = smo::Problem::regression(self.scaled.view(), *gamma, targets, self.c, tube);
                let solution = solved(&problem.weighted(weights))?;
                Ok(Fitted { weights: solution.weights, intercept: solution.intercept })
            }
            Way::Plane(table, _) => {
                let rows: Vec<usize> = (0..targets.len()).collect();
                let tube = Some(tube);
                let problem = dual::Problem { table, rows: &rows, targets, weights, c: self.c, tube };
                Ok(problem.solve(rng))
            }
        }
    }

    /// What a machine says of a row.
    pub fn score(&self, fitted: &Fitted, row: usize) -> f64 {
        let weights = fitted.weights.iter();
        let sum: f64 = match &self.way {
            Way::Exact(gamma) => {
                let here = self.scaled.row(row);
                let known = weights.zip(self.scaled.outer_iter()).filter(|(weight, _)| **weight != 0.0);
                known.map(|(weight, known)| weight * kernel(known, here, *gamma)).sum()
            }
            Way::Plane(table, _) => {
                weights.zip(table.row(row)).map(|(weight, value)| weight * f64::from(*value)).sum()
            }
        };
        fitted.intercept + sum
    }

    /// The model of machines, a score each.
    pub fn form(&self, machines: &[Fitted]) -> ModelForm {
        let intercepts = machines.iter().map(|fitted| fitted.intercept).collect();
        let size = machines[0].weights.len();
        let weights = Array2::from_shape_fn((size, machines.len()), |(at, of)| machines[of].weights[at]);
        match &self.way {
            Way::Plane(_, None) => ModelForm::Linear { weights, squares: None, intercepts },
            Way::Plane(_, Some(landmarks)) => ModelForm::Kernels {
                rows: landmarks.rows.clone(),
                weights: landmarks.of_kernels(&weights),
                gamma: landmarks.gamma,
                intercepts,
            },
            Way::Exact(None) => {
                ModelForm::Linear { weights: self.scaled.t().dot(&weights), squares: None, intercepts }
            }
            Way::Exact(Some(gamma)) => {
                // Rows without a weight say nothing.
                let counts = |row: &usize| weights.row(*row).iter().any(|weight| *weight != 0.0);
                let kept: Vec<usize> = (0..size).filter(counts).collect();
                ModelForm::Kernels {
                    rows: self.scaled.select(Axis(0), &kept),
                    weights: weights.select(Axis(0), &kept),
                    gamma: *gamma,
                    intercepts,
                }
            }
        }
    }

    /// Where rows are of one class only, or there are none: that class or the first wins.
    pub fn constant(&self, sign: f64) -> Fitted {
        let size = match &self.way {
            Way::Exact(_) => self.scaled.nrows(),
            Way::Plane(table, _) => table.width,
        };
        Fitted { weights: vec![0.0; size], intercept: sign }
    }
}

fn kernel(known: ArrayView1<'_, f64>, here: ArrayView1<'_, f64>, gamma: Option<f64>) -> f64 {
    match gamma {
        None => known.dot(&here),
        Some(gamma) => {
            let distance: f64 = known.iter().zip(here).map(|(a, b)| (a - b) * (a - b)).sum();
            (-gamma * distance).exp()
        }
    }
}

fn solved(problem: &smo::Problem<'_>) -> Result<smo::Solution, FitError> {
    problem.solve().ok_or_else(|| wrong("the solver did not converge; lower C"))
}
