//! When to draw: on change only, keys at once, data in measured steps, never more than 30 frames in a second.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Most frames in any second.
const MAX_FRAMES_PER_SECOND: usize = 30;
/// Frames for data alone come this far apart in the long run, which leaves half of the frames to keys.
const DATA_FRAME_INTERVAL: Duration = Duration::from_millis(66);
/// After a quiet time a few come sooner, so that what is new is not kept waiting: what arrives at the start, or after a
/// change, comes in pieces.
const MAX_BURST_FRAMES: u32 = 3;
const MIN_FRAME_INTERVAL: Duration = Duration::from_millis(33);

/// Why there is something to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dirty {
    Data,
    /// A person pressed a key and waits for its effect.
    Key,
}

/// Decides when the next frame is due.
#[derive(Debug, Default)]
pub(super) struct Pacing {
    frames: VecDeque<Instant>,
    dirty: Option<Dirty>,
    /// When frames for data would be back in step with their gap.
    in_step: Option<Instant>,
    /// The terminal takes less than it is given: it is looked at again then.
    not_before: Option<Instant>,
}

impl Pacing {
    /// Takes note that there is something to draw.
    pub(super) fn mark(&mut self, why: Dirty) {
        self.dirty = self.dirty.max(Some(why));
    }

    /// Returns when the next frame is due; `None` when nothing changed. May lie in the past.
    pub(super) fn due(&self) -> Option<Instant> {
        let last = self.frames.back().copied();
        let after_last = match self.dirty? {
            Dirty::Key => last,
            Dirty::Data => {
                let ahead = self.in_step.and_then(|at| at.checked_sub(DATA_FRAME_INTERVAL * (MAX_BURST_FRAMES - 1)));
                last.map(|last| last + MIN_FRAME_INTERVAL).max(ahead)
            }
        };
        let room = (self.frames.len() >= MAX_FRAMES_PER_SECOND)
            .then(|| {
                self.frames.get(self.frames.len() - MAX_FRAMES_PER_SECOND).map(|old| *old + Duration::from_secs(1))
            })
            .flatten();
        Some(after_last.max(room).max(self.not_before).unwrap_or_else(Instant::now))
    }

    /// Takes note that the terminal takes less than it is given.
    pub(super) fn busy(&mut self, now: Instant) {
        self.not_before = Some(now + MIN_FRAME_INTERVAL);
    }

    /// Takes note that a frame was drawn.
    pub(super) fn drawn(&mut self, now: Instant) {
        if self.dirty.take() == Some(Dirty::Data) {
            self.in_step = Some(self.in_step.map_or(now, |at| at.max(now)) + DATA_FRAME_INTERVAL);
        }
        self.frames.push_back(now);
        while self.frames.len() > MAX_FRAMES_PER_SECOND {
            self.frames.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_due_without_a_change() {
        let mut pacing = Pacing::default();
        assert_eq!(pacing.due(), None);
        let now = Instant::now();
        pacing.mark(Dirty::Data);
        assert!(pacing.due().is_some());
        pacing.drawn(now);
        assert_eq!(pacing.due(), None);
    }

    #[test]
    fn a_key_is_drawn_at_once_and_data_after_a_gap() {
        let mut pacing = Pacing::default();
        let now = Instant::now();
        pacing.drawn(now);
        pacing.mark(Dirty::Data);
        assert_eq!(pacing.due(), Some(now + MIN_FRAME_INTERVAL));
        pacing.mark(Dirty::Key);
        assert_eq!(pacing.due(), Some(now));
    }

    #[test]
    fn steady_data_is_drawn_at_once_then_at_the_data_interval() {
        let mut pacing = Pacing::default();
        let start = Instant::now();
        let mut drawn = vec![start];
        pacing.drawn(start);
        while drawn.len() < 60 {
            pacing.mark(Dirty::Data);
            let due = pacing.due().unwrap();
            pacing.drawn(due);
            drawn.push(due);
        }
        let gaps: Vec<Duration> = drawn.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps[..MAX_BURST_FRAMES as usize].iter().all(|gap| *gap == MIN_FRAME_INTERVAL), "{gaps:?}");
        assert!(gaps[2 * MAX_BURST_FRAMES as usize..].iter().all(|gap| *gap == DATA_FRAME_INTERVAL), "{gaps:?}");
    }

    #[test]
    fn no_second_has_more_than_thirty_frames() {
        let mut pacing = Pacing::default();
        let start = Instant::now();
        let mut now = start;
        let mut drawn = Vec::new();
        for _ in 0..300 {
            now += Duration::from_millis(5);
            pacing.mark(Dirty::Key);
            if pacing.due().is_some_and(|due| due <= now) {
                pacing.drawn(now);
                drawn.push(now);
            }
        }
        for (index, first) in drawn.iter().enumerate() {
            let within = drawn[index..].iter().filter(|at| **at < *first + Duration::from_secs(1)).count();
            assert!(within <= MAX_FRAMES_PER_SECOND, "{within}");
        }
        assert!(drawn.len() > MAX_FRAMES_PER_SECOND);
    }
}
