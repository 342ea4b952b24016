//! The model that is part of this program: small enough to ship, for those who have no other.

use std::path::Path;

/// What settings name it by, in place of a file.
pub const NAME: &str = "phone-nano";
/// A Whisper in ggml's format, made by `training/asr`; empty in a build that has none.
#[cfg(feature = "whisper")]
pub const MODEL: &[u8] = include_bytes!("../../../models/phone-nano.bin");
#[cfg(not(feature = "whisper"))]
pub const MODEL: &[u8] = &[];
/// The languages it was taught, the tokens of which it is told them by.
pub const LANGUAGES: [&str; 2] = ["en", "id"];
/// Its training met recordings under this licence.
pub const LICENCE: &str = "CC-BY-SA-4.0";

/// Whether a setting means it, and not a file.
#[must_use]
pub fn is_meant(model: &Path) -> bool {
    model == Path::new(NAME)
}

/// Whether this build has it.
#[must_use]
pub const fn is_here() -> bool {
    !MODEL.is_empty()
}
