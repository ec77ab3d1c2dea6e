//! `cockpit status --watch`: changes since the last output, one line each.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::lane;
use super::output::json_line;
use super::status::API_VERSION;
use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::{EnvName, WorkloadId};
use crate::domain::facts::text::sanitize;
use crate::domain::facts::workload::{Revision, Status, Weight};
use crate::domain::world::flags::FlagSource;
use crate::domain::world::verdict::Assessment;
use crate::domain::world::{Environment, WorkloadState, World};

/// The JSON Schema of a line.
pub const SCHEMA: &str = include_str!("../../assets/status-change.schema.json");

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Where.
    pub environment: EnvName,
    /// Of which workload; `None` where it is about the environment.
    pub workload: Option<WorkloadId>,
    /// Of what: `phase`, `step`, `weight`, `verdict` …
    pub what: &'static str,
    /// What it was; null where it was not known.
    pub from: Value,
    /// What it is.
    pub to: Value,
    /// The change in words.
    pub text: String,
}

impl Change {
    /// Returns the change as a line to read.
    #[must_use]
    pub fn line(&self, at: Timestamp, zone: &TimeZone) -> String {
        let time = at.to_zoned(zone.clone()).strftime("%H:%M:%S");
        let workload = self.workload.as_ref().map_or_else(String::new, |id| format!(" {id}"));
        sanitize(&format!("{time} {}{workload}: {}", self.environment, self.text)).into_owned()
    }

    /// Returns the change as a line of JSON, as `assets/status-change.schema.json` describes it.
    #[must_use]
    pub fn json(&self, at: Timestamp) -> String {
        json_line(&json!({
            "apiVersion": API_VERSION,
            "at": at,
            "environment": self.environment,
            "workload": self.workload,
            "what": self.what,
            "from": self.from,
            "to": self.to,
            "text": self.text,
        }))
    }
}

/// Returns what changed, in the order of the environments. Figures that move all the time (signals, ages) count only
/// where they change a verdict.
#[must_use]
pub fn diff(old: &World, new: &World) -> Vec<Change> {
    let mut changes = Vec::new();
    for env in &new.environments {
        let before = old.environment(env.name());
        links(before, env, &mut changes);
        for workload in &env.workloads {
            let before = before.and_then(|before| before.workload(&workload.id));
            let mut of = Of { env: env.name(), id: &workload.id, changes: &mut changes };
            of.workload(before, workload);
        }
        events(before, env, &mut changes);
        flags(before, env, &mut changes);
    }
    changes
}

fn links(before: Option<&Environment>, env: &Environment, changes: &mut Vec<Change>) {
    for (source, heard) in &env.links {
        let was = before.and_then(|before| before.links.get(source)).map(|heard| &heard.link);
        let word = |link: &Link| match link {
            Link::Never => Value::Null,
            Link::Up => json!("up"),
            Link::Down(_) | Link::LoggingIn(_) => json!("down"),
            Link::NotAsked(_) => json!("not-asked"),
        };
        let from = was.map_or(Value::Null, word);
        // The reason for an outage may change with each attempt; the outage is the change.
        if from == word(&heard.link) {
            continue;
        }
        let text = match &heard.link {
            Link::LoggingIn(why) => format!("{}: {why}", source.as_str()),
            Link::Down(why) => format!("{} is down: {why}", source.as_str()),
            Link::NotAsked(why) => format!("{} is not asked: {why}", source.as_str()),
            Link::Up if from == json!("down") => format!("{} answers again", source.as_str()),
            Link::Up => format!("{} answers", source.as_str()),
            Link::Never => continue,
        };
        changes.push(Change {
            environment: env.name().clone(),
            workload: None,
            what: match source {
                SourceKind::Kubernetes => "kubernetes",
                SourceKind::Prometheus => "prometheus",
            },
            from,
            to: word(&heard.link),
            text,
        });
    }
}

fn events(before: Option<&Environment>, env: &Environment, changes: &mut Vec<Change>) {
    for (id, event) in &env.events {
        if before.is_some_and(|before| before.events.iter().any(|(_, seen)| seen == event)) {
            continue;
        }
        let warning = if event.warning { "warning " } else { "" };
        let times = if event.count > 1 { format!(" (× {})", event.count) } else { String::new() };
        changes.push(Change {
            environment: env.name().clone(),
            workload: Some(id.clone()),
            what: "event",
            from: Value::Null,
            to: json!({"reason": event.reason, "message": event.message, "warning": event.warning,
                "kind": event.kind, "name": event.name, "count": event.count}),
            text: format!("{warning}{} of {}/{}: {}{times}", event.reason, event.kind, event.name, event.message),
        });
    }
}

