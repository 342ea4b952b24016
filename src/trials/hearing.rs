//! What an ear heard of a labelled call, kept for many runs of the detector.

use callcore::amd::learn::{Lesson, Pupil};
use callcore::amd::listen::{frames, frames_again};
use callcore::amd::{Amd, DecisionThresholds, Options, Told};
use callcore::audio::frame::FRAME_MS;
use callcore::detect::{FrontEnd, Heard, Observation};

use super::analyse::audio_of;
use super::cases::Case;
use super::pool::Pool;
use super::verdict::Verdict;

/// Audio that is looked at: after this the decision timeout has fired, in ms.
const HEARD_MS: u64 = 16_000;
/// Groups that are each judged by what was found on the others.
pub(super) const FOLDS: usize = 5;

/// What an ear heard of one case.
pub(super) struct Hearing {
    pub(super) label: Verdict,
    pub(super) fold: usize,
    /// The name by which calls of one speaker are known as such.
    pub(super) speaker: String,
    first_utterance_end_ms: Option<u64>,
    locale: Option<String>,
    awaits_words: bool,
    frames: Vec<(Observation, Vec<Heard>)>,
    words: Vec<Words>,
}

/// Words, and after how many frames they came.
struct Words {
    after: u64,
    text: String,
    is_final: bool,
}

/// The identifier of a case that could not be heard, and why not.
pub(super) type LeftOut = (String, String);

/// One case under one set of parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Judged {
    pub(super) verdict: Verdict,
    /// From speech to verdict, s.
    pub(super) late_s: f64,
}

/// What can be heard of `cases`, in folds of whole speakers, and the others with why not; `None` when it was given up.
pub(super) fn hear(cases: &[Case], pool: &Pool<'_>) -> Option<(Vec<Hearing>, Vec<LeftOut>)> {
    let numbered: Vec<(&Case, usize)> = cases.iter().zip(folds_of(cases)).collect();
    let heard = pool.over(&numbered, |(case, fold)| Hearing::of(case, *fold))?;
    let (mut hearings, mut left_out) = (Vec::with_capacity(heard.len()), Vec::new());
    for (case, heard) in cases.iter().zip(heard) {
        match heard {
            Ok(hearing) => hearings.push(hearing),
            Err(error) => left_out.push((case.id.clone(), format!("{error:#}"))),
        }
    }
    Some((hearings, left_out))
}

impl Hearing {
    fn of(case: &Case, fold: usize) -> anyhow::Result<Self> {
        let audio = audio_of(&case.file, case.left)?;
        let (mut front_end, mut heard) = (FrontEnd::new(), Vec::new());
        let fed: Box<dyn Iterator<Item = _>> = match &case.trace {
            Some(trace) => Box::new(frames_again(&audio, trace)),
            None => Box::new(frames(&audio).map(|frame| (frame, false))),
        };
        for (frame, echo) in fed.take((HEARD_MS / FRAME_MS) as usize) {
            let observation = front_end.push_beside(&frame, |_| echo);
            heard.push((observation, std::iter::from_fn(|| front_end.poll()).collect()));
        }
        let words = words_of(case);
        let options = case.trace.as_ref().map(|trace| &trace.options);
        Ok(Self {
            label: case.label.unwrap_or(Verdict::Undecided),
            fold,
            speaker: group(case).to_owned(),
            first_utterance_end_ms: case.first_utterance_end_ms,
            locale: options.and_then(|options| options.locale.clone()).or_else(|| case.language.clone()),
            awaits_words: options.map_or(!words.is_empty(), |options| options.awaits_words),
            frames: heard,
            words,
        })
    }

    /// The detector over what was heard, until it has decided.
    pub(super) fn judge(&self, params: DecisionThresholds) -> Judged {
        let locale = self.locale.clone();
        let mut amd =
            Amd::new(Options { params, locale, awaits_words: self.awaits_words, ..Options::default() });
        let (mut onset, mut words, mut now_ms) = (None, self.words.iter().peekable(), 0);
        for (n, (observation, heard)) in self.frames.iter().enumerate() {
            while let Some(words) = words.next_if(|words| words.after <= n as u64) {
                amd.transcript(&words.text, words.is_final, now_ms);
            }
            amd.observe(observation);
            now_ms = observation.end_ms;
            for heard in heard {
                amd.feed(heard);
                if let Heard::SpeechStarted { at_ms } = heard {
                    onset.get_or_insert(*at_ms);
                }
            }
            if let Some(judged) = self.decided(&mut amd, onset) {
                return judged;
            }
        }
        // A recording may end before the silence that proves anything.
        amd.stop();
        let undecided = Judged { verdict: Verdict::Undecided, late_s: HEARD_MS as f64 / 1000.0 };
        self.decided(&mut amd, onset).unwrap_or(undecided)
    }

