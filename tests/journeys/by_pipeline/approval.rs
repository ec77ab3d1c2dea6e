//! Promotions by approving a deployment, at a server that answers as GitHub's published API says.

use support::check::{holds, same, says};
use support::git::git;
use support::github_approvals::{Answer, ENVIRONMENT, GithubApprovals, Protection, REPOSITORY, Run, TOKEN};
use support::manifests::image;
use support::{Checked, Program, until};

use super::super::bed::Bed;
use super::super::by_hand::done;
use super::deploy;
use crate::cockpit;

/// What becomes of a promotion by an approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Journey {
    /// The one run of the commit that waits is approved, deploys, and says that it failed.
    Approved,
    /// Two runs of the commit wait, and a workflow is named.
    OfWorkflow,
    /// Nothing tells the commit.
    NoCommit,
    /// The commit has no run.
    NoRun,
    /// Its run has ended.
    NoneWaits,
    /// Two runs of the commit wait.
    SeveralRuns,
    /// What waits builds a pull request.
    PullRequest,
    /// Whoever asks is no reviewer.
    NotAllowed,
    /// It waits for a timer as well.
    Timer,
    /// It is approved, no answer comes, and the reviews tell it.
    AnswerLost,
    /// The same, and the reviews are not told, either.
    LostForGood,
    /// Somebody else on this machine wants to approve it as well.
    ApprovedTwice,
    Forbidden,
    NotThere,
    Unfit,
    TooMany,
    TokenRefused,
    /// Nobody trusts the config that names it.
    NotTrusted,
    ReadOnly,
}

impl Journey {
    pub(super) const ALL: [Self; 19] = [
        Self::Approved,
        Self::OfWorkflow,
        Self::NoCommit,
        Self::NoRun,
        Self::NoneWaits,
        Self::SeveralRuns,
        Self::PullRequest,
        Self::NotAllowed,
        Self::Timer,
        Self::AnswerLost,
        Self::LostForGood,
        Self::ApprovedTwice,
        Self::Forbidden,
        Self::NotThere,
        Self::Unfit,
        Self::TooMany,
        Self::TokenRefused,
        Self::NotTrusted,
        Self::ReadOnly,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approval",
            Self::OfWorkflow => "approval_of_workflow",
            Self::NoCommit => "approval_no_commit",
            Self::NoRun => "approval_no_run",
            Self::NoneWaits => "approval_none_waits",
            Self::SeveralRuns => "approval_several_runs",
            Self::PullRequest => "approval_pull_request",
            Self::NotAllowed => "approval_not_allowed",
            Self::Timer => "approval_timer",
            Self::AnswerLost => "approval_answer_lost",
            Self::LostForGood => "approval_lost_for_good",
            Self::ApprovedTwice => "approval_twice",
            Self::Forbidden => "approval_forbidden",
            Self::NotThere => "approval_not_there",
            Self::Unfit => "approval_unfit",
            Self::TooMany => "approval_too_many",
            Self::TokenRefused => "approval_token_refused",
            Self::NotTrusted => "approval_not_trusted",
            Self::ReadOnly => "approval_read_only",
        }
    }

    /// How GitHub answers the approval.
    fn answer(self) -> Answer {
        match self {
            Self::AnswerLost => Answer::Lost,
            Self::LostForGood => Answer::LostForGood,
            Self::Forbidden => Answer::Refused(403, "Resource not accessible by personal access token"),
            Self::NotThere => Answer::Refused(404, "Not Found"),
            Self::Unfit => Answer::Refused(422, "No pending deployment requests to approve or reject"),
            Self::TooMany => Answer::Refused(429, "slow down"),
            _ => Answer::Fine,
        }
    }

    fn protection(self) -> Protection {
        Protection { may_approve: self != Self::NotAllowed, timer: if self == Self::Timer { 30 } else { 0 } }
    }

    fn runs(self, commit: &str) -> Vec<Run> {
        let waits = |id, workflow, event, commit: &str| Run {
            id,
            workflow,
            event,
            status: "waiting",
            commit: commit.to_owned(),
            waits: true,
        };
        // A run of another commit waits as well: it would deploy that.
        let mut runs = vec![waits(81, "deploy.yml", "push", &"f".repeat(40))];
        let own = waits(71, "deploy.yml", "push", commit);
        match self {
            Self::NoRun => {}
            Self::NoneWaits => runs.push(Run { status: "completed", waits: false, ..own }),
            Self::PullRequest => runs.push(Run { event: "pull_request", ..own }),
            _ => runs.push(own),
        }
        if matches!(self, Self::SeveralRuns | Self::OfWorkflow) {
            runs.push(waits(72, "nightly.yml", "workflow_dispatch", commit));
        }
        runs
    }
}

