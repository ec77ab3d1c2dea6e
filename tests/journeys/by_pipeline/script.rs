//! Promotions by a script of the user's own: what it was told is told by its own file.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use support::check::{holds, same, says};
use support::manifests::image;
use support::process::{is_dead, signal};
use support::{Checked, Program, until};

use super::super::bed::{Bed, How, Strategy};
use super::super::by_hand::{confirmed, done, on_screen};
use super::deploy;
use crate::cockpit;

/// What becomes of a promotion by a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Journey {
    /// It deploys what it was told, and a rollback asks it nothing.
    Promote,
    /// It does, and says that it failed.
    FailsAfterAll,
    /// It fails, and has changed nothing.
    Fails,
    /// It ends well, and has changed nothing.
    DoesNothing,
    /// It deploys something else.
    BringsAnotherImage,
    /// The canary that it brings is aborted while it runs.
    Aborted,
    /// Somebody else on this machine wants to begin it as well.
    BegunTwice,
    /// It hangs, with a child of its own.
    Hangs,
    /// The program is killed while it runs; it deploys all the same.
    KilledAndDone,
    /// The program is killed while it runs, and nothing comes of it.
    KilledAndNotDone,
    /// Somebody presses Ctrl-C while it runs: it ends with the program.
    Interrupted,
    /// Nobody trusts the config that names it.
    NotTrusted,
    ReadOnly,
    /// A gate is not green.
    GateNotGreen,
    /// There is no such program.
    Missing,
}

impl Journey {
    pub(super) const ALL: [Self; 15] = [
        Self::Promote,
        Self::FailsAfterAll,
        Self::Fails,
        Self::DoesNothing,
        Self::BringsAnotherImage,
        Self::Aborted,
        Self::BegunTwice,
        Self::Hangs,
        Self::KilledAndDone,
        Self::KilledAndNotDone,
        Self::Interrupted,
        Self::NotTrusted,
        Self::ReadOnly,
        Self::GateNotGreen,
        Self::Missing,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::FailsAfterAll => "fails_after_all",
            Self::Fails => "fails",
            Self::DoesNothing => "does_nothing",
            Self::BringsAnotherImage => "brings_another_image",
            Self::Aborted => "aborted",
            Self::BegunTwice => "begun_twice",
            Self::Hangs => "hangs",
            Self::KilledAndDone => "killed_and_done",
            Self::KilledAndNotDone => "killed_and_not_done",
            Self::Interrupted => "interrupted",
            Self::NotTrusted => "not_trusted",
            Self::ReadOnly => "read_only",
            Self::GateNotGreen => "gate_not_green",
            Self::Missing => "missing",
        }
    }

    pub(super) fn strategies(self) -> &'static [Strategy] {
        match self {
            Self::Promote => &[Strategy::Deployment, Strategy::Canary],
            Self::Aborted => &[Strategy::Canary],
            _ => &[Strategy::Deployment],
        }
    }

    pub(super) fn ways(self) -> &'static [How] {
        if self == Self::Promote { &[How::Command, How::Key] } else { &[How::Command] }
    }
}

pub(super) async fn carry_out(journey: Journey, bed: &Bed<'_>) -> Checked {
    Script::write(bed)?.carry_out(journey).await
}

/// A pipeline that is a script of alice's.
struct Script<'a> {
    bed: &'a Bed<'a>,
    folder: tempfile::TempDir,
}

impl<'a> Script<'a> {
    /// The script notes what it is told, and who it is; then it waits for a word from the test, which says how it ends.
    fn write(bed: &'a Bed<'a>) -> Checked<Self> {
        let folder = tempfile::tempdir()?;
        let at = folder.path().display();
        let script = format!(
            "#!/bin/sh\nsleep 600 & child=$!\nprintf '%s|' \"$@\" \"$COCKPIT_ENV\" \"$child\" >> '{at}/told'\necho >> '{at}/told'\n\
             until [ -e '{at}/go' ]; do sleep 0.05; done\ncode=$(cat '{at}/go')\n\
             echo 'it has deployed'; echo 'and cleaned up' >&2; echo >> '{at}/ended'\n\
             [ \"$code\" = 0 ] || echo 'no login at the registry' >&2\nexit \"$code\"\n"
        );
        let path = folder.path().join("deploy");
        std::fs::write(&path, script)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
        Ok(Self { bed, folder })
    }