/// What was done to flags since a provider was heard first: what came before is no change.
fn flags(before: Option<&Environment>, env: &Environment, changes: &mut Vec<Change>) {
    let heard = |source: &&FlagSource| source.heard.at.is_some();
    for source in &env.flags {
        let provider = &source.settings.provider;
        let Some(known) = before.and_then(|before| before.flag_source(provider)).filter(heard) else { continue };
        for flag in source.flags.iter() {
            let seen = known.flag(&flag.name).map(|flag| flag.changes.as_slice()).unwrap_or_default();
            for change in flag.changes.iter().rev().filter(|change| !seen.contains(change)) {
                let at = change.at.to_string();
                changes.push(Change {
                    environment: env.name().clone(),
                    workload: None,
                    what: "flag",
                    from: Value::Null,
                    to: json!({"provider": provider, "flag": flag.name, "turned": change.what.as_str(), "by": change.by, "at": at}),
                    text: format!("flag {} {} by {}", flag.name, change.what.as_str(), change.by),
                });
            }
        }
    }
}

/// Collects the changes of one workload.
struct Of<'a> {
    env: &'a EnvName,
    id: &'a WorkloadId,
    changes: &'a mut Vec<Change>,
}

impl Of<'_> {
    fn push(&mut self, what: &'static str, from: Value, to: Value, text: String) {
        if from == to {
            return;
        }
        let (environment, workload) = (self.env.clone(), Some(self.id.clone()));
        self.changes.push(Change { environment, workload, what, from, to, text });
    }

    fn workload(&mut self, before: Option<&WorkloadState>, now: &WorkloadState) {
        let missing = before.is_some_and(|before| before.missing);
        if now.missing != missing {
            let text = if now.missing { "does not exist" } else { "exists again" };
            self.push("missing", json!(missing), json!(now.missing), text.to_owned());
        }
        if let Some(status) = &now.status {
            self.status(before.and_then(|before| before.status.as_ref()), status);
        }
        self.verdict(before.map(|before| &before.assessment), &now.assessment);
        let (was, is) = (before.and_then(|before| before.lane.as_ref()), now.lane.as_ref());
        self.push("lane", lane::state_json(was), lane::state_json(is), lane::changed(was, is));
    }

    fn status(&mut self, before: Option<&Status>, now: &Status) {
        for (what, was, is) in [
            ("stable", before.and_then(|before| before.stable.as_ref()), now.stable.as_ref()),
            ("canary", before.and_then(|before| before.canary.as_ref()), now.canary.as_ref()),
        ] {
            let text = match (was, is) {
                (None, Some(is)) if what == "canary" => format!("{} is rolling out", named(is)),
                (Some(_), None) if what == "canary" => "no rollout in progress any more".to_owned(),
                (_, Some(is)) => format!("{what} is {}", named(is)),
                (_, None) => format!("there is no {what} any more"),
            };
            let key = |revision: Option<&Revision>| revision.map_or(Value::Null, |revision| json!(revision.hash));
            self.push(what, key(was), key(is), text);
        }
        let phase = (now.phase, &now.message);
        if before.map(|before| (before.phase, &before.message)) != Some(phase) {
            let said = if now.message.is_empty() { String::new() } else { format!(": {}", now.message) };
            let from = before.map(|before| before.phase.as_str());
            let text = match from.filter(|from| *from != now.phase.as_str()) {
                Some(from) => format!("{from} → {}{said}", now.phase),
                None => format!("{}{said}", now.phase),
            };
            if from == Some(now.phase.as_str()) {
                self.push("message", json!(before.map(|before| &before.message)), json!(now.message), text);
            } else {
                self.push("phase", json!(from), json!(now.phase.as_str()), text);
            }
        }
        if let Some(step) = now.step {
            let text = if step.index >= step.total {
                format!("all {} steps done", step.total)
            } else {
                format!("step {} of {}", step.index + 1, step.total)
            };
            let from = before.and_then(|before| before.step).map(|step| step.index);
            self.push("step", json!(from), json!(step.index), text);
        }
        if let Some(weight) = now.weight {
            let share = |weight: Weight| u64::from(weight.actual) * 100 / u64::from(weight.max.max(1));
            let from = before.and_then(|before| before.weight).map(share);
            self.push("weight", json!(from), json!(share(weight)), format!("weight {} %", share(weight)));
        }
        let replicas = now.replicas;
        self.push(
            "replicas",
            json!(before.map(|before| before.replicas)),
            json!(replicas),
            format!("{}/{} ready, {} updated", replicas.ready, replicas.desired, replicas.updated),
        );
        if let Some(why) = &now.why {
            let from = before.and_then(|before| before.why.as_ref());
            self.push("why", json!(from), json!(why), why.clone());
        }
    }

    fn verdict(&mut self, before: Option<&Assessment>, now: &Assessment) {
        let from = before.map(|before| before.verdict);
        let because = now.describe().next().map_or_else(String::new, |reason| format!(": {reason}"));
        let was = from.map_or_else(String::new, |from| format!("{} → ", from.label()));
        self.push(
            "verdict",
            json!(from.map(crate::domain::world::verdict::Verdict::as_str)),
            json!(now.verdict.as_str()),
            format!("{was}{}{because}", now.verdict.label()),
        );
    }
}

