//! Metrics as Prometheus text, with those that are measured when somebody asks.

use std::path::Path;
use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;
use metrics_process::Collector;

/// What renders the metrics.
#[derive(Clone)]
pub struct Scrape {
    handle: PrometheusHandle,
    process: Arc<Collector>,
}

impl std::fmt::Debug for Scrape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scrape").finish_non_exhaustive()
    }
}

impl Scrape {
    pub(super) fn new(handle: PrometheusHandle) -> Self {
        let process = Collector::default();
        process.describe();
        Self { handle, process: Arc::new(process) }
    }

    /// All of them, those of the process as they are now.
    #[must_use]
    pub fn render(&self) -> String {
        self.process.collect();
        self.handle.run_upkeep();
        self.handle.render()
    }
}

/// How much room there is on a disk, bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    pub free: u64,
    pub size: u64,
}

impl Disk {
    /// The disk of a path, which need not be there yet.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        let here = Path::new(".");
        let mut above = path.ancestors().map(|path| if path.as_os_str().is_empty() { here } else { path });
        let disk = rustix::fs::statvfs(above.find(|path| path.exists())?).ok()?;
        let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
        Some(Self { free: bytes(disk.f_bavail), size: bytes(disk.f_blocks) })
    }

    /// Less is free than calls need: 200 MB, or 5 % of a small disk.
    #[must_use]
    pub fn is_full(self) -> bool {
        self.free < (self.size / 20).min(200_000_000)
    }

    /// Less is free than is well: 2 GB, or 20 % of a small disk.
    #[must_use]
    pub fn is_low(self) -> bool {
        self.free < (self.size / 5).min(2_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_not_there_yet_has_the_disk_of_its_folder() {
        assert!(Disk::of(Path::new(".")).is_some_and(|disk| disk.size >= disk.free));
        assert!(Disk::of(Path::new("no/such/folder/x.db")).is_some());
    }

    #[test]
    fn a_small_disk_may_have_less_free() {
        let of = |free, size| (Disk { free, size }.is_full(), Disk { free, size }.is_low());
        assert_eq!(of(100_000_000, 1_000_000_000_000), (true, true));
        assert_eq!(of(1_000_000_000, 1_000_000_000_000), (false, true));
        assert_eq!(of(1_000_000, 3_000_000), (false, false));
        assert_eq!(of(0, 3_000_000), (true, true));
    }
}
