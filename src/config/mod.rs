//! The configuration file of `dering serve`: composes every part's options, checked whole at start.

mod auth;
mod connections;
mod console;
mod error;
mod examined;
mod inbound;
mod load;
mod outward;
mod paths;
mod recordings;
mod speech;
mod telemetry;
mod told;
mod trunk;
mod webrtc;

use std::collections::BTreeMap;
use std::net::SocketAddr;
#[cfg(test)]
use std::path::Path;
use std::path::PathBuf;

use callcore::amd::DecisionThresholds;
use callcore::number::Country;
use callcore::yaml::Diagnostic;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

pub use self::auth::{Auth, Requests as RequestRate, local_file};
pub use self::connections::Connections;
pub use self::console::{Console, OpenId};
pub use self::error::ConfigError;
pub use self::examined::schema;
pub use self::inbound::{Inbound, InboundRoute, Tls};
#[cfg(test)]
use self::load::parse;
pub use self::load::{defaults_to_serve, findings, load, load_to_serve};
pub use self::outward::Outward;
pub use self::recordings::Recordings;
pub use self::speech::{Key, Recogniser, Recognition, SpeechToText, TextToSpeech, Voices};
pub use self::telemetry::{Otlp, Telemetry};
pub use self::trunk::{Kind, Trunk, TrunkLimits, VersionChoice};
pub use self::webrtc::WebRtc;
use crate::api::{PublicUrl, Setting};
use crate::session::ParamSets;
use crate::telemetry::LogFormat;

/// The defaults, with every key explained.
pub const DEFAULT_YAML: &str = include_str!("default.yaml");

/// Where models lie when the settings do not say: the name of an environment variable.
pub const MODELS_FOLDER: &str = "DERING_MODELS";
/// The variable that names the folder of voices.
pub const VOICES_FOLDER: &str = "DERING_VOICES";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    pub listen: SocketAddr,
    pub connections: Connections,
    pub public_url: PublicUrl,
    pub database: PathBuf,
    pub recordings: Recordings,
    pub speech_cache: PathBuf,
    pub flows: PathBuf,
    pub flow_versions: Option<PathBuf>,
    pub bots: BTreeMap<String, String>,
    /// Of numbers that do not name their own.
    pub country: Option<Country>,
    pub log: Log,
    pub telemetry: Telemetry,
    pub auth: Auth,
    pub console: Console,
    pub calls: Calls,
    pub trunks: Vec<Trunk>,
    pub inbound: Inbound,
    pub webrtc: WebRtc,
    pub webhooks: Outward,
    pub requests: Outward,
    pub speech_to_text: SpeechToText,
    pub amd: Amd,
    pub text_to_speech: TextToSpeech,
    #[serde(skip)]
    pub source: Option<Source>,
    /// What may be wrong with it.
    #[serde(skip)]
    pub warnings: Vec<Diagnostic>,
}

/// The file that settings were read from, with what it says. It may hold secrets.
#[derive(Clone, Debug)]
pub struct Source {
    path: String,
    text: SecretString,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    pub filter: String,
    pub format: LogFormat,
    /// A line for each request.
    pub access: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Calls {
    pub max: usize,
    /// Seconds.
    pub ring_timeout: u64,
}

/// Parameters of the verdict, in files of `dering amd tune`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Amd {
    pub params: Option<PathBuf>,
    /// By a name that a dial request may give; the name of a flow is for that flow.
    pub sets: BTreeMap<String, PathBuf>,
    /// The name of a set, or of a purpose, that is tried in shadow beside every call.
    pub shadow: Option<String>,
}

impl Amd {
    /// Reads the files.
    ///
    /// # Errors
    /// When one cannot be read, or holds something else.
    pub fn load(&self) -> Result<ParamSets, ConfigError> {
        let read = |path: &PathBuf| {
            let shown = path.display().to_string();
            let text = std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Read { path: shown.clone(), source })?;
            let params =
                serde_saphyr::from_str::<DecisionThresholds>(&text).map_err(|error| error.to_string());
            params
                .and_then(|params| params.weights.check().map(|()| params))
                .map_err(|reason| ConfigError::Parse { path: shown, reason })
        };
        let usual = self.params.as_ref().map(read).transpose()?.unwrap_or_default();
        let sets = self.sets.iter().map(|(name, path)| Ok((name.clone(), read(path)?)));
        Ok(ParamSets {
            usual,
            named: sets.collect::<Result<_, ConfigError>>()?,
            shadow: self.shadow.clone(),
            ..ParamSets::default()
        })
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { filter: "info".into(), format: LogFormat::Text, access: false }
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
            connections: Connections::default(),
            public_url: PublicUrl::default(),
            database: "data/dering.db".into(),
            recordings: Recordings::default(),
            speech_cache: "data/speech".into(),
            flows: "flows".into(),
            flow_versions: None,
            bots: BTreeMap::new(),
            country: None,
            log: Log::default(),
            telemetry: Telemetry::default(),
            auth: Auth::default(),
            console: Console::default(),
            calls: Calls::default(),
            trunks: Vec::new(),
            inbound: Inbound::default(),
            webrtc: WebRtc::default(),
            webhooks: Outward::default(),
            requests: Outward::default(),
            speech_to_text: SpeechToText::default(),
            amd: Amd::default(),
            text_to_speech: TextToSpeech::default(),
            source: None,
            warnings: Vec::new(),
        }
    }
}

