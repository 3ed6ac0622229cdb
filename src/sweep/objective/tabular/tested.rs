//! What the test part tells of a model, as files. Rows are counted from 0, as in the data set.

use crate::learn::data::TargetValues;
use crate::learn::permutation::ColumnImportance;
use crate::learn::scores::curves::{CurvePoint, Steps, calibration, precision_recall, roc};
use crate::learn::scores::{Prediction, confusion};
use crate::learn::study::{Fitted, PreparedPart, TrainingData};
use crate::sweep::engine::record::kept::ModelSignature;

/// Of more classes no curves are written.
const MOST_CLASSES: usize = 20;

/// A model that was fitted to all but the test part, and judged by that.
pub struct Tested<'a> {
    pub part: &'a PreparedPart,
    pub fitted: &'a Fitted,
    /// What each column tells, where that is known.
    pub importance: Option<Vec<ColumnImportance>>,
    /// How much each member counts, where it averages some: a file.
    pub weights: Option<(&'static str, String)>,
}

/// Predicted classes and their probabilities, with the true ones.
struct Classified<'a> {
    truth: &'a [u32],
    classes: &'a [u32],
    /// Of each row that of each class.
    probabilities: &'a [f64],
    /// As CSV cells.
    names: Vec<String>,
}

impl Tested<'_> {
    /// Files by their names.
    pub fn files(&self, data: &TrainingData, signature: &ModelSignature) -> Vec<(&'static str, String)> {
        let mut files = Vec::new();
        match (&self.part.truth, &self.fitted.prediction) {
            (
                TargetValues::Classes { classes: truth, .. },
                Prediction::Classes { classes, probabilities, count, .. },
            ) => {
                let labels = data.target.labels.as_ref();
                let name = |class| quoted(&labels.map_or(format!("{class}"), |labels| labels.name(class)));
                let names = (0..*count).map(name).collect();
                let classified = Classified { truth, classes, probabilities, names };
                files.push(("confusion_matrix.csv", classified.confusion()));
                files.push(("predictions.csv", classified.predictions(data, signature)));
                if *count <= MOST_CLASSES {
                    files.push(("curves.csv", classified.curves()));
                }
            }
            (TargetValues::Numbers(truth), Prediction::Numbers(predicted)) => {
                let mut text = String::from("row,true,prediction,residual\n");
                for ((row, truth), predicted) in data.split.test.iter().zip(truth).zip(predicted) {
                    text.push_str(&format!("{row},{truth},{predicted},{}\n", truth - predicted));
                }
                files.push(("residuals.csv", text));
            }
            _ => {}
        }
        files.extend(self.fitted.model.importance.as_ref().map(|shares| self.features(shares)));
        files.extend(self.weights.clone());
        files.extend(self.importance.as_ref().map(|importance| permutation(data, importance)));
        files
    }

    fn features(&self, shares: &[f64]) -> (&'static str, String) {
        let mut named: Vec<_> = self.part.preparation.names.iter().zip(shares).collect();
        named.sort_by(|a, b| b.1.total_cmp(a.1));
        let mut text = String::from("feature,importance\n");
        for (name, share) in named {
            text.push_str(&format!("{},{share}\n", quoted(name)));
        }
        ("feature_importance.csv", text)
    }
}

fn permutation(data: &TrainingData, importance: &[ColumnImportance]) -> (&'static str, String) {
    let mut columns: Vec<&ColumnImportance> = importance.iter().collect();
    columns.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    let mut text = String::from("column,importance_mean,importance_std\n");
    for column in columns {
        let name = quoted(&data.frame.columns[column.column].name);
        text.push_str(&format!("{name},{},{}\n", column.mean, column.deviation));
    }
    ("permutation_importance.csv", text)
}

impl Classified<'_> {
    fn confusion(&self) -> String {
        let names = &self.names;
        let mut text = format!("true \\ predicted,{}\n", names.join(","));
        for (name, row) in names.iter().zip(confusion(self.truth, self.classes, names.len())) {
            let counts: Vec<_> = row.iter().map(u64::to_string).collect();
            text.push_str(&format!("{name},{}\n", counts.join(",")));
        }
        text
    }

    fn predictions(&self, data: &TrainingData, signature: &ModelSignature) -> String {
        let outputs: Vec<_> = signature.outputs.iter().map(|(name, _)| quoted(name)).collect();
        let mut text = format!("row,true,{}\n", outputs.join(","));
        let of_classes = self.probabilities.chunks(self.names.len());
        let rows = data.split.test.iter().zip(self.truth).zip(self.classes).zip(of_classes);
        for (((row, truth), class), of_classes) in rows {
            text.push_str(&format!("{row},{},{}", self.names[*truth as usize], self.names[*class as usize]));
            // With very many classes a model brings out none.
            for probability in of_classes.iter().take(outputs.len() - 1) {
                text.push_str(&format!(",{probability}"));
            }
            text.push('\n');
        }
        text
    }

    /// Each class against the rest; of two classes the second.
    fn curves(&self) -> String {
        let count = self.names.len();
        let mut text = String::from("curve,class,x,y,threshold\n");
        for class in if count == 2 { 1..2 } else { 0..count } {
            let rows = self.truth.iter().zip(self.probabilities.chunks(count));
            let ranked: Vec<(f64, bool)> =
                rows.map(|(truth, row)| (row[class], *truth as usize == class)).collect();
            let calibrated = calibration(&ranked);
            let steps = Steps::new(ranked);
            let curves = [
                ("roc", roc(&steps)),
                ("precision_recall", precision_recall(&steps)),
                ("calibration", Some(calibrated)),
            ];
            for (curve, points) in curves {
                for CurvePoint { threshold, x, y } in points.into_iter().flatten() {
                    text.push_str(&format!("{curve},{},{x:.6},{y:.6},{threshold}\n", self.names[class]));
                }
            }
        }
        text
    }
}

/// A text as a CSV cell.
pub(super) fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
