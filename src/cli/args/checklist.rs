//! Arguments of `cockpit gate`, `check`, `ack`, `sign`, `require`, `freeze` and `unfreeze`.

use clap::ValueEnum;

use super::When;

/// How the answer of a gate is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, ValueEnum)]
pub enum GateOutput {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For pipelines: each check is a test case of JUnit XML.
    Junit,
}

/// `cockpit gate`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(after_help = "Examples:\n  cockpit gate prod-eu && ./deploy.sh\n  cockpit gate prod-eu -o junit > gate.xml")]
pub struct GateArgs {
    /// Environment; may be left out where there is only one
    pub env: Option<String>,
    /// The name of the lane, where what is to be promoted goes by one
    #[arg(long, value_name = "NAME")]
    pub lane: Option<String>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: GateOutput,
}

/// `cockpit check`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(after_help = "Examples:\n  cockpit check prod-eu\n  cockpit check prod-eu tests")]
pub struct CheckArgs {
    /// Environment
    pub env: String,
    /// Which check; all of them by default
    pub id: Option<String>,
}

/// `cockpit ack`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(after_help = "Example:\n  cockpit ack prod-eu on-call --note 'Ana has the pager, she knows'")]
pub struct Ack {
    /// Environment
    pub env: String,
    /// Which check
    pub id: String,
    /// What was checked, and what was found
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub note: String,
}

/// What a reviewer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Word {
    /// It may be promoted.
    Go,
    /// It must not be promoted; requires a note.
    NoGo,
}

/// `cockpit sign`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(after_help = "Examples:\n  cockpit sign prod-eu go --role sre\n  \
                        cockpit sign prod-eu no-go --role product --note 'the announcement is not ready'")]
pub struct Sign {
    /// Environment
    pub env: String,
    /// GO or NO-GO
    pub decision: Word,
    /// In which role
    #[arg(long, value_name = "ROLE")]
    pub role: String,
    /// Why; a NO-GO needs one
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// With GO: take back the NO-GO of this person in the same role, who is not there
    #[arg(long, value_name = "PERSON", requires = "note")]
    pub takes_back: Option<String>,
}

/// `cockpit require`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(after_help = "Example:\n  cockpit require prod-eu --confirm prod-eu\n\n\
                        What the config of whoever acts asks for is recorded beside the sign-offs, and holds for everybody. \
                        Run this when the team's config asks for less than before.")]
pub struct Require {
    /// Environment
    pub env: String,
    /// Its name once more, where something is dropped or a lane is allowed
    #[arg(long, value_name = "ENV")]
    pub confirm: Option<String>,
}

/// `cockpit freeze`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(after_help = "Examples:\n  cockpit freeze prod-eu --until 14:00 --note 'incident 4711'\n  \
                        cockpit freeze prod-eu --note 'the database moves'     # until somebody ends it\n\n\
                        It is recorded beside the sign-offs, and holds for everybody. Pause, abort and rollback go on.")]
pub struct FreezeArgs {
    /// Environment
    pub env: String,
    /// When it ends, e.g. 14:00 today, 2h from now, or 2026-11-21T14:00:00Z
    #[arg(long, value_name = "TIME", value_parser = When::parse_ahead)]
    pub until: Option<When>,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub note: String,
}

/// `cockpit unfreeze`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(after_help = "Example:\n  cockpit unfreeze prod-eu --note 'incident 4711 is over'")]
pub struct Unfreeze {
    /// Environment
    pub env: String,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub note: String,
}
