//! How much the rows of a table count in a fit.

use serde::{Deserialize, Serialize};

use crate::learn::study::TrainingData;
use crate::text::exact;

/// How much rows count in a fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeightsReport {
    /// The column that says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The least weight in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub least: Option<f64>,
    /// The greatest one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub greatest: Option<f64>,
    /// Rows of weight 0, which are not learnt from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zeros: Option<usize>,
    /// How much rows of each class count: `balanced`, or as in `yes=5,no=1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weight: Option<String>,
}

/// None where all rows count alike.
pub(super) fn report(study: &TrainingData) -> Option<WeightsReport> {
    let plan = &study.weights.plan;
    let range = study.weights.range(&study.target.rows);
    plan.is_weighted().then(|| WeightsReport {
        column: plan.weight_column.clone(),
        least: range.map(|range| range.least),
        greatest: range.map(|range| range.greatest),
        zeros: range.map(|range| range.zeros),
        class_weight: plan.class_weight.as_ref().map(ToString::to_string),
    })
}

impl WeightsReport {
    /// For people.
    pub(super) fn in_words(&self) -> String {
        let by_column = self.column.as_ref().map(|column| {
            let range = self.least.zip(self.greatest);
            let range = range.map_or(String::new(), |(least, greatest)| {
                format!(", {} to {}", exact(least), exact(greatest))
            });
            let zeros = self.zeros.filter(|zeros| *zeros > 0);
            let zeros = zeros.map_or(String::new(), |zeros| {
                format!("; {zeros} of weight 0 are scored, but not learnt from")
            });
            format!("by {column}{range}{zeros}")
        });
        let by_class = self.class_weight.as_ref().map(|weight| format!("by class, {weight}"));
        let ways: Vec<String> = by_column.into_iter().chain(by_class).collect();
        format!("rows are weighted {}; metrics are not weighted", ways.join("; and "))
    }

    /// For a narrow place.
    pub(super) fn briefly(&self) -> String {
        let by_class = self.class_weight.as_ref().map(|weight| format!("class weights {weight}"));
        let by_column = self.column.as_ref().map(|column| format!("weights of {column}"));
        by_column.into_iter().chain(by_class).collect::<Vec<_>>().join(", ")
    }
}
