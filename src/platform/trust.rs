//! Which configs that lie in a working folder a person trusts: by path and hash of the content, in the state folder.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::Variables;
use super::private_files::{open_private, private_dir};
use super::variables::NoStateFolder;
use crate::domain::record::journal::hex;

/// A file longer than this, in bytes, is none of ours.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// What was trusted before, on this machine, by this user.
#[derive(Clone, Debug)]
pub struct TrustStore {
    folder: PathBuf,
}

/// A config as a person saw it when they trusted it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Trusted {
    /// For people: the file's name is what counts.
    path: String,
    sha256: String,
}

impl TrustStore {
    pub fn of(variables: &Variables) -> Result<Self, NoStateFolder> {
        Ok(Self { folder: variables.state_dir()?.join("trusted") })
    }

    /// Returns whether a file with this content is trusted at this place.
    #[must_use]
    pub fn is_trusted(&self, path: &Path, sha256: &str) -> bool {
        let mut text = String::new();
        let read = open_private(&self.file_of(path), OpenOptions::new().read(true))
            .and_then(|file| file.take(MAX_FILE_BYTES).read_to_string(&mut text));
        let trusted = read.ok().and_then(|_| serde_json::from_str::<Trusted>(&text).ok());
        trusted.is_some_and(|trusted| trusted.sha256 == sha256)
    }

    /// Trusts a file with this content at this place, and no other content there.
    ///
    /// # Errors
    /// The disk's.
    pub fn trust(&self, path: &Path, sha256: &str) -> io::Result<()> {
        private_dir(&self.folder).map_err(io::Error::other)?;
        let trusted = Trusted { path: resolved(path).display().to_string(), sha256: sha256.to_owned() };
        let to = self.file_of(path);
        let beside = to.with_extension(format!("new-{}", std::process::id()));
        let written = open_private(&beside, OpenOptions::new().write(true).create_new(true)).and_then(|mut file| {
            file.write_all(serde_json::to_string(&trusted)?.as_bytes())?;
            file.sync_all()?;
            fs::rename(&beside, &to)
        });
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written
    }

    /// Trusts whatever lies at this place no longer; returns whether it was trusted.
    ///
    /// # Errors
    /// The disk's.
    pub fn forget(&self, path: &Path) -> io::Result<bool> {
        match fs::remove_file(self.file_of(path)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn file_of(&self, path: &Path) -> PathBuf {
        let hash = hex(&Sha256::digest(resolved(path).as_os_str().as_bytes()));
        self.folder.join(format!("{}.json", &hash[..32]))
    }
}

/// Returns a path whose folder is named without links. The file itself may be one: what it says is trusted, and where.
fn resolved(path: &Path) -> PathBuf {
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    folder.zip(path.file_name()).map_or_else(|| path.to_owned(), |(folder, name)| folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn store(home: &Path) -> TrustStore {
        TrustStore::of(&Variables { state_home: Some(home.to_owned()), ..Variables::default() }).unwrap()
    }

    #[test]
    fn trust_holds_for_one_content_at_one_place_until_it_is_taken_back() {
        let home = tempfile::tempdir().unwrap();
        let store = store(home.path());
        let [here, there] = ["here", "there"].map(|name| home.path().join(name).join("cockpit.toml"));
        assert!(!store.is_trusted(&here, "aa"));
        store.trust(&here, "aa").unwrap();
        assert!(store.is_trusted(&here, "aa"));
        assert!(!store.is_trusted(&here, "bb") && !store.is_trusted(&there, "aa"));
        store.trust(&here, "bb").unwrap();
        assert!(store.is_trusted(&here, "bb") && !store.is_trusted(&here, "aa"));
        assert!(store.forget(&here).unwrap());
        assert!(!store.is_trusted(&here, "bb"));
        assert!(!store.forget(&here).unwrap());
    }

    #[test]
    fn a_folder_is_the_same_by_whatever_link_it_is_reached() {
        let home = tempfile::tempdir().unwrap();
        let (folder, link) = (home.path().join("folder"), home.path().join("link"));
        fs::create_dir(&folder).unwrap();
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        let store = store(home.path());
        store.trust(&link.join("cockpit.toml"), "aa").unwrap();
        assert!(store.is_trusted(&folder.join("cockpit.toml"), "aa"));
    }

    #[test]
    fn what_is_trusted_is_kept_for_its_owner_only() {
        let home = tempfile::tempdir().unwrap();
        let store = store(home.path());
        store.trust(Path::new("/x/cockpit.toml"), "aa").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&store.folder), 0o700);
        let files: Vec<PathBuf> = fs::read_dir(&store.folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(files.iter().map(|path| mode(path)).collect::<Vec<_>>(), [0o600]);
        // Whoever can lay a link there could trust in our place.
        let file = &files[0];
        fs::rename(file, home.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(home.path().join("elsewhere"), file).unwrap();
        assert!(!store.is_trusted(Path::new("/x/cockpit.toml"), "aa"));
    }
}
