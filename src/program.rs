//! This program as a process that starts itself again.

use std::io;
use std::path::PathBuf;

/// What to start to get this very program, also where its file was replaced or taken away while it runs.
pub fn itself() -> io::Result<PathBuf> {
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
