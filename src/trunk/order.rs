//! A call to be placed, and why it could not be.

use std::time::Duration;

use crate::telemetry::mask;

/// Kept until the carrier's side of a call is over; a line in use, for instance.
pub(super) type Held = Box<dyn Send + Sync>;

/// A call to be placed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// As it goes to the carrier.
    pub number: String,
    /// The number the callee should see; carriers before 1.0.5 cannot be told.
    pub caller: Option<String>,
    /// An unanswered call is given up after this long; the trunk's own limit when absent.
    pub ring_timeout: Option<Duration>,
}

impl Order {
    /// A call to `number` with nothing else asked for.
    #[must_use]
    pub fn to(number: impl Into<String>) -> Self {
        Self { number: number.into(), ..Self::default() }
    }
}

/// Why a call could not be placed.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("the carrier refuses the number {}: {reason}", mask(number))]
    BadNumber { number: String, reason: String },
    #[error("the carrier refuses the token; check the trunk's credentials ({reason})")]
    Unauthorized { reason: String },
    #[error("the carrier cannot take the call now: {reason}")]
    Unavailable { reason: String },
    /// It has too much to do, and takes calls again after `wait`.
    #[error("the carrier has too much to do: {reason}")]
    Busy { reason: String, wait: Duration },
    #[error("the carrier's answer cannot be understood: {reason}")]
    Protocol { reason: String },
    #[error(
        "no line of the trunk came free within {} s; raise its `limits`, or its `queue_timeout`",
        waited.as_secs()
    )]
    NoLine { waited: Duration },
    #[error("the call was ended by {by} before it was placed")]
    Cancelled { by: String },
}
