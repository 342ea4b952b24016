//! Doubts about a transcript. Whisper fills silence and noise with text: labels of sounds, phrases from
//! subtitles, one phrase over and over. Pure.

use super::Transcript;

/// Words per second that nobody speaks for long; a fast reader reaches six.
const MAX_WORDS_PER_SECOND: f32 = 8.0;
/// A phrase of several words repeated so often in a row is a decoder in a loop.
const LOOP_OF_PHRASES: usize = 3;
/// The same for single words, which people do repeat: "no no no no", digits of a number.
const LOOP_OF_WORDS: usize = 6;
const LONGEST_PHRASE: usize = 8;
/// Above this probability of silence, words need more than [`SURE`] to be believed.
const LIKELY_SILENT: f32 = 0.6;
const SURE: f32 = 0.5;

/// What subtitles end with and callees do not say.
const SUBTITLE_PHRASES: [&str; 8] = [
    "thanks for watching",
    "thank you for watching",
    "please subscribe",
    "subscribe to my channel",
    "subtitles by the amara org community",
    "terima kasih telah menonton",
    "terima kasih sudah menonton",
    "jangan lupa subscribe",
];

/// The transcript without what was probably never said. `seconds` is the length of the utterance.
pub(super) fn doubt(mut transcript: Transcript, seconds: f32) -> Transcript {
    transcript.text = without_labels(&transcript.text);
    let words: Vec<String> = transcript.text.split_whitespace().map(bare).filter(|w| !w.is_empty()).collect();
    let said = words.join(" ");
    let is_subtitle = SUBTITLE_PHRASES.iter().any(|phrase| said == *phrase);
    let is_unsure = transcript.no_speech > LIKELY_SILENT && transcript.confidence < SURE;
    let is_too_fast = words.len() > 4 && words.len() as f32 > seconds * MAX_WORDS_PER_SECOND;
    if said.is_empty() || is_subtitle || is_unsure || is_too_fast {
        return Transcript { text: String::new(), confidence: 0.0, ..transcript };
    }
    if let Some(keep) = loop_start(&words) {
        let kept: Vec<&str> =
            transcript.text.split_whitespace().filter(|w| !bare(w).is_empty()).take(keep).collect();
        transcript.text = kept.join(" ");
        // What came before a loop may be real, but the decoder had lost its way.
        transcript.confidence /= 2.0;
    }
    transcript
}

/// Removes `[BLANK_AUDIO]`, `(music)`, `*beep*` and `♪`.
fn without_labels(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut until = None;
    for c in text.chars() {
        match (until, c) {
            (Some(end), c) if c == end => until = None,
            (Some(_), _) | (None, '♪') => {}
            (None, '[') => until = Some(']'),
            (None, '(') => until = Some(')'),
            (None, '*') => until = Some('*'),
            (None, c) => kept.push(c),
        }
    }
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn bare(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// How many words to keep when a phrase repeats: up to its first occurrence.
fn loop_start(words: &[String]) -> Option<usize> {
    for length in 1..=LONGEST_PHRASE {
        let limit = if length == 1 { LOOP_OF_WORDS } else { LOOP_OF_PHRASES };
        for start in 0..words.len().saturating_sub(length * limit - 1) {
            let phrase = &words[start..start + length];
            let is_one_word = length > 1 && phrase.iter().all(|word| *word == phrase[0]);
            let repeats = words[start..].chunks_exact(length).take_while(|chunk| *chunk == phrase).count();
            if repeats >= limit && !is_one_word {
                return Some(start + length);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heard(text: &str) -> Transcript {
        Transcript { text: text.into(), confidence: 0.9, no_speech: 0.1, took_ms: 0 }
    }

    fn believed(text: &str, seconds: f32) -> String {
        doubt(heard(text), seconds).text
    }

    #[test]
    fn ordinary_answers_are_left_as_they_are() {
        for text in ["Yes.", "no, no, no, no", "oh eight one one one one one", "Saya mau bicara dengan agen."]
        {
            assert_eq!(believed(text, 3.0), text);
        }
    }

    #[test]
    fn labels_of_sounds_are_no_words() {
        assert_eq!(believed("[BLANK_AUDIO]", 1.0), "");
        assert_eq!(believed(" (upbeat music) ♪ *beep*", 1.0), "");
        assert_eq!(believed("hello [noise] there", 1.0), "hello there");
        assert_eq!(believed("(never closed", 1.0), "");
        assert_eq!(believed("...", 1.0), "");
    }

    #[test]
    fn phrases_of_subtitles_are_not_what_callees_say() {
        assert_eq!(believed("Thanks for watching!", 2.0), "");
        assert_eq!(believed("Terima kasih telah menonton.", 2.0), "");
        assert_eq!(believed("Thank you.", 2.0), "Thank you.");
    }

    #[test]
    fn a_decoder_in_a_loop_is_cut_off_and_believed_less() {
        let text = format!("I am fine. {}", "and you ".repeat(5));
        let cut = doubt(heard(&text), 10.0);
        assert_eq!((cut.text.as_str(), cut.confidence), ("I am fine. and you", 0.45));
        assert_eq!(believed(&"seven ".repeat(7), 4.0), "seven");
    }

    #[test]
    fn more_words_than_fit_into_the_time_were_not_said() {
        assert_eq!(believed("the quick brown fox jumps over the lazy dog", 0.5), "");
        assert_ne!(believed("the quick brown fox jumps over the lazy dog", 3.0), "");
    }

    #[test]
    fn doubtful_words_in_likely_silence_are_dropped() {
        let doubtful = Transcript { confidence: 0.3, no_speech: 0.8, ..heard("okay") };
        assert_eq!(doubt(doubtful, 1.0).text, "");
        let sure = Transcript { confidence: 0.8, no_speech: 0.8, ..heard("okay") };
        assert_eq!(doubt(sure, 1.0).text, "okay");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_guard_panic_or_add_words(text in ".{0,80}", seconds in 0.0_f32..40.0) {
            let before = text.split_whitespace().count();
            prop_assert!(believed(&text, seconds).split_whitespace().count() <= before);
        }
    }
}
