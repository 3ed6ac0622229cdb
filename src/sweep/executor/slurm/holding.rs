//! Whether the job of a sweep's own process is over: nobody is at the sweep then.

use super::client::{SlurmError, ask};
use super::states::{JobState, word_of};
use crate::sweep::engine::journal::HoldingJob;

/// What Slurm says of a job that it does not know any more.
const UNKNOWN: &str = "Invalid job id";

/// Has the job that this process is carried out again, from the beginning: it ends, and goes on later. The id of the job; none
/// where this process is no job.
///
/// # Errors
/// Slurm's.
pub fn requeue_this_job() -> Result<Option<String>, SlurmError> {
    let Some(job) = HoldingJob::this() else { return Ok(None) };
    ask("scontrol", &["requeue".to_owned(), job.id.clone()])?;
    Ok(Some(job.id))
}

/// Whether a job has ended; none where this cluster cannot tell, as it does not answer, or is another one.
pub fn has_ended(job: &HoldingJob) -> Option<bool> {
    // Of which cluster it is has to be known: each counts its jobs by itself.
    let config = ask("scontrol", &["show".to_owned(), "config".to_owned()]).ok()?;
    if job.cluster.is_empty() || word_of(&config, "ClusterName") != Some(job.cluster.as_str()) {
        return None;
    }
    let words = ["-h", "-t", "all", "-o", "%T", "-j", &job.id].map(str::to_owned);
    match ask("squeue", &words) {
        Ok(states) => Some(!states.lines().any(|state| JobState::named(state.trim()).is_active())),
        Err(SlurmError::Refused { message, .. }) if message.contains(UNKNOWN) => Some(true),
        Err(_) => None,
    }
}
