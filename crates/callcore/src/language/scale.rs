//! Words of size behind a number: `million`, `jt`, `crore`.

use super::tag::Language;

/// What multiplies the number before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Hundred,
    Thousand,
    Lakh,
    Million,
    Crore,
    Billion,
    Trillion,
}

/// What a word behind an amount says of its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Known(Scale),
    /// `Rp 5 M` in English: a million to some, a billion to others.
    Unsure,
    None,
}

/// Words of both languages; each is understood in texts of either.
const WORDS: [(&str, Scale); 43] = [
    ("hundred", Scale::Hundred),
    ("ratus", Scale::Hundred),
    ("thousand", Scale::Thousand),
    ("thousands", Scale::Thousand),
    ("k", Scale::Thousand),
    ("ribu", Scale::Thousand),
    ("rb", Scale::Thousand),
    ("rebu", Scale::Thousand),
    ("lakh", Scale::Lakh),
    ("lakhs", Scale::Lakh),
    ("lac", Scale::Lakh),
    ("lacs", Scale::Lakh),
    ("million", Scale::Million),
    ("millions", Scale::Million),
    ("mn", Scale::Million),
    ("mln", Scale::Million),
    ("mil", Scale::Million),
    ("mio", Scale::Million),
    ("juta", Scale::Million),
    ("jt", Scale::Million),
    ("jta", Scale::Million),
    ("crore", Scale::Crore),
    ("crores", Scale::Crore),
    ("cr", Scale::Crore),
    ("billion", Scale::Billion),
    ("billions", Scale::Billion),
    ("bn", Scale::Billion),
    ("bln", Scale::Billion),
    ("bil", Scale::Billion),
    ("milliard", Scale::Billion),
    ("milliards", Scale::Billion),
    ("miliar", Scale::Billion),
    ("milyar", Scale::Billion),
    ("miliard", Scale::Billion),
    ("mlr", Scale::Billion),
    ("mrd", Scale::Billion),
    ("trillion", Scale::Trillion),
    ("trillions", Scale::Trillion),
    ("trn", Scale::Trillion),
    ("tn", Scale::Trillion),
    ("triliun", Scale::Trillion),
    ("trilyun", Scale::Trillion),
    ("triliyun", Scale::Trillion),
];

/// The size that `word` gives an amount in the currency of `code`.
pub(super) fn size(word: &str, code: &str, language: Language) -> Size {
    let word = word.to_lowercase();
    let rupiah = code == "IDR";
    match (word.as_str(), language) {
        // A miliar of rupiah, and a million of anything in English.
        ("m", Language::Indonesian) if rupiah => Size::Known(Scale::Billion),
        ("m", Language::English) if !rupiah => Size::Known(Scale::Million),
        ("l", Language::English) if code == "INR" => Size::Known(Scale::Lakh),
        ("b", Language::English) => Size::Known(Scale::Billion),
        ("t", Language::English | Language::Indonesian) => Size::Known(Scale::Trillion),
        ("m" | "b" | "t" | "l", _) => Size::Unsure,
        (word, _) => WORDS
            .iter()
            .find(|(known, _)| *known == word)
            .map_or(Size::None, |(_, scale)| Size::Known(*scale)),
    }
}

/// Whether a word multiplies a number, in any currency.
pub(super) fn is_size(word: &str) -> bool {
    let word = word.to_lowercase();
    WORDS.iter().any(|(known, _)| *known == word)
}

impl Scale {
    pub(super) const fn said(self, language: Language) -> &'static str {
        let indonesian = matches!(language, Language::Indonesian);
        match self {
            Self::Hundred => {
                if indonesian {
                    "ratus"
                } else {
                    "hundred"
                }
            }
            Self::Thousand => {
                if indonesian {
                    "ribu"
                } else {
                    "thousand"
                }
            }
            Self::Lakh => "lakh",
            Self::Million => {
                if indonesian {
                    "juta"
                } else {
                    "million"
                }
            }
            Self::Crore => "crore",
            Self::Billion => {
                if indonesian {
                    "miliar"
                } else {
                    "billion"
                }
            }
            Self::Trillion => {
                if indonesian {
                    "triliun"
                } else {
                    "trillion"
                }
            }
        }
    }

    /// Whether `word` is how this language writes it.
    pub(super) fn is_written(self, word: &str, language: Language) -> bool {
        let word = word.to_lowercase();
        word.len() == 1
            || word == self.said(language)
            || match language {
                Language::Indonesian => matches!(word.as_str(), "rb" | "jt" | "milyar" | "mlr" | "trilyun"),
                Language::English | Language::Other => {
                    matches!(word.as_str(), "mn" | "bn" | "tn" | "trn" | "lakhs" | "lac" | "crores" | "cr")
                }
            }
    }
}
