//! Logs, metrics and traces: how they start, and what must never be in them.

mod described;
mod lateness;
mod scrape;
pub mod traces;
mod zeros;

use std::io::IsTerminal;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{FilterExt as _, LevelFilter, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt, registry, reload};

pub use described::{Kind as MetricKind, METRICS, Metric};
pub use lateness::Lateness;
pub use scrape::{Disk, Scrape};

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

/// Libraries that write what is on the wire into the log below `info`: tokens and numbers among it.
const TALKATIVE: [&str; 11] = [
    "axum",
    "engineioxide",
    "h2",
    "hyper",
    "hyper_util",
    "reqwest",
    "rustls",
    "socketioxide",
    "tokio_tungstenite",
    "tower_http",
    "tungstenite",
];

/// Starts logging to standard error. `filter` is a `tracing` filter such as `info,dering=debug`; what
/// cannot be parsed falls back to `warn`. Libraries that would tell what is on the wire never do, whatever it says. A second
/// call does nothing.
pub fn start_logging(filter: &str, format: LogFormat) -> Logging {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("warn"));
    let (filter, reloading) = reload::Layer::new(filter);
    // Without the hint nothing is known of what is never wanted, and every frame of a WebSocket is offered to the log a dozen times.
    let filter = filter.and(filter_fn(is_discreet).with_max_level_hint(LevelFilter::TRACE));
    // A line that cannot be written, on a full disk say, is lost; complaining about it on the same stream would panic.
    let lines = fmt::layer().with_writer(std::io::stderr).log_internal_errors(false);
    let started = match format {
        LogFormat::Text => {
            let lines = lines.with_ansi(std::io::stderr().is_terminal());
            registry().with(lines.with_filter(filter)).try_init()
        }
        LogFormat::Json => registry().with(lines.json().with_filter(filter)).try_init(),
    };
    drop(started);
    Logging {
        refilter: Box::new(move |new| {
            let is_there = reloading.reload(new).is_ok();
            offer_up_to(LevelFilter::current());
            is_there
        }),
    }
}

/// Libraries that log by the crate `log` offer lines up to `most`; starting does the same.
fn offer_up_to(most: LevelFilter) {
    log::set_max_level(match most.into_level() {
        None => log::LevelFilter::Off,
        Some(Level::ERROR) => log::LevelFilter::Error,
        Some(Level::WARN) => log::LevelFilter::Warn,
        Some(Level::INFO) => log::LevelFilter::Info,
        Some(Level::DEBUG) => log::LevelFilter::Debug,
        Some(Level::TRACE) => log::LevelFilter::Trace,
    });
}

/// Libraries that do so at `info` already: whole messages, telephone numbers and proofs of passwords among them.
const BLUNT: [&str; 1] = ["rsipstack"];

/// Whether a line can be written without telling what is on the wire.
fn is_discreet(line: &Metadata<'_>) -> bool {
    let library = line.target().split("::").next().unwrap_or_default();
    let most = if BLUNT.contains(&library) {
        Level::ERROR
    } else if TALKATIVE.contains(&library) {
        Level::INFO
    } else {
        Level::TRACE
    };
    *line.level() <= most
}

/// Bounds of the histograms of seconds: from a lookup in the cache to a long call.
const BOUNDS: [f64; 19] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 60.0, 120.0, 300.0,
    600.0,
];

/// Starts collecting metrics. `None` when something else in this process collects them already.
#[must_use]
pub fn start_metrics() -> Option<Scrape> {
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(seconds, &BOUNDS).ok()?;
    let handle = builder.install_recorder().ok()?;
    described::describe();
    zeros::begin();
    let (version, commit) = (env!("CARGO_PKG_VERSION"), commit().unwrap_or_default());
    metrics::gauge!("dering_build_info", "version" => version, "commit" => commit).set(1.0);
    Some(Scrape::new(handle))
}

/// The commit that this program was built from, where the build said so.
#[must_use]
pub const fn commit() -> Option<&'static str> {
    match option_env!("DERING_COMMIT") {
        Some(commit) if !commit.is_empty() => Some(commit),
        Some(_) | None => None,
    }
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
