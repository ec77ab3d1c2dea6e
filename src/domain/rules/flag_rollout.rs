//! A flag that goes to more users step by step: what comes next, and whether it may.

use analysis::{AnalysisStatus, Report, figure, time};
use jiff::Timestamp;

use super::refusal::{Refusal, RefusalKind};
use crate::domain::facts::flag::rollout::{FlagRollout, divides};
use crate::domain::facts::flag::{Flag, FlagState, Share, Turn};
use crate::domain::facts::text::duration;
use crate::domain::world::Environment;
use crate::domain::world::flag_rollouts::FlagRolloutState;
use crate::domain::world::flags::FlagSource;
use crate::domain::world::verdict::Verdict;

/// How far a flag has gone.
#[derive(Clone, Debug)]
pub struct FlagProgress<'a> {
    pub rollout: &'a FlagRollout,
    /// The share that comes next; `None` where everybody has it, or its share is not known.
    pub next: Option<Share>,
    /// Whether users who have it fare as well as those who do not: GO, or why not yet.
    pub verdict: Verdict,
    /// Why; empty for GO.
    pub reason: String,
    /// When it has been long enough at this step, where that is still to come.
    pub due: Option<Timestamp>,
}

impl FlagProgress<'_> {
    /// Returns in words what comes next, or why not yet; `None` where everybody has it.
    #[must_use]
    pub fn describe(&self) -> Option<String> {
        match (self.verdict, self.next) {
            (Verdict::Go, None) => None,
            (Verdict::Go, Some(next)) => Some(format!("{next} is next in {}", self.rollout.describe())),
            (verdict, _) => Some(format!("{}: {}", verdict.label(), self.reason)),
        }
    }
}

/// Returns how far a flag has gone that goes step by step.
#[must_use]
pub fn progress<'a>(
    env: &Environment,
    source: &'a FlagSource,
    flag: &Flag,
    now: Timestamp,
) -> Option<FlagProgress<'a>> {
    let known = source.rollout(&flag.name)?;
    let rollout = &known.settings;
    let next = rollout.next(flag.state);
    let at_start = FlagProgress { rollout, next, verdict: Verdict::Go, reason: String::new(), due: None };
    if !divides(flag.state) {
        return Some(at_start);
    }
    let (verdict, reason) = match compared(env, known, now) {
        Some(reason) => reason,
        None => waited(known, flag, now).unwrap_or((Verdict::Go, String::new())),
    };
    let due = known.since(flag).and_then(|since| since.checked_add(rollout.wait).ok()).filter(|due| *due > now);
    Some(FlagProgress { verdict, reason, due, ..at_start })
}

/// Returns what comparing its users speaks against; `None` where it speaks against nothing.
fn compared(env: &Environment, known: &FlagRolloutState, now: Timestamp) -> Option<(Verdict, String)> {
    if !env.settings.has_metrics {
        return Some((Verdict::Blind, "no metrics configured: its users cannot be compared".to_owned()));
    }
    let Some(compared) = known.compared() else {
        return Some((Verdict::Wait, "collecting: its users are not compared yet".to_owned()));
    };
    if compared.is_stale(now) {
        let age = duration(now.duration_since(compared.at));
        return Some((Verdict::Blind, format!("its users were last compared {age} ago")));
    }
    match &compared.result {
        Err(why) => Some((Verdict::Blind, why.clone())),
        Ok(report) => of_report(report),
    }
}

fn of_report(report: &Report) -> Option<(Verdict, String)> {
    let reason = report.reasons.first().cloned().unwrap_or_default();
    match report.opinion {
        AnalysisStatus::Regressed => Some((Verdict::NoGo, reason)),
        AnalysisStatus::NoData => Some((Verdict::Blind, format!("no data: {reason}"))),
        AnalysisStatus::Suspect => Some((Verdict::Wait, reason)),
        AnalysisStatus::Undecided | AnalysisStatus::Healthy => {
            let Some(need) = report.needs.enough else {
                return Some((Verdict::Wait, "collecting: no requests of its users yet".to_owned()));
            };
            (need.requests > 0.0).then(|| {
                let (more, left) = (figure(need.requests), time(need.seconds));
                (Verdict::Wait, format!("collecting: {more} more requests of users with it, about {left}"))
            })
        }
    }
}

/// Returns how much longer it has to stay at its step.
fn waited(known: &FlagRolloutState, flag: &Flag, now: Timestamp) -> Option<(Verdict, String)> {
    let rollout = &known.settings;
    if rollout.wait.is_zero() {
        return None;
    }
    let Some(since) = known.since(flag) else {
        return Some((Verdict::Blind, format!("since when it is at {} is not known", flag.state)));
    };
    let left = rollout.wait.saturating_sub(now.duration_since(since));
    left.is_positive()
        .then(|| (Verdict::Wait, format!("collecting: it stays at {} for {} more", flag.state, duration(left))))
}

/// Returns why a flag that goes step by step cannot be given to more users so. `flag` is how its provider lists it, `there` the
/// source by which an environment has it.
#[must_use]
pub fn in_the_way(env: &Environment, there: &FlagSource, flag: &Flag, turn: Turn, now: Timestamp) -> Vec<Refusal> {
    let Some(progress) = progress(env, there, flag, now) else { return Vec::new() };
    if !there.heard.is_fresh(now) {
        let provider = &there.settings.provider;
        let text = format!("{}: what {provider} says is {}", flag.name, there.heard.age_in_words(now));
        return vec![Refusal::new(RefusalKind::Blind, text, format!("wait for {provider}"))];
    }
    let steps = progress.rollout.describe();
    let mut reasons = Vec::new();
    let is_skipped = match (turn, progress.next) {
        (Turn::Share(share), Some(next)) => share > next,
        // On is whoever its strategies let in: which share that is, is not known.
        (Turn::On, _) => true,
        (Turn::Share(_), None) | (Turn::Off, _) => false,
    };
    if is_skipped {
        let next = progress.next.unwrap_or(Share::ALL).percent();
        let text = format!("{} is {}, and goes {steps}", flag.name, flag.state);
        let remedy = format!("`cockpit flags set {} {} {next}` is next", env.name(), flag.name);
        reasons.push(Refusal::new(RefusalKind::Gate, text, remedy));
    }
    if progress.verdict != Verdict::Go {
        let (kind, remedy) = match progress.verdict {
            Verdict::NoGo => {
                (RefusalKind::Gate, format!("`cockpit flags off {} {}` takes it back", env.name(), flag.name))
            }
            Verdict::Wait => (RefusalKind::Collecting, String::new()),
            Verdict::Blind | Verdict::Go => (RefusalKind::Blind, "green when its users are compared".to_owned()),
        };
        let text = format!("{} at {}: {}", flag.name, flag.state, progress.reason);
        reasons.push(Refusal::new(kind, text, remedy));
    }
    reasons
}

/// Returns what the comparison of a flag's users gave last, while some have it and it is fresh.
#[must_use]
pub fn fresh_report<'a>(
    source: &FlagSource,
    known: &'a FlagRolloutState,
    now: Timestamp,
) -> Option<(&'a Report, FlagState)> {
    let state = source.flag(&known.settings.flag)?.state;
    let compared = known.compared().filter(|compared| !compared.is_stale(now))?;
    let report = compared.result.as_ref().ok()?;
    divides(state).then_some((&**report, state))
}

#[cfg(test)]
mod tests;
