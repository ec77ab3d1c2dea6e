//! Time in the simulator: the wall clock for stamps, a faster one for waiting, and a stopped one for setting up.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// What time it is, and how fast the scenario's durations pass. Clones share their hands.
#[derive(Debug, Clone)]
pub struct Clock {
    speed: f64,
    /// The time while it is set manually; `None` for the wall clock.
    stopped: Arc<Mutex<Option<Timestamp>>>,
}

impl Clock {
    /// Returns a wall clock that lets a scenario's durations pass `speed` times as fast.
    /// A speed that is not a positive number counts as 1.
    pub fn new(speed: f64) -> Self {
        let usable = speed.is_finite() && speed > 0.0;
        Self { speed: if usable { speed } else { 1.0 }, stopped: Arc::default() }
    }

    /// Returns a clock that stands still until it is moved.
    pub fn stopped_at(at: Timestamp, speed: f64) -> Self {
        let clock = Self::new(speed);
        clock.set(Some(at));
        clock
    }

    fn set(&self, at: Option<Timestamp>) {
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// Stops the clock at a time.
    pub fn stop_at(&self, at: Timestamp) {
        self.set(Some(at));
    }

    /// Lets the clock follow the wall clock.
    pub fn run(&self) {
        self.set(None);
    }

    pub fn now(&self) -> Timestamp {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or_else(Timestamp::now)
    }

    /// Returns the time after a real duration.
    pub fn after(&self, duration: Duration) -> Timestamp {
        later(self.now(), duration)
    }

    /// Returns how long a duration of the scenario takes.
    pub fn scale(&self, duration: Duration) -> Duration {
        duration.div_f64(self.speed)
    }

    /// Returns how long a duration of the scenario takes, in whole seconds, at least one unless it was zero.
    /// For fields of Kubernetes objects that hold whole seconds.
    pub fn scale_seconds(&self, seconds: i64) -> i64 {
        if seconds <= 0 {
            return seconds;
        }
        ((seconds as f64 / self.speed).round() as i64).max(1)
    }

    /// Returns how much of the scenario's time passes in a real duration.
    pub fn scenario_time(&self, real: Duration) -> Duration {
        real.mul_f64(self.speed)
    }
}

/// Returns the time `duration` after `at`.
pub fn later(at: Timestamp, duration: Duration) -> Timestamp {
    SignedDuration::try_from(duration).ok().and_then(|duration| at.checked_add(duration).ok()).unwrap_or(Timestamp::MAX)
}

/// Returns how long it is from `from` to `to`, zero if it is past.
pub fn until(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_divides_durations() {
        let clock = Clock::new(10.0);
        assert_eq!(clock.scale(Duration::from_secs(5)), Duration::from_millis(500));
        assert_eq!(clock.scale_seconds(300), 30);
        assert_eq!(clock.scale_seconds(3), 1);
        assert_eq!(clock.scale_seconds(0), 0);
        assert_eq!(clock.scenario_time(Duration::from_secs(2)), Duration::from_secs(20));
    }

    #[test]
    fn invalid_speed_is_real_time() {
        for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!((Clock::new(speed).speed - 1.0).abs() < f64::EPSILON);
        }
    }

    #[test]
    fn a_stopped_clock_stands_still_for_every_clone() {
        let clock = Clock::new(1.0);
        let other = clock.clone();
        clock.stop_at(Timestamp::UNIX_EPOCH);
        assert_eq!(other.after(Duration::from_secs(1)).as_second(), 1, "clones share their hands");
        other.run();
        assert!(clock.now() > Timestamp::UNIX_EPOCH);
    }
}
