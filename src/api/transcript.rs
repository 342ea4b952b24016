//! `GET /v1/calls/{id}/transcript`: who said what and when, as JSON, as text to read, or as captions (WebVTT).

use std::fmt::Write as _;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use callcore::call::{Fact, FactKind, Utterance};
use callcore::flow::Note;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::Api;
use super::error::{Code, Problem, ProblemDocument};
use super::extract::Query;
use super::fields::{Fields, Given};
use super::may::CallInPath;
use super::problems::NoSuchCall;
use crate::access::SeeCalls;
use crate::store::{EventRow, TranscriptRow};

pub(crate) const LONGEST_TIMELINE: u32 = 10_000;

#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct TranscriptQuery {
    /// `json` (when absent), `text` to read, or `vtt` (WebVTT captions for the recording).
    #[param(value_type = Option<String>, pattern = "^(json|text|vtt)$")]
    format: Format,
}

/// How a transcript is written.
#[derive(Clone, Copy, Debug, Default)]
enum Format {
    #[default]
    Json,
    Text,
    Captions,
}

const FORMATS: [(&str, Format); 3] =
    [("json", Format::Json), ("text", Format::Text), ("vtt", Format::Captions)];

impl Given for TranscriptQuery {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self { format: fields.word("format", &FORMATS).unwrap_or_default() }
    }
}

/// Who said what and when.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Transcript {
    call_id: String,
    /// When the call was answered, ms since it began; there the recording begins.
    answered_ms: Option<u64>,
    /// Everything said and pressed, in the order in which it began.
    entries: Vec<Entry>,
    /// What was said, as a plain list.
    utterances: Vec<Said>,
}

/// One utterance of a call, in the order recorded.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Utterance)]
struct Said {
    seq: i64,
    t_ms: i64,
    end_t_ms: Option<i64>,
    #[schema(value_type = String)]
    speaker: crate::store::Speaker,
    source: String,
    text: String,
    confidence: Option<f64>,
}

impl From<TranscriptRow> for Said {
    fn from(row: TranscriptRow) -> Self {
        let TranscriptRow { seq, t_ms, end_t_ms, speaker, source, text, confidence } = row;
        Self { seq, t_ms, end_t_ms, speaker, source, text, confidence }
    }
}

/// Who said what and when: what was heard of the bot's words, keys and check points, aligned with the recording.
#[utoipa::path(get, path = "/v1/calls/{call_id}/transcript", operation_id = "getTranscript", tag = "calls",
    params(("call_id" = String, Path, description = "The call."), TranscriptQuery),
    responses(
        (status = 200, description = "The transcript; text or captions when `format` asks for them.", content(
            (Transcript = "application/json"),
            (String = "text/plain"),
            (String = "text/vtt"),
        )),
        (status = 400, description = "There is no such format.", body = ProblemDocument,
            content_type = "application/problem+json"),
        NoSuchCall,
        (status = 410, description = "The words of this call were deleted.", body = ProblemDocument,
            content_type = "application/problem+json"),
    ))]
pub(super) async fn transcript(
    State(api): State<Api>,
    call: CallInPath<SeeCalls>,
    Query(query): Query<TranscriptQuery>,
) -> Result<Response, Problem> {
    let call = call.found()?;
    let call_id = call.id;
    if call.words_deleted_ms.is_some() {
        return Err(Problem::new(Code::Gone, "the words of this call were deleted when their time was over"));
    }
    let events = api.store.events(&call_id, 0, LONGEST_TIMELINE).await?;
    let answered_ms = call.answered_ms.and_then(|at| u64::try_from(at - call.created_ms).ok());
    let entries = entries(answered_ms, &events);
    let plain = |kind: &'static str, text: String| ([(header::CONTENT_TYPE, kind)], text).into_response();
    match query.format {
        Format::Json => {
            let utterances = api.store.transcripts(&call_id).await?.into_iter().map(Said::from).collect();
            Ok(Json(Transcript { call_id, answered_ms, entries, utterances }).into_response())
        }
        Format::Text => Ok(plain("text/plain; charset=utf-8", text(&entries))),
        Format::Captions => Ok(plain("text/vtt; charset=utf-8", captions(&entries))),
    }
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Speech,
    Key,
    Checkpoint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Speaker {
    /// The other party, whoever called whom.
    Caller,
    Bot,
}

/// What the caller heard of something the bot said.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HeardOf {
    pub(crate) text: String,
    pub(crate) words: u64,
    ms: u64,
}

