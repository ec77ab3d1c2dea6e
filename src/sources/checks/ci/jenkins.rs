//! Jenkins: the builds of a job, by its JSON API with `tree`; the Git plugin says which commit each was of.

use reqwest::Method;
use serde::Deserialize;

use super::{Job, Outcome, is_meant};
use crate::config::checks::Ci;
use crate::sources::checks::Tools;
use crate::sources::checks::web::{json, request};

/// What is asked of the job: its last hundred builds, or those of its branches where it has some.
const TREE: &str = "builds[number,result,building,url,actions[lastBuiltRevision[SHA1]]]{0,100},\
    jobs[name,builds[number,result,building,url,actions[lastBuiltRevision[SHA1]]]{0,100}]";

#[derive(Deserialize)]
struct Builds {
    builds: Option<Vec<Build>>,
    /// The branches of a multibranch pipeline.
    jobs: Option<Vec<Branch>>,
}

#[derive(Deserialize)]
struct Branch {
    name: String,
    builds: Option<Vec<Build>>,
}

#[derive(Deserialize)]
struct Build {
    number: u64,
    result: Option<String>,
    building: bool,
    #[serde(default)]
    url: String,
    #[serde(default)]
    actions: Vec<Option<Action>>,
}

#[derive(Deserialize)]
struct Action {
    #[serde(rename = "lastBuiltRevision")]
    revision: Option<Revision>,
}

#[derive(Deserialize)]
struct Revision {
    #[serde(rename = "SHA1")]
    hash: Option<String>,
}

/// Returns the latest build of a commit, of each branch.
pub(super) async fn jobs(asked: &Ci, commit: &str, tools: &Tools) -> Result<Vec<Job>, String> {
    let mut url = asked.url.clone();
    let job = asked.project.split('/').filter(|part| *part != "job").collect::<Vec<_>>().join("/job/");
    url.set_path(&format!("{}job/{job}/api/json", asked.url.path()));
    let mut request = request(Method::GET, &url, tools)?.query(&[("tree", TREE)]);
    if let (Some(user), Some(secret)) = (&asked.user, &asked.token) {
        let token = secret.reveal(&tools.redactor).await.map_err(|error| error.to_string())?;
        request = request.basic_auth(user, Some(token.expose()));
    }
    let found: Builds = json(request, &url, "Jenkins", "`project`, `user` and `token`", &tools.redactor).await?;
    if found.builds.is_none() && found.jobs.is_none() {
        return Err(format!("{} is no job with builds: is `project` the path of one?", asked.project));
    }
    let own = found.builds.into_iter().map(|builds| (asked.project.clone(), builds));
    let branches = found.jobs.into_iter().flatten();
    let branches =
        branches.map(|branch| (format!("{}/{}", asked.project, branch.name), branch.builds.unwrap_or_default()));
    Ok(own.chain(branches).filter_map(|(name, builds)| latest(&name, builds, commit)).collect())
}

/// Returns the latest build of a commit among those of a job.
fn latest(job: &str, builds: Vec<Build>, commit: &str) -> Option<Job> {
    let build = builds.into_iter().filter(|build| build.is_of(commit)).max_by_key(|build| build.number)?;
    let (outcome, word) = match build.result {
        _ if build.building => (Outcome::Running, "building".to_owned()),
        None => (Outcome::Running, "no result yet".to_owned()),
        Some(result) => (outcome(&result), result),
    };
    Some(Job { name: format!("{job} #{}", build.number), outcome, word, link: build.url })
}

/// Reads the result of a build: `UNSTABLE`, `FAILURE`, `NOT_BUILT` and `ABORTED` are not good enough.
pub(super) fn outcome(result: &str) -> Outcome {
    if result == "SUCCESS" { Outcome::Passed } else { Outcome::Failed }
}

impl Build {
    fn is_of(&self, commit: &str) -> bool {
        let revisions = self.actions.iter().flatten().filter_map(|action| action.revision.as_ref()?.hash.as_ref());
        revisions.into_iter().any(|hash| is_meant(hash, commit))
    }
}
