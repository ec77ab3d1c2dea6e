//! The tag that follows a release: moved once the release of this machine has come to its end and serves everybody, and moved
//! back after a rollback. That it failed says nothing of the release, and is said loudly.

use super::{Core, Effect, Level};
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::facts::manifest::is_same_image;
use crate::domain::facts::workload::Revision;
use crate::domain::record::action::{Automatic, Outcome, PlanRecord, Target, Verb};
use crate::domain::rules::action::tag::tag_of;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::WorkloadState;

/// What is to become of the tag after an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagMove {
    /// It is moved once this serves everybody.
    Waits {
        brings: Brings,
        automatic: Option<Automatic>,
        /// What keeps it, as it was said last.
        said: Option<String>,
    },
    /// It could not be done; what to do.
    Failed(String),
}

/// What an action brings to users in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Brings {
    /// The revision with this template hash.
    Hash(String),
    /// These images: the controller gives the revision its hash.
    Images(Vec<String>),
}

impl Brings {
    fn of(record: &PlanRecord) -> Option<Self> {
        match record.verb {
            Verb::Promote | Verb::PromoteFull | Verb::Resume | Verb::Retry => record.from_hash.clone().map(Self::Hash),
            Verb::Rollback => record.to_hash.clone().map(Self::Hash),
            Verb::Release => Some(Self::Images(record.to_images.clone())),
            Verb::Pause
            | Verb::Abort
            | Verb::Restart
            | Verb::SuspendAutomation
            | Verb::ResumeAutomation
            | Verb::Revert
            | Verb::FlagOff
            | Verb::FlagOn
            | Verb::FlagSet
            | Verb::FlagLower
            | Verb::MoveTag => None,
        }
    }

    fn is(&self, revision: &Revision) -> bool {
        match self {
            Self::Hash(hash) => revision.hash == *hash,
            Self::Images(images) => {
                let same = images.iter().zip(&revision.images).all(|(wanted, own)| is_same_image(own, wanted));
                images.len() == revision.images.len() && same
            }
        }
    }
}

/// Takes in how an action ended; `here` says whether it was begun by this process.
pub(super) fn after(core: &mut Core, record: &PlanRecord, outcome: &Outcome, here: bool) -> Vec<Effect> {
    if let (Target::Tag(key), true) = (&record.target, outcome.is_settled()) {
        let key = key.workload_key();
        // Another action has come meanwhile, and what it brings is to be named.
        let mut effects = if matches!(core.tags.get(&key), Some(TagMove::Waits { .. })) {
            begin(core, &key)
        } else if outcome.is_done() {
            core.tags.remove(&key);
            Vec::new()
        } else {
            let again = format!("`cockpit tag {}` tries it again", key.env);
            let text = format!("{} — {}; {again}", record.headline, outcome.describe());
            core.tags.insert(key, TagMove::Failed(text));
            core.notice(Level::Warn, format!("the release itself is as it was; {again}"));
            Vec::new()
        };
        // What it names now is asked at once.
        effects.push(Effect::Refresh);
        return effects;
    }
    let Some((key, brings)) = record.target.changes().zip(Brings::of(record)) else { return Vec::new() };
    if !outcome.is_taken() || tag_of(&core.world, &key).is_none() {
        return Vec::new();
    }
    if !here {
        // Whoever looks at an environment moves nothing.
        let text = format!(
            "{0}: the program ended before the tag could follow: `cockpit tag {0}` moves it where that is due",
            key.env
        );
        core.notice(Level::Warn, text);
        return Vec::new();
    }
    core.tags.insert(key.clone(), TagMove::Waits { brings, automatic: record.automatic.clone(), said: None });
    begin(core, &key)
}

/// Looks whether a tag that waits may be moved by now.
pub(super) fn step(core: &mut Core) -> Vec<Effect> {
    let waiting = core.tags.iter().filter(|(_, tag)| matches!(tag, TagMove::Waits { .. }));
    let waiting: Vec<WorkloadKey> = waiting.map(|(key, _)| key.clone()).collect();
    waiting.iter().flat_map(|key| begin(core, key)).collect()
}

