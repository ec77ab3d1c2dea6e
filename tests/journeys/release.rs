//! The journeys: what people do with a release, from its first pod to the way back.

use std::time::Duration;

use serde_json::Value;
use support::Checked;
use support::check::{holds, same, says};
use support::manifests::image;

use super::bed::{Bed, How, Strategy};
use super::by_hand::{confirmed, done, on_screen};

/// What people do with a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Journey {
    /// It reached everybody, and is bad.
    RollBackAFinishedRelease,
    /// It is bad while it goes out.
    RollBackInMidRelease,
    /// A nervous finger, or a pipeline that tries again.
    RollBackTwice,
    /// Two engineers at the same time, on two machines.
    TwoPeopleRollBack,
    /// Somebody else began a rollback with kubectl, which stands at its first step.
    FinishARollback,
    /// What was rolled back is not gone back to after the next release.
    NextReleaseAndBack,
    /// An abort that was retried is forgiven: the version is stable since.
    AbortRetryReleaseAndBack,
    AbortInMidRelease,
    /// A rollback is begun, and not waited for.
    RollBackWithoutWaiting,
    /// A version is named, and one that is newer.
    RollBackToAVersion,
    /// A pipeline waits, and somebody rolls back meanwhile.
    WaitForWhatWasRolledBack,
    /// From the reasons that the screen gives.
    RollBackFromWhy,
    RollBackFromARefusal,
    RollBackFromHelp,
    /// The question on the command line is answered after a while.
    AnswerAfterTenSeconds,
    /// The question of a command is answered after longer than a plan is valid.
    AnswerAfterFortySeconds,
    /// Metrics are dead, gates are blind, the GO was taken back: a rollback asks for none of that.
    RollBackWithEverythingRed,
    /// The login expires while a canary waits: its words are said, and nothing is lost.
    LoginExpires,
    /// What staging has released goes on into prod, by its digest, to everybody, and back.
    ReleaseWhatStagingRuns,
    /// A pipeline brings what it built into the first environment, by its digest.
    ReleaseAnImage,
    /// Somebody aborts it before it comes to its first stop.
    ReleaseIsAborted,
    /// Somebody sets another image before it is out.
    ReleaseIsTakenOver,
    /// What was released has to serve everybody there for some time before it goes on.
    ReleaseAfterTheSoak,
}

