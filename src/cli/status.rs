//! `cockpit status`: the status of every environment, as JSON (a contract) and as text.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::gate::{checks_json, sign_offs_json};
use super::{lane, owner, worse};
use crate::domain::facts::direction::Direction;
use crate::domain::facts::freshness::Link;
use crate::domain::facts::ids::Track;
use crate::domain::facts::object::short_digest;
use crate::domain::facts::replicaset::ReplicaSet;
use crate::domain::facts::signals::Signal;
use crate::domain::facts::text::{duration, sanitize};
use crate::domain::facts::workload::serving::{Serving, Share};
use crate::domain::facts::workload::{Revision, Status};
use crate::domain::record::rejection::Rejection;
use crate::domain::rules::action::{RollbackEstimate, rollback_estimate};
use crate::domain::rules::checklist::verdict;
use crate::domain::rules::code_or_flag;
use crate::domain::rules::release_state::{ReleaseState, release_state};
use crate::domain::world::{Environment, WorkloadState, World};
use analysis::Report;

/// Version of the contract.
pub const API_VERSION: &str = "cockpit/v1";

/// The JSON Schema of the contract.
pub const SCHEMA: &str = include_str!("../../assets/status.schema.json");

/// Returns the status as JSON, as `assets/status.schema.json` describes it. What is unknown is null, never zero.
#[must_use]
pub fn json(world: &World, service: Option<&str>, now: Timestamp) -> Value {
    let release = world.release().map(|release| {
        let service = service.map_or(release.service, ToOwned::to_owned);
        json!({"service": service, "version": release.to, "digest": release.digest})
    });
    json!({
        "apiVersion": API_VERSION,
        "release": release,
        "environments": world.chosen().map(|env| environment(world, env, now)).collect::<Vec<_>>(),
    })
}

fn environment(world: &World, env: &Environment, now: Timestamp) -> Value {
    let assessment = verdict(world, env, now);
    json!({
        "name": env.name(),
        "context": env.settings.context,
        "namespace": env.settings.namespace,
        "verdict": assessment.verdict.as_str(),
        "reasons": assessment.describe().collect::<Vec<_>>(),
        "age_seconds": env.kubernetes().age(now).map(tenths),
        "workloads": env.workloads.iter().map(|workload| workload_json(world, env, workload, now)).collect::<Vec<_>>(),
        "checks": checks_json(world, env, now),
        "sign_offs": sign_offs_json(world, env),
        "lane": lane::of_environment(world, env, now),
    })
}

/// Seconds with one decimal: more would only be noise.
pub(super) fn tenths(time: SignedDuration) -> f64 {
    (time.as_secs_f64() * 10.0).round() / 10.0
}

fn workload_json(world: &World, env: &Environment, workload: &WorkloadState, now: Timestamp) -> Value {
    let status = workload.status.as_ref();
    let state = release_state(world, env, &workload.id);
    json!({
        "kind": workload.id.kind.kind(),
        "name": workload.id.name,
        "verdict": workload.assessment.verdict.as_str(),
        "state": state.as_ref().map(ReleaseState::as_str),
        "direction": workload.direction().map(Direction::as_str),
        "serving": status.map(|status| serving_json(&status.serving)),
        "rollback": rollback_estimate(world, env, workload, now).as_ref().map(rollback_json),
        "rejected": workload.rejected.hashes().map(|hash| rejected_json(workload, hash)).collect::<Vec<_>>(),
        "owner": workload.snapshot.as_ref().and_then(|snapshot| snapshot.owned.as_ref()).map(owner::json),
        "phase": status.map(|status| status.phase.as_str()),
        "message": status.map(|status| status.message.as_str()),
        "why": status.and_then(|status| status.why.as_deref()),
        "strategy": status.map(|status| status.strategy.as_str()),
        "step": status.and_then(|status| status.step).map(|step| json!({"index": step.index, "total": step.total})),
        "weight": status.and_then(|status| status.weight).map(|weight| {
            json!({"set": weight.set, "actual": weight.actual, "max": weight.max})
        }),
        "replicas": status.map(|status| status.replicas),
        "stable": status.and_then(|status| status.stable.as_ref()).map(revision),
        "canary": status.and_then(|status| status.canary.as_ref()).map(revision),
        "signals": {
            "error_ratio": tracks(workload, Signal::ErrorRatio, now),
            "latency_seconds": {
                "p50": tracks(workload, Signal::P50, now),
                "p95": tracks(workload, Signal::P95, now),
                "p99": tracks(workload, Signal::P99, now),
            },
            "rps": tracks(workload, Signal::Rps, now),
            "saturation": tracks(workload, Signal::Saturation, now),
        },
        "judged": workload.opinion().map(|judged| judged_json(&judged.report)),
        "worse": code_or_flag::advice(env, workload, now).as_ref().map(|advice| worse::json(advice, env)),
    })
}

