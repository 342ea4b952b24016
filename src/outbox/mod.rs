//! Webhooks: delivers what the ledger in [`crate::store`] holds, signed, in order per call, until each
//! is delivered or given up. Rows are written by `store` in the transaction of the state they report;
//! this module only reads them, so a crash between the two loses nothing.
//!
//! A notification may arrive twice (a crash after the post and before the commit), then with the same
//! `webhook-id`; it never arrives before an earlier one of its call, unless somebody has an earlier one
//! sent again.

mod breaker;
mod deliver;
mod headers;
mod health;
mod message;
mod options;
mod post;
pub mod receiver;
pub mod sign;
mod trial;

pub use breaker::{BreakerOptions, BreakerState};
pub use deliver::{Handle, Outbox};
pub use headers::is_ours;
pub use options::{Error, Options};
pub use trial::{Example, Trial, Tried, examples};
