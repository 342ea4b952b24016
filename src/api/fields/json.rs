//! JSON objects in requests. A leading byte order mark is removed, a name that appears twice in one object is noticed, and
//! syntax errors are reported with line and column.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Value};

/// Names that stand twice are told up to here.
const MOST_TWICE: usize = 20;

/// An object, and the paths of names that stood in it before.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Read {
    pub(super) members: Map<String, Value>,
    pub(super) twice: Vec<String>,
}

/// Text without the byte order mark that editors and shells put in front.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Reads an object. `what` is what it came as, "body" for example.
pub(super) fn read(bytes: &[u8], what: &str) -> Result<Read, String> {
    if matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        return Err(format!("the {what} is UTF-16; send it as UTF-8"));
    }
    let bytes = without_mark(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(format!("the {what} is empty; send a JSON object, {{ … }}"));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err(format!("the {what} is not UTF-8; send it as UTF-8"));
    };
    let mut twice = Vec::new();
    let mut path = String::new();
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict { path: &mut path, twice: &mut twice }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| unreadable(what, text, &error))?;
    let kind = match value {
        Value::Object(members) => return Ok(Read { members, twice }),
        Value::Array(_) => "a list",
        Value::Null => "null",
        Value::Bool(_) | Value::Number(_) | Value::String(_) => "a single value",
    };
    let hint = match (what, kind) {
        ("line", "a list") => "; send each object on a line of its own, without brackets around them",
        _ => "",
    };
    Err(format!("the {what} must be an object, {{ … }}, and not {kind}{hint}"))
}

fn unreadable(what: &str, text: &str, error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    // A line of many is named by the code that cut them.
    let place = if what == "line" { String::new() } else { format!("line {line}, ") };
    if error.classify() == Category::Eof && what == "line" && text.trim_start().starts_with('[') {
        return "the line begins a list; send each object on a line of its own, without brackets around them"
            .into();
    }
    if error.to_string().starts_with("recursion limit exceeded") {
        return format!(
            "the {what} has too many levels: objects and lists stand in each other at most 127 deep"
        );
    }
    if error.classify() == Category::Eof {
        return format!("the {what} is not JSON: {place}it breaks off before its end");
    }
    let bytes = text.lines().nth(line.saturating_sub(1)).unwrap_or_default();
    // The column counts bytes, and is that of the sign which was read last.
    let at = bytes.floor_char_boundary(column.saturating_sub(1).min(bytes.len()));
    let sign = bytes[at..].chars().next().map(|sign| format!(", at `{}`", plain(sign)));
    format!("the {what} is not JSON: {place}column {column}{} cannot be read", sign.unwrap_or_default())
}

fn plain(sign: char) -> String {
    if sign.is_control() { sign.escape_default().to_string() } else { sign.to_string() }
}

/// Reads a value and notes the names that stand twice.
struct Strict<'a> {
    path: &'a mut String,
    twice: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Value, E> {
        Ok(yes.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Value, E> {
        serde_json::Number::from_f64(number).map(Value::Number).ok_or_else(|| E::custom("no number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let Self { path, twice } = self;
        let mut values = Vec::new();
        let length = path.len();
        loop {
            path.push_str(&format!("[{}]", values.len()));
            let value = list.next_element_seed(Strict { path: &mut *path, twice: &mut *twice })?;
            path.truncate(length);
            match value {
                Some(value) => values.push(value),
                None => return Ok(values.into()),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Value, A::Error> {
        let Self { path, twice } = self;
        let mut members = Map::new();
        let length = path.len();
        while let Some(name) = object.next_key::<String>()? {
            if length > 0 {
                path.push('.');
            }
            path.push_str(&name);
            if members.contains_key(&name) && twice.len() < MOST_TWICE {
                twice.push(path.clone());
            }
            let value = object.next_value_seed(Strict { path: &mut *path, twice: &mut *twice })?;
            path.truncate(length);
            members.insert(name, value);
        }
        Ok(members.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn why(text: &[u8]) -> String {
        read(text, "body").unwrap_err()
    }

    #[test]
    fn a_byte_order_mark_is_taken_and_utf_16_is_told() {
        let read = read(b"\xef\xbb\xbf{\"a\": 1}", "body").unwrap();
        assert_eq!(Value::from(read.members), json!({"a": 1}));
        assert_eq!(why(b"\xff\xfe{\0}\0"), "the body is UTF-16; send it as UTF-8");
        assert_eq!(why(b"{\"a\": \"\xe9\"}"), "the body is not UTF-8; send it as UTF-8");
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place() {
        assert_eq!(why(b""), "the body is empty; send a JSON object, { … }");
        assert_eq!(why(b"\xef\xbb\xbf \n"), "the body is empty; send a JSON object, { … }");
        assert_eq!(why(b"[]"), "the body must be an object, { … }, and not a list");
        assert_eq!(why(b"null"), "the body must be an object, { … }, and not null");
        assert_eq!(why(b"7"), "the body must be an object, { … }, and not a single value");
        assert_eq!(why(b"{\"a\": 1,\n"), "the body is not JSON: line 2, it breaks off before its end");
        assert_eq!(why(b"{'a': 1}"), "the body is not JSON: line 1, column 2, at `'` cannot be read");
        for text in
            ["{\"a\": 1,}", "{\"a\": nan}", "{} x", "{\"a\": 1e400}", "{\"a\": \"\u{1}\"}", "{\"ü\" 1}"]
        {
            let told = why(text.as_bytes());
            assert!(told.starts_with("the body is not JSON: line 1, column "), "{text}: {told}");
        }
        let deep = "{\"a\":".repeat(500);
        assert!(why(deep.as_bytes()).starts_with("the body has too many levels"));
        for list in ["[", "[{}]", "[{},"] {
            let told = read(list.as_bytes(), "line").unwrap_err();
            assert!(told.contains("each object on a line of its own"), "{list}: {told}");
        }
    }

    #[test]
    fn names_that_stand_twice_are_noticed_wherever_they_are() {
        let twice = |text: &str| read(text.as_bytes(), "body").unwrap().twice;
        assert_eq!(twice(r#"{"a": 1, "b": {"a": 1}}"#), [] as [&str; 0]);
        assert_eq!(twice(r#"{"a": 1, "a": 1}"#), ["a"]);
        assert_eq!(twice(r#"{"m": {"x": [0, {"y": 1, "\u0079": 2}]}}"#), ["m.x[1].y"]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_and_anything_else_is_a_sentence(
            name in ".{0,9}", text in ".{0,9}", number in any::<i64>(), junk in ".{0,40}",
        ) {
            let value = json!({name: [text, number, null, true]});
            let members = read(value.to_string().as_bytes(), "body").unwrap().members;
            prop_assert_eq!(Value::from(members), value);
            if let Err(told) = read(junk.as_bytes(), "line") {
                prop_assert!(told.starts_with("the line "));
            }
        }
    }
}
