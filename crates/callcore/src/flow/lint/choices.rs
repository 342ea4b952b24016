//! Answers and conditions that cannot be told apart.

use crate::flow::model::is_key;
use crate::flow::read::{Entry, Node, Reader, Value};
use crate::language::{Language, hear_yes_no, plain_words};

/// A phrase, the choice it picks, and where it stands.
struct Phrase<'n> {
    words: String,
    choice: &'n Entry,
}

/// What leads away from anywhere in the call.
pub(super) struct Handlers {
    phrases: Vec<String>,
    keys: Vec<String>,
}

impl Handlers {
    /// The handlers of a flow file.
    pub(super) fn of(root: &Node) -> Self {
        let mut handlers = Self { phrases: Vec::new(), keys: Vec::new() };
        let Some(Value::List(items)) = root.entry("handlers").map(|listed| &listed.value.value) else {
            return handlers;
        };
        for item in items {
            handlers.phrases.extend(item.entry("says").into_iter().flat_map(|says| texts(&says.value)));
            if let Some(Value::Scalar { text, .. }) = item.entry("press").map(|press| &press.value.value) {
                handlers.keys.push(text.clone());
            }
        }
        handlers
    }
}

/// The choices of one `ask`.
pub(super) fn ask(reader: &mut Reader<'_>, ask: &Entry, handlers: &Handlers) {
    let Some(choices) = ask.value.entry("choices") else { return };
    let Value::Map(choices) = &choices.value.value else { return };
    if ask.value.entry("digit_timeout").is_none() {
        overlapping_keys(reader, choices);
    }
    leading_zeros(reader, choices);
    contained_phrases(reader, choices);
    if ask.value.entry("yes_no").is_some() {
        beside_yes_no(reader, choices);
    }
    beside_handlers(reader, choices, handlers);
}

/// A choice is looked at before the typed answer, so it takes the yes or the no that it overlaps with.
fn beside_yes_no(reader: &mut Reader<'_>, choices: &[Entry]) {
    let language = Language::of(&reader.language);
    for choice in choices {
        let meant = match choice.key.as_str() {
            "1" => Some("yes"),
            "2" => Some("no"),
            _ => None,
        };
        if let Some(meant) = meant {
            let message =
                format!("the key `{}` also means {meant} to `yes_no`, and the choice takes it", choice.key);
            reader.warn(choice.key_span, message, "give the choice another key: 1 and 2 are yes and no");
        }
        for Phrase { words, .. } in phrases(choice) {
            let Some(answer) = hear_yes_no(&words, language) else { continue };
            let meant = if answer { "yes" } else { "no" };
            let message = format!("\"{words}\" also means {meant} to `yes_no`, and the choice takes it");
            reader.warn(choice.key_span, message, "choose a phrase without a yes or a no in it");
        }
    }
}

/// Of a handler and a choice the longer phrase is taken, and an open question keeps its keys.
fn beside_handlers(reader: &mut Reader<'_>, choices: &[Entry], handlers: &Handlers) {
    let holds = |outer: &str, inner: &str| format!(" {outer} ").contains(&format!(" {inner} "));
    for choice in choices {
        if handlers.keys.contains(&choice.key) {
            let message = format!(
                "the key `{}` has a handler, too: while this question is open, the choice takes it",
                choice.key
            );
            reader.warn(choice.key_span, message, "give the choice another key, unless this is meant");
        }
        for Phrase { words, .. } in phrases(choice) {
            let message = if let Some(inner) = handlers.phrases.iter().find(|own| holds(&words, own)) {
                format!("\"{words}\" holds \"{inner}\", which has a handler: a word misheard leads there")
            } else if let Some(outer) = handlers.phrases.iter().find(|own| holds(own, &words)) {
                format!("\"{words}\" is part of \"{outer}\", which has a handler and takes what is said")
            } else {
                continue;
            };
            reader.warn(choice.key_span, message, "choose phrases that share less with the handler's");
        }
    }
}

