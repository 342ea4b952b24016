//! What the callee will probably say to a question, for a recogniser: phrases to listen for, and the answers to weigh
//! against each other.

use std::sync::Arc;

/// What the callee will probably say. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Phrases, most telling first: a bias for the recogniser.
    pub phrases: Arc<[String]>,
    /// The answers that the question knows; none where any words are one, or they are too many to weigh.
    pub answers: Arc<[ExpectedAnswer]>,
}

/// One answer of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpectedAnswer {
    pub id: AnswerId,
    /// How it is said, in lower-case words; each of them means this answer. Never empty.
    pub phrases: Vec<String>,
}

/// An answer among those of its question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnswerId(u16);

/// What a recogniser makes of the answers when it weighs them against each other and against anything else that may have
/// been said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weighed {
    /// The likeliest; `None` when two are as likely, or something else was said.
    pub likely: Option<AnswerId>,
    /// How probable the likeliest is, 0.0 to 1.0.
    pub probability: f32,
    /// How far it is ahead of whatever comes next, in nats; 0 when it is not.
    pub margin: f32,
}

impl Expected {
    /// Phrases alone.
    #[must_use]
    pub fn phrases(phrases: impl Into<Arc<[String]>>) -> Self {
        Self { phrases: phrases.into(), answers: Arc::default() }
    }

    /// `answers`, each by the ways to say it. One that nobody can say is left out.
    #[must_use]
    pub fn with_answers(self, answers: impl IntoIterator<Item = Vec<String>>) -> Self {
        let numbered = (0..=u16::MAX).map(AnswerId).zip(answers);
        let sayable = numbered.filter(|(_, phrases)| !phrases.is_empty());
        Self { answers: sayable.map(|(id, phrases)| ExpectedAnswer { id, phrases }).collect(), ..self }
    }

    /// The words that say the answer `id`.
    #[must_use]
    pub fn words_of(&self, id: AnswerId) -> Option<&str> {
        let answer = self.answers.iter().find(|answer| answer.id == id)?;
        answer.phrases.first().map(String::as_str)
    }
}
