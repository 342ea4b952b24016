//! Help with a misspelt name: the one probably meant, and lists of names.

use strsim::osa_distance;

/// The candidate that `word` is probably a misspelling of.
#[must_use]
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase().replace('-', "_");
    let allowed = match word.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .filter(|candidate| candidate.chars().count().abs_diff(word.chars().count()) <= allowed)
        .map(|candidate| (osa_distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(d, candidate)| *d <= allowed && *d < candidate.chars().count())
        .min_by_key(|(d, _)| *d)
        .map(|(_, candidate)| candidate)
}

/// Names in backquotes with commas between, for "allowed here" lists.
#[must_use]
pub fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_finds_its_neighbour_and_a_strange_one_finds_none() {
        let words = ["say", "play", "ask", "wait_for_beep"];
        assert_eq!(nearest("sya", words), Some("say"));
        assert_eq!(nearest("wait-for-bep", words), Some("wait_for_beep"));
        assert_eq!(nearest("transfer", words), None);
        assert_eq!(nearest("", words), None);
    }
}
