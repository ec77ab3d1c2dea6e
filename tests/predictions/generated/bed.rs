//! One workload on the simulator's controllers, with a clock moved by hand, and the product's own core before it.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use release_cockpit::domain::facts::experiment::Experiment;
use release_cockpit::domain::facts::freshness::{Link, SourceKind};
use release_cockpit::domain::facts::ids::{EnvName, WorkloadId, WorkloadKey, WorkloadKind};
use release_cockpit::domain::facts::reduce;
use release_cockpit::domain::facts::workload::kind::Resource;
use release_cockpit::domain::facts::workload::router::RouterObject;
use release_cockpit::domain::facts::workload::{Object, Snapshot};
use release_cockpit::domain::record::action::{Body, Intent, KubernetesRequest, PlanRecord, Request, Verb};
use release_cockpit::domain::record::journal::{Entry, Line};
use release_cockpit::domain::record::rejection::Rejection;
use release_cockpit::domain::rules::action::kind::Readiness;
use release_cockpit::domain::rules::action::{
    Plan, PlanContext, RollbackEstimate, Seen, SeenWorkload, Settled, images_patch, plan, restore_patch,
    rollback_estimate, settled,
};
use release_cockpit::domain::rules::refusal::Refusal;
use release_cockpit::domain::world::feed::Feed;
use release_cockpit::domain::world::{EnvSettings, World};
use serde_json::{Value, json};
use simulator::{Sent, StoppedCluster};
use support::Checked;

use super::super::oracle::{Look, Objects};

/// After that long nothing comes any more: pauses, delays and deadlines of these releases are shorter.
pub const NOTHING_COMES_AFTER: Duration = Duration::from_secs(900);
/// How long the controller may take to take a request up: it is never busy.
const ACCEPT_TIMEOUT: SignedDuration = SignedDuration::from_secs(30);
/// How long it may take until everybody is served; more than any pods and delays of these releases add up to.
const SERVE_TIMEOUT: SignedDuration = SignedDuration::from_secs(600);
const START_SECOND: i64 = 1_800_000_000;
const ENV: &str = "shop";

pub struct Bed {
    cluster: StoppedCluster,
    world: World,
    target: WorkloadKey,
    kind: &'static str,
}

/// How an action ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ended {
    Done,
    /// The controller took it up, and it did not come to its end: what it lacks.
    Unfinished(String),
    Failed(String),
}

impl Bed {
    pub fn new(objects: Vec<Value>) -> Checked<Self> {
        let cluster = StoppedCluster::new(Timestamp::from_second(START_SECOND)?, 7)?;
        let is_rollout = objects.iter().any(|object| object["kind"] == "Rollout");
        let of_kind = if is_rollout { WorkloadKind::Rollout } else { WorkloadKind::Deployment };
        let kind = if is_rollout { "rollout" } else { "deployment" };
        for object in objects {
            cluster.objects().create(object)?;
        }
        let env = EnvName::new(ENV);
        let workload = WorkloadId::new(of_kind, "api");
        let settings = EnvSettings {
            namespace: cluster.objects().namespace().to_owned(),
            workloads: vec![workload.clone()],
            ..EnvSettings::new(ENV)
        };
        let mut world = World::new([settings]);
        world.take(Feed::Record { env: env.clone(), known: Ok(()) }, Timestamp::now());
        let mut bed = Self { cluster, world, target: WorkloadKey { env, workload }, kind };
        bed.advance(Duration::from_secs(60))?;
        Ok(bed)
    }

    pub fn advance(&mut self, duration: Duration) -> Checked {
        Ok(self.cluster.advance(duration)?)
    }

    /// Returns whether anything was to be done.
    pub fn advance_to_next(&mut self, limit: Duration) -> Checked<bool> {
        Ok(self.cluster.advance_to_next(limit)?)
    }

    pub fn now(&self) -> Timestamp {
        self.cluster.now()
    }

