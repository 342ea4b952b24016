//! The events of the Outgoing Call Service, both ways, and what they mean for a leg. The only place that
//! knows their field names.

mod events;
mod plain;
mod report;
mod sent;

pub(super) use events::read;
pub(super) use plain::{plain_command, read_plain};
pub(super) use report::{Offered, Report, ReportError};
pub(super) use sent::{AUDIO_CHUNK_MS, AudioAck, Mark, Press, Room, Speech};
