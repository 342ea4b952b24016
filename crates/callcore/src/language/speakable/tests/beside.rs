//! What stands beside a number decides how it is read: dashes, units, strokes, stops, words.

use super::super::speakable;
use super::each;

#[test]
fn hours_of_opening_are_no_distance_from_utc() {
    each(
        "en",
        &[
            ("Open 9:00-17:00.", "Open nine a.m. to five p.m."),
            ("between 10:00-12:00", "between ten a.m. to noon"),
            ("9:00–17:00 WIB", "nine a.m. to five p.m. western Indonesia time"),
            ("9am-5pm, 9-5pm, 3-5 pm", "nine a.m. to five p.m., nine to five p.m., three to five p.m."),
            ("9 am - 5 pm", "nine a.m. to five p.m."),
            ("9 a.m. - 5 p.m.", "nine a.m. to five p.m."),
            ("14:30+07:00", "two thirty p.m. UTC plus seven"),
            (
                "2026-05-31T14:30:00-05:00",
                "May thirty-first, twenty twenty-six at two thirty p.m. UTC minus five",
            ),
        ],
    );
    each(
        "id",
        &[
            ("Buka 09:00-17:00", "Buka sembilan sampai tujuh belas"),
            ("Buka 09.00-17.00", "Buka sembilan sampai tujuh belas"),
            (
                "Senin - Jumat 08.30 - 16.00",
                "Senin sampai Jumat delapan lewat tiga puluh menit sampai enam belas",
            ),
        ],
    );
}

#[test]
fn a_dash_before_an_amount_is_its_sign() {
    for sign in ["–", "&ndash;", "&#8211;", "\u{2012}", "\u{2212}", "\u{2011}", "\u{ff0d}"] {
        for (language, text, expected) in [
            (
                "en",
                "Your balance is {}Rp 250.000.",
                "Your balance is minus two hundred fifty thousand rupiah.",
            ),
            ("en", "Now {}$250", "Now minus two hundred fifty dollars"),
            ("en", "({}5%)", "(minus five percent)"),
            ("en", "{}USD 5", "minus five dollars"),
            ("id", "Suhu {}1,5", "Suhu minus satu koma lima"),
            ("id", "Saldo {}Rp250.000", "Saldo minus dua ratus lima puluh ribu rupiah"),
        ] {
            assert_eq!(speakable(&text.replace("{}", sign), language), expected, "{text} {sign}");
        }
    }
    each(
        "en",
        &[
            ("You owe - 5 USD", "You owe minus five dollars"),
            ("Your balance is – $5.", "Your balance is minus five dollars."),
            // A sign, or a dash between a thing and its price.
            ("Coffee - $5", "Coffee - $5"),
            ("the total – $50 – is due", "the total fifty dollars is due"),
            ("Paris – a city", "Paris a city"),
        ],
    );
}

#[test]
fn what_stands_between_two_amounts_is_said() {
    each(
        "en",
        &[
            ("Rp 100.000 - Rp 200.000", "one hundred thousand rupiah to two hundred thousand rupiah"),
            ("Rp 100.000-Rp 200.000", "one hundred thousand rupiah to two hundred thousand rupiah"),
            ("Rp 100.000 – 200.000", "one hundred thousand to two hundred thousand rupiah"),
            ("Rp 100.000 –200.000 now", "one hundred thousand to two hundred thousand rupiah now"),
            ("100.000 - 200.000 rupiah", "one hundred thousand to two hundred thousand rupiah"),
            (
                "$100 - $200, $100-$200",
                "one hundred dollars to two hundred dollars, one hundred dollars to two hundred dollars",
            ),
            ("USD 100 - USD 200", "one hundred dollars to two hundred dollars"),
            (
                "100 USD - 200 USD, 5-10 USD",
                "one hundred dollars to two hundred dollars, five to ten dollars",
            ),
            (
                "Total: $100 - $20 = $80",
                "Total: one hundred dollars minus twenty dollars equals eighty dollars",
            ),
            ("100% - 50% = 50%", "one hundred percent minus fifty percent equals fifty percent"),
            ("$200 - $100", "two hundred dollars minus one hundred dollars"),
            ("$900 - $1.2 million", "nine hundred dollars to one point two million dollars"),
            ("$100 - 20%", "one hundred dollars minus twenty percent"),
            (
                "5% - 10%, 5%-10%, 5-10%",
                "five percent to ten percent, five percent to ten percent, five to ten percent",
            ),
            ("$1.5-2.5 million", "one point five to two point five million dollars"),
            ("$5 - 10 million", "five to ten million dollars"),
            ("January 1 - March 3", "January first to March third"),
            ("Monday - Friday, Mon - Fri", "Monday to Friday, Mon to Fri"),
            (
                "5 km - 10 km, 5km-10km",
                "five kilometers to ten kilometers, five kilometers to ten kilometers",
            ),
            ("Flight GA123 - 5 seats", "Flight GA123 five seats"),
            ("Rp 500 - 2 juta", "Rp 500 - 2 juta"),
        ],
    );
    each(
        "id",
        &[
            ("Rp 100.000 - Rp 200.000", "seratus ribu rupiah sampai dua ratus ribu rupiah"),
            ("5 Mei - 7 Juni 2026", "lima Mei sampai tujuh Juni dua ribu dua puluh enam"),
            ("Rp 1-2 juta", "satu sampai dua juta rupiah"),
            ("Rp 100 ribu-200 ribu", "seratus ribu rupiah sampai dua ratus ribu rupiah"),
            ("Rp 100 ribu - Rp 1 juta", "seratus ribu rupiah sampai satu juta rupiah"),
        ],
    );
}

