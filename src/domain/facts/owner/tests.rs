//! Marks and objects as Argo CD 3.2, Flux 2 and Helm 3 write them.

use serde_json::{Value, json};

use super::reduce::{About, owner, reconciler};
use super::*;

fn marked(annotations: &Value, labels: &Value) -> Option<String> {
    let metadata =
        json!({"name": "payments-api", "namespace": "payments", "annotations": annotations, "labels": labels});
    owner(&metadata).map(|owner| format!("{owner} in {}", owner.namespace.as_deref().unwrap_or("-")))
}

#[test]
fn marks_of_each_tool_name_the_owner() {
    let (none, tracking) = (json!({}), "argocd.argoproj.io/tracking-id");
    let tracked = |id: &str| marked(&json!({tracking: id}), &none);
    let own = "argoproj.io/Rollout:payments/payments-api";
    assert_eq!(tracked(&format!("payments:{own}")).as_deref(), Some("Argo CD application payments in -"));
    assert_eq!(tracked(&format!("team-a_payments:{own}")).as_deref(), Some("Argo CD application payments in team-a"));
    // Copied from another object, cut off, or empty: no owner.
    for other in ["payments:argoproj.io/Rollout:payments/other", "payments:argoproj.io/Rollout:staging/payments-api"] {
        assert_eq!(tracked(other), None, "{other}");
    }
    assert_eq!(tracked("payments"), None);
    // What is no name of Kubernetes does not become part of a path.
    for hostile in ["../../secrets", "a?limit=1#x", "a/b", "A", "a b", "\u{1b}[2J", "..", "-a"] {
        assert_eq!(tracked(&format!("{hostile}:{own}")), None, "{hostile}");
        assert_eq!(tracked(&format!("{hostile}_payments:{own}")), None, "{hostile}");
    }
    assert_eq!(tracked(&format!(":{own}")), None);
    let flux =
        json!({"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"});
    assert_eq!(marked(&none, &flux).as_deref(), Some("Flux Kustomization apps in flux-system"));
    let flux = json!({"helm.toolkit.fluxcd.io/name": "payments", "helm.toolkit.fluxcd.io/namespace": "payments"});
    let helm = json!({"meta.helm.sh/release-name": "payments", "meta.helm.sh/release-namespace": "payments"});
    // Flux installs by Helm: it is the one that acts.
    assert_eq!(marked(&helm, &flux).as_deref(), Some("Flux HelmRelease payments in payments"));
    assert_eq!(marked(&helm, &none).as_deref(), Some("Helm release payments in payments"));
    // The common label alone says nothing of who applies it.
    assert_eq!(marked(&none, &json!({"app.kubernetes.io/instance": "payments"})), None);
    let by_label = json!({
        "name": "api", "namespace": "payments",
        "labels": {"app.kubernetes.io/instance": "payments"},
        "managedFields": [{"manager": "argocd-controller"}],
    });
    assert_eq!(owner(&by_label).map(|owner| owner.to_string()).as_deref(), Some("Argo CD application payments"));
}

const ABOUT: About<'static> =
    About { group: "argoproj.io", kind: "Rollout", namespace: "payments", name: "payments-api" };

fn application(automated: &Value, resource: &str) -> Value {
    json!({
        "metadata": {"name": "payments", "namespace": "argocd", "uid": "u", "resourceVersion": "7"},
        "spec": {
            "source": {"repoURL": "https://git.test/config", "path": "apps/payments", "targetRevision": "main"},
            "syncPolicy": {"automated": automated},
        },
        "status": {
            "reconciledAt": "2026-11-28T16:56:13Z",
            "resources": [
                {"kind": "Service", "name": "payments-api", "namespace": "payments", "status": "Synced"},
                {"group": "argoproj.io", "kind": "Rollout", "name": "payments-api", "namespace": "payments", "status": resource},
            ],
            "sync": {"status": "OutOfSync", "revision": "0ff7f4c8a7ad18172dc5acd83ed8dc92e0f4af5e"},
        },
    })
}

fn read(value: &Value) -> Reconciler {
    reconciler(OwnerKind::ArgoCd, value, ABOUT)
}

#[test]
fn automation_of_an_application_is_read() {
    let automation = |automated: Value| read(&application(&automated, "Synced")).automation;
    assert_eq!(automation(json!({"selfHeal": true, "prune": true})), Automation::SelfHeal);
    assert_eq!(automation(json!({})), Automation::AutoSync);
    assert_eq!(automation(json!({"selfHeal": true, "enabled": false})), Automation::Manual);
    assert_eq!(automation(Value::Null), Automation::Manual);
    let mut skipped = application(&json!({"selfHeal": true}), "Synced");
    skipped["metadata"]["annotations"] = json!({"argocd.argoproj.io/skip-reconcile": "true"});
    assert_eq!(read(&skipped).automation, Automation::Suspended(None));
}

