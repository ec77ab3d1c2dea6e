//! The form in which an answer was asked for: whole objects, metadata only, or a table for people.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::object;
use super::resources::Kind;
use super::table;

/// The form of an answer, from the `Accept` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Representation {
    Whole,
    /// `PartialObjectMetadata`.
    Metadata,
    /// `Table`, as kubectl prints it.
    Table,
}

impl Representation {
    /// Reads an `Accept` header; the first form that the server knows wins.
    pub fn from_accept(accept: &str) -> Self {
        accept
            .split(',')
            .find_map(|media| {
                let media = media.trim();
                if !media.starts_with("application/json") && !media.starts_with("*/*") {
                    return None;
                }
                if media.contains("as=Table") {
                    Some(Self::Table)
                } else if media.contains("as=PartialObjectMetadata") {
                    Some(Self::Metadata)
                } else {
                    Some(Self::Whole)
                }
            })
            .unwrap_or(Self::Whole)
    }

    pub fn one(self, kind: Kind, object: &Value) -> Value {
        match self {
            Self::Whole => object.clone(),
            Self::Metadata => metadata(object),
            Self::Table => table::table(kind, &[object], &resource_version(object), true),
        }
    }

    /// Shows one object in a watch event; tables name their columns once.
    pub fn event(self, kind: Kind, object: &Value, first: bool) -> Value {
        match self {
            Self::Table => table::table(kind, &[object], &resource_version(object), first),
            other => other.one(kind, object),
        }
    }
}

fn resource_version(object: &Value) -> String {
    object::text(object, "/metadata/resourceVersion").to_owned()
}

/// Returns the metadata of an object, typed as such.
pub fn metadata(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object.get("metadata").cloned().unwrap_or_default(),
    })
}

/// Builds a response with a JSON body.
pub fn json_response(code: u16, body: &Value) -> Response<Body> {
    let mut response = Response::new(Body::from(format!("{body}\n")));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
