//! How the `git` program is started: no shell, no prompts, no hooks, and nothing that points it at another repository.

pub(crate) mod clone;
mod run;

use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

/// What would point git at another repository than the one it is asked about: set where we run in a hook of another.
const CLEARED_VARIABLES: [&str; 8] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// Settings of a repository or its owner that would run other programs or change the answers.
const FIXED_SETTINGS: [&str; 7] = [
    "core.quotepath=off",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "log.showSignature=false",
    "log.follow=false",
    "protocol.allow=never",
    "i18n.logOutputEncoding=UTF-8",
];

/// What a repository is reached by: nothing that runs a program of its address's choice.
const REMOTE_SETTINGS: [&str; 4] =
    ["protocol.https.allow=always", "protocol.ssh.allow=always", "protocol.file.allow=always", "gc.autoDetach=false"];

/// Starts a command in a folder, which reaches no network.
pub(crate) fn command(folder: &Path) -> Command {
    let mut command = bare();
    command.arg("-C").arg(folder);
    command
}

/// Starts a command in a folder, which may reach a repository over the network. It logs in with what the user's own git
/// config and ssh-agent have, and asks for nothing.
pub(crate) fn remote_command(folder: &Path) -> Command {
    let mut command = bare();
    for setting in REMOTE_SETTINGS {
        command.arg("-c").arg(setting);
    }
    command.arg("-C").arg(folder);
    // A passphrase or password is asked for nowhere: this program says none.
    command.env("GIT_ASKPASS", "false").env("SSH_ASKPASS", "false").env("SSH_ASKPASS_REQUIRE", "force");
    command
}

fn bare() -> Command {
    let mut command = Command::new("git");
    command.arg("--no-optional-locks").arg("--no-pager");
    for setting in FIXED_SETTINGS {
        command.arg("-c").arg(setting);
    }
    for name in CLEARED_VARIABLES {
        command.env_remove(name);
    }
    command
        // Complaints are distinguished by their words.
        .env("LC_ALL", "C")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_NO_LAZY_FETCH", "1")
        .env("GIT_NO_REPLACE_OBJECTS", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}
