//! Live calls: one task per call runs the pure [`callcore::call::Call`] against the world.

mod actor;
#[cfg(test)]
mod alignment_tests;
mod effects;
mod handle;
mod inbound;
mod kore;
mod late_record;
mod launch;
mod ledger;
mod live;
mod message;
mod recording;
mod recovery;
mod request;
mod requests;
mod retention;
mod scribe;
mod wav_file;

pub use handle::{Handle, Options, Parts, Refusal};
pub use inbound::{BadRoute, InboundCall, Pattern, Route, Routes};
pub use live::{LiveCall, Phase};
pub use recovery::{recover, settle};
pub use request::{DialRequest, Dialed, NotifyTarget, ParamSets};
pub use requests::Requests;
pub use retention::{Retention, Swept};
