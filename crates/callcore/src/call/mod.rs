//! One call from dial to record: composes detection, play-out and flow.

mod carrier;

pub use carrier::{CarrierCdr, DialStatus, Disposition, HangupBy, cause_text};
