//! The languages of the pages: one catalogue of texts for each.

mod reasons;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::http::{HeaderMap, header};
use tera::Value;

/// A language that pages are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    English,
    Indonesian,
}

impl Language {
    pub(super) const ALL: [Self; 2] = [Self::English, Self::Indonesian];

    /// Its tag (BCP 47).
    pub(super) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Indonesian => "id",
        }
    }

    /// What it calls itself.
    pub(super) const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Indonesian => "Bahasa Indonesia",
        }
    }

    pub(super) fn of_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag() == tag)
    }

    /// The first one of ours that a browser asks for.
    pub(super) fn asked_for(headers: &HeaderMap) -> Option<Self> {
        let asked = headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?;
        let tags = asked.split(',').map(|range| range.split([';', '-']).next().unwrap_or_default().trim());
        tags.map(str::to_ascii_lowercase).find_map(|tag| Self::of_tag(&tag))
    }

    const fn catalogue(self) -> &'static LazyLock<Catalogue> {
        static ENGLISH: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::read(include_str!("en.yaml")));
        static INDONESIAN: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::read(include_str!("id.yaml")));
        match self {
            Self::English => &ENGLISH,
            Self::Indonesian => &INDONESIAN,
        }
    }

    /// Every text, for a template.
    pub(super) fn texts(self) -> Value {
        self.catalogue().value.clone()
    }

    /// A text by its key; the key itself where there is none, which a test forbids.
    pub(super) fn say(self, key: &str) -> &'static str {
        let catalogue: &'static Catalogue = self.catalogue();
        catalogue.texts.get(key).map_or_else(|| unknown(key), String::as_str)
    }

    /// Whether there is such a text.
    pub(super) fn has(self, key: &str) -> bool {
        self.catalogue().texts.contains_key(key)
    }

    /// A text with its gaps filled.
    pub(super) fn tell(self, key: &str, parts: &[(&str, &str)]) -> String {
        filled(self.say(key), parts.iter().copied())
    }
}

fn unknown(key: &str) -> &'static str {
    tracing::error!(key, "a page wants a text that no catalogue has");
    "…"
}

/// Puts values into the gaps of a text, once each: what stands in a value is never a gap.
pub(super) fn filled<'p>(text: &str, parts: impl Iterator<Item = (&'p str, &'p str)> + Clone) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = behind.split_once('}') else {
            out.push('{');
            rest = behind;
            continue;
        };
        if let Some((_, value)) = parts.clone().find(|(known, _)| *known == name) {
            out.push_str(value);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

struct Catalogue {
    texts: BTreeMap<String, String>,
    value: Value,
}

impl Catalogue {
    fn read(text: &str) -> Self {
        let texts: BTreeMap<String, String> = serde_saphyr::from_str(text).unwrap_or_else(|error| {
            tracing::error!(%error, "a catalogue of texts cannot be read");
            BTreeMap::new()
        });
        Self { value: Value::from_serializable(&texts), texts }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn gaps(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|part| part.split_once('}')).map(|(name, _)| name).collect()
    }

    #[test]
    fn every_language_has_every_text_with_the_same_gaps() {
        let [english, indonesian] = Language::ALL.map(|language| &language.catalogue().texts);
        assert!(english.len() > 100);
        let keys = |texts: &BTreeMap<String, String>| texts.keys().cloned().collect::<BTreeSet<_>>();
        let (one, other) = (keys(english), keys(indonesian));
        let lonely: Vec<_> = one.symmetric_difference(&other).collect();
        assert!(lonely.is_empty(), "in one language only: {lonely:?}");
        for (key, text) in english {
            assert_eq!(gaps(text), gaps(&indonesian[key]), "{key}");
            assert!(!text.trim().is_empty() && !indonesian[key].trim().is_empty(), "{key}");
        }
    }

    /// The text of each file, and whether it is a template.
    fn sources(folder: &Path, found: &mut Vec<(bool, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs" || kind == "html") {
                let template = path.extension().is_some_and(|kind| kind == "html");
                found.push((template, std::fs::read_to_string(path).unwrap()));
            }
        }
    }

    #[test]
    fn every_text_that_a_page_names_is_there_and_every_text_is_named() {
        let mut files = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console"), &mut files);
        let mut wanted = BTreeSet::new();
        for (template, file) in &files {
            if *template {
                let named = file.split("t.").zip(file.split("t.").skip(1));
                // Not the end of another word.
                let named = named.filter(|(before, _)| before.ends_with([' ', '(']));
                wanted.extend(named.map(|(_, behind)| {
                    behind.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>()
                }));
            }
            for opening in [".say(\"", ".tell(\""] {
                let named = file.split(opening).skip(1).filter_map(|part| part.split_once('"'));
                wanted.extend(named.map(|(name, _)| name.to_owned()));
            }
        }
        let texts = &Language::English.catalogue().texts;
        let missing: Vec<_> = wanted.iter().filter(|name| !texts.contains_key(*name)).collect();
        assert!(missing.is_empty(), "no catalogue has {missing:?}");
        let whole: String = files.into_iter().map(|(_, file)| file).collect();
        let idle: Vec<_> = texts
            .keys()
            .filter(|key| {
                let composed = COMPOSED.iter().any(|beginning| key.starts_with(beginning));
                !composed && !whole.contains(key.as_str())
            })
            .collect();
        assert!(idle.is_empty(), "no page says {idle:?}");
    }

    /// Beginnings of keys that code puts together.
    const COMPOSED: [&str; 14] = [
        "audio_",
        "problem_",
        "reason_",
        "done_",
        "person_",
        "role_",
        "who_",
        "phase_",
        "disposition_",
        "nav_",
        "fact_",
        "state_",
        "truth_",
        "direction_",
    ];

    #[test]
    fn what_stands_in_a_value_is_no_gap() {
        assert_eq!(filled("{a} and {b}", [("a", "{b}"), ("b", "2")].into_iter()), "{b} and 2");
        assert_eq!(filled("{missing}!", [].into_iter()), "!");
        assert_eq!(filled("open { brace", [].into_iter()), "open { brace");
    }
}
