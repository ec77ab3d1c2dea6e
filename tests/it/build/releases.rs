//! One model for each state of a release that the screens must show well.

use release_cockpit::app::Model;
use release_cockpit::app::hints;
use release_cockpit::core::{InFlight, Level, Notice};
use release_cockpit::domain::facts::analysis_run::{AnalysisMetric, AnalysisRun};
use release_cockpit::domain::facts::freshness::{Link, SourceKind};
use release_cockpit::domain::facts::ids::{EnvName, WorkloadId, WorkloadKey, WorkloadKind};
use release_cockpit::domain::facts::object::{Condition, Meta};
use release_cockpit::domain::facts::workload::deployment::{Deployment, DeploymentStatus};
use release_cockpit::domain::facts::workload::rollout::{
    BlueGreenStrategy, PauseCondition, RolloutStatus, RolloutStrategy,
};
use release_cockpit::domain::record::action::{ActionId, Outcome, Verb};
use release_cockpit::domain::record::journal::Entry;
use release_cockpit::domain::world::feed::Feed;

use release_cockpit::domain::facts::workload::{Object, Snapshot};

use super::parts::{
    Figures, ago, at, connect, event, healthy, link, model, now, paused, revision, rollout, settings, signals, target,
    tell, tell_of, write,
};

const STEADY: fn(f64) -> f64 = |_| 1.0;

/// Three environments as in the sketches: staging is out, prod-eu is held at 40 %, prod-us waits.
pub fn canary() -> Model {
    let mut model = canary_quiet();
    signals(
        &mut model,
        &target("prod-eu"),
        Figures { rps: 512.0, errors: 0.0010, p99: 0.190 },
        Some((Figures { rps: 341.0, errors: 0.0026, p99: 0.205 }, 1500)),
        |life| 0.4 + 0.6 * life,
        None,
    );
    model
}

/// The same without the numbers of prod-eu.
fn canary_quiet() -> Model {
    let mut model =
        model([settings("staging", false), settings("prod-eu", true), settings("prod-us", true)], "prod-eu");
    for env in ["staging", "prod-eu", "prod-us"] {
        connect(&mut model, env);
    }
    let staging = rollout(
        Some(9),
        healthy("7d9b4c5f6"),
        vec![
            revision(17, "7d9b4c5f6", "1.5.0", "9f2c41ab", 12, 11_520),
            revision(16, "6c9f78d5b", "1.4.2", "77d01e5a", 0, 800_000),
        ],
    );
    tell(&mut model, "staging", staging, ago(11_520));
    tell(&mut model, "prod-eu", held(), now());
    let waiting = rollout(
        Some(9),
        healthy("6c9f78d5b"),
        vec![
            revision(40, "6c9f78d5b", "1.4.2", "77d01e5a", 30, 532_800),
            revision(39, "5f6d8b9c4", "1.4.1", "5e10aa42", 0, 900_000),
        ],
    );
    tell(&mut model, "prod-us", waiting, ago(532_800));
    signals(&mut model, &target("staging"), Figures { rps: 41.0, errors: 0.0008, p99: 0.182 }, None, STEADY, None);
    signals(&mut model, &target("prod-us"), Figures { rps: 930.0, errors: 0.0011, p99: 0.176 }, None, STEADY, None);
    events(&mut model);
    model
}

