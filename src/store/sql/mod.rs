//! What every database of MLflow's has in common: its tables, and statements on them as texts. Knows no driver: whoever
//! has one carries a statement out.

pub mod search;
