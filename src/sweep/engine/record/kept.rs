//! What is kept of a trial until the store has it: files in its folder. `model.onnx` with `model.json` is a model, and all
//! that end in `.csv` go to the store as they are.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::disk;

/// The model, as ONNX.
pub const MODEL: &str = "model.onnx";
/// Its [`ModelSignature`], as JSON.
pub const SIGNATURE: &str = "model.json";
/// Bytes that no ONNX file is longer than.
const LONGEST: u64 = 2 << 30;

/// What goes into a model and comes out of it: names, and types in MLflow's words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ModelSignature {
    /// In the order of the example's columns.
    pub inputs: Vec<(String, String)>,
    /// In the model's order.
    pub outputs: Vec<(String, String)>,
    /// Some rows of the inputs.
    pub example: Vec<Vec<Json>>,
}

/// The model of a trial as ONNX, and what goes into it and comes out.
///
/// # Errors
/// Where a file is not there, cannot be read, or is damaged.
pub fn model(folder: &Path) -> io::Result<(Vec<u8>, ModelSignature)> {
    let path = folder.join(SIGNATURE);
    let signature = serde_json::from_slice(&disk::read(&path, LONGEST)?);
    Ok((disk::read(&folder.join(MODEL), LONGEST)?, signature.map_err(|error| disk::damaged(&path, error))?))
}

/// The files of a trial that go to the store as they are, by their names.
///
/// # Errors
/// Where the folder is not there, or a file cannot be read.
pub fn artifacts(folder: &Path) -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "csv") {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, disk::read(&path, LONGEST)?));
        }
    }
    files.sort();
    Ok(files)
}