    /// Changes the workload as somebody with kubectl does.
    pub fn edit(&mut self, is_status: bool, body: &Value) -> Checked {
        let sent = Sent { content_type: "application/merge-patch+json", is_status, body, manager: "kubectl-edit" };
        self.cluster.patch(self.kind, "api", &sent)?;
        self.advance(Duration::from_secs(1))
    }

    /// Looks as the oracle does.
    pub fn look(&self) -> Look {
        let objects = self.cluster.objects();
        let of_it = |kind: &str| -> Vec<Value> {
            objects.list(kind).into_iter().filter(|object| object["metadata"]["labels"]["app"] == "api").collect()
        };
        Look::of(Objects {
            workload: objects.get(self.kind, "api").unwrap_or_default(),
            sets: of_it("replicaset"),
            pods: of_it("pod"),
            active: objects.get("service", "api-active").unwrap_or_default(),
            canary_ingress: objects.get("ingress", "api-api-canary").unwrap_or_default(),
        })
    }

    /// Asks the product for a plan, on everything as it is now.
    pub fn plan(&mut self, verb: Verb, to: Option<u64>) -> Result<Plan, Vec<Refusal>> {
        let now = self.now();
        let snapshot = self.snapshot().map(Arc::new).ok();
        self.world.take(Feed::Workload { target: self.target.clone(), snapshot }, now);
        let env = self.target.env.clone();
        self.world.take(Feed::Link { env, source: SourceKind::Kubernetes, link: Link::Up, at: Some(now) }, now);
        let intent = Intent { verb, target: self.target.clone().into(), to };
        plan(&self.world, &intent, &PlanContext { now, ..PlanContext::default() })
    }

    /// Seconds that a rollback takes, as every screen says it beforehand; `None` where it says none.
    pub fn rollback_time(&self) -> Option<f64> {
        let env = self.world.environments.first()?;
        match rollback_estimate(&self.world, env, env.workloads.first()?, self.now())? {
            RollbackEstimate::To(to) if to.missing_pods == 0 => Some(0.0),
            RollbackEstimate::To(to) => to.takes.map(|takes| takes.as_secs_f64()),
            RollbackEstimate::Nowhere(_) => None,
        }
    }

    /// Sends what a plan holds, each request in its turn, and looks until it is done.
    pub fn carry_out(&mut self, plan: &Plan) -> Checked<Ended> {
        let record = plan.record();
        for (index, request) in record.requests.iter().enumerate() {
            if let Some(ended) = self.send_in_turn(record, request)? {
                return Ok(ended);
            }
            if index == 0
                && let Some(rejection) = Rejection::of(record, "alice", self.cluster.now())
            {
                let entry = Entry::Rejected(Box::new(rejection));
                let now = self.now();
                self.world.take_lines(&[Line::after(None, now, entry)], now);
            }
        }
        if let Some(rest) = self.seen()?.remainder(record) {
            self.send(&rest)?;
        }
        let (sent_at, mut accepted_at) = (self.now(), None);
        loop {
            let waited = self.now().duration_since(accepted_at.unwrap_or(sent_at));
            let (lacks, timeout) = match settled(record, &self.seen()?) {
                Settled::Done(_) => return Ok(Ended::Done),
                Settled::Lost(why) | Settled::Undone(why) | Settled::AwaitsMerge(why) => return Ok(Ended::Failed(why)),
                Settled::NotYet(shows) | Settled::Running(shows) if accepted_at.is_none() => {
                    (Ended::Failed(shows), ACCEPT_TIMEOUT)
                }
                Settled::NotYet(shows) | Settled::Running(shows) => (Ended::Unfinished(shows), SERVE_TIMEOUT),
                Settled::Accepted(lacks) => {
                    accepted_at.get_or_insert(self.now());
                    (Ended::Unfinished(lacks), SERVE_TIMEOUT)
                }
            };
            if waited >= timeout || !self.advance_to_next(NOTHING_COMES_AFTER)? {
                return Ok(lacks);
            }
        }
    }

