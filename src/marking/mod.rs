//! Marking a run as the best of its experiment: tags, model registry, alias; undoing it; and reading the history back.
//!
//! What counts is a log: each mark, and each undoing of one, is a tag of the experiment under a name of its own, so that
//! two people who mark at once lose nothing. Which run is marked follows from the log alone (the newest mark that is not
//! undone), and everything else (the run's tags, the experiment's, the alias) is brought in line with it, by whoever
//! writes, until nothing is left to do. Each write can be repeated, and a journal in the state directory remembers a step
//! that broke off. Promotions of versions have their place in the same journal. Knows no terminal.

#![warn(missing_docs, clippy::missing_errors_doc)]

mod chain;
mod checkpoint;
mod journal;
mod model;
mod naming;
mod plan;
mod promoting;
mod record;
mod registry;
mod settle;
mod shared;
#[cfg(test)]
mod tests;
mod work;

pub use checkpoint::ModelBy;
pub use journal::{Journal, Open, Step};
pub use model::{ModelSource, source};
pub use naming::registered_name;
pub use plan::{MarkPlan, MarkRequest, Registration};
pub use promoting::{demote, promote, promotion_of};
pub use record::{MARK, MarkEvent, Model, Record, Undone, events, holder, judged_by};
pub use work::{MarkOutcome, Resumed, Undoing, mark, plan, resume, undo};
