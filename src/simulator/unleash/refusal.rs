//! What the server refuses, in Unleash's own words.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use json_patch::{PatchError, PatchErrorKind};
use serde_json::{Value, json};
use uuid::Uuid;

/// The permission that turning a flag wants.
const TURN: &str = "UPDATE_FEATURE_ENVIRONMENT";

/// A status and a body.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    status: StatusCode,
    body: Value,
}

impl Refusal {
    fn of(status: StatusCode, name: &str, message: &str) -> Self {
        Self { status, body: json!({"name": name, "message": message, "details": [{"message": message}]}) }
    }

    /// Some errors carry an id that stands in the server's log.
    fn with_id(mut self) -> Self {
        let mut body = json!({"id": Uuid::now_v7().to_string()});
        if let (Some(all), Value::Object(rest)) = (body.as_object_mut(), self.body) {
            all.extend(rest);
        }
        self.body = body;
        self
    }

    pub fn unauthorized(is_named: bool) -> Self {
        if is_named {
            let message = "You must log in to use Unleash.".to_owned();
            return Self::of(StatusCode::UNAUTHORIZED, "UnauthorizedError", &message).with_id();
        }
        let message = "You must log in to use Unleash. Your request had no authorization header, so we could not \
                       authorize you. Try logging in at /auth/simple/login"
            .to_owned();
        let mut refusal = Self::of(StatusCode::UNAUTHORIZED, "AuthenticationRequired", &message).with_id();
        refusal.body["path"] = json!("/auth/simple/login");
        refusal.body["type"] = json!("password");
        refusal.body["defaultHidden"] = json!(false);
        refusal
    }

    pub fn forbidden() -> Self {
        let message = format!(
            "You don't have the required permissions to perform this operation. To perform this action, you need the \
             \"{TURN}\" permission."
        );
        let mut refusal = Self::of(StatusCode::FORBIDDEN, "PermissionError", &message).with_id();
        refusal.body["permissions"] = json!([TURN]);
        refusal
    }

    pub fn no_feature(name: &str) -> Self {
        let message = format!("There's no feature named \"{name}\" in project \"{}\".", super::PROJECT);
        Self::of(StatusCode::NOT_FOUND, "NotFoundError", &message)
    }

    /// A flag of another project, or one that was archived.
    pub fn not_here(name: &str, project: &str) -> Self {
        let message = format!(
            "There's no feature named \"{name}\" in project \"{project}\", but there's a feature with that name in \
             project \"{}\"",
            super::PROJECT
        );
        Self::of(StatusCode::NOT_FOUND, "NotFoundError", &message)
    }

    pub fn not_found_any_more(name: &str) -> Self {
        Self::of(StatusCode::NOT_FOUND, "NotFoundError", &format!("Could not find feature flag with name {name}"))
    }

    pub fn no_environment(environment: &str, name: &str) -> Self {
        let message = format!("Could not find environment {environment} for feature: {name}");
        Self::of(StatusCode::NOT_FOUND, "NotFoundError", &message)
    }

    pub fn no_strategy(id: &str) -> Self {
        Self::of(StatusCode::NOT_FOUND, "NotFoundError", &format!("Could not find strategy with id: {id}"))
    }

    /// The real one has no status of its own for this.
    pub fn not_patched(error: &PatchError) -> Self {
        let message = match error.kind {
            PatchErrorKind::TestFailed => "Test operation failed\nname: TEST_OPERATION_FAILED".to_owned(),
            _ => error.to_string(),
        };
        Self::of(StatusCode::INTERNAL_SERVER_ERROR, "UnknownError", &message)
    }

    pub fn no_path(path: &str) -> Self {
        let message = format!("The path you were looking for ({path}) is not available.");
        Self::of(StatusCode::NOT_FOUND, "NotFoundError", &message).with_id()
    }

    pub fn archived() -> Self {
        let message = "Cannot perform this operation on archived features".to_owned();
        Self::of(StatusCode::BAD_REQUEST, "ArchivedFeatureError", &message)
    }

    pub fn name_exists() -> Self {
        Self::of(StatusCode::CONFLICT, "NameExistsError", "A flag with that name already exists")
    }

    pub fn bad_data() -> Self {
        let message = "Request validation failed: your request body or params contain invalid data. Refer to the \
                       `details` list for more information."
            .to_owned();
        Self::of(StatusCode::BAD_REQUEST, "BadDataError", &message).with_id()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}
