//! The configuration file of `dering serve`: composes every part's options, checked whole at start.

mod speech;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde::Deserialize;

pub use self::speech::{Key, Recognition, SpeechToText, TextToSpeech, Voices};
use crate::telemetry::LogFormat;

/// The defaults, with every key explained.
pub const DEFAULT_YAML: &str = include_str!("default.yaml");

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the configuration {path} cannot be read: {source}")]
    Read { path: String, source: std::io::Error },
    #[error("the configuration {path} is wrong: {reason}")]
    Parse { path: String, reason: String },
    #[error("trunk \"{trunk}\" has no token: give it token, token_env or token_file")]
    NoToken { trunk: String },
    #[error("trunk \"{trunk}\": {what} cannot be read")]
    TokenSource { trunk: String, what: String },
    #[error("{setting}: {what} cannot be read")]
    Secret { setting: String, what: String },
    #[error("two trunks are named \"{name}\"; names must differ")]
    SameName { name: String },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub listen: SocketAddr,
    pub database: PathBuf,
    pub recordings: PathBuf,
    pub speech_cache: PathBuf,
    pub flows: PathBuf,
    pub bots: BTreeMap<String, String>,
    pub log: Log,
    pub calls: Calls,
    pub trunks: Vec<Trunk>,
    pub webhooks: Webhooks,
    pub speech_to_text: SpeechToText,
    pub text_to_speech: TextToSpeech,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub filter: String,
    pub format: LogFormat,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calls {
    pub max: usize,
    /// Seconds.
    pub ring_timeout: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trunk {
    pub name: String,
    pub url: String,
    token: Option<SecretString>,
    token_env: Option<String>,
    token_file: Option<PathBuf>,
    /// Seconds.
    #[serde(default = "ten")]
    pub away_timeout: u64,
}

const fn ten() -> u64 {
    10
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Webhooks {
    pub allow_private: bool,
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".into(), format: LogFormat::Text }
    }
}

impl Default for Calls {
    fn default() -> Self {
        Self { max: 200, ring_timeout: 60 }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            database: "data/dering.db".into(),
            recordings: "data/recordings".into(),
            speech_cache: "data/speech".into(),
            flows: "flows".into(),
            bots: BTreeMap::new(),
            log: Log::default(),
            calls: Calls::default(),
            trunks: Vec::new(),
            webhooks: Webhooks::default(),
            speech_to_text: SpeechToText::default(),
            text_to_speech: TextToSpeech::default(),
        }
    }
}

impl Trunk {
    /// A trunk with its token at hand.
    #[must_use]
    pub fn with_token(name: &str, url: &str, token: SecretString) -> Self {
        let (token, token_env, token_file) = (Some(token), None, None);
        Self { name: name.into(), url: url.into(), token, token_env, token_file, away_timeout: ten() }
    }

    /// The token, from wherever it is kept.
    ///
    /// # Errors
    /// When none is given, or its place cannot be read.
    pub fn token(&self) -> Result<SecretString, ConfigError> {
        let unreadable = |what: String| ConfigError::TokenSource { trunk: self.name.clone(), what };
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        if let Some(name) = &self.token_env {
            return std::env::var(name)
                .map(SecretString::from)
                .map_err(|_| unreadable(format!("the environment variable {name}")));
        }
        if let Some(path) = &self.token_file {
            return std::fs::read_to_string(path)
                .map(|token| SecretString::from(token.trim()))
                .map_err(|error| unreadable(format!("{} ({error})", path.display())));
        }
        Err(ConfigError::NoToken { trunk: self.name.clone() })
    }
}

/// Reads a configuration; keys that are absent keep their defaults, unknown keys are errors.
///
/// # Errors
/// When the file cannot be read, or says something that is not a setting.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let shown = path.display().to_string();
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: shown.clone(), source })?;
    parse(&shown, &text)
}

fn parse(path: &str, text: &str) -> Result<Config, ConfigError> {
    let config: Config = serde_saphyr::from_str(text)
        .map_err(|error| ConfigError::Parse { path: path.into(), reason: error.to_string() })?;
    for (n, trunk) in config.trunks.iter().enumerate() {
        if config.trunks[..n].iter().any(|other| other.name == trunk.name) {
            return Err(ConfigError::SameName { name: trunk.name.clone() });
        }
    }
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_defaults_are_the_defaults() {
        let documented = parse("default.yaml", DEFAULT_YAML).unwrap();
        assert_eq!(format!("{documented:?}"), format!("{:?}", Config::default()));
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_place() {
        let error = parse("dering.yaml", "calls:\n  maximum: 3\n").unwrap_err().to_string();
        assert!(error.contains("maximum") && error.contains('2'), "{error}");
    }

    #[test]
    fn a_trunk_without_a_token_says_what_to_give() {
        let config = parse("x", "trunks:\n  - {name: a, url: 'http://x'}\n").unwrap();
        let error = config.trunks[0].token().unwrap_err().to_string();
        assert!(error.contains("token_env"), "{error}");
    }
}