    /// Returns how it ended where it cannot be sent.
    fn send_in_turn(&mut self, record: &PlanRecord, request: &Request) -> Checked<Option<Ended>> {
        if let Some(after) = request.after() {
            loop {
                match self.seen()?.readiness(after) {
                    Readiness::Send => break,
                    Readiness::Skip => return Ok(None),
                    Readiness::Lost(why) => return Ok(Some(Ended::Failed(why))),
                    Readiness::Wait if self.advance_to_next(NOTHING_COMES_AFTER)? => {}
                    Readiness::Wait => {
                        return Ok(Some(Ended::Failed(format!("the turn of {} never came", record.headline))));
                    }
                }
            }
        }
        self.send(request)?;
        Ok(None)
    }

    fn send(&mut self, request: &Request) -> Checked {
        let Request::Kubernetes(KubernetesRequest { object, subresource, body, .. }) = request else {
            return Err(format!("{} goes to no API server", request.line()).into());
        };
        let kind = object.kind.to_lowercase();
        let get = |kind: &str, name: &str| {
            self.cluster.objects().get(kind, name).ok_or_else(|| format!("there is no {kind} {name}"))
        };
        let (content_type, body) = match body {
            Body::Merge(body) => ("application/merge-patch+json", body.clone()),
            Body::Strategic(body) => ("application/strategic-merge-patch+json", body.clone()),
            Body::RestoreTemplate { replicaset } => {
                let patch = restore_patch(&get("replicaset", replicaset)?, &get(&kind, &object.name)?, true);
                ("application/json-patch+json", patch?)
            }
            Body::SuspendAutomation { .. } | Body::ResumeAutomation => return Err("nothing owns it".into()),
            Body::SetImages { images, mark } => {
                ("application/json-patch+json", images_patch(&get(&kind, &object.name)?, images, mark)?)
            }
        };
        let is_status = subresource.as_deref() == Some("status");
        let sent = Sent { content_type, is_status, body: &body, manager: "release-cockpit" };
        self.cluster.patch(&kind, &object.name, &sent)?;
        // Nothing that follows is in the same moment.
        self.advance(Duration::from_millis(100))
    }

    fn seen(&self) -> Checked<Seen> {
        Ok(SeenWorkload { snapshot: self.snapshot()?, replicasets_known: true }.into())
    }

    fn snapshot(&self) -> Checked<Snapshot> {
        let objects = self.cluster.objects();
        let object = objects.get(self.kind, "api").as_ref().and_then(Object::parse).ok_or("it is no workload")?;
        let mut snapshot = Snapshot::of_object(object);
        let uid = &snapshot.object.meta().uid;
        let sets = objects.list("replicaset");
        let is_own = |set: &&Value| reduce::owner_uids(set).contains(uid);
        snapshot.replicasets = sets.iter().filter(is_own).map(reduce::replicaset).collect();
        snapshot.replicasets.sort_by_key(|rs| std::cmp::Reverse((rs.revision(), rs.meta.created)));
        let of_experiments: Vec<_> = sets.iter().map(reduce::replicaset).filter(|rs| rs.experiment.is_some()).collect();
        snapshot.experiments = Experiment::of_replicasets(of_experiments);
        snapshot.pods = objects.list("pod").iter().map(reduce::pod).collect();
        if let Some(router) = snapshot.object.workload().router() {
            let read = |(object, resource): (&RouterObject, Resource)| {
                router.read(object, objects.get(&resource.kind.to_lowercase(), &object.name).as_ref())
            };
            snapshot.routed = router.read_objects().flat_map(read).collect();
        }
        Ok(snapshot)
    }

    /// What the objects show, for the words of a failure.
    pub fn describe(&self) -> String {
        let look = self.look();
        let status = &look.object["status"];
        let shown = json!({
            "shares": look.shares, "phase": status["phase"], "message": status["message"],
            "step": status["currentStepIndex"], "abort": status["abort"], "paused": look.object["spec"]["paused"],
            "conditions": status["conditions"], "pauses": status["pauseConditions"], "current": status["currentPodHash"], "stable": status["stableRS"],
        });
        shown.to_string()
    }
}
