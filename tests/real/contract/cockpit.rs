//! A cockpit without a screen: the product's own watches, core and dispatcher, driven by a test.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use release_cockpit::domain::record::action::{Intent, Outcome, System, Verb};
use release_cockpit::domain::record::receipt::Receipt;

use release_cockpit::domain::facts::freshness::Heard;
use release_cockpit::domain::facts::ids::{EnvName, WorkloadId, WorkloadKey};
use release_cockpit::domain::facts::owner::ARGO_CD_NAMESPACE;
use release_cockpit::domain::facts::workload::deployment::Deployment;
use release_cockpit::domain::facts::workload::rollout::Rollout;
use release_cockpit::domain::facts::workload::{Object, Phase, Snapshot, Status};
use release_cockpit::domain::record::journal::{Entry, Line, open_intents};
use release_cockpit::domain::rules::action::{InProgress, Plan, PlanContext, plan};
use release_cockpit::domain::rules::refusal::Refusal;
use release_cockpit::domain::world::feed::Feed;
use release_cockpit::domain::world::{EnvSettings, Environment, WorkloadState, World};
use release_cockpit::executors::kubernetes::Kubernetes;
use release_cockpit::executors::{Dispatcher, Journal, journal};
use release_cockpit::platform::Redactor;
use release_cockpit::sources::inbox::Inbox;
use release_cockpit::sources::kubernetes::{KubernetesSource, OwnerPlace, ReadClient};
use support::check::WAIT_TIMEOUT;
use support::proxy::{Proxy, Recorded};
use support::{Checked, TestNamespace};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// How a cockpit is opened.
pub struct Opening {
    pub who: String,
    /// Which workload it watches and steers.
    pub workload: WorkloadId,
    /// The namespace, where it is another than the test's.
    pub namespace: Option<String>,
    /// Where its journals are; by default a folder of its own.
    pub journals: Option<PathBuf>,
    /// Whether a proxy lies between it and the server.
    pub proxied: bool,
}

impl Opening {
    /// Opens as alice, who may do everything.
    pub fn of(workload: &str) -> Checked<Self> {
        Ok(Self {
            who: "alice".to_owned(),
            workload: workload.parse()?,
            namespace: None,
            journals: None,
            proxied: true,
        })
    }

    pub fn by(mut self, who: &str) -> Self {
        who.clone_into(&mut self.who);
        self
    }
}

pub struct Cockpit {
    pub world: World,
    pub dispatcher: Dispatcher,
    /// What its one workload is called.
    pub target: WorkloadKey,
    /// Every receipt of the dispatcher so far.
    pub receipts: Vec<Receipt>,
    journals: PathBuf,
    proxy: Option<Proxy>,
    inbox: Inbox,
    inflow: mpsc::Receiver<Receipt>,
    _folder: tempfile::TempDir,
    _end: DropGuard,
}

/// What is known of the workload: what conditions look at.
pub struct View<'a> {
    pub state: &'a WorkloadState,
    pub snapshot: &'a Snapshot,
    pub status: &'a Status,
}

impl View<'_> {
    /// Returns the Rollout; an empty one for a Deployment, so that conditions stay simple.
    pub fn rollout(&self) -> Rollout {
        match &self.snapshot.object {
            Object::Rollout(rollout) => (**rollout).clone(),
            Object::Deployment(_) => Rollout::default(),
        }
    }

    /// Returns the Deployment; an empty one for a Rollout.
    pub fn deployment(&self) -> Deployment {
        match &self.snapshot.object {
            Object::Deployment(deployment) => (**deployment).clone(),
            Object::Rollout(_) => Deployment::default(),
        }
    }

    /// Returns whether it is in a phase.
    pub fn is(&self, phase: Phase) -> bool {
        self.status.phase == phase
    }

    /// Returns whether it waits at the pause step with this index.
    pub fn paused_at(&self, index: usize) -> bool {
        let rollout = self.rollout();
        self.is(Phase::Paused) && !rollout.spec.paused && rollout.status.step_index == Some(index)
    }

    /// Returns whether it is out and well, and nothing is left of what it replaced.
    pub fn is_settled(&self) -> bool {
        self.is(Phase::Healthy)
            && self.status.canary.is_none()
            && self.status.replicas.current == self.status.replicas.desired
            && self.snapshot.pods.len() == self.status.replicas.desired as usize
    }

    /// Returns the version that the manifest names, e.g. `1.5.0`.
    pub fn goes_out(&self) -> String {
        self.status
            .canary
            .as_ref()
            .or(self.status.stable.as_ref())
            .map_or_else(String::new, release_cockpit::domain::facts::workload::Revision::version)
    }

    fn summary(&self) -> String {
        let status = self.status;
        format!(
            "{} {:?} step {:?} weight {:?} {:?} stable {:?} canary {:?} rejected {:?} why {:?}, pods {:?}",
            status.phase,
            status.message,
            status.step,
            status.weight,
            status.replicas,
            status.stable.as_ref().map(|revision| (revision.number, &revision.hash, &revision.images)),
            status.canary.as_ref().map(|revision| (revision.number, &revision.hash, &revision.images)),
            self.state.rejected,
            status.why,
            self.snapshot.pods.iter().map(|pod| (&pod.name, &pod.reason)).collect::<Vec<_>>()
        )
    }
}

