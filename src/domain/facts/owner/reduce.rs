//! Reading owners: the marks on a workload, and the objects of Argo CD and Flux.

use serde_json::Value;

use super::{Automation, Owner, OwnerKind, Reconciler, SUSPENDED, Suspension};
use crate::domain::facts::reduce::{list, text, time};

/// The field manager with which Argo CD applies manifests.
const ARGO_CD_MANAGER: &str = "argocd-controller";

/// Returns who owns the manifest of an object, by its metadata.
#[must_use]
pub fn owner(metadata: &Value) -> Option<Owner> {
    let annotation = |key: &str| metadata["annotations"][key].as_str();
    let label = |key: &str| metadata["labels"][key].as_str().filter(|name| !name.is_empty());
    let named = |kind, namespace: Option<&str>, name: &str| Owner {
        kind,
        namespace: namespace.map(ToOwned::to_owned),
        name: name.to_owned(),
    };
    let tracked = annotation("argocd.argoproj.io/tracking-id").and_then(|tracking| tracked_by(tracking, metadata));
    let is_applied = || list(&metadata["managedFields"]).any(|entry| entry["manager"] == ARGO_CD_MANAGER);
    let instance = || label("app.kubernetes.io/instance").filter(|_| is_applied());
    if let Some(application) = tracked.or_else(|| label("argocd.argoproj.io/instance")).or_else(instance) {
        // An application outside Argo CD's own namespace is called NAMESPACE_NAME; neither may contain an underscore.
        let (namespace, name) = application.split_once('_').map_or((None, application), |(ns, name)| (Some(ns), name));
        return Some(named(OwnerKind::ArgoCd, namespace, name));
    }
    for (kind, group) in [
        (OwnerKind::FluxKustomization, "kustomize.toolkit.fluxcd.io"),
        (OwnerKind::FluxHelmRelease, "helm.toolkit.fluxcd.io"),
    ] {
        if let Some(name) = label(&format!("{group}/name")) {
            return Some(named(kind, label(&format!("{group}/namespace")), name));
        }
    }
    let release = annotation("meta.helm.sh/release-name").filter(|name| !name.is_empty())?;
    Some(named(OwnerKind::Helm, annotation("meta.helm.sh/release-namespace"), release))
}

/// Reads `APPLICATION:GROUP/KIND:NAMESPACE/NAME`. An object that was copied bears the mark of the one it was copied from,
/// and Argo CD does not own it.
fn tracked_by<'a>(tracking: &'a str, metadata: &Value) -> Option<&'a str> {
    let (application, object) = tracking.split_once(':')?;
    let (_, place) = object.rsplit_once(':')?;
    let (namespace, name) = place.split_once('/')?;
    let is_own = metadata["name"] == name && (namespace.is_empty() || metadata["namespace"] == namespace);
    (is_own && !application.is_empty()).then_some(application)
}

/// Which object an owner is asked about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    pub group: &'a str,
    pub kind: &'a str,
    pub namespace: &'a str,
    pub name: &'a str,
}

/// Reduces the object of an owner.
#[must_use]
pub fn reconciler(kind: OwnerKind, value: &Value, about: About<'_>) -> Reconciler {
    let metadata = &value["metadata"];
    let mut found = Reconciler {
        uid: text(&metadata["uid"]),
        resource_version: text(&metadata["resourceVersion"]),
        namespace: text(&metadata["namespace"]),
        automation: Automation::Manual,
        is_syncing: false,
        in_sync: None,
        compared_at: None,
        commit: None,
        source: None,
        written_by: written_by(metadata),
    };
    match kind {
        OwnerKind::ArgoCd => application(value, about, &mut found),
        OwnerKind::FluxKustomization => {
            found.automation = flux(value).unwrap_or_else(|| interval(value));
            found.commit = commit(&value["status"]["lastAppliedRevision"]);
        }
        OwnerKind::FluxHelmRelease => {
            let corrects = value["spec"]["driftDetection"]["mode"] == "enabled";
            let active = || if corrects { interval(value) } else { Automation::Upgrades };
            found.automation = flux(value).unwrap_or_else(active);
        }
        OwnerKind::Helm => {}
    }
    found
}

fn application(value: &Value, about: About<'_>, found: &mut Reconciler) {
    let (spec, status) = (&value["spec"], &value["status"]);
    found.automation = argo_cd(value);
    // What is asked for and not begun yet counts.
    let phase = status["operationState"]["phase"].as_str();
    found.is_syncing = value["operation"].is_object() || matches!(phase, Some("Running" | "Terminating"));
    let is_it = |resource: &&Value| {
        let is = |key: &str, wanted: &str| resource[key].as_str().unwrap_or_default() == wanted;
        is("group", about.group) && is("kind", about.kind) && is("name", about.name) && is("namespace", about.namespace)
    };
    let state = list(&status["resources"]).find(is_it).and_then(|resource| resource["status"].as_str());
    found.in_sync = match state {
        Some("Synced") => Some(true),
        Some("OutOfSync") => Some(false),
        _ => None,
    };
    found.compared_at = time(&status["reconciledAt"]);
    let sync = &status["sync"];
    found.commit = commit(&sync["revision"]).or_else(|| commit(&sync["revisions"][0]));
    let source = if spec["source"].is_object() { &spec["source"] } else { &spec["sources"][0] };
    let place = [&source["repoURL"], &source["path"], &source["chart"], &source["targetRevision"]];
    let place: Vec<&str> = place.into_iter().filter_map(Value::as_str).filter(|part| !part.is_empty()).collect();
    found.source = (!place.is_empty()).then(|| place.join("  "));
}

fn argo_cd(value: &Value) -> Automation {
    let automated = &value["spec"]["syncPolicy"]["automated"];
    let is_on = automated.is_object() && automated["enabled"] != false;
    if value["metadata"]["annotations"]["argocd.argoproj.io/skip-reconcile"] == "true" {
        return Automation::Suspended(suspension(value));
    }
    match (is_on, suspension(value)) {
        (true, _) if automated["selfHeal"] == true => Automation::SelfHeal,
        (true, _) => Automation::AutoSync,
        (false, Some(by)) => Automation::Suspended(Some(by)),
        (false, None) => Automation::Manual,
    }
}

/// What the switch `spec.suspend` says; `None` where it is off.
fn flux(value: &Value) -> Option<Automation> {
    (value["spec"]["suspend"] == true).then(|| Automation::Suspended(suspension(value)))
}

fn interval(value: &Value) -> Automation {
    Automation::Interval(text(&value["spec"]["interval"]))
}

fn suspension(value: &Value) -> Option<Suspension> {
    serde_json::from_str(value["metadata"]["annotations"][SUSPENDED].as_str()?).ok()
}

/// Reads a commit: a hash, or `main@sha1:HASH` as Flux writes it.
fn commit(value: &Value) -> Option<String> {
    let revision = value.as_str()?;
    let hash = revision.rsplit_once(':').map_or(revision, |(_, hash)| hash);
    (!hash.is_empty()).then(|| hash.to_owned())
}

/// What writes an owner's own object: what is changed there by hand may not last.
fn written_by(metadata: &Value) -> Option<String> {
    let set = list(&metadata["ownerReferences"]).find(|owner| owner["kind"] == "ApplicationSet");
    if let Some(set) = set {
        return Some(format!("ApplicationSet {}", text(&set["name"])));
    }
    owner(metadata).map(|owner| owner.to_string())
}