/// A rollout held at its fifth step, 40 %.
fn held() -> Snapshot {
    let mut snapshot = rollout(
        Some(4),
        paused("CanaryPauseStep", at("14:29:53"), "6c9f78d5b", 40),
        vec![
            revision(42, "7d9b4c5f6", "1.5.0", "9f2c41ab", 8, 1804),
            revision(41, "6c9f78d5b", "1.4.2", "77d01e5a", 12, 532_800),
            revision(40, "5f6d8b9c4", "1.4.1", "5e10aa42", 0, 900_000),
        ],
    );
    if let Object::Rollout(rollout) = &mut snapshot.object {
        rollout.spec.replicas = Some(20);
    }
    snapshot.runs = vec![
        AnalysisRun {
            name: "payments-api-7d9b4c5f6-42-3".to_owned(),
            hash: "7d9b4c5f6".to_owned(),
            kind: "Step".to_owned(),
            step: Some(3),
            phase: "Successful".to_owned(),
            message: String::new(),
            started: Some(at("14:07:12")),
            created: Some(at("14:07:12")),
            completed: Some(at("14:29:51")),
            metrics: vec![AnalysisMetric {
                name: "success-rate".to_owned(),
                phase: "Successful".to_owned(),
                successful: 12,
                count: Some(12),
                failure_limit: 2,
                success_condition: "result[0] >= 0.995".to_owned(),
                last_value: Some("0.9972".to_owned()),
                ..AnalysisMetric::default()
            }],
        },
        AnalysisRun {
            name: "payments-api-7d9b4c5f6-42".to_owned(),
            hash: "7d9b4c5f6".to_owned(),
            kind: "Background".to_owned(),
            phase: "Running".to_owned(),
            started: Some(at("14:02:03")),
            created: Some(at("14:02:03")),
            metrics: vec![
                AnalysisMetric {
                    name: "error-budget".to_owned(),
                    phase: "Running".to_owned(),
                    successful: 28,
                    failed: 1,
                    inconclusive: 1,
                    failure_limit: 3,
                    last_value: Some("0.31".to_owned()),
                    ..AnalysisMetric::default()
                },
                AnalysisMetric {
                    name: "queue-depth".to_owned(),
                    phase: "Running".to_owned(),
                    successful: 29,
                    error: 1,
                    failure_limit: 0,
                    dry_run: true,
                    ..AnalysisMetric::default()
                },
            ],
            ..AnalysisRun::default()
        },
    ];
    snapshot
}

fn events(model: &mut Model) {
    for (env, clock, warning, reason, message) in [
        ("staging", "11:20:09", false, "RolloutCompleted", "Rollout completed update to revision 17 (7d9b4c5f6)"),
        ("prod-eu", "14:02:03", false, "RolloutUpdated", "Rollout updated to revision 42"),
        ("prod-eu", "14:02:05", false, "RolloutStepCompleted", "Rollout step 1/9 completed (setWeight: 10)"),
        ("prod-eu", "14:07:06", false, "RolloutStepCompleted", "Rollout step 2/9 completed (pause: 5m)"),
        ("prod-eu", "14:07:12", false, "RolloutStepCompleted", "Rollout step 3/9 completed (setWeight: 40)"),
        (
            "prod-eu",
            "14:29:51",
            false,
            "AnalysisRunSuccessful",
            "Step Analysis Run 'payments-api-7d9b4c5f6-42-3' Status New: 'Successful' Previous: 'Running'",
        ),
        ("prod-eu", "14:29:53", false, "RolloutPaused", "Rollout is paused (CanaryPauseStep)"),
    ] {
        event(model, env, clock, warning, reason, message);
    }
    write(
        model,
        "14:01:30",
        Entry::Opened { release: "payments-api 1.5.0".to_owned(), program: "0.1.0".to_owned(), config: None },
    );
    write(model, "14:02:40", Entry::Note { who: "bob".to_owned(), text: "dashboards ready".to_owned() });
}

/// Adds an action of alice's to the journal: asked, answered, done.
pub fn acted(mut model: Model) -> Model {
    let plan = hints::plan_for(&model, Verb::Promote, None).unwrap();
    let mut record = plan.record().clone();
    record.headline = "promote 10 → 40 %".to_owned();
    let action = ActionId("0198c0de".to_owned());
    write(
        &mut model,
        "14:07:10",
        Entry::Intent { action: action.clone(), operator: "alice".to_owned(), plan: Box::new(record), settings: None },
    );
    write(
        &mut model,
        "14:07:11",
        Entry::Answer { action: action.clone(), request: 1, answer: "200 resourceVersion 81102".to_owned() },
    );
    write(
        &mut model,
        "14:07:12",
        Entry::Outcome { action, outcome: Outcome::Confirmed { shows: "Progressing: step 4 of 9".to_owned() } },
    );
    model
}

/// The main release: the canary of the sketches with its journal.
pub fn main() -> Model {
    acted(canary())
}

