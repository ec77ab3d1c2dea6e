//! The command line as clap reads it: `--help`, completions and man page come from here.

mod action;
mod backtest;
mod checklist;
#[cfg(feature = "demo")]
mod drill;
mod feature_flags;
mod judge;
mod lane;
mod plan;
mod tag;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum, ValueHint};
use clap_complete::Shell;
use reqwest::Url;

pub use crate::domain::facts::when::When;
pub use action::{Action, Goal, OwnerArgs, Promote, Release, Rollback, Wait};
pub use backtest::BacktestArgs;
pub use checklist::{Ack, CheckArgs, FreezeArgs, GateArgs, GateOutput, Require, Sign, Unfreeze, Word};
#[cfg(feature = "demo")]
pub use drill::Drill;
pub use feature_flags::{FlagTurnArgs, FlagsCommand};
pub use judge::{JudgeArgs, JudgeOutput, Tolerance};
pub use lane::{LaneClose, LaneCommand, LaneOpen};
pub use plan::PlanArgs;
pub use tag::TagArgs;

use super::changes::Changes;
use crate::config::prometheus::parse_url;
use crate::config::{Flags, LogLevel, Theme};
use crate::domain::facts::ids::WorkloadId;
use crate::domain::record::action::Verb;

/// Watch a release, judge its canary, and promote, pause or roll it back.
#[derive(Clone, Debug, PartialEq, Parser)]
#[command(
    name = "cockpit",
    version,
    propagate_version = false,
    max_term_width = 100,
    after_help = "Without a command the screen opens: on the environments of the config, or on what the current kube context and \
                  namespace hold.\n\n\
                  Examples:\n  \
                  cockpit demo                                      the screen, on an embedded simulator\n  \
                  cockpit -n payments                               watch one namespace\n  \
                  cockpit --context staging --context prod-eu -w rollout/payments-api\n  \
                  cockpit status -o json | jq '.environments[].verdict'\n  \
                  cockpit rollback prod-eu --yes\n\n\
                  Exit codes: 0 done or go, 1 error, 2 usage or config, 3 no-go or refused, 4 wait or blind, 130 interrupted."
)]
pub struct Args {
    /// What holds for every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do; nothing opens the screen.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What holds for every command.
#[derive(Clone, Debug, Default, PartialEq, clap::Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Config file; else ./cockpit.toml, else $XDG_CONFIG_HOME/release-cockpit/cockpit.toml
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Kube context: one environment each, named after it, unless the config knows it; may be repeated
    #[arg(long = "context", global = true, value_name = "NAME")]
    pub contexts: Vec<String>,
    /// Namespace, for all environments
    #[arg(short, long, global = true, value_name = "NAME")]
    pub namespace: Option<String>,
    /// Workload, for all environments, e.g. rollout/payments-api; may be repeated
    #[arg(short = 'w', long = "workload", global = true, value_name = "KIND/NAME")]
    pub workloads: Vec<WorkloadId>,
    /// Prometheus, for all environments; $PROMETHEUS_URL counts where the config names none
    #[arg(long, global = true, value_name = "URL", value_parser = url, value_hint = ValueHint::Url)]
    pub prometheus: Option<Url>,
    /// Read-only: no action is possible
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Colours of the screen
    #[arg(long, global = true, value_name = "THEME")]
    pub theme: Option<Theme>,
    /// Draw with ASCII characters only
    #[arg(long, global = true)]
    pub ascii: bool,
    /// Record the session to a file that a test can replay; it contains everything that the screen shows
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub record: Option<PathBuf>,
    /// Level of the log file in the state folder
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<LogLevel>,
}

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Command {
    /// Open the screen on an embedded simulator: nothing outside is touched
    #[cfg(feature = "demo")]
    Demo(Demo),
    /// Game day on the simulator: a failure at an unannounced moment, and your score
    #[cfg(feature = "demo")]
    Drill(Drill),
    /// Print the status of every environment once
    Status(Status),
    /// Print what is in the release: commits, version, migrations, differences; or its notes
    Changes(Changes),
    /// Print what each step of a rollout can detect before it ends, at live traffic
    Plan(PlanArgs),
    /// Promote to the next step, or all the way with --full
    Promote(Promote),
    /// Pause a rollout
    Pause(Action),
    /// Resume a paused rollout; skips no step
    Resume(Action),
    /// Abort the update: traffic back to stable at once
    Abort(Action),
    /// Retry an aborted update from its first step
    Retry(Action),
    /// Roll back to an earlier revision, stable by default; never blocked by a gate
    Rollback(Rollback),
    /// Release into an environment what the one before it has released, or a digest into the first one
    Release(Release),
    /// Rolling restart of all pods
    Restart(Action),
    /// Who owns the manifest (Argo CD, Flux, Helm), whether it undoes changes, and suspend or resume that
    Owner(OwnerArgs),
    /// Let the tag of an environment (`stable_tag`) name in registries what serves everybody there
    Tag(TagArgs),
    /// Feature flags of an environment: list them, turn one off (a rollback in seconds) or on
    #[command(subcommand)]
    Flags(FlagsCommand),
    /// Check connections, RBAC, metrics and journal before a release
    Preflight(Preflight),
    /// GO or NO-GO for an environment, as an exit code: 0 go, 3 no-go, 4 wait or blind
    Gate(GateArgs),
    /// Run the checks of an environment, or one of them, and show the evidence
    Check(CheckArgs),
    /// Acknowledge a manual check, with a note
    Ack(Ack),
    /// Sign GO or NO-GO in a role, with a note
    Sign(Sign),
    /// Decide that promotions ask for what this config asks for, and for nothing else
    Require(Require),
    /// Stop promotions into an environment until a time; rollbacks go on
    Freeze(FreezeArgs),
    /// Allow promotions again
    Unfreeze(Unfreeze),
    /// Lanes for hotfixes: open one for one artifact, close it, or list what was opened
    #[command(subcommand)]
    Lane(LaneCommand),
    /// Analyze a canary from counts in a file or on standard input, offline
    Judge(JudgeArgs),
    /// Replay past releases against today's guardrails
    Backtest(BacktestArgs),
    /// Wait until a workload is paused, healthy or degraded
    Wait(Wait),
    /// Read the journal: all observations, decisions and actions
    #[command(subcommand)]
    Log(Log),
    /// Check the config, or print its JSON Schema
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write a commented config from what the cluster runs
    Init(Init),
    /// Trust ./cockpit.toml as it is now: its programs, secrets and addresses
    Trust(Trust),
    /// Print a completion script
    #[command(after_help = "Example:\n  cockpit completions bash > ~/.local/share/bash-completion/completions/cockpit")]
    Completions {
        /// For which shell
        shell: Shell,
    },
    /// Print the man page
    #[command(after_help = "Example:\n  cockpit man | man -l -")]
    Man,
}

