//! What Argo CD does to the workloads that an Application owns: it compares them with git, and applies what git says.
//!
//! Follows Argo CD 3.2 in what `status` says and when it acts. Git is the images that `spec.source.kustomize.images` names, so
//! that a commit is a change of them; nothing else of a manifest is compared.

use std::time::Duration;

use serde_json::{Value, json};

use super::Tools;
use crate::clock::later;
use crate::kubernetes::managed_fields::Author;
use crate::kubernetes::object::{self, items, name, set, stamp, text, time};
use crate::kubernetes::resources::Kind;
use crate::kubernetes::store::{Key, Part};

/// Marks a workload as owned: `APPLICATION:GROUP/KIND:NAMESPACE/NAME`.
pub const TRACKING_ID: &str = "argocd.argoproj.io/tracking-id";
/// Asks for a look at git now.
const REFRESH: &str = "argocd.argoproj.io/refresh";
/// The namespace of applications.
pub const NAMESPACE: &str = "argocd";
/// How long it takes to put back what differs.
const SELF_HEAL_DELAY: Duration = Duration::from_secs(2);
const CONTROLLER: &str = "argocd-controller";

/// Returns the mark of a workload that an application owns.
pub fn tracking_id(application: &str, kind: Kind, namespace: &str, workload: &str) -> String {
    let resource = kind.resource();
    format!("{application}:{}/{}:{namespace}/{workload}", resource.group, resource.title)
}

/// Returns the application that owns an object, by its mark.
pub fn owner_of(object: &Value) -> Option<Key> {
    let mark = object["metadata"]["annotations"][TRACKING_ID].as_str()?;
    Some(Key::new(Kind::Application, NAMESPACE, mark.split(':').next()?))
}

/// Compares one application with git, and applies what git says where that is wanted and time.
pub fn reconcile(tools: &mut Tools, key: &Key) {
    let Some(application) = tools.store.get(key) else { return };
    let owned = owned(tools, key);
    let images: Vec<String> = items(&application, "/spec/source/kustomize/images")
        .iter()
        .filter_map(|image| image.as_str().map(ToOwned::to_owned))
        .collect();
    let differs: Vec<&(Kind, Value)> =
        owned.iter().filter(|(_, object)| as_in_git(object, &images) != *object).collect();
    let now = tools.clock.now();
    let is_wanted = is_wanted(&application, &images);
    let noticed =
        time(&application, "/status/reconciledAt").filter(|_| text(&application, "/status/sync/status") == "OutOfSync");
    let due = noticed.map(|noticed| later(noticed, tools.clock.scale(SELF_HEAL_DELAY)));
    if differs.is_empty() || !is_wanted || due.is_none_or(|due| due > now) {
        report(tools, key, &application, (&owned, &images), false);
        if is_wanted && !differs.is_empty() {
            tools.queue.add_at(later(now, tools.clock.scale(SELF_HEAL_DELAY)), key.clone());
        }
        return;
    }
    for (kind, object) in differs {
        let own = Key::of(*kind, object);
        // Gone or changed meanwhile: the change brings it here again.
        let _ = tools.store.update(&own, Part::Main, &Author::update(CONTROLLER), |old| Ok(as_in_git(old, &images)));
    }
    report(tools, key, &application, (&owned, &images), true);
}

/// Whether it applies what differs: each new commit, and with self-heal whatever somebody else changed.
fn is_wanted(application: &Value, images: &[String]) -> bool {
    let automated = &application["spec"]["syncPolicy"]["automated"];
    let is_on = automated.is_object() && automated["enabled"] != false;
    let is_new = application["status"]["operationState"]["syncResult"]["revision"] != json!(revision(images));
    is_on && (automated["selfHeal"] == true || is_new)
}

fn owned(tools: &Tools, key: &Key) -> Vec<(Kind, Value)> {
    let of = |kind: Kind| {
        let objects = tools.store.list(kind, None).1;
        objects
            .into_iter()
            .filter(|object| owner_of(object).as_ref() == Some(key))
            .map(move |object| (kind, Value::clone(&object)))
    };
    [Kind::Rollout, Kind::Deployment].into_iter().flat_map(of).collect()
}

/// Returns an object with the images that git names for its containers.
fn as_in_git(object: &Value, images: &[String]) -> Value {
    let mut wanted = object.clone();
    let mut containers = items(object, "/spec/template/spec/containers").to_vec();
    for container in &mut containers {
        let image = text(container, "/image").to_owned();
        if let Some(image) = images.iter().find(|other| repository(other) == repository(&image)) {
            container["image"] = json!(image);
        }
    }
    set(&mut wanted, &["spec", "template", "spec", "containers"], json!(containers));
    wanted
}

fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let name_at = image.rfind('/').map_or(0, |slash| slash + 1);
    image[name_at..].find(':').map_or(image, |colon| &image[..name_at + colon])
}

/// Returns a commit: the same images are the same commit.
fn revision(images: &[String]) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in images.iter().flat_map(|image| image.bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{hash:016x}{:016x}{:08x}", hash.rotate_left(17), hash as u32)
}

/// Writes what was found; what stays the same keeps its time.
fn report(
    tools: &mut Tools,
    key: &Key,
    application: &Value,
    (owned, images): (&[(Kind, Value)], &[String]),
    applied: bool,
) {
    let word = |is_same: bool| if is_same { "Synced" } else { "OutOfSync" };
    let is_same = |object: &Value| applied || as_in_git(object, images) == *object;
    let resources: Vec<Value> = owned
        .iter()
        .map(|(kind, object)| {
            let resource = kind.resource();
            json!({
                "group": resource.group, "version": resource.version, "kind": resource.title,
                "namespace": object::namespace(object), "name": name(object), "status": word(is_same(object)),
            })
        })
        .collect();
    let all = owned.iter().all(|(_, object)| is_same(object));
    let revision = revision(images);
    let now = stamp(tools.clock.now());
    let mut status = application["status"].clone();
    set(&mut status, &["sync"], json!({"status": word(all), "revision": revision}));
    set(&mut status, &["resources"], json!(resources));
    if applied || (status["operationState"].is_null() && all) {
        let state =
            json!({"phase": "Succeeded", "startedAt": now, "finishedAt": now, "syncResult": {"revision": revision}});
        set(&mut status, &["operationState"], state);
    }
    let is_asked = application["metadata"]["annotations"][REFRESH].is_string();
    if status == application["status"] && !is_asked {
        return;
    }
    set(&mut status, &["reconciledAt"], json!(now));
    let _ = tools.store.update(key, Part::Main, &Author::update(CONTROLLER), |old| {
        let mut new = old.clone();
        set(&mut new, &["status"], status);
        object::remove(&mut new, &["metadata", "annotations", REFRESH]);
        Ok(new)
    });
}
