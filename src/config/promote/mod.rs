//! `promote` of an environment: a pipeline of the user's own that promotes it.

mod github;
mod gitlab;
mod jenkins;

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::argv;
use super::reader::{Reader, Table};
use super::secret::{self, Secret};
use super::section::{Field, Kind, Section, ToToml as _, hours, mins, secs};
use crate::domain::facts::pipeline::{ARTIFACTS, PLACEHOLDERS, Pipeline, PipelineCall};
use crate::domain::facts::placeholder::names;
use crate::domain::world::{EnvSettings, Promote};

/// What a pipeline needs besides what the world knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineConfig {
    /// Where a command runs.
    pub dir: PathBuf,
    /// How the server is reached that runs it; `None` for a command.
    pub access: Option<PipelineAccess>,
}

/// Who we are to what runs pipelines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineAccess {
    /// Whose token it is, for Jenkins.
    pub user: Option<String>,
    pub token: Secret,
    /// Certificate authority to trust besides those of the system (PEM).
    pub ca_file: Option<PathBuf>,
}

pub(super) const SECTION: Section = Section {
    header: "`promote`",
    help: "A pipeline of your own that promotes this environment. {environment}, {image} (with tag and digest), {images}, {repository}, {digest}, {tag}, \
           {workload} and {namespace} are replaced. What came of it is what the cluster shows.",
    needed: &[],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new(
        "command",
        Kind::Words,
        "Program and arguments, e.g. [\"deploy\", \"{environment}\", \"{image}\"]. No shell is involved; its environment is PATH, \
         HOME, LANG, TERM, TMPDIR and COCKPIT_ENV.",
    ),
    Field::new("dir", Kind::Text, "Where the command runs; without it the folder of the config file."),
    Field::new("github", Kind::Table(&github::SECTION), github::SECTION.help),
    Field::new("gitlab", Kind::Table(&gitlab::SECTION), gitlab::SECTION.help),
    Field::new("jenkins", Kind::Table(&jenkins::SECTION), jenkins::SECTION.help),
    Field::new(
        "timeout",
        Kind::Time(secs(1), hours(24)),
        "How long a command may run before it is ended with its children, and how long the cluster may take to show the image.",
    )
    .or(|| TIMEOUT.to_toml()),
];

const TIMEOUT: jiff::SignedDuration = mins(10);

/// The ways of which an environment has one.
const WAYS: [&str; 4] = ["command", "github", "gitlab", "jenkins"];

/// Reads what an environment has of it.
pub(super) fn read(reader: &mut Reader, env: &Table<'_>, settings: &mut EnvSettings) -> Option<PipelineConfig> {
    let table = reader.table(env, "promote")?;
    if settings.git.is_configured() {
        let help = "take out one of them: an environment is promoted in one way";
        reader.note(table.at, "both `git` and `promote` say how this environment is promoted", help);
    }
    let dir = match table.get("dir") {
        Some(_) => reader.path(&table, "dir"),
        None => Some(reader.folder.clone()),
    };
    let timeout = reader.time(&table, "timeout").unwrap_or(TIMEOUT);
    let named: Vec<&str> = WAYS.into_iter().filter(|key| table.get(key).is_some()).collect();
    let (call, access) = match named.as_slice() {
        ["command"] => (PipelineCall::Command(argv::read(reader, &table, "command")?), None),
        [provider] => {
            let own = reader.table(&table, provider)?;
            let (call, access) = match *provider {
                "github" => github::read(reader, &own)?,
                "gitlab" => gitlab::read(reader, &own)?,
                _ => jenkins::read(reader, &own)?,
            };
            (call, Some(access))
        }
        _ => {
            let what = match named.as_slice() {
                [one, other, ..] => format!("`promote` has both `{one}` and `{other}`"),
                _ => "`promote` says nothing to run".to_owned(),
            };
            reader.note(table.at, what, "write for example { command = [\"deploy\", \"{environment}\", \"{image}\"] }");
            return None;
        }
    };
    check(reader, &table, &call);
    settings.promote = Promote { pipeline: Some(Box::new(Pipeline { call, timeout })), is_withheld: false };
    Some(PipelineConfig { dir: dir?, access })
}

/// Reads how a server is reached; `None` where something of it is wrong, which is noted.
fn access(reader: &mut Reader, table: &Table<'_>) -> Option<PipelineAccess> {
    let token = table.get("token").map(|value| secret::read(reader, value, "token"));
    let ca_file = reader.path(table, "ca_file");
    Some(PipelineAccess { user: None, token: token??, ca_file })
}

