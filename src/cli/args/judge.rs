//! `cockpit judge`: the thresholds of the analysis, as options.

use std::path::PathBuf;

use clap::{ValueEnum, ValueHint};

use analysis::{RuleError, Rules, SlowObjective};

/// How the judge's answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, ValueEnum)]
pub enum JudgeOutput {
    /// For programs: a JSON line for each scrape.
    #[default]
    Json,
    /// For people: a line for each scrape.
    Text,
}

/// How much worse a canary may be before it counts against it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tolerance {
    /// As much as stable's own pods differ.
    Auto,
    /// So many times stable's error share.
    Fixed(f64),
}

/// `cockpit judge`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(after_help = r#"A line for each scrape, with what it brought since the one before, not with running totals:
  {"t":15,"canary":{"requests":38,"errors":1},"stable":{"requests":712,"errors":1}}
  {"t":30,"missing":true}                              a scrape that failed
  {"t":30,"changed":"new-search was turned on"}        the canary changed: the proof of health restarts
  {"reset":true}                                       a new rollout
May be added:
  "buckets":[["0.1",20],["+Inf",18]]                   in a track: latencies, each bucket with its own requests only
  "stable_pods":[{"requests":36,"errors":0}]           how much pods differ by themselves; in the same order each time
  "weight":5                                           the share of requests, in percent, that the canary was given

Verdicts:
  regressed   roll back; stays until a reset
  suspect     hold
  undecided   hold, and wait for more requests
  healthy     may go on
  no-data     hold: this scrape tells nothing

Exit codes, by the last verdict: 0 healthy, 3 regressed or suspect, 4 undecided or no-data.
1 is a line that cannot be read, 2 an option without sense.

Examples:
  cockpit judge scrapes.jsonl | tail -1
  tail -f scrapes.jsonl | cockpit judge --slo 99.9% --slow 0.5s=1% -o text"#)]
pub struct JudgeArgs {
    /// Where scrapes are read from; standard input by default
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Chance that a healthy canary is ever called regressed
    #[arg(long, value_name = "CHANCE", default_value = "0.01", value_parser = share)]
    pub alpha: f64,
    /// Chance that a healthy canary is ever called suspect for its evidence
    #[arg(long, value_name = "CHANCE", default_value = "0.05", value_parser = share)]
    pub alpha_warn: f64,
    /// How many times stable's error share is still good; auto: as much as stable's pods differ
    #[arg(long, value_name = "TIMES|auto", default_value = "auto", value_parser = tolerance)]
    pub tolerance: Tolerance,
    /// Share of requests that must succeed over 30 days
    #[arg(long, value_name = "SHARE", default_value = "99.9%", value_parser = share)]
    pub slo: f64,
    /// Healthy is a canary of which provably fewer requests fail; 14.4 times what the objective allows by default
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub healthy_below: Option<f64>,
    /// Healthy is a canary of which provably fewer requests are slower than a time, e.g. 0.5s=1%
    #[arg(long, value_name = "TIME=SHARE", value_parser = slow)]
    pub slow: Option<SlowObjective>,
    /// Scrapes that a rollout is planned to take
    #[arg(long, value_name = "N", default_value_t = 240, value_parser = clap::value_parser!(u32).range(1..))]
    pub planned: u32,
    /// Errors of the canary without which errors alone never make it regressed
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub min_errors: u64,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: JudgeOutput,
}

impl JudgeArgs {
    /// Returns the rules that the options say.
    ///
    /// # Errors
    /// The first option without sense.
    pub fn rules(&self) -> Result<Rules, RuleError> {
        let (auto_tolerance, tolerance) = match self.tolerance {
            Tolerance::Auto => (true, 1.0),
            Tolerance::Fixed(times) => (false, times),
        };
        let rules = Rules {
            alpha: self.alpha,
            alpha_warn: self.alpha_warn,
            tolerance,
            auto_tolerance,
            slo: self.slo,
            healthy_below: self.healthy_below,
            slow: self.slow,
            planned_scrapes: self.planned,
            min_errors: self.min_errors,
            ..Rules::default()
        };
        rules.checked()
    }
}

/// Reads a share, as `0.999` or `99.9%`.
fn share(text: &str) -> Result<f64, String> {
    let (number, parts) = match text.trim().strip_suffix('%') {
        Some(percent) => (percent.trim_end(), 100.0),
        None => (text.trim(), 1.0),
    };
    let share = number.parse::<f64>().ok().map(|number| number / parts).filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "it is a share, such as 99.9% or 0.999".to_owned())
}

fn tolerance(text: &str) -> Result<Tolerance, String> {
    if text == "auto" {
        return Ok(Tolerance::Auto);
    }
    text.parse().map(Tolerance::Fixed).map_err(|_| "it is `auto` or a number from 1 to 100".to_owned())
}

fn slow(text: &str) -> Result<SlowObjective, String> {
    let read = || {
        let (time, at_most) = text.split_once('=')?;
        let (number, unit) = match time.strip_suffix("ms") {
            Some(number) => (number, 0.001),
            None => (time.strip_suffix('s')?, 1.0),
        };
        let bound_seconds = number.trim().parse::<f64>().ok()? * unit;
        Some(SlowObjective { bound_seconds, at_most: share(at_most).ok()? })
    };
    read().ok_or_else(|| "it is a time and a share, such as 0.5s=1% or 250ms=5%".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_times_accept_usual_spellings() {
        let near = |is: f64, wanted: f64| (is - wanted).abs() < 1e-12;
        assert!(near(share("99.9%").unwrap(), 0.999) && near(share("0.999").unwrap(), 0.999));
        assert!(share("101%").is_err() && share("-1").is_err() && share("x").is_err() && share("NaN").is_err());
        let slow_is = slow("250ms=5%").unwrap();
        assert!(near(slow_is.bound_seconds, 0.25) && near(slow_is.at_most, 0.05));
        assert!(slow("0.5=1%").is_err() && slow("0.5s").is_err());
        assert_eq!(tolerance("auto"), Ok(Tolerance::Auto));
        assert_eq!(tolerance("1.25"), Ok(Tolerance::Fixed(1.25)));
    }
}
