//! Promotions by a build, at a server that answers as Jenkins does.

use support::check::{holds, same, says};
use support::jenkins_builds::{Answer, JOB, JenkinsBuilds, Job, TOKEN, USER};
use support::manifests::image;
use support::{Checked, Program, until};

use super::super::bed::Bed;
use super::super::by_hand::done;
use super::deploy;
use crate::cockpit;

/// What becomes of a promotion by Jenkins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Journey {
    /// It is built, deploys, and says that it failed.
    Build,
    /// The job does not know what it is to be told: Jenkins would build it with its defaults.
    NoParameter,
    Disabled,
    /// The build is asked for, and no answer comes.
    AnswerLost,
    /// Somebody else on this machine wants to begin it as well.
    BegunTwice,
    Forbidden,
    NotThere,
    /// It was disabled meanwhile.
    Conflict,
    TooMany,
    TokenRefused,
    /// Nobody trusts the config that names it.
    NotTrusted,
    ReadOnly,
}

impl Journey {
    pub(super) const ALL: [Self; 12] = [
        Self::Build,
        Self::NoParameter,
        Self::Disabled,
        Self::AnswerLost,
        Self::BegunTwice,
        Self::Forbidden,
        Self::NotThere,
        Self::Conflict,
        Self::TooMany,
        Self::TokenRefused,
        Self::NotTrusted,
        Self::ReadOnly,
    ];

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Build => "jenkins_build",
            Self::NoParameter => "jenkins_no_parameter",
            Self::Disabled => "jenkins_disabled",
            Self::AnswerLost => "jenkins_answer_lost",
            Self::BegunTwice => "jenkins_begun_twice",
            Self::Forbidden => "jenkins_forbidden",
            Self::NotThere => "jenkins_not_there",
            Self::Conflict => "jenkins_conflict",
            Self::TooMany => "jenkins_too_many",
            Self::TokenRefused => "jenkins_token_refused",
            Self::NotTrusted => "jenkins_not_trusted",
            Self::ReadOnly => "jenkins_read_only",
        }
    }

    /// How Jenkins answers where a build is asked for.
    fn answer(self) -> Answer {
        match self {
            Self::AnswerLost => Answer::Lost,
            Self::Forbidden => Answer::Refused(403, "Error 403 No valid crumb was included in the request"),
            Self::NotThere => Answer::Refused(404, "Error 404 Not Found"),
            Self::Conflict => Answer::Refused(409, "Error 409 deploy/prod is not buildable!"),
            Self::TooMany => Answer::Refused(429, "Too Many Requests"),
            _ => Answer::Created,
        }
    }

    fn job(self) -> Job {
        let parameters: &[&str] =
            if self == Self::NoParameter { &["ENVIRONMENT", "VERSION"] } else { &["ENVIRONMENT", "IMAGE", "OTHER"] };
        Job { buildable: self != Self::Disabled, parameters }
    }
}

pub(super) async fn carry_out(journey: Journey, bed: &Bed<'_>) -> Checked {
    let server = JenkinsBuilds::start(journey.answer(), journey.job()).await?;
    Jenkins { bed, journey, server }.carry_out().await
}

struct Jenkins<'a> {
    bed: &'a Bed<'a>,
    journey: Journey,
    server: JenkinsBuilds,
}