#[test]
fn letters_behind_a_number_are_units_only_where_they_can_be() {
    each(
        "en",
        &[
            ("Our 5G network", "Our 5G network"),
            ("5M people in Room 5L", "5M people in Room 5L"),
            ("Rs 2.5L, ₹2.5L", "two point five lakh rupees, two point five lakh rupees"),
            ("It takes 5h 30m", "It takes five hours thirty minutes"),
            ("1h30m, 2h, 1d 4h", "one hour thirty minutes, two hours, one day four hours"),
            (
                "1 kg, 1kg, 2 kg, 0.5 kg",
                "one kilogram, one kilogram, two kilograms, zero point five kilograms",
            ),
            ("1°C, -5°C", "one degree Celsius, minus five degrees Celsius"),
            ("30m deep, 5 L", "thirty meters deep, five liters"),
        ],
    );
    each("id", &[("Jaringan 5G", "Jaringan 5G"), ("2h 15m", "dua jam lima belas menit")]);
}

#[test]
fn a_comparison_keeps_its_sense() {
    each(
        "en",
        &[
            (">= 5, <= 5, ≥5", "at least five, at most five, at least five"),
            ("<100 USD, >100 USD", "less than one hundred dollars, more than one hundred dollars"),
            ("over > $5", "over more than five dollars"),
            ("<b>100</b> USD", "one hundred dollars"),
            ("5 < 7, 5 >= 3", "five is less than seven, five is at least three"),
        ],
    );
    each("id", &[("<= 5", "paling banyak lima"), (">Rp 5.000", "lebih dari lima ribu rupiah")]);
}

#[test]
fn fractions_have_their_percent_their_currency_and_their_unit() {
    each(
        "en",
        &[
            ("3½%, 5 1/2%, ½%", "three and a half percent, five and a half percent, one half percent"),
            ("a 2 1/2-hour film", "a two and a half hour film"),
            ("$2½ million, $3½", "two and a half million dollars, three and a half dollars"),
            ("22/7", "22/7"),
            ("Valid thru 05/27", "Valid thru May twenty twenty-seven"),
            ("exp 12/28, exp. 05/2027", "exp December twenty twenty-eight, exp. May twenty twenty-seven"),
            ("valid until 05/27", "valid until 05/27"),
        ],
    );
    each(
        "id",
        &[
            ("Rp 3½ juta, Rp ½ juta", "tiga setengah juta rupiah, setengah juta rupiah"),
            ("RT 5/3", "RT lima garis miring tiga"),
            ("RT 05/RW 03", "RT nol lima RW nol tiga"),
            ("RT 005/003", "RT nol nol lima garis miring nol nol tiga"),
            ("No. 5/7", "nomor lima garis miring tujuh"),
            ("Jum'at (5/6)", "Jum'at (lima Juni)"),
            ("tgl 05-06-2026", "tanggal lima Juni dua ribu dua puluh enam"),
            ("tgl 5-6-2026", "tanggal lima Juni dua ribu dua puluh enam"),
        ],
    );
}

#[test]
fn times_with_a_stop_are_times_where_something_tells_so() {
    let half_past_two = "empat belas lewat tiga puluh menit";
    for before in ["pkl.", "hingga", "Kereta", "besok", "Jumat", "hari ini"] {
        let said = speakable(&format!("{before} 14.30 ke Bandung"), "id");
        assert!(said.ends_with(&format!("{half_past_two} ke Bandung")), "{said}");
    }
    each(
        "id",
        &[
            ("besok 09.15", "besok sembilan lewat lima belas menit"),
            ("2.30 siang", "dua lewat tiga puluh menit siang"),
            ("pagi 08.30", "pagi delapan lewat tiga puluh menit"),
            ("14.30 persen, 2.50 kg", "empat belas koma tiga persen, dua koma lima kilogram"),
            ("Nilai 8.50", "Nilai 8.50"),
        ],
    );
}

#[test]
fn thousands_are_grouped_by_spaces_without_a_currency() {
    each(
        "en",
        &[
            ("20 000 people", "twenty thousand people"),
            ("1 000 000 people", "one million people"),
            ("20 000 km", "twenty thousand kilometers"),
            ("Bus 20 250 people", "Bus 20 250 people"),
        ],
    );
}

#[test]
fn numbers_that_are_dialled_and_addresses_keep_all_their_signs() {
    each(
        "en",
        &[
            (
                "Call +44 (0)20 7946 0958",
                "Call plus four four, two zero, seven nine four six, zero nine five eight",
            ),
            ("Call 911 now. Dial 112", "Call nine one one now. Dial one one two"),
            ("Call 250 people", "Call two hundred fifty people"),
            ("1-800-FLOWERS", "one, eight zero zero, FLOWERS"),
            ("bob_smith-2@example.com", "bob underscore smith dash 2 at example dot com"),
            ("C# and F#", "C sharp and F sharp"),
            ("May 5th, 2026", "May fifth, twenty twenty-six"),
            ("5 May 2026", "the fifth of May twenty twenty-six"),
            ("the 5th May", "the fifth of May"),
            ("on May 5, 2026", "on May fifth, twenty twenty-six"),
        ],
    );
}
