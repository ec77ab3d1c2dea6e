//! A canary in a namespace of its own that is paused at a step, and a cockpit that looks at it through proxies.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kube::config::Kubeconfig;
use libtest_mimic::Failed;
use release_cockpit::domain::record::action::{Outcome, Verb};
use release_cockpit::domain::record::journal::Entry;
use release_cockpit::executors::journal;
use serde_json::Value;
use support::check::{WAIT_TIMEOUT, same};
use support::cluster::RealCluster;
use support::manifests::{canary, image, pause, weight};
use support::{Checked, Program, Proxy, Pty, TestNamespace, process};
use tokio::runtime::Runtime;

use super::table::Bounds;
use crate::cockpit;

/// Looks again and again until there is something.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Checked<Option<T>>) -> Checked<T> {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            return Err(format!("waited in vain: {what}").into());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The servers as one case needs them.
pub struct Setup {
    pub namespace: TestNamespace,
    /// Between the cockpit and the API server.
    pub api: Proxy,
    /// Between the cockpit and Prometheus.
    pub prometheus: Option<Proxy>,
    program: Program,
    /// What proxies and the test's own requests run on.
    runtime: Runtime,
}

impl Setup {
    /// Creates the namespace, with a canary that is paused at 34 %.
    pub fn new(name: &str, with_metrics: bool) -> Checked<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (namespace, api, prometheus) = runtime.block_on(async {
            let namespace = TestNamespace::create(RealCluster::find()?.cluster(), name).await?;
            let api = Proxy::of_kubernetes_with_tls(namespace.cluster.config("admin").await?).await?;
            let prometheus = match std::env::var("PROMETHEUS_URL") {
                Ok(url) if with_metrics => Some(Proxy::of_http(url).await?),
                _ => None,
            };
            Ok::<_, Failed>((namespace, api, prometheus))
        })?;
        let setup = Self { namespace, api, prometheus, program: cockpit(), runtime };
        setup.write_files()?;
        setup.wait(async {
            let mut rollout = canary("api", 3, &[weight(34), pause(), weight(50), pause(), weight(67), pause()]);
            if with_metrics {
                rollout["spec"]["template"]["metadata"]["labels"]["cockpit.test/metrics"] = "true".into();
            }
            let namespace = &setup.namespace;
            namespace.create_objects([rollout]).await?;
            namespace.until("Rollout", "api", "settled", |object| object["status"]["phase"] == "Healthy").await?;
            setup.release("1.1.0").await
        })?;
        Ok(setup)
    }

    /// Waits for something that tests do beside the screen.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Brings a version out, up to the first step that waits for a person.
    pub async fn release(&self, version: &str) -> Checked {
        self.namespace.set_image("Rollout", "api", &image("api", version)).await?;
        let wanted = image("api", version);
        let paused = |object: &Value| {
            let status = &object["status"];
            let observed = status["observedGeneration"].as_str().and_then(|seen| seen.parse::<i64>().ok());
            object["spec"]["template"]["spec"]["containers"][0]["image"] == wanted.as_str()
                && object["metadata"]["generation"].as_i64() == observed
                && status["phase"] == "Paused"
                && status["currentStepIndex"] == 1
        };
        self.namespace.until("Rollout", "api", "paused", paused).await?;
        Ok(())
    }

    fn write_files(&self) -> Checked {
        let namespace = &self.namespace.name;
        let known = serde_json::to_value(Kubeconfig::read_from(self.namespace.cluster.kubeconfig())?)?;
        let users = known["users"].as_array().cloned().unwrap_or_default();
        let alice = users.iter().find(|user| user["name"] == "alice").ok_or("the cluster has no alice")?;
        let token = alice["user"]["token"].as_str().ok_or("alice has no token")?;
        let authority = self.api.authority().ok_or("the proxy speaks no TLS")?;
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: prod\n\
             clusters: [{{name: bed, cluster: {{server: \"{}\", certificate-authority: {}}}}}]\n\
             contexts: [{{name: prod, context: {{cluster: bed, user: alice, namespace: {namespace}}}}}]\n\
             users: [{{name: alice, user: {{token: {token}}}}}]\n",
            self.api.url(),
            authority.display()
        );
        self.program.write("kubeconfig", &kubeconfig);
        let metrics = self.prometheus.as_ref().map_or_else(String::new, |proxy| {
            format!(
                "[prometheus]\nurl = \"{}\"\ninterval = \"1s\"\ntimeout = \"2s\"\nwindow = \"10s\"\n\
                 [limits]\np99_factor = false\n[verdict]\nevery = \"2s\"\nalpha_warn = 0.011\nenough = \"off\"\n",
                proxy.url()
            )
        });
        let environment =
            format!("[[environments]]\nname = \"prod\"\nnamespace = \"{namespace}\"\nworkloads = [\"rollout/api\"]\n");
        self.program.write("cockpit.toml", &(metrics + &environment));
        Ok(())
    }

    /// The program with its files, and its state in this folder of its home.
    fn with_state(&self, folder: &str) -> Program {
        let in_home = |name: &str| self.program.path(name).display().to_string();
        let program = self.program.clone().args(["--config".to_owned(), in_home("cockpit.toml")]);
        program.env("KUBECONFIG", in_home("kubeconfig")).env("XDG_STATE_HOME", in_home(folder))
    }

    pub fn cockpit(&self, more: &[(&str, &str)]) -> Pty {
        self.with_state("state").envs(more).screen(&[], (200, 45))
    }

    /// Runs a command beside the screen, with a memory of its own; returns its exit code and all that it says.
    pub fn command(&self, arguments: &[&str]) -> (i32, String) {
        let run = self.with_state("state-of-commands").run(arguments);
        (run.code(), run.said())
    }

    /// Checks that `cockpit promote` is refused, and that it sends nothing.
    pub fn promote_is_refused(&self, codes: &[i32]) -> Checked {
        let before = self.api.writes_without_conflicts().len();
        let (code, said) = self.command(&["promote", "prod", "--yes"]);
        if !codes.contains(&code) || !said.contains("cannot promote") {
            return Err(format!("`cockpit promote` ended with {code}: {said}").into());
        }
        same("writes of a refused command", &self.api.writes_without_conflicts().len(), &before)
    }

    /// Returns how the actions of the screen with this verb ended so far.
    pub fn outcomes(&self, verb: Verb) -> Checked<Vec<Outcome>> {
        let (mut outcomes, mut asked) = (Vec::new(), BTreeSet::new());
        for path in journal::list(&self.program.path("state/release-cockpit/journals"))? {
            for line in journal::read(&path)?.lines {
                match line.entry {
                    Entry::Intent { action, plan, .. } if plan.verb == verb => {
                        asked.insert(action.0);
                    }
                    Entry::Outcome { action, outcome } if asked.contains(&action.0) => outcomes.push(outcome),
                    _ => {}
                }
            }
        }
        Ok(outcomes)
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        self.wait(self.namespace.delete());
    }
}

/// Asks and answers `y`; where the state moves in between, or what others stated is not read again yet, asks again as a
/// person would.
pub fn confirm(pty: &mut Pty, key: &str, dialog: &str) {
    const REFUSED: &str = "prod cannot ";
    loop {
        pty.send(key);
        pty.wait(dialog, |screen| {
            let text = screen.contents();
            text.contains(dialog) || text.contains(REFUSED)
        });
        if !pty.text().contains(dialog) {
            pty.send("\x1b");
            pty.wait("the refusal closed", |screen| !screen.contents().contains(REFUSED));
            continue;
        }
        if say_yes(pty, dialog) {
            return;
        }
        pty.send("\x1b");
        pty.wait("the question closed", |screen| !screen.contents().contains(dialog));
    }
}

/// Answers `y` to what is asked; returns whether it could still be confirmed. An answer that comes within 300 ms of the
/// dialog's opening does not count and is given again.
pub fn say_yes(pty: &mut Pty, dialog: &str) -> bool {
    let deadline = Instant::now() + WAIT_TIMEOUT;
    loop {
        pty.send("y");
        if pty.gone_soon(dialog) {
            return true;
        }
        let text = pty.text();
        if text.contains("no longer possible:") {
            return false;
        }
        assert!(Instant::now() < deadline, "{dialog} cannot be answered:\n{text}");
    }
}

/// Checks on the screen that promotion is refused for a reason.
pub fn promotion_is_refused(pty: &mut Pty, reason: &str) {
    pty.send("p");
    pty.wait_text("prod cannot promote");
    pty.wait_text(reason);
    pty.send("\x1b");
    pty.wait("the reasons closed", |screen| !screen.contents().contains("prod cannot promote"));
}

/// Returns the age of a picture that is lost, in seconds, as the screen shows it.
pub fn age(text: &str) -> Option<u64> {
    let shown = text.lines().next()?.split("lost").nth(1)?.split('·').next()?.trim();
    let mut seconds = 0.0;
    let mut number = String::new();
    for c in shown.chars() {
        let unit = match c {
            'd' => 86_400.0,
            'h' => 3600.0,
            'm' => 60.0,
            's' => 1.0,
            c => {
                number.push(c);
                continue;
            }
        };
        seconds += unit * std::mem::take(&mut number).trim().parse::<f64>().ok()?;
    }
    Some(seconds as u64)
}

fn cpu(pid: u32) -> Checked<Duration> {
    Ok(process::cpu(pid).ok_or("the process is gone")?)
}

/// What a cockpit costs from one moment to another.
pub struct Meter<'a> {
    proxy: &'a Proxy,
    pid: u32,
    began: Instant,
    cpu: Duration,
    seen: usize,
}

impl<'a> Meter<'a> {
    pub fn begin(proxy: &'a Proxy, pid: u32) -> Checked<Self> {
        Ok(Self { proxy, pid, began: Instant::now(), cpu: cpu(pid)?, seen: proxy.requests().len() })
    }

    /// Ends, and holds it against the bounds.
    pub fn end(self, case: &str, bounds: &Bounds) -> Checked {
        let seconds = self.began.elapsed().as_secs_f64();
        let cpu = (cpu(self.pid)?.saturating_sub(self.cpu)).as_secs_f64() / seconds;
        let seen = self.proxy.requests().split_off(self.seen);
        let (requests, memory) = (seen.len() as f64 / seconds, process::memory(self.pid).now_mib);
        let figures = format!(
            "{case}: {requests:.1} requests/s, {:.1} % of a core, {memory:.0} MiB over {seconds:.0} s",
            cpu * 100.0
        );
        eprintln!("{figures}");
        if requests > bounds.requests || cpu > bounds.cpu || memory > bounds.memory_mib {
            let lines: Vec<String> =
                seen.into_iter().map(|seen| format!("{:?} {}", seen.at - self.began, seen.line())).collect();
            return Err(format!("too much: {figures}\n{}", lines.join("\n")).into());
        }
        Ok(())
    }
}