fn serving_json(serving: &Serving) -> Value {
    let share = |share: &Share| json!({"version": share.version, "hash": share.hash, "share": share.share, "ready": share.ready});
    json!({
        "measure": serving.measure.describe(),
        "shares": serving.shares.iter().map(share).collect::<Vec<_>>(),
        "doubt": serving.doubt,
    })
}

fn rollback_json(estimate: &RollbackEstimate) -> Value {
    match estimate {
        RollbackEstimate::Nowhere(why) => json!({"to": null, "why_not": why}),
        RollbackEstimate::To(to) => json!({
            "to": to.version,
            "pods_to_start": to.missing_pods,
            "seconds": to.takes.map(|takes| takes.as_secs()),
            "until": to.until,
            "then": {"pods_to_start": to.later.0, "seconds": to.later.1.map(|takes| takes.as_secs())},
            "outage": to.is_outage,
            "breaking_migrations": to.breaking_migrations,
        }),
    }
}

fn rejected_json(workload: &WorkloadState, hash: &str) -> Value {
    let rejection = workload.rejected.rejection(hash);
    let known = workload.snapshot.as_ref().and_then(|snapshot| snapshot.replicaset(hash));
    json!({
        "hash": hash,
        "version": known.map(ReplicaSet::version).or_else(|| rejection.map(Rejection::version)),
        "by": rejection.map(|rejection| rejection.by.as_str()),
        "at": rejection.map(|rejection| rejection.at.to_string()),
    })
}

/// What the judge says: see `cockpit judge`, which says the same of numbers from elsewhere.
fn judged_json(report: &Report) -> Value {
    json!({
        "opinion": report.opinion.as_str(),
        "culprit": report.culprit,
        "e": report.e,
        "ratio": report.ratio,
        "needs": {
            "x2_seconds": report.needs.x2.map(|need| need.seconds),
            "x5_seconds": report.needs.x5.map(|need| need.seconds),
        },
        "proof_since": report.proof_since,
        "canary": report.seen.canary,
        "stable": report.seen.stable,
        "reasons": report.reasons,
    })
}

fn revision(revision: &Revision) -> Value {
    json!({
        // Objects without the annotation have revision 0, which stands for none.
        "revision": Some(revision.number).filter(|number| *number > 0),
        "hash": revision.hash,
        "images": revision.images,
        "digest": revision.digest,
    })
}

fn tracks(workload: &WorkloadState, signal: Signal, now: Timestamp) -> Value {
    let value = |track| workload.signals.reading(track, signal, now).ok();
    json!({"stable": value(Track::Stable), "canary": value(Track::Canary)})
}

/// Returns the status as text: one block per environment.
#[must_use]
pub fn text(world: &World, service: Option<&str>, now: Timestamp) -> String {
    let mut lines = Vec::new();
    if let Some(release) = world.release() {
        let from = release.from.map_or_else(String::new, |from| format!("{from} → "));
        let digest = release.digest.map_or_else(String::new, |digest| format!("  {}", short_digest(&digest)));
        lines.push(format!("{}  {from}{}{digest}", service.unwrap_or(&release.service), release.to));
    }
    if world.environments.is_empty() {
        lines.push("no environment is watched".to_owned());
    }
    for env in world.chosen() {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        environment_text(world, env, now, &mut lines);
    }
    lines.iter().fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "{}", sanitize(line.trim_end()));
        out
    })
}

