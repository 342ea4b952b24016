//! Tables of what is said and what is heard.

use super::*;

const EN: Language = Language::English;
const ID: Language = Language::Indonesian;

fn figure(text: &str) -> Figure {
    Figure::plain(text).unwrap()
}

#[test]
fn numbers_are_said_as_words() {
    for (n, english, indonesian) in [
        ("0", "zero", "nol"),
        ("1", "one", "satu"),
        ("10", "ten", "sepuluh"),
        ("11", "eleven", "sebelas"),
        ("12", "twelve", "dua belas"),
        ("20", "twenty", "dua puluh"),
        ("21", "twenty-one", "dua puluh satu"),
        ("100", "one hundred", "seratus"),
        ("101", "one hundred one", "seratus satu"),
        ("111", "one hundred eleven", "seratus sebelas"),
        ("999", "nine hundred ninety-nine", "sembilan ratus sembilan puluh sembilan"),
        ("1000", "one thousand", "seribu"),
        ("1100", "one thousand one hundred", "seribu seratus"),
        ("2000", "two thousand", "dua ribu"),
        ("11000", "eleven thousand", "sebelas ribu"),
        ("250000", "two hundred fifty thousand", "dua ratus lima puluh ribu"),
        ("1000000", "one million", "satu juta"),
        ("1001000", "one million one thousand", "satu juta seribu"),
        ("2500000000", "two billion five hundred million", "dua miliar lima ratus juta"),
        ("1000000000000", "one trillion", "satu triliun"),
        ("2.5", "two point five", "dua koma lima"),
        ("0.05", "zero point zero five", "nol koma nol lima"),
        ("-3", "minus three", "minus tiga"),
        ("-0", "zero", "nol"),
        ("7.00", "seven", "tujuh"),
    ] {
        assert_eq!(spoken_number(&figure(n), EN), english);
        assert_eq!(spoken_number(&figure(n), ID), indonesian);
    }
    assert_eq!(spoken_number(&figure("-2.50"), Language::Other), "-2.5");
}

#[test]
fn places_in_a_row_are_said_as_words() {
    for (n, english, indonesian) in [
        (1, "first", "pertama"),
        (2, "second", "kedua"),
        (3, "third", "ketiga"),
        (8, "eighth", "kedelapan"),
        (12, "twelfth", "kedua belas"),
        (20, "twentieth", "kedua puluh"),
        (21, "twenty-first", "kedua puluh satu"),
        (32, "thirty-second", "ketiga puluh dua"),
        (100, "one hundredth", "keseratus"),
        (1_000_000, "one millionth", "kesatu juta"),
    ] {
        assert_eq!(spoken_ordinal(n, EN), english);
        assert_eq!(spoken_ordinal(n, ID), indonesian);
    }
}

#[test]
fn money_is_said_with_its_currency() {
    for (amount, code, english, indonesian) in [
        ("0", "IDR", "zero rupiah", "nol rupiah"),
        ("250000", "IDR", "two hundred fifty thousand rupiah", "dua ratus lima puluh ribu rupiah"),
        ("1000000", "IDR", "one million rupiah", "satu juta rupiah"),
        ("1999.5", "IDR", "two thousand rupiah", "dua ribu rupiah"),
        ("1", "USD", "one dollar", "satu dolar"),
        ("1.01", "USD", "one dollar and one cent", "satu dolar satu sen"),
        ("21.50", "USD", "twenty-one dollars and fifty cents", "dua puluh satu dolar lima puluh sen"),
        ("0.99", "EUR", "ninety-nine cents", "sembilan puluh sembilan sen"),
        ("0.999", "EUR", "one euro", "satu euro"),
        ("-11", "EUR", "minus eleven euros", "minus sebelas euro"),
        ("0.01", "GBP", "one penny", "satu pence"),
        ("100", "SGD", "one hundred Singapore dollars", "seratus dolar Singapura"),
    ] {
        assert_eq!(spoken_money(&figure(amount), code, EN).as_deref(), Some(english));
        assert_eq!(spoken_money(&figure(amount), code, ID).as_deref(), Some(indonesian));
    }
    assert_eq!(spoken_money(&figure("-0.001"), "USD", EN).as_deref(), Some("zero dollars"));
    assert_eq!(spoken_money(&figure("1250.5"), "EUR", Language::Other).as_deref(), Some("1250.50 EUR"));
    assert_eq!(spoken_money(&figure("1"), "XXX", EN), None);
    for code in CURRENCIES {
        assert!(spoken_money(&figure("2.25"), code, EN).is_some(), "{code}");
    }
}

