//! Where things lie: config file, journals, log.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// Folder of this program below the XDG folders.
const OURS: &str = "release-cockpit";
/// Name of the config file.
pub const CONFIG_FILE: &str = "cockpit.toml";

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
    /// `PROMETHEUS_URL`.
    pub prometheus_url: Option<String>,
    /// `KUBERNETES_SERVICE_HOST` is set: this is a pod.
    pub in_cluster: bool,
}

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
            prometheus_url: var("PROMETHEUS_URL").and_then(|value| value.into_string().ok()),
            in_cluster: var("KUBERNETES_SERVICE_HOST").is_some(),
        }
    }

    /// Returns the config file of the user; `None` without `HOME` and `XDG_CONFIG_HOME`.
    #[must_use]
    pub fn config_file(&self) -> Option<PathBuf> {
        let folder = self.config_home.clone().or_else(|| Some(self.home.as_ref()?.join(".config")))?;
        Some(folder.join(OURS).join(CONFIG_FILE))
    }

    /// Returns the folder for journals and logs. It need not exist.
    pub fn state_dir(&self) -> Result<PathBuf, PathError> {
        let folder = self.state_home.clone().or_else(|| Some(self.home.as_ref()?.join(".local/state")));
        folder.map(|folder| folder.join(OURS)).ok_or(PathError::NoHome)
    }
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PathError {
    /// No variable says where state belongs.
    #[error("nowhere to keep journals and logs: set HOME or XDG_STATE_HOME, or `dir` under [journal] in the config")]
    NoHome,
    /// Something else is where the folder should be.
    #[error("{} is {what}, not a folder: move it away, or set `dir` under [journal] in the config", path.display())]
    NotAFolder {
        /// Where.
        path: PathBuf,
        /// What is there.
        what: &'static str,
    },
    /// The folder cannot be made or read.
    #[error("cannot use the folder {}: {error}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// Makes sure that a folder is there and is no symbolic link: who can lay a link could lead the journal elsewhere. A
/// new one is ours only (0700); one that was there keeps its mode, for it may be shared on purpose.
pub fn private_dir(path: &Path) -> Result<(), PathError> {
    let failed = |error| PathError::Io { path: path.to_owned(), error };
    DirBuilder::new().recursive(true).mode(0o700).create(path).or_else(|error| match error.kind() {
        // Told apart below.
        io::ErrorKind::AlreadyExists => Ok(()),
        _ => Err(failed(error)),
    })?;
    let found = fs::symlink_metadata(path).map_err(failed)?;
    if found.is_symlink() {
        return Err(PathError::NotAFolder { path: path.to_owned(), what: "a symbolic link" });
    }
    if !found.is_dir() {
        return Err(PathError::NotAFolder { path: path.to_owned(), what: "a file" });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn xdg_comes_before_home_and_without_both_the_error_names_the_variables() {
        let home = Variables { home: Some("/home/ada".into()), ..Variables::default() };
        assert_eq!(home.state_dir().unwrap(), Path::new("/home/ada/.local/state/release-cockpit"));
        assert_eq!(home.config_file().unwrap(), Path::new("/home/ada/.config/release-cockpit/cockpit.toml"));
        let xdg = Variables { state_home: Some("/s".into()), config_home: Some("/c".into()), ..home };
        assert_eq!(xdg.state_dir().unwrap(), Path::new("/s/release-cockpit"));
        assert_eq!(xdg.config_file().unwrap(), Path::new("/c/release-cockpit/cockpit.toml"));
        let none = Variables::default();
        assert_eq!(none.config_file(), None);
        assert!(none.state_dir().unwrap_err().to_string().contains("set HOME or XDG_STATE_HOME"));
    }

    #[test]
    fn a_new_folder_is_for_its_owner_only_and_one_that_was_there_keeps_its_mode() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b");
        private_dir(&path).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o750)).unwrap();
        private_dir(&path).unwrap();
        assert_eq!(mode(&path), 0o750);
    }

    #[test]
    fn a_link_or_a_file_in_its_place_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let (link, file) = (root.path().join("link"), root.path().join("file"));
        symlink(root.path(), &link).unwrap();
        fs::write(&file, "").unwrap();
        assert!(private_dir(&link).unwrap_err().to_string().contains("is a symbolic link"));
        assert!(private_dir(&file).unwrap_err().to_string().contains("is a file"));
        assert!(matches!(private_dir(&file.join("x")), Err(PathError::Io { .. })));
    }
}
