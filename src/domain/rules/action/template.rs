//! The JSON patches of a template: putting a ReplicaSet's back, and setting its images.

use serde_json::{Map, Value, json};

use crate::domain::facts::object::{Container, ImageRef, RELEASED};
use crate::domain::record::anchor::ANNOTATION;

/// Labels that controllers add to a ReplicaSet's template.
const HASH_LABELS: [&str; 2] = ["rollouts-pod-template-hash", "pod-template-hash"];
/// Argo's record of the metadata it injected, on the ReplicaSet.
const EPHEMERAL_METADATA: &str = "rollout.argoproj.io/ephemeral-metadata";
/// Annotations that a Deployment keeps when it is rolled back; all others come from the ReplicaSet
/// (kubectl `pkg/polymorphichelpers/rollback.go`).
const RESTORED_FROM_LIVE: [&str; 7] = [
    // Ours: an earlier one must not take the place of a later one.
    ANNOTATION,
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deprecated.deployment.rollback.to",
];

/// Why a template cannot be put back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The ReplicaSet has no template.
    #[error("ReplicaSet {0} has no pod template")]
    NoTemplate(String),
    /// The live object has that template already.
    #[error("the template is already that of ReplicaSet {0}")]
    Same(String),
    /// The template has no container of this name.
    #[error("the template has no container {0}")]
    NoContainer(String),
}

