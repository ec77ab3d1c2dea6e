//! What sources say: the world takes it in, and what changed for a release is recorded.

use super::model::{Level, Model};
use super::msg::Effect;
use super::update::say;
use crate::domain::checklist::{Found, Standing};
use crate::domain::feed::Feed;
use crate::domain::freshness::{Link, SourceKind};
use crate::domain::ids::Target;
use crate::domain::journal::Entry;
use crate::domain::verdict::Verdict;
use crate::domain::workload::Status;
use crate::domain::world::WorkloadState;

pub(super) fn feed(model: &mut Model, feed: Feed) -> Vec<Effect> {
    let mut effects = Vec::new();
    match &feed {
        Feed::Access { env, access } => effects.push(Effect::Learn(env.clone(), access.clone())),
        Feed::Link { env, source, link, .. } => link_news(model, env.as_str(), *source, link),
        _ => {}
    }
    let target = match &feed {
        Feed::Workload { target, .. } | Feed::Sample { target, .. } | Feed::History { target, .. } => {
            Some(target.clone())
        }
        _ => None,
    };
    let before = target.as_ref().and_then(|target| Seen::of(model, target));
    let now = model.now;
    model.world.take(feed, now);
    if let Some(target) = target {
        if let (Some(before), Some(after)) = (before, Seen::of(model, &target)) {
            effects.extend(observe(&target, &before, &after));
        }
    }
    super::confirm::refresh(model);
    effects.extend(check_news(model));
    effects.extend(super::autopilot::step(model));
    effects
}

/// Returns what is to be written down of answers that changed, while something is on its way in, and says what went red.
pub(super) fn check_news(model: &mut Model) -> Vec<Effect> {
    let mut effects = Vec::new();
    for (env, check, finding) in std::mem::take(&mut model.world.news) {
        let Some(known) = model.world.environment(&env) else { continue };
        let is_gate = known.checks.iter().any(|other| other.spec.id == check && other.spec.gate);
        let candidate = model.world.candidate(known).filter(|candidate| candidate.standing != Standing::Settled);
        // What does not come in yet is expected to be red.
        let comes_in = candidate.as_ref().is_some_and(|candidate| candidate.standing == Standing::UnderWay);
        if finding.found == Found::Failed && is_gate && comes_in {
            say(model, Level::Warn, format!("{env}: gate {check} is red: {}", finding.summary));
        }
        if let Some(candidate) = candidate {
            let entry = Entry::Checked { env, check, finding };
            effects.push(Effect::Record { release: candidate.release, entry });
        }
    }
    effects
}

/// Says when a link goes down or comes back; a link that was never up is shown by the header alone.
fn link_news(model: &mut Model, env: &str, source: SourceKind, link: &Link) {
    let was = model.world.environments.iter().find(|e| e.name().as_str() == env).and_then(|e| e.links.get(&source));
    let text = match (was.map(|heard| &heard.link), link) {
        (Some(Link::Up), Link::Down(why)) => {
            Some((Level::Warn, format!("{env}: {} does not answer: {why}", source.word())))
        }
        (Some(Link::Down(_)), Link::Up) => Some((Level::Good, format!("{env}: {} answers again", source.word()))),
        _ => None,
    };
    if let Some((level, text)) = text {
        say(model, level, text);
    }
}

/// What is compared to tell whether something worth a line happened.
struct Seen {
    status: Status,
    verdict: Verdict,
    reasons: Vec<String>,
}

impl Seen {
    fn of(model: &Model, target: &Target) -> Option<Self> {
        let (_, workload): (_, &WorkloadState) = model.world.find(target)?;
        Some(Self {
            status: workload.status.clone()?,
            verdict: workload.judgement.verdict,
            reasons: workload.judgement.reasons.clone(),
        })
    }

    fn version(&self) -> Option<String> {
        self.status.canary.as_ref().or(self.status.stable.as_ref()).map(crate::domain::workload::Revision::version)
    }
}

/// Returns the journal entries for what changed, while a release is under way or has just ended.
fn observe(target: &Target, before: &Seen, after: &Seen) -> Vec<Effect> {
    if before.status.canary.is_none() && after.status.canary.is_none() {
        return Vec::new();
    }
    // The release that this is about: the one under way, also in the moment when it has become stable.
    let Some(version) =
        after.status.canary.as_ref().or(before.status.canary.as_ref()).map(crate::domain::workload::Revision::version)
    else {
        return Vec::new();
    };
    let release = format!("{} {version}", target.workload.name);
    let mut texts = Vec::new();
    if before.status.canary.is_none() {
        texts.push(format!("{version} began"));
    }
    if (before.status.phase, &before.status.message) != (after.status.phase, &after.status.message) {
        let message =
            if after.status.message.is_empty() { String::new() } else { format!(": {}", after.status.message) };
        texts.push(format!("{}{message}", after.status.phase));
    }
    if before.status.step != after.status.step {
        if let Some(step) = after.status.step {
            texts.push(format!("step {} of {}", (step.index + 1).min(step.total), step.total));
        }
    }
    if before.status.canary.is_some() && after.status.canary.is_none() {
        let now = after.version().unwrap_or_default();
        texts.push(format!("ended: {now} is stable"));
    }
    if before.verdict != after.verdict {
        let reasons = if after.reasons.is_empty() { String::new() } else { format!(": {}", after.reasons.join("; ")) };
        texts.push(format!("verdict {}{reasons}", after.verdict.shout()));
    }
    let needs_person = |seen: &Seen| seen.status.pause.as_ref().is_some_and(|pause| pause.needs_person);
    let ring = !needs_person(before) && needs_person(after)
        || before.verdict != after.verdict && after.verdict == Verdict::NoGo;
    texts
        .into_iter()
        .map(|text| Effect::Record {
            release: release.clone(),
            entry: Entry::Observed { target: target.clone(), text },
        })
        .chain(ring.then_some(Effect::Ring))
        .collect()
}