/// `cockpit demo`.
#[cfg(feature = "demo")]
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(after_help = "Examples:\n  cockpit demo --list\n  cockpit demo error-spike --speed 10\n  \
                        cockpit demo --serve > demo.env &   then: . ./demo.env; kubectl get rollouts -A")]
pub struct Demo {
    /// Which scenario; --list names them
    pub scenario: Option<String>,
    /// List the scenarios
    #[arg(long, conflicts_with_all = ["scenario", "speed", "serve"])]
    pub list: bool,
    /// How many times faster than real time
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// Open no screen: print the shell lines that point kubectl and cockpit at the simulator, and run until interrupted
    #[arg(long)]
    pub serve: bool,
}

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs; what is a contract has a schema in assets/.
    Json,
}

/// `cockpit status`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(
    after_help = "Examples:\n  cockpit status\n  cockpit status -o json | jq -r '.environments[] | \"\\(.name) \\(.verdict)\"'\n  \
                        cockpit status --watch -o json >> changes.jsonl"
)]
pub struct Status {
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Output,
    /// Keep watching: a line for every change, until interrupted
    #[arg(long)]
    pub watch: bool,
}

/// `cockpit preflight`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(after_help = "Exits 3 where something is missing, 4 where it is unknown.")]
pub struct Preflight {
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Output,
}