/// Returns the JSON patch that puts the template of `replicaset` into `live` (both as the API server returned them).
///
/// The hash label, the metadata that Argo injected and its injected anti-affinity are removed, and the defaults that the
/// API server filled in where `live` does without them, so that the controller finds the old ReplicaSet again by its hash
/// instead of making a new revision. `metadata.resourceVersion` is set to that of
/// `live`, which makes the write conditional. With `unpause` it is resumed in the same write. For a
/// Deployment the annotations change as with `kubectl rollout undo`.
///
/// # Errors
/// [`TemplateError`] where there is nothing to put back.
pub fn restore_patch(replicaset: &Value, live: &Value, unpause: bool) -> Result<Value, TemplateError> {
    let name = replicaset["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let Some(template) = replicaset["spec"].get("template").filter(|template| template.is_object()) else {
        return Err(TemplateError::NoTemplate(name));
    };
    let current = cleaned(&live["spec"]["template"], &Value::Null);
    let mut template = cleaned(template, replicaset);
    remove_defaults("template", &mut template, &current);
    if template == current {
        return Err(TemplateError::Same(name));
    }
    let mut patch = vec![
        json!({"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]}),
        json!({"op": "replace", "path": "/spec/template", "value": template}),
    ];
    // The ReplicaSets of a `workloadRef` belong to the Rollout: their annotations are not the Deployment's.
    if live["kind"] == "Deployment" && !is_of_rollout(replicaset) {
        let annotations = restored_annotations(replicaset, live);
        patch.push(json!({"op": "add", "path": "/metadata/annotations", "value": annotations}));
    }
    if unpause && live["spec"]["paused"] == true {
        patch.push(json!({"op": "replace", "path": "/spec/paused", "value": false}));
    }
    Ok(Value::Array(patch))
}

/// Returns the JSON patch that sets images of the template of `live` (as the API server returned it), and writes `mark` into
/// the annotation [`RELEASED`]. `metadata.resourceVersion` is set to that of `live`, which makes the write conditional.
///
/// # Errors
/// [`TemplateError::NoContainer`].
pub fn images_patch(live: &Value, images: &[Container], mark: &str) -> Result<Value, TemplateError> {
    let mut patch = vec![
        json!({"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]}),
    ];
    for next in images {
        let path = container_path(live, &next.name).ok_or_else(|| TemplateError::NoContainer(next.name.clone()))?;
        patch.push(json!({"op": "test", "path": format!("{path}/name"), "value": next.name}));
        patch.push(json!({"op": "replace", "path": format!("{path}/image"), "value": next.image}));
    }
    let mut annotations = live["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    annotations.insert(RELEASED.to_owned(), mark.into());
    patch.push(json!({"op": "add", "path": "/metadata/annotations", "value": annotations}));
    Ok(Value::Array(patch))
}

/// Adds an annotation of the object itself to a JSON patch that was made from `live`.
pub fn annotate(patch: &mut Value, live: &Value, key: &str, value: &str) {
    let Some(operations) = patch.as_array_mut() else { return };
    let whole = operations.iter_mut().find(|operation| operation["path"] == "/metadata/annotations");
    if let Some(annotations) = whole.and_then(|operation| operation["value"].as_object_mut()) {
        annotations.insert(key.to_owned(), value.into());
    } else if live["metadata"]["annotations"].is_object() {
        let path = format!("/metadata/annotations/{}", key.replace('~', "~0").replace('/', "~1"));
        operations.push(json!({"op": "add", "path": path, "value": value}));
    } else {
        operations.push(json!({"op": "add", "path": "/metadata/annotations", "value": {key: value}}));
    }
}

/// Returns the JSON pointer of the container of this name, init containers too.
fn container_path(live: &Value, name: &str) -> Option<String> {
    ["containers", "initContainers"].into_iter().find_map(|list| {
        let at = live["spec"]["template"]["spec"][list].as_array()?.iter().position(|other| other["name"] == name)?;
        Some(format!("/spec/template/spec/{list}/{at}"))
    })
}

fn is_of_rollout(replicaset: &Value) -> bool {
    replicaset["metadata"]["ownerReferences"].as_array().into_iter().flatten().any(|owner| owner["kind"] == "Rollout")
}

fn restored_annotations(replicaset: &Value, live: &Value) -> Map<String, Value> {
    let of = |object: &Value| object["metadata"]["annotations"].as_object().cloned().unwrap_or_default();
    let kept = |key: &String| RESTORED_FROM_LIVE.contains(&key.as_str());
    of(live)
        .into_iter()
        .filter(|(key, _)| kept(key))
        .chain(of(replicaset).into_iter().filter(|(key, _)| !kept(key)))
        .collect()
}

/// Returns a template without what controllers put into it.
fn cleaned(template: &Value, replicaset: &Value) -> Value {
    let mut template = template.clone();
    let injected: Value = replicaset["metadata"]["annotations"][EPHEMERAL_METADATA]
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or(Value::Null);
    if let Some(metadata) = template.get_mut("metadata").and_then(Value::as_object_mut) {
        for (field, extra) in [("labels", &HASH_LABELS[..]), ("annotations", &[])] {
            let keys = injected[field].as_object().into_iter().flat_map(Map::keys).map(String::as_str);
            remove_keys(metadata, field, keys.chain(extra.iter().copied()));
        }
        metadata.remove("creationTimestamp");
    }
    remove_anti_affinity(&mut template);
    template
}

fn remove_keys<'a>(metadata: &mut Map<String, Value>, field: &str, keys: impl Iterator<Item = &'a str>) {
    let Some(map) = metadata.get_mut(field).and_then(Value::as_object_mut) else { return };
    for key in keys {
        map.remove(key);
    }
    if map.is_empty() {
        metadata.remove(field);
    }
}

/// Removes the anti-affinity terms that Argo injects: they select on its hash label.
fn remove_anti_affinity(template: &mut Value) {
    let Some(affinity) = template.pointer_mut("/spec/affinity").and_then(Value::as_object_mut) else { return };
    let Some(anti) = affinity.get_mut("podAntiAffinity").and_then(Value::as_object_mut) else { return };
    for list in ["requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"] {
        if let Some(terms) = anti.get_mut(list).and_then(Value::as_array_mut) {
            terms.retain(|term| !term.to_string().contains(HASH_LABELS[0]));
            if terms.is_empty() {
                anti.remove(list);
            }
        }
    }
    if anti.is_empty() {
        affinity.remove("podAntiAffinity");
    }
    if affinity.is_empty() {
        if let Some(spec) = template.get_mut("spec").and_then(Value::as_object_mut) {
            spec.remove("affinity");
        }
    }
}

/// Defaults of a pod template by the field they stand in, as the API server fills them into ReplicaSets and Deployments
/// (Kubernetes `pkg/apis/core/v1/defaults.go`). Rollouts keep their template as it was written.
const DEFAULTS: [(&str, &[(&str, &str)]); 14] = [
    (
        "spec",
        &[
            ("restartPolicy", r#""Always""#),
            ("dnsPolicy", r#""ClusterFirst""#),
            ("schedulerName", r#""default-scheduler""#),
            ("terminationGracePeriodSeconds", "30"),
            ("securityContext", "{}"),
        ],
    ),
    ("containers", CONTAINER_DEFAULTS),
    ("initContainers", CONTAINER_DEFAULTS),
    ("ports", &[("protocol", r#""TCP""#)]),
    ("livenessProbe", PROBE_DEFAULTS),
    ("readinessProbe", PROBE_DEFAULTS),
    ("startupProbe", PROBE_DEFAULTS),
    ("httpGet", &[("scheme", r#""HTTP""#), ("path", r#""/""#)]),
    ("fieldRef", &[("apiVersion", r#""v1""#)]),
    ("configMap", VOLUME_DEFAULTS),
    ("secret", VOLUME_DEFAULTS),
    ("projected", VOLUME_DEFAULTS),
    ("downwardAPI", VOLUME_DEFAULTS),
    ("serviceAccountToken", &[("expirationSeconds", "3600")]),
];
const CONTAINER_DEFAULTS: &[(&str, &str)] = &[
    ("terminationMessagePath", r#""/dev/termination-log""#),
    ("terminationMessagePolicy", r#""File""#),
    ("resources", "{}"),
];
const PROBE_DEFAULTS: &[(&str, &str)] =
    &[("timeoutSeconds", "1"), ("periodSeconds", "10"), ("successThreshold", "1"), ("failureThreshold", "3")];
const VOLUME_DEFAULTS: &[(&str, &str)] = &[("defaultMode", "420")];

/// Whether `value` is what the API server puts at `key` of a field when nothing is said there.
fn is_default(field: &str, owner: &Map<String, Value>, key: &str, value: &Value) -> bool {
    match key {
        "imagePullPolicy" => {
            let image = owner.get("image").and_then(Value::as_str).unwrap_or_default();
            value == if ImageRef::parse(image).is_mutable_latest() { "Always" } else { "IfNotPresent" }
        }
        // The old name of `serviceAccountName`, filled in beside it.
        "serviceAccount" => owner.get("serviceAccountName") == Some(value),
        _ => DEFAULTS.iter().filter(|(name, _)| *name == field).flat_map(|(_, defaults)| defaults.iter()).any(
            |(name, default)| {
                *name == key && serde_json::from_str::<Value>(default).is_ok_and(|default| default == *value)
            },
        ),
    }
}

/// Removes defaults that `live` does without: they mean the same, but not to a hash.
fn remove_defaults(field: &str, value: &mut Value, live: &Value) {
    match value {
        Value::Object(map) => {
            let filled_in: Vec<String> = map
                .iter()
                .filter(|(key, value)| live.get(key.as_str()).is_none() && is_default(field, map, key, value))
                .map(|(key, _)| key.clone())
                .collect();
            for key in filled_in {
                map.remove(&key);
            }
            for (key, value) in map {
                remove_defaults(key, value, &live[key.as_str()]);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let same_name = || live.as_array()?.iter().find(|other| other["name"] == item["name"]);
                let name = item.get("name").is_some();
                let other = if name { same_name() } else { live.get(index) }.cloned().unwrap_or_default();
                remove_defaults(field, item, &other);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replicaset() -> Value {
        json!({
            "metadata": {
                "name": "api-6c9f7",
                "annotations": {
                    EPHEMERAL_METADATA: r#"{"labels":{"role":"canary"},"annotations":{"note":"x"}}"#,
                    "kubernetes.io/change-cause": "release 1.4.2",
                    "deployment.kubernetes.io/revision": "3",
                },
            },
            "spec": {"template": {
                "metadata": {
                    "labels": {"app": "api", "role": "canary", "rollouts-pod-template-hash": "6c9f7"},
                    "annotations": {"note": "x"},
                    "creationTimestamp": null,
                },
                "spec": {
                    "containers": [{"name": "api", "image": "api:1.4.2"}],
                    "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                        {"labelSelector": {"matchExpressions": [{"key": "rollouts-pod-template-hash"}]}}]}},
                },
            }},
        })
    }

    fn live() -> Value {
        json!({
            "kind": "Rollout",
            "metadata": {"resourceVersion": "81233"},
            "spec": {"paused": true, "template": {"metadata": {"labels": {"app": "api"}}, "spec": {"containers": [{"name": "api", "image": "api:1.5.0"}]}}},
        })
    }

    #[test]
    fn restored_template_omits_injected_fields() {
        let patch = restore_patch(&replicaset(), &live(), false).unwrap();
        assert_eq!(
            patch,
            json!([
                {"op": "replace", "path": "/metadata/resourceVersion", "value": "81233"},
                {"op": "replace", "path": "/spec/template", "value": {
                    "metadata": {"labels": {"app": "api"}},
                    "spec": {"containers": [{"name": "api", "image": "api:1.4.2"}]},
                }},
            ])
        );
    }

    #[test]
    fn images_are_set_by_name_and_the_rest_is_left() {
        let mut live = live();
        live["metadata"]["annotations"] = json!({"team": "pay"});
        live["spec"]["template"]["spec"]["initContainers"] = json!([{"name": "init", "image": "init:1"}]);
        let images = [("init", "init:2@sha256:b"), ("api", "api:1.6.0@sha256:a")]
            .map(|(name, image)| Container { name: name.to_owned(), image: image.to_owned() });
        let patch = images_patch(&live, &images, "now").unwrap();
        let sets: Vec<String> =
            patch.as_array().unwrap().iter().map(|op| format!("{} {} {}", op["op"], op["path"], op["value"])).collect();
        assert_eq!(
            sets,
            [
                r#""replace" "/metadata/resourceVersion" "81233""#,
                r#""test" "/spec/template/spec/initContainers/0/name" "init""#,
                r#""replace" "/spec/template/spec/initContainers/0/image" "init:2@sha256:b""#,
                r#""test" "/spec/template/spec/containers/0/name" "api""#,
                r#""replace" "/spec/template/spec/containers/0/image" "api:1.6.0@sha256:a""#,
                r#""add" "/metadata/annotations" {"team":"pay","release-cockpit/released":"now"}"#,
            ]
        );
        let unknown = [Container { name: "web".to_owned(), image: "web:1".to_owned() }];
        assert_eq!(images_patch(&live, &unknown, "now"), Err(TemplateError::NoContainer("web".to_owned())));
    }

    #[test]
    fn an_annotation_goes_to_the_object_and_never_to_its_template() {
        let mut live = live();
        let last = |live: &Value, mut patch: Value| {
            annotate(&mut patch, live, "a/b", "v");
            patch.as_array().unwrap().last().unwrap().clone()
        };
        let restored = |live: &Value| restore_patch(&replicaset(), live, false).unwrap();
        assert_eq!(
            last(&live, restored(&live)),
            json!({"op": "add", "path": "/metadata/annotations", "value": {"a/b": "v"}})
        );
        live["metadata"]["annotations"] = json!({"team": "pay"});
        assert_eq!(
            last(&live, restored(&live)),
            json!({"op": "add", "path": "/metadata/annotations/a~1b", "value": "v"})
        );
        // Where the patch sets all of them anyway.
        let released = images_patch(&live, &[], "now").unwrap();
        let all = json!({"team": "pay", "release-cockpit/released": "now", "a/b": "v"});
        assert_eq!(last(&live, released)["value"], all);
    }

    #[test]
    fn rollback_resumes_in_the_same_write() {
        let patch = restore_patch(&replicaset(), &live(), true).unwrap();
        assert_eq!(patch[2], json!({"op": "replace", "path": "/spec/paused", "value": false}));
    }

    #[test]
    fn a_deployment_keeps_its_own_annotations_and_takes_the_rest_from_history() {
        let mut live = live();
        live["kind"] = json!("Deployment");
        live["metadata"]["annotations"] = json!({"deployment.kubernetes.io/revision": "4", "team": "pay"});
        let patch = restore_patch(&replicaset(), &live, false).unwrap();
        assert_eq!(patch[2]["value"]["deployment.kubernetes.io/revision"], "4");
        assert_eq!(patch[2]["value"]["kubernetes.io/change-cause"], "release 1.4.2");
        assert_eq!(patch[2]["value"].get("team"), None);
    }

    #[test]
    fn a_deployment_behind_a_rollout_keeps_all_its_annotations() {
        let (mut live, mut replicaset) = (live(), replicaset());
        live["kind"] = json!("Deployment");
        live["metadata"]["annotations"] = json!({"team": "pay"});
        replicaset["metadata"]["ownerReferences"] = json!([{"kind": "Rollout"}]);
        let patch = restore_patch(&replicaset, &live, false).unwrap();
        assert_eq!(patch.as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn defaults_go_where_the_live_template_does_without_them() {
        let container = json!({"name": "api", "image": "api:1.4.2", "imagePullPolicy": "IfNotPresent", "resources": {},
            "terminationMessagePath": "/dev/termination-log", "ports": [{"containerPort": 80, "protocol": "TCP"}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 80, "scheme": "HTTP"}, "periodSeconds": 3, "timeoutSeconds": 1}});
        let sidecar = json!({"name": "log", "image": "log:1", "restartPolicy": "Always", "imagePullPolicy": "Always"});
        let replicaset = json!({"metadata": {"name": "api-6c9f7"}, "spec": {"template": {"spec": {
            "containers": [container], "initContainers": [sidecar], "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
            "terminationGracePeriodSeconds": 30, "serviceAccountName": "api", "serviceAccount": "api"}}}});
        let mut live = live();
        // What is written out stays, default or not.
        live["spec"]["template"]["spec"]["dnsPolicy"] = json!("ClusterFirst");
        let patch = restore_patch(&replicaset, &live, false).unwrap();
        assert_eq!(
            patch[1]["value"]["spec"],
            json!({
                "containers": [{"name": "api", "image": "api:1.4.2", "ports": [{"containerPort": 80}],
                    "readinessProbe": {"httpGet": {"path": "/ready", "port": 80}, "periodSeconds": 3}}],
                // A policy of its own, and one that is not the default of its tag.
                "initContainers": [{"name": "log", "image": "log:1", "restartPolicy": "Always", "imagePullPolicy": "Always"}],
                "dnsPolicy": "ClusterFirst", "serviceAccountName": "api",
            })
        );
    }

    #[test]
    fn missing_rollback_target_is_reported() {
        let mut live = live();
        live["spec"]["template"]["spec"]["containers"][0]["image"] = json!("api:1.4.2");
        assert_eq!(restore_patch(&replicaset(), &live, false), Err(TemplateError::Same("api-6c9f7".to_owned())));
        assert!(matches!(restore_patch(&json!({}), &live, false), Err(TemplateError::NoTemplate(_))));
    }
}