impl Journey {
    pub const ALL: [Self; 23] = [
        Self::RollBackAFinishedRelease,
        Self::RollBackInMidRelease,
        Self::RollBackTwice,
        Self::TwoPeopleRollBack,
        Self::FinishARollback,
        Self::NextReleaseAndBack,
        Self::AbortRetryReleaseAndBack,
        Self::AbortInMidRelease,
        Self::RollBackWithoutWaiting,
        Self::RollBackToAVersion,
        Self::WaitForWhatWasRolledBack,
        Self::RollBackFromWhy,
        Self::RollBackFromARefusal,
        Self::RollBackFromHelp,
        Self::AnswerAfterTenSeconds,
        Self::AnswerAfterFortySeconds,
        Self::RollBackWithEverythingRed,
        Self::LoginExpires,
        Self::ReleaseWhatStagingRuns,
        Self::ReleaseAnImage,
        Self::ReleaseIsAborted,
        Self::ReleaseIsTakenOver,
        Self::ReleaseAfterTheSoak,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::RollBackAFinishedRelease => "roll_back_a_finished_release",
            Self::RollBackInMidRelease => "roll_back_in_mid_release",
            Self::RollBackTwice => "roll_back_twice",
            Self::TwoPeopleRollBack => "two_people_roll_back",
            Self::FinishARollback => "finish_a_rollback",
            Self::NextReleaseAndBack => "next_release_and_back",
            Self::AbortRetryReleaseAndBack => "abort_retry_release_and_back",
            Self::AbortInMidRelease => "abort_in_mid_release",
            Self::RollBackWithoutWaiting => "roll_back_without_waiting",
            Self::RollBackToAVersion => "roll_back_to_a_version",
            Self::WaitForWhatWasRolledBack => "wait_for_what_was_rolled_back",
            Self::RollBackFromWhy => "roll_back_from_why",
            Self::RollBackFromARefusal => "roll_back_from_a_refusal",
            Self::RollBackFromHelp => "roll_back_from_help",
            Self::AnswerAfterTenSeconds => "answer_after_ten_seconds",
            Self::AnswerAfterFortySeconds => "answer_after_forty_seconds",
            Self::RollBackWithEverythingRed => "roll_back_with_everything_red",
            Self::LoginExpires => "login_expires",
            Self::ReleaseWhatStagingRuns => "release_what_staging_runs",
            Self::ReleaseAnImage => "release_an_image",
            Self::ReleaseIsAborted => "release_is_aborted",
            Self::ReleaseIsTakenOver => "release_is_taken_over",
            Self::ReleaseAfterTheSoak => "release_after_the_soak",
        }
    }

    /// Whether a kind of workload can do it.
    pub fn fits(self, strategy: Strategy) -> bool {
        match self {
            Self::RollBackAFinishedRelease
            | Self::RollBackInMidRelease
            | Self::RollBackTwice
            | Self::TwoPeopleRollBack
            | Self::NextReleaseAndBack
            | Self::RollBackWithEverythingRed
            | Self::ReleaseWhatStagingRuns
            | Self::ReleaseAnImage
            | Self::ReleaseAfterTheSoak => true,
            Self::AbortRetryReleaseAndBack | Self::AbortInMidRelease => strategy.is_rollout(),
            Self::ReleaseIsAborted => matches!(strategy, Strategy::Canary | Strategy::BlueGreen),
            Self::ReleaseIsTakenOver => matches!(strategy, Strategy::Canary | Strategy::Deployment),
            // Blue-green goes back at once while the pods of before still run.
            Self::FinishARollback => strategy.is_rollout() && strategy != Strategy::BlueGreen,
            _ => strategy == Strategy::Canary,
        }
    }

    pub fn ways(self) -> &'static [How] {
        match self {
            Self::RollBackAFinishedRelease
            | Self::RollBackInMidRelease
            | Self::RollBackTwice
            | Self::RollBackWithEverythingRed
            | Self::ReleaseWhatStagingRuns => &[How::Command, How::Key],
            Self::RollBackFromWhy
            | Self::RollBackFromARefusal
            | Self::RollBackFromHelp
            | Self::AnswerAfterTenSeconds
            | Self::AnswerAfterFortySeconds => &[How::Key],
            _ => &[How::Command],
        }
    }

    pub async fn carry_out(self, bed: &Bed<'_>) -> Checked {
        bed.set_up().await?;
        match self {
            Self::RollBackAFinishedRelease => {
                bed.release("1.1.0").await?;
                bed.roll_back().await?;
                now_serves(bed, "1.0.0").await
            }
            Self::RollBackInMidRelease => {
                bed.deploy("1.1.0").await?;
                bed.is_paused().await?;
                bed.roll_back().await?;
                now_serves(bed, "1.0.0").await
            }
            Self::RollBackTwice => roll_back_twice(bed).await,
            Self::TwoPeopleRollBack => two_people_roll_back(bed).await,
            Self::FinishARollback => finish_a_rollback(bed).await,
            Self::NextReleaseAndBack => next_release_and_back(bed).await,
            Self::AbortRetryReleaseAndBack => abort_retry_release_and_back(bed).await,
            Self::AbortInMidRelease => {
                bed.deploy("1.1.0").await?;
                bed.is_paused().await?;
                done(&bed.command(&["abort", "--yes"]).await)?;
                now_serves(bed, "1.0.0").await
            }
            Self::RollBackWithoutWaiting => roll_back_without_waiting(bed).await,
            Self::RollBackToAVersion => roll_back_to_a_version(bed).await,
            Self::WaitForWhatWasRolledBack => wait_for_what_was_rolled_back(bed).await,
            Self::RollBackFromWhy => from_a_popup(bed, "w", "why").await,
            Self::RollBackFromARefusal => from_a_popup(bed, "t", "cannot retry").await,
            Self::RollBackFromHelp => from_a_popup(bed, "?", "type to search").await,
            Self::AnswerAfterTenSeconds => answer_after(bed, Duration::from_secs(10)).await,
            Self::AnswerAfterFortySeconds => answer_after(bed, Duration::from_secs(40)).await,
            Self::RollBackWithEverythingRed => roll_back_with_everything_red(bed).await,
            Self::LoginExpires => login_expires(bed).await,
            Self::ReleaseWhatStagingRuns => release_what_staging_runs(bed).await,
            Self::ReleaseAnImage => release_an_image(bed).await,
            Self::ReleaseIsAborted => release_is_aborted(bed).await,
            Self::ReleaseIsTakenOver => release_is_taken_over(bed).await,
            Self::ReleaseAfterTheSoak => release_after_the_soak(bed).await,
        }
    }
}

