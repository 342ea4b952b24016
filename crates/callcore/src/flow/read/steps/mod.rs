//! Reading the steps of a scene: one file per family of steps.

mod ask;
mod call;
mod control;
mod expected;
mod http;
mod json;
mod listen;
mod notify;
mod path;
mod prompt;
mod record;
mod show;
mod signal;
mod slot;
mod transfer;
mod voices;

#[cfg(test)]
pub(crate) use ask::KEYS as ASK_KEYS;
pub(super) use ask::phrase_list;
#[cfg(test)]
pub(crate) use http::KEYS as HTTP_KEYS;
#[cfg(test)]
pub(crate) use listen::KEYS as LISTEN_KEYS;
#[cfg(test)]
pub(crate) use prompt::BARGE_IN_KEYS;
pub(super) use prompt::{Interrupting, backchannels, question};
#[cfg(test)]
pub(crate) use record::KEYS as RECORD_KEYS;
pub(super) use voices::voices;

use super::reader::Reader;
use crate::flow::model::{ExternalStep, Prompt, PromptPart, Step};
use crate::language::{listed, nearest};
use crate::yaml::Span;
use crate::yaml::{Entry, Node, Value};

/// The steps by name.
pub(crate) const STEPS: [&str; 20] = [
    "say",
    "play",
    "show",
    "ask",
    "listen",
    "wait_for_beep",
    "wait_for_greeting_end",
    "wait",
    "branch",
    "checkpoint",
    "set",
    "send_digits",
    "record",
    "http",
    "notify",
    "transfer",
    "goto",
    "call",
    "return",
    "hangup",
];

/// The steps of one scene and where they stand. A check point directly behind a prompt becomes part of it, so that it is
/// passed when the prompt has been heard and not when the flow gets there.
pub(crate) fn read_list(reader: &mut Reader<'_>, node: &Node) -> (Vec<Step>, Vec<Span>) {
    let Value::List(items) = &node.value else {
        let message = format!("a scene must be a list of steps, but this is {}", node.kind());
        reader.error(node.span, message, "begin every step with `- `, such as `- say: \"Hello\"`");
        reader.steps_missing = true;
        return (Vec::new(), Vec::new());
    };
    if items.is_empty() {
        reader.error(node.span, "the scene has no steps", "add one, such as `- hangup: done`");
    }
    let (mut steps, mut spans): (Vec<Step>, Vec<Span>) = (Vec::new(), Vec::new());
    for item in items {
        match (read(reader, item), steps.last_mut()) {
            (Some(Step::Checkpoint(name)), Some(Step::Prompt(Prompt { parts, .. }))) => {
                parts.push(PromptPart::Checkpoint(name));
            }
            (Some(step), _) => {
                steps.push(step);
                spans.push(place(item));
            }
            (None, _) => reader.steps_missing = true,
        }
    }
    (steps, spans)
}

/// The step's first word.
fn place(node: &Node) -> Span {
    match &node.value {
        Value::Map(entries) => entries.first().map_or(node.span, |entry| entry.key_span),
        Value::Scalar { .. } | Value::List(_) => node.span,
    }
}

fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Step> {
    match &node.value {
        Value::Map(entries) => match entries.as_slice() {
            [entry] => read_entry(reader, entry),
            [] => {
                reader.error(node.span, "this step is empty", steps_hint());
                None
            }
            [first, second, ..] => {
                let hint = if STEPS.contains(&second.key.as_str()) {
                    format!("begin a new step: put `- ` before `{}`", second.key)
                } else {
                    format!("indent `{}` further, so that it belongs to `{}`", second.key, first.key)
                };
                reader.error(second.key_span, "one step has two keys", hint);
                if first.value.is_null() { None } else { read_entry(reader, first) }
            }
        },
        Value::Scalar { text, .. } => read_bare(reader, text, node.span),
        Value::List(_) => {
            reader.error(node.span, "a step cannot be a list", steps_hint());
            None
        }
    }
}

fn read_bare(reader: &mut Reader<'_>, name: &str, span: Span) -> Option<Step> {
    match name {
        "hangup" => Some(control::bare_hangup()),
        "return" => Some(Step::Return(String::new())),
        "record" => Some(Step::External(ExternalStep::Record(record::bare()))),
        "wait_for_beep" => Some(Step::WaitForBeep(signal::bare_beep())),
        "wait_for_greeting_end" => Some(Step::WaitForGreetingEnd(signal::bare_greeting_end())),
        _ if STEPS.contains(&name) => {
            reader.error(span, format!("`{name}` needs a value"), format!("write `- {name}: …`"));
            None
        }
        _ => {
            let message = format!("`{}` is not a step", name.chars().take(40).collect::<String>());
            let hint = match nearest(name, STEPS) {
                Some(near) => format!("did you mean `{near}`? {}", steps_hint()),
                None => format!("to speak it, write `- say: \"…\"`; {}", steps_hint()),
            };
            reader.error(span, message, hint);
            None
        }
    }
}

fn read_entry(reader: &mut Reader<'_>, entry: &Entry) -> Option<Step> {
    let node = &entry.value;
    match entry.key.as_str() {
        "say" => prompt::say(reader, node).map(Step::Prompt),
        "play" => prompt::play(reader, node).map(Step::Prompt),
        "show" => show::read(reader, node),
        "ask" => ask::read(reader, entry).map(Box::new).map(Step::Ask),
        "listen" => listen::read(reader, entry).map(Box::new).map(Step::Ask),
        "wait_for_beep" => signal::beep(reader, node).map(Step::WaitForBeep),
        "wait_for_greeting_end" => signal::greeting_end(reader, node).map(Step::WaitForGreetingEnd),
        "wait" => reader.duration_ms(node, "`wait`").map(|ms| Step::Wait { ms }),
        "branch" => control::branch(reader, node),
        "checkpoint" => reader.checkpoint(node).map(Step::Checkpoint),
        "set" => control::set(reader, node).map(Step::Set),
        "send_digits" => control::send_digits(reader, node),
        "call" => call::call(reader, entry).map(Box::new).map(Step::Call),
        "return" => call::back(reader, node).map(Step::Return),
        "record" => record::read(reader, node).map(|record| Step::External(ExternalStep::Record(record))),
        "http" => http::read(reader, node).map(|http| Step::External(ExternalStep::Http(Box::new(http)))),
        "notify" => notify::read(reader, node).map(Step::External),
        "transfer" => {
            transfer::read(reader, entry).map(|transfer| Step::External(ExternalStep::Transfer(transfer)))
        }
        "goto" => reader.scene(node, "`goto`").map(Step::Goto),
        "hangup" => control::hangup(reader, node),
        unknown => {
            let hint = match nearest(unknown, STEPS) {
                Some(near) => format!("did you mean `{near}`? {}", steps_hint()),
                None => steps_hint(),
            };
            reader.error(entry.key_span, format!("there is no step `{unknown}`"), hint);
            None
        }
    }
}

fn steps_hint() -> String {
    format!("steps are {}", listed(STEPS))
}
