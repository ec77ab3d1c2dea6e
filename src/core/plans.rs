//! Plans: made, checked again before they are sent, and sent.

use super::{Core, Effect, InFlight, Level, Superseded};
use crate::domain::record::action::{ActionId, Automatic, Facts, Intent, OwnerKey, PlanRecord, Target, Verb};

use crate::domain::facts::cluster::ClusterIdentity;
use crate::domain::facts::flag::{FlagKey, Turn};
use crate::domain::facts::ids::{EnvName, WorkloadKey};
use crate::domain::facts::workload::Object;
use crate::domain::rules::action::flag;
use crate::domain::rules::action::owner::{self, to_suspend};
use crate::domain::rules::action::tag::tag_of;
use crate::domain::rules::action::{Plan, PlanContext, named, plan};
use crate::domain::rules::refusal::{Refusal, RefusalKind};

/// What became of a plan since it was made.
#[derive(Clone, Debug, PartialEq)]
pub enum Recheck {
    Holds,
    /// It was made again on the present state: it stops or goes back, and its target is still the one that was seen.
    Renewed(Box<Plan>),
    /// It must not be sent any more; why.
    Stale(String),
}

impl Core {
    /// Returns the plan for a verb on a target.
    ///
    /// # Errors
    /// Every reason why it cannot be done now.
    pub fn plan(&self, key: &WorkloadKey, verb: Verb, to: Option<u64>) -> Result<Plan, Vec<Refusal>> {
        self.plan_on(&key.clone().into(), verb, to)
    }

    /// Takes in that an image, named by its digest, is to be released: the checklist of the first environment is about it from
    /// now on. Into another one comes what the environment before has released: it has to be that.
    ///
    /// # Errors
    /// Why it cannot be that.
    pub fn name_image(&mut self, key: &WorkloadKey, image: &str) -> Result<(), Refusal> {
        let revision = named(&self.world, key, image)?;
        self.world.name(key, revision);
        Ok(())
    }

    fn plan_on(&self, target: &Target, verb: Verb, to: Option<u64>) -> Result<Plan, Vec<Refusal>> {
        plan(&self.world, &Intent { verb, target: target.clone(), to }, &self.circumstances(verb))
    }

    fn circumstances(&self, verb: Verb) -> PlanContext {
        PlanContext {
            now: self.now,
            journal_broken: self.journal.broken.clone(),
            journal_unread: self.journal.unread,
            operator: self.operator.clone(),
            in_flight: self.unsettled().filter(|other| other.blocks(verb)).map(InFlight::in_progress).collect(),
        }
    }

    /// Hands a plan to its executor, unless an action on the same workload is in progress that it must not overtake.
    pub fn perform(&mut self, plan: Plan) -> Vec<Effect> {
        let record = plan.record().clone();
        let blocked = |other: &InFlight| {
            let waits =
                !record.moves_backward() || other.in_progress().holds_up(record.verb, record.to_hash.as_deref());
            other.record.target == record.target && other.blocks(record.verb) && waits
        };
        if self.unsettled().any(blocked) {
            self.notice(Level::Warn, format!("not sent: another action on {} is in progress", record.target));
            return Vec::new();
        }
        self.begun += 1;
        let what = format!("{} {} {}", record.target, record.verb, self.begun);
        let action = ActionId::asked(self.now, &self.operator, &what);
        let effect = Effect::Perform(Box::new(plan.as_action(action.clone())));
        // A stop waits for nothing that it does not need.
        let effects =
            if record.moves_backward() { vec![effect] } else { self.with_requirements(record.target.env(), effect) };
        let (suspends, automatic) = (to_suspend(&self.world, &record), record.automatic.clone());
        let flying = InFlight::new(action, record, self.now);
        let flying = InFlight { owner_asked: suspends.is_some(), begun_here: true, ..flying };
        let by = flying.record.verb;
        if let Some(before) = self.in_flight.insert(flying.record.target.clone(), flying) {
            self.superseded.insert(before.action.clone(), Superseded { flying: before, by });
        }
        effects.into_iter().chain(suspends.into_iter().flat_map(|key| self.suspend(key, automatic.clone()))).collect()
    }

    /// Suspends the automation of whatever owns a manifest: it would put back what a rollback takes back. A rollback waits
    /// for nothing here, and what it cannot do is said.
    fn suspend(&mut self, key: OwnerKey, automatic: Option<Automatic>) -> Vec<Effect> {
        let target = Target::Owner(key);
        if self.in_flight.contains_key(&target) {
            return Vec::new();
        }
        match self.plan_on(&target, Verb::SuspendAutomation, None) {
            Ok(plan) => self.perform(match automatic {
                Some(automatic) => plan.by(automatic),
                None => plan,
            }),
            Err(refusals) => {
                let why = refusals.first().map_or_else(String::new, Refusal::line);
                self.notice(Level::Error, format!("{target} is not suspended, and may undo the rollback: {why}"));
                Vec::new()
            }
        }
    }

