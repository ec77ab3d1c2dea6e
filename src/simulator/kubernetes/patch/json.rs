//! JSON patch, RFC 6902.

use serde_json::Value;

use crate::simulator::kubernetes::api_error::ApiError;

/// Applies every operation in turn; the first that fails ends it.
pub fn apply(target: &mut Value, patch: &Value) -> Result<(), ApiError> {
    let Some(operations) = patch.as_array() else {
        return Err(ApiError::bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch",
        ));
    };
    for operation in operations {
        one(target, operation)?;
    }
    Ok(())
}

fn one(target: &mut Value, operation: &Value) -> Result<(), ApiError> {
    let word = |key: &str| operation.get(key).and_then(Value::as_str);
    let (Some(op), Some(path)) = (word("op"), word("path")) else {
        return Err(refuse("json patch operation lacks op or path"));
    };
    let value =
        || operation.get("value").cloned().ok_or_else(|| refuse(&format!("{op} operation at {path} lacks a value")));
    let from = || word("from").ok_or_else(|| refuse(&format!("{op} operation at {path} lacks a from")));
    match op {
        "add" => add(target, path, value()?),
        "remove" => take(target, path, op).map(drop),
        "replace" => {
            let new = value()?;
            let at = target.pointer_mut(path).ok_or_else(|| missing(op, path))?;
            *at = new;
            Ok(())
        }
        "test" => {
            let wanted = value()?;
            let found = target.pointer(path).unwrap_or(&Value::Null);
            if *found == wanted { Ok(()) } else { Err(refuse(&format!("testing path {path} failed: test failed"))) }
        }
        "move" => {
            let moved = take(target, from()?, op)?;
            add(target, path, moved)
        }
        "copy" => {
            let source = from()?;
            let copied = target.pointer(source).cloned().ok_or_else(|| missing(op, source))?;
            add(target, path, copied)
        }
        other => Err(refuse(&format!("unexpected kind: {other}"))),
    }
}

fn add(target: &mut Value, path: &str, value: Value) -> Result<(), ApiError> {
    let Some((parent, key)) = path.rsplit_once('/') else {
        *target = value;
        return Ok(());
    };
    match target.pointer_mut(parent) {
        Some(Value::Object(map)) => {
            map.insert(unescape(key), value);
            Ok(())
        }
        Some(Value::Array(list)) => {
            let index = if key == "-" {
                list.len()
            } else {
                key.parse().ok().filter(|index| *index <= list.len()).ok_or_else(|| missing("add", path))?
            };
            list.insert(index, value);
            Ok(())
        }
        _ => Err(missing("add", path)),
    }
}

fn take(target: &mut Value, path: &str, op: &str) -> Result<Value, ApiError> {
    let (parent, key) = path.rsplit_once('/').ok_or_else(|| missing(op, path))?;
    let taken = match target.pointer_mut(parent) {
        Some(Value::Object(map)) => map.shift_remove(&unescape(key)),
        Some(Value::Array(list)) => {
            key.parse::<usize>().ok().filter(|index| *index < list.len()).map(|index| list.remove(index))
        }
        _ => None,
    };
    taken.ok_or_else(|| missing(op, path))
}

fn unescape(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

fn missing(op: &str, path: &str) -> ApiError {
    refuse(&format!("{op} operation does not apply: doc is missing path: {path}: missing value"))
}

fn refuse(why: &str) -> ApiError {
    ApiError::unprocessable_patch(format!("the server rejected our request due to an error in our request: {why}"))
}
