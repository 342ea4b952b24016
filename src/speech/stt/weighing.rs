//! Which of the expected answers was given, by how probable a recogniser finds each of them. Pure.

use callcore::flow::{AnswerId, Weighed};

/// Nobody spoke, either, if that is so probable and no language is: of 16 sounds of noise, all that were read as an answer from what the decoder was
/// told are above (0.30 to 0.44); of 86 answers two seemed to be of no language, at 0.04 and 0.08.
const SILENT_AND_FOREIGN: f32 = 0.25;

/// A decoder that goes in circles is believed where nothing else is doubtful: neither the language, nor that somebody spoke, nor which answer it
/// was. Of the two such digits of the speaker that this was fitted to, the second answer was 6.5 behind the likeliest, the language
/// at -0.5 and silence at 0.07; of 63 sounds that answer nothing, no likeliest answer reached -1.2 for each token.
const PLAIN_LANGUAGE: f32 = -0.8;
const PLAIN_SILENCE: f32 = 0.2;
const PLAIN_MARGIN: f32 = 4.0;
const PLAIN_PER_TOKEN: f32 = -1.2;

/// Whatever one answer is further ahead of the second than this is as good as this, nats.
const MOST_AHEAD: f32 = 8.0;

/// What is made of a model's figures. An answer is given with the probability of a logistic function of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judgement {
    /// So far behind the likeliest, a second answer may as well have been given, nats.
    tie: f32,
    /// An answer less probable than this was not given, or not as far as can be told.
    unlikely: f32,
    /// Nobody spoke if that is so probable.
    silent: f32,
    /// The logarithm of the probability of the language is hardly ever less where an answer is given in it.
    foreign: f32,
    /// Of the logistic function.
    bias: f32,
    /// Of the logarithm of the answer's probability, for each token of it: long answers are no less believed than short ones.
    per_token: f32,
    /// Of how far it is ahead of the second, up to [`MOST_AHEAD`].
    per_margin: f32,
    /// Of the logarithm of the probability of the language.
    per_language: f32,
}

/// Of the published models: fitted to 266 pairs of an utterance and a list of answers with Whisper base (real digits, made answers
/// in English and Indonesian; other speech, other languages, noise and music). Of 237 answers the most doubtful reached 0.25 as
/// silence; of 35 sounds without speech 25 are above `silent`.
pub(super) const PUBLISHED: Judgement = Judgement {
    tie: 1.35,
    unlikely: 0.62,
    silent: 0.45,
    foreign: -1.5,
    bias: 2.2,
    per_token: 2.7,
    per_margin: 0.35,
    per_language: 0.27,
};

/// Of the model in this program, which learns to say nothing on whatever it does not know, so that its own probabilities decide
/// nearly alone. Chosen, not fitted: `training/asr/fit.py` fits them to a trained model.
pub(super) const BUILT_IN: Judgement = Judgement {
    tie: 0.7,
    unlikely: 0.5,
    silent: 0.45,
    foreign: f32::NEG_INFINITY,
    bias: 1.5,
    per_token: 2.0,
    per_margin: 0.2,
    per_language: 0.0,
};

/// What a recogniser finds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Evidence {
    pub(super) scores: Vec<Score>,
    /// Natural logarithm of the probability of the language that is expected; 0 when there is only one.
    pub(super) language: f32,
    /// How probable it is that nobody spoke, 0.0 to 1.0.
    pub(super) silence: f32,
}

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Score {
    pub(super) id: AnswerId,
    /// Natural logarithm of the probability that it was said, in any of the ways to say it.
    pub(super) logarithm: f32,
    /// Tokens of the likeliest way, the end of it included; at least one.
    pub(super) tokens: usize,
}

impl Evidence {
    /// Whether nobody seems to have spoken.
    pub(super) fn is_silence(&self, by: &Judgement) -> bool {
        self.silence >= by.silent || (self.silence >= SILENT_AND_FOREIGN && self.is_foreign(by))
    }

    /// Whether another language seems to have been spoken.
    pub(super) fn is_foreign(&self, by: &Judgement) -> bool {
        self.language < by.foreign
    }

    /// Whether one answer was given so plainly that it counts although the free transcription went in circles.
    pub(super) fn is_plain(&self) -> bool {
        let Some((first, second)) = self.best_two() else { return false };
        self.language > PLAIN_LANGUAGE
            && self.silence < PLAIN_SILENCE
            && first.logarithm - second >= PLAIN_MARGIN
            && first.logarithm / first.tokens.max(1) as f32 > PLAIN_PER_TOKEN
    }

    /// The likeliest answer, if any is possible, and the logarithm of the one behind it.
    fn best_two(&self) -> Option<(Score, f32)> {
        let mut ranked = self.scores.clone();
        ranked.sort_by(|one, other| other.logarithm.total_cmp(&one.logarithm));
        let first = ranked.first().copied().filter(|first| first.logarithm.is_finite())?;
        Some((first, ranked.get(1).map_or(f32::NEG_INFINITY, |second| second.logarithm)))
    }

