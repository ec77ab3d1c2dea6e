//! `[git]`: the file of a config repository by which a promotion goes.

use super::pull_requests::{self, PullRequestConfig};
use super::reader::{At, Reader, Table};
use super::section::{Kind, Section, keys, words};
use crate::domain::facts::manifest::ManifestFormat;
use crate::domain::world::{EnvSettings, GitPlace};
use crate::platform::git::clone::is_inside;

pub(super) const SECTION: Section = Section {
    header: "[git]",
    help: "The config repository that Argo CD or Flux applies: with it a promotion is a commit.",
    needed: &[],
    groups: &[FIELDS],
};

words!(ManifestFormat);

keys! {
    GitPlace = GitPlace::default();
    repository: by_hand(Kind::Text), "Address to push to, over SSH or HTTPS; how to log in is left to git.";
    branch: by_hand(Kind::Text, "\"main\""), "Branch that is applied.";
    path: by_hand(Kind::Text), "File that names the image of the environment, from the root of the repository.";
    format: word(ManifestFormat), "What the file is: `images:` of a kustomization, values of a chart, or the objects themselves.";
    value: by_hand(Kind::Text, "\"image\""), "With `helm`: where the values name the image, e.g. `api.image`.";
    author_name: text, "Name of who commits; by default as git's own config says.";
    author_mail: text, "Mail address of who commits; likewise.";
    pull_request: by_hand(Kind::TableOrOff(&pull_requests::SECTION)),
        "Open a pull request for each commit, which people merge; `false` to push onto the branch itself.";
}

/// Reads it, and how its pull requests are reached, over what holds so far.
pub(super) fn read(
    reader: &mut Reader,
    table: &Table<'_>,
    (into, pull_requests): (&mut GitPlace, &mut Option<PullRequestConfig>),
) {
    read_keys(reader, table, into);
    if table.is_off("pull_request") {
        *pull_requests = None;
    } else if let Some(own) = reader.table(table, "pull_request") {
        *pull_requests = pull_requests::read(reader, &own);
    }
    into.pull_request = pull_requests.as_ref().map(|access| access.place.clone());
    if let Some(text) = reader.text(table, "repository") {
        into.repository = repository(reader, text);
    }
    if let Some(text) = reader.text(table, "branch") {
        into.branch = branch(reader, text);
    }
    if let Some(text) = reader.text(table, "path") {
        into.path = file(reader, text, "apps/payments/kustomization.yaml");
    }
    if let Some(text) = reader.text(table, "value") {
        if text.value.split('.').any(str::is_empty) {
            reader.note(text.at, format!("`{}` is not the path of a value", text.value), "e.g. \"api.image\"");
        }
        into.value = text.value;
    }
}

/// Makes sure that a file of an environment is in a repository.
pub(super) fn check(reader: &mut Reader, table: &Table<'_>, place: &GitPlace) {
    let Some(own) = table.get("git") else { return };
    if !place.path.is_empty() && place.repository.is_empty() {
        reader.note(own.span().start, "`path` is in no repository", "add `repository` here or in [git]");
    }
}

/// One commit in a file that two environments are made of would bring a release into both.
pub(super) fn shared_file(reader: &mut Reader, table: &Table<'_>, (env, other): (&EnvSettings, &EnvSettings)) {
    let place = |env: &'_ EnvSettings| (env.git.repository.clone(), env.git.branch.clone(), env.git.path.clone());
    if env.git.is_configured() && place(env) == place(other) {
        let what = format!("`{}` and `{}` are one file in git: {}", other.name, env.name, env.git.path);
        reader.note(table.at, what, "a promotion into one would be one into both: give each a `git.path` of its own");
    }
}

/// Reads the path of a file, such as `example`.
pub(super) fn file(reader: &mut Reader, text: At<String>, example: &str) -> String {
    if !is_inside(&text.value) {
        let help = format!("from the root of the repository, without `.` and `..`, e.g. \"{example}\"");
        reader.note(text.at, format!("`{}` is not a file of a repository", text.value), &help);
    }
    text.value
}

/// Reads the name of a branch.
pub(super) fn branch(reader: &mut Reader, text: At<String>) -> String {
    if !is_branch(&text.value) {
        reader.note(text.at, format!("`{}` is not the name of a branch", text.value), "write for example \"main\"");
    }
    text.value
}

/// Reads the address of a repository.
pub(super) fn repository(reader: &mut Reader, text: At<String>) -> String {
    let At { value, at } = text;
    let (scheme, rest) = value.split_once("://").map_or((None, value.as_str()), |(scheme, rest)| (Some(scheme), rest));
    let authority = rest.split('/').next().unwrap_or_default();
    let has_password = match scheme {
        Some(_) => authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':')),
        // `user:token@host/path`, as far as it can be told from `host:path`.
        None => authority.split_once(':').is_some_and(|(host, rest)| !host.contains('@') && rest.contains('@')),
    };
    let has_user = scheme.is_some_and(|scheme| scheme != "ssh") && authority.contains('@');
    if has_password || has_user {
        reader.note(at, "`repository` holds a password or token", "leave it to a credential helper of git, or use SSH");
        return String::new();
    }
    let is_scp =
        scheme.is_none() && !value.starts_with(['-', '/', '.']) && value.contains(':') && !value.contains("::");
    let is_known = matches!(scheme, Some("https" | "ssh" | "file")) && !authority.starts_with('-');
    if !(is_scp || is_known) || value.contains(|c: char| c.is_whitespace() || c.is_control()) {
        let help = "write for example \"git@git.example:shop/config.git\" or \"https://git.example/shop/config.git\"";
        reader.note(at, format!("`{value}` is not the address of a repository"), help);
    }
    value
}

/// Whether a name is one that git allows for a branch, as far as it is named to git.
fn is_branch(name: &str) -> bool {
    let is_bad = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    !name.starts_with(['-', '/', '.'])
        && !name.ends_with(['/', '.'])
        && !name.contains(is_bad)
        && !name.contains("..")
        && !name.contains("@{")
        && !name.contains("//")
}
