//! What is kept of a trial that was fitted on all but the test part, as files in its folder, until the store has them.

use std::path::Path;

use serde_json::{Value as Json, json};

use crate::disk::{self, Care};
use crate::learn::data::{ColumnKind, ColumnValues, DataColumn, TargetValues};
use crate::learn::onnx::export;
use crate::learn::scores::{Prediction, confusion};
use crate::learn::study::{Fitted, PreparedPart, TrainingData};
use crate::sweep::engine::record::kept::{MODEL, ModelSignature, SIGNATURE};

/// Rows of the data set that go with a model as an example of its input.
const EXAMPLE: usize = 5;

/// Writes the model and the files that tell of the test.
///
/// # Errors
/// Where one cannot be written.
pub fn keep(folder: &Path, data: &TrainingData, part: &PreparedPart, fitted: &Fitted) -> std::io::Result<()> {
    let labels = data.target.labels.as_ref();
    let exported = export(&fitted.model, &part.preparation, &data.frame, labels);
    let columns: Vec<&DataColumn> = exported.inputs.iter().map(|at| &data.frame.columns[*at]).collect();
    let row = |row: &u32| columns.iter().map(|column| cell(column, *row as usize)).collect();
    let signature = ModelSignature {
        inputs: columns
            .iter()
            .map(|column| (column.name.clone(), column.kind.as_mlflow().to_owned()))
            .collect(),
        outputs: exported
            .outputs
            .iter()
            .map(|output| (output.name.clone(), output.kind.to_owned()))
            .collect(),
        example: data.split.train.iter().take(EXAMPLE).map(row).collect(),
    };
    // Above them nothing is made: a sweep that was taken away does not come back in parts.
    for made in folder.parent().into_iter().chain([folder]) {
        disk::make_folder_below(made, Care::Private)?;
    }
    let replace = |name: &str, content: &[u8]| disk::replace(&folder.join(name), content, Care::Private);
    replace(MODEL, &exported.bytes)?;
    replace(SIGNATURE, &serde_json::to_vec(&signature).map_err(std::io::Error::other)?)?;
    for (name, text) in of_test(data, part, fitted, &signature) {
        replace(name, text.as_bytes())?;
    }
    Ok(())
}

fn cell(column: &DataColumn, row: usize) -> Json {
    match (&column.values, column.kind) {
        (ColumnValues::Numbers(numbers), ColumnKind::Integer) => json!(numbers[row] as i64),
        (ColumnValues::Numbers(numbers), ColumnKind::Boolean) => json!(numbers[row] > 0.5),
        (ColumnValues::Numbers(moments), ColumnKind::Time(dates)) => {
            json!(if moments[row].is_nan() { String::new() } else { dates.written(moments[row]) })
        }
        (ColumnValues::Numbers(numbers), _) => json!(Some(numbers[row]).filter(|value| value.is_finite())),
        (ColumnValues::Texts { codes, levels }, _) => {
            json!(levels.get(codes[row] as usize).map_or("", String::as_str))
        }
    }
}

/// What a test says beside its scores: files by their names. Rows are counted from 0, as in the data set.
fn of_test(
    data: &TrainingData,
    part: &PreparedPart,
    fitted: &Fitted,
    signature: &ModelSignature,
) -> Vec<(&'static str, String)> {
    let mut files = Vec::new();
    match (&part.truth, &fitted.prediction) {
        (
            TargetValues::Classes { classes: truth, .. },
            Prediction::Classes { classes, probabilities, count, .. },
        ) => {
            let labels = data.target.labels.as_ref();
            let name = |class| quoted(&labels.map_or(format!("{class}"), |labels| labels.name(class)));
            let names: Vec<_> = (0..*count).map(name).collect();
            let mut text = format!("true \\ predicted,{}\n", names.join(","));
            for (name, row) in names.iter().zip(confusion(truth, classes, *count)) {
                let counts: Vec<_> = row.iter().map(u64::to_string).collect();
                text.push_str(&format!("{name},{}\n", counts.join(",")));
            }
            files.push(("confusion_matrix.csv", text));
            let outputs: Vec<_> = signature.outputs.iter().map(|(name, _)| quoted(name)).collect();
            let mut text = format!("row,true,{}\n", outputs.join(","));
            let rows = data.split.test.iter().zip(truth).zip(classes).zip(probabilities.chunks(*count));
            for (((row, truth), class), of_classes) in rows {
                text.push_str(&format!("{row},{},{}", names[*truth as usize], names[*class as usize]));
                // With very many classes a model brings out none.
                for probability in of_classes.iter().take(outputs.len() - 1) {
                    text.push_str(&format!(",{probability}"));
                }
                text.push('\n');
            }
            files.push(("predictions.csv", text));
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
    if let Some(shares) = &fitted.model.importance {
        let mut named: Vec<_> = part.preparation.names.iter().zip(shares).collect();
        named.sort_by(|a, b| b.1.total_cmp(a.1));
        let mut text = String::from("feature,importance\n");
        for (name, share) in named {
            text.push_str(&format!("{},{share}\n", quoted(name)));
        }
        files.push(("feature_importance.csv", text));
    }
    files
}

/// A text as a CSV cell.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
