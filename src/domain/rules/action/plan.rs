//! The plan: everything an operator is shown before confirming, and everything the dispatcher needs to act.

use jiff::{SignedDuration, Timestamp};

use crate::domain::facts::access::{ObjectWrite, Permission};
use crate::domain::facts::changes::migration::Class;
use crate::domain::facts::direction::Direction;
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::facts::object::ImageRef;
use crate::domain::facts::registry::StoredImage;
use crate::domain::facts::workload::{Revision, Snapshot, Status};
use crate::domain::record::action::{
    ActionId, Automatic, Facts, GatesAsked, Intent, PlanRecord, Request, RestsOn, Subjects, Target, Verb,
};
use crate::domain::record::rejection::Rejected;
use crate::domain::rules::action::effect::{effect, promoted};
use crate::domain::rules::action::kind::{writes, writes_of};
use crate::domain::rules::action::release::{Incoming, incoming};
use crate::domain::rules::action::rollback_estimate::after_release;
use crate::domain::rules::action::{flag, git, lane, owner, pipeline, tag};
use crate::domain::rules::checklist::candidate::{counterpart, is_same_artifact};
use crate::domain::rules::checklist::registry::{going_out, gone};
use crate::domain::rules::checklist::way::{Lanes, Way};
use crate::domain::rules::checklist::{in_the_way, in_the_way_of, in_the_way_of_retry};
use crate::domain::rules::code_or_flag;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::{Environment, WorkloadState, World};

/// How things stand around the world when a plan is asked for.
#[derive(Clone, Debug, Default)]
pub struct PlanContext {
    /// What time it is; `None` only in tests of things that have no age.
    pub now: Timestamp,
    /// Why the journal cannot be written, if so.
    pub journal_broken: Option<String>,
    /// Whether journals of earlier runs are still being read.
    pub journal_unread: bool,
    pub in_flight: Vec<InProgress>,
    /// Who acts.
    pub operator: String,
}

/// An action whose outcome is not known yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InProgress {
    pub target: Target,
    pub verb: Verb,
    /// Template hash of the revision that it goes to, for a rollback.
    pub to_hash: Option<String>,
    /// Whether it was sent, and no answer tells what came of it.
    pub is_in_doubt: bool,
}

impl InProgress {
    /// Whether what moves backward has to wait for it: only for the same thing while it is on its way. What is in doubt may have
    /// arrived, or not, or only the first of its two requests: whoever asks again gives nobody anything, and to wait until it is
    /// known takes half a minute ([law 3](crate#laws)).
    #[must_use]
    pub fn holds_up(&self, verb: Verb, to_hash: Option<&str>) -> bool {
        self.verb == verb && self.to_hash.as_deref() == to_hash && !self.is_in_doubt
    }
}

/// A plan. Only [`plan()`] makes one, and only for what may be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    record: PlanRecord,
    made_at: Timestamp,
    typed: Option<String>,
    action: Option<ActionId>,
}

impl Plan {
    /// How long a plan may be confirmed.
    pub const VALID_FOR: SignedDuration = SignedDuration::from_secs(30);

    #[must_use]
    pub fn record(&self) -> &PlanRecord {
        &self.record
    }

    /// Makes one about what is no workload.
    pub(super) fn of(record: PlanRecord, made_at: Timestamp, typed: Option<String>) -> Self {
        Self { record, made_at, typed, action: None }
    }

    /// Says that no person asks for it. A name is not typed then: that is for promotions, which are never automatic.
    #[must_use]
    pub fn by(mut self, automatic: Automatic) -> Self {
        self.record.automatic = Some(automatic);
        self
    }

    /// Says which action it is, once it is to be carried out.
    #[must_use]
    pub fn as_action(mut self, action: ActionId) -> Self {
        self.action = Some(action);
        self
    }

    /// Returns which action it is; `None` where it is not to be carried out yet.
    #[must_use]
    pub fn action(&self) -> Option<&ActionId> {
        self.action.as_ref()
    }

    /// Returns what has to be typed to confirm it, if anything.
    #[must_use]
    pub fn typed(&self) -> Option<&str> {
        self.typed.as_deref()
    }

