//! JSON patch, RFC 6902.

use serde_json::Value;

use crate::kubernetes::api_error::ApiError;

/// Applies every operation in turn; the first that fails ends it.
pub fn apply(target: &mut Value, patch: &Value) -> Result<(), ApiError> {
    let Some(operations) = patch.as_array() else {
        return Err(ApiError::bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
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
        return Err(refuse());
    };
    let value = || operation.get("value").cloned().ok_or_else(refuse);
    let from = || word("from").ok_or_else(refuse);
    match op {
        "add" => add(target, path, value()?),
        "remove" => take(target, path).map(drop),
        "replace" => {
            let new = value()?;
            let at = target.pointer_mut(path).ok_or_else(refuse)?;
            *at = new;
            Ok(())
        }
        "test" => {
            let wanted = value()?;
            let found = target.pointer(path).unwrap_or(&Value::Null);
            if *found == wanted { Ok(()) } else { Err(refuse()) }
        }
        "move" => {
            let moved = take(target, from()?)?;
            add(target, path, moved)
        }
        "copy" => {
            let source = from()?;
            let copied = target.pointer(source).cloned().ok_or_else(refuse)?;
            add(target, path, copied)
        }
        _ => Err(refuse()),
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
                key.parse().ok().filter(|index| *index <= list.len()).ok_or_else(refuse)?
            };
            list.insert(index, value);
            Ok(())
        }
        _ => Err(refuse()),
    }
}

fn take(target: &mut Value, path: &str) -> Result<Value, ApiError> {
    let (parent, key) = path.rsplit_once('/').ok_or_else(refuse)?;
    let taken = match target.pointer_mut(parent) {
        Some(Value::Object(map)) => map.shift_remove(&unescape(key)),
        Some(Value::Array(list)) => {
            key.parse::<usize>().ok().filter(|index| *index < list.len()).map(|index| list.remove(index))
        }
        _ => None,
    };
    taken.ok_or_else(refuse)
}

fn unescape(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

/// The server does not say what does not apply, not even to a failed test.
fn refuse() -> ApiError {
    ApiError::unprocessable_patch("the server rejected our request due to an error in our request")
}
