//! How a sweep goes, whatever its trials are: which trial comes next, what ends one early, the journal of what happens, and
//! how the store is told. It knows numbers, and no data, no folds and no models.

pub mod asked;
pub mod attempts;
pub mod curve;
pub mod ensemble;
pub mod journal;
pub mod numbers;
pub mod points;
pub mod pruner;
pub mod queue;
pub mod record;
pub mod rules;
pub mod state;
pub mod trial;
pub mod unkept;