    /// Returns when it was made.
    #[must_use]
    pub fn made_at(&self) -> Timestamp {
        self.made_at
    }

    /// Returns whether it may still be confirmed, as far as time goes.
    #[must_use]
    pub fn is_valid(&self, now: Timestamp) -> bool {
        now.duration_since(self.made_at).abs() <= Self::VALID_FOR
    }
}

/// What a plan of one workload kind fills in.
pub struct Draft {
    pub(super) headline: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) goes: Vec<String>,
    pub(super) skips: Vec<String>,
    pub(super) requests: Vec<Request>,
    pub(super) direction: Direction,
    /// The revision that is rejected with it, or that a retry sends out again.
    pub(super) rejects: Option<Revision>,
    pub(super) to_revision: Option<Revision>,
    pub(super) restart_at: Option<String>,
    pub(super) mark: Option<String>,
    /// Whether it ends the release: the new revision becomes stable with no further word from anybody.
    pub(super) completes: bool,
}

/// What a draft is made from.
pub struct DraftContext<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) status: &'a Status,
    pub(super) to: Option<u64>,
    pub(super) now: Timestamp,
    /// Revisions that were rejected: no default goes back to one.
    pub(super) rejected: &'a Rejected,
    /// The version of the release that the environment before has and that was never here, if there is one.
    pub(super) never_here: Option<String>,
    /// What a release brings in.
    pub(super) incoming: Option<Incoming>,
}

impl DraftContext<'_> {
    /// Returns which way the rollout in progress goes; forward where none is.
    pub(super) fn direction(&self) -> Direction {
        self.snapshot.direction(|hash| self.rejected.bars(hash)).unwrap_or_default()
    }
}

