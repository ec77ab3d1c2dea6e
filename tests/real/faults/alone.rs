//! Servers that go away for real. These cases have the servers to themselves.

use release_cockpit::domain::record::action::{Outcome, Verb};
use support::Checked;
use support::check::same;
use support::cluster::RealCluster;

use super::api::{WINDOW_SECONDS, recover};
use super::metrics;
use super::setup::{Meter, Setup, age, confirm, promotion_is_refused, say_yes, until};
use super::table::KUBERNETES;

/// kube-apiserver is killed, and started again.
pub fn apiserver_killed() -> Checked {
    let setup = Setup::new("apiserver-killed", false)?;
    let mut pty = setup.cockpit(&[]);
    pty.wait_text("p would promote 33 → 50 %");
    let killed = Killed::new(&setup)?;
    pty.wait_text("kubernetes ✖ down");
    pty.wait_text("is the API server up?");
    promotion_is_refused(&mut pty, "state is");
    measure(&setup, "apiserver_killed", || age(&pty.text()), pty.pid())?;
    setup.promote_is_refused(&[1])?;
    drop(killed);
    recover(&setup, &mut pty, &[])
}

/// etcd stops under an open question, and goes on: the API server answers as slowly as it can, so nobody knows whether the
/// promotion was stopped meanwhile.
pub fn etcd_stopped() -> Checked {
    let setup = Setup::new("etcd-stopped", false)?;
    let mut pty = setup.cockpit(&[]);
    pty.wait_text("p would promote 33 → 50 %");
    pty.send("p");
    pty.wait_text("Promote prod");
    let etcd = Stopped::new("etcd")?;
    if !say_yes(&mut pty, "Promote prod") {
        return Err(format!("too late:\n{}", pty.text()).into());
    }
    // Whether somebody stopped it meanwhile stands in the shared record, which cannot be read: it is not sent.
    let is_refused = |outcome: &Outcome| matches!(outcome, Outcome::Refused { why } if why.contains("not sent"));
    until("the promotion refused", || Ok(setup.outcomes(Verb::Promote)?.iter().any(is_refused).then_some(())))?;
    same("writes", &setup.api.writes_without_conflicts().len(), &0)?;
    pty.wait_text("kubernetes ✖ down");
    pty.wait_text("no answer in 3 s");
    promotion_is_refused(&mut pty, "state is");
    measure(&setup, "etcd_stopped", || age(&pty.text()), pty.pid())?;
    setup.promote_is_refused(&[1])?;
    drop(etcd);
    recover(&setup, &mut pty, &[])
}

/// Prometheus is killed, and started again.
pub fn prometheus_killed() -> Checked {
    let setup = Setup::new("prometheus-killed", true)?;
    let mut pty = metrics::ready(&setup)?;
    let gone = Gone::new(&setup, "prometheus")?;
    metrics::blind(&setup, &mut pty, "is it up, and reachable from here?")?;
    drop(gone);
    metrics::see_again(&setup, &mut pty)?;
    confirm(&mut pty, "R", "Roll back prod");
    pty.wait_text("prod was rolled back from");
    same("actions", &setup.api.writes_without_conflicts().len(), &4)?;
    Ok(())
}

/// Holds the cost against the bounds while the state grows older.
fn measure(setup: &Setup, case: &str, mut age: impl FnMut() -> Option<u64>, pid: u32) -> Checked {
    let meter = Meter::begin(&setup.api, pid)?;
    let first = until("an age on the screen", || Ok(age()))?;
    until("an age that grows", || Ok(age().filter(|age| *age >= first + WINDOW_SECONDS)))?;
    meter.end(case, &KUBERNETES)
}

/// The API server is away until this is dropped, whatever becomes of the trial: others need it.
struct Killed<'a>(&'a Setup);

impl<'a> Killed<'a> {
    fn new(setup: &'a Setup) -> Checked<Self> {
        let killed = Self(setup);
        setup.wait(setup.namespace.cluster.api_server.stop())?;
        Ok(killed)
    }
}

impl Drop for Killed<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.0.wait(self.0.namespace.cluster.api_server.start()) {
            eprintln!("the API server does not come back: {error:?}");
        }
    }
}

/// A server that is killed, and started again when this is dropped.
struct Gone<'a>(&'a Setup);

impl<'a> Gone<'a> {
    fn new(setup: &'a Setup, server: &str) -> Checked<Self> {
        RealCluster::find()?.signal(server, "KILL")?;
        Ok(Self(setup))
    }

    fn bring_up(&self) -> Checked {
        let cluster = RealCluster::find()?;
        self.0.wait(cluster.run_script("up", &[]))
    }
}

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.bring_up() {
            eprintln!("the server does not come up: {error:?}");
        }
    }
}

/// A server that stands still until this is dropped.
struct Stopped(&'static str);

impl Stopped {
    fn new(server: &'static str) -> Checked<Self> {
        RealCluster::find()?.signal(server, "STOP")?;
        Ok(Self(server))
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        if let Err(error) = RealCluster::find().and_then(|cluster| cluster.signal(self.0, "CONT")) {
            eprintln!("{} stands still: {error:?}", self.0);
        }
    }
}
