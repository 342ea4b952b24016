//! `handlers:` phrases and keys that lead away from wherever the flow stands.

use super::reader::Reader;
use super::steps::{Interrupting, phrase_list, question};
use crate::flow::model::{Act, BargeIn, DO_NOT_CALL, Handler, Prompt, PromptPart, Text, is_key};
use crate::language::{Language, listed};
use crate::yaml::{Node, Value};

/// `handlers:` a list of `{ says: […], goto: scene }`, `{ press: "0", goto: scene }`, `{ says: […], do: do_not_call }`.
pub(crate) fn read(reader: &mut Reader<'_>, node: &Node) -> Vec<Handler> {
    let Value::List(items) = &node.value else {
        let message = format!("`handlers` must be a list, but this is {}", node.kind());
        reader.error(node.span, message, "write `- says: [\"…\"]` with its `goto: scene` below");
        return Vec::new();
    };
    let mut handlers: Vec<Handler> = Vec::new();
    for item in items {
        let Some(handler) = handler(reader, item) else { continue };
        let known = |phrase: &&String| handlers.iter().any(|earlier| earlier.phrases.contains(phrase));
        let again = handler.phrases.iter().find(known).cloned();
        let key_again = handler.key.filter(|key| handlers.iter().any(|earlier| earlier.key == Some(*key)));
        if let Some(what) = again.or(key_again.map(String::from)) {
            let hint = "every phrase and key must do one thing only";
            reader.error(item.span, format!("\"{what}\" already has a handler"), hint);
        }
        reader.handler_phrases.extend(handler.phrases.iter().cloned());
        handlers.push(handler);
    }
    handlers
}

fn handler(reader: &mut Reader<'_>, node: &Node) -> Option<Handler> {
    let fields = reader.map(node, "a handler", &["says", "press", "goto", "do", "say"])?;
    let phrases = fields.node("says").map(|node| phrase_list(reader, node)).unwrap_or_default();
    let key = fields.node("press").and_then(|node| {
        let text = reader.scalar(node, "`press`")?;
        let mut keys = text.chars();
        let key = keys.next().filter(|key| is_key(*key) && keys.next().is_none());
        if key.is_none() {
            reader.error(
                node.span,
                format!("`{text}` is not one key"),
                "write one key in quotes, such as \"0\"",
            );
        }
        key
    });
    if fields.entry("says").is_none() && fields.entry("press").is_none() {
        let hint = "add `says:` with phrases, or `press:` with a key in quotes";
        reader.error(node.span, "this handler waits for nothing", hint);
        return None;
    }
    let farewell = fields.entry("say");
    match (fields.node("goto"), fields.node("do")) {
        (Some(to), None) => {
            if let Some(entry) = farewell {
                let hint = "say it in the scene that `goto` leads to";
                reader.error(entry.key_span, "`say` is the farewell of `do: do_not_call`", hint);
            }
            let to = reader.scene(to, "`goto`")?;
            Some(Handler { phrases, key, act: Act::Goto(to) })
        }
        (None, Some(what)) => {
            reader.word(what, "`do`", &[DO_NOT_CALL])?;
            let prompt = match farewell {
                Some(entry) => Prompt {
                    barge_in: BargeIn::Off,
                    ..question(reader, &entry.value, "`say`", Interrupting::default())?
                },
                None => usual_farewell(reader),
            };
            Some(Handler { phrases, key, act: Act::DoNotCall(Box::new(prompt)) })
        }
        _ => {
            let hint = format!("add `goto: scene`, or `do:` with one of {}", listed([DO_NOT_CALL]));
            reader.error(node.span, "this handler needs one thing to do", hint);
            None
        }
    }
}

fn usual_farewell(reader: &Reader<'_>) -> Prompt {
    let (text, language) = match Language::of(&reader.language) {
        Language::Indonesian => {
            ("Baik, kami tidak akan menelepon Anda lagi. Terima kasih.", reader.language.clone())
        }
        Language::English => ("All right, we will not call you again. Goodbye.", reader.language.clone()),
        Language::Other => ("All right, we will not call you again. Goodbye.", "en".to_owned()),
    };
    let voice = if language == reader.language { reader.voice.clone() } else { None };
    let part = PromptPart::Say { text: Text::Literal(text.to_owned()), language, voice };
    Prompt { parts: vec![part], barge_in: BargeIn::Off, ..Prompt::default() }
}
