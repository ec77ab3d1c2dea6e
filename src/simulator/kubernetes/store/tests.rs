use serde_json::{Value, json};

use super::*;

fn rollout(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"replicas": 3}, "status": {"phase": "Healthy"}})
}

fn author() -> Author {
    Author::update("test")
}

fn key(name: &str) -> Key {
    Key::new(Kind::Rollout, "shop", name)
}

fn merged(patch: Value) -> impl FnOnce(&Value) -> Result<Value, ApiError> {
    move |old| {
        let mut new = old.clone();
        crate::kubernetes::patch::merge::apply(&mut new, &patch);
        Ok(new)
    }
}

#[test]
fn creation_fills_in_what_the_server_owns() {
    let store = Store::new(7, Clock::new(1.0));
    let object = store.create(Kind::Rollout, "shop", rollout("web"), &author()).unwrap();
    assert_eq!(object["metadata"]["generation"], 1);
    assert_eq!(object["metadata"]["namespace"], "shop");
    assert_eq!(object::uid(&object).len(), 36);
    assert!(object.get("status").is_none(), "status belongs to the subresource");
    let again = store.create(Kind::Rollout, "shop", rollout("web"), &author());
    assert_eq!(again.unwrap_err().reason, "AlreadyExists");
}

#[test]
fn spec_and_status_are_written_separately() {
    let store = Store::new(7, Clock::new(1.0));
    store.create(Kind::Rollout, "shop", rollout("web"), &author()).unwrap();
    let main = store
        .update(
            &key("web"),
            Part::Main,
            &author(),
            merged(json!({"spec": {"paused": true}, "status": {"abort": true}})),
        )
        .unwrap();
    assert_eq!(main["metadata"]["generation"], 2);
    assert!(main.get("status").is_none());
    let status = store
        .update(
            &key("web"),
            Part::Status,
            &author(),
            merged(json!({"spec": {"paused": false}, "status": {"abort": true}})),
        )
        .unwrap();
    assert_eq!(status["metadata"]["generation"], 2);
    assert_eq!(status["spec"]["paused"], true);
    assert_eq!(status["status"]["abort"], true);
}

#[test]
fn a_stale_resource_version_is_a_conflict() {
    let store = Store::new(7, Clock::new(1.0));
    let first = store.create(Kind::Rollout, "shop", rollout("web"), &author()).unwrap();
    let stale = first["metadata"]["resourceVersion"].clone();
    store.update(&key("web"), Part::Main, &author(), merged(json!({"spec": {"replicas": 4}}))).unwrap();
    let error = store
        .update(
            &key("web"),
            Part::Main,
            &author(),
            merged(json!({"metadata": {"resourceVersion": stale}, "spec": {"replicas": 5}})),
        )
        .unwrap_err();
    assert_eq!(error.code, 409);
    assert_eq!(
        error.message,
        "Operation cannot be fulfilled on rollouts.argoproj.io \"web\": the object has been modified; \
         please apply your changes to the latest version and try again"
    );
}

#[test]
fn a_patch_that_changes_nothing_keeps_the_version() {
    let store = Store::new(7, Clock::new(1.0));
    let first = store.create(Kind::Rollout, "shop", rollout("web"), &author()).unwrap();
    let same = store.update(&key("web"), Part::Main, &author(), merged(json!({"spec": {"replicas": 3}}))).unwrap();
    assert_eq!(first, same);
}

#[test]
fn an_analysis_run_keeps_its_status_in_the_main_object() {
    let store = Store::new(7, Clock::new(1.0));
    let run = json!({"metadata": {"name": "run"}, "spec": {}, "status": {"phase": "Running"}});
    let run = store.create(Kind::AnalysisRun, "shop", run, &author()).unwrap();
    assert_eq!(run["status"]["phase"], "Running");
    let run = store
        .update(
            &Key::new(Kind::AnalysisRun, "shop", "run"),
            Part::Main,
            &author(),
            merged(json!({"status": {"phase": "Failed"}})),
        )
        .unwrap();
    assert_eq!(run["metadata"]["generation"], 2);
}

#[test]
fn deletion_removes_owned_objects() {
    let store = Store::new(7, Clock::new(1.0));
    let owner = store.create(Kind::Rollout, "shop", rollout("web"), &author()).unwrap();
    let set = json!({
        "metadata": {"name": "web-1", "ownerReferences": [object::controller_reference(&owner)]},
        "spec": {},
    });
    let set = store.create(Kind::ReplicaSet, "shop", set, &author()).unwrap();
    let pod = json!({
        "metadata": {"generateName": "web-1-", "ownerReferences": [object::controller_reference(&set)]},
        "spec": {},
    });
    store.create(Kind::Pod, "shop", pod, &author()).unwrap();
    assert_eq!(store.owned_of_kind(object::uid(&set), Kind::Pod).len(), 1);
    store.delete(&key("web"), None).unwrap();
    assert!(store.list(Kind::ReplicaSet, None).1.is_empty());
    assert!(store.list(Kind::Pod, None).1.is_empty());
}

#[test]
fn history_lists_every_change_until_compacted() {
    let store = Store::new(7, Clock::new(1.0));
    let start = store.version();
    store.create(Kind::Rollout, "shop", rollout("web"), &author()).unwrap();
    store.delete(&key("web"), None).unwrap();
    let changes = store.changes_since(start).unwrap();
    let kinds: Vec<_> = changes.iter().map(|c| c.what).collect();
    assert_eq!(kinds, [ChangeKind::Added, ChangeKind::Deleted]);
    store.compact();
    assert!(store.changes_since(start).is_err());
    assert!(store.changes_since(store.version()).unwrap().is_empty());
}
