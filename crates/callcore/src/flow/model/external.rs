//! Steps that want something done outside the conversation: `record`, `http`, `notify`, `transfer`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ids::SceneId;
use super::prompt::Prompt;
use super::text::Text;

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    pub(crate) const ALL: [(&'static str, Self); 5] = [
        ("GET", Self::Get),
        ("POST", Self::Post),
        ("PUT", Self::Put),
        ("PATCH", Self::Patch),
        ("DELETE", Self::Delete),
    ];

    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(_, method)| *method == self).map_or("", |(word, _)| word)
    }
}

/// One of the steps.
#[derive(Debug)]
pub(crate) enum ExternalStep {
    Record(Record),
    Http(Box<Http>),
    Notify { event: String, data: JsonText },
    Transfer(Transfer),
}

#[derive(Debug)]
pub(crate) struct Record {
    pub max_ms: u64,
    pub end_silence_ms: u64,
    /// Keys that end it; empty for none.
    pub end_keys: String,
    pub beep: bool,
    /// The variable that takes the recording's name.
    pub into: Option<String>,
    /// The variable that takes its length, ms.
    pub length_into: Option<String>,
    pub on_empty: Option<SceneId>,
}

#[derive(Debug)]
pub(crate) struct Http {
    pub method: Method,
    pub url: Text,
    /// As written, without the query.
    pub shown_url: String,
    pub headers: Vec<(String, Text)>,
    pub json: Option<JsonText>,
    pub timeout_ms: u64,
    /// A variable and the JSON pointer (RFC 6901) of its value in the answer.
    pub into: Vec<(String, String)>,
    pub status_into: Option<String>,
    pub on_error: Option<SceneId>,
    /// The first that fits is taken.
    pub on_status: Vec<(StatusRange, SceneId)>,
    pub filler: Option<Filler>,
}

/// `404`, or `4xx` for a hundred of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusRange {
    pub first: u16,
    pub last: u16,
}

/// What the callee hears while a request runs.
#[derive(Debug)]
pub(crate) struct Filler {
    pub prompt: Prompt,
    /// An answer that comes sooner is not waited for aloud, ms.
    pub delay_ms: u64,
    /// Begin again when it is over.
    pub repeat: bool,
    /// Words are heard to their end; music is cut when the answer is there.
    pub heard_out: bool,
}

/// JSON with variables in it. Values are put into the tree, not into its text, so that none can break it.
#[derive(Debug)]
pub(crate) enum JsonText {
    Literal(Value),
    /// A text that is one variable and nothing else keeps the variable's type.
    Variable(String),
    Text(Text),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

#[derive(Debug)]
pub(crate) struct Transfer {
    pub to: Text,
    pub timeout_ms: u64,
    pub on_unsupported: Option<SceneId>,
    pub on_failed: Option<SceneId>,
}

impl ExternalStep {
    /// Every scene it may lead to, with what leads there.
    pub(crate) fn ways_out(&self) -> Vec<(SceneId, String)> {
        let way = |scene: &Option<SceneId>, label: &str| scene.map(|scene| (scene, label.to_owned()));
        match self {
            Self::Record(record) => way(&record.on_empty, "nothing said").into_iter().collect(),
            Self::Http(http) => http
                .on_status
                .iter()
                .map(|(range, scene)| (*scene, format!("status {}", range.shown())))
                .chain(way(&http.on_error, "no good answer"))
                .collect(),
            Self::Notify { .. } => Vec::new(),
            Self::Transfer(transfer) => way(&transfer.on_unsupported, "no transfer here")
                .into_iter()
                .chain(way(&transfer.on_failed, "transfer failed"))
                .collect(),
        }
    }

    pub(crate) fn prompts(&self) -> Vec<&Prompt> {
        match self {
            Self::Http(http) => http.filler.iter().map(|filler| &filler.prompt).collect(),
            Self::Record(_) | Self::Notify { .. } | Self::Transfer(_) => Vec::new(),
        }
    }

    pub(crate) const fn takes_time(&self) -> bool {
        !matches!(self, Self::Notify { .. })
    }
}

impl StatusRange {
    pub(crate) fn contains(self, status: u16) -> bool {
        (self.first..=self.last).contains(&status)
    }

    fn shown(self) -> String {
        if self.first == self.last { self.first.to_string() } else { format!("{}xx", self.first / 100) }
    }
}

/// 3 to 20 digits, perhaps with a plus before them.
pub(crate) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (3..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}