/// The program said that it is done: it has to be so now, and not a moment later.
async fn now_serves(bed: &Bed<'_>, version: &str) -> Checked {
    let Err(why) = bed.serves_now(version).await? else { return Ok(()) };
    let status = bed.command(&["status"]).await;
    Err(format!("it was said to be done, and {version}: {why}; {}", status.said()).into())
}

async fn roll_back_twice(bed: &Bed<'_>) -> Checked {
    bed.release("1.1.0").await?;
    bed.roll_back().await?;
    now_serves(bed, "1.0.0").await?;
    let before = bed.namespace.get(bed.kind(), "api").await?;
    bed.roll_back_again().await?;
    // On another machine, too, where only the cluster tells what was rolled back.
    let other = bed.somebody_else().run_async(&["rollback", "--yes"]).await;
    says(&other.said(), "already back on 1.0.0")?;
    let after = bed.namespace.get(bed.kind(), "api").await?;
    same("the spec", &after["spec"], &before["spec"])?;
    now_serves(bed, "1.0.0").await
}

async fn two_people_roll_back(bed: &Bed<'_>) -> Checked {
    bed.release("1.1.0").await?;
    let other = bed.somebody_else();
    let (one, two) = tokio::join!(bed.command(&["rollback", "--yes"]), other.run_async(&["rollback", "--yes"]));
    // Whoever comes second may be told that it moved meanwhile; nobody is sent forward, and one of them is done.
    let codes = [one.code(), two.code()];
    holds(&format!("one of them is done: {} {}", one.said(), two.said()), codes.contains(&0))?;
    bed.serves("1.0.0").await?;
    let again = other.run_async(&["rollback", "--yes"]).await;
    same("exit code of another one", &again.code(), &0)?;
    now_serves(bed, "1.0.0").await
}

async fn finish_a_rollback(bed: &Bed<'_>) -> Checked {
    bed.release("1.1.0").await?;
    // With kubectl, as if it were a release: it stands at its first step.
    bed.deploy("1.0.0").await?;
    bed.until("Rollout", "a pause", |object| {
        object["status"]["phase"] == "Paused" && object["status"]["currentPodHash"] != object["status"]["stableRS"]
    })
    .await?;
    let refused = bed.command(&["abort", "--yes"]).await;
    says(&refused.said(), "would send users back to 1.1.0")?;
    bed.roll_back().await?;
    now_serves(bed, "1.0.0").await
}

async fn next_release_and_back(bed: &Bed<'_>) -> Checked {
    bed.release("1.1.0").await?;
    bed.roll_back().await?;
    now_serves(bed, "1.0.0").await?;
    bed.release("1.2.0").await?;
    // On another machine: that 1.1.0 was rolled back is known there as well.
    let other = bed.somebody_else().run_async(&["rollback", "--yes"]).await;
    done(&other)?;
    now_serves(bed, "1.0.0").await
}

async fn abort_retry_release_and_back(bed: &Bed<'_>) -> Checked {
    bed.deploy("1.1.0").await?;
    bed.is_paused().await?;
    done(&bed.command(&["abort", "--yes"]).await)?;
    bed.serves("1.0.0").await?;
    // Until the pods of an aborted preview are gone a retry would switch to them at once.
    bed.until("Rollout", "no pods of it", |object| object["status"]["updatedReplicas"].as_u64().unwrap_or(0) == 0)
        .await?;
    let retry = bed.command(&["retry", "--yes"]).await;
    same(&format!("exit code: {}", retry.said()), &retry.code(), &0)?;
    bed.is_paused().await?;
    bed.promote_fully().await?;
    bed.serves("1.1.0").await?;
    bed.release("1.2.0").await?;
    bed.roll_back().await?;
    now_serves(bed, "1.1.0").await
}

async fn roll_back_without_waiting(bed: &Bed<'_>) -> Checked {
    bed.release("1.1.0").await?;
    let run = bed.command(&["rollback", "--yes", "--no-wait"]).await;
    same(&format!("exit code: {}", run.said()), &run.code(), &0)?;
    holds(
        &format!("it says accepted or done: {}", run.out()),
        ["accepted", "done:"].iter().any(|word| run.out().contains(word)),
    )?;
    bed.serves("1.0.0").await
}

