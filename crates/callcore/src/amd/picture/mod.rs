//! The evidence as a picture (SVG): what was heard, how it was judged, and what was reported when.

mod canvas;
mod content;
mod lanes;
mod line;

use self::canvas::{Canvas, INK, Layout, NARROW, SOFT, Sheet, WIDE, document, escape};
pub use self::content::Picture;
use self::lanes::Scene;
use super::event::{Event, EventKind, Reason};
use super::evidence::Evidence;

impl Picture<'_> {
    /// The picture as an SVG document that fits a screen, a sheet of paper and a telephone, light and dark.
    #[must_use]
    pub fn svg(&self) -> String {
        document(&self.laid_out(WIDE), &self.laid_out(NARROW), &escape(self.title))
    }

    fn laid_out(&self, sheet: Sheet) -> Layout {
        let scene = Scene::new(self, sheet);
        let mut canvas = Canvas::new(sheet);
        let headline = verdict(self.evidence.decision.as_ref(), self.evidence);
        let y = canvas.wrapped(30.0, sheet.headline, "bold", INK, &headline);
        let y = canvas.wrapped(y - 4.0, 14, "normal", SOFT, &why(self.evidence));
        let y = canvas.wrapped(y - 2.0, 12, "normal", SOFT, self.title);
        let bottom = scene.draw(&mut canvas, y);
        canvas.finish(bottom)
    }
}

/// The verdict as a headline.
fn verdict(decision: Option<&Event>, evidence: &Evidence) -> String {
    let Some(decision) = decision else { return "No decision: the audio ended before".into() };
    let kind = evidence.subtype.map(|subtype| match subtype.as_str() {
        "voicemail" => "a mailbox that takes a message",
        "unavailable" => "a mailbox that takes no message",
        "network" => "an announcement of the network",
        "ivr" => "a menu of keys or a queue",
        "screening" => "an assistant that screens calls",
        "fax" => "a fax",
        _ => "",
    });
    match decision.kind {
        EventKind::HumanDetected => "A person".into(),
        EventKind::MachineDetected => match kind {
            Some(kind) if !kind.is_empty() => format!("A machine: {kind}"),
            Some(_) | None => "A machine".into(),
        },
        EventKind::NoSpeechDetected => "Nobody spoke".into(),
        EventKind::DecisionTimeout => "No decision in time".into(),
        EventKind::ToneDetected
        | EventKind::MachineStoppedSpeaking
        | EventKind::Error
        | EventKind::Stopped => "Detection failed".into(),
    }
}

/// Reason, confidence and latency in a sentence.
fn why(evidence: &Evidence) -> String {
    let Some(decision) = &evidence.decision else { return "Nothing was decided.".into() };
    let mut told = format!("Told {:.2} s after the answer", decision.at_ms as f64 / 1000.0);
    if let Some(onset) = decision.speech_onset_ms {
        let after = decision.at_ms.saturating_sub(onset) as f64 / 1000.0;
        told.push_str(&format!(", {after:.2} s after speech began"));
    }
    if let (Some(measures), EventKind::HumanDetected) = (&evidence.measures, decision.kind) {
        told.push_str(&format!(", {:.2} s after the last word", measures.silence_ms as f64 / 1000.0));
    }
    let reason = match decision.reason {
        Some(Reason::Hint) => "the words of a greeting",
        Some(Reason::LongGreeting) => "it sounds like a recording that goes on",
        Some(Reason::ShortGreeting) => "it sounds like somebody who waits for an answer",
        Some(Reason::DigitCount) => "a long number read out",
        Some(Reason::Tone) => "a beep",
        Some(Reason::Sit) => "information tones of the network",
        Some(Reason::Fax) => "fax tones",
        Some(Reason::Timing) => "timing",
        Some(Reason::Acoustic) => "sound",
        Some(Reason::Screening) => "the words of a screening assistant",
        Some(Reason::Ivr) => "the words of a menu",
        Some(Reason::Unavailable) => "the words of an announcement",
        Some(Reason::NoSpeech) => "no speech",
        Some(Reason::Timeout) => "neither side was likely enough",
        None => "",
    };
    let sure = decision.confidence.map(|c| format!(", {:.0} % sure", c * 100.0)).unwrap_or_default();
    let mut text = format!("{told}. Reason: {reason}{sure}.");
    if let Some(hint) = &decision.hint {
        text.push_str(&format!(" Heard: “{hint}”."));
    }
    let by_weight = matches!(decision.kind, EventKind::HumanDetected | EventKind::MachineDetected)
        && !matches!(decision.reason, Some(Reason::Tone | Reason::Sit | Reason::Fax));
    if let Some(parts) = evidence.parts.filter(|_| by_weight) {
        text.push_str(&format!(
            " Log-odds of a machine: timing {:+.1}, sound {:+.1}, words {:+.1}.",
            parts.timing, parts.sound, parts.words
        ));
    }
    if evidence.revised {
        text.push_str(" What came later speaks against it.");
    }
    text
}

#[cfg(test)]
mod tests;
