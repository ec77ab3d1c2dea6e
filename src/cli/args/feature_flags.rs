//! `cockpit flags`.

use clap::Subcommand;

use super::Output;

/// `cockpit flags`.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum FlagsCommand {
    /// List the flags of the release, or all where none are named
    #[command(after_help = "Examples:\n  cockpit flags list prod-eu\n  \
                            cockpit flags list prod-eu --all -o json | jq -r '.flags[] | select(.state != \"off\") | .name'\n\n\
                            Exits 4 where a provider does not answer.")]
    List {
        /// Environment
        #[arg(value_name = "ENV")]
        env: String,
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
    /// The environment's name, where it is protected and the flag is turned on
    #[arg(long, value_name = "NAME")]
    pub confirm: Option<String>,
}
