//! Lines of JSON: an object on each.

use std::fmt;
use std::io;
use std::path::Path;

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::row::{Content, Row, Visit};
use super::text::{AHEAD, Text};
use crate::lists::limits::{COLUMNS, ROW, long_row, wide_row};

/// Lines whose members are looked at for the names of columns.
const LOOKED_AT: usize = 1_000;

/// The names of columns: all members that the first lines have, in their order.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn header(path: &Path) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    let mut seen = 0;
    rows(path, &mut |row, _| {
        if let Ok(Content::Members(members)) = &row.content {
            for name in members.keys() {
                if names.len() < COLUMNS && !names.contains(name) {
                    names.push(name.clone());
                }
            }
        }
        seen += 1;
        seen < LOOKED_AT
    })?;
    Ok(names)
}

/// Calls `visit` with each line; empty ones are left out.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn rows(path: &Path, visit: &mut Visit<'_>) -> io::Result<()> {
    let (mut text, _) = Text::open(path)?;
    let mut line = 1;
    // A line that is longer than any may be is passed over part by part.
    let mut within = false;
    loop {
        let window = text.window()?;
        if window.is_empty() {
            return Ok(());
        }
        let end = window.find('\n');
        let length = end.map_or(window.len(), |end| end + 1);
        let first = window.get(..length).unwrap_or_default();
        let whole = end.is_some() || window.len() < AHEAD;
        let content = if within {
            None
        } else if length > ROW {
            Some(Err(long_row()))
        } else if first.trim().is_empty() {
            None
        } else {
            Some(members(first.trim()).map(Content::Members))
        };
        let own = line;
        within = !whole;
        line += u64::from(whole);
        text.skip(length);
        if let Some(content) = content
            && !visit(Row { line: own, content }, text.position())
        {
            return Ok(());
        }
    }
}

/// The members of an object; one that stands twice is a mistake, and not silently the last one.
fn members(line: &str) -> Result<Map<String, Value>, String> {
    struct Members;

    impl<'de> Visitor<'de> for Members {
        type Value = Map<String, Value>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object, { … }")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut given: A) -> Result<Self::Value, A::Error> {
            let mut members = Map::new();
            while let Some((name, value)) = given.next_entry::<String, Value>()? {
                if members.insert(name.clone(), value).is_some() {
                    return Err(serde::de::Error::custom(format!("{name} stands twice; send it once")));
                }
            }
            Ok(members)
        }
    }

    let mut reader = serde_json::Deserializer::from_str(line);
    let members = reader.deserialize_map(Members).and_then(|members| reader.end().map(|()| members));
    let members = members.map_err(|error| {
        let told = error.to_string();
        let told = told.split(" at line ").next().unwrap_or_default();
        format!("is no JSON object: character {}: {told}", error.column())
    })?;
    if members.len() > COLUMNS { Err(wide_row(members.len())) } else { Ok(members) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_object_without_doubles() {
        assert_eq!(members(r#"{"phone":"+1","n":2}"#).unwrap().len(), 2);
        for (line, told) in [
            ("nonsense", "is no JSON object: character 2"),
            (r#"["+1"]"#, "is no JSON object"),
            (r#"{"a":1,"a":2}"#, "a stands twice"),
            (r#"{"a":1} {"a":2}"#, "trailing characters"),
        ] {
            let why = members(line).unwrap_err();
            assert!(why.contains(told), "{line}: {why}");
        }
    }
}
