//! `cockpit backtest`: which releases of the past, as options.

use super::{Output, When};

/// `cockpit backtest`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(
    after_help = "Releases are those of the journals, or one that is named by its time and its ReplicaSets. Their counters \
                        are asked for as on the day, and judged by today's [verdict] and [guardrails]. Which pods were ready \
                        then is not known any more.\n\n\
                        Examples:\n  cockpit backtest\n  cockpit backtest prod-eu -o json | jq '.releases[].difference'\n  \
                        cockpit backtest prod-eu --from '2026-11-20 14:00' --to '2026-11-20 14:40' \\\n    \
                        --stable payments-api-5d9c7b --canary payments-api-7f86d4\n\n\
                        Exits 4 where no release has metrics any more, 1 where Prometheus cannot be asked."
)]
pub struct BacktestArgs {
    /// Environment; all of them by default
    pub env: Option<String>,
    /// When the rollout began
    #[arg(long, value_name = "TIME", value_parser = When::parse, requires_all = ["to", "stable", "canary"])]
    pub from: Option<When>,
    /// When it was over
    #[arg(long, value_name = "TIME", value_parser = When::parse, requires = "from")]
    pub to: Option<When>,
    /// The ReplicaSet that was stable
    #[arg(long, value_name = "REPLICASET", value_parser = replicaset, requires = "from")]
    pub stable: Option<String>,
    /// The ReplicaSet that was the canary
    #[arg(long, value_name = "REPLICASET", value_parser = replicaset, requires = "from")]
    pub canary: Option<String>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Output,
}

fn replicaset(text: &str) -> Result<String, String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    if text.contains('-') && text.chars().all(is_name) {
        Ok(text.to_owned())
    } else {
        Err("it is the name of a ReplicaSet, such as payments-api-5d9c7b".to_owned())
    }
}
