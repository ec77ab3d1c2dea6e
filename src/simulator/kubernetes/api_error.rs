//! Errors as an API server answers them: `Status` objects with the texts that clients match on.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use super::resources::{Kind, Resource};

/// One failed request: HTTP code and the `Status` body that goes with it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{code} {reason}: {message}")]
pub struct ApiError {
    pub code: u16,
    /// Machine-readable reason, as in `metav1.StatusReason`.
    pub reason: &'static str,
    pub message: String,
    /// `details` of the `Status`, `null` for none.
    pub details: Box<Value>,
    /// Seconds for a `Retry-After` header.
    pub retry_after: Option<u64>,
}

impl ApiError {
    fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code, reason, message: message.into(), details: Box::new(Value::Null), retry_after: None }
    }

    fn about(mut self, resource: &Resource, name: &str) -> Self {
        let mut details = json!({});
        if !name.is_empty() {
            details["name"] = json!(name);
        }
        if !resource.group.is_empty() {
            details["group"] = json!(resource.group);
        }
        details["kind"] = json!(resource.plural);
        *self.details = details;
        self
    }

    /// 404 for an object that does not exist.
    pub fn not_found(kind: Kind, name: &str) -> Self {
        let resource = kind.resource();
        Self::new(404, "NotFound", format!("{} \"{name}\" not found", resource.qualified())).about(resource, name)
    }

    /// 404 for a path that the server does not serve.
    pub fn no_such_path() -> Self {
        let mut error = Self::new(404, "NotFound", "the server could not find the requested resource");
        *error.details = json!({});
        error
    }

    /// 405 for a verb that a path does not take.
    pub fn method_not_allowed() -> Self {
        let mut error =
            Self::new(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
        *error.details = json!({});
        error
    }

    /// 409 for a create of a name that is taken.
    pub fn already_exists(kind: Kind, name: &str) -> Self {
        let resource = kind.resource();
        Self::new(409, "AlreadyExists", format!("{} \"{name}\" already exists", resource.qualified()))
            .about(resource, name)
    }

    /// 409 for a write based on an older resourceVersion.
    pub fn conflict(kind: Kind, name: &str) -> Self {
        Self::conflict_because(
            kind,
            name,
            "the object has been modified; please apply your changes to the latest version and try again",
        )
    }

    /// 409 for a precondition that does not hold.
    pub fn conflict_because(kind: Kind, name: &str, why: &str) -> Self {
        let resource = kind.resource();
        Self::new(
            409,
            "Conflict",
            format!("Operation cannot be fulfilled on {} \"{name}\": {why}", resource.qualified()),
        )
        .about(resource, name)
    }

    /// 422 for an object that breaks a rule; `causes` are (field, message) pairs.
    pub fn invalid(kind: Kind, name: &str, causes: &[(&str, String)]) -> Self {
        let resource = kind.resource();
        let texts: Vec<String> = causes.iter().map(|(field, message)| format!("{field}: {message}")).collect();
        let all = match texts.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let title = if resource.group.is_empty() {
            resource.title.to_owned()
        } else {
            format!("{}.{}", resource.title, resource.group)
        };
        let mut error = Self::new(422, "Invalid", format!("{title} \"{name}\" is invalid: {all}"));
        *error.details = json!({
            "name": name,
            "group": resource.group,
            "kind": resource.title,
            "causes": causes
                .iter()
                .map(|(field, message)| json!({
                    "reason": cause_reason(message),
                    "message": message,
                    "field": field,
                }))
                .collect::<Vec<_>>(),
        });
        if resource.group.is_empty() {
            super::object::remove(&mut error.details, &["group"]);
        }
        error
    }

    /// 400 for a request that cannot be read.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// 422 for a JSON patch that cannot be applied.
    pub fn unprocessable_patch(message: impl Into<String>) -> Self {
        let mut error = Self::new(422, "Invalid", message);
        *error.details = json!({});
        error
    }

    /// 500 for a resourceVersion in a write that is not a number. The real one has no reason either.
    pub fn not_a_version(text: &str) -> Self {
        Self::new(500, "", format!("strconv.ParseUint: parsing \"{text}\": invalid syntax"))
    }

    /// 500 for a resourceVersion of a watch that is not a number.
    pub fn not_a_watch_version(text: &str) -> Self {
        Self::new(
            500,
            "",
            format!(
                "resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax"
            ),
        )
    }

    /// 504 for a list at a version that does not exist yet.
    pub fn future_version(asked: u64, current: u64) -> Self {
        let mut error =
            Self::new(504, "Timeout", format!("Timeout: Too large resource version: {asked}, current: {current}"));
        *error.details = json!({
            "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
            "retryAfterSeconds": 1,
        });
        error.retry_after = Some(1);
        error
    }

    /// 409 for a server-side apply of fields that others own; pairs of (conflict, field).
    pub fn apply_conflict(conflicts: &[(String, String)]) -> Self {
        let message = match conflicts {
            [(whom, field)] => format!("Apply failed with 1 conflict: conflict with {whom}: {field}"),
            many => {
                let lines: Vec<String> =
                    many.iter().map(|(whom, field)| format!("conflict with {whom}: {field}")).collect();
                format!("Apply failed with {} conflicts: {}", many.len(), lines.join("\n"))
            }
        };
        let mut error = Self::new(409, "Conflict", message);
        *error.details = json!({
            "causes": conflicts
                .iter()
                .map(|(whom, field)| json!({
                    "reason": "FieldManagerConflict",
                    "message": format!("conflict with {whom}"),
                    "field": field,
                }))
                .collect::<Vec<_>>(),
        });
        error
    }

    /// 415 for a patch type that the kind does not take.
    pub fn unsupported_media_type(accepted: &[&str]) -> Self {
        Self::new(
            415,
            "UnsupportedMediaType",
            format!(
                "the body of the request was in an unknown format - accepted media types include: {}",
                accepted.join(", ")
            ),
        )
    }

    /// 401 for a missing, unknown or expired token.
    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    /// 403 with the sentence RBAC answers with; `target` is what was asked for.
    pub fn forbidden(resource: &Resource, name: &str, sentence: &str) -> Self {
        let subject =
            if name.is_empty() { resource.qualified() } else { format!("{} \"{name}\"", resource.qualified()) };
        Self::new(403, "Forbidden", format!("{subject} is forbidden: {sentence}")).about(resource, name)
    }

    /// 403 for a kind that the server does not have: rights are asked for first.
    pub fn forbidden_kind(group: &str, plural: &str, sentence: &str) -> Self {
        let mut error = Self::new(403, "Forbidden", format!("{plural}.{group} is forbidden: {sentence}"));
        *error.details = json!({"group": group, "kind": plural});
        error
    }

    /// 403 for a path that is not a resource.
    pub fn forbidden_path(user: &str, verb: &str, path: &str) -> Self {
        let mut error =
            Self::new(403, "Forbidden", format!("forbidden: User \"{user}\" cannot {verb} path \"{path}\""));
        *error.details = json!({});
        error
    }

    /// 410 for a resourceVersion that history no longer reaches back to.
    pub fn expired(asked: u64, oldest: u64) -> Self {
        Self::new(410, "Expired", format!("too old resource version: {asked} ({oldest})"))
    }

    /// 410 for a list continuation of a version that is gone.
    pub fn continue_expired() -> Self {
        Self::new(
            410,
            "Expired",
            "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.",
        )
    }

    /// 429 as priority and fairness answers it; `retry_after` is in seconds.
    pub fn too_many_requests(retry_after: u64) -> Self {
        let mut error = Self::new(
            429,
            "TooManyRequests",
            "the server has received too many requests and has asked us to try again later",
        );
        *error.details = json!({ "retryAfterSeconds": retry_after });
        error.retry_after = Some(retry_after);
        error
    }

    /// 500.
    pub fn internal(message: &str) -> Self {
        let mut error = Self::new(500, "InternalError", format!("Internal error occurred: {message}"));
        *error.details = json!({ "causes": [{ "message": message }] });
        error
    }

    /// 503.
    pub fn unavailable() -> Self {
        let mut error = Self::new(503, "ServiceUnavailable", "the server is currently unable to handle the request");
        *error.details = json!({});
        error
    }

    /// Returns the `Status` object.
    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        });
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if !self.details.is_null() {
            status["details"] = Value::clone(&self.details);
        }
        status["code"] = json!(self.code);
        status
    }

    pub fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(format!("{}\n", self.status())));
        *response.status_mut() = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn cause_reason(message: &str) -> &'static str {
    if message.starts_with("Required value") {
        "FieldValueRequired"
    } else if message.starts_with("Forbidden") {
        "FieldValueForbidden"
    } else if message.contains("must be of type") {
        "FieldValueTypeInvalid"
    } else {
        "FieldValueInvalid"
    }
}