impl Config {
    /// Every setting with its value and where it is from; of secrets only whether they are set.
    #[must_use]
    pub fn told(&self) -> Vec<Setting> {
        let file = self.source.as_ref().map(|source| (source.path.as_str(), source.text.expose_secret()));
        told::settings(file, &|name| std::env::var(name).ok())
    }

    /// Where models for recognition lie.
    #[must_use]
    pub fn models_folder(&self) -> PathBuf {
        self.speech_to_text.models.clone().unwrap_or_else(|| "data/models".into())
    }

    /// Where voices lie.
    #[must_use]
    pub fn voices_folder(&self) -> PathBuf {
        self.text_to_speech.voices.clone().unwrap_or_else(|| "data/voices".into())
    }

    /// Where versions of flows are kept: beside the database unless the configuration says otherwise.
    #[must_use]
    pub fn flow_versions(&self) -> PathBuf {
        self.flow_versions.clone().unwrap_or_else(|| self.database.with_file_name("flow-versions"))
    }

    /// Where files of contacts wait until they are read: beside the database.
    #[must_use]
    pub fn list_files(&self) -> PathBuf {
        self.database.with_file_name("lists")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Codec;
    use crate::trunk::ocs::{MediaWire, Version};

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
    fn a_trunk_may_say_everything_that_is_documented() {
        let documented: String = DEFAULT_YAML
            .lines()
            .skip_while(|line| !line.starts_with("# Carriers."))
            .take_while(|line| !line.starts_with("trunks:"))
            .filter_map(|line| line.strip_prefix("#   "))
            .fold("trunks:\n".to_owned(), |text, line| format!("{text}  {line}\n"));
        let config = parse("documented", &documented).unwrap();
        let trunk = &config.trunks[0];
        assert_eq!(trunk.version.fixed(), None);
        assert_eq!((trunk.limits.calls, trunk.limits.per_second), (Some(30), Some(2.0)));
        assert_eq!(trunk.caller_id.as_deref(), Some("02150001000"));
        let fixed = "trunks: [{name: a, url: 'http://x', version: 1.0.5, media: websocket, codec: ulaw}]";
        let config = parse("x", fixed).unwrap();
        assert_eq!(config.trunks[0].version.fixed(), Some(Version::V1_0_5));
        assert_eq!((config.trunks[0].media, config.trunks[0].codec), (MediaWire::WebSocket, Codec::Ulaw));
    }

    #[test]
    fn every_example_of_settings_in_the_guides_is_one() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
        let mut examples = 0;
        for page in [
            "serving.md",
            "speech.md",
            "voices.md",
            "carriers.md",
            "sip.md",
            "inbound.md",
            "browser-calls.md",
            "recordings.md",
            "console.md",
        ] {
            let text = std::fs::read_to_string(docs.join(page)).unwrap();
            for block in text.split("```yaml\n").skip(1).filter(|block| !block.starts_with("flow:")) {
                parse(page, block.split("```").next().unwrap()).unwrap();
                examples += 1;
            }
        }
        assert!(examples >= 8, "{examples} examples");
    }

    #[test]
    fn limits_that_let_no_call_through_are_refused() {
        for limits in ["{calls: 0}", "{per_second: 0}", "{per_second: -1}", "{per_second: .nan}"] {
            let text = format!("trunks: [{{name: a, url: 'http://x', limits: {limits}}}]");
            let error = parse("x", &text).unwrap_err().to_string();
            assert!(error.contains("`trunks[0].limits.") && error.contains("x:1:"), "{limits}: {error}");
        }
    }

    #[test]
    fn a_trunk_without_a_token_says_what_to_give() {
        let config = parse("x", "trunks:\n  - {name: a, url: 'http://x'}\n").unwrap();
        let error = config.trunks[0].token().unwrap_err().to_string();
        assert!(error.contains("token_env"), "{error}");
    }
}
