//! `[[registries]]`: where images are, and `images_from`: which repository stands for which.

use std::path::PathBuf;

use reqwest::Url;

use super::checks::{CheckConfig, web};
use super::environment::EnvConfig;
use super::reader::{At, Reader, Table};
use super::secret::{self, Secret};
use super::section::{Field, Kind, Section};
use crate::domain::facts::object::ImageRef;
use crate::domain::facts::registry::{DOCKER_HUB, Repository, is_tag};
use crate::domain::record::checklist::{BuiltinCheck, How};
use crate::domain::world::registry::{ImagesFrom, RegistrySettings};
use crate::platform::registry::{default_url, is_loopback};

/// A registry that is asked whether it has what is promoted.
#[derive(Clone, Debug, PartialEq)]
pub struct RegistryConfig {
    pub settings: RegistrySettings,
    /// `None` where nothing is asked, until a person trusts the config: see [`trust`](super::trust).
    pub access: Option<RegistryAccess>,
}

/// How a registry is reached.
#[derive(Clone, Debug, PartialEq)]
pub struct RegistryAccess {
    /// Where its API is, without `/v2/`; ends in `/`.
    pub url: Url,
    pub login: RegistryLogin,
    /// Certificate authority to trust besides those of the system (PEM).
    pub ca_file: Option<PathBuf>,
}

/// Who we are to a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryLogin {
    /// What `docker login` saved.
    Docker,
    Anonymous,
    Basic {
        username: String,
        password: Secret,
    },
    Token(Secret),
}

pub(super) const SECTION: Section = Section {
    header: "[[registries]]",
    help: "A registry that is asked whether it has what is promoted: a gate named `registry`. Rollbacks go on.",
    needed: &["host"],
    groups: &[FIELDS],
};

const FIELDS: &[Field] = &[
    Field::new("host", Kind::Text, "Name of the registry as images have it, with its port: \"registry.example:5000\"."),
    Field::new("url", Kind::Text, "Address of its API where that is another; by default https:// and the host."),
    Field::new(
        "plain_http",
        Kind::Flag,
        "Allow http:// to another machine: anyone on the network can answer in its place.",
    )
    .or(|| "false".to_owned()),
    Field::new(
        "username",
        Kind::Text,
        "User; requires `password`. Without any login, what `docker login` saved is used.",
    ),
    Field::new("password", Kind::Secret, "Password, or an access token that stands in for one."),
    Field::new("token", Kind::Secret, "A bearer token that is sent as it is, instead of user and password."),
    Field::new("anonymous", Kind::Flag, "Ask without any login, not even one that `docker login` saved.")
        .or(|| "false".to_owned()),
    Field::new("ca_file", Kind::Text, "Certificate authority to trust as well (PEM); relative to the config file."),
    Field::new(
        "require_signature",
        Kind::Flag,
        "A signature or attestation has to be listed for the digest. It is not verified.",
    )
    .or(|| "false".to_owned()),
];

/// Name of the gate.
const ID: &str = "registry";

/// Reads the registries, and gives them and their gate to all environments.
pub(super) fn read(reader: &mut Reader, file: &Table<'_>, environments: &mut [EnvConfig], defaults: &mut EnvConfig) {
    let tables = reader.tables(file, "registries");
    let mut registries: Vec<RegistryConfig> = Vec::new();
    for table in &tables {
        let Some(registry) = registry(reader, table) else { continue };
        let host = &registry.settings.host;
        if registries.iter().any(|other| other.settings.host == *host) {
            reader.note(table.key_at("host"), format!("there is another registry `{host}`"), "remove one of the two");
        }
        registries.push(registry);
    }
    let Some(first) = tables.first().filter(|_| !registries.is_empty()) else { return };
    let mut all: Vec<&mut EnvConfig> = environments.iter_mut().chain([defaults]).collect();
    if all.iter().flat_map(|env| &env.checks).any(|check| check.spec.id.as_str() == ID) {
        let what = format!("[[registries]] is a check named `{ID}`, and there is another");
        reader.note(first.at, what, "rename the other one");
        return;
    }
    for env in &mut all {
        env.registries.clone_from(&registries);
        env.checks.push(gate());
    }
}