fn environment_text(world: &World, env: &Environment, now: Timestamp, lines: &mut Vec<String>) {
    let settings = &env.settings;
    let assessment = verdict(world, env, now);
    let mut head = format!("{}  {}", env.name(), assessment.verdict.label());
    for (is, word) in [(settings.protected, "protected"), (settings.read_only, "read-only")] {
        if is {
            let _ = write!(head, "  {word}");
        }
    }
    lines.push(head);
    lines.extend(assessment.describe().map(|reason| format!("  because {reason}")));
    let seen =
        env.kubernetes().age(now).map_or_else(|| "never seen".to_owned(), |age| format!("seen {} ago", duration(age)));
    lines.push(format!("  context {}, namespace {}, {seen}", settings.context, settings.namespace));
    for (source, heard) in &env.links {
        match &heard.link {
            Link::Down(why) => lines.push(format!("  {} is down: {why}", source.as_str())),
            Link::NotAsked(why) => lines.push(format!("  {} is not asked: {why}", source.as_str())),
            Link::LoggingIn(why) => lines.push(format!("  {why}")),
            Link::Never | Link::Up => {}
        }
    }
    for workload in &env.workloads {
        workload_text(world, env, workload, now, lines);
    }
}

fn workload_text(world: &World, env: &Environment, workload: &WorkloadState, now: Timestamp, lines: &mut Vec<String>) {
    let Some(status) = &workload.status else {
        let why = if workload.missing { "does not exist" } else { "not seen yet" };
        lines.push(format!("  {}  {why}", workload.id));
        return;
    };
    let message = if status.message.is_empty() { String::new() } else { format!("  {}", status.message) };
    lines.push(format!("  {}  {}{message}", workload.id, status.phase));
    if let Some(why) = &status.why {
        lines.push(format!("    why       {why}"));
    }
    if let Some(advice) = code_or_flag::advice(env, workload, now) {
        lines.push(format!("    worse     {}", advice.sentence(env.name().as_str())));
    }
    if let Some(state) = release_state(world, env, &workload.id) {
        lines.push(format!("    state     {}", state.label()));
    }
    let lanes = lane::of_workload(world, env, (&workload.id, now));
    lines.extend(lanes.iter().map(|line| format!("    lane      {line}")));
    let doubt = status.serving.doubt.as_ref().map_or_else(String::new, |doubt| format!(" ({doubt})"));
    lines.push(format!("    serving   {}{doubt}", status.serving.describe()));
    if let Some(estimate) = rollback_estimate(world, env, workload, now) {
        let estimate = estimate.describe(now);
        lines.push(format!("    rollback  {}", estimate.strip_prefix("back ").unwrap_or(&estimate)));
    }
    if let Some(owned) = workload.snapshot.as_ref().and_then(|snapshot| snapshot.owned.as_ref()) {
        lines.push(format!("    owner     {}", owned.line(now)));
    }
    lines.push(format!("    progress  {}", progress(status)));
    for (word, revision) in [("stable", &status.stable), ("canary", &status.canary)] {
        if let Some(revision) = revision {
            lines.push(format!("    {word}    {}", revision_text(revision)));
        }
    }
    if env.settings.has_metrics {
        signals(workload, status.canary.is_some(), now, lines);
    }
}

/// Step, weight and replicas, as far as there are any.
fn progress(status: &Status) -> String {
    let replicas = status.replicas;
    let mut parts = vec![status.strategy.as_str().to_owned()];
    if let Some(step) = status.step {
        parts.push(if step.index >= step.total {
            format!("all {} steps done", step.total)
        } else {
            format!("step {} of {}", step.index + 1, step.total)
        });
    }
    if let Some(weight) = status.weight {
        let share = |part: u32| u64::from(part) * 100 / u64::from(weight.max.max(1));
        parts.push(if weight.set == weight.actual {
            format!("weight {} %", share(weight.actual))
        } else {
            format!("weight {} %, set {} %", share(weight.actual), share(weight.set))
        });
    }
    parts.push(format!("{}/{} ready", replicas.ready, replicas.desired));
    parts.push(format!("{} updated", replicas.updated));
    parts.push(format!("{} available", replicas.available));
    parts.join(", ")
}

