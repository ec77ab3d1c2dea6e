//! Journeys of promotions and rollbacks by pull request: the program pushes to a real repository and opens a pull request at a
//! server that answers as GitHub's published API says; people merge it there, and a real Argo CD applies it. What came of it is
//! told by the log of that repository, by what that server was asked, and by the objects.

use std::os::unix::fs::PermissionsExt as _;

use libtest_mimic::{Completion, Trial};
use serde_json::json;
use support::check::{holds, same, says};
use support::git::git;
use support::github_api::{GithubApi, Merge, Opening, PROJECT, TOKEN, commits_since};
use support::{Checked, Program, TestNamespace};

use super::bed::{Bed, How, Strategy};
use super::by_hand::{confirmed, done, on_screen};
use super::git_ops::{GitOps, JOURNEY_TIMEOUT};
use crate::contract::servers::Servers;

/// What people do where a promotion goes by pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Journey {
    /// It is merged while the command waits: the trailer of our commit is lost.
    MergedBySquash,
    MergedByRebase,
    MergedByMergeCommit,
    /// Nobody waits for it on the screen; later it is merged.
    MergedLater,
    /// Somebody on another machine releases the same meanwhile.
    OpenAlready,
    /// Somebody closes it.
    Closed,
    /// The program is killed when its commit is pushed, before the pull request is opened.
    KilledBeforeOpening,
    /// It is opened, and no answer comes.
    AnswerLost,
    /// The provider does not know the token: nothing is sent.
    TokenRefused,
    /// It knows the token, and lets it open nothing: nothing is left behind.
    OpeningForbidden,
    /// Users get what they had, and the revert waits for people.
    RollBack,
}

impl Journey {
    const ALL: [Self; 11] = [
        Self::MergedBySquash,
        Self::MergedByRebase,
        Self::MergedByMergeCommit,
        Self::MergedLater,
        Self::OpenAlready,
        Self::Closed,
        Self::KilledBeforeOpening,
        Self::AnswerLost,
        Self::TokenRefused,
        Self::OpeningForbidden,
        Self::RollBack,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::MergedBySquash => "merged_by_squash",
            Self::MergedByRebase => "merged_by_rebase",
            Self::MergedByMergeCommit => "merged_by_merge_commit",
            Self::MergedLater => "merged_later",
            Self::OpenAlready => "open_already",
            Self::Closed => "closed",
            Self::KilledBeforeOpening => "killed_before_opening",
            Self::AnswerLost => "answer_lost",
            Self::TokenRefused => "token_refused",
            Self::OpeningForbidden => "opening_forbidden",
            Self::RollBack => "roll_back",
        }
    }
}

/// The journeys, as cases of the suite.
pub(super) fn cases() -> Vec<Trial> {
    let case = |journey: Journey| {
        let name = format!("journeys::real::by_git::pull_request::{}", journey.as_str());
        Trial::ignorable_test(name, move || run(journey))
    };
    Journey::ALL.into_iter().map(case).collect()
}

fn run(journey: Journey) -> Checked<Completion> {
    if let Some(reason) = Servers::Real.missing() {
        return Ok(Completion::ignored_with(reason));
    }
    if std::env::var_os("ARGO_CD_NAMESPACE").is_none() {
        return Ok(Completion::ignored_with("no Argo CD: tests/cluster/up starts one where there is a redis-server"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let namespace = TestNamespace::create(Servers::Real.start().await?, "pull-request").await?;
        let bed = Bed::new(&namespace, Strategy::Deployment, How::Command);
        let git_ops = GitOps::in_yaml(&namespace).await?;
        let ended = tokio::time::timeout(JOURNEY_TIMEOUT, carry_out(journey, &bed, &git_ops)).await;
        git_ops.delete().await;
        namespace.delete().await;
        ended.map_err(|_| format!("it did not end within {JOURNEY_TIMEOUT:?}"))??;
        Ok(Completion::Completed)
    })
}

/// What a journey is about.
struct Scene<'a> {
    bed: &'a Bed<'a>,
    git_ops: &'a GitOps,
    github: GithubApi,
    alice: Program,
    /// Whose machine knows nothing of what alice began.
    bob: Program,
    /// Where the branch that is applied was at the start.
    head: String,
}

