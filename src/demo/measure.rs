//! What the callee's side saw: read from the timeline that the gateway writes beside each recording.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::turns::{Account, Silence};

/// Times at the callee, ms, by the gateway's own clock of 20 ms frames.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Measured {
    /// From the end of the beep to the first sound of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_after_beep_ms: Option<u64>,
    /// From the first sound of a callee who talks over the bot, or coughs, to the bot's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) silent_after_barge_in_ms: Option<u64>,
    /// For how long the bot was silent each time that it went on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) pauses_ms: Vec<u64>,
    /// From the first sound of a callee who talks over a protected part to the bot's last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) held_back_ms: Option<u64>,
    /// For how long the bot was heard.
    pub(super) bot_spoke_ms: u64,
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
pub(super) async fn read(recording: &Path, account: &Account) -> Measured {
    let Ok(text) = tokio::fs::read_to_string(recording.with_extension("json")).await else {
        return Measured::default();
    };
    let timeline = serde_json::from_str::<Timeline>(&text);
    timeline.map(|timeline| measure(&timeline, account)).unwrap_or_default()
}

fn measure(timeline: &Timeline, account: &Account) -> Measured {
    let mut measured = Measured::default();
    let mut silences = account.silences.iter();
    let (mut beep_end, mut talked_over_at, mut paused_at, mut sounds_since) = (None, None, None, None);
    for entry in &timeline.events {
        let (at, sound) = (entry.at_ms, entry.sound.as_deref());
        match (entry.event.as_str(), sound) {
            ("callee_stopped", Some("beep")) => beep_end = Some(at),
            ("callee_started", Some("speech" | "cough")) if sounds_since.is_some() => {
                talked_over_at = Some(at);
            }
            ("interruption", _) => {
                paused_at = silences.next().filter(|silence| **silence == Silence::Pause).map(|_| at);
            }
            ("bot_started", _) => {
                sounds_since = Some(at);
                let since = beep_end.take().map(|end| at.saturating_sub(end));
                measured.message_after_beep_ms = measured.message_after_beep_ms.or(since);
                measured.pauses_ms.extend(paused_at.take().map(|paused| at.saturating_sub(paused)));
            }
            ("bot_stopped", _) => {
                measured.bot_spoke_ms += sounds_since.take().map_or(0, |since| at.saturating_sub(since));
                let since = talked_over_at.take().map(|from| at.saturating_sub(from));
                if account.was_deferred {
                    measured.held_back_ms = measured.held_back_ms.or(since);
                } else {
                    measured.silent_after_barge_in_ms = measured.silent_after_barge_in_ms.or(since);
                }
            }
            _ => {}
        }
    }
    measured
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(account: &Account, events: &str) -> Measured {
        measure(&serde_json::from_str(&format!("{{\"events\":[{events}]}}")).unwrap(), account)
    }

    #[test]
    fn a_message_is_timed_from_the_end_of_the_beep() {
        let measured = of(
            &Account::default(),
            r#"{"atMs":900,"event":"callee_started","sound":"beep"},
            {"atMs":1300,"event":"callee_stopped","sound":"beep"},{"atMs":1350,"event":"bot_started"},
            {"atMs":9000,"event":"bot_stopped"}"#,
        );
        let wanted = Measured { message_after_beep_ms: Some(50), bot_spoke_ms: 7_650, ..Measured::default() };
        assert_eq!(measured, wanted);
    }

    #[test]
    fn an_interruption_is_timed_from_the_callees_first_sound() {
        let events = r#"{"atMs":500,"event":"callee_started","sound":"speech"},
            {"atMs":900,"event":"callee_stopped","sound":"speech"},{"atMs":1300,"event":"bot_started"},
            {"atMs":3300,"event":"callee_started","sound":"speech"},{"atMs":3420,"event":"bot_stopped"}"#;
        let wanted =
            Measured { silent_after_barge_in_ms: Some(120), bot_spoke_ms: 2_120, ..Measured::default() };
        assert_eq!(of(&Account::default(), events), wanted);
        let held_back = Account { was_deferred: true, ..Account::default() };
        let wanted = Measured { held_back_ms: Some(120), bot_spoke_ms: 2_120, ..Measured::default() };
        assert_eq!(of(&held_back, events), wanted);
    }

    #[test]
    fn a_pause_is_timed_until_the_bot_goes_on_and_a_cut_is_none() {
        let account = Account { silences: vec![Silence::Pause, Silence::Cut], ..Account::default() };
        let measured = of(
            &account,
            r#"{"atMs":1000,"event":"bot_started"},{"atMs":2000,"event":"callee_started","sound":"cough"},
            {"atMs":2100,"event":"interruption"},{"atMs":2100,"event":"bot_stopped"},
            {"atMs":2600,"event":"bot_started"},{"atMs":4000,"event":"interruption"},
            {"atMs":4000,"event":"bot_stopped"},{"atMs":6000,"event":"bot_started"}"#,
        );
        assert_eq!(
            (measured.pauses_ms.as_slice(), measured.silent_after_barge_in_ms),
            (&[500][..], Some(100))
        );
    }
}
