//! Support vector machines, for classes (one against one) and for numbers.

mod calibration;
mod dual;
mod machine;
mod nystroem;
mod smo;

use fastrand::Rng;
use linfa::traits::Fit;

use self::calibration::{Done, Pair};
use self::dual::Table;
use self::machine::{Machine, Sides, Way};
use self::nystroem::Landmarks;
use self::smo::KEPT;
use super::{
    DataShape, Dimension, Estimator, Family, FitError, HyperParams, Samples, bytes, classes, mean, numbers,
    seed_of, weights, wrong,
};
use crate::learn::cores;
use crate::learn::data::{Limits, TargetValues, Task};
use crate::learn::features::Features;
use crate::learn::model::{FittedModel, Link};
use crate::learn::pairs::pairs;

/// For classes or for numbers.
pub struct SupportVectors(pub Task);

/// Rows up to which one by landmarks takes seconds.
const USUAL: usize = 50_000;
/// Landmarks where nobody says.
const COMPONENTS: usize = 500;
/// Exact solvers that are at work for a fit at a time, each of which keeps kernels.
const SIDE_BY_SIDE: usize = 4;
const KERNELS: [&str; 3] = ["rbf", "linear", "nystroem"];

/// Rows up to which an exact fit takes seconds.
fn exact(task: Task) -> usize {
    match task {
        Task::Classification => 10_000,
        Task::Regression => 5_000,
    }
}

fn dimensions(shape: DataShape) -> Vec<Dimension> {
    let usual = 1.0 / shape.features.max(1) as f64;
    let radial = if shape.rows > exact(shape.task) { "nystroem" } else { "rbf" };
    let mut space = vec![Dimension::choice("kernel", &[radial, "linear"])];
    // The other one can be asked for.
    for kernel in ["rbf", "nystroem"] {
        space.push(Dimension::real("C", 0.01, 100.0, 1.0).log().only_if("kernel", kernel));
        space.push(
            Dimension::real("gamma", usual / 30.0, usual * 30.0, usual).log().only_if("kernel", kernel),
        );
    }
    // Without a kernel the steps to the last errors are many, and gain little.
    space.push(Dimension::real("C", 0.001, 1.0, 0.1).log().only_if("kernel", "linear"));
    space
}

/// Beside the table the features of all rows by landmarks, or the kernels that exact solvers keep.
fn memory(task: Task, rows: usize, features: usize) -> u64 {
    let more = if rows > exact(task) {
        mapped(rows, COMPONENTS.max(features))
    } else {
        (bytes(rows, rows) / 2).min(KEPT as u64) * SIDE_BY_SIDE as u64
    };
    bytes(rows, features).saturating_add(more)
}

/// Bytes of features in single precision, and of the tables that they are made with.
fn mapped(rows: usize, components: usize) -> u64 {
    (bytes(rows, components) / 2).saturating_add(bytes(components, components).saturating_mul(4))
}

/// The radial kernel of two rows, from the sum of their squared lengths and their product.
fn radial(gamma: f64, lengths: f64, product: f64) -> f64 {
    (-gamma * (lengths - 2.0 * product).max(0.0)).exp()
}

impl Family for SupportVectors {
    fn name(&self) -> &'static str {
        match self.0 {
            Task::Classification => "svm",
            Task::Regression => "svr",
        }
    }

    fn description(&self) -> &'static str {
        match self.0 {
            Task::Classification => "support vector machine (one-vs-one); approximate above 10,000 rows",
            Task::Regression => "support vector regression; approximate above 5,000 rows",
        }
    }

    fn supports(&self, task: Task) -> bool {
        task == self.0
    }

    fn is_suggested(&self, shape: DataShape) -> bool {
        shape.rows <= USUAL
    }

    fn memory(&self, rows: usize, features: usize) -> u64 {
        memory(self.0, rows, features)
    }

    fn extra_params(&self) -> &'static [&'static str] {
        &["n_components"]
    }

    fn search_space(&self, shape: DataShape) -> Vec<Dimension> {
        let mut space = dimensions(shape);
        if self.0 == Task::Regression {
            space.push(Dimension::real("epsilon", 0.01, 0.5, 0.1).log());
        }
        space
    }

    fn estimator(&self, _: Task, params: HyperParams<'_>, seed: u64) -> Result<Estimator, FitError> {
        let tube = match self.0 {
            Task::Classification => None,
            Task::Regression => Some(params.positive("epsilon", 0.1)?),
        };
        Ok(Box::new(Settings::new(params, tube, seed)?))
    }
}

/// A machine before it is fitted.
struct Settings {
    kernel: Kernel,
    c: f64,
    gamma: Option<f64>,
    /// What an error of regression may be for nothing, in deviations of the target.
    tube: Option<f64>,
    /// Of the rows that are held out of a calibration, of landmarks, and of the order in which rows are taken.
    seed: u64,
}

enum Kernel {
    Radial,
    Linear,
    /// A radial one by so many landmarks.
    Approximate(usize),
}

