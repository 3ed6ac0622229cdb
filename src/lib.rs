pub mod catalog;
pub mod cli;
pub mod config;
pub mod mlflow;
pub mod store;
pub mod text;
pub mod tui;
