//! Live calls: one task per call runs the pure [`callcore::call::Call`] against the world.

mod actor;
mod effects;
mod handle;
mod kore;
mod ledger;
mod live;
mod recording;
mod recovery;
mod request;
mod scribe;

pub use handle::{Handle, Options, Parts, Refusal};
pub use live::{LiveCall, Phase};
pub use recovery::recover;
pub use request::{DialRequest, Dialed, NotifyTarget, ParamSets};
