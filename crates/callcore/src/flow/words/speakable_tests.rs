//! Texts as they are handed to speech engines.

use proptest::prelude::*;

use super::speakable;

fn each(language: &str, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(speakable(text, language), *expected, "{text}");
    }
}

#[test]
fn english_figures_and_short_forms_become_words() {
    each(
        "en-US",
        &[
            ("You owe $1,250.50.", "You owe one thousand two hundred fifty dollars and fifty cents."),
            ("It costs $3 million, or USD 10.", "It costs three million dollars, or ten dollars."),
            ("20% off & 5 km away", "twenty percent off and five kilometers away"),
            ("Due 2026-05-31 at 2:30 pm.", "Due May thirty-first, twenty twenty-six at two thirty p.m."),
            ("On 5/3/2026 at 14:05", "On May third, twenty twenty-six at two oh five p.m."),
            ("May 31, 2026", "May thirty-first, twenty twenty-six"),
            (
                "Call +1 (555) 010-9999 now",
                "Call plus one, five five five, zero one zero, nine nine nine nine now",
            ),
            ("Dr. Smith, No. 5, the 21st", "Doctor Smith, number five, the twenty-first"),
            ("Open 9-5, 3.5 of them", "Open nine to five, three point five of them"),
            ("Press # or *.", "Press hash or star."),
            ("Write to ann@example.com", "Write to ann at example dot com"),
            ("Room B12 and and/or", "Room B12 and and or"),
        ],
    );
}

#[test]
fn indonesian_figures_and_short_forms_become_words() {
    each(
        "id-ID",
        &[
            ("Tagihan Rp250.000.", "Tagihan dua ratus lima puluh ribu rupiah."),
            ("Rp. 2,5 juta atau Rp 75rb", "dua koma lima juta rupiah atau tujuh puluh lima ribu rupiah"),
            ("Rp 5.000,-/bulan", "lima ribu rupiah per bulan"),
            (
                "Diskon 12,5% s/d 31/05/2026",
                "Diskon dua belas koma lima persen sampai dengan tiga puluh satu Mei dua ribu dua puluh enam",
            ),
            ("pukul 14.30 WIB", "pukul empat belas lewat tiga puluh menit waktu Indonesia barat"),
            (
                "Yth. Bpk. Andi, Jl. Melati No. 5, dll.",
                "yang terhormat Bapak Andi, Jalan Melati nomor lima, dan lain-lain.",
            ),
            (
                "Hubungi 0812-3456-7890",
                "Hubungi nol delapan satu dua, tiga empat lima enam, tujuh delapan sembilan nol",
            ),
            ("(021) 555 0100", "(nol dua satu, lima lima lima, nol satu nol nol"),
            ("3-5 hari, cicilan ke-2", "tiga sampai lima hari, cicilan kedua"),
            ("A & B", "A dan B"),
        ],
    );
}

#[test]
fn nothing_in_a_text_is_an_order_to_the_engine() {
    let text = "Hi <break time=\"9s\"/><!-- x --> [[h@l'oU]] <b>you</b> 👍🏽\u{7}\u{202e} 5 < 7";
    let said = speakable(text, "en");
    assert!(!said.contains(['<', '>', '[', ']', '\u{7}', '\u{202e}']), "{said}");
    assert!(said.starts_with("Hi") && said.contains("you") && said.ends_with("five seven"), "{said}");
    assert!(!said.contains("break"), "{said}");
    assert_eq!(speakable("¿Qué tal? <x> 5%", "es"), "¿Qué tal? 5%");
    assert_eq!(speakable("👍", "en"), "");
}

#[test]
fn words_stay_as_they_are_and_words_of_figures_do_not_change_again() {
    for text in ["Good morning, is this Ann?", "Selamat pagi. Apa kabar?", "twenty-one dollars"] {
        assert_eq!(speakable(text, "en"), text);
    }
    let once = speakable("Rp 1.500.000 pada 2026-01-02 pukul 09.15", "id");
    assert_eq!(speakable(&once, "id"), once);
}

proptest! {
    #[test]
    fn any_text_can_be_made_speakable(text in "\\PC{0,200}", language in "en|en-US|id|fr") {
        let said = speakable(&text, &language);
        prop_assert!(!said.contains(['<', '>', '[', ']']));
        prop_assert!(!said.chars().any(char::is_control));
    }

    #[test]
    fn figures_in_any_order_are_read_without_a_panic(
        text in "[0-9$%.,:/+() RpBUSD&#*-]{0,60}", language in "en|id",
    ) {
        let _said = speakable(&text, &language);
    }
}
