//! Speech in and out: what callees say becomes text, what bots say becomes audio.

pub mod stt;
