//! Feature flags by commands of the user's own, which are run once each.

use std::path::PathBuf;
use std::time::Duration;

use futures::future::BoxFuture;

use super::{FlagError, Known, ListsFlags, MAX_TEXT_CHARS};
use crate::domain::facts::flag::{Flag, Share, Turn, command};
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::placeholder::fill;
use crate::failpoints::failpoint;
use crate::platform::Redactor;
use crate::platform::program::{Ended, NotEnded, Program};

/// How long a command may take to list.
const LIST_TIMEOUT: Duration = Duration::from_secs(20);
/// How long one may take to turn a flag. After that it is stopped, and whether it did is looked at.
const TURN_TIMEOUT: Duration = Duration::from_secs(60);
/// Largest list that is read, in bytes.
const MAX_LIST_BYTES: usize = 8 << 20;

/// The commands of a provider. `{flag}`, `{environment}` and `{percent}` in their words are replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct Commands {
    pub list: Vec<String>,
    pub off: Vec<String>,
    pub on: Option<Vec<String>>,
    /// Sets the share of users.
    pub set: Option<Vec<String>>,
}

impl Commands {
    /// Returns those that there are.
    pub fn all(&self) -> impl Iterator<Item = &Vec<String>> {
        [&self.list, &self.off].into_iter().chain(&self.on).chain(&self.set)
    }

    /// Returns those that turn a flag.
    pub fn turning(&self) -> impl Iterator<Item = &Vec<String>> {
        self.all().skip(1)
    }

    fn of(&self, turn: Turn) -> Result<&[String], FlagError> {
        let (words, what) = match turn {
            Turn::Off => return Ok(&self.off),
            Turn::On => (&self.on, "turns flags on"),
            Turn::Share(_) => (&self.set, "sets the share of a flag: add `set`"),
        };
        words.as_deref().ok_or_else(|| FlagError::NotSent(format!("the config has no command that {what}")))
    }
}

/// The commands of a provider, for one environment. Cheap to clone.
#[derive(Clone)]
pub struct FlagCommands {
    pub commands: Commands,
    pub dir: PathBuf,
    /// The environment as the provider calls it.
    pub environment: String,
    /// The environment as we do.
    pub env: EnvName,
    pub redactor: Redactor,
}

impl ListsFlags for FlagCommands {
    fn list<'a>(&'a self, _: &'a mut Known) -> BoxFuture<'a, Result<Vec<Flag>, FlagError>> {
        Box::pin(self.list())
    }
}

impl FlagCommands {
    /// Lists all flags.
    ///
    /// # Errors
    /// Why there is no list.
    pub async fn list(&self) -> Result<Vec<Flag>, FlagError> {
        let argv = self.filled(&self.commands.list, "", None)?;
        let variables = self.variables();
        let ended = self.program(&argv, &variables).run(MAX_LIST_BYTES, LIST_TIMEOUT).await;
        let ended = ended.map_err(|error| self.not_ended(error))?;
        if !ended.status.success() {
            return Err(FlagError::NoAnswer(self.said("list", &ended)));
        }
        command::list(&ended.output).map_err(|why| {
            let why = self.redactor.cut(&why, MAX_TEXT_CHARS);
            FlagError::NoAnswer(format!("`list` printed no list of flags: {why}"))
        })
    }

    /// Turns a flag, once. That the command ends with success proves nothing: the list does.
    ///
    /// # Errors
    /// Why it was not turned, or may not have been.
    pub async fn turn(&self, flag: &str, turn: Turn) -> Result<(), FlagError> {
        let (key, share) = match turn {
            Turn::Off => ("off", None),
            Turn::On => ("on", None),
            Turn::Share(share) => ("set", Some(share)),
        };
        let argv = self.filled(self.commands.of(turn)?, flag, share)?;
        // Where this program is killed, it goes on: it is not left halfway by an output that nobody reads any more.
        let variables = self.variables();
        let running = self.program(&argv, &variables).start().map_err(|error| self.not_ended(error))?;
        failpoint(format_args!("flags.started"));
        let ended = running.to_its_end(TURN_TIMEOUT).await.map_err(|error| self.not_ended(error))?;
        if ended.status.success() { Ok(()) } else { Err(FlagError::NoAnswer(self.said(key, &ended))) }
    }

