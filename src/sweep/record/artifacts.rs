//! What is kept of a test beside its scores, as files.

use crate::sweep::journal::Test;

/// The files by their names.
pub fn of_test(test: &Test) -> Vec<(&'static str, String)> {
    let mut files = Vec::new();
    if let Some((names, matrix)) = &test.confusion {
        let mut text = format!(
            "true \\ predicted,{}\n",
            names.iter().map(|name| cell(name)).collect::<Vec<_>>().join(",")
        );
        for (name, row) in names.iter().zip(matrix) {
            let counts: Vec<_> = row.iter().map(u64::to_string).collect();
            text.push_str(&format!("{},{}\n", cell(name), counts.join(",")));
        }
        files.push(("confusion_matrix.csv", text));
    }
    if let Some(predictions) = &test.predictions {
        let mut text = String::from("true,predicted,residual\n");
        for (truth, predicted) in predictions {
            text.push_str(&format!("{truth},{predicted},{}\n", truth - predicted));
        }
        files.push(("residuals.csv", text));
    }
    if let Some(importance) = &test.importance {
        let mut text = String::from("feature,importance\n");
        for (name, share) in importance {
            text.push_str(&format!("{},{share}\n", cell(name)));
        }
        files.push(("feature_importance.csv", text));
    }
    files
}

/// A text as a CSV cell.
fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
