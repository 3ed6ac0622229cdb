//! Draws inputs until the time is up, watches over each, and makes one that fails small.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use std::{env, fs, panic, process, thread};

use proptest::strategy::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

/// Without `MLTUI_FUZZ_SECONDS`.
const SECONDS: u64 = 5;
/// No input takes as long; whatever does hangs.
const PATIENCE: Duration = Duration::from_secs(120);
/// No input, nor what others left behind, takes as much memory at any time, in bytes.
const MEMORY: u64 = 1 << 30;
/// Attempts to make an input smaller, and their time in milliseconds.
const SMALLER: u32 = 2_000;
const SMALLER_TIME: u32 = 60_000;

thread_local! {
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Tries a property on inputs until the time is up; `name` is that of the target.
pub fn fuzz<S: Strategy>(name: &'static str, inputs: &S, property: impl Fn(&S::Value))
where
    S::Value: Debug,
{
    keep_quiet();
    let asked = |variable: &str| -> Option<u64> {
        let text = env::var(variable).ok()?;
        Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
    };
    let (only, seconds) = (asked("MLTUI_FUZZ_SEED"), asked("MLTUI_FUZZ_SECONDS"));
    // The same inputs each time, so that what fails here fails elsewhere; others where they are asked for.
    let mut seeds = fastrand::Rng::with_seed(asked("MLTUI_FUZZ_FROM").unwrap_or(0));
    let (until, witness) =
        (Instant::now() + Duration::from_secs(seconds.unwrap_or(SECONDS)), Witness::new(name));
    let mut next = only.or_else(|| witness.left());
    let (mut count, mut slowest) = (0_u64, (Duration::ZERO, 0));
    loop {
        let seed = next.take().unwrap_or_else(|| seeds.u64(..));
        witness.begin(seed);
        let began = Instant::now();
        if let Err(what) = attempt(seed, inputs, &property) {
            witness.end();
            panic!("{name}, after {count} inputs: {what}\nrepeat it with MLTUI_FUZZ_SEED={seed}");
        }
        slowest = slowest.max((began.elapsed(), seed));
        count += 1;
        if only.is_some() || Instant::now() >= until {
            break;
        }
    }
    witness.end();
    // Shown with --nocapture.
    say(format_args!("{name}: {count} inputs, the slowest took {:?} (seed {})\n", slowest.0, slowest.1));
    assert!(count > 0);
}

/// One input, and smaller ones if it fails: what was wrong with the smallest.
fn attempt<S: Strategy>(seed: u64, inputs: &S, property: &impl Fn(&S::Value)) -> Result<(), String>
where
    S::Value: Debug,
{
    let mut bytes = [0; 32];
    bytes.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&seed.to_le_bytes()));
    let config = Config {
        max_shrink_iters: SMALLER,
        max_shrink_time: SMALLER_TIME,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let tree = inputs.new_tree(&mut runner).map_err(|why| format!("no input: {why}"))?;
    let checked = |input: S::Value| {
        IS_WATCHED.set(true);
        let result = panic::catch_unwind(panic::AssertUnwindSafe(|| {
            // What is given back before the end may have ended a smaller machine.
            let field = if forget_most_memory() { "VmHWM:" } else { "VmRSS:" };
            property(&input);
            let took = memory(field);
            assert!(took < MEMORY, "it took {took} bytes of memory");
        }));
        IS_WATCHED.set(false);
        result.map_err(|_| TestCaseError::fail(SAID.take()))
    };
    match runner.run_one(tree, checked) {
        Ok(_) => Ok(()),
        Err(TestError::Fail(why, input)) => Err(format!("{why}\nthe smallest input: {input:#?}")),
        Err(TestError::Abort(why)) => Err(why.to_string()),
    }
}

fn say(words: std::fmt::Arguments<'_>) {
    // Where nobody listens, nothing is lost.
    let _ = std::io::stderr().write_fmt(words);
}

/// Panics of a watched input are kept and not printed: there are hundreds on the way to a small one.
fn keep_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if IS_WATCHED.get() {
                SAID.set(info.to_string());
            } else {
                before(info);
            }
        }));
    });
}

/// Lets the system forget the most memory that this process has held until now; false where it cannot.
fn forget_most_memory() -> bool {
    fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// Bytes that this process holds or has held, as far as the system tells.
fn memory(field: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let rest = text.lines().find_map(|line| line.strip_prefix(field));
    let kilobytes = rest.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// Knows which input is tried, even when the process dies of it or it never ends.
struct Witness {
    /// Holds the seed while an input is tried.
    file: PathBuf,
    sender: Sender<Option<u64>>,
}

impl Witness {
    fn new(name: &'static str) -> Self {
        let (sender, receiver) = channel();
        thread::spawn(move || watch(name, &receiver));
        Self { file: Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzzing-{name}.seed")), sender }
    }

    /// The input that the process died of the last time.
    fn left(&self) -> Option<u64> {
        fs::read_to_string(&self.file).ok()?.parse().ok()
    }

    fn begin(&self, seed: u64) {
        fs::write(&self.file, seed.to_string()).unwrap();
        self.sender.send(Some(seed)).unwrap();
    }

    fn end(&self) {
        fs::remove_file(&self.file).unwrap();
        self.sender.send(None).unwrap();
    }
}

/// Ends everything when an input does not end: nothing else can stop it.
fn watch(name: &str, seeds: &Receiver<Option<u64>>) {
    while let Ok(mut current) = seeds.recv() {
        while let Some(seed) = current {
            // Making an input smaller takes longer than trying it.
            match seeds.recv_timeout(PATIENCE + Duration::from_millis(SMALLER_TIME.into())) {
                Ok(next) => current = next,
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    say(format_args!(
                        "{name}: an input does not end; repeat it with MLTUI_FUZZ_SEED={seed}\n"
                    ));
                    process::abort();
                }
            }
        }
    }
}