/// One line of a transcript.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) speaker: Speaker,
    /// Since the call began.
    start_ms: u64,
    end_ms: u64,
    /// The same since the answer, where the recording begins.
    pub(crate) recording_start_ms: u64,
    recording_end_ms: u64,
    /// What was said, the key, or the name of the check point; `[spoke 0.8 s]` of speech without known words.
    pub(crate) text: String,
    /// Somebody spoke, and no words are known of it.
    #[serde(skip_serializing_if = "is_false")]
    pub(crate) without_words: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) confidence: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) heard: Option<HeardOf>,
    /// Only of speech of the bot that was not heard to its end: `speech`, `dtmf`, `beep` (of a mailbox that was not
    /// listening yet), `false_start` (it began before the verdict, and no person answered) or `end` (of the call, or of the
    /// prompt when the rest could not be made).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interrupted_by: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

/// The entries of a call that was answered `answered` ms after it began, in the order in which they began.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are neither said nor pressed")]
pub(crate) fn entries(answered: Option<u64>, events: &[EventRow]) -> Vec<Entry> {
    let Some(answered) = answered else { return Vec::new() };
    let mut entries = Vec::new();
    let mut cut_by = None;
    let mut talks_since = None;
    for event in events {
        let now = u64::try_from(event.t_ms).unwrap_or_default().saturating_sub(answered);
        let entry = |kind, speaker, from: u64, to: u64, text: String| Entry {
            kind,
            speaker,
            start_ms: answered + from,
            end_ms: answered + to.max(from),
            recording_start_ms: from,
            recording_end_ms: to.max(from),
            text,
            without_words: false,
            confidence: None,
            words: None,
            heard: None,
            interrupted_by: None,
        };
        // What another version wrote in another shape has no line here.
        let Ok(fact) = event.fact() else { continue };
        match fact {
            Fact::Interruption { by } => cut_by = Some(by.into()),
            Fact::Flow(Note::MessageWithdrawn { because }) => cut_by = Some(because.into()),
            Fact::FalseStart { .. } => cut_by = Some(FactKind::FalseStart.as_str()),
            Fact::Prompt { .. } => cut_by = None,
            Fact::SpeechStarted { media_ms } => talks_since = Some(media_ms),
            Fact::SpeechEnded { media_ms: to, start_ms: from } => {
                talks_since = None;
                let said = entry(Kind::Speech, Speaker::Caller, from, to, spoke(from, to));
                entries.push(Entry { without_words: true, ..said });
            }
            Fact::Transcript(Utterance { start_ms, end_ms, text, confidence, .. }) => {
                let (from, to) = (start_ms.unwrap_or(now), end_ms.unwrap_or(now));
                // The words of what was told before.
                entries.retain(|told: &Entry| {
                    !(told.without_words && (told.recording_start_ms, told.recording_end_ms) == (from, to))
                });
                entries.push(Entry { confidence, ..entry(Kind::Speech, Speaker::Caller, from, to, text) });
            }
            // The call ends in the middle of what is said.
            Fact::Ended { .. } => {
                if let Some(from) = talks_since.take() {
                    let said = entry(Kind::Speech, Speaker::Caller, from, now, spoke(from, now.max(from)));
                    entries.push(Entry { without_words: true, ..said });
                }
            }
            Fact::PromptEnded(prompt) => {
                // A prompt of which nothing was sent was not said.
                let Some(from) = prompt.start_ms else { continue };
                let heard = HeardOf {
                    text: prompt.heard_text,
                    words: prompt.heard_words as u64,
                    ms: prompt.heard_ms,
                };
                let by: Option<&'static str> = cut_by;
                // A false start takes back everything that was said in it.
                cut_by = by.filter(|by| *by == FactKind::FalseStart.as_str());
                entries.push(Entry {
                    words: prompt.words.map(|words| words as u64),
                    heard: Some(heard),
                    interrupted_by: (!prompt.completed).then(|| by.unwrap_or("end").to_owned()),
                    ..entry(Kind::Speech, Speaker::Bot, from, now, prompt.text)
                });
            }
            Fact::Digit { key, .. } => entries.push(entry(Kind::Key, Speaker::Caller, now, now, key)),
            Fact::Flow(Note::Checkpoint { name, .. }) => {
                entries.push(entry(Kind::Checkpoint, Speaker::Bot, now, now, name));
            }
            _ => {}
        }
    }
    entries.sort_by_key(|entry| entry.start_ms);
    entries
}

