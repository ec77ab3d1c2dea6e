//! Code or flag: what changed shortly before errors or latency got worse, the likeliest first.
//!
//! Changes are ranked by time and by whom they reach. That one came shortly before proves nothing: what is said is how long
//! before, and what is not known. It is advice: it triggers nothing and blocks nothing.

mod onset;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

use crate::domain::facts::flag::{FlagChange, FlagEdit};
use crate::domain::facts::ids::Track;
use crate::domain::facts::signals::Signal;
use crate::domain::facts::text::{duration, sanitize};
use crate::domain::facts::workload::{Object, Revision};
use crate::domain::world::flags::ListedFlag;
use crate::domain::world::{Environment, WorkloadState};

pub use onset::Onset;

/// What came longer before than this is not said to be near.
const NEAR: SignedDuration = SignedDuration::from_mins(10);
/// How far the clocks of provider, cluster and metrics may be apart.
const SKEW: SignedDuration = SignedDuration::from_secs(5);
/// Changes that are kept.
const MAX_CHANGES: usize = 8;

/// Events that say that a step sent traffic elsewhere.
const STEPS: [&str; 3] = ["TrafficWeightUpdated", "RolloutStepCompleted", "SwitchService"];
/// The event that says that pods were added or taken away.
const SCALED: &str = "ScalingReplicaSet";

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub at: Timestamp,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    Flag {
        provider: String,
        name: String,
        /// Its name, with that of the provider where there are several.
        called: String,
        by: String,
        edit: FlagEdit,
        of_release: bool,
        /// Whether anybody gets it now.
        is_on: bool,
    },
    /// The last step of a rollout.
    Step,
    /// The last pods that were added or taken away.
    Pods,
    /// The first pods of a version.
    Start { version: String },
}

impl What {
    #[must_use]
    pub fn is_flag(&self) -> bool {
        matches!(self, Self::Flag { .. })
    }

    /// Returns the word in JSON.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Flag { .. } => "flag",
            Self::Step => "step",
            Self::Pods => "pods",
            Self::Start { .. } => "start",
        }
    }
}

/// What changed before a signal got worse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    pub signal: Signal,
    pub onset: Onset,
    /// The likeliest first; empty where the onset is not known, or nothing came before it.
    pub changes: Vec<Change>,
    /// What could not be ranked, because its time is not known.
    pub not_known: Vec<String>,
}

/// Returns what changed before the signals of a workload got worse; `None` where they are not worse.
#[must_use]
pub fn advice(env: &Environment, workload: &WorkloadState, now: Timestamp) -> Option<Advice> {
    let (track, signal) = onset::worse(env, workload, now)?;
    let onset = onset::of(env, workload, (track, signal));
    let mut not_known = unknown_times(env, workload);
    let Onset::Seen { at, .. } = onset else {
        return Some(Advice { signal, onset, changes: Vec::new(), not_known });
    };
    // What a step does reaches those that it sends to the canary, and nobody else.
    let reaches_both = track == Track::Canary && onset::is_shared(env, workload, signal, at);
    let code = code_changes(env, workload, track);
    if code.is_empty() {
        not_known.push("when the release began here".to_owned());
    }
    let changes = ranked(last_before(code, at), flags_before(env, at), at, reaches_both);
    Some(Advice { signal, onset, changes, not_known })
}

/// Orders changes: what is near and reaches those who are worse off, then the nearest.
fn ranked(code: Vec<Change>, flags: Vec<Change>, onset: Timestamp, reaches_both: bool) -> Vec<Change> {
    let mut all: Vec<Change> = code.into_iter().chain(flags).collect();
    all.sort_by_key(|change| {
        let (is_out_of_reach, is_foreign) = match &change.what {
            // What nobody gets any more seldom makes things worse.
            What::Flag { edit, of_release, .. } => (*edit == FlagEdit::Off, !of_release),
            _ => (reaches_both, false),
        };
        rank(onset.duration_since(change.at), is_out_of_reach, is_foreign)
    });
    all.truncate(MAX_CHANGES);
    all
}

