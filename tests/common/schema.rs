//! Documents of `doctor --json`, held to the schema in the repository.

use serde_json::{Value, json};

const SCHEMA: &str = include_str!("../../src/doctor/schema.json");

/// Fails the test unless the document is as `src/doctor/schema.json` says.
#[track_caller]
pub fn validate(document: &Value) {
    let schema: Value = serde_json::from_str(SCHEMA).expect("JSON");
    against(&schema, document, &schema, "$");
}

/// The part of JSON Schema that the schema is written in; anything else in it fails the test.
fn against(schema: &Value, value: &Value, root: &Value, at: &str) {
    for (word, says) in schema.as_object().expect("a schema") {
        match word.as_str() {
            "$schema" | "title" | "$defs" => {}
            "$ref" => {
                let name = says.as_str().and_then(|name| name.strip_prefix("#/$defs/"));
                against(&root["$defs"][name.expect("a definition")], value, root, at);
            }
            "const" => assert_eq!(says, value, "{at}"),
            "enum" => assert!(says.as_array().expect("a list").contains(value), "{at}: {value}"),
            "type" => {
                let kind = match value {
                    Value::Null => "null",
                    Value::Bool(_) => "boolean",
                    Value::Number(_) => "number",
                    Value::String(_) => "string",
                    Value::Array(_) => "array",
                    Value::Object(_) => "object",
                };
                let fits = says == kind
                    || says.as_array().is_some_and(|kinds| kinds.contains(&json!(kind)));
                assert!(fits, "{at} is {kind}");
            }
            "required" => {
                for name in says.as_array().expect("a list") {
                    let there = value.get(name.as_str().expect("a name")).is_some();
                    assert!(there || !value.is_object(), "{at} lacks {name}");
                }
            }
            "additionalProperties" => {
                assert_eq!(says, false);
                for name in value.as_object().into_iter().flatten().map(|(name, _)| name) {
                    assert!(schema["properties"].get(name).is_some(), "{at} has {name}");
                }
            }
            "properties" => {
                for (name, part) in says.as_object().expect("an object") {
                    if let Some(value) = value.get(name) {
                        against(part, value, root, &format!("{at}.{name}"));
                    }
                }
            }
            "items" => {
                for (index, value) in value.as_array().into_iter().flatten().enumerate() {
                    against(says, value, root, &format!("{at}[{index}]"));
                }
            }
            other => panic!("the schema says {other}, which is not checked here"),
        }
    }
}
