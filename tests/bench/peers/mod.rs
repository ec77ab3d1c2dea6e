//! Side by side with what people use: the same namespace, the same terminal, one after the other.
//!
//! `tests/bench/peers/run` builds what is compared and starts this.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;
use support::process::{Meter, memory};
use support::{Program, Pty};

use crate::crowd;
use crate::figures::{Samples, Table, show};
use crate::place::{Place, deployment};

const SIZE: (u16, u16) = (120, 40);
const DEPLOYMENTS: u32 = 49;
const PODS: u32 = 100;
/// Until connections are up and first lists are read.
const WARM_UP: Duration = Duration::from_secs(12);
const MEASURED: Duration = Duration::from_secs(30);
const STARTS: usize = 7;
const CHANGES: u32 = 25;

/// A program that is compared.
struct Peer {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    /// What shows that it draws.
    frame: &'static str,
    /// What shows that it has read the cluster.
    live: &'static str,
    /// Key that opens what shows restarts of the rollout's pods.
    restarts: Option<&'static str>,
    /// How it shows so many restarts; `None` where it does not show them.
    sign: Option<fn(u32) -> String>,
}

pub fn run(table: &mut Table) {
    let (Some(place), Some(cluster)) = (Place::real(), std::env::var_os("COCKPIT_CLUSTER_BIN")) else {
        eprintln!("  left out: tests/bench/peers/run starts it on the real test bed");
        return;
    };
    for number in 0..DEPLOYMENTS {
        place.create(&deployment(&format!("crowd-{number:02}"), PODS));
    }
    place.wait_pods((DEPLOYMENTS * PODS) as usize + 10);
    let peers = peers(&place, Path::new(&cluster));
    for peer in &peers {
        starts(table, &place, peer);
    }
    for peer in &peers {
        costs(table, &place, peer);
    }
    for peer in &peers {
        sees(table, &place, peer);
    }
    aborts(table, &place, Path::new(&cluster));
}

fn peers(place: &Place, cluster: &Path) -> Vec<Peer> {
    let (kubeconfig, config) = place.files(&[place.environment("prod-eu", place.rollout)], false);
    let words = |line: &str| line.split(' ').map(ToOwned::to_owned).collect::<Vec<_>>();
    let common = format!("--kubeconfig {kubeconfig} --context {} -n {}", place.context, place.namespace);
    let k9s = std::env::var_os("COCKPIT_K9S").map(PathBuf::from);
    let mut peers = vec![
        Peer {
            name: "cockpit",
            program: PathBuf::from(crate::COCKPIT),
            arguments: vec!["--config".to_owned(), config],
            frame: "Deck",
            live: "1.5.0",
            restarts: Some("2"),
            sign: Some(|count| format!("x{count} ")),
        },
        Peer {
            name: "kubectl argo rollouts get -w",
            program: cluster.join("kubectl-argo-rollouts"),
            arguments: words(&format!("get rollout {} -w {common}", place.rollout)),
            frame: "Name:",
            live: "1.5.0",
            restarts: None,
            sign: Some(|count| format!("restarts:{count}")),
        },
        Peer {
            name: "kubectl get pods -w",
            program: cluster.join("kubectl"),
            arguments: words(&format!("get pods -w -l app={} {common}", place.rollout)),
            frame: "NAME",
            live: place.rollout,
            restarts: None,
            sign: Some(|count| format!(" {count} ")),
        },
    ];
    if let Some(program) = k9s {
        let k9s = |name, command: &str, sign: Option<fn(u32) -> String>| Peer {
            name,
            program: program.clone(),
            arguments: [words(&format!("{common} --logoless --splashless --readonly -c")), vec![command.to_owned()]]
                .concat(),
            frame: "Context",
            live: place.rollout,
            restarts: None,
            sign,
        };
        peers.push(k9s("k9s, rollouts", "rollouts", None));
        peers.push(k9s("k9s, pods of the rollout", "pods /payments-api", Some(|count| format!(" {count} "))));
    }
    peers
}

impl Peer {
    fn open(&self, place: &Place) -> Pty {
        let (kubeconfig, _) = place.files(&[place.environment("prod-eu", place.rollout)], false);
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        Program::new(&self.program).env("KUBECONFIG", kubeconfig).screen(&arguments, SIZE)
    }
}

