//! Yes and no, as people say them.

use super::tag::Language;

const YES_EN: [&str; 22] = [
    "yes",
    "yeah",
    "yep",
    "yup",
    "ya",
    "sure",
    "ok",
    "okay",
    "correct",
    "right",
    "that's right",
    "of course",
    "definitely",
    "absolutely",
    "certainly",
    "please do",
    "go ahead",
    "i do",
    "i will",
    "i am",
    "fine",
    "no problem",
];
const NO_EN: [&str; 16] = [
    "no",
    "nope",
    "nah",
    "not",
    "never",
    "don't",
    "do not",
    "can't",
    "cannot",
    "won't",
    "wrong",
    "incorrect",
    "i'm not",
    "isn't",
    "no thanks",
    "negative",
];
const YES_ID: [&str; 26] = [
    "ya",
    "iya",
    "iyah",
    "yah",
    "yap",
    "ok",
    "oke",
    "okay",
    "yes",
    "betul",
    "benar",
    "boleh",
    "bisa",
    "setuju",
    "tentu",
    "baik",
    "mau",
    "siap",
    "sudah",
    "pasti",
    "silakan",
    "jadi",
    "tidak apa apa",
    "tidak masalah",
    "nggak apa apa",
    "enggak apa apa",
];
const NO_ID: [&str; 18] = [
    "tidak",
    "tak",
    "nggak",
    "enggak",
    "ngga",
    "engga",
    "gak",
    "ga",
    "bukan",
    "belum",
    "jangan",
    "no",
    "salah",
    "batal",
    "ogah",
    "kagak",
    "ndak",
    "tidak usah",
];

/// The most telling words, for a recogniser to expect.
pub(crate) fn expected(language: Language) -> &'static [&'static str] {
    match language {
        Language::English | Language::Other => &["yes", "no", "yeah", "nope", "that's right"],
        Language::Indonesian => &["ya", "iya", "tidak", "nggak", "betul", "bukan", "boleh"],
    }
}

/// How people say yes, the commonest first.
pub(crate) fn yes_said(language: Language) -> &'static [&'static str] {
    match language {
        Language::English | Language::Other => &["yes", "yes please", "yeah", "sure", "okay", "correct"],
        Language::Indonesian => &["ya", "iya", "boleh", "betul", "setuju", "oke"],
    }
}

/// How people say no.
pub(crate) fn no_said(language: Language) -> &'static [&'static str] {
    match language {
        Language::English | Language::Other => &["no", "no thank you", "nope", "no thanks", "not really"],
        Language::Indonesian => &["tidak", "nggak", "bukan", "tidak usah", "jangan", "belum"],
    }
}

/// Yes or no in `words`: lower case, single spaces, no punctuation. A no weighs more than a yes, unless the
/// yes is a longer phrase around it: `no problem`.
pub(crate) fn yes_no(words: &str, language: Language) -> Option<bool> {
    let (yes, no): (&[&str], &[&str]) = match language {
        Language::English | Language::Other => (&YES_EN, &NO_EN),
        Language::Indonesian => (&YES_ID, &NO_ID),
    };
    let said = format!(" {words} ");
    let longest = |phrases: &[&str]| {
        phrases.iter().filter(|phrase| said.contains(&format!(" {phrase} "))).map(|phrase| phrase.len()).max()
    };
    // The phrase that holds a no inside it, such as `tidak apa apa`.
    let around_no = yes
        .iter()
        .filter(|phrase| said.contains(&format!(" {phrase} ")))
        .any(|phrase| no.iter().any(|no| phrase.split(' ').any(|word| word == *no)));
    match (longest(yes), longest(no)) {
        (Some(_), _) if around_no => Some(true),
        (_, Some(_)) => Some(false),
        (Some(_), None) => Some(true),
        (None, None) => None,
    }
}
