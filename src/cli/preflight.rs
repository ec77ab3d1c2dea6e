//! `cockpit preflight`: checks what a release needs before it starts.

use serde_json::{Value, json};

use super::status::API_VERSION;
use crate::domain::facts::access::Permission;
use crate::domain::facts::freshness::{Link, SourceKind};
use crate::domain::facts::ids::Track;
use crate::domain::facts::signals::{NoData, Signal};
use crate::domain::facts::text::sanitize;
use crate::domain::record::action::Verb;
use crate::domain::record::checklist::CheckOutcome;
use crate::domain::rules::action::writes;
use crate::domain::world::{Environment, WorkloadState, World};
use jiff::Timestamp;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The environment, where it is about one.
    pub env: Option<String>,
    /// What was looked at.
    pub what: String,
    /// What was found.
    pub found: CheckOutcome,
    /// In words.
    pub text: String,
}

impl Item {
    fn new(env: Option<&Environment>, what: impl Into<String>, found: CheckOutcome, text: impl Into<String>) -> Self {
        Self { env: env.map(|env| env.name().to_string()), what: what.into(), found, text: text.into() }
    }
}

/// How far the config and the journal are fit; what the runtime found out.
#[derive(Clone, Debug, Default)]
pub struct Local {
    /// The config file, if there is one.
    pub config: Option<String>,
    /// Folder of the journals.
    pub journals: String,
    /// Why the journal cannot be written, if so.
    pub journal_broken: Option<String>,
}

/// Looks at everything.
#[must_use]
pub fn items(world: &World, local: &Local, now: Timestamp) -> Vec<Item> {
    let config = local.config.as_deref().unwrap_or("none: everything is discovered, nothing is gated by a checklist");
    let mut items = vec![Item::new(None, "config", CheckOutcome::Passed, config)];
    items.push(match &local.journal_broken {
        None => Item::new(None, "journal", CheckOutcome::Passed, format!("{} can be written", local.journals)),
        Some(why) => Item::new(
            None,
            "journal",
            CheckOutcome::Failed,
            format!("cannot be written, promotions are refused: {why}"),
        ),
    });
    for env in &world.environments {
        environment(env, now, &mut items);
    }
    items
}

fn environment(env: &Environment, now: Timestamp, items: &mut Vec<Item>) {
    let settings = &env.settings;
    let place = format!("context {}, namespace {}", settings.context, settings.namespace);
    let heard = env.kubernetes();
    match &heard.link {
        Link::Up if heard.at.is_some() => {
            let user = env.access.user.as_ref().map_or_else(String::new, |user| format!(", as {user}"));
            items.push(Item::new(Some(env), "kubernetes", CheckOutcome::Passed, format!("answers: {place}{user}")));
        }
        Link::Down(why) | Link::LoggingIn(why) => {
            items.push(Item::new(Some(env), "kubernetes", CheckOutcome::Failed, format!("{place}: {why}")));
        }
        _ => items.push(Item::new(Some(env), "kubernetes", CheckOutcome::Failed, format!("{place}: no answer"))),
    }
    rights(env, items);
    for workload in &env.workloads {
        let (found, text) = match &workload.status {
            Some(status) => (CheckOutcome::Passed, format!("{} {}", status.phase, status.message)),
            None if workload.missing => (CheckOutcome::Failed, "does not exist".to_owned()),
            None => (CheckOutcome::Blind, "not seen yet".to_owned()),
        };
        items.push(Item::new(Some(env), workload.id.to_string(), found, text.trim().to_owned()));
        metrics(env, workload, now, items);
    }
}

/// RBAC, verb by verb.
fn rights(env: &Environment, items: &mut Vec<Item>) {
    if env.settings.read_only {
        items.push(Item::new(Some(env), "rights", CheckOutcome::Passed, "read-only: nothing can be changed here"));
        return;
    }
    for workload in &env.workloads {
        let template = workload.snapshot.as_ref().and_then(|seen| seen.object.workload().template_owner());
        let of = if env.workloads.len() > 1 { format!(" {}", workload.id) } else { String::new() };
        for verb in Verb::ALL {
            let (found, text) = match env.access.of(&writes(&workload.id, template, verb)) {
                Permission::Allowed => (CheckOutcome::Passed, "allowed".to_owned()),
                Permission::Denied(what) => (CheckOutcome::Failed, format!("denied: {what}")),
                Permission::Unknown(why) => (CheckOutcome::Blind, format!("unknown: {why}")),
            };
            items.push(Item::new(Some(env), format!("may {}{of}", verb.label()), found, text));
        }
    }
}

/// Whether metrics really return data, for each track that serves.
fn metrics(env: &Environment, workload: &WorkloadState, now: Timestamp, items: &mut Vec<Item>) {
    if !env.settings.has_metrics {
        items.push(Item::new(
            Some(env),
            "metrics",
            CheckOutcome::Blind,
            "no Prometheus is configured: no limit gates anything",
        ));
        return;
    }
    if let Some(Link::Down(why) | Link::NotAsked(why)) = env.links.get(&SourceKind::Prometheus).map(|heard| &heard.link)
    {
        items.push(Item::new(Some(env), "metrics", CheckOutcome::Failed, why.clone()));
        return;
    }
    let serves = workload.status.as_ref().is_some_and(|status| status.canary_serves);
    let tracks = [Some(Track::Stable), Some(Track::Canary).filter(|_| serves)];
    for track in tracks.into_iter().flatten() {
        for signal in [Signal::Rps, Signal::ErrorRatio, Signal::P99] {
            let word = if track == Track::Canary { "canary" } else { "stable" };
            let what = format!("{} of {word}", signal.label());
            let (found, text) = match workload.signals.reading(track, signal, now) {
                Ok(value) => (CheckOutcome::Passed, signal.show(value)),
                Err(why) => (CheckOutcome::Blind, no_data(&why)),
            };
            items.push(Item::new(Some(env), what, found, text));
        }
    }
}

fn no_data(why: &NoData) -> String {
    format!("no data: {}", why.describe())
}

/// Returns what was found as text.
#[must_use]
pub fn text(items: &[Item]) -> String {
    let mut text = String::new();
    let mut env = &None;
    for item in items {
        if item.env != *env {
            env = &item.env;
            text += &sanitize(env.as_deref().unwrap_or_default());
            text += "\n";
        }
        let word = match item.found {
            CheckOutcome::Passed => "ok",
            CheckOutcome::Failed => "FAILED",
            CheckOutcome::Blind => "blind",
        };
        let indent = if item.env.is_some() { "  " } else { "" };
        text += &sanitize(&format!("{indent}{word:<7} {:<22} {}", item.what, item.text));
        text += "\n";
    }
    text
}

/// Returns what was found as JSON.
#[must_use]
pub fn json(items: &[Item]) -> Value {
    let items: Vec<Value> = items
        .iter()
        .map(|item| json!({"environment": item.env, "what": item.what, "found": item.found, "text": item.text}))
        .collect();
    json!({"apiVersion": API_VERSION, "items": items})
}
