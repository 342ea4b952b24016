//! Live calls: one task per call runs the pure [`callcore::call::Call`] against the world.
//!
//! `dialling/` is how a call is asked for and begun, `inbound/` how one comes in; `run/` the task and what it does to the
//! world; `books/` what is written down; `record/` what of it lies on the disk. What is
//! seen of it from outside is told on [`crate::bus`].

mod books;
mod clock;
mod control;
mod dialling;
mod handle;
mod inbound;
mod record;
mod request;
mod run;

pub use crate::bus::{LiveCall, Phase};
pub use books::{Recovered, Retention, SettleError, Swept, recover, settle};
pub use control::CallControl;
pub use dialling::{Estimate, ExpectedStart, Forecast, TrunkLoad};
pub use handle::{Handle, Options, Parts, Refusal};
pub use inbound::{BadRoute, InboundCall, Pattern, Route, Routes};
pub use record::read_trace;
pub use request::{Contact, DialRequest, Dialed, Key, NotifyTarget, ParamSets};
pub use run::{HttpRequests, UnknownLanguage};
