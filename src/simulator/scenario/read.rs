//! From the file to the scenario: everything that can be wrong with one is found here.

use std::collections::HashMap;
use std::time::Duration;

use super::behaviour::{Behaviour, Change, ContainerOutcome, Onset, Service};
use super::{Environment, EventKind, Past, Scenario, ScenarioEvent, Update, file, flags, generate};
use crate::faults::{Fault, Rule};
use crate::prometheus::Outage;

/// How long a crashing container lives when the file does not say.
const DEFAULT_CRASH_DELAY: Duration = Duration::from_secs(1);

/// Reads a scenario; `Err` says what is wrong and where.
pub fn scenario(name: &str, file: file::File) -> Result<Scenario, String> {
    if file.environments.is_empty() {
        return Err("there is no environment".to_owned());
    }
    let names: Vec<String> = file.environments.iter().map(|e| e.name.clone()).collect();
    for (index, one) in names.iter().enumerate() {
        if names[..index].contains(one) {
            return Err(format!("environment {one:?} is there twice"));
        }
    }
    let environments = file
        .environments
        .into_iter()
        .map(|environment| read_environment(environment, file.workload.as_ref(), &file.images, &names))
        .collect::<Result<Vec<_>, _>>()?;
    let flags = file.flags.into_iter().map(|flag| read_flag(flag, &names)).collect::<Result<Vec<_>, _>>()?;
    let known: Vec<&str> = flags.iter().map(|flag| flag.name.as_str()).collect();
    let mut timeline =
        file.timeline.into_iter().map(|entry| read_entry(entry, &names, &known)).collect::<Result<Vec<_>, _>>()?;
    timeline.sort_by_key(|event| event.at);
    Ok(Scenario {
        name: name.to_owned(),
        title: file.title,
        story: file.story,
        config: file.config,
        environments,
        flags,
        timeline,
    })
}

fn read_environment(
    file: file::Environment,
    workload: Option<&file::Workload>,
    images: &[file::Image],
    names: &[String],
) -> Result<Environment, String> {
    let place = format!("environment {:?}", file.name);
    if !file.requests_per_second.is_finite() || file.requests_per_second < 0.0 {
        return Err(format!("{place}: requests_per_second must not be negative"));
    }
    let mut history = Vec::new();
    for past in file.history {
        let age = duration(&past.age, &format!("{place}: age"))?;
        if history.last().is_some_and(|last: &Past| last.age <= age) {
            return Err(format!("{place}: history must go from oldest to newest"));
        }
        history.push(Past { image: past.image, age, change_cause: past.change_cause });
    }
    let update = file
        .update
        .map(|update| {
            let after = update.after.as_deref().unwrap_or("0s");
            let after = duration(after, &format!("{place}: update: after"))?;
            Ok::<_, String>(Update { image: update.image, after, change_cause: update.change_cause })
        })
        .transpose()?;
    if workload.is_some() && history.is_empty() {
        return Err(format!("{place}: a workload needs a history: the image it runs"));
    }
    if workload.is_none() && (update.is_some() || !history.is_empty()) {
        return Err(format!("{place}: history and update need a [workload]"));
    }
    let mut manifests = file.manifests;
    let mut workloads = Vec::new();
    let mut object = None;
    if let Some(workload) = workload {
        let replicas = file.replicas.unwrap_or(workload.replicas);
        manifests.extend(generate::services(workload));
        object = Some(generate::workload(workload, replicas));
        workloads.push(generate::name(workload));
    }
    let mut known = HashMap::new();
    let mut other_images = Behaviour::default();
    for image in images {
        let here = match &image.environments {
            Some(list) => {
                check_names(list, names, &format!("image {:?}", image.image))?;
                list.contains(&file.name)
            }
            None => true,
        };
        let behaviour = read_image(image)?;
        if here && image.image == "*" {
            other_images = behaviour;
        } else if here {
            known.insert(image.image.clone(), behaviour);
        }
    }
    Ok(Environment {
        name: file.name,
        context: file.context,
        namespace: file.namespace,
        protected: file.protected,
        workloads,
        requests_per_second: file.requests_per_second,
        manifests,
        workload: object,
        history,
        update,
        argo_cd: file.argo_cd,
        images: known,
        other_images,
    })
}

