//! Trials: other settings of the detector over calls that were recorded, and better ones searched for. `dering amd replay` and `tune`
//! run them over files or a database, the server over the calls that people labelled.
//!
//! `replay`, `search` and `learn` do the work, on threads of a `pool`; `found` is what came of the last two; `what_if` puts what was beside what would be; [`Trials`] is
//! the desk of a server, which runs one at a time.

pub(crate) mod analyse;
pub(crate) mod cases;
mod change;
mod desk;
mod found;
mod hearing;
mod labelled;
pub(crate) mod learn;
mod line;
mod params_file;
mod pool;
pub(crate) mod replay;
mod score;
pub(crate) mod search;
mod shadow;
mod verdict;
mod what_if;

pub use change::Change;
pub use desk::{Job, Kind, Looked, Made, Promoted, Refused, Trials};
pub use found::{Learned, Tuned};
pub use labelled::Which;
pub(crate) use labelled::labelled_in;
pub use line::Line;
pub(crate) use pool::Pool;
pub(crate) use score::{Outcome, Score};
pub use search::{Fit, TooFew};
pub use shadow::{Different, InShadow, in_shadow};
pub use verdict::Verdict;
pub use what_if::{Changed, Figures, WhatIf};
