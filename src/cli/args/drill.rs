//! `cockpit drill`, as options.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use super::{Output, speed};
use crate::domain::rules::drill::Failure;

/// `cockpit drill`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(
    after_help = "A rollout moves on by itself. It goes wrong at a moment that nobody announces, or not at all. Find out which, \
                        and take it away from users when it is wrong. The drill ends when stable serves again, when the \
                        release is out, or when you leave. Then you read how fast you and the judge were, what users bore \
                        meanwhile, and how Argo's analysis and a person with a dashboard would have done on the same traffic.\n\n\
                        Examples:\n  cockpit drill\n  cockpit drill errors --speed 4\n  \
                        cockpit drill --seed 42 -o json > score.json"
)]
pub struct Drill {
    /// What goes wrong; drawn, and not told, by default
    #[arg(value_enum)]
    pub scenario: Option<Failure>,
    /// Repeat the drill that was drawn from this number
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How many times faster than real time the rollout moves and the failure comes; you are timed in real time
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// How the score is written
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Output,
}

impl ValueEnum for Failure {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.as_str()).help(self.told()))
    }
}