/// Returns the plan for an intent, or every reason why it cannot be done now.
///
/// # Errors
/// All refusals, the most telling first; never empty.
pub fn plan(world: &World, intent: &Intent, around: &PlanContext) -> Result<Plan, Vec<Refusal>> {
    if let Target::Owner(key) = &intent.target {
        return owner::plan(world, key, intent.verb, around);
    }
    if let (Verb::Revert, Some(key)) = (intent.verb, intent.target.workload()) {
        return git::plan_revert(world, key, around);
    }
    if let Target::Tag(key) = &intent.target {
        return tag::plan(world, key, around);
    }
    if let Target::Flag(key) = &intent.target {
        return flag::plan(world, key, flag::turn_of(intent)?, around);
    }
    let found = intent.target.workload().and_then(|key| world.find(key));
    let Some((env, workload)) = found else {
        return Err(vec![Refusal::new(RefusalKind::NotSeen, format!("{} is not watched", intent.target), "")]);
    };
    let mut refusals = read_only(env);
    let (Some(snapshot), Some(status)) = (&workload.snapshot, &workload.status) else {
        let text = if workload.missing { format!("{} does not exist", workload.id) } else { not_seen(env) };
        if !intent.verb.stops() {
            refusals.extend(denied(env, &writes(&workload.id, None, intent.verb)).map(refused_by_rbac(env)));
        }
        refusals.push(Refusal::new(RefusalKind::NotSeen, text, ""));
        return Err(refusals);
    };
    let (incoming, unfit) = match (intent.verb == Verb::Release).then(|| incoming(world, env, workload, around.now)) {
        None => (None, None),
        Some(Ok(incoming)) => (Some(incoming), None),
        Some(Err(refusal)) => (None, Some(refusal)),
    };
    let scene = DraftContext {
        snapshot,
        status,
        to: intent.to,
        now: around.now,
        rejected: &workload.rejected,
        never_here: never_here(world, env, workload, snapshot),
        incoming,
    };
    let draft = unfit.map_or_else(|| snapshot.object.actions().draft(intent.verb, &scene), Err);
    let (draft, by_git) = match (intent.verb, draft) {
        (Verb::Release, Ok(draft)) => match git::release(env, workload, (snapshot, status), draft) {
            Ok((draft, by_git)) => (Ok(draft), by_git),
            Err(refusal) => (Err(refusal), None),
        },
        (_, draft) => (draft, None),
    };
    let (draft, by_pipeline) = match (intent.verb, draft) {
        (Verb::Release, Ok(draft)) => match pipeline::release(world, env, workload, (snapshot, status), draft) {
            Ok((draft, by_pipeline)) => (Ok(draft), by_pipeline),
            Err(refusal) => (Err(refusal), None),
        },
        (_, draft) => (draft, None),
    };
    let effect = draft.as_ref().map(|draft| effect(&draft.requests, &scene)).unwrap_or_default();
    let promoted = promoted(&effect, &scene);
    let direction = match intent.verb {
        _ if promoted.is_some() || effect.gains_unseen => Direction::Forward,
        Verb::Pause | Verb::Abort | Verb::Rollback => Direction::Backward,
        _ => scene.direction(),
    };
    let owner = snapshot.object.workload().template_owner();
    let written = draft.as_ref().map_or_else(|_| writes(&workload.id, owner, intent.verb), |d| writes_of(&d.requests));
    let denied = denied(env, &written);
    if !direction.is_backward() {
        refusals.extend(denied.clone().map(refused_by_rbac(env)));
    }
    let to_hash = draft.as_ref().ok().and_then(|draft| draft.to_revision.as_ref()).map(|to| to.hash.as_str());
    let waits_for = |other: &InProgress| !direction.is_backward() || other.holds_up(intent.verb, to_hash);
    let is_about = |other: &InProgress| other.target.changes().as_ref() == intent.target.workload();
    if around.in_flight.iter().any(|other| is_about(other) && waits_for(other)) {
        refusals.push(Refusal::new(RefusalKind::InFlight, "another action is in progress", "wait for its outcome"));
    }
    if !direction.is_backward() {
        refusals.extend(unfit_to_go_on(env, around));
        if effect.restarts {
            let revisions = [&status.stable, &status.canary].into_iter().flatten();
            refusals.extend(revisions.flat_map(|revision| mutable_images(world, revision)));
        }
    }
    if effect.gains_unseen {
        refusals.push(Refusal::new(
            RefusalKind::Blind,
            "the manifest has a template that is no revision yet: nothing is known of what would go out",
            "rollback puts the old one back; to release it, deploy it without the pause",
        ));
    }
    let writes_template = draft.as_ref().is_ok_and(|draft| owner::writes_template(&draft.requests));
    if writes_template && !direction.is_backward() {
        refusals.extend(owner::in_the_way(snapshot, env, around.now));
    }
    if by_git.is_some() || by_pipeline.is_some() {
        refusals.extend(git::in_the_way(snapshot, env, around.now));
    }
    if let Some(promoted) = &promoted {
        refusals.extend(unfit_to_promote(world, env, workload, promoted, around.now));
    }
    match draft {
        Ok(mut draft) if refusals.is_empty() => {
            // Only the API server can say no to what moves backward (law 3).
            draft.goes.extend(denied.map(|what| {
                let who = env.access.user.as_deref().unwrap_or("you");
                format!("RBAC seems to deny {who}: {what}; it is sent, and the API server decides")
            }));
            if direction.is_backward() {
                let to = draft.to_revision.iter().flat_map(|to| gone(env, to, around.now)).collect::<Vec<_>>();
                draft.goes.splice(0..0, to);
            }
            draft.goes.extend(owner::goes(snapshot, direction, around.now).filter(|_| writes_template));
            draft.goes.extend(after_release(snapshot, status).filter(|_| draft.completes && promoted.is_some()));
            let takes_back = matches!(intent.verb, Verb::Rollback | Verb::Abort);
            if takes_back {
                let advice = code_or_flag::advice(env, workload, around.now);
                draft.goes.splice(0..0, flag::instead_of_rollback(env, advice.as_ref()));
            }
            let mut plan = finish(env, snapshot, status, intent, around.now, Draft { direction, ..draft });
            if writes_template && direction.is_backward() {
                plan.record.not_undone.extend(owner::left_in_git(snapshot, env));
            }
            if takes_back {
                plan.record.not_undone.extend(pipeline::may_bring_back(env, workload, around));
            }
            if let Some(promoted) = &promoted {
                let subjects = subjects(world, env, workload, promoted);
                plan.record.rests_on = rests_on(world, env, workload, promoted);
                let images = images(world, env, workload, promoted);
                let opened = way(world, env, workload, promoted).lane;
                let lane = opened.map(|opened| lane::named(opened));
                plan.record.gates_asked = vec![GatesAsked { env: env.name().clone(), subjects, images, lane }];
                let replaces = lane::replaces(world, env, workload, promoted);
                let name_typed = env.settings.protected
                    || intent.verb == Verb::PromoteFull
                    || opened.is_some()
                    || replaces.is_some();
                plan.typed = name_typed.then(|| env.name().to_string());
                plan.record.goes.splice(0..0, replaces);
                if let Some(opened) = opened {
                    lane::note(&mut plan.record, world, (env, workload), opened, around.now);
                }
            }
            if let Some(key) = by_git {
                let named = git::named_now(&key, status);
                git::by_commit(&mut plan.record, key, &named);
            }
            if let Some(key) = by_pipeline {
                pipeline::by_pipeline(&mut plan.record, key);
            }
            Ok(plan)
        }
        Ok(_) => Err(refusals),
        Err(refusal) => {
            // What makes no sense in this state is the first thing to say, unless the operator may not act at all.
            let place =
                refusals.iter().take_while(|r| matches!(r.kind, RefusalKind::ReadOnly | RefusalKind::Denied)).count();
            refusals.insert(place, refusal);
            Err(refusals)
        }
    }
}

