//! `callControlParameter` of a dial-out: how this one call is to be heard, in Kore's words, and what that means here.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Longest wait in any of its fields, ms.
const LONGEST_MS: u64 = 60_000;
/// A shorter silence would end what the callee says between two words, ms.
const LEAST_END_SILENCE_MS: u64 = 300;
/// A longer one is no pause any more, ms.
const MOST_END_SILENCE_MS: u64 = 10_000;
const LONGEST_TEXT: usize = 64;

/// How one call is to be heard; what is absent is as the flow and the settings say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallControl {
    /// `sttProvider`: the name or the kind of a recogniser.
    pub provider: Option<String>,
    /// `sttLabel`: the name of a recogniser, or just a name for the records.
    pub label: Option<String>,
    /// `sttLanguage`: `en`, `en-AU`.
    pub language: Option<String>,
    /// `interim`: whether words are asked for before the callee has finished.
    pub interim: Option<bool>,
    /// `continuousASRTimeoutInMS`: silence that ends what the callee says.
    pub continuous_ms: Option<u64>,
    /// `deepgramUtteranceEndMs`.
    pub utterance_end_ms: Option<u32>,
    /// `deepgramEndpointing`.
    pub endpointing_ms: Option<u32>,
}

/// A field that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct BadControl {
    pub field: &'static str,
    pub problem: String,
}

fn bad<T>(field: &'static str, problem: impl Into<String>) -> Result<T, BadControl> {
    Err(BadControl { field, problem: problem.into() })
}

impl CallControl {
    /// Reads the object, its names in any case; also the names of fields that mean nothing here.
    ///
    /// # Errors
    /// When a field holds something that it cannot.
    pub fn read(fields: Map<String, Value>) -> Result<(Self, Vec<String>), BadControl> {
        let (mut control, mut strange) = (Self::default(), Vec::new());
        for (name, value) in fields {
            if value.is_null() {
                continue;
            }
            match name.to_ascii_lowercase().as_str() {
                "sttprovider" => control.provider = text("sttProvider", value)?,
                "sttlabel" => control.label = text("sttLabel", value)?,
                "sttlanguage" => control.language = language(value)?,
                "interim" => control.interim = Some(yes("interim", &value)?),
                "continuousasrtimeoutinms" => {
                    control.continuous_ms = ms("continuousASRTimeoutInMS", &value)?;
                }
                "deepgramutteranceendms" => {
                    control.utterance_end_ms = narrow(ms("deepgramUtteranceEndMs", &value)?);
                }
                "deepgramendpointing" => control.endpointing_ms = narrow(ms("deepgramEndpointing", &value)?),
                _ => strange.push(format!("callControlParameter.{name}")),
            }
        }
        Ok((control, strange))
    }

    /// Silence that ends what the callee says, ms: the longest-sighted of the three waits that is given.
    #[must_use]
    pub fn end_silence_ms(&self) -> Option<u64> {
        self.continuous_ms
            .or_else(|| self.utterance_end_ms.map(u64::from))
            .or_else(|| self.endpointing_ms.map(u64::from))
            .map(|ms| ms.clamp(LEAST_END_SILENCE_MS, MOST_END_SILENCE_MS))
    }
}

fn text(field: &'static str, value: Value) -> Result<Option<String>, BadControl> {
    let Value::String(text) = value else { return bad(field, "must be a text in quotes") };
    if text.len() > LONGEST_TEXT {
        return bad(field, "is longer than 64 characters");
    }
    Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
}

fn language(value: Value) -> Result<Option<String>, BadControl> {
    let language = text("sttLanguage", value)?;
    let plain = |tag: &str| tag.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    match language {
        Some(tag) if !plain(&tag) => bad("sttLanguage", "must be a language tag such as \"id\" or \"en-AU\""),
        language => Ok(language),
    }
}

fn yes(field: &'static str, value: &Value) -> Result<bool, BadControl> {
    value.as_bool().map_or_else(|| bad(field, "must be true or false"), Ok)
}