/// Errors of the canary rise beyond every limit: `NO-GO`.
pub fn spike() -> Model {
    let mut model = acted(canary());
    for env in &mut model.core.world.environments {
        if env.settings.name.as_str() == "prod-eu" {
            env.workloads[0].signals.history.clear();
        }
    }
    signals(
        &mut model,
        &target("prod-eu"),
        Figures { rps: 512.0, errors: 0.0010, p99: 0.190 },
        Some((Figures { rps: 341.0, errors: 0.0480, p99: 0.412 }, 1500)),
        |life| if life > 0.9 { 1.0 } else { 0.05 },
        None,
    );
    event(
        &mut model,
        "prod-eu",
        "14:31:40",
        true,
        "AnalysisRunFailed",
        "Background Analysis Run 'payments-api-7d9b4c5f6-42' Status New: 'Failed' Previous: 'Running'",
    );
    model.core.notices.push_back(Notice {
        at: ago(12),
        level: Level::Error,
        text: "promote 40 → 60 % in prod-eu: refused: admission webhook \"policy.example.com\" denied the request"
            .to_owned(),
    });
    model.core.noticed = 1;
    model
}

/// The pods of the new version crash.
pub fn crashing() -> Model {
    let mut model = canary();
    let mut snapshot = rollout(
        Some(0),
        RolloutStatus {
            phase: "Degraded".to_owned(),
            message: "ProgressDeadlineExceeded: ReplicaSet \"payments-api-8e7a6b5c4\" has timed out progressing."
                .to_owned(),
            conditions: vec![Condition {
                kind: "Progressing".to_owned(),
                status: "False".to_owned(),
                reason: "ProgressDeadlineExceeded".to_owned(),
                message: "ReplicaSet \"payments-api-8e7a6b5c4\" has timed out progressing.".to_owned(),
                since: Some(ago(30)),
                updated: Some(ago(30)),
            }],
            stable_hash: "6c9f78d5b".to_owned(),
            weights: Some(super::parts::weights(10)),
            ..RolloutStatus::default()
        },
        vec![
            revision(43, "8e7a6b5c4", "1.5.1", "00aa11bb", 2, 640),
            revision(41, "6c9f78d5b", "1.4.2", "77d01e5a", 18, 532_800),
        ],
    );
    for rs in &mut snapshot.replicasets {
        if rs.hash == "8e7a6b5c4" {
            (rs.ready, rs.available) = (0, 0);
        }
    }
    for pod in snapshot.pods.iter_mut().filter(|pod| pod.hash == "8e7a6b5c4") {
        pod.ready = 0;
        pod.restarts = 6;
        "CrashLoopBackOff".clone_into(&mut pod.reason);
        "back-off 2m40s restarting failed container=api: exit code 1".clone_into(&mut pod.message);
        pod.failing_container = Some("api".to_owned());
        pod.restarted = true;
    }
    let pod = snapshot.pods.iter().find(|pod| pod.is_failing()).map(|pod| pod.name.clone()).unwrap();
    tell(&mut model, "prod-eu", snapshot, ago(30));
    let lines = [
        "starting payments-api 1.5.1",
        "loading /etc/payments/config.yaml",
        "error: config: missing key `ledger.url` (payments-api/src/config.rs:41)",
        "exiting with code 1",
    ];
    model
        .core
        .world
        .take(Feed::Log { target: target("prod-eu"), pod, lines: Ok(lines.map(ToOwned::to_owned).to_vec()) }, now());
    event(
        &mut model,
        "prod-eu",
        "14:31:30",
        true,
        "ProgressDeadlineExceeded",
        "ReplicaSet \"payments-api-8e7a6b5c4\" has timed out progressing.",
    );
    model
}

/// Prometheus stopped answering in mid-canary: `BLIND`.
pub fn no_metrics() -> Model {
    let mut model = canary_quiet();
    signals(
        &mut model,
        &target("prod-eu"),
        Figures { rps: 512.0, errors: 0.0010, p99: 0.190 },
        Some((Figures { rps: 341.0, errors: 0.0026, p99: 0.205 }, 1500)),
        STEADY,
        Some((420, -1)),
    );
    let why = "http://prometheus.monitoring:9090 refused the connection: is it running?".to_owned();
    lose(&mut model, "prod-eu", SourceKind::Prometheus, &why, 420);
    model
}

