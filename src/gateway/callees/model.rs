//! The callee file: what a simulated callee is, as written in YAML.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::values::{Keys, Level, Loss, Millis, Noise, Pattern, Pitch};

/// One file under the callees folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalleeFile {
    /// One line for people, shown in tables.
    #[serde(default)]
    pub description: String,
    /// Dialled numbers that reach this callee: exact, or a prefix that ends in `*`.
    pub numbers: Vec<Pattern>,
    /// Language of what is spoken, where a step names none.
    #[serde(default = "english")]
    pub language: String,
    /// Voice of what is spoken, where a step names none.
    pub voice: Option<String>,
    /// How long it rings; without it 2 s before an answer, 40 s where nobody answers, else 600 ms.
    pub ring: Option<Millis>,
    #[serde(default)]
    pub outcome: Outcome,
    /// The floor of noise on the line, in dBFS, or `off`.
    #[serde(default)]
    pub noise: Noise,
    /// The bot's voice comes back, as from a loudspeaker; without it, it does not.
    pub echo: Option<Echo>,
    /// The callee hangs up after this long at the latest.
    #[serde(default = "five_minutes")]
    pub cap: Millis,
    #[serde(default)]
    pub script: Vec<Step>,
}

fn english() -> String {
    "en-US".into()
}

const fn five_minutes() -> Millis {
    Millis(300_000)
}

/// What follows the ringing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    #[default]
    Answer,
    Busy,
    Reject,
    NoAnswer,
    BadNumber,
    Congestion,
}

/// How what the callee hears comes back.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Echo {
    pub delay: Millis,
    /// How much fainter it is.
    pub loss: Loss,
}

/// One thing the callee does; they follow one another without a gap.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// An audio file, its path relative to the callee file.
    Play(Recording),
    Speak(Speech),
    /// A third of a second that is no word.
    Cough,
    /// Music at hold, for so long.
    Music(Millis),
    Beep(Beep),
    /// Special information tone.
    Sit,
    Fax(Fax),
    Ringback(Ringback),
    Silence(Millis),
    /// Keys pressed one after another.
    Dtmf(Keys),
    /// Waits until the bot speaks.
    WaitForBot(Wait),
    /// Waits until what the bot says now, or says next, has ended.
    WaitUntilBotStops(WaitForSilence),
    /// Waits until the bot has spoken for a while, then speaks over it.
    TalkOver(TalkOver),
    HangUp,
}

/// `play: greeting.wav`, or with a level.
#[derive(Clone, Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Recording {
    pub file: String,
    /// Loudness in dBFS RMS; without it the file is played as it is.
    pub level: Option<Level>,
}

/// `speak: Hello?`, or with a language, a voice and a level.
#[derive(Clone, Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct Speech {
    pub text: String,
    pub language: Option<String>,
    pub voice: Option<String>,
    pub level: Option<Level>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Beep {
    /// One frequency or two.
    pub hz: Pitch,
    pub length: Millis,
    pub level: Option<Level>,
}

/// Which side's fax tone, and for how long.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fax {
    /// CNG, 1100 Hz for 0.5 s every 3.5 s.
    Calling(Millis),
    /// CED, 2100 Hz.
    Answer(Millis),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ringback {
    #[serde(default)]
    pub country: Country,
    pub length: Millis,
}

/// Whose ringback tone (ITU-T E.180 supplement 2).
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub enum Country {
    /// 440 + 480 Hz, 2 s on, 4 s off.
    #[default]
    #[serde(rename = "us", alias = "US")]
    UnitedStates,
    /// 400 + 450 Hz, 0.4 s on, 0.2 s off, 0.4 s on, 2 s off.
    #[serde(rename = "gb", alias = "GB")]
    UnitedKingdom,
    /// 425 Hz, 1 s on, 4 s off, as in most of Europe and in Indonesia.
    #[serde(rename = "eu", alias = "EU", alias = "id", alias = "ID")]
    Europe,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wait {
    #[serde(default = "half_a_minute")]
    pub timeout: Millis,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaitForSilence {
    /// How long the bot must be silent; longer than its pauses between sentences.
    #[serde(default = "one_second")]
    pub silence: Millis,
    #[serde(default = "half_a_minute")]
    pub timeout: Millis,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TalkOver {
    /// How long the bot has spoken when the callee begins.
    pub after: Millis,
    pub speak: Speech,
    #[serde(default = "half_a_minute")]
    pub timeout: Millis,
}

const fn half_a_minute() -> Millis {
    Millis(30_000)
}

const fn one_second() -> Millis {
    Millis(1_000)
}

/// A step's argument that is one text for short, or a map with more.
trait Short: Sized {
    fn from_text(text: &str) -> Self;
    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error>;
}

impl Short for Recording {
    fn from_text(text: &str) -> Self {
        Self { file: text.into(), level: None }
    }

    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Self::deserialize(MapAccessDeserializer::new(map))
    }
}

impl Short for Speech {
    fn from_text(text: &str) -> Self {
        Self { text: text.into(), language: None, voice: None, level: None }
    }

    fn from_map<'de, A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Self::deserialize(MapAccessDeserializer::new(map))
    }
}

struct ShortVisitor<T>(PhantomData<T>);

impl<'de, T: Short> Visitor<'de> for ShortVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or a map with more")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        Ok(T::from_text(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::from_map(map)
    }
}

impl<'de> Deserialize<'de> for Recording {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShortVisitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for Speech {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShortVisitor(PhantomData))
    }
}
