//! What the API server refuses before it stores anything: types and limits of the fields that clients of a release
//! write. The whole schemas would be half a megabyte.

use serde_json::Value;

use super::api_error::ApiError;
use super::object;
use super::resources::Kind;

/// Fields of a Rollout that must be of a type.
const ROLLOUT: &[(&str, &str)] = &[
    ("spec.paused", "boolean"),
    ("spec.replicas", "integer"),
    ("spec.minReadySeconds", "integer"),
    ("spec.progressDeadlineSeconds", "integer"),
    ("spec.revisionHistoryLimit", "integer"),
    ("spec.restartAt", "string"),
    ("spec.template", "object"),
    ("spec.strategy", "object"),
    ("status.abort", "boolean"),
    ("status.promoteFull", "boolean"),
    ("status.controllerPause", "boolean"),
    ("status.currentStepIndex", "integer"),
    ("status.pauseConditions", "array"),
];
/// What the real server adds to every type error of a custom resource.
const NOT_CHECKED: &str = "Invalid value: null: some validation rules were not checked because the object was invalid; \
                           correct the existing errors to complete validation";

/// Returns an error if an object breaks its schema.
pub fn check(kind: Kind, object: &Value) -> Result<(), ApiError> {
    match kind {
        Kind::Rollout => check_types(kind, object),
        Kind::Deployment | Kind::ReplicaSet => check_replicas(kind, object),
        _ => Ok(()),
    }
}

fn check_types(kind: Kind, object: &Value) -> Result<(), ApiError> {
    let mut causes: Vec<(&str, String)> = Vec::new();
    for (path, wanted) in ROLLOUT {
        let Some(value) = object.pointer(&format!("/{}", path.replace('.', "/"))) else {
            continue;
        };
        let found = type_of(value);
        if found != *wanted && !value.is_null() {
            let why = format!("Invalid value: \"{found}\": {path} in body must be of type {wanted}: \"{found}\"");
            causes.push((path, why));
        }
    }
    if causes.is_empty() {
        return Ok(());
    }
    if let (Some(("spec.replicas", _)), Some(replicas)) = (causes.first(), object.pointer("/spec/replicas")) {
        // The scale subresource looks at this field too.
        let text = replicas.as_str().map_or_else(|| replicas.to_string(), str::to_owned);
        let found = type_of(replicas);
        let why =
            format!("Invalid value: 0: .spec.replicas accessor error: {text} is of the type {found}, expected int64");
        causes.push((".spec.replicas", why));
    }
    causes.push(("<nil>", NOT_CHECKED.to_owned()));
    Err(ApiError::invalid(kind, object::name(object), &causes))
}

fn check_replicas(kind: Kind, object: &Value) -> Result<(), ApiError> {
    let replicas = object::number(object, "/spec/replicas", 1);
    if replicas < 0 {
        let why = format!("Invalid value: {replicas}: must be greater than or equal to 0");
        return Err(ApiError::invalid(kind, object::name(object), &[("spec.replicas", why)]));
    }
    Ok(())
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn wrong_types_are_refused_with_server_wording() {
        let rollout = json!({"metadata": {"name": "payments-api"}, "spec": {"paused": "maybe"}});
        let error = check(Kind::Rollout, &rollout).unwrap_err();
        assert_eq!(error.code, 422);
        assert_eq!(
            error.message,
            "Rollout.argoproj.io \"payments-api\" is invalid: [spec.paused: Invalid value: \"string\": spec.paused in \
             body must be of type boolean: \"string\", <nil>: Invalid value: null: some validation rules were not \
             checked because the object was invalid; correct the existing errors to complete validation]"
        );
        assert_eq!(error.details["causes"][0]["reason"], "FieldValueTypeInvalid");
        assert!(check(Kind::Rollout, &json!({"spec": {"paused": true, "replicas": 3}})).is_ok());
    }

    #[test]
    fn fewer_than_no_pods_are_refused() {
        let deployment = json!({"metadata": {"name": "mailer"}, "spec": {"replicas": -1}});
        let error = check(Kind::Deployment, &deployment).unwrap_err();
        assert_eq!(
            error.message,
            "Deployment.apps \"mailer\" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0"
        );
    }
}