/// Whether what is promoted is in progress here, and whether it is the next to come.
fn comes(world: &World, env: &Environment, workload: &WorkloadState, promoted: &Revision) -> (bool, bool) {
    let canary = workload.status.as_ref().and_then(|status| status.canary.as_ref());
    let is_next = world.incoming(env, &workload.id).is_some_and(|incoming| is_same_artifact(incoming, promoted));
    (canary.is_some_and(|canary| canary.hash == promoted.hash), is_next)
}

/// What gates are asked about.
fn subjects(world: &World, env: &Environment, workload: &WorkloadState, promoted: &Revision) -> Subjects {
    let candidate = match comes(world, env, workload, promoted) {
        (false, false) => world.candidate_for(env, &workload.id, promoted),
        _ => world.candidate(env),
    };
    candidate.map(|candidate| candidate.subjects()).unwrap_or_default()
}

/// What registries have to have, where they are asked.
fn images(world: &World, env: &Environment, workload: &WorkloadState, promoted: &Revision) -> Vec<StoredImage> {
    let candidate = match comes(world, env, workload, promoted) {
        (false, false) => world.candidate_for(env, &workload.id, promoted),
        _ => world.candidate_of(env, &workload.id),
    };
    candidate.map(|candidate| going_out(world, env, &candidate)).unwrap_or_default()
}

/// The way of what is promoted: by a lane only what goes out here or comes in next.
fn way<'a>(world: &'a World, env: &'a Environment, workload: &WorkloadState, promoted: &Revision) -> Way<'a> {
    match comes(world, env, workload, promoted) {
        (false, false) => Way { before: world.previous(env), lane: None },
        _ => world.way(env, &workload.id),
    }
}

/// What a promotion rests on besides its own object: what the environment before runs.
fn rests_on(world: &World, env: &Environment, workload: &WorkloadState, promoted: &Revision) -> Vec<RestsOn> {
    let before = way(world, env, workload, promoted).before;
    let before = before.and_then(|before| Some((before, counterpart(before, &workload.id)?)));
    let seen = before.and_then(|(before, there)| {
        let snapshot = there.snapshot.as_ref()?;
        let target = WorkloadKey { env: before.name().clone(), workload: there.id.clone() }.into();
        Some(RestsOn { target, facts: Facts::of(&snapshot.object) })
    });
    seen.into_iter().collect()
}

fn not_seen(env: &Environment) -> String {
    match env.kubernetes().link.why() {
        Some(why) => format!("not seen yet: {why}"),
        None => "not seen yet".to_owned(),
    }
}

