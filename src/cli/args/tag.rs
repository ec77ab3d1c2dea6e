//! Arguments of `cockpit tag`.

/// `cockpit tag`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(
    after_help = "Examples:\n  cockpit tag prod-eu\n  cockpit wait prod-eu --for=released --timeout 1h && cockpit tag prod-eu --yes\n\n\
                        Only what serves everybody is named, and nothing while a rollout is in progress. Exits 0 where the registry \
                        says that the tag names it, also where it did already; 1 where it was not moved, 3 where it may not be, \
                        4 where that is not known."
)]
pub struct TagArgs {
    /// Environment, and its service where it has several; may be left out where there is only one
    #[arg(value_name = "ENV[/SERVICE]")]
    pub target: Option<String>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}
