//! What a command measures while it runs: read from what it prints, and from the store, which is asked for what is new.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::printed::Printed;
use crate::mlflow::RunId;
use crate::store::Result;
use crate::sweep::engine::curve::StepValue;
use crate::sweep::engine::record::{ScriptRuns, WatchedMetric};

/// Between looks into the store where it has something new each time, and where it never has.
const PACE: Duration = Duration::from_secs(1);
const SLOWEST: Duration = Duration::from_secs(10);
/// Looks a second, of all trials together.
const LOOKS: f64 = 10.0;
/// A look that takes long is followed by a pause of so many times that.
const RATIO: u32 = 20;

/// A look into the store, and what came of it: the metric as far as it was read then.
type Looked = (WatchedMetric, Result<Vec<StepValue>>);

/// The metric of an attempt that is under way.
pub struct Live {
    store: Option<StoreLooks>,
    /// Points of what was printed that are taken.
    printed: usize,
    /// The last step that was printed.
    last: Option<i64>,
}

/// Looks into the store, one after the other.
struct StoreLooks {
    runs: Arc<ScriptRuns>,
    handle: Handle,
    /// None while a look is under way.
    watched: Option<WatchedMetric>,
    look: Option<JoinHandle<Looked>>,
    begun: Instant,
    next: Instant,
    least: Duration,
    pace: Duration,
    /// The store has the metric, and so what is printed is the same once more.
    has_metric: bool,
}

impl Live {
    /// Of what is printed alone.
    pub fn printed() -> Self {
        Self { store: None, printed: 0, last: None }
    }

    /// Of the store too, with so many trials side by side.
    pub fn of_store(runs: Arc<ScriptRuns>, handle: Handle, watched: WatchedMetric, jobs: usize) -> Self {
        let least = PACE.max(Duration::from_secs_f64(jobs as f64 / LOOKS));
        let begun = Instant::now();
        let store = StoreLooks {
            runs,
            handle,
            watched: Some(watched),
            look: None,
            begun,
            next: begun + least,
            least,
            pace: least,
            has_metric: false,
        };
        Self { store: Some(store), printed: 0, last: None }
    }

    /// What is new, in the order of steps as far as it came so. Waits for nothing.
    pub fn take(&mut self, printed: &Printed, metric: &str) -> Vec<StepValue> {
        let of_store = self.store.as_mut().map_or(Vec::new(), StoreLooks::take);
        let has_metric = self.store.as_ref().is_some_and(|store| store.has_metric);
        let mut new = self.take_printed(printed, metric);
        if has_metric {
            new = of_store;
        }
        new
    }

    fn take_printed(&mut self, printed: &Printed, metric: &str) -> Vec<StepValue> {
        let points = printed.points_from(self.printed);
        self.printed += points.len();
        let own = points.iter().filter(|point| point.key == metric);
        let value = |value: f64| Some(value).filter(|value| value.is_finite());
        let mut new: Vec<StepValue> = own.map(|point| (point.step, value(point.value))).collect();
        // Behind so many no more points are kept.
        if let Some(latest) = printed.latest(metric) {
            let last = new.last().map(|(step, _)| *step).max(self.last);
            if last.is_none_or(|last| latest.step > last) {
                new.push((latest.step, value(latest.value)));
            }
        }
        self.last = new.iter().map(|(step, _)| *step).max().max(self.last);
        new
    }

    /// The rest, when the attempt has ended: of the store as far as it answers.
    pub fn finish(&mut self, printed: &Printed, metric: &str, run: Option<&RunId>) -> Vec<StepValue> {
        let mut new = self.take_printed(printed, metric);
        if let (Some(store), Some(run)) = (&mut self.store, run)
            && let Some(of_store) = store.finish(run)
        {
            new = of_store;
        }
        new
    }
}

impl StoreLooks {
    fn take(&mut self) -> Vec<StepValue> {
        if let Some(look) = self.look.take_if(|look| look.is_finished()) {
            return self.looked(look);
        }
        if self.look.is_none()
            && Instant::now() >= self.next
            && let Some(mut watched) = self.watched.take()
        {
            let runs = Arc::clone(&self.runs);
            self.begun = Instant::now();
            self.look = Some(self.handle.spawn(async move {
                let read = runs.read_on(&mut watched).await;
                (watched, read)
            }));
        }
        Vec::new()
    }

    /// Takes what a look came to, and decides when the next one is.
    fn looked(&mut self, look: JoinHandle<Looked>) -> Vec<StepValue> {
        let took = self.begun.elapsed();
        // One that broke down was the last.
        let Ok((watched, read)) = self.handle.block_on(look) else { return Vec::new() };
        self.watched = Some(watched);
        let new = match read {
            Ok(new) => new,
            // The recorder says that it is away.
            Err(error) => {
                tracing::debug!(%error, "no look at the metric of a trial");
                Vec::new()
            }
        };
        self.has_metric |= !new.is_empty();
        let slower = if new.is_empty() { (self.pace * 2).min(SLOWEST) } else { self.least };
        self.pace = slower.max(self.least);
        self.next = Instant::now() + self.pace.max(took.saturating_mul(RATIO));
        new
    }

    /// All that is left of a run's; none where the store does not have it.
    fn finish(&mut self, run: &RunId) -> Option<Vec<StepValue>> {
        let mut new = self.look.take().map_or(Vec::new(), |look| self.looked(look));
        if let Some(watched) = &mut self.watched {
            watched.is_of(run);
            new.extend(self.handle.block_on(self.runs.read_on(watched)).unwrap_or_default());
        }
        (self.has_metric || !new.is_empty()).then_some(new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::engine::points::KeptPoints;
    use crate::sweep::objective::command::printed::Reader;

    #[test]
    fn what_is_printed_is_taken_once_and_what_diverged_has_no_value() {
        let here = tempfile::tempdir().unwrap();
        let path = here.path().join("log");
        let mut reader = Reader::new(path.clone(), 0, &[], KeptPoints::default());
        let mut live = Live::printed();
        let mut take = |text: &str| {
            std::fs::write(&path, text).unwrap();
            reader.read(1).unwrap();
            live.take(&reader.printed, "loss")
        };
        let first = "{\"step\": 1, \"loss\": 3, \"other\": 1}\n{\"step\": 2, \"loss\": 2}\n";
        assert_eq!(take(first), [(1, Some(3.0)), (2, Some(2.0))]);
        assert_eq!(take(first), []);
        let all = format!("{first}{{\"step\": 3, \"loss\": NaN}}\n");
        assert_eq!(take(&all), [(3, None)]);
        assert_eq!(take(&all), []);
    }
}
