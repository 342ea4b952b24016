//! How a call is asked for and begun: checked, accepted, scheduled, or not dialled after all.

mod accept;
mod check;
mod first_lines;
mod forecast;
mod not_dialled;
mod schedule;
mod scheduler;
mod unfollowed;

pub use accept::Planned;
pub use forecast::{Estimate, ExpectedStart, Forecast, TrunkLoad};
