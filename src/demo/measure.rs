//! What the callee's side saw: read from the timeline that the gateway writes beside each recording.

use std::path::Path;

use serde::{Deserialize, Serialize};

/// Times at the callee, ms, by the gateway's own clock of 20 ms frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Measured {
    /// From the end of the beep to the first sound of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_after_beep_ms: Option<u64>,
    /// From the first sound of a callee who talks over the bot to the bot's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) silent_after_barge_in_ms: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Timeline {
    events: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    at_ms: u64,
    event: String,
    #[serde(default)]
    sound: Option<String>,
}

/// Reads the timeline beside `recording`; nothing is measured where there is none.
pub(super) async fn read(recording: &Path) -> Measured {
    let Ok(text) = tokio::fs::read_to_string(recording.with_extension("json")).await else {
        return Measured::default();
    };
    serde_json::from_str::<Timeline>(&text).map(|timeline| measure(&timeline)).unwrap_or_default()
}

fn measure(timeline: &Timeline) -> Measured {
    let mut measured = Measured::default();
    let (mut beep_end, mut talked_over_at, mut bot_sounds) = (None, None, false);
    for entry in &timeline.events {
        let sound = entry.sound.as_deref();
        match (entry.event.as_str(), sound) {
            ("callee_stopped", Some("beep")) => beep_end = Some(entry.at_ms),
            ("callee_started", Some("speech")) if bot_sounds => talked_over_at = Some(entry.at_ms),
            ("bot_started", _) => {
                bot_sounds = true;
                let since = beep_end.take().map(|end| entry.at_ms.saturating_sub(end));
                measured.message_after_beep_ms = measured.message_after_beep_ms.or(since);
            }
            ("bot_stopped", _) => {
                bot_sounds = false;
                let since = talked_over_at.take().map(|at| entry.at_ms.saturating_sub(at));
                measured.silent_after_barge_in_ms = measured.silent_after_barge_in_ms.or(since);
            }
            _ => {}
        }
    }
    measured
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(events: &str) -> Measured {
        measure(&serde_json::from_str(&format!("{{\"events\":[{events}]}}")).unwrap())
    }

    #[test]
    fn a_message_is_timed_from_the_end_of_the_beep() {
        let measured = of(r#"{"atMs":900,"event":"callee_started","sound":"beep"},
            {"atMs":1300,"event":"callee_stopped","sound":"beep"},{"atMs":1350,"event":"bot_started"},
            {"atMs":9000,"event":"bot_stopped"}"#);
        assert_eq!(measured, Measured { message_after_beep_ms: Some(50), silent_after_barge_in_ms: None });
    }

    #[test]
    fn an_interruption_is_timed_from_the_callees_first_sound() {
        let measured = of(r#"{"atMs":500,"event":"callee_started","sound":"speech"},
            {"atMs":900,"event":"callee_stopped","sound":"speech"},{"atMs":1300,"event":"bot_started"},
            {"atMs":3300,"event":"callee_started","sound":"speech"},{"atMs":3420,"event":"bot_stopped"}"#);
        assert_eq!(measured, Measured { message_after_beep_ms: None, silent_after_barge_in_ms: Some(120) });
    }
}
