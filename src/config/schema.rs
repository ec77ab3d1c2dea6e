//! JSON Schema of the config file, for editors: written from the sections.

use serde_json::{Map, Value, json};

use super::document::FILE;
use super::section::{Field, Kind, Section};
use crate::keys::COMMANDS;

#[must_use]
pub fn schema() -> Value {
    let mut schema = object(&FILE);
    if let Value::Object(map) = &mut schema {
        map.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        map.insert("title".to_owned(), json!("cockpit.toml"));
    }
    schema
}

/// Returns the schema as the text that `cockpit config schema` prints.
#[must_use]
pub fn text() -> String {
    // Writing a value that holds only text keys cannot fail.
    serde_json::to_string_pretty(&schema()).unwrap_or_default() + "\n"
}

fn object(section: &Section) -> Value {
    let properties: Map<String, Value> =
        section.fields().map(|field| (field.key.to_owned(), property(field))).collect();
    let mut object = json!({"type": "object", "description": section.help, "additionalProperties": false});
    if !section.needed.is_empty() {
        object["required"] = json!(section.needed);
    }
    object["properties"] = Value::Object(properties);
    object
}

fn property(field: &Field) -> Value {
    let mut schema = kind(&field.kind);
    schema["description"] = json!(field.help);
    if let Some(default) = default(field) {
        schema["default"] = default;
    }
    schema
}

/// Returns the default as JSON: the table has it as TOML.
fn default(field: &Field) -> Option<Value> {
    let default = (field.default)();
    if default.is_empty() {
        return None;
    }
    let table: toml::Table = format!("value = {default}").parse().ok()?;
    serde_json::to_value(table.get("value")?).ok()
}

