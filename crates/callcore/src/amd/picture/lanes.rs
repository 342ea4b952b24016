//! The lanes of a picture, from top to bottom, on one axis of time.

use super::canvas::{
    Canvas, FAINT, HUMAN, INK, MACHINE, SOFT, SPEECH, Sheet, TIMER, TONE, WAVE, WIDE, WORDS, shortened,
};
use super::content::Picture;
use super::line::Lines;
use crate::amd::event::{EventKind, Reason};
use crate::amd::review::RevisionKind;
use crate::amd::timeline::Segment;
use crate::audio::frame::samples_to_ms;
use crate::detect::{Tone, ToneKind};

/// Time shown at least and at most, and after the last event, ms.
const SHORTEST_MS: u64 = 4_000;
const LONGEST_MS: u64 = 60_000;
const AFTER_MS: u64 = 1_200;
/// How long the thresholds are still drawn after the decision, ms: where they would have gone.
const LINES_AFTER_MS: u64 = 2_000;
/// Width that a character of 12 units takes, roughly.
const CHARACTER: f64 = 6.6;

/// A picture with its axis.
pub(super) struct Scene<'a> {
    picture: &'a Picture<'a>,
    sheet: Sheet,
    span_ms: u64,
    decided_ms: Option<u64>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(picture: &'a Picture<'a>, sheet: Sheet) -> Self {
        let evidence = picture.evidence;
        let audio_ms = samples_to_ms(picture.audio.len()).max(evidence.heard_ms);
        let events = picture.events.iter().map(|event| event.at_ms);
        let findings = evidence.revisions.iter().map(|finding| finding.at_ms);
        let words = evidence.words.iter().map(|piece| piece.at_ms);
        let last = events.chain(findings).chain(words).max().unwrap_or(audio_ms);
        let span_ms = (last + AFTER_MS).min(audio_ms.max(last)).clamp(SHORTEST_MS, LONGEST_MS);
        Self { picture, sheet, span_ms, decided_ms: evidence.decision.as_ref().map(|d| d.at_ms) }
    }

    fn x(&self, ms: u64) -> f64 {
        self.sheet.left
            + (self.sheet.right - self.sheet.left) * ms.min(self.span_ms) as f64 / self.span_ms as f64
    }

    /// Draws everything; the height that it took.
    pub(super) fn draw(&self, canvas: &mut Canvas, top: f64) -> f64 {
        let top = top + 4.0;
        let events = self.events(canvas, top);
        let sound = self.sound(canvas, events + 14.0);
        let heard = self.heard(canvas, sound + 10.0);
        let thought = self.thought(canvas, heard + 22.0);
        let words = self.words(canvas, thought + 16.0);
        let timers = self.timers(canvas, words + 12.0);
        let axis = self.axis(canvas, events, timers + 6.0);
        if let Some(at) = self.decided_ms {
            canvas.line([self.x(at), events, self.x(at), timers], self.verdict_colour(), 1.8, "");
        }
        legend(canvas, axis + 18.0)
    }

    fn verdict_colour(&self) -> &'static str {
        match self.picture.evidence.decision.as_ref().map(|d| d.kind) {
            Some(EventKind::HumanDetected) => HUMAN,
            Some(EventKind::MachineDetected) => MACHINE,
            Some(_) | None => INK,
        }
    }

    /// Events and findings as flags, in as many rows as it takes for none to cover another.
    fn events(&self, canvas: &mut Canvas, top: f64) -> f64 {
        label(canvas, top + 14.0, "Events");
        let told = self.picture.events.iter().map(|event| {
            let name = match event.kind {
                EventKind::HumanDetected => "human detected",
                EventKind::MachineDetected => "machine detected",
                EventKind::NoSpeechDetected => "no speech detected",
                EventKind::DecisionTimeout => "decision timeout",
                EventKind::ToneDetected => "tone detected",
                EventKind::MachineStoppedSpeaking => "machine stopped speaking",
                EventKind::Error => "error",
                EventKind::Stopped => "stopped",
            };
            let colour = if event.kind.is_decision() {
                self.verdict_colour()
            } else if event.kind == EventKind::ToneDetected {
                TONE
            } else {
                SOFT
            };
            (event.at_ms, format!("{}. {name} {:.2} s", event.seq, event.at_ms as f64 / 1000.0), colour)
        });
        let learned = self.picture.evidence.revisions.iter().map(|finding| {
            let subtype = finding.subtype.map_or("", |subtype| subtype.as_str());
            let what = match finding.kind {
                RevisionKind::Refined => format!("refined: {subtype}"),
                RevisionKind::Revised => format!("revised: {subtype}"),
                RevisionKind::Resumed => "greeting resumes".to_owned(),
                RevisionKind::EndedAgain => "ended again".to_owned(),
            };
            (finding.at_ms, format!("{what} {:.2} s", finding.at_ms as f64 / 1000.0), WORDS)
        });
        let evidence = self.picture.evidence;
        let expected = [
            (evidence.likely_human_ms, "a person is likely", HUMAN),
            (evidence.doubted_ms, "or none", MACHINE),
        ];
        let expected = expected.into_iter().filter_map(|(at, what, colour)| {
            at.map(|at| (at, format!("{what} {:.2} s", at as f64 / 1000.0), colour))
        });
        let mut flags: Vec<_> =
            told.chain(expected).chain(learned).filter(|(at, _, _)| *at <= self.span_ms).collect();
        flags.sort_by_key(|(at, _, _)| *at);
        let mut rows: Vec<f64> = Vec::new();
        for (at, text, colour) in flags {
            let (x, width) = (self.x(at), text.chars().count() as f64 * CHARACTER + 10.0);
            let text = shortened(&text, ((self.sheet.width - 24.0) / CHARACTER) as usize);
            let flips = x + width > self.sheet.right + 18.0 && x - width >= 0.0;
            // What fits to neither side stands where there is room.
            let start = if flips { x - width } else { x.min(self.sheet.width - width).max(0.0) };
            let row = rows.iter().position(|end| *end <= start).unwrap_or(rows.len());
            if row == rows.len() {
                rows.push(0.0);
            }
            rows[row] = x.max(start + width);
            let y = top + 14.0 + row as f64 * 18.0;
            canvas.line([x, y - 10.0, x, y + 4.0], colour, 2.0, "");
            let (anchor, text_x) = if flips { ("end", x - 5.0) } else { ("start", start + 5.0) };
            canvas.anchored(text_x, y, 12, "bold", colour, anchor, &text);
        }
        top + 22.0 + rows.len().saturating_sub(1) as f64 * 18.0
    }

    fn sound(&self, canvas: &mut Canvas, top: f64) -> f64 {
        const HEIGHT: f64 = 104.0;
        label(canvas, top + 20.0, "Sound");
        note(canvas, top + 36.0, "what was heard");
        let middle = top + HEIGHT / 2.0;
        for segment in self.within(&self.picture.evidence.segments) {
            let (x, end) = (self.x(segment.start_ms), self.x(segment.end_ms));
            canvas.rect([x, top, end - x, HEIGHT], SPEECH, 0.13);
        }
        for tone in self.picture.evidence.tones.iter().filter(|tone| tone.start_ms <= self.span_ms) {
            let (x, end) = (self.x(tone.start_ms), self.x(self.tone_end(tone)));
            canvas.rect([x, top, end - x, HEIGHT], TONE, 0.2);
        }
        let columns = (self.sheet.right - self.sheet.left) as usize;
        let loudest = self.picture.audio.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0).max(600);
        let scale = HEIGHT / 2.0 / f64::from(loudest);
        let samples = (self.span_ms * 8) as usize;
        let mut outline = Vec::with_capacity(columns * 2);
        for column in 0..columns {
            let range = column * samples / columns..(column + 1) * samples / columns;
            let Some(part) = self.picture.audio.get(range.start..range.end.min(self.picture.audio.len()))
            else {
                break;
            };
            let (low, high) = part.iter().fold((0, 0), |(low, high), s| (low.min(*s), high.max(*s)));
            let x = self.sheet.left + column as f64;
            outline.push((x, middle - f64::from(high) * scale));
            outline.push((x, middle - f64::from(low) * scale));
        }
        canvas.line([self.sheet.left, middle, self.sheet.right, middle], FAINT, 1.0, "");
        canvas.path(&outline, WAVE, 0.9, "");
        top + HEIGHT
    }

    fn within<'s>(&'s self, segments: &'s [Segment]) -> impl Iterator<Item = &'s Segment> {
        segments.iter().filter(|segment| segment.start_ms <= self.span_ms)
    }

    fn tone_end(&self, tone: &Tone) -> u64 {
        tone.end_ms.unwrap_or(self.span_ms)
    }

    /// Speech and tones as bars with names.
    fn heard(&self, canvas: &mut Canvas, top: f64) -> f64 {
        label(canvas, top + 11.0, "Heard");
        for segment in self.within(&self.picture.evidence.segments) {
            let (x, end) = (self.x(segment.start_ms), self.x(segment.end_ms));
            canvas.rect([x, top + 2.0, end - x, 9.0], SPEECH, 0.9);
        }
        for stretch in self.within(&self.picture.evidence.music) {
            let (x, end) = (self.x(stretch.start_ms), self.x(stretch.end_ms));
            canvas.rect([x, top + 2.0, end - x, 9.0], WORDS, 0.45);
            canvas.text(x, top + 24.0, 12, "bold", WORDS, "music");
        }
        let mut free = self.sheet.left;
        for tone in self.picture.evidence.tones.iter().filter(|tone| tone.start_ms <= self.span_ms) {
            let (x, end) = (self.x(tone.start_ms), self.x(self.tone_end(tone)));
            canvas.rect([x, top + 2.0, end - x, 9.0], TONE, 1.0);
            let name = format!("{} {}", tone_name(tone.kind), hertz(tone));
            let width = name.chars().count() as f64 * CHARACTER;
            if x >= free {
                let flips = x + width > self.sheet.right + 18.0 && end - width >= 0.0;
                let anchor = if flips { "end" } else { "start" };
                canvas.anchored(if flips { end } else { x }, top + 24.0, 12, "bold", TONE, anchor, &name);
                free = x + width + 8.0;
            }
        }
        top + 28.0
    }

    fn thought(&self, canvas: &mut Canvas, top: f64) -> f64 {
        const HEIGHT: f64 = 150.0;
        let evidence = self.picture.evidence;
        label(canvas, top + 20.0, "A machine?");
        note(canvas, top + 36.0, "probability");
        let y = |share: f32| top + HEIGHT * f64::from(1.0 - share);
        for (share, name) in [(1.0, "100 %"), (0.5, "50 %"), (0.0, "0 %")] {
            canvas.line([self.sheet.left, y(share), self.sheet.right, y(share)], FAINT, 1.0, "");
            canvas.anchored(self.sheet.left - 6.0, y(share) + 4.0, 11, "normal", SOFT, "end", name);
        }
        canvas.text(self.sheet.left + 5.0, top + 14.0, 11, "normal", MACHINE, "machine");
        canvas.text(self.sheet.left + 5.0, top + HEIGHT - 5.0, 11, "normal", HUMAN, "person");
        let until = self.decided_ms.map_or(self.span_ms, |at| at + LINES_AFTER_MS).min(self.span_ms);
        let lines: Vec<(u64, Lines)> = (0..=until / 20)
            .map(|n| (n * 20, Lines::at(&evidence.params, &evidence.segments, n * 20)))
            .collect();
        self.threshold(canvas, &lines, |l| l.machine, y, MACHINE);
        self.threshold(canvas, &lines, |l| l.human, y, HUMAN);
        let curve = || evidence.machine_probability.iter().filter(|sample| sample.at_ms <= self.span_ms);
        if evidence.words.iter().any(|piece| piece.log_odds != 0.0) {
            let acoustic: Vec<_> = curve().map(|s| (self.x(s.at_ms), y(s.acoustic))).collect();
            canvas.path(&acoustic, SOFT, 1.4, "2 3");
        }
        let spoken = |at: u64| evidence.segments.first().is_some_and(|first| first.start_ms <= at);
        let both: Vec<_> =
            curve().filter(|s| spoken(s.at_ms)).map(|s| (self.x(s.at_ms), y(s.machine))).collect();
        canvas.path(&both, INK, 2.4, "");
        if both.is_empty() {
            canvas.text(self.sheet.left + 70.0, y(0.5) - 6.0, 12, "normal", SOFT, "no speech to judge");
        }
        if let Some(decision) = &evidence.decision
            && let Some(sure) = decision.confidence
        {
            let share = if decision.kind == EventKind::HumanDetected { 1.0 - sure } else { sure };
            let by_tone = matches!(decision.reason, Some(Reason::Tone | Reason::Sit | Reason::Fax));
            let by_speech =
                !by_tone && matches!(decision.kind, EventKind::HumanDetected | EventKind::MachineDetected);
            if by_speech && spoken(decision.at_ms) {
                canvas.dot(self.x(decision.at_ms), y(share), self.verdict_colour());
            }
        }
        top + HEIGHT
    }

    /// A threshold as a stepped line, with gaps where it is none.
    fn threshold(
        &self,
        canvas: &mut Canvas,
        lines: &[(u64, Lines)],
        pick: impl Fn(&Lines) -> Option<f32>,
        y: impl Fn(f32) -> f64,
        colour: &str,
    ) {
        let mut points: Vec<(f64, f64)> = Vec::new();
        for (at, line) in lines {
            match pick(line) {
                Some(share) => {
                    if let Some((_, before)) = points.last().copied() {
                        points.push((self.x(*at), before));
                    }
                    points.push((self.x(*at), y(share)));
                }
                None => {
                    canvas.path(&points, colour, 1.6, "6 4");
                    points.clear();
                }
            }
        }
        canvas.path(&points, colour, 1.6, "6 4");
    }

    fn words(&self, canvas: &mut Canvas, top: f64) -> f64 {
        let evidence = self.picture.evidence;
        label(canvas, top + 12.0, "Words");
        if evidence.words.is_empty() {
            canvas.text(self.sheet.left, top + 12.0, 12, "normal", SOFT, "none: decided by sound alone");
            return top + 18.0;
        }
        let mut y = top + 12.0;
        let heard = || evidence.words.iter().filter(|piece| piece.at_ms <= self.span_ms);
        let shown: Vec<_> = heard().filter(|piece| piece.is_final).take(6).collect();
        let shown = if shown.is_empty() { heard().take(6).collect() } else { shown };
        for piece in shown {
            let x = self.x(piece.at_ms);
            // To the side with more room, and no longer than that.
            let flips = x - self.sheet.left > self.sheet.right - x;
            let room = if flips { x - self.sheet.left } else { self.sheet.right - x };
            let most = ((room - 9.0) / CHARACTER) as usize;
            let text = format!("{} ({:+.1})", shortened(&piece.text, most.saturating_sub(7)), piece.log_odds);
            let colour = if piece.log_odds < 0.0 {
                HUMAN
            } else if piece.log_odds > 0.0 {
                MACHINE
            } else {
                INK
            };
            canvas.dot(x, y - 4.0, WORDS);
            let (anchor, at) = if flips { ("end", x - 9.0) } else { ("start", x + 9.0) };
            canvas.anchored(at, y, 12, "normal", colour, anchor, &text);
            y += 18.0;
        }
        let found: Vec<String> = evidence
            .phrases
            .iter()
            .map(|hit| format!("“{}” {} {:.1}", hit.phrase, hit.category.as_str(), hit.weight))
            .collect();
        if !found.is_empty() {
            let most = ((self.sheet.width - self.sheet.left) / CHARACTER) as usize;
            let text = shortened(&format!("phrases: {}", found.join(", ")), most);
            canvas.text(self.sheet.left, y, 12, "normal", WORDS, &text);
            y += 18.0;
        }
        y - 6.0
    }

    /// Each timer from where it starts to where it fired or was no longer needed; pale up to its limit.
    fn timers(&self, canvas: &mut Canvas, top: f64) -> f64 {
        let evidence = self.picture.evidence;
        let timers = evidence.timers;
        label(canvas, top + 12.0, "Timers");
        let at = |kind: EventKind| self.picture.events.iter().find(|e| e.kind == kind).map(|e| e.at_ms);
        let decided = self.decided_ms.unwrap_or(evidence.heard_ms);
        let onset = evidence.segments.first().map_or(decided, |s| s.start_ms);
        let mut bars = vec![
            ("no speech", 0, onset.min(decided), timers.no_speech_timeout_ms),
            ("decision", 0, decided, timers.decision_timeout_ms),
        ];
        if let Some(over) = at(EventKind::MachineStoppedSpeaking) {
            let ended = self.picture.events.iter().find_map(|e| e.speech_end_ms).unwrap_or(over);
            bars.push(("greeting end", ended, over, timers.greeting_completion_timeout_ms));
            let watch = at(EventKind::ToneDetected).or(at(EventKind::Stopped)).unwrap_or(over);
            if watch > over {
                bars.push(("tone", ended, watch, timers.tone_timeout_ms));
            }
        }
        let mut y = top + 4.0;
        for (name, from, to, limit) in bars {
            let (x, end, most) = (self.x(from), self.x(to), self.x(from + limit));
            canvas.rect([x, y, most - x, 8.0], TIMER, 0.14);
            canvas.rect([x, y, end - x, 8.0], TIMER, 0.75);
            let text =
                format!("{name}: {:.2} of {:.0} s", (to - from) as f64 / 1000.0, limit as f64 / 1000.0);
            let after = end.max(most) + 6.0;
            let width = text.chars().count() as f64 * CHARACTER;
            if after + width > self.sheet.right + 18.0 {
                canvas.anchored(self.sheet.right - 4.0, y + 20.0, 11, "normal", SOFT, "end", &text);
                y += 13.0;
            } else {
                canvas.text(after, y + 8.0, 11, "normal", SOFT, &text);
            }
            y += 15.0;
        }
        y
    }

    fn axis(&self, canvas: &mut Canvas, top: f64, y: f64) -> f64 {
        let span_ms = if self.sheet.width < WIDE.width { self.span_ms * 3 } else { self.span_ms };
        let step = match span_ms {
            0..=8_000 => 500,
            8_001..=20_000 => 1_000,
            20_001..=40_000 => 2_000,
            40_001..=90_000 => 5_000,
            _ => 10_000,
        };
        for at in (0..=self.span_ms).step_by(step as usize) {
            let x = self.x(at);
            canvas.line([x, top, x, y], FAINT, 0.6, "1 4");
            canvas.line([x, y, x, y + 5.0], SOFT, 1.0, "");
            let seconds = at as f64 / 1000.0;
            let text = if step < 1_000 { format!("{seconds:.1}") } else { format!("{seconds:.0}") };
            canvas.anchored(x, y + 18.0, 12, "normal", SOFT, "middle", &text);
        }
        canvas.line([self.sheet.left, y, self.sheet.right, y], SOFT, 1.0, "");
        canvas.text(self.sheet.margin, y + 18.0, 12, "normal", SOFT, "seconds");
        y + 24.0
    }
}

