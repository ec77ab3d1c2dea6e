//! Lanes: opened for one artifact, extended, and closed.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::checklist::noted;
use super::{Core, Effect, Level};
use crate::domain::facts::ids::{EnvName, WorkloadKey};
use crate::domain::facts::text::rfc3339_seconds;
use crate::domain::record::journal::Entry;
use crate::domain::record::lane::{Lane, LaneFound, LaneRule, OpenLane, WrittenRule};
use crate::domain::record::proof::Proof;
use crate::domain::record::requirement::Requirement;
use crate::domain::record::shared::MAX_AHEAD;
use crate::domain::rules::checklist::candidate::counterpart;
use crate::domain::rules::lane::opening::{allowed, artifact, is_for, terms};
use crate::domain::world::{Environment, WorkloadState, World};

/// How far clocks may differ: a lane that is over here may still be open for somebody else.
const OVER_FOR_ALL: SignedDuration = SignedDuration::from_secs(60);

/// What opening a lane comes to, or extending it, before it is stated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneQuestion {
    /// What would be stated.
    pub lane: Lane,
    /// Where the artifact comes from.
    pub from: EnvName,
    /// What it leaves out, each with how it stands.
    pub leaves_out: Vec<String>,
    /// What it asks for.
    pub asks_for: Vec<String>,
}

impl Core {
    /// Returns what opening a lane comes to, for what its environment before has released; where it is open for that, or for
    /// what goes out here, what extending it comes to.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub fn lane_question(
        &self,
        key: &WorkloadKey,
        lane: &str,
        until: Timestamp,
        note: &str,
    ) -> Result<LaneQuestion, String> {
        let (env, workload) = self.world.find(key).ok_or_else(|| format!("{key} is not watched"))?;
        let note = reason(note)?;
        match &env.record {
            Some(Ok(())) => {}
            Some(Err(why)) => return Err(format!("the shared record cannot be read: {why}")),
            None => return Err("the shared record has not been read yet".to_owned()),
        }
        if env.cluster.is_none() {
            return Err(format!("in which cluster {} is, is not known", env.name()));
        }
        if until <= self.now {
            return Err("that time is over".to_owned());
        }
        let rule = allowed(&self.world, env, &workload.id, lane)?;
        let (who, _) = self.identity(env.name());
        let at = self.lane_stated_at(env);
        let open = self.extended(env, workload, (&rule, at))?;
        let (opened, rule, (version, digests)) = if let Some(OpenLane { lane, .. }) = &open {
            (lane.opened, lane.rule.clone(), (lane.version.clone(), lane.digests.clone()))
        } else {
            let artifact = artifact(&self.world, workload, &rule)?;
            (at, WrittenRule::Known(Box::new(rule)), artifact)
        };
        let stated = Lane {
            env: env.name().clone(),
            cluster: env.cluster.clone(),
            workload: workload.id.clone(),
            rule,
            version,
            digests,
            opened,
            until,
            is_end: false,
            who,
            note,
            at,
            signature: None,
            proof: Proof::default(),
        };
        let until = within(&stated, open.as_ref().map(|open| open.until))?;
        let stated = Lane { until, ..stated };
        let Some(rule) = stated.rule.known() else { return Err("its terms are not known".to_owned()) };
        let mut by: BTreeSet<&str> = open.map(|open| open.by).unwrap_or_default();
        by.insert(&stated.who);
        let asked = OpenLane { lane: &stated, rule, until, by };
        let (leaves_out, asks_for) = terms(&self.world, (env, workload), &asked, self.now)?;
        Ok(LaneQuestion { from: rule.before.env.clone(), leaves_out, asks_for, lane: stated })
    }

    /// Opens a lane for what its environment before has released, or extends it.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub fn open_lane(
        &mut self,
        key: &WorkloadKey,
        lane: &str,
        until: Timestamp,
        note: &str,
    ) -> Result<(Lane, Vec<Effect>), String> {
        let LaneQuestion { lane, .. } = self.lane_question(key, lane, until, note)?;
        let mut effects: Vec<Effect> = self.requirements_of(&lane.env).into_iter().collect();
        // What came by a lane does not go on from there by a program that does not know what was left out.
        let next = self.world.environment(&lane.env).and_then(|env| self.world.next(env));
        if let Some(next) = next.map(|next| next.name().clone()) {
            effects.extend(self.requirements_of(&next));
            if !self.will_ask_for_lanes(&next, key) {
                let text = format!(
                    "{next} is not told of lanes: there is no record of it to write to, or this config does not say what it \
                     asks for; a version of cockpit that does not know them may let {} go on there",
                    lane.version
                );
                self.notice(Level::Warn, text);
            }
        }
        effects.push(recorded(lane.clone()));
        Ok((lane, effects))
    }

    /// Opens or extends a lane as it was asked about, once a person has confirmed what was shown.
    ///
    /// # Errors
    /// Why it cannot be opened, or that it would be for something else by now.
    pub fn open_asked_lane(&mut self, key: &WorkloadKey, asked: &Lane) -> Result<(Lane, Vec<Effect>), String> {
        let (name, until, note) = (asked.rule.name(), asked.until, asked.note.as_str());
        let now = self.lane_question(key, &name, until, note)?.lane;
        let is_extension = |lane: &Lane| lane.at != lane.opened;
        let is_same_opening = match (is_extension(asked), is_extension(&now)) {
            (true, true) => now.opened == asked.opened,
            (one, other) => one == other,
        };
        if now.digests != asked.digests || now.rule != asked.rule || !is_same_opening {
            let what = if is_extension(&now) { "extend the one" } else { "open one" };
            return Err(format!("it would {what} for {} now: look again", now.version));
        }
        self.open_lane(key, &name, until, note)
    }

    /// Closes whatever lane is open for a workload: no promotion goes by it any more.
    ///
    /// # Errors
    /// Why it cannot be closed.
    pub fn close_lane(&mut self, key: &WorkloadKey, note: &str) -> Result<(Lane, Vec<Effect>), String> {
        let (env, workload) = self.world.find(key).ok_or_else(|| format!("{key} is not watched"))?;
        let note = reason(note)?;
        let (who, _) = self.identity(env.name());
        let at = self.lane_stated_at(env);
        let open = still_open(&self.world, (env, workload), self.now);
        let mut ends: Vec<Lane> = open
            .into_iter()
            .map(|open| Lane {
                cluster: env.cluster.clone().or_else(|| open.cluster.clone()),
                is_end: true,
                who: who.clone(),
                note: note.clone(),
                at,
                signature: None,
                proof: Proof::default(),
                ..open.clone()
            })
            .collect();
        let effects = ends.iter().cloned().map(recorded).collect();
        let first = ends.drain(..).next().ok_or_else(|| format!("no lane is open in {}", env.name()))?;
        Ok((first, effects))
    }

    /// The last word on lanes, also where this clock is a little behind the one that dated the word before. An end needs no date,
    /// and what is dated further ahead counts for nobody.
    fn lane_stated_at(&self, env: &Environment) -> Timestamp {
        let stated = self.world.ledger.lanes_of(env.name(), env.cluster.as_ref());
        let counts = |one: &&Lane| !one.is_end && one.at <= self.now + MAX_AHEAD;
        let last = stated.filter(counts).map(|one| one.at).max();
        last.map_or(self.now, |last| self.now.max(last + SignedDuration::from_secs(1)))
    }

    /// Returns the lane that is extended, if it is open already.
    fn extended<'a>(
        &'a self,
        env: &'a Environment,
        workload: &'a WorkloadState,
        (rule, at): (&LaneRule, Timestamp),
    ) -> Result<Option<OpenLane<'a>>, String> {
        let other = |lane: &Lane, until: Timestamp| {
            let (name, until) = (lane.rule.name(), rfc3339_seconds(until));
            Err(format!("the lane {name} is open for {} until {until} ({}): close it first", lane.version, lane.who))
        };
        match self.world.ledger.lane((env.name(), env.cluster.as_ref()), &workload.id, self.now) {
            LaneFound::None => Ok(None),
            // One that nobody proved opens nothing, and keeps nothing else from being opened.
            LaneFound::Unusable { lane, .. } if lane.rule.known().is_some() => Ok(None),
            LaneFound::Unusable { lane, .. } => other(lane, lane.ends()),
            LaneFound::Several(lanes) => {
                let all: Vec<String> = lanes
                    .iter()
                    .map(|lane| format!("{} for {} ({})", lane.rule.name(), lane.version, lane.who))
                    .collect();
                Err(format!("more than one lane is open: {}: close them first", all.join(", ")))
            }
            LaneFound::Open(open) if open.rule.is_same(rule) && is_for(&self.world, workload, rule, open.lane) => {
                // What is over by then is not extended.
                Ok(Some(open).filter(|open| at < open.until))
            }
            LaneFound::Open(open) => other(open.lane, open.until),
        }
    }

    /// Whether an environment's record holds, or will hold now, that one has to know lanes there.
    fn will_ask_for_lanes(&self, env: &EnvName, from: &WorkloadKey) -> bool {
        let Some(env) = self.world.environment(env) else { return false };
        let here = env.cluster.as_ref();
        let id = counterpart(env, &from.workload).map(|there| &there.id);
        let asked = id.map(|id| self.world.ledger.required(env.name(), here, id).asked).unwrap_or_default();
        asked.contains_key(&Requirement::Lanes) || self.requirements_of(env.name()).is_some()
    }
}