/// The API server of prod-eu is gone for 41 s.
pub fn no_api_server() -> Model {
    let mut model = main();
    let why = "connection refused (10.20.0.1:443): retrying in 4 s";
    lose(&mut model, "prod-eu", SourceKind::Kubernetes, why, 41);
    model
}

/// A link that was lost some seconds ago.
fn lose(model: &mut Model, name: &str, kind: SourceKind, why: &str, seconds: i64) {
    for env in model.core.world.environments.iter_mut().filter(|env| env.settings.name.as_str() == name) {
        let heard = env.links.get_mut(&kind).unwrap();
        heard.link = Link::Down(why.to_owned());
        heard.at = Some(ago(seconds));
    }
    model.core.world.reassess(now());
}

/// A blue-green rollout whose preview waits for a person.
pub fn blue_green() -> Model {
    let mut model = model([settings("prod", false)], "prod");
    connect(&mut model, "prod");
    let mut status = paused("BlueGreenPause", ago(95), "6c9f78d5b", 0);
    "6c9f78d5b".clone_into(&mut status.active_hash);
    "7d9b4c5f6".clone_into(&mut status.preview_hash);
    status.weights = None;
    let mut snapshot = rollout(
        None,
        status,
        vec![
            revision(8, "7d9b4c5f6", "2.1.0", "9f2c41ab", 5, 200),
            revision(7, "6c9f78d5b", "2.0.3", "77d01e5a", 5, 532_800),
        ],
    );
    if let Object::Rollout(rollout) = &mut snapshot.object {
        rollout.spec.strategy = RolloutStrategy::BlueGreen(BlueGreenStrategy {
            auto_promotion: false,
            auto_promotion_seconds: None,
            post_analysis: false,
            ..BlueGreenStrategy::default()
        });
    }
    tell(&mut model, "prod", snapshot, ago(95));
    signals(
        &mut model,
        &target("prod"),
        Figures { rps: 88.0, errors: 0.0004, p99: 0.120 },
        Some((Figures { rps: 2.0, errors: 0.0003, p99: 0.131 }, 200)),
        STEADY,
        None,
    );
    model
}

/// A Deployment in the middle of its roll.
pub fn deployment() -> Model {
    let id = WorkloadId::new(WorkloadKind::Deployment, "web");
    let mut own = settings("prod", false);
    own.workloads = vec![id.clone()];
    own.has_metrics = false;
    let mut model = model([own], "prod");
    connect(&mut model, "prod");
    let (mut new, new_pods) = revision(12, "7d9b4c5f6", "3.2.0", "9f2c41ab", 2, 40);
    let (old, old_pods) = revision(11, "6c9f78d5b", "3.1.9", "77d01e5a", 4, 532_800);
    (new.ready, new.available) = (1, 1);
    let snapshot = Snapshot {
        object: Object::Deployment(Box::new(Deployment {
            meta: Meta {
                name: "web".to_owned(),
                namespace: "payments".to_owned(),
                uid: "uid-web".to_owned(),
                resource_version: "5511".to_owned(),
                generation: 12,
                revision: Some(12),
                ..Meta::default()
            },
            replicas: Some(5),
            containers: new.containers.clone(),
            template: new.template,
            status: DeploymentStatus {
                observed_generation: 12,
                replicas: 6,
                updated: 2,
                ready: 5,
                available: 5,
                conditions: Vec::new(),
            },
            ..Deployment::default()
        })),
        template_owner: None,
        owned: None,
        routed: Vec::new(),
        replicasets: vec![new, old],
        pods: new_pods.into_iter().chain(old_pods).collect(),
        runs: Vec::new(),
        experiments: Vec::new(),
        unseen: Vec::new(),
        budgets: Vec::new(),
    };
    tell_of(&mut model, &WorkloadKey { env: EnvName::new("prod"), workload: id }, snapshot, ago(40));
    model
}

