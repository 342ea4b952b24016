//! `say` and `play`: what the callee hears, with check points anywhere in it.

use super::path::is_below;
use super::voices::Voice;
use crate::flow::model::{BargeIn, Confirm, NamedFile, Prompt, PromptPart};
use crate::flow::read::reader::{Fields, Reader};
use crate::language::{backchannels as usual_backchannels, plain_words};
use crate::yaml::{Node, Value};

pub(crate) const BARGE_IN_KEYS: [&str; 4] = ["by", "min_speech", "min_words", "resume"];

/// What may cut a prompt short, and what proves that it is meant.
#[derive(Clone, Copy, Default)]
pub(crate) struct Interrupting {
    by: BargeIn,
    confirm: Confirm,
}

/// `say: "text"`, `say: [parts]`, or `say: { text: …, barge_in: …, language: …, voice: …, on_speech: … }`.
pub(super) fn say(reader: &mut Reader<'_>, node: &Node) -> Option<Prompt> {
    let voice = Voice::of_flow(reader);
    if !matches!(node.value, Value::Map(_)) {
        return Some(Prompt { parts: parts(reader, node, "`say`", &voice)?, ..Prompt::default() });
    }
    let keys = ["text", "barge_in", "language", "voice", "voices", "on_speech"];
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
pub(crate) fn question(
    reader: &mut Reader<'_>,
    node: &Node,
    what: &str,
    barge_in: Interrupting,
) -> Option<Prompt> {
    let voice = Voice::of_flow(reader);
    let Interrupting { by, confirm } = barge_in;
    Some(Prompt { parts: parts(reader, node, what, &voice)?, barge_in: by, confirm, on_speech: None })
}

/// Something said beside the conversation, which nothing cuts.
pub(super) fn aside(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<Prompt> {
    let voice = Voice::of_flow(reader);
    Some(Prompt { parts: parts(reader, node, what, &voice)?, barge_in: BargeIn::Off, ..Prompt::default() })
}

/// A file played beside the conversation.
pub(super) fn music(reader: &mut Reader<'_>, node: &Node) -> Option<Prompt> {
    let parts = vec![PromptPart::File(audio_file(reader, node)?)];
    Some(Prompt { parts, barge_in: BargeIn::Off, ..Prompt::default() })
}

/// `barge_in: both`, or `barge_in: { by: both, min_speech: 400ms, min_words: 2, resume: true }`.
pub(super) fn barge_in(reader: &mut Reader<'_>, node: &Node) -> Interrupting {
    if !matches!(node.value, Value::Map(_)) {
        return Interrupting { by: by(reader, node, "`barge_in`"), confirm: Confirm::default() };
    }
    let Some(fields) = reader.map(node, "`barge_in`", &BARGE_IN_KEYS) else { return Interrupting::default() };
    let by = fields.node("by").map_or_else(BargeIn::default, |node| by(reader, node, "`by`"));
    let min_speech_ms = fields.node("min_speech").and_then(|node| reader.duration_ms(node, "`min_speech`"));
    let min_words = fields.node("min_words").and_then(|node| reader.count(node, "`min_words`", 1..11));
    let resume = fields.node("resume").is_none_or(|node| reader.yes(node, "`resume`"));
    let confirm = match (min_speech_ms, min_words, resume) {
        (None, None, true) => Confirm::default(),
        (None, None, false) => Confirm::AT_ONCE,
        _ => Confirm {
            min_speech_ms: min_speech_ms.unwrap_or_default(),
            min_words: min_words.unwrap_or_default(),
            resume,
        },
    };
    if !by.by_speech()
        && let Some(entry) = BARGE_IN_KEYS.iter().skip(1).find_map(|key| fields.entry(key))
    {
        let hint = "use `by: speech` or `both`, or drop it";
        reader.warn(entry.key_span, "speech cannot cut this prompt, so there is nothing to prove", hint);
    }
    Interrupting { by, confirm }
}

fn by(reader: &mut Reader<'_>, node: &Node, what: &str) -> BargeIn {
    match reader.word(node, what, &["off", "speech", "dtmf", "both"]).as_deref() {
        Some("off") => BargeIn::Off,
        Some("speech") => BargeIn::Speech,
        Some("dtmf") => BargeIn::Dtmf,
        Some(_) | None => BargeIn::Both,
    }
}

/// `backchannels: [uh-huh, ya]`: the author's words beside those that everybody says.
pub(crate) fn backchannels(reader: &mut Reader<'_>, node: Option<&Node>) -> Vec<String> {
    let mut words: Vec<String> = usual_backchannels(&reader.language).map(str::to_owned).collect();
    let nodes = match node.map(|node| (node, &node.value)) {
        None => &[],
        Some((_, Value::List(items))) => items.as_slice(),
        Some((node, Value::Scalar { .. } | Value::Map(_))) => std::slice::from_ref(node),
    };
    for node in nodes {
        let Some(text) = reader.scalar(node, "a backchannel") else { continue };
        let plain = plain_words(text);
        if plain.is_empty() {
            reader.error(node.span, "a backchannel needs words", "write a word such as `uh-huh` or `ya`");
        }
        words.push(plain);
    }
    // Of two that begin alike the longer one is taken out first.
    words.sort_by_key(|phrase| std::cmp::Reverse(phrase.len()));
    words
}

fn with_options(reader: &mut Reader<'_>, fields: Fields<'_>, parts: Vec<PromptPart>) -> Prompt {
    let Interrupting { by, confirm } =
        fields.node("barge_in").map_or_else(Interrupting::default, |node| barge_in(reader, node));
    let on_speech = fields.entry("on_speech").and_then(|entry| {
        if !by.by_speech() {
            let hint = "use `barge_in: speech` or `both`, or drop `on_speech`";
            reader.warn(entry.key_span, "speech cannot cut this prompt, so `on_speech` never happens", hint);
        }
        reader.scene(&entry.value, "`on_speech`")
    });
    Prompt { parts, barge_in: by, confirm, on_speech }
}

/// A text, or a list of texts, `{ say: … }`, `{ play: … }` and `{ checkpoint: … }`.
fn parts(reader: &mut Reader<'_>, node: &Node, what: &str, voice: &Voice) -> Option<Vec<PromptPart>> {
    let Value::List(items) = &node.value else {
        return Some(vec![spoken(reader, node, what, voice)?]);
    };
    let mut parts = Vec::with_capacity(items.len());
    for item in items {
        let protected = is_protected(reader, item);
        let Some(part) = part(reader, item, voice) else { continue };
        if protected {
            parts.extend([PromptPart::Protected(true), part, PromptPart::Protected(false)]);
        } else {
            parts.push(part);
        }
    }
    if parts.is_empty() && !reader.has_errors() {
        reader.error(node.span, format!("{what} is empty"), "add a text");
        return None;
    }
    Some(parts)
}

/// Whether nothing may cut this part. It says so itself: `{ say: …, protected: true }`.
fn is_protected(reader: &mut Reader<'_>, item: &Node) -> bool {
    let Value::Map(entries) = &item.value else { return false };
    let Some(entry) = entries.iter().find(|entry| entry.key == "protected") else { return false };
    if entries.iter().any(|entry| entry.key == "checkpoint") {
        let hint = "protect the text before it: `{ say: …, protected: true }`";
        reader.error(entry.key_span, "a check point cannot be protected", hint);
    }
    reader.yes(&entry.value, "`protected`")
}

fn part(reader: &mut Reader<'_>, node: &Node, voice: &Voice) -> Option<PromptPart> {
    if !matches!(node.value, Value::Map(_)) {
        return spoken(reader, node, "this part", voice);
    }
    let keys = ["say", "play", "checkpoint", "language", "voice", "voices", "protected"];
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
    if !is_below(reader, path, node.span, "audio/welcome.wav") {
        return None;
    }
    let ending = path.rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase();
    if !matches!(ending.as_str(), "wav" | "mp3") {
        reader.error(node.span, format!("`{path}` is not a `.wav` or `.mp3` file"), "convert it first");
        return None;
    }
    let (line, column) = (node.span.line, node.span.column);
    reader.audio.entry(path.to_owned()).or_insert(NamedFile { path: path.to_owned(), line, column });
    Some(path.to_owned())
}
