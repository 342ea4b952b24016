#[path = "../../../../../src/trunk/ocs/messages/cdr.rs"]
mod cdr;
#[path = "../../../../../src/trunk/ocs/messages/text.rs"]
mod text;

pub(in crate::trunk) use cdr::WireCdr;
use text::Text;
