//! What owns a manifest, and actions: what it does to them, and how its automation is suspended and given back.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::plan::{Plan, PlanContext};
use crate::domain::facts::direction::Direction;
use crate::domain::facts::ids::{WorkloadId, WorkloadKey};
use crate::domain::facts::owner::{Automation, Owned, OwnerKind, Reconciler, SUSPENDED, Suspension};
use crate::domain::facts::workload::kind::{Resource, WorkloadKind};
use crate::domain::facts::workload::{Phase, Snapshot};
use crate::domain::record::action::{
    Body, Facts, KubernetesRequest, ObjectRef, OwnerKey, PlanRecord, Request, Target, Verb,
};
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::rules::release_state::{ReleaseState, release_state};
use crate::domain::world::{Environment, World};

/// Whether requests write the pod template, which the manifest holds too.
pub(super) fn writes_template(requests: &[Request]) -> bool {
    let writes = |request: &Request| {
        let body = request.kubernetes().map(|request| &request.body);
        matches!(body, Some(Body::RestoreTemplate { .. } | Body::SetImages { .. }))
    };
    requests.iter().any(writes)
}

/// Whether a plan puts an earlier template back: what owns the manifest may put the later one back in its turn.
#[must_use]
pub fn rewrites_backward(record: &PlanRecord) -> bool {
    record.verb == Verb::Rollback && record.moves_backward() && writes_template(&record.requests)
}

/// Says what the owner does to a template that is written, and what is left to do.
pub(super) fn goes(snapshot: &Snapshot, direction: Direction, now: Timestamp) -> Option<String> {
    let owned = snapshot.owned.as_ref()?;
    let owner = &owned.owner;
    let again = if direction.is_backward() { "revert it there too" } else { "commit it there too" };
    Some(match owned.is_active() {
        Some(true) if direction.is_backward() => {
            let writer = owned.reconciler().and_then(|found| found.written_by.as_deref());
            let writer = writer.map_or_else(String::new, |writer| {
                format!("; {writer} writes it, and may switch that on again: suspend that, too")
            });
            format!("{owner}, {}: its automation is suspended along with this{writer}", owned.describe(now))
        }
        Some(_) if matches!(owned.reconciler(), Some(found) if matches!(found.automation, Automation::Suspended(_))) => {
            format!("{owner} is {}; {again} before it is resumed", owned.describe(now))
        }
        Some(_) => format!("{owner}: {}; {again}", owned.describe(now)),
        None => format!("{owner} may put the manifest back: {}; {again}", owned.describe(now)),
    })
}

/// What is left to do in git after a rollback.
pub(super) fn left_in_git(snapshot: &Snapshot, env: &Environment) -> Option<String> {
    let owned = snapshot.owned.as_ref()?;
    let source = owned.reconciler().and_then(|found| found.source.as_deref());
    let place = source.map_or_else(String::new, |source| format!(" in {source}"));
    Some(match owned.owner.kind {
        _ if env.settings.git.is_configured() => {
            let git = &env.settings.git;
            format!(
                "git: {} on {} is reverted after this; then `cockpit owner {} --resume`",
                git.path,
                git.branch,
                env.name()
            )
        }
        OwnerKind::Helm => format!("{}: the values of the next upgrade", owned.owner),
        _ => format!("git: revert it{place}, then `cockpit owner {} --resume`", env.name()),
    })
}

/// Returns why a new version is not written into what somebody else puts back (law 9).
pub(super) fn in_the_way(snapshot: &Snapshot, env: &Environment, now: Timestamp) -> Option<Refusal> {
    let owned = snapshot.owned.as_ref()?;
    if !owned.is_read() {
        let text = format!("{}: {}", owned.owner, owned.describe(now));
        return Some(Refusal::new(RefusalKind::Blind, text, "wait a moment"));
    }
    let puts_back = owned.reconciler().is_some_and(|found| found.lists_it && found.automation.puts_back());
    puts_back.then(|| {
        let text = format!("{}, {}", owned.owner, owned.describe(now));
        Refusal::state(text, format!("commit the new version in git; {} then rolls it out", env.name()))
    })
}

