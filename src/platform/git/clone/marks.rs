//! What this and other processes of ours note beside a clone: when it was fetched, and what is on its way to the server.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::ShallowClone;
use crate::platform::private_files::{open_private, private_dir};

/// When which process fetched last.
const FETCHED: &str = "cockpit-fetched";
/// When somebody pushed last.
const PUSHED: &str = "cockpit-pushed";
/// A file for each push that was not answered: the head that it follows on.
const PUSHES: &str = "cockpit-pushes";
/// How long a push may be on its way: servers run hooks for minutes.
const MAX_PUSH_AGE: Duration = Duration::from_secs(15 * 60);

impl ShallowClone {
    /// When this process fetched last, for whichever environment; `None` where somebody pushed since.
    pub(super) fn fetched_at(&self) -> Option<SystemTime> {
        let noted = std::fs::read_to_string(self.folder.join(FETCHED)).ok()?;
        let (process, at) = noted.split_once(' ')?;
        let at = time(at).filter(|_| process == std::process::id().to_string())?;
        let pushed = std::fs::read_to_string(self.folder.join(PUSHED)).ok();
        let is_before = |pushed: String| time(&pushed).is_some_and(|pushed| pushed < at);
        pushed.is_none_or(is_before).then_some(at)
    }

    /// Notes when a fetch began: what was pushed since may not be in it.
    pub(super) fn note_fetch(&self, began: SystemTime) {
        note(&self.folder.join(FETCHED), &format!("{} {}", std::process::id(), nanos(began)));
    }

    /// Notes that a commit is pushed onto a head; to be called before anything is sent.
    pub(super) fn push_begins(&self, commit: &str, head: &str) {
        if private_dir(&self.folder.join(PUSHES)).is_ok() {
            note(&self.folder.join(PUSHES).join(commit), head);
        }
    }

    /// Notes that a push has ended; one without an answer may still be carried out.
    pub(super) fn push_ended(&self, commit: &str, is_answered: bool) {
        if is_answered {
            let _ = std::fs::remove_file(self.folder.join(PUSHES).join(commit));
        }
        // Where the time cannot be noted, it is fetched anew.
        let _ = std::fs::remove_file(self.folder.join(FETCHED));
        note(&self.folder.join(PUSHED), &nanos(SystemTime::now()).to_string());
    }

    /// Whether a push that was not answered may still move the branch on from a head.
    pub(crate) fn awaits_push_onto(&self, head: &str) -> bool {
        let pushes = std::fs::read_dir(self.folder.join(PUSHES)).into_iter().flatten().flatten();
        pushes.fold(false, |awaits, push| {
            let age = push.metadata().and_then(|metadata| metadata.modified()).ok().and_then(|at| at.elapsed().ok());
            if age.is_some_and(|age| age > MAX_PUSH_AGE) {
                let _ = std::fs::remove_file(push.path());
                return awaits;
            }
            awaits || std::fs::read_to_string(push.path()).is_ok_and(|onto| onto == head)
        })
    }
}

fn note(file: &Path, text: &str) {
    let opened = open_private(file, OpenOptions::new().create(true).truncate(true).write(true));
    if let Err(error) = opened.and_then(|mut file| file.write_all(text.as_bytes())) {
        tracing::warn!(file = %file.display(), %error, "cannot be written");
    }
}

fn nanos(at: SystemTime) -> u128 {
    at.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}

fn time(nanos: &str) -> Option<SystemTime> {
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(nanos.parse().ok()?))
}
