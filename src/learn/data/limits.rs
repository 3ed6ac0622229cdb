//! How large a table may be on this machine.

use std::path::Path;

use super::DataError;

/// How much of a machine a data set may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that are free.
    pub memory: u64,
}

impl Limits {
    /// What the machine says is free, or the control group of the process; everything where neither says.
    pub fn of_this_machine() -> Self {
        let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let available = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
        let kilobytes = available.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        let of_machine = kilobytes.map(|kilobytes| kilobytes * 1024);
        let limits = of_machine.into_iter().chain(free_in_group()).chain(free_for_process());
        Self { memory: limits.min().unwrap_or(u64::MAX) }
    }

    /// What is missing, in words, if so many bytes do not fit.
    pub fn shortage(self, needed: u64) -> Option<String> {
        let gigabytes = |bytes: u64| bytes as f64 / 1e9;
        (needed > self.memory / 2).then(|| {
            let (needed, free) = (gigabytes(needed), gigabytes(self.memory));
            format!("need {needed:.1} GB, more than half of the {free:.1} GB that are free")
        })
    }

    /// An error if a table of so many numbers does not fit.
    ///
    /// # Errors
    /// What it lacks, and what to change.
    pub fn check(self, path: &Path, rows: usize, columns: usize) -> Result<(), DataError> {
        let needed = (rows as u64).saturating_mul(columns as u64).saturating_mul(8);
        self.shortage(needed).map_or(Ok(()), |lack| {
            Err(DataError::File {
                path: path.to_owned(),
                message: format!("{rows} rows x {columns} columns {lack}; exclude columns with --ignore"),
            })
        })
    }
}

/// What is left of `ulimit -v`.
fn free_for_process() -> Option<u64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    let most: u64 = line.split_whitespace().next()?.parse().ok()?;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let taken = status.lines().find_map(|line| line.strip_prefix("VmSize:"))?;
    let kilobytes: u64 = taken.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(most.saturating_sub(kilobytes * 1024))
}

/// What the control group of this process may still take: its limit, less what it holds and cannot drop.
fn free_in_group() -> Option<u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let folder = Path::new("/sys/fs/cgroup").join(group);
    let number = |name: &str| std::fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
    let stat = std::fs::read_to_string(folder.join("memory.stat")).ok()?;
    let cached = stat.lines().find_map(|line| line.strip_prefix("inactive_file ")?.parse::<u64>().ok())?;
    let held = number("memory.current")?.saturating_sub(cached);
    Some(number("memory.max")?.saturating_sub(held))
}