/// Returns the owner to suspend when a plan goes back: one that applies the manifest by itself.
#[must_use]
pub fn to_suspend(world: &World, record: &PlanRecord) -> Option<OwnerKey> {
    let goes_back = record.verb == Verb::Rollback && record.moves_backward();
    let key = record.target.workload().filter(|_| goes_back)?;
    let (_, workload) = world.find(key)?;
    let owned = workload.snapshot.as_ref()?.owned.as_ref()?;
    owned.reconciler().filter(|found| found.lists_it && found.automation.is_active())?;
    workload.snapshot.as_ref().map(|snapshot| owner_key(key, owned, snapshot))
}

/// Returns the owner of a workload's manifest as a target; it is asked about the object that the template lies in.
#[must_use]
pub fn owner_key(key: &WorkloadKey, owned: &Owned, snapshot: &Snapshot) -> OwnerKey {
    let template = snapshot.object.workload().template_owner();
    let template = template.filter(|template| template.kind == Resource::DEPLOYMENT.kind);
    let template =
        template.map_or_else(|| key.workload.clone(), |it| WorkloadId::new(WorkloadKind::Deployment, it.name.clone()));
    OwnerKey { env: key.env.clone(), owner: owned.owner.clone(), manages: key.workload.clone(), template }
}

/// Returns the facts of an owner's object that a plan rests on.
#[must_use]
pub fn facts(found: &Reconciler) -> Facts {
    Facts {
        uid: found.uid.clone(),
        under_way: String::new(),
        stable: String::new(),
        step: None,
        paused: !found.automation.is_active(),
        pauses: Vec::new(),
        phase: Phase::Healthy,
        aborted: false,
        flag: None,
    }
}

/// Returns what is known of an owner, by the workload that it manages.
#[must_use]
pub fn owned<'a>(world: &'a World, key: &OwnerKey) -> Option<(&'a Environment, &'a Owned)> {
    let (env, workload) = world.find(&key.workload_key())?;
    let owned = workload.snapshot.as_ref()?.owned.as_ref()?;
    (owned.owner == key.owner).then_some((env, owned))
}

/// Returns the plan that suspends the automation of an owner, or gives it back.
///
/// # Errors
/// Why not; never empty.
pub(super) fn plan(world: &World, key: &OwnerKey, verb: Verb, around: &PlanContext) -> Result<Plan, Vec<Refusal>> {
    let Some((env, owned)) = owned(world, key) else {
        return Err(vec![Refusal::new(RefusalKind::NotSeen, format!("{} owns nothing here", key.owner), "")]);
    };
    let mut refusals = super::plan::read_only(env);
    let found = match owned.reconciler() {
        Some(found) => found,
        None if owned.owner.kind == OwnerKind::Helm => {
            refusals.push(Refusal::state(format!("{} applies nothing by itself", owned.owner), ""));
            return Err(refusals);
        }
        None => {
            let text = format!("{}: {}", owned.owner, owned.describe(around.now));
            let remedy = match owned.owner.kind {
                OwnerKind::ArgoCd => "see [argo_cd] in the config, and the rights there",
                _ => "the right to read it is needed",
            };
            refusals.push(Refusal::new(RefusalKind::NotSeen, text, remedy));
            return Err(refusals);
        }
    };
    if around.in_flight.iter().any(|other| {
        other.target == Target::Owner(key.clone()) && (verb != Verb::SuspendAutomation || other.holds_up(verb, None))
    }) {
        refusals.push(Refusal::new(RefusalKind::InFlight, "another action is in progress", "wait for its outcome"));
    }
    let body = if verb == Verb::SuspendAutomation {
        refusals.extend((!found.lists_it || !found.automation.is_active()).then(|| {
            Refusal::new(RefusalKind::NothingToDo, format!("{}: {}", owned.owner, owned.describe(around.now)), "")
        }));
        let by = env.access.user.clone().unwrap_or_else(|| format!("{} (unverified)", around.operator));
        Body::SuspendAutomation { by, at: around.now }
    } else {
        refusals.extend(super::plan::unfit_to_go_on(env, around));
        refusals.extend(not_resumable(owned, found, around.now));
        Body::ResumeAutomation
    };
    if refusals.is_empty() {
        Ok(Plan::of(record(world, env, key, (verb, body), found, around), around.now, None))
    } else {
        Err(refusals)
    }
}

