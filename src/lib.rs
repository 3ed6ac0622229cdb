//! `mltui`: see, compare and choose MLflow runs in the terminal.
//!
//! # Who knows whom
//!
//! ```text
//! mlflow ◀── store ◀── catalog ◀── select ◀── compare ◀── { cli, tui }
//! mlflow ◀── store ◀── marking ◀── { cli, tui }        select ◀── { config, state } ◀── { cli, tui }
//! catalog ◀── config
//! store ◀── registry ◀── promotion ◀── marking          select ◀── registry
//! store ◀── files ◀── { cli, tui }                    { store, files } ◀── migrate ◀── cli
//! mlflow ◀── chart ◀── { compare, tui }                sheet and text stand beside them
//! spelling ◀── { mlflow, text }
//! { chart, compare, sheet } ◀── report ◀── cli
//! params ◀── learn ◀── sweep ◀── { config, cli, tui }  store ◀── sweep      learn ◀── compare
//! in sweep: search ◀── engine ◀── objective ◀── executor   search and engine do not know learn
//! ```
//!
//! - [`mlflow`]: the vocabulary and the filter language. Plain types, no IO.
//! - [`store`]: where runs live: one `Store` for everybody, and behind it a backend for each kind of place: an MLflow server,
//!   a local database file, a PostgreSQL or MySQL database, a folder of files, memory. A new kind is a backend and a line in
//!   `store::uri`. Files of runs that lie in object stores are read and written by `store::objects`, whichever backend names them.
//! - [`catalog`]: an experiment's runs in memory, in columns; sorting, filtering, and keeping it current.
//! - [`select`]: which run is best: the direction of metrics, the policy, the ranking, the reason in words.
//! - [`chart`]: line charts of histories: axes, dots, pixels, SVG.
//! - [`compare`]: runs side by side: what differs, what is best, which params matter.
//! - [`sheet`]: a table on its way out of the program: CSV, JSON, Markdown.
//! - [`marking`]: marks on the best run: tags, model registry, undoing, history.
//! - [`files`]: files of runs and models, taken out of a store whole or not at all, and put into one.
//! - [`migrate`]: one store, copied into another and compared.
//! - [`registry`]: versions of registered models, and the runs and values behind them.
//! - [`promotion`]: the gate before a version becomes champion, and what promoting it writes.
//! - [`report`]: an experiment's best runs as Markdown or a page.
//! - [`params`]: hyper-parameters: their values and ranges.
//! - [`learn`]: estimators: data sets, folds, model families, scores, ONNX. Knows no MLflow, no store and no sweep.
//! - [`sweep`]: a search over hyper-parameters, trials side by side, and what is logged of them.
//! - [`state`]: what the program keeps for itself, in the state directory.
//! - [`disk`]: files, written whole or not at all and read within bounds; [`program`]: this program as a process.
//! - [`config`]: settings, from file, environment and flags.
//! - [`cli`]: the commands for scripts.
//! - [`tui`]: the explorer: a pure state machine, its pictures, and the shell around it.
//! - [`text`]: texts and numbers made fit for people and safe for terminals; [`spelling`]: names that are nearly alike.
//!
//! `tests/alone/borders.rs` keeps these borders.
//!
//! # Glossary
//!
//! Experiment, run, metric, param, tag, artifact, step, status, registered model, version, alias: as in MLflow. Trial, sweep,
//! fold, Pareto front, champion: as everywhere in the field. Beside these:
//!
//! - **latest value** of a metric: the one with the greatest step, then timestamp, then value, where NaN counts as 0.
//! - **store**: where runs are kept; **backend**: one kind of store; **capabilities**: what a store can do, and how often to poll it.
//! - **scan**: reading all runs of an experiment; **batch**: a block of a scan, in columns; **cursor**: how far a store's changes,
//!   or a history, have been read.
//! - **catalogue**: the runs of an experiment in memory; **snapshot**: its state at one time; **row**: the index of a run in it.
//! - **expression**: a filter as people write it; **filter**: what it means, asked by somebody at a time.
//! - **view**: order, search, filter, tree or groups; **projection**: the lines that a view results in; **named view**: columns,
//!   order, filter, tree or groups that the user saved.
//! - **summary**: minimum, maximum, mean, first and last value of a history; **statistic**: the one that a column shows;
//!   **coverage**: for how many runs it is known.
//! - **selected run**: ticked with space, across experiments; **slot**: its number, from which its letter and colour follow.
//! - **policy**: how the best run is chosen: objectives (a metric and its goal), constraint, tie-breaks; **selection**: the result.
//! - **mark**: a run is marked best by tags, a model version and an alias; **record**: a mark in the experiment's log; the newest
//!   one that is not undone **holds**; **settling**: bringing tags and aliases in line with the log; **journal**: the marks that
//!   this machine is writing.
//! - **role**: what a version is promoted to: an alias or a stage; **holder**: the version that has it; **gate**: what is checked
//!   before; **verdict**: what came of that.
//! - **plan** of a sweep: all settings, decided; **report**: what a trial measures on the way, one for each fold; **journal** of a
//!   sweep: its events.
//! - **attempt** at a trial of a command: a process that carries it out, and may be followed by another; **guard**: the process
//!   between the sweep and a command, which leaves nothing of it behind.
//! - **curve** of a trial: the values of the metric on its way, by the steps of its script; **rung**: a step at which halving
//!   judges; **change**: what is asked of a sweep while it runs.
//! - **family**: a kind of estimator with its search space; **form**: what a fitted one consists of; **link**: what its scores mean.
//! - **member** of a comparison: a run, or runs that differ only in their seed; **entry**: a metric, param, attribute or tag of
//!   them; **spread**: how much it differs.
//! - **ink**: whose line a dot of a chart belongs to; **picture**: a drawn chart, in cells.

pub mod catalog;
pub mod chart;
pub mod cli;
pub mod compare;
pub mod config;
pub mod disk;
#[cfg(test)]
mod documents;
pub mod files;
pub mod learn;
pub mod marking;
pub mod migrate;
pub mod mlflow;
#[cfg(test)]
mod orders;
pub mod params;
pub mod program;
pub mod promotion;
pub mod registry;
pub mod report;
pub mod select;
pub mod sheet;
pub mod spelling;
pub mod state;
pub mod store;
pub mod sweep;
pub mod text;
pub mod tui;
