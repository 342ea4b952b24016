//! The JSON Schema by which editors complete and check `dering.yaml`, made of the shapes and of the remarks in the defaults.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::shape::{Key, SETTINGS, Shape};
use crate::config::DEFAULT_YAML;

/// The schema (draft 7).
#[must_use]
pub fn schema() -> Value {
    let about = remarks(DEFAULT_YAML);
    let mut schema = table(SETTINGS, "", &about);
    if let Some(members) = schema.as_object_mut() {
        members.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        members.insert("title".to_owned(), json!("The configuration of dering serve"));
    }
    schema
}

fn table(keys: &[Key], path: &str, about: &BTreeMap<String, String>) -> Value {
    let mut properties = Map::new();
    for key in keys {
        let inside = if path.is_empty() { key.name.to_owned() } else { format!("{path}.{}", key.name) };
        let mut value = shape(key.shape, &inside, about);
        if let (Some(told), Some(members)) = (about.get(&inside), value.as_object_mut()) {
            members.insert("description".to_owned(), json!(told));
        }
        properties.insert(key.name.to_owned(), value);
    }
    let required: Vec<&str> = keys.iter().filter(|key| key.is_required).map(|key| key.name).collect();
    let mut table = json!({ "type": "object", "additionalProperties": false, "properties": properties });
    if !required.is_empty() {
        table["required"] = json!(required);
    }
    table
}

fn shape(of: Shape, path: &str, about: &BTreeMap<String, String>) -> Value {
    match of {
        Shape::Any => json!({}),
        Shape::Switch => json!({ "type": "boolean" }),
        Shape::Whole(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        Shape::Number(from, to) => json!({ "type": "number", "minimum": from, "maximum": to }),
        Shape::Word(words) => json!({ "enum": words }),
        Shape::Url(schemes) => {
            json!({ "type": "string", "format": "uri", "pattern": format!("^({})://", schemes.join("|")) })
        }
        Shape::Socket => json!({ "type": "string", "pattern": ":[0-9]+$", "examples": ["127.0.0.1:8080"] }),
        Shape::Network => json!({ "type": "string", "examples": ["10.20.0.0/16"] }),
        Shape::Address => json!({ "type": "string", "examples": ["203.0.113.7"] }),
        Shape::Ports => {
            json!({ "type": "string", "pattern": "^[0-9]+-[0-9]+$", "examples": ["20000-29999"] })
        }
        Shape::Country => json!({ "type": ["string", "integer"], "examples": ["ID", 62] }),
        Shape::LogFilter => json!({ "type": "string", "examples": ["info", "info,dering::trunk=debug"] }),
        Shape::Text => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Path | Shape::File | Shape::Folder | Shape::Variable => {
            json!({ "type": "string", "minLength": 1 })
        }
        Shape::List(item) => json!({ "type": "array", "items": shape(*item, path, about) }),
        Shape::Map(value) => {
            json!({ "type": "object", "additionalProperties": shape(*value, path, about) })
        }
        Shape::Table(keys) => table(keys, path, about),
        Shape::Kinds(kinds) => {
            let tables = kinds.iter().map(|kind| {
                let mut table = table(kind.keys, path, about);
                table["properties"]["kind"] = json!({ "const": kind.name });
                table
            });
            json!({ "anyOf": tables.collect::<Vec<_>>() })
        }
        Shape::PathOr(other) => {
            json!({ "anyOf": [{ "type": "string", "minLength": 1 }, shape(*other, path, about)] })
        }
        Shape::Maybe(some) => json!({ "anyOf": [{ "type": "null" }, shape(*some, path, about)] }),
    }
}

/// The remark above each setting of a commented file, by the setting's path. Remarks of examples are passed over.
fn remarks(text: &str) -> BTreeMap<String, String> {
    let mut about = BTreeMap::new();
    let (mut above, mut path) = (Vec::new(), Vec::<(usize, &str)>::new());
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let line = line.trim();
        if let Some(remark) = line.strip_prefix('#') {
            // Two spaces and more begin an example.
            if !remark.starts_with("  ") {
                above.push(remark.trim());
            }
            continue;
        }
        let Some((key, _)) = line.split_once(':').filter(|(key, _)| !key.contains(' ')) else {
            above.clear();
            continue;
        };
        path.retain(|(outer, _)| *outer < indent);
        path.push((indent, key));
        if !above.is_empty() {
            let name = path.iter().map(|(_, key)| *key).collect::<Vec<_>>().join(".");
            about.insert(name, above.join(" "));
        }
        above.clear();
    }
    about
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_knows_what_the_defaults_explain() {
        let schema = schema();
        let told = &schema["properties"]["calls"]["properties"]["ring_timeout"]["description"];
        assert!(told.as_str().unwrap().starts_with("Seconds until an unanswered call is given up"), "{told}");
        assert_eq!(schema["properties"]["log"]["additionalProperties"], false);
        let trunks = &schema["properties"]["trunks"]["items"]["anyOf"];
        assert_eq!(trunks[0]["required"], json!(["name", "url"]));
        assert_eq!(trunks[0]["properties"]["codec"]["enum"], json!(["pcm16", "ulaw", "alaw"]));
        assert_eq!(trunks[1]["required"], json!(["name", "kind", "server"]));
        assert_eq!(trunks[1]["properties"]["kind"], json!({ "const": "sip" }));
    }
}
