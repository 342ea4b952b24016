//! Live calls: one task per call runs the pure [`callcore::call::Call`] against the outside world.
//!
//! `dialling/` accepts and starts calls, `inbound/` takes incoming ones; `run/` is the task and what it does; `books/` is what
//! is written to the database; `record/` is what is written to disk. What others can see of running calls is published on
//! [`crate::bus`].

mod books;
mod clock;
mod control;
mod dialling;
mod handle;
mod inbound;
mod listening;
mod record;
mod request;
mod run;

pub use crate::bus::{LiveCall, Phase};
pub use books::{Recovered, Retention, SettleError, Swept, recover, settle};
pub use control::CallControl;
pub use dialling::{Estimate, ExpectedStart, Forecast, Planned, TrunkLoad};
pub use handle::{Handle, Options, Parts, Refusal};
pub use inbound::{BadRoute, InboundCall, Pattern, Route, Routes};
pub use listening::{Ears, Unheard};
pub(crate) use record::camera_file::camera_path;
pub use record::read_trace;
pub use request::{Contact, DialRequest, Dialed, Key, NotifyTarget, ParamSets, RingLink};
pub use run::{HttpRequests, PromptsReady, Readiness, UnknownLanguage};
