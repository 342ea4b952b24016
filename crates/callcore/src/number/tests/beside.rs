//! What is written beside a number, and numbers that wait for their country.

use super::super::*;
use super::{country, dialled};

#[test]
fn digits_beside_a_number_are_never_dialled_with_it() {
    for (written, cause) in [
        ("0812 3456 901 (1)", "has \"(1)\" beside the number"),
        ("0812 3456 901 (12)", "has \"(12)\""),
        ("0812-3456-901 (0)", "has \"(0)\""),
        ("0812-3456-901 (0812 3456 902)", "beside the number"),
        ("+62 812 3456 901 [2]", "has \"(2)\""),
        ("0812-3456-901 1", "has \"1\""),
        ("0812.3456.901 02", "has \"02\""),
        ("1. 0812 3456 901", "has \"1.\""),
        ("2) +62 812 3456 901", "has \"2)\""),
        ("(1) 0812 3456 901", "has \"(1)\""),
        ("0812345678-79", "two numbers"),
        ("0812 345678-9", "two numbers"),
        ("021 555 0100-0103", "two numbers"),
        ("0812345 081345", "two numbers"),
        ("030 12345 0301", "two numbers"),
        ("110/112", "two numbers"),
        ("110 112", "two numbers"),
        ("911-112", "two numbers"),
        ("0830-1700", "time of day"),
        ("09.00-17.00", "time of day"),
        ("9.00 – 17.00", "time of day"),
        ("0830 1700", "time of day"),
        ("3.14159", "amount"),
        ("-6.2088", "amount"),
        ("0.5772156", "amount"),
        ("127.0.0.1", "address of a computer"),
        ("8.8.8.8", "address of a computer"),
        ("1.2.3", "address of a computer"),
    ] {
        for land in [None, country("ID"), country("DE")] {
            let told = dialled(written, land);
            assert!(told.contains(cause), "{written}: {told}");
        }
    }
    for (written, land, expected) in [
        ("030/12345-0", "DE", "+4930123450"),
        ("030 901820-0", "DE", "+49309018200"),
        ("030 123456-78", "DE", "+493012345678"),
        ("0812-345-678", "ID", "+62812345678"),
        ("0812 3456 0812", "ID", "+62812345608 12"),
        ("0812-3456-3457", "ID", "+6281234563457"),
        ("(021) (5550100)", "ID", "+62215550100"),
        ("+62 21 (5550100)", "ID", "+62215550100"),
        ("(62) 0812 3456 901", "ID", "+628123456901"),
        ("01.42.68.53.54", "FR", "+33142685354"),
        ("1.800.555.0199", "US", "+18005550199"),
        ("06.1.234.5678", "HU", "+3612345678"),
    ] {
        assert_eq!(dialled(written, country(land)), expected.replace(' ', ""), "{written}");
    }
}

#[test]
fn a_prefix_of_two_or_three_digits_is_not_guessed_without_a_country() {
    for written in ["007 65 6123 4567", "001 62 812 3456 901"] {
        let told = dialled(written, None);
        assert!(told.contains("may be +"), "{written}: {told}");
    }
    assert_eq!(dialled("007 495 123 45 67", None), "+74951234567");
    assert_eq!(dialled("0044 20 7946 0958", None), "+442079460958");
}

#[test]
fn strokes_quotes_and_forms_of_yesterday_are_taken() {
    for (written, land, expected) in [
        ("+62/812/3456901", None, "+628123456901"),
        ("0062/812/3456901", None, "+628123456901"),
        ("(0062) 812 3456 901", None, "+628123456901"),
        ("(0062) 812 3456 901", Some("ID"), "+628123456901"),
        ("\u{201c}+62 812 3456 901\u{201d}", None, "+628123456901"),
        ("\u{2018}08123456901\u{2019}", Some("ID"), "+628123456901"),
        ("+62 812 3456 901,", None, "+628123456901"),
        ("\"0812 3456 901\";", Some("ID"), "+628123456901"),
        ("+52 1 55 1234 5678", None, "+525512345678"),
        ("0052 1 55 1234 5678", None, "+525512345678"),
        ("+52 55 1234 5678", None, "+525512345678"),
    ] {
        assert_eq!(dialled(written, land.and_then(country)), expected, "{written}");
    }
}

#[test]
fn a_spelling_waits_for_its_country() {
    for (written, land, expected) in [
        ("007 65 6123 4567", "ID", "+6561234567"),
        ("008 65 6123 4567", "ID", "+6561234567"),
        ("001 65 9123 4567", "SG", "+6591234567"),
        ("005 65 6123 4567", "KR", "+6561234567"),
        ("002 1 212 555 0123", "TW", "+12125550123"),
        ("011 44 (0)20 7946 0958", "US", "+442079460958"),
        ("007 62 8123456901", "ID", "+628123456901"),
        ("00700 62 8123456901", "KR", "+628123456901"),
    ] {
        let spelling = Spelling::read(written).unwrap();
        assert!(!spelling.names_country());
        let number = spelling.at_home(country(land)).unwrap();
        assert_eq!(number.as_str(), expected, "{written} in {land}");
    }
    let two = Spelling::read("00862812345678").unwrap().at_home(country("ID"));
    assert!(matches!(two, Err(BadNumber::TwoReadings { .. })), "{two:?}");
    assert!(Spelling::read("tel:0812345678;phone-context=+62").unwrap().names_country());
    assert!(Spelling::read("12 34").is_ok() && Spelling::read("12").is_err());
}
