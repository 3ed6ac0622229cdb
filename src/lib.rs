//! `mltui`: see, compare and choose MLflow runs in the terminal.
//!
//! # Who knows whom
//!
//! ```text
//! mlflow ◀── store ◀── catalog ◀── select ◀── compare ◀── { cli, tui }
//! mlflow ◀── store ◀── marking ◀── { cli, tui }        select ◀── { config, state } ◀── { cli, tui }
//! mlflow ◀── chart ◀── { compare, tui }                sheet and text stand beside them
//! params ◀── learn ◀── sweep ◀── { config, cli, tui }  store ◀── sweep      learn ◀── compare
//! in sweep: search ◀── engine ◀── objective ◀── executor   search and engine do not know learn
//! ```
//!
//! - [`mlflow`]: the vocabulary and the filter language. Plain types, no IO.
//! - [`store`]: where runs live: one `Store` for everybody, and behind it a backend for each kind of place: an MLflow server,
//!   a local database file, memory. A new kind is a backend and a line in `store::uri`.
//! - [`catalog`]: an experiment's runs in memory, in columns; sorting, filtering, and keeping it current.
//! - [`select`]: which run is best: the direction of metrics, the policy, the ranking, the reason in words.
//! - [`chart`]: line charts of histories: axes, dots, pixels, SVG.
//! - [`compare`]: runs side by side: what differs, what is best, which params matter.
//! - [`sheet`]: a table on its way out of the program: CSV, JSON, Markdown.
//! - [`marking`]: marks on the best run: tags, model registry, undoing, history.
//! - [`params`]: hyper-parameters: their values and ranges.
//! - [`learn`]: estimators: data sets, folds, model families, scores, ONNX. Knows no MLflow, no store and no sweep.
//! - [`sweep`]: a search over hyper-parameters, trials side by side, and what is logged of them.
//! - [`state`]: what the program keeps for itself, in the state directory.
//! - [`disk`]: files, written whole or not at all and read within bounds; [`program`]: this program as a process.
//! - [`config`]: settings, from file, environment and flags.
//! - [`cli`]: the commands for scripts.
//! - [`tui`]: the explorer: a pure state machine, its pictures, and the shell around it.
//! - [`text`]: texts and numbers made fit for people and safe for terminals.
//!
//! `tests/borders.rs` keeps these borders.
//!
//! # Glossary
//!
//! - **experiment**, **run**, **metric**, **param**, **tag**, **artifact**, **step**: as MLflow uses them.
//! - **latest value** of a metric: the one with the greatest step, then timestamp, then value, where NaN counts as 0.
//! - **store**: a place that keeps runs; **backend**: what is done in one kind of place only; **capabilities**: how a place is best
//!   asked; **location**: its address, understood.
//! - **scan**: reading all runs of an experiment; **batch**: a block of a scan, in columns; **cursor**: how far a
//!   store's changes, or a history, have been read, which its backend understands.
//! - **catalogue**: what is known of an experiment; **snapshot**: its state at one time; **row**: a run's place in it.
//! - **view**: what of an experiment is shown: order, words, filter, tree or groups; **projection**: the lines that it
//!   comes to.
//! - **summary**: what a history comes to: minimum, maximum, mean, first and last value; **statistic**: the one that a
//!   column shows; **coverage**: of how many runs it is known.
//! - **selected run**: a run that the next command is about, ticked with space, in whatever experiment; **slot**: its number while
//!   it is selected, from which letter and colour follow.
//! - **goal**: whether less or more of a metric is better; **objective**: a metric with its goal.
//! - **policy**: what the best run is chosen by: objectives, which value of them, constraint, tie-breaks; **eligible**: what may
//!   be chosen; **selection**: what came of a policy; **front**: the runs that no other beats in all objectives.
//! - **mark**: that a run is the best, promoted by tags and an alias; **record**: a mark in the log of an experiment; it **holds** if it is the newest that is not undone; **settling**: bringing
//!   tags and aliases in line with the log; **journal**: the marks that are being written, on this machine.
//! - **sweep**: a search over hyper-parameters; **request**: what somebody asks for; **plan**: what follows from it, decided.
//! - **trial**: one proposal of params, carried out by the sweep's own kind of **objective**, side by side with others by an
//!   **executor**; **report**: what it measures on the way, of a table a fold each; **journal** of a sweep: what happened in it.
//! - **family**: a kind of estimator with its search space; **model**: a fitted estimator; **form**: what it is when fitted: trees,
//!   a linear map, neighbours, kernels; **link**: what its scores mean; **fold**: a part of the rows that one fit is judged by.
//! - **line**: a history on a chart; **ink**: whose line a dot is of; **picture**: a drawn chart, in cells.
//! - **member**: what is compared: a run, or runs that differ only in their seed; **entry**: a metric, param, attribute or tag
//!   of them; **spread**: how much it differs; **baseline**: the member that others are compared with.
//! - **brush**: the part of an axis that lines have to pass through.

pub mod catalog;
pub mod chart;
pub mod cli;
pub mod compare;
pub mod config;
pub mod disk;
pub mod learn;
pub mod marking;
pub mod mlflow;
#[cfg(test)]
mod orders;
pub mod params;
pub mod program;
pub mod select;
pub mod sheet;
pub mod state;
pub mod store;
pub mod sweep;
pub mod text;
pub mod tui;
