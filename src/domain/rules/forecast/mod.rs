//! What each step of a rollout can detect before it ends, at the traffic that there is.

mod alternative;
mod describe;
mod question;
mod stretch;

use jiff::Timestamp;

use crate::domain::facts::ids::Track;
use crate::domain::facts::signals::{NoData, Signal};
use crate::domain::facts::workload::Object;
use crate::domain::facts::workload::rollout::Rollout;
use crate::domain::world::WorkloadState;
use analysis::{Detectable, Rules, Stage, Traffic, detectable, time_to_detect};

pub use alternative::{Alternative, alternative};
pub use describe::{assumption, line};
pub use question::Question;
pub use stretch::{Lasts, Stretch, stretches};

/// What can be detected in a stretch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outlook {
    /// The canary gets no requests yet.
    NoCanary,
    /// It gets all of them: nothing is left to compare it with.
    NoStable,
    /// It ends at once.
    AtOnce,
    /// What is detected by its end.
    Ends(Detectable),
    /// It has no end of its own: after how many seconds nine of ten canaries with five times as many errors are detected;
    /// `None` where that takes too long to say.
    Open(Option<f64>),
}

/// A stretch with its outlook.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    pub stretch: Stretch,
    pub outlook: Outlook,
    /// Whether more is detected than is said: what is counted in a stretch without an end of its own is not known. Nor is then
    /// what a bad canary has cost.
    pub is_least: bool,
}

/// Returns what each stretch can detect. What one has counted counts in the next.
#[must_use]
pub fn forecast(stretches: &[Stretch], rules: &Rules, traffic: &Traffic) -> Vec<Forecast> {
    let timed: Vec<Stage> = stretches.iter().filter_map(Stretch::stage).collect();
    let mut found = detectable(rules, traffic, &timed).into_iter();
    let (mut before, mut is_least) = (Vec::new(), false);
    stretches
        .iter()
        .map(|stretch| {
            let stage = stretch.stage();
            let detected = stage.and_then(|_| found.next());
            let outlook = match detected {
                _ if stretch.share <= 0.0 => Outlook::NoCanary,
                _ if stretch.share >= 1.0 => Outlook::NoStable,
                Some(_) if stage.is_some_and(|stage| stage.seconds <= 0.0) => Outlook::AtOnce,
                Some(detected) => Outlook::Ends(detected),
                None => Outlook::Open(time_to_detect(rules, traffic, &before, stretch.share)),
            };
            let forecast = Forecast { stretch: *stretch, outlook, is_least };
            before.extend(stage);
            is_least |= stage.is_none() && stretch.compares();
            forecast
        })
        .collect()
}

/// Returns the Rollout of a workload where it has steps with a weight; else why there is nothing to forecast.
///
/// # Errors
/// Why, in a sentence.
pub fn canary(workload: &WorkloadState) -> Result<&Rollout, String> {
    let id = &workload.id;
    let Some(snapshot) = &workload.snapshot else {
        return Err(format!("{id} {}", if workload.missing { "does not exist" } else { "was not seen yet" }));
    };
    match &snapshot.object {
        Object::Deployment(_) => Err(format!("{id} is a Deployment: it has no steps to judge")),
        Object::Rollout(rollout) if !rollout.is_canary() => {
            Err(format!("{id} is blue-green: it switches all requests at once and has no steps to judge"))
        }
        Object::Rollout(rollout) if rollout.steps().is_empty() => Err(format!("{id} has no steps to judge")),
        Object::Rollout(rollout) => Ok(rollout),
    }
}

/// What is assumed of the traffic instead of measured.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Assumed {
    /// Requests each second, of both tracks.
    pub per_second: Option<f64>,
    /// Share of stable's requests that fail.
    pub errors: Option<f64>,
}

/// Returns the traffic as it is assumed and, for the rest, as it is measured.
///
/// # Errors
/// Which figure is unknown, and why.
pub fn traffic(
    workload: &WorkloadState,
    has_metrics: bool,
    assumed: Assumed,
    now: Timestamp,
) -> Result<Traffic, String> {
    let reading = |track: Track, signal| {
        let reading =
            if has_metrics { workload.signals.reading(track, signal, now) } else { Err(NoData::NotConfigured) };
        reading.map_err(|why| (format!("no data: {} {} ({})", track.as_str(), signal.label(), why.describe()), why))
    };
    let measured = || {
        let stable = reading(Track::Stable, Signal::Rps).map_err(|(text, _)| text)?;
        let canary = match reading(Track::Canary, Signal::Rps) {
            Ok(canary) => canary,
            Err((_, NoData::NoTrack | NoData::NoTraffic | NoData::Empty)) => 0.0,
            // A canary that no one asks about is none.
            Err(_) if workload.status.as_ref().is_some_and(|status| status.canary.is_none()) => 0.0,
            Err((text, _)) => return Err(text),
        };
        Ok(stable + canary)
    };
    let per_second = assumed.per_second.map_or_else(measured, Ok)?;
    let ratio = || reading(Track::Stable, Signal::ErrorRatio).map_err(|(text, _)| text);
    let errors = assumed.errors.map_or_else(ratio, Ok)?;
    let traffic = Traffic { per_second, errors };
    if traffic.is_known() { Ok(traffic) } else { Err("no data: there is no traffic".to_owned()) }
}

