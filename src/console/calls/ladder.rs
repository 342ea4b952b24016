//! The SIP messages of a call and the figures of its audio, for the page of the call.

use serde::Serialize;

use crate::api::Api;
use crate::console::frame::Frame;
use crate::store::{self, CallRow, RtpFigures};

/// What went to and fro.
#[derive(Serialize)]
pub(super) struct Ladder {
    messages: Vec<Step>,
    left_out: i64,
    /// Names of figures, and their values.
    figures: Vec<(String, String)>,
    /// What is wrong with the audio, in words.
    faults: Vec<String>,
}

#[derive(Serialize)]
struct Step {
    /// Since the call began: `12.4`, seconds.
    at: String,
    is_ours: bool,
    line: String,
    peer: String,
    text: String,
}

/// The same of `call`; `None` where it was not over SIP, or nothing is kept.
pub(super) async fn ladder(frame: &Frame, api: &Api, call: &CallRow) -> Result<Option<Ladder>, store::Error> {
    let Some(session_id) = &call.session_id else { return Ok(None) };
    let Some(kept) = api.store.signalling(session_id).await? else { return Ok(None) };
    let messages = kept.messages.into_iter().map(|message| {
        let ms = (message.at_ms - call.created_ms).max(0);
        Step {
            at: format!("{}.{:03}", ms / 1_000, ms % 1_000),
            is_ours: message.is_ours,
            line: frame.told(message.text.lines().next().unwrap_or_default()),
            peer: message.peer.unwrap_or_default(),
            // A message is full of numbers.
            text: if frame.sees_numbers() { message.text } else { String::new() },
        }
    });
    let faults = kept.audio.iter().flat_map(RtpFigures::faults);
    Ok(Some(Ladder {
        messages: messages.collect(),
        left_out: kept.left_out,
        faults: faults.map(|fault| frame.say(&format!("audio_{}", fault.as_str())).to_owned()).collect(),
        figures: kept.audio.as_ref().map(|audio| figures(frame, audio)).unwrap_or_default(),
    }))
}

fn figures(frame: &Frame, audio: &RtpFigures) -> Vec<(String, String)> {
    let ms = |ms: f64| format!("{ms:.0} ms");
    let unknown = || frame.say("rtp_unknown").to_owned();
    let known = [
        ("rtp_received", Some(audio.received.to_string())),
        ("rtp_missed", Some(format!("{} + {} ({:.1} %)", audio.lost, audio.late, audio.missed() * 100.0))),
        ("rtp_jitter", Some(ms(audio.jitter_ms))),
        ("rtp_score", Some(audio.score.map_or_else(unknown, |score| format!("{score:.1}")))),
        ("rtp_silence", Some(format!("{:.1} s", audio.longest_silence_ms as f64 / 1_000.0))),
        ("rtp_peer_lost", audio.peer_lost.map(|lost| lost.to_string())),
        ("rtp_round_trip", audio.round_trip_ms.map(ms)),
        ("rtp_strangers", (audio.strangers > 0).then(|| audio.strangers.to_string())),
    ];
    known.into_iter().filter_map(|(key, value)| Some((frame.say(key).to_owned(), value?))).collect()
}
