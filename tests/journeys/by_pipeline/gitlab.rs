//! Promotions by a manual job or a pipeline, at a server that answers as GitLab's published API says.

use support::check::{holds, same, says};
use support::git::git;
use support::gitlab_pipelines::{Answer, GitlabPipelines, Job, PROJECT, TOKEN};
use support::manifests::image;
use support::{Checked, Program, until};

use super::super::bed::Bed;
use super::super::by_hand::done;
use super::deploy;
use crate::cockpit;

/// What becomes of a promotion by GitLab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Journey {
    /// The job is played in the pipeline of the commit, deploys, and says that it failed.
    Job,
    /// Nothing tells the commit: the latest pipeline of the branch has the job.
    JobOfBranch,
    /// Nothing tells the commit, and no branch is named.
    NoCommit,
    /// No pipeline of the commit has such a job.
    NoJob,
    /// Two branches have it, at the same commit.
    SeveralJobs,
    /// Somebody has played it.
    PlayedAlready,
    /// What comes before it has not passed.
    NotYet,
    /// No job is named: a pipeline is begun.
    Pipeline,
    /// It is played, and no answer comes.
    AnswerLost,
    /// Somebody else on this machine wants to begin it as well.
    BegunTwice,
    Forbidden,
    NotThere,
    Conflict,
    Unplayable,
    TooMany,
    TokenRefused,
    /// Nobody trusts the config that names it.
    NotTrusted,
    ReadOnly,
}

impl Journey {
    pub(super) const ALL: [Self; 18] = [
        Self::Job,
        Self::JobOfBranch,
        Self::NoCommit,
        Self::NoJob,
        Self::SeveralJobs,
        Self::PlayedAlready,
        Self::NotYet,
        Self::Pipeline,
        Self::AnswerLost,
        Self::BegunTwice,
        Self::Forbidden,
        Self::NotThere,
        Self::Conflict,
        Self::Unplayable,
        Self::TooMany,
        Self::TokenRefused,
        Self::NotTrusted,
        Self::ReadOnly,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Job => "gitlab_job",
            Self::JobOfBranch => "gitlab_job_of_branch",
            Self::NoCommit => "gitlab_no_commit",
            Self::NoJob => "gitlab_no_job",
            Self::SeveralJobs => "gitlab_several_jobs",
            Self::PlayedAlready => "gitlab_played_already",
            Self::NotYet => "gitlab_not_yet",
            Self::Pipeline => "gitlab_pipeline",
            Self::AnswerLost => "gitlab_answer_lost",
            Self::BegunTwice => "gitlab_begun_twice",
            Self::Forbidden => "gitlab_forbidden",
            Self::NotThere => "gitlab_not_there",
            Self::Conflict => "gitlab_conflict",
            Self::Unplayable => "gitlab_unplayable",
            Self::TooMany => "gitlab_too_many",
            Self::TokenRefused => "gitlab_token_refused",
            Self::NotTrusted => "gitlab_not_trusted",
            Self::ReadOnly => "gitlab_read_only",
        }
    }

    /// How GitLab answers where something is begun.
    fn answer(self) -> Answer {
        match self {
            Self::AnswerLost => Answer::Lost,
            Self::Forbidden => Answer::Refused(403, "403 Forbidden"),
            Self::NotThere => Answer::Refused(404, "404 Not Found"),
            Self::Conflict => Answer::Refused(409, "409 Conflict"),
            Self::Unplayable => Answer::Refused(400, "400 Bad request - Unplayable Job"),
            Self::TooMany => Answer::Refused(429, "429 Too Many Requests"),
            _ => Answer::Fine,
        }
    }

    /// How the job of the commit stands.
    fn status(self) -> Option<&'static str> {
        match self {
            Self::NoJob => None,
            Self::PlayedAlready => Some("success"),
            Self::NotYet => Some("created"),
            _ => Some("manual"),
        }
    }

    /// Whether git tells the commit.
    fn has_repository(self) -> bool {
        !matches!(self, Self::JobOfBranch | Self::NoCommit | Self::Pipeline)
    }
}

pub(super) async fn carry_out(journey: Journey, bed: &Bed<'_>) -> Checked {
    Gitlab::start(bed, journey).await?.carry_out().await
}

/// A project with pipelines of two commits.
struct Gitlab<'a> {
    bed: &'a Bed<'a>,
    journey: Journey,
    server: GitlabPipelines,
    repository: tempfile::TempDir,
}

