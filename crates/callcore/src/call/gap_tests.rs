//! Audio that has gaps: what sounded before one says nothing about when it ended.

use super::*;
use crate::audio::tone::tone;
use crate::audio::{FRAME_MS, FRAME_SAMPLES, Frame};
use crate::clock::CallTime;
use crate::testing::{VirtualCall, World};

const FLOW: &str = "\
flow: beep
start: leave
scenes:
  leave:
    - wait_for_beep: { timeout: 4s }
    - hangup: left
";
/// When the beep sounds, ms.
const BEEP: std::ops::Range<u64> = 2_000..2_600;

/// What becomes of the audio between two moments.
#[derive(Clone, Copy)]
enum Gap {
    Lost,
    Late,
}

fn callee() -> Vec<Frame> {
    let mut samples = vec![0; BEEP.start as usize * 8];
    samples.extend(tone(&[1_000.0], BEEP.end - BEEP.start, -15.0));
    samples.extend(vec![0; 80_000]);
    samples.as_chunks::<FRAME_SAMPLES>().0.to_vec()
}

/// What is seen of a call.
#[derive(Default)]
struct Seen {
    /// The ends of the beeps that it is told.
    beeps: Vec<Option<u64>>,
    hangs_up: bool,
}

impl World for Seen {
    fn perform(&mut self, effect: Effect, _: CallTime) -> Option<Input> {
        self.hangs_up |= matches!(effect, Effect::SendHangup);
        if let Effect::Record(Fact::Tone(tone)) = effect {
            self.beeps.push(tone.end_ms);
        }
        None
    }
}

/// The ends of the beeps that a call is told, and when it hangs up, which it does after the beep or after the time for it.
fn heard(gap: Gap, from: u64, to: u64) -> (Vec<Option<u64>>, u64) {
    let mut call = VirtualCall::new(FLOW, Settings::default(), Seen::default()).unwrap();
    call.tell(Input::Status(DialStatus::Connected));
    let mut late = Vec::new();
    for (n, frame) in callee().into_iter().enumerate() {
        let ms = (n as u64 + 1) * FRAME_MS;
        call.set_clock(CallTime::from_ms(ms));
        match gap {
            Gap::Lost | Gap::Late if !(from..to).contains(&ms) => {
                for frame in late.drain(..).chain([frame]) {
                    call.hear(&frame);
                }
            }
            Gap::Late => late.push(frame),
            Gap::Lost => {}
        }
        call.wake();
        if call.world.hangs_up {
            return (call.world.beeps, ms);
        }
    }
    panic!("nobody hangs up: {:?}", call.world.beeps);
}

#[test]
fn a_beep_that_a_gap_cuts_off_has_not_been_heard_to_its_end() {
    for to in [2_700, 3_500, 5_000] {
        let (beeps, at) = heard(Gap::Lost, 2_300, to);
        assert_eq!(beeps, [None], "{to}");
        assert!(at > to + 1_000, "{to}: hung up at {at}");
    }
    // One that is too short to be told while it sounds.
    assert_eq!(heard(Gap::Lost, BEEP.start + 80, 3_000).0, []);
}

#[test]
fn a_beep_that_goes_on_after_a_gap_ends_where_it_ends() {
    for gap in [Gap::Lost, Gap::Late] {
        let (beeps, at) = heard(gap, 2_100, 2_400);
        let lost = if matches!(gap, Gap::Lost) { 300 } else { 0 };
        assert_eq!(beeps.len(), 1);
        assert!(beeps[0].is_some_and(|end| end.abs_diff(BEEP.end - lost) <= 30), "{beeps:?}");
        assert!((BEEP.end..BEEP.end + 700).contains(&at), "{at}");
    }
}

#[test]
fn a_beep_that_only_comes_late_is_heard_to_its_end() {
    for to in [2_900, 3_500] {
        let (beeps, _) = heard(Gap::Late, 2_300, to);
        assert!(matches!(beeps[..], [Some(end)] if end.abs_diff(BEEP.end) <= 30), "{beeps:?}");
    }
}
