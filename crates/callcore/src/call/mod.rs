//! One call from dial to record: composes detection, play-out and flow.
//!
//! [`Call`] changes state: dialled, talking, closing, finished. While it is answered a `Conversation` passes on what
//! one part says to the others; what each of them decides stays in its own file.

mod carrier;
mod cause;
mod conversation;
#[cfg(test)]
mod cut_tests;
mod deadline;
#[cfg(test)]
mod detection_tests;
#[cfg(test)]
mod early_media_tests;
#[cfg(test)]
mod early_start_tests;
mod ending;
mod fact;
#[cfg(test)]
mod gap_tests;
mod input;
mod line;
mod machine;
mod notice;
mod recording;
#[cfg(test)]
mod sentence_tests;
mod settings;
#[cfg(test)]
mod speaking_tests;
#[cfg(test)]
mod tests;

pub use carrier::{CarrierCdr, DialStatus, Disposition, HangupBy, Link};
pub use cause::{Cause, cause, causes};
pub use deadline::{Deadline, Due};
pub use ending::{Ended, Summary};
pub use fact::{CutBy, Fact, FactKind, HeardPrompt, HungUp, LeftMessage, Utterance, Wait};
pub use input::{Effect, Hypothesis, Input, RecordingMute};
pub use machine::Call;
pub use notice::{Absence, Notice, NotificationState, Unseen};
pub use recording::{HeardIn, hear};
pub use settings::{Direction, Settings, amd_timers};
