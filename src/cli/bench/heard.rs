//! When the callees heard the bot fall silent after they spoke up: from the timelines that the gateway writes beside its
//! recordings.

use std::path::Path;

use serde::Deserialize;

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

/// From each callee's first sound over the bot to the bot's last one, ms, in ascending order, of all calls in `folder`.
pub(super) fn silent_after(folder: &Path) -> Vec<u64> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let timelines = files.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    let read = timelines
        .filter_map(|path| serde_json::from_str::<Timeline>(&std::fs::read_to_string(path).ok()?).ok());
    let mut all: Vec<u64> = read.flat_map(|timeline| of_call(&timeline)).collect();
    all.sort_unstable();
    all
}

fn of_call(timeline: &Timeline) -> Vec<u64> {
    let (mut sounds, mut spoke_up, mut all) = (false, None, Vec::new());
    for entry in &timeline.events {
        match entry.event.as_str() {
            "bot_started" => sounds = true,
            "callee_started" if sounds && entry.sound.as_deref() == Some("speech") => {
                spoke_up.get_or_insert(entry.at_ms);
            }
            "bot_stopped" => {
                sounds = false;
                all.extend(spoke_up.take().map(|at| entry.at_ms.saturating_sub(at)));
            }
            _ => {}
        }
    }
    all
}

/// The value below which `share` of the sorted `values` lie, by the nearest rank.
pub(super) fn percentile(values: &[u64], share: f64) -> Option<u64> {
    let rank = (values.len() as f64 * share).ceil() as usize;
    values.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_speech_over_the_bot_counts_and_once_for_each_silence() {
        let folder = tempfile::tempdir().unwrap();
        let timeline = r#"{"events":[{"atMs":100,"event":"callee_started","sound":"speech"},
            {"atMs":1000,"event":"bot_started"},{"atMs":1500,"event":"callee_started","sound":"speech"},
            {"atMs":1550,"event":"callee_started","sound":"speech"},{"atMs":1620,"event":"bot_stopped"},
            {"atMs":3000,"event":"bot_started"},{"atMs":4000,"event":"bot_stopped"}]}"#;
        std::fs::write(folder.path().join("a.json"), timeline).unwrap();
        std::fs::write(folder.path().join("b.json"), "no JSON").unwrap();
        std::fs::write(folder.path().join("a.wav"), "").unwrap();
        assert_eq!(silent_after(folder.path()), [120]);
    }

    #[test]
    fn a_percentile_is_one_of_the_values() {
        let values: Vec<u64> = (1..=100).collect();
        assert_eq!((percentile(&values, 0.5), percentile(&values, 0.95)), (Some(50), Some(95)));
        assert_eq!((percentile(&[7], 0.95), percentile(&[], 0.5)), (Some(7), None));
    }
}
