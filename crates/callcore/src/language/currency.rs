//! Currencies: their codes, what they are called, and whether they have cents.

use super::tag::Language;

/// What a currency is called. Minor units are hundredths; a currency without them, by law or because nobody uses
/// them, is rounded to whole units.
pub(super) struct Currency {
    code: &'static str,
    /// One and many.
    pub(super) english: [&'static str; 2],
    pub(super) indonesian: &'static str,
    pub(super) minor: Minor,
}

/// One and many in English, and in Indonesian.
type Minor = Option<[&'static str; 3]>;

const CENTS: Minor = Some(["cent", "cents", "sen"]);
const NONE: Minor = None;

const fn named(
    code: &'static str,
    english: [&'static str; 2],
    indonesian: &'static str,
    minor: Minor,
) -> Currency {
    Currency { code, english, indonesian, minor }
}

const CURRENCIES: [Currency; 44] = [
    named("IDR", ["rupiah", "rupiah"], "rupiah", NONE),
    named("USD", ["dollar", "dollars"], "dolar", CENTS),
    named("EUR", ["euro", "euros"], "euro", CENTS),
    named("GBP", ["pound", "pounds"], "pound", Some(["penny", "pence", "pence"])),
    named("SGD", ["Singapore dollar", "Singapore dollars"], "dolar Singapura", CENTS),
    named("MYR", ["ringgit", "ringgit"], "ringgit", Some(["sen", "sen", "sen"])),
    named("AUD", ["Australian dollar", "Australian dollars"], "dolar Australia", CENTS),
    named("CHF", ["franc", "francs"], "franc Swiss", Some(["centime", "centimes", "sen"])),
    named("JPY", ["yen", "yen"], "yen", NONE),
    named("CNY", ["yuan", "yuan"], "yuan", Some(["fen", "fen", "fen"])),
    named("INR", ["rupee", "rupees"], "rupee", Some(["paisa", "paise", "paise"])),
    named("THB", ["baht", "baht"], "baht", Some(["satang", "satang", "satang"])),
    named("PHP", ["peso", "pesos"], "peso", Some(["centavo", "centavos", "sen"])),
    named("VND", ["dong", "dong"], "dong", NONE),
    named("KRW", ["won", "won"], "won", NONE),
    named("TWD", ["Taiwan dollar", "Taiwan dollars"], "dolar Taiwan", NONE),
    named("HKD", ["Hong Kong dollar", "Hong Kong dollars"], "dolar Hong Kong", CENTS),
    named("CAD", ["Canadian dollar", "Canadian dollars"], "dolar Kanada", CENTS),
    named("NZD", ["New Zealand dollar", "New Zealand dollars"], "dolar Selandia Baru", CENTS),
    named("CLP", ["Chilean peso", "Chilean pesos"], "peso Chili", NONE),
    named("COP", ["Colombian peso", "Colombian pesos"], "peso Kolombia", NONE),
    named("PYG", ["guarani", "guaranies"], "guarani", NONE),
    named("ISK", ["krona", "kronur"], "krona Islandia", NONE),
    named("HUF", ["forint", "forints"], "forint", NONE),
    named("LAK", ["kip", "kip"], "kip", NONE),
    named("KHR", ["riel", "riels"], "riel", NONE),
    named("MMK", ["kyat", "kyats"], "kyat", NONE),
    named("UGX", ["Ugandan shilling", "Ugandan shillings"], "shilling Uganda", NONE),
    named("RWF", ["Rwandan franc", "Rwandan francs"], "franc Rwanda", NONE),
    named("XOF", ["CFA franc", "CFA francs"], "franc CFA", NONE),
    named("XAF", ["CFA franc", "CFA francs"], "franc CFA", NONE),
    named("BRL", ["real", "reais"], "real Brasil", Some(["centavo", "centavos", "sen"])),
    named("MXN", ["Mexican peso", "Mexican pesos"], "peso Meksiko", Some(["centavo", "centavos", "sen"])),
    named("ZAR", ["rand", "rand"], "rand", CENTS),
    named("AED", ["dirham", "dirhams"], "dirham", Some(["fils", "fils", "fils"])),
    named("SAR", ["riyal", "riyals"], "riyal", Some(["halala", "halalas", "halala"])),
    named("SEK", ["krona", "kronor"], "krona Swedia", Some(["ore", "ore", "ore"])),
    named("NOK", ["krone", "kroner"], "krone Norwegia", Some(["ore", "ore", "ore"])),
    named("DKK", ["krone", "kroner"], "krone Denmark", Some(["ore", "ore", "ore"])),
    named("PLN", ["zloty", "zlotys"], "zloty", Some(["grosz", "groszy", "grosz"])),
    named("CZK", ["koruna", "korunas"], "koruna", Some(["haler", "halers", "haler"])),
    named("TRY", ["lira", "liras"], "lira", Some(["kurus", "kurus", "kurus"])),
    named("RUB", ["ruble", "rubles"], "rubel", Some(["kopeck", "kopecks", "kopek"])),
    named("NGN", ["naira", "naira"], "naira", Some(["kobo", "kobo", "kobo"])),
];

/// The codes (ISO 4217) of the currencies that can be spoken.
pub(crate) const CODES: [&str; 44] = {
    let mut codes = [""; 44];
    let mut at = 0;
    while at < codes.len() {
        codes[at] = CURRENCIES[at].code;
        at += 1;
    }
    codes
};

impl Currency {
    /// The currency of a code.
    pub(super) fn of(code: &str) -> Option<&'static Self> {
        CURRENCIES.iter().find(|currency| currency.code == code)
    }

    /// The code of a currency without cents that goes by this one word: `rupiah`, `yen`.
    pub(super) fn without_cents_named(name: &str) -> Option<&'static str> {
        let called = |currency: &&Self| currency.english.contains(&name) || currency.indonesian == name;
        CURRENCIES
            .iter()
            .filter(|currency| currency.minor.is_none())
            .find(called)
            .map(|currency| currency.code)
    }
}

/// Names of currencies with cents that stand for nothing else behind an amount, one and many.
const NAMES: [(&str, &str); 14] = [
    ("dollar", "USD"),
    ("dollars", "USD"),
    ("dolar", "USD"),
    ("euro", "EUR"),
    ("euros", "EUR"),
    ("pound", "GBP"),
    ("pounds", "GBP"),
    ("rupee", "INR"),
    ("rupees", "INR"),
    ("ringgit", "MYR"),
    ("baht", "THB"),
    ("yuan", "CNY"),
    ("franc", "CHF"),
    ("francs", "CHF"),
];

/// The code of a currency with cents that goes by this one word.
pub(super) fn with_cents_named(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, code)| *code)
}

/// Whether amounts in a currency have cents. Those of an unknown one may.
pub(super) fn has_cents(code: &str) -> bool {
    Currency::of(code).is_none_or(|currency| currency.minor.is_some())
}

/// What many units of a currency are called.
pub(super) fn currency_name(code: &str, language: Language) -> Option<&'static str> {
    let currency = Currency::of(code)?;
    Some(if language == Language::Indonesian { currency.indonesian } else { currency.english[1] })
}