impl<'a> Gitlab<'a> {
    async fn start(bed: &'a Bed<'a>, journey: Journey) -> Checked<Self> {
        let repository = tempfile::tempdir()?;
        let at = repository.path();
        git(at, &["init", "--quiet"])?;
        for version in ["1.0.0", "1.1.0"] {
            git(at, &["commit", "--quiet", "--allow-empty", "--message", version])?;
            git(at, &["tag", &format!("v{version}")])?;
        }
        let commit = git(at, &["rev-parse", "HEAD"])?.trim().to_owned();
        let later = "f".repeat(40);
        let mut pipelines = vec![(41, "main", commit.as_str()), (42, "main", later.as_str())];
        // A job of that name waits in the pipeline of another commit: it would deploy that.
        let mut jobs = vec![
            Job { id: 70, name: "build", status: "success", pipeline: 41 },
            Job { id: 81, name: "deploy-prod", status: "manual", pipeline: 42 },
        ];
        jobs.extend(journey.status().map(|status| Job { id: 71, name: "deploy-prod", status, pipeline: 41 }));
        if journey == Journey::SeveralJobs {
            pipelines.push((43, "v1.1.0", commit.as_str()));
            jobs.push(Job { id: 91, name: "deploy-prod", status: "manual", pipeline: 43 });
        }
        let server = GitlabPipelines::start(journey.answer(), &pipelines, &jobs).await?;
        Ok(Self { bed, journey, server, repository })
    }

    fn settings(&self) -> String {
        let job = match self.journey {
            Journey::Pipeline => "ref = \"release\", ",
            Journey::JobOfBranch => "job = \"deploy-prod\", ref = \"main\", ",
            _ => "job = \"deploy-prod\", ",
        };
        let settings = format!(
            "promote = {{ timeout = \"5s\", gitlab = {{ project = \"{PROJECT}\", {job}url = \"{}\", variables = {{ ENVIRONMENT = \
             \"{{environment}}\", IMAGE = \"{{image}}\" }}, token = {{ env = \"GITLAB_TOKEN_OF_TEST\" }} }} }}\n",
            self.server.url()
        );
        if !self.journey.has_repository() {
            return settings;
        }
        let repository = format!("\n[service]\nrepository = \"{}\"\n", self.repository.path().display());
        settings + &repository
    }

    fn alice(&self) -> Program {
        let token = if self.journey == Journey::TokenRefused { "glpat-of-somebody-else" } else { TOKEN };
        self.bed.with_staging_and(&self.settings()).with_path().env("GITLAB_TOKEN_OF_TEST", token)
    }

    async fn carry_out(&self) -> Checked {
        let forbidden = "403: the token has no right to that in shop/api: 403 Forbidden";
        let unplayable = "400: Bad Request: 400 Bad request - Unplayable Job";
        let played = "job 71 was played already by ada, and is `success`: https://gitlab.example/shop/api/-/jobs/71";
        match self.journey {
            Journey::Job => self.begun("POST jobs/71/play", "deploy-prod begun ✓ (job 71 failed: ").await,
            Journey::JobOfBranch => self.begun("POST jobs/81/play", "deploy-prod begun ✓ (job 81 failed: ").await,
            Journey::Pipeline => self.begun("POST pipeline", "a pipeline begun ✓ (pipeline 100 failed: ").await,
            Journey::AnswerLost => self.answer_lost().await,
            Journey::BegunTwice => self.begun_twice().await,
            Journey::NotTrusted => self.not_trusted().await,
            Journey::NoCommit => {
                self.is_not_planned(&self.alice(), &[], "not known which pipeline's `deploy-prod`").await
            }
            Journey::ReadOnly => self.is_not_planned(&self.alice(), &["--read-only"], "read-only").await,
            Journey::NoJob => self.refused(0, "there is no job `deploy-prod` in the pipeline of ").await,
            Journey::SeveralJobs => self.refused(0, "of v1.1.0 (job 91), main (job 71); say which by `ref`").await,
            Journey::PlayedAlready => self.refused(0, played).await,
            Journey::NotYet => self.refused(0, "job 71 cannot be played as it is `created`").await,
            Journey::TokenRefused => self.refused(0, "401: the token is not accepted: 401 Unauthorized").await,
            Journey::Forbidden => self.refused(1, forbidden).await,
            Journey::NotThere => self.refused(1, "404: there is no such thing in shop/api").await,
            Journey::Conflict => self.refused(1, "409: Conflict: 409 Conflict").await,
            Journey::Unplayable => self.refused(1, unplayable).await,
            Journey::TooMany => self.refused(1, "429: too many requests").await,
        }
    }

