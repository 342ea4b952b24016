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

/// Starts logging to standard error. `filter` is a `tracing` filter such as `info,dering=debug`; what
/// cannot be parsed falls back to `warn`. A second call does nothing.
pub fn start_logging(filter: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    drop(started);
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
