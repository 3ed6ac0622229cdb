//! Logistic regression with a ridge penalty: linfa's.

use linfa::traits::Fit;
use linfa_logistic::{LogisticRegression, MultiLogisticRegression};
use ndarray::{Array1, Array2};

use super::{DataShape, Dimension, Estimator, Family, FitError, HyperParams, Samples, classes, wrong};
use crate::learn::data::{TargetValues, Task};
use crate::learn::model::{FittedModel, Link, ModelForm};
use crate::learn::prepare::Features;

pub struct Logistic;

/// The score of a class that the training rows do not have.
const NEVER: f64 = -1e3;

impl Family for Logistic {
    fn name(&self) -> &'static str {
        "logistic"
    }

    fn description(&self) -> &'static str {
        "logistic regression, multiclass too; slow above 20,000 rows"
    }

    fn supports(&self, task: Task) -> bool {
        task == Task::Classification
    }

    fn is_suggested(&self, shape: DataShape) -> bool {
        shape.rows * shape.features <= 1_000_000
    }

    fn search_space(&self, _: DataShape) -> Vec<Dimension> {
        vec![Dimension::real("C", 1e-3, 1e3, 1.0).log()]
    }

    fn estimator(&self, _: Task, params: HyperParams<'_>, _: u64) -> Result<Estimator, FitError> {
        Ok(Box::new(Penalised { alpha: 1.0 / params.positive("C", 1.0)? }))
    }
}

struct Penalised {
    alpha: f64,
}

impl Fit<Features, TargetValues, FitError> for Penalised {
    type Object = FittedModel;

    fn fit(&self, data: &Samples) -> Result<FittedModel, FitError> {
        let (of, count) = classes(&data.targets)?;
        let scaled = data.records.scaled();
        let width = scaled.ncols();
        let failed =
            |error: &dyn std::fmt::Display| wrong(format!("logistic regression did not converge: {error}"));
        let mut met: Vec<usize> = of.iter().map(|class| *class as usize).collect();
        let set = linfa::DatasetBase::new(scaled.view(), Array1::from(met.clone()));
        met.sort_unstable();
        met.dedup();
        let (form, link) = if count == 2 {
            let fitted = LogisticRegression::default()
                .alpha(self.alpha)
                .max_iterations(500)
                .fit(&set)
                .map_err(|error| failed(&error))?;
            // Which of the classes the odds are of follows from the order in which linfa met them.
            let sign = if fitted.labels().pos.class == 1 { 1.0 } else { -1.0 };
            let weights = (fitted.params() * sign).insert_axis(ndarray::Axis(1));
            let intercepts = vec![fitted.intercept() * sign];
            (ModelForm::Linear { weights, squares: None, intercepts }, Link::Logistic)
        } else {
            let fitted = MultiLogisticRegression::default()
                .alpha(self.alpha)
                .max_iterations(500)
                .fit(&set)
                .map_err(|error| failed(&error))?;
            let mut weights = Array2::zeros((width, count));
            let mut intercepts = vec![NEVER; count];
            for (at, class) in fitted.classes().iter().enumerate() {
                weights.column_mut(*class).assign(&fitted.params().column(at));
                intercepts[*class] = fitted.intercept()[at];
            }
            (ModelForm::Linear { weights, squares: None, intercepts }, Link::Softmax)
        };
        let importance = super::ridge::magnitudes(&form);
        Ok(FittedModel { form, link, importance })
    }
}
