//! The steps of a canary rollout.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// How long a pause step lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PauseFor {
    /// Until a person promotes it.
    Person,
    Time(SignedDuration),
    /// The duration in the manifest cannot be read.
    Unreadable,
}

/// One step of a canary strategy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Send this share of traffic (of `maxTrafficWeight`) to the canary.
    SetWeight(u32),
    Pause(PauseFor),
    Experiment,
    /// Run an analysis; the names of its templates.
    Analysis(Vec<String>),
    /// Scale the canary apart from its weight; the text of what to.
    SetCanaryScale(String),
    /// Route by header; its name.
    SetHeaderRoute(String),
    SetMirrorRoute(String),
    /// A step plugin; its name.
    Plugin(String),
    Invalid,
}

impl Step {
    /// Returns the label as `kubectl argo rollouts` words it (`CanaryStepString`), with the analysis' names added.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::SetWeight(weight) => format!("setWeight {weight}"),
            Self::Pause(PauseFor::Person) => "pause until promoted".to_owned(),
            Self::Pause(PauseFor::Time(time)) => format!("pause {time:#}"),
            Self::Pause(PauseFor::Unreadable) => "pause (unreadable duration)".to_owned(),
            Self::Experiment => "experiment".to_owned(),
            Self::Analysis(names) if names.is_empty() => "analysis".to_owned(),
            Self::Analysis(names) => format!("analysis {}", names.join(", ")),
            Self::SetCanaryScale(to) => format!("setCanaryScale {to}"),
            Self::SetHeaderRoute(name) => format!("setHeaderRoute {name}"),
            Self::SetMirrorRoute(name) => format!("setMirrorRoute {name}"),
            Self::Plugin(name) => format!("plugin {name}"),
            Self::Invalid => "invalid".to_owned(),
        }
    }
}

/// Returns the weight in force at `index`: the nearest `setWeight` at or before it, else 0; `max` past the end.
///
/// Source: Argo Rollouts `utils/replicaset/canary.go`, `GetCurrentSetWeight`.
#[must_use]
pub fn weight_at(steps: &[Step], index: usize, max: u32) -> u32 {
    if steps.is_empty() || index >= steps.len() {
        return max;
    }
    steps[..=index]
        .iter()
        .rev()
        .find_map(|step| match step {
            Step::SetWeight(weight) => Some(*weight),
            _ => None,
        })
        .unwrap_or(0)
}

/// Reads a duration as Argo does: whole seconds as number or text, or a Go duration such as `1h30m` or `1.5s`.
#[must_use]
pub fn parse_pause(text: &str) -> Option<SignedDuration> {
    if let Ok(seconds) = text.parse::<i64>() {
        return (seconds >= 0).then(|| SignedDuration::from_secs(seconds));
    }
    let mut rest = text;
    let mut total = 0.0_f64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, scale) =
            [("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("ns", 1e-9), ("h", 3600.0), ("m", 60.0), ("s", 1.0)]
                .into_iter()
                .find(|(unit, _)| rest.starts_with(unit))?;
        total += number * scale;
        rest = &rest[unit.len()..];
    }
    (!text.is_empty()).then(|| SignedDuration::try_from_secs_f64(total).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weight_is_the_nearest_at_or_before() {
        let steps = [Step::SetWeight(20), Step::Pause(PauseFor::Person), Step::SetWeight(60)];
        assert_eq!(weight_at(&steps, 0, 100), 20);
        assert_eq!(weight_at(&steps, 1, 100), 20);
        assert_eq!(weight_at(&steps, 2, 100), 60);
        assert_eq!(weight_at(&steps, 3, 100), 100);
        assert_eq!(weight_at(&[Step::Pause(PauseFor::Person)], 0, 100), 0);
        assert_eq!(weight_at(&[], 0, 1000), 1000);
    }

    #[test]
    fn pauses_match_argo_parsing() {
        assert_eq!(parse_pause("10"), Some(SignedDuration::from_secs(10)));
        assert_eq!(parse_pause("1h30m"), Some(SignedDuration::from_secs(5400)));
        assert_eq!(parse_pause("1.5s"), Some(SignedDuration::from_millis(1500)));
        assert_eq!(parse_pause("250ms"), Some(SignedDuration::from_millis(250)));
        for bad in ["", "-5", "ten", "10x", "1h 30m"] {
            assert_eq!(parse_pause(bad), None, "{bad}");
        }
    }
}