#[test]
fn dates_and_times_are_said_as_words() {
    let date = Date::parse("2026-05-05").unwrap();
    let all = DateStyle { weekday: true, year: true };
    assert_eq!(spoken_date(date, DateStyle::default(), EN), "May fifth");
    assert_eq!(spoken_date(date, all, EN), "Tuesday, May fifth, twenty twenty-six");
    assert_eq!(spoken_date(date, DateStyle::default(), ID), "lima Mei");
    assert_eq!(spoken_date(date, all, ID), "Selasa, lima Mei dua ribu dua puluh enam");
    assert_eq!(spoken_date(date, all, Language::Other), "2026-05-05");
    let year =
        |text: &str| spoken_date(Date::parse(text).unwrap(), DateStyle { weekday: false, year: true }, EN);
    assert_eq!(year("2005-01-31"), "January thirty-first, two thousand five");
    assert_eq!(year("1999-12-22"), "December twenty-second, nineteen ninety-nine");
    assert_eq!(year("1905-12-01"), "December first, nineteen oh five");
    for (time, english, indonesian) in [
        ("00:00", "midnight", "nol"),
        ("00:30", "twelve thirty a.m.", "nol lewat tiga puluh menit"),
        ("09:05", "nine oh five a.m.", "sembilan lewat lima menit"),
        ("12:00", "noon", "dua belas"),
        ("14:30", "two thirty p.m.", "empat belas lewat tiga puluh menit"),
        ("20:00", "eight p.m.", "dua puluh"),
    ] {
        assert_eq!(spoken_time(TimeOfDay::parse(time).unwrap(), EN), english);
        assert_eq!(spoken_time(TimeOfDay::parse(time).unwrap(), ID), indonesian);
    }
}

#[test]
fn telephone_numbers_are_said_digit_by_digit_in_groups() {
    assert_eq!(spoken_phone("0812-3456", EN), "zero eight one two, three four five six");
    assert_eq!(spoken_phone("+628123456", ID), "plus enam dua delapan, satu dua tiga, empat lima enam");
    assert_eq!(spoken_phone("0812345", EN), "zero eight one, two three four five");
    assert_eq!(spoken_phone("1-800-FLOWERS", EN), "one, eight zero zero, FLOWERS");
    assert_eq!(spoken_phone("021 555 ext 12", EN), "zero two one, five five five, extension one two");
    assert_eq!(spoken_phone("tel:021 555x12", ID), "nol dua satu, lima lima lima, ekstensi satu dua");
    assert_eq!(spoken_phone("112", ID), "satu satu dua");
    assert_eq!(spoken_phone("08 12", Language::Other), "0 8, 1 2");
}

#[test]
fn written_numbers_are_read_the_way_the_language_writes_them() {
    for (text, language, plain) in [
        ("250.000", ID, "250000"),
        ("1.250.000,50", ID, "1250000.5"),
        ("2,5", ID, "2.5"),
        ("2.5", ID, "2.5"),
        ("250,000", EN, "250000"),
        ("1,250.75", EN, "1250.75"),
        ("0812", EN, "812"),
        ("-12", EN, "-12"),
    ] {
        assert_eq!(Figure::written(text, language), Some(figure(plain)), "{text}");
    }
    for text in ["", "x", "1.2.3", "12a", "--1"] {
        assert_eq!(Figure::written(text, EN), None, "{text}");
    }
}

