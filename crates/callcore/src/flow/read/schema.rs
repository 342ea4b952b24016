//! JSON Schemas by which editors complete and check what is typed.

use serde_json::{Value, json};

use crate::yaml;
use crate::yaml::Source;

/// The JSON Schema (draft 7) of a flow file. It knows the keys and the shapes; what hangs together across a file only
/// [`parse`](crate::flow::parse()) can tell.
pub const JSON_SCHEMA: &str = include_str!("../schema.json");

/// The JSON Schema of a file of flow tests.
pub const TEST_JSON_SCHEMA: &str = include_str!("../test.schema.json");

/// The schema of flow files with the scenes of the flow in `text`, so that an editor completes them behind `goto`.
/// A text that is no flow adds nothing.
#[must_use]
pub fn schema_with_scenes(text: &str) -> Value {
    let mut schema: Value = serde_json::from_str(JSON_SCHEMA).unwrap_or_default();
    let source =
        Source { file: String::new(), text: text.strip_prefix('\u{feff}').unwrap_or(text).to_owned() };
    let scenes =
        yaml::read(&source, &yaml::FLOWS, &mut Vec::new()).map(|root| scenes(&root)).unwrap_or_default();
    if !scenes.is_empty()
        && let Some(name) = schema.pointer_mut("/$defs/scene_name")
    {
        *name = json!({ "enum": scenes, "description": "The name of a scene of this flow." });
    }
    schema
}

fn scenes(root: &yaml::Node) -> Vec<String> {
    let entries = |node: &yaml::Node| match &node.value {
        yaml::Value::Map(entries) => entries.clone(),
        yaml::Value::Scalar { .. } | yaml::Value::List(_) => Vec::new(),
    };
    let scenes = entries(root).into_iter().find(|entry| entry.key == "scenes");
    scenes
        .map(|scenes| entries(&scenes.value).into_iter().map(|scene| scene.key).collect())
        .unwrap_or_default()
}