    fn decided(&self, amd: &mut Amd, onset: Option<u64>) -> Option<Judged> {
        let events: Vec<_> = std::iter::from_fn(|| amd.poll_event()).collect();
        let (verdict, Some(at_ms)) = Verdict::of_events(&events) else { return None };
        let from = if verdict == Verdict::Human { self.first_utterance_end_ms.or(onset) } else { onset };
        Some(Judged { verdict, late_s: at_ms.saturating_sub(from.unwrap_or(0)) as f64 / 1000.0 })
    }

    /// What there was to weigh from moment to moment.
    pub(super) fn lesson(&self) -> Lesson {
        let mut pupil = Pupil::new(self.locale.as_deref());
        let mut words = self.words.iter().peekable();
        for (n, (observation, heard)) in self.frames.iter().enumerate() {
            while let Some(words) = words.next_if(|words| words.after <= n as u64) {
                pupil.transcript(&words.text, words.is_final);
            }
            pupil.observe(observation);
            heard.iter().for_each(|heard| pupil.feed(heard));
        }
        pupil.learn(self.label == Verdict::Machine)
    }
}

/// The words as they came in the call, or as the label has them.
fn words_of(case: &Case) -> Vec<Words> {
    let Some(trace) = &case.trace else {
        let words = case.words.iter();
        return words
            .map(|piece| Words {
                after: piece.at_ms / FRAME_MS,
                text: piece.text.clone(),
                is_final: piece.is_final,
            })
            .collect();
    };
    let words = trace.inputs.iter().filter_map(|input| match &input.told {
        Told::Words { text, is_final } => {
            Some(Words { after: input.after, text: text.clone(), is_final: *is_final })
        }
        Told::Clock(_) | Told::Stop | Told::Gap => None,
    });
    words.collect()
}

fn group(case: &Case) -> &str {
    case.group.as_deref().unwrap_or(&case.id)
}

/// Folds of whole groups, so that no speaker is on both sides.
fn folds_of(cases: &[Case]) -> Vec<usize> {
    let mut sizes = [0_usize; FOLDS];
    let mut known = std::collections::BTreeMap::new();
    let mut members: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    cases.iter().for_each(|case| *members.entry(group(case)).or_default() += 1);
    let mut groups: Vec<_> = members.into_iter().collect();
    groups.sort_by_key(|(name, size)| (usize::MAX - size, *name));
    for (group, size) in groups {
        let fold = (0..FOLDS).min_by_key(|fold| sizes[*fold]).unwrap_or(0);
        sizes[fold] += size;
        known.insert(group, fold);
    }
    cases.iter().map(|case| known.get(group(case)).copied().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use callcore::amd::{Piece, Trace, TraceInput};

    use super::*;

    #[test]
    fn a_speaker_is_in_one_fold_only() {
        let case = |id: usize, speaker: &str| Case {
            id: id.to_string(),
            group: Some(speaker.to_owned()),
            ..Case::default()
        };
        let cases: Vec<Case> = (0..60).map(|n| case(n, &format!("speaker {}", n % 7))).collect();
        let folds = folds_of(&cases);
        for n in 0..60 {
            assert_eq!(folds[n], folds[n % 7], "calls of one speaker stay together");
        }
        assert_eq!((0..FOLDS).filter(|fold| folds.contains(fold)).count(), FOLDS);
    }

    /// Somebody talks for 700 ms.
    fn greeting(folder: &std::path::Path) -> Case {
        let silence = |ms: usize| vec![0_i16; ms * 8];
        let audio = [silence(600), callcore::testing::voice(700, 140.0), silence(6_000)].concat();
        let file = folder.join("call.wav");
        std::fs::write(&file, callcore::audio::wav::write_8k(&[&audio, &silence(7_300)])).unwrap();
        Case { file, left: true, label: Some(Verdict::Machine), ..Case::default() }
    }

    #[test]
    fn words_count_in_a_search_as_they_did_in_the_call() {
        let folder = tempfile::tempdir().unwrap();
        let text = "please leave a message after the tone";
        let verdict = |case: &Case| {
            let hearing = Hearing::of(case, 0).unwrap();
            assert!(!hearing.lesson().is_empty() && hearing.lesson().is_machine());
            hearing.judge(DecisionThresholds::default()).verdict
        };
        let silent = greeting(folder.path());
        assert_eq!(verdict(&silent), Verdict::Human);
        let piece = Piece { at_ms: 1_600, text: text.into(), is_final: true, log_odds: 0.0 };
        assert_eq!(verdict(&Case { words: vec![piece], ..silent.clone() }), Verdict::Machine);
        let told = Told::Words { text: text.into(), is_final: true };
        let inputs = vec![TraceInput { after: 80, told }];
        let mut trace = Trace::new(Options::default());
        (trace.frames, trace.inputs) = (300, inputs);
        assert_eq!(verdict(&Case { trace: Some(trace), ..silent }), Verdict::Machine);
    }
}
