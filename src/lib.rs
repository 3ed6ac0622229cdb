pub mod mlflow;
pub mod store;
pub mod catalog;
