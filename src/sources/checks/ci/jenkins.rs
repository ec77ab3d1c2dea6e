//! Jenkins: the builds of a job, by its JSON API with `tree`; the Git plugin says which commit each was of.

use reqwest::Method;
use serde::Deserialize;

use super::{Job, Outcome, is_meant};
use crate::config::checks::Ci;
use crate::sources::checks::Tools;
use crate::sources::checks::web::{json, request};

/// What is asked of the job: its last hundred builds.
const TREE: &str = "builds[number,result,building,url,actions[lastBuiltRevision[SHA1]]]{0,100}";

#[derive(Deserialize)]
struct Builds {
    builds: Vec<Build>,
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

/// Returns the latest build of a commit.
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
    let of_commit = found.builds.into_iter().filter(|build| build.is_of(commit));
    let Some(build) = of_commit.max_by_key(|build| build.number) else { return Ok(Vec::new()) };
    let (outcome, word) = match build.result {
        _ if build.building => (Outcome::Running, "building".to_owned()),
        None => (Outcome::Running, "no result yet".to_owned()),
        Some(result) => {
            let outcome = if result == "SUCCESS" { Outcome::Passed } else { Outcome::Failed };
            (outcome, result)
        }
    };
    Ok(vec![Job { name: format!("{} #{}", asked.project, build.number), outcome, word, link: build.url }])
}

impl Build {
    fn is_of(&self, commit: &str) -> bool {
        let revisions = self.actions.iter().flatten().filter_map(|action| action.revision.as_ref()?.hash.as_ref());
        revisions.into_iter().any(|hash| is_meant(hash, commit))
    }
}