    fn variables(&self) -> [(&'static str, String); 1] {
        [("COCKPIT_ENV", self.env.to_string())]
    }

    fn program<'a>(&'a self, argv: &'a [String], variables: &'a [(&'static str, String)]) -> Program<'a> {
        Program { argv, dir: &self.dir, variables }
    }

    fn not_ended(&self, error: NotEnded) -> FlagError {
        match error {
            NotEnded::NotStarted(why) => FlagError::NotSent(self.redactor.cut(&why, MAX_TEXT_CHARS)),
            NotEnded::Stopped(why) => FlagError::NoAnswer(self.redactor.cut(&why, MAX_TEXT_CHARS)),
        }
    }

    /// Puts names into the words of a command. A name never becomes an option: nobody checked it.
    fn filled(&self, words: &[String], flag: &str, share: Option<Share>) -> Result<Vec<String>, FlagError> {
        let percent = share.map(|share| share.percent().to_string());
        let names = [("flag", flag), ("environment", self.environment.as_str())];
        let percent = percent.as_deref().map(|percent| ("percent", percent));
        let values: Vec<(&str, &str)> = names.into_iter().chain(percent).collect();
        let filled: Result<Vec<String>, String> = words.iter().map(|word| fill(word, &values)).collect();
        filled.map_err(|name| FlagError::NotSent(format!("`{}` cannot be given to a command", name.escape_debug())))
    }

    fn said(&self, what: &str, ended: &Ended) -> String {
        ended.said(what, |last| self.redactor.cut(last, MAX_TEXT_CHARS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(list: &str, off: &[&str]) -> FlagCommands {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        FlagCommands {
            commands: Commands { list: words(&["sh", "-c", list]), off: words(off), on: None, set: None },
            dir: "/".into(),
            environment: "production".to_owned(),
            env: EnvName::new("prod"),
            redactor: Redactor::default(),
        }
    }

    #[tokio::test]
    async fn a_list_that_fails_or_says_something_else_is_none() {
        let error = async |list: &str| commands(list, &["true"]).list().await.unwrap_err().to_string();
        assert_eq!(
            error("echo '{\"flags\": []}'; echo first >&2; echo no login >&2; exit 4").await,
            "`list` ended with exit code 4: no login"
        );
        assert!(error("echo nothing").await.starts_with("`list` printed no list of flags: expected "));
        assert_eq!(commands("echo '{\"flags\": []}'", &["true"]).list().await, Ok(Vec::new()));
    }

    #[test]
    fn a_name_is_one_word_and_no_option() {
        let commands = commands("", &["flags", "--flag={flag}", "{flag}", "{environment}"]);
        let filled = |flag: &str| commands.filled(&commands.commands.off, flag, None);
        assert_eq!(filled("a b; {environment}").unwrap()[1..3], ["--flag=a b; {environment}", "a b; {environment}"]);
        assert!(matches!(filled("--all"), Err(FlagError::NotSent(_))));
        assert!(matches!(filled("a\nb"), Err(FlagError::NotSent(_))));
        assert!(matches!(filled(""), Err(FlagError::NotSent(_))));
    }

    #[tokio::test]
    async fn an_exit_code_is_no_refusal_and_a_missing_program_sends_nothing() {
        let failed = commands("", &["sh", "-c", "echo half done >&2; exit 3", "{flag}"]).turn("x", Turn::Off).await;
        assert_eq!(failed, Err(FlagError::NoAnswer("`off` ended with exit code 3: half done".to_owned())));
        let missing = commands("", &["no-such-program", "{flag}"]).turn("x", Turn::Off).await;
        assert!(matches!(missing, Err(FlagError::NotSent(_))));
        assert!(matches!(commands("", &["true"]).turn("x", Turn::On).await, Err(FlagError::NotSent(_))));
    }
}
