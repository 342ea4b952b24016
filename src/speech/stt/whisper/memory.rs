//! Whether a model can be held in memory, asked before the library asks for it: where there is too little, the library ends this process.

use std::path::Path;

use super::LoadError;

/// What one worker needs beside the weights, at least.
const WORKER_BYTES: u64 = 64 << 20;

/// # Errors
/// When the model at `path` with `workers` is larger than the memory that is free; where the system does not tell, it is tried.
pub(super) fn check(path: &Path, workers: usize) -> Result<(), LoadError> {
    let Ok(file) = std::fs::metadata(path) else { return Ok(()) };
    let needed = file.len().saturating_add(WORKER_BYTES.saturating_mul(workers as u64));
    match free_bytes() {
        Some(free) if free < needed => {
            Err(LoadError::Memory { path: path.into(), needed_mib: needed >> 20, free_mib: free >> 20 })
        }
        _ => Ok(()),
    }
}

/// What this process may take: of the machine, and of its control group where that has a limit.
fn free_bytes() -> Option<u64> {
    let read = |path: &str| std::fs::read_to_string(path).ok();
    let machine = free_of_machine(&read("/proc/meminfo")?)?;
    let group = |name: &str| read(&format!("/sys/fs/cgroup/{name}"))?.trim().parse::<u64>().ok();
    let limit = group("memory.max").zip(group("memory.current"));
    Some(limit.map_or(machine, |(most, taken)| machine.min(most.saturating_sub(taken))))
}

fn free_of_machine(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().split(' ').next()?.parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_that_is_free_is_read_from_what_the_system_says() {
        let text = "MemTotal:       24123456 kB\nMemFree:          123456 kB\nMemAvailable:    2097152 kB\n";
        assert_eq!(free_of_machine(text), Some(2 << 30));
        assert_eq!(free_of_machine("MemTotal: 5 kB\n"), None);
    }
}