    /// The answer that was given, if it can be told.
    pub(super) fn judge(&self, by: &Judgement) -> Weighed {
        let Some((first, second)) = self.best_two() else {
            return Weighed { likely: None, probability: 0.0, margin: 0.0 };
        };
        let margin = (first.logarithm - second).clamp(0.0, MOST_AHEAD);
        let evidence = by.bias
            + by.per_token * first.logarithm / first.tokens.max(1) as f32
            + by.per_margin * margin
            + by.per_language * self.language;
        let probability = 1.0 / (1.0 + (-evidence).exp());
        let given = margin >= by.tie && probability >= by.unlikely && !self.is_silence(by);
        Weighed { likely: given.then_some(first.id), probability, margin }
    }
}

/// The logarithm of the sum of what these are logarithms of.
pub(super) fn logarithm_of_sum(all: impl Iterator<Item = f32> + Clone) -> f32 {
    let most = all.clone().fold(f32::NEG_INFINITY, f32::max);
    if most == f32::NEG_INFINITY {
        return most;
    }
    most + all.map(|one| (one - most).exp()).sum::<f32>().ln()
}

#[cfg(test)]
mod tests {
    use callcore::flow::Expected;

    use super::*;

    fn judged(logarithms: &[f32], language: f32) -> (Option<usize>, f32) {
        judged_in(logarithms, language, 0.02)
    }

    fn judged_in(logarithms: &[f32], language: f32, silence: f32) -> (Option<usize>, f32) {
        let answers = logarithms.iter().enumerate().map(|(at, _)| vec![at.to_string()]);
        let expected = Expected::default().with_answers(answers);
        let score = |(at, logarithm): (usize, &f32)| Score {
            id: expected.answers[at].id,
            logarithm: *logarithm,
            tokens: 2,
        };
        let evidence =
            Evidence { scores: logarithms.iter().enumerate().map(score).collect(), language, silence };
        let weighed = evidence.judge(&PUBLISHED);
        let at = expected.answers.iter().position(|answer| Some(answer.id) == weighed.likely);
        (at, weighed.probability)
    }

    #[test]
    fn the_likeliest_answer_is_taken_when_it_is_likely_and_ahead() {
        assert_eq!(judged(&[-9.0, -0.6, -7.0], -0.3).0, Some(1));
        assert_eq!(judged(&[-1.0, -1.8], -0.3).0, None, "two are as likely");
        assert_eq!(judged(&[-9.0, -12.0], -0.3).0, None, "something else was said");
        assert_eq!(judged(&[-2.0, -7.0], -0.3).0, Some(0));
        assert_eq!(judged(&[-2.0, -7.0], -9.0).0, None, "in another language");
        assert_eq!(judged_in(&[-9.0, -0.6], -0.3, 0.7).0, None, "in noise");
        assert_eq!(judged(&[-0.6], 0.0).0, Some(0), "a single answer has no rival");
        assert_eq!(judged(&[], 0.0).0, None);
        assert_eq!(judged(&[f32::NEG_INFINITY, f32::NEG_INFINITY], 0.0), (None, 0.0));
        assert_eq!(judged(&[f32::NAN, f32::NAN], 0.0).0, None);
    }

    #[test]
    fn silence_and_another_language_are_told_apart_from_an_answer() {
        let of = |language, silence| Evidence { scores: Vec::new(), language, silence };
        assert!(of(-0.3, 0.7).is_silence(&PUBLISHED) && !of(-0.3, 0.3).is_silence(&PUBLISHED));
        assert!(
            of(-2.4, 0.3).is_silence(&PUBLISHED) && !of(-2.4, 0.1).is_silence(&PUBLISHED),
            "of no language"
        );
        assert!(of(-2.5, 0.1).is_foreign(&PUBLISHED) && !of(-1.0, 0.1).is_foreign(&PUBLISHED));
    }

    #[test]
    fn an_answer_is_plain_when_nothing_is_doubtful() {
        let plain = |logarithms: [f32; 2], language, silence| {
            let score = |logarithm| Score {
                id: Expected::default().with_answers([vec!["a".into()]]).answers[0].id,
                logarithm,
                tokens: 2,
            };
            let scores = logarithms.map(score).to_vec();
            Evidence { scores, language, silence }.is_plain()
        };
        assert!(plain([-8.6, -0.9], -0.03, 0.005));
        assert!(!plain([-4.6, -0.9], -0.03, 0.005), "the second is near");
        assert!(!plain([-12.0, -4.0], -0.03, 0.005), "none is likely");
        assert!(!plain([-8.6, -0.9], -0.9, 0.005), "perhaps another language");
        assert!(!plain([-8.6, -0.9], -0.03, 0.25), "perhaps nobody");
    }

    #[test]
    fn more_margin_and_more_likelihood_make_it_more_probable() {
        let of = |first, second| judged(&[first, second], -0.5).1;
        assert!(of(-1.0, -8.0) > of(-1.0, -4.0) && of(-1.0, -4.0) > of(-4.0, -7.0));
    }
}
