//! Words as evidence: a transcript leans the verdict, may give it, and tells its kind. Nothing waits for it.

use super::event::{Reason, Subtype};
use super::evidence::Piece;
use super::phrases::{Book, Category, Reading};
use super::timeline::Segment;
use crate::language::count_words;

/// Characters of settled text that are kept: a minute of fast speech.
const LONGEST_TEXT: usize = 4_000;
/// Pieces kept for the record.
const PIECES: usize = 64;
/// An interim text goes into the record when it moves the log-odds this far.
const REMARKABLE: f32 = 0.5;
/// A pause this long ends continuous speech, for the word threshold, in ms.
const WAITS_MS: u64 = 1_500;

/// The words heard in one run.
#[derive(Debug)]
pub(super) struct TranscriptEvidence {
    book: &'static Book,
    settled: String,
    /// The same, each piece on a line of its own: where it ends, somebody has stopped speaking.
    lines: String,
    interim: String,
    pieces: Vec<Piece>,
    reading: Reading,
    /// Words of the continuous speech that goes on, in settled pieces and in the open one.
    counted: u32,
    open: u32,
    last_ms: u64,
}

impl TranscriptEvidence {
    pub(super) fn new(locale: Option<&str>) -> Self {
        Self {
            book: Book::for_locale(locale),
            settled: String::new(),
            lines: String::new(),
            interim: String::new(),
            pieces: Vec::new(),
            reading: Reading::default(),
            counted: 0,
            open: 0,
            last_ms: 0,
        }
    }

    /// Takes a piece; an interim one replaces the interim one before. `speech_since_ms` is where the continuous
    /// speech began.
    pub(super) fn feed(&mut self, text: &str, is_final: bool, now_ms: u64, speech_since_ms: u64) {
        let text = text.trim();
        if speech_since_ms > self.last_ms {
            self.counted = 0;
        }
        self.last_ms = now_ms;
        if is_final {
            self.interim.clear();
            self.open = 0;
            let room = LONGEST_TEXT.saturating_sub(self.settled.len());
            if !self.settled.is_empty() && !text.is_empty() && room > 1 {
                self.settled.push(' ');
                self.lines.push('\n');
            }
            self.settled.extend(text.chars().take(room));
            self.lines.extend(text.chars().take(room));
            self.counted += words(text);
        } else {
            self.interim.clear();
            self.interim.extend(text.chars().take(LONGEST_TEXT));
            self.open = words(text);
        }
        let before = self.reading.log_odds;
        self.reading = Reading::of(self.book, &self.lines, &self.interim);
        let log_odds = self.reading.log_odds;
        let remarkable = is_final || (log_odds - before).abs() >= REMARKABLE;
        if remarkable && !text.is_empty() && self.pieces.len() < PIECES {
            self.pieces.push(Piece { at_ms: now_ms, text: text.to_owned(), is_final, log_odds });
        }
    }

    /// All settled pieces in one line.
    pub(super) fn settled(&self) -> &str {
        &self.settled
    }

    /// The pieces as they came.
    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// What all words together say.
    pub(super) const fn reading(&self) -> &Reading {
        &self.reading
    }

    /// Words of the continuous speech, 0 when somebody seems to want an answer.
    pub(super) fn spoken(&self) -> u32 {
        let asks = [&self.settled, &self.interim].iter().any(|text| text.ends_with(['?', '？', '؟']));
        if asks || self.reading.cue { 0 } else { self.counted + self.open }
    }

    /// What the words say this is, as a subtype; `None` while they do not say.
    pub(super) fn subtype(&self) -> Option<Subtype> {
        self.reading.category.map(subtype_of)
    }

    /// The words as the reason of a verdict, when they speak for a machine.
    pub(super) fn reason(&self) -> Option<Reason> {
        if self.reading.log_odds <= 0.0 {
            return None;
        }
        match self.reading.category {
            Some(Category::Voicemail) => Some(Reason::Hint),
            Some(Category::Full | Category::Network) => Some(Reason::Unavailable),
            Some(Category::Ivr | Category::Hold) => Some(Reason::Ivr),
            Some(Category::Screening) => Some(Reason::Screening),
            Some(Category::Fax) => Some(Reason::Fax),
            Some(Category::Human) => None,
            None => self.reading.number.then_some(Reason::DigitCount),
        }
    }

    /// The phrase that told most.
    pub(super) fn hint(&self) -> Option<String> {
        let category = self.reading.category?;
        self.reading.hint(category).map(str::to_owned)
    }
}

/// The subtype that stands for a category on the wire.
const fn subtype_of(category: Category) -> Subtype {
    match category {
        Category::Voicemail => Subtype::Voicemail,
        Category::Full => Subtype::Unavailable,
        Category::Network => Subtype::Network,
        Category::Ivr | Category::Hold => Subtype::Ivr,
        Category::Screening => Subtype::Screening,
        Category::Fax => Subtype::Fax,
        Category::Human => Subtype::Human,
    }
}

/// Where the speech began that has gone on since without waiting for an answer.
pub(super) fn continuous_since(segments: &[Segment]) -> u64 {
    let mut since = segments.last().map_or(0, |last| last.start_ms);
    for pair in segments.windows(2).rev() {
        if pair[1].start_ms.saturating_sub(pair[0].end_ms) >= WAITS_MS {
            break;
        }
        since = pair[0].start_ms;
    }
    since
}

fn words(text: &str) -> u32 {
    u32::try_from(count_words(text)).unwrap_or(u32::MAX)
}
