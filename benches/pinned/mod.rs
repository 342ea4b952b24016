//! Processes of a benchmark, each on a core of its own.

use std::process::{Command, Stdio};

/// `program` on the core `core` alone, without input.
pub(crate) fn command(core: &str, program: &str) -> Command {
    // taskset replaces itself by the program, so the process id is the program's.
    let mut command = Command::new("taskset");
    command.args(["-c", core, program]).stdin(Stdio::null());
    command
}

/// CPU time of a process so far, µs; `pid` may be `self`.
///
/// # Errors
/// When there is no such process.
pub(crate) fn cpu_us(pid: &str) -> std::io::Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
    // Fields 14 and 15 of the line, in ticks of 10 ms.
    Ok((ticks(11) + ticks(12)) * 10_000)
}
