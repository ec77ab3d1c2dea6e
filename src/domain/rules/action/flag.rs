//! Turning feature flags. Off, or to fewer users, gives back what they had, and nothing blocks it ([law 3](crate#laws)); on, or to
//! more users, brings something, and goes past every gate ([law 1](crate#laws)).

use super::plan::{InProgress, Plan, PlanContext, read_only, unfit_to_go_on};
use crate::domain::facts::direction::Direction;
use crate::domain::facts::flag::{Flag, FlagFacts, FlagKey, FlagState, ProviderKind, Turn};
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::text::sanitize;
use crate::domain::facts::workload::Phase;
use crate::domain::record::action::{Facts, FlagRequest, GatesAsked, Intent, PlanRecord, Request, Target, Verb};
use crate::domain::rules::checklist::in_the_way_of_flag;
use crate::domain::rules::code_or_flag::Advice;
use crate::domain::rules::flag_rollout;
use crate::domain::rules::refusal::{Refusal, RefusalKind};
use crate::domain::world::flags::{FlagSource, ListedFlag};
use crate::domain::world::{Environment, World};

/// Returns what identifies a flag wherever it is asked for.
#[must_use]
pub fn uid(place: &str, flag: &str) -> String {
    format!("{place} {flag}")
}

/// Returns the facts of a flag that a plan rests on.
#[must_use]
pub fn facts(uid: &str, flag: Option<FlagFacts>) -> Facts {
    Facts {
        uid: uid.to_owned(),
        under_way: String::new(),
        stable: String::new(),
        step: None,
        paused: false,
        pauses: Vec::new(),
        phase: Phase::Healthy,
        aborted: false,
        flag,
    }
}

/// Returns the facts of a flag as it is known now; `None` where its provider is not configured.
#[must_use]
pub fn known(world: &World, key: &FlagKey) -> Option<Facts> {
    let source = world.environment(&key.env)?.flag_source(&key.provider)?;
    Some(facts(&uid(&source.settings.place, &key.flag), source.flag(&key.flag).map(FlagFacts::from)))
}

/// Finds the flag that is called so: by its name, or by `PROVIDER/NAME` where several providers have one of that name. One
/// that nobody has seen is asked of the only provider there is.
///
/// # Errors
/// Why it cannot be told which is meant.
pub fn named(env: &Environment, name: &str) -> Result<FlagKey, Refusal> {
    let key = |source: &FlagSource, flag: &str| FlagKey {
        env: env.name().clone(),
        provider: source.settings.provider.clone(),
        flag: flag.to_owned(),
    };
    let not_told = |text: String, remedy: &str| Err(Refusal::new(RefusalKind::NotSeen, text, remedy));
    let holders: Vec<&FlagSource> = env.flags.iter().filter(|source| source.flag(name).is_some()).collect();
    let is_unheard = |source: &&FlagSource| source.heard.link != Link::Up;
    let unheard = env.flags.iter().find(is_unheard).map(|source| source.settings.provider.as_str());
    let prefixed = name.split_once('/').and_then(|(provider, flag)| Some(key(env.flag_source(provider)?, flag)));
    match (holders.as_slice(), prefixed, env.flags.as_slice()) {
        ([_], ..) if unheard.is_some() => {
            let text = format!("{} has not answered: it may have a flag {name}, too", unheard.unwrap_or_default());
            not_told(text, "write PROVIDER/NAME")
        }
        ([one], ..) => Ok(key(one, name)),
        ([_, _, ..], ..) => not_told(format!("several providers have a flag {name}"), "write PROVIDER/NAME"),
        ([], Some(key), _) => Ok(key),
        ([], None, [only]) => Ok(key(only, name)),
        ([], None, []) => {
            let text = format!("no provider of feature flags is configured for {}", env.name());
            not_told(text, "add [[flags]] to the config")
        }
        ([], None, _) => not_told(format!("no provider has named a flag {name}"), "write PROVIDER/NAME"),
    }
}

/// Returns what an operator asks for who turns a flag.
#[must_use]
pub fn intent(key: &FlagKey, turn: Turn) -> Intent {
    Intent { verb: verb_of(turn, Direction::Forward), target: Target::Flag(key.clone()), to: percent(turn) }
}