async fn carry_out(journey: Journey, bed: &Bed<'_>, git_ops: &GitOps) -> Checked {
    git_ops.commit(bed, "1.0.0").await?;
    git_ops.create_application(&json!({"selfHeal": true, "prune": true})).await?;
    bed.serves("1.0.0").await?;
    if journey == Journey::RollBack {
        git_ops.release(bed, "1.1.0").await?;
    } else {
        bed.another_second().await?;
        bed.released_in_staging("1.1.0").await?;
    }
    let github = GithubApi::start(git_ops.bare(), git_ops.work().with_file_name("people")).await?;
    let settings = format!(
        "git = {{ repository = \"{}\", path = \"objects.yaml\", format = \"plain\", author_name = \"Alice\", \
         author_mail = \"alice@shop.example\", pull_request = {{ provider = \"github\", url = \"{}\", project = \"{PROJECT}\", \
         token = {{ env = \"GIT_HUB_TOKEN\" }} }} }}\n",
        git_ops.address(),
        github.url(),
    );
    let token = if journey == Journey::TokenRefused { "ghp_of-somebody-else" } else { TOKEN };
    let somebody = || bed.with_staging_and(&settings).with_path().env("GIT_HUB_TOKEN", token);
    let (alice, bob) = (somebody(), somebody());
    let head = git(&git_ops.bare(), &["rev-parse", "main"])?.trim().to_owned();
    let scene = Scene { bed, git_ops, github, alice, bob, head };
    match journey {
        Journey::MergedBySquash => scene.merged_in_time(Merge::Squash).await,
        Journey::MergedByRebase => scene.merged_in_time(Merge::Rebase).await,
        Journey::MergedByMergeCommit => scene.merged_in_time(Merge::Commit).await,
        Journey::MergedLater => scene.merged_later().await,
        Journey::OpenAlready => scene.open_already().await,
        Journey::Closed => scene.closed().await,
        Journey::KilledBeforeOpening => scene.killed_before_opening().await,
        Journey::AnswerLost => scene.answer_lost().await,
        Journey::TokenRefused => scene.token_refused().await,
        Journey::OpeningForbidden => scene.opening_forbidden().await,
        Journey::RollBack => scene.roll_back().await,
    }
}

