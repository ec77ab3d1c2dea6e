//! Bodies in protobuf, which kubectl sends where it has a typed client, whatever the server says it takes: reviews of
//! rights, and simple objects that it creates.
//!
//! A message is `k8s\0` and an `Unknown` envelope, with type and content in its first two fields. Only strings are read.

use serde_json::{Value, json};

const MAGIC: &[u8] = b"k8s\0";
/// `runtime.Unknown.typeMeta`
const TYPE: u64 = 1;
/// `runtime.Unknown.raw`
const RAW: u64 = 2;
/// `SelfSubjectAccessReview.spec`
const SPEC: u64 = 2;
/// `SelfSubjectAccessReviewSpec.resourceAttributes`
const RESOURCE_ATTRIBUTES: u64 = 1;
/// The fields of `ResourceAttributes`, by number.
const ATTRIBUTES: &[&str] = &["namespace", "verb", "group", "version", "resource", "subresource", "name"];

/// Reads an object that is hardly more than its metadata: a Namespace, a `ConfigMap`, a `ServiceAccount`. `None` if the
/// body is not one of those.
pub fn read_object(body: &[u8]) -> Option<Value> {
    let envelope = body.strip_prefix(MAGIC)?;
    let types = field(envelope, TYPE)?;
    let (version, kind) = (text(types, 1)?, text(types, 2)?);
    if !matches!(kind, "Namespace" | "ConfigMap" | "ServiceAccount") {
        return None;
    }
    let raw = field(envelope, RAW)?;
    let metadata = field(raw, 1).unwrap_or_default();
    let mut object = json!({"apiVersion": version, "kind": kind, "metadata": {}});
    for (number, name) in [(1, "name"), (2, "generateName"), (3, "namespace")] {
        if let Some(text) = text(metadata, number).filter(|text| !text.is_empty()) {
            object["metadata"][name] = json!(text);
        }
    }
    for (number, name) in [(11, "labels"), (12, "annotations")] {
        let map = map(metadata, number);
        if map.as_object().is_some_and(|map| !map.is_empty()) {
            object["metadata"][name] = map;
        }
    }
    if kind == "ConfigMap" {
        object["data"] = map(raw, 2);
    }
    Some(object)
}

fn text(message: &[u8], number: u64) -> Option<&str> {
    std::str::from_utf8(field(message, number)?).ok()
}

fn map(message: &[u8], number: u64) -> Value {
    let mut map = json!({});
    for entry in fields(message, number) {
        if let (Some(key), Some(value)) = (text(entry, 1), text(entry, 2)) {
            map[key] = json!(value);
        }
    }
    map
}

/// Reads a review; `None` if the body is not one.
pub fn read_review(body: &[u8], kind: &str) -> Option<Value> {
    let envelope = body.strip_prefix(MAGIC)?;
    let mut review = json!({"kind": kind, "metadata": {}, "spec": {}});
    let Some(raw) = field(envelope, RAW) else {
        return Some(review);
    };
    let Some(spec) = field(raw, SPEC) else {
        return Some(review);
    };
    if let Some(attributes) = field(spec, RESOURCE_ATTRIBUTES) {
        let mut read = json!({});
        for (index, name) in ATTRIBUTES.iter().enumerate() {
            if let Some(text) = text(attributes, index as u64 + 1) {
                read[*name] = json!(text);
            }
        }
        review["spec"]["resourceAttributes"] = read;
    }
    Some(review)
}

/// Returns the bytes of the first field with a number.
fn field(message: &[u8], number: u64) -> Option<&[u8]> {
    fields(message, number).next()
}

/// Returns the bytes of every length-delimited field with a number, as far as the message can be read.
fn fields(message: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    let mut rest = message;
    std::iter::from_fn(move || {
        let (found, after) = next_field(rest, number)?;
        rest = after;
        Some(found)
    })
}

fn next_field(mut message: &[u8], number: u64) -> Option<(&[u8], &[u8])> {
    while !message.is_empty() {
        let (tag, rest) = varint(message)?;
        let (found, rest) = match tag & 7 {
            0 => (&[][..], varint(rest)?.1),
            1 => (&[][..], rest.get(8..)?),
            2 => {
                let (length, rest) = varint(rest)?;
                let length = usize::try_from(length).ok()?;
                (rest.get(..length)?, rest.get(length..)?)
            }
            5 => (&[][..], rest.get(4..)?),
            _ => return None,
        };
        if tag >> 3 == number && tag & 7 == 2 {
            return Some((found, rest));
        }
        message = rest;
    }
    None
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(number: u8, inner: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2, inner.len() as u8];
        bytes.extend_from_slice(inner);
        bytes
    }

    #[test]
    fn rights_asked_for_in_protobuf_are_understood() {
        let mut attributes = wrapped(1, b"shop");
        attributes.extend(wrapped(2, b"patch"));
        attributes.extend(wrapped(5, b"rollouts"));
        attributes.extend(wrapped(6, b"status"));
        let mut review = wrapped(1, b"");
        review.extend(wrapped(2, &wrapped(1, &attributes)));
        let mut body = MAGIC.to_vec();
        body.extend(wrapped(2, &review));
        let read = read_review(&body, "SelfSubjectAccessReview").unwrap();
        assert_eq!(
            read["spec"]["resourceAttributes"],
            json!({"namespace": "shop", "verb": "patch", "resource": "rollouts", "subresource": "status"})
        );
    }

    #[test]
    fn simple_objects_are_understood() {
        let mut types = wrapped(1, b"v1");
        types.extend(wrapped(2, b"Namespace"));
        let mut label = wrapped(1, b"team");
        label.extend(wrapped(2, b"shop"));
        let mut metadata = wrapped(1, b"shop");
        metadata.extend(wrapped(11, &label));
        let mut body = MAGIC.to_vec();
        body.extend(wrapped(1, &types));
        body.extend(wrapped(2, &wrapped(1, &metadata)));
        assert_eq!(
            read_object(&body).unwrap(),
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", "labels": {"team": "shop"}}})
        );
    }

    #[test]
    fn broken_bytes_are_not_a_review() {
        assert_eq!(read_review(b"{}", "X"), None);
        assert!(read_review(b"k8s\0\x12\xff", "X").is_some_and(|review| review["spec"] == json!({})));
    }
}
