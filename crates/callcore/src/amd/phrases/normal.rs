//! Text as recognisers write it, brought to one form: case, accents, punctuation and spoken digits aside.

use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A normalised text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Normal {
    /// Words between single spaces, with one before the first and after the last. A number is `#`.
    pub(crate) text: String,
    /// Digits in the longest run without another word between, spoken or written.
    pub(crate) digit_run: u32,
    /// Where in `text` clauses end, behind their last word.
    pub(crate) stops: Vec<usize>,
}

/// Stands for a mark that ends a clause.
const STOP: char = '\u{1}';

impl Normal {
    /// `digits` are the spoken digits of the locale, normalised.
    pub(crate) fn of(text: &str, digits: &HashSet<String>) -> Self {
        let plain = plain(text);
        let text = String::with_capacity(plain.len() + 2);
        let mut normal = Self { text, digit_run: 0, stops: Vec::new() };
        normal.text.push(' ');
        let mut run = 0;
        for token in plain.split_inclusive([' ', STOP]) {
            let stops = token.ends_with(STOP);
            let token = token.trim_end_matches([' ', STOP]);
            if token.is_empty() {
                normal.stops.extend(stops.then_some(normal.text.len()));
                continue;
            }
            let spoken = digits.contains(token);
            let said = if spoken { 1 } else { token.chars().filter(char::is_ascii_digit).count() };
            let only_digits = spoken || said == token.chars().count();
            let (word, han) = if only_digits { ("#".to_owned(), 0) } else { numbered(token, digits) };
            run = if only_digits { run + said } else { 0 };
            normal.digit_run = normal.digit_run.max((run as u32).max(han));
            normal.push(&word);
            normal.stops.extend(stops.then_some(normal.text.len()));
        }
        normal.stops.push(normal.text.len());
        normal.text.push(' ');
        normal
    }

    fn push(&mut self, word: &str) {
        let before = self.text.chars().next_back().unwrap_or(' ');
        let first = word.chars().next().unwrap_or(' ');
        let joins = is_dense(before) && (is_dense(first) || first == '#') || before == '#' && is_dense(first);
        if before != ' ' && !joins {
            self.text.push(' ');
        }
        self.text.push_str(word);
    }
}

/// Whether `c` is written without a space to the next word, or (Korean) with one that writers set as they like.
pub(crate) const fn is_dense(c: char) -> bool {
    matches!(c,
        '\u{0E00}'..='\u{0EFF}' | '\u{1000}'..='\u{109F}' | '\u{1780}'..='\u{17FF}' | '\u{3005}'..='\u{30FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7AF}')
}

/// Numbers inside a word of a dense script as `#`, and the digits of the longest one.
fn numbered(token: &str, digits: &HashSet<String>) -> (String, u32) {
    if !token.chars().any(is_dense) {
        return (token.to_owned(), 0);
    }
    let (mut word, mut run, mut longest, mut buffer) = (String::with_capacity(token.len()), 0, 0, [0; 4]);
    for c in token.chars() {
        let han = ('\u{3007}'..='\u{9FFF}').contains(&c) && digits.contains(&*c.encode_utf8(&mut buffer));
        if c.is_ascii_digit() || han {
            run += 1;
            if run == 1 {
                word.push('#');
            }
        } else {
            run = 0;
            word.push(c);
        }
        longest = longest.max(run);
    }
    (word, longest)
}

/// Lower case, compatibility forms unified, accents dropped, everything but letters and digits a space.
fn plain(text: &str) -> String {
    let lower = text.chars().flat_map(char::to_lowercase);
    lower.nfkd().filter(|c| !is_dropped(*c)).map(unified).nfc().collect()
}

/// Accents of alphabets, vowel points of Arabic, the dot of Devanagari, apostrophes and invisible joiners.
const fn is_dropped(c: char) -> bool {
    matches!(c,
        '\u{0300}'..='\u{036F}' | '\u{064B}'..='\u{0655}' | '\u{0670}' | '\u{0640}' | '\u{093C}'
        | '\'' | '\u{2018}' | '\u{2019}' | '\u{02BC}' | '`' | '\u{00B4}' | '\u{200B}'..='\u{200F}' | '\u{FEFF}')
}

fn unified(c: char) -> char {
    match c {
        'ı' => 'i',
        'đ' => 'd',
        'ł' => 'l',
        'ø' => 'o',
        'ة' => 'ه',
        'ى' => 'ي',
        'ँ' => 'ं',
        // Digits of other scripts.
        '\u{0660}'..='\u{0669}' => digit(c, 0x0660),
        '\u{06F0}'..='\u{06F9}' => digit(c, 0x06F0),
        '\u{0966}'..='\u{096F}' => digit(c, 0x0966),
        '\u{0E50}'..='\u{0E59}' => digit(c, 0x0E50),
        '#' => '#',
        '.' | ',' | ';' | '!' | '?' | '\n' | '。' | '、' | '،' | '؟' | '।' => STOP,
        _ if c.is_alphanumeric() || is_combining_mark(c) || c == 'ー' => c,
        _ => ' ',
    }
}

fn digit(c: char, zero: u32) -> char {
    char::from_digit(u32::from(c) - zero, 10).unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> (String, u32) {
        let digits = ["one", "five", "zero", "一", "二"].map(str::to_owned).into();
        let normal = Normal::of(text, &digits);
        (normal.text, normal.digit_run)
    }

    #[test]
    fn case_accents_and_marks_do_not_matter() {
        assert_eq!(normal("  Who’s THIS?! ").0, " whos this ");
        assert_eq!(normal("Déjà-vu; ÇA").0, " deja vu ca ");
        assert_eq!(normal("Straße ŁÓDŹ İstanbul").0, " straße lodz istanbul ");
        assert_eq!(normal("ＡＢＣ").0, " abc ");
        assert_eq!(normal("أُتْرُك").0, " اترك ");
        assert_eq!(normal("メッセージ を、どうぞ。").0, " メッセージをどうぞ ");
        assert_eq!(normal("삐 소리 후").0, " 삐소리후 ");
        assert_eq!(normal("").0, "  ");
    }

    #[test]
    fn spoken_and_written_digits_are_one_run() {
        assert_eq!(normal("press 1, or one"), (" press # or # ".into(), 1));
        assert_eq!(normal("it is 5 0 8-3417 five").1, 8);
        assert_eq!(normal("five zero is 5").1, 2);
        assert_eq!(normal("按 1 键"), (" 按#键 ".into(), 1));
        assert_eq!(normal("按一二12"), (" 按# ".into(), 4));
        assert_eq!(normal("५५ ١٢").1, 4);
    }
}
