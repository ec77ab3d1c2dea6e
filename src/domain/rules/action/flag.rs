//! Turning feature flags off and on. Off gives users back what they had, and nothing blocks it ([law 3](crate#laws)); on
//! brings something to users, and goes past every gate ([law 1](crate#laws)).

use super::plan::{Plan, PlanContext, read_only, unfit_to_go_on};
use crate::domain::facts::direction::Direction;
use crate::domain::facts::flag::{FlagFacts, FlagKey, FlagState, Turn};
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::text::sanitize;
use crate::domain::facts::workload::Phase;
use crate::domain::record::action::{Facts, FlagRequest, GatesAsked, PlanRecord, Target, Verb};
use crate::domain::rules::checklist::in_the_way_of_flag;
use crate::domain::rules::code_or_flag::Advice;
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

/// Returns the plan that turns a flag off or on.
///
/// # Errors
/// Why not; never empty.
pub(super) fn plan(world: &World, key: &FlagKey, verb: Verb, around: &PlanContext) -> Result<Plan, Vec<Refusal>> {
    let env = world.environment(&key.env);
    let Some((env, source)) = env.and_then(|env| Some((env, env.flag_source(&key.provider)?))) else {
        let text = format!("{} is no provider of feature flags in {}", key.provider, key.env);
        return Err(vec![Refusal::new(RefusalKind::NotSeen, text, "")]);
    };
    let turn = if verb == Verb::FlagOff { Turn::Off } else { Turn::On };
    let mut refusals = read_only(env);
    let in_flight =
        |(target, other): &(Target, Verb)| *target == Target::Flag(key.clone()) && (turn == Turn::On || *other == verb);
    if around.in_flight.iter().any(in_flight) {
        refusals.push(Refusal::new(RefusalKind::InFlight, "another action is in progress", "wait for its outcome"));
    }
    // What a list says of a flag does not keep it from being turned off: it may be old, or of another environment.
    if turn == Turn::On {
        refusals.extend(not_to_be_turned_on(world, env, (source, key), around));
    }
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let is_protected = sharing(world, source).any(|other| other.settings.protected);
    let typed = (turn == Turn::On && is_protected).then(|| env.name().to_string());
    Ok(Plan::of(record(world, env, (source, key), (verb, turn)), around.now, typed))
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
    let command = format!(
        "{plural}{of_release} can be turned off in seconds instead: {}; `cockpit flags off {} {name}`",
        names.join(", "),
        env.name()
    );
    said.into_iter().chain([command]).collect()
}

fn not_to_be_turned_on(
    world: &World,
    env: &Environment,
    (source, key): (&FlagSource, &FlagKey),
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
    let mut refusals = Vec::new();
    if flag.state.is_on() {
        let text = format!("{} is {}", key.flag, flag.state);
        return vec![match flag.state {
            FlagState::On => Refusal::new(RefusalKind::NothingToDo, text, ""),
            _ => Refusal::state(text, format!("its strategies say who gets it: change them in {provider}")),
        }];
    }
    let is_watched = |name: &&EnvName| world.environment(name).is_some();
    refusals.extend(source.settings.shared_with.iter().filter(|name| !is_watched(name)).map(|name| {
        let text = format!("{name} has the same environment at {provider}, and its gates cannot be asked");
        Refusal::new(RefusalKind::Blind, text, "start without `--context`")
    }));
    for other in sharing(world, source) {
        let mut reasons = unfit_to_go_on(other, around);
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
        GatesAsked { env: env.name().clone(), subjects, images: Vec::new() }
    };
    sharing(world, source).map(of).collect()
}

/// Returns the release that it is written down for: what goes out here, or runs.
fn release(env: &Environment) -> String {
    let statuses = || env.workloads.iter().filter_map(|workload| Some((&workload.id.name, workload.status.as_ref()?)));
    let found = statuses().find(|(_, status)| status.canary.is_some()).or_else(|| statuses().next());
    let version = found.and_then(|(name, status)| Some((name, status.canary.as_ref().or(status.stable.as_ref())?)));
    version.map_or_else(|| format!("flags {}", env.name()), |(name, revision)| format!("{name} {}", revision.version()))
}

fn record(
    world: &World,
    env: &Environment,
    (source, key): (&FlagSource, &FlagKey),
    (verb, turn): (Verb, Turn),
) -> PlanRecord {
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
    goes.extend((turn == Turn::Off).then(|| "the pods stay as they are: no version changes".to_owned()));
    let request = FlagRequest { flag: key.flag.clone(), turn, place: source.settings.place.clone() };
    PlanRecord {
        verb,
        direction: Some(if turn == Turn::Off { Direction::Backward } else { Direction::Forward }),
        target: Target::Flag(key.clone()),
        context: env.settings.context.clone(),
        namespace: env.settings.namespace.clone(),
        // A provider is no cluster: its place tells it apart.
        cluster: None,
        release: release(env),
        headline: format!("{} flag {} of {}", verb.label(), key.flag, key.provider),
        from,
        to: turn.as_str().to_owned(),
        goes,
        skips: Vec::new(),
        not_undone: match turn {
            Turn::Off => vec!["what users did with it: data written, messages sent".to_owned()],
            Turn::On => Vec::new(),
        },
        requests: vec![request.into()],
        facts: facts(&uid(&source.settings.place, &key.flag), seen),
        rests_on: Vec::new(),
        gates_asked: if turn == Turn::On { gates_asked(world, source) } else { Vec::new() },
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
