//! The steps of a canary as stretches in which its share of requests stays the same.

use jiff::SignedDuration;

use crate::domain::facts::step::{PauseFor, Step};
use crate::domain::facts::workload::rollout::{Rollout, RolloutStrategy, Split};
use analysis::Stage;

/// What ends a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasts {
    /// Its pauses; zero where it has none.
    Time(SignedDuration),
    /// A person promotes.
    Person,
    /// Something that takes as long as it takes.
    Unknown(&'static str),
}

/// Steps with one weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// Its first and its last step, zero-based.
    pub steps: (usize, usize),
    /// As the steps set it.
    pub weight: u32,
    /// The canary's share of requests, 0 to 1.
    pub share: f64,
    pub lasts: Lasts,
}

impl Stretch {
    /// Returns it for the analysis, as far as its length is known.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        match self.lasts {
            Lasts::Time(time) => Some(Stage { share: self.share, seconds: time.as_secs_f64() }),
            Lasts::Person | Lasts::Unknown(_) => None,
        }
    }

    /// Returns whether there is both a canary and a stable that answer requests.
    #[must_use]
    pub fn compares(&self) -> bool {
        self.share > 0.0 && self.share < 1.0
    }
}

/// Returns the stretches of a canary; none for blue-green, and where it has no steps.
#[must_use]
pub fn stretches(rollout: &Rollout) -> Vec<Stretch> {
    let RolloutStrategy::Canary(_) = rollout.spec.strategy else { return Vec::new() };
    let split = Split::of(rollout);
    let mut all: Vec<Stretch> = Vec::new();
    for (index, step) in rollout.steps().iter().enumerate() {
        let weight = match step {
            Step::SetWeight(weight) => Some(*weight),
            _ if all.is_empty() => Some(0),
            _ => None,
        };
        if let Some(weight) = weight {
            let share = split.share(weight);
            all.push(Stretch { steps: (index, index), weight, share, lasts: Lasts::Time(SignedDuration::ZERO) });
        }
        if let Some(stretch) = all.last_mut() {
            stretch.steps.1 = index;
            stretch.lasts = and(stretch.lasts, lasts(step));
        }
    }
    all
}

fn lasts(step: &Step) -> Lasts {
    match step {
        Step::Pause(PauseFor::Time(time)) => Lasts::Time(*time),
        Step::Pause(PauseFor::Person) => Lasts::Person,
        Step::Pause(PauseFor::Unreadable) => Lasts::Unknown("its pause has an unreadable duration"),
        Step::Experiment => Lasts::Unknown("it lasts as long as its experiment"),
        Step::Analysis(_) => Lasts::Unknown("it lasts as long as its analysis"),
        Step::Plugin(_) => Lasts::Unknown("it lasts as long as its plugin"),
        Step::Invalid => Lasts::Unknown("it has an invalid step"),
        Step::SetWeight(_) | Step::SetCanaryScale(_) | Step::SetHeaderRoute(_) | Step::SetMirrorRoute(_) => {
            Lasts::Time(SignedDuration::ZERO)
        }
    }
}

/// One after the other: a person decides when it ends, whatever else it waits for.
fn and(one: Lasts, other: Lasts) -> Lasts {
    match (one, other) {
        (Lasts::Time(one), Lasts::Time(other)) => Lasts::Time(one.saturating_add(other)),
        (Lasts::Person, _) | (_, Lasts::Person) => Lasts::Person,
        (unknown @ Lasts::Unknown(_), _) | (_, unknown @ Lasts::Unknown(_)) => unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::rollout;
    use super::*;
    use crate::domain::facts::workload::router::Router;

    fn minutes(minutes: i64) -> Step {
        Step::Pause(PauseFor::Time(SignedDuration::from_mins(minutes)))
    }

    #[test]
    fn steps_with_one_weight_are_one_stretch() {
        let steps = vec![
            Step::SetCanaryScale("1 pod".to_owned()),
            Step::SetWeight(5),
            minutes(1),
            minutes(2),
            Step::SetWeight(20),
            Step::Analysis(Vec::new()),
            minutes(1),
            Step::SetWeight(50),
            Step::Pause(PauseFor::Person),
            Step::SetWeight(100),
        ];
        let found = stretches(&rollout(steps, Some(Router::default()), 10));
        let shapes: Vec<_> = found.iter().map(|one| (one.steps, one.weight, one.lasts)).collect();
        assert_eq!(
            shapes,
            [
                ((0, 0), 0, Lasts::Time(SignedDuration::ZERO)),
                ((1, 3), 5, Lasts::Time(SignedDuration::from_mins(3))),
                ((4, 6), 20, Lasts::Unknown("it lasts as long as its analysis")),
                ((7, 8), 50, Lasts::Person),
                ((9, 9), 100, Lasts::Time(SignedDuration::ZERO)),
            ]
        );
        assert_eq!(found.iter().map(Stretch::compares).collect::<Vec<_>>(), [false, true, true, true, false]);
    }
}
