//! Doubts about a transcript. Whisper fills silence and noise with text: labels of sounds, phrases from
//! subtitles, one phrase over and over, the bias it was given. Pure.

mod phantoms;

use super::transcript::Transcript;

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

/// Words that the recogniser itself takes for this unlikely are noise that it had to call something.
const GUESSED: f32 = 0.045;
/// The same for what Whisper likes to say of silence.
const PERHAPS_SILENT: f32 = 0.3;
const QUITE_SURE: f32 = 0.7;
/// So many phrases of the bias in its order, and nothing else, were read from it and not heard.
const ECHOED_PHRASES: usize = 3;

/// The transcript without what was probably never said. `seconds` is the length of the utterance, `expected` the
/// bias that the recogniser was given.
pub(super) fn doubt(mut transcript: Transcript, seconds: f32, expected: &[String]) -> Transcript {
    transcript.text = without_labels(&transcript.text);
    let words: Vec<String> = transcript.text.split_whitespace().map(bare).filter(|w| !w.is_empty()).collect();
    let said = words_of(&transcript.text).join(" ");
    let unsure = |silent: f32, sure: f32| transcript.no_speech > silent && transcript.confidence < sure;
    let reason = if said.is_empty() {
        None
    } else if phantoms::never_said(&said) {
        Some("subtitles")
    } else if unsure(LIKELY_SILENT, SURE)
        || (phantoms::often_said_of_silence(&said) && unsure(PERHAPS_SILENT, QUITE_SURE))
    {
        Some("silence")
    } else if transcript.confidence < GUESSED {
        Some("guessed")
    } else if words.len() > 4 && words.len() as f32 > seconds * MAX_WORDS_PER_SECOND {
        Some("too_fast")
    } else if echoes(&said, expected) {
        Some("echo")
    } else {
        None
    };
    if let Some(reason) = reason {
        metrics::counter!("dering_stt_doubted_total", "reason" => reason).increment(1);
    }
    if reason.is_some() || said.is_empty() {
        return Transcript { text: String::new(), confidence: 0.0, ..transcript };
    }
    if let Some(keep) = loop_start(&words) {
        metrics::counter!("dering_stt_doubted_total", "reason" => "loop").increment(1);
        let kept: Vec<&str> =
            transcript.text.split_whitespace().filter(|w| !bare(w).is_empty()).take(keep).collect();
        transcript.text = kept.join(" ");
        // What came before a loop may be real, but the decoder had lost its way.
        transcript.confidence /= 2.0;
    }
    transcript
}

/// Whether the decoder has lost its way and repeats itself.
pub(super) fn is_loop(text: &str) -> bool {
    let words: Vec<String> = text.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect();
    loop_start(&words).is_some()
}

/// Whether the bias was read out: [`ECHOED_PHRASES`] of its phrases and nothing else, in its order.
fn echoes(said: &str, expected: &[String]) -> bool {
    let phrases: Vec<String> = expected.iter().map(|phrase| words_of(phrase).join(" ")).collect();
    (0..phrases.len()).any(|first| {
        let mut rest = said;
        let mut read = 0;
        for phrase in &phrases[first..] {
            let Some(after) = rest.strip_prefix(phrase.as_str()) else { break };
            if phrase.is_empty() || !(after.is_empty() || after.starts_with(' ')) {
                break;
            }
            (rest, read) = (after.trim_start(), read + 1);
        }
        rest.is_empty() && read >= ECHOED_PHRASES
    })
}

/// Lower-case words of letters and digits.
fn words_of(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
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
        Transcript { text: text.into(), confidence: 0.9, no_speech: 0.1, took_ms: 0, weighed: None }
    }

    fn believed(text: &str, seconds: f32) -> String {
        doubt(heard(text), seconds, &[]).text
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
        assert_eq!(believed("Subtitles by the Amara.org community", 4.0), "");
        assert_eq!(believed("Sous-titrage Société Radio-Canada", 4.0), "");
        assert_eq!(believed("ご視聴ありがとうございました。", 4.0), "");
        assert_eq!(believed("Thank you.", 2.0), "Thank you.");
        assert_eq!(
            believed("I said please subscribe me to nothing", 4.0),
            "I said please subscribe me to nothing"
        );
    }

    #[test]
    fn thanks_are_believed_of_speech_and_not_of_what_may_be_silence() {
        for (text, no_speech, confidence, expected) in [
            ("Thank you.", 0.4, 0.6, ""),
            ("Terima kasih.", 0.4, 0.9, "Terima kasih."),
            ("seven", 0.4, 0.6, "seven"),
        ] {
            let doubtful = Transcript { no_speech, confidence, ..heard(text) };
            assert_eq!(doubt(doubtful, 1.0, &[]).text, expected);
        }
    }

    #[test]
    fn what_the_recogniser_only_guessed_is_not_believed() {
        let guessed = Transcript { confidence: 0.03, no_speech: 0.0, ..heard("nine three") };
        assert_eq!(doubt(guessed, 1.0, &[]).text, "");
    }

    #[test]
    fn a_bias_that_is_read_out_was_not_heard() {
        let expected = ["yes", "no", "an agent", "the price"].map(String::from);
        for (text, kept) in [
            ("Yes, no, an agent", ""),
            ("no, an agent, the price.", ""),
            ("yes, no", "yes, no"),
            ("yes, an agent", "yes, an agent"),
            ("yes, no, an agent please", "yes, no, an agent please"),
            ("yes, no, an agents", "yes, no, an agents"),
        ] {
            assert_eq!(doubt(heard(text), 3.0, &expected).text, kept, "{text}");
        }
    }

    #[test]
    fn a_decoder_in_a_loop_is_cut_off_and_believed_less() {
        let text = format!("I am fine. {}", "and you ".repeat(5));
        let cut = doubt(heard(&text), 10.0, &[]);
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
        assert_eq!(doubt(doubtful, 1.0, &[]).text, "");
        let sure = Transcript { confidence: 0.8, no_speech: 0.8, ..heard("okay") };
        assert_eq!(doubt(sure, 1.0, &[]).text, "okay");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_guard_panic_or_add_words(text in ".{0,80}", seconds in 0.0_f32..40.0) {
            let before = text.split_whitespace().count();
            prop_assert!(believed(&text, seconds).split_whitespace().count() <= before);
        }
    }
}