    fn settings(&self, timeout: &str) -> String {
        format!(
            "promote = {{ command = [\"{}\", \"{{environment}}\", \"{{image}}\", \"{{tag}}\", \"{{workload}}\"], timeout = \
             \"{timeout}\" }}\n",
            self.folder.path().join("deploy").display()
        )
    }

    fn alice(&self, timeout: &str) -> Program {
        self.bed.with_staging_and(&self.settings(timeout)).with_path()
    }

    async fn carry_out(&self, journey: Journey) -> Checked {
        match journey {
            Journey::Promote => self.promote().await,
            Journey::FailsAfterAll => self.fails_after_all().await,
            Journey::Fails => self.ends_without_effect("3").await,
            Journey::DoesNothing => self.ends_without_effect("0").await,
            Journey::BringsAnotherImage => self.brings_another_image().await,
            Journey::Aborted => self.aborted().await,
            Journey::BegunTwice => self.begun_twice().await,
            Journey::Hangs => self.hangs().await,
            Journey::KilledAndDone => self.killed(true).await,
            Journey::KilledAndNotDone => self.killed(false).await,
            Journey::Interrupted => self.interrupted().await,
            Journey::NotTrusted => self.not_trusted().await,
            Journey::ReadOnly => self.is_not_run(&self.alice("10m"), &["--read-only"], "read-only").await,
            Journey::GateNotGreen => {
                let gate = "\n[[checks]]\nid = \"tests\"\ngate = true\njunit = { files = [\"no-such-report.xml\"] }\n";
                let alice = self.bed.with_staging_and(&(self.settings("10m") + gate)).with_path();
                self.is_not_run(&alice, &[], "tests").await
            }
            Journey::Missing => {
                std::fs::remove_file(self.folder.path().join("deploy"))?;
                self.is_not_run(&self.alice("10m"), &[], "there is no such program").await
            }
        }
    }

    /// It was run once: what it was told, and its child.
    async fn is_run(&self) -> Checked<Vec<String>> {
        let told = until("a script that runs", || async {
            let text = std::fs::read_to_string(self.told()).ok()?;
            text.ends_with('\n').then_some(text)
        })
        .await?;
        same("times it was run", &told.lines().count(), &1)?;
        let words: Vec<String> = told.trim_end().trim_end_matches('|').split('|').map(ToOwned::to_owned).collect();
        let fixed = [&words[0], &words[2], &words[3], &words[4]];
        same("what it is told", &fixed.map(String::as_str), &["prod", "1.1.0", "api", "prod"])?;
        holds("the image is named by tag and digest", words[1].starts_with(&(image("api", "1.1.0") + "@sha256:")))?;
        Ok(words)
    }

    fn told(&self) -> PathBuf {
        self.folder.path().join("told")
    }

    fn ends(&self, code: &str) -> Checked {
        // Read as a whole, or not at all.
        let path = self.folder.path().join("go.new");
        std::fs::write(&path, code)?;
        Ok(std::fs::rename(path, self.folder.path().join("go"))?)
    }

    /// What a pipeline would do in the middle of its run; then it ends so.
    async fn deploys(&self, code: &str) -> Checked {
        let words = self.is_run().await?;
        deploy(self.bed, &words[1]).await?;
        self.ends(code)
    }

