//! Files and folders for their owner only: journals, logs, what is kept over a restart.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

use super::variables::OURS;
use crate::domain::record::journal::hex;

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Something else is where the folder should be.
    #[error("{} is {what}, not a folder: move it away, or set `dir` under [journal] in the config", path.display())]
    NotAFolder { path: PathBuf, what: &'static str },
    /// The folder cannot be made or read.
    #[error("cannot use the folder {}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
}

/// Makes sure that a folder is there and is no symbolic link: who can lay a link could lead the journal elsewhere. A
/// new one is ours only (0700); one that was there keeps its mode, for it may be shared on purpose.
pub fn private_dir(path: &Path) -> Result<(), FolderError> {
    let failed = |error| FolderError::Io { path: path.to_owned(), error };
    // Where the folder lies is the user's choice and may be a link; from our own folder on down it may not.
    let own = path.ancestors().skip(1).find(|folder| folder.file_name().is_some_and(|name| name == OURS));
    if let Some(own) = own.filter(|own| own.is_symlink()) {
        return Err(FolderError::NotAFolder { path: own.to_owned(), what: "a symbolic link" });
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path).or_else(|error| match error.kind() {
        // Told apart below.
        io::ErrorKind::AlreadyExists => Ok(()),
        _ => Err(failed(error)),
    })?;
    let found = fs::symlink_metadata(path).map_err(failed)?;
    if found.is_symlink() {
        return Err(FolderError::NotAFolder { path: path.to_owned(), what: "a symbolic link" });
    }
    if !found.is_dir() {
        return Err(FolderError::NotAFolder { path: path.to_owned(), what: "a file" });
    }
    Ok(())
}

/// Opens a file of ours. A link in the state folder is not ours, and so is a pipe: neither is opened, and
/// nothing waits for the other end of one. A new file is for its owner only (0600).
///
/// # Errors
/// The disk's, or that something else is there.
pub fn open_private(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = options.mode(0o600).custom_flags(flags.bits().cast_signed()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    Ok(file)
}

/// Returns the beginning of a file name for something that has a name of its own: readable, safe whatever the name is,
/// and different for different names.
#[must_use]
pub fn file_stem(name: &str) -> String {
    let safe: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
        .take(80)
        .collect();
    let plain = name.replace(' ', "_");
    if safe == plain && !safe.is_empty() && !safe.starts_with(['.', '-']) {
        return safe;
    }
    let hash = hex(&Sha256::digest(name.as_bytes()));
    format!("{}-{}", safe.trim_start_matches(['.', '-']), &hash[..8])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    #[test]
    fn new_folder_is_private_and_an_existing_one_keeps_its_mode() {
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
    fn our_own_folder_is_no_link_whatever_is_below_it() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("elsewhere")).unwrap();
        symlink(root.path().join("elsewhere"), root.path().join(OURS)).unwrap();
        let error = private_dir(&root.path().join(OURS).join("journals")).unwrap_err().to_string();
        assert!(error.contains("is a symbolic link"), "{error}");
        assert_eq!(fs::read_dir(root.path().join("elsewhere")).unwrap().count(), 0);
    }

    #[test]
    fn a_link_or_a_file_in_its_place_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let (link, file) = (root.path().join("link"), root.path().join("file"));
        symlink(root.path(), &link).unwrap();
        fs::write(&file, "").unwrap();
        assert!(private_dir(&link).unwrap_err().to_string().contains("is a symbolic link"));
        assert!(private_dir(&file).unwrap_err().to_string().contains("is a file"));
        assert!(matches!(private_dir(&file.join("x")), Err(FolderError::Io { .. })));
    }

    #[test]
    fn a_link_and_a_pipe_are_not_opened_and_a_new_file_is_for_its_owner_only() {
        let root = tempfile::tempdir().unwrap();
        let [file, link, pipe] = ["file", "link", "pipe"].map(|name| root.path().join(name));
        open_private(&file, OpenOptions::new().write(true).create(true)).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        symlink(&file, &link).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        for other in [&link, &pipe, &root.path().to_owned()] {
            assert!(open_private(other, OpenOptions::new().read(true)).is_err(), "{}", other.display());
            assert!(open_private(other, OpenOptions::new().append(true).create(true)).is_err(), "{}", other.display());
        }
    }

    #[test]
    fn file_names_are_safe_and_different() {
        assert_eq!(file_stem("payments-api 1.5.0"), "payments-api_1.5.0");
        for odd in ["", ".", "..", "../../etc/passwd", ".hidden", "-rf", "a/b", "ü", "a\nb", "a\0b", &"x".repeat(500)]
        {
            let name = file_stem(odd);
            assert!(!name.contains(['/', '\0', '\n']) && !name.starts_with('.') && name.len() < 100, "{name}");
        }
        assert_ne!(file_stem("a/b"), file_stem("a?b"));
        assert!(file_stem("arn:aws:eks:eu-west-1:1:cluster/prod").starts_with("arn_aws_eks_eu-west-1_1_cluster_prod-"));
    }
}
