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

/// Bytes that are free on the disk of a path, which need not be there yet.
#[must_use]
pub fn free_bytes(path: &Path) -> Option<u64> {
    let there = path.ancestors().map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
    let disk = rustix::fs::statvfs(there.into_iter().find(|path| path.exists())?).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_not_there_yet_has_the_disk_of_its_folder() {
        let here = free_bytes(Path::new(".")).unwrap();
        assert!(here > 0 && free_bytes(Path::new("no/such/folder/x.db")).is_some());
    }
}