/// Reads texts by their names.
fn texts(reader: &mut Reader, table: &Table<'_>, key: &str) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    for (name, value) in reader.entries(table, key) {
        if let Some(text) = reader.text_of(value, name.value) {
            texts.insert(name.value.to_owned(), text.value);
        }
    }
    texts
}

/// Makes sure that it says which artifact is meant, and that its placeholders are some that there are.
fn check(reader: &mut Reader, table: &Table<'_>, call: &PipelineCall) {
    let at = table.key_at(match call {
        PipelineCall::Command(_) => "command",
        PipelineCall::Workflow(_) | PipelineCall::Approval(_) => "github",
        PipelineCall::Gitlab(_) => "gitlab",
        PipelineCall::Jenkins(_) => "jenkins",
    });
    let unknown: Vec<String> = call
        .texts()
        .flat_map(|text| names(text))
        .filter(|name| !PLACEHOLDERS.contains(name))
        .map(ToOwned::to_owned)
        .collect();
    for name in unknown {
        reader.note_unknown(at, format!("there is no `{{{name}}}`"), &name, &PLACEHOLDERS);
    }
    if call.is_told_what() && !ARTIFACTS.iter().any(|name| call.takes(name)) {
        let what = "`promote` does not say which image: a tag alone may be another one by then";
        reader.note(at, what, "add \"{image}\", \"{images}\" or \"{digest}\"");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigBase};

    fn parse(promote: &str) -> Result<Config, String> {
        let text = format!("[[environments]]\nname = 'prod'\npromote = {promote}\n");
        let base = ConfigBase { folder: "/repo".into(), ..ConfigBase::default() };
        Config::parse(&text, &base).map_err(|problems| format!("{problems:?}"))
    }

    const COMMAND: &str = "{ command = ['./deploy', '{environment}', '--to={image}'], timeout = '30s' }";
    const GITHUB: &str = "{ github = { repository = 'shop/api', workflow = 'deploy.yml', inputs = { image = '{image}' }, \
                          token = { env = 'T' }, url = 'https://git.example/api/v3' } }";
    const APPROVAL: &str = "{ github = { repository = 'shop/api', approve = 'production', token = { env = 'T' } } }";
    const GITLAB: &str = "{ gitlab = { project = 'shop/eu/api', job = 'deploy-prod', variables = { IMAGE = '{image}' }, \
                          token = { env = 'T' }, url = 'https://gitlab.example' } }";
    const JENKINS: &str = "{ jenkins = { url = 'https://ci.example/jenkins', job = 'deploy/prod', user = 'ada', \
                           parameters = { IMAGE = '{image}' }, token = { env = 'T' } } }";

    fn call(promote: &str) -> PipelineCall {
        let config = parse(promote).unwrap();
        config.environments[0].settings.promote.pipeline.as_ref().unwrap().call.clone()
    }

    #[test]
    fn a_command_or_a_workflow_promotes_an_environment() {
        let config = parse(COMMAND).unwrap();
        let env = &config.environments[0];
        let pipeline = env.settings.promote.pipeline.as_ref().unwrap();
        assert_eq!((pipeline.call.name().as_str(), pipeline.timeout), ("deploy", secs(30)));
        assert_eq!(env.pipeline.as_ref().map(|own| own.dir.clone()), Some("/repo".into()));
        let config = parse(GITHUB).unwrap();
        let pipeline = config.environments[0].settings.promote.pipeline.as_ref().unwrap();
        let line = "workflow_dispatch deploy.yml of shop/api at https://git.example/api/v3 on main  image={image}";
        assert_eq!((pipeline.call.line().as_str(), pipeline.timeout), (line, TIMEOUT));
    }

    #[test]
    fn a_deployment_that_is_approved_promotes_an_environment() {
        let at = "approve production of shop/api at https://api.github.com in the run of";
        let comment = "comment=release of {images} to {environment}";
        assert_eq!(call(APPROVAL).line(), format!("{at} the release's commit  {comment}"));
        assert_eq!(call(APPROVAL).name(), "deployment to production of shop/api");
        assert!(call(APPROVAL).goes_by_commit() && !call(GITHUB).goes_by_commit());
        let with = |more: &str| APPROVAL.replace("approve", &format!("{more}, approve"));
        let line = call(&with("workflow = 'deploy.yml', comment = '{tag} by the cockpit'")).line();
        assert_eq!(line, format!("{at} deploy.yml for the release's commit  comment={{tag}} by the cockpit"));
        for (promote, what) in [
            (with("inputs = { image = '{image}' }"), "`inputs` is for a workflow that is begun"),
            (with("ref = 'main'"), "`ref` is for a workflow that is begun"),
            (with("comment = '{imgae}'"), "there is no `{imgae}`"),
            (APPROVAL.replace("'production'", "''"), "`approve` is empty"),
            (APPROVAL.replace("approve = 'production', ", ""), "has neither `workflow` nor `approve`"),
            (APPROVAL.replace("approve", "comment"), "nothing is approved"),
            (GITHUB.replace("{image}", "{tag}"), "does not say which image"),
        ] {
            let error = parse(&promote).unwrap_err();
            assert!(error.contains(what), "{promote}: {error}");
        }
    }

    #[test]
    fn a_job_of_gitlab_or_jenkins_promotes_an_environment() {
        let line = |promote: &str| call(promote).line();
        let at = "shop/eu/api at https://gitlab.example";
        let by_commit = format!("play deploy-prod of {at} in the pipeline of the release's commit  IMAGE={{image}}");
        assert_eq!(line(GITLAB), by_commit);
        let of_branch = GITLAB.replace("job = 'deploy-prod'", "job = 'deploy-prod', ref = 'main'");
        assert_eq!(
            line(&of_branch),
            format!("play deploy-prod of {at} in the latest pipeline of main  IMAGE={{image}}")
        );
        let pipeline = GITLAB.replace("job = 'deploy-prod', ", "");
        assert_eq!(line(&pipeline), format!("begin a pipeline of {at} on main  IMAGE={{image}}"));
        assert_eq!(line(JENKINS), "build deploy/prod at https://ci.example/jenkins  IMAGE={image}");
        assert_eq!([GITLAB, &pipeline, JENKINS].map(|one| call(one).goes_by_commit()), [true, false, false]);
        let config = parse(JENKINS).unwrap();
        let access = config.environments[0].pipeline.as_ref().unwrap().access.as_ref().unwrap();
        assert_eq!(access.user.as_deref(), Some("ada"));
        for (promote, what) in [
            (GITLAB.replace("{image}", "{tag}"), "does not say which image"),
            (GITLAB.replace("IMAGE", "'the image'"), "`the image` is no name of a variable"),
            (GITLAB.replace("shop/eu/api", "shop/../api"), "`project` cannot be"),
            (GITLAB.replace("https:", "http:"), "http:// to another machine"),
            (JENKINS.replace("https:", "http:"), "http:// to another machine"),
            (JENKINS.replace("deploy/prod", "job/deploy/job/prod"), "`job` cannot be"),
            (JENKINS.replace("deploy/prod", "deploy/../prod"), "`job` cannot be"),
            (JENKINS.replace("IMAGE", "delay"), "`delay` cannot be given as a parameter"),
            (JENKINS.replace("'ada'", "'ada:x'"), "`user` has a `:`"),
            (JENKINS.replace("user = 'ada', ", ""), "has no `user`"),
            (JENKINS.replace("{ jenkins", "{ command = ['a', '{image}'], jenkins"), "has both `command` and `jenkins`"),
        ] {
            let error = parse(&promote).unwrap_err();
            assert!(error.contains(what), "{promote}: {error}");
        }
    }

    #[test]
    fn what_would_deploy_anything_or_nothing_is_refused() {
        for (promote, what) in [
            ("{}", "says nothing to run"),
            ("{ command = [] }", "is empty"),
            ("{ command = ['deploy', '{tag}'] }", "does not say which image"),
            ("{ command = ['{image}', 'x'] }", "does not say which image"),
            ("{ command = ['deploy', '{imgae}', '{digest}'] }", "there is no `{imgae}`"),
            ("{ command = ['deploy', '{image}'], timeout = '0s' }", "timeout"),
            ("{ github = { repository = 'shop', workflow = 'a', inputs = {}, token = { env = 'T' } } }", "repository"),
            ("{ github = { repository = 'a/b', workflow = 'a', inputs = { i = '{image}' } } }", "no `token`"),
        ] {
            let error = parse(promote).unwrap_err();
            assert!(error.contains(what), "{promote}: {error}");
        }
    }

    #[test]
    fn a_found_config_runs_nothing_before_it_is_trusted() {
        for (promote, needed) in [
            (COMMAND, "/repo/./deploy"),
            (GITHUB, "https://git.example"),
            (APPROVAL, "https://api.github.com"),
            (GITLAB, "https://gitlab.example"),
            (JENKINS, "https://ci.example"),
        ] {
            let mut config = parse(promote).unwrap();
            config.withhold(None);
            let needs: Vec<String> = config.withheld.iter().map(|need| format!("{}: {}", need.of, need.need)).collect();
            assert!(needs.iter().any(|need| need.starts_with("`promote`: ") && need.contains(needed)), "{needs:?}");
            let env = &config.environments[0];
            assert_eq!(env.pipeline, None);
            assert_eq!(env.settings.promote, Promote { pipeline: None, is_withheld: true });
        }
    }
}
