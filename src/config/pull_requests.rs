//! `pull_request` of `[git]`: where pull requests are opened.

use std::path::PathBuf;

use super::checks::web;
use super::reader::{At, Reader, Table};
use super::secret::{self, Secret};
use super::section::{Field, Kind, Section, words, words_of};
use crate::domain::facts::pull_request::{PullRequestPlace, PullRequestProvider};
use crate::platform::registry::is_loopback;

/// Where pull requests are opened, and how that is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestConfig {
    pub place: PullRequestPlace,
    pub token: Secret,
    /// Certificate authority to trust besides those of the system (PEM).
    pub ca_file: Option<PathBuf>,
}

pub(super) const SECTION: Section = Section {
    header: "`pull_request`",
    help: "Pull requests of GitHub or merge requests of GitLab, by their REST API.",
    needed: &["provider", "project", "token"],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new("provider", Kind::Word(words_of::<PullRequestProvider>), "Who keeps them."),
    Field::new("url", Kind::Text, "Its API's server; without it https://api.github.com or https://gitlab.com."),
    Field::new("project", Kind::Text, "`owner/repo` on GitHub, path or number on GitLab."),
    Field::new(
        "token",
        Kind::Secret,
        "API token that may open them: GitHub `Pull requests: write` and `Contents: read`, GitLab scope `api`.",
    ),
    Field::new("ca_file", Kind::Text, "Certificate authority to trust as well (PEM); relative to the config file."),
];

words!(PullRequestProvider);

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Option<PullRequestConfig> {
    for key in SECTION.needed.iter().filter(|key| table.get(key).is_none()) {
        let help = "write for example { provider = \"github\", project = \"shop/config\", token = { env = \"GITHUB_TOKEN\" } }";
        reader.note(table.at, format!("`pull_request` has no `{key}`"), help);
    }
    let token = table.get("token").map(|value| secret::read(reader, value, "token"));
    let ca_file = reader.path(table, "ca_file");
    let own_url = table.get("url").map(|_| url(reader, table));
    let provider = reader.word::<PullRequestProvider>(table, "provider");
    let project = reader.text(table, "project");
    let provider = provider?;
    let project = project_of(reader, "project", provider, &project?)?;
    let url = own_url.unwrap_or_else(|| Some(default_url(provider).to_owned()))?;
    Some(PullRequestConfig { place: PullRequestPlace { provider, url, project }, token: token??, ca_file })
}

fn default_url(provider: PullRequestProvider) -> &'static str {
    match provider {
        PullRequestProvider::GitHub => "https://api.github.com/",
        PullRequestProvider::GitLab => "https://gitlab.com/",
    }
}

pub(super) fn url(reader: &mut Reader, table: &Table<'_>) -> Option<String> {
    let url = web::base(reader, table, "url")?;
    let at = table.key_at("url");
    if matches!(url.host_str(), Some("github.com" | "www.github.com")) {
        let help = "write url = \"https://api.github.com\", or leave the key out";
        reader.note(at, "`url` is that of the web site, and not of the API", help);
        return None;
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        let what = "`url` is http:// to another machine: anyone on the network can read the token";
        reader.note(at, what, "write https://");
        return None;
    }
    Some(url.to_string())
}

/// Reads the name of a project, as its provider has them.
pub(super) fn project_of(
    reader: &mut Reader,
    key: &str,
    provider: PullRequestProvider,
    text: &At<String>,
) -> Option<String> {
    let project = text.value.trim().trim_matches('/');
    let parts: Vec<&str> = project.split('/').collect();
    let is_bad = |part: &&str| matches!(*part, "" | "." | "..") || part.contains(char::is_whitespace);
    let wanted = match provider {
        PullRequestProvider::GitHub => parts.len() == 2,
        PullRequestProvider::GitLab => true,
    };
    if parts.iter().any(is_bad) || !wanted {
        let help = match provider {
            PullRequestProvider::GitHub => "write \"owner/repo\"",
            PullRequestProvider::GitLab => "write \"group/project\", or the project's number",
        };
        reader.note(text.at, format!("`{key}` cannot be `{}`", text.value), help);
        return None;
    }
    Some(project.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigBase};

    fn parse(git: &str, env: &str) -> Config {
        let text = format!(
            "[git]\nrepository = 'git@git.example:shop/config.git'\n{git}\n[[environments]]\nname = 'prod'\n\
             git = {{ path = 'a.yaml'{env} }}\n"
        );
        let base = ConfigBase { folder: "/repo".into(), ..ConfigBase::default() };
        Config::parse(&text, &base).unwrap_or_else(|problems| panic!("{problems:?}"))
    }

    const GITLAB: &str = "pull_request = { provider = 'gitlab', url = 'https://gitlab.example', project = 'shop/config', token = { env = 'T' } }";

    #[test]
    fn an_environment_has_those_of_git_unless_it_says_otherwise() {
        let place = PullRequestPlace {
            provider: PullRequestProvider::GitLab,
            url: "https://gitlab.example/".to_owned(),
            project: "shop/config".to_owned(),
        };
        let config = parse(GITLAB, "");
        let env = &config.environments[0];
        assert_eq!(env.settings.git.pull_request.as_ref(), Some(&place));
        assert_eq!(env.pull_requests.as_ref().map(|access| &access.place), Some(&place));
        let config = parse(GITLAB, ", pull_request = false");
        let env = &config.environments[0];
        assert_eq!((&env.settings.git.pull_request, &env.pull_requests), (&None, &None));
        let own = ", pull_request = { provider = 'github', project = 'shop/prod', token = { env = 'T' } }";
        let own = parse(GITLAB, own).environments[0].settings.git.pull_request.clone().unwrap();
        assert_eq!(own.to_string(), "shop/prod at https://api.github.com");
    }

    #[test]
    fn a_found_config_opens_nothing_before_it_is_trusted() {
        let mut config = parse(GITLAB, "");
        config.withhold(None);
        let needs: Vec<String> = config.withheld.iter().map(|need| format!("{}: {}", need.of, need.need)).collect();
        assert!(
            needs.iter().any(|need| need.starts_with("[git]: ") && need.contains("https://gitlab.example")),
            "{needs:?}"
        );
        assert!(needs.iter().any(|need| need.contains("variable T")), "{needs:?}");
        let env = &config.environments[0];
        assert_eq!(env.pull_requests, None);
        assert!(env.settings.git.is_withheld);
    }
}