/// Returns the rules with the interval at which the analysis really looks: that of the metrics where it is longer.
#[must_use]
pub fn paced(rules: &Rules, workload: &WorkloadState) -> Rules {
    let metrics = workload.signals.interval.map_or(0.0, |interval| interval.as_secs_f64());
    Rules { interval_seconds: rules.interval_seconds.max(metrics), ..rules.clone() }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::facts::ids::WorkloadId;
    use crate::domain::facts::signals::{Sample, Signals};
    use crate::domain::facts::step::{PauseFor, Step};
    use crate::domain::facts::workload::rollout::{BlueGreenStrategy, CanaryStrategy, RolloutSpec, RolloutStrategy};
    use crate::domain::facts::workload::router::Router;
    use jiff::SignedDuration;
    use std::collections::BTreeMap;

    pub(in crate::domain::rules::forecast) fn rollout(
        steps: Vec<Step>,
        router: Option<Router>,
        replicas: u32,
    ) -> Rollout {
        let strategy = RolloutStrategy::Canary(CanaryStrategy { steps, router, ..CanaryStrategy::default() });
        Rollout {
            spec: RolloutSpec { replicas: Some(replicas), strategy, ..RolloutSpec::default() },
            ..Rollout::default()
        }
    }

    pub(in crate::domain::rules::forecast) fn stretch(weight: u32, lasts: Lasts) -> Stretch {
        Stretch { steps: (0, 1), weight, share: f64::from(weight) / 100.0, lasts }
    }

    pub(in crate::domain::rules::forecast) fn timed(weight: u32, seconds: i64) -> Stretch {
        stretch(weight, Lasts::Time(SignedDuration::from_secs(seconds)))
    }

    #[test]
    fn each_kind_of_stretch_has_its_outlook() {
        let traffic = Traffic { per_second: 100.0, errors: 0.002 };
        let plan =
            [timed(0, 60), timed(10, 120), timed(15, 0), stretch(20, Lasts::Person), timed(30, 60), timed(100, 60)];
        let found = forecast(&plan, &Rules::default(), &traffic);
        let outlooks: Vec<_> = found.iter().map(|one| one.outlook).collect();
        assert_eq!((outlooks[0], outlooks[2], outlooks[5]), (Outlook::NoCanary, Outlook::AtOnce, Outlook::NoStable));
        let (Outlook::Ends(first), Outlook::Ends(last)) = (outlooks[1], outlooks[4]) else { panic!("{outlooks:?}") };
        assert!((first.requests - 1200.0).abs() < 1e-9 && last.chances.x5 > first.chances.x5);
        assert!(matches!(outlooks[3], Outlook::Open(Some(seconds)) if seconds > 0.0));
        assert_eq!(found.iter().map(|one| one.is_least).collect::<Vec<_>>(), [false, false, false, false, true, true]);
    }

    #[test]
    fn what_has_no_steps_says_so_in_a_sentence() {
        use crate::domain::facts::workload::Snapshot;
        let state = |object| {
            let snapshot = Snapshot::of_object(object);
            let mut env = crate::domain::world::Environment::new(crate::domain::world::EnvSettings {
                workloads: vec!["rollout/api".parse::<WorkloadId>().unwrap()],
                ..crate::domain::world::EnvSettings::new("prod")
            });
            let mut state = env.workloads.remove(0);
            state.snapshot = Some(std::sync::Arc::new(snapshot));
            state
        };
        let mut blue_green = rollout(Vec::new(), None, 1);
        blue_green.spec.strategy = RolloutStrategy::BlueGreen(BlueGreenStrategy::default());
        for (object, says) in [
            (Object::Deployment(Box::default()), "is a Deployment: it has no steps to judge"),
            (Object::Rollout(Box::new(blue_green)), "has no steps to judge"),
            (Object::Rollout(Box::new(rollout(Vec::new(), None, 1))), "has no steps to judge"),
        ] {
            let state = state(object);
            assert!(canary(&state).unwrap_err().ends_with(says));
        }
        assert!(
            canary(&state(Object::Rollout(Box::new(rollout(vec![Step::Pause(PauseFor::Person)], None, 1))))).is_ok()
        );
    }

    #[test]
    fn unknown_traffic_is_never_a_number() {
        let mut env = crate::domain::world::Environment::new(crate::domain::world::EnvSettings {
            workloads: vec!["rollout/api".parse().unwrap()],
            ..crate::domain::world::EnvSettings::new("prod")
        });
        let mut state = env.workloads.remove(0);
        let now: Timestamp = "2026-06-01T14:30:00Z".parse().unwrap();
        let is = |state: &WorkloadState, has_metrics, assumed| traffic(state, has_metrics, assumed, now);
        let none = Assumed::default();
        assert_eq!(is(&state, false, none).unwrap_err(), "no data: stable traffic (no metrics configured)");
        assert_eq!(is(&state, true, none).unwrap_err(), "no data: stable traffic (not queried yet)");
        let all = Assumed { per_second: Some(500.0), errors: Some(0.001) };
        assert_eq!(is(&state, false, all), Ok(Traffic { per_second: 500.0, errors: 0.001 }));
        let mut look = |canary, errors| {
            let readings = BTreeMap::from([
                ((Track::Stable, Signal::Rps), Ok(90.0)),
                ((Track::Canary, Signal::Rps), canary),
                ((Track::Stable, Signal::ErrorRatio), errors),
            ]);
            state.signals = Signals::default();
            state.signals.take(&Sample { at: now, readings });
            traffic(&state, true, none, now)
        };
        assert_eq!(look(Ok(10.0), Ok(0.01)), Ok(Traffic { per_second: 100.0, errors: 0.01 }));
        assert_eq!(look(Err(NoData::NoTrack), Ok(0.01)), Ok(Traffic { per_second: 90.0, errors: 0.01 }));
        assert!(look(Err(NoData::Stale), Ok(0.01)).unwrap_err().contains("canary traffic"));
        assert!(look(Ok(10.0), Err(NoData::NotANumber)).unwrap_err().contains("stable errors"));
    }
}