    /// Suspends the owner of a workload whose rollback began before its owner was known.
    pub(super) fn suspend_late(&mut self, key: &WorkloadKey) -> Vec<Effect> {
        let target = Target::from(key.clone());
        let asked = self.in_flight.get(&target).filter(|flying| !flying.owner_asked);
        let automatic = asked.and_then(|flying| flying.record.automatic.clone());
        let Some(owner) = asked.and_then(|flying| to_suspend(&self.world, &flying.record)) else { return Vec::new() };
        if let Some(flying) = self.in_flight.get_mut(&target) {
            flying.owner_asked = true;
        }
        self.suspend(owner, automatic)
    }

    /// Returns the plan that suspends the automation of what owns a workload's manifest, or gives it back.
    ///
    /// # Errors
    /// Every reason why it cannot be done now.
    pub fn plan_owner(&self, key: &WorkloadKey, verb: Verb) -> Result<Plan, Vec<Refusal>> {
        let snapshot = self.world.find(key).and_then(|(_, workload)| workload.snapshot.as_ref());
        let Some((snapshot, owned)) = snapshot.and_then(|snapshot| Some((snapshot, snapshot.owned.as_ref()?))) else {
            let text = format!("nothing owns {}: no mark of Argo CD, Flux or Helm is on it", key.workload);
            return Err(vec![Refusal::new(RefusalKind::NothingToDo, text, "")]);
        };
        self.plan_on(&Target::Owner(owner::owner_key(key, owned, snapshot)), verb, None)
    }

    /// Returns the plan that lets the tag of an environment name what serves everybody.
    ///
    /// # Errors
    /// Every reason why it cannot be done now.
    pub fn plan_tag(&self, key: &WorkloadKey) -> Result<Plan, Vec<Refusal>> {
        let Some(tag) = tag_of(&self.world, key) else {
            let text = format!("no tag follows what is released in {}", key.env);
            return Err(vec![Refusal::new(RefusalKind::State, text, "set `stable_tag` of the environment")]);
        };
        self.plan_on(&Target::Tag(tag), Verb::MoveTag, None)
    }

    /// Returns the plan that turns a feature flag.
    ///
    /// # Errors
    /// Every reason why it cannot be done now.
    pub fn plan_flag(&self, key: &FlagKey, turn: Turn) -> Result<Plan, Vec<Refusal>> {
        let Intent { verb, target, to } = flag::intent(key, turn);
        self.plan_on(&target, verb, to)
    }

    /// Checks a plan that waits for confirmation: it expires with time, and when the object moves. A plan that stops
    /// (pause, abort, rollback) is made again instead, as long as its revision is the one in progress.
    #[must_use]
    pub fn recheck(&self, plan: &Plan) -> Recheck {
        let record = plan.record();
        match &record.target {
            Target::Git(key) => return self.recheck_same(plan, &key.workload_key().into()),
            Target::Pipeline(key) => return self.recheck_same(plan, &key.workload_key().into()),
            Target::Tag(_) => return self.recheck_same(plan, &record.target),
            Target::Workload(_) | Target::Owner(_) | Target::Flag(_) => {}
        }
        if record.moves_backward() {
            if let Some(renewed) = self.renew(plan) {
                return Recheck::Renewed(Box::new(renewed));
            }
        }
        let moved = match self.object(&record.target) {
            None if matches!(record.target, Target::Owner(_)) => self.owner_moved(record),
            None if matches!(record.target, Target::Flag(_)) => self.flag_moved(record),
            Some(object) => record.facts.still_hold(&Facts::of(object), record.moves_backward()).err().map(|moved| {
                // Somebody else acted meanwhile: who it was, as far as the object tells.
                object.meta().blame(&moved, Some(plan.made_at()), self.now)
            }),
            None => Some("the workload was deleted".to_owned()),
        };
        if let Some(what) = moved {
            return Recheck::Stale(format!("the object changed: {what}"));
        }
        if !plan.is_valid(self.now) {
            return Recheck::Stale(format!("this question is older than {} s", Plan::VALID_FOR.as_secs()));
        }
        if record.moves_backward() {
            return Recheck::Holds;
        }
        for rest in &record.rests_on {
            let now = self.object(&rest.target).map(Facts::of);
            let gone = || Err(format!("{} was deleted", rest.target));
            if let Err(what) = now.map_or_else(gone, |now| rest.still_holds(&now)) {
                return Recheck::Stale(what);
            }
        }
        // A gate may have turned red since the question was asked.
        let to = match record.verb {
            Verb::Rollback => self.revision_of(plan),
            Verb::FlagSet | Verb::FlagLower => flag::turn(record).and_then(flag::percent),
            _ => None,
        };
        match self.plan_on(&record.target, record.verb, to) {
            Ok(again) if !goes_the_same_way(again.record(), record) => Recheck::Stale(ANOTHER_WAY.to_owned()),
            Ok(again) if again.record().to_hash != record.to_hash || again.record().moves_backward() => {
                Recheck::Stale("it would come to something else now".to_owned())
            }
            Ok(_) => Recheck::Holds,
            Err(refusals) => Recheck::Stale(refusals.first().map_or_else(String::new, Refusal::line)),
        }
    }

