//! What a client may ask about itself: who am I, may I do this, what may I do.

use axum::body::Body;
use axum::http::{Method, Response};
use serde_json::{Value, json};

use super::access;
use super::api_error::ApiError;
use super::object;
use super::protobuf;
use super::representation::json_response;
use super::server::Call;

pub fn answer(call: &Call<'_>, group: &str, plural: &str) -> Result<Response<Body>, ApiError> {
    if call.method != Method::POST {
        return Err(ApiError::method_not_allowed());
    }
    let kind = match plural {
        "selfsubjectaccessreviews" => "SelfSubjectAccessReview",
        "selfsubjectrulesreviews" => "SelfSubjectRulesReview",
        _ => "SelfSubjectReview",
    };
    let asked = match protobuf::read_review(call.body, kind) {
        Some(review) => review,
        None => call.json()?,
    };
    let status = match plural {
        "selfsubjectaccessreviews" => access_review(call, &asked),
        "selfsubjectrulesreviews" => rules(call),
        "selfsubjectreviews" => json!({"userInfo": {
            "username": call.user.name,
            "groups": call.user.groups,
        }}),
        _ => return Err(ApiError::no_such_path()),
    };
    let mut review = asked;
    object::set(&mut review, &["apiVersion"], json!(format!("{group}/v1")));
    object::set(&mut review, &["kind"], json!(kind));
    object::set(&mut review, &["status"], status);
    Ok(json_response(201, &review))
}

fn access_review(call: &Call<'_>, asked: &Value) -> Value {
    let Some(attributes) = asked.pointer("/spec/resourceAttributes") else {
        // Paths that are not resources are open to everybody who has a name.
        return json!({"allowed": call.user.role != access::Role::Nobody});
    };
    let subresource = object::text(attributes, "/subresource");
    let plural = object::text(attributes, "/resource");
    let resource = if subresource.is_empty() { plural.to_owned() } else { format!("{plural}/{subresource}") };
    let request = access::Request {
        verb: object::text(attributes, "/verb"),
        group: object::text(attributes, "/group"),
        resource: &resource,
        namespace: object::text(attributes, "/namespace"),
        name: object::text(attributes, "/name"),
    };
    if call.server.access.allows(call.user, &request, &call.server.store) {
        json!({"allowed": true, "reason": format!("RBAC: allowed by RoleBinding to User \"{}\"", call.user.name)})
    } else {
        json!({"allowed": false})
    }
}

fn rules(call: &Call<'_>) -> Value {
    let verbs: &[&str] = match call.user.role {
        access::Role::Admin => &["*"],
        access::Role::Edit => &["get", "list", "watch", "create", "update", "patch", "delete"],
        access::Role::View => &["get", "list", "watch"],
        access::Role::Nobody => &[],
    };
    json!({
        "resourceRules": [{"verbs": verbs, "apiGroups": ["*"], "resources": ["*"]}],
        "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["*"]}],
        "incomplete": false,
    })
}
