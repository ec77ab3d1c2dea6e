//! `promote` of an environment: a pipeline of the user's own that promotes it.

use std::path::PathBuf;

use super::argv;
use super::pull_requests::{project_of, url};
use super::reader::{Reader, Table};
use super::secret::{self, Secret};
use super::section::{Field, Kind, Section, ToToml as _, hours, mins, secs};
use crate::domain::facts::pipeline::{ARTIFACTS, PLACEHOLDERS, Pipeline, PipelineCall, WorkflowCall};
use crate::domain::facts::placeholder::names;
use crate::domain::facts::pull_request::PullRequestProvider;
use crate::domain::world::{EnvSettings, Promote};

/// What a pipeline needs besides what the world knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipelineConfig {
    /// Where a command runs.
    pub dir: PathBuf,
    /// How GitHub is reached; `None` for a command.
    pub github: Option<GithubAccess>,
}

/// Who we are to GitHub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GithubAccess {
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
    Field::new("github", Kind::Table(&GITHUB), GITHUB.help),
    Field::new(
        "timeout",
        Kind::Time(secs(1), hours(24)),
        "How long a command may run before it is ended with its children, and how long the cluster may take to show the image.",
    )
    .or(|| TIMEOUT.to_toml()),
];

const TIMEOUT: jiff::SignedDuration = mins(10);

const GITHUB: Section = Section {
    header: "`github`",
    help: "Or a workflow of GitHub, begun by `workflow_dispatch`.",
    needed: &["repository", "workflow", "token"],
    groups: &[GITHUB_FIELDS],
};

const GITHUB_FIELDS: &[Field] = &[
    Field::new("repository", Kind::Text, "`owner/repo`."),
    Field::new("workflow", Kind::Text, "Its file below `.github/workflows`, e.g. \"deploy.yml\"."),
    Field::new("ref", Kind::Text, "Branch or tag whose version of it runs.").or(|| format!("\"{REF}\"")),
    Field::new("inputs", Kind::Texts, "Its inputs, e.g. { environment = \"{environment}\", image = \"{image}\" }."),
    Field::new("token", Kind::Secret, "API token with `Actions: write` on the repository."),
    Field::new("url", Kind::Text, "The API's server; without it https://api.github.com."),
    Field::new("ca_file", Kind::Text, "Certificate authority to trust as well (PEM); relative to the config file."),
];

const REF: &str = "main";
const URL: &str = "https://api.github.com/";

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
    let (call, github) = match (table.get("command").is_some(), table.get("github").is_some()) {
        (true, false) => (PipelineCall::Command(argv::read(reader, &table, "command")?), None),
        (false, true) => {
            let own = reader.table(&table, "github")?;
            let (call, access) = workflow(reader, &own)?;
            (PipelineCall::Workflow(call), Some(access))
        }
        (is_both, _) => {
            let what =
                if is_both { "`promote` has both `command` and `github`" } else { "`promote` says nothing to run" };
            reader.note(table.at, what, "write for example { command = [\"deploy\", \"{environment}\", \"{image}\"] }");
            return None;
        }
    };
    check(reader, &table, &call);
    settings.promote = Promote { pipeline: Some(Box::new(Pipeline { call, timeout })), is_withheld: false };
    Some(PipelineConfig { dir: dir?, github })
}

fn workflow(reader: &mut Reader, table: &Table<'_>) -> Option<(WorkflowCall, GithubAccess)> {
    for key in GITHUB.needed.iter().filter(|key| table.get(key).is_none()) {
        let help = "write for example { repository = \"shop/api\", workflow = \"deploy.yml\", inputs = { image = \"{image}\" }, \
                    token = { env = \"GITHUB_TOKEN\" } }";
        reader.note(table.at, format!("`github` has no `{key}`"), help);
    }
    let token = table.get("token").map(|value| secret::read(reader, value, "token"));
    let ca_file = reader.path(table, "ca_file");
    let own_url = table.get("url").map(|_| url(reader, table));
    let repository = reader.text(table, "repository");
    let repository = repository.and_then(|text| project_of(reader, "repository", PullRequestProvider::GitHub, &text));
    let workflow = reader.text(table, "workflow");
    let git_ref = reader.text(table, "ref").map_or_else(|| REF.to_owned(), |text| text.value);
    let mut inputs = std::collections::BTreeMap::new();
    for (name, value) in reader.entries(table, "inputs") {
        if let Some(text) = reader.text_of(value, name.value) {
            inputs.insert(name.value.to_owned(), text.value);
        }
    }
    let url = own_url.unwrap_or_else(|| Some(URL.to_owned()))?;
    let call = WorkflowCall { url, repository: repository?, workflow: workflow?.value, git_ref, inputs };
    Some((call, GithubAccess { token: token??, ca_file }))
}

/// Makes sure that it says which artifact is meant, and that its placeholders are some that there are.
fn check(reader: &mut Reader, table: &Table<'_>, call: &PipelineCall) {
    let at = table.key_at(if matches!(call, PipelineCall::Command(_)) { "command" } else { "github" });
    let unknown: Vec<String> = call
        .texts()
        .flat_map(|text| names(text))
        .filter(|name| !PLACEHOLDERS.contains(name))
        .map(ToOwned::to_owned)
        .collect();
    for name in unknown {
        reader.note_unknown(at, format!("there is no `{{{name}}}`"), &name, &PLACEHOLDERS);
    }
    if !ARTIFACTS.iter().any(|name| call.takes(name)) {
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
        for (promote, needed) in [(COMMAND, "/repo/./deploy"), (GITHUB, "https://git.example")] {
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
