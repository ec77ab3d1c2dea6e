//! `cockpit lane`: the lanes that were opened, how they stand, and what is still owed; `status` and `gate` show the same.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::status::API_VERSION;
use crate::core::LaneQuestion;
use crate::domain::facts::ids::{EnvName, WorkloadId};
use crate::domain::facts::text::{rfc3339_seconds, sanitize};
use crate::domain::facts::workload::Revision;
use crate::domain::record::lane::Lane;
use crate::domain::rules::checklist::{Candidate, leaves_out};
use crate::domain::rules::lane::owes;
use crate::domain::world::lane::{LaneState, OpenedLane};
use crate::domain::world::{Environment, World};

/// A lane that was opened, as it stands now.
#[derive(Clone, Debug)]
pub struct LaneShown<'w> {
    /// How it was opened first.
    opening: &'w Lane,
    until: Timestamp,
    state: State<'w>,
    leaves_out: Vec<String>,
    /// The environments that what came by it has still to go through.
    owed_by: BTreeSet<EnvName>,
    /// Whether it is what goes out now.
    is_going_out: bool,
}

#[derive(Clone, Debug)]
enum State<'w> {
    Open,
    Ended {
        /// Who closed it before its time was over.
        closed: Option<&'w Lane>,
    },
    /// Why it is not followed here.
    NotUsed(String),
}

/// Returns all lanes that were opened into an environment, the latest first.
#[must_use]
pub fn opened<'w>(world: &'w World, env: &'w Environment, now: Timestamp) -> Vec<LaneShown<'w>> {
    let stated = || world.ledger.lanes_of(env.name(), env.cluster.as_ref());
    let openings = stated().filter(|one| !one.is_end && one.at == one.opened);
    let mut all: Vec<LaneShown<'_>> = openings.map(|opening| shown(world, env, opening, now)).collect();
    all.sort_by_key(|shown| Reverse(shown.opening.opened));
    all
}

fn shown<'w>(world: &'w World, env: &'w Environment, opening: &'w Lane, now: Timestamp) -> LaneShown<'w> {
    let of_it = |one: &&Lane| one.opened == opening.opened && one.workload == opening.workload;
    let stated = || world.ledger.lanes_of(env.name(), env.cluster.as_ref()).filter(of_it);
    let closed = stated().filter(|one| one.is_end).min_by_key(|end| end.at);
    let workload = env.workload(&opening.workload);
    let lane = workload.and_then(|workload| workload.lane.as_ref());
    // Two people may have opened it at once, each without the other's word.
    let is_same =
        |open: &&Arc<OpenedLane>| open.lane.rule.is_same(&opening.rule) && open.lane.digests == opening.digests;
    let followed = lane.and_then(LaneState::open).filter(is_same);
    let own = followed.filter(|open| open.lane.opened == opening.opened);
    let said = stated().filter(|one| !one.is_end).map(Lane::ends).max();
    let until = own.map_or_else(|| said.unwrap_or(opening.until), |open| open.until);
    let state = match (closed, lane) {
        (Some(_), _) => State::Ended { closed },
        _ if until <= now => State::Ended { closed: None },
        _ if followed.is_some() => State::Open,
        (None, Some(LaneState::NotUsed { lane, why })) if lane.opened == opening.opened => State::NotUsed(why.clone()),
        (None, Some(LaneState::Several(lanes))) => State::NotUsed(several(lanes)),
        _ => State::NotUsed("it does not count".to_owned()),
    };
    let status = workload.and_then(|workload| workload.status.as_ref());
    let is_it = |revision: Option<&Revision>| revision.is_some_and(|revision| opening.is_about(revision));
    let is_stable = is_it(status.and_then(|status| status.stable.as_ref()));
    let owed = owes(world, env, &opening.workload).filter(|_| is_stable);
    LaneShown {
        opening,
        until: closed.map_or(until, |end| end.at.min(until)),
        leaves_out: match (&state, followed) {
            (State::Open, Some(open)) => left_out(world, env, open, now),
            _ => Vec::new(),
        },
        state,
        owed_by: owed.map(|owed| owed.by).unwrap_or_default(),
        is_going_out: is_it(status.and_then(|status| status.canary.as_ref())),
    }
}

/// What a lane that is open leaves out for what it was opened for, while that is seen.
fn left_out(world: &World, env: &Environment, open: &OpenedLane, now: Timestamp) -> Vec<String> {
    let candidate = world.candidate_of(env, &open.lane.workload);
    let candidate = candidate.filter(|candidate| open.lane.is_about(&candidate.revision));
    candidate.map_or_else(Vec::new, |candidate| leaves_out(world, env, open, &candidate, now))
}

