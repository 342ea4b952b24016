//! `callControlParameter`: how one call is to be heard, in Kore's words.

use utoipa::ToSchema;

use crate::api::fields::Fields;
use crate::session;

/// Longest wait in any of its fields, ms.
const LONGEST_MS: u32 = 60_000;
const LONGEST_TEXT: usize = 64;

/// How the callee is heard in this call.
#[derive(Clone, Debug, PartialEq, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CallControl {
    /// Name or kind of a recogniser.
    #[schema(min_length = 1, max_length = 64)]
    stt_provider: Option<String>,
    /// The callee's language, also for words as evidence.
    #[schema(pattern = "^[A-Za-z0-9_-]+$", max_length = 64)]
    stt_language: Option<String>,
    #[schema(min_length = 1, max_length = 64)]
    stt_label: Option<String>,
    /// Whether words count before the callee has finished.
    interim: Option<bool>,
    /// Silence that ends an answer, ms.
    #[serde(rename = "continuousASRTimeoutInMS")]
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 60_000)]
    continuous_asr_timeout_in_ms: Option<u32>,
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 60_000)]
    deepgram_utterance_end_ms: Option<u32>,
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 60_000)]
    deepgram_endpointing: Option<u32>,
}

impl From<CallControl> for session::CallControl {
    fn from(asked: CallControl) -> Self {
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
pub(super) fn control(fields: &mut Fields<'_>) -> Option<CallControl> {
    fields.within("callControlParameter", |fields| CallControl {
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