fn gate() -> CheckConfig {
    let mut check = CheckConfig::manual(ID);
    "every image is in the registry that it is pulled from".clone_into(&mut check.spec.title);
    check.spec.gate = true;
    check.spec.how = How::BuiltinCheck(BuiltinCheck::Registry);
    check
}

fn registry(reader: &mut Reader, table: &Table<'_>) -> Option<RegistryConfig> {
    let host = host(reader, table);
    let plain_http = reader.flag(table, "plain_http").unwrap_or_default();
    let url = url(reader, table, host.as_deref(), plain_http);
    let login = login(reader, table);
    let ca_file = reader.path(table, "ca_file");
    let require_signature = reader.flag(table, "require_signature").unwrap_or_default();
    let access = Some(RegistryAccess { url: url?, login: login?, ca_file });
    Some(RegistryConfig { settings: RegistrySettings { host: host?, require_signature }, access })
}

fn host(reader: &mut Reader, table: &Table<'_>) -> Option<String> {
    let Some(At { value, at }) = reader.text(table, "host") else {
        if table.get("host").is_none() {
            reader.note(table.at, "this registry has no `host`", "write for example host = \"registry.example:5000\"");
        }
        return None;
    };
    let parsed = Repository::parse(&format!("{value}/x")).host;
    let is_bare = default_url(&value).is_some_and(|url| url.path() == "/" && url.query().is_none());
    if value.contains(['/', '@', '?', '#']) || !is_bare || (parsed == DOCKER_HUB && !value.ends_with(DOCKER_HUB)) {
        let help = "write it as images name it, with its port: \"registry.example:5000\", or \"docker.io\"";
        reader.note(at, format!("`{value}` is not the name of a registry"), help);
        return None;
    }
    Some(parsed)
}

/// Reads where its API is; `http://` goes to this machine, or where that is allowed.
fn url(reader: &mut Reader, table: &Table<'_>, host: Option<&str>, plain_http: bool) -> Option<Url> {
    if table.get("url").is_none() {
        let mut url = default_url(host?)?;
        if plain_http || is_loopback(&url) {
            // Only the scheme of an address that is of the same kind is changed, which cannot fail.
            let _ = url.set_scheme("http");
        }
        return Some(url);
    }
    let url = web::base(reader, table, "url")?;
    let is_open = url.scheme() == "http" && !is_loopback(&url);
    if is_open && !plain_http {
        let what =
            "`url` is http:// to another machine: anyone on the network can answer in its place, and read the login";
        reader.note(table.key_at("url"), what, "write https://, or `plain_http = true` where that is meant");
        return None;
    }
    if !is_open && plain_http {
        reader.note(table.key_at("plain_http"), "`plain_http` changes nothing for this `url`", "leave it out");
    }
    Some(url)
}

fn login(reader: &mut Reader, table: &Table<'_>) -> Option<RegistryLogin> {
    let is_given = |key: &&&str| table.get(key).is_some();
    let anonymous = reader.flag(table, "anonymous").unwrap_or_default();
    let username = reader.text(table, "username");
    let password = table.get("password").map(|value| secret::read(reader, value, "password"));
    let token = table.get("token").map(|value| secret::read(reader, value, "token"));
    let mut ways = [&["username", "password"][..], &["token"]]
        .into_iter()
        .filter_map(|keys| keys.iter().find(is_given).copied())
        .chain(anonymous.then_some("anonymous"));
    if let (Some(one), Some(other)) = (ways.next(), ways.next()) {
        reader.note(table.key_at(other), format!("`{one}` and `{other}` exclude each other"), "keep one of them");
        return None;
    }
    match (username, password, token) {
        (None, None, None) if anonymous => Some(RegistryLogin::Anonymous),
        (None, None, None) => Some(RegistryLogin::Docker),
        (None, None, Some(token)) => token.map(RegistryLogin::Token),
        (Some(username), Some(password), _) => {
            if username.value.contains(':') {
                reader.note(username.at, "a `username` cannot contain `:`", "");
            }
            Some(RegistryLogin::Basic { username: username.value, password: password? })
        }
        (Some(username), None, _) => {
            reader.note(username.at, "`username` has no `password`", "");
            None
        }
        (None, Some(_), _) => {
            reader.note(table.key_at("password"), "`password` has no `username`", "");
            None
        }
    }
}

