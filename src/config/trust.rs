//! A config that merely lies in the working folder runs nothing, reads no secret and sends nothing to anywhere else, until a
//! person trusts it: what it needs that for is taken out of it ([law 14](crate#laws)).

use std::fmt;
use std::path::PathBuf;

use reqwest::Url;

use super::checks::{CheckConfig, CheckKind};
use crate::domain::facts::pipeline::{ApprovalCall, GitlabCall, JenkinsCall, PipelineCall, WorkflowCall};
use crate::domain::world::registry::ImagesFrom;
use crate::domain::world::{GitPlace, Promote};

use super::{
    Auth, Config, EnvConfig, FlagProviderKind, HeaderText, Prometheus, PullRequestConfig, RegistryAccess,
    RegistryLogin, Secret,
};

/// Why a check, or metrics, tell nothing.
pub const NOT_TRUSTED: &str = "not trusted: run `cockpit trust`";

/// What a config has to be trusted for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    Run(Vec<String>),
    ReadVariable(String),
    ReadFile(PathBuf),
    /// A database.
    WriteFile(PathBuf),
    RunSql(String),
    /// Scheme, host and port.
    SendTo(String),
    /// What `docker login` saved for a registry, and the program that keeps it.
    UseDockerLogin(String),
    /// Registry or repository.
    PullFrom(String),
    /// In registries.
    MoveTag(String),
    KeepJournalsIn(PathBuf),
    /// The gates of the user's own config are not asked here.
    TakePlaceOf(PathBuf),
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(argv) => write!(f, "run `{}`", argv.join(" ")),
            Self::ReadVariable(name) => write!(f, "read the environment variable {name}"),
            Self::RunSql(statement) => write!(f, "run the SQL `{statement}`"),
            Self::WriteFile(path) => write!(f, "read and write the file {}", path.display()),
            Self::ReadFile(path) => write!(f, "read the file {}", path.display()),
            Self::SendTo(origin) => write!(f, "send requests to {origin}"),
            Self::UseDockerLogin(host) => {
                write!(f, "use the login of `docker login` for {host}, and run the program that keeps it")
            }
            Self::PullFrom(place) => write!(f, "let pods pull images from {place}"),
            Self::MoveTag(tag) => write!(f, "move the tag {tag} in registries"),
            Self::KeepJournalsIn(folder) => write!(f, "keep the journals in {}", folder.display()),
            Self::TakePlaceOf(path) => write!(f, "ask for its own gates instead of those of {}", path.display()),
        }
    }
}

impl From<&Secret> for Need {
    fn from(secret: &Secret) -> Self {
        match secret {
            Secret::Env(name) => Self::ReadVariable(name.clone()),
            Secret::File(path) => Self::ReadFile(path.clone()),
            Secret::Command(argv) => Self::Run(argv.clone()),
        }
    }
}

/// What a config has to be trusted for, and what in it that is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeedOf {
    pub need: Need,
    /// Such as ``check `smoke` ``.
    pub of: String,
}

impl Config {
    /// Returns all that it has to be trusted for. `own` is the address of Prometheus that the user gives, not the file.
    pub(super) fn needs(&self, own: Option<&Url>) -> Vec<NeedOf> {
        let mut needs: Vec<NeedOf> = Vec::new();
        let mut add = |need: Need, of: String| {
            let need = NeedOf { need, of };
            if !needs.contains(&need) {
                needs.push(need);
            }
        };
        if let Some(path) = self.origin.as_ref().and_then(|origin| origin.instead_of.as_ref()) {
            add(Need::TakePlaceOf(path.clone()), "all gates".to_owned());
        }
        if let Some(folder) = &self.journal.dir {
            add(Need::KeepJournalsIn(folder.clone()), "[journal]".to_owned());
        }
        if let Some(file) = &self.record.allowed_signers {
            add(Need::ReadFile(file.path.clone()), "[record]".to_owned());
        }
        for env in self.environments.iter().chain([&self.defaults]) {
            if !env.settings.git.repository.is_empty() {
                add(Need::SendTo(env.settings.git.repository.clone()), "[git]".to_owned());
            }
            for need in env.pull_requests.iter().flat_map(of_pull_requests) {
                add(need, "[git]".to_owned());
            }
            for need in of_pipeline(env) {
                add(need, "`promote`".to_owned());
            }
            for need in env.prometheus.iter().flat_map(|prometheus| of_metrics(prometheus, own)) {
                add(need, "metrics".to_owned());
            }
            for provider in &env.flags {
                for need in provider.kind.iter().flat_map(FlagProviderKind::needs) {
                    add(need, format!("flags of `{}`", provider.name));
                }
            }
            for registry in &env.registries {
                for need in registry.access.iter().flat_map(|access| of_registry(&registry.settings.host, access)) {
                    add(need, format!("registry `{}`", registry.settings.host));
                }
            }
            for to in env.settings.images_from.map.values() {
                add(Need::PullFrom(to.clone()), "`images_from`".to_owned());
            }
            if let Some(tag) = &env.settings.stable_tag {
                add(Need::MoveTag(tag.clone()), "`stable_tag`".to_owned());
            }
            for check in &env.checks {
                for need in check.kind.iter().flat_map(of_check) {
                    add(need, format!("check `{}`", check.spec.id));
                }
            }
        }
        needs
    }

