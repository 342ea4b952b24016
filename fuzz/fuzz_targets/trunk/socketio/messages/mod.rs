#[path = "../../../../../src/trunk/socketio/messages/cdr.rs"]
mod cdr;
#[path = "../../../../../src/trunk/socketio/messages/text.rs"]
mod text;

pub(in crate::trunk) use cdr::WireCdr;
use text::Text;