    /// Checks a commit, the run of a pipeline, or the move of a tag, that waits for confirmation: the same one has to come of what is known now.
    fn recheck_same(&self, plan: &Plan, target: &Target) -> Recheck {
        let record = plan.record();
        if !record.moves_backward() && !plan.is_valid(self.now) {
            return Recheck::Stale(format!("this question is older than {} s", Plan::VALID_FOR.as_secs()));
        }
        match self.plan_on(target, record.verb, None) {
            Ok(again) if !goes_the_same_way(again.record(), record) => Recheck::Stale(ANOTHER_WAY.to_owned()),
            Ok(again) if is_same(again.record(), record) => Recheck::Holds,
            Ok(_) => Recheck::Stale("it would come to something else now".to_owned()),
            Err(refusals) => Recheck::Stale(refusals.first().map_or_else(String::new, Refusal::line)),
        }
    }

    /// Returns what moved of an owner since a plan was made.
    fn owner_moved(&self, record: &PlanRecord) -> Option<String> {
        let Target::Owner(key) = &record.target else { return None };
        let now = owner::owned(&self.world, key).and_then(|(_, owned)| owned.reconciler()).map(owner::facts);
        match now {
            Some(now) => record.facts.still_hold(&now, record.moves_backward()).err().map(|moved| moved.what),
            None => Some(format!("{} is not known any more", key.owner)),
        }
    }

    /// Returns what moved of a feature flag since a plan was made.
    fn flag_moved(&self, record: &PlanRecord) -> Option<String> {
        let Target::Flag(key) = &record.target else { return None };
        match flag::known(&self.world, key) {
            // Nothing that is seen of a flag keeps it from being turned off.
            Some(now) => record.facts.still_hold(&now, record.verb == Verb::FlagOff).err().map(|moved| moved.what),
            None => Some(format!("{} is not configured any more", key.provider)),
        }
    }

    /// Makes the plan of a stop again on the present state.
    fn renew(&self, plan: &Plan) -> Option<Plan> {
        let record = plan.record();
        if let Target::Flag(key) = &record.target {
            let renewed = self.plan_flag(key, flag::turn(record)?).ok();
            return renewed.filter(|renewed| renewed.record().moves_backward());
        }
        let facts = Facts::of(self.object(&record.target)?);
        record.facts.still_hold(&facts, true).ok()?;
        self.plan_on(&record.target, record.verb, self.revision_of(plan)).ok()
    }

    /// Returns the number of the revision that a plan brings, as it is now.
    fn revision_of(&self, plan: &Plan) -> Option<u64> {
        let (_, workload) = self.world.find(plan.record().target.workload()?)?;
        workload.snapshot.as_ref()?.replicaset(plan.record().to_hash.as_ref()?)?.meta.revision
    }

    /// Returns a target's object as it is now.
    fn object(&self, target: &Target) -> Option<&Object> {
        let (_, workload) = self.world.find(target.workload()?)?;
        workload.snapshot.as_ref().map(|snapshot| &snapshot.object)
    }

    /// Returns the cluster and namespace behind the name of an environment, where that is known.
    pub(super) fn cluster(&self, env: &EnvName) -> Option<ClusterIdentity> {
        self.world.environment(env)?.cluster.clone()
    }

    /// Returns who acts in an environment, and whether the API server says so.
    #[must_use]
    pub fn identity(&self, env: &EnvName) -> (String, bool) {
        match self.world.environment(env).and_then(|env| env.access.user.clone()) {
            Some(user) => (user, true),
            None => (self.operator.clone(), false),
        }
    }
}

/// What was asked about goes by a lane and would not now, or the reverse.
const ANOTHER_WAY: &str = "it would go by another way now";

/// Whether two plans go by the same opening of a lane, or both by none.
fn goes_the_same_way(again: &PlanRecord, record: &PlanRecord) -> bool {
    match (&again.lane, &record.lane) {
        (Some(again), Some(asked)) => again.is_same(asked),
        (again, asked) => again.is_none() && asked.is_none(),
    }
}

/// Whether two plans ask the same of the same target, on the same state of the workloads.
fn is_same(again: &PlanRecord, record: &PlanRecord) -> bool {
    again.target == record.target
        && again.requests == record.requests
        && again.facts == record.facts
        && again.rests_on.len() == record.rests_on.len()
        && again.rests_on.iter().zip(&record.rests_on).all(|(now, seen)| seen.still_holds(&now.facts).is_ok())
}