/// The update was aborted; stable serves.
pub fn aborted() -> Model {
    let mut model = canary();
    let mut snapshot = held();
    if let Object::Rollout(rollout) = &mut snapshot.object {
        rollout.status = RolloutStatus {
            phase: "Degraded".to_owned(),
            message: "RolloutAborted: Rollout aborted update to revision 42: Metric \"success-rate\" assessed Failed due to failed (3) > failureLimit (2)".to_owned(),
            abort: true,
            aborted_at: Some(ago(61)),
            step_index: Some(0),
            weights: Some(super::parts::weights(0)),pause_conditions: Vec::<PauseCondition>::new(),
            controller_pause: false,
            conditions: vec![Condition {
                kind: "Progressing".to_owned(),
                status: "False".to_owned(),
                reason: "RolloutAborted".to_owned(),
                message: "Rollout aborted update to revision 42: Metric \"success-rate\" assessed Failed due to failed (3) > failureLimit (2)".to_owned(),
                since: Some(ago(61)),
                updated: Some(ago(61)),
            }],
            ..rollout.status.clone()
        };
    }
    snapshot.runs[0].phase = "Failed".to_owned();
    snapshot.runs[0].message =
        "Metric \"success-rate\" assessed Failed due to failed (3) > failureLimit (2)".to_owned();
    snapshot.runs[0].metrics[0].failed = 3;
    snapshot.runs[0].metrics[0].phase = "Failed".to_owned();
    tell(&mut model, "prod-eu", snapshot, ago(61));
    model.core.world.reassess(now());
    model
}

/// Nothing was seen yet; one link was not asked, one is down, one says that there is no such object.
pub fn nothing_yet() -> Model {
    let mut model =
        model([settings("staging", false), settings("prod-eu", true), settings("prod-us", true)], "prod-eu");
    let why = "the token of context eks-prod-eu expired: log in again".to_owned();
    model.core.world.take(link("prod-eu", SourceKind::Kubernetes, Link::Down(why), None), now());
    connect(&mut model, "prod-us");
    model.core.world.take(Feed::Workload { target: target("prod-us"), snapshot: None }, now());
    model
}

/// A promotion was sent and is not settled yet.
pub fn in_flight() -> Model {
    let mut model = main();
    let record = hints::plan_for(&model, Verb::Promote, None).unwrap().record().clone();
    let flying = InFlight {
        action: ActionId("0198c0df".to_owned()),
        record,
        since: ago(3),
        accepted: None,
        outcome: Some(Outcome::Unknown { why: "no answer within 5 s".to_owned() }),
        owner_asked: false,
        begun_here: true,
    };
    model.core.in_flight.insert(target("prod-eu").into(), flying);
    model
}

/// The main release on the simulator, read-only, its journal broken.
pub fn read_only() -> Model {
    let mut model = main();
    for env in &mut model.core.world.environments {
        env.settings.read_only = true;
    }
    model.ui.simulated = Some("three-environments".to_owned());
    model.core.journal.broken = Some("No space left on device (os error 28)".to_owned());
    model.core.journal.unwritten = 3;
    model
}

pub fn many() -> Model {
    let names: Vec<String> = (1..=50).map(|n| format!("cell-{n:02}")).collect();
    let mut model = model(names.iter().map(|name| settings(name, n_protected(name))), "cell-31");
    for (index, name) in names.iter().enumerate() {
        connect(&mut model, name);
        let under_way = index == 30;
        let snapshot = if under_way {
            held()
        } else {
            let (hash, version) = if index < 30 { ("7d9b4c5f6", "1.5.0") } else { ("6c9f78d5b", "1.4.2") };
            rollout(Some(9), healthy(hash), vec![revision(17, hash, version, "9f2c41ab", 12, 11_520)])
        };
        tell(&mut model, name, snapshot, ago(600));
        let canary = under_way.then_some((Figures { rps: 341.0, errors: 0.0026, p99: 0.205 }, 1500));
        signals(&mut model, &target(name), Figures { rps: 512.0, errors: 0.0010, p99: 0.190 }, canary, STEADY, None);
    }
    model
}

fn n_protected(name: &str) -> bool {
    name > "cell-10"
}

pub fn crowd() -> Model {
    let mut model = canary();
    let snapshot = rollout(
        Some(4),
        paused("CanaryPauseStep", at("14:29:53"), "6c9f78d5b", 40),
        vec![
            revision(42, "7d9b4c5f6", "1.5.0", "9f2c41ab", 400, 1804),
            revision(41, "6c9f78d5b", "1.4.2", "77d01e5a", 600, 532_800),
        ],
    );
    tell(&mut model, "prod-eu", snapshot, now());
    model
}