pub(super) async fn carry_out(journey: Journey, bed: &Bed<'_>) -> Checked {
    Approval::start(bed, journey).await?.carry_out().await
}

/// A repository with runs of two commits.
struct Approval<'a> {
    bed: &'a Bed<'a>,
    journey: Journey,
    server: GithubApprovals,
    repository: tempfile::TempDir,
}

impl<'a> Approval<'a> {
    async fn start(bed: &'a Bed<'a>, journey: Journey) -> Checked<Self> {
        let repository = tempfile::tempdir()?;
        let at = repository.path();
        git(at, &["init", "--quiet"])?;
        for version in ["1.0.0", "1.1.0"] {
            git(at, &["commit", "--quiet", "--allow-empty", "--message", version])?;
            git(at, &["tag", &format!("v{version}")])?;
        }
        let commit = git(at, &["rev-parse", "HEAD"])?.trim().to_owned();
        let server = GithubApprovals::start(journey.answer(), journey.protection(), journey.runs(&commit)).await?;
        Ok(Self { bed, journey, server, repository })
    }

    fn alice(&self) -> Program {
        let token = if self.journey == Journey::TokenRefused { "ghp_of-somebody-else" } else { TOKEN };
        let workflow = if self.journey == Journey::OfWorkflow { "workflow = \"deploy.yml\", " } else { "" };
        // GitHub tells no two environments apart by case.
        let settings = format!(
            "promote = {{ timeout = \"5s\", github = {{ repository = \"{REPOSITORY}\", approve = \"Production\", {workflow}url = \
             \"{}\", token = {{ env = \"GIT_HUB_TOKEN\" }} }} }}\n",
            self.server.url()
        );
        let repository = if self.journey == Journey::NoCommit {
            String::new()
        } else {
            format!("\n[service]\nrepository = \"{}\"\n", self.repository.path().display())
        };
        let settings = settings + &repository;
        self.bed.with_staging_and(&settings).with_path().env("GIT_HUB_TOKEN", token)
    }

    async fn carry_out(&self) -> Checked {
        let url = "https://github.example/shop/api/actions/runs/71";
        match self.journey {
            Journey::Approved | Journey::OfWorkflow => self.approved().await,
            Journey::AnswerLost => self.answer_lost().await,
            Journey::LostForGood => self.lost_for_good().await,
            Journey::ApprovedTwice => self.approved_twice().await,
            Journey::NotTrusted => self.not_trusted().await,
            Journey::NoCommit => {
                self.is_not_planned(&self.alice(), &[], "not known which run's deployment to `Production`").await
            }
            Journey::ReadOnly => self.is_not_planned(&self.alice(), &["--read-only"], "read-only").await,
            Journey::NoRun => self.refused(0, "there is no run of commit ").await,
            Journey::NoneWaits => self.refused(0, &format!("run 71 (deploy.yml, push) is `completed`: {url}")).await,
            Journey::SeveralRuns => {
                self.refused(0, "run 71 (deploy.yml, push), run 72 (nightly.yml, workflow_dispatch); say which").await
            }
            Journey::PullRequest => self.refused(0, "builds a pull request, and not the commit").await,
            Journey::NotAllowed => self.refused(0, &format!("use a token of a reviewer: ada: {url}")).await,
            Journey::Timer => self.refused(0, "run 71 waits for the timer of `production` until ").await,
            Journey::TokenRefused => self.refused(0, "401: the token is not accepted: Bad credentials").await,
            Journey::Forbidden => {
                self.refused(1, "403: the token has no right to that in shop/api: Resource not").await
            }
            Journey::NotThere => self.refused(1, "404: there is no such thing in shop/api").await,
            Journey::Unfit => self.refused(1, "No pending deployment requests to approve or reject").await,
            Journey::TooMany => self.refused(1, "429: too many requests").await,
        }
    }

    /// The image of the comment of the one approval that there was.
    fn image_told(&self) -> Checked<String> {
        let approved = self.server.approved();
        same("what was approved", &approved.iter().map(|(run, _)| *run).collect::<Vec<_>>(), &vec![71])?;
        let body = &approved[0].1;
        same("the environments", &body["environment_ids"], &serde_json::json!([ENVIRONMENT.1]))?;
        same("the decision", &body["state"].as_str(), &Some("approved"))?;
        let comment = body["comment"].as_str().unwrap_or_default();
        let named = comment.strip_prefix("release of app=").and_then(|rest| rest.strip_suffix(" to prod"));
        let named = named.ok_or_else(|| format!("the comment is {comment:?}"))?;
        holds("the image is named by tag and digest", named.starts_with(&(image("api", "1.1.0") + "@sha256:")))?;
        Ok(named.to_owned())
    }