async fn roll_back_to_a_version(bed: &Bed<'_>) -> Checked {
    bed.release("1.1.0").await?;
    bed.release("1.2.0").await?;
    done(&bed.command(&["rollback", "--yes", "--to", "1.0.0"]).await)?;
    now_serves(bed, "1.0.0").await?;
    // To what was rolled back it is a promotion: no metrics, no promotion.
    let forward = bed.command(&["rollback", "--yes", "--to", "1.2.0"]).await;
    holds(&format!("it is refused: {}", forward.said()), forward.code() != 0)?;
    let unknown = bed.command(&["rollback", "--yes", "--to", "9.9.9"]).await;
    same("exit code of a version that is not there", &unknown.code(), &2)?;
    now_serves(bed, "1.0.0").await
}

async fn wait_for_what_was_rolled_back(bed: &Bed<'_>) -> Checked {
    bed.deploy("1.1.0").await?;
    bed.is_paused().await?;
    let released = ["wait", "--for=released", "--version", "1.1.0", "--timeout", "2m"];
    let (healthy, named, ()) =
        tokio::join!(bed.command(&["wait", "--for=healthy", "--timeout", "2m"]), bed.command(&released), async {
            // Both have begun to wait when the first look is over; earlier they would be told the same.
            tokio::time::sleep(Duration::from_secs(2)).await;
            let other = bed.somebody_else().run_async(&["rollback", "--yes"]).await;
            assert_eq!(other.code(), 0, "{}", other.said());
        });
    same(&format!("exit code of healthy: {}", healthy.said()), &healthy.code(), &3)?;
    same(&format!("exit code of released: {}", named.said()), &named.code(), &3)?;
    let gate = bed.command(&["gate"]).await;
    holds("the gate is not green for what was rolled back", gate.code() != 0)?;
    now_serves(bed, "1.0.0").await
}

async fn from_a_popup(bed: &Bed<'_>, key: &'static str, title: &'static str) -> Checked {
    bed.deploy("1.1.0").await?;
    bed.is_paused().await?;
    on_screen(&bed.alice, move |pty| {
        pty.wait_text("R roll back to");
        pty.send(key);
        pty.wait_text(title);
        confirmed(pty, "R", "Roll back");
        pty.wait_text("done:");
    })
    .await?;
    now_serves(bed, "1.0.0").await
}

async fn answer_after(bed: &Bed<'_>, wait: Duration) -> Checked {
    bed.deploy("1.1.0").await?;
    bed.is_paused().await?;
    let program = bed.alice.clone();
    let code = tokio::task::spawn_blocking(move || {
        let mut pty = program.screen(&["rollback"], (140, 40));
        pty.wait_text("[y/N]");
        std::thread::sleep(wait);
        pty.send("y\n");
        pty.exit()
    })
    .await?;
    same("exit code", &code, &0)?;
    now_serves(bed, "1.0.0").await
}

async fn roll_back_with_everything_red(bed: &Bed<'_>) -> Checked {
    bed.release("1.1.0").await?;
    let alice = bed.with_everything_red();
    let taken_back = alice.run_async(&["sign", "prod", "no-go", "--role", "product", "--note", "it fails"]).await;
    same(&format!("exit code: {}", taken_back.said()), &taken_back.code(), &0)?;
    let gate = alice.run_async(&["gate", "prod"]).await;
    holds(&format!("the gate is red: {}", gate.said()), gate.code() != 0)?;
    bed.roll_back_with(&alice).await?;
    now_serves(bed, "1.0.0").await
}

async fn login_expires(bed: &Bed<'_>) -> Checked {
    let (alice, expired) = bed.with_login()?;
    bed.deploy("1.1.0").await?;
    bed.is_paused().await?;
    let before = alice.run_async(&["status"]).await;
    says(&before.said(), "1.1.0")?;
    std::fs::write(&expired, "")?;
    let refused = alice.run_async(&["rollback", "--yes"]).await;
    same(&format!("exit code: {}", refused.said()), &refused.code(), &1)?;
    says(&refused.said(), "the session has expired: sso login")?;
    std::fs::remove_file(&expired)?;
    done(&alice.run_async(&["rollback", "--yes"]).await)?;
    now_serves(bed, "1.0.0").await
}

