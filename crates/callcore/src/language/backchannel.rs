//! What people say to show that they listen: "uh-huh", "iya", "genau".

/// Sounds of every language.
const SOUNDS: [&str; 16] = [
    "uh huh", "mm hmm", "mhm", "hmm", "hm", "mm", "uh", "um", "er", "ah", "oh", "eh", "huh", "heeh", "he eh",
    "oo",
];

/// Words of one, in plain lower case.
const WORDS: [(&str, &[&str]); 10] = [
    ("en", &["yeah", "yep", "ok", "okay", "right", "i see", "sure", "alright", "got it", "aha"]),
    (
        "id",
        &[
            "iya", "ya", "iya iya", "ya ya", "oke", "ok", "he'eh", "heem", "oh iya", "oh ya", "nggih",
            "baik", "siap",
        ],
    ),
    ("ms", &["ya", "ok", "okey", "baik", "oh ya", "betul"]),
    ("es", &["sí", "si", "ya", "ajá", "aja", "vale", "claro", "ok"]),
    ("pt", &["sim", "tá", "ta", "aham", "uhum", "certo", "ok", "pois"]),
    ("fr", &["oui", "ouais", "d'accord", "ok", "hum", "je vois", "bien"]),
    ("de", &["ja", "genau", "ok", "okay", "ach so", "aha", "verstehe", "mhmh", "gut"]),
    ("it", &["sì", "si", "certo", "ok", "va bene", "capito", "ecco"]),
    ("nl", &["ja", "oké", "ok", "precies", "juist", "goed"]),
    ("ja", &["はい", "ええ", "うん", "そうですか", "なるほど"]),
];

/// The backchannels of a language tag such as `id-ID`.
pub(crate) fn backchannels(language: &str) -> impl Iterator<Item = &'static str> {
    let primary = language.split('-').next().unwrap_or_default().to_owned();
    let own = WORDS.iter().filter(move |(language, _)| *language == primary).flat_map(|(_, words)| *words);
    SOUNDS.iter().chain(own).copied()
}
