//! Objects of Kubernetes, from JSON to the screen and the reports.

use std::sync::Arc;

use jiff::tz::TimeZone;
use release_cockpit::app::hints::{self, footer};
use release_cockpit::app::model::Screen;
use release_cockpit::app::revisions::revision_choices;
use release_cockpit::cli::output::{json_line, json_pretty};
use release_cockpit::cli::{gate::Gate, status, watch};
use release_cockpit::domain::facts::ids::WorkloadKey;
use release_cockpit::domain::facts::reduce;
use release_cockpit::domain::facts::workload::{Object, Snapshot};
use release_cockpit::domain::record::action::Verb;
use release_cockpit::domain::world::World;
use release_cockpit::domain::world::feed::Feed;
use serde_json::Value;

use super::safe;
use crate::build::parts;

/// Sizes that are drawn: too small, the smallest, odd, usual, wide.
const SIZES: [(u16, u16); 6] = [(12, 3), (60, 16), (73, 19), (80, 24), (121, 33), (200, 60)];

/// Three bytes choose what is drawn; the rest is an object, or a list of objects.
pub fn check(data: &[u8]) {
    let Some((choice, rest)) = data.split_at_checked(3) else { return };
    let Ok(value) = serde_json::from_slice::<Value>(rest) else { return };
    let values = match value {
        Value::Array(values) => values,
        value => vec![value],
    };
    let mut object = None;
    let (mut replicasets, mut pods, mut runs, mut events) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for value in values.iter().take(60) {
        match value["kind"].as_str() {
            Some("ReplicaSet") => replicasets.push(reduce::replicaset(value)),
            Some("Pod") => pods.push(reduce::pod(value)),
            Some("AnalysisRun") => runs.push(reduce::analysis_run(value)),
            Some("Event") => events.extend(reduce::kube_event(value)),
            _ => object = Object::parse(value).or(object),
        }
    }
    let Some(object) = object else { return };
    shown(
        choice,
        object,
        Snapshot { replicasets, pods, runs, ..parts::rollout(None, parts::healthy(""), Vec::new()) },
        events,
    );
}

fn shown(choice: &[u8], object: Object, rest: Snapshot, events: Vec<release_cockpit::domain::facts::event::KubeEvent>) {
    let snapshot = Snapshot { object, ..rest };
    let mut settings = parts::settings("prod-eu", true);
    settings.workloads = vec![snapshot.id()];
    let mut model = parts::model([settings], "prod-eu");
    parts::connect(&mut model, "prod-eu");
    let target = WorkloadKey { env: model.ui.env.clone(), workload: snapshot.id() };
    let before = model.core.world.clone();
    let feed = Feed::Workload { target: target.clone(), snapshot: Some(Arc::new(snapshot)) };
    model.core.world.take(feed, parts::ago(60));
    for event in events {
        model.core.world.take(Feed::Event { target: target.clone(), event }, parts::now());
    }
    model.core.world.reassess(parts::now());

    printed(&before, &model.core.world);
    for verb in Verb::ALL {
        match hints::plan_for(&model, verb, None) {
            Ok(plan) => assert!(!plan.record().headline.is_empty()),
            Err(refusals) => assert!(!refusals.is_empty(), "{verb:?} is refused without a reason"),
        }
    }
    let _ = (revision_choices(&model), footer(&model));

    model.ui.screen = Screen::TABS[usize::from(choice[0]) % Screen::TABS.len()].2;
    model.ui.scroll = usize::from(choice[1]);
    let (width, height) = SIZES[usize::from(choice[2]) % SIZES.len()];
    safe::frame(&model, width, height, choice[2] >= 128);
}

/// Everything that commands print of a world.
pub fn printed(before: &World, world: &World) {
    let now = parts::now();
    safe::lines(&status::text(world, Some("api"), now));
    let json = status::json(world, Some("api"), now);
    let pretty = json_pretty(&json);
    safe::lines(&pretty);
    assert_eq!(serde_json::from_str::<Value>(&pretty).unwrap(), json);
    for change in watch::diff(before, world) {
        let line = change.line(now, &TimeZone::UTC);
        assert!(!line.contains('\n'), "{line:?}");
        safe::lines(&line);
        safe::lines(&change.json(now));
    }
    for env in &world.environments {
        let gate = Gate::of(world, env, now);
        safe::lines(&gate.text());
        safe::lines(&json_line(&gate.json()));
        safe::lines(&gate.junit());
    }
}
