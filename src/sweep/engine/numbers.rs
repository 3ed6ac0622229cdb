//! Sums over the values of reports.

/// The values of a report, in the objective's order; none where one is not defined or not finite.
pub type Values = Vec<Option<f64>>;

/// Numbers as JSON has them: what is not finite becomes nothing.
pub fn finite(values: &[f64]) -> Values {
    values.iter().map(|value| Some(*value).filter(|value| value.is_finite())).collect()
}

/// The mean and the standard deviation (over n) of each value over some reports; none where a report has none.
pub fn moments(reports: &[Values]) -> (Values, Values) {
    let width = reports.first().map_or(0, Vec::len);
    let count = reports.len() as f64;
    let mut all = (Vec::with_capacity(width), Vec::with_capacity(width));
    for at in 0..width {
        let values: Option<Vec<f64>> =
            reports.iter().map(|report| report.get(at).copied().flatten()).collect();
        let mean = values.as_ref().map(|values| values.iter().sum::<f64>() / count);
        all.0.push(mean);
        all.1.push(values.zip(mean).map(|(values, mean)| {
            (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
        }));
    }
    all
}
