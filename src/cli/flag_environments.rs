//! `cockpit flags list` without an environment: a row for each flag with what it is in each of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::flags::{environments, named_by, providers, star, table, unread};
use crate::domain::facts::text::sanitize;
use crate::domain::rules::flag_environments::{StateThere, off_before, state_in};
use crate::domain::rules::flag_lint::{FlagsUnknown, silent};
use crate::domain::world::flags::ListedFlag;
use crate::domain::world::named_flags::NamedBy;
use crate::domain::world::{Environment, World};

/// A flag, in whichever environments it is.
pub struct Row<'w> {
    provider: &'w str,
    name: &'w str,
    ticket: Option<&'w str>,
    named_by: Option<&'w NamedBy>,
    /// Whether several providers of one environment have a flag of this name.
    is_ambiguous: bool,
}

/// An environment, and why more flags may belong to its release than are known to.
pub type Asked<'w> = (&'w Environment, Option<FlagsUnknown>);

/// Returns the flags of all environments, by their names: those of the release, or all of them where that is asked for or none are
/// named. One of the same name is the same flag whatever its provider is, unless an environment has it of two.
#[must_use]
pub fn chosen<'w>(asked: &[Asked<'w>], all: bool) -> Vec<Row<'w>> {
    let listed: Vec<(usize, ListedFlag<'w>)> = asked
        .iter()
        .enumerate()
        .flat_map(|(at, (env, _))| env.listed_flags().into_iter().map(move |flag| (at, flag)))
        .collect();
    let mut seen = BTreeSet::new();
    let ambiguous: BTreeSet<&str> = listed
        .iter()
        .filter(|(at, listed)| !seen.insert((*at, listed.flag.name.as_str())))
        .map(|(_, listed)| listed.flag.name.as_str())
        .collect();
    let mut rows: BTreeMap<(&str, &str), Row<'_>> = BTreeMap::new();
    for (_, listed) in &listed {
        let (name, provider) = (listed.flag.name.as_str(), listed.source.settings.provider.as_str());
        let is_ambiguous = ambiguous.contains(name);
        let row = rows.entry((name, if is_ambiguous { provider } else { "" })).or_insert(Row {
            provider,
            name,
            ticket: None,
            named_by: None,
            is_ambiguous,
        });
        row.ticket = row.ticket.or(listed.flag.ticket.as_deref());
        row.named_by = row.named_by.or(listed.named_by);
    }
    let only_named = !all && rows.values().any(|row| row.named_by.is_some());
    let (named, others): (Vec<Row<'_>>, Vec<Row<'_>>) = rows.into_values().partition(|row| row.named_by.is_some());
    named.into_iter().chain(others.into_iter().filter(|_| !only_named)).collect()
}

/// Returns the environments in which a flag is on, and off in the one before.
fn drifted<'w>(world: &'w World, row: &Row<'_>, now: Timestamp) -> Vec<(&'w Environment, &'w Environment)> {
    let pair = |env: &'w Environment| {
        let (_, flag) = env.same_flag(row.provider, row.name)?;
        let before = off_before(world, env, row.provider, flag)?;
        let is_known = |env| matches!(state_in(env, row.provider, row.name, now), StateThere::Known(_));
        (is_known(env) && is_known(before)).then_some((env, before))
    };
    world.environments.iter().filter_map(pair).collect()
}