fn kind(kind: &Kind) -> Value {
    match kind {
        Kind::Text => json!({"type": "string", "minLength": 1}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Time(..) => time(),
        Kind::TimeOrOff(..) => or_off(&time()),
        Kind::Number(least, most) => number(*least, *most),
        Kind::NumberOrOff(least, most) => or_off(&number(*least, *most)),
        Kind::Word(words) => json!({"type": "string", "enum": words()}),
        Kind::Workloads => json!({
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "pattern": "^(rollouts?|ro|deployments?|deploy|rollouts\\.argoproj\\.io|deployments\\.apps)/[a-z0-9]([a-z0-9.-]*[a-z0-9])?$"},
        }),
        Kind::Secret => secret(),
        Kind::TextList => json!({"type": "array", "items": {"type": "string", "minLength": 1}}),
        Kind::Words => json!({"type": "array", "minItems": 1, "items": {"type": "string"}}),
        Kind::Statuses => {
            let status = json!({"type": "integer", "minimum": 100, "maximum": 599});
            json!({"anyOf": [status, {"type": "array", "minItems": 1, "items": status}]})
        }
        Kind::Scalar => json!({"type": ["string", "number", "boolean"]}),
        Kind::Numbers => json!({"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}}),
        Kind::Texts => json!({"type": "object", "additionalProperties": {"type": "string", "minLength": 1}}),
        Kind::Labels => json!({"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}}),
        Kind::Percents => {
            json!({"type": "array", "minItems": 1, "items": {"type": "integer", "minimum": 1, "maximum": 100}})
        }
        Kind::TextsOrSecrets => json!({
            "type": "object",
            "additionalProperties": {"anyOf": [{"type": "string", "minLength": 1}, secret()]},
        }),
        Kind::Keys => keys(),
        Kind::Table(section) => object(section),
        Kind::TableOrOff(section) => or_off(&object(section)),
        Kind::Tables(section) => json!({"type": "array", "minItems": 1, "items": object(section)}),
    }
}

fn or_off(schema: &Value) -> Value {
    json!({"anyOf": [schema, {"const": false}]})
}

fn time() -> Value {
    json!({"type": "string", "pattern": "^([0-9]+(\\.[0-9]+)?(h|m|s|ms))+$"})
}

fn number(least: f64, most: Option<f64>) -> Value {
    let mut schema = json!({"type": "number", "minimum": least});
    if let Some(most) = most {
        schema["maximum"] = json!(most);
    }
    schema
}

fn secret() -> Value {
    let from = |key: &str, schema: &Value| json!({"type": "object", "additionalProperties": false, "required": [key], "properties": {key: schema}});
    let text = json!({"type": "string", "minLength": 1});
    let words = json!({"type": "array", "minItems": 1, "items": {"type": "string"}});
    json!({"anyOf": [from("env", &text), from("file", &text), from("command", &words)]})
}

fn keys() -> Value {
    let properties: Map<String, Value> = COMMANDS
        .iter()
        .map(|spec| {
            let keys = json!({
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "description": spec.help,
                "default": spec.keys,
            });
            (spec.id.to_owned(), keys)
        })
        .collect();
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

/// A validator for as much of JSON Schema as ours use: tests hold files and answers against their schemas with it.
#[cfg(test)]
pub(crate) mod check {
    use serde_json::Value;

    /// Returns everything that does not fit, with its place.
    pub(crate) fn errors(schema: &Value, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        at(schema, schema, value, "$", &mut found);
        found
    }

    fn at(root: &Value, schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
        for (key, rule) in schema.as_object().unwrap() {
            match key.as_str() {
                "$ref" => {
                    let pointer = rule.as_str().unwrap().strip_prefix('#').unwrap();
                    at(root, root.pointer(pointer).expect(pointer), value, path, found);
                }
                "type" => {
                    let types: Vec<&str> = rule.as_array().map_or_else(
                        || vec![rule.as_str().unwrap()],
                        |types| types.iter().map(|name| name.as_str().unwrap()).collect(),
                    );
                    if !types.iter().any(|name| is(name, value)) {
                        found.push(format!("{path}: {value} is not {rule}"));
                    }
                }
                "enum" if !rule.as_array().unwrap().contains(value) => {
                    found.push(format!("{path}: {value} is not one of {rule}"));
                }
                "const" if rule != value => found.push(format!("{path}: {value} is not {rule}")),
                "minimum" if value.as_f64().is_some_and(|n| n < rule.as_f64().unwrap()) => {
                    found.push(format!("{path}: {value} < {rule}"));
                }
                "maximum" if value.as_f64().is_some_and(|n| n > rule.as_f64().unwrap()) => {
                    found.push(format!("{path}: {value} > {rule}"));
                }
                "minItems" if value.as_array().is_some_and(|items| (items.len() as u64) < rule.as_u64().unwrap()) => {
                    found.push(format!("{path}: too few items"));
                }
                "minLength" if value.as_str() == Some("") => found.push(format!("{path}: empty")),
                "anyOf" => {
                    let fits = |option: &Value| {
                        let mut inner = Vec::new();
                        at(root, option, value, path, &mut inner);
                        inner.is_empty()
                    };
                    if !rule.as_array().unwrap().iter().any(fits) {
                        found.push(format!("{path}: {value} fits none of {rule}"));
                    }
                }
                "required" => {
                    for name in rule.as_array().unwrap() {
                        if value.as_object().is_some_and(|map| !map.contains_key(name.as_str().unwrap())) {
                            found.push(format!("{path}: no {name}"));
                        }
                    }
                }
                "items" => {
                    for (i, item) in value.as_array().into_iter().flatten().enumerate() {
                        at(root, rule, item, &format!("{path}[{i}]"), found);
                    }
                }
                "properties" | "additionalProperties" => properties(root, schema, key, value, path, found),
                // What holds, what is left to editors, and what asks for nothing.
                "enum" | "const" | "minimum" | "maximum" | "minItems" | "minLength" | "pattern" | "format"
                | "$schema" | "title" | "description" | "default" | "definitions" => {}
                other => panic!("the validator does not know `{other}`"),
            }
        }
    }

    fn properties(root: &Value, schema: &Value, key: &str, value: &Value, path: &str, found: &mut Vec<String>) {
        for (name, inner) in value.as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            let known = schema.get("properties").and_then(|known| known.get(name));
            match (key, known, &schema[key]) {
                ("properties", Some(known), _) => at(root, known, inner, &path, found),
                // Keys may be added for readers; what we write has to be described all the same.
                ("properties", None, _) if schema.get("additionalProperties").is_none() => {
                    found.push(format!("{path}: not described"));
                }
                ("additionalProperties", None, Value::Bool(false)) => found.push(format!("{path}: unknown")),
                ("additionalProperties", None, rule) if rule.is_object() => at(root, rule, inner, &path, found),
                _ => {}
            }
        }
    }

    fn is(name: &str, value: &Value) -> bool {
        match name {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "number" => value.is_number(),
            "integer" => value.is_i64() || value.is_u64(),
            "null" => value.is_null(),
            other => panic!("no type {other}"),
        }
    }

    /// Compares an asset with what the code makes; `UPDATE_ASSETS=1 cargo test` writes it.
    pub(crate) fn asset(name: &str, text: &str) {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets").join(name);
        if std::env::var_os("UPDATE_ASSETS").is_some() {
            std::fs::write(&path, text).unwrap();
        }
        let there = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(there == text, "{} is not current: UPDATE_ASSETS=1 cargo test writes it", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(toml: &str) -> Value {
        serde_json::to_value(toml.parse::<toml::Table>().unwrap()).unwrap()
    }

    #[test]
    fn the_asset_is_current() {
        check::asset("config.schema.json", &text());
    }

    #[test]
    fn the_example_and_what_is_read_fit_the_schema() {
        assert_eq!(check::errors(&schema(), &json(include_str!("../../config.example.toml"))), [""; 0]);
        let valid = include_str!("../../tests/configs/valid/three-environments.toml");
        assert_eq!(check::errors(&schema(), &json(valid)), [""; 0]);
    }

    #[test]
    fn what_is_wrong_does_not_fit() {
        for wrong in [
            "[[environments]]\ncontext = 'a'",
            "[[environments]]\nname = 'a'\nworkload = []",
            "[[environments]]\nname = 'a'\nworkloads = []",
            "[[environments]]\nname = 'a'\nprometheus = true",
            "[prometheus]\nbearer_token = 's3cret'",
            "[prometheus]\nbearer_token = { env = 'A', file = 'b' }",
            "[prometheus]\npreset = 'isto'",
            "[limits]\nerror_ratio = 5",
            "[keys]\npromot = ['p']",
        ] {
            assert!(!check::errors(&schema(), &json(wrong)).is_empty(), "{wrong}");
        }
    }
}
