//! Person or machine, from the timing of what was heard.

use super::timeline::Timeline;

/// What the evidence says so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    Open,
    Human(f32),
    Machine(f32),
}

/// Weighs the timeline. `Open` until the evidence suffices.
pub(crate) fn weigh(timeline: &Timeline) -> Verdict {
    let Some((first, resumed)) = timeline.first_utterance() else { return Verdict::Open };
    let length = first.end_ms - first.start_ms;
    let silence = timeline.silence_ms();
    let speech = timeline.speech_ms();
    if resumed && speech >= 3500 && length >= 1200 {
        return Verdict::Machine(0.95);
    }
    if length >= 6300 {
        return Verdict::Machine(0.97);
    }
    let patience = match length {
        0..900 => 420,
        900..1600 => 520,
        1600..2300 => 760,
        2300..4000 => 1100,
        _ => 1300,
    };
    if !timeline.is_speaking() && silence >= patience && !resumed {
        return Verdict::Human(0.9);
    }
    if !timeline.is_speaking() && silence >= 1500 {
        return Verdict::Human(0.8);
    }
    Verdict::Open
}
