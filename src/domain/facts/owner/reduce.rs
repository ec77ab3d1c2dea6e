//! Reading owners: the marks on a workload, and the objects of Argo CD and Flux.

use serde_json::Value;

use super::{Automation, Owner, OwnerKind, Reconciler, SUSPENDED, Suspension};
use crate::domain::facts::reduce::{list, text, time};

/// Keeps Argo CD from looking at an application.
const SKIP_RECONCILE: &str = "argocd.argoproj.io/skip-reconcile";
/// The field manager with which Argo CD applies manifests.
const ARGO_CD_MANAGER: &str = "argocd-controller";

/// Returns who owns the manifest of an object, by its metadata.
#[must_use]
pub fn owner(metadata: &Value) -> Option<Owner> {
    marked(metadata).filter(|owner| is_name(&owner.name) && owner.namespace.as_deref().is_none_or(is_name))
}

/// Whether a name is one that Kubernetes allows: it becomes part of a path.
fn is_name(name: &str) -> bool {
    let is_edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= 253
        && name.starts_with(is_edge)
        && name.ends_with(is_edge)
        && name.chars().all(|c| is_edge(c) || c == '-' || c == '.')
}

fn marked(metadata: &Value) -> Option<Owner> {
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
        ignores_some: false,
        lists_it: true,
        differs: None,
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
            found.lists_it = is_in_inventory(&value["status"]["inventory"]["entries"], about);
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
    let resource = list(&status["resources"]).find(is_it);
    found.lists_it = resource.is_some();
    let differing = list(&status["resources"]).filter(|resource| resource["status"] == "OutOfSync");
    found.differs = status["sync"]["status"].is_string().then(|| {
        differing.map(|resource| format!("{} {}", text(&resource["kind"]), text(&resource["name"]))).collect()
    });
    let state = resource.and_then(|resource| resource["status"].as_str());
    found.ignores_some = state == Some("Synced") && ignores(&spec["ignoreDifferences"], about);
    found.in_sync = match state {
        // What it does not look at may differ all the same.
        Some("Synced") if found.ignores_some => None,
        Some("Synced") => Some(true),
        Some("OutOfSync") => Some(false),
        _ => None,
    };
    found.compared_at = time(&status["reconciledAt"]);
    let sync = &status["sync"];
    found.commit = commit(&sync["revision"]).or_else(|| commit(&sync["revisions"][0]));
    let source = if spec["source"].is_object() { &spec["source"] } else { &spec["sources"][0] };
    let place = [&source["path"], &source["chart"], &source["targetRevision"]];
    let repository = source["repoURL"].as_str().map(without_credentials);
    let place = place.into_iter().filter_map(Value::as_str).map(ToOwned::to_owned);
    let place: Vec<String> = repository.into_iter().chain(place).filter(|part| !part.is_empty()).collect();
    found.source = (!place.is_empty()).then(|| place.join("  "));
}

fn argo_cd(value: &Value) -> Automation {
    let automated = &value["spec"]["syncPolicy"]["automated"];
    let is_on = automated.is_object() && automated["enabled"] != false;
    if value["metadata"]["annotations"][SKIP_RECONCILE] == "true" {
        return Automation::Suspended(None);
    }
    match (is_on, suspension(value)) {
        (true, _) if automated["selfHeal"] == true => Automation::SelfHeal,
        (true, _) => Automation::AutoSync,
        // What somebody has set since counts, and not what was noted.
        (false, Some(by)) if automated.is_null() => Automation::Suspended(Some(by)),
        (false, _) => Automation::Manual,
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
    // Where the repository cannot be read it is the name of a branch.
    (hash.len() >= 7 && hash.chars().all(|c| c.is_ascii_hexdigit())).then(|| hash.to_owned())
}

/// Whether differences of an object are not looked at, be it by whatever path.
fn ignores(rules: &Value, about: About<'_>) -> bool {
    let is_it = |rule: &Value| {
        let is = |key: &str, own: &str| {
            let said = rule[key].as_str().unwrap_or_default();
            said.is_empty() || said == "*" || said == own
        };
        is("group", about.group) && is("kind", about.kind) && is("name", about.name) && is("namespace", about.namespace)
    };
    list(rules).any(is_it)
}

/// Whether a Kustomization of Flux has applied an object; where it lists nothing, its mark has to do.
fn is_in_inventory(entries: &Value, about: About<'_>) -> bool {
    let id = format!("{}_{}_{}_{}", about.namespace, about.name, about.group, about.kind);
    !entries.is_array() || list(entries).any(|entry| entry["id"] == id.as_str())
}

/// The address of a repository without user, password and query.
fn without_credentials(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let host = host.rsplit('@').next().unwrap_or(host);
    path.map_or_else(|| format!("{scheme}://{host}"), |path| format!("{scheme}://{host}/{path}"))
}

/// What writes an owner's own object: what is changed there by hand may not last.
fn written_by(metadata: &Value) -> Option<String> {
    let set = list(&metadata["ownerReferences"]).find(|owner| owner["kind"] == "ApplicationSet");
    if let Some(set) = set {
        return Some(format!("ApplicationSet {}", text(&set["name"])));
    }
    owner(metadata).map(|owner| owner.to_string())
}
