//! Every locale against sentences of its own, and the ways a transcript can be odd.

use std::collections::BTreeMap;

use super::book::{Book, FILES};
use super::file::PhraseFile;
use super::*;

/// Sentences by locale: the category's name and the text.
fn sentences() -> BTreeMap<&'static str, Vec<(&'static str, &'static str)>> {
    let mut by_locale: BTreeMap<_, Vec<_>> = BTreeMap::new();
    let mut locale = "";
    for line in include_str!("sentences.txt").lines() {
        if let Some(name) = line.strip_prefix('@') {
            locale = name;
        } else if let Some((kind, text)) = line.split_once(": ")
            && !line.starts_with('#')
        {
            by_locale.entry(locale).or_default().push((kind, text));
        }
    }
    by_locale
}

#[test]
fn every_phrase_file_can_be_read() {
    for (name, text) in FILES {
        let file = PhraseFile::parse(text).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert!(name == "all" || file.phrases.len() >= 4, "{name}");
        let odd: Vec<_> =
            file.phrases.iter().filter(|p| p.weight != 0.0 && !(0.5..=5.5).contains(&p.weight)).collect();
        assert!(odd.is_empty(), "{name}: {odd:?}");
    }
    let all: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
    for language in "id en es fr de pt it nl ru hi ja zh ar th vi tl ms ko tr pl".split(' ') {
        assert!(all.contains(&language), "{language} has a file");
    }
}

#[test]
fn sentences_of_every_locale_are_told_apart() {
    let mut wrong = Vec::new();
    for (locale, sentences) in sentences() {
        for (kind, text) in sentences {
            let (category, log_odds) = classify(Some(locale), text);
            let right = match kind {
                "open" => log_odds < 2.4 && category.is_none_or(|c| c == Category::Human || log_odds < 2.4),
                "human" => category == Some(Category::Human) && log_odds <= -1.9,
                machine => category.is_some_and(|c| c.as_str() == machine) && log_odds >= 2.3,
            };
            if !right {
                wrong.push(format!("{locale} {kind}: {text} -> {category:?} {log_odds:.1}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_language_has_two_sentences_of_each_category() {
    for (locale, sentences) in sentences().into_iter().filter(|(locale, _)| !locale.contains('-')) {
        for category in Category::ALL {
            let own = sentences.iter().filter(|(kind, _)| *kind == category.as_str()).count();
            assert!(own >= 2, "{locale} {}: {own} sentences", category.as_str());
        }
    }
}

#[test]
fn without_a_language_every_language_is_understood() {
    let mut wrong = Vec::new();
    for (locale, sentences) in sentences() {
        for (kind, text) in sentences.into_iter().filter(|(kind, _)| *kind == "voicemail" || *kind == "human")
        {
            let (_, log_odds) = classify(None, text);
            if (kind == "human") != (log_odds < 0.0) || log_odds.abs() < 1.5 {
                wrong.push(format!("{locale} {kind}: {text} -> {log_odds:.1}"));
            }
        }
    }
    assert!(wrong.len() <= 3, "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_locale_falls_back_to_its_language_and_to_what_all_share() {
    let voicemail = |locale, text| classify(Some(locale), text).0 == Some(Category::Voicemail);
    assert!(voicemail("en-AU", "this is the message bank"), "its own");
    assert!(!voicemail("en-GB", "this is the message bank"));
    assert!(voicemail("en-GB", "leave a message after the tone"), "its language's");
    assert!(voicemail("en_us", "Leave a message after the tone"), "however it is written");
    assert!(voicemail("fil-PH", "Mag-iwan ng mensahe pagkatapos ng beep"), "another name of the language");
    assert!(voicemail("sw", "voicemail"), "a language without a file has what all share");
    assert!(!voicemail("sw", "leave a message"));
    let plain: *const Book = Book::for_locale(Some("en"));
    assert!(std::ptr::eq(plain, Book::for_locale(Some("en-NZ"))), "built once, shared");
}

#[test]
fn a_phrase_counts_once_and_further_ones_less() {
    let once = classify(Some("en"), "leave a message").1;
    assert_eq!(once, classify(Some("en"), "leave a message leave a message").1);
    let twice = classify(Some("en"), "leave a message after the tone").1;
    assert!(twice > once && twice < 2.0 * once, "{once} {twice}");
    let all = include_str!("sentences.txt").replace("human:", "");
    assert!(classify(Some("en"), &all).1.abs() <= 6.0, "never without bound");
}

#[test]
fn words_are_whole_words() {
    assert_eq!(classify(Some("en"), "yesterday shelloed").1, 0.0, "no yes and no hello in it");
    assert_eq!(classify(Some("en"), "").1, 0.0);
    assert_eq!(classify(Some("en"), "🙂 ... — !!").1, 0.0);
}

#[test]
fn speaking_is_a_person_only_as_a_whole_utterance_or_after_a_name() {
    let human = |text| classify(Some("en"), text).0 == Some(Category::Human);
    for text in [
        "Speaking",
        "Yes, speaking.",
        "Dana speaking",
        "Good morning, this is John Smith speaking, how can I help?",
    ] {
        assert!(human(text), "{text}");
    }
    for text in [
        "the person you are speaking with has put your call on hold",
        "the other party is speaking",
        "We were speaking of you yesterday",
        "please begin speaking after the tone",
    ] {
        assert!(!human(text), "{text}");
    }
}

#[test]
fn an_interim_text_weighs_less_than_a_settled_one() {
    let book = Book::for_locale(Some("en"));
    let settled = Reading::of(book, "please leave a message", "");
    let interim = Reading::of(book, "please", "leave a message");
    assert!(interim.log_odds < settled.log_odds && interim.log_odds > 2.0, "{}", interim.log_odds);
}

#[test]
fn a_long_number_is_a_machine_and_a_short_one_is_nothing() {
    let book = Book::for_locale(Some("en"));
    assert!(Reading::of(book, "five oh eight, 3 4 1", "").number);
    let short = Reading::of(book, "at 10 30", "");
    assert!(!short.number && short.log_odds == 0.0);
}

#[test]
fn a_book_is_not_empty() {
    assert!(Book::for_locale(None).len() > 2000, "{}", Book::for_locale(None).len());
    assert!(Book::for_locale(Some("ja")).len() > 100);
}

proptest::proptest! {
    #[test]
    fn any_text_is_read(text in "\\PC{0,80}", interim in "\\PC{0,40}", which in 0..FILES.len()) {
        let reading = Reading::of(Book::for_locale(Some(FILES[which].0)), &text, &interim);
        proptest::prop_assert!(reading.log_odds.is_finite() && reading.log_odds.abs() <= 6.0);
    }
}