/// Read-only stops every verb, for there is no executor.
pub(super) fn read_only(env: &Environment) -> Vec<Refusal> {
    let refusal = || Refusal::new(RefusalKind::ReadOnly, "read-only", "start without --read-only to act");
    env.settings.read_only.then(refusal).into_iter().collect()
}

/// Returns the right that is missing, as far as the API server was asked; none where nothing may be written anyway.
fn denied(env: &Environment, writes: &[ObjectWrite]) -> Option<String> {
    match env.access.of(writes) {
        Permission::Denied(what) if !env.settings.read_only => Some(what),
        Permission::Denied(_) | Permission::Allowed | Permission::Unknown(_) => None,
    }
}

fn refused_by_rbac(env: &Environment) -> impl Fn(String) -> Refusal {
    let who = env.access.user.as_deref().unwrap_or("you").to_owned();
    move |what| {
        let text = format!("RBAC denies {who}: {what}");
        Refusal::new(RefusalKind::Denied, text, "request the right, or use another context; it is asked for again now")
    }
}

/// What stops whatever does not move backward, for want of knowledge.
pub(super) fn unfit_to_go_on(env: &Environment, around: &PlanContext) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let heard = env.kubernetes();
    if !heard.is_fresh(around.now) {
        let age = heard.age_in_words(around.now);
        let why = heard.link.why().map_or_else(String::new, |why| format!(" ({why})"));
        refusals.push(Refusal::new(RefusalKind::Stale, format!("state is {age}{why}"), "wait for the API server"));
    }
    if let Some(why) = &around.journal_broken {
        refusals.push(Refusal::new(
            RefusalKind::Journal,
            format!("the journal cannot be written: {why}"),
            "fix that first; pause, abort and rollback still work",
        ));
    }
    if around.journal_unread {
        refusals.push(Refusal::new(
            RefusalKind::Journal,
            "the journals are still being read: earlier decisions are not known yet",
            "wait a moment",
        ));
    }
    refusals
}

/// What stops a promotion, by whatever verb it comes.
fn unfit_to_promote(
    world: &World,
    env: &Environment,
    workload: &WorkloadState,
    promoted: &Revision,
    now: Timestamp,
) -> Vec<Refusal> {
    let status = workload.status.as_ref();
    let (comes_in, is_next) = comes(world, env, workload, promoted);
    let mut refusals = if comes_in && status.is_some_and(|status| status.aborted) {
        in_the_way_of_retry(world, env, workload, now)
    } else if comes_in || is_next {
        in_the_way(world, env, workload, now)
    } else {
        in_the_way_of(world, env, (workload, promoted), now)
    };
    refusals.extend(mutable_images(world, promoted));
    if !comes_in {
        refusals.extend(not_verified(world, env, workload, promoted));
    }
    refusals
}

/// A revision that is newer, or was rejected here, has to be what the environment before runs (law 2).
fn not_verified(world: &World, env: &Environment, workload: &WorkloadState, to: &Revision) -> Option<Refusal> {
    let before = way(world, env, workload, to).before?;
    let there = counterpart(before, &workload.id).and_then(|there| there.status.as_ref()?.stable.as_ref());
    let text = match there {
        Some(there) if is_same_artifact(there, to) => return None,
        Some(there) => format!("{} runs {}, not {}", before.name(), there.version(), to.version()),
        None => format!("{}: not seen what runs there", before.name()),
    };
    Some(Refusal::new(RefusalKind::Artifact, text, "promote what the environment before runs"))
}

/// Returns the version that the environment before has and this one never had.
pub(super) fn never_here(
    world: &World,
    env: &Environment,
    workload: &WorkloadState,
    snapshot: &Snapshot,
) -> Option<String> {
    // What a lane brings changes nothing for the way back (law 3).
    let incoming = world.incoming_by(env, &workload.id, Lanes::Ignored)?;
    let had = snapshot.replicasets.iter().any(|rs| is_same_artifact(&snapshot.revision(rs), incoming));
    (!had).then(|| incoming.version())
}

