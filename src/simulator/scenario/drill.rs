//! A scenario for drills: a rollout that moves on on its own and goes wrong at a given moment, or does not.

use std::time::Duration;

use super::Scenario;
use super::behaviour::{Change, ContainerOutcome, Onset, Service};
use crate::SimulatorError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrillFault {
    /// One request in twelve fails.
    Errors,
    /// Requests take eight times as long.
    Latency,
    /// Pods crash after they have lived so long, again and again.
    Crash,
    None,
}

/// How long it takes until it is as bad as it gets.
const RAMP_DURATION: Duration = Duration::from_secs(10);

impl Scenario {
    /// Returns the scenario of a drill: the version that goes out fails so long after its first pod is ready.
    pub fn drill(fault: DrillFault, after: Duration) -> Result<Self, SimulatorError> {
        let mut scenario = Self::load("drill")?;
        for environment in &mut scenario.environments {
            let Some(update) = &environment.update else { continue };
            let Some(behaviour) = environment.images.get_mut(&update.image) else { continue };
            let service = behaviour.service;
            let to = match fault {
                DrillFault::Errors => Service { error_ratio: 0.083, ..service },
                DrillFault::Latency => Service { median_seconds: service.median_seconds * 8.0, ..service },
                DrillFault::Crash => {
                    behaviour.fate = ContainerOutcome::CrashesLater { exit_code: 137, after };
                    continue;
                }
                DrillFault::None => continue,
            };
            behaviour.changes = vec![Change { onset: Onset::After(after), ramp: RAMP_DURATION, to }];
        }
        Ok(scenario)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_new_version_fails_and_only_where_released() {
        let after = Duration::from_secs(40);
        for fault in [DrillFault::Errors, DrillFault::Latency, DrillFault::Crash, DrillFault::None] {
            let scenario = Scenario::drill(fault, after).unwrap();
            let mut wrong = Vec::new();
            for environment in &scenario.environments {
                for (image, behaviour) in &environment.images {
                    if !behaviour.changes.is_empty() || behaviour.fate != ContainerOutcome::Runs {
                        wrong.push((environment.name.as_str(), image.rsplit(':').next().unwrap()));
                    }
                }
            }
            let expected = if fault == DrillFault::None { vec![] } else { vec![("prod-eu", "1.5.0")] };
            assert_eq!(wrong, expected, "{fault:?}");
        }
    }
}