impl Settings {
    fn new(params: HyperParams<'_>, tube: Option<f64>, seed: u64) -> Result<Self, FitError> {
        let kernel = match params.choice("kernel", &KERNELS)? {
            "linear" => Kernel::Linear,
            "nystroem" => Kernel::Approximate(params.count("n_components", COMPONENTS)?),
            _ => Kernel::Radial,
        };
        let gamma = if params.0.contains_key("gamma") { Some(params.positive("gamma", 1.0)?) } else { None };
        Ok(Self { kernel, c: params.positive("C", 1.0)?, gamma, tube, seed })
    }

    fn task(&self) -> Task {
        if self.tube.is_some() { Task::Regression } else { Task::Classification }
    }

    fn machine<'a>(&self, features: &'a Features) -> Result<Machine<'a>, FitError> {
        let scaled = features.scaled();
        let gamma = self.gamma.unwrap_or(1.0 / scaled.ncols() as f64);
        let way = match self.kernel {
            Kernel::Linear if scaled.nrows() > exact(self.task()) => {
                Way::Plane(Table::new(scaled.mapv(|value| value as f32)), None)
            }
            Kernel::Linear => Way::Exact(None),
            Kernel::Radial => Way::Exact(Some(gamma)),
            Kernel::Approximate(count) => {
                let count = count.min(scaled.nrows());
                if let Some(lack) = Limits::of_this_machine().shortage(mapped(scaled.nrows(), count)) {
                    return Err(wrong(format!("{count} components {lack}; lower n_components")));
                }
                let mut rng = Rng::with_seed(self.seed);
                let landmarks = Landmarks::new(scaled, gamma, count, &mut rng)?;
                Way::Plane(landmarks.features(scaled), Some(landmarks))
            }
        };
        Ok(Machine { scaled, c: self.c, way })
    }

    fn rng(&self, number: usize) -> Rng {
        Rng::with_seed(seed_of(self.seed, number as u64))
    }

    fn of_numbers(
        &self,
        machine: &Machine<'_>,
        values: &[f64],
        tube: f64,
        weights: Option<&[f64]>,
    ) -> Result<FittedModel, FitError> {
        let middle = mean(values, weights);
        let squares: Vec<f64> = values.iter().map(|value| (value - middle).powi(2)).collect();
        let deviation = mean(&squares, weights).sqrt().max(f64::MIN_POSITIVE);
        let of: Vec<f64> = values.iter().map(|value| (value - middle) / deviation).collect();
        let mut fitted = machine.regress(&of, weights, tube, &mut self.rng(0))?;
        fitted.weights.iter_mut().for_each(|weight| *weight *= deviation);
        fitted.intercept = fitted.intercept * deviation + middle;
        Ok(model(machine, &[fitted], Link::Number))
    }

    fn of_classes(
        &self,
        machine: &Machine<'_>,
        (of, count): (&[u32], usize),
        weights: Option<&[f64]>,
    ) -> Result<FittedModel, FitError> {
        let pairs: Vec<Pair> = pairs(count)
            .enumerate()
            .map(|(number, (first, second))| {
                let is_in = |row: &usize| of[*row] as usize == first || of[*row] as usize == second;
                let rows: Vec<usize> = (0..of.len()).filter(is_in).collect();
                let signs =
                    rows.iter().map(|row| if of[*row] as usize == first { 1.0 } else { -1.0 }).collect();
                let weights = weights.map(|of| rows.iter().map(|row| of[*row]).collect());
                Pair::new(Sides { rows, signs, weights }, &mut self.rng(number))
            })
            .collect();
        let parts = pairs
            .iter()
            .enumerate()
            .flat_map(|(number, pair)| pair.parts(machine).into_iter().map(move |part| (number, part)));
        let parts: Vec<_> = parts.collect();
        let numbers: Vec<usize> = parts.iter().map(|(number, _)| *number).collect();
        let most = if matches!(machine.way, Way::Exact(_)) { SIDE_BY_SIDE } else { usize::MAX };
        let done = cores::side_by_side_on(cores::threads().min(most), parts, |(number, part)| {
            pairs[number].fit(machine, part, &mut self.rng(number))
        });
        let mut machines = Vec::with_capacity(pairs.len());
        let mut scores: Vec<Vec<_>> = pairs.iter().map(|_| Vec::new()).collect();
        for (number, done) in numbers.into_iter().zip(done) {
            match done {
                Done::Machine(fitted) => machines.push(fitted?),
                Done::Scores(of) => scores[number].push(of),
            }
        }
        let sigmoids = pairs.iter().zip(&scores).map(|(pair, scores)| pair.sigmoid(scores)).collect();
        Ok(model(machine, &machines, Link::Votes { classes: count, sigmoids }))
    }
}

impl Fit<Features, TargetValues, FitError> for Settings {
    type Object = FittedModel;

    fn fit(&self, data: &Samples) -> Result<FittedModel, FitError> {
        let machine = self.machine(&data.records)?;
        let weights = weights(data);
        let weights = weights.as_deref();
        match self.tube {
            Some(tube) => self.of_numbers(&machine, numbers(&data.targets)?, tube, weights),
            None => self.of_classes(&machine, classes(&data.targets)?, weights),
        }
    }
}

fn model(machine: &Machine<'_>, fitted: &[machine::Fitted], link: Link) -> FittedModel {
    let form = machine.form(fitted);
    let importance = super::ridge::magnitudes(&form);
    FittedModel { form, link, importance }
}

#[cfg(test)]
mod tests;