    /// Takes out what it has to be trusted for, and notes what that was.
    pub(super) fn withhold(&mut self, own: Option<&Url>) {
        self.withheld = self.needs(own);
        let own_gates = self.origin.as_ref().is_some_and(|origin| origin.instead_of.is_some());
        self.journal.dir = None;
        // That keys are required stays: what nobody trusted proves nothing.
        if let Some(file) = &mut self.record.allowed_signers {
            file.is_withheld = true;
        }
        for env in self.environments.iter_mut().chain([&mut self.defaults]) {
            // What a file asks for that nobody trusted is not recorded as what the team asks for.
            env.settings.is_declared = false;
            env.settings.has_other_gates = own_gates;
            let is_withheld = env.settings.git.is_configured();
            env.settings.git = GitPlace { is_withheld, ..GitPlace::default() };
            env.pull_requests = None;
            let is_withheld = env.settings.promote.pipeline.is_some();
            env.settings.promote = Promote { is_withheld, ..Promote::default() };
            env.pipeline = None;
            let is_withheld = !env.settings.images_from.map.is_empty();
            env.settings.images_from = ImagesFrom { is_withheld, ..ImagesFrom::default() };
            env.settings.stable_tag = None;
            withhold(env, own);
        }
    }

    /// Says that something is withheld, if it is.
    #[must_use]
    pub fn distrusted(&self) -> Option<String> {
        let origin = self.origin.as_ref().filter(|_| !self.withheld.is_empty())?;
        let path = origin.path.display();
        if let [NeedOf { need: Need::TakePlaceOf(own), .. }] = self.withheld.as_slice() {
            let own = own.display();
            return Some(format!(
                "{path} is not trusted, and {own} asks for other gates: see them with `cockpit trust`"
            ));
        }
        Some(format!(
            "{path} is not trusted: the programs, secrets and addresses in it are not used; see them with `cockpit trust`"
        ))
    }
}

fn withhold(env: &mut EnvConfig, own: Option<&Url>) {
    env.withheld_metrics = env.prometheus.take_if(|metrics| !of_metrics(metrics, own).is_empty()).map(without_secrets);
    for provider in &mut env.flags {
        provider.kind.take_if(|kind| !kind.needs().is_empty());
    }
    for registry in &mut env.registries {
        let host = &registry.settings.host;
        registry.access.take_if(|access| !of_registry(host, access).is_empty());
    }
    let no_metrics = env.withheld_metrics.is_some();
    for check in &mut env.checks {
        let needs = |kind: &CheckKind| !of_check(kind).is_empty() || (no_metrics && asks_metrics(kind));
        if check.kind.as_ref().is_some_and(needs) {
            check.kind = Some(CheckKind::Withheld);
        }
    }
}

impl CheckConfig {
    /// Returns whether it is not looked at, for the config is not trusted.
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        self.kind == Some(CheckKind::Withheld)
    }
}

/// What is left for a server that the user names.
fn without_secrets(mut metrics: Prometheus) -> Prometheus {
    metrics.auth = Auth::None;
    metrics.headers.clear();
    metrics.ca_file = None;
    metrics.insecure = false;
    metrics
}

fn asks_metrics(kind: &CheckKind) -> bool {
    match kind {
        CheckKind::Promql(_) => true,
        CheckKind::Alerts(alerts) => alerts.url.is_none(),
        _ => false,
    }
}

