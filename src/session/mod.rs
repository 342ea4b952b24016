//! Live calls: one task per call runs the pure [`callcore::call::Call`] against the world.

mod actor;
mod effects;
mod handle;
mod kore;
mod ledger;
mod live;
mod message;
mod recording;
mod recovery;
mod request;
mod requests;
mod scribe;
mod wav_file;

pub use handle::{Handle, Options, Parts, Refusal};
pub use live::{LiveCall, Phase};
pub use recovery::recover;
pub use request::{DialRequest, Dialed, NotifyTarget};
pub use requests::Requests;
