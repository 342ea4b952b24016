//! `callControlParameter`: how one call is to be heard, in Kore's words.

use crate::api::fields::Fields;
use crate::session::CallControl;

/// Longest wait in any of its fields, ms.
const LONGEST_MS: u32 = 60_000;
const LONGEST_TEXT: usize = 64;

/// Reads it; an absent one asks for nothing.
pub(super) fn control(fields: &mut Fields<'_>) -> CallControl {
    let read = |fields: &mut Fields<'_>| CallControl {
        provider: fields.text("sttProvider", LONGEST_TEXT),
        label: fields.text("sttLabel", LONGEST_TEXT),
        language: fields.read("sttLanguage", LONGEST_TEXT, language),
        interim: fields.yes("interim"),
        continuous_ms: ms(fields, "continuousASRTimeoutInMS").map(u64::from),
        utterance_end_ms: ms(fields, "deepgramUtteranceEndMs"),
        endpointing_ms: ms(fields, "deepgramEndpointing"),
    };
    fields.within("callControlParameter", read).unwrap_or_default()
}

fn language(tag: &str) -> Result<String, String> {
    let plain = tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if plain {
        Ok(tag.to_owned())
    } else {
        Err("must be a language tag such as \"id\" or \"en-AU\"".to_owned())
    }
}

/// Milliseconds; 0 means what its absence means.
fn ms(fields: &mut Fields<'_>, name: &'static str) -> Option<u32> {
    fields.small(name, 0..=LONGEST_MS).filter(|ms| *ms > 0)
}