fn check_names(list: &[String], names: &[String], place: &str) -> Result<(), String> {
    match list.iter().find(|name| !names.contains(name)) {
        Some(name) => Err(format!("{place}: there is no environment {name:?}, only {}", names.join(", "))),
        None => Ok(()),
    }
}

fn read_image(file: &file::Image) -> Result<Behaviour, String> {
    let place = format!("image {:?}", file.image);
    let default = Behaviour::default();
    let lives = match &file.lives {
        Some(text) => duration(text, &format!("{place}: lives"))?,
        None => DEFAULT_CRASH_DELAY,
    };
    let fate = match file.fate {
        None | Some(file::ContainerFailure::Runs) => ContainerOutcome::Runs,
        Some(file::ContainerFailure::Crashes) => ContainerOutcome::Crashes { exit_code: file.exit_code, after: lives },
        Some(file::ContainerFailure::CannotBePulled) => ContainerOutcome::CannotBePulled,
        Some(file::ContainerFailure::NeverReady) => ContainerOutcome::NeverReady,
        Some(file::ContainerFailure::CannotBeScheduled) => ContainerOutcome::CannotBeScheduled,
    };
    let start_up = match &file.start_up {
        Some(text) => duration(text, &format!("{place}: start_up"))?,
        None => default.start_up,
    };
    let service = read_service(file.service(), Service::default(), &place)?;
    let mut changes = Vec::new();
    let mut current = service;
    for change in &file.changes {
        let onset = match (change.at_weight, &change.after) {
            (Some(weight), None) => Onset::AtWeight(weight),
            (None, Some(after)) => Onset::After(duration(after, &format!("{place}: changes: after"))?),
            _ => return Err(format!("{place}: a change wants at_weight or after, and not both")),
        };
        let ramp = match &change.ramp {
            Some(text) => duration(text, &format!("{place}: changes: ramp"))?,
            None => Duration::ZERO,
        };
        current = read_service(change.service(), current, &place)?;
        changes.push(Change { onset, ramp, to: current });
    }
    Ok(Behaviour { start_up, fate, log: file.log.clone(), service, changes })
}

fn read_service(file: file::Service<'_>, before: Service, place: &str) -> Result<Service, String> {
    let median_seconds = match file.median {
        Some(text) => duration(text, &format!("{place}: median"))?.as_secs_f64(),
        None => before.median_seconds,
    };
    let error_ratio = file.error_ratio.unwrap_or(before.error_ratio);
    if !(0.0..=1.0).contains(&error_ratio) {
        return Err(format!("{place}: error_ratio must be from 0 to 1, not {error_ratio}"));
    }
    let not_found_ratio = file.not_found_ratio.unwrap_or(before.not_found_ratio);
    if !(0.0..=1.0).contains(&not_found_ratio) {
        return Err(format!("{place}: not_found_ratio must be from 0 to 1, not {not_found_ratio}"));
    }
    let sigma = file.sigma.unwrap_or(before.sigma);
    if !sigma.is_finite() || sigma < 0.0 {
        return Err(format!("{place}: sigma must not be negative"));
    }
    Ok(Service {
        error_ratio,
        not_found_ratio,
        median_seconds,
        sigma,
        cores_per_request: file.cores_per_request.unwrap_or(before.cores_per_request),
    })
}

fn read_flag(file: file::Flag, names: &[String]) -> Result<flags::Flag, String> {
    let place = format!("flag {:?}", file.name);
    let age = duration(&file.age, &format!("{place}: age"))?;
    let read_on = |on: file::On| {
        check_names(std::slice::from_ref(&on.environment), names, &place)?;
        let age = duration(&on.age, &format!("{place}: on: age"))?;
        Ok::<_, String>(flags::On { environment: on.environment, age, by: on.by })
    };
    let on = file.on.into_iter().map(read_on).collect::<Result<Vec<_>, _>>()?;
    let read_effect = |effect: file::Effect| {
        check_names(effect.environments.as_deref().unwrap_or_default(), names, &place)?;
        let asked = file::Service {
            error_ratio: effect.error_ratio,
            not_found_ratio: None,
            median: effect.median.as_deref(),
            sigma: effect.sigma,
            cores_per_request: None,
        };
        let read = read_service(asked, Service::default(), &format!("{place}: effects"))?;
        Ok::<_, String>(flags::Effect {
            environments: effect.environments,
            images: effect.images,
            error_ratio: effect.error_ratio,
            median_seconds: effect.median.map(|_| read.median_seconds),
            sigma: effect.sigma,
        })
    };
    let effects = file.effects.into_iter().map(read_effect).collect::<Result<Vec<_>, _>>()?;
    Ok(flags::Flag { name: file.name, kind: file.kind, by: file.by, age, on, label: file.label, effects })
}

