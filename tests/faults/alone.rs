//! Servers that go away for real. These trials have the bed to themselves.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Checked;
use crate::api::{WINDOW, recover};
use crate::metrics;
use crate::scene::{Meter, Scene, age, confirm, promotion_is_refused, same, say_yes, until, wait};
use crate::table::{KUBERNETES, Promotion};

/// kube-apiserver is killed, and started again.
pub fn apiserver_killed() -> Checked {
    let scene = Scene::set("apiserver-killed", false)?;
    let mut tui = scene.cockpit(&[]);
    tui.wait_text("p would promote 34 → 50 %");
    let killed = Killed::new(&scene)?;
    tui.wait_text("kubernetes ✖ down");
    tui.wait_text("is the API server up?");
    promotion_is_refused(&mut tui, "the picture is");
    measure(&scene, "apiserver_killed", || age(&tui.text()), tui.pid())?;
    scene.promote_is_refused(&[3, 4])?;
    drop(killed);
    recover(&scene, &mut tui, &[])
}

/// etcd stops in the middle of a promotion, and goes on: the API server answers as slowly as it can, and nobody knows
/// whether it will carry the promotion out.
pub fn etcd_stopped() -> Checked {
    let scene = Scene::set("etcd-stopped", false)?;
    let mut tui = scene.cockpit(&[]);
    tui.wait_text("p would promote 34 → 50 %");
    tui.send("p");
    tui.wait_text("Promote prod");
    let etcd = Stopped::new("etcd")?;
    if !say_yes(&mut tui, "Promote prod") {
        return Err(format!("too late:\n{}", tui.text()).into());
    }
    until("the write on the wire", || Ok((!scene.api.writes().is_empty()).then_some(())))?;
    tui.wait_text("kubernetes ✖ down");
    tui.wait_text("no answer in 3 s");
    promotion_is_refused(&mut tui, "the picture is");
    measure(&scene, "etcd_stopped", || age(&tui.text()), tui.pid())?;
    scene.promote_is_refused(&[3, 4])?;
    drop(etcd);
    recover(&scene, &mut tui, &[Promotion::FoundDone, Promotion::FoundNotDone, Promotion::Confirmed])
}

/// Prometheus is killed, and started again.
pub fn prometheus_killed() -> Checked {
    let scene = Scene::set("prometheus-killed", true)?;
    let mut tui = metrics::ready(&scene)?;
    let gone = Gone::new("prometheus")?;
    metrics::blind(&scene, &mut tui, "is it up, and reachable from here?")?;
    drop(gone);
    metrics::see_again(&scene, &mut tui)?;
    confirm(&mut tui, "R", "Roll back prod");
    tui.wait_text("nothing is under way in prod");
    same("actions", &scene.api.writes().len(), &4)?;
    Ok(())
}

/// Holds the cost against the bounds while the picture grows older.
fn measure(scene: &Scene, trial: &str, mut age: impl FnMut() -> Option<u64>, pid: u32) -> Checked {
    let meter = Meter::begin(&scene.api, pid)?;
    let first = until("an age on the screen", || Ok(age()))?;
    until("an age that grows", || Ok(age().filter(|age| *age >= first + WINDOW)))?;
    meter.end(trial, &KUBERNETES)
}

/// The API server is away until this is dropped, whatever becomes of the trial: others need it.
struct Killed<'a>(&'a Scene);

impl<'a> Killed<'a> {
    fn new(scene: &'a Scene) -> Checked<Self> {
        let killed = Self(scene);
        wait(scene.stage.bed.take_away())?;
        Ok(killed)
    }
}

impl Drop for Killed<'_> {
    fn drop(&mut self) {
        if let Err(error) = wait(self.0.stage.bed.bring_back()) {
            eprintln!("the API server does not come back: {error:?}");
        }
    }
}

/// A server that is killed, and started again when this is dropped.
struct Gone;

impl Gone {
    fn new(server: &str) -> Checked<Self> {
        signal(server, "KILL")?;
        Ok(Self)
    }
}

impl Drop for Gone {
    fn drop(&mut self) {
        if let Err(error) = run("up") {
            eprintln!("the bed does not come up: {error:?}");
        }
    }
}

/// A server that stands still until this is dropped.
struct Stopped(&'static str);

impl Stopped {
    fn new(server: &'static str) -> Checked<Self> {
        signal(server, "STOP")?;
        Ok(Self(server))
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        if let Err(error) = signal(self.0, "CONT") {
            eprintln!("{} stands still: {error:?}", self.0);
        }
    }
}

fn bed() -> Checked<PathBuf> {
    Ok(PathBuf::from(std::env::var_os("COCKPIT_CLUSTER").ok_or("COCKPIT_CLUSTER is not set")?))
}

/// Sends a signal to a server of the bed.
fn signal(server: &str, signal: &str) -> Checked {
    let pid = std::fs::read_to_string(bed()?.join(format!("{server}.pid")))?;
    let sent = Command::new("kill").args(["-s", signal, pid.trim()]).status()?;
    if sent.success() { Ok(()) } else { Err(format!("{server} takes no {signal}").into()) }
}

/// Runs a script of the bed. What it starts outlives this process: no descriptor is inherited.
fn run(script: &str) -> Checked {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster").join(script);
    let run = bed()?;
    let ended = Command::new(path)
        .env("COCKPIT_CLUSTER_DIR", run.parent().ok_or("COCKPIT_CLUSTER has no parent")?)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if ended.success() { Ok(()) } else { Err(format!("{script}: {ended}").into()) }
}
