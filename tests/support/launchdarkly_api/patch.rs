//! What patches do to a flag.

use axum::response::Response;
use serde_json::{Value, json};

use super::{Kept, says};

/// A semantic patch with one instruction.
pub(super) fn semantic(kept: &mut Kept, key: &str, asked: &Value) -> Result<(), Box<Response>> {
    let invalid = |words: &str| Err(Box::new(says(400, "invalid_request", words)));
    let environment = asked["environmentKey"].as_str().unwrap_or_default();
    if kept.flags[key]["environments"].get(environment).is_none() {
        return invalid("Unknown environment key");
    }
    let Some([instruction]) = asked["instructions"].as_array().map(Vec::as_slice) else {
        return invalid("one instruction is understood here");
    };
    match instruction["kind"].as_str() {
        Some("turnFlagOn") => kept.turn(key, environment, true),
        Some("turnFlagOff") => kept.turn(key, environment, false),
        _ => return invalid("unknown instruction"),
    }
    Ok(())
}

/// A JSON patch, with a comment around it.
pub(super) fn by_path(kept: &mut Kept, key: &str, asked: &Value) -> Result<(), Box<Response>> {
    let invalid = |words: &str| Err(Box::new(says(400, "invalid_request", words)));
    let Some(operations) = asked["patch"].as_array().or_else(|| asked.as_array()) else {
        return invalid("Invalid request body");
    };
    for operation in operations {
        let (path, wanted) = (operation["path"].as_str().unwrap_or_default(), &operation["value"]);
        let Some(found) = kept.flags[key].pointer(path) else { return invalid("no such path") };
        match (operation["op"].as_str(), path.split('/').collect::<Vec<_>>().as_slice()) {
            (Some("test"), _) if found == wanted => {}
            (Some("test"), _) => return Err(Box::new(says(409, "conflict", "a test of the patch failed"))),
            (Some("replace"), ["", "environments", environment, "on"]) => {
                kept.turn(key, environment, *wanted == json!(true));
            }
            (Some("replace"), ["", "environments", environment, "fallthrough"]) => {
                let verb = "changed the default rule of the flag";
                kept.change(key, environment, ("fallthrough", wanted.clone()), "updateFallthrough", verb);
            }
            _ => return invalid("understood here are test, and replace of `on` and `fallthrough`"),
        }
    }
    Ok(())
}
