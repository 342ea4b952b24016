//! Amounts of money as words.

use super::Tongue;
use super::figure::Figure;
use super::say::cardinal;

/// What a currency is called. Minor units are hundredths; a currency without them is rounded to whole units.
struct Currency {
    code: &'static str,
    /// One and many.
    english: [&'static str; 2],
    indonesian: &'static str,
    /// One and many in English, and in Indonesian.
    minor: Option<[&'static str; 3]>,
}

const CENTS: Option<[&str; 3]> = Some(["cent", "cents", "sen"]);

const CURRENCIES: [Currency; 14] = [
    Currency { code: "IDR", english: ["rupiah", "rupiah"], indonesian: "rupiah", minor: None },
    Currency { code: "USD", english: ["dollar", "dollars"], indonesian: "dolar", minor: CENTS },
    Currency { code: "EUR", english: ["euro", "euros"], indonesian: "euro", minor: CENTS },
    Currency {
        code: "GBP",
        english: ["pound", "pounds"],
        indonesian: "pound",
        minor: Some(["penny", "pence", "pence"]),
    },
    Currency {
        code: "SGD",
        english: ["Singapore dollar", "Singapore dollars"],
        indonesian: "dolar Singapura",
        minor: CENTS,
    },
    Currency {
        code: "MYR",
        english: ["ringgit", "ringgit"],
        indonesian: "ringgit",
        minor: Some(["sen", "sen", "sen"]),
    },
    Currency {
        code: "AUD",
        english: ["Australian dollar", "Australian dollars"],
        indonesian: "dolar Australia",
        minor: CENTS,
    },
    Currency {
        code: "CHF",
        english: ["franc", "francs"],
        indonesian: "franc Swiss",
        minor: Some(["centime", "centimes", "sen"]),
    },
    Currency { code: "JPY", english: ["yen", "yen"], indonesian: "yen", minor: None },
    Currency {
        code: "CNY",
        english: ["yuan", "yuan"],
        indonesian: "yuan",
        minor: Some(["fen", "fen", "fen"]),
    },
    Currency {
        code: "INR",
        english: ["rupee", "rupees"],
        indonesian: "rupee",
        minor: Some(["paisa", "paise", "paise"]),
    },
    Currency {
        code: "THB",
        english: ["baht", "baht"],
        indonesian: "baht",
        minor: Some(["satang", "satang", "satang"]),
    },
    Currency {
        code: "PHP",
        english: ["peso", "pesos"],
        indonesian: "peso",
        minor: Some(["centavo", "centavos", "sen"]),
    },
    Currency { code: "VND", english: ["dong", "dong"], indonesian: "dong", minor: None },
];

/// The codes (ISO 4217) of the currencies that can be spoken.
pub(in super::super) const CODES: [&str; 14] =
    ["IDR", "USD", "EUR", "GBP", "SGD", "MYR", "AUD", "CHF", "JPY", "CNY", "INR", "THB", "PHP", "VND"];

/// What many units of a currency are called.
pub(super) fn currency_name(code: &str, tongue: Tongue) -> Option<&'static str> {
    let currency = CURRENCIES.iter().find(|currency| currency.code == code)?;
    Some(if tongue == Tongue::Indonesian { currency.indonesian } else { currency.english[1] })
}

/// An amount with its currency: `two dollars and fifty cents`, `dua ratus lima puluh ribu rupiah`. In a
/// language that is not known here: figures and the code.
pub(in super::super) fn spoken_money(amount: &Figure, code: &str, tongue: Tongue) -> Option<String> {
    let currency = CURRENCIES.iter().find(|currency| currency.code == code)?;
    let (whole, cents) = amount.rounded(if currency.minor.is_some() { 2 } else { 0 });
    let zero = whole == 0 && cents == 0;
    let minus = amount.minus && !zero;
    if tongue == Tongue::Other {
        let sign = if minus { "-" } else { "" };
        let cents = if cents > 0 { format!(".{cents:02}") } else { String::new() };
        return Some(format!("{sign}{whole}{cents} {code}"));
    }
    let english = tongue == Tongue::English;
    let mut parts = Vec::new();
    if whole > 0 || zero {
        let [one, many] = currency.english;
        let name = match (english, whole) {
            (false, _) => currency.indonesian,
            (true, 1) => one,
            (true, _) => many,
        };
        parts.push(format!("{} {name}", cardinal(whole, tongue)));
    }
    if let Some([one, many, indonesian]) = currency.minor.filter(|_| cents > 0) {
        let name = match (english, cents) {
            (false, _) => indonesian,
            (true, 1) => one,
            (true, _) => many,
        };
        parts.push(format!("{} {name}", cardinal(cents, tongue)));
    }
    let spoken = parts.join(if english { " and " } else { " " });
    Some(if minus { format!("minus {spoken}") } else { spoken })
}