type Rank = ((bool, bool), i64, bool, SignedDuration);

fn rank(gap: SignedDuration, is_out_of_reach: bool, is_foreign: bool) -> Rank {
    let is_far = gap > NEAR;
    let gap = gap.max(SignedDuration::ZERO);
    ((is_far, is_out_of_reach), gap.as_secs() / SKEW.as_secs(), is_foreign, gap)
}

/// Of the changes of the code only the last before the onset counts.
fn last_before(mut code: Vec<Change>, onset: Timestamp) -> Vec<Change> {
    code.retain(|change| change.at <= onset + SKEW);
    code.into_iter().max_by_key(|change| change.at).into_iter().collect()
}

/// Of each flag only the last change before the onset counts: what was taken back before is no longer in force. There may be
/// thousands of flags: only the likeliest are returned.
fn flags_before(env: &Environment, onset: Timestamp) -> Vec<Change> {
    let flags = env.listed_flags();
    let mut likely: Vec<(Rank, &ListedFlag<'_>, &FlagChange)> = flags
        .iter()
        .filter_map(|listed| {
            let before = listed.flag.changes.iter().filter(|change| change.at <= onset + SKEW);
            // Of those of one time the first is the newest.
            let change = before.rev().max_by_key(|change| change.at)?;
            let gap = onset.duration_since(change.at);
            Some((rank(gap, change.what == FlagEdit::Off, !listed.of_release), listed, change))
        })
        .collect();
    likely.sort_by_key(|(rank, ..)| *rank);
    likely.into_iter().take(MAX_CHANGES).map(|(_, listed, change)| of_flag(env, listed, change)).collect()
}

fn of_flag(env: &Environment, listed: &ListedFlag<'_>, change: &FlagChange) -> Change {
    let (provider, name) = (&listed.source.settings.provider, &listed.flag.name);
    // Where several providers may have a flag of the name, it is called by both.
    let called = if env.flags.len() > 1 { format!("{provider}/{name}") } else { name.clone() };
    Change {
        at: change.at,
        what: What::Flag {
            provider: provider.clone(),
            name: name.clone(),
            called: sanitize(&called).into_owned(),
            by: sanitize(&change.by).into_owned(),
            edit: change.what,
            of_release: listed.of_release,
            is_on: listed.flag.state.is_on(),
        },
    }
}

/// When steps were done, pods came, and the version began whose signals got worse.
fn code_changes(env: &Environment, workload: &WorkloadState, track: Track) -> Vec<Change> {
    let of_it = env.events.iter().filter(|(id, _)| *id == workload.id).map(|(_, event)| event);
    let mut changes: Vec<Change> = of_it
        .filter_map(|event| {
            let what = match event.reason.as_str() {
                reason if STEPS.contains(&reason) => What::Step,
                SCALED if is_deployment(workload) => What::Pods,
                _ => return None,
            };
            Some(Change { at: event.at, what })
        })
        .collect();
    changes.extend(started(workload, track));
    changes
}

fn is_deployment(workload: &WorkloadState) -> bool {
    workload.snapshot.as_ref().is_some_and(|snapshot| matches!(snapshot.object, Object::Deployment(_)))
}

/// The revision whose signals a track has.
fn revision(workload: &WorkloadState, track: Track) -> Option<&Revision> {
    let status = workload.status.as_ref()?;
    if track == Track::Canary { status.canary.as_ref() } else { status.stable.as_ref() }
}

fn started(workload: &WorkloadState, track: Track) -> Option<Change> {
    let revision = revision(workload, track)?;
    let at = workload.snapshot.as_ref()?.replicaset(&revision.hash)?.meta.created?;
    Some(Change { at, what: What::Start { version: revision.version() } })
}

/// Flags of the release that are on, and steps, of which no time is known.
fn unknown_times(env: &Environment, workload: &WorkloadState) -> Vec<String> {
    let is_silent =
        |listed: &ListedFlag<'_>| listed.of_release && listed.flag.state.is_on() && listed.flag.changes.is_empty();
    let flags = env.listed_flags();
    let silent = flags.iter().filter(|listed| is_silent(listed));
    let mut unknown: Vec<String> =
        silent.map(|listed| format!("when {} was turned on", sanitize(&listed.flag.name))).take(MAX_CHANGES).collect();
    let sources = env.flags.iter().filter(|source| source.heard.at.is_none());
    unknown.extend(sources.map(|source| format!("what {} did to its flags", source.settings.provider)));
    let stepped = workload.status.as_ref().and_then(|status| status.step).is_some_and(|step| step.index > 0);
    let is_told = env.events.iter().any(|(id, event)| *id == workload.id && STEPS.contains(&event.reason.as_str()));
    unknown.extend((stepped && !is_told).then(|| "when the last step was".to_owned()));
    unknown
}

impl Advice {
    /// Returns the flag that was turned on, or changed, nearest before, where that is the likeliest change and somebody still
    /// gets it.
    #[must_use]
    pub fn flag(&self) -> Option<(&str, &str)> {
        let first = self.changes.first().filter(|change| self.is_near(change))?;
        match &first.what {
            What::Flag { provider, name, is_on: true, edit: FlagEdit::On | FlagEdit::Changed, .. } => {
                Some((provider, name))
            }
            _ => None,
        }
    }

    fn is_near(&self, change: &Change) -> bool {
        matches!(self.onset, Onset::Seen { at, .. } if at.duration_since(change.at) <= NEAR)
    }

    /// Returns how long before the onset a change was, in words.
    fn before(&self, change: &Change) -> String {
        let Onset::Seen { at, .. } = self.onset else { return String::new() };
        let gap = at.duration_since(change.at);
        if gap < SKEW { "when".to_owned() } else { format!("{} after", duration(gap)) }
    }

    /// Returns one sentence for people: what is known, and what to look at first.
    #[must_use]
    pub fn sentence(&self, env: &str) -> String {
        let signal = self.signal.label();
        let rose = match self.onset {
            Onset::Seen { .. } => format!("{signal} rose"),
            Onset::Since(at) => return self.with_unknown(format!("{signal} rose before {}", clock(at))),
            Onset::Unknown => return self.with_unknown(format!("when {signal} rose is not known")),
        };
        let Some(first) = self.changes.first() else {
            return self.with_unknown(format!("{rose}; nothing that changed before is known"));
        };
        if !self.is_near(first) {
            let text = format!("{rose}; nothing known changed in the {} before", duration(NEAR));
            return self.with_unknown(text);
        }
        let text = format!("{rose} {} {}", self.before(first), happened(first, env));
        let other = self.changes.iter().find(|other| other.what.is_flag() != first.what.is_flag());
        let other = other.map(|other| format!(", {} {}", self.before(other), happened(other, env))).unwrap_or_default();
        self.with_unknown(format!("{text}{other}: {}", next(first)))
    }

    fn with_unknown(&self, text: String) -> String {
        match self.not_known.as_slice() {
            [] => text,
            unknown => format!("{text}; not known: {}", unknown.join(", ")),
        }
    }
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M:%S UTC").to_string()
}

fn happened(change: &Change, env: &str) -> String {
    match &change.what {
        What::Flag { called, edit, by, .. } => {
            let edit = match edit {
                FlagEdit::On => "went on",
                FlagEdit::Off => "went off",
                FlagEdit::Changed => "was changed",
            };
            format!("{called} {edit} in {env} (by {by})")
        }
        What::Step => "the last step".to_owned(),
        What::Pods => "the last pods came or went".to_owned(),
        What::Start { version } => format!("the first pods of {version}"),
    }
}

/// What to do or to look at first.
fn next(first: &Change) -> &'static str {
    match &first.what {
        What::Flag { is_on: false, .. } => "it is off now",
        What::Flag { edit: FlagEdit::Off, .. } => "see what it switched",
        What::Flag { .. } => "turn that off first",
        What::Step | What::Pods | What::Start { .. } => "the release is the first thing to look at",
    }
}
