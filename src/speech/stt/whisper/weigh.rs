//! Answers weighed against each other: the audio is encoded already, and the decoder is made to say each of them. How
//! probable it finds that says more of a short answer than what it would have written by itself.

use std::collections::BTreeSet;
use std::ffi::c_int;

use callcore::flow::ExpectedAnswer;
use whisper_rs::{WhisperContext, WhisperError, WhisperState};

use super::super::weighing::{Evidence, Score, logarithm_of_sum};

/// What may follow an answer without making it another one.
const ENDS: [&str; 4] = [".", ",", "!", "?"];
/// Longest text of one answer, tokens.
const MAX_TOKENS: usize = 24;
/// The decoder is told what is asked about in so many tokens.
const MAX_TOLD: usize = 96;
/// An answer so far behind the best one is not followed to its end, nats.
const HOPELESS: f32 = 12.0;

/// Which tokens of a vocabulary mean what.
#[derive(Debug)]
pub(super) struct Tokens {
    previous: c_int,
    start: c_int,
    transcribe: c_int,
    no_timestamps: c_int,
    /// Nobody speaks.
    nobody: c_int,
    end: c_int,
    ends: Vec<c_int>,
    /// The first and the last language.
    languages: (c_int, c_int),
    is_multilingual: bool,
}

impl Tokens {
    pub(super) fn of(context: &WhisperContext) -> Self {
        let end = context.token_eot();
        let punctuation = ENDS.iter().filter_map(|mark| context.tokenize(mark, 4).ok()?.first().copied());
        let languages = whisper_rs::get_lang_max_id();
        Self {
            previous: context.token_prev(),
            start: context.token_sot(),
            transcribe: context.token_transcribe(),
            no_timestamps: context.token_not(),
            nobody: context.token_nosp(),
            end,
            ends: punctuation.chain([end]).collect(),
            languages: (context.token_lang(0), context.token_lang(languages)),
            is_multilingual: context.is_multilingual(),
        }
    }

    /// `prompt` as something that was said before; nothing when it is empty.
    pub(super) fn after_previous(&self, prompt: &[c_int]) -> Vec<c_int> {
        let before = (!prompt.is_empty()).then_some(self.previous);
        before.into_iter().chain(prompt.iter().copied()).collect()
    }
}

/// One way to say an answer, as the decoder would write it.
#[derive(Debug)]
struct Way {
    answer: usize,
    tokens: Vec<c_int>,
}

/// How probable the decoder of `state`, which has heard the utterance, finds each of `answers`. It takes in the tokens `told`
/// first; there are none for a model that was never trained with a prompt. `is_over` is asked between its steps; `None` once it says so, or when
/// there is nothing to weigh.
///
/// # Errors
/// When the decoder fails.
pub(super) fn weigh(
    state: &mut WhisperState,
    context: &WhisperContext,
    tokens: &Tokens,
    language: &str,
    answers: &[ExpectedAnswer],
    told: &[c_int],
    is_over: impl Fn() -> bool,
) -> Result<Option<Evidence>, WhisperError> {
    let ways = ways(context, answers);
    if ways.is_empty() {
        return Ok(None);
    }
    let mut decoder = Decoder { state, tokens, at: 0 };
    if !told.is_empty() {
        decoder.hear_of(told)?;
    }
    let mut language_share = 0.0;
    decoder.step(tokens.start)?;
    let silence = decoder.share_of(tokens.nobody).exp();
    if tokens.is_multilingual {
        let Some(id) = whisper_rs::get_lang_id(language) else { return Ok(None) };
        let (from, to) = tokens.languages;
        let wanted = context.token_lang(id);
        language_share = share(decoder.raw(), wanted, from..=to);
        decoder.step(wanted)?;
        decoder.step(tokens.transcribe)?;
    }
    let first = decoder.step(tokens.no_timestamps)?;
    let begun = decoder.at;
    let mut scores = vec![Vec::new(); answers.len()];
    let mut best = f32::NEG_INFINITY;
    // What has been said of the way under work: the logarithms behind each of its tokens.
    let mut said: Vec<(c_int, Vec<f32>)> = Vec::new();
    for way in &ways {
        if is_over() {
            return Ok(None);
        }
        let same = said.iter().zip(&way.tokens).take_while(|((token, _), wanted)| token == *wanted).count();
        said.truncate(same);
        let mut score = 0.0;
        for (at, token) in way.tokens.iter().enumerate() {
            let before = if at == 0 { &first } else { &said[at - 1].1 };
            score += before.get(token_at(*token)).copied().unwrap_or(f32::NEG_INFINITY);
            if score < best - HOPELESS {
                break;
            }
            if at >= said.len() {
                decoder.at = begun + at;
                said.push((*token, decoder.step(*token)?));
            }
        }
        if let Some((_, behind)) = said.get(way.tokens.len() - 1).filter(|_| score >= best - HOPELESS) {
            score +=
                logarithm_of_sum(tokens.ends.iter().filter_map(|end| behind.get(token_at(*end)).copied()));
            best = best.max(score);
        }
        scores[way.answer].push((score, way.tokens.len() + 1));
    }
    let scores = answers.iter().zip(scores).map(|(answer, ways)| {
        let likeliest = ways.iter().max_by(|one, other| one.0.total_cmp(&other.0));
        Score {
            id: answer.id,
            logarithm: logarithm_of_sum(ways.iter().map(|(score, _)| *score)),
            tokens: likeliest.map_or(1, |(_, tokens)| *tokens),
        }
    });
    Ok(Some(Evidence { scores: scores.collect(), language: language_share, silence }))
}