/// Returns what an intent turns a flag to.
pub(super) fn turn_of(intent: &Intent) -> Result<Turn, Vec<Refusal>> {
    let no_share = |why: String| vec![Refusal::state(why, "")];
    match intent.verb {
        Verb::FlagOff => Ok(Turn::Off),
        Verb::FlagOn => Ok(Turn::On),
        _ => {
            let asked = intent.to.ok_or_else(|| no_share("no share is named".to_owned()))?;
            asked.to_string().parse().map(Turn::Share).map_err(no_share)
        }
    }
}

/// Returns what an action turns a flag to.
#[must_use]
pub fn turn(record: &PlanRecord) -> Option<Turn> {
    record.requests.iter().find_map(Request::turn)
}

/// Returns the share of users that a turn names, in percent.
#[must_use]
pub fn percent(turn: Turn) -> Option<u64> {
    match turn {
        Turn::Share(share) => Some(share.percent().into()),
        Turn::On | Turn::Off => None,
    }
}

/// Returns the verb that a turn is written down as.
#[must_use]
pub fn verb_of(turn: Turn, direction: Direction) -> Verb {
    match turn {
        Turn::Off => Verb::FlagOff,
        Turn::On => Verb::FlagOn,
        Turn::Share(_) if direction.is_backward() => Verb::FlagLower,
        Turn::Share(_) => Verb::FlagSet,
    }
}

/// Returns the plan that turns a flag: off, on, or to a share of users.
///
/// # Errors
/// Why not; never empty.
pub(super) fn plan(world: &World, key: &FlagKey, turn: Turn, around: &PlanContext) -> Result<Plan, Vec<Refusal>> {
    let env = world.environment(&key.env);
    let Some((env, source)) = env.and_then(|env| Some((env, env.flag_source(&key.provider)?))) else {
        let text = format!("{} is no provider of feature flags in {}", key.provider, key.env);
        return Err(vec![Refusal::new(RefusalKind::NotSeen, text, "")]);
    };
    let mut refusals = read_only(env);
    let direction = direction(turn, source.flag(&key.flag).map(|flag| flag.state));
    let in_flight = |other: &InProgress| {
        let waits = !direction.is_backward() || other.holds_up(verb_of(turn, direction), None);
        other.target == Target::Flag(key.clone()) && waits
    };
    if around.in_flight.iter().any(in_flight) {
        refusals.push(Refusal::new(RefusalKind::InFlight, "another action is in progress", "wait for its outcome"));
    }
    // What a list says of a flag does not keep it from being turned off: it may be old, or of another environment.
    if !direction.is_backward() {
        refusals.extend(not_to_be_given(world, env, (source, key), turn, around));
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let is_protected = sharing(world, source).any(|other| other.settings.protected);
    let typed = (!direction.is_backward() && is_protected).then(|| env.name().to_string());
    Ok(Plan::of(record(world, env, (source, key), (turn, direction)), around.now, typed))
}

/// What takes the flag from users goes back. Where it is not known who gets it, a share may give it to others.
fn direction(turn: Turn, seen: Option<FlagState>) -> Direction {
    match seen {
        Some(state) if turn.takes_from(state) => Direction::Backward,
        None if turn == Turn::Off => Direction::Backward,
        Some(_) | None => Direction::Forward,
    }
}

/// Returns what is faster than taking pods back: the flags of the release that anybody gets. Where one was turned on shortly
/// before things got worse, it comes first, also where it is of another release, after a line that says so.
pub(super) fn instead_of_rollback(env: &Environment, advice: Option<&Advice>) -> Vec<String> {
    let suspect = advice.and_then(Advice::flag);
    let is_suspect = |listed: &ListedFlag<'_>| {
        suspect.is_some_and(|(provider, name)| provider == listed.source.settings.provider && name == listed.flag.name)
    };
    let mut on = env.listed_flags();
    on.retain(|listed| listed.flag.state.is_on() && (listed.of_release || is_suspect(listed)));
    on.sort_by_key(|listed| !is_suspect(listed));
    let Some(first) = on.first() else { return Vec::new() };
    let name = sanitize(&first.flag.name).into_owned();
    let provider = &first.source.settings.provider;
    let name = if env.flags.len() > 1 { format!("{provider}/{name}") } else { name };
    let names: Vec<String> =
        on.iter().map(|listed| format!("{} ({})", sanitize(&listed.flag.name), listed.flag.state)).collect();
    let plural = if names.len() == 1 { "a flag" } else { "flags" };
    let of_release = if first.of_release { " of this release" } else { "" };
    let said = advice.filter(|_| is_suspect(first)).map(|advice| advice.sentence(env.name().as_str()));
    let slowest = on.iter().map(|listed| listed.source.settings.kind).max_by_key(|kind| kind.taken_up_in());
    let instead = slowest.unwrap_or_default().off_instead();
    let command = format!(
        "{plural}{of_release} can be turned off {instead}: {}; `cockpit flags off {} {name}`",
        names.join(", "),
        env.name()
    );
    said.into_iter().chain([command]).collect()
}