/// The openings that somebody may still take for open, one of each beginning: an end names that.
fn still_open<'a>(world: &'a World, (env, workload): (&Environment, &WorkloadState), now: Timestamp) -> Vec<&'a Lane> {
    let stated = || world.ledger.lanes_of(env.name(), env.cluster.as_ref()).filter(|one| one.workload == workload.id);
    let ended: BTreeSet<Timestamp> = stated().filter(|one| one.is_end).map(|end| end.opened).collect();
    let may_last = |one: &&Lane| !one.is_end && !ended.contains(&one.opened) && one.ends() > now - OVER_FOR_ALL;
    let mut open: Vec<&Lane> = stated().filter(may_last).collect();
    open.sort_by_key(|one| (one.opened, one.at));
    open.dedup_by_key(|one| one.opened);
    open
}

fn recorded(lane: Lane) -> Effect {
    let release = format!("{} {}", lane.workload.name, lane.version);
    Effect::Record { release, entry: Entry::Lane(Box::new(lane)) }
}

fn reason(note: &str) -> Result<String, String> {
    let note = noted(note)?;
    if note.is_empty() { Err("it needs a reason".to_owned()) } else { Ok(note) }
}

/// Returns until when a lane would be open, where its rule lets it.
fn within(lane: &Lane, open_until: Option<Timestamp>) -> Result<Timestamp, String> {
    let name = lane.rule.name();
    if open_until.is_some_and(|until| lane.until <= until) {
        return Err(format!("the lane {name} is open until then already: close it where it is to end"));
    }
    let until = lane.ends();
    // Whoever says `4h` says it some seconds before this is asked.
    if lane.until > until + OVER_FOR_ALL {
        let longest = until.duration_since(lane.opened);
        let since = match open_until {
            Some(_) => format!(" from {} on", rfc3339_seconds(lane.opened)),
            None => String::new(),
        };
        return Err(format!("the lane {name} may be open for at most {longest:#}{since}"));
    }
    Ok(until)
}

#[cfg(test)]
mod tests;