async fn release_what_staging_runs(bed: &Bed<'_>) -> Checked {
    bed.another_second().await?;
    bed.released_in_staging("1.1.0").await?;
    let alice = bed.with_staging();
    match bed.how {
        How::Command => done(&alice.run_async(&["release", "prod", "--yes"]).await)?,
        How::Key => {
            on_screen(&alice, |pty| {
                pty.wait_text("prod is next (1.0.0 → 1.1.0): N releases 1.1.0 there");
                confirmed(pty, "N", "Release 1.1.0 into prod");
                pty.wait_text("done:");
            })
            .await?;
        }
    }
    // The digest that the pods of staging say they run.
    let pods = bed.namespace.list("Pod", "app=staging").await?;
    let id = pods[0]["status"]["containerStatuses"][0]["imageID"].as_str().unwrap_or_default();
    let digest = id.split('@').nth(1).unwrap_or_default();
    let owner = bed.namespace.get(bed.template_kind(), "api").await?;
    let written = &owner["spec"]["template"]["spec"]["containers"][0]["image"];
    same("the image", &written.as_str(), &Some(format!("{}@{digest}", image("api", "1.1.0")).as_str()))?;
    if bed.strategy.is_rollout() {
        bed.is_paused().await?;
        done(&alice.run_async(&["promote", "prod", "--full", "--yes", "--confirm", "prod"]).await)?;
    }
    now_serves(bed, "1.1.0").await?;
    if bed.strategy.is_rollout() {
        let is_stable = |object: &Value| object["status"]["stableRS"] == object["status"]["currentPodHash"];
        bed.until("Rollout", "stable", is_stable).await?;
    }
    let again = alice.run_async(&["release", "prod", "--yes"]).await;
    says(&again.said(), "1.1.0 is what runs here")?;
    same("exit code of another one", &again.code(), &0)?;
    done(&alice.run_async(&["rollback", "prod", "--yes"]).await)?;
    now_serves(bed, "1.0.0").await?;
    // What was rolled back here does not come in again.
    let rejected = alice.run_async(&["release", "prod", "--yes"]).await;
    says(&rejected.said(), "1.1.0 is rejected")?;
    same("exit code of what was rejected", &rejected.code(), &3)?;
    now_serves(bed, "1.0.0").await
}

async fn release_an_image(bed: &Bed<'_>) -> Checked {
    bed.another_second().await?;
    let named = format!("{}@sha256:{}", image("api", "1.1.0"), "0123456789abcdef".repeat(4));
    for (bad, says_why) in
        [(image("api", "1.1.0"), "names no digest"), (named.replace("/api", "/web"), "no container here runs")]
    {
        let refused = bed.command(&["release", "alice", &bad, "--yes"]).await;
        says(&refused.said(), says_why)?;
        same("exit code of what is named badly", &refused.code(), &3)?;
    }
    done(&bed.command(&["release", "alice", &named, "--yes"]).await)?;
    let written = bed.namespace.get(bed.template_kind(), "api").await?;
    let written = &written["spec"]["template"]["spec"]["containers"][0]["image"];
    same("the image", &written.as_str(), &Some(named.as_str()))?;
    if bed.strategy.is_rollout() {
        bed.is_paused().await?;
        done(&bed.command(&["promote", "alice", "--full", "--yes", "--confirm", "alice"]).await)?;
        let is_stable = |object: &Value| object["status"]["stableRS"] == object["status"]["currentPodHash"];
        bed.until("Rollout", "stable", is_stable).await?;
    }
    now_serves(bed, "1.1.0").await?;
    done(&bed.command(&["rollback", "alice", "--yes"]).await)?;
    now_serves(bed, "1.0.0").await?;
    // What was rolled back here does not come in again.
    let rejected = bed.command(&["release", "alice", &named, "--yes"]).await;
    says(&rejected.said(), "is rejected")?;
    same("exit code of what was rejected", &rejected.code(), &3)?;
    now_serves(bed, "1.0.0").await
}

/// An image whose pods never get ready, by a digest.
fn unready() -> String {
    format!("{}@sha256:{}", image("api", "1.1.0-unready"), "0123456789abcdef".repeat(4))
}

