//! When to draw: on change only, keys at once, data in measured steps, never more than 30 frames in a second.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Most frames in any second.
const PER_SECOND: usize = 30;
/// Frames for data alone are at least this far apart, which leaves half of the frames to keys.
const DATA_GAP: Duration = Duration::from_millis(66);

/// Why there is something to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Dirty {
    /// Something outside changed.
    Data,
    /// A person pressed a key and waits for its effect.
    Key,
}

/// Decides when the next frame is due.
#[derive(Debug, Default)]
pub(super) struct Pacing {
    frames: VecDeque<Instant>,
    dirty: Option<Dirty>,
}

impl Pacing {
    /// Takes note that there is something to draw.
    pub(super) fn mark(&mut self, why: Dirty) {
        self.dirty = self.dirty.max(Some(why));
    }

    /// Returns when the next frame is due; `None` when nothing changed. May lie in the past.
    pub(super) fn due(&self) -> Option<Instant> {
        let gap = match self.dirty? {
            Dirty::Key => Duration::ZERO,
            Dirty::Data => DATA_GAP,
        };
        let after_last = self.frames.back().map(|last| *last + gap);
        let room = (self.frames.len() >= PER_SECOND)
            .then(|| self.frames.get(self.frames.len() - PER_SECOND).map(|old| *old + Duration::from_secs(1)))
            .flatten();
        Some(after_last.max(room).unwrap_or_else(Instant::now))
    }

    /// Takes note that a frame was drawn.
    pub(super) fn drawn(&mut self, now: Instant) {
        self.dirty = None;
        self.frames.push_back(now);
        while self.frames.len() > PER_SECOND {
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
        assert_eq!(pacing.due(), Some(now + DATA_GAP));
        pacing.mark(Dirty::Key);
        assert_eq!(pacing.due(), Some(now));
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
            assert!(within <= PER_SECOND, "{within}");
        }
        assert!(drawn.len() > PER_SECOND);
    }
}
