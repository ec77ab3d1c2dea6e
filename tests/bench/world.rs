//! Models as large as the product promises to bear.

use std::sync::Arc;

use release_cockpit::app::Model;
use release_cockpit::domain::facts::flag::{Flag, FlagChange, FlagEdit, FlagState, ProviderKind, WhenOff};
use release_cockpit::domain::facts::freshness::{Heard, Link};
use release_cockpit::domain::facts::pod::Pod;
use release_cockpit::domain::facts::workload::Snapshot;
use release_cockpit::domain::world::flags::{FlagSettings, FlagSource};

#[expect(dead_code, reason = "shared with tests that use all of it")]
#[path = "../it/build/parts.rs"]
mod parts;

use parts::{Figures, at, connect, event, healthy, model, paused, revision, rollout, settings, signals, tell};
pub use parts::{ago, now, target};

const STABLE: Figures = Figures { rps: 512.0, errors: 0.0010, p99: 0.190 };
const CANARY: Figures = Figures { rps: 341.0, errors: 0.0026, p99: 0.205 };

/// Three environments, a canary in the middle one.
pub fn small() -> Model {
    world(3, 20)
}

/// Fifty environments with a hundred pods each, canaries in every fifth.
pub fn large() -> Model {
    world(50, 100)
}

/// Three environments with so many feature flags each, every hundredth of them of the release, from one provider.
pub fn flagged(flags: usize) -> Model {
    let mut model = small();
    let names: Vec<String> = (0..flags).map(|number| format!("checkout-experiment-{number:05}")).collect();
    let flag = |name: &String| Flag {
        name: name.clone(),
        state: FlagState::Percent(25),
        kind: Some("release".to_owned()),
        owner: Some("payments".to_owned()),
        tags: vec!["web".to_owned()],
        ticket: Some("PAY-123".to_owned()),
        created: Some(ago(86_400 * 20)),
        is_stale: false,
        changes: vec![FlagChange { by: "ada".to_owned(), at: ago(3_600), what: FlagEdit::On }],
        version: None,
        holder: None,
        when_off: WhenOff::default(),
    };
    let all: Arc<Vec<Flag>> = Arc::new(names.iter().map(flag).collect());
    for env in &mut model.core.world.environments {
        let settings = FlagSettings {
            provider: "unleash".to_owned(),
            place: "https://unleash.example".to_owned(),
            of_release: names.iter().step_by(100).cloned().collect(),
            kind: ProviderKind::Unleash,
            shared_with: Vec::new(),
            rollouts: Vec::new(),
        };
        let heard = Heard { link: Link::Up, at: Some(ago(2)) };
        env.settings.flags = vec![settings.clone()];
        env.flags = vec![FlagSource { heard, flags: Arc::clone(&all), ..FlagSource::new(settings) }];
    }
    model
}

/// So many environments with so many pods each, canaries in every fifth.
pub fn world(environments: u32, pods: u32) -> Model {
    let names: Vec<String> = (0..environments).map(name).collect();
    let mut model = model(names.iter().enumerate().map(|(i, name)| settings(name, i % 2 == 1)), &names[1]);
    for (index, name) in names.iter().enumerate() {
        connect(&mut model, name);
        tell(&mut model, name, snapshot(index, pods), ago(600));
        let canary = is_canary(index).then_some((CANARY, 1500));
        signals(&mut model, &target(name), STABLE, canary, |_| 1.0, None);
        for second in 10..40 {
            event(
                &mut model,
                name,
                &format!("14:29:{second}"),
                false,
                "RolloutStepCompleted",
                "Rollout step completed",
            );
        }
    }
    model
}

/// Returns the name of an environment.
pub fn name(index: u32) -> String {
    format!("cell-{index:02}")
}

fn is_canary(index: usize) -> bool {
    index % 5 == 1
}

/// Returns what the watches of an environment tell.
pub fn snapshot(index: usize, pods: u32) -> Snapshot {
    if !is_canary(index) {
        let stable = revision(41, "6c9f78d5b", "1.4.2", "77d01e5a", pods, 532_800);
        return rollout(Some(9), healthy("6c9f78d5b"), vec![stable]);
    }
    rollout(
        Some(4),
        paused("CanaryPauseStep", at("14:29:53"), "6c9f78d5b", 40),
        vec![
            revision(42, "7d9b4c5f6", "1.5.0", "9f2c41ab", pods * 2 / 5, 1804),
            revision(41, "6c9f78d5b", "1.4.2", "77d01e5a", pods * 3 / 5, 532_800),
            revision(40, "5f6d8b9c4", "1.4.1", "5e10aa42", 0, 900_000),
        ],
    )
}

/// Returns the snapshot with one more restart of one pod.
pub fn restarted(snapshot: &Snapshot, which: usize) -> Arc<Snapshot> {
    let mut next = snapshot.clone();
    let count = next.pods.len();
    if let Some(Pod { restarts, .. }) = next.pods.get_mut(which % count.max(1)) {
        *restarts += 1 + which as u32;
    }
    Arc::new(next)
}
