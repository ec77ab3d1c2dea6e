//! Answers, in the shapes of Unleash.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::PROJECT;
use super::state::{Event, Flag, Place, State};

fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// A flag as a list has it.
fn listed(name: &str, flag: &Flag) -> Value {
    let environments: Vec<Value> =
        flag.environments.iter().enumerate().map(|(order, (env, place))| in_list(env, place, order)).collect();
    let mut listed = json!({
        "type": flag.kind, "description": null, "favorite": false, "name": name, "createdAt": time(flag.created),
        "stale": false, "impressionData": false, "lastSeenAt": null, "environments": environments,
    });
    if !flag.tags.is_empty() {
        listed["tags"] = flag.tags.iter().map(|value| json!({"value": value, "type": "simple"})).collect();
    }
    listed
}

fn in_list(env: &str, place: &Place, order: usize) -> Value {
    let has = !place.strategies.is_empty();
    json!({
        "name": env, "enabled": place.enabled, "type": kind(env), "sortOrder": order, "variantCount": 0,
        "lastSeenAt": null, "hasStrategies": has, "hasEnabledStrategies": has,
    })
}

fn kind(env: &str) -> &'static str {
    if env.starts_with("prod") { "production" } else { "development" }
}

fn author(flag: &Flag) -> Value {
    json!({"id": 1, "name": flag.by, "imageUrl": null})
}

fn active(state: &State) -> impl Iterator<Item = (&String, &Flag)> {
    state.flags.iter().filter(|(_, flag)| !flag.archived)
}

/// The list of a project.
pub fn features(state: &State, project: &str) -> Value {
    let features: Vec<Value> = match project {
        PROJECT => active(state).map(|(name, flag)| listed(name, flag)).collect(),
        _ => Vec::new(),
    };
    json!({"version": 2, "features": features})
}

/// One page of the search.
pub fn search(state: &State, project: Option<&str>, offset: usize, limit: usize) -> Value {
    let found: Vec<(&String, &Flag)> = match project {
        None | Some(PROJECT) => active(state).collect(),
        Some(_) => Vec::new(),
    };
    let page = found.iter().skip(offset).take(limit).map(|(name, flag)| {
        let mut feature = listed(name, flag);
        feature["project"] = json!(PROJECT);
        feature["archivedAt"] = Value::Null;
        feature["createdBy"] = author(flag);
        feature
    });
    json!({"features": page.collect::<Vec<_>>(), "total": found.len()})
}

/// One feature, with its strategies.
pub fn feature(name: &str, flag: &Flag) -> Value {
    let environments = flag.environments.iter().enumerate().map(|(order, (env, place))| {
        json!({
            "name": env, "lastSeenAt": null, "enabled": place.enabled, "yes": 0, "no": 0, "type": kind(env),
            "sortOrder": order, "strategies": place.strategies,
        })
    });
    let environments = environments.collect::<Vec<_>>();
    json!({
        "environments": environments, "name": name, "impressionData": false, "description": null, "project": PROJECT,
        "stale": false, "createdAt": time(flag.created), "createdBy": author(flag), "type": flag.kind, "lastSeenAt": null,
        "variants": [], "archived": flag.archived, "dependencies": [], "children": [],
    })
}

/// A flag that was just made.
pub fn created(name: &str, flag: &Flag) -> Value {
    json!({
        "name": name, "description": null, "type": flag.kind, "project": PROJECT, "stale": false,
        "createdAt": time(flag.created), "lastSeenAt": null, "impressionData": false, "archived": false,
    })
}

/// The flags of a project in one environment, with their strategies.
pub fn export(state: &State, project: Option<&str>, environment: &str) -> Value {
    let is_asked = project.is_none_or(|project| project == PROJECT);
    let (mut features, mut strategies, mut environments) = (Vec::new(), Vec::new(), Vec::new());
    for (name, flag) in active(state).filter(|_| is_asked) {
        features.push(json!({
            "name": name, "description": null, "type": flag.kind, "project": PROJECT, "stale": false,
            "impressionData": false, "archived": false,
        }));
        let Some((env, place)) = flag.environments.iter().find(|(other, _)| other == environment) else { continue };
        environments.push(json!({
            "enabled": place.enabled, "featureName": name, "environment": env, "variants": [], "name": name,
        }));
        for strategy in &place.strategies {
            let mut strategy = strategy.clone();
            strategy["featureName"] = json!(name);
            if let Some(strategy) = strategy.as_object_mut() {
                strategy.remove("sortOrder");
            }
            strategies.push(strategy);
        }
    }
    json!({
        "features": features, "featureStrategies": strategies, "featureEnvironments": environments, "contextFields": [],
        "featureTags": [], "segments": [], "tagTypes": [], "dependencies": [], "links": [],
    })
}

/// The newest events, of one flag or one project where that is asked.
pub fn events(state: &State, (project, feature): (Option<&str>, Option<&str>), limit: usize) -> Value {
    let is_asked =
        |event: &&Event| feature.is_none_or(|name| event.flag == name) && project.is_none_or(|name| name == PROJECT);
    let mut found: Vec<&Event> = state.events.iter().filter(is_asked).collect();
    found.sort_by_key(|event| std::cmp::Reverse((event.at, event.id)));
    let shown: Vec<Value> = found.iter().take(limit).map(|event| entry(event)).collect();
    json!({"events": shown, "total": found.len()})
}

fn entry(event: &Event) -> Value {
    json!({
        "id": event.id, "type": event.kind.as_str(), "createdBy": event.by, "createdAt": time(event.at),
        "createdByUserId": 1, "data": event.data, "preData": null, "tags": [], "featureName": event.flag,
        "project": PROJECT, "environment": event.environment,
    })
}