impl LaneShown<'_> {
    /// Whether it matters now: it is open, or stated to be, or it is over and what came by it is not through yet.
    fn matters(&self) -> bool {
        !matches!(self.state, State::Ended { .. }) || self.is_going_out || !self.owed_by.is_empty()
    }

    fn state_word(&self) -> &'static str {
        match self.state {
            State::Open => "open",
            State::Ended { .. } => "ended",
            State::NotUsed(_) => "not-used",
        }
    }

    /// How it stands, in words.
    fn standing(&self) -> String {
        let until = rfc3339_seconds(self.until);
        match &self.state {
            State::Open => format!("open until {until}"),
            State::Ended { closed: Some(end) } => format!("closed at {until} by {}: “{}”", end.who, end.note),
            State::Ended { closed: None } => format!("ended at {until}"),
            State::NotUsed(why) => format!("until {until}, not used here: {why}"),
        }
    }

    /// What is still owed, in words.
    fn owed(&self) -> Option<String> {
        let by: Vec<&str> = self.owed_by.iter().map(EnvName::as_str).collect();
        let version = &self.opening.version;
        (!by.is_empty()).then(|| format!("{version} has not been through {} yet", by.join(", ")))
    }

    /// Returns it as the contract of `status` and `gate` has it.
    #[must_use]
    pub fn json(&self) -> Value {
        let Lane { version, workload, who, opened, note, .. } = self.opening;
        json!({
            "name": self.opening.rule.name(),
            "version": version,
            "workload": workload,
            "opened_by": who,
            "opened_at": opened.to_string(),
            "until": self.until.to_string(),
            "note": note,
            "state": self.state_word(),
            "why_not": match &self.state {
                State::NotUsed(why) => Some(why),
                State::Open | State::Ended { .. } => None,
            },
            "leaves_out": self.leaves_out,
            "still_to_go_through": self.owed_by,
        })
    }

    /// Returns it as lines of `cockpit lane list`.
    fn lines(&self) -> Vec<String> {
        let Lane { version, workload, who, opened, note, .. } = self.opening;
        let name = self.opening.rule.name();
        let mut lines = vec![
            format!("  {name}  {} {version}  {}", workload.name, self.standing()),
            format!("    opened by {who} at {}: “{note}”", rfc3339_seconds(*opened)),
        ];
        lines.extend(self.leaves_out.iter().map(|what| format!("    leaves out {what}")));
        lines.extend(self.owed().map(|owed| format!("    {owed}")));
        lines
    }
}

/// Returns the lane by which a candidate comes, as the contract has it; null where it comes by none.
#[must_use]
pub fn of(world: &World, env: &Environment, candidate: &Candidate, now: Timestamp) -> Value {
    let by = candidate.lane.as_ref();
    let all = opened(world, env, now);
    let own = by.and_then(|by| all.iter().find(|shown| *shown.opening == by.lane));
    own.map_or(Value::Null, LaneShown::json)
}

/// Returns the lane by which a candidate comes and what it leaves out, line by line; nothing where it comes by none.
#[must_use]
pub fn goes_by(world: &World, env: &Environment, candidate: &Candidate, now: Timestamp) -> Vec<String> {
    let Some(by) = &candidate.lane else { return Vec::new() };
    let Lane { who, note, .. } = &by.lane;
    let head = format!("  lane         {}, until {}, by {who}: “{note}”", by.rule.lane, rfc3339_seconds(by.until));
    std::iter::once(head).chain(listed("leaves out", leaves_out(world, env, by, candidate, now))).collect()
}

/// Returns in which lane a GO for the candidate of an environment is given, as text; empty outside of lanes.
#[must_use]
pub fn signed_in(world: &World, env: &EnvName, now: Timestamp) -> String {
    let Some(env) = world.environment(env) else { return String::new() };
    let Some(candidate) = world.candidate(env) else { return String::new() };
    as_text(&goes_by(world, env, &candidate, now))
}

/// Lines below a label.
fn listed(label: &str, all: impl IntoIterator<Item = String>) -> Vec<String> {
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    labels.zip(all).map(|(label, one)| format!("  {label:<12} {one}")).collect()
}

/// Returns the lane that matters most in an environment, as the contract has it; null where none does.
#[must_use]
pub fn of_environment(world: &World, env: &Environment, now: Timestamp) -> Value {
    let rank = |shown: &LaneShown<'_>| match shown.state {
        State::Open => 0,
        State::NotUsed(_) => 1,
        State::Ended { .. } => 2,
    };
    let all = opened(world, env, now).into_iter().filter(LaneShown::matters);
    // Of several that stand alike the latest.
    all.min_by_key(rank).map_or(Value::Null, |shown| shown.json())
}

