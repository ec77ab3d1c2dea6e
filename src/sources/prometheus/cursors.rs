//! Keeps how far counters have been counted over a restart: one JSON file per environment, and per flag whose users are compared.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::domain::facts::counters::Counters;
use crate::domain::facts::flag::of_release::ReleaseFlags;
use crate::domain::facts::ids::WorkloadId;
use crate::failpoints::{failpoint, failpoint_after};
use crate::platform::private_files::{file_stem, open_private, private_dir};
use analysis::CanaryAnalyzer;

/// What is kept of each workload.
pub type Saved = BTreeMap<WorkloadId, Checkpoint>;

/// How far counters have been counted, and what the analysis made of the counts. Kept as one, so that after a crash nothing
/// that was counted is forgotten or analysed twice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Address of the server whose counters they are.
    pub source: String,
    pub counters: Counters,
    /// The state of the analysis.
    pub judge: CanaryAnalyzer,
    /// How the flags of the release were then.
    #[serde(default, skip_serializing_if = "ReleaseFlags::is_empty")]
    pub flags: ReleaseFlags,
}

/// The largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// Reads what was kept; nothing where there is no such file yet.
///
/// # Errors
/// The disk's, or that the file is none of ours.
pub fn load(folder: &Path, name: &str) -> io::Result<Saved> {
    let file = match open_private(&path(folder, name), OpenOptions::new().read(true)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Saved::new()),
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes)?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// Writes it for its owner only, and whole or not at all.
///
/// # Errors
/// The disk's.
pub fn save(folder: &Path, name: &str, saved: &Saved) -> io::Result<()> {
    private_dir(folder).map_err(io::Error::other)?;
    // The temporary file is recreated with mode 0600, and a rename replaces a link instead of following it.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let bytes = serde_json::to_vec(saved)?;
    failpoint(format_args!("cursors.before-write"));
    failpoint_after(format_args!("cursors.half-written"), || {
        let _ = file.as_file().write_all(bytes.split_at(bytes.len() / 2).0);
    });
    file.write_all(&bytes)?;
    failpoint(format_args!("cursors.before-sync"));
    file.as_file().sync_data()?;
    failpoint(format_args!("cursors.before-rename"));
    file.persist(path(folder, name))?;
    failpoint(format_args!("cursors.renamed"));
    File::open(folder)?.sync_all()
}

fn path(folder: &Path, name: &str) -> std::path::PathBuf {
    folder.join(format!("{}.counters.json", file_stem(name)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::domain::facts::ids::WorkloadKind;
    use crate::domain::facts::signals::Tracks;
    use analysis::Rules;

    fn saved() -> Saved {
        let tracks = Tracks { stable: Some("web-5d".to_owned()), canary: Some("web-7f".to_owned()) };
        let kept = Checkpoint {
            source: "http://p/".to_owned(),
            counters: Counters::new(tracks),
            judge: CanaryAnalyzer::new(Rules::default()),
            flags: ReleaseFlags::default(),
        };
        BTreeMap::from([(WorkloadId::new(WorkloadKind::Rollout, "web"), kept)])
    }

    #[test]
    fn cursors_are_read_back_and_private() {
        let root = tempfile::tempdir().unwrap();
        let (folder, env) = (root.path().join("state"), "prod");
        assert_eq!(load(&folder, env).unwrap(), Saved::new());
        for _ in 0..2 {
            save(&folder, env, &saved()).unwrap();
        }
        assert_eq!(load(&folder, env).unwrap(), saved());
        let mode = fs::metadata(folder.join("prod.counters.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left behind");
        assert_eq!(load(&folder, "staging").unwrap(), Saved::new());
    }

    #[test]
    fn an_environment_named_after_a_context_stays_in_the_folder() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("state");
        for name in ["arn:aws:eks:eu-west-1:1:cluster/prod", "../../outside", "/tmp/outside"] {
            save(&folder, name, &saved()).unwrap();
            assert_eq!(load(&folder, name).unwrap(), saved(), "{name}");
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 3);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn symlinks_are_refused_and_torn_files_are_errors() {
        let root = tempfile::tempdir().unwrap();
        let (folder, env) = (root.path().to_owned(), "prod");
        let elsewhere = folder.join("elsewhere");
        fs::write(&elsewhere, "{}").unwrap();
        symlink(&elsewhere, folder.join("prod.counters.json")).unwrap();
        assert!(load(&folder, env).is_err());
        save(&folder, env, &saved()).unwrap();
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "{}");
        fs::write(folder.join("prod.counters.json"), "{\"rollout/web\":{").unwrap();
        assert!(load(&folder, env).is_err());
    }
}