/// `cockpit log`.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Log {
    /// Print a journal, one line per entry
    #[command(after_help = "Examples:\n  cockpit log show\n  cockpit log show 'payments-api 1.5.0' -o json")]
    Show {
        /// Which release; the latest by default
        release: Option<String>,
        /// Output format
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: Output,
    },
    /// Check that no journal was changed, cut, reordered or removed
    #[command(
        after_help = "Compares each journal with its own hashes, and with the shared record of each environment that answers.\n\
                            Exits 1 where a chain is broken or does not fit the record, and shows where."
    )]
    Verify {
        /// Which release; all of them by default
        release: Option<String>,
    },
    /// Write a journal as JSON lines, hashes included
    #[command(after_help = "Example:\n  cockpit log export 'payments-api 1.5.0' --file evidence.jsonl")]
    Export {
        /// Which release; the latest by default
        release: Option<String>,
        /// Output file; standard output by default. An existing file is not overwritten
        #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
}

/// `cockpit config`.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum ConfigCommand {
    /// Report every error of the config, with line and column
    Check,
    /// Print the JSON Schema of the config, for editors
    #[command(after_help = "Example, for editors with Taplo:\n  cockpit config schema > cockpit.schema.json\n  \
                            echo '#:schema ./cockpit.schema.json' | cat - cockpit.toml")]
    Schema,
}

/// `cockpit init`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(
    after_help = "Examples:\n  cockpit init --context staging --context prod-eu -n payments\n  cockpit init - | less"
)]
pub struct Init {
    /// Output file; `-` is standard output. An existing file is not overwritten
    #[arg(default_value = "cockpit.toml", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
}

/// `cockpit trust`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(after_help = "Examples:\n  cockpit trust\n  cockpit trust --remove\n\n\
                        A cockpit.toml that is found in the working folder runs no program, reads no secret and sends nothing to \
                        another machine before it is trusted. You are asked again when the file changes. A file that is \
                        named with --config, and the one in $XDG_CONFIG_HOME, need no trust.")]
pub struct Trust {
    /// Trust it no longer
    #[arg(long, conflicts_with = "yes")]
    pub remove: bool,
    /// Do not ask, for pipelines
    #[arg(short, long)]
    pub yes: bool,
}

impl Command {
    /// Returns the verb and what it is about, where the command is an action.
    #[must_use]
    pub fn action(&self) -> Option<(Verb, &Action)> {
        Some(match self {
            Self::Promote(promote) if promote.full => (Verb::PromoteFull, &promote.action),
            Self::Promote(promote) => (Verb::Promote, &promote.action),
            Self::Pause(action) => (Verb::Pause, action),
            Self::Resume(action) => (Verb::Resume, action),
            Self::Abort(action) => (Verb::Abort, action),
            Self::Retry(action) => (Verb::Retry, action),
            Self::Rollback(rollback) => (Verb::Rollback, &rollback.action),
            Self::Restart(action) => (Verb::Restart, action),
            Self::Release(release) => (Verb::Release, &release.action),
            _ => return None,
        })
    }
}

impl Global {
    /// Returns what the command line says over the config.
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags {
            config: self.config.clone(),
            contexts: self.contexts.clone(),
            namespace: self.namespace.clone(),
            workloads: self.workloads.clone(),
            prometheus: self.prometheus.clone(),
            read_only: self.read_only,
            theme: self.theme,
            ascii: self.ascii,
            log: self.log_level,
        }
    }
}

impl Args {
    /// Reads the command line. Called `kubectl-cockpit`, the program is a kubectl plugin and says so in its usage.
    ///
    /// # Errors
    /// What clap has to say: help and version too. Its `exit_code` is that of [`super::Exit`]: 0 or 2.
    pub fn read(line: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let line: Vec<OsString> = line.into_iter().collect();
        let mut command = Self::command();
        let program = line.first().map(Path::new).and_then(Path::file_stem);
        if program.is_some_and(|name| name == "kubectl-cockpit") {
            command = command.bin_name("kubectl cockpit");
        }
        Self::from_arg_matches(&command.try_get_matches_from(line)?)
    }
}

impl ValueEnum for Theme {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(self.as_str().into())
    }
}

impl ValueEnum for LogLevel {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(self.as_str().into())
    }
}

fn url(text: &str) -> Result<Url, String> {
    parse_url(text).map_err(|error| format!("it {error}"))
}

#[cfg(feature = "demo")]
fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.1..=1000.0).contains(&speed) => Ok(speed),
        _ => Err("it is a number from 0.1 to 1000".to_owned()),
    }
}

#[cfg(test)]
mod tests;
