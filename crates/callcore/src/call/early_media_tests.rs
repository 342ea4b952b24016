//! What a call hears before its answer.

use super::*;
use crate::audio::tone::{sit, tone};
use crate::clock::CallTime;
use crate::detect::ToneKind;
use crate::testing::{VirtualCall, World, voice};

/// The lines of a call's timeline.
#[derive(Default)]
struct Timeline(Vec<Fact>);

impl World for Timeline {
    fn perform(&mut self, effect: Effect, _now: CallTime) -> Option<Input> {
        if let Effect::Record(fact) = effect {
            self.0.push(fact);
        }
        None
    }
}

const FLOW: &str = "flow: early\nlanguage: en\namd: { mode: detect }\nstart: hello\nscenes:\n  hello:\n    - wait: 20s\n    - hangup\n";

fn heard(audio: &[i16]) -> Vec<Fact> {
    let mut call = VirtualCall::new(FLOW, Settings::default(), Timeline::default()).unwrap();
    call.tell(Input::Status(DialStatus::Ringing));
    for (n, frame) in audio.chunks_exact(160).enumerate() {
        call.pass(CallTime::from_ms(20 * (n as u64 + 1)));
        call.hear(frame.try_into().unwrap());
    }
    let early =
        |fact: &Fact| matches!(fact, Fact::EarlyMedia {} | Fact::EarlyTone { .. } | Fact::EarlySpeech { .. });
    assert!(!call.world.0.iter().any(|fact| matches!(fact, Fact::Amd(_) | Fact::SpeechStarted { .. })));
    call.world.0.into_iter().filter(early).collect()
}

fn silence(ms: usize) -> Vec<i16> {
    vec![0; ms * 8]
}

#[test]
fn information_tones_and_the_announcement_after_them_are_told_once() {
    let announcement = [sit(-15.0), silence(400), voice(1_500, 180.0), silence(600)].concat();
    let facts = heard(&[silence(200), announcement.clone(), announcement].concat());
    assert!(
        matches!(
            facts[..],
            [
                Fact::EarlyMedia {},
                Fact::EarlyTone { tone: ToneKind::Sit, .. },
                Fact::EarlySpeech { media_ms: 1_000..=2_000 }
            ]
        ),
        "{facts:?}"
    );
}

#[test]
fn ringback_is_told_and_a_busy_line_after_it() {
    let ringback = [tone(&[440.0, 480.0], 2_000, -18.0), silence(2_000)].concat();
    let busy = [tone(&[480.0, 620.0], 500, -18.0), silence(500)].concat().repeat(5);
    let facts = heard(&[ringback, busy].concat());
    let kinds: Vec<ToneKind> = facts
        .iter()
        .filter_map(|fact| if let Fact::EarlyTone { tone, .. } = fact { Some(*tone) } else { None })
        .collect();
    assert_eq!(kinds, [ToneKind::Ringback, ToneKind::Busy], "{facts:?}");
}

#[test]
fn silence_before_the_answer_is_no_news() {
    assert_eq!(heard(&silence(3_000)), [Fact::EarlyMedia {}]);
}
