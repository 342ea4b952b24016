//! Phrases that Whisper puts into silence and noise, by language: it was trained on subtitles, and so it ends a
//! recording as a video ends.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::words_of;

/// Phrases by section, one a line; `#` begins a remark.
const LISTS: &str = include_str!("phantoms.txt");

/// The lines of one section.
fn list(section: &str) -> impl Iterator<Item = &'static str> {
    let head = format!("[{section}]");
    let lines = LISTS.lines().map(str::trim).skip_while(move |line| *line != head).skip(1);
    lines.take_while(|line| !line.starts_with('[')).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Letters that may stand beside one of them.
const BESIDE: usize = 6;

/// What callees do say, and what Whisper says of silence, too: believed when the recogniser was surer than usual.
const OFTEN_SAID_OF_SILENCE: &[&str] = &[
    "you",
    "thank you",
    "thank you very much",
    "thanks",
    "bye",
    "bye bye",
    "so",
    "oh",
    "hmm",
    "terima kasih",
    "terima kasih banyak",
    "gracias",
    "obrigado",
    "vielen dank",
    "merci",
    "спасибо",
    "감사합니다",
];

/// Phrases as words are compared, the longest first.
static PHRASES: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
    let mut phrases: Vec<Vec<String>> = list("phrases").map(words_of).collect();
    phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
    phrases
});
static UNSPACED: LazyLock<Vec<String>> = LazyLock::new(|| {
    let mut phrases: Vec<String> = list("unspaced").map(|phrase| words_of(phrase).concat()).collect();
    phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
    phrases
});
static FILLERS: LazyLock<HashSet<&str>> = LazyLock::new(|| list("fillers").collect());
static CREDIT_WORDS: LazyLock<Vec<String>> =
    LazyLock::new(|| list("credits").map(|credit| words_of(credit).join(" ")).collect());

/// Whether these words, as [`super::words_of`] makes them, are the end of a video and nothing else.
pub(super) fn never_said(words: &str) -> bool {
    let padded = format!(" {words} ");
    if CREDIT_WORDS.iter().any(|credit| padded.contains(&format!(" {credit} "))) {
        return true;
    }
    let split: Vec<&str> = words.split(' ').filter(|word| !word.is_empty()).collect();
    ends_a_video(&split) || ends_a_video_unspaced(&split.concat())
}

/// Whether phrases of videos and the small words around them are all there is. A lone "subscribe" may be an
/// answer.
fn ends_a_video(words: &[&str]) -> bool {
    let (mut rest, mut found) = (words, 0);
    while let [first, behind @ ..] = rest {
        let phrase = PHRASES.iter().find(|phrase| {
            rest.get(..phrase.len()).is_some_and(|begin| begin.iter().zip(phrase.iter()).all(|(a, b)| a == b))
        });
        match phrase {
            Some(phrase) => {
                found += phrase.len();
                rest = rest.get(phrase.len()..).unwrap_or_default();
            }
            None if FILLERS.contains(*first) => rest = behind,
            None => return false,
        }
    }
    found > 0 && words != ["subscribe"]
}

fn ends_a_video_unspaced(text: &str) -> bool {
    let mut rest = text.to_owned();
    for phrase in UNSPACED.iter() {
        rest = rest.replace(phrase.as_str(), "");
    }
    rest.len() < text.len() && rest.chars().count() <= BESIDE
}

pub(super) fn often_said_of_silence(words: &str) -> bool {
    OFTEN_SAID_OF_SILENCE.contains(&words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> bool {
        never_said(&words_of(text).join(" "))
    }

    #[test]
    fn the_end_of_a_video_is_nobodys_answer_in_eighteen_languages() {
        for text in [
            "Please like and subscribe",
            "Please like and subscribe!",
            "Thanks for watching, and don't forget to like and subscribe.",
            "Thank you for watching. Please subscribe to my channel. Bye.",
            "If you enjoyed this video, please subscribe".trim_start_matches("If you enjoyed this video, "),
            "Subtitles by the Amara.org community",
            "Captions by John Smith",
            "Terima kasih sudah menonton. Jangan lupa like dan subscribe ya!",
            "Jangan lupa like, share dan subscribe",
            "¡Suscríbete al canal!",
            "Gracias por ver el vídeo, no olvides suscribirte",
            "Obrigado por assistir! Inscreva-se no canal.",
            "Vielen Dank fürs Zuschauen!",
            "Untertitel der Amara.org-Community",
            "Merci d'avoir regardé cette vidéo !",
            "N'oubliez pas de vous abonner",
            "Grazie per aver guardato il video",
            "Bedankt voor het kijken",
            "Dziękuję za oglądanie",
            "Abone olmayı unutmayın",
            "Подписывайтесь на канал",
            "Дякую за перегляд",
            "Tack för att ni tittade",
            "Děkuji za sledování",
            "اشتركوا في القناة",
            "देखने के लिए धन्यवाद",
            "Cảm ơn các bạn đã theo dõi",
            "구독과 좋아요 부탁드립니다",
            "ご視聴ありがとうございました。",
            "チャンネル登録よろしくお願いします!",
            "谢谢观看",
            "請不吝點贊 訂閱 轉發 打賞支持明鏡與點點欄目",
            "ขอบคุณที่รับชม",
        ] {
            assert!(said(text), "{text}");
        }
    }

    #[test]
    fn what_callees_may_say_is_left_to_them() {
        for text in [
            "I said please subscribe me to nothing",
            "Subscribe",
            "I want to subscribe",
            "thanks for watching my kids",
            "I would like to cancel and subscribe again",
            "yes please",
            "terima kasih",
            "saya lupa",
            "no gracias",
            "bis zum nächsten mal haben wir es",
            "thank you",
            "谢谢",
            "ok bye",
        ] {
            assert!(!said(text), "{text}");
        }
    }
}
