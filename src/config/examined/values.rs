//! Each value against what its setting may hold.

use std::path::Path;

use callcore::language::{listed, nearest};
use callcore::number::Country;
use callcore::yaml::{Node, Severity, Style, Value};
use ipnet::IpNet;
use reqwest::Url;

use super::document::{Document, text};
use super::filter::{self, Mistake};
use super::shape::{Key, Shape};
use super::world::World;
use crate::media::rtp::port_range;

/// Finds what is wrong with the values of a table, and the keys that it has not.
pub(super) fn table(doc: &mut Document, world: Option<&World<'_>>, node: &Node, name: &str, keys: &[Key]) {
    let Value::Map(entries) = &node.value else {
        let message = format!("{} must be a table of settings, but this is {}", of(name), node.kind());
        return doc.error(node.span, message, "write one `key: value` per line, indented below it");
    };
    let names = || keys.iter().map(|key| key.name);
    for entry in entries {
        let inside = if name.is_empty() { entry.key.clone() } else { format!("{name}.{}", entry.key) };
        match keys.iter().find(|key| key.name == entry.key) {
            Some(key) => value(doc, world, &entry.value, &inside, key.shape),
            None => {
                let hint = match nearest(&entry.key, names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("there are {}", listed(names())),
                };
                doc.error(entry.key_span, format!("{} `{}`", has(name), entry.key), hint);
            }
        }
    }
    for key in keys.iter().filter(|key| key.is_required) {
        if !entries.iter().any(|entry| entry.key == key.name) {
            let message = format!("`{}` is missing in {}", key.name, of(name));
            doc.error(node.span, message, format!("add `{}: …`", key.name));
        }
    }
}

fn of(name: &str) -> String {
    if name.is_empty() { "the configuration".to_owned() } else { format!("`{name}`") }
}

fn has(name: &str) -> String {
    if name.is_empty() { "there is no setting".to_owned() } else { format!("`{name}` has no") }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "what is no list or table is one value")]
fn value(doc: &mut Document, world: Option<&World<'_>>, node: &Node, name: &str, shape: Shape) {
    match shape {
        Shape::Any => {}
        Shape::Maybe(_) if node.is_null() => {}
        Shape::Maybe(shape) => value(doc, world, node, name, *shape),
        Shape::PathOr(shape) => match node.value {
            Value::Map(_) => value(doc, world, node, name, *shape),
            Value::Scalar { .. } | Value::List(_) => value(doc, world, node, name, Shape::Folder),
        },
        Shape::Table(keys) => table(doc, world, node, name, keys),
        Shape::Kinds(kinds) => {
            let said = node.entry("kind").and_then(|kind| text(&kind.value));
            // One that is none is told as any other word.
            let kind = kinds.iter().find(|kind| Some(kind.name) == said).or(kinds.first());
            table(doc, world, node, name, kind.map_or(&[], |kind| kind.keys));
        }
        Shape::Map(shape) => match &node.value {
            Value::Map(entries) => {
                for entry in entries {
                    value(doc, world, &entry.value, &format!("{name}.{}", entry.key), *shape);
                }
            }
            Value::Scalar { .. } | Value::List(_) => {
                let message = format!("`{name}` must be a table of names, but this is {}", node.kind());
                doc.error(
                    node.span,
                    message,
                    format!("write `{name}: {{ NAME: VALUE }}`, or `{{}}` for none"),
                );
            }
        },
        Shape::List(shape) => match &node.value {
            Value::List(items) => {
                for (n, item) in items.iter().enumerate() {
                    value(doc, world, item, &format!("{name}[{n}]"), *shape);
                }
            }
            Value::Scalar { .. } | Value::Map(_) => {
                let message = format!("`{name}` must be a list, but this is {}", node.kind());
                doc.error(node.span, message, "write one item a line, each behind a dash, or `[]` for none");
            }
        },
        shape => scalar(doc, world, node, name, shape),
    }
}

