//! Drives core and engine for a command: until something holds, or time is over.

use std::time::Duration;

use color_eyre::eyre::Result;
use jiff::Timestamp;
use tokio::time::Instant;

use super::{FIRST_DATA_TIMEOUT, complain};
use crate::core::stable_tag::{is_due, waits_at_a_pause};
use crate::core::{self, Core, Effect, InFlight, Msg, Revert, TagMove};
use crate::domain::facts::freshness::{LOGGING_IN, Link};
use crate::domain::facts::ids::{EnvName, WorkloadKey};
use crate::domain::record::action::{ActionId, Outcome, Target};
use crate::domain::record::journal::JournalState;
use crate::domain::record::receipt::Receipt;

use crate::domain::rules::action::Plan;
use crate::domain::rules::refusal::Refusal;
use crate::domain::world::World;
use crate::platform::Redactor;
use crate::platform::login::LOGIN_TIMEOUT;
use crate::runtime::engine::Engine;
use crate::runtime::session::Session;

/// How long a command waits until it is known what came of an earlier action that it asked for again: two looks.
const SUPERSEDED_TIMEOUT: Duration = Duration::from_secs(6);

/// What became of a statement: whether it is on disk, whether it is shared, whether it is signed, or why not.
pub(super) type Stated = (Result<(), String>, Result<(), String>, Result<(), String>);

/// Core and engine of one command.
pub(super) struct Driver {
    pub(super) core: Core,
    engine: Engine,
    /// Actions that ended and are settled, in order.
    settled: Vec<(ActionId, Outcome)>,
    /// Whether the action in progress was taken up.
    accepted: bool,
    /// That its pull request is open, while it is.
    awaits_merge: Option<Outcome>,
    /// What the command itself does.
    performing: Option<ActionId>,
    /// What became of the last statement.
    stated: Option<Stated>,
}

impl Driver {
    pub(super) fn start(mut engine: Engine, core: Core) -> Self {
        let first = engine.start();
        let mut driver = Self {
            core,
            engine,
            settled: Vec::new(),
            accepted: false,
            awaits_merge: None,
            performing: None,
            stated: None,
        };
        driver.take(first);
        driver
    }

    /// Returns what is known of the world.
    pub(super) fn world(&self) -> &World {
        &self.core.world
    }

    /// Returns what hides secrets in what is printed.
    pub(super) fn redactor(&self) -> &Redactor {
        &self.engine.session.redactor
    }

    /// Returns the sources and executors.
    pub(super) fn session(&self) -> &Session {
        &self.engine.session
    }

    /// Takes in what happens until `enough` holds, or time is over; returns whether it holds.
    pub(super) async fn until(&mut self, within: Duration, enough: impl Fn(&Core) -> bool) -> Result<bool> {
        let until = Instant::now() + within;
        loop {
            if enough(&self.core) {
                return Ok(true);
            }
            tokio::select! {
                msgs = self.engine.next() => self.take(msgs?),
                () = tokio::time::sleep_until(until) => return Ok(enough(&self.core)),
            }
        }
    }