fn read_entry(file: file::Entry, names: &[String], flags: &[&str]) -> Result<ScenarioEvent, String> {
    let place = format!("timeline at {:?}", file.at);
    let at = duration(&file.at, &place)?;
    let lasts = file.lasts.as_deref().map(|lasts| duration(lasts, &format!("{place}: for"))).transpose()?;
    if lasts.is_some() == file.flag.is_some() {
        return Err(format!("{place}: a fault wants `for`, and a flag does not"));
    }
    let environments = match &file.environments {
        Some(list) => {
            check_names(list, names, &place)?;
            (0..names.len()).filter(|index| list.contains(&names[*index])).collect()
        }
        None => (0..names.len()).collect(),
    };
    let kind = match (&file.api, &file.metrics, &file.flag) {
        (Some(api), None, None) if api == "outage" => EventKind::ApiOutage,
        (Some(api), None, None) => {
            let mut rule = Rule::all(fault(api, &place)?);
            rule.path = file.path;
            rule.method = file.method;
            EventKind::Api(rule)
        }
        (None, Some(metrics), None) => EventKind::Metrics(outage(metrics, &place)?),
        (None, None, Some(flag)) => turned(flag, (file.turn, file.by), flags, &place)?,
        _ => return Err(format!("{place}: wants one of api, metrics and flag")),
    };
    Ok(ScenarioEvent { at, lasts: lasts.unwrap_or_default(), environments, kind })
}

fn turned(
    flag: &str,
    (turn, by): (Option<file::Turn>, Option<String>),
    flags: &[&str],
    place: &str,
) -> Result<EventKind, String> {
    if !flags.contains(&flag) {
        return Err(format!("{place}: there is no flag {flag:?}, only {}", flags.join(", ")));
    }
    let (turn, by) = turn.zip(by).ok_or_else(|| format!("{place}: a flag wants turn and by"))?;
    Ok(EventKind::Flag { name: flag.to_owned(), on: turn == file::Turn::On, by })
}

fn fault(text: &str, place: &str) -> Result<Fault, String> {
    if let Some(delay) = text.strip_prefix("slow ") {
        return Ok(Fault::Delay(duration(delay, &format!("{place}: api: slow"))?));
    }
    Ok(match text {
        "429" => Fault::TooManyRequests { retry_after: 1 },
        "500" => Fault::InternalError,
        "503" => Fault::Unavailable,
        "hang" => Fault::Hang,
        "cut" => Fault::Cut,
        "410" => Fault::Gone,
        "401" => Fault::ExpiredToken,
        other => {
            return Err(format!(
                "{place}: api must be outage, 429, 500, 503, hang, cut, 410, 401 or slow and a duration, not {other:?}"
            ));
        }
    })
}

fn outage(text: &str, place: &str) -> Result<Outage, String> {
    Ok(match text {
        "down" => Outage::Down,
        "hang" => Outage::Hang,
        "empty" => Outage::Empty,
        "html" => Outage::Html,
        "422" => Outage::Unprocessable,
        "503" => Outage::Unavailable,
        "partial" => Outage::Partial,
        other => {
            return Err(format!(
                "{place}: metrics must be down, hang, empty, html, 422, 503 or partial, not {other:?}"
            ));
        }
    })
}

/// Reads `30s`, `2m`, `3h`, `6d`, `250ms`.
fn duration(text: &str, place: &str) -> Result<Duration, String> {
    let bad = || format!("{place}: {text:?} is not a duration such as 250ms, 30s, 2m, 3h or 6d");
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
    let value: f64 = text[..digits].parse().map_err(|_| bad())?;
    let seconds = match &text[digits..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err(bad()),
    };
    Duration::try_from_secs_f64(value * seconds).map_err(|_| bad())
}
