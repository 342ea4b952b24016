//! What is written short and said in full, by language.

use super::currency::CODES;
use super::tag::Language;

/// How a short form is written and what is said for it.
type Short = (&'static str, &'static str);

const ENGLISH: [Short; 34] = [
    ("mr.", "Mister"),
    ("mrs.", "Missus"),
    ("dr.", "Doctor"),
    ("prof.", "Professor"),
    ("jr.", "Junior"),
    ("sr.", "Senior"),
    ("approx.", "approximately"),
    ("etc.", "et cetera"),
    ("e.g.", "for example"),
    ("i.e.", "that is"),
    ("vs.", "versus"),
    ("ltd.", "Limited"),
    ("inc.", "Incorporated"),
    ("corp.", "Corporation"),
    ("dept.", "department"),
    ("ave.", "Avenue"),
    ("blvd.", "Boulevard"),
    ("rd.", "Road"),
    ("apt.", "apartment"),
    ("ext.", "extension"),
    ("tel.", "telephone"),
    ("acct.", "account"),
    ("a/c", "account"),
    ("w/o", "without"),
    ("c/o", "care of"),
    ("24/7", "twenty-four seven"),
    ("jan.", "January"),
    ("feb.", "February"),
    ("aug.", "August"),
    ("sept.", "September"),
    ("oct.", "October"),
    ("nov.", "November"),
    ("dec.", "December"),
    ("appt.", "appointment"),
];

const INDONESIAN: [Short; 50] = [
    ("bpk.", "Bapak"),
    ("bpk", "Bapak"),
    ("bp.", "Bapak"),
    ("sdr.", "Saudara"),
    ("sdri.", "Saudari"),
    ("yth.", "yang terhormat"),
    ("dr.", "dokter"),
    ("hj.", "hajah"),
    ("jl.", "Jalan"),
    ("jln.", "Jalan"),
    ("gg.", "Gang"),
    ("kec.", "Kecamatan"),
    ("kab.", "Kabupaten"),
    ("kel.", "Kelurahan"),
    ("tgl.", "tanggal"),
    ("tgl", "tanggal"),
    ("telp.", "telepon"),
    ("hp", "ha pe"),
    ("dgn", "dengan"),
    ("yg", "yang"),
    ("utk", "untuk"),
    ("tdk", "tidak"),
    ("sdh", "sudah"),
    ("blm", "belum"),
    ("krn", "karena"),
    ("pd", "pada"),
    ("dll.", "dan lain-lain"),
    ("dll", "dan lain-lain"),
    ("dsb.", "dan sebagainya"),
    ("dst.", "dan seterusnya"),
    ("spt", "seperti"),
    ("a.n.", "atas nama"),
    ("u.p.", "untuk perhatian"),
    ("d.a.", "dengan alamat"),
    ("d/a", "dengan alamat"),
    ("s.d.", "sampai dengan"),
    ("s/d", "sampai dengan"),
    ("pk.", "pukul"),
    ("pkl.", "pukul"),
    ("pkl", "pukul"),
    ("24/7", "dua puluh empat jam setiap hari"),
    ("tbk.", "terbuka"),
    ("tbk", "terbuka"),
    ("wib", "waktu Indonesia barat"),
    ("wita", "waktu Indonesia tengah"),
    ("wit", "waktu Indonesia timur"),
    ("jan.", "Januari"),
    ("feb.", "Februari"),
    ("okt.", "Oktober"),
    ("des.", "Desember"),
];

/// Said in full only before a number.
const BEFORE_NUMBER_EN: [Short; 3] = [("no.", "number"), ("nos.", "numbers"), ("p.", "page")];
const BEFORE_NUMBER_ID: [Short; 4] =
    [("no.", "nomor"), ("no", "nomor"), ("hlm.", "halaman"), ("ext.", "ekstensi")];

/// Said in full only behind a number.
const UNITS_EN: [Short; 14] = [
    ("km", "kilometers"),
    ("m", "meters"),
    ("cm", "centimeters"),
    ("kg", "kilograms"),
    ("g", "grams"),
    ("l", "liters"),
    ("gb", "gigabytes"),
    ("mb", "megabytes"),
    ("hrs", "hours"),
    ("hr", "hours"),
    ("mins", "minutes"),
    ("min", "minutes"),
    ("°c", "degrees Celsius"),
    ("°f", "degrees Fahrenheit"),
];
const UNITS_ID: [Short; 13] = [
    ("km", "kilometer"),
    ("m", "meter"),
    ("cm", "sentimeter"),
    ("kg", "kilogram"),
    ("g", "gram"),
    ("l", "liter"),
    ("gb", "gigabita"),
    ("mb", "megabita"),
    ("rb", "ribu"),
    ("jt", "juta"),
    ("mnt", "menit"),
    ("°c", "derajat Celsius"),
    ("th", "tahun"),
];

