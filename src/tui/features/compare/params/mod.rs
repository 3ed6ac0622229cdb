//! Which params matter for the metric.

pub mod view;