/// Callees take `01` and `1` for the same answer.
fn leading_zeros(reader: &mut Reader<'_>, choices: &[Entry]) {
    let digits =
        |choice: &&Entry| !choice.key.is_empty() && choice.key.bytes().all(|key| key.is_ascii_digit());
    for (at, choice) in choices.iter().enumerate().filter(|(_, choice)| digits(choice)) {
        let bare = choice.key.trim_start_matches('0');
        let same = |earlier: &&Entry| !bare.is_empty() && earlier.key.trim_start_matches('0') == bare;
        if let Some(other) = choices[..at].iter().filter(digits).find(same) {
            let message = format!("`{}` and `{}` differ by a leading zero only", choice.key, other.key);
            reader.warn(choice.key_span, message, "keep one of them: callees take them for the same answer");
        }
    }
}

/// After the shorter of two keys the bot waits for more; how long should be the author's decision.
fn overlapping_keys(reader: &mut Reader<'_>, choices: &[Entry]) {
    let keys = |choice: &&Entry| !choice.key.is_empty() && choice.key.chars().all(is_key);
    for short in choices.iter().filter(keys) {
        let longer = choices
            .iter()
            .filter(keys)
            .find(|long| long.key != short.key && long.key.starts_with(&short.key));
        if let Some(long) = longer {
            let message = format!("`{}` also begins `{}`, so its answer comes 2 s late", short.key, long.key);
            reader.warn(
                short.key_span,
                message,
                "say how long to wait for the next key: `digit_timeout: 2s`",
            );
        }
    }
}

/// The longest phrase that was said wins, so a shorter one inside it wins as soon as a word is missed.
fn contained_phrases(reader: &mut Reader<'_>, choices: &[Entry]) {
    let phrases: Vec<Phrase<'_>> = choices.iter().flat_map(phrases).collect();
    for inner in &phrases {
        let outer = phrases.iter().find(|outer| {
            !std::ptr::eq(outer.choice, inner.choice)
                && outer.words != inner.words
                && format!(" {} ", outer.words).contains(&format!(" {} ", inner.words))
        });
        if let Some(outer) = outer {
            let (one, other) = (&inner.choice.key, &outer.choice.key);
            let message = format!(
                "\"{}\" (choice `{one}`) is part of \"{}\" (choice `{other}`): a word misheard takes the wrong one",
                inner.words, outer.words
            );
            reader.warn(inner.choice.key_span, message, "choose phrases that share less, or make one longer");
        }
    }
}

fn phrases(choice: &Entry) -> Vec<Phrase<'_>> {
    let mut found = Vec::new();
    if !choice.key.chars().all(is_key) {
        found.push(plain_words(&choice.key));
    }
    if let Some(listed) = choice.value.entry("phrases") {
        found.extend(texts(&listed.value));
    }
    found.into_iter().filter(|words| !words.is_empty()).map(|words| Phrase { words, choice }).collect()
}

/// A text or a list of them, in plain words.
fn texts(node: &Node) -> Vec<String> {
    let nodes = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Scalar { .. } | Value::Map(_) => std::slice::from_ref(node),
    };
    let texts = nodes.iter().filter_map(|node| match &node.value {
        Value::Scalar { text, .. } => Some(plain_words(text)),
        Value::List(_) | Value::Map(_) => None,
    });
    texts.filter(|words| !words.is_empty()).collect()
}

/// The cases of one `branch`: the first that holds is taken, so a second one like it never is.
pub(super) fn branch(reader: &mut Reader<'_>, branch: &Entry) {
    let Value::List(cases) = &branch.value.value else { return };
    let mut seen: Vec<Vec<&str>> = Vec::new();
    for case in cases {
        let Some(when) = case.entry("when") else { continue };
        let Value::Scalar { text, .. } = &when.value.value else { continue };
        let words: Vec<&str> = text.split_whitespace().collect();
        if seen.contains(&words) {
            let hint = "drop it, or change what it asks";
            reader.warn(
                when.value.span,
                "this condition stands above already, so it is never taken here",
                hint,
            );
        }
        seen.push(words);
    }
}
