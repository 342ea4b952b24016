//! Reads `callControlParameter`: how one call is to be heard.

use crate::api::fields::Fields;
use crate::kore::CallControlParameter;
use crate::session;

/// Longest wait in any of its fields, ms.
const LONGEST_MS: u32 = 60_000;
const LONGEST_TEXT: usize = 64;

impl From<CallControlParameter> for session::CallControl {
    fn from(asked: CallControlParameter) -> Self {
        Self {
            provider: asked.stt_provider,
            label: asked.stt_label,
            language: asked.stt_language,
            interim: asked.interim,
            continuous_ms: asked.continuous_asr_timeout_in_ms.map(u64::from),
            utterance_end_ms: asked.deepgram_utterance_end_ms,
            endpointing_ms: asked.deepgram_endpointing,
        }
    }
}

/// Reads it; an absent one asks for nothing.
pub(super) fn control(fields: &mut Fields<'_>) -> Option<CallControlParameter> {
    fields.within("callControlParameter", |fields| CallControlParameter {
        stt_provider: fields.text("sttProvider", LONGEST_TEXT),
        stt_label: fields.text("sttLabel", LONGEST_TEXT),
        stt_language: fields.read("sttLanguage", LONGEST_TEXT, language),
        interim: fields.yes("interim"),
        continuous_asr_timeout_in_ms: ms(fields, "continuousASRTimeoutInMS"),
        deepgram_utterance_end_ms: ms(fields, "deepgramUtteranceEndMs"),
        deepgram_endpointing: ms(fields, "deepgramEndpointing"),
    })
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