fn starts(table: &mut Table, place: &Place, peer: &Peer) {
    let (mut frame, mut row) = (Samples::default(), Samples::default());
    for _ in 0..STARTS {
        let began = Instant::now();
        let pty = peer.open(place);
        pty.wait_text(peer.frame);
        frame.add(began.elapsed());
        pty.wait_text(peer.live);
        row.add(began.elapsed());
    }
    table.times(&format!("exec → first frame, {}", peer.name), &frame, None);
    table.times(&format!("exec → first live row, {}", peer.name), &row, None);
}

fn costs(table: &mut Table, place: &Place, peer: &Peer) {
    let pty = peer.open(place);
    pty.wait_text(peer.live);
    sleep(WARM_UP);
    cost(table, &pty, peer, "idle");
    let over = Arc::new(AtomicBool::new(false));
    let changes = crowd::change(place.api("Pod"), place.names("Pod"), crowd::Change::Annotation, Arc::clone(&over));
    let changes = place.runtime.spawn(changes);
    sleep(Duration::from_secs(5));
    cost(table, &pty, peer, "50 pod changes/s");
    over.store(true, Ordering::Relaxed);
    let rate = place.runtime.block_on(changes).expect("changes");
    table.figure(&format!("pace kept, {}", peer.name), &format!("{rate:.0}/s"), None);
}

fn cost(table: &mut Table, pty: &Pty, peer: &Peer, what: &str) {
    let written = pty.written();
    let mut meter = Meter::start(pty.pid());
    meter.watch(MEASURED);
    let bytes = (pty.written() - written) / MEASURED.as_secs();
    let most = memory(pty.pid()).peak_mib;
    let figure = format!("{:.2} % of a core, {most:.0} MiB, {bytes} bytes/s to the terminal", meter.percent());
    table.figure(&format!("{what}, {}", peer.name), &figure, None);
}

/// From a change of a pod at the API server, its PATCH included, to the screen.
fn sees(table: &mut Table, place: &Place, peer: &Peer) {
    let Some(sign) = peer.sign else { return };
    let mut pty = peer.open(place);
    pty.wait_text(peer.live);
    if let Some(key) = peer.restarts {
        pty.send(key);
        pty.wait_text("revisions and pods");
    }
    sleep(Duration::from_secs(3));
    let pods = place.api("Pod");
    let params = ListParams::default().labels(&format!("app={}", place.rollout)).limit(1);
    let list = place.runtime.block_on(pods.list(&params)).expect("listed");
    let pod = list.items.first().expect("a pod");
    let name = pod.metadata.name.clone().expect("a name");
    let mut containers = pod.data["status"]["containerStatuses"].clone();
    let mut samples = Samples::default();
    for round in 0..CHANGES {
        sleep(Duration::from_millis(311));
        let count = 100 + round;
        containers[0]["restartCount"] = json!(count);
        let patch = Patch::Merge(json!({"status": {"containerStatuses": containers}}));
        let began = Instant::now();
        let params = PatchParams::default();
        place.runtime.block_on(pods.patch_status(&name, &params, &patch)).expect("patched");
        pty.wait_text(&sign(count));
        samples.add(began.elapsed());
    }
    table.times(&format!("change at the API server → screen, {}", peer.name), &samples, None);
}

/// What a person waits for who aborts with the plugin: the whole process. The cockpit's key is measured by `act`.
fn aborts(table: &mut Table, place: &Place, cluster: &Path) {
    let (kubeconfig, _) = place.files(&[place.environment("prod-eu", place.rollout)], false);
    let mut samples = Samples::default();
    for _ in 0..STARTS {
        let began = Instant::now();
        let ended = Command::new(cluster.join("kubectl-argo-rollouts"))
            .args(["abort", place.rollout, "--kubeconfig", &kubeconfig, "--context", place.context])
            .args(["-n", &place.namespace])
            .output();
        assert!(ended.is_ok_and(|ended| ended.status.success()), "the abort of the plugin");
        samples.add(began.elapsed());
    }
    table.times("the process `kubectl argo rollouts abort`", &samples, None);
    eprintln!("  median {}", show(samples.quantile(0.5)));
}