/// Reads which repository of an environment stands for which of the one before.
pub(super) fn images_from(reader: &mut Reader, table: &Table<'_>) -> ImagesFrom {
    let mut read: Vec<(At<String>, At<String>)> = Vec::new();
    for (from, to) in reader.entries(table, "images_from") {
        let Some(to) = reader.text_of(to, "images_from") else { continue };
        let from = At { value: from.value.to_owned(), at: from.at };
        if let (Some(from), Some(to)) = (place(reader, &from), place(reader, &to)) {
            read.push((from, to));
        }
    }
    let mut images = ImagesFrom::default();
    for (from, to) in &read {
        if from.value == to.value {
            let what = format!("`{}` is mapped to itself", from.value);
            reader.note(from.at, what, "leave it out: without an entry the repository stays as it is here");
        } else if images.map.insert(from.value.clone(), to.value.clone()).is_some() {
            let what = format!("`{}` is mapped twice", from.value);
            reader.note(from.at, what, "remove one of the two: both names are the same repository");
        }
    }
    for (from, to) in read.iter().filter(|(from, to)| from.value != to.value) {
        let overlaps = |(other, _): &&(At<String>, At<String>)| {
            let is_own = other.value == from.value;
            !is_own && (is_in(&to.value, &other.value) || is_in(&other.value, &to.value))
        };
        if let Some((other, end)) = read.iter().find(overlaps) {
            let what = format!(
                "`{}` is mapped to `{}`, and `{}` is mapped to `{}`",
                from.value, to.value, other.value, end.value
            );
            reader.note(to.at, what, "an image is looked up once: map the first to where its images are");
        }
    }
    images
}

/// Reads the tag that follows what serves everybody in an environment.
pub(super) fn stable_tag(reader: &mut Reader, table: &Table<'_>) -> Option<String> {
    let At { value, at } = reader.text(table, "stable_tag")?;
    if !is_tag(&value) {
        let help = "letters, digits, `_`, `.` and `-`, at most 128, not beginning with `.` or `-`: \"stable\"";
        reader.note(at, format!("`{value}` cannot be a tag"), help);
    }
    Some(value)
}

