//! Reading one phrase file. `data/all.txt` says how they are written.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::normal::Normal;

/// What a phrase speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// A mailbox that takes a message.
    Voicemail,
    /// A mailbox that takes none: full, or not set up.
    Full,
    /// The network says why there is no call.
    Network,
    /// A menu of keys.
    Ivr,
    /// An assistant asks who calls and why.
    Screening,
    /// A queue.
    Hold,
    Fax,
    /// What people say who want to talk.
    Human,
}

impl Category {
    /// All of them, in the order in which one goes before another of the same weight.
    pub(crate) const ALL: [Self; 8] = [
        Self::Full,
        Self::Screening,
        Self::Network,
        Self::Ivr,
        Self::Fax,
        Self::Hold,
        Self::Voicemail,
        Self::Human,
    ];

    /// The name in the files and in the evidence.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Voicemail => "voicemail",
            Self::Full => "full",
            Self::Network => "network",
            Self::Ivr => "ivr",
            Self::Screening => "screening",
            Self::Hold => "hold",
            Self::Fax => "fax",
            Self::Human => "human",
        }
    }
}

/// One way to say something.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Phrase {
    /// Normalised, without the spaces around it.
    pub(crate) text: String,
    pub(crate) category: Category,
    /// Natural logarithm of the odds it adds, above 0.
    pub(crate) weight: f32,
    /// Any ending may follow.
    pub(crate) stem: bool,
    /// It ends a clause.
    pub(crate) last: bool,
}

/// The phrases of one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PhraseFile {
    pub(crate) phrases: Vec<Phrase>,
    pub(crate) digits: HashSet<String>,
    /// The locale that is read after this one, beside `all`.
    pub(crate) also: Option<String>,
}

impl PhraseFile {
    /// Reads a file.
    ///
    /// # Errors
    /// The line that cannot be read, and why.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut file = Self::default();
        let mut section = None;
        for (number, line) in text.lines().enumerate() {
            let wrong = |why: &str| format!("line {}: {why}: {line}", number + 1);
            let line = line.trim();
            if line.is_empty() || line.starts_with("# ") || line == "#" {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                let found = Category::ALL.into_iter().find(|category| category.as_str() == name);
                section = Some(found.ok_or_else(|| wrong("there is no such section"))?);
            } else if let Some(words) = line.strip_prefix("digits ") {
                let bare = HashSet::new();
                let words =
                    words.split([' ', '|']).map(|word| Normal::of(word, &bare).text.trim().to_owned());
                file.digits.extend(words);
            } else if let Some(locale) = line.strip_prefix("also ") {
                file.also = Some(locale.to_owned());
            } else {
                let category = section.ok_or_else(|| wrong("a phrase before the first section"))?;
                let (weight, pattern) = line.split_once(' ').ok_or_else(|| wrong("no phrase"))?;
                let weight = weight.parse().map_err(|_| wrong("no weight"))?;
                for said in expand(pattern).map_err(wrong)? {
                    let (said, last) =
                        said.trim().strip_suffix('.').map_or((said.as_str(), false), |s| (s, true));
                    let (said, stem) = said.strip_suffix('*').map_or((said, false), |s| (s, true));
                    let text = Normal::of(said, &file.digits).text.trim().to_owned();
                    if said.contains('*') || text.is_empty() {
                        return Err(wrong("* stands only at the end of a phrase"));
                    }
                    file.phrases.push(Phrase { text, category, weight, stem, last });
                }
            }
        }
        Ok(file)
    }
}

/// Every reading of a pattern with groups `(a|b)`, which may stand in one another.
fn expand(pattern: &str) -> Result<Vec<String>, &'static str> {
    let mut rest = pattern.chars();
    let ways = alternatives(&mut rest, 0)?;
    if rest.next().is_some() { Err("a bracket closes that was not opened") } else { Ok(ways) }
}

fn alternatives(rest: &mut std::str::Chars<'_>, depth: usize) -> Result<Vec<String>, &'static str> {
    let (mut done, mut open) = (Vec::new(), vec![String::new()]);
    loop {
        match rest.next() {
            Some('(') => {
                let inner = alternatives(rest, depth + 1)?;
                open = open
                    .iter()
                    .flat_map(|left| inner.iter().map(move |right| format!("{left}{right}")))
                    .collect();
            }
            Some('|') => done.append(&mut std::mem::replace(&mut open, vec![String::new()])),
            Some(')') if depth > 0 => break,
            Some(')') => return Err("a bracket closes that was not opened"),
            None if depth > 0 => return Err("a bracket is not closed"),
            None => break,
            Some(c) => open.iter_mut().for_each(|way| way.push(c)),
        }
    }
    done.append(&mut open);
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_mean_every_reading() {
        assert_eq!(expand("a (b|c (d|))e").unwrap(), ["a be", "a c de", "a c e"]);
        assert!(expand("a (b").is_err() && expand("a) b").is_err());
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        assert!(PhraseFile::parse("2.3 too early").unwrap_err().contains("line 1"));
        assert!(PhraseFile::parse("[human]\nx hello").unwrap_err().contains("no weight"));
        assert!(PhraseFile::parse("[humans]").is_err());
        assert!(PhraseFile::parse("[human]\n1.0 hel* lo").is_err());
    }
}