    /// Takes in a first look, for as long as that may take. Where one of the environments that matter waits for a login
    /// that tells the operator what to do, that is passed on, and waited for as well.
    pub(super) async fn first_look(
        &mut self,
        matters: impl Fn(&EnvName) -> bool,
        enough: impl Fn(&Core) -> bool,
    ) -> Result<()> {
        let started = Instant::now();
        let mut told = None;
        while !enough(&self.core) {
            let says = self.core.world.environments.iter().find_map(|env| match env.kubernetes().link {
                Link::LoggingIn(words) if words != LOGGING_IN && matters(env.name()) => {
                    Some(format!("{}: {words}", env.name()))
                }
                _ => None,
            });
            if let Some(says) = says.as_ref().filter(|says| told.as_ref() != Some(*says)) {
                complain(self.redactor(), says);
            }
            let within = if says.is_some() { LOGIN_TIMEOUT } else { FIRST_DATA_TIMEOUT };
            told = says.or(told);
            tokio::select! {
                msgs = self.engine.next() => self.take(msgs?),
                () = tokio::time::sleep_until(started + within) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Returns what became of the journal, once it is written, or its disk was given a little time.
    pub(super) async fn journal_at_rest(&mut self) -> Result<JournalState> {
        let journal = self.session().dispatcher.journal().clone();
        self.meanwhile(async move { journal.at_rest().await }).await
    }

    /// Takes in the next thing that happens, however long it takes.
    pub(super) async fn next(&mut self) -> Result<()> {
        let msgs = self.engine.next().await?;
        self.take(msgs);
        Ok(())
    }

    /// Continues taking in what happens while something else is waited for.
    pub(super) async fn meanwhile<T>(&mut self, work: impl Future<Output = T>) -> Result<T> {
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => {
                    let waiting = self.engine.waiting();
                    self.take(waiting);
                    return Ok(done);
                }
                msgs = self.engine.next() => self.take(msgs?),
            }
        }
    }

    /// Brings everything that ages up to now.
    pub(super) fn refresh(&mut self) {
        self.take(vec![Msg::Clock]);
    }

    /// Carries out a plan and waits for its settled outcome, for a merge only this long; returns also whether the controller
    /// took it up.
    pub(super) async fn perform(&mut self, plan: Plan, merge_timeout: Duration) -> Result<(Outcome, bool)> {
        let target = plan.record().target.clone();
        self.settled.clear();
        self.accepted = false;
        self.awaits_merge = None;
        let effects = self.core.perform(plan);
        let own = self.core.in_flight.get(&target).map(|flying| flying.action.clone());
        let Some(own) = own.filter(|_| !effects.is_empty()) else {
            let why = "not sent: another action on it is in progress".to_owned();
            return Ok((Outcome::Refused { why }, false));
        };
        self.performing = Some(own.clone());
        self.carry_out(effects);
        let mut until = None;
        loop {
            if let Some((_, outcome)) = self.settled.iter().find(|(action, _)| *action == own) {
                return Ok((outcome.clone(), self.accepted));
            }
            let Some(open) = self.awaits_merge.clone() else {
                self.next().await?;
                continue;
            };
            let until = *until.get_or_insert_with(|| Instant::now() + merge_timeout);
            tokio::select! {
                msgs = self.engine.next() => self.take(msgs?),
                () = tokio::time::sleep_until(until) => return Ok((open, self.accepted)),
            }
        }
    }

    /// Waits a moment until it is known what came of earlier actions on a workload whose place this one took: once it is done,
    /// so are they.
    pub(super) async fn what_was_superseded(&mut self, target: &WorkloadKey) -> Result<()> {
        let is_on = |open: &InFlight| open.record.target.changes().as_ref() == Some(target);
        let is_settled = |core: &Core| !core.superseded.values().any(|superseded| is_on(&superseded.flying));
        self.until(SUPERSEDED_TIMEOUT, is_settled).await.map(|_| ())
    }

    /// Waits for the end of what was begun along with an action on a workload.
    pub(super) async fn what_was_begun_along(&mut self, target: &WorkloadKey) -> Result<()> {
        let is_along = |other: &Target| match other {
            Target::Owner(key) => key.workload_key() == *target,
            Target::Git(key) => key.workload_key() == *target,
            Target::Tag(key) => key.workload_key() == *target,
            Target::Workload(_) | Target::Flag(_) | Target::Pipeline(_) => false,
        };
        // The revert in git begins once the cluster is seen to have gone back.
        let waits = |core: &Core| matches!(core.reverts.get(target), Some(Revert::Waits { .. }));
        self.until(FIRST_DATA_TIMEOUT, |core| !waits(core)).await?;
        while self.core.in_flight.iter().any(|(other, flying)| is_along(other) && !flying.awaits_merge()) {
            self.next().await?;
        }
        Ok(())
    }

    /// Waits for the tag that follows what a workload has released by now; says why it does not, where it should. What is on
    /// its way to everybody still is named later.
    pub(super) async fn what_the_tag_waits_for(&mut self, target: &WorkloadKey) -> Result<()> {
        // What was looked at may show it before the watch does.
        let waits = |core: &Core| matches!(core.tags.get(target), Some(TagMove::Waits { .. }));
        self.until(FIRST_DATA_TIMEOUT, |core| !waits(core) || waits_at_a_pause(core, target)).await?;
        let is_its = |other: &Target| matches!(other, Target::Tag(key) if key.workload_key() == *target);
        while self.core.in_flight.keys().any(is_its) {
            self.next().await?;
        }
        if is_due(&self.core, target) {
            let why = self.core.plan_tag(target).err().and_then(|refusals| refusals.first().map(Refusal::line));
            let why = why.unwrap_or_default();
            let text = format!("the tag is not moved yet: {why}: `cockpit tag {}` does it", target.env);
            complain(self.redactor(), &text);
        }
        Ok(())
    }

    /// Records a statement and waits for what became of it.
    pub(super) async fn state(&mut self, effects: Vec<Effect>) -> Result<Stated> {
        self.stated = None;
        self.carry_out(effects);
        loop {
            if let Some(stated) = self.stated.take() {
                return Ok(stated);
            }
            self.next().await?;
        }
    }

    pub(super) async fn end(self) {
        self.engine.end().await;
    }

    fn take(&mut self, msgs: Vec<Msg>) {
        let ticked = msgs.iter().any(|msg| matches!(msg, Msg::Clock | Msg::Woke));
        for msg in msgs {
            let now = Timestamp::now();
            self.engine.tap(&msg, now);
            self.note(&msg);
            let effects = core::update(&mut self.core, msg, now);
            self.carry_out(effects);
        }
        self.engine.follow(&self.core, ticked);
    }

    /// Whether it is what the command itself does, and nothing that was left open or is done along with it.
    fn is_performing(&self, action: &ActionId) -> bool {
        self.performing.as_ref() == Some(action)
    }

    fn note(&mut self, msg: &Msg) {
        match msg {
            Msg::Receipt(Receipt::Ended { action, record, outcome, .. }) if outcome.is_settled() => {
                if self.performing.is_some() && !self.is_performing(action) {
                    complain(self.redactor(), &format!("{}: {}", record.headline, outcome.describe()));
                }
                self.settled.push((action.clone(), outcome.clone()));
            }
            Msg::Receipt(Receipt::Ended { action, record, outcome: outcome @ Outcome::AwaitsMerge { .. }, .. }) => {
                if self.is_performing(action) {
                    self.accepted = true;
                    self.awaits_merge = Some(outcome.clone());
                }
                complain(self.redactor(), &format!("{}: {}", record.headline, outcome.describe()));
            }
            // What the server or the command said; looking settles it.
            Msg::Receipt(Receipt::Ended { record, outcome, .. }) => {
                complain(self.redactor(), &format!("{}: {}", record.headline, outcome.describe()));
            }
            Msg::Receipt(Receipt::Accepted { action, record, lacks }) => {
                if self.is_performing(action) {
                    self.accepted = true;
                    self.awaits_merge = None;
                }
                complain(self.redactor(), &format!("{}: {}, {lacks}", record.target, record.begun_or_accepted()));
            }
            // What a config asks for goes ahead of what a person states.
            Msg::Receipt(Receipt::Stated { entry, .. }) if entry.is_of_config() => {}
            Msg::Receipt(Receipt::Stated { written, shared, signed, .. }) => {
                self.stated = Some((written.clone(), shared.clone(), signed.clone()));
            }
            Msg::Recovered(found) => {
                for why in &found.broken {
                    complain(self.redactor(), &format!("journal integrity check failed: {why}"));
                }
            }
            _ => {}
        }
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            self.engine.carry_out(effect);
        }
    }
}