/// Short forms whose full stop ends no sentence, in any language.
const EVERYWHERE: [&str; 12] = ["mr", "mrs", "ms", "dr", "prof", "st", "no", "vs", "ca", "tel", "ext", "jr"];
/// And in some: nothing that is also a word at the end of a sentence.
const OTHERS: [(&str, &[&str]); 8] = [
    (
        "id",
        &[
            "rp", "bpk", "bp", "sdr", "sdri", "yth", "jl", "jln", "gg", "kec", "kab", "kel", "tgl", "pkl",
            "pk", "telp", "hj", "ir", "drs", "h", "tbk", "pt", "cv", "hlm", "dll", "dsb", "dst",
        ],
    ),
    (
        "en",
        &[
            "inc", "ltd", "corp", "dept", "ave", "blvd", "rd", "apt", "approx", "gen", "sen", "rep", "capt",
            "lt", "rev", "hon", "jan", "feb", "aug", "sept", "oct", "nov", "dec", "appt", "acct", "nos",
        ],
    ),
    (
        "de",
        &["hr", "fr", "str", "nr", "bzw", "ggf", "usw", "evtl", "inkl", "zzgl", "tel", "abs", "dipl", "ing"],
    ),
    ("fr", &["m", "mme", "mlle", "av", "bd", "env"]),
    ("es", &["sr", "sra", "srta", "ud", "uds", "av", "núm", "pág"]),
    ("it", &["sig", "dott", "ing", "avv", "tel", "pag"]),
    ("nl", &["dhr", "mevr", "mw", "bijv", "ca", "nr", "blz"]),
    ("pt", &["sr", "sra", "av", "núm", "pág"]),
];

/// Whether `word`, without its full stop, is a short form that is written with one.
pub(super) fn abbreviation(word: &str, language: &str) -> bool {
    let word = word.to_lowercase();
    let primary = language.split('-').next().unwrap_or_default();
    EVERYWHERE.contains(&word.as_str())
        || OTHERS.iter().any(|(tag, words)| *tag == primary && words.contains(&word.as_str()))
}

fn look_up(table: &[Short], word: &str) -> Option<&'static str> {
    table.iter().find(|(short, _)| *short == word).map(|(_, full)| *full)
}

/// What is said for a short form, wherever it stands.
pub(super) fn in_full(word: &str, language: Language) -> Option<&'static str> {
    let word = word.to_lowercase();
    match language {
        Language::English => look_up(&ENGLISH, &word),
        Language::Indonesian => look_up(&INDONESIAN, &word),
        Language::Other => None,
    }
}

/// What is said for a short form before a number.
pub(super) fn before_number(word: &str, language: Language) -> Option<&'static str> {
    let word = word.to_lowercase();
    match language {
        Language::English => look_up(&BEFORE_NUMBER_EN, &word),
        Language::Indonesian => look_up(&BEFORE_NUMBER_ID, &word),
        Language::Other => None,
    }
}

/// What is said for a unit behind a number. `5G`, `5M` and `5L` are no weights and measures, `5 L` is one.
pub(super) fn unit(word: &str, apart: bool, language: Language) -> Option<&'static str> {
    if matches!(word, "G" | "M") || (word == "L" && !apart) {
        return None;
    }
    let word = word.to_lowercase();
    match language {
        Language::English => look_up(&UNITS_EN, &word),
        Language::Indonesian => look_up(&UNITS_ID, &word),
        Language::Other => None,
    }
}

/// One of what a unit is called for many: `kilogram`.
pub(super) fn single(unit: &str) -> String {
    match unit.strip_prefix("degrees") {
        Some(scale) => format!("degree{scale}"),
        None if unit.contains(' ') => unit.to_owned(),
        None => unit.strip_suffix('s').unwrap_or(unit).to_owned(),
    }
}