fn label(canvas: &mut Canvas, y: f64, text: &str) {
    canvas.text(canvas.sheet.margin, y, 13, "bold", INK, text);
}

fn note(canvas: &mut Canvas, y: f64, text: &str) {
    if canvas.sheet.width < WIDE.width {
        return;
    }
    canvas.text(canvas.sheet.margin, y, 11, "normal", SOFT, text);
}

fn legend(canvas: &mut Canvas, top: f64) -> f64 {
    let entries = [
        (SPEECH, "", "speech"),
        (TONE, "", "tone"),
        (INK, "", "machine's probability"),
        (SOFT, "2 3", "by sound alone"),
        (MACHINE, "6 4", "above: a machine"),
        (HUMAN, "6 4", "below: a person"),
        (WORDS, "", "words arrive, later findings"),
        (TIMER, "", "timer, pale up to its limit"),
    ];
    let (mut x, mut top) = (canvas.sheet.margin, top);
    for (colour, dash, text) in entries {
        let width = 25.0 + text.chars().count() as f64 * CHARACTER + 14.0;
        if x + width > canvas.sheet.width && x > canvas.sheet.margin {
            (x, top) = (canvas.sheet.margin, top + 20.0);
        }
        if dash.is_empty() && colour != INK {
            canvas.rect([x, top + 3.0, 20.0, 9.0], colour, 0.85);
        } else {
            canvas.line([x, top + 8.0, x + 20.0, top + 8.0], colour, 2.2, dash);
        }
        canvas.text(x + 25.0, top + 12.0, 12, "normal", INK, text);
        x += width;
    }
    top + 28.0
}

fn tone_name(kind: ToneKind) -> String {
    match kind {
        ToneKind::Beep => "beep".into(),
        ToneKind::Sit => "information tone".into(),
        ToneKind::FaxCalling => "fax calls".into(),
        ToneKind::FaxAnswer => "fax answers".into(),
        ToneKind::Ringback => "ringback".into(),
        ToneKind::Busy => "busy".into(),
        ToneKind::Dtmf(key) => format!("key {key}"),
    }
}

fn hertz(tone: &Tone) -> String {
    match tone.hz {
        [one, two] if two > 0.0 => format!("{one:.0}+{two:.0} Hz"),
        [one, _] => format!("{one:.0} Hz"),
    }
}
