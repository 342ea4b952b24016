//! Texts as they are handed to speech engines.

mod beside;

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
            ("(021) 555 0100", "nol dua satu, lima lima lima, nol satu nol nol"),
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
    assert!(
        said.starts_with("Hi") && said.contains("you") && said.ends_with("five is less than seven"),
        "{said}"
    );
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

#[test]
fn a_currency_without_cents_has_no_decimals_in_any_language() {
    each(
        "en",
        &[
            ("Please pay Rp 250.000 today.", "Please pay two hundred fifty thousand rupiah today."),
            ("Rp250.000", "two hundred fifty thousand rupiah"),
            ("Rp. 250,000", "two hundred fifty thousand rupiah"),
            ("Rp 1.250.000,00", "one million two hundred fifty thousand rupiah"),
            ("Rp 250,000.00", "two hundred fifty thousand rupiah"),
            ("Rp 250.00", "two hundred fifty rupiah"),
            ("IDR 250.000", "two hundred fifty thousand rupiah"),
            ("250.000 IDR", "two hundred fifty thousand rupiah"),
            ("250.000 rupiah", "two hundred fifty thousand rupiah"),
            ("Rp 2.5 million", "two point five million rupiah"),
            ("¥1.500", "one thousand five hundred yen"),
            ("₫500.000", "five hundred thousand dong"),
            ("KRW 35.000", "thirty-five thousand won"),
            ("₩35,000", "thirty-five thousand won"),
            ("CLP 12.990", "twelve thousand nine hundred ninety Chilean pesos"),
            ("$1,250.50", "one thousand two hundred fifty dollars and fifty cents"),
            ("€1.50", "one euro and fifty cents"),
        ],
    );
    each(
        "id",
        &[
            ("Rp 250,000", "dua ratus lima puluh ribu rupiah"),
            ("JPY 1,500", "seribu lima ratus yen"),
            ("$1.250,50", "seribu dua ratus lima puluh dolar lima puluh sen"),
        ],
    );
}

#[test]
fn amounts_are_grouped_by_any_sign_that_groups() {
    for text in [
        "Rp 250 000",
        "Rp\u{a0}250\u{a0}000",
        "Rp 250\u{202f}000",
        "Rp. 250.000",
        "Rp +250.000",
        "Rp 250'000",
        "250 000 rupiah",
        "250 000 IDR",
        "IDR. 250.000",
        "Rp. 250.000,-",
        "Rp 250 000,00",
    ] {
        assert_eq!(
            speakable(&format!("{text} now"), "en"),
            "two hundred fifty thousand rupiah now",
            "{text}"
        );
        assert_eq!(
            speakable(&format!("{text} saja"), "id"),
            "dua ratus lima puluh ribu rupiah saja",
            "{text}"
        );
    }
    each(
        "en",
        &[
            ("Z: Pay Rp. 1.250.000,00 now.", "Z: Pay one million two hundred fifty thousand rupiah now."),
            ("Rp 1 250 000", "one million two hundred fifty thousand rupiah"),
            ("1 250 000 rupiah", "one million two hundred fifty thousand rupiah"),
            ("$1 250", "one thousand two hundred fifty dollars"),
            ("1 250 dollars", "one thousand two hundred fifty dollars"),
            ("1 250,50 EUR", "one thousand two hundred fifty euros and fifty cents"),
            ("€1.250,50", "one thousand two hundred fifty euros and fifty cents"),
            ("USD 1.250,00", "one thousand two hundred fifty dollars"),
            ("US$ 1.250.000", "one million two hundred fifty thousand dollars"),
            ("CHF 1'250.50", "one thousand two hundred fifty francs and fifty centimes"),
            ("CHF 1\u{2019}250.50", "one thousand two hundred fifty francs and fifty centimes"),
            ("₹1,50,000", "one hundred fifty thousand rupees"),
            ("₹ 1,25,00,000.50", "twelve million five hundred thousand rupees and fifty paise"),
            ("Rp 250 000/month", "two hundred fifty thousand rupiah per month"),
            ("$20, 250 people", "twenty dollars, two hundred fifty people"),
            ("20 pounds and 5 euros", "twenty pounds and five euros"),
        ],
    );
    each(
        "id",
        &[
            ("$1,250,000", "satu juta dua ratus lima puluh ribu dolar"),
            ("RM1,250.50", "seribu dua ratus lima puluh ringgit lima puluh sen"),
            ("1 250 000 rupiah", "satu juta dua ratus lima puluh ribu rupiah"),
            ("Rp 1 250 000,-", "satu juta dua ratus lima puluh ribu rupiah"),
        ],
    );
}