#[test]
fn what_an_application_does_not_look_at_or_does_not_list_proves_nothing() {
    let mut value = application(&json!({"selfHeal": true}), "Synced");
    assert_eq!((read(&value).in_sync, read(&value).lists_it), (Some(true), true));
    for rule in [
        json!({"group": "argoproj.io", "kind": "Rollout"}),
        json!({"group": "*", "kind": "*"}),
        json!({"kind": "Rollout", "name": "payments-api"}),
    ] {
        value["spec"]["ignoreDifferences"] = json!([rule]);
        assert_eq!(read(&value).in_sync, None, "{rule}");
    }
    for rule in [json!({"group": "apps", "kind": "Deployment"}), json!({"kind": "Rollout", "name": "other"})] {
        value["spec"]["ignoreDifferences"] = json!([rule]);
        assert_eq!(read(&value).in_sync, Some(true), "{rule}");
    }
    value["status"]["resources"] =
        json!([{"kind": "Service", "name": "x", "namespace": "payments", "status": "OutOfSync"}]);
    let found = read(&value);
    assert_eq!((found.in_sync, found.lists_it, found.differs), (None, false, Some(vec!["Service x".to_owned()])));
    // A mark that was copied suspends nothing, and holds nothing up.
    let owner = Owner { kind: OwnerKind::ArgoCd, namespace: None, name: "payments".to_owned() };
    let owned = Owned { owner, found: Some(Ok(read(&value))) };
    assert_eq!((owned.is_active(), owned.puts_back(None), owned.may_put_back()), (Some(false), None, None));
}

#[test]
fn what_is_not_known_of_an_owner_is_said_and_credentials_are_not() {
    let owner = Owner { kind: OwnerKind::ArgoCd, namespace: None, name: "payments".to_owned() };
    let blind = Owned { owner: owner.clone(), found: Some(Err("403".to_owned())) };
    assert!(blind.may_put_back().is_some() && Owned { owner, found: None }.may_put_back().is_some());
    let mut value = application(&Value::Null, "Synced");
    value["spec"]["source"]["repoURL"] = json!("https://ci:ghp_secret@git.test/shop/config.git?private_token=glpat");
    value["status"]["sync"]["revision"] = json!("main");
    let found = read(&value);
    assert_eq!(found.source.as_deref(), Some("https://git.test/shop/config.git  apps/payments  main"));
    assert_eq!(found.commit, None);
}

#[test]
fn a_suspension_is_ours_only_while_the_automation_is_off() {
    let by = r#"{"by":"alice","at":"2026-11-28T16:00:00Z","automated":{"selfHeal":true}}"#;
    let mut value = application(&Value::Null, "OutOfSync");
    value["metadata"]["annotations"] = json!({SUSPENDED: by});
    let Automation::Suspended(Some(suspension)) = read(&value).automation else { panic!("{:?}", read(&value)) };
    assert_eq!((suspension.by.as_str(), suspension.automated), ("alice", json!({"selfHeal": true})));
    // Somebody, or an ApplicationSet, put it back.
    value["spec"]["syncPolicy"]["automated"] = json!({"selfHeal": true});
    assert_eq!(read(&value).automation, Automation::SelfHeal);
    // Written by hand, and not readable: it was not us.
    value["spec"]["syncPolicy"]["automated"] = Value::Null;
    value["metadata"]["annotations"] = json!({SUSPENDED: "yes"});
    assert_eq!(read(&value).automation, Automation::Manual);
}

#[test]
fn git_agrees_when_the_owner_compared_this_object_after_the_change() {
    let owned = |resource: &str, automated: Value| Owned {
        owner: Owner { kind: OwnerKind::ArgoCd, namespace: None, name: "payments".to_owned() },
        found: Some(Ok(read(&application(&automated, resource)))),
    };
    let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    let on = || json!({"selfHeal": true});
    assert!(owned("OutOfSync", on()).puts_back(at("2026-11-28T16:00:00Z")).is_some());
    assert_eq!(owned("Synced", on()).puts_back(at("2026-11-28T16:00:00Z")), None);
    // What it said before the change tells nothing of it.
    assert!(owned("Synced", on()).puts_back(at("2026-11-28T16:56:13Z")).is_some());
    assert!(owned("Missing", on()).puts_back(at("2026-11-28T16:00:00Z")).is_some());
    assert_eq!(owned("OutOfSync", json!({})).puts_back(at("2026-11-28T16:00:00Z")), None);
    assert_eq!(owned("OutOfSync", Value::Null).puts_back(at("2026-11-28T16:00:00Z")), None);
}

#[test]
fn what_writes_the_application_itself_is_named() {
    let mut value = application(&Value::Null, "Synced");
    assert_eq!(read(&value).written_by, None);
    value["metadata"]["annotations"] =
        json!({"argocd.argoproj.io/tracking-id": "root:argoproj.io/Application:argocd/payments"});
    assert_eq!(read(&value).written_by.as_deref(), Some("Argo CD application root"));
    value["metadata"]["ownerReferences"] = json!([{"kind": "ApplicationSet", "name": "services"}]);
    assert_eq!(read(&value).written_by.as_deref(), Some("ApplicationSet services"));
}

#[test]
fn flux_is_read_by_its_switch_and_its_interval() {
    let kustomization = json!({
        "metadata": {"name": "apps", "namespace": "flux-system"},
        "spec": {"interval": "10m"},
        "status": {"lastAppliedRevision": "main@sha1:0ff7f4c8a7ad18172dc5acd83ed8dc92e0f4af5e"},
    });
    let found = reconciler(OwnerKind::FluxKustomization, &kustomization, ABOUT);
    assert_eq!(found.automation, Automation::Interval("10m".to_owned()));
    assert_eq!(found.commit.as_deref(), Some("0ff7f4c8a7ad18172dc5acd83ed8dc92e0f4af5e"));
    let mut release = json!({"spec": {"interval": "5m"}});
    let automation = |value: &Value| reconciler(OwnerKind::FluxHelmRelease, value, ABOUT).automation;
    assert_eq!(automation(&release), Automation::Upgrades);
    release["spec"]["driftDetection"] = json!({"mode": "enabled"});
    assert_eq!(automation(&release), Automation::Interval("5m".to_owned()));
    release["spec"]["suspend"] = json!(true);
    assert_eq!(automation(&release), Automation::Suspended(None));
}
