//! A canary in a namespace of its own that is paused at a step, and a cockpit that looks at it through proxies.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use kube::config::Kubeconfig;
use release_cockpit::domain::action::{Outcome, Verb};
use release_cockpit::domain::journal::Entry;
use release_cockpit::executors::journal;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::Checked;
use crate::authority;
use crate::bed::Maker;
use crate::manifests::{canary, image, pause, weight};
use crate::process;
use crate::proxy::Proxy;
use crate::pty::Tui;
use crate::stage::Stage;
use crate::table::Bounds;

/// How long anything may take; it only ends what hangs.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// What proxies and hands run on.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("it starts")
});

/// Waits for something that tests do beside the screen.
pub fn wait<T>(work: impl Future<Output = T>) -> T {
    RUNTIME.block_on(work)
}

/// Looks again and again until there is something.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Checked<Option<T>>) -> Checked<T> {
    let deadline = Instant::now() + PATIENCE;
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

/// The scene.
pub struct Scene {
    /// The namespace.
    pub stage: Stage,
    /// Between the cockpit and the API server.
    pub api: Proxy,
    /// Between the cockpit and Prometheus.
    pub prometheus: Option<Proxy>,
    folder: tempfile::TempDir,
}

impl Scene {
    /// Sets it: a canary of `api` 1.1.0 that waits for a person at 34 %.
    pub fn set(name: &str, with_metrics: bool) -> Checked<Self> {
        wait(async {
            let stage = Stage::raise(Maker::Real.make().await?, name).await?;
            let folder = tempfile::tempdir()?;
            let api = Proxy::of_kubernetes(stage.bed.config("admin").await?).await?;
            let prometheus = match std::env::var("PROMETHEUS_URL") {
                Ok(url) if with_metrics => Some(Proxy::of_prometheus(url).await?),
                _ => None,
            };
            let scene = Self { stage, api, prometheus, folder };
            scene.write_files()?;
            let mut rollout = canary("api", 3, &[weight(34), pause(), weight(50), pause(), weight(67), pause()]);
            if with_metrics {
                rollout["spec"]["template"]["metadata"]["labels"]["cockpit.test/metrics"] = "true".into();
            }
            scene.stage.make([rollout]).await?;
            scene.stage.until("Rollout", "api", "settled", |object| object["status"]["phase"] == "Healthy").await?;
            scene.release("1.1.0").await?;
            Ok(scene)
        })
    }

    /// Brings a version out, up to the first step that waits for a person.
    pub async fn release(&self, version: &str) -> Checked {
        self.stage.set_image("Rollout", "api", &image("api", version)).await?;
        let wanted = image("api", version);
        let paused = |object: &Value| {
            let status = &object["status"];
            let observed = status["observedGeneration"].as_str().and_then(|seen| seen.parse::<i64>().ok());
            object["spec"]["template"]["spec"]["containers"][0]["image"] == wanted.as_str()
                && object["metadata"]["generation"].as_i64() == observed
                && status["phase"] == "Paused"
                && status["currentStepIndex"] == 1
        };
        self.stage.until("Rollout", "api", "paused", paused).await?;
        Ok(())
    }

