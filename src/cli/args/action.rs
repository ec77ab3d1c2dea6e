//! Arguments of the commands that act on a workload, and of `cockpit wait`.

use std::time::Duration;

use clap::ValueEnum;
use jiff::SignedDuration;

use super::Output;
use crate::domain::facts::step::parse_pause;
use crate::domain::facts::workload::Phase;

/// Which workload, and whether to ask: common to all actions.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub struct Action {
    /// Environment, and its service where it has several; may be left out where there is only one
    #[arg(value_name = "ENV[/SERVICE]")]
    pub target: Option<String>,
    /// Do not ask; gates and preconditions still apply
    #[arg(short, long)]
    pub yes: bool,
    /// The environment's name once more, where it has to be typed: --full, and what goes forward in a protected one
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
    /// The name of the lane, where it goes by one
    #[arg(long, value_name = "NAME")]
    pub lane: Option<String>,
    /// Wait this long until users are served as asked, e.g. 90s, 15m; exits 1 where they are not by then
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time)]
    pub timeout: Duration,
    /// Do not wait until users are served as asked: exit code 0 says accepted, not done
    #[arg(long, conflicts_with = "timeout")]
    pub no_wait: bool,
}

/// `cockpit promote`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(after_help = "Examples:\n  cockpit promote staging\n  cockpit promote prod-eu --yes --confirm prod-eu\n  \
                        cockpit promote prod-eu --full --confirm prod-eu")]
pub struct Promote {
    /// What to promote.
    #[command(flatten)]
    pub action: Action,
    /// To 100 %, skipping all steps that are left
    #[arg(long)]
    pub full: bool,
}

/// `cockpit release`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(after_help = "Examples:\n  cockpit release prod-us --confirm prod-us\n  \
                        cockpit release staging registry.example/payments-api:1.5.0@sha256:9f2c… --yes")]
pub struct Release {
    /// Where to.
    #[command(flatten)]
    pub action: Action,
    /// Into the first environment: the image by its digest, as `REPOSITORY:TAG@sha256:…`, with or without the tag
    #[arg(value_name = "IMAGE@DIGEST")]
    pub image: Option<String>,
}

/// `cockpit rollback`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(
    after_help = "Examples:\n  cockpit rollback prod-eu --yes\n  cockpit rollback prod-eu/payments-api --to 1.4.1 --yes\n\n\
                        Exits 0 when everybody is served by the earlier revision, also where they already were."
)]
pub struct Rollback {
    /// What to roll back.
    #[command(flatten)]
    pub action: Action,
    /// To this revision, version or image instead of stable, or of the last one that was not rejected
    #[arg(long, value_name = "REVISION|VERSION|IMAGE")]
    pub to: Option<String>,
}

/// `cockpit owner`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(after_help = "Examples:\n  cockpit owner prod-eu\n  cockpit owner prod-eu --suspend --yes\n  \
                        cockpit owner prod-eu --resume --wait 30m --yes\n  cockpit owner prod-eu --revert --yes\n\n\
                        A rollback suspends the automation of its owner by itself. It is resumed only once git says the same as \
                        the cluster: else it would bring back what was rolled back.")]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
pub struct OwnerArgs {
    /// Environment, and its service where it has several; may be left out where there is only one
    #[arg(value_name = "ENV[/SERVICE]")]
    pub target: Option<String>,
    /// Keep it from applying the manifest by itself
    #[arg(long, conflicts_with_all = ["resume", "wait"])]
    pub suspend: bool,
    /// Give its automation back as it was, once git matches the cluster
    #[arg(long)]
    pub resume: bool,
    /// Have git name again what a rollback went back to, where that was not done along with it
    #[arg(long, conflicts_with_all = ["suspend", "resume", "wait"])]
    pub revert: bool,
    /// With --resume: wait this long until git says the same, e.g. 30m
    #[arg(long, value_name = "TIME", requires = "resume", value_parser = time)]
    pub wait: Option<Duration>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Output,
}

/// What can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Goal {
    /// It is paused, for a person or a time.
    Paused,
    /// It is rolled out and well: the revision that goes out, or runs, when the wait begins.
    Healthy,
    /// The release (see --version) serves everybody.
    Released,
    /// It failed or was aborted.
    Degraded,
}

impl Goal {
    /// Returns the phase that is waited for.
    #[must_use]
    pub fn phase(self) -> Phase {
        match self {
            Self::Paused => Phase::Paused,
            Self::Healthy | Self::Released => Phase::Healthy,
            Self::Degraded => Phase::Degraded,
        }
    }
}

/// `cockpit wait`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(after_help = "Examples:\n  cockpit wait staging --for=healthy --timeout 15m && cockpit promote prod-eu\n  \
                        cockpit wait prod-eu --for=paused\n  \
                        cockpit wait prod-eu --for=released --version 1.5.0 --timeout 1h\n\n\
                        Exits 3 where it cannot come true any more: degraded, rolled back, or another revision took over.")]
pub struct Wait {
    /// Environment, and its service where it has several; may be left out where there is only one
    #[arg(value_name = "ENV[/SERVICE]")]
    pub target: Option<String>,
    /// What to wait for
    #[arg(long = "for", value_name = "WHAT")]
    pub goal: Goal,
    /// With --for=released: version, image or digest; by default what goes out, or runs, when the wait begins
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
    /// Give up after this long, e.g. 90s, 15m, 1h30m
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = time)]
    pub timeout: Duration,
}

pub(super) fn time(text: &str) -> Result<Duration, String> {
    let has_unit = text.ends_with(|c: char| c.is_ascii_alphabetic());
    parse_pause(text)
        .filter(|time| has_unit && *time > SignedDuration::ZERO)
        .map(SignedDuration::unsigned_abs)
        .ok_or_else(|| "it is a time with its unit, such as 90s, 15m or 1h30m".to_owned())
}
