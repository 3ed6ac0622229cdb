//! How a server is reached, and what becomes of requests that fail.

mod answers;
mod databricks;
mod retries;
mod secrets;
mod settings;

use crate::support::peer::Answer;

/// MLflow with nothing to list says of an experiment that it does not exist.
const MISSING: &str = "{\"error_code\": \"RESOURCE_DOES_NOT_EXIST\", \"message\": \"no\"}";

const EMPTY: Answer = Answer::Http(200, "", "{}");

/// One experiment. Who lists none at all is asked whether it is MLflow.
const LISTED: Answer =
    Answer::Http(200, "", "{\"experiments\": [{\"experiment_id\": \"0\", \"name\": \"Default\"}]}");