/// Giving the automation back brings to users what git says: where that is not what they have, it is a promotion that
/// nobody judged (law 1).
fn not_resumable(owned: &Owned, found: &Reconciler, now: Timestamp) -> Option<Refusal> {
    let owner = &owned.owner;
    match &found.automation {
        Automation::Suspended(Some(_)) => {}
        Automation::Suspended(None) => {
            let text = format!("{owner} is {}", owned.describe(now));
            return Some(Refusal::state(text, "resume it where it was suspended"));
        }
        _ => {
            let text = format!("{owner}: {}", owned.describe(now));
            return Some(Refusal::new(RefusalKind::NothingToDo, text, ""));
        }
    }
    if owner.kind != OwnerKind::ArgoCd {
        let resume = match owner.kind {
            OwnerKind::FluxHelmRelease => "helmrelease",
            _ => "kustomization",
        };
        let text = format!("{owner} does not say whether git matches the cluster");
        let remedy = format!("revert it in git, then: flux resume {resume} {} -n {}", owner.name, found.namespace);
        return Some(Refusal::new(RefusalKind::Blind, text, remedy));
    }
    // Whether git still says what was compared is asked once more before anything is written.
    not_agreed(found).map(|why| {
        let kind = if found.in_sync.is_none() { RefusalKind::Blind } else { RefusalKind::Gate };
        let source = found.source.as_deref().unwrap_or("git");
        Refusal::new(kind, format!("{owner}: {why}"), format!("revert it in {source} first"))
    })
}

/// Returns why giving the automation of an application back would bring something to users that they do not have.
#[must_use]
pub fn not_agreed(found: &Reconciler) -> Option<String> {
    if !found.lists_it {
        return Some("it does not list this workload: whether git says the same is not known".to_owned());
    }
    match (found.in_sync, &found.differs) {
        (Some(false), _) => Some(format!("{}, and it would bring that to users", found.agreement())),
        (None, _) | (_, None) => Some(found.agreement()),
        (Some(true), Some(differs)) => (!differs.is_empty()).then(|| {
            let shown: Vec<&str> = differs.iter().take(3).map(String::as_str).collect();
            format!("{} of it not as git says: {}", are(differs.len()), shown.join(", "))
        }),
    }
}

fn are(number: usize) -> String {
    if number == 1 { "1 object is".to_owned() } else { format!("{number} objects are") }
}

/// Returns the release that it belongs to: what was rolled back, else what goes out, or runs.
fn release(world: &World, env: &Environment, key: &OwnerKey) -> String {
    let name = &key.manages.name;
    if let Some(ReleaseState::RolledBack(back)) = release_state(world, env, &key.manages) {
        return format!("{name} {}", back.from);
    }
    let workload = env.workloads.iter().find(|workload| workload.id == key.manages);
    let status = workload.and_then(|workload| workload.status.as_ref());
    let revision = status.and_then(|status| status.canary.as_ref().or(status.stable.as_ref()));
    revision.map_or_else(|| name.clone(), |revision| format!("{name} {}", revision.version()))
}

