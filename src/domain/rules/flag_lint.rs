//! What is wrong with feature flags: nobody owns them, nobody knows when they go, or they should be gone.

use std::fmt;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::flag_environments::off_before;
use crate::domain::facts::changes::{Changes, Part};
use crate::domain::facts::flag::rules::{FlagRules, Removal};
use crate::domain::facts::flag::{Flag, FlagState};
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::text::duration;
use crate::domain::record::checklist::{BuiltinCheck, How};
use crate::domain::world::flags::{FlagSource, ListedFlag};
use crate::domain::world::named_flags::NamedBy;
use crate::domain::world::{Environment, World};

/// What is wrong with a flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlagProblem {
    /// The release names it, and no provider has it.
    Missing(NamedBy),
    NoOwner,
    NoRemovalDate,
    /// It was to be removed on that day, which ended so long ago.
    Overdue(Date, SignedDuration),
    /// The provider marks it as no longer needed.
    Stale,
    /// On for everybody; for how long, where that is known.
    OnForEverybody(Option<SignedDuration>),
    /// On here, and off in the environment before.
    OffBefore(EnvName),
}

impl FlagProblem {
    /// Returns the word in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Missing(_) => "missing",
            Self::NoOwner => "no-owner",
            Self::NoRemovalDate => "no-removal-date",
            Self::Overdue(..) => "overdue",
            Self::Stale => "stale",
            Self::OnForEverybody(_) => "on-for-everybody",
            Self::OffBefore(_) => "off-before",
        }
    }

    /// Returns what to do.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Missing(by) => {
                let place = match by {
                    NamedBy::Config => "in `of_release`",
                    NamedBy::Commit(_) => "in the trailer of the commit",
                    NamedBy::Code { .. } => "in the code",
                };
                format!("make it at the provider, or correct its name {place}")
            }
            Self::NoOwner => "name an owner at the provider".to_owned(),
            Self::NoRemovalDate => "give it a type, or a tag such as remove-by:2026-12-31".to_owned(),
            Self::Overdue(..) | Self::Stale | Self::OnForEverybody(_) => {
                "remove it from the code, then archive it; a tag such as remove-by:2026-12-31 gives it more time"
                    .to_owned()
            }
            Self::OffBefore(env) => format!("turn it on in {env} first, or off here"),
        }
    }
}

impl fmt::Display for FlagProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(NamedBy::Config) => f.write_str("the release names it, and no provider has it"),
            Self::Missing(by) => write!(f, "{by} names it, and no provider has it"),
            Self::NoOwner => f.write_str("nobody owns it"),
            Self::NoRemovalDate => f.write_str("nothing says when it is to be removed"),
            Self::Overdue(date, since) => write!(f, "was to be removed by {date}, {} ago", duration(*since)),
            Self::Stale => f.write_str("marked as stale"),
            Self::OnForEverybody(Some(since)) => write!(f, "on for everybody for {}", duration(*since)),
            Self::OnForEverybody(None) => f.write_str("on for everybody, and since when is not known"),
            Self::OffBefore(env) => write!(f, "on here, and off in {env}"),
        }
    }
}

/// Why not all flags of a release are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlagsUnknown {
    /// No `[[flags]]` has the environment.
    NoProvider(EnvName),
    /// A provider does not answer.
    Silent(String),
    /// There is no git repository whose commits could name flags.
    NoRepository,
    /// The commits are not read yet.
    NotRead,
    /// The commits cannot be known, or not all of them.
    Commits(String),
    /// The code that the release brings cannot be known.
    Code(String),
}

impl FlagsUnknown {
    /// Returns what it takes to know them.
    #[must_use]
    pub fn wanted(&self) -> &'static str {
        match self {
            Self::NoProvider(_) => "a [[flags]] has this environment",
            Self::Silent(_) => "the provider answers",
            Self::NoRepository | Self::NotRead | Self::Commits(_) => {
                "its commits can be read; with `commits = false` in the check, `of_release` alone names its flags"
            }
            Self::Code(_) => {
                "its code can be read; `flags_in_code` says which code is, and `flags_in_code = false` reads none"
            }
        }
    }
}

impl fmt::Display for FlagsUnknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProvider(env) => write!(f, "no provider of feature flags is configured for {env}"),
            Self::Silent(why) => f.write_str(why),
            Self::NoRepository => f.write_str("no git repository is configured, whose commits would name flags"),
            Self::NotRead => f.write_str("which flags the commits name is not known: not read yet"),
            Self::Commits(why) => write!(f, "which flags the commits name is not known: {why}"),
            Self::Code(why) => write!(f, "which flags the code names is not known: {why}"),
        }
    }
}

/// Returns why not all flags of the release with this key ([`Candidate::key`](super::checklist::Candidate::key)) are known in an
/// environment, if so.
#[must_use]
pub fn unknown(
    world: &World,
    (env, candidate): (&Environment, Option<&str>),
    rules: &FlagRules,
    now: Timestamp,
) -> Option<FlagsUnknown> {
    if env.flags.is_empty() {
        return Some(FlagsUnknown::NoProvider(env.name().clone()));
    }
    if let Some(source) = env.flags.iter().find(|source| !source.heard.is_fresh(now)) {
        return Some(FlagsUnknown::Silent(silent(source, now)));
    }
    // What is on here is compared with the environment before.
    let is_on = env.listed_flags().iter().any(|listed| listed.of_release && listed.flag.state.is_on());
    let before = world.previous(env).filter(|_| is_on);
    if let Some(source) = before.and_then(|before| before.flags.iter().find(|source| !source.heard.is_fresh(now))) {
        return Some(FlagsUnknown::Silent(silent(source, now)));
    }
    if !rules.commits {
        return None;
    }
    match &env.changes {
        Some((subject, Ok(changes))) if Some(subject.as_str()) == candidate => unread(changes),
        Some((subject, Err(why))) if Some(subject.as_str()) == candidate => Some(FlagsUnknown::Commits(why.clone())),
        None if env.has_repository == Some(false) => Some(FlagsUnknown::NoRepository),
        Some(_) | None => Some(FlagsUnknown::NotRead),
    }
}