/// Why a flag cannot be given to more users, or to others.
fn not_to_be_given(
    world: &World,
    env: &Environment,
    (source, key): (&FlagSource, &FlagKey),
    turn: Turn,
    around: &PlanContext,
) -> Vec<Refusal> {
    let provider = &key.provider;
    if !source.heard.is_fresh(around.now) {
        let why = source.heard.link.why().map_or_else(String::new, |why| format!(" ({why})"));
        let text = format!("{provider}: what it says is {}{why}", source.heard.age_in_words(around.now));
        return vec![Refusal::new(RefusalKind::Blind, text, format!("wait for {provider}"))];
    }
    let Some(flag) = source.flag(&key.flag) else {
        let text = format!("{provider} has no flag {} here: it is unknown or archived", key.flag);
        return vec![Refusal::new(RefusalKind::NotSeen, text, "")];
    };
    if let Some(refusal) = not_from(flag.state, turn, key) {
        return vec![refusal];
    }
    let mut refusals = Vec::new();
    let is_watched = |name: &&EnvName| world.environment(name).is_some();
    refusals.extend(source.settings.shared_with.iter().filter(|name| !is_watched(name)).map(|name| {
        let text = format!("{name} has the same environment at {provider}, and its gates cannot be asked");
        Refusal::new(RefusalKind::Blind, text, "start without `--context`")
    }));
    for other in sharing(world, source) {
        let mut reasons = steps_in_the_way(other, (source, flag), turn, around);
        reasons.extend(unfit_to_go_on(other, around));
        reasons.extend(in_the_way_of_flag(world, other, around.now));
        if other.name() != env.name() {
            reasons.extend(read_only_beside(other, provider));
            for reason in &mut reasons {
                reason.text = format!("{}: {}", other.name(), reason.text);
            }
        }
        for reason in reasons {
            if !refusals.contains(&reason) {
                refusals.push(reason);
            }
        }
    }
    refusals
}

/// Why a flag that goes to more users step by step cannot be given to more of an environment's so, by whatever names the
/// environment has its place.
fn steps_in_the_way(
    env: &Environment,
    (source, flag): (&FlagSource, &Flag),
    turn: Turn,
    around: &PlanContext,
) -> Vec<Refusal> {
    let there = env.flags.iter().filter(|other| other.settings.place == source.settings.place);
    there.flat_map(|there| flag_rollout::in_the_way(env, there, flag, turn, around.now)).collect()
}

/// Why a flag in this state cannot be turned so.
fn not_from(state: FlagState, turn: Turn, key: &FlagKey) -> Option<Refusal> {
    let FlagKey { env, provider, flag } = key;
    let text = format!("{flag} is {state}");
    match (turn, state) {
        (Turn::Share(share), _) if share.state() == state => Some(Refusal::new(RefusalKind::NothingToDo, text, "")),
        (Turn::Share(_), FlagState::Some) => {
            let remedy = format!("its share is not known: see in {provider} who gets it");
            Some(Refusal::state(text, remedy))
        }
        (Turn::On, FlagState::On) => Some(Refusal::new(RefusalKind::NothingToDo, text, "")),
        (Turn::On, FlagState::Percent(_)) => {
            let remedy = format!("give it to more users with `cockpit flags set {env} {flag} PERCENT`");
            Some(Refusal::state(text, remedy))
        }
        (Turn::On, FlagState::Some) => {
            let remedy = format!("its strategies say who gets it: change them in {provider}");
            Some(Refusal::state(text, remedy))
        }
        _ => None,
    }
}

/// Nothing may be changed in a read-only environment, nor may it be asked for what was stated there a moment ago.
fn read_only_beside(other: &Environment, provider: &str) -> Option<Refusal> {
    let text = format!("it is the same environment at {provider}, and read-only here");
    let refusal = Refusal::new(RefusalKind::ReadOnly, text, "start without `--context` and `--read-only`");
    other.settings.read_only.then_some(refusal)
}

