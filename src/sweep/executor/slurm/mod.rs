//! Trials as jobs of a Slurm cluster. Slurm schedules them; this submits, looks how it stands with them, and cancels.
//!
//! A job writes into the folder of its trial alone, and nobody else writes those files: no lock is needed on a file system that
//! many machines share. What is submitted outlives this process, and is found again by the next one: by what was written down
//! before, by the name of the job, and by what the job wrote.

mod client;
mod cluster;
mod ending;
mod holding;
mod jobs;
mod ledger;
mod room;
mod script;
mod states;
mod steering;
mod submitting;
mod watching;

use std::io;
use std::sync::Arc;
use std::sync::mpsc::channel;

use super::{Executor, Threads};
use crate::sweep::engine::queue::Queue;
use crate::sweep::objective::Objective;

pub use client::{SlurmError, Surroundings, ask};
pub use cluster::{Cluster, ClusterSetup, Teller, program};
pub use ending::cancel_jobs;
pub use holding::{has_ended, requeue_this_job};
pub use script::{Batch, Submission, TRIAL_JOB, driver_script, driver_words, script, words};
pub use submitting::submit_job;

/// Jobs of a cluster, each waited for by a thread of this process.
pub struct SlurmJobs(pub Arc<Cluster>);

impl Executor for SlurmJobs {
    fn run(&self, queue: &Queue<'_>, objective: &dyn Objective) -> io::Result<()> {
        // Where that fails, jobs go on: the next process takes them up.
        std::thread::scope(|scope| {
            let (until, ended) = channel();
            scope.spawn(move || self.0.steer(queue, &ended));
            let carried_out = Threads.run(queue, objective);
            drop(until);
            carried_out
        })?;
        self.0.cancel_rest()
    }
}