/// Whether a repository is one, or below it.
fn is_in(repository: &str, place: &str) -> bool {
    repository.strip_prefix(place).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Reads a registry or repository, without tag and digest.
fn place(reader: &mut Reader, text: &At<String>) -> Option<At<String>> {
    let At { value, at } = text;
    let example = "write for example { \"registry.staging.example/payments\" = \"registry.prod.example/payments\" }";
    let (host, path) = value.split_once('/').map_or((value.as_str(), None), |(host, path)| (host, Some(path)));
    let has_version = path.is_some_and(|path| path.contains([':', '@'])) || ImageRef::parse(value).digest.is_some();
    if has_version {
        let what = format!("`{value}` names a version");
        reader.note(*at, what, "name the repository alone: the digest is that of the environment before");
        return None;
    }
    let is_host = host == "localhost" || host.contains(['.', ':']);
    let parsed = Repository::parse(&format!("{host}/{}", path.unwrap_or("x")));
    let is_name = default_url(host).is_some_and(|url| url.path() == "/" && url.username().is_empty());
    if !is_host || !is_name || !parsed.is_valid() {
        let what = format!("`{value}` is not a registry, nor a repository with its registry");
        reader.note(*at, what, example);
        return None;
    }
    let value = path.map_or_else(|| parsed.host.clone(), |_| parsed.to_string());
    Some(At { value, at: *at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigBase};

    fn parse(entries: &str) -> Result<Config, String> {
        let text = format!("[[environments]]\nname = 'prod'\nimages_from = {{ {entries} }}\n");
        let base = ConfigBase { folder: "/repo".into(), ..ConfigBase::default() };
        Config::parse(&text, &base).map_err(|problems| format!("{problems:?}"))
    }

    #[test]
    fn an_image_is_not_mapped_on_and_may_be_moved_within_its_registry() {
        for chain in [
            "'a.example' = 'b.example', 'b.example' = 'c.example'",
            "'a.example' = 'b.example', 'b.example/payments' = 'c.example/payments'",
            "'a.example' = 'b.example/mirror/a', 'b.example/mirror' = 'c.example'",
        ] {
            let why = parse(chain).unwrap_err();
            assert!(why.contains("`a.example` is mapped to `b.example"), "{why}");
        }
        for fine in [
            "'a.example' = 'a.example/mirror'",
            "'a.example/old' = 'a.example'",
            "'a.example' = 'c.example', 'b.example' = 'c.example'",
            "'a.example' = 'b.example', 'b.example.org' = 'c.example'",
        ] {
            assert!(parse(fine).is_ok(), "{fine}");
        }
    }

    #[test]
    fn what_a_found_config_may_not_do_is_taken_out() {
        let text = "[[environments]]\nname = 'prod'\nimages_from = { 'a.example' = 'b.example' }\n\
                    [[registries]]\nhost = 'b.example'\nanonymous = true\n\
                    [[registries]]\nhost = 'localhost:5000'\n\
                    [[registries]]\nhost = '127.0.0.1:5000'\nanonymous = true\n";
        let base = ConfigBase { folder: "/repo".into(), ..ConfigBase::default() };
        let mut config = Config::parse(text, &base).unwrap();
        config.withhold(None);
        let needs: Vec<String> = config.withheld.iter().map(|need| format!("{}: {}", need.of, need.need)).collect();
        assert_eq!(
            needs,
            [
                "registry `b.example`: send requests to https://b.example",
                "registry `localhost:5000`: use the login of `docker login` for localhost:5000, and run the program that keeps it",
                "`images_from`: let pods pull images from b.example",
            ]
        );
        let env = &config.environments[0];
        let asked: Vec<bool> = env.registries.iter().map(|registry| registry.access.is_some()).collect();
        assert_eq!(asked, [false, false, true]);
        assert!(env.settings.images_from.is_withheld && env.settings.images_from.map.is_empty());
        // The gate stays, and is blind.
        assert!(env.checks.iter().any(|check| check.spec.id.as_str() == ID && check.spec.gate));
    }

    #[test]
    fn a_tag_follows_only_where_a_registry_is_named_and_the_file_is_trusted() {
        let parse = |tag: &str, more: &str| {
            let text = format!("[[environments]]\nname = 'prod'\nstable_tag = '{tag}'\n{more}");
            Config::parse(&text, &ConfigBase { folder: "/repo".into(), ..ConfigBase::default() })
        };
        let registry = "[[registries]]\nhost = 'localhost:5000'\nanonymous = true\n";
        assert!(parse("stable", "").is_err());
        for wrong in ["-stable", ".stable", "sta/ble", "a:b", &"x".repeat(129)] {
            assert!(parse(wrong, registry).is_err(), "{wrong}");
        }
        let mut config = parse("Stable_1.x-y", registry).unwrap();
        assert_eq!(config.environments[0].settings.stable_tag.as_deref(), Some("Stable_1.x-y"));
        let needs: Vec<String> = config.needs(None).iter().map(|need| format!("{}: {}", need.of, need.need)).collect();
        assert_eq!(needs, ["`stable_tag`: move the tag Stable_1.x-y in registries"]);
        config.withhold(None);
        assert_eq!(config.environments[0].settings.stable_tag, None);
    }
}
