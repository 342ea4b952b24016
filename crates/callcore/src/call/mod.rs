//! One call from dial to record: composes detection, play-out and flow.
//!
//! [`Call`] only translates between its children; what each of them decides stays in its own module.

mod arrival;
mod barge_in;
mod carrier;
mod cause;
mod closing;
mod conversation;
#[cfg(test)]
mod cut_tests;
#[cfg(test)]
mod detection_tests;
mod ending;
mod errand;
mod fact;
#[cfg(test)]
mod gap_tests;
mod input;
mod interruption;
mod keys;
mod line;
mod listening;
mod machine;
mod mailbox;
mod notice;
mod recognition;
mod recording;
mod redaction;
#[cfg(test)]
mod sentence_tests;
mod settings;
mod speaking;
#[cfg(test)]
mod speaking_tests;
#[cfg(test)]
mod tests;
mod utterance;

pub use carrier::{CarrierCdr, DialStatus, Disposition, HangupBy, Link};
pub use cause::{Cause, cause, causes};
pub use ending::{Ended, Summary};
pub use fact::{CutBy, Fact, HeardPrompt, HungUp, LeftMessage, Utterance, Wait};
pub use input::{Effect, Input, Silence, Words};
pub use machine::Call;
pub use notice::{Notice, Stage};
pub use recording::{HeardIn, hear};
pub use settings::{Direction, Settings, amd_timers};
