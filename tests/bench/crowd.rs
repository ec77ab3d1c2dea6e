//! One rollout in a namespace of thousands of pods that keep changing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};
use support::process::{Meter, memory};

use crate::figures::Table;
use crate::place::{Place, deployment};

const DEPLOYMENTS: u32 = 49;
const PODS: u32 = 100;
const CHANGES_PER_SECOND: u32 = 50;
const MEASURED: Duration = Duration::from_secs(30);

pub fn run(table: &mut Table) {
    let place = Place::real().unwrap_or_else(|| Place::simulator("1"));
    let own = place.names("Pod").len();
    for number in 0..DEPLOYMENTS {
        place.create(&deployment(&format!("crowd-{number:02}"), PODS));
    }
    place.wait_pods(own + (DEPLOYMENTS * PODS) as usize);
    let pods = place.names("Pod");
    let is_own = |name: &String| name.starts_with(place.rollout);
    let others: Vec<String> = pods.iter().filter(|name| !is_own(name)).cloned().collect();
    let own: Vec<String> = pods.iter().filter(|name| is_own(name)).cloned().collect();
    measure(table, &place, &pods, &pods, Change::Annotation, "of all pods", Some(2.0));
    measure(table, &place, &pods, &others, Change::Annotation, "of other pods", None);
    measure(table, &place, &pods, &own, Change::Annotation, "of the rollout's own pods", None);
    measure(table, &place, &pods, &own, Change::Restarts, "of the rollout's own pods, each of them shown", None);
}

/// What changes of a pod.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Something that nobody is shown.
    Annotation,
    /// How often its containers were started again.
    Restarts,
}

fn measure(
    table: &mut Table,
    place: &Place,
    all: &[String],
    changing: &[String],
    what: Change,
    which: &str,
    must: Option<f64>,
) {
    let environment = [place.environment("prod-eu", place.rollout)];
    let mut pty = place.open(&environment, true, (120, 40));
    pty.wait_text("1.5.0");
    let over = Arc::new(AtomicBool::new(false));
    let changes = place.runtime.spawn(change(place.api("Pod"), changing.to_vec(), what, Arc::clone(&over)));
    std::thread::sleep(Duration::from_secs(5));
    let mut meter = Meter::start(pty.pid());
    meter.watch(MEASURED);
    let percent = meter.percent();
    let memory = memory(pty.pid());
    over.store(true, Ordering::Relaxed);
    let rate = place.runtime.block_on(changes).expect("changes");
    pty.send("q");
    pty.exit();
    let what = format!("{rate:.0} changes/s {which}, namespace of {} pods, {}", all.len(), place.name);
    let must = must.map(|must| (format!("< {must} %"), percent < must));
    table.figure(&format!("CPU of one core, {what}"), &format!("{percent:.2} %"), must);
    table.figure(
        &format!("memory (most), {what}"),
        &format!("{:.1} ({:.1}) MiB", memory.now_mib, memory.peak_mib),
        Some(("< 40 MiB".to_owned(), memory.peak_mib < 40.0)),
    );
}

/// Changes one pod after the other, each on its own so that a slow answer does not slow the pace. Returns the pace kept.
pub async fn change(
    api: kube::Api<kube::core::DynamicObject>,
    pods: Vec<String>,
    what: Change,
    over: Arc<AtomicBool>,
) -> f64 {
    let containers = match what {
        Change::Annotation => Value::Null,
        // They are all alike.
        Change::Restarts => api.get(&pods[0]).await.expect("a pod").data["status"]["containerStatuses"].take(),
    };
    let (began, mut done) = (Instant::now(), 0_u32);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / CHANGES_PER_SECOND);
    let mut under_way = tokio::task::JoinSet::new();
    // A step that shares no factor with the number of pods visits all of them, far apart.
    for n in 0.. {
        let index = n * 397 % pods.len();
        ticks.tick().await;
        if over.load(Ordering::Relaxed) {
            break;
        }
        let (api, name, mut containers) = (api.clone(), pods[index].clone(), containers.clone());
        under_way.spawn(async move {
            let how = PatchParams::default();
            if what == Change::Annotation {
                let touched = format!("{:?}", began.elapsed());
                let patch = json!({"metadata": {"annotations": {"cockpit.test/touched": touched}}});
                return api.patch(&name, &how, &Patch::Merge(&patch)).await.is_ok();
            }
            for container in containers.as_array_mut().into_iter().flatten() {
                container["restartCount"] = json!(n);
            }
            let patch = json!({"status": {"containerStatuses": containers}});
            api.patch_status(&name, &how, &Patch::Merge(&patch)).await.is_ok()
        });
        while let Some(ended) = under_way.try_join_next() {
            done += u32::from(ended.unwrap_or_default());
        }
    }
    f64::from(done) / began.elapsed().as_secs_f64()
}
