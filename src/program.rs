//! This program as a process: what it is started again by, and what panics in it and goes on.

use std::any::Any;
use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::path::PathBuf;
use std::sync::Once;

/// What to start to get this very program, also where its file was replaced or taken away while it runs.
pub fn current_executable() -> io::Result<PathBuf> {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt as _;
        let running = PathBuf::from("/proc/self/exe");
        let id = |path: &PathBuf| path.metadata().ok().map(|metadata| (metadata.dev(), metadata.ino()));
        // By its name where that leads to it, for people who list processes.
        let by_name =
            std::env::current_exe().ok().filter(|path| id(path).is_some() && id(path) == id(&running));
        Ok(by_name.unwrap_or(running))
    }
    #[cfg(not(target_os = "linux"))]
    std::env::current_exe()
}

thread_local! {
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Does work of another crate that may panic where it should return an error. The panic is logged and not reported on
/// standard error: whoever calls says what went wrong.
///
/// # Errors
/// The message of the panic.
pub fn catch_panic<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let report = take_hook();
        set_hook(Box::new(move |info| {
            if IS_CAUGHT.get() {
                tracing::warn!("{info}");
            } else {
                report(info);
            }
        }));
    });
    let before = IS_CAUGHT.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    IS_CAUGHT.set(before);
    done.map_err(|panic| message(&*panic).to_owned())
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic")
}