impl Scene<'_> {
    /// Whatever becomes of our commit: the provider and the file tell.
    async fn merged_in_time(&self, merge: Merge) -> Checked {
        let people = async {
            let number = self.github.is_looked_at().await?;
            self.head_is(&self.head)?;
            self.github.merge(number, merge)
        };
        let released = self.alice.run_async(&["release", "prod", "--yes"]);
        let (run, merged) = tokio::join!(released, people);
        merged?;
        done(&run)?;
        says(&run.said(), "pull request #12 open ✓ https://github.example/shop/config/pull/12")?;
        says(&run.out(), "pull request #12 merged ✓, git ✓")?;
        says(&run.out(), "Argo CD ✓, cluster ✓")?;
        self.is_opened_once()?;
        let (_, title, body) = self.github.opened().remove(0);
        same("the title", &title.as_str(), &"api: release 1.1.0 into prod")?;
        for part in ["Environment: `prod`", "Asked for by: ", "Release-Cockpit-Action: ", "1.0.0` → `"] {
            says(&body, part)?;
        }
        let wanted = if merge == Merge::Commit { 2 } else { 1 };
        commits_since(&self.git_ops.bare(), &self.head, wanted)?;
        let trailers = self.output(&["log", "--format=%(trailers:key=Release-Cockpit-Action,valueonly)", "main"])?;
        holds("a squash loses the trailer", trailers.trim().is_empty() == (merge == Merge::Squash))?;
        self.git_ops.is_applied(self.bed, "1.1.0").await?;
        self.bed.serves("1.1.0").await?;
        // There is nothing more to do, and nothing more is done.
        let again = self.alice.run_async(&["release", "prod", "--yes"]).await;
        holds(&format!("nothing is sent again: {}", again.said()), !again.said().contains("pull request #1"))?;
        self.is_opened_once()
    }

    async fn merged_later(&self) -> Checked {
        // By key it is the same release, and the screen says that it waits.
        on_screen(&self.alice, |pty| {
            pty.wait_text("N releases 1.1.0");
            confirmed(pty, "N", "Release 1.1.0 by pull request into prod");
            pty.wait_text("pull request #12 open ✓");
        })
        .await?;
        let number = self.github.is_open().await?;
        self.head_is(&self.head)?;
        self.github.check_fails(number, true);
        // Asking again opens no second one, and shows what is in the way.
        let again = self.alice.run_async(&["release", "prod", "--yes"]).await;
        holds(&format!("it waits: {}", again.said()), again.code() == 3 || again.code() == 4)?;
        says(&again.said(), "pull request #12 open ✓ https://github.example/shop/config/pull/12 (a check has failed")?;
        self.is_opened_once()?;
        self.github.check_fails(number, false);
        let github = &self.github;
        let (merged, seen) = tokio::join!(
            async { github.merge(number, Merge::Squash) },
            on_screen(&self.alice, |pty| pty.wait_text("pull request #12 merged ✓")),
        );
        merged?;
        seen?;
        self.bed.serves("1.1.0").await?;
        self.is_opened_once()
    }

    async fn open_already(&self) -> Checked {
        let begun = self.alice.run_async(&["release", "prod", "--yes", "--no-wait"]).await;
        same(&format!("exit code: {}", begun.said()), &begun.code(), &0)?;
        let number = self.github.is_open().await?;
        let second = self.bob.run_async(&["release", "prod", "--yes"]).await;
        same(&format!("exit code: {}", second.said()), &second.code(), &3)?;
        let open =
            "not sent: pull request #12 is open already, merge or close it: https://github.example/shop/config/pull/12";
        says(&second.said(), open)?;
        self.is_opened_once()?;
        self.github.close(number);
        let third = self.bob.run_async(&["release", "prod", "--yes", "--no-wait"]).await;
        same(&format!("exit code: {}", third.said()), &third.code(), &0)?;
        same("times asked to open one", &self.github.times_asked_to_open(), &2)?;
        self.head_is(&self.head)
    }

    async fn closed(&self) -> Checked {
        let people = async {
            let number = self.github.is_open().await?;
            self.github.close(number);
            Checked::Ok(())
        };
        let released = self.alice.run_async(&["release", "prod", "--yes"]);
        let (run, closed) = tokio::join!(released, people);
        closed?;
        same(&format!("exit code: {}", run.said()), &run.code(), &1)?;
        says(&run.said(), "not done: pull request #12 was closed at 2026-01-01T00:00:00Z without a merge")?;
        self.head_is(&self.head)?;
        self.is_opened_once()
    }

    async fn killed_before_opening(&self) -> Checked {
        // The server of git ends it as soon as it has the commit.
        let hook = self.git_ops.bare().join("hooks/post-receive");
        std::fs::create_dir_all(self.git_ops.bare().join("hooks"))?;
        let pid = self.alice.path("pid").display().to_string();
        std::fs::write(
            &hook,
            format!("#!/bin/sh\n[ -e '{pid}' ] && kill -9 \"$(cat '{pid}')\" && rm '{pid}'\nexit 0\n"),
        )?;
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755))?;
        let mut command = tokio::process::Command::from(self.alice.command(&["release", "prod", "--yes"]));
        let mut child = command.kill_on_drop(true).spawn()?;
        std::fs::write(&pid, child.id().ok_or("it has ended")?.to_string())?;
        let status = child.wait().await?;
        holds("it was killed", std::os::unix::process::ExitStatusExt::signal(&status) == Some(9))?;
        let branches = self.github.other_branches()?;
        same("branches", &branches.len(), &1)?;
        // The next start says that it is not done, and what is there; and opens nothing by itself.
        on_screen(&self.alice, |pty| pty.wait_text("found not done")).await?;
        let journal = self.alice.run_async(&["log", "show"]).await;
        says(&journal.said(), &format!("the branch {} is there without a pull request", branches[0]))?;
        same("times asked to open one", &self.github.times_asked_to_open(), &0)?;
        self.head_is(&self.head)?;
        // It can be begun again.
        self.left_open().await.map(drop)
    }

    async fn answer_lost(&self) -> Checked {
        self.github.opens(Opening::AnswerLost);
        let number = self.left_open().await?;
        self.is_opened_once()?;
        self.github.merge(number, Merge::Squash)?;
        on_screen(&self.alice, |pty| pty.wait_text("pull request #12 merged ✓")).await?;
        self.bed.serves("1.1.0").await?;
        self.is_opened_once()
    }

    async fn token_refused(&self) -> Checked {
        let run = self.alice.run_async(&["release", "prod", "--yes"]).await;
        same(&format!("exit code: {}", run.said()), &run.code(), &3)?;
        says(&run.said(), "not sent: the branch main of shop/config at http://127.0.0.1:")?;
        says(&run.said(), "401: the token is not accepted: Bad credentials")?;
        holds("the token is shown to nobody", !run.said().contains("ghp_"))?;
        same("branches", &self.github.other_branches()?, &Vec::new())?;
        same("times asked to open one", &self.github.times_asked_to_open(), &0)?;
        self.head_is(&self.head)
    }

    async fn opening_forbidden(&self) -> Checked {
        self.github.opens(Opening::Forbidden);
        let run = self.alice.run_async(&["release", "prod", "--yes"]).await;
        same(&format!("exit code: {}", run.said()), &run.code(), &3)?;
        says(&run.said(), "opened no pull request: 403: the token has no right to that in shop/config: Resource not")?;
        same("times asked to open one", &self.github.times_asked_to_open(), &1)?;
        same("branches", &self.github.other_branches()?, &Vec::new())?;
        self.head_is(&self.head)
    }

    async fn roll_back(&self) -> Checked {
        let run = self.alice.run_async(&["rollback", "prod", "--yes"]).await;
        done(&run)?;
        says(&run.said(), "users have the earlier version, git does NOT say so yet: pull request #12 open ✓")?;
        let Ok(()) = self.bed.serves_now("1.0.0").await? else { return Err("it was said to be done".into()) };
        self.git_ops.is_suspended().await?;
        self.head_is(&self.head)?;
        let before = self.output(&["show", "main:objects.yaml"])?;
        self.github.merge(12, Merge::Squash)?;
        on_screen(&self.alice, |pty| pty.wait_text("done: pull request #12 merged ✓")).await?;
        same("the file", &self.output(&["show", "main:objects.yaml"])?, &before.replace("1.1.0", "1.0.0"))?;
        self.is_opened_once()?;
        done(&self.alice.run_async(&["owner", "prod", "--resume", "--wait", "60s", "--yes"]).await)?;
        let Ok(()) = self.bed.serves_now("1.0.0").await? else { return Err("the bad version came back".into()) };
        Ok(())
    }

    /// Alice begins a release, and does not wait for people.
    async fn left_open(&self) -> Checked<u64> {
        let run = self.alice.run_async(&["release", "prod", "--yes", "--timeout", "1s"]).await;
        same(&format!("exit code: {}", run.said()), &run.code(), &4)?;
        says(&run.said(), "waits for a merge: pull request #12 open ✓")?;
        self.head_is(&self.head)?;
        self.github.is_open().await
    }

    fn is_opened_once(&self) -> Checked {
        same("times asked to open one", &self.github.times_asked_to_open(), &1)?;
        same("pull requests", &self.github.opened().len(), &1)
    }

    fn head_is(&self, wanted: &str) -> Checked {
        same("main", &self.output(&["rev-parse", "main"])?.trim(), &wanted)
    }

    /// What git says in the bare repository.
    fn output(&self, arguments: &[&str]) -> Checked<String> {
        git(&self.git_ops.bare(), arguments)
    }
}