fn record(
    world: &World,
    env: &Environment,
    key: &OwnerKey,
    (verb, body): (Verb, Body),
    found: &Reconciler,
    around: &PlanContext,
) -> PlanRecord {
    let owner = &key.owner;
    let kind = owner.kind.resource().map_or("", |resource| resource.kind);
    let object = ObjectRef { kind: kind.to_owned(), name: owner.name.clone() };
    let is_stop = verb == Verb::SuspendAutomation;
    let mut goes = if is_stop {
        vec!["it applies nothing by itself until it is resumed; a sync by hand still does".to_owned()]
    } else {
        vec!["it applies what git says again, as before".to_owned()]
    };
    goes.extend(found.written_by.as_ref().map(|writer| format!("{writer} writes this object, and may undo it")));
    PlanRecord {
        verb,
        direction: Some(if is_stop { Direction::Backward } else { Direction::Forward }),
        target: Target::Owner(key.clone()),
        context: env.settings.argo_cd.context.clone().unwrap_or_else(|| env.settings.context.clone()),
        namespace: found.namespace.clone(),
        cluster: env.cluster.clone().filter(|_| env.settings.argo_cd.context.is_none()),
        release: release(world, env, key),
        headline: format!("{} {owner}", verb.label()),
        from: found.automation.describe(around.now),
        to: found.agreement(),
        goes,
        skips: Vec::new(),
        not_undone: Vec::new(),
        requests: vec![KubernetesRequest { object, subresource: None, body, after: None }.into()],
        facts: facts(found),
        rests_on: Vec::new(),
        gates_asked: Vec::new(),
        lane: None,
        resource_version: found.resource_version.clone(),
        picture_at: env.kubernetes().at,
        from_hash: None,
        from_images: Vec::new(),
        to_hash: None,
        to_images: Vec::new(),
        to_template: None,
        restart_at: None,
        mark: None,
        automatic: None,
    }
}

/// Makes the merge patch that suspends the automation of an owner, of its object as it is now; what it was is kept in an
/// annotation.
///
/// # Errors
/// Why there is nothing to suspend.
pub fn suspend_patch(kind: OwnerKind, live: &Value, by: &str, at: Timestamp) -> Result<Value, String> {
    let automated = live["spec"]["syncPolicy"]["automated"].clone();
    let suspension = match kind {
        OwnerKind::ArgoCd if automated.is_object() && automated["enabled"] != false => {
            Suspension { by: by.to_owned(), at, automated }
        }
        OwnerKind::FluxKustomization | OwnerKind::FluxHelmRelease if live["spec"]["suspend"] != true => {
            Suspension { by: by.to_owned(), at, automated: Value::Null }
        }
        _ => return Err("nothing to do: its automation is not on".to_owned()),
    };
    let note = serde_json::to_string(&suspension).map_err(|error| error.to_string())?;
    let spec = match kind {
        OwnerKind::ArgoCd => json!({"syncPolicy": {"automated": null}}),
        _ => json!({"suspend": true}),
    };
    Ok(json!({"metadata": {"annotations": {SUSPENDED: note}}, "spec": spec}))
}

/// Makes the merge patch that gives the automation of an owner back as it was.
///
/// # Errors
/// Why there is nothing to give back.
pub fn resume_patch(kind: OwnerKind, live: &Value) -> Result<Value, String> {
    let note = live["metadata"]["annotations"][SUSPENDED].as_str();
    let suspension: Option<Suspension> = note.and_then(|note| serde_json::from_str(note).ok());
    let Some(suspension) = suspension else { return Err("it was not suspended by Release Cockpit".to_owned()) };
    if kind == OwnerKind::ArgoCd && !live["spec"]["syncPolicy"]["automated"].is_null() {
        return Err("somebody has set its automation since".to_owned());
    }
    let spec = match kind {
        OwnerKind::ArgoCd if !suspension.automated.is_object() => {
            return Err("what its automation was is not noted".to_owned());
        }
        OwnerKind::ArgoCd => json!({"syncPolicy": {"automated": suspension.automated}}),
        _ => json!({"suspend": false}),
    };
    let mut annotations = Map::new();
    annotations.insert(SUSPENDED.to_owned(), Value::Null);
    Ok(json!({"metadata": {"annotations": annotations}, "spec": spec}))
}

#[cfg(test)]
mod tests;
