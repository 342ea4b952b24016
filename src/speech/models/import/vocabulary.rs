//! The bytes of each token. Beside a CTranslate2 model they stand as text in the spelling of GPT-2, in which every byte
//! has a printable character of its own.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::error::ImportError;

/// Where they may stand, first come first taken.
pub(super) const FILES: [&str; 3] = ["vocabulary.txt", "vocabulary.json", "tokenizer.json"];
/// The first token that is no text.
const END_OF_TEXT: &str = "<|endoftext|>";
/// Above the largest published file, which has 4 MB.
const MOST_BYTES: u64 = 64 << 20;
const MOST_TOKENS: usize = 200_000;

/// Tokens in the order of their numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Vocabulary {
    /// Text only.
    tokens: Vec<Vec<u8>>,
    /// Marks of languages and times included; `None` where the file does not list them all.
    all: Option<usize>,
}

/// What is needed of tokenizer.json.
#[derive(Deserialize)]
struct Tokenizer {
    model: TokenizerModel,
    #[serde(default)]
    added_tokens: Vec<Added>,
}

#[derive(Deserialize)]
struct TokenizerModel {
    vocab: HashMap<String, usize>,
}

#[derive(Deserialize)]
struct Added {
    id: usize,
    content: String,
}

impl Vocabulary {
    pub(super) fn read(path: &Path) -> Result<Self, ImportError> {
        let at = |source| ImportError::File { path: path.into(), source };
        let damaged = |reason: String| ImportError::Damaged { path: path.into(), reason };
        if std::fs::metadata(path).map_err(at)?.len() > MOST_BYTES {
            return Err(damaged("no vocabulary is so long".into()));
        }
        let text = std::fs::read_to_string(path).map_err(|error| {
            if error.kind() == io::ErrorKind::InvalidData {
                return damaged("it is no text in UTF-8".into());
            }
            at(error)
        })?;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let words = match name.rsplit_once('.').map_or(name, |(_, ending)| ending) {
            "json" if name.starts_with("tokenizer") => from_tokenizer(&text),
            "json" => serde_json::from_str(&text).map_err(|error| error.to_string()),
            _ => Ok(text.split_terminator('\n').map(|line| line.trim_end_matches('\r').to_owned()).collect()),
        }
        .map_err(damaged)?;
        Self::of(&words).map_err(damaged)
    }

    fn of(words: &[String]) -> Result<Self, String> {
        if words.len() > MOST_TOKENS {
            return Err(format!("{} tokens are too many", words.len()));
        }
        let Some(end) = words.iter().position(|word| word == END_OF_TEXT) else {
            return Err(format!("{END_OF_TEXT} is not in it, so it is not Whisper's"));
        };
        let bytes = bytes_of_characters();
        let tokens = words[..end]
            .iter()
            .map(|word| word.chars().map(|c| bytes.get(&c).copied()).collect::<Option<Vec<u8>>>())
            .enumerate()
            .map(|(at, token)| {
                token.ok_or_else(|| format!("token {at}, {:?}, is no spelling of bytes", words[at]))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let all = (words.len() > end + 1).then_some(words.len());
        Ok(Self { tokens, all })
    }

    pub(super) fn tokens(&self) -> &[Vec<u8>] {
        &self.tokens
    }

    /// Whether it is that of a model with `size` tokens.
    pub(super) fn belongs_to(&self, size: u32) -> Result<(), String> {
        let size = size as usize;
        if let Some(all) = self.all
            && all != size
        {
            return Err(format!("it lists {all} tokens, and the model has {size}"));
        }
        let expected = super::layout::text_tokens(size);
        if self.tokens.len() == expected {
            let has_space = self.tokens.iter().any(|token| token == b" ");
            return if has_space { Ok(()) } else { Err("it has no token for a space".into()) };
        }
        Err(format!("it has {} tokens of text, and such a model has {expected}", self.tokens.len()))
    }
}

fn from_tokenizer(text: &str) -> Result<Vec<String>, String> {
    let Tokenizer { model, added_tokens } = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let named =
        model.vocab.into_iter().chain(added_tokens.into_iter().map(|added| (added.content, added.id)));
    let mut numbered: Vec<(usize, String)> = named.map(|(word, number)| (number, word)).collect();
    numbered.sort();
    numbered.dedup();
    if let Some((at, (number, word))) = numbered.iter().enumerate().find(|(at, (number, _))| at != number) {
        return Err(format!("token {at} is missing before {word:?}, which is {number}"));
    }
    Ok(numbered.into_iter().map(|(_, word)| word).collect())
}

/// Bytes that print well are their own character; the others take those from U+0100 on, in order.
fn bytes_of_characters() -> HashMap<char, u8> {
    let prints = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let mut shifted = '\u{100}'..;
    (0..=u8::MAX)
        .filter_map(|byte| {
            let character = if prints(byte) { Some(char::from(byte)) } else { shifted.next() };
            character.map(|character| (character, byte))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Vocabulary, String> {
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let folder = tempfile::tempdir().map_err(|error| said(&error))?;
        let path = folder.path().join(name);
        std::fs::write(&path, text).map_err(|error| said(&error))?;
        Vocabulary::read(&path).map_err(|error| said(&error))
    }

    #[test]
    fn every_kind_of_file_spells_the_same_bytes() {
        let wanted = [b"!".to_vec(), b" a".to_vec(), b"\n".to_vec(), vec![0xE2, 0x80], Vec::new()];
        for (name, text) in [
            ("vocabulary.txt", "!\nĠa\nĊ\nâĢ\n\n<|endoftext|>\n<|en|>\n"),
            ("vocabulary.json", r#"["!","Ġa","Ċ","âĢ","","<|endoftext|>","<|en|>"]"#),
            (
                "tokenizer.json",
                r#"{"model":{"vocab":{"Ġa":1,"!":0,"Ċ":2,"":4,"âĢ":3}},
                    "added_tokens":[{"id":5,"content":"<|endoftext|>"},{"id":6,"content":"<|en|>"}]}"#,
            ),
        ] {
            let found = read(name, text).expect(name);
            assert_eq!((found.tokens(), found.all), (&wanted[..], Some(7)), "{name}");
        }
    }

    #[test]
    fn what_is_no_vocabulary_of_whisper_says_so() {
        for (name, text, said) in [
            ("vocabulary.txt", "a\nb\n", "not Whisper's"),
            ("vocabulary.txt", "日\n<|endoftext|>\n", "token 0"),
            ("vocabulary.json", "[", "EOF"),
            ("tokenizer.json", r#"{"model":{"vocab":{"a":1}}}"#, "token 0 is missing"),
        ] {
            let error = read(name, text).expect_err(name);
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn a_vocabulary_of_another_size_does_not_belong() {
        let found = read("vocabulary.txt", "!\n<|endoftext|>\n<|en|>\n").expect("a vocabulary");
        let reason = found.belongs_to(51_865).expect_err("too small");
        assert!(reason.contains('3') && reason.contains("51865"), "{reason}");
    }
}