/// Each phrase as the decoder may write it, with a capital letter or without; those with a common beginning beside each other.
fn ways(context: &WhisperContext, answers: &[ExpectedAnswer]) -> Vec<Way> {
    let mut seen = BTreeSet::new();
    let mut ways = Vec::new();
    for (answer, expected) in answers.iter().enumerate() {
        for phrase in &expected.phrases {
            let mut letters = phrase.chars();
            let capital: String =
                letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
            for text in [format!(" {capital}"), format!(" {phrase}")] {
                // A token is at least a byte long; with too little room the crate misreads the answer.
                let Ok(tokens) = context.tokenize(&text, text.len() + 1) else { continue };
                if !tokens.is_empty() && tokens.len() <= MAX_TOKENS && seen.insert(tokens.clone()) {
                    ways.push(Way { answer, tokens });
                }
            }
        }
    }
    ways.sort_by(|one, other| one.tokens.cmp(&other.tokens));
    ways
}

/// What the decoder is told: each answer in its first words, then in its second ones, as far as there is room.
pub(super) fn told(context: &WhisperContext, tokens: &Tokens, answers: &[ExpectedAnswer]) -> Vec<c_int> {
    let most = answers.iter().map(|answer| answer.phrases.len()).max().unwrap_or(0);
    let nth = |nth: usize| answers.iter().filter_map(move |answer| answer.phrases.get(nth));
    // The figures of a number say it once more.
    let is_word = |phrase: &&String| phrase.chars().any(char::is_alphabetic);
    let mut told = vec![tokens.previous];
    let mut text = String::new();
    for phrase in (0..most).flat_map(nth).filter(is_word) {
        let longer = if text.is_empty() { format!(" {phrase}") } else { format!("{text}, {phrase}") };
        let Ok(written) = context.tokenize(&longer, longer.len() + 1) else { break };
        if written.len() > MAX_TOLD {
            break;
        }
        told.truncate(1);
        told.extend(written);
        text = longer;
    }
    told
}

fn token_at(token: c_int) -> usize {
    usize::try_from(token).unwrap_or(usize::MAX)
}

/// The share of `wanted` among `all`, as a logarithm.
fn share(logits: &[f32], wanted: c_int, all: std::ops::RangeInclusive<c_int>) -> f32 {
    let of = |token: c_int| logits.get(token_at(token)).copied();
    of(wanted).map_or(0.0, |logit| logit - logarithm_of_sum(all.filter_map(of)))
}

struct Decoder<'s> {
    state: &'s mut WhisperState,
    tokens: &'s Tokens,
    /// Tokens said so far; what follows it is forgotten by the next step.
    at: usize,
}

impl Decoder<'_> {
    /// Takes in what comes before the text.
    fn hear_of(&mut self, told: &[c_int]) -> Result<(), WhisperError> {
        self.state.decode(told, self.at, 1)?;
        self.at += told.len();
        Ok(())
    }

    /// Says one token. The logarithms of what may follow, up to the end of the text.
    ///
    /// One at a time: of several only the last one's are computed, and the crate would read the first one's.
    fn step(&mut self, token: c_int) -> Result<Vec<f32>, WhisperError> {
        self.state.decode(&[token], self.at, 1)?;
        self.at += 1;
        let words = self.raw().get(..=token_at(self.tokens.end)).unwrap_or_default();
        let sum = logarithm_of_sum(words.iter().copied());
        Ok(words.iter().map(|logit| logit - sum).collect())
    }

    /// Of one token among all, as a logarithm.
    fn share_of(&self, token: c_int) -> f32 {
        let logits = self.raw();
        logits
            .get(token_at(token))
            .map_or(f32::NEG_INFINITY, |logit| logit - logarithm_of_sum(logits.iter().copied()))
    }

    fn raw(&self) -> &[f32] {
        self.state.get_logits().unwrap_or_default()
    }
}