    /// The one thing that was begun, with the variables that it was told.
    fn told(&self, what: &str) -> Checked<Vec<(String, String)>> {
        let begun = self.server.begun();
        same("what was begun", &begun.iter().map(|(asked, _)| asked.as_str()).collect::<Vec<_>>(), &vec![what])?;
        let body = &begun[0].1;
        let key = if what == "POST pipeline" { "variables" } else { "job_variables_attributes" };
        let text = |value: &serde_json::Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let told = body[key].as_array().into_iter().flatten().map(|one| (text(one, "key"), text(one, "value")));
        Ok(told.collect())
    }

    fn image_told(&self, what: &str) -> Checked<String> {
        let told = self.told(what)?;
        let [(environment, prod), (name, named)] = told.as_slice() else { return Err(format!("{told:?}").into()) };
        let all = (environment.as_str(), prod.as_str(), name.as_str());
        same("what it is told", &all, &("ENVIRONMENT", "prod", "IMAGE"))?;
        holds("the image is named by tag and digest", named.starts_with(&(image("api", "1.1.0") + "@sha256:")))?;
        Ok(named.clone())
    }

    /// What the job would do; it begins once it was looked at.
    async fn runs(&self, what: &str) -> Checked {
        self.server.is_begun().await?;
        let named = self.image_told(what)?;
        let is_look = |asked: &String| asked.starts_with("GET jobs/") || asked.as_str() == "GET pipelines/100";
        until("a look at its run", || async { self.server.asked().iter().any(is_look).then_some(()) }).await?;
        deploy(self.bed, &named).await
    }

    async fn begun(&self, what: &str, shown: &str) -> Checked {
        let alice = self.alice();
        let (run, deployed) = tokio::join!(alice.run_async(&["release", "prod", "--yes"]), self.runs(what));
        deployed?;
        done(&run)?;
        // Whatever the job says.
        says(&run.said(), shown)?;
        self.told(what)?;
        if self.journey == Journey::Pipeline {
            same("the branch", &self.server.begun()[0].1["ref"].as_str(), &Some("release"))?;
        }
        self.bed.serves("1.1.0").await
    }

    async fn answer_lost(&self) -> Checked {
        let alice = self.alice();
        let what = "POST jobs/71/play";
        let people = async {
            self.server.is_begun().await?;
            deploy(self.bed, &self.image_told(what)?).await
        };
        let (run, deployed) = tokio::join!(alice.run_async(&["release", "prod", "--yes"]), people);
        deployed?;
        same(&format!("exit code: {}", run.said()), &run.code(), &0)?;
        says(&run.said(), "may have been begun or not: 502")?;
        says(&run.said(), "found done: cluster ✓")?;
        self.told(what).map(drop)
    }

    async fn begun_twice(&self) -> Checked {
        let alice = self.alice();
        let what = "POST jobs/71/play";
        let people = async {
            self.server.is_begun().await?;
            let second = alice.run_async(&["release", "prod", "--yes"]).await;
            deploy(self.bed, &self.image_told(what)?).await?;
            let second: Checked<_> = Ok(second);
            second
        };
        let (run, second) = tokio::join!(alice.run_async(&["release", "prod", "--yes"]), people);
        done(&run)?;
        let second = second?;
        same(&format!("exit code: {}", second.said()), &second.code(), &3)?;
        says(&second.said(), "another process here has it in progress")?;
        self.told(what).map(drop)
    }

    /// It is refused; so much was asked to be begun, and nothing has changed.
    async fn refused(&self, begun: usize, why: &str) -> Checked {
        let before = self.bed.namespace.get("Deployment", "api").await?;
        let run = self.alice().run_async(&["release", "prod", "--yes"]).await;
        same(&format!("exit code: {}", run.said()), &run.code(), &3)?;
        says(&run.said(), "refused: deploy-prod of shop/api was not begun")?;
        says(&run.said(), why)?;
        holds("the token is shown to nobody", !run.said().contains("glpat"))?;
        same("times it was asked", &self.server.begun().len(), &begun)?;
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
        let somebody = somebody.env("GITLAB_TOKEN_OF_TEST", TOKEN);
        self.is_not_planned(&somebody, &[], "cockpit trust").await
    }
}