    /// What the run would do; it begins once it was looked at.
    async fn runs(&self) -> Checked {
        self.server.is_approved().await?;
        let named = self.image_told()?;
        let is_looked_at = || async { self.server.asked().iter().any(|asked| asked == "GET runs/71").then_some(()) };
        until("a look at its run", is_looked_at).await?;
        deploy(self.bed, &named).await
    }

    async fn approved(&self) -> Checked {
        let alice = self.alice();
        let (run, deployed) = tokio::join!(alice.run_async(&["release", "prod", "--yes"]), self.runs());
        deployed?;
        done(&run)?;
        // Whatever the run says.
        let url = "https://github.example/shop/api/actions/runs/71";
        says(&run.said(), &format!("deployment to Production begun ✓ (run 71 failure: {url})"))?;
        self.image_told()?;
        // That it waits is looked at right before, and nothing in between.
        let asked = self.server.asked();
        let sent = asked.iter().position(|asked| asked == "POST runs/71/pending_deployments").unwrap_or_default();
        same("what was asked before", &asked[sent.saturating_sub(1)].as_str(), &"GET runs/71/pending_deployments")?;
        holds("no other commit's run is asked about", !asked.iter().any(|asked| asked.contains("runs/81")))?;
        self.bed.serves("1.1.0").await
    }

    /// The reviews tell that it was approved: nothing is in doubt.
    async fn answer_lost(&self) -> Checked {
        let alice = self.alice();
        let (run, deployed) = tokio::join!(alice.run_async(&["release", "prod", "--yes"]), self.runs());
        deployed?;
        done(&run)?;
        holds(&format!("nothing is in doubt: {}", run.said()), !run.said().contains("may have been begun"))?;
        holds("the reviews were looked at", self.server.asked().iter().any(|asked| asked == "GET runs/71/approvals"))?;
        self.image_told()?;
        self.bed.serves("1.1.0").await
    }

    async fn lost_for_good(&self) -> Checked {
        let alice = self.alice();
        let people = async {
            self.server.is_approved().await?;
            deploy(self.bed, &self.image_told()?).await
        };
        let (run, deployed) = tokio::join!(alice.run_async(&["release", "prod", "--yes"]), people);
        deployed?;
        same(&format!("exit code: {}", run.said()), &run.code(), &0)?;
        says(&run.said(), "may have been begun or not: 502")?;
        says(&run.said(), "found done: cluster ✓")?;
        self.image_told().map(drop)
    }

    async fn approved_twice(&self) -> Checked {
        let alice = self.alice();
        let people = async {
            self.server.is_approved().await?;
            let second = alice.run_async(&["release", "prod", "--yes"]).await;
            deploy(self.bed, &self.image_told()?).await?;
            let second: Checked<_> = Ok(second);
            second
        };
        let (run, second) = tokio::join!(alice.run_async(&["release", "prod", "--yes"]), people);
        done(&run)?;
        let second = second?;
        same(&format!("exit code: {}", second.said()), &second.code(), &3)?;
        says(&second.said(), "another process here has it in progress")?;
        self.image_told().map(drop)
    }

    /// It is refused; so often it was asked to approve, and nothing has changed.
    async fn refused(&self, approved: usize, why: &str) -> Checked {
        let before = self.bed.namespace.get("Deployment", "api").await?;
        let run = self.alice().run_async(&["release", "prod", "--yes"]).await;
        same(&format!("exit code: {}", run.said()), &run.code(), &3)?;
        says(&run.said(), "refused: deployment to Production of shop/api was not begun")?;
        says(&run.said(), why)?;
        holds("the token is shown to nobody", !run.said().contains("ghp_"))?;
        same("times it was asked", &self.server.approved().len(), &approved)?;
        let after = self.bed.namespace.get("Deployment", "api").await?;
        same("the spec", &after["spec"], &before["spec"])
    }

    /// Nothing is asked at all.
    async fn is_not_planned(&self, program: &Program, more: &[&str], why: &str) -> Checked {
        let arguments: Vec<&str> = ["release", "prod", "--yes"].into_iter().chain(more.iter().copied()).collect();
        let run = program.run_async(&arguments).await;
        holds(&format!("it is refused: {}", run.said()), matches!(run.code(), 3 | 4))?;
        says(&run.said(), why)?;
        same("what was asked", &self.server.asked(), &Vec::new())
    }

    async fn not_trusted(&self) -> Checked {
        let trusted = self.alice();
        let somebody = cockpit().with_path();
        somebody.write("cockpit.toml", &trusted.read("cockpit.toml"));
        let state = somebody.path("state").display().to_string();
        let kubeconfig = self.bed.namespace.cluster.kubeconfig().display().to_string();
        let somebody = somebody.env("KUBECONFIG", kubeconfig).env("XDG_STATE_HOME", state);
        let somebody = somebody.env("GIT_HUB_TOKEN", TOKEN);
        self.is_not_planned(&somebody, &[], "cockpit trust").await
    }
}