    fn write_files(&self) -> Checked {
        let namespace = &self.stage.namespace;
        let known = serde_json::to_value(Kubeconfig::read_from(self.stage.bed.kubeconfig())?)?;
        let users = known["users"].as_array().cloned().unwrap_or_default();
        let alice = users.iter().find(|user| user["name"] == "alice").ok_or("the bed has no alice")?;
        let token = alice["user"]["token"].as_str().ok_or("alice has no token")?;
        let authority = authority::both()?[0].file();
        let kubeconfig = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: prod\n\
             clusters: [{{name: bed, cluster: {{server: \"https://{}\", certificate-authority: {}}}}}]\n\
             contexts: [{{name: prod, context: {{cluster: bed, user: alice, namespace: {namespace}}}}}]\n\
             users: [{{name: alice, user: {{token: {token}}}}}]\n",
            self.api.address(),
            authority.display()
        );
        std::fs::write(self.path("kubeconfig"), kubeconfig)?;
        let metrics = self.prometheus.as_ref().map_or_else(String::new, |proxy| {
            format!(
                "[prometheus]\nurl = \"http://{}\"\ninterval = \"1s\"\ntimeout = \"2s\"\nwindow = \"10s\"\n\
                 [limits]\np99_factor = false\n[verdict]\nevery = \"2s\"\nalpha_warn = 0.011\n",
                proxy.address()
            )
        });
        let environment =
            format!("[[environments]]\nname = \"prod\"\nnamespace = \"{namespace}\"\nworkloads = [\"rollout/api\"]\n");
        std::fs::write(self.path("cockpit.toml"), metrics + &environment)?;
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn variables(&self) -> [(&'static str, String); 2] {
        let text = |name| self.path(name).display().to_string();
        [("KUBECONFIG", text("kubeconfig")), ("XDG_STATE_HOME", text("state"))]
    }

    /// Opens the screen.
    pub fn cockpit(&self, more: &[(&str, &str)]) -> Tui {
        let (config, variables) = (self.path("cockpit.toml").display().to_string(), self.variables());
        let mut all: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        all.extend(more);
        Tui::start(&["--config", &config], (200, 45), &all)
    }

    /// Runs a command beside the screen, with a memory of its own; returns its exit code and all that it says.
    pub fn command(&self, arguments: &[&str]) -> Checked<(i32, String)> {
        let output = Command::new(env!("CARGO_BIN_EXE_cockpit"))
            .arg("--config")
            .arg(self.path("cockpit.toml"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.path("home"))
            .env("USER", "alice")
            .env("KUBECONFIG", self.path("kubeconfig"))
            .stdin(Stdio::null())
            .output()?;
        let said = [output.stdout, output.stderr].concat();
        Ok((output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned()))
    }

    /// Checks that `cockpit promote` is refused, and that it sends nothing.
    pub fn promote_is_refused(&self, codes: &[i32]) -> Checked {
        let before = self.api.writes().len();
        let (code, said) = self.command(&["promote", "prod", "--yes"])?;
        if !codes.contains(&code) || !said.contains("cannot promote") {
            return Err(format!("`cockpit promote` ended with {code}: {said}").into());
        }
        same("writes of a refused command", &self.api.writes().len(), &before)
    }

    /// Returns how the actions of the screen with this verb ended so far.
    pub fn outcomes(&self, verb: Verb) -> Checked<Vec<Outcome>> {
        let (mut outcomes, mut asked) = (Vec::new(), BTreeSet::new());
        for path in journal::list(&self.path("state/release-cockpit/journals"))? {
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

impl Drop for Scene {
    fn drop(&mut self) {
        wait(self.stage.strike());
    }
}

/// What must be the same.
pub fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, expected: &T) -> Checked {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?} instead of {expected:?}").into()) }
}

/// Asks and answers `y`; where the picture moves in between, asks again as a person would.
pub fn confirm(tui: &mut Tui, key: &str, dialog: &str) {
    loop {
        tui.send(key);
        tui.wait_text(dialog);
        if say_yes(tui, dialog) {
            return;
        }
        tui.send("\x1b");
        tui.wait("the question closed", |screen| !screen.contents().contains(dialog));
    }
}

/// Answers `y` to what is asked; returns whether it could still be confirmed. An answer that comes within 300 ms of the
/// dialog's opening does not count and is given again.
pub fn say_yes(tui: &mut Tui, dialog: &str) -> bool {
    let deadline = Instant::now() + PATIENCE;
    loop {
        tui.send("y");
        if tui.gone_soon(dialog) {
            return true;
        }
        let text = tui.text();
        if text.contains("no longer:") {
            return false;
        }
        assert!(Instant::now() < deadline, "{dialog} cannot be answered:\n{text}");
    }
}

/// Checks on the screen that promotion is refused for a reason.
pub fn promotion_is_refused(tui: &mut Tui, reason: &str) {
    tui.send("p");
    tui.wait_text("prod cannot promote");
    tui.wait_text(reason);
    tui.send("\x1b");
    tui.wait("the reasons closed", |screen| !screen.contents().contains("prod cannot promote"));
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

/// What a cockpit costs from one moment to another.
pub struct Meter<'a> {
    proxy: &'a Proxy,
    pid: u32,
    began: Instant,
    cpu: Duration,
    seen: usize,
}

impl<'a> Meter<'a> {
    /// Begins to measure.
    pub fn begin(proxy: &'a Proxy, pid: u32) -> Checked<Self> {
        Ok(Self { proxy, pid, began: Instant::now(), cpu: process::cpu(pid)?, seen: proxy.seen().len() })
    }

    /// Ends, and holds it against the bounds.
    pub fn end(self, trial: &str, bounds: &Bounds) -> Checked {
        let seconds = self.began.elapsed().as_secs_f64();
        let cpu = (process::cpu(self.pid)?.saturating_sub(self.cpu)).as_secs_f64() / seconds;
        let seen = self.proxy.seen().split_off(self.seen);
        let (requests, memory) = (seen.len() as f64 / seconds, process::rss(self.pid)?);
        let figures = format!(
            "{trial}: {requests:.1} requests/s, {:.1} % of a core, {memory} MiB over {seconds:.0} s",
            cpu * 100.0
        );
        eprintln!("{figures}");
        if requests > bounds.requests || cpu > bounds.cpu || memory > bounds.memory {
            let lines: Vec<String> =
                seen.into_iter().map(|seen| format!("{:?} {}", seen.at - self.began, seen.line)).collect();
            return Err(format!("too much: {figures}\n{}", lines.join("\n")).into());
        }
        Ok(())
    }
}
