//! Git as somebody at a shell uses it, whatever the machine's own settings are.

use std::path::Path;
use std::process::Command;

use crate::Checked;
use crate::check::holds;

/// Runs git in a folder, and returns what it prints.
pub fn git(folder: &Path, arguments: &[&str]) -> Checked<String> {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=ci", "-c", "user.email=ci@example.com", "-c", "commit.gpgsign=false"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()?;
    holds(&format!("git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)), output.status.success())?;
    Ok(String::from_utf8(output.stdout)?)
}