/// Milliseconds; 0 means what its absence means.
fn ms(field: &'static str, value: &Value) -> Result<Option<u64>, BadControl> {
    match value.as_u64() {
        Some(ms) if ms <= LONGEST_MS => Ok(Some(ms).filter(|ms| *ms > 0)),
        _ => bad(field, "must be a whole number of milliseconds, at most 60000"),
    }
}

fn narrow(ms: Option<u64>) -> Option<u32> {
    ms.and_then(|ms| u32::try_from(ms).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Result<(CallControl, Vec<String>), String> {
        let Value::Object(fields) = value else { panic!("not an object") };
        CallControl::read(fields).map_err(|error| error.to_string())
    }

    #[test]
    fn the_documented_sample_is_understood_whole() {
        let (control, strange) = read(json!({
            "sttProvider": "deepgram",
            "sttLanguage": "en-AU",
            "interim": true,
            "sttLabel": "deepgram-abcd",
            "continuousASRTimeoutInMS": 2000,
            "deepgramUtteranceEndMs": 1000,
            "deepgramEndpointing": 300
        }))
        .unwrap();
        let expected = CallControl {
            provider: Some("deepgram".into()),
            label: Some("deepgram-abcd".into()),
            language: Some("en-AU".into()),
            interim: Some(true),
            continuous_ms: Some(2_000),
            utterance_end_ms: Some(1_000),
            endpointing_ms: Some(300),
        };
        assert_eq!((control, strange), (expected, vec![]));
    }

    #[test]
    fn the_silence_that_ends_an_utterance_is_the_widest_that_is_given() {
        for (given, expected) in [
            (json!({}), None),
            (json!({ "deepgramEndpointing": 800 }), Some(800)),
            (json!({ "deepgramEndpointing": 10 }), Some(300)),
            (json!({ "deepgramEndpointing": 800, "deepgramUtteranceEndMs": 1500 }), Some(1_500)),
            (json!({ "deepgramUtteranceEndMs": 1500, "continuousASRTimeoutInMS": 2000 }), Some(2_000)),
            (json!({ "deepgramUtteranceEndMs": 1500, "continuousASRTimeoutInMS": 0 }), Some(1_500)),
            (json!({ "continuousASRTimeoutInMS": 60_000 }), Some(10_000)),
        ] {
            assert_eq!(read(given.clone()).unwrap().0.end_silence_ms(), expected, "{given}");
        }
    }

    #[test]
    fn what_is_wrong_or_strange_is_named() {
        let (control, strange) =
            read(json!({ "STTLANGUAGE": "id", "sttLabel": null, "ttsVoice": "x" })).unwrap();
        assert_eq!(
            (control.language.as_deref(), strange),
            (Some("id"), vec!["callControlParameter.ttsVoice".into()])
        );
        for (given, field) in [
            (json!({ "sttProvider": 7 }), "sttProvider"),
            (json!({ "sttLanguage": "en us" }), "sttLanguage"),
            (json!({ "interim": "yes" }), "interim"),
            (json!({ "continuousASRTimeoutInMS": -1 }), "continuousASRTimeoutInMS"),
            (json!({ "deepgramEndpointing": 1.5 }), "deepgramEndpointing"),
            (json!({ "deepgramUtteranceEndMs": 60_001 }), "deepgramUtteranceEndMs"),
            (json!({ "sttLabel": "x".repeat(65) }), "sttLabel"),
        ] {
            let error = read(given).unwrap_err();
            assert!(error.starts_with(field), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_value_makes_it_panic_or_yields_a_silence_that_cannot_be(
            name in "sttProvider|sttLanguage|interim|continuousASRTimeoutInMS|deepgramEndpointing|.{0,8}",
            number in any::<i64>(),
            text in ".{0,80}",
        ) {
            for value in [json!(number), json!(text), json!([text]), json!(null)] {
                let fields = Map::from_iter([(name.clone(), value)]);
                if let Ok((control, _)) = CallControl::read(fields) {
                    let silence = control.end_silence_ms().unwrap_or(LEAST_END_SILENCE_MS);
                    prop_assert!((LEAST_END_SILENCE_MS..=MOST_END_SILENCE_MS).contains(&silence));
                }
            }
        }
    }
}
