//! The words of a prompt in their order, and how many of them the callee has heard.

use super::words::{count_words, is_unspaced};

/// What one piece of a prompt says.
#[derive(Debug)]
struct Stretch {
    /// The number of its part, by which its audio comes; `None` for sounds of ours.
    part: Option<u16>,
    text: String,
    /// It is a file: one word, whatever its name.
    is_file: bool,
    /// Known when its audio is there.
    ms: Option<u64>,
}

impl Stretch {
    /// How many words `heard` of its text are.
    fn words(&self, heard: &str) -> usize {
        if self.is_file { usize::from(!heard.is_empty()) } else { count_words(heard) }
    }
}

/// The words of one prompt.
#[derive(Debug, Default)]
pub(crate) struct Spoken {
    stretches: Vec<Stretch>,
}

impl Spoken {
    pub(crate) fn say(&mut self, part: u16, text: &str) {
        self.stretches.push(Stretch { part: Some(part), text: text.to_owned(), is_file: false, ms: None });
    }

    /// A file has no words that are known; its name stands for them.
    pub(crate) fn file(&mut self, part: u16, name: &str) {
        self.stretches.push(Stretch { part: Some(part), text: format!("[{name}]"), is_file: true, ms: None });
    }

    /// A sound or a pause without words.
    pub(crate) fn sound(&mut self, ms: u64) {
        self.stretches.push(Stretch { part: None, text: String::new(), is_file: false, ms: Some(ms) });
    }

    /// The audio of a part is there: it takes `ms`.
    pub(crate) fn made(&mut self, part: u16, ms: u64) {
        if let Some(stretch) = self.stretches.iter_mut().find(|stretch| stretch.part == Some(part)) {
            stretch.ms = Some(ms);
        }
    }

    /// Everything, and how many words that is.
    pub(crate) fn all(&self) -> (String, usize) {
        let text = joined(self.stretches.iter().map(|stretch| stretch.text.as_str()));
        let words = self.stretches.iter().map(|stretch| stretch.words(&stretch.text)).sum();
        (text, words)
    }

    /// What was heard when `heard_ms` were, and how many words that is. A word that was cut off counts as
    /// heard when its greater part was, by an even pace within its sentence.
    pub(crate) fn heard(&self, heard_ms: u64) -> (String, usize) {
        let mut rest = heard_ms;
        let (mut heard, mut words): (Vec<String>, usize) = (Vec::new(), 0);
        for stretch in &self.stretches {
            let Some(ms) = stretch.ms.filter(|_| rest > 0) else { break };
            if ms <= rest {
                words += stretch.words(&stretch.text);
                heard.push(stretch.text.clone());
                rest -= ms;
            } else {
                let beginning = beginning(&stretch.text, rest, ms);
                words += stretch.words(&beginning);
                heard.push(beginning);
                break;
            }
        }
        (joined(heard.iter().map(String::as_str)), words)
    }
}

fn joined<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The words at the beginning of `text` that fit in `ms` of its `of_ms`.
fn beginning(text: &str, ms: u64, of_ms: u64) -> String {
    // Long words take longer: the share is one of letters.
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).count() as u64;
    let share = (letters(text) * ms).div_ceil(of_ms.max(1));
    let (mut spoken, mut end) = (0, 0);
    for (at, c) in text.char_indices() {
        let word_ends = is_unspaced(c) || text.get(at + c.len_utf8()..).is_none_or(ends_word);
        if !word_ends {
            continue;
        }
        let upto = at + c.len_utf8();
        let word = letters(text.get(end..upto).unwrap_or_default());
        if spoken + word.div_ceil(2) > share {
            break;
        }
        spoken += word;
        end = upto;
    }
    text.get(..end).unwrap_or_default().trim().to_owned()
}

fn ends_word(behind: &str) -> bool {
    behind.is_empty() || behind.starts_with(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(parts: &[(&str, u64)]) -> Spoken {
        let mut spoken = Spoken::default();
        for ((text, ms), part) in parts.iter().zip(0..) {
            spoken.say(part, text);
            spoken.sound(300);
            spoken.made(part, *ms);
        }
        spoken
    }

    #[test]
    fn what_was_heard_is_counted_across_sentences_and_pauses() {
        let spoken = spoken(&[("Good morning.", 1_000), ("This is the shop in Menteng.", 2_000)]);
        assert_eq!(spoken.heard(0), (String::new(), 0));
        assert_eq!(spoken.heard(1_000), ("Good morning.".into(), 2));
        assert_eq!(spoken.heard(1_300), ("Good morning.".into(), 2));
        assert_eq!(spoken.heard(2_300), ("Good morning. This is the shop".into(), 6));
        assert_eq!(spoken.heard(9_000), spoken.all());
        assert_eq!(spoken.all().1, 8);
    }

    #[test]
    fn what_was_never_made_was_not_heard() {
        let mut spoken = spoken(&[("One.", 500)]);
        spoken.say(7, "Two.");
        assert_eq!(spoken.heard(5_000), ("One.".into(), 1));
    }

    #[test]
    fn scripts_without_spaces_are_cut_between_letters() {
        let chinese = spoken(&[("请问您是王先生吗？", 1_600)]);
        assert_eq!(chinese.all().1, 6);
        assert_eq!(chinese.heard(800), ("请问您是".into(), 3));
        let thai = spoken(&[("กรุณาฝากข้อความ", 1_500)]);
        assert_eq!(thai.heard(500), ("กรุณา".into(), 2));
    }

    #[test]
    fn a_file_is_one_word_whatever_its_name() {
        let mut spoken = Spoken::default();
        spoken.file(0, "audio/on-hold.wav");
        spoken.made(0, 1_000);
        assert_eq!(spoken.all(), ("[audio/on-hold.wav]".into(), 1));
        assert_eq!(spoken.heard(1_000).1, 1);
    }
}
