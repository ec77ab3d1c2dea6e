//! The environment variables of this process, and the folders that they lead to.

use std::ffi::OsString;
use std::path::PathBuf;

/// Folder of this program below the XDG folders.
pub(super) const OURS: &str = "release-cockpit";

/// The environment variables that are read, taken once, so that all else is a function of its arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables {
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub config_home: Option<PathBuf>,
    /// `XDG_STATE_HOME`.
    pub state_home: Option<PathBuf>,
    /// `KUBECONFIG`.
    pub kubeconfig: Option<OsString>,
    /// `DOCKER_CONFIG`: the folder of what `docker login` saves.
    pub docker_config: Option<PathBuf>,
    /// `PROMETHEUS_URL`.
    pub prometheus_url: Option<String>,
    /// `COCKPIT_SIGNING_KEY`.
    pub signing_key: Option<PathBuf>,
    /// `KUBERNETES_SERVICE_HOST` is set: this is a pod.
    pub in_cluster: bool,
}

/// No variable says where state belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nowhere to keep journals and logs: set HOME or XDG_STATE_HOME, or `dir` under [journal] in the config")]
pub struct NoStateFolder;

impl Variables {
    /// Reads the variables of this process. What is empty counts as not set.
    #[must_use]
    pub fn of_process() -> Self {
        let var = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        // The XDG specification wants relative paths ignored.
        let absolute = |name: &str| var(name).map(PathBuf::from).filter(|path| path.is_absolute());
        Self {
            home: absolute("HOME"),
            config_home: absolute("XDG_CONFIG_HOME"),
            state_home: absolute("XDG_STATE_HOME"),
            kubeconfig: var("KUBECONFIG"),
            docker_config: var("DOCKER_CONFIG").map(PathBuf::from),
            prometheus_url: var("PROMETHEUS_URL").and_then(|value| value.into_string().ok()),
            signing_key: var("COCKPIT_SIGNING_KEY").map(PathBuf::from),
            in_cluster: var("KUBERNETES_SERVICE_HOST").is_some(),
        }
    }

    /// Returns the folder of the user's config; `None` without `HOME` and `XDG_CONFIG_HOME`.
    #[must_use]
    pub fn config_dir(&self) -> Option<PathBuf> {
        let folder = self.config_home.clone().or_else(|| Some(self.home.as_ref()?.join(".config")))?;
        Some(folder.join(OURS))
    }

    /// Returns the folder for journals and logs. It need not exist.
    pub fn state_dir(&self) -> Result<PathBuf, NoStateFolder> {
        let folder = self.state_home.clone().or_else(|| Some(self.home.as_ref()?.join(".local/state")));
        folder.map(|folder| folder.join(OURS)).ok_or(NoStateFolder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn xdg_comes_before_home_and_without_both_the_error_names_the_variables() {
        let home = Variables { home: Some("/home/ada".into()), ..Variables::default() };
        assert_eq!(home.state_dir().unwrap(), Path::new("/home/ada/.local/state/release-cockpit"));
        assert_eq!(home.config_dir().unwrap(), Path::new("/home/ada/.config/release-cockpit"));
        let xdg = Variables { state_home: Some("/s".into()), config_home: Some("/c".into()), ..home };
        assert_eq!(xdg.state_dir().unwrap(), Path::new("/s/release-cockpit"));
        assert_eq!(xdg.config_dir().unwrap(), Path::new("/c/release-cockpit"));
        let none = Variables::default();
        assert_eq!(none.config_dir(), None);
        assert!(none.state_dir().unwrap_err().to_string().contains("set HOME or XDG_STATE_HOME"));
    }
}