    async fn promote(&self) -> Checked {
        let alice = self.alice("10m");
        match self.bed.how {
            How::Command => {
                let (run, deployed) = tokio::join!(alice.run_async(&["release", "prod", "--yes"]), self.deploys("0"));
                deployed?;
                done(&run)?;
                says(&run.said(), "release 1.1.0 by deploy")?;
                says(&run.out(), "`deploy` ended with exit code 0: and cleaned up, cluster ✓")?;
            }
            How::Key => {
                let (waits, is_waiting) = tokio::sync::oneshot::channel();
                let on_screen = on_screen(&alice, move |pty| {
                    pty.wait_text("prod is next (1.0.0 → 1.1.0): N releases 1.1.0");
                    confirmed(pty, "N", "Release 1.1.0 by deploy into prod");
                    pty.wait_text("`deploy` runs, cluster … 1.0.0");
                    let _ = waits.send(());
                    pty.wait_text("done:");
                });
                let (seen, deployed) = tokio::join!(on_screen, async {
                    is_waiting.await?;
                    self.deploys("0").await
                });
                deployed?;
                seen?;
            }
        }
        let told = self.is_run().await?;
        let object = self.bed.namespace.get(self.bed.template_kind(), "api").await?;
        let runs = object["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
        same("the digest", &runs.split('@').nth(1), &told[1].split('@').nth(1))?;
        // A rollback goes to the cluster itself, and says what may undo it.
        let back = alice.run_async(&["rollback", "prod", "--yes"]).await;
        done(&back)?;
        says(&back.out(), "deploy deploys from: its next run may bring it out again")?;
        self.bed.serves("1.0.0").await?;
        self.is_run().await.map(drop)
    }

    async fn fails_after_all(&self) -> Checked {
        let alice = self.alice("10m");
        let (run, deployed) = tokio::join!(alice.run_async(&["release", "prod", "--yes"]), self.deploys("3"));
        deployed?;
        done(&run)?;
        says(&run.out(), "`deploy` ended with exit code 3: no login at the registry, cluster ✓")?;
        self.bed.serves("1.1.0").await
    }

    async fn ends_without_effect(&self, code: &str) -> Checked {
        let alice = self.alice("1m");
        let before = self.bed.namespace.get("Deployment", "api").await?;
        self.ends(code)?;
        let run = alice.run_within(std::time::Duration::from_secs(200), &["release", "prod", "--yes"]).await;
        same(&format!("exit code: {}", run.said()), &run.code(), &1)?;
        says(&run.said(), &format!("`deploy` ended with exit code {code}"))?;
        says(&run.said(), "cluster … 1.0.0")?;
        says(&run.said(), if code == "0" { "accepted, but not seen yet" } else { "found not done" })?;
        self.is_run().await?;
        let after = self.bed.namespace.get("Deployment", "api").await?;
        same("the spec", &after["spec"], &before["spec"])
    }

    async fn brings_another_image(&self) -> Checked {
        let alice = self.alice("1m");
        let people = async {
            self.is_run().await?;
            self.bed.namespace.set_image("Deployment", "api", &image("api", "1.2.0")).await?;
            self.ends("3")
        };
        let (run, deployed) = tokio::join!(alice.run_async(&["release", "prod", "--yes"]), people);
        deployed?;
        same(&format!("exit code: {}", run.said()), &run.code(), &1)?;
        says(&run.said(), "found not done")?;
        says(&run.said(), "cluster … 1.2.0")?;
        self.is_run().await.map(drop)
    }

    /// Nothing holds up an abort, and what was aborted is not done, whatever the object asks for.
    async fn aborted(&self) -> Checked {
        let alice = self.alice("10m");
        let people = async {
            let words = self.is_run().await?;
            deploy(self.bed, &words[1]).await?;
            let goes_out = |object: &serde_json::Value| object["status"]["phase"] == "Paused";
            self.bed.namespace.until("Rollout", "api", "a canary at its pause", goes_out).await?;
            done(&alice.run_async(&["abort", "prod", "--yes"]).await)?;
            self.ends("1")
        };
        let (run, ended) = tokio::join!(alice.run_async(&["release", "prod", "--yes"]), people);
        ended?;
        same(&format!("exit code: {}", run.said()), &run.code(), &1)?;
        says(&run.said(), "found not done")?;
        says(&run.said(), "cluster ✗ RolloutAborted")?;
        self.bed.serves("1.0.0").await
    }

    async fn begun_twice(&self) -> Checked {
        let alice = self.alice("10m");
        let people = async {
            self.is_run().await?;
            let second = alice.run_async(&["release", "prod", "--yes"]).await;
            self.deploys("0").await?;
            let second: Checked<_> = Ok(second);
            second
        };
        let (run, second) = tokio::join!(alice.run_async(&["release", "prod", "--yes"]), people);
        done(&run)?;
        let second = second?;
        same(&format!("exit code: {}", second.said()), &second.code(), &3)?;
        says(&second.said(), "another process here has it in progress")?;
        self.is_run().await.map(drop)
    }

    async fn hangs(&self) -> Checked {
        let alice = self.alice("2s");
        let run = alice.run_async(&["release", "prod", "--yes"]).await;
        same(&format!("exit code: {}", run.said()), &run.code(), &1)?;
        says(&run.said(), "was stopped: it took longer than 2 s, cluster … 1.0.0")?;
        let child: u32 = self.is_run().await?[5].parse()?;
        until("its child to be gone", || async { is_dead(child).then_some(()) }).await
    }

    async fn killed(&self, is_done: bool) -> Checked {
        let alice = self.alice("5s");
        let mut command = tokio::process::Command::from(alice.command(&["release", "prod", "--yes"]));
        let mut child = command.kill_on_drop(true).spawn()?;
        let words = self.is_run().await?;
        child.start_kill()?;
        let status = child.wait().await?;
        holds("it was killed", std::os::unix::process::ExitStatusExt::signal(&status) == Some(9))?;
        if is_done {
            deploy(self.bed, &words[1]).await?;
            self.bed.serves("1.1.0").await?;
        }
        self.ends("0")?;
        // It may print what it likes, and runs to its end all the same.
        until("the end of the script", || async { self.folder.path().join("ended").exists().then_some(()) }).await?;
        // The next start only looks.
        let wanted = if is_done { "found done" } else { "found not done" };
        on_screen(&alice, move |pty| pty.wait_text(wanted)).await?;
        self.is_run().await?;
        let verified = alice.run_async(&["log", "verify"]).await;
        same(&format!("exit code: {}", verified.said()), &verified.code(), &0)
    }

    async fn interrupted(&self) -> Checked {
        let alice = self.alice("5s");
        let mut command = tokio::process::Command::from(alice.command(&["release", "prod", "--yes"]));
        let mut child = command.kill_on_drop(true).spawn()?;
        let pid: u32 = self.is_run().await?[5].parse()?;
        signal(child.id().ok_or("it has ended")?, "INT");
        same("exit code", &child.wait().await?.code(), &Some(130))?;
        until("its child to be gone", || async { is_dead(pid).then_some(()) }).await?;
        on_screen(&alice, |pty| pty.wait_text("found not done")).await?;
        self.is_run().await.map(drop)
    }

    async fn not_trusted(&self) -> Checked {
        let trusted = self.alice("10m");
        let somebody = cockpit().with_path();
        somebody.write("cockpit.toml", &trusted.read("cockpit.toml"));
        let state = somebody.path("state").display().to_string();
        let kubeconfig = self.bed.namespace.cluster.kubeconfig().display().to_string();
        let somebody = somebody.env("KUBECONFIG", kubeconfig).env("XDG_STATE_HOME", state);
        self.is_not_run(&somebody, &[], "cockpit trust").await?;
        somebody.run_async(&["trust", "--yes"]).await;
        let (run, deployed) = tokio::join!(somebody.run_async(&["release", "prod", "--yes"]), self.deploys("0"));
        deployed?;
        done(&run)
    }

    /// It is refused, and nothing was run.
    async fn is_not_run(&self, program: &Program, more: &[&str], why: &str) -> Checked {
        let arguments: Vec<&str> = ["release", "prod", "--yes"].into_iter().chain(more.iter().copied()).collect();
        let before = self.bed.namespace.get("Deployment", "api").await?;
        let run = program.run_async(&arguments).await;
        holds(&format!("it is refused: {}", run.said()), matches!(run.code(), 3 | 4))?;
        says(&run.said(), why)?;
        holds("it was not run", !self.told().exists())?;
        let after = self.bed.namespace.get("Deployment", "api").await?;
        same("the spec", &after["spec"], &before["spec"])
    }
}
