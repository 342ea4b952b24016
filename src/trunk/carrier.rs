//! What a trunk leads to: every kind of carrier with the same operations. A new kind is a variant here and a folder beside
//! `ocs`; nothing outside this module needs to know it.
//!
//! Carriers that only call us, such as those of `ocs_inbound`, have no variant: nothing is asked of them, and their calls
//! arrive as [`Offer`](super::Offer)s with a [`Leg`] like any other.

use callcore::call::CarrierCdr;

use super::leg::Leg;
use super::ocs::OcsCarrier;
use super::order::{DialError, Held, Order};
use super::reach::Reach;
use super::sip::SipCarrier;
use super::webrtc::Browsers;
use crate::cdr_wire::CdrQuery;

/// The carrier could not be asked for records, or its answer says nothing; the text is its reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RecordsError(String);

/// A carrier that calls are placed at. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Carrier {
    /// One that serves the Outgoing Call Service.
    Ocs(OcsCarrier),
    /// A SIP server.
    Sip(SipCarrier),
    /// People who hold links that ring in their browsers.
    Browsers(Browsers),
}

impl From<OcsCarrier> for Carrier {
    fn from(carrier: OcsCarrier) -> Self {
        Self::Ocs(carrier)
    }
}

impl From<SipCarrier> for Carrier {
    fn from(carrier: SipCarrier) -> Self {
        Self::Sip(carrier)
    }
}

impl From<Browsers> for Carrier {
    fn from(browsers: Browsers) -> Self {
        Self::Browsers(browsers)
    }
}

impl Carrier {
    /// Its kind, as the configuration names it.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Ocs(_) => "outgoing-call-service",
            Self::Sip(_) => "sip",
            Self::Browsers(_) => "browser",
        }
    }

    /// Whether it can be reached, as last seen.
    pub(super) fn is_reachable(&self) -> bool {
        match self {
            Self::Ocs(carrier) => carrier.is_reachable(),
            Self::Sip(carrier) => !matches!(carrier.reach(), Reach::Away { .. }),
            Self::Browsers(_) => true,
        }
    }

    /// Whether it is within reach, and since when it is not.
    pub(super) fn reach(&self) -> Reach {
        match self {
            Self::Ocs(carrier) => carrier.reach(),
            Self::Sip(carrier) => carrier.reach(),
            Self::Browsers(_) => Reach::Within,
        }
    }

    /// Whether it can show the callee a number of our choice; true while that is not known.
    pub(super) fn shows_caller(&self) -> bool {
        match self {
            Self::Ocs(carrier) => carrier.shows_caller(),
            Self::Sip(_) | Self::Browsers(_) => true,
        }
    }

    /// Whether it can be asked for the records of calls; true while that is not known.
    pub(super) fn keeps_records(&self) -> bool {
        match self {
            Self::Ocs(carrier) => carrier.keeps_records(),
            Self::Sip(_) | Self::Browsers(_) => false,
        }
    }

    /// Whether it rings links, and knows no numbers.
    pub(super) const fn rings_links(&self) -> bool {
        matches!(self, Self::Browsers(_))
    }

    /// The call to `number` is over, and may never have been placed.
    pub(super) fn call_is_over(&self, number: &str) {
        match self {
            Self::Ocs(_) | Self::Sip(_) => {}
            Self::Browsers(browsers) => browsers.end_link(number),
        }
    }

    /// Asks it to bring no more calls, where it was asked to bring them. It takes two seconds at most.
    pub(super) async fn leave(&self) {
        match self {
            Self::Ocs(_) | Self::Browsers(_) => {}
            Self::Sip(carrier) => carrier.leave().await,
        }
    }

    /// Ends all calls at once where they end with this program, and tells their peers. It takes two seconds at most.
    pub(super) async fn cut(&self) {
        match self {
            // A carrier keeps its calls, and is asked to end them at the next start; browsers see their connection close.
            Self::Ocs(_) | Self::Browsers(_) => {}
            Self::Sip(carrier) => {
                // What is not confirmed by then is not waited for: the program stops.
                let _confirmed = carrier.cut().await;
            }
        }
    }

    /// Places a call. `held` is dropped when the carrier's side of it is over.
    ///
    /// # Errors
    /// When the carrier cannot be reached, or refuses the call.
    pub(super) async fn place(&self, order: Order, held: Held) -> Result<Leg, DialError> {
        match self {
            Self::Ocs(carrier) => carrier.place_holding(order, Some(held)).await,
            Self::Sip(carrier) => carrier.place_holding(order, Some(held)).await,
            Self::Browsers(browsers) => browsers.place_holding(order, held),
        }
    }

    /// Has a call of an earlier run ended, in the background; a failure is logged.
    ///
    /// # Errors
    /// When the carrier's task has ended.
    pub(super) async fn end(&self, session_id: &str) -> Result<(), DialError> {
        match self {
            Self::Ocs(carrier) => carrier.end(session_id).await,
            // What was agreed on is forgotten with the process; the server ends a call that nobody refreshes or hears.
            Self::Sip(_) | Self::Browsers(_) => {
                tracing::debug!(session_id, "a call of an earlier run cannot be ended at this trunk");
                Ok(())
            }
        }
    }

    /// Its record of one session; `None` when it has none, or not yet.
    ///
    /// # Errors
    /// When it cannot be asked, or its answer cannot be read.
    pub(super) async fn record(&self, session_id: &str) -> Result<Option<CarrierCdr>, RecordsError> {
        match self {
            Self::Ocs(carrier) => carrier.cdr(session_id).await.map_err(|e| RecordsError(e.to_string())),
            Self::Sip(_) | Self::Browsers(_) => Ok(None),
        }
    }

    /// A page of its records.
    ///
    /// # Errors
    /// When it cannot be asked, or refuses the query.
    pub(super) async fn records(&self, query: &CdrQuery) -> Result<Vec<CarrierCdr>, RecordsError> {
        match self {
            Self::Ocs(carrier) => {
                let page = carrier.cdrs(query).await.map_err(|e| RecordsError(e.to_string()))?;
                Ok(page.records.into_iter().map(|record| record.cdr).collect())
            }
            Self::Sip(_) => {
                Err(RecordsError("a SIP server keeps no records that it could be asked for".into()))
            }
            Self::Browsers(_) => {
                Err(RecordsError("browsers keep no records that they could be asked for".into()))
            }
        }
    }
}
