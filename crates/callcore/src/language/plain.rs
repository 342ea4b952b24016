//! Plain words, as phrases are compared and counted.

/// Lower-case words with single spaces and no punctuation, as phrases are compared.
pub(crate) fn plain_words(text: &str) -> String {
    let spaced: String =
        text.chars().map(|c| if c.is_alphanumeric() || c == '\'' { c } else { ' ' }).collect();
    spaced.split_whitespace().map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

/// The words of `text` that are more than a sign of listening.
pub(crate) fn count_words(text: &str, backchannels: &[String]) -> usize {
    let mut rest = format!(" {} ", plain_words(text).replace(' ', "  "));
    for phrase in backchannels {
        rest = rest.replace(&format!(" {} ", phrase.replace(' ', "  ")), " ");
    }
    rest.split_whitespace().count()
}
