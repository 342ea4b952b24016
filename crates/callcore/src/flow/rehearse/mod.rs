//! Flow tests: a file of cases beside a flow, each a callee's script and what must come of it.
//!
//! Time is virtual, so a minute of call takes microseconds and a case gives the same result every time.

mod call;
mod case;
mod coverage;
mod effort;
#[cfg(test)]
mod external_tests;
mod read;
mod recording;
mod script;
mod speaking;
#[cfg(test)]
mod tests;
mod world;

pub use self::call::Rehearsal;
pub use self::case::{CaseResult, Place, Tests};
pub use self::coverage::Coverage;
pub use self::effort::Effort;
#[cfg(test)]
pub(super) use self::read::{ACTS, CASE, EXPECTATIONS};
pub use self::read::{ParsedTests, parse_tests};
pub use self::recording::{Recording, Recordings, speaking_ms};
pub use self::script::{Replies, parse_replies};
