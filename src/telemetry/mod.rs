//! Logs and metrics: how they start, and what must never be in them.

use std::io::IsTerminal;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// The log, once it is started.
pub struct Logging {
    refilter: Box<dyn Fn(EnvFilter) -> bool + Send + Sync>,
}

impl std::fmt::Debug for Logging {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logging").finish_non_exhaustive()
    }
}

impl Logging {
    /// From now on `filter` decides what is logged.
    ///
    /// # Errors
    /// When it is no filter; then nothing changes.
    pub fn set_filter(&self, filter: &str) -> Result<(), String> {
        let filter =
            EnvFilter::try_new(filter).map_err(|error| format!("{filter:?} is no filter: {error}"))?;
        if (self.refilter)(filter) { Ok(()) } else { Err("the log is not there any more".to_owned()) }
    }
}

/// Starts logging to standard error. `filter` is a `tracing` filter such as `info,dering=debug`; what
/// cannot be parsed falls back to `warn`. A second call does nothing.
pub fn start_logging(filter: &str, format: LogFormat) -> Logging {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("warn"));
    // A line that cannot be written, on a full disk say, is lost; complaining about it on the same stream would panic.
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false);
    let (started, refilter): (_, Box<dyn Fn(EnvFilter) -> bool + Send + Sync>) = match format {
        LogFormat::Text => {
            let builder = builder.with_ansi(std::io::stderr().is_terminal()).with_filter_reloading();
            let filter = builder.reload_handle();
            (builder.try_init(), Box::new(move |new| filter.reload(new).is_ok()))
        }
        LogFormat::Json => {
            let builder = builder.json().with_filter_reloading();
            let filter = builder.reload_handle();
            (builder.try_init(), Box::new(move |new| filter.reload(new).is_ok()))
        }
    };
    drop(started);
    Logging { refilter }
}

/// Starts collecting metrics; the handle renders them as Prometheus text. `None` when something else
/// in this process collects them already.
#[must_use]
pub fn start_metrics() -> Option<PrometheusHandle> {
    PrometheusBuilder::new().install_recorder().ok()
}

/// A phone number as logs may show it: the last two digits only.
#[must_use]
pub fn mask(number: &str) -> String {
    let keep = number.char_indices().rev().nth(1).map_or(0, |(at, _)| at);
    format!("…{}", &number[keep..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_masked_number_shows_two_digits_at_most() {
        assert_eq!(mask("+62812345678"), "…78");
        assert_eq!(mask("7"), "…7");
        assert_eq!(mask(""), "…");
    }
}
