//! `cockpit plan`: whose steps, and at which traffic.

use super::Output;

/// `cockpit plan`.
#[derive(Clone, Debug, PartialEq, clap::Args)]
#[command(
    after_help = "A canary that is bad from the start counts as detected when the analysis holds or aborts it: suspect or \
                        regressed. What the steps before have counted counts too. A bad one costs what it fails beyond stable, \
                        from the start until it is detected or the step ends.\n\n\
                        Examples:\n  cockpit plan prod-eu\n  cockpit plan prod-eu --rps 500 --errors 0.1%\n  \
                        cockpit plan prod-eu -o json | jq '.steps[].detects.x5'\n\n\
                        Exits 4 where the traffic is unknown and not stated, 1 where the workload cannot be seen."
)]
pub struct PlanArgs {
    /// Environment, and its service where it has several; may be left out where there is only one
    #[arg(value_name = "ENV[/SERVICE]")]
    pub target: Option<String>,
    /// Requests per second of the whole environment, instead of what is measured
    #[arg(long, value_name = "N", value_parser = rate)]
    pub rps: Option<f64>,
    /// Share of stable's requests that fail, instead of what is measured, e.g. 0.1% or 0.001
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub errors: Option<f64>,
    /// Output format
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Output,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 1e9 => Ok(rate),
        _ => Err("it is a number of requests per second, more than 0".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    let (number, whole) = text.strip_suffix('%').map_or((text, 1.0), |number| (number.trim_end(), 100.0));
    match number.parse::<f64>() {
        Ok(share) if share >= 0.0 && share < whole => Ok(share / whole),
        _ => Err("it is a share below 1, such as 0.001, or a percentage such as 0.1%".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_as_numbers_and_percentages() {
        assert_eq!(share("0.001"), Ok(0.001));
        assert_eq!(share("0"), Ok(0.0));
        assert!(["0.1%", "0.1 %"].map(share).iter().all(|share| (share.as_ref().unwrap() - 0.001).abs() < 1e-12));
        for bad in ["", "1", "100%", "-1", "NaN", "x%"] {
            assert!(share(bad).is_err(), "{bad}");
        }
        assert!(["0", "-3", "inf", "NaN"].iter().all(|bad| rate(bad).is_err()) && rate("0.5") == Ok(0.5));
    }
}
