//! How images behave: what their containers do, and what their users feel over time.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// What becomes of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerOutcome {
    /// It starts and becomes ready.
    Runs,
    /// It starts, exits and is restarted, ever more slowly.
    Crashes {
        exit_code: i64,
        /// How long it lives, in scenario time.
        after: Duration,
    },
    /// It starts and becomes ready, exits after a while and is restarted, again and again.
    CrashesLater {
        exit_code: i64,
        /// How long it lives, in scenario time.
        after: Duration,
    },
    /// Its image cannot be pulled.
    CannotBePulled,
    /// It runs and never becomes ready.
    NeverReady,
    /// No node takes its pod.
    CannotBeScheduled,
}

/// What users of one image feel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Service {
    /// Share of requests that fail, 0 to 1.
    pub error_ratio: f64,
    /// Share of the others that are answered "not found", 0 to 1.
    pub not_found_ratio: f64,
    /// Median latency in seconds.
    pub median_seconds: f64,
    /// Spread of the latency: sigma of a log-normal distribution.
    pub sigma: f64,
    /// CPU cores used at one request per second.
    pub cores_per_request: f64,
}

impl Default for Service {
    fn default() -> Self {
        Self { error_ratio: 0.001, not_found_ratio: 0.0, median_seconds: 0.045, sigma: 0.5, cores_per_request: 0.004 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Onset {
    /// When the image's track first has at least this share of the traffic, in percent.
    AtWeight(f64),
    /// So long after its first pod became ready, in scenario time.
    After(Duration),
}

/// A change of what users feel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    pub onset: Onset,
    /// How long it takes to get there, in scenario time.
    pub ramp: Duration,
    pub to: Service,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Behaviour {
    /// Time from creation to readiness, in scenario time.
    pub start_up: Duration,
    /// What becomes of its containers.
    pub fate: ContainerOutcome,
    /// What its containers print when they start.
    pub log: Vec<String>,
    /// What its users feel at first.
    pub service: Service,
    /// What changes later, in the order of onset.
    pub changes: Vec<Change>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            start_up: Duration::from_secs(2),
            fate: ContainerOutcome::Runs,
            log: Vec::new(),
            service: Service::default(),
            changes: Vec::new(),
        }
    }
}

/// The behaviour of every image; clonable, and changeable while the simulator runs.
#[derive(Debug, Clone, Default)]
pub struct Images {
    known: Arc<RwLock<HashMap<String, Behaviour>>>,
    others: Arc<Behaviour>,
}

impl Images {
    /// Returns images that behave as described, and all others in one way.
    pub fn new(known: HashMap<String, Behaviour>, others: Behaviour) -> Self {
        Self { known: Arc::new(RwLock::new(known)), others: Arc::new(others) }
    }

    /// Sets how an image behaves.
    #[cfg(test)]
    pub fn set(&self, image: &str, behaviour: Behaviour) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).insert(image.to_owned(), behaviour);
    }

    /// Returns how an image behaves. One that no one described is well, unless its tag says otherwise: `crash`,
    /// `nopull` and `unready` in a tag do what they say.
    pub fn of(&self, image: &str) -> Behaviour {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(behaviour) = known.get(image) {
            return behaviour.clone();
        }
        let named = image.split('@').next().unwrap_or_default();
        let tag = named.rsplit(':').next().unwrap_or_default();
        let fate = if tag.contains("crash") {
            ContainerOutcome::Crashes { exit_code: 1, after: Duration::ZERO }
        } else if tag.contains("nopull") {
            ContainerOutcome::CannotBePulled
        } else if tag.contains("unready") {
            ContainerOutcome::NeverReady
        } else {
            self.others.fate.clone()
        };
        Behaviour { fate, ..Behaviour::clone(&self.others) }
    }
}

/// How far an image has got: what onsets are measured from, in scenario time.
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// Since its first pod became ready.
    pub since_ready: Duration,
    /// For each change that begins at a weight: since that weight was first reached.
    pub since_weight: Vec<Option<Duration>>,
}

impl Behaviour {
    /// Returns whether one of its changes has begun, or its pods have begun to wear out.
    pub fn has_changed(&self, progress: &Progress) -> bool {
        let worn = matches!(self.fate, ContainerOutcome::CrashesLater { after, .. } if progress.since_ready >= after);
        worn || self.changes.iter().enumerate().any(|(index, change)| match change.onset {
            Onset::After(delay) => progress.since_ready >= delay,
            Onset::AtWeight(_) => progress.since_weight.get(index).is_some_and(Option::is_some),
        })
    }

    /// Returns what users feel now.
    pub fn service_at(&self, progress: &Progress) -> Service {
        let mut service = self.service;
        for (index, change) in self.changes.iter().enumerate() {
            let since = match change.onset {
                Onset::After(delay) => progress.since_ready.checked_sub(delay),
                Onset::AtWeight(_) => progress.since_weight.get(index).copied().flatten(),
            };
            if let Some(since) = since {
                let share = if change.ramp.is_zero() {
                    1.0
                } else {
                    (since.as_secs_f64() / change.ramp.as_secs_f64()).min(1.0)
                };
                service = mix(service, change.to, share);
            }
        }
        service
    }
}

/// Returns what users feel of whom this share has got from one to the other, 0 to 1.
pub fn mix(from: Service, to: Service, share: f64) -> Service {
    let between = |a: f64, b: f64| a + (b - a) * share;
    Service {
        error_ratio: between(from.error_ratio, to.error_ratio),
        not_found_ratio: between(from.not_found_ratio, to.not_found_ratio),
        median_seconds: between(from.median_seconds, to.median_seconds),
        sigma: between(from.sigma, to.sigma),
        cores_per_request: between(from.cores_per_request, to.cores_per_request),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_begin_at_their_onset_and_ramp_up() {
        let bad = Service { error_ratio: 0.101, ..Service::default() };
        let behaviour = Behaviour {
            changes: vec![
                Change { onset: Onset::AtWeight(25.0), ramp: Duration::ZERO, to: bad },
                Change {
                    onset: Onset::After(Duration::from_secs(60)),
                    ramp: Duration::from_secs(20),
                    to: Service { median_seconds: 1.045, ..bad },
                },
            ],
            ..Behaviour::default()
        };
        let progress = |ready, weight: Option<u64>| Progress {
            since_ready: Duration::from_secs(ready),
            since_weight: vec![weight.map(Duration::from_secs), None],
        };
        let at = |ready, weight| behaviour.service_at(&progress(ready, weight));
        let changed = |ready, weight| behaviour.has_changed(&progress(ready, weight));
        assert!(!changed(10, None) && changed(10, Some(0)) && changed(60, None));
        assert!((at(10, None).error_ratio - 0.001).abs() < 1e-9);
        assert!((at(10, Some(0)).error_ratio - 0.101).abs() < 1e-9);
        assert!((at(70, Some(0)).median_seconds - 0.545).abs() < 1e-9);
        assert!((at(900, None).median_seconds - 1.045).abs() < 1e-9);
    }
}
