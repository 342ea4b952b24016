//! A process of this program that is measured from outside.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// For a process that was told to stop.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// A child; killed when it is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    pid: Pid,
}

/// What it has used so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Used {
    pub(super) cpu: Duration,
    /// Resident memory, KiB.
    pub(super) memory_kib: u64,
}

impl Process {
    /// Starts this program with `args` in `folder`, its output going to `log` there; on the core `core` alone, if one is
    /// named.
    pub(super) fn start(
        args: &[&str],
        folder: &Path,
        log: &str,
        core: Option<usize>,
    ) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("this program does not know where it lies")?;
        let log =
            std::fs::File::create(folder.join(log)).context("cannot write to the folder of the bench")?;
        let mut command = Command::new(program);
        command.args(args).current_dir(folder).stdin(Stdio::null());
        command.stdout(log.try_clone()?).stderr(log).env_remove("DERING_CONFIG");
        let child = on_core(core, || command.spawn())?.context("this program cannot be started again")?;
        let pid = Pid::from_child(&child);
        Ok(Self { child, pid })
    }

    /// What it has used; an error when it has ended.
    pub(super) fn used(&self) -> anyhow::Result<Used> {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{}/{file}", self.child.id()));
        let stat = read("stat").context("a process of the bench has ended")?;
        let status = read("status").context("a process of the bench has ended")?;
        read_used(&stat, &status, rustix::param::clock_ticks_per_second())
            .context("/proc does not say what a process has used")
    }

    /// Asks it to stop, and waits until it has.
    pub(super) fn stop(mut self) {
        if kill_process(self.pid, Signal::TERM).is_err() {
            return;
        }
        let began = Instant::now();
        while began.elapsed() < PATIENCE && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Cores that are there for this process.
pub(super) fn cores() -> Vec<usize> {
    let Ok(set) = sched_getaffinity(None) else { return Vec::new() };
    (0..CpuSet::MAX_CPU).filter(|core| set.is_set(*core)).collect()
}

/// Does `start` while this thread is held to `core`: a child stays where its parent was.
fn on_core<T>(core: Option<usize>, start: impl FnOnce() -> T) -> anyhow::Result<T> {
    let Some(core) = core else { return Ok(start()) };
    let before = sched_getaffinity(None).context("cannot tell the cores of this process")?;
    let mut only = CpuSet::new();
    only.set(core);
    sched_setaffinity(None, &only).with_context(|| format!("cannot run on core {core}"))?;
    let started = start();
    sched_setaffinity(None, &before).context("cannot return to all cores")?;
    Ok(started)
}

/// Of `/proc/PID/stat` and `/proc/PID/status`, see proc(5).
fn read_used(stat: &str, status: &str, ticks_per_second: u64) -> Option<Used> {
    // The name of the program, in brackets, may hold anything.
    let behind = stat.rsplit_once(')')?.1;
    let mut fields = behind.split_ascii_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let memory_kib = resident.split_ascii_whitespace().next()?.parse().ok()?;
    Some(Used { cpu: Duration::from_secs_f64(ticks as f64 / ticks_per_second.max(1) as f64), memory_kib })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_has_used_is_read_whatever_it_is_called() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 900 0 0 0 250 150 0 0 20 0 9 0 100 1 2 3";
        let used = read_used(stat, "Name:\ta\nVmRSS:\t   2048 kB\n", 100).unwrap();
        assert_eq!((used.cpu, used.memory_kib), (Duration::from_secs(4), 2_048));
        assert!(read_used("7 (a) S 1", "", 100).is_none());
    }
}
