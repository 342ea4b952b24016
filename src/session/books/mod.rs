//! What is written to the database about calls: step by step, at their end, after a crash, when the carrier's record arrives
//! late, and when data expires.

pub(in crate::session) mod batch_builder;
pub(in crate::session) mod call_writer;
pub(in crate::session) mod closing;
pub(in crate::session) mod ended;
mod last_lines;
pub(in crate::session) mod late_record;
mod recovery;
mod retention;
mod unheard;

pub use recovery::{Recovered, SettleError, recover, settle};
pub use retention::{Retention, Swept};
