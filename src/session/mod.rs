//! Live calls: one task per call runs the pure [`callcore::call::Call`] against the world.

mod actor;
#[cfg(test)]
mod alignment_tests;
mod control;
mod dialling;
mod effects;
mod forecast;
mod handle;
mod hearing;
mod inbound;
mod late_record;
mod launch;
mod ledger;
mod live;
mod message;
mod plan;
mod planner;
mod recording;
mod recovery;
mod request;
mod requests;
mod retention;
mod scribe;
mod trace;
#[cfg(test)]
mod trace_tests;
mod unfollowed;
mod unplaced;
mod wav_file;

pub use control::CallControl;
pub use forecast::{Estimate, Forecast, TrunkLoad, Verdict};
pub use handle::{Handle, Options, Parts, Refusal};
pub use hearing::UnknownLanguage;
pub use inbound::{BadRoute, InboundCall, Pattern, Route, Routes};
pub use live::{LiveCall, Phase};
pub use recovery::{Recovered, recover, settle};
pub use request::{Contact, DialRequest, Dialed, Key, NotifyTarget, ParamSets};
pub use requests::Requests;
pub use retention::{Retention, Swept};
pub use trace::read_trace;
