//! Trials: other settings of the detector over calls that were recorded, and better ones searched for. `dering amd replay` and `tune`
//! run them over files or a database, the server over the calls that people labelled.
//!
//! `replay` and `search` do the work, on threads of a `pool`; `what_if` puts what was beside what would be; [`Trials`] is
//! the desk of a server, which runs one at a time.

pub(crate) mod analyse;
pub(crate) mod cases;
mod change;
mod desk;
mod labelled;
mod pool;
pub(crate) mod replay;
mod score;
pub(crate) mod search;
mod verdict;
mod what_if;

pub use change::Change;
pub use desk::{Job, Kind, Looked, Made, Promoted, Refused, Trials};
pub use labelled::Which;
pub(crate) use pool::Pool;
pub(crate) use score::{Outcome, Score};
pub use search::{Line, TooFew, Tuned};
pub use verdict::Verdict;
pub use what_if::{Changed, Figures, WhatIf};