/// Speech of which no words are known.
fn spoke(from_ms: u64, to_ms: u64) -> String {
    let tenths = (to_ms.saturating_sub(from_ms) + 50) / 100;
    format!("[spoke {}.{} s]", tenths / 10, tenths % 10)
}

/// A line per entry, for people.
fn text(entries: &[Entry]) -> String {
    let mut out = String::new();
    for entry in entries {
        let at = entry.recording_start_ms;
        let who = match entry.speaker {
            Speaker::Caller => "caller",
            Speaker::Bot => "bot",
        };
        let said = match entry.kind {
            Kind::Speech => one_line(&entry.text),
            Kind::Key => format!("[pressed {}]", entry.text),
            Kind::Checkpoint => format!("[check point {}]", entry.text),
        };
        let remark = match (&entry.interrupted_by, &entry.heard, entry.confidence) {
            (Some(by), Some(heard), _) => {
                let of = entry.words.unwrap_or_default();
                format!(" [cut by {by}; heard {} of {of} words: \"{}\"]", heard.words, one_line(&heard.text))
            }
            (_, _, Some(sure)) if sure < 0.5 => " [unsure]".to_owned(),
            _ => String::new(),
        };
        // Writing into a string cannot fail.
        let _infallible = writeln!(
            out,
            "{:02}:{:02}.{}  {who:<6}  {said}{remark}",
            at / 60_000,
            at / 1_000 % 60,
            at / 100 % 10
        );
    }
    out
}

/// WebVTT: <https://www.w3.org/TR/webvtt1/>. Cues last at least half a second, or nobody could read them.
fn captions(entries: &[Entry]) -> String {
    let mut out = "WEBVTT\n".to_owned();
    for entry in entries {
        let said = match entry.kind {
            Kind::Speech => entry.heard.as_ref().map_or(&entry.text, |heard| &heard.text).clone(),
            Kind::Key => format!("[{}]", entry.text),
            Kind::Checkpoint => continue,
        };
        if said.is_empty() {
            continue;
        }
        let voice = match entry.speaker {
            Speaker::Caller => "caller",
            Speaker::Bot => "bot",
        };
        let (from, to) = (entry.recording_start_ms, entry.recording_end_ms);
        let _infallible = write!(
            out,
            "\n{} --> {}\n<v {voice}>{}\n",
            clock(from),
            clock(to.max(from + 500)),
            escaped(&one_line(&said))
        );
    }
    out
}