/// Returns whether what a tag waits for serves, and nothing is in progress.
#[must_use]
pub fn is_due(core: &Core, key: &WorkloadKey) -> bool {
    let Some(TagMove::Waits { brings, .. }) = core.tags.get(key) else { return false };
    let status = core.world.find(key).and_then(|(_, workload): (_, &WorkloadState)| workload.status.as_ref());
    let settled = status.filter(|status| status.canary.is_none()).and_then(|status| status.stable.as_ref());
    settled.is_some_and(|stable| brings.is(stable))
}

/// Returns whether a tag waits for something that stands at a pause: that takes as long as people take.
#[must_use]
pub fn waits_at_a_pause(core: &Core, key: &WorkloadKey) -> bool {
    let status = core.world.find(key).and_then(|(_, workload): (_, &WorkloadState)| workload.status.as_ref());
    status.is_some_and(|status| status.canary.is_some() && status.pause.is_some())
}

fn begin(core: &mut Core, key: &WorkloadKey) -> Vec<Effect> {
    if !is_due(core, key) {
        return Vec::new();
    }
    let Some(TagMove::Waits { automatic, .. }) = core.tags.get(key).cloned() else { return Vec::new() };
    match core.plan_tag(key) {
        Ok(plan) => {
            core.tags.remove(key);
            core.perform(match automatic {
                Some(automatic) => plan.by(automatic),
                None => plan,
            })
        }
        Err(refusals) if refusals.iter().all(|refusal| refusal.kind == RefusalKind::NothingToDo) => {
            core.tags.remove(key);
            Vec::new()
        }
        Err(refusals) => {
            say_once(core, key, &refusals);
            Vec::new()
        }
    }
}