#[test]
fn words_of_size_of_either_language_multiply_an_amount() {
    each(
        "en",
        &[
            ("Rp 1,5 juta", "one point five million rupiah"),
            ("Rp1.5jt", "one point five million rupiah"),
            ("Rp 2,5 miliar", "two point five billion rupiah"),
            ("Rp 75rb", "seventy-five thousand rupiah"),
            ("₹2.5 lakh", "two point five lakh rupees"),
            ("₹2.5 crore", "two point five crore rupees"),
            ("1,5 juta rupiah", "one point five million rupiah"),
            ("$5 hundred thousand", "five hundred thousand dollars"),
            ("$3M, $2.5bn", "three million dollars, two point five billion dollars"),
            ("Rp 1.250 million", "one point two five million rupiah"),
        ],
    );
    each(
        "id",
        &[
            ("Rp 1.5 million", "satu koma lima juta rupiah"),
            ("IDR 1.5 bn", "satu koma lima miliar rupiah"),
            ("Rp 2,5 M", "dua koma lima miliar rupiah"),
            ("Rp 5 ratus ribu", "lima ratus ribu rupiah"),
            ("USD 2.5 million", "dua koma lima juta dolar"),
        ],
    );
}

#[test]
fn an_amount_that_may_be_two_stays_in_figures() {
    for (language, text) in [
        ("en", "€1.250"),
        ("en", "EUR 1.250 now"),
        ("en", "1.250 dollars"),
        ("en", "Rp 1234.567"),
        ("en", "$1.250,000"),
        ("en", "Rp 1,5 bazillion"),
        ("en", "₹2.5 arab"),
        ("en", "Rp 5 M"),
        ("en", "Rp5M"),
        ("en", "Rp 1.250 juta"),
        ("id", "$1,250"),
        ("id", "Rp 1,5 gazillion"),
        ("id", "$5 M"),
    ] {
        assert_eq!(speakable(text, language), text, "{language}");
    }
}

#[test]
fn amounts_below_zero_have_their_sign_wherever_it_stands() {
    for text in ["-$12.50", "$-12.50", "\u{2212}$12.50", "-12.50 USD", "USD -12.50", "-USD 12.50", "$12.50-"]
    {
        assert_eq!(
            speakable(&format!("Your balance is {text}."), "en"),
            "Your balance is minus twelve dollars and fifty cents.",
            "{text}"
        );
    }
    each(
        "id",
        &[
            ("Saldo -Rp12.500.", "Saldo minus dua belas ribu lima ratus rupiah."),
            ("Saldo Rp -12.500", "Saldo minus dua belas ribu lima ratus rupiah"),
            ("Saldo Anda adalah - Rp12.500", "Saldo Anda adalah minus dua belas ribu lima ratus rupiah"),
            ("Rp 5.000,-", "lima ribu rupiah"),
            ("Rp5.000-Rp10.000", "lima ribu rupiah sampai sepuluh ribu rupiah"),
        ],
    );
    each("en", &[("$5-10 each", "five to ten dollars each"), ("-5°C", "minus five degrees Celsius")]);
}

#[test]
fn fractions_are_parts_of_a_whole_unless_they_are_dates_or_pages() {
    each(
        "en-US",
        &[
            ("Add 1/3 cup.", "Add one third cup."),
            ("1/2 and 3/4 and 2/3", "one half and three quarters and two thirds"),
            ("1 1/2 hours", "one and a half hours"),
            ("½ cup, 1½ cups, ¾", "one half cup, one and a half cups, three quarters"),
            ("7/8 of it, 1/10", "seven eighths of it, one tenth"),
            ("3\u{2044}4", "three quarters"),
            ("page 3/10", "page three of ten"),
            ("on 5/6 at noon", "on May sixth at noon"),
            ("due 5/31", "due May thirty-first"),
            ("We are there 24/7.", "We are there twenty-four seven."),
            ("120/80", "one hundred twenty slash eighty"),
        ],
    );
    each(
        "id",
        &[
            ("1/3 cangkir", "sepertiga cangkir"),
            ("1/2, 1/4, 3/4, 2/3", "setengah, seperempat, tiga perempat, dua pertiga"),
            ("1 1/2 jam", "satu setengah jam"),
            ("½ kg, 1/2kg", "setengah kilogram, setengah kilogram"),
            ("bagian 1/3", "bagian satu dari tiga"),
            ("tanggal 31/5", "tanggal tiga puluh satu Mei"),
        ],
    );
}

#[test]
fn entities_and_marks_of_markdown_are_not_read_out() {
    each(
        "en",
        &[
            ("Terms &amp; conditions", "Terms and conditions"),
            ("Tom &amp;amp; Ann&#39;s &quot;shop&quot;", "Tom and Ann's \"shop\""),
            ("5&nbsp;km &#x2013; far&hellip;", "five kilometers far…"),
            ("AT&T", "AT and T"),
            ("# Heading", "Heading"),
            ("## Your order ##", "Your order"),
            ("**Note:** call *us* `now`", "Note: call us now"),
            ("See [our page](https://example.com/a) today", "See our page today"),
            ("~~old~~ new", "old new"),
            ("* Milk", "Milk"),
            ("Press # or *.", "Press hash or star."),
            ("# to go on", "hash to go on"),
            ("Item #5", "Item number five"),
        ],
    );
    assert_eq!(speakable("Fermé &amp; loin &lt;x&gt; # A", "fr"), "Fermé & loin # A");
    let said = speakable("&lt;break time=&quot;9s&quot;/&gt; &#60;b&#62;x", "en");
    assert!(!said.contains(['<', '>']) && !said.contains("break"), "{said}");
}

