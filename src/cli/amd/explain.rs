//! Evidence in words.

use std::io::{self, Write};

use callcore::amd::{Evidence, Parts, RevisionKind};
use callcore::detect::{Tone, ToneKind};

/// Characters of a full probability bar.
const BAR: usize = 40;

/// Writes what a verdict rests on.
pub(super) fn write(out: &mut impl Write, evidence: &Evidence) -> io::Result<()> {
    writeln!(
        out,
        "level of speech {:.0} dBFS, of the line {:.0} dBFS",
        evidence.speech_dbfs, evidence.noise_dbfs
    )?;
    for (n, segment) in evidence.segments.iter().enumerate() {
        let before = n.checked_sub(1).map_or(0, |p| evidence.segments[p].end_ms);
        writeln!(
            out,
            "  speech {:>6} to {:>6} ms ({} ms long, {} ms after what was before)",
            segment.start_ms,
            segment.end_ms,
            segment.end_ms - segment.start_ms,
            segment.start_ms.saturating_sub(before),
        )?;
    }
    for tone in &evidence.tones {
        writeln!(out, "  tone   {:>6} ms: {}", tone.start_ms, tone_in_words(tone))?;
    }
    if !evidence.machine_probability.is_empty() {
        writeln!(out, "probability of a machine:")?;
    }
    for sample in &evidence.machine_probability {
        let filled = (sample.machine * BAR as f32).round() as usize;
        writeln!(out, "  {:>6} ms {:>4.0} % {}", sample.at_ms, sample.machine * 100.0, "█".repeat(filled))?;
    }
    words(out, evidence)?;
    if let Some(measures) = &evidence.measures {
        writeln!(
            out,
            "when decided: {} ms of speech in {} stretches, the last utterance {} ms, then {} ms of silence; longest pause {} ms",
            measures.speech_ms,
            measures.stretches,
            measures.utterance_ms,
            measures.silence_ms,
            measures.longest_pause_ms
        )?;
    }
    if let Some(Parts { timing, sound, words, prior }) = evidence.parts {
        writeln!(
            out,
            "log-odds of a machine then: timing {timing:+.1}, sound {sound:+.1}, words {words:+.1}, parameters {prior:+.1}"
        )?;
    }
    if let Some(at_ms) = evidence.likely_human_ms {
        writeln!(out, "  likely {at_ms:>6} ms: a person, who may be spoken to before the verdict")?;
    }
    if let Some(at_ms) = evidence.doubted_ms {
        writeln!(out, "  doubt  {at_ms:>6} ms: it goes on like an announcement")?;
    }
    for finding in &evidence.revisions {
        let subtype = finding.subtype.map_or("", |subtype| subtype.as_str());
        let what = match finding.kind {
            RevisionKind::Refined => format!("the machine is another: {subtype}"),
            RevisionKind::Revised => format!("this speaks against the verdict: {subtype}"),
            RevisionKind::Resumed => "the greeting goes on".to_owned(),
            RevisionKind::EndedAgain => "the greeting is over again".to_owned(),
        };
        writeln!(out, "  later  {:>6} ms: {what}", finding.at_ms)?;
    }
    Ok(())
}

fn words(out: &mut impl Write, evidence: &Evidence) -> io::Result<()> {
    for piece in &evidence.words {
        let state = if piece.is_final { "" } else { " (may change)" };
        writeln!(
            out,
            "  words  {:>6} ms: {}{state}, log-odds {:+.1}",
            piece.at_ms, piece.text, piece.log_odds
        )?;
    }
    for hit in &evidence.phrases {
        writeln!(out, "  phrase \"{}\": {}, {:.1}", hit.phrase, hit.category.as_str(), hit.weight)?;
    }
    Ok(())
}

/// "beep, 440 Hz, 1200 to 1700 ms".
pub(super) fn tone_in_words(tone: &Tone) -> String {
    let name = match tone.kind {
        ToneKind::Beep => "beep".to_owned(),
        ToneKind::Sit => "information tone".to_owned(),
        ToneKind::FaxCalling => "fax calling tone".to_owned(),
        ToneKind::FaxAnswer => "fax answer tone".to_owned(),
        ToneKind::Ringback => "ringback".to_owned(),
        ToneKind::Busy => "busy tone".to_owned(),
        ToneKind::Dtmf(key) => format!("key {key}"),
    };
    let hz = match tone.hz {
        [one, two] if two > 0.0 => format!("{one:.0}+{two:.0} Hz"),
        [one, _] => format!("{one:.0} Hz"),
    };
    let span = match tone.end_ms {
        Some(end) => format!("{} to {end} ms", tone.start_ms),
        None => format!("from {} ms", tone.start_ms),
    };
    format!("{name}, {hz}, {span}")
}