/// The environments that are one at the provider: a flag is turned for the users of all of them.
fn sharing<'a>(world: &'a World, source: &'a FlagSource) -> impl Iterator<Item = &'a Environment> {
    let place = &source.settings.place;
    world.environments.iter().filter(move |env| env.flags.iter().any(|other| other.settings.place == *place))
}

/// What the gates of these environments are asked about: what comes in next, and what users get.
fn gates_asked(world: &World, source: &FlagSource) -> Vec<GatesAsked> {
    let of = |env: &Environment| {
        let mut subjects = world.candidate(env).map(|candidate| candidate.subjects()).unwrap_or_default();
        subjects.moving.extend(world.served(env).into_iter().flat_map(|served| served.subjects().moving));
        GatesAsked { env: env.name().clone(), subjects, images: Vec::new(), lane: None }
    };
    sharing(world, source).map(of).collect()
}

/// Returns the release that what is done to flags of an environment is written down for: what goes out there, or runs.
#[must_use]
pub fn release(env: &Environment) -> String {
    let statuses = || env.workloads.iter().filter_map(|workload| Some((&workload.id.name, workload.status.as_ref()?)));
    let found = statuses().find(|(_, status)| status.canary.is_some()).or_else(|| statuses().next());
    let version = found.and_then(|(name, status)| Some((name, status.canary.as_ref().or(status.stable.as_ref())?)));
    version.map_or_else(|| format!("flags {}", env.name()), |(name, revision)| format!("{name} {}", revision.version()))
}

fn headline(turn: Turn, key: &FlagKey) -> String {
    let FlagKey { provider, flag, .. } = key;
    match turn {
        Turn::On | Turn::Off => format!("turn {turn} flag {flag} of {provider}"),
        Turn::Share(share) => format!("set flag {flag} of {provider} to {share}"),
    }
}

fn record(
    world: &World,
    env: &Environment,
    (source, key): (&FlagSource, &FlagKey),
    (turn, direction): (Turn, Direction),
) -> PlanRecord {
    let is_backward = direction.is_backward();
    let flag = source.flag(&key.flag);
    let seen = flag.map(FlagFacts::from);
    let from = match flag {
        Some(flag) => flag.state.to_string(),
        None => format!("not known: {} {}", key.provider, source.heard.link.why().unwrap_or("has not named it")),
    };
    let mut goes = vec![source.settings.kind.goes(turn).to_owned()];
    goes.extend(seen.as_ref().and_then(FlagFacts::warning));
    let others: Vec<&str> = sharing(world, source).map(|other| other.name().as_str()).collect();
    let others: Vec<&str> = others.into_iter().filter(|other| *other != env.name().as_str()).collect();
    goes.extend(
        (!others.is_empty()).then(|| format!("{} has the same environment there: it changes, too", others.join(", "))),
    );
    goes.extend(is_backward.then(|| "the pods stay as they are: no version changes".to_owned()));
    let request = FlagRequest {
        flag: key.flag.clone(),
        turn,
        only_less: is_backward && turn != Turn::Off,
        may_run_on: source.settings.kind == ProviderKind::Command,
        is_push: source.settings.kind == ProviderKind::FlagdFile,
        noticed_once: source.settings.kind.noticed_once().map(str::to_owned),
        place: source.settings.place.clone(),
    };
    PlanRecord {
        verb: verb_of(turn, direction),
        direction: Some(direction),
        target: Target::Flag(key.clone()),
        context: env.settings.context.clone(),
        namespace: env.settings.namespace.clone(),
        // A provider is no cluster: its place tells it apart.
        cluster: None,
        release: release(env),
        headline: headline(turn, key),
        from,
        to: turn.to_string(),
        goes,
        skips: Vec::new(),
        not_undone: is_backward
            .then(|| "what users did with it: data written, messages sent".to_owned())
            .into_iter()
            .collect(),
        requests: vec![request.into()],
        facts: facts(&uid(&source.settings.place, &key.flag), seen),
        rests_on: Vec::new(),
        gates_asked: if is_backward { Vec::new() } else { gates_asked(world, source) },
        lane: None,
        resource_version: String::new(),
        picture_at: source.heard.at,
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

#[cfg(test)]
mod tests;
