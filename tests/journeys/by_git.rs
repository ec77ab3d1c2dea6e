//! Journeys of promotions and rollbacks by git: the program commits to a real repository, and a real Argo CD applies it. What
//! came of it is told by the log of that repository, by the objects, and by the application.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use libtest_mimic::{Completion, Trial};
use serde_json::{Value, json};
use support::check::{holds, same, says};
use support::git::git;
use support::manifests::{image, is_version};
use support::{Checked, Program, TestNamespace};

use super::bed::{Bed, How, Strategy};
use super::by_hand::{confirmed, done, on_screen};
use super::git_ops::{GitOps, JOURNEY_TIMEOUT, Watched};
use crate::contract::servers::Servers;

/// What people do where a promotion goes by git.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Journey {
    /// What staging runs goes out by a commit, and again there is nothing to do.
    Promote,
    /// Somebody else's commit arrives at the server in the moment of the push.
    PromoteIntoACommit,
    /// Somebody else has changed the image since Argo CD compared it.
    PromoteOverAnotherImage,
    /// A hook of the server refuses the push.
    PromoteAgainstAHook,
    /// Users get what they had, git says so too, and the automation is given back.
    RollBack,
    /// The server of git is gone: users get what they had all the same.
    RollBackWithoutGit,
}

impl Journey {
    const ALL: [Self; 6] = [
        Self::Promote,
        Self::PromoteIntoACommit,
        Self::PromoteOverAnotherImage,
        Self::PromoteAgainstAHook,
        Self::RollBack,
        Self::RollBackWithoutGit,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::PromoteIntoACommit => "promote_into_a_commit",
            Self::PromoteOverAnotherImage => "promote_over_another_image",
            Self::PromoteAgainstAHook => "promote_against_a_hook",
            Self::RollBack => "roll_back",
            Self::RollBackWithoutGit => "roll_back_without_git",
        }
    }

    fn strategies(self) -> &'static [Strategy] {
        match self {
            Self::Promote => &[Strategy::Canary, Strategy::Deployment],
            _ => &[Strategy::Canary],
        }
    }

    fn ways(self) -> &'static [How] {
        match self {
            Self::Promote | Self::RollBack => &[How::Command, How::Key],
            _ => &[How::Command],
        }
    }
}

/// The journeys, as cases of the suite.
pub(super) fn cases() -> Vec<Trial> {
    let mut cases = Vec::new();
    for journey in Journey::ALL {
        for strategy in journey.strategies() {
            for how in journey.ways() {
                let name =
                    format!("journeys::real::by_git::{}::{}::{}", strategy.as_str(), journey.as_str(), how.as_str());
                cases.push(Trial::ignorable_test(name, move || run(journey, *strategy, *how)));
            }
        }
    }
    cases
}

