//! What a word is: counted in every script, and plain, as phrases are compared.

use unicode_segmentation::UnicodeSegmentation;

/// Twelfths of a word that a character of these scripts stands for, by and large: they put no space between words,
/// and only a dictionary could tell where one ends.
const HAN: usize = 8;
const KANA: usize = 6;
const SOUTH_EAST_ASIAN: usize = 3;

/// How many words `text` has: words of Unicode (UAX #29), and an estimate for scripts without spaces between
/// words (Chinese, Japanese, Thai, Lao, Khmer, Burmese).
pub(crate) fn count_words(text: &str) -> usize {
    let (mut words, mut twelfths) = (0, 0);
    for word in text.unicode_words() {
        let parts: usize = word.chars().filter_map(twelfths_of).sum();
        twelfths += parts;
        words += usize::from(parts == 0);
    }
    words + twelfths.div_ceil(12)
}

/// Whether `c` belongs to a script that puts no space between words.
pub(crate) const fn is_unspaced(c: char) -> bool {
    twelfths_of(c).is_some()
}

const fn twelfths_of(c: char) -> Option<usize> {
    Some(match c {
        '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' => SOUTH_EAST_ASIAN,
        '\u{3040}'..='\u{30FF}' => KANA,
        '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}' => HAN,
        _ => return None,
    })
}

/// Lower-case words with single spaces and no punctuation, as phrases are compared.
pub(crate) fn plain_words(text: &str) -> String {
    let spaced: String =
        text.chars().map(|c| if c.is_alphanumeric() || c == '\'' { c } else { ' ' }).collect();
    spaced.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// How many words of `text` are more than a sign of listening.
pub(crate) fn words_beside(text: &str, backchannels: &[String]) -> usize {
    let mut rest = format!(" {} ", plain_words(text).replace(' ', "  "));
    for phrase in backchannels {
        rest = rest.replace(&format!(" {} ", phrase.replace(' ', "  ")), " ");
    }
    count_words(&rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_counted_in_every_script() {
        for (text, words) in [
            ("", 0),
            ("- ...", 0),
            ("  hello,  who is this? ", 4),
            ("Don't call me on 3.5 lines", 6),
            ("Скажите, пожалуйста, кто это?", 4),
            ("من فضلك انتظر", 3),
            // As a dictionary splits them: 9, 6, 6, 3 and 2.
            ("ただいま電話に出ることができません", 9),
            ("请在哔声后留言", 5),
            ("请问您是王先生吗？", 6),
            ("กรุณาฝากข้อความ", 4),
            ("OK 谢谢", 3),
        ] {
            assert_eq!(count_words(text), words, "{text}");
        }
    }

    #[test]
    fn signs_of_listening_do_not_count() {
        let signs = ["uh huh".to_owned(), "yes".to_owned(), "はい".to_owned()];
        assert_eq!(words_beside("Uh-huh, yes yes.", &signs), 0);
        assert_eq!(words_beside("Yes, but wait", &signs), 2);
        assert_eq!(words_beside("はい、はい", &signs), 0);
        assert_eq!(words_beside("我想问一下", &signs), 4);
    }
}
