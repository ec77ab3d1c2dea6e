//! Jenkins: the builds of a job, by its JSON API with `tree`; the Git plugin says which commit each was of.
//!
//! Builds of a commit with other parameters are other work: a green one says nothing about a red one. The latest of each
//! kind decides. A build of a matrix that ran some of its combinations again shows the runs of earlier builds for the rest
//! (`MatrixBuild.getRuns`), while its result is that of what it ran itself.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Job, Outcome, is_meant};
use crate::config::checks::Ci;
use crate::sources::checks::Tools;
use crate::sources::checks::web::{json, request};

/// What is asked of a build, of a build and the runs of its matrix, and of the job: its last hundred builds, or those of
/// its branches where it has some.
const TREE: &str = concat!(
    "builds[number,result,building,url,actions[lastBuiltRevision[SHA1],parameters[*]],",
    "runs[number,result,building,url,actions[lastBuiltRevision[SHA1]]]]{0,100},",
    "jobs[name,",
    "builds[number,result,building,url,actions[lastBuiltRevision[SHA1],parameters[*]],",
    "runs[number,result,building,url,actions[lastBuiltRevision[SHA1]]]]{0,100}]"
);
/// Longest value of a parameter that is shown.
const MAX_VALUE_CHARS: usize = 40;

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
    /// What ran for each combination of a matrix, in this build or an earlier one.
    #[serde(default)]
    runs: Vec<Build>,
}

#[derive(Deserialize)]
struct Action {
    #[serde(rename = "lastBuiltRevision")]
    revision: Option<Revision>,
    parameters: Option<Vec<Parameter>>,
}

#[derive(Deserialize)]
struct Revision {
    #[serde(rename = "SHA1")]
    hash: Option<String>,
}

#[derive(Deserialize)]
struct Parameter {
    name: String,
    /// Its value, by the field or fields that its kind has; a password shows none.
    #[serde(flatten)]
    value: Map<String, Value>,
}

/// The parameters of a build by name.
type Parameters = BTreeMap<String, String>;

/// Returns the latest builds of a commit: of each branch, and of each kind of parameters.
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
    let (mut jobs, mut is_left_out) = (Vec::new(), false);
    for (name, builds) in own.chain(branches) {
        let of_commit: Vec<(&Build, Parameters)> =
            builds.iter().filter(|build| build.is_of(commit)).map(|build| (build, build.parameters())).collect();
        let meant: Vec<(&Build, Parameters)> =
            of_commit.iter().filter(|(_, own)| has_all(own, &asked.parameters)).cloned().collect();
        is_left_out |= meant.len() < of_commit.len();
        jobs.extend(latest(&name, meant, asked.parameters.is_empty(), tools));
        jobs.extend(inherited(&name, &builds, commit));
    }
    if jobs.is_empty() && is_left_out {
        let wanted = shown(&asked.parameters, |_| true, tools);
        return Err(format!("no build of {} for {} has {wanted}", asked.project, &commit[..commit.len().min(10)]));
    }
    Ok(jobs)
}

fn has_all(own: &Parameters, wanted: &Parameters) -> bool {
    wanted.iter().all(|(name, value)| own.get(name) == Some(value))
}

/// Returns the latest build of each kind of parameters, where they make a difference.
fn latest(job: &str, mut builds: Vec<(&Build, Parameters)>, by_parameters: bool, tools: &Tools) -> Vec<Job> {
    builds.sort_by_key(|(build, _)| std::cmp::Reverse(build.number));
    let mut kinds: Vec<(&Build, Parameters)> = Vec::new();
    for (build, own) in builds {
        // A pipeline learns of its parameters by its first build, which has none yet: any later one takes its place.
        let is_replaced =
            !by_parameters && !kinds.is_empty() || kinds.iter().any(|(_, newer)| own.is_empty() || *newer == own);
        if !is_replaced {
            kinds.push((build, own));
        }
    }
    let differs = |name: &str| kinds.iter().map(|(_, own)| own.get(name)).collect::<BTreeSet<_>>().len() > 1;
    let made = kinds.iter().map(|(build, own)| {
        let parameters = if kinds.len() > 1 { format!(" ({})", shown(own, differs, tools)) } else { String::new() };
        build.job(format!("{job} #{}{parameters}", build.number))
    });
    made.collect()
}

/// Writes parameters, but for values that are long, or secret by their name.
fn shown(parameters: &Parameters, which: impl Fn(&str) -> bool, tools: &Tools) -> String {
    let is_secret = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["token", "secret", "passw", "credential", "key"].iter().any(|word| name.contains(word))
    };
    let chosen = parameters.iter().filter(|(name, _)| which(name));
    let written = chosen.map(|(name, value)| {
        let value = if is_secret(name) { "…".to_owned() } else { tools.redactor.cut(value, MAX_VALUE_CHARS) };
        format!("{}={value}", tools.redactor.cut(name, MAX_VALUE_CHARS))
    });
    written.collect::<Vec<_>>().join(", ")
}

/// Returns the runs of a matrix that its latest build of the commit took over from earlier builds of the same commit.
fn inherited(job: &str, builds: &[Build], commit: &str) -> Vec<Job> {
    let of_commit = || builds.iter().filter(|build| build.is_of(commit));
    let Some(newest) = of_commit().max_by_key(|build| build.number) else { return Vec::new() };
    let is_earlier = |run: &&Build| {
        let is_of_commit =
            if run.has_revision() { run.is_of(commit) } else { of_commit().any(|b| b.number == run.number) };
        run.number != newest.number && is_of_commit
    };
    let name = |run: &Build| {
        // …/job/payments/jdk=17,os=linux/12/
        let combination = run.url.trim_end_matches('/').rsplit('/').nth(1).unwrap_or_default();
        format!("{job} {combination} #{}", run.number)
    };
    newest.runs.iter().filter(is_earlier).map(|run| run.job(name(run))).collect()
}

/// Reads the result of a build: `UNSTABLE`, `FAILURE`, `NOT_BUILT` and `ABORTED` are not good enough.
pub(super) fn outcome(result: &str) -> Outcome {
    if result == "SUCCESS" { Outcome::Passed } else { Outcome::Failed }
}

impl Build {
    fn job(&self, name: String) -> Job {
        let (outcome, word) = match &self.result {
            _ if self.building => (Outcome::Running, "building".to_owned()),
            None => (Outcome::Running, "no result yet".to_owned()),
            Some(result) => (outcome(result), result.clone()),
        };
        Job { name, outcome, word, link: self.url.clone() }
    }

    fn revisions(&self) -> impl Iterator<Item = &String> {
        self.actions.iter().flatten().filter_map(|action| action.revision.as_ref()?.hash.as_ref())
    }

    fn has_revision(&self) -> bool {
        self.revisions().next().is_some()
    }

    fn is_of(&self, commit: &str) -> bool {
        self.revisions().any(|hash| is_meant(hash, commit))
    }

    fn parameters(&self) -> Parameters {
        let all = self.actions.iter().flatten().filter_map(|action| action.parameters.as_ref()).flatten();
        all.map(|parameter| (parameter.name.clone(), parameter.text())).collect()
    }
}

impl Parameter {
    /// Returns its value as text: that of `value`, or all that its kind has instead, such as the job and number of a build.
    fn text(&self) -> String {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        if let Some(value) = self.value.get("value") {
            text(value)
        } else {
            let fields = self.value.iter().filter(|(name, _)| *name != "_class");
            fields.map(|(_, value)| text(value)).collect::<Vec<_>>().join(" ")
        }
    }
}