fn revision_text(revision: &Revision) -> String {
    let number = if revision.number > 0 { format!("  revision {}", revision.number) } else { String::new() };
    let digest = revision.digest.as_deref().map_or_else(String::new, |digest| format!("  {}", short_digest(digest)));
    format!("{}{number}  {}{digest}", revision.version(), revision.hash)
}

/// A line per signal, stable beside canary; a signal that no one has numbers for says why.
fn signals(workload: &WorkloadState, under_way: bool, now: Timestamp, lines: &mut Vec<String>) {
    let tracks: &[Track] = if under_way { &[Track::Stable, Track::Canary] } else { &[Track::Stable] };
    for signal in Signal::ALL {
        let cells: Vec<String> = tracks
            .iter()
            .map(|track| {
                let value = workload.signals.reading(*track, signal, now);
                let shown =
                    value.map_or_else(|why| format!("no data ({})", why.describe()), |value| signal.show(value));
                if under_way { format!("{} {shown}", track.as_str()) } else { shown }
            })
            .collect();
        lines.push(format!("    {:<8}  {}", signal.label(), cells.join(", ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fixtures::{now, release_in_progress, world};
    use crate::cli::output::json_pretty;
    use crate::config::schema::check;
    use std::collections::BTreeSet;

    fn schema() -> Value {
        serde_json::from_str(SCHEMA).unwrap()
    }

    #[test]
    fn json_is_the_contract() {
        for world in [release_in_progress(), world(&[]), world(&[("prod", &["rollout/api", "deploy/worker"])])] {
            let status = json(&world, None, now());
            assert_eq!(check::errors(&schema(), &status), [""; 0]);
        }
        insta::assert_snapshot!(json_pretty(&json(&release_in_progress(), Some("payments"), now())));
    }

    #[test]
    fn schema_accepts_right_and_rejects_wrong() {
        let mut wrong = json(&release_in_progress(), None, now());
        wrong["environments"][0]["verdict"] = json!("fine");
        wrong["environments"][1]["workloads"][0]["step"] = json!({"index": -1, "total": 3});
        wrong["environments"][2]["age"] = json!(3);
        assert_eq!(check::errors(&schema(), &wrong).len(), 3);
    }

    #[test]
    fn what_is_unknown_is_null() {
        let status = json(&world(&[("prod", &["rollout/api"])]), None, now());
        let env = &status["environments"][0];
        assert_eq!(env["age_seconds"], Value::Null);
        assert_eq!(env["verdict"], "blind");
        let workload = &env["workloads"][0];
        for key in ["phase", "step", "weight", "replicas", "stable", "canary"] {
            assert_eq!(workload[key], Value::Null, "{key}");
        }
        assert_eq!(workload["signals"]["rps"], json!({"stable": null, "canary": null}));
    }

    #[test]
    fn the_keys_of_the_design_are_all_there() {
        fn keys(value: &Value, found: &mut BTreeSet<String>) {
            for (key, inner) in value.as_object().into_iter().flatten() {
                found.insert(key.clone());
                keys(inner, found);
            }
            for inner in value.as_array().into_iter().flatten() {
                keys(inner, found);
            }
        }
        let mut found = BTreeSet::new();
        keys(&json(&release_in_progress(), None, now()), &mut found);
        let wanted = "apiVersion release service version digest environments name context namespace verdict reasons \
                      age_seconds workloads kind phase message strategy step index total weight set actual replicas \
                      desired current updated ready available stable revision hash images canary signals error_ratio \
                      latency_seconds p50 p95 p99 rps checks sign_offs";
        for key in wanted.split(' ').filter(|key| !key.is_empty()) {
            assert!(found.contains(key), "{key}");
        }
    }

    #[test]
    fn text_shows_the_status() {
        let text = text(&release_in_progress(), None, now());
        assert!(!text.contains('\u{1b}'));
        insta::assert_snapshot!(text);
    }
}
