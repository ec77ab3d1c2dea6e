//! One rollout in a namespace of thousands of pods that keep changing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::figures::Table;
use crate::place::{Place, deployment};
use crate::process::{Meter, memory};

const DEPLOYMENTS: u32 = 49;
const PODS: u32 = 100;
const CHANGES_PER_SECOND: u32 = 50;
const SPAN: Duration = Duration::from_secs(30);

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
    measure(table, &place, &pods, &pods, "of all pods", Some(2.0));
    measure(table, &place, &pods, &others, "of other pods", None);
    measure(table, &place, &pods, &own, "of the rollout's own pods", None);
}

fn measure(table: &mut Table, place: &Place, all: &[String], changing: &[String], which: &str, must: Option<f64>) {
    let environment = [place.environment("prod-eu", place.rollout)];
    let mut tui = place.open(&environment, true, (120, 40));
    tui.wait_text("1.5.0");
    let over = Arc::new(AtomicBool::new(false));
    let changes = place.runtime.spawn(change(place.api("Pod"), changing.to_vec(), Arc::clone(&over)));
    std::thread::sleep(Duration::from_secs(5));
    let mut meter = Meter::start(tui.pid());
    meter.watch(SPAN);
    let percent = meter.percent();
    let (now, most) = memory(tui.pid());
    over.store(true, Ordering::Relaxed);
    let rate = place.runtime.block_on(changes).expect("changes");
    tui.send("q");
    tui.exit();
    let what = format!("{rate:.0} changes/s {which}, namespace of {} pods, {}", all.len(), place.name);
    let must = must.map(|must| (format!("< {must} %"), percent < must));
    table.figure(&format!("CPU of one core, {what}"), &format!("{percent:.2} %"), must);
    table.figure(
        &format!("memory (most), {what}"),
        &format!("{now:.1} ({most:.1}) MiB"),
        Some(("< 40 MiB".to_owned(), most < 40.0)),
    );
}

/// Changes one pod after the other, each on its own so that a slow answer does not slow the pace. Returns the pace kept.
pub async fn change(api: kube::Api<kube::core::DynamicObject>, pods: Vec<String>, over: Arc<AtomicBool>) -> f64 {
    let (began, mut done) = (Instant::now(), 0_u32);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / CHANGES_PER_SECOND);
    let mut under_way = tokio::task::JoinSet::new();
    // A step that shares no factor with the number of pods visits all of them, far apart.
    for index in (0..).map(|n: usize| n * 397 % pods.len()) {
        ticks.tick().await;
        if over.load(Ordering::Relaxed) {
            break;
        }
        let (api, name) = (api.clone(), pods[index].clone());
        let patch = json!({"metadata": {"annotations": {"cockpit.test/touched": format!("{:?}", began.elapsed())}}});
        under_way.spawn(async move { api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await.is_ok() });
        while let Some(ended) = under_way.try_join_next() {
            done += u32::from(ended.unwrap_or_default());
        }
    }
    f64::from(done) / began.elapsed().as_secs_f64()
}
