//! Suspending an owner and giving its automation back, on objects as Argo CD and Flux have them.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::facts::owner::reduce::{About, reconciler};
use crate::domain::facts::owner::{Owner, Suspension};

const ABOUT: About<'static> = About { group: "argoproj.io", kind: "Rollout", namespace: "payments", name: "api" };

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn merged(mut into: Value, patch: &Value) -> Value {
    fn merge(into: &mut Value, patch: &Value) {
        let Value::Object(fields) = patch else {
            *into = patch.clone();
            return;
        };
        if !into.is_object() {
            *into = json!({});
        }
        for (key, value) in fields {
            if value.is_null() {
                into.as_object_mut().unwrap().remove(key);
            } else {
                merge(&mut into[key], value);
            }
        }
    }
    merge(&mut into, patch);
    into
}

fn application(automated: &Value) -> Value {
    let mut value = json!({
        "metadata": {"name": "payments", "namespace": "argocd", "uid": "u", "resourceVersion": "7"},
        "spec": {"syncPolicy": {"syncOptions": ["CreateNamespace=true"]}},
    });
    if !automated.is_null() {
        value["spec"]["syncPolicy"]["automated"] = automated.clone();
    }
    value
}

proptest! {
    /// Whatever the automation was, it is off in between and afterwards as before, and nothing else is touched.
    #[test]
    fn automation_is_given_back_as_it_was(
        self_heal in any::<Option<bool>>(),
        prune in any::<Option<bool>>(),
        enabled in proptest::sample::select(vec![None, Some(true)]),
    ) {
        let mut automated = json!({});
        for (key, value) in [("selfHeal", self_heal), ("prune", prune), ("enabled", enabled)] {
            if let Some(value) = value {
                automated[key] = json!(value);
            }
        }
        let before = application(&automated);
        let patch = suspend_patch(OwnerKind::ArgoCd, &before, "alice", at("2026-11-28T16:00:00Z")).unwrap();
        let suspended = merged(before.clone(), &patch);
        let found = reconciler(OwnerKind::ArgoCd, &suspended, ABOUT);
        prop_assert!(matches!(&found.automation, Automation::Suspended(Some(by)) if by.by == "alice"));
        prop_assert!(suspend_patch(OwnerKind::ArgoCd, &suspended, "bob", at("2026-11-28T16:00:01Z")).is_err());
        let resumed = merged(suspended.clone(), &resume_patch(OwnerKind::ArgoCd, &suspended).unwrap());
        prop_assert_eq!(resumed["spec"].clone(), before["spec"].clone());
        prop_assert!(resume_patch(OwnerKind::ArgoCd, &resumed).is_err());
    }
}

#[test]
fn what_is_not_on_is_not_suspended() {
    let patch = |automated: Value| {
        suspend_patch(OwnerKind::ArgoCd, &application(&automated), "alice", at("2026-11-28T16:00:00Z"))
    };
    assert!(patch(Value::Null).is_err());
    assert!(patch(json!({"enabled": false, "selfHeal": true})).is_err());
    assert!(suspend_patch(OwnerKind::Helm, &json!({}), "alice", at("2026-11-28T16:00:00Z")).is_err());
    let suspended = json!({"spec": {"suspend": true}});
    assert!(suspend_patch(OwnerKind::FluxKustomization, &suspended, "alice", at("2026-11-28T16:00:00Z")).is_err());
    // What somebody else switched off is not switched on.
    assert!(resume_patch(OwnerKind::FluxKustomization, &suspended).is_err());
    // What somebody has set since stays.
    for automated in [json!({}), json!({"enabled": false, "prune": false})] {
        let mut overtaken = application(&automated);
        let note = r#"{"by":"x","at":"2026-11-28T16:00:00Z","automated":{"selfHeal":true}}"#;
        overtaken["metadata"]["annotations"] = json!({SUSPENDED: note});
        assert!(resume_patch(OwnerKind::ArgoCd, &overtaken).is_err());
    }
    let forged = json!({"metadata": {"annotations": {SUSPENDED: r#"{"by":"x","at":"2026-11-28T16:00:00Z"}"#}}});
    assert!(resume_patch(OwnerKind::ArgoCd, &forged).is_err(), "nothing is noted that could be given back");
}

fn owned(kind: OwnerKind, automation: Automation, in_sync: Option<bool>, compared: &str) -> Owned {
    let found = Reconciler {
        uid: "u".to_owned(),
        resource_version: "7".to_owned(),
        namespace: "argocd".to_owned(),
        automation,
        is_syncing: false,
        lists_it: true,
        differs: Some(Vec::new()),
        in_sync,
        ignores_some: false,
        compared_at: Some(at(compared)),
        commit: None,
        source: None,
        written_by: None,
    };
    let owner = Owner { kind, namespace: None, name: "payments".to_owned() };
    Owned { owner, found: Some(Ok(found)) }
}

fn suspended() -> Automation {
    let automated = json!({"selfHeal": true});
    Automation::Suspended(Some(Suspension { by: "alice".to_owned(), at: at("2026-11-28T16:00:00Z"), automated }))
}

/// Law 1: what git says comes to users when the automation is given back, and nobody has judged that.
#[test]
fn automation_is_given_back_only_where_git_agrees() {
    let kind_of = |owned: &Owned| {
        let found = owned.reconciler().unwrap();
        not_resumable(owned, found, at("2026-11-28T17:00:00Z")).map(|refusal| refusal.kind)
    };
    let argo = |in_sync, compared| owned(OwnerKind::ArgoCd, suspended(), in_sync, compared);
    assert_eq!(kind_of(&argo(Some(true), "2026-11-28T16:30:00Z")), None);
    assert_eq!(kind_of(&argo(Some(false), "2026-11-28T16:30:00Z")), Some(RefusalKind::Gate));
    // It does not say, or does not list the workload.
    assert_eq!(kind_of(&argo(None, "2026-11-28T16:30:00Z")), Some(RefusalKind::Blind));
    let with = |change: &dyn Fn(&mut Reconciler)| {
        let mut owned = argo(Some(true), "2026-11-28T16:30:00Z");
        change(owned.found.as_mut().unwrap().as_mut().unwrap());
        kind_of(&owned)
    };
    assert!(with(&|found| found.lists_it = false).is_some());
    // Its automation is that of all its objects.
    assert_eq!(with(&|found| found.differs = Some(vec!["Rollout web".to_owned()])), Some(RefusalKind::Gate));
    assert!(with(&|found| found.differs = None).is_some());
    let flux = owned(OwnerKind::FluxKustomization, suspended(), Some(true), "2026-11-28T16:30:00Z");
    assert_eq!(kind_of(&flux), Some(RefusalKind::Blind));
    let others = owned(OwnerKind::ArgoCd, Automation::Suspended(None), Some(true), "2026-11-28T16:30:00Z");
    assert_eq!(kind_of(&others), Some(RefusalKind::State));
    let on = owned(OwnerKind::ArgoCd, Automation::SelfHeal, Some(true), "2026-11-28T16:30:00Z");
    assert_eq!(kind_of(&on), Some(RefusalKind::NothingToDo));
}
