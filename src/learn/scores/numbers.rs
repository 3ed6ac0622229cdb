//! Scores of predicted numbers that are measured where they are asked for.

/// `None` where the values leave it undefined.
type Measured = Option<f64>;

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values {
        sum += value;
        count += 1.0;
    }
    sum / count
}

fn errors<'a>(truth: &'a [f64], predicted: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    truth.iter().zip(predicted).map(|(truth, predicted)| truth - predicted)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    match (values.get(half), values.len() % 2) {
        (Some(middle), 1) => *middle,
        (Some(upper), _) => f64::midpoint(values[half - 1], *upper),
        (None, _) => f64::NAN,
    }
}

/// The part of the error of a plain guess that is gone. Where that has none, nothing is gone, but where nothing is left.
pub(super) fn explained(left: f64, plain: f64) -> f64 {
    if plain > 0.0 { 1.0 - left / plain } else { f64::from(u8::from(left <= 0.0)) }
}

pub(super) fn mse(truth: &[f64], predicted: &[f64]) -> f64 {
    mean(errors(truth, predicted).map(|error| error * error))
}

pub(super) fn median_absolute_error(truth: &[f64], predicted: &[f64]) -> f64 {
    median(errors(truth, predicted).map(f64::abs))
}

pub(super) fn max_error(truth: &[f64], predicted: &[f64]) -> Measured {
    errors(truth, predicted).map(f64::abs).max_by(f64::total_cmp)
}

pub(super) fn explained_variance(truth: &[f64], predicted: &[f64]) -> f64 {
    let bias = mean(errors(truth, predicted));
    let left = mean(errors(truth, predicted).map(|error| (error - bias).powi(2)));
    let middle = mean(truth.iter().copied());
    explained(left, mean(truth.iter().map(|value| (value - middle).powi(2))))
}

pub(super) fn msle(truth: &[f64], predicted: &[f64]) -> Measured {
    let is_defined = truth.iter().chain(predicted).all(|value| *value > -1.0);
    let pairs = truth.iter().zip(predicted);
    is_defined.then(|| mean(pairs.map(|(truth, predicted)| (truth.ln_1p() - predicted.ln_1p()).powi(2))))
}

pub(super) fn rmsle(truth: &[f64], predicted: &[f64]) -> Measured {
    msle(truth, predicted).map(f64::sqrt)
}

pub(super) fn d2_absolute_error(truth: &[f64], predicted: &[f64]) -> f64 {
    let middle = median(truth.iter().copied());
    let plain = mean(truth.iter().map(|value| (value - middle).abs()));
    explained(mean(errors(truth, predicted).map(f64::abs)), plain)
}

pub(super) fn mean_poisson_deviance(truth: &[f64], predicted: &[f64]) -> Measured {
    let is_defined = truth.iter().all(|value| *value >= 0.0) && predicted.iter().all(|value| *value > 0.0);
    let one = |(truth, predicted): (&f64, &f64)| {
        let logs = if *truth > 0.0 { truth * (truth / predicted).ln() } else { 0.0 };
        2.0 * (logs - truth + predicted)
    };
    is_defined.then(|| mean(truth.iter().zip(predicted).map(one)))
}

pub(super) fn mean_gamma_deviance(truth: &[f64], predicted: &[f64]) -> Measured {
    let is_defined = truth.iter().chain(predicted).all(|value| *value > 0.0);
    let one = |(truth, predicted): (&f64, &f64)| 2.0 * ((predicted / truth).ln() + truth / predicted - 1.0);
    is_defined.then(|| mean(truth.iter().zip(predicted).map(one)))
}

/// The loss that the quantile has the least of.
pub(super) fn pinball<const PERCENT: u32>(truth: &[f64], predicted: &[f64]) -> f64 {
    let share = f64::from(PERCENT) / 100.0;
    mean(errors(truth, predicted).map(|error| (share * error).max((share - 1.0) * error)))
}
