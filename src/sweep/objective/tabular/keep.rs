//! What is kept of a trial that was fitted on all but the test part, as files in its folder, until the store has them.

use std::path::Path;

use serde_json::{Value as Json, json};

use super::tested::Tested;
use crate::disk::{self, Care};
use crate::learn::data::{ColumnKind, ColumnValues, DataColumn};
use crate::learn::onnx::export;
use crate::learn::study::TrainingData;
use crate::sweep::engine::record::kept::{MODEL, ModelSignature, SIGNATURE};

/// Rows of the data set that go with a model as an example of its input.
const EXAMPLE: usize = 5;

/// Writes the model and the files that tell of the test.
///
/// # Errors
/// Where one cannot be written.
pub fn keep(folder: &Path, data: &TrainingData, tested: &Tested<'_>) -> std::io::Result<()> {
    let Tested { part, fitted, .. } = tested;
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
    for (name, text) in tested.files(data, &signature) {
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
