//! Deepgram's messages and address, as data.

use reqwest::Url;
use serde::Deserialize;

use super::options::Options;
use crate::speech::stt::options::StreamOptions;
use crate::speech::stt::transcript::SttError;

/// The service takes 500 tokens of key terms; so many short phrases stay below.
const MOST_TERMS: usize = 50;
const LONGEST_TERM: usize = 40;
/// The least that the service takes.
const LEAST_UTTERANCE_END_MS: u32 = 1_000;

pub(super) const FINALIZE: &str = r#"{"type":"Finalize"}"#;
pub(super) const KEEP_ALIVE: &str = r#"{"type":"KeepAlive"}"#;
pub(super) const CLOSE_STREAM: &str = r#"{"type":"CloseStream"}"#;

/// Words that came down for a stretch of the stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Segment {
    pub(super) text: String,
    pub(super) confidence: f32,
    /// Will not change any more.
    pub(super) is_final: bool,
    /// All that was waiting when `Finalize` came.
    pub(super) is_flushed: bool,
    /// Where in the stream it ends, seconds; `None` when the service does not say.
    pub(super) end: Option<f64>,
}

/// Where and how to listen.
pub(super) fn listen_url(options: &Options, tuning: &StreamOptions) -> Result<Url, SttError> {
    let wrong = |reason: &str| SttError::Engine(format!("{:?} is {reason}", options.url));
    let mut url = Url::parse(&options.url).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "ws" | "wss") {
        return Err(wrong("not a ws or wss address"));
    }
    url.set_path("/v1/listen");
    let mut query = url.query_pairs_mut();
    query
        .append_pair("encoding", "linear16")
        .append_pair("sample_rate", "8000")
        .append_pair("channels", "1")
        .append_pair("interim_results", "true")
        .append_pair("model", &options.model)
        .append_pair("language", tuning.language.as_deref().unwrap_or(&options.language));
    if let Some(ms) = tuning.endpointing_ms.or(options.endpointing_ms) {
        query.append_pair("endpointing", &ms.to_string());
    }
    if let Some(ms) = tuning.utterance_end_ms.or(options.utterance_end_ms) {
        query.append_pair("utterance_end_ms", &ms.max(LEAST_UTTERANCE_END_MS).to_string());
    }
    // Models before nova-3 know single key words instead of key terms.
    let name = if options.model.starts_with("nova-3") { "keyterm" } else { "keywords" };
    let terms = tuning.expected.iter().map(|term| term.trim());
    for term in terms.filter(|term| (1..=LONGEST_TERM).contains(&term.len())).take(MOST_TERMS) {
        query.append_pair(name, term);
    }
    drop(query);
    Ok(url)
}

#[derive(Debug, Deserialize)]
#[serde(tag = "type")]
enum Message {
    Results {
        #[serde(default)]
        is_final: bool,
        #[serde(default)]
        from_finalize: bool,
        #[serde(default)]
        start: Option<f64>,
        #[serde(default)]
        duration: Option<f64>,
        channel: Channel,
    },
    Error {
        #[serde(default)]
        description: String,
        #[serde(default)]
        message: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Debug, Deserialize)]
struct Channel {
    #[serde(default)]
    alternatives: Vec<Alternative>,
}

#[derive(Debug, Deserialize)]
struct Alternative {
    #[serde(default)]
    transcript: String,
    #[serde(default)]
    confidence: f32,
}

/// What a message says; `None` for one that is of no use here.
///
/// # Errors
/// What the service complains of, or why the message cannot be read.
pub(super) fn interpret(text: &str) -> Result<Option<Segment>, String> {
    let message: Message =
        serde_json::from_str(text).map_err(|error| format!("its message cannot be read: {error}"))?;
    Ok(match message {
        Message::Results { is_final, from_finalize, start, duration, channel } => {
            let best = channel.alternatives.into_iter().next();
            let (text, confidence) = best.map(|best| (best.transcript, best.confidence)).unwrap_or_default();
            Some(Segment {
                text: text.trim().to_owned(),
                confidence: confidence.clamp(0.0, 1.0),
                is_final,
                is_flushed: from_finalize,
                end: start.zip(duration).map(|(start, duration)| start + duration),
            })
        }
        Message::Error { description, message } => {
            return Err(format!("{message} {description}").trim().to_owned());
        }
        Message::Other => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::speech::stt::deepgram::Deepgram;

    #[test]
    fn interim_and_final_words_are_told_apart() {
        let results = |more: &str| {
            interpret(&format!(
                r#"{{"type":"Results",{more}"channel":{{"alternatives":[{{"transcript":"two","confidence":0.5}}]}}}}"#
            ))
        };
        let two = Segment { text: "two".into(), confidence: 0.5, ..Segment::default() };
        assert_eq!(results(""), Ok(Some(two.clone())));
        let last = Segment { is_final: true, is_flushed: true, end: Some(1.75), ..two };
        let more = r#""is_final":true,"from_finalize":true,"start":1.5,"duration":0.25,"#;
        assert_eq!(results(more), Ok(Some(last)));
        assert_eq!(interpret(r#"{"type":"Metadata","x":1}"#), Ok(None));
        assert_eq!(interpret(r#"{"type":"UtteranceEnd","last_word_end":1.2}"#), Ok(None));
        assert!(interpret(r#"{"type":"Error","description":"no credit"}"#).is_err());
    }

    #[test]
    fn what_was_set_is_asked_for() {
        let options = Options {
            url: "wss://api.deepgram.com".into(),
            key: "k".into(),
            model: "nova-3".into(),
            language: "id".into(),
            endpointing_ms: Some(300),
            utterance_end_ms: Some(500),
        };
        let expected = ["an agent", &"x".repeat(41), " "].map(String::from);
        let tuning = StreamOptions {
            language: Some("en-US".into()),
            expected: expected.into(),
            ..StreamOptions::default()
        };
        let url = listen_url(&options, &tuning).expect("an address").to_string();
        for part in [
            "sample_rate=8000",
            "language=en-US",
            "endpointing=300",
            "utterance_end_ms=1000",
            "keyterm=an+agent",
        ] {
            assert!(url.contains(part), "{url}");
        }
        assert_eq!(url.matches("keyterm").count(), 1, "{url}");
        let tuning = StreamOptions {
            endpointing_ms: Some(500),
            utterance_end_ms: Some(2_000),
            ..StreamOptions::default()
        };
        let older = Options { model: "nova-2".into(), ..options.clone() };
        let url = listen_url(&older, &tuning).expect("an address").to_string();
        assert!(url.contains("endpointing=500") && url.contains("utterance_end_ms=2000"), "{url}");
        assert!(url.contains("language=id"), "{url}");
        let wrong = Options { url: "https://x".into(), ..options };
        assert!(Deepgram::new(wrong).is_err());
    }

    proptest! {
        #[test]
        fn no_message_makes_it_panic(text in ".{0,60}", kind in "Results|Error|UtteranceEnd|[A-Z]") {
            drop(interpret(&text));
            drop(interpret(&format!(r#"{{"type":"{kind}","channel":{{"alternatives":[{{"transcript":{text:?}}}]}}}}"#)));
        }
    }
}
