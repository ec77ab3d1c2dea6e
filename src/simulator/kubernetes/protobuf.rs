//! Reviews in protobuf: what kubectl sends when it asks for rights, whatever the server says it takes.
//!
//! A message is `k8s\0` and an `Unknown` envelope, with the review in its second field. Only strings are read.

use serde_json::{Value, json};

/// Begins every message.
const MAGIC: &[u8] = b"k8s\0";
/// `runtime.Unknown.raw`
const RAW: u64 = 2;
/// `SelfSubjectAccessReview.spec`
const SPEC: u64 = 2;
/// `SelfSubjectAccessReviewSpec.resourceAttributes`
const RESOURCE_ATTRIBUTES: u64 = 1;
/// The fields of `ResourceAttributes`, by number.
const ATTRIBUTES: &[&str] = &["namespace", "verb", "group", "version", "resource", "subresource", "name"];

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
            if let Some(text) = field(attributes, index as u64 + 1).and_then(|bytes| std::str::from_utf8(bytes).ok()) {
                read[*name] = json!(text);
            }
        }
        review["spec"]["resourceAttributes"] = read;
    }
    Some(review)
}

/// Returns the bytes of a length-delimited field.
fn field(mut message: &[u8], number: u64) -> Option<&[u8]> {
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
            return Some(found);
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
    fn broken_bytes_are_not_a_review() {
        assert_eq!(read_review(b"{}", "X"), None);
        assert!(read_review(b"k8s\0\x12\xff", "X").is_some_and(|review| review["spec"] == json!({})));
    }
}
