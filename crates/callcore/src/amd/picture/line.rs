//! The lines that the probability must cross, at any time of a call.

use crate::amd::thresholds::DecisionThresholds;
use crate::amd::timeline::Segment;

/// The thresholds as they stand at `at_ms`, after what `segments` hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lines {
    /// A machine is named at or above this.
    pub(super) machine: Option<f32>,
    /// A person is named at or below this.
    pub(super) human: Option<f32>,
}

impl Lines {
    pub(super) fn at(params: &DecisionThresholds, segments: &[Segment], at_ms: u64) -> Self {
        let begun = segments.iter().filter(|segment| segment.start_ms < at_ms);
        let (mut said, mut last) = (0, None);
        for segment in begun {
            let end = segment.end_ms.min(at_ms);
            said += end.saturating_sub(segment.start_ms);
            last = Some(end);
        }
        let Some(last) = last else { return Self { machine: None, human: None } };
        let silence = at_ms - last;
        let mut machine = params.machine_at(said, false);
        let mut human = params.human_at(silence);
        if silence >= params.late_ms {
            machine = Some(machine.map_or(params.even(), |line| line.min(params.even())));
            human = Some(human.map_or(params.even(), |line| line.max(params.even())));
        }
        Self { machine, human }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_move_with_speech_and_silence() {
        let params = DecisionThresholds::default();
        let segments = [Segment { start_ms: 500, end_ms: 3_300 }];
        let at = |ms| Lines::at(&params, &segments, ms);
        assert_eq!(at(400), Lines { machine: None, human: None });
        assert_eq!(at(2_800).machine, None, "sound alone names no machine so early");
        assert_eq!(at(2_900).machine, params.machine_at(2_400, false));
        assert!(at(3_300).machine < at(2_900).machine);
        assert_eq!(at(3_800).human, None);
        assert_eq!(at(4_200).human, params.human_at(900));
        assert_eq!(at(5_400).human, Some(params.even()));
    }
}