fn of_metrics(metrics: &Prometheus, own: Option<&Url>) -> Vec<Need> {
    let address = (own != Some(&metrics.url)).then(|| of_address(&metrics.url)).flatten();
    let secret = match &metrics.auth {
        Auth::None => None,
        Auth::Basic { password: secret, .. } | Auth::Bearer(secret) => Some(Need::from(secret)),
    };
    let ca_file = metrics.ca_file.iter().map(|path| Need::ReadFile(path.clone()));
    address.into_iter().chain(secret).chain(of_headers(metrics.headers.values())).chain(ca_file).collect()
}

fn of_pull_requests(config: &PullRequestConfig) -> Vec<Need> {
    let address = config.place.url.parse().ok().as_ref().and_then(of_address);
    let ca_file = config.ca_file.iter().map(|path| Need::ReadFile(path.clone()));
    address.into_iter().chain([Need::from(&config.token)]).chain(ca_file).collect()
}

fn of_pipeline(env: &EnvConfig) -> Vec<Need> {
    let call = env.settings.promote.pipeline.as_ref().map(|pipeline| &pipeline.call);
    let needs = call.into_iter().filter_map(|call| match call {
        PipelineCall::Command(words) => Some(Need::Run(words.clone())),
        PipelineCall::Workflow(WorkflowCall { url, .. })
        | PipelineCall::Approval(ApprovalCall { url, .. })
        | PipelineCall::Gitlab(GitlabCall { url, .. })
        | PipelineCall::Jenkins(JenkinsCall { url, .. }) => url.parse().ok().as_ref().and_then(of_address),
    });
    let access = env.pipeline.iter().filter_map(|pipeline| pipeline.access.as_ref());
    let secrets = access.flat_map(|access| {
        let ca_file = access.ca_file.iter().map(|path| Need::ReadFile(path.clone()));
        [Need::from(&access.token)].into_iter().chain(ca_file)
    });
    needs.chain(secrets).collect()
}

fn of_registry(host: &str, access: &RegistryAccess) -> Vec<Need> {
    let login = match &access.login {
        RegistryLogin::Docker => Some(Need::UseDockerLogin(host.to_owned())),
        RegistryLogin::Anonymous => None,
        RegistryLogin::Basic { password: secret, .. } | RegistryLogin::Token(secret) => Some(Need::from(secret)),
    };
    let ca_file = access.ca_file.iter().map(|path| Need::ReadFile(path.clone()));
    of_address(&access.url).into_iter().chain(login).chain(ca_file).collect()
}

fn of_check(kind: &CheckKind) -> Vec<Need> {
    match kind {
        CheckKind::Command(command) => vec![Need::Run(command.argv.clone())],
        CheckKind::Http(http) => of_address(&http.url).into_iter().chain(of_headers(http.headers.values())).collect(),
        CheckKind::Ci(ci) => of_address(&ci.url).into_iter().chain(ci.token.iter().map(Need::from)).collect(),
        CheckKind::Alerts(alerts) => {
            let address = alerts.url.as_ref().and_then(of_address);
            let token = alerts.bearer_token.iter().map(Need::from);
            address.into_iter().chain(token).chain(of_headers(alerts.headers.values())).collect()
        }
        // They read files, the repository, the cluster and the clock; a query goes where the environment's metrics are.
        CheckKind::Junit(_)
        | CheckKind::Coverage(_)
        | CheckKind::Sarif(_)
        | CheckKind::Trivy(_)
        | CheckKind::Scan(_)
        | CheckKind::Benchmark(_)
        | CheckKind::Promql(_)
        | CheckKind::Version(_)
        | CheckKind::Migrations(_)
        | CheckKind::Drift(_)
        | CheckKind::Schedule(_)
        | CheckKind::Withheld => Vec::new(),
    }
}

fn of_headers<'a>(headers: impl IntoIterator<Item = &'a HeaderText>) -> Vec<Need> {
    let secrets = headers.into_iter().filter_map(|header| match header {
        HeaderText::Secret(secret) => Some(Need::from(secret)),
        HeaderText::Plain(_) => None,
    });
    secrets.collect()
}

