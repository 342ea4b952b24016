//! Traces for OpenTelemetry, in programs that were built with the feature `otel`: what requests, calls and attempts to deliver webhooks took. Each is
//! told once, when it is over, so that nothing is done while a call runs. No phone number and nothing that was said is in them.

#[cfg(not(feature = "otel"))]
mod absent;
#[cfg(feature = "otel")]
mod exporting;
#[cfg(feature = "otel")]
mod ids;

use std::time::SystemTime;

#[cfg(not(feature = "otel"))]
use self::absent as made;
#[cfg(feature = "otel")]
use self::exporting as made;

pub use self::made::Traces;

/// This program can make traces.
pub const BUILT_IN: bool = cfg!(feature = "otel");

/// A request to the API or a page.
#[derive(Clone, Copy, Debug)]
pub struct RequestTrace<'a> {
    pub method: &'a str,
    /// The route, not the path; `None` when there is none.
    pub route: Option<&'a str>,
    pub status: u16,
    pub began: SystemTime,
    pub ended: SystemTime,
    /// The header `traceparent` (W3C): what the request is a part of.
    pub parent: Option<&'a str>,
}

/// A call that ended. Times are ms since 1970.
#[derive(Clone, Copy, Debug)]
pub struct CallTrace<'a> {
    pub call_id: &'a str,
    pub direction: &'a str,
    pub flow: &'a str,
    pub trunk: Option<&'a str>,
    pub disposition: &'a str,
    pub verdict: &'a str,
    pub outcome: &'a str,
    pub began_ms: i64,
    pub answered_ms: Option<i64>,
    pub ended_ms: i64,
}

/// An attempt to deliver a webhook. Times are ms since 1970.
#[derive(Clone, Copy, Debug)]
pub struct AttemptTrace<'a> {
    /// The call, or the campaign, that it is about.
    pub about: &'a str,
    pub webhook_id: &'a str,
    pub kind: &'a str,
    /// Scheme, host and port.
    pub endpoint: &'a str,
    pub status: Option<u16>,
    /// `delivered`, `retry` or `dead`.
    pub result: &'a str,
    pub began_ms: i64,
    pub ended_ms: i64,
}

/// Why traces cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TracesError {
    #[error("this program was built without traces; build it with `cargo build --release --features otel`")]
    NotBuiltIn,
    #[error("traces cannot be sent to {endpoint}: {reason}")]
    Exporter { endpoint: String, reason: String },
}

/// Whether traces are made.
#[must_use]
pub fn are_on() -> bool {
    made::are_on()
}

/// Tells of a request.
pub fn request(trace: &RequestTrace<'_>) {
    made::request(trace);
}

/// Tells of a call.
pub fn call(trace: &CallTrace<'_>) {
    made::call(trace);
}

/// Tells of an attempt to deliver a webhook.
pub fn attempt(trace: &AttemptTrace<'_>) {
    made::attempt(trace);
}