#[test]
fn sums_are_read_as_people_do() {
    each(
        "en",
        &[
            ("6*7", "six times seven"),
            ("6 * 7 = 42", "six times seven equals forty-two"),
            ("6x7, 6×7, 6 x 7", "six times seven, six times seven, six times seven"),
            ("2+2=4", "two plus two equals four"),
            ("5-3=2", "five minus three equals two"),
            ("5 - 3 = 2", "five minus three equals two"),
            ("10/2 = 5", "ten divided by two equals five"),
            ("10÷2", "ten divided by two"),
            ("2^8", "two to the power of eight"),
            ("5 < 7", "five is less than seven"),
            ("3 - 5 days, 3-5 days", "three to five days, three to five days"),
        ],
    );
    each("id", &[("6*7", "enam kali tujuh"), ("2 + 2 = 4", "dua tambah dua sama dengan empat")]);
}

#[test]
fn numbers_of_telephones_cards_and_codes_are_said_digit_by_digit() {
    let toll_free = "one, eight zero zero, five five five, zero one nine nine";
    for text in ["1-800-555-0199", "1.800.555.0199", "1 800 555 0199", "1 (800) 555-0199"] {
        assert_eq!(
            speakable(&format!("Call {text}."), "en").replace('(', ""),
            format!("Call {toll_free}."),
            "{text}"
        );
    }
    let card = "four one one one, one one one one, one one one one, one one one one";
    for text in [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "4111111111111111",
        "4111\u{a0}1111\u{a0}1111\u{a0}1111",
    ] {
        assert_eq!(speakable(&format!("Card {text}."), "en"), format!("Card {card}."), "{text}");
    }
    each(
        "en",
        &[
            ("800-555-0199", "eight zero zero, five five five, zero one nine nine"),
            ("555-0199", "five five five, zero one nine nine"),
            (
                "3782 822463 10005",
                "three seven eight two, eight two two four six three, one zero zero zero five",
            ),
            ("Card **** **** **** 1111", "Card ending in one one one one"),
            ("Card xxxx-1111", "Card ending in one one one one"),
            ("Your PIN is 1234", "Your PIN is one two three four"),
            ("ending in 1111", "ending in one one one one"),
            ("in 2024 2025 2026", "in twenty twenty-four two thousand twenty-five two thousand twenty-six"),
        ],
    );
    each(
        "id",
        &[
            ("1-800-555-0199", "satu, delapan nol nol, lima lima lima, nol satu sembilan sembilan"),
            ("kode OTP 482913", "kode OTP empat delapan dua sembilan satu tiga"),
            (
                "kartu 4111 1111 1111 1111",
                "kartu empat satu satu satu, satu satu satu satu, satu satu satu satu, satu satu satu satu",
            ),
        ],
    );
}

#[test]
fn times_and_dates_are_said_with_their_zones() {
    let wita = "sembilan belas lewat tiga puluh menit waktu Indonesia tengah";
    for text in ["19.30 WITA", "19:30 WITA", "19.30 wita", "19.30WITA", "19.30 (WITA)"] {
        let said = speakable(text, "id").replace(['(', ')'], "");
        assert_eq!(said, wita, "{text}");
    }
    each(
        "id",
        &[
            ("pkl. 19.30 WIB", "pukul sembilan belas lewat tiga puluh menit waktu Indonesia barat"),
            (
                "19.30-21.00 WIT",
                "sembilan belas lewat tiga puluh menit sampai dua puluh satu waktu Indonesia timur",
            ),
            (
                "19.30 s/d 21.00 WIB",
                "sembilan belas lewat tiga puluh menit sampai dengan dua puluh satu waktu Indonesia barat",
            ),
            ("31.05.2026", "tiga puluh satu Mei dua ribu dua puluh enam"),
            ("19.30", "19.30"),
        ],
    );
    each(
        "en-US",
        &[
            ("at 7:30 pm EST", "at seven thirty p.m. Eastern Standard Time"),
            ("at 19:30 WIB.", "at seven thirty p.m. western Indonesia time."),
            ("2026-05-31T14:30:00Z", "May thirty-first, twenty twenty-six at two thirty p.m. UTC"),
            ("14:30:05", "two thirty p.m."),
            ("14:30+07:00", "two thirty p.m. UTC plus seven"),
            ("UTC+7", "UTC plus seven"),
        ],
    );
}