/// What goes out is one immutable artifact (law 2).
fn mutable_images(world: &World, revision: &Revision) -> Vec<Refusal> {
    let follows = |tag: &str| world.environments.iter().any(|env| env.settings.stable_tag.as_deref() == Some(tag));
    let is_mutable = |image: &&String| {
        let parsed = ImageRef::parse(image);
        // A tag that follows releases by our own doing is one, whatever it is called.
        parsed.is_mutable_latest() || parsed.digest.is_none() && parsed.tag.is_some_and(follows)
    };
    let mutable = revision.all_images().filter(is_mutable);
    mutable
        .map(|image| {
            Refusal::new(
                RefusalKind::Artifact,
                format!("image {image} uses a mutable tag"),
                "deploy it by digest or by a version tag",
            )
        })
        .collect()
}

fn finish(
    env: &Environment,
    snapshot: &Snapshot,
    status: &Status,
    intent: &Intent,
    now: Timestamp,
    draft: Draft,
) -> Plan {
    let goes_out = status.canary.as_ref().or(status.stable.as_ref());
    // What decides about a revision names it, or decides about none.
    let decides = matches!(intent.verb, Verb::Abort | Verb::Rollback | Verb::Retry);
    let leaves = draft.rejects.as_ref().or(goes_out.filter(|_| !decides));
    let comes_in = draft.to_revision.as_ref().filter(|_| intent.verb == Verb::Release);
    let release = draft.rejects.as_ref().or(comes_in).or(goes_out).map_or_else(
        || snapshot.object.meta().name.clone(),
        |revision| format!("{} {}", snapshot.object.meta().name, revision.version()),
    );
    Plan {
        made_at: now,
        typed: None,
        action: None,
        record: PlanRecord {
            verb: intent.verb,
            direction: Some(draft.direction),
            target: intent.target.clone(),
            context: env.settings.context.clone(),
            namespace: env.settings.namespace.clone(),
            cluster: env.cluster.clone(),
            release,
            headline: draft.headline,
            from: draft.from,
            to: draft.to,
            goes: draft.goes,
            skips: draft.skips,
            not_undone: not_undone(env, intent.verb),
            requests: draft.requests,
            facts: Facts::of(&snapshot.object),
            rests_on: Vec::new(),
            gates_asked: Vec::new(),
            lane: None,
            resource_version: snapshot.object.meta().resource_version.clone(),
            picture_at: env.kubernetes().at,
            from_hash: leaves.map(|revision| revision.hash.clone()),
            from_images: leaves.map(|revision| revision.images.clone()).unwrap_or_default(),
            to_template: draft
                .to_revision
                .as_ref()
                .filter(|_| comes_in.is_none())
                .and_then(|to| snapshot.replicaset(&to.hash)?.template),
            // The controller gives a new revision its hash.
            to_hash: draft.to_revision.as_ref().filter(|_| comes_in.is_none()).map(|to| to.hash.clone()),
            to_images: draft.to_revision.map(|revision| revision.images).unwrap_or_default(),
            restart_at: draft.restart_at,
            mark: draft.mark,
            automatic: None,
        },
    }
}

/// What taking the pods back does not take back: the release's migrations by name where they are known, the rest in
/// general rather than left out.
fn not_undone(env: &Environment, verb: Verb) -> Vec<String> {
    if !matches!(verb, Verb::Rollback | Verb::Abort) {
        return Vec::new();
    }
    let changes = env.changes.as_ref().and_then(|(_, gathered)| gathered.as_ref().ok());
    let Some(migrations) = changes.and_then(|changes| changes.migrations.known()) else {
        return vec!["database migrations, messages already sent, feature flags".to_owned()];
    };
    let named = migrations.iter().map(|migration| {
        let safe = if migration.class() == Class::Expand { ": compatible with the version before" } else { "" };
        format!("migration {} ({}{safe})", migration.file, migration.class().as_str())
    });
    named.chain(["messages already sent, feature flags".to_owned()]).collect()
}

/// Returns a revision in one line: version, digest, number.
pub(super) fn revision_line(revision: &Revision) -> String {
    let digest = revision
        .digest
        .as_deref()
        .map_or_else(String::new, |digest| format!("  {}", crate::domain::facts::object::short_digest(digest)));
    format!("{}{digest}  revision {}", revision.version(), revision.number)
}