/// Returns what there is to say of lanes at a workload, each in one line.
#[must_use]
pub fn of_workload(world: &World, env: &Environment, (id, now): (&WorkloadId, Timestamp)) -> Vec<String> {
    let all = opened(world, env, now);
    let mine = || all.iter().filter(|shown| shown.opening.workload == *id);
    let is_over = mine().all(|shown| matches!(shown.state, State::Ended { .. }));
    let line = |(index, shown): (usize, &LaneShown<'_>)| {
        let (name, Lane { version, who, note, .. }) = (shown.opening.rule.name(), shown.opening);
        let until = rfc3339_seconds(shown.until);
        match &shown.state {
            State::Open => Some(format!("{name} {version} until {until}, by {who}: “{note}”")),
            State::NotUsed(why) => Some(format!("{name} {version} until {until}, by {who}: not used here: {why}")),
            // Of those that are over the latest, where none was opened again.
            State::Ended { .. } => (shown.is_going_out && is_over && index == 0).then(|| {
                format!("{name} ended at {until}: {version} goes on by all gates, or when it is opened again")
            }),
        }
    };
    // Of what was opened more than once, the last word.
    let owed =
        mine().find_map(|shown| Some(format!("{}; it came by the lane {}", shown.owed()?, shown.opening.rule.name())));
    let mut lines: Vec<String> = Vec::new();
    for line in mine().enumerate().filter_map(line).chain(owed) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// Returns the lanes of some environments as text.
#[must_use]
pub fn text(world: &World, envs: &[&Environment], now: Timestamp) -> String {
    let mut lines: Vec<String> = Vec::new();
    for env in envs {
        let shown = opened(world, env, now);
        if !shown.is_empty() {
            lines.push(env.name().to_string());
            lines.extend(shown.iter().flat_map(LaneShown::lines));
        }
    }
    if lines.is_empty() {
        lines.push("no lane was opened".to_owned());
    }
    as_text(&lines)
}

/// Returns the same as JSON.
#[must_use]
pub fn json(world: &World, envs: &[&Environment], now: Timestamp) -> Value {
    let one = |env: &&Environment| {
        let lanes: Vec<Value> = opened(world, env, now).iter().map(LaneShown::json).collect();
        json!({"name": env.name(), "lanes": lanes})
    };
    json!({"apiVersion": API_VERSION, "environments": envs.iter().map(one).collect::<Vec<_>>()})
}

/// Returns how the lane of a workload stands, as the contract of `status --watch` has it.
#[must_use]
pub fn state_json(state: Option<&LaneState>) -> Value {
    let (lane, until, state) = match state {
        None => return Value::Null,
        Some(LaneState::Open(open)) => (&open.lane, open.until, "open"),
        Some(LaneState::NotUsed { lane, .. }) => (&**lane, lane.ends(), "not-used"),
        Some(LaneState::Several(lanes)) => match lanes.first() {
            Some(lane) => (lane, lane.ends(), "not-used"),
            None => return Value::Null,
        },
    };
    json!({"name": lane.rule.name(), "version": lane.version, "until": until.to_string(), "state": state})
}

/// Returns in words what became of the lane of a workload.
#[must_use]
pub fn changed(was: Option<&LaneState>, is: Option<&LaneState>) -> String {
    let of = |lane: &Lane| format!("the lane {} for {}", lane.rule.name(), lane.version);
    match (was, is) {
        (_, Some(LaneState::Open(open))) => {
            let (until, Lane { who, note, .. }) = (rfc3339_seconds(open.until), &open.lane);
            format!("{} is open until {until}, by {who}: “{note}”", of(&open.lane))
        }
        (_, Some(LaneState::NotUsed { lane, why })) => format!("{} is not used here: {why}", of(lane)),
        (_, Some(LaneState::Several(lanes))) => several(lanes),
        (Some(LaneState::Open(open)), None) => format!("{} is over", of(&open.lane)),
        (Some(LaneState::NotUsed { lane, .. }), None) => format!("{} is over", of(lane)),
        (Some(LaneState::Several(_)) | None, None) => "no lane is open any more".to_owned(),
    }
}

fn several(lanes: &[Lane]) -> String {
    let one = |lane: &Lane| format!("{} for {} ({})", lane.rule.name(), lane.version, lane.who);
    format!("several lanes are open: {}", lanes.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// Returns what opening or extending a lane comes to, before it is stated.
#[must_use]
pub fn question(question: &LaneQuestion) -> String {
    let LaneQuestion { lane, from, leaves_out, asks_for } = question;
    let Lane { env, workload, version, until, .. } = lane;
    let open = if lane.at == lane.opened { "open" } else { "extend" };
    let mut lines = vec![format!(
        "{env}: {open} the lane {} for {} {version} ({}), as {from} runs it, until {}",
        lane.rule.name(),
        workload.name,
        lane.which(),
        rfc3339_seconds(*until)
    )];
    lines.extend(listed("leaves out", leaves_out.clone()));
    lines.push(format!("  {:<12} {}", "asks for", asks_for.join(", ")));
    as_text(&lines)
}

fn as_text(lines: &[String]) -> String {
    lines.iter().fold(String::new(), |text, line| text + &sanitize(line) + "\n")
}

#[cfg(test)]
mod tests;
