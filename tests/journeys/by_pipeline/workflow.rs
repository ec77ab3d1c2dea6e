//! Promotions by a workflow, at a server that answers as GitHub's published API says.

use support::check::{holds, same, says};
use support::github_actions::{Dispatch, GithubActions, REPOSITORY, TOKEN};
use support::manifests::image;
use support::{Checked, Program, until};

use super::super::bed::Bed;
use super::super::by_hand::done;
use super::deploy;

/// What becomes of a promotion by a workflow of GitHub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Journey {
    /// It is begun, deploys, and says that it failed.
    Begun,
    /// GitHub tells the run at once.
    WithRun,
    /// It is begun, and no answer comes.
    AnswerLost,
    Forbidden,
    NotThere,
    Unfit,
    TooMany,
    TokenRefused,
}

impl Journey {
    pub(super) const ALL: [Self; 8] = [
        Self::Begun,
        Self::WithRun,
        Self::AnswerLost,
        Self::Forbidden,
        Self::NotThere,
        Self::Unfit,
        Self::TooMany,
        Self::TokenRefused,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "workflow",
            Self::WithRun => "workflow_with_run",
            Self::AnswerLost => "workflow_answer_lost",
            Self::Forbidden => "workflow_forbidden",
            Self::NotThere => "workflow_not_there",
            Self::Unfit => "workflow_unfit",
            Self::TooMany => "workflow_too_many",
            Self::TokenRefused => "workflow_token_refused",
        }
    }

    /// How GitHub answers.
    fn dispatch(self) -> Dispatch {
        match self {
            Self::Begun | Self::TokenRefused => Dispatch::NoContent,
            Self::WithRun => Dispatch::WithRun,
            Self::AnswerLost => Dispatch::AnswerLost,
            Self::Forbidden => Dispatch::Refused(403, "Resource not accessible by personal access token"),
            Self::NotThere => Dispatch::Refused(404, "Not Found"),
            Self::Unfit => Dispatch::Refused(422, "Unexpected inputs provided: [\"image\"]"),
            Self::TooMany => Dispatch::Refused(429, "slow down"),
        }
    }
}

pub(super) async fn carry_out(journey: Journey, bed: &Bed<'_>) -> Checked {
    Workflow::start(bed, journey.dispatch()).await?.carry_out(journey).await
}

/// A pipeline that is a workflow.
struct Workflow<'a> {
    bed: &'a Bed<'a>,
    github: GithubActions,
}

impl<'a> Workflow<'a> {
    async fn start(bed: &'a Bed<'a>, dispatch: Dispatch) -> Checked<Self> {
        Ok(Self { bed, github: GithubActions::start(dispatch).await? })
    }

    fn alice(&self, token: &str) -> Program {
        let settings = format!(
            "promote = {{ timeout = \"5s\", github = {{ repository = \"{REPOSITORY}\", workflow = \"deploy.yml\", ref = \
             \"release\", url = \"{}\", inputs = {{ environment = \"{{environment}}\", image = \"{{image}}\", tag = \"{{tag}}\" \
             }}, token = {{ env = \"GIT_HUB_TOKEN\" }} }} }}\n",
            self.github.url()
        );
        self.bed.with_staging_and(&settings).with_path().env("GIT_HUB_TOKEN", token)
    }

    async fn carry_out(&self, journey: Journey) -> Checked {
        match journey {
            Journey::Begun | Journey::WithRun => self.begun(journey).await,
            Journey::AnswerLost => self.answer_lost().await,
            Journey::Forbidden => self.refused(TOKEN, "Resource not accessible by personal access token").await,
            Journey::NotThere => self.refused(TOKEN, "404: there is no such thing in shop/api").await,
            Journey::Unfit => self.refused(TOKEN, "Unexpected inputs provided").await,
            Journey::TooMany => self.refused(TOKEN, "429: too many requests").await,
            Journey::TokenRefused => {
                self.refused("ghp_of-somebody-else", "401: the token is not accepted: Bad credentials").await
            }
        }
    }

    async fn runs(&self) -> Checked {
        let told = self.github.is_begun().await?;
        let inputs = &told["inputs"];
        same("where", &(told["workflow"].as_str(), told["ref"].as_str()), &(Some("deploy.yml"), Some("release")))?;
        same("the environment", &inputs["environment"].as_str(), &Some("prod"))?;
        let named = inputs["image"].as_str().unwrap_or_default();
        holds("the image is named by tag and digest", named.starts_with(&(image("api", "1.1.0") + "@sha256:")))?;
        // It deploys once it was looked at.
        until("a look at its run", || async { (!self.github.looks().is_empty()).then_some(()) }).await?;
        deploy(self.bed, named).await
    }

    async fn begun(&self, journey: Journey) -> Checked {
        let alice = self.alice(TOKEN);
        let (run, deployed) = tokio::join!(alice.run_async(&["release", "prod", "--yes"]), self.runs());
        deployed?;
        done(&run)?;
        // Whatever the run says.
        let perhaps = if journey == Journey::WithRun { "" } else { "perhaps " };
        let url = "https://github.example/shop/api/actions/runs/71";
        says(&run.said(), &format!("deploy.yml begun ✓ ({perhaps}run 71 failure: {url})"))?;
        same("times it was begun", &self.github.times_asked(), &1)?;
        let asked = self.github.looks().remove(0);
        holds(&format!("{asked:?}"), asked.contains(&("event".to_owned(), "workflow_dispatch".to_owned())))?;
        let since = asked.iter().find(|(name, _)| name == "created").map(|(_, value)| value.as_str());
        let since = since.and_then(|value| value.strip_prefix(">=")).unwrap_or_default();
        holds(&format!("since {since}"), since.parse::<jiff::Timestamp>().is_ok())?;
        self.bed.serves("1.1.0").await
    }

    async fn answer_lost(&self) -> Checked {
        let alice = self.alice(TOKEN);
        let people = async {
            let told = self.github.is_begun().await?;
            let text = |key: &str| told["inputs"][key].as_str().unwrap_or_default().to_owned();
            deploy(self.bed, &text("image")).await
        };
        let (run, deployed) = tokio::join!(alice.run_async(&["release", "prod", "--yes"]), people);
        deployed?;
        same(&format!("exit code: {}", run.said()), &run.code(), &0)?;
        says(&run.said(), "may have been begun or not: 502")?;
        says(&run.said(), "found done: cluster ✓")?;
        same("times it was asked", &self.github.times_asked(), &1)
    }

    async fn refused(&self, token: &str, why: &str) -> Checked {
        let before = self.bed.namespace.get("Deployment", "api").await?;
        let run = self.alice(token).run_async(&["release", "prod", "--yes"]).await;
        same(&format!("exit code: {}", run.said()), &run.code(), &3)?;
        says(&run.said(), "refused: deploy.yml of shop/api was not begun")?;
        says(&run.said(), why)?;
        holds("the token is shown to nobody", !run.said().contains("ghp_"))?;
        same("times it was asked", &self.github.times_asked(), &1)?;
        let after = self.bed.namespace.get("Deployment", "api").await?;
        same("the spec", &after["spec"], &before["spec"])
    }
}
