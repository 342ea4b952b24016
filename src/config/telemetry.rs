//! What of the server's work is told elsewhere.

use serde::Deserialize;

/// Where a collector of OpenTelemetry is, as its libraries read it everywhere.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    pub otlp: Otlp,
}

/// OpenTelemetry's protocol, over HTTP.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Otlp {
    /// The address of a collector.
    pub endpoint: Option<String>,
}

impl Telemetry {
    /// Where traces go, by the settings or else by the environment.
    #[must_use]
    pub fn traces_to(&self) -> Option<String> {
        let usual = || std::env::var(ENDPOINT).ok().filter(|endpoint| !endpoint.trim().is_empty());
        self.otlp.endpoint.clone().or_else(usual)
    }
}
