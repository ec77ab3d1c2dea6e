//! `cockpit flags`.

use clap::Subcommand;

use super::Output;
use crate::domain::facts::flag::Share;

/// `cockpit flags`.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum FlagsCommand {
    /// List the flags of the release, or all where none are named
    #[command(after_help = "Examples:\n  cockpit flags list prod-eu\n  cockpit flags list --all\n  \
                            cockpit flags list prod-eu --all -o json | jq -r '.flags[] | select(.state != \"off\") | .name'\n\n\
                            Exits 4 where a provider does not answer.")]
    List {
        /// Environment; without it all of them, with what each flag is in each
        #[arg(value_name = "ENV")]
        env: Option<String>,
        /// All flags, those of the release first
        #[arg(long)]
        all: bool,
        /// Output format
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: Output,
    },
    /// Find flags of the release that nobody owns, that should be gone, or that are not at their provider
    #[command(after_help = "Examples:\n  cockpit flags lint\n  \
                            cockpit flags lint prod-eu --all -o json | jq -r '.flags[] | select(.problems != []) | .name'\n\n\
                            Exits 3 where something is wrong, 4 where nothing is and a provider does not answer.\n\
                            A check `flags` in the config says what is asked of them.")]
    Lint {
        /// Environment; without it all of them
        #[arg(value_name = "ENV")]
        env: Option<String>,
        /// All flags, those of the release first
        #[arg(long)]
        all: bool,
        /// Output format
        #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
        output: Output,
    },
    /// Turn a flag off for everybody in an environment: like a rollback, no gate blocks it
    #[command(after_help = "Example:\n  cockpit flags off prod-eu express-checkout-v2 --yes\n\n\
                            It is sent even where the provider cannot list its flags.")]
    Off(FlagTurnArgs),
    /// Turn a flag on in an environment: like a promotion, every gate has to be green
    #[command(after_help = "Example:\n  cockpit flags on staging express-checkout-v2\n\n\
                            A protected environment wants its name: --confirm NAME, also with --yes.")]
    On(FlagTurnArgs),
    /// Give a flag to a share of all users: to more of them like a promotion, to fewer like a rollback
    #[command(after_help = "Examples:\n  cockpit flags set prod-eu express-checkout-v2 25 --confirm prod-eu\n  \
                            cockpit flags set prod-eu express-checkout-v2 5 --yes\n\n\
                            To more users every gate has to be green, and a protected environment wants its name.\n\
                            To fewer no gate blocks it; it is sent only while more than that get the flag.")]
    Set {
        #[command(flatten)]
        what: FlagTurnArgs,
        /// Share of all users in percent, from 1 to 100
        #[arg(value_name = "PERCENT")]
        share: Share,
    },
}

/// Which flag is turned.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub struct FlagTurnArgs {
    /// Environment
    #[arg(value_name = "ENV")]
    pub env: String,
    /// Name of the flag; PROVIDER/FLAG where several providers have it
    #[arg(value_name = "FLAG")]
    pub flag: String,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
    /// The environment's name, where it is protected and more users get the flag
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
}