/// One value that is neither a list nor a table.
fn scalar(doc: &mut Document, world: Option<&World<'_>>, node: &Node, name: &str, shape: Shape) {
    let (Some(text), Value::Scalar { style, .. }) = (text(node), &node.value) else {
        let message = format!("`{name}` must be {}, but this is {}", wanted(shape), node.kind());
        return doc.error(node.span, message, format!("write {}", example(shape)));
    };
    let wrong = match shape {
        Shape::Switch => bare(matches!(text, "true" | "false"), *style, text),
        Shape::Whole(from, to) => {
            bare(text.parse::<u64>().is_ok_and(|number| (from..=to).contains(&number)), *style, text)
        }
        Shape::Number(from, to) => {
            bare(text.parse::<f64>().is_ok_and(|number| (from..=to).contains(&number)), *style, text)
        }
        Shape::Word(words) => (!words.contains(&text)).then(|| {
            nearest(text, words.iter().copied())
                .map_or_else(String::new, |near| format!("did you mean `{near}`?"))
        }),
        Shape::Url(schemes) => url(text, schemes),
        Shape::Socket => socket(text),
        Shape::Network => {
            let is_one = text.parse::<std::net::IpAddr>().is_ok() || text.parse::<IpNet>().is_ok();
            (!is_one).then(String::new)
        }
        Shape::Country => text.parse::<Country>().is_err().then(String::new),
        Shape::Address => text.parse::<std::net::IpAddr>().is_err().then(String::new),
        Shape::Ports => port_range(text).is_none().then(String::new),
        Shape::LogFilter => {
            for Mistake { at, severity, message, hint } in filter::mistakes(text) {
                let span = doc.within(node, at);
                match severity {
                    Severity::Error => doc.error(span, message, hint),
                    Severity::Warning => doc.warn(span, message, hint),
                }
            }
            None
        }
        Shape::Path | Shape::File | Shape::Folder | Shape::Variable => {
            if let Some((message, hint)) = world.and_then(|world| outside(world, name, text, shape)) {
                doc.error(node.span, message, hint);
            }
            text.trim().is_empty().then(String::new)
        }
        Shape::Text => {
            if text.trim().is_empty() {
                doc.error(node.span, format!("`{name}` is empty"), "leave it out, or give it a value");
            }
            None
        }
        Shape::Any
        | Shape::List(_)
        | Shape::Map(_)
        | Shape::Table(_)
        | Shape::Kinds(_)
        | Shape::PathOr(_)
        | Shape::Maybe(_) => None,
    };
    if let Some(hint) = wrong {
        let message = format!("`{name}` must be {}, not `{text}`", wanted(shape));
        let hint = if hint.is_empty() { format!("write {}", example(shape)) } else { hint };
        doc.error(node.span, message, hint);
    }
}

/// A hint for a value that does not fit, or fits and stands in quotes.
fn bare(fits: bool, style: Style, text: &str) -> Option<String> {
    match (fits, style) {
        (true, Style::Plain) => None,
        (true, Style::Quoted | Style::Block) => Some(format!("write it without quotes: `{text}`")),
        (false, _) => Some(String::new()),
    }
}

/// What it has to be, in words.
fn wanted(shape: Shape) -> String {
    match shape {
        Shape::Switch => "true or false".to_owned(),
        Shape::Whole(from, to) if to >= 1_000_000_000 => format!("a whole number, {from} or more"),
        Shape::Whole(from, to) => format!("a whole number from {from} to {to}"),
        Shape::Number(from, to) => format!("a number from {from} to {to}"),
        Shape::Word(words) => format!("one of {}", listed(words.iter().copied())),
        Shape::Url(schemes) => format!("an address that begins with {}", beginnings(schemes)),
        Shape::Socket => "an address with a port".to_owned(),
        Shape::Network => "an address or a network".to_owned(),
        Shape::Country => "a country".to_owned(),
        Shape::Address => "an IP address".to_owned(),
        Shape::Ports => "a range of ports from 1024 on".to_owned(),
        Shape::LogFilter => "a filter of the log".to_owned(),
        Shape::Path | Shape::File => "the path of a file".to_owned(),
        Shape::Folder => "the path of a folder".to_owned(),
        Shape::Variable => "the name of an environment variable".to_owned(),
        Shape::Text
        | Shape::Any
        | Shape::List(_)
        | Shape::Map(_)
        | Shape::Table(_)
        | Shape::Kinds(_)
        | Shape::PathOr(_)
        | Shape::Maybe(_) => "a text".to_owned(),
    }
}

fn beginnings(schemes: &[&str]) -> String {
    schemes.iter().map(|scheme| format!("{scheme}://")).collect::<Vec<_>>().join(" or ")
}

