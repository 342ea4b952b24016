//! JSON as carriers write it, whatever wire brings it: scalars in more than one form, and call detail records.

mod cdr;
mod text;

pub(super) use cdr::WireCdr;
pub(super) use text::Text;
