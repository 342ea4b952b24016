//! Which voice speaks: the prompt's own, else the one of its language, else the engine's.

use std::collections::BTreeMap;

use crate::flow::read::language_tag::{is_language, language};
use crate::flow::read::reader::{Fields, Reader};
use crate::yaml::Node;

/// How the parts of a prompt are spoken unless a part says otherwise.
#[derive(Clone)]
pub(super) struct Voice {
    pub(super) language: String,
    pub(super) name: Option<String>,
    /// The prompt's own voices by language, which go before the flow's.
    own: BTreeMap<String, String>,
}

impl Voice {
    pub(super) fn of_flow(reader: &Reader<'_>) -> Self {
        let language = reader.language.clone();
        let name = reader.voice.clone().or_else(|| of_language(&reader.voices, &language));
        Self { language, name, own: BTreeMap::new() }
    }

    /// A voice belongs to its language: another language drops the flow's voice.
    pub(super) fn overridden(mut self, reader: &mut Reader<'_>, fields: Fields<'_>) -> Self {
        let before = self.language.clone();
        if let Some(language) = fields.node("language").and_then(|node| language(reader, node)) {
            self.language = language;
        }
        if let Some(node) = fields.node("voices") {
            self.own = voices(reader, node);
        }
        match of_language(&self.own, &self.language) {
            Some(own) => self.name = Some(own),
            None if self.language != before => self.name = of_language(&reader.voices, &self.language),
            None => {}
        }
        if let Some(node) = fields.node("voice") {
            self.name = reader.scalar(node, "`voice`").map(str::to_owned);
        }
        self
    }
}

/// The voice of a language: `id-ID` takes one of `id-ID`, else one of `id`.
fn of_language(voices: &BTreeMap<String, String>, language: &str) -> Option<String> {
    let primary = language.split('-').next().unwrap_or_default();
    voices.get(language).or_else(|| voices.get(primary)).cloned()
}

/// `voices: { id-ID: name, en: name }`.
pub(crate) fn voices(reader: &mut Reader<'_>, node: &Node) -> BTreeMap<String, String> {
    let Some(entries) = reader.entries(node, "`voices`") else { return BTreeMap::new() };
    let mut voices = BTreeMap::new();
    for entry in entries {
        if !is_language(&entry.key) {
            let message = format!("`{}` is not a language tag", entry.key);
            reader.error(entry.key_span, message, "write a voice per language, such as `id-ID: damayanti`");
        } else if let Some(name) = reader.scalar(&entry.value, "the voice") {
            voices.insert(entry.key.clone(), name.to_owned());
        }
    }
    voices
}
