//! Phrases that Whisper puts into silence and noise, by language: it was trained on subtitles, and so it ends a
//! recording as a video ends. Lower case, words only, as [`super::words_of`] makes them.

/// What no callee says in an answer.
const NEVER_SAID: &[&str] = &[
    // English
    "thanks for watching",
    "thank you for watching",
    "thank you so much for watching",
    "thanks for watching bye",
    "please subscribe",
    "please subscribe to my channel",
    "subscribe to my channel",
    "like and subscribe",
    "dont forget to like and subscribe",
    "don t forget to like and subscribe",
    "see you in the next video",
    "i ll see you in the next video",
    "transcribed by https otter ai",
    "transcription by castingwords",
    // Indonesian and Malay
    "terima kasih telah menonton",
    "terima kasih sudah menonton",
    "terima kasih karena telah menonton",
    "terima kasih kerana menonton",
    "terima kasih atas menonton",
    "terima kasih sudah menonton video ini",
    "jangan lupa subscribe",
    "jangan lupa like dan subscribe",
    "jangan lupa like share dan subscribe",
    "jangan lupa untuk subscribe",
    "jangan lupa tekan tombol subscribe",
    "sampai jumpa di video selanjutnya",
    "sampai jumpa di video berikutnya",
    "selamat menonton",
    // Spanish
    "gracias por ver el video",
    "gracias por ver el vídeo",
    "gracias por ver",
    "suscríbete",
    "suscríbete al canal",
    "no olvides suscribirte",
    // Portuguese
    "obrigado por assistir",
    "obrigada por assistir",
    "inscreva se no canal",
    // German
    "vielen dank fürs zuschauen",
    "danke fürs zuschauen",
    "vielen dank für s zuschauen",
    "untertitelung des zdf 2020",
    "untertitel im auftrag des zdf für funk 2017",
    "untertitelung im auftrag des zdf 2021",
    "bis zum nächsten mal",
    // French
    "merci d avoir regardé cette vidéo",
    "merci d avoir regardé",
    "sous titrage société radio canada",
    "sous titrage st 501",
    "abonnez vous",
    // Italian
    "grazie per aver guardato il video",
    "grazie per la visione",
    "iscriviti al canale",
    // Dutch
    "bedankt voor het kijken",
    "ondertiteling vrt",
    "tv gelderland 2021",
    // Polish
    "dziękuję za oglądanie",
    "zapraszam do subskrypcji",
    // Turkish
    "izlediğiniz için teşekkür ederim",
    "altyazı m k",
    // Russian
    "спасибо за просмотр",
    "продолжение следует",
    "субтитры сделал dimatorzok",
    "редактор субтитров а семкин корректор а егорова",
    // Arabic
    "اشتركوا في القناة",
    "ترجمة نانسي قنقر",
    // Japanese, Korean, Chinese, Vietnamese
    "ご視聴ありがとうございました",
    "시청해주셔서 감사합니다",
    "请不吝点赞 订阅 转发 打赏支持明镜与点点栏目",
    "谢谢观看",
    "中文字幕志愿者 杨茜茜",
    "cảm ơn các bạn đã theo dõi",
];

/// Credits of subtitles, in whatever language the rest is.
const CREDITS: &[&str] = &[
    "amara org",
    "opensubtitles org",
    "subtitles by",
    "untertitel von",
    "subtitulado por",
    "sottotitoli a cura di",
];

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

pub(super) fn never_said(words: &str) -> bool {
    NEVER_SAID.contains(&words) || CREDITS.iter().any(|credit| words.contains(credit))
}

pub(super) fn often_said_of_silence(words: &str) -> bool {
    OFTEN_SAID_OF_SILENCE.contains(&words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::stt::guard::words_of;

    #[test]
    fn every_phrase_is_written_as_words_are_compared() {
        for phrase in NEVER_SAID.iter().chain(CREDITS).chain(OFTEN_SAID_OF_SILENCE) {
            assert_eq!(words_of(phrase).join(" "), *phrase);
        }
    }
}