fn named(revision: &Revision) -> String {
    if revision.number > 0 {
        format!("{} (revision {})", revision.version(), revision.number)
    } else {
        revision.version()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use crate::cli::fixtures::{canary, link, measure, now, release_in_progress, show, target, world};
    use crate::config::schema::check;
    use crate::domain::facts::event::KubeEvent;
    use crate::domain::facts::flag::{Flag, FlagChange, FlagEdit, FlagState, ProviderKind};
    use crate::domain::facts::freshness::Heard;
    use crate::domain::facts::workload::Object;
    use crate::domain::record::lane::tests::opening;
    use crate::domain::world::feed::Feed;
    use crate::domain::world::flags::FlagSettings;
    use crate::domain::world::lane::LaneState;
    use jiff::SignedDuration;

    fn lines(old: &World, new: &World) -> Vec<String> {
        diff(old, new).iter().map(|change| change.line(now(), &TimeZone::UTC)).collect()
    }

    fn flag(name: &str, changes: Vec<FlagChange>) -> Flag {
        Flag { changes, ..Flag::of_name(name, FlagState::On) }
    }

    fn event() -> KubeEvent {
        KubeEvent {
            uid: "e1".to_owned(),
            at: now(),
            warning: true,
            reason: "BackOff".to_owned(),
            message: "restarting\u{1b}[2J failed container".to_owned(),
            kind: "Pod".to_owned(),
            name: "api-5d6c-x".to_owned(),
            count: 3,
        }
    }

    #[test]
    fn first_output_lists_everything() {
        let before = world(&[("staging", &["deployment/worker"]), ("prod-eu", &["rollout/api"]), ("prod-us", &[])]);
        insta::assert_snapshot!(lines(&before, &release_in_progress()).join("\n"));
    }

    #[test]
    fn unchanged_state_prints_no_line() {
        let old = release_in_progress();
        let mut new = release_in_progress();
        link(&mut new, "prod-eu", SourceKind::Kubernetes, Link::Up, SignedDuration::ZERO);
        measure(&mut new, &target("prod-eu", "rollout/api"), 0.0041);
        assert_eq!(diff(&old, &new), []);
    }

    #[test]
    fn a_promotion_an_outage_and_an_event_are_lines() {
        let old = release_in_progress();
        let mut new = release_in_progress();
        let mut snapshot = canary();
        if let Object::Rollout(rollout) = &mut snapshot.object {
            rollout.status.step_index = Some(2);
            rollout.status.phase = "Progressing".to_owned();
            rollout.status.message = "more replicas need to be updated".to_owned();
            rollout.status.pause_conditions.clear();
            rollout.status.controller_pause = false;
        }
        show(&mut new, "prod-eu", snapshot);
        link(&mut new, "staging", SourceKind::Kubernetes, Link::Down("timeout".to_owned()), SignedDuration::ZERO);
        new.take(Feed::Event { target: target("prod-eu", "rollout/api"), event: event() }, now());
        let changes = diff(&old, &new);
        assert_eq!(
            lines(&old, &new),
            [
                "14:30:00 staging: kubernetes is down: timeout",
                "14:30:00 prod-eu rollout/api: Paused → Progressing: more replicas need to be updated",
                "14:30:00 prod-eu rollout/api: step 3 of 3",
                "14:30:00 prod-eu rollout/api: warning BackOff of Pod/api-5d6c-x: restarting\\e[2J failed container (× 3)",
            ]
        );
        let json: Value = serde_json::from_str(&changes[1].json(now())).unwrap();
        assert_eq!(
            json,
            json!({"apiVersion": "cockpit/v1", "at": "2026-06-01T14:30:00Z", "environment": "prod-eu",
                "workload": "rollout/api", "what": "phase", "from": "Paused", "to": "Progressing",
                "text": "Paused → Progressing: more replicas need to be updated"})
        );
    }

    #[test]
    fn every_kind_of_line_is_as_the_schema_says() {
        let schema: Value = serde_json::from_str(SCHEMA).unwrap();
        let (before, mut old) =
            (world(&[("staging", &["deployment/worker"]), ("prod-eu", &["rollout/api"])]), release_in_progress());
        let mut new = release_in_progress();
        let mut snapshot = canary();
        if let Object::Rollout(rollout) = &mut snapshot.object {
            rollout.status.step_index = Some(2);
            rollout.status.message = "more replicas need to be updated".to_owned();
        }
        show(&mut new, "prod-eu", snapshot);
        new.take(Feed::Event { target: target("prod-eu", "rollout/api"), event: event() }, now());
        new.take(Feed::Workload { target: target("staging", "deployment/worker"), snapshot: None }, now());
        link(
            &mut new,
            "prod-us",
            SourceKind::Prometheus,
            Link::NotAsked("not trusted".to_owned()),
            SignedDuration::ZERO,
        );
        link(&mut new, "prod-eu", SourceKind::Kubernetes, Link::Down("timeout".to_owned()), SignedDuration::ZERO);
        measure(&mut new, &target("prod-eu", "rollout/api"), 0.001);
        // Why a rollout does not move.
        for workload in new.environments.iter_mut().flat_map(|env| &mut env.workloads) {
            if let Some(status) = &mut workload.status {
                status.why = Some("no pod is ready".to_owned());
            }
        }
        let provider = |changes: Vec<FlagChange>| FlagSource {
            heard: Heard { link: Link::Up, at: Some(now()) },
            flags: Arc::new(vec![flag("checkout", changes)]),
            ..FlagSource::new(FlagSettings {
                provider: "unleash".to_owned(),
                place: "https://unleash.example".to_owned(),
                of_release: Vec::new(),
                kind: ProviderKind::Unleash,
                shared_with: Vec::new(),
                rollouts: Vec::new(),
            })
        };
        let turned = FlagChange { by: "ada".to_owned(), at: now(), what: FlagEdit::On };
        old.environments[1].flags = vec![provider(Vec::new())];
        new.environments[1].flags = vec![provider(vec![turned])];
        let lane = Box::new(opening(1000, 2000));
        new.environments[1].workloads[0].lane = Some(LaneState::NotUsed { lane, why: "nobody allows it".to_owned() });
        let changes: Vec<Change> = [diff(&before, &old), diff(&old, &new), diff(&new, &old)].concat();
        let said = "the lane hotfix for 1.5.1 is not used here: nobody allows it";
        assert!(changes.iter().any(|change| change.text == said));
        assert!(changes.iter().any(|change| change.text == "flag checkout on by ada"));
        for change in &changes {
            let line: Value = serde_json::from_str(&change.json(now())).unwrap();
            assert_eq!(check::errors(&schema, &line), [""; 0]);
            for (key, wrong) in
                [("what", json!("wheight")), ("to", json!([])), ("workload", json!(1)), ("text", json!(null))]
            {
                let mut line = line.clone();
                line[key] = wrong;
                assert!(!check::errors(&schema, &line).is_empty(), "{line}");
            }
        }
        let what = schema["anyOf"].as_array().unwrap().iter().map(|kind| &kind["properties"]["what"]);
        let known: BTreeSet<&str> = what
            .flat_map(|what| what["enum"].as_array().cloned().unwrap_or_else(|| vec![what["const"].clone()]))
            .map(|word| {
                changes
                    .iter()
                    .find(|change| word == change.what)
                    .map_or_else(|| panic!("no {word}"), |change| change.what)
            })
            .collect();
        assert_eq!(changes.iter().map(|change| change.what).collect::<BTreeSet<_>>(), known);
    }

    #[test]
    fn disappearing_and_failing_are_lines() {
        let old = release_in_progress();
        let mut new = release_in_progress();
        let gone = target("staging", "deployment/worker");
        new.take(Feed::Workload { target: gone, snapshot: None }, now());
        measure(&mut new, &target("prod-eu", "rollout/api"), 0.001);
        assert_eq!(
            lines(&old, &new),
            ["14:30:00 staging deployment/worker: does not exist", "14:30:00 prod-eu rollout/api: NO-GO → GO"]
        );
    }
}
