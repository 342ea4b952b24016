//! Numbers as people, spreadsheets, clients and carriers write them.

mod beside;

use proptest::prelude::*;

use super::*;

fn country(text: &str) -> Option<Country> {
    Some(text.parse().unwrap())
}

fn dialled(text: &str, country: Option<Country>) -> String {
    match read(text, country) {
        Ok(number) => number.as_str().to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_zero_in_brackets_behind_the_country_code_is_not_dialled() {
    for (written, expected) in [
        ("tel:+44 (0)20 7946 0019", "+442079460019"),
        ("+44(0)20-7946-0019", "+442079460019"),
        ("0044 (0) 20 7946 0019", "+442079460019"),
        ("44 (0)20 7946 0019", "+442079460019"),
        ("+44 (020) 7946 0019", "+442079460019"),
        ("(+44) (0) 20 7946 0019", "+442079460019"),
        ("+44 [0] 20 7946 0019", "+442079460019"),
        ("+44 0 20 7946 0019", "+442079460019"),
        ("+49 (0)30 901820", "+4930901820"),
        ("+49 (0)30/901820", "+4930901820"),
        ("+33 (0)1 42 68 53 00", "+33142685300"),
        ("+62 (0)812-3456-901", "+628123456901"),
        ("+62 0812 3456 901", "+628123456901"),
        ("+61 (0)2 9374 4000", "+61293744000"),
        ("+31 (0)20 551 7525", "+31205517525"),
        // Where no zero is dropped, it belongs to the number.
        ("+39 (0)6 6982 1234", "+390669821234"),
        ("+39 06 6982 1234", "+390669821234"),
        // No plan has these; the zero goes all the same.
        ("+62 (0)815550001", "+62815550001"),
        ("+1 (0) 202 555 0123", "+12025550123"),
    ] {
        assert_eq!(dialled(written, None), expected, "{written}");
    }
}

#[test]
fn the_context_of_a_local_number_is_applied_and_other_parameters_are_named() {
    let read = |text| read(text, None).unwrap().into_parts();
    for (written, expected, ignored) in [
        ("tel:0812345678;phone-context=+62", "+62812345678", vec![]),
        ("tel:812345678;phone-context=+62", "+62812345678", vec![]),
        ("tel:628123456901;phone-context=+62", "+628123456901", vec![]),
        ("tel:020-7946-0019;phone-context=+44", "+442079460019", vec![]),
        ("tel:5550100;phone-context=+62-21", "+62215550100", vec![]),
        ("tel:1234;phone-context=+1-914-555", "+19145551234", vec![]),
        ("tel:8123456901;phone-context=62", "+628123456901", vec![]),
        ("TEL:+62812345678;PHONE-CONTEXT=+1", "+62812345678", vec![]),
        ("tel:0812345678;phone-context=example.com", "0812345678", vec![";phone-context"]),
        ("tel:+62812345678;ext=12;postd=pp22;isub=7", "+62812345678", vec![";ext", ";postd", ";isub"]),
        ("tel:+62812345678;npdi;rn=+1", "+62812345678", vec![";npdi", ";rn"]),
        ("sip:+62812345678@carrier.example;user=phone", "+62812345678", vec!["@carrier.example"]),
        ("sip:0812345678;phone-context=+62@x:5060", "+62812345678", vec!["@x:5060"]),
        ("tel:%2B62812345678", "+62812345678", vec![]),
        ("+62 21 555 0100 ext. 12", "+62215550100", vec![";ext"]),
        ("+62215550100x12", "+62215550100", vec![";ext"]),
        ("(021) 555-0100 #12", "0215550100", vec![";ext"]),
    ] {
        let ignored: Vec<String> = ignored.into_iter().map(str::to_owned).collect();
        assert_eq!(read(written), (expected.to_owned(), ignored), "{written}");
    }
}

#[test]
fn signs_that_nobody_sees_and_those_of_typographers_are_taken() {
    for written in [
        "+62\u{a0}812\u{a0}3456\u{a0}901",
        "\u{feff}+62812\u{200b}3456901",
        "\u{202a}+62 812-3456-901\u{202c}",
        "+62\u{2011}812\u{2011}3456\u{2010}901",
        "+62 812 – 3456 — 901",
        "+62\u{2009}812\u{202f}3456\u{3000}901",
        "\u{2212}".replace('\u{2212}', "+628123456901").as_str(),
        "+62 812\u{2212}3456\u{2012}901",
        "＋６２　８１２（３４５６）９０１",
        "+62\u{ad}812 3456 901",
        "+٦٢٨١٢٣٤٥٦٩٠١",
        "+62.812.3456.901",
        "+62·812·3456·901",
        "=\"+628123456901\"",
        "'+628123456901",
        "  +62 812 3456 901\t",
        "00628123456901",
        "00 62 812 3456 901",
    ] {
        assert_eq!(dialled(written, None), "+628123456901", "{written:?}");
    }
}

#[test]
fn what_a_spreadsheet_has_made_of_a_number_is_refused_with_its_cause() {
    for (written, cause) in [
        ("6281234567013.0", "decimal"),
        ("6281234567013,0", "decimal"),
        ("6281234567013.00", "decimal"),
        ("+6281234567013.0", "decimal"),
        ("62 812 3456 7013.0", "decimal"),
        ("tel:6281234567013.0", "decimal"),
        ("81234567013.5", "decimal"),
        ("6.28E+11", "power of ten"),
        ("6,28E+11", "power of ten"),
        ("6.281234567013e12", "power of ten"),
        ("6,281,234,567,013", "commas"),
        ("+6281234567013/+6281234567014", "two numbers"),
        ("0812 3456 7013 / 0813 4567 8901", "two numbers"),
        ("081234567013, 081345678901", "two numbers"),
        ("081234567013;081345678901", "two numbers"),
        ("081234567013 or 081345678901", "two numbers"),
        ("081234567013 atau 081345678901", "two numbers"),
        ("081234567013\n081345678901", "two numbers"),
        ("+6281234567013 +6281345678901", "two numbers"),
        ("08123456 08134567", "two numbers"),
        ("021 555 0100/01", "two numbers"),
        ("0812 3456 7013 0813 4567", "two numbers"),
        ("12345678901234567890", "no number has more than 15"),
        ("mailto:a@b", "use tel: or sip:"),
        ("+0812345678", "+0"),
        ("12", "3 to 15 digits"),
        ("", "3 to 15 digits"),
        ("+", "3 to 15 digits"),
        ("call me", "3 to 15 digits"),
        ("12a34", "3 to 15 digits"),
        ("#NAME?", "3 to 15 digits"),
        ("+62812+345678", "two numbers"),
        ("sip:alice@example.com", "3 to 15 digits"),
    ] {
        let told = dialled(written, None);
        assert!(told.contains(cause), "{written}: {told}");
    }
    for (written, kept) in
        [("030/901820", "030901820"), ("01.42.68.53.00", "0142685300"), ("555.0100", "5550100")]
    {
        assert_eq!(dialled(written, None), kept);
    }
}

#[test]
fn a_national_number_belongs_to_the_country_that_is_known() {
    for (written, land, expected) in [
        ("08123456901", "ID", "+628123456901"),
        ("0812-3456-901", "62", "+628123456901"),
        ("8123456901", "+62", "+628123456901"),
        ("628123456901", "ID", "+628123456901"),
        ("00628123456901", "ID", "+628123456901"),
        ("+628123456901", "US", "+628123456901"),
        ("011 62 812 3456 901", "US", "+628123456901"),
        ("(202) 555-0123", "US", "+12025550123"),
        ("1-202-555-0123", "us", "+12025550123"),
        ("020 7946 0019", "UK", "+442079460019"),
        ("06 6982 1234", "IT", "+390669821234"),
        ("8 (812) 123-45-67", "RU", "+78121234567"),
        ("06 1 234 5678", "HU", "+3612345678"),
        ("0815550001", "ID", "+62815550001"),
        ("4930901820", "ID", "+4930901820"),
        // Short codes stay what they are.
        ("110", "ID", "110"),
        ("911", "US", "911"),
        ("1500678", "ID", "1500678"),
    ] {
        assert_eq!(dialled(written, country(land)), expected, "{written} in {land}");
    }
}

#[test]
fn without_a_country_a_national_number_stays_as_it_is() {
    for (written, kept) in [
        ("0812-3456", "08123456"),
        ("628123456901", "628123456901"),
        ("911234567890", "911234567890"),
        ("+15550001", "+15550001"),
        ("123", "123"),
        ("0011 62 812", "001162812"),
    ] {
        assert_eq!(dialled(written, None), kept, "{written}");
    }
}

#[test]
fn one_number_has_one_key_in_every_spelling() {
    let land = country("62");
    for written in
        ["+628123456901", "tel:00628123456901", "08123456901", "62 812 3456 901", "+62 (0)812 3456 901"]
    {
        assert_eq!(key(written, land), "628123456901", "{written}");
    }
    assert!(same("+628123456901", "628123456901", None));
    // Of numbers, too, that no plan has.
    assert!(same("+6221", "00 6221", None));
    assert!(!same("", "", None) && !same("anonymous", "", None));
    for (beginning, expected) in [("+6221", "6221"), ("0062 21", "6221"), ("021", "6221"), ("6221", "6221")] {
        assert_eq!(key_of_beginning(beginning, land), expected, "{beginning}");
    }
    assert_eq!(key_of_beginning("021", None), "021");
}

#[test]
fn a_country_is_named_by_letters_or_by_its_code() {
    for text in ["ID", "id", "62", "+62", " ID "] {
        assert_eq!(text.parse::<Country>().unwrap().to_string(), "ID");
    }
    assert_eq!(
        ("UK".parse::<Country>().unwrap().calling_code(), "1".parse::<Country>().unwrap().to_string()),
        (44, "US".into())
    );
    for text in ["", "XX", "Indonesia", "999", "0", "62812", "001", "800"] {
        assert!(text.parse::<Country>().is_err(), "{text}");
    }
    assert_eq!(
        serde_json::from_str::<Country>("62").unwrap(),
        serde_json::from_str::<Country>("\"ID\"").unwrap()
    );
}

#[test]
fn the_code_of_the_country_is_never_put_before_itself() {
    for (written, land, expected) in [
        // Both are numbers that there could be.
        ("62215550100", "ID", "may be +62215550100 or +6262215550100"),
        ("62-21-5550100", "62", "may be +62215550100 or"),
        ("6221 5550100", "ID", "may be"),
        ("62315550100", "ID", "may be"),
        ("62224201234", "ID", "may be"),
        ("6221555010", "ID", "may be"),
        ("tel:62215550100;phone-context=+62", "ID", "may be"),
        ("4915123456789", "DE", "may be +4915123456789 or"),
        ("491701234567", "DE", "may be"),
        ("04915123456789", "DE", "may be"),
        // Only one of them is.
        ("628123456901", "ID", "+628123456901"),
        ("622155501001", "ID", "+622155501001"),
        ("0628123456901", "ID", "+628123456901"),
        ("919812345678", "IN", "+919812345678"),
        ("0919812345678", "IN", "+919812345678"),
        ("9198765432", "IN", "+919198765432"),
        ("3912345678", "IT", "+393912345678"),
        ("12125550123", "US", "+12125550123"),
        ("79123456789", "RU", "+79123456789"),
        ("442079460019", "GB", "+442079460019"),
        ("6561234567", "SG", "+6561234567"),
        ("065 61234567", "SG", "is no number of SG"),
        // As it is dialled within the country.
        ("0491 9791500", "DE", "+494919791500"),
        ("0622 7550100", "ID", "+626227550100"),
        ("021 5550100", "ID", "+62215550100"),
        ("612345678901234", "ID", "is no number of ID"),
    ] {
        let told = dialled(written, country(land));
        assert!(told.contains(expected), "{written} in {land}: {told}");
    }
}

#[test]
fn a_call_abroad_begins_as_it_does_in_each_country() {
    for (written, land, expected) in [
        ("001 62 8123456901", "KR", "+628123456901"),
        ("002 62 8123456901", "KR", "+628123456901"),
        ("00700 62 8123456901", "KR", "+628123456901"),
        ("002 1 212 555 0123", "KR", "+12125550123"),
        ("001 62 8123456901", "SG", "+628123456901"),
        ("001 62 8123456901", "HK", "+628123456901"),
        ("001 62 8123456901", "TH", "+628123456901"),
        ("001 1 212 555 0123", "TH", "+12125550123"),
        ("001 1 212 555 0123", "ID", "+12125550123"),
        ("007 62 812 3456901", "ID", "+628123456901"),
        ("008 1 212 555 0123", "ID", "+12125550123"),
        ("009 65 6123 4567", "ID", "+6561234567"),
        ("0011 62 812 3456901", "AU", "+628123456901"),
        ("010 62 812 3456901", "JP", "+628123456901"),
        ("810 62 812 3456901", "RU", "+628123456901"),
        ("0021 1 212 555 0123", "BR", "+12125550123"),
        // The prefix of most countries is written out of habit.
        ("00 62 812 3456901", "ID", "+628123456901"),
        ("00 62 812 3456901", "US", "+628123456901"),
        ("0049 (0)30 901820", "KR", "+4930901820"),
        // What follows is no number.
        ("001 62 812", "ID", "begins like a call abroad from ID"),
        ("0015 62 8123456901", "ID", "begins like"),
        ("011 999 1234567", "US", "begins like"),
        ("0011 62 812 345690", "GB", "begins like"),
        ("00 62 812", "GB", "too short for a number of +62"),
        ("00 999 1234567", "GB", "begins like a call abroad from GB"),
    ] {
        let told = dialled(written, country(land));
        assert!(told.contains(expected), "{written} in {land}: {told}");
    }
}

#[test]
fn a_number_belongs_to_a_country_that_there_is_and_is_as_long_as_its_numbers() {
    for (written, cause) in [
        ("+999 1234567", "starts with +999…, and no country"),
        ("+210 1234567", "no country has such a code"),
        ("+8 912 345 67 89", "no country has such a code"),
        ("00 62 812", "too short for a number of +62"),
        ("+1 212 555 01234", "too long for a number of +1: +121255501234"),
        ("+1 628 123456901", "too long"),
        ("001 62 8123456901", "or +628123456901"),
        ("+65 12345", "too short for a number of +65"),
        ("+62 812", "too short"),
        ("+1 555", "too short"),
    ] {
        let told = dialled(written, None);
        assert!(told.contains(cause), "{written}: {told}");
    }
    // Of tests, or within one area.
    for number in
        ["+62215550100", "+12125550123", "+15550001", "+6221555010", "+442079460019", "+870773111632"]
    {
        assert_eq!(dialled(number, None), number);
    }
}

#[test]
fn dates_times_and_amounts_are_no_numbers() {
    for (written, cause) in [
        ("2026-11-29", "date"),
        ("29.11.2026", "date"),
        ("29-11-2026", "date"),
        ("11/29/2026", "date"),
        ("2026/11/29", "date"),
        ("29.11.26", "date"),
        ("2026-11", "date"),
        ("12.30", "time of day or an amount"),
        ("12:30", "time of day or an amount"),
        ("23.59.59", "time of day or an amount"),
        ("250.000", "amount"),
        ("250.000.000", "amount"),
        ("1.250.000", "amount"),
        ("99.95", "amount"),
        ("1250.50", "amount"),
        ("2026-11-29 14:30", "3 to 15 digits"),
        ("1.250.000,00", "3 to 15 digits"),
        ("Rp 250.000", "3 to 15 digits"),
    ] {
        let told = dialled(written, None);
        assert!(told.contains(cause), "{written}: {told}");
    }
    for (written, kept) in [
        ("021.555.010", "021555010"),
        ("212.555.0123", "2125550123"),
        ("+34.612.345.678", "+34612345678"),
        ("555-0199", "5550199"),
        ("020-7946-0019", "02079460019"),
        ("02-2026-1234", "0220261234"),
        ("15", "is not a phone number: 3 to 15 digits, with the country code, are needed"),
    ] {
        assert_eq!(dialled(written, None), kept);
    }
}

#[test]
fn two_numbers_side_by_side_are_two() {
    for written in [
        "5550100 5550101",
        "5550100-5550101",
        "5550100.5550101",
        "555 0100 555 0101",
        "555-0100 555-0101",
        "555-0100-555-0101",
        "555010 555011",
        "021 555 01 00 - 03",
        "021 5550100 - 0103",
        "5550100 - 5550101",
    ] {
        for land in [None, country("62")] {
            let told = dialled(written, land);
            assert!(told.contains("two numbers"), "{written}: {told}");
        }
    }
    for (written, kept) in [
        ("98765 43210", "9876543210"),
        ("0812 3456 7890", "081234567890"),
        ("06 12 34 56 78", "0612345678"),
        ("0812 3456 - 789", "08123456789"),
        ("030 123456-78", "03012345678"),
        ("612 345 612", "612345612"),
        ("+6281234 5678901", "+62812345678901"),
    ] {
        assert_eq!(dialled(written, None), kept);
    }
}

#[test]
fn a_country_is_understood_as_people_write_it_in_tables() {
    for (land, texts) in [
        (
            "GB",
            ["United Kingdom", "GBR", "0044", "+44", "44", "uk", "Inggris", " Great  Britain "].as_slice(),
        ),
        ("US", &["USA", "U.S.A.", "United States", "us", "1", "+1", "001", "Amerika Serikat", "U.S."]),
        ("DE", &["Deutschland", "GERMANY", "DEU", "49", "Jerman"]),
        ("ID", &["Indonesia", "IDN", "62", "+62", "0062", "id"]),
        ("AT", &["Österreich", "Oesterreich", "AUT"]),
        ("ES", &["España", "Spain"]),
        ("CI", &["Côte d'Ivoire", "Ivory Coast"]),
        ("NL", &["Netherlands", "The Netherlands", "Nederland", "Belanda"]),
        ("TR", &["Türkiye", "Turkey"]),
        ("KR", &["South Korea", "Korea, Republic of", "한국", "KOR"]),
        ("JP", &["日本", "Jepang"]),
        ("TH", &["ไทย", "Thailand"]),
        ("IN", &["India", "भारत"]),
    ] {
        for text in texts {
            assert_eq!(Country::named(text).map(|country| country.to_string()), Ok(land.into()), "{text}");
        }
    }
    for text in ["", "xx", "Wakanda", "999", "0", "South", "12345", "+", "ZZZ", "United"] {
        assert!(Country::named(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn a_number_that_was_read_stays_as_it_is(
        text in "[+0]{0,2}[0-9() ./;=x-]{0,24}|.{0,30}", land in "ID|US|GB|IT|AR|MX|RU|DE|BR|HU",
    ) {
        for land in [None, country(&land)] {
            if let Ok(number) = read(&text, land) {
                let again = read(number.as_str(), land).unwrap();
                prop_assert_eq!(again.as_str(), number.as_str());
                let plain = number.as_str().strip_prefix('+').unwrap_or(number.as_str());
                prop_assert!(plain.bytes().all(|b| b.is_ascii_digit()) && (3..=15).contains(&plain.len()));
                prop_assert_eq!(key(number.as_str(), land), plain);
            }
        }
    }

    #[test]
    fn a_number_ends_in_the_digits_it_was_written_with(digits in "[1-9][0-9]{6,11}", code in "62|44|49|1|39|81") {
        for written in [format!("+{code}{digits}"), format!("00{code} {digits}"), format!("+{code} (0){digits}")] {
            if let Ok(number) = read(&written, None) {
                prop_assert!(number.as_str().ends_with(&digits[digits.len() - 4..]), "{} {}", written, number.as_str());
            }
        }
    }
}