/// Says what keeps a tag that is due, unless it passes by itself.
fn say_once(core: &mut Core, key: &WorkloadKey, refusals: &[Refusal]) {
    let passes = |refusal: &&Refusal| {
        !matches!(
            refusal.kind,
            RefusalKind::NotSeen
                | RefusalKind::Stale
                | RefusalKind::Blind
                | RefusalKind::Collecting
                | RefusalKind::InFlight
                | RefusalKind::Journal
        )
    };
    let Some(refusal) = refusals.iter().find(passes) else { return };
    let text = format!("{}: the tag is not moved yet: {}", key.env, refusal.line());
    let Some(TagMove::Waits { said, .. }) = core.tags.get_mut(key) else { return };
    if said.replace(text.clone()).as_ref() != Some(&text) {
        core.notice(Level::Warn, text);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cli::fixtures::{canary, link, now, settings, target};
    use crate::core::{InFlight, Msg, update};
    use crate::domain::facts::freshness::{Link, SourceKind};
    use crate::domain::facts::registry::{Repository, Stored, StoredImage};
    use crate::domain::facts::workload::{Object, Snapshot};
    use crate::domain::record::action::ActionId;
    use crate::domain::record::receipt::Receipt;
    use crate::domain::world::feed::Feed;
    use crate::domain::world::registry::{Answers, Looked, RegistrySettings};
    use crate::domain::world::{EnvSettings, World};

    const HOST: &str = "r.example";

    fn key() -> WorkloadKey {
        target("prod-eu", "rollout/api")
    }

    fn image(version: &str, digit: char) -> String {
        format!("{HOST}/api:{version}@sha256:{}", digit.to_string().repeat(64))
    }

    fn paused() -> Snapshot {
        let mut snapshot = canary();
        for (set, image) in snapshot.replicasets.iter_mut().zip([image("1.5.0", '5'), image("1.4.2", '4')]) {
            set.containers[0].image = image;
        }
        snapshot
    }

    /// The same once it serves everybody.
    fn released() -> Snapshot {
        let mut snapshot = paused();
        for (set, pods) in snapshot.replicasets.iter_mut().zip([5, 0]) {
            (set.desired, set.current, set.ready, set.available) = (pods, pods, pods, pods);
        }
        if let Object::Rollout(rollout) = &mut snapshot.object {
            let status = &mut rollout.status;
            (status.phase, status.message) = ("Healthy".to_owned(), String::new());
            (status.pause_conditions, status.controller_pause) = (Vec::new(), false);
            (status.step_index, status.updated) = (Some(3), 5);
            status.stable_hash.clone_from(&status.current_hash);
        }
        snapshot
    }

    fn core() -> Core {
        let settings = EnvSettings {
            has_metrics: false,
            registries: vec![RegistrySettings { host: HOST.to_owned(), require_signature: false }],
            stable_tag: Some("stable".to_owned()),
            ..settings("prod-eu", &["rollout/api"])
        };
        let mut core = Core::new(World::new([settings]), "ada".to_owned(), now());
        update(&mut core, Msg::Recovered(Box::default()), now());
        link(&mut core.world, "prod-eu", SourceKind::Kubernetes, Link::Up, jiff::SignedDuration::ZERO);
        let image =
            StoredImage { repository: Repository::parse(&format!("{HOST}/api")), reference: "stable".to_owned() };
        let answers = Answers([(image, Looked { at: now(), stored: Stored::Absent })].into());
        let (env, host) = (key().env, HOST.to_owned());
        core.world.take(Feed::Registry { env, host, link: Link::Up, answers: Arc::new(answers) }, now());
        core
    }

    fn see(core: &mut Core, snapshot: Snapshot) -> Vec<Effect> {
        update(core, Msg::Feed(Feed::Workload { target: key(), snapshot: Some(Arc::new(snapshot)) }), now())
    }

    fn end(core: &mut Core, flying: &InFlight, outcome: Outcome) -> Vec<Effect> {
        let (action, record) = (flying.action.clone(), Box::new(flying.record.clone()));
        update(core, Msg::Receipt(Receipt::Ended { action, record, outcome, lines: Vec::new() }), now())
    }

    fn moves(effects: &[Effect]) -> Vec<String> {
        let of = |effect: &Effect| match effect {
            Effect::Perform(plan) if plan.record().verb == Verb::MoveTag => Some(plan.record().headline.clone()),
            _ => None,
        };
        effects.iter().filter_map(of).collect()
    }

    fn done() -> Outcome {
        Outcome::Confirmed { shows: "Paused".to_owned() }
    }

    /// A promotion to the next pause, begun by this process or not.
    fn promoted(core: &mut Core, begun_here: bool) -> InFlight {
        see(core, paused());
        let plan = core.plan(&key(), Verb::Abort, None).unwrap();
        let from_hash = Some("5d6c".to_owned());
        let record = PlanRecord { verb: Verb::Promote, from_hash, ..plan.record().clone() };
        let flying = InFlight { begun_here, ..InFlight::new(ActionId("1".to_owned()), record, now()) };
        core.in_flight.insert(flying.record.target.clone(), flying.clone());
        flying
    }

    #[test]
    fn the_tag_follows_once_when_what_was_promoted_serves_everybody() {
        let mut core = core();
        let flying = promoted(&mut core, true);
        assert!(moves(&end(&mut core, &flying, done())).is_empty(), "it is at a pause");
        assert!(moves(&see(&mut core, paused())).is_empty());
        assert_eq!(moves(&see(&mut core, released())), ["move tag stable to 1.5.0"]);
        assert!(moves(&see(&mut core, released())).is_empty(), "once");
        let moving = core.in_flight.values().find(|flying| flying.record.verb == Verb::MoveTag).unwrap().clone();
        let why = "403: no right to pull and push".to_owned();
        assert!(moves(&end(&mut core, &moving, Outcome::Refused { why })).is_empty(), "nor once more by itself");
        assert!(matches!(core.tags.get(&key()), Some(TagMove::Failed(text)) if text.contains("cockpit tag prod-eu")));
        assert!(core.plan_tag(&key()).is_ok(), "a person may");
    }

    #[test]
    fn nothing_follows_an_action_of_another_process_nor_one_that_was_refused() {
        for (begun_here, outcome) in [(false, done()), (true, Outcome::Refused { why: "no".to_owned() })] {
            let mut core = core();
            let flying = promoted(&mut core, begun_here);
            end(&mut core, &flying, outcome);
            assert!(moves(&see(&mut core, released())).is_empty());
        }
    }

    #[test]
    fn another_version_than_what_was_promoted_moves_nothing() {
        let mut core = core();
        let flying = promoted(&mut core, true);
        end(&mut core, &flying, done());
        let mut taken_back = released();
        if let Object::Rollout(rollout) = &mut taken_back.object {
            (rollout.status.stable_hash, rollout.status.current_hash) = ("77d0".to_owned(), "77d0".to_owned());
        }
        taken_back.replicasets.iter_mut().zip([0, 5]).for_each(|(set, pods)| {
            (set.desired, set.current, set.ready, set.available) = (pods, pods, pods, pods);
        });
        assert!(moves(&see(&mut core, taken_back)).is_empty());
    }
}