async fn release_is_aborted(bed: &Bed<'_>) -> Checked {
    bed.another_second().await?;
    let image = unready();
    let somebody = async {
        bed.until("Rollout", "a new revision", |object| {
            object["status"]["currentPodHash"] != object["status"]["stableRS"]
        })
        .await?;
        done(&bed.somebody_else().run_async(&["abort", "--yes"]).await)
    };
    let arguments = ["release", "alice", &image, "--yes"];
    let (run, aborted) = tokio::join!(bed.command(&arguments), somebody);
    aborted?;
    same(&format!("exit code: {}", run.said()), &run.code(), &1)?;
    says(&run.said(), "aborted since then")?;
    now_serves(bed, "1.0.0").await
}

async fn release_is_taken_over(bed: &Bed<'_>) -> Checked {
    bed.another_second().await?;
    let image = unready();
    let named = |object: &Value| object["spec"]["template"]["spec"]["containers"][0]["image"].clone();
    let somebody = async {
        bed.until(bed.template_kind(), "that image", |object| named(object) == image.as_str()).await?;
        bed.deploy("1.2.0").await
    };
    let arguments = ["release", "alice", &image, "--yes"];
    let (run, set) = tokio::join!(bed.command(&arguments), somebody);
    set?;
    same(&format!("exit code: {}", run.said()), &run.code(), &1)?;
    says(&run.said(), "another revision is in progress")?;
    let object = bed.namespace.get(bed.template_kind(), "api").await?;
    holds("the other image stays", named(&object).as_str().is_some_and(|image| image.contains(":1.2.0")))
}

/// Seconds that a release has to serve everybody before it goes on.
const SOAK_SECONDS: i64 = 20;

async fn release_after_the_soak(bed: &Bed<'_>) -> Checked {
    bed.next_environment_runs("1.0.0").await?;
    let alice = bed.with_a_soak(SOAK_SECONDS);
    bed.deploy("1.1.0").await?;
    bed.is_paused().await?;
    if bed.strategy.is_rollout() {
        // What is still going out does not soak.
        let refused = alice.run_async(&["release", "prod", "--yes"]).await;
        same(&format!("exit code at the first pause: {}", refused.said()), &refused.code(), &3)?;
        bed.promote_fully().await?;
    }
    bed.serves("1.1.0").await?;
    let refused = alice.run_async(&["release", "prod", "--yes"]).await;
    says(&refused.said(), &format!("1.1.0 soaks for {SOAK_SECONDS}s, until 2"))?;
    // Pods of the version before may be kept for a while.
    let blocked = if refused.said().contains("does not run") { 3 } else { 4 };
    same(&format!("exit code while it soaks: {}", refused.said()), &refused.code(), &blocked)?;
    let since = released_since(bed).await?;
    let released = loop {
        let asked_at = jiff::Timestamp::now();
        let answer = alice.run_async(&["release", "prod", "--yes"]).await;
        if answer.code() < 3 {
            done(&answer)?;
            break asked_at;
        }
    };
    let soaked = jiff::Timestamp::now().duration_since(since).as_secs();
    holds(&format!("it soaked: {soaked} s, asked at {released}"), soaked >= SOAK_SECONDS)?;
    let prod = bed.namespace.get("Deployment", "prod").await?;
    let written = prod["spec"]["template"]["spec"]["containers"][0]["image"].as_str().unwrap_or_default();
    says(written, &format!("{}@sha256:", image("api", "1.1.0")))?;
    // Somebody whose config asks for less is told.
    bed.release("1.2.0").await?;
    let hasty = bed.with_a_soak(0).run_async(&["release", "prod", "--yes"]).await;
    says(&hasty.said(), &format!("this config lacks a soak of {SOAK_SECONDS}s in the environment before"))?;
    holds("a config without a soak is refused", hasty.code() >= 3)
}

/// Since when everybody is served by what was released last, as the API server says.
async fn released_since(bed: &Bed<'_>) -> Checked<jiff::Timestamp> {
    let (kind, field) =
        if bed.strategy.is_rollout() { ("Completed", "lastTransitionTime") } else { ("Progressing", "lastUpdateTime") };
    let object = bed.namespace.get(bed.kind(), "api").await?;
    let conditions = object["status"]["conditions"].as_array().ok_or("no conditions")?;
    let condition = conditions.iter().find(|condition| condition["type"] == kind).ok_or("no such condition")?;
    Ok(condition[field].as_str().unwrap_or_default().parse()?)
}
