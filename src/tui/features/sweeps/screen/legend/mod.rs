//! What stands beside the chart of a sweep: counts, the best trial, what the colours mean, which params matter.

pub mod view;
