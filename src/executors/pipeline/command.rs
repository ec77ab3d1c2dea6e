//! Commands of the user's own, each run once. How one ends proves nothing, and is noted.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::facts::ids::EnvName;
use crate::domain::record::action::ActionId;
use crate::domain::rules::action::{RunState, SeenRun};
use crate::executors::executor::SendError;
use crate::failpoints::failpoint;
use crate::platform::Redactor;
use crate::platform::program::{Following, NotEnded, Program};

/// Longest line that is taken over from a command, in characters.
const MAX_TEXT_CHARS: usize = 300;
/// How exactly it is told how long one runs: what is told anew is printed anew.
const STEP_SECONDS: u64 = 10;

/// The commands that this process has run.
pub(super) struct Commands {
    dir: PathBuf,
    redactor: Redactor,
    runs: Arc<Mutex<BTreeMap<ActionId, Run>>>,
}

struct Run {
    name: String,
    since: Instant,
    /// How it ended.
    ended: Option<SeenRun>,
}

impl Commands {
    pub(super) fn new(dir: PathBuf, redactor: Redactor) -> Self {
        Self { dir, redactor, runs: Arc::default() }
    }

    /// Starts a command, once, and lets it run; returns what it is.
    pub(super) fn start(
        &self,
        env: &EnvName,
        words: &[String],
        action: ActionId,
        timeout_seconds: u64,
    ) -> Result<String, SendError> {
        let variables = [("COCKPIT_ENV", env.to_string())];
        failpoint(format_args!("pipeline.before-start"));
        let following = Program { argv: words, dir: &self.dir, variables: &variables }.start();
        let following = following.map_err(|error| match error {
            NotEnded::NotStarted(why) => SendError::Refused(self.redactor.cut(&why, MAX_TEXT_CHARS)),
            NotEnded::Stopped(why) => SendError::Unknown(self.redactor.cut(&why, MAX_TEXT_CHARS)),
        })?;
        failpoint(format_args!("pipeline.started"));
        let name = words.first().map_or("", |word| word.rsplit('/').next().unwrap_or(word)).to_owned();
        let what = following.id().map_or_else(|| name.clone(), |id| format!("{name} as process {id}"));
        let run = Run { name: name.clone(), since: Instant::now(), ended: None };
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).insert(action.clone(), run);
        self.follow(following, name, action, Duration::from_secs(timeout_seconds));
        Ok(what)
    }

    /// Notes how a command ends.
    fn follow(&self, following: Following, name: String, action: ActionId, limit: Duration) {
        let (runs, redactor) = (Arc::clone(&self.runs), self.redactor.clone());
        tokio::spawn(async move {
            let ended = match following.to_its_end(limit).await {
                Ok(ended) => {
                    let state = if ended.status.success() { RunState::Succeeded } else { RunState::Failed };
                    SeenRun { state, text: ended.said(&name, |last| redactor.cut(last, MAX_TEXT_CHARS)) }
                }
                Err(NotEnded::NotStarted(why) | NotEnded::Stopped(why)) => {
                    SeenRun { state: RunState::Failed, text: redactor.cut(&why, MAX_TEXT_CHARS) }
                }
            };
            if let Some(run) = runs.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&action) {
                run.ended = Some(ended);
            }
        });
    }

    /// Returns how it is with the command of an action; `None` where this process has run none for it.
    pub(super) fn run(&self, action: &ActionId) -> Option<SeenRun> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let run = runs.get(action)?;
        Some(run.ended.clone().unwrap_or_else(|| {
            let seconds = run.since.elapsed().as_secs() / STEP_SECONDS * STEP_SECONDS;
            let time = if seconds == 0 { String::new() } else { format!(" for {seconds} s") };
            SeenRun { state: RunState::Running, text: format!("`{}` runs{time}", run.name) }
        }))
    }
}