/// Signs of currencies besides their codes, in capitals.
const SIGNS: [(&str, &str); 36] = [
    ("RP", "IDR"),
    ("RP.", "IDR"),
    ("$", "USD"),
    ("US$", "USD"),
    ("€", "EUR"),
    ("£", "GBP"),
    ("S$", "SGD"),
    ("RM", "MYR"),
    ("A$", "AUD"),
    ("AU$", "AUD"),
    ("¥", "JPY"),
    ("￥", "JPY"),
    ("₹", "INR"),
    ("RS.", "INR"),
    ("฿", "THB"),
    ("₱", "PHP"),
    ("₫", "VND"),
    ("Đ", "VND"),
    ("₩", "KRW"),
    ("NT$", "TWD"),
    ("HK$", "HKD"),
    ("C$", "CAD"),
    ("CA$", "CAD"),
    ("NZ$", "NZD"),
    ("CLP$", "CLP"),
    ("COL$", "COP"),
    ("₲", "PYG"),
    ("₭", "LAK"),
    ("៛", "KHR"),
    ("FCFA", "XOF"),
    ("R$", "BRL"),
    ("ZŁ", "PLN"),
    ("KČ", "CZK"),
    ("₺", "TRY"),
    ("₽", "RUB"),
    ("₦", "NGN"),
];

/// The code of the currency that a sign stands for. A code counts in capitals only: `all` is a word.
pub(super) fn currency(sign: &str) -> Option<&'static str> {
    // `RS` is a hospital in Indonesia.
    if sign == "Rs" {
        return Some("INR");
    }
    let capitals = sign.to_uppercase();
    let found = SIGNS.iter().find(|(known, _)| *known == capitals).map(|(_, code)| *code);
    found.or_else(|| CODES.into_iter().find(|code| *code == sign))
}

/// Zones of the clock, as they are written behind a time.
const ZONES_EN: [Short; 20] = [
    ("WIB", "western Indonesia time"),
    ("WITA", "central Indonesia time"),
    ("WIT", "eastern Indonesia time"),
    ("ET", "Eastern time"),
    ("EST", "Eastern Standard Time"),
    ("EDT", "Eastern Daylight Time"),
    ("CT", "Central time"),
    ("CST", "Central Standard Time"),
    ("CDT", "Central Daylight Time"),
    ("MST", "Mountain Standard Time"),
    ("MDT", "Mountain Daylight Time"),
    ("PT", "Pacific time"),
    ("PST", "Pacific Standard Time"),
    ("PDT", "Pacific Daylight Time"),
    ("BST", "British Summer Time"),
    ("CET", "Central European Time"),
    ("CEST", "Central European Summer Time"),
    ("IST", "India Standard Time"),
    ("JST", "Japan Standard Time"),
    ("SGT", "Singapore time"),
];
const ZONES_ID: [Short; 6] = [
    ("WIB", "waktu Indonesia barat"),
    ("WITA", "waktu Indonesia tengah"),
    ("WIT", "waktu Indonesia timur"),
    ("UTC", "UTC"),
    ("GMT", "GMT"),
    ("SGT", "waktu Singapura"),
];

/// What is said for a zone behind a time.
pub(super) fn zone(word: &str, language: Language) -> Option<&'static str> {
    let capitals = word.to_uppercase();
    let table: &[Short] = match language {
        Language::English => &ZONES_EN,
        Language::Indonesian => &ZONES_ID,
        Language::Other => &[],
    };
    // In small letters only what is no word: `19.30 wita`.
    look_up(table, if capitals.starts_with("WI") { &capitals } else { word })
}

/// A sign on its own, or between words, as it is said.
pub(super) fn symbol(sign: char, language: Language) -> Option<&'static str> {
    let (english, indonesian) = match sign {
        '&' => ("and", "dan"),
        '%' => ("percent", "persen"),
        '+' => ("plus", "tambah"),
        '=' => ("equals", "sama dengan"),
        '@' => ("at", "at"),
        '#' => ("hash", "pagar"),
        '*' => ("star", "bintang"),
        '°' => ("degrees", "derajat"),
        '§' => ("section", "pasal"),
        '×' => ("times", "kali"),
        '÷' => ("divided by", "dibagi"),
        '±' => ("plus or minus", "kurang lebih"),
        '≈' => ("about", "kira-kira"),
        '≤' => ("at most", "paling banyak"),
        '≥' => ("at least", "paling sedikit"),
        '≠' => ("is not", "bukan"),
        '\u{ff1c}' => ("less than", "kurang dari"),
        '\u{ff1e}' => ("more than", "lebih dari"),
        _ => return None,
    };
    match language {
        Language::English => Some(english),
        Language::Indonesian => Some(indonesian),
        Language::Other => None,
    }
}
