//! Flow tests: a file of cases beside a flow, each a callee's script and what must come of it.
//!
//! Time is virtual, so a minute of call takes microseconds and a case gives the same result every time.

mod call;
mod case;
#[cfg(test)]
mod errand_tests;
mod read;
mod script;
mod speaking;
#[cfg(test)]
mod tests;
mod world;

#[cfg(test)]
pub(super) use self::call::Rehearsal;
pub use self::case::{CaseResult, Tests};
#[cfg(test)]
pub(super) use self::read::{ACTS, CASE, EXPECTATIONS};
pub use self::read::{ParsedTests, parse_tests};
