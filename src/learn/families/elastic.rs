//! Lasso and elastic net: linfa's coordinate descent, on scaled features.

use linfa::traits::Fit;
use linfa_elasticnet::ElasticNet as Net;

use super::centred::Centred;
use super::ridge::linear;
use super::{DataShape, Dimension, Estimator, Family, FitError, HyperParams, Samples, wrong};
use crate::learn::data::{TargetValues, Task};
use crate::learn::features::Features;
use crate::learn::model::FittedModel;

pub struct Lasso;
pub struct ElasticNet;

fn alpha() -> Dimension {
    Dimension::real("alpha", 1e-4, 1.0, 0.01).log()
}

impl Family for Lasso {
    fn name(&self) -> &'static str {
        "lasso"
    }

    fn description(&self) -> &'static str {
        "linear regression with feature selection (L1)"
    }

    fn supports(&self, task: Task) -> bool {
        task == Task::Regression
    }

    fn search_space(&self, _: DataShape) -> Vec<Dimension> {
        vec![alpha()]
    }

    fn estimator(&self, _: Task, params: HyperParams<'_>, _: u64) -> Result<Estimator, FitError> {
        Ok(Box::new(Descent { alpha: params.positive("alpha", 0.01)?, l1_ratio: 1.0 }))
    }
}

impl Family for ElasticNet {
    fn name(&self) -> &'static str {
        "elastic_net"
    }

    fn description(&self) -> &'static str {
        "between lasso and ridge (L1 and L2)"
    }

    fn supports(&self, task: Task) -> bool {
        task == Task::Regression
    }

    fn search_space(&self, _: DataShape) -> Vec<Dimension> {
        vec![alpha(), Dimension::real("l1_ratio", 0.05, 0.95, 0.5)]
    }

    fn estimator(&self, _: Task, params: HyperParams<'_>, _: u64) -> Result<Estimator, FitError> {
        let l1_ratio = params.real("l1_ratio", 0.5)?;
        if !(0.01..=1.0).contains(&l1_ratio) {
            return Err(wrong(format!(
                "l1_ratio is {l1_ratio}; it must be from 0.01 to 1; below, use ridge"
            )));
        }
        Ok(Box::new(Descent { alpha: params.positive("alpha", 0.01)?, l1_ratio }))
    }
}

/// The penalty is relative to the target's deviation, so that one range suits all targets.
struct Descent {
    alpha: f64,
    l1_ratio: f64,
}

/// The duality gap that is taken for converged, over the target's variance.
const TOLERANCE: f64 = 1e-4;

impl Fit<Features, TargetValues, FitError> for Descent {
    type Object = FittedModel;

    fn fit(&self, data: &Samples) -> Result<FittedModel, FitError> {
        let centred = Centred::new(data)?;
        let deviation = centred.deviation.max(f64::MIN_POSITIVE);
        let set = linfa::DatasetBase::new(centred.rows.view(), &centred.values / deviation);
        // The penalty is that of a row, and linfa counts rows.
        let fitted = Net::params()
            .with_intercept(!centred.is_weighted())
            .penalty(self.alpha * (centred.all / data.records.raw.rows as f64))
            .l1_ratio(self.l1_ratio)
            .max_iterations(5_000)
            .tolerance(TOLERANCE)
            .fit(&set)
            .map_err(|error| wrong(error.to_string()))?;
        let gap = fitted.duality_gap() / centred.all;
        if gap > TOLERANCE * 10.0 {
            return Err(wrong(format!("no convergence in 5,000 iterations (gap {gap:.1e}); increase alpha")));
        }
        let weights = fitted.hyperplane() * deviation;
        let intercept = centred.intercept(&weights) + fitted.intercept() * deviation;
        Ok(linear(weights, intercept))
    }
}