#[test]
fn spoken_numbers_are_understood() {
    for (text, language, number) in [
        ("dua ratus lima puluh ribu", ID, 250_000.0),
        ("dua ratus lima puluh ribu rupiah", ID, 250_000.0),
        ("seratus", ID, 100.0),
        ("seribu seratus sebelas", ID, 1_111.0),
        ("sejuta", ID, 1e6),
        ("satu setengah juta", ID, 1.5e6),
        ("setengah juta", ID, 500_000.0),
        ("satu koma lima juta", ID, 1.5e6),
        ("1,5 juta", ID, 1.5e6),
        ("250 ribu", ID, 250_000.0),
        ("Rp 250.000", ID, 250_000.0),
        ("Rp250.000,-", ID, 250_000.0),
        ("dua juta lima ratus ribu", ID, 2.5e6),
        ("2 juta 500 ribu", ID, 2.5e6),
        ("empat belas", ID, 14.0),
        ("minus tiga", ID, -3.0),
        ("saya mau dua, eh, tiga", ID, 3.0),
        ("twenty five", EN, 25.0),
        ("twenty-five dollars", EN, 25.0),
        ("a hundred and one", EN, 101.0),
        ("two hundred and fifty thousand", EN, 250_000.0),
        ("one million two hundred thousand and five", EN, 1_200_005.0),
        ("zero point five", EN, 0.5),
        ("two point five million", EN, 2.5e6),
        ("1,250.75", EN, 1_250.75),
        ("negative seven", EN, -7.0),
        ("one two three", EN, 123.0),
        ("it is 42 I think", EN, 42.0),
        ("twelve", EN, 12.0),
        ("42", Language::Other, 42.0),
    ] {
        assert_eq!(hear_number(text, language), Some(number), "{text}");
    }
    for (text, language) in
        [("hello", EN), ("", EN), ("million", EN), ("and", EN), ("ribu", ID), ("twenty", Language::Other)]
    {
        assert_eq!(hear_number(text, language), None, "{text}");
    }
    for n in (0..3_000).chain([10_000, 11_111, 99_999, 250_000, 1_000_000, 1_234_567, 2_000_000_019]) {
        for language in [EN, ID] {
            let said = spoken_number(&figure(&n.to_string()), language);
            assert_eq!(hear_number(&said, language), Some(f64::from(n)), "{said}");
        }
    }
}

#[test]
fn spoken_digits_are_understood() {
    for (text, language, digits) in [
        ("oh eight one two", EN, "0812"),
        ("zero eight double one triple two", EN, "0811222"),
        ("my number is 0812-3456", EN, "08123456"),
        ("twenty five", EN, "25"),
        ("nol delapan satu dua", ID, "0812"),
        ("kosong delapan dua belas", ID, "0812"),
        ("hello", EN, ""),
        ("12:30", EN, "1230"),
    ] {
        assert_eq!(hear_digits(text, language), digits, "{text}");
    }
}

#[test]
fn spoken_dates_are_understood_from_the_day_of_the_call() {
    // A Saturday.
    let today = Date::parse("2026-11-21").unwrap();
    for (text, language, date) in [
        ("besok", ID, "2026-11-22"),
        ("besok lusa", ID, "2026-11-23"),
        ("lusa saja", ID, "2026-11-23"),
        ("hari ini", ID, "2026-11-21"),
        ("tanggal 5 Mei", ID, "2027-05-05"),
        ("tanggal lima bulan Desember", ID, "2026-12-05"),
        ("dua puluh lima desember dua ribu dua puluh enam", ID, "2026-12-25"),
        ("17 Agustus tahun 2028", ID, "2028-08-17"),
        ("tanggal dua puluh", ID, "2026-12-20"),
        ("tanggal 21", ID, "2026-11-21"),
        ("hari Senin", ID, "2026-11-23"),
        ("Jumat depan", ID, "2026-11-27"),
        ("hari minggu", ID, "2026-11-22"),
        ("hari minggu depan", ID, "2026-11-29"),
        ("Senin minggu depan", ID, "2026-11-23"),
        ("minggu depan", ID, "2026-11-28"),
        ("dua minggu lagi", ID, "2026-12-05"),
        ("tiga hari lagi", ID, "2026-11-24"),
        ("bulan depan", ID, "2026-12-21"),
        ("5/6", ID, "2027-06-05"),
        ("tomorrow", EN, "2026-11-22"),
        ("the day after tomorrow", EN, "2026-11-23"),
        ("next Friday", EN, "2026-11-27"),
        ("Friday", EN, "2026-11-27"),
        ("this Saturday", EN, "2026-11-21"),
        ("Saturday", EN, "2026-11-28"),
        ("on Sunday, please", EN, "2026-11-22"),
        ("I may come on Monday", EN, "2026-11-23"),
        ("May fifth", EN, "2027-05-05"),
        ("the fifth of May", EN, "2027-05-05"),
        ("May 5th, 2028", EN, "2028-05-05"),
        ("december twenty first twenty twenty seven", EN, "2027-12-21"),
        ("5 May 2027", EN, "2027-05-05"),
        ("the thirtieth", EN, "2026-11-30"),
        ("the 31st", EN, "2026-12-31"),
        ("in two weeks", EN, "2026-12-05"),
        ("in a week", EN, "2026-11-28"),
        ("three days from now", EN, "2026-11-24"),
        ("next week", EN, "2026-11-28"),
        ("Tuesday next week", EN, "2026-11-24"),
        ("next month", EN, "2026-12-21"),
        ("5/6", EN, "2027-05-06"),
        ("25/12/2026", EN, "2026-12-25"),
        ("2027-01-02", Language::Other, "2027-01-02"),
        ("February 29", EN, "2028-02-29"),
    ] {
        assert_eq!(hear_date(text, language, today).map(|d| d.to_string()).as_deref(), Some(date), "{text}");
    }
    for (text, language) in
        [("hello", EN), ("", ID), ("February 30", EN), ("twelve", EN), ("99/99/2026", EN), ("satu", ID)]
    {
        assert_eq!(hear_date(text, language, today), None, "{text}");
    }
}