/// Writes the flags as a table with a column for each environment, below what is wrong with their providers.
#[must_use]
pub fn text(world: &World, asked: &[Asked<'_>], rows: &[Row<'_>], now: Timestamp) -> String {
    let mut lines = Vec::new();
    for (env, unknown) in asked {
        let stale = env.flags.iter().filter(|source| !source.heard.is_fresh(now));
        lines.extend(stale.map(|source| format!("{}: {}", env.name(), silent(source, now))));
        lines.extend(unread(unknown.as_ref()).map(|why| format!("{}: {why}", env.name())));
    }
    if asked.is_empty() {
        lines.push("no provider of feature flags is configured: see [[flags]] in the config".to_owned());
    } else if rows.is_empty() {
        lines.push("no feature flags".to_owned());
    } else {
        let has_ticket = rows.iter().any(|row| row.ticket.is_some());
        let has_named = rows.iter().any(|row| row.named_by.is_some());
        let more = |ticket: String, named: String| {
            has_ticket.then_some(ticket).into_iter().chain(has_named.then_some(named)).collect::<Vec<_>>()
        };
        let names = asked.iter().map(|(env, _)| sanitize(env.name().as_str()).into_owned());
        let header: Vec<String> = std::iter::once("FLAG".to_owned())
            .chain(names)
            .chain(more("TICKET".to_owned(), "NAMED BY".to_owned()))
            .chain(["DRIFT".to_owned()])
            .collect();
        let or_dash = |text: Option<String>| text.map_or_else(|| "-".to_owned(), |text| sanitize(&text).into_owned());
        let line = |row: &Row<'_>| {
            let states = asked.iter().map(|(env, _)| cell(env, row, now));
            std::iter::once(title(row))
                .chain(states)
                .chain(more(or_dash(row.ticket.map(str::to_owned)), or_dash(row.named_by.map(ToString::to_string))))
                .chain([or_dash(drift(world, row, now))])
                .collect()
        };
        lines.extend(table(&std::iter::once(header).chain(rows.iter().map(line)).collect::<Vec<_>>()));
    }
    lines.iter().fold(String::new(), |text, line| text + &sanitize(line) + "\n")
}

fn title(row: &Row<'_>) -> String {
    let provider = if row.is_ambiguous { format!("{}/", row.provider) } else { String::new() };
    format!("{}{}", star(row.named_by.is_some()), sanitize(&format!("{provider}{}", row.name)))
}

fn cell(env: &Environment, row: &Row<'_>, now: Timestamp) -> String {
    match state_in(env, row.provider, row.name, now) {
        StateThere::Known(state) => state.to_string(),
        StateThere::Absent => "-".to_owned(),
        StateThere::Unknown => "?".to_owned(),
    }
}

/// Says where it is on although the environment before does not have it on.
fn drift(world: &World, row: &Row<'_>, now: Timestamp) -> Option<String> {
    let pairs = drifted(world, row, now);
    let words: Vec<String> =
        pairs.iter().map(|(env, before)| format!("on in {}, off in {}", env.name(), before.name())).collect();
    (!words.is_empty()).then(|| words.join("; "))
}