/// What goes to this machine stays here.
pub(super) fn of_address(url: &Url) -> Option<Need> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    (!loopback).then(|| Need::SendTo(url.origin().ascii_serialization()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ConfigBase;

    const TEXT: &str = r#"
        [journal]
        dir = "journals"
        [prometheus]
        url = "https://prometheus.example:9090"
        bearer_token = { env = "TOKEN" }
        [[environments]]
        name = "prod"
        context = "prod"
        [[environments]]
        name = "lab"
        context = "lab"
        prometheus = { url = "http://127.0.0.1:9090", bearer_token = { command = ["vault-cli", "show", "x y"] } }
        [[environments]]
        name = "bare"
        context = "bare"
        prometheus = false
        [[checks]]
        id = "smoke"
        command = { argv = ["./smoke", "--all"] }
        [[checks]]
        id = "page"
        http = { url = "http://[::1]:80/", headers = { Cookie = { file = "cookie" } } }
        [[checks]]
        id = "here"
        http = { url = "http://localhost/" }
        [[checks]]
        id = "rate"
        promql = { query = "up", is = "> 0" }
        [[checks]]
        id = "window"
        schedule = {}
    "#;

    fn parsed(own: Option<&str>, text: &str) -> Config {
        let prometheus = own.map(|url| url.parse().unwrap());
        Config::parse(text, &ConfigBase { folder: "/repo".into(), prometheus, ..ConfigBase::default() }).unwrap()
    }

    fn withheld_checks(env: &EnvConfig) -> Vec<&str> {
        env.checks.iter().filter(|check| check.is_withheld()).map(|check| check.spec.id.as_str()).collect()
    }

    #[test]
    fn everything_that_it_has_to_be_trusted_for_is_named() {
        let needs: Vec<String> =
            parsed(None, TEXT).needs(None).iter().map(|need| format!("{}: {}", need.of, need.need)).collect();
        assert_eq!(
            needs,
            [
                "[journal]: keep the journals in /repo/journals",
                "metrics: send requests to https://prometheus.example:9090",
                "metrics: read the environment variable TOKEN",
                "check `smoke`: run `/repo/./smoke --all`",
                "check `page`: read the file /repo/cookie",
                "metrics: run `vault-cli show x y`",
            ]
        );
    }

    #[test]
    fn what_needs_trust_is_taken_out_and_the_rest_stays() {
        let mut config = parsed(None, TEXT);
        config.withhold(None);
        assert_eq!(config.journal.dir, None);
        assert_eq!(config.withheld.len(), 6);
        for env in &config.environments[..2] {
            assert!(env.prometheus.is_none() && env.withheld_metrics.is_some());
            assert_eq!(withheld_checks(env), ["smoke", "page", "rate"]);
        }
        assert!(config.environments[2].withheld_metrics.is_none());
        assert_eq!(withheld_checks(&config.environments[2]), ["smoke", "page"]);
        // Nothing of it is left anywhere.
        let left = format!("{config:?}").replace(&format!("{:?}", config.withheld), "");
        for part in ["TOKEN", "vault-cli", "--all", "cookie\""] {
            assert!(!left.contains(part), "{part}");
        }
    }

    #[test]
    fn a_config_that_needs_no_trust_is_left_as_it_is() {
        let text = "[prometheus]\nurl = 'http://localhost:9090'\n[[environments]]\nname = 'a'\ncontext = 'a'\n";
        let (config, mut withheld) = (parsed(None, text), parsed(None, text));
        withheld.withhold(None);
        withheld.environments[0].settings.is_declared = true;
        assert_eq!(withheld, config);
    }

    #[test]
    fn an_address_of_the_user_needs_no_trust_but_a_secret_for_it_does() {
        let own: Url = "http://prometheus.mine:9090/".parse().unwrap();
        let env = "[[environments]]\nname = 'a'\ncontext = 'a'\n";
        let config = parsed(Some(own.as_str()), env);
        assert_eq!(config.needs(Some(&own)), []);
        let config = parsed(Some(own.as_str()), &format!("[prometheus]\nbearer_token = {{ env = 'T' }}\n{env}"));
        let needs: Vec<Need> = config.needs(Some(&own)).into_iter().map(|need| need.need).collect();
        assert_eq!(needs, [Need::ReadVariable("T".to_owned())]);
    }

    #[test]
    fn signers_that_nobody_trusted_are_not_read_and_keys_stay_required() {
        let text = "[record]\nallowed_signers = 'signers'\n[[environments]]\nname = 'a'\ncontext = 'a'\n";
        let mut config = parsed(None, text);
        assert_eq!(config.needs(None)[0].need, Need::ReadFile("/repo/signers".into()));
        config.withhold(None);
        assert!(config.environments[0].settings.keys_required);
        assert_eq!(config.record.problems(), []);
        let keys = format!("{:?}", config.record.keys().unwrap());
        assert!(keys.contains(NOT_TRUSTED), "{keys}");
    }
}
