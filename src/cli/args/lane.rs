//! Arguments of `cockpit lane`.

use clap::Subcommand;

use super::{Output, When};

/// `cockpit lane`.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum LaneCommand {
    /// Open a lane for what the environment that it comes from has released, or extend it
    #[command(
        after_help = "Examples:\n  cockpit lane open prod-eu hotfix --until 2h --note 'incident 4711: payments fail'\n  \
                            cockpit lane open prod-eu hotfix --until 2h --note 'incident 4711' --confirm prod-eu\n\n\
                            Prints what the lane leaves out and asks for. It has to be in the config ([[lanes]]), and allowed by a \
                            decision (cockpit require ENV). Somebody else signs in it."
    )]
    Open(LaneOpen),
    /// Close a lane before its time is over: every gate is asked again
    #[command(after_help = "Example:\n  cockpit lane close prod-eu --note 'it is out'\n\n\
                            Nothing is sent, and nothing goes back.")]
    Close(LaneClose),
    /// List the lanes that were opened, and what has still to go through the environments that they left out
    #[command(after_help = "Examples:\n  cockpit lane list\n  \
                            cockpit lane list prod-eu -o json | jq -r '.environments[].lanes[] | select(.state == \"open\") | .name'\n\n\
                            Exits 4 where a shared record cannot be read.")]
    List {
        /// Environment; without it all of them
        #[arg(value_name = "ENV")]
        env: Option<String>,
        /// Output format
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: Output,
    },
}

/// `cockpit lane open`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub struct LaneOpen {
    /// Environment that it leads into, and its service where it has several
    #[arg(value_name = "ENV[/SERVICE]")]
    pub target: String,
    /// Name of the lane
    #[arg(value_name = "LANE")]
    pub lane: String,
    /// When it ends, e.g. 14:00 today, 2h from now, or 2026-11-21T14:00:00Z
    #[arg(long, value_name = "TIME", value_parser = When::parse_ahead)]
    pub until: When,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub note: String,
    /// The environment's name once more
    #[arg(long, value_name = "ENV")]
    pub confirm: Option<String>,
}

/// `cockpit lane close`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub struct LaneClose {
    /// Environment that it leads into, and its service where it has several
    #[arg(value_name = "ENV[/SERVICE]")]
    pub target: String,
    /// Why
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub note: String,
}
