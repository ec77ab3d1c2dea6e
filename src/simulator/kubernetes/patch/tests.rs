use serde_json::{Value, json};

use super::*;

fn patched(kind: PatchType, object: &Value, patch: &Value) -> Value {
    kind.apply(object, patch).unwrap()
}

#[test]
fn merge_patch_deletes_with_null_and_replaces_lists() {
    let object = json!({"spec": {"paused": true, "list": [1, 2], "keep": 1}});
    let patch = json!({"spec": {"paused": null, "list": [3], "new": {"a": null, "b": 1}}});
    assert_eq!(patched(PatchType::Merge, &object, &patch), json!({"spec": {"list": [3], "keep": 1, "new": {"b": 1}}}));
}

#[test]
fn diff_produces_the_patch_between_objects() {
    let cases = [
        (json!({"a": 1, "b": {"c": 1}}), json!({"b": {"c": 2, "d": 3}})),
        (json!({"a": [1]}), json!({"a": [1, 2]})),
        (json!({"a": {"b": 1}}), json!({"a": 1})),
        (json!({}), json!({"a": {"b": {"c": true}}})),
    ];
    for (old, new) in cases {
        let patch = merge::difference(&old, &new).unwrap();
        assert_eq!(patched(PatchType::Merge, &old, &patch), new);
        assert_eq!(merge::difference(&new, &new), None);
    }
}

#[test]
fn json_patch_refuses_what_does_not_apply() {
    let object = json!({"a": 1});
    for patch in [
        json!([{"op": "test", "path": "/a", "value": 2}]),
        json!([{"op": "remove", "path": "/b"}]),
        json!([{"op": "replace", "path": "/b", "value": 1}]),
        json!([{"op": "add", "path": "/b/c", "value": 1}]),
        json!([{"op": "nonsense", "path": "/a"}]),
    ] {
        let error = PatchType::Json.apply(&object, &patch).unwrap_err();
        assert_eq!(error.code, 422, "{patch}");
    }
}

#[test]
fn strategic_merge_joins_containers_by_name() {
    let object = json!({"spec": {"containers": [
        {"name": "app", "image": "app:1", "env": [{"name": "A", "value": "1"}]},
        {"name": "proxy", "image": "proxy:1"},
    ]}});
    let patch = json!({"spec": {
        "$setElementOrder/containers": [{"name": "app"}],
        "containers": [
            {"name": "app", "image": "app:2", "env": [{"name": "B", "value": "2"}]},
            {"name": "proxy", "$patch": "delete"},
        ],
    }});
    assert_eq!(
        patched(PatchType::Strategic, &object, &patch),
        json!({"spec": {"containers": [
            {"name": "app", "image": "app:2", "env": [
                {"name": "A", "value": "1"}, {"name": "B", "value": "2"},
            ]},
        ]}})
    );
}

#[test]
fn strategic_merge_is_not_for_custom_resources() {
    let content_type = "application/strategic-merge-patch+json";
    assert!(PatchType::from_content_type(content_type, false).is_ok());
    let error = PatchType::from_content_type(content_type, true).unwrap_err();
    assert_eq!(error.code, 415);
}
