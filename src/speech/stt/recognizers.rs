//! The recognisers of this server by name, and which of them hears a call.

use std::collections::BTreeMap;
use std::sync::Arc;

use callcore::flow::Ears;

use super::call_recogniser::CallRecogniser;
use super::named::Named;
use super::options::SttOptions;
use super::recognizer::Recognizer;

/// All recognisers; there may be none. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Recognizers {
    /// The first one hears the calls that prefer no other.
    all: Arc<[Named]>,
    fallback: Option<usize>,
    flows: Arc<BTreeMap<String, usize>>,
}

/// Which recogniser a call would like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Preference<'p> {
    /// The name of one, or a kind, such as `deepgram`.
    pub provider: Option<&'p str>,
    /// The name of one; goes before the provider.
    pub label: Option<&'p str>,
    /// The flow that the call runs.
    pub flow: &'p str,
}

/// Who hears a call.
#[derive(Debug)]
pub struct Choice<'r> {
    pub first: &'r Named,
    /// Answers when the first one fails.
    pub second: Option<&'r Named>,
    /// The preferred provider is not here.
    pub is_substitute: bool,
}

/// A setting names a recogniser that is not there.
#[derive(Debug, thiserror::Error)]
#[error("{setting} names the recogniser \"{name}\", but there are only: {known}")]
pub struct UnknownRecognizer {
    setting: String,
    name: String,
    known: String,
}

impl From<Recognizer> for Recognizers {
    fn from(recognizer: Recognizer) -> Self {
        let only = Named::new(recognizer.kind(), recognizer, None);
        Self { all: [only].into(), ..Self::default() }
    }
}

impl Recognizers {
    /// `all` of them; the first is the usual one. `fallback` answers for one that fails, `flows` says by the name of a
    /// flow who hears its calls.
    ///
    /// # Errors
    /// When a name is nobody's.
    pub fn new(
        all: Vec<Named>,
        fallback: Option<&str>,
        flows: &BTreeMap<String, String>,
    ) -> Result<Self, UnknownRecognizer> {
        let find = |setting: &dyn Fn() -> String, name: &str| {
            all.iter().position(|one| one.name == name).ok_or_else(|| UnknownRecognizer {
                setting: setting(),
                name: name.to_owned(),
                known: all.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", "),
            })
        };
        let fallback = fallback.map(|name| find(&|| "fallback".into(), name)).transpose()?;
        let flows = flows
            .iter()
            .map(|(flow, name)| Ok((flow.clone(), find(&|| format!("flows.{flow}"), name)?)))
            .collect::<Result<_, UnknownRecognizer>>()?;
        Ok(Self { all: all.into(), fallback, flows: Arc::new(flows) })
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    #[must_use]
    pub fn all(&self) -> &[Named] {
        &self.all
    }

    /// What is heard of the callees of `flow`.
    #[must_use]
    pub fn ears(&self, flow: &str) -> Ears {
        match self.choose(Preference { flow, ..Preference::default() }) {
            None => Ears::Deaf,
            Some(choice) if choice.first.recognizer.hears_answers_only() => Ears::Answers,
            Some(_) => Ears::Words,
        }
    }

    /// Who hears a call; `None` when nobody can.
    #[must_use]
    pub fn choose(&self, preference: Preference<'_>) -> Option<Choice<'_>> {
        let named = |name: &str| self.all.iter().position(|one| one.name.eq_ignore_ascii_case(name));
        let of_kind =
            |kind: &str| self.all.iter().position(|one| one.recognizer.kind().eq_ignore_ascii_case(kind));
        let preferred = preference.label.and_then(named).or_else(|| {
            preference.provider.and_then(|provider| named(provider).or_else(|| of_kind(provider)))
        });
        let at = preferred.or_else(|| self.flows.get(preference.flow).copied()).unwrap_or(0);
        let second = self.fallback.filter(|second| *second != at).and_then(|second| self.all.get(second));
        let is_substitute = preference.provider.is_some() && preferred.is_none();
        Some(Choice { first: self.all.get(at)?, second, is_substitute })
    }
}

impl Choice<'_> {
    /// Recognises one call.
    #[must_use]
    pub fn recogniser(&self, options: SttOptions) -> CallRecogniser {
        CallRecogniser::new(self.first.clone(), self.second.cloned(), options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::stt::openai::{OpenAi, Options};
    use crate::speech::stt::scripted::Scripted;

    fn recognizers() -> Recognizers {
        let options =
            Options { base_url: "http://127.0.0.1:1".into(), key: None, model: "m".into(), language: None };
        let service = Recognizer::OpenAi(OpenAi::new(options).expect("an address"));
        let all = vec![
            Named::new("here", Recognizer::Scripted(Scripted::default()), None),
            Named::new("cloud", service, None),
        ];
        let flows = [("survey".to_owned(), "cloud".to_owned())].into();
        Recognizers::new(all, Some("here"), &flows).expect("known names")
    }

    #[test]
    fn a_call_is_heard_by_the_recogniser_that_it_or_its_flow_prefers() {
        let all = recognizers();
        for (provider, label, flow, name, second, substitute) in [
            (None, None, "faq", "here", None, false),
            (None, None, "survey", "cloud", Some("here"), false),
            (Some("HERE"), None, "survey", "here", None, false),
            (Some("openai"), None, "faq", "cloud", Some("here"), false),
            (Some("deepgram"), Some("cloud"), "faq", "cloud", Some("here"), false),
            (Some("deepgram"), Some("my-label"), "faq", "here", None, true),
            (Some("deepgram"), None, "survey", "cloud", Some("here"), true),
            (None, Some("my-label"), "faq", "here", None, false),
        ] {
            let choice = all.choose(Preference { provider, label, flow }).expect("a recogniser");
            let seconds = choice.second.map(|second| second.name.as_str());
            let found = (choice.first.name.as_str(), seconds, choice.is_substitute);
            assert_eq!(found, (name, second, substitute), "{provider:?} {label:?} {flow}");
        }
        assert!(Recognizers::default().choose(Preference::default()).is_none());
    }

    #[test]
    fn names_of_nobody_are_refused_with_those_that_exist() {
        let all = vec![Named::new("here", Recognizer::Scripted(Scripted::default()), None)];
        let flows = [("faq".to_owned(), "there".to_owned())].into();
        let error = Recognizers::new(all.clone(), None, &flows).expect_err("nobody").to_string();
        assert!(error.contains("flows.faq") && error.contains("there") && error.contains("here"), "{error}");
        assert!(Recognizers::new(all, Some("there"), &BTreeMap::new()).is_err());
    }
}