fn example(shape: Shape) -> String {
    match shape {
        Shape::Switch => "`true` or `false`, without quotes".to_owned(),
        Shape::Whole(from, _) => format!("digits without quotes, as in `{}`", from.max(10)),
        Shape::Number(..) => "digits without quotes, as in `2.5`".to_owned(),
        Shape::Word(_) => "one of them".to_owned(),
        Shape::Url(schemes) => format!("`{}://HOST`", schemes.first().copied().unwrap_or_default()),
        Shape::Socket => "`127.0.0.1:8080`, or `0.0.0.0:8080` to open it to the network".to_owned(),
        Shape::Network => "`10.20.0.7` or `10.20.0.0/16`".to_owned(),
        Shape::Address => "`203.0.113.7`".to_owned(),
        Shape::Ports => "`20000-29999`".to_owned(),
        Shape::Country => "two letters such as `ID`, or a calling code such as `62`".to_owned(),
        Shape::LogFilter => "`info`".to_owned(),
        Shape::Path | Shape::File | Shape::Folder => "a path".to_owned(),
        Shape::Variable => "a name such as `CARRIER_TOKEN`".to_owned(),
        Shape::Text
        | Shape::Any
        | Shape::List(_)
        | Shape::Map(_)
        | Shape::Table(_)
        | Shape::Kinds(_)
        | Shape::PathOr(_)
        | Shape::Maybe(_) => "a single value".to_owned(),
    }
}

/// A hint when it is none; an empty one when there is nothing special to say.
fn url(text: &str, schemes: &[&str]) -> Option<String> {
    let first = schemes.first().copied().unwrap_or_default();
    match Url::parse(text) {
        Ok(url) if schemes.contains(&url.scheme()) && url.has_host() => None,
        _ if !text.contains("://") => Some(format!("put the scheme before it: `{first}://{text}`")),
        Ok(_) | Err(_) => Some(String::new()),
    }
}

fn socket(text: &str) -> Option<String> {
    if text.parse::<std::net::SocketAddr>().is_ok() {
        return None;
    }
    if let Some((host, port)) = text.rsplit_once(':') {
        if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_err()
        {
            return Some("a port lies between 1 and 65535".to_owned());
        }
        if host == "localhost" || host.is_empty() {
            return Some(format!("names are not looked up: write `127.0.0.1:{port}` or `0.0.0.0:{port}`"));
        }
    } else if text.parse::<std::net::IpAddr>().is_ok() {
        return Some(format!("the port is missing: write `{text}:8080`"));
    } else if text.parse::<u16>().is_ok() {
        return Some(format!("the address is missing: write `127.0.0.1:{text}`"));
    }
    Some(String::new())
}

/// What is wrong outside the file: message and hint.
#[expect(clippy::wildcard_enum_match_arm, reason = "other values name nothing outside")]
fn outside(world: &World<'_>, name: &str, text: &str, shape: Shape) -> Option<(String, String)> {
    if text.trim().is_empty() {
        return None;
    }
    if matches!(shape, Shape::Variable) {
        if !text.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_') {
            let message =
                format!("`{name}` must be the name of a variable of the environment, and this is none");
            return Some((message, "letters, digits and `_`; the secret itself does not go here".to_owned()));
        }
        let message = format!("`{name}`: the environment variable {text} is not set");
        let hint = format!("set {text} where the server is started, or name a file instead");
        return (!world.is_set(text)).then_some((message, hint));
    }
    let path = world.path(text);
    let shown = path.display();
    match shape {
        Shape::File => match std::fs::File::open(&path).and_then(|file| file.metadata()) {
            Ok(about) if about.is_dir() => {
                Some((format!("`{name}`: {shown} is a folder"), "name a file".to_owned()))
            }
            Ok(_) => None,
            Err(error) => Some((
                format!("`{name}`: {shown} cannot be read: {}", reason(&error)),
                "paths are relative to the folder of this file".to_owned(),
            )),
        },
        Shape::Folder if path.is_file() => {
            Some((format!("`{name}`: {shown} is a file, not a folder"), "name a folder".to_owned()))
        }
        Shape::Path if name == "database" && path.is_dir() => Some((
            format!("`{name}`: {shown} is a folder"),
            format!("name the file in it, as in `{}`", Path::new(text).join("dering.db").display()),
        )),
        _ => None,
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a foreign enum that may grow")]
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
        _ => error.to_string(),
    }
}