fn run(journey: Journey, strategy: Strategy, how: How) -> Checked<Completion> {
    if let Some(reason) = Servers::Real.missing() {
        return Ok(Completion::ignored_with(reason));
    }
    if std::env::var_os("ARGO_CD_NAMESPACE").is_none() {
        return Ok(Completion::ignored_with("no Argo CD: tests/cluster/up starts one where there is a redis-server"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let case = format!("git-{}-{}", strategy.as_str(), how.as_str());
        let namespace = TestNamespace::create(Servers::Real.start().await?, &case).await?;
        let bed = Bed::new(&namespace, strategy, how);
        let git_ops = GitOps::in_yaml(&namespace).await?;
        let ended = tokio::time::timeout(JOURNEY_TIMEOUT, carry_out(journey, &bed, &git_ops)).await;
        git_ops.delete().await;
        namespace.delete().await;
        ended.map_err(|_| format!("it did not end within {JOURNEY_TIMEOUT:?}"))??;
        Ok(Completion::Completed)
    })
}

async fn carry_out(journey: Journey, bed: &Bed<'_>, git_ops: &GitOps) -> Checked {
    let automated = json!({"selfHeal": true, "prune": true});
    git_ops.commit(bed, "1.0.0").await?;
    git_ops.create_application(&automated).await?;
    bed.serves("1.0.0").await?;
    let alice = bed.with_staging_and(&settings(git_ops)).with_path();
    match journey {
        Journey::Promote => promote(bed, git_ops, &alice).await,
        Journey::PromoteIntoACommit => promote_into_a_commit(bed, git_ops, &alice).await,
        Journey::PromoteOverAnotherImage => promote_over_another_image(bed, git_ops, &alice).await,
        Journey::PromoteAgainstAHook => promote_against_a_hook(bed, git_ops, &alice).await,
        Journey::RollBack => roll_back(bed, git_ops, &alice, &automated).await,
        Journey::RollBackWithoutGit => roll_back_without_git(bed, git_ops, &alice).await,
    }
}

fn settings(git_ops: &GitOps) -> String {
    format!(
        "git = {{ repository = \"{}\", path = \"objects.yaml\", format = \"plain\", author_name = \"Alice\", \
         author_mail = \"alice@shop.example\" }}\n",
        git_ops.address()
    )
}

async fn promote(bed: &Bed<'_>, git_ops: &GitOps, alice: &Program) -> Checked {
    bed.another_second().await?;
    bed.released_in_staging("1.1.0").await?;
    let before = text(git_ops)?;
    match bed.how {
        How::Command => {
            let run = alice.run_async(&["release", "prod", "--yes"]).await;
            done(&run)?;
            says(&run.out(), "git ✓")?;
            says(&run.out(), "Argo CD ✓")?;
            says(&run.out(), "cluster ✓")?;
        }
        How::Key => {
            on_screen(alice, |pty| {
                pty.wait_text("prod is next (1.0.0 → 1.1.0): N releases 1.1.0");
                confirmed(pty, "N", "Release 1.1.0 by git into prod");
                pty.wait_text("done:");
            })
            .await?;
        }
    }
    let new = format!("{}@{}", image("api", "1.1.0"), digest_in_staging(bed).await?);
    // One commit by alice that changes the image and nothing else, comments and layout included.
    let log = log(git_ops, "%an <%ae> %s | %(trailers:key=Release-Cockpit-Action,separator=%x2C)")?;
    let ours: Vec<&str> = log.lines().filter(|line| line.contains("Release-Cockpit-Action")).collect();
    same("commits of ours", &ours.len(), &1)?;
    says(ours[0], "Alice <alice@shop.example> api: release 1.1.0 into prod")?;
    same("the file", &text(git_ops)?, &before.replace(&image("api", "1.0.0"), &new))?;
    // The cluster and Argo CD say the same.
    let object = bed.namespace.get(bed.template_kind(), "api").await?;
    same("the image", &object["spec"]["template"]["spec"]["containers"][0]["image"], &json!(new))?;
    let application = git_ops.application().await?;
    same("synced", &application["status"]["sync"]["status"], &json!("Synced"))?;
    let head = output(git_ops, &["rev-parse", "main"])?;
    same("revision", &application["status"]["sync"]["revision"], &json!(head.trim()))?;
    let again = alice.run_async(&["release", "prod", "--yes"]).await;
    holds(&format!("nothing is sent again: {}", again.said()), !again.said().contains("accepted"))?;
    same("head", &output(git_ops, &["rev-parse", "main"])?, &head)
}

async fn promote_into_a_commit(bed: &Bed<'_>, git_ops: &GitOps, alice: &Program) -> Checked {
    bed.another_second().await?;
    bed.released_in_staging("1.1.0").await?;
    let beside = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "beside"}});
    std::fs::write(git_ops.work().join("beside.json"), beside.to_string())?;
    git(&git_ops.work(), &["add", "--all"])?;
    git(&git_ops.work(), &["commit", "--quiet", "--message", "beside"])?;
    git(&git_ops.work(), &["push", "--quiet", "origin", "HEAD:beside"])?;
    // The server takes it while it looks at ours.
    hook(
        git_ops,
        "[ -e raced ] || { touch raced; env -u GIT_QUARANTINE_PATH git update-ref refs/heads/main refs/heads/beside; }",
    )?;
    done(&alice.run_async(&["release", "prod", "--yes"]).await)?;
    holds("there was a race", git_ops.bare().join("raced").exists())?;
    let subjects = log(git_ops, "%s")?;
    let subjects: Vec<&str> = subjects.lines().take(2).collect();
    same("the log", &subjects, &vec!["api: release 1.1.0 into prod", "beside"])?;
    git_ops.is_applied(bed, "1.1.0").await
}

async fn promote_over_another_image(bed: &Bed<'_>, git_ops: &GitOps, alice: &Program) -> Checked {
    bed.another_second().await?;
    bed.released_in_staging("1.1.0").await?;
    git_ops.commit_unseen(bed, "1.0.1")?;
    let head = output(git_ops, &["rev-parse", "main"])?;
    let run = alice.run_async(&["release", "prod", "--yes"]).await;
    holds(&format!("it is refused: {}", run.said()), run.code() != 0)?;
    same("head", &output(git_ops, &["rev-parse", "main"])?, &head)
}

