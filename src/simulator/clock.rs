//! Time in the simulator: the wall clock for stamps, a faster one for waiting.

use std::time::Duration;

/// Divides durations by a speed; 1 is real time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock {
    speed: f64,
}

impl Clock {
    /// Returns a clock that lets a scenario's durations pass `speed` times as fast.
    /// A speed that is not a positive number counts as 1.
    pub fn new(speed: f64) -> Self {
        let usable = speed.is_finite() && speed > 0.0;
        Self {
            speed: if usable { speed } else { 1.0 },
        }
    }

    /// Returns the speed.
    pub fn speed(self) -> f64 {
        self.speed
    }

    /// Returns how long a duration of the scenario takes.
    pub fn scale(self, duration: Duration) -> Duration {
        duration.div_f64(self.speed)
    }

    /// Returns how long a duration of the scenario takes, in whole seconds, at least one unless it was zero.
    /// For fields of Kubernetes objects that hold whole seconds.
    pub fn scale_seconds(self, seconds: i64) -> i64 {
        if seconds <= 0 {
            return seconds;
        }
        ((seconds as f64 / self.speed).round() as i64).max(1)
    }

    /// Returns how much of the scenario's time has passed in a real duration.
    pub fn scenario_time(self, real: Duration) -> Duration {
        real.mul_f64(self.speed)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_divides_durations() {
        let clock = Clock::new(10.0);
        assert_eq!(
            clock.scale(Duration::from_secs(5)),
            Duration::from_millis(500)
        );
        assert_eq!(clock.scale_seconds(300), 30);
        assert_eq!(clock.scale_seconds(3), 1);
        assert_eq!(clock.scale_seconds(0), 0);
        assert_eq!(
            clock.scenario_time(Duration::from_secs(2)),
            Duration::from_secs(20)
        );
    }

    #[test]
    fn nonsense_is_real_time() {
        for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!((Clock::new(speed).speed() - 1.0).abs() < f64::EPSILON);
        }
    }
}