#[test]
fn spoken_times_are_understood() {
    for (text, language, time) in [
        ("half past two", EN, "14:30"),
        ("quarter to ten", EN, "09:45"),
        ("ten past nine", EN, "09:10"),
        ("two thirty", EN, "14:30"),
        ("nine oh five", EN, "09:05"),
        ("9 a.m.", EN, "09:00"),
        ("at 2 pm", EN, "14:00"),
        ("twelve a.m.", EN, "00:00"),
        ("eight in the evening", EN, "20:00"),
        ("nine o'clock in the morning", EN, "09:00"),
        ("noon", EN, "12:00"),
        ("midnight", EN, "00:00"),
        ("2:30", EN, "14:30"),
        ("02:30", EN, "02:30"),
        ("fourteen thirty", EN, "14:30"),
        ("on the 5th at 3 pm", EN, "15:00"),
        ("jam dua siang", ID, "14:00"),
        ("jam setengah tiga", ID, "14:30"),
        ("jam sembilan pagi", ID, "09:00"),
        ("pukul empat belas tiga puluh", ID, "14:30"),
        ("jam tujuh malam", ID, "19:00"),
        ("jam dua belas malam", ID, "00:00"),
        ("jam sembilan lewat lima belas", ID, "09:15"),
        ("jam sepuluh kurang seperempat", ID, "09:45"),
        ("jam 14.30", ID, "14:30"),
        ("dua puluh tiga puluh", ID, "20:30"),
        ("tengah hari", ID, "12:00"),
        ("jam empat sore", ID, "16:00"),
        ("15:45", Language::Other, "15:45"),
    ] {
        assert_eq!(hear_time(text, language).map(|t| t.to_string()).as_deref(), Some(time), "{text}");
    }
    for (text, language) in [("hello", EN), ("ninety nine", EN), ("", ID)] {
        assert_eq!(hear_time(text, language), None, "{text}");
    }
}

#[test]
fn yes_and_no_are_understood() {
    for (text, language, answer) in [
        ("yes please", EN, Some(true)),
        ("yeah that's right", EN, Some(true)),
        ("no", EN, Some(false)),
        ("i'm not sure yes", EN, Some(false)),
        ("no problem", EN, Some(true)),
        ("hello", EN, None),
        ("know", EN, None),
        ("ya betul", ID, Some(true)),
        ("tidak bisa", ID, Some(false)),
        ("nggak", ID, Some(false)),
        ("tidak apa apa", ID, Some(true)),
        ("halo", ID, None),
    ] {
        assert_eq!(hear_yes_no(text, language), answer, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn whatever_is_said_is_understood_or_not_without_a_panic(
        text in "([a-z]{1,8}|[0-9:./,-]{1,12}|dua|puluh|ratus|juta|setengah|koma|minus|twenty|hundred|may|next|past|to| ){0,24}|\\PC{0,60}"
    ) {
        let today = LocalTime::default().date;
        for language in [EN, ID, Language::Other] {
            hear_number(&text, language);
            hear_digits(&text, language);
            hear_date(&text, language, today);
            hear_time(&text, language);
            hear_yes_no(&text, language);
            Figure::written(&text, language);
        }
    }
}