impl Jenkins<'_> {
    fn alice(&self) -> Program {
        let token = if self.journey == Journey::TokenRefused { "11ff-of-somebody-else" } else { TOKEN };
        let settings = format!(
            "promote = {{ timeout = \"5s\", jenkins = {{ url = \"{}\", job = \"{JOB}\", user = \"{USER}\", parameters = {{ \
             ENVIRONMENT = \"{{environment}}\", IMAGE = \"{{image}}\" }}, token = {{ env = \"JENKINS_TOKEN_OF_TEST\" }} }} }}\n",
            self.server.url()
        );
        self.bed.with_staging_and(&settings).with_path().env("JENKINS_TOKEN_OF_TEST", token)
    }

    async fn carry_out(&self) -> Checked {
        let no_parameter =
            "the job has no parameter `IMAGE`, and would be built without it: it has ENVIRONMENT, VERSION";
        let crumb = "403: the token has no right to that in deploy/prod: Error 403 No valid crumb was included";
        match self.journey {
            Journey::Build => self.begun().await,
            Journey::AnswerLost => self.answer_lost().await,
            Journey::BegunTwice => self.begun_twice().await,
            Journey::NotTrusted => self.not_trusted().await,
            Journey::ReadOnly => self.is_not_planned(&self.alice(), &["--read-only"], "read-only").await,
            Journey::NoParameter => self.refused(0, no_parameter).await,
            Journey::Disabled => self.refused(0, "the job is disabled").await,
            Journey::TokenRefused => self.refused(0, "401: the token is not accepted: Error 401").await,
            Journey::Forbidden => self.refused(1, crumb).await,
            Journey::NotThere => self.refused(1, "404: there is no such thing in deploy/prod").await,
            Journey::Conflict => self.refused(1, "409: Conflict: Error 409 deploy/prod is not buildable!").await,
            Journey::TooMany => self.refused(1, "429: too many requests").await,
        }
    }

    /// It was asked for one build; the image that it was told.
    fn image_told(&self) -> Checked<String> {
        let begun = self.server.begun();
        same("builds asked for", &begun.len(), &1)?;
        let names: Vec<&str> = begun[0].keys().map(String::as_str).collect();
        same("what it is told", &names, &vec!["ENVIRONMENT", "IMAGE"])?;
        same("the environment", &begun[0]["ENVIRONMENT"].as_str(), &"prod")?;
        let named = &begun[0]["IMAGE"];
        holds("the image is named by tag and digest", named.starts_with(&(image("api", "1.1.0") + "@sha256:")))?;
        Ok(named.clone())
    }

    /// What the build would do; it begins once it was looked at.
    async fn runs(&self) -> Checked {
        self.server.is_begun().await?;
        let is_looked_at = || self.server.asked().iter().any(|asked| asked == "GET build 7");
        until("a look at the build", || async { is_looked_at().then_some(()) }).await?;
        deploy(self.bed, &self.image_told()?).await
    }

    async fn begun(&self) -> Checked {
        let alice = self.alice();
        let (run, deployed) = tokio::join!(alice.run_async(&["release", "prod", "--yes"]), self.runs());
        deployed?;
        done(&run)?;
        // Whatever the build says.
        let page = "https://jenkins.example/ci/job/deploy/job/prod/7/";
        says(&run.said(), &format!("deploy/prod begun ✓ (build 7 FAILURE: {page})"))?;
        self.image_told()?;
        let asked = self.server.asked();
        let first: Vec<&str> = asked.iter().map(String::as_str).take(4).collect();
        let wanted = vec!["GET job", "POST buildWithParameters", "GET queue/item/12", "GET build 7"];
        same("what was asked", &first, &wanted)?;
        self.bed.serves("1.1.0").await
    }

    async fn answer_lost(&self) -> Checked {
        let alice = self.alice();
        let people = async {
            self.server.is_begun().await?;
            deploy(self.bed, &self.image_told()?).await
        };
        let (run, deployed) = tokio::join!(alice.run_async(&["release", "prod", "--yes"]), people);
        deployed?;
        same(&format!("exit code: {}", run.said()), &run.code(), &0)?;
        says(&run.said(), "may have been begun or not: 502")?;
        says(&run.said(), "found done: cluster ✓")?;
        self.image_told().map(drop)
    }

    async fn begun_twice(&self) -> Checked {
        let alice = self.alice();
        let people = async {
            self.server.is_begun().await?;
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

    /// It is refused; so many builds were asked for, and nothing has changed.
    async fn refused(&self, begun: usize, why: &str) -> Checked {
        let before = self.bed.namespace.get("Deployment", "api").await?;
        let run = self.alice().run_async(&["release", "prod", "--yes"]).await;
        same(&format!("exit code: {}", run.said()), &run.code(), &3)?;
        says(&run.said(), "refused: deploy/prod was not begun")?;
        says(&run.said(), why)?;
        holds("the token is shown to nobody", !run.said().contains("11ff") && !run.said().contains(TOKEN))?;
        same("builds asked for", &self.server.begun().len(), &begun)?;
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
        let somebody = somebody.env("JENKINS_TOKEN_OF_TEST", TOKEN);
        self.is_not_planned(&somebody, &[], "cockpit trust").await
    }
}
