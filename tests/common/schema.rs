//! Documents of `doctor --json`, held to the schema in the repository.

use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::Value;

const SCHEMA: &str = include_str!("../../src/doctor/schema.json");

/// Fails the test unless the document is as `src/doctor/schema.json` says.
#[track_caller]
pub fn validate(document: &Value) {
    static VALIDATOR: OnceLock<Validator> = OnceLock::new();
    let validator = VALIDATOR.get_or_init(|| {
        let schema = serde_json::from_str(SCHEMA).expect("JSON");
        jsonschema::validator_for(&schema).expect("a schema")
    });
    let errors: Vec<_> = validator
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?} in {document:#}");
}
