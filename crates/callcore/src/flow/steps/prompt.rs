//! `say` and `play`: what the callee hears, with check points anywhere in it.

use super::super::io::BargeIn;
use super::super::model::{AudioFile, Prompt, PromptPart};
use super::super::parse::language;
use super::super::reader::{Fields, Reader};
use super::super::yaml::{Node, Value};

/// How the parts of a prompt are spoken unless a part says otherwise.
#[derive(Clone)]
struct Voice {
    language: String,
    name: Option<String>,
}

impl Voice {
    fn of_flow(reader: &Reader<'_>) -> Self {
        Self { language: reader.language.clone(), name: reader.voice.clone() }
    }

    /// A voice belongs to its language: another language drops the flow's voice.
    fn overridden(mut self, reader: &mut Reader<'_>, fields: Fields<'_>) -> Self {
        if let Some(language) = fields.node("language").and_then(|node| language(reader, node))
            && language != self.language
        {
            self = Self { language, name: None };
        }
        if let Some(node) = fields.node("voice") {
            self.name = reader.scalar(node, "`voice`").map(str::to_owned);
        }
        self
    }
}

/// `say: "text"`, `say: [parts]`, or `say: { text: …, barge_in: …, language: …, voice: …, on_speech: … }`.
pub(super) fn say(reader: &mut Reader<'_>, node: &Node) -> Option<Prompt> {
    let voice = Voice::of_flow(reader);
    if !matches!(node.value, Value::Map(_)) {
        return Some(Prompt { parts: parts(reader, node, "`say`", &voice)?, ..Prompt::default() });
    }
    let keys = ["text", "barge_in", "language", "voice", "on_speech"];
    let fields = reader.map(node, "`say`", &keys)?;
    let voice = voice.overridden(reader, fields);
    let Some(text) = fields.node("text") else {
        reader.error(node.span, "`say` has no `text`", "add `text: \"…\"`");
        return None;
    };
    let parts = parts(reader, text, "`text`", &voice)?;
    Some(with_options(reader, fields, parts))
}

/// `play: file.wav`, or `play: { file: …, barge_in: …, on_speech: … }`.
pub(super) fn play(reader: &mut Reader<'_>, node: &Node) -> Option<Prompt> {
    if !matches!(node.value, Value::Map(_)) {
        let file = audio_file(reader, node)?;
        return Some(Prompt { parts: vec![PromptPart::File(file)], ..Prompt::default() });
    }
    let fields = reader.map(node, "`play`", &["file", "barge_in", "on_speech"])?;
    let Some(file) = fields.node("file") else {
        reader.error(node.span, "`play` has no `file`", "add `file: audio/name.wav`");
        return None;
    };
    let file = audio_file(reader, file)?;
    Some(with_options(reader, fields, vec![PromptPart::File(file)]))
}

/// The question of an `ask`, or one of its re-prompts.
pub(in super::super) fn question(
    reader: &mut Reader<'_>,
    node: &Node,
    what: &str,
    barge_in: BargeIn,
) -> Option<Prompt> {
    let voice = Voice::of_flow(reader);
    Some(Prompt { parts: parts(reader, node, what, &voice)?, barge_in, on_speech: None })
}

/// A `barge_in:` value.
pub(super) fn barge_in(reader: &mut Reader<'_>, node: &Node) -> BargeIn {
    match reader.word(node, "`barge_in`", &["off", "speech", "dtmf", "both"]).as_deref() {
        Some("off") => BargeIn::Off,
        Some("speech") => BargeIn::Speech,
        Some("dtmf") => BargeIn::Dtmf,
        Some(_) | None => BargeIn::Both,
    }
}

fn with_options(reader: &mut Reader<'_>, fields: Fields<'_>, parts: Vec<PromptPart>) -> Prompt {
    let barge_in = fields.node("barge_in").map_or_else(BargeIn::default, |node| barge_in(reader, node));
    let on_speech = fields.entry("on_speech").and_then(|entry| {
        if !barge_in.by_speech() {
            let hint = "use `barge_in: speech` or `both`, or drop `on_speech`";
            reader.warn(entry.key_span, "speech cannot cut this prompt, so `on_speech` never happens", hint);
        }
        reader.scene(&entry.value, "`on_speech`")
    });
    Prompt { parts, barge_in, on_speech }
}

/// A text, or a list of texts, `{ say: … }`, `{ play: … }` and `{ checkpoint: … }`.
fn parts(reader: &mut Reader<'_>, node: &Node, what: &str, voice: &Voice) -> Option<Vec<PromptPart>> {
    let Value::List(items) = &node.value else {
        return Some(vec![spoken(reader, node, what, voice)?]);
    };
    let parts: Vec<_> = items.iter().filter_map(|item| part(reader, item, voice)).collect();
    if parts.is_empty() && !reader.has_errors() {
        reader.error(node.span, format!("{what} is empty"), "add a text");
        return None;
    }
    Some(parts)
}

fn part(reader: &mut Reader<'_>, node: &Node, voice: &Voice) -> Option<PromptPart> {
    if !matches!(node.value, Value::Map(_)) {
        return spoken(reader, node, "this part", voice);
    }
    let keys = ["say", "play", "checkpoint", "language", "voice"];
    let fields = reader.map(node, "a part of a prompt", &keys)?;
    let voice = voice.clone().overridden(reader, fields);
    match (fields.node("say"), fields.node("play"), fields.node("checkpoint")) {
        (Some(text), None, None) => spoken(reader, text, "`say`", &voice),
        (None, Some(file), None) => audio_file(reader, file).map(PromptPart::File),
        (None, None, Some(name)) => reader.checkpoint(name).map(PromptPart::Checkpoint),
        _ if !fields.only(&keys) => None,
        _ => {
            let hint = "a part is a text, `say: …`, `play: …` or `checkpoint: …`; one per `- `";
            reader.error(node.span, "a part of a prompt must be one thing", hint);
            None
        }
    }
}

fn spoken(reader: &mut Reader<'_>, node: &Node, what: &str, voice: &Voice) -> Option<PromptPart> {
    let text = reader.text(node, what)?;
    Some(PromptPart::Say { text, language: voice.language.clone(), voice: voice.name.clone() })
}

/// A path below the flow's folder.
fn audio_file(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let path = reader.scalar(node, "the audio file")?;
    let outside = path.starts_with(['/', '\\', '~'])
        || path.contains(['\\', '\0', ':'])
        || path.split('/').any(|part| matches!(part, ".." | "." | ""));
    if outside {
        let hint = "name it relative to the flow's folder, such as `audio/welcome.wav`";
        reader.error(node.span, format!("`{path}` is not a path below the flow's folder"), hint);
        return None;
    }
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase();
    if !matches!(ending.as_str(), "wav" | "mp3") {
        reader.error(node.span, format!("`{path}` is not a `.wav` or `.mp3` file"), "convert it first");
        return None;
    }
    let (line, column) = (node.span.line, node.span.column);
    reader.audio.entry(path.to_owned()).or_insert(AudioFile { path: path.to_owned(), line, column });
    Some(path.to_owned())
}