/// Returns why the commits or the code of what comes into an environment may name more flags, where that was looked for.
#[must_use]
pub fn unread_changes(env: &Environment) -> Option<FlagsUnknown> {
    match env.changes.as_ref()? {
        (_, Ok(changes)) => unread(changes),
        (_, Err(why)) => Some(FlagsUnknown::Commits(why.clone())),
    }
}

/// Returns what of the changes of a release may name more flags.
fn unread(changes: &Changes) -> Option<FlagsUnknown> {
    if changes.cut {
        return Some(FlagsUnknown::Commits(format!("there are more than the {} that are read", changes.commits.len())));
    }
    match &changes.code {
        Part::Blind(why) => Some(FlagsUnknown::Code(why.clone())),
        Part::Known(_) | Part::NotAsked => None,
    }
}

/// Says that a provider does not answer, and how old is what it said.
#[must_use]
pub fn silent(source: &FlagSource, now: Timestamp) -> String {
    let why = source.heard.link.why().map_or_else(String::new, |why| format!(": {why}"));
    format!("{}: what it says is {}{why}", source.settings.provider, source.heard.age_in_words(now))
}

/// A flag and what is wrong with it.
#[derive(Clone, Debug)]
pub struct LintedFlag {
    /// `None` for a flag that no provider has.
    pub provider: Option<String>,
    pub name: String,
    pub of_release: bool,
    /// What says so.
    pub named_by: Option<NamedBy>,
    pub removal: Removal,
    pub problems: Vec<FlagProblem>,
}

/// Returns what is asked of flags in an environment: what its check says, else the defaults.
#[must_use]
pub fn rules_of(env: &Environment) -> FlagRules {
    let of_check = env.checks.iter().find_map(|check| match check.spec.how {
        How::BuiltinCheck(BuiltinCheck::Flags(rules)) => Some(rules),
        _ => None,
    });
    of_check.unwrap_or_default()
}

/// Returns the flags of an environment with what is wrong with each: those of the release first, or only those.
#[must_use]
pub fn lint(world: &World, env: &Environment, all: bool, now: Timestamp) -> Vec<LintedFlag> {
    let rules = rules_of(env);
    let missing = env.unlisted_flags().into_iter().map(|(name, by)| LintedFlag {
        provider: None,
        name: name.to_owned(),
        of_release: true,
        named_by: Some(by.clone()),
        removal: Removal::Unknown,
        problems: vec![FlagProblem::Missing(by.clone())],
    });
    let listed = env.listed_flags().into_iter().filter(|listed| all || listed.of_release);
    let listed = listed.map(|listed| LintedFlag {
        provider: Some(listed.source.settings.provider.clone()),
        name: listed.flag.name.clone(),
        of_release: listed.of_release,
        named_by: listed.named_by.cloned(),
        removal: listed.flag.removal(&rules),
        problems: problems(world, env, &listed, &rules, now),
    });
    missing.chain(listed).collect()
}

fn problems(
    world: &World,
    env: &Environment,
    listed: &ListedFlag<'_>,
    rules: &FlagRules,
    now: Timestamp,
) -> Vec<FlagProblem> {
    let flag = listed.flag;
    let removal = flag.removal(rules);
    let overdue = match removal {
        Removal::On(date) => removal.overdue(now).map(|since| FlagProblem::Overdue(date, since)),
        Removal::Never | Removal::Unknown => None,
    };
    let of_it = [
        flag.owner.is_none().then_some(FlagProblem::NoOwner),
        (removal == Removal::Unknown).then_some(FlagProblem::NoRemovalDate),
        overdue,
        flag.is_stale.then_some(FlagProblem::Stale),
        on_for_everybody(flag, removal, rules, now),
    ];
    let before = off_before(world, env, &listed.source.settings.provider, flag);
    of_it.into_iter().flatten().chain(before.map(|before| FlagProblem::OffBefore(before.name().clone()))).collect()
}

/// Whether everybody has had it for too long. One that is meant to stay, or until a day that somebody named, may be on for longer.
fn on_for_everybody(flag: &Flag, removal: Removal, rules: &FlagRules, now: Timestamp) -> Option<FlagProblem> {
    let is_dated = flag.remove_by().is_some() && removal.overdue(now).is_none();
    if flag.state != FlagState::On || removal == Removal::Never || is_dated {
        return None;
    }
    let is_long = |at: Timestamp| now.duration_since(at) > rules.max_on;
    match flag.changed() {
        Some(change) => is_long(change.at).then(|| FlagProblem::OnForEverybody(Some(now.duration_since(change.at)))),
        // What is younger than that cannot have been on for longer; a provider that keeps no log says neither.
        None => flag.created.is_some_and(is_long).then_some(FlagProblem::OnForEverybody(None)),
    }
}