/// A caption may hold no empty line, and no arrow as in its times.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn clock(ms: u64) -> String {
    format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn entries_of(events: &[(i64, &str, Value)]) -> Vec<Entry> {
        let rows: Vec<EventRow> = events
            .iter()
            .zip(1..)
            .map(|((t_ms, kind, detail), seq)| EventRow {
                seq,
                at_ms: 1_000_000 + t_ms,
                t_ms: *t_ms,
                kind: (*kind).to_owned(),
                detail: detail.clone(),
            })
            .collect();
        entries(Some(5_000), &rows)
    }

    fn talk() -> Vec<Entry> {
        entries_of(&[
            (5_100, "prompt", json!({ "play": 1, "bargeIn": "both" })),
            (6_900, "interruption", json!({ "by": "speech" })),
            (
                6_900,
                "prompt_ended",
                json!({ "play": 1, "startMs": 120, "heardMs": 1_780, "completed": false,
                        "text": "Good day. How are you?", "words": 5, "heardText": "Good day.", "heardWords": 2 }),
            ),
            (
                7_700,
                "transcript",
                json!({ "startMs": 1_700, "endMs": 2_300, "text": "a<b & c", "confidence": 0.31 }),
            ),
            (8_000, "digit", json!({ "key": "5", "interrupts": false })),
            (8_200, "checkpoint", json!({ "name": "paid" })),
            (
                9_000,
                "prompt_ended",
                json!({ "play": 2, "heardMs": 0, "completed": false, "text": "never sent" }),
            ),
        ])
    }

    #[test]
    fn entries_are_aligned_with_the_call_and_with_its_recording() {
        let entries = talk();
        assert_eq!(entries.len(), 4, "{entries:?}");
        let bot = serde_json::to_value(&entries[0]).unwrap();
        assert_eq!(
            bot,
            json!({ "kind": "speech", "speaker": "bot", "startMs": 5_120, "endMs": 6_900,
                    "recordingStartMs": 120, "recordingEndMs": 1_900, "text": "Good day. How are you?", "words": 5,
                    "heard": { "text": "Good day.", "words": 2, "ms": 1_780 }, "interruptedBy": "speech" })
        );
        assert_eq!((entries[1].start_ms, entries[1].recording_end_ms), (6_700, 2_300));
        assert_eq!((entries[2].kind, entries[2].recording_start_ms), (Kind::Key, 3_000));
    }

    #[test]
    fn a_person_reads_it_line_by_line() {
        let expected = "\
00:00.1  bot     Good day. How are you? [cut by speech; heard 2 of 5 words: \"Good day.\"]
00:01.7  caller  a<b & c [unsure]
00:03.0  caller  [pressed 5]
00:03.2  bot     [check point paid]
";
        assert_eq!(text(&talk()), expected);
    }

    #[test]
    fn what_was_said_before_the_verdict_and_taken_back_was_not_heard() {
        let ended = |play: u32, text: &str| {
            json!({ "play": play, "startMs": 100 * play, "heardMs": 0, "completed": false, "text": text, "words": 2,
                    "heardText": "", "heardWords": 0 })
        };
        let entries = entries_of(&[
            (5_100, "prompt", json!({ "play": 1, "bargeIn": "both" })),
            (5_100, "prompt", json!({ "play": 2, "bargeIn": "both" })),
            (5_600, "false_start", json!({ "spokenMs": 500 })),
            (5_600, "prompt_ended", ended(1, "Good day.")),
            (5_600, "prompt_ended", ended(2, "How are you?")),
        ]);
        let cut: Vec<_> = entries.iter().map(|entry| entry.interrupted_by.as_deref()).collect();
        assert_eq!(cut, [Some("false_start"); 2]);
        assert!(
            text(&entries).contains("[cut by false_start; heard 0 of 2 words: \"\"]"),
            "{}",
            text(&entries)
        );
    }

    #[test]
    fn speech_without_words_is_told_with_its_length() {
        let entries = entries_of(&[
            (5_300, "speech_started", json!({ "mediaMs": 200 })),
            (6_700, "speech_ended", json!({ "startMs": 200, "mediaMs": 1_000 })),
            (7_300, "speech_started", json!({ "mediaMs": 2_200 })),
            (8_900, "speech_ended", json!({ "startMs": 2_200, "mediaMs": 3_200 })),
            (
                9_500,
                "transcript",
                json!({ "startMs": 2_200, "endMs": 3_200, "text": "yes", "confidence": 0.9 }),
            ),
            (10_200, "speech_started", json!({ "mediaMs": 5_100 })),
            (11_300, "ended", json!({ "outcome": "ended", "cause": 16 })),
        ]);
        let expected = "\
00:00.2  caller  [spoke 0.8 s]
00:02.2  caller  yes
00:05.1  caller  [spoke 1.2 s]
";
        assert_eq!(text(&entries), expected);
        assert!(captions(&entries).contains("00:00:00.200 --> 00:00:01.000\n<v caller>[spoke 0.8 s]\n"));
        let first = serde_json::to_value(&entries[0]).unwrap();
        assert_eq!((&first["text"], &first["withoutWords"]), (&json!("[spoke 0.8 s]"), &json!(true)));
        assert_eq!(serde_json::to_value(&entries[1]).unwrap().get("withoutWords"), None);
    }

    #[test]
    fn captions_stand_where_the_words_are_heard_in_the_recording() {
        let expected = "\
WEBVTT

00:00:00.120 --> 00:00:01.900
<v bot>Good day.

00:00:01.700 --> 00:00:02.300
<v caller>a&lt;b &amp; c

00:00:03.000 --> 00:00:03.500
<v caller>[5]
";
        assert_eq!(captions(&talk()), expected);
    }
}
