//! One recording again, with the settings of its call or with others.

use callcore::amd::listen::{Listened, listen, listen_again};
use callcore::amd::{Options, Trace};

use super::cases::Case;
use super::score::Outcome;
use super::verdict::Verdict;

/// Settings for a case, made of those that its call had, where they are known.
pub(crate) type Settings<'a> = &'a (dyn Fn(Option<&Trace>) -> Options + Sync);

/// What the detector says about a case: exactly as it was fed in the call where there is a trace of it, else by the recording and the
/// words alone.
pub(crate) fn again(case: &Case, audio: &[i16], settings: Settings<'_>) -> Listened {
    let replayed = case.trace.as_ref().and_then(|trace| listen_again(audio, settings(Some(trace)), trace));
    if let Some(replayed) = replayed {
        return replayed;
    }
    let options = settings(None);
    let locale = options.locale.clone().or_else(|| case.language.clone());
    listen(audio, Options { locale, ..options }, &case.words)
}

/// The verdict with its latency: a person's from the end of the first utterance, a machine's from its first word.
pub(crate) fn outcome_of(case: &Case, analysis: &Listened) -> Outcome {
    let (verdict, at_ms) = Verdict::of_events(&analysis.events);
    let onset = analysis.evidence.segments.first().map(|segment| segment.start_ms);
    let measured = || {
        let decided = at_ms?;
        analysis.evidence.segments.iter().map(|s| s.end_ms).filter(|end| *end <= decided).max()
    };
    let from = match verdict {
        Verdict::Human => case.first_utterance_end_ms.or_else(measured),
        Verdict::Machine | Verdict::NoSpeech | Verdict::Fax | Verdict::Undecided => onset,
    };
    let since = |at: Option<u64>| at.zip(from).map(|(at, from)| at as i64 - from as i64);
    let evidence = &analysis.evidence;
    let likely_ms = evidence.likely_human_ms;
    Outcome {
        verdict,
        at_ms,
        latency_ms: since(at_ms),
        // A person is spoken to from the likely moment on, and again from the verdict on when there was a doubt.
        first_word_ms: since(likely_ms.filter(|_| evidence.doubted_ms.is_none()).or(at_ms)),
        false_start_ms: likely_ms
            .filter(|_| verdict != Verdict::Human || evidence.doubted_ms.is_some())
            .and_then(|likely| Some(evidence.doubted_ms.or(at_ms)?.saturating_sub(likely))),
    }
}