impl Cockpit {
    /// Opens a cockpit on a namespace.
    pub async fn open(namespace: &TestNamespace, opening: Opening) -> Checked<Self> {
        let mut config = namespace.cluster.config(&opening.who).await?;
        let proxy = if opening.proxied {
            let proxy = Proxy::of_kubernetes(config.clone()).await?;
            config.cluster_url = proxy.url().parse()?;
            Some(proxy)
        } else {
            None
        };
        let namespace = opening.namespace.clone().unwrap_or_else(|| namespace.name.clone());
        Self::start(config, proxy, namespace, opening)
    }

    /// Opens a cockpit at an address, as a process of its own does.
    pub fn start(config: kube::Config, proxy: Option<Proxy>, namespace: String, opening: Opening) -> Checked<Self> {
        let env = EnvName::new("bed");
        let target = WorkloadKey { env: env.clone(), workload: opening.workload.clone() };
        let folder = tempfile::tempdir()?;
        let journals = opening.journals.unwrap_or_else(|| folder.path().to_owned());
        let redactor = Redactor::default();
        let inbox = Inbox::default();
        let cancel = CancellationToken::new();
        let source = KubernetesSource {
            signers: None,
            env: env.clone(),
            client: ReadClient::new(config.clone(), &redactor)?,
            namespace: namespace.clone(),
            workloads: watch::channel(vec![opening.workload.clone()]).1,
            outlet: inbox.outlet(),
            tracks: watch::Sender::default(),
            canaries: watch::Sender::default(),
            identity: watch::Sender::default(),
            refresh: Arc::new(Notify::new()),
            rights: Arc::new(Notify::new()),
            owners: OwnerPlace { client: None, argo_cd_namespace: ARGO_CD_NAMESPACE.to_owned() },
            cancel: cancel.clone(),
        };
        source.spawn(&TaskTracker::new());
        let (outflow, inflow) = mpsc::channel(4096);
        let dispatcher = Dispatcher::new(Journal::new(&journals, None), opening.who.clone(), outflow);
        dispatcher.admit(env.clone(), System::Kubernetes, Arc::new(Kubernetes::new(config, &namespace, redactor)?));
        let world = World::new([EnvSettings {
            context: opening.who,
            namespace,
            workloads: vec![opening.workload],
            ..EnvSettings::new("bed")
        }]);
        Ok(Self {
            world,
            dispatcher,
            target,
            receipts: Vec::new(),
            journals,
            proxy,
            inbox,
            inflow,
            _folder: folder,
            _end: cancel.drop_guard(),
        })
    }

    /// Returns the proxy between it and the server.
    pub fn proxy(&self) -> Checked<&Proxy> {
        Ok(self.proxy.as_ref().ok_or("there is no proxy before this cockpit")?)
    }

    /// Takes in everything that has arrived.
    pub fn absorb(&mut self) {
        let now = Timestamp::now();
        for feed in self.inbox.drain() {
            if let Feed::Access { env, access } = &feed {
                self.dispatcher.learn(env, access);
            }
            self.world.take(feed, now);
        }
        while let Ok(receipt) = self.inflow.try_recv() {
            if let Receipt::Written(lines) | Receipt::Ended { lines, .. } = &receipt {
                self.world.take_lines(lines, now);
            }
            self.receipts.push(receipt);
        }
    }

    /// Returns what is known of the environment.
    pub fn environment(&self) -> Checked<&Environment> {
        Ok(self.world.environment(&self.target.env).ok_or("the environment is gone")?)
    }