/// Returns the flags with what they are in each environment, and the providers of each.
#[must_use]
pub fn json(world: &World, asked: &[Asked<'_>], rows: &[Row<'_>], now: Timestamp) -> Value {
    let of_environment = |(env, unknown): &Asked<'_>| {
        json!({
            "environment": env.name().as_str(),
            "providers": providers(env, now),
            "unknown": unread(unknown.as_ref()).map(ToString::to_string),
        })
    };
    let flag = |row: &Row<'_>| {
        let drift: Vec<Value> = drifted(world, row, now)
            .iter()
            .map(|(env, before)| json!({"environment": env.name().as_str(), "off_in": before.name().as_str()}))
            .collect();
        json!({
            "provider": row.provider,
            "name": row.name,
            "ticket": row.ticket,
            "of_release": row.named_by.is_some(),
            "named_by": named_by(row.named_by),
            "environments": environments(world, row.provider, row.name, now),
            "drift": drift,
        })
    };
    json!({
        "environments": asked.iter().map(of_environment).collect::<Vec<_>>(),
        "flags": rows.iter().map(flag).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::domain::facts::changes::{Changes, CodeFlag, CodeFlags, Part};
    use crate::domain::facts::flag::{Flag, FlagState, ProviderKind};
    use crate::domain::facts::freshness::Link;
    use crate::domain::facts::ids::EnvName;
    use crate::domain::world::EnvSettings;
    use crate::domain::world::feed::Feed;
    use crate::domain::world::flags::FlagSettings;

    fn now() -> Timestamp {
        Timestamp::from_second(1_780_000_000).unwrap()
    }

    /// A provider and its flags.
    type Answered<'a> = (&'a str, Option<&'a [(&'a str, FlagState)]>);

    /// Environments with the flags of their providers; what `None` says did not answer.
    fn world(environments: &[(&str, &[Answered<'_>])]) -> World {
        let mut world = World::default();
        for (name, providers) in environments {
            let settings = providers.iter().map(|(provider, _)| FlagSettings {
                provider: (*provider).to_owned(),
                place: format!("{provider} {name}"),
                of_release: vec!["express".to_owned()],
                kind: ProviderKind::Unleash,
                shared_with: Vec::new(),
                rollouts: Vec::new(),
            });
            let settings = EnvSettings { flags: settings.collect(), ..EnvSettings::new(name) };
            world.environments.push(Environment::new(settings));
            for (provider, flags) in *providers {
                let (link, at) = match flags {
                    Some(_) => (Link::Up, Some(now())),
                    None => (Link::Down("503".to_owned()), None),
                };
                let flags = flags.unwrap_or_default().iter().map(|(name, state)| Flag {
                    ticket: (*name == "express").then(|| "PAY-123".to_owned()),
                    ..Flag::of_name(name, *state)
                });
                let (env, provider) = (EnvName::new(*name), (*provider).to_owned());
                world.take(Feed::Flags { env, provider, link, at, flags: Arc::new(flags.collect()) }, now());
            }
        }
        world
    }

    fn listed(world: &World, all: bool) -> String {
        let with_flags = world.environments.iter().filter(|env| !env.flags.is_empty());
        let asked: Vec<Asked<'_>> = with_flags.map(|env| (env, None)).collect();
        text(world, &asked, &chosen(&asked, all), now())
    }

    #[test]
    fn each_flag_has_a_row_and_each_environment_a_column() {
        use FlagState::{Off, On, Percent, Some as ForSome};
        let mut world = world(&[
            ("dev", &[]),
            ("staging", &[("unleash", Some(&[("dark", On), ("express", Off), ("old", Off)]))]),
            ("prod-eu", &[("flagd", Some(&[("dark", Percent(5)), ("express", Percent(25)), ("new", ForSome)]))]),
            ("prod-us", &[("unleash", None)]),
        ]);
        insta::assert_snapshot!(listed(&world, false), @"
        prod-us: unleash: what it says is never confirmed: 503
        FLAG       staging  prod-eu  prod-us  TICKET   NAMED BY  DRIFT
        * express  off      25 %     ?        PAY-123  config    on in prod-eu, off in staging
        ");
        let code = CodeFlags::new(vec![CodeFlag {
            name: "dark".to_owned(),
            file: "src/a.ts".into(),
            line: 3,
            is_call: false,
        }]);
        let gathered = Ok(Arc::new(Changes { code: Part::Known(code), ..Changes::default() }));
        world.take(Feed::Changes { env: EnvName::new("prod-eu"), subject: "x".to_owned(), gathered }, now());
        insta::assert_snapshot!(listed(&world, true), @"
        prod-us: unleash: what it says is never confirmed: 503
        FLAG       staging  prod-eu      prod-us  TICKET   NAMED BY    DRIFT
        * dark     on       5 %          ?        -        src/a.ts:3  -
        * express  off      25 %         ?        PAY-123  config      on in prod-eu, off in staging
          new      -        on for some  ?        -        -           -
          old      off      -            ?        -        -           -
        ");
    }

    #[test]
    fn a_name_that_one_environment_has_of_two_providers_has_two_rows() {
        let world = world(&[
            ("staging", &[("a", Some(&[("x", FlagState::Off)])), ("b", Some(&[("x", FlagState::On)]))]),
            ("prod", &[("a", Some(&[("x", FlagState::On)])), ("b", Some(&[("x", FlagState::On)]))]),
        ]);
        insta::assert_snapshot!(listed(&world, false), @"
        FLAG   staging  prod  DRIFT
          a/x  off      on    on in prod, off in staging
          b/x  on       on    -
        ");
    }
}
