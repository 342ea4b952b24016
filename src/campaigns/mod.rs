//! Campaigns at work: who is due is reserved and dialled within the rules of [`callcore::campaign`], what comes of it is written down,
//! and everybody can see what is in the way.
//!
//! The database is what counts: a call is reserved in one transaction with its attempt, begins through the plan of
//! [`crate::session`], and its end is read from the books of calls. A server that is killed goes on where it was.

mod closed_days;
mod desk;
mod dialler;
mod holds;
mod places;
mod preflight;
mod runner;
mod settling;
mod tables;
pub mod words;

pub use closed_days::{ClosedDays, LARGEST_CALENDAR, NoCalendar, coming_closed_days};
pub use desk::{Desk, Refused, Why};
pub use holds::Hold;
pub use preflight::{Preflight, Progress, RuleCount};
pub use tables::{Wording, attempts as attempts_file, contacts as contacts_file};
