//! What a steady tone means by its frequencies: keys, call progress, information and fax tones.

use super::tone_kind::ToneKind;

/// A meaning that frequencies alone suggest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Hint {
    /// Certain from the frequencies.
    Is(ToneKind),
    /// First segment of an information tone, or a beep that happens to lie there.
    MaybeSit,
    /// Fax calling tone, or a beep at 1100 Hz.
    MaybeCalling,
    /// Fax answer tone, or a beep at 2100 Hz.
    MaybeAnswer,
    /// Ringback or busy of one frequency, or a beep at 425 Hz or so.
    MaybeProgress,
    /// Dial tone: known and of no interest.
    Ignore,
    /// Nothing but a beep has it.
    None,
}

/// DTMF frequencies (ITU-T Q.23) and the tolerance of a receiver (Q.24: operate within 1.8 %).
const DTMF_ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const DTMF_COLUMNS: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const DTMF_KEYS: [[char; 4]; 4] =
    [['1', '2', '3', 'A'], ['4', '5', '6', 'B'], ['7', '8', '9', 'C'], ['*', '0', '#', 'D']];
const DTMF_TOLERANCE: f32 = 0.018;

/// Information tones (ITU-T E.180/Q.35, Telcordia SR-2275): the three segments' nominal frequencies.
const SIT_FIRST: [f32; 3] = [913.8, 950.0, 985.2];
const SIT_SECOND: [f32; 3] = [1370.6, 1400.0, 1428.5];
const SIT_THIRD: [f32; 2] = [1776.7, 1800.0];
const SIT_TOLERANCE: f32 = 0.012;

/// Fax calling tone (ITU-T T.30: 1100 ± 38 Hz) and answer tone (T.30, V.25: 2100 ± 15 Hz).
const CALLING_HZ: (f32, f32) = (1062.0, 1138.0);
const ANSWER_HZ: (f32, f32) = (2080.0, 2120.0);

/// Call-progress pairs (ITU-T E.180 supplement 2) and what they mean.
const PAIRS: [([f32; 2], Hint); 7] = [
    ([440.0, 480.0], Hint::Is(ToneKind::Ringback)),
    ([400.0, 450.0], Hint::Is(ToneKind::Ringback)),
    ([413.0, 438.0], Hint::Is(ToneKind::Ringback)),
    ([375.0, 425.0], Hint::Is(ToneKind::Ringback)),
    ([480.0, 620.0], Hint::Is(ToneKind::Busy)),
    ([350.0, 440.0], Hint::Ignore),
    ([350.0, 450.0], Hint::Ignore),
];
/// Single call-progress frequencies of most of the world lie here: 400, 413, 425, 440, 450 Hz.
const PROGRESS_HZ: (f32, f32) = (395.0, 460.0);

fn near(hz: f32, nominal: f32, tolerance: f32) -> bool {
    (hz - nominal).abs() <= nominal * tolerance
}

fn within(hz: f32, range: (f32, f32)) -> bool {
    (range.0..=range.1).contains(&hz)
}

/// What one frequency suggests.
pub(crate) fn single(hz: f32) -> Hint {
    if SIT_FIRST.iter().any(|n| near(hz, *n, SIT_TOLERANCE)) {
        Hint::MaybeSit
    } else if within(hz, CALLING_HZ) {
        Hint::MaybeCalling
    } else if within(hz, ANSWER_HZ) {
        Hint::MaybeAnswer
    } else if within(hz, PROGRESS_HZ) {
        Hint::MaybeProgress
    } else {
        Hint::None
    }
}

/// What a pair of frequencies suggests, in any order.
pub(crate) fn pair(a: f32, b: f32) -> Hint {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    let row = DTMF_ROWS.iter().position(|n| near(low, *n, DTMF_TOLERANCE));
    let column = DTMF_COLUMNS.iter().position(|n| near(high, *n, DTMF_TOLERANCE));
    if let (Some(row), Some(column)) = (row, column) {
        return Hint::Is(ToneKind::Dtmf(DTMF_KEYS[row][column]));
    }
    PAIRS
        .iter()
        .find(|(p, _)| (low - p[0]).abs() <= 9.0 && (high - p[1]).abs() <= 9.0)
        .map_or(Hint::None, |(_, hint)| *hint)
}

/// Whether `next` may follow `first` as the second segment of an information tone.
pub(crate) fn is_sit_second(next: f32) -> bool {
    SIT_SECOND.iter().any(|n| near(next, *n, SIT_TOLERANCE))
}

/// Whether `next` is the third segment of an information tone.
pub(crate) fn is_sit_third(next: f32) -> bool {
    SIT_THIRD.iter().any(|n| near(next, *n, SIT_TOLERANCE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::tone::dtmf_pair;

    #[test]
    fn every_key_is_told_from_its_pair() {
        for key in "123A456B789C*0#D".chars() {
            let [low, high] = dtmf_pair(key).expect("a key");
            assert_eq!(pair(high * 1.01, low * 0.99), Hint::Is(ToneKind::Dtmf(key)));
        }
    }

    #[test]
    fn beeps_in_common_use_suggest_nothing_else() {
        for hz in [500.0, 620.0, 700.0, 800.0, 1000.0, 1200.0, 1440.0, 1750.0, 1960.0] {
            assert_eq!(single(hz), Hint::None, "{hz}");
        }
        assert_eq!(pair(700.0, 1000.0), Hint::None);
        assert_eq!(pair(500.0, 1200.0), Hint::None);
        assert_eq!(pair(480.0, 440.0), Hint::Is(ToneKind::Ringback));
    }
}