    /// Returns what is known of the workload, once something is.
    pub fn view(&self) -> Option<View<'_>> {
        let (_, state) = self.world.find(&self.target)?;
        Some(View { state, snapshot: state.snapshot.as_deref()?, status: state.status.as_ref()? })
    }

    /// Returns what must be known of the workload by now.
    pub fn seen(&self) -> Checked<View<'_>> {
        Ok(self.view().ok_or("nothing is known of the workload")?)
    }

    /// Waits until what is known is as wanted.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&View<'_>) -> bool) -> Checked {
        self.until_any(what, |cockpit| cockpit.view().is_some_and(|view| wanted(&view))).await
    }

    /// Waits until the link to the API server is as wanted.
    pub async fn until_link(&mut self, what: &str, wanted: impl Fn(&Heard) -> bool) -> Checked {
        self.until_any(what, |cockpit| cockpit.environment().is_ok_and(|env| wanted(&env.kubernetes()))).await
    }

    /// Waits until the cockpit as a whole is as wanted.
    pub async fn until_any(&mut self, what: &str, wanted: impl Fn(&Self) -> bool) -> Checked {
        let deadline = Instant::now() + WAIT_TIMEOUT;
        loop {
            self.absorb();
            if wanted(self) {
                return Ok(());
            }
            if timeout_at(deadline, self.inbox.arrived()).await.is_err() {
                let link = self.environment()?.kubernetes();
                let seen = self.view().map_or_else(|| "nothing".to_owned(), |view| view.summary());
                return Err(format!("waited in vain for {what}; link {link:?}; seen: {seen}").into());
            }
        }
    }

    /// Waits until anything new has arrived, and takes it in.
    pub async fn next(&mut self) -> Checked {
        timeout_at(Instant::now() + WAIT_TIMEOUT, self.inbox.arrived()).await?;
        self.absorb();
        Ok(())
    }

    /// Waits for phase Healthy with nothing left of what was replaced.
    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method is of one lifetime, the closure of all")]
    pub async fn until_settled(&mut self) -> Checked {
        self.until("settled and Healthy", |view| view.is_settled()).await
    }

    /// Waits until the clock shows another second than the one in which the newest ReplicaSet or pod was made: their
    /// ages are compared in whole seconds.
    pub async fn until_next_second(&mut self) -> Checked {
        let snapshot = self.seen()?.snapshot;
        let made =
            snapshot.replicasets.iter().map(|rs| rs.meta.created).chain(snapshot.pods.iter().map(|pod| pod.created));
        let newest = made.flatten().max().ok_or("nothing was made yet")?;
        let wait = newest.as_second() + 1 - Timestamp::now().as_second();
        tokio::time::sleep(std::time::Duration::from_secs(u64::try_from(wait.max(0))?)).await;
        Ok(())
    }

    /// Waits at a pause step.
    pub async fn until_paused_at(&mut self, index: usize) -> Checked {
        self.until(&format!("a pause at step index {index}"), |view| view.paused_at(index)).await
    }

    /// Asks for a plan, as key, palette and commands do.
    pub fn plan(&mut self, verb: Verb) -> Result<Plan, Vec<Refusal>> {
        self.plan_to(verb, None)
    }

    /// Asks for a plan that names a revision.
    pub fn plan_to(&mut self, verb: Verb, to: Option<u64>) -> Result<Plan, Vec<Refusal>> {
        self.absorb();
        let around = PlanContext {
            now: Timestamp::now(),
            journal_broken: self.dispatcher.journal().state().broken,
            journal_unread: false,
            in_flight: self.in_flight(),
            operator: String::new(),
        };
        plan(&self.world, &Intent { verb, target: self.target.clone().into(), to }, &around)
    }

    /// Asks for a plan that must be possible.
    pub fn planned(&mut self, verb: Verb) -> Checked<Plan> {
        self.plan(verb).map_err(|refusals| format!("{verb} is refused: {}", lines(&refusals)).into())
    }

    /// Asks for a plan that must be refused; returns every reason in one text.
    pub fn refused(&mut self, verb: Verb) -> Checked<String> {
        match self.plan(verb) {
            Ok(plan) => Err(format!("{verb} is offered: {}", plan.record().headline).into()),
            Err(refusals) => Ok(lines(&refusals)),
        }
    }

    /// Plans a verb and carries it out; the status must confirm it. Returns the writes that the server took.
    pub async fn act(&mut self, verb: Verb) -> Checked<Vec<Recorded>> {
        let plan = self.planned(verb)?;
        self.carry_out(plan).await
    }

    /// Plans a verb and sends it; it is taken up, and not waited for. Returns what it still lacks.
    pub async fn begin(&mut self, verb: Verb) -> Checked<String> {
        let plan = self.planned(verb)?;
        self.dispatcher.wait_for(std::time::Duration::ZERO);
        let outcome = self.dispatcher.perform(plan).await;
        self.dispatcher.wait_for(release_cockpit::executors::SERVE_TIMEOUT);
        self.absorb();
        match outcome {
            // A controller may be done before the first look.
            Outcome::Unconfirmed { shows } | Outcome::Confirmed { shows } => Ok(shows),
            other => Err(format!("{verb}: {}", other.describe()).into()),
        }
    }

    /// Carries a plan out; the status must confirm it. Returns the writes that the server took.
    pub async fn carry_out(&mut self, plan: Plan) -> Checked<Vec<Recorded>> {
        let (verb, record) = (plan.record().verb, plan.record().clone());
        self.proxy()?.forget();
        let outcome = self.dispatcher.perform(plan).await;
        self.absorb();
        let sent = self.proxy()?.writes();
        if !matches!(outcome, Outcome::Confirmed { .. }) {
            return Err(format!("{verb}: {}; sent: {sent:?}; record: {record:?}", outcome.describe()).into());
        }
        let strangers: Vec<_> = sent.iter().filter(|sent| !sent.is_accepted() && sent.answer != Some(409)).collect();
        if !strangers.is_empty() {
            return Err(format!("{verb}: writes that were neither taken nor in conflict: {strangers:?}").into());
        }
        if let Some(bare) = sent.iter().find(|sent| sent.precondition.as_deref().unwrap_or_default().is_empty()) {
            return Err(format!("{verb}: a write without precondition: {bare:?}").into());
        }
        Ok(sent.into_iter().filter(Recorded::is_accepted).collect())
    }

    /// Returns how many outcomes became unknown.
    pub fn unknown(&self) -> usize {
        let unknown = |receipt: &&Receipt| matches!(receipt, Receipt::Ended { outcome, .. } if !outcome.is_settled());
        self.receipts.iter().filter(unknown).count()
    }

    fn in_flight(&self) -> Vec<InProgress> {
        let mut open = BTreeMap::new();
        for receipt in &self.receipts {
            match receipt {
                Receipt::Begun { action, target, verb } => {
                    let (target, verb) = (target.clone(), *verb);
                    let begun = InProgress { target, verb, to_hash: None, is_in_doubt: false };
                    open.insert(action.clone(), begun);
                }
                Receipt::Ended { action, outcome, .. } if outcome.is_settled() => {
                    open.remove(action);
                }
                _ => {}
            }
        }
        open.into_values().collect()
    }

    /// Returns all lines of its journals, read from disk and checked against the chain.
    pub fn lines(&self) -> Checked<Vec<Line>> {
        let mut lines = Vec::new();
        for path in journal::list(&self.journals)? {
            lines.extend(journal::read(&path)?.lines);
        }
        Ok(lines)
    }

    /// Checks what must hold of every cockpit's life: each action is in the journal, intent before outcome, none open.
    pub fn check_life(&mut self) -> Checked {
        self.absorb();
        let lines = self.lines()?;
        let mut ended = 0;
        for receipt in &self.receipts {
            let Receipt::Ended { action, outcome, .. } = receipt else { continue };
            let is_intent = |line: &Line| matches!(&line.entry, Entry::Intent { action: id, .. } if id == action);
            let is_outcome = |line: &Line| matches!(&line.entry, Entry::Outcome { action: id, outcome: how } if id == action && how == outcome);
            let (intent, end) = (lines.iter().position(is_intent), lines.iter().position(is_outcome));
            if outcome.is_settled() && (intent.is_none() || intent >= end) {
                return Err(format!("{}: intent at {intent:?}, outcome at {end:?}", outcome.describe()).into());
            }
            ended += 1;
        }
        if !open_intents(&lines).is_empty() {
            return Err(format!("open intents after {ended} actions").into());
        }
        Ok(())
    }
}

/// All reasons in one text.
pub fn lines(refusals: &[Refusal]) -> String {
    refusals.iter().map(|refusal| format!("{:?}: {}", refusal.kind, refusal.line())).collect::<Vec<_>>().join(" | ")
}