async fn promote_against_a_hook(bed: &Bed<'_>, git_ops: &GitOps, alice: &Program) -> Checked {
    bed.another_second().await?;
    bed.released_in_staging("1.1.0").await?;
    hook(git_ops, "echo 'main is frozen until Monday' >&2; exit 1")?;
    let head = output(git_ops, &["rev-parse", "main"])?;
    let before = bed.namespace.get(bed.template_kind(), "api").await?;
    let run = alice.run_async(&["release", "prod", "--yes"]).await;
    same(&format!("exit code: {}", run.said()), &run.code(), &3)?;
    says(&run.said(), "main is frozen until Monday")?;
    same("head", &output(git_ops, &["rev-parse", "main"])?, &head)?;
    let after = bed.namespace.get(bed.template_kind(), "api").await?;
    same("the spec", &after["spec"], &before["spec"])
}

async fn roll_back(bed: &Bed<'_>, git_ops: &GitOps, alice: &Program, automated: &Value) -> Checked {
    git_ops.release(bed, "1.1.0").await?;
    let before = text(git_ops)?;
    match bed.how {
        How::Command => {
            let run = alice.run_async(&["rollback", "prod", "--yes"]).await;
            done(&run)?;
            says(&run.said(), "git ✓")?;
        }
        How::Key => {
            on_screen(alice, |pty| {
                pty.wait_text("prod");
                pty.send("j");
                pty.wait_text("R roll back to 1.0.0");
                confirmed(pty, "R", "Roll back");
                pty.wait_text("done: git ✓");
            })
            .await?;
        }
    }
    // What Argo CD had begun may have put it back for a moment: not any more once it is said to be done, nor after the resume.
    let watched = Watched::begin(bed);
    let Ok(()) = bed.serves_now("1.0.0").await? else { return Err("it was said to be done".into()) };
    git_ops.is_suspended().await?;
    same("the last commit", &log(git_ops, "%s")?.lines().next(), &Some("api: back to 1.0.0 in prod"))?;
    same("the file", &text(git_ops)?, &before.replace("1.1.0", "1.0.0"))?;
    done(&alice.run_async(&["owner", "prod", "--resume", "--yes"]).await)?;
    let application = git_ops.application().await?;
    same("the automation", &application["spec"]["syncPolicy"]["automated"], automated)?;
    watched.shows(bed, &[false]).await
}

async fn roll_back_without_git(bed: &Bed<'_>, git_ops: &GitOps, alice: &Program) -> Checked {
    git_ops.release(bed, "1.1.0").await?;
    let away = git_ops.bare().with_extension("away");
    std::fs::rename(git_ops.bare(), &away)?;
    let run = alice.run_async(&["rollback", "prod", "--yes"]).await;
    done(&run)?;
    says(&run.said(), "git still has to be reverted")?;
    says(&run.said(), "cockpit owner prod --revert")?;
    let Ok(()) = bed.serves_now("1.0.0").await? else { return Err("it was said to be done".into()) };
    git_ops.is_suspended().await?;
    std::fs::rename(&away, git_ops.bare())?;
    done(&alice.run_async(&["owner", "prod", "--revert", "--yes"]).await)?;
    same("the last commit", &log(git_ops, "%s")?.lines().next(), &Some("api: back to 1.0.0 in prod"))?;
    done(&alice.run_async(&["owner", "prod", "--resume", "--yes"]).await)
}

fn hook(git_ops: &GitOps, script: &str) -> Checked {
    let path: PathBuf = git_ops.bare().join("hooks/pre-receive");
    std::fs::create_dir_all(git_ops.bare().join("hooks"))?;
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n"))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// The digest that the pods of staging say they run.
async fn digest_in_staging(bed: &Bed<'_>) -> Checked<String> {
    let pods = bed.namespace.list("Pod", "app=staging").await?;
    let id = pods[0]["status"]["containerStatuses"][0]["imageID"].as_str().unwrap_or_default();
    let staging = bed.namespace.get("Deployment", "staging").await?;
    let runs = &staging["spec"]["template"]["spec"]["containers"][0]["image"];
    holds("staging runs what is promoted", is_version(runs, "api", "1.1.0"))?;
    Ok(id.split('@').nth(1).unwrap_or_default().to_owned())
}

fn text(git_ops: &GitOps) -> Checked<String> {
    output(git_ops, &["show", "main:objects.yaml"])
}

fn log(git_ops: &GitOps, format: &str) -> Checked<String> {
    output(git_ops, &["log", &format!("--format={format}"), "main"])
}

/// What git says in the bare repository.
fn output(git_ops: &GitOps, arguments: &[&str]) -> Checked<String> {
    git(&git_ops.bare(), arguments)
}
