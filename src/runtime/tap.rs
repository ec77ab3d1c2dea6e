//! What listens in on a session: a drill that keeps the score, a recording.

use jiff::Timestamp;

use crate::domain::record::action::PlanRecord;
use crate::domain::world::World;
use crate::domain::world::feed::Feed;

/// Listens to what reaches the model and what leaves it; changes nothing.
pub(super) trait Tap: Send {
    fn feed(&mut self, feed: &Feed, now: Timestamp);

    /// An action was handed to the dispatcher.
    fn acted(&mut self, plan: &PlanRecord, now: Timestamp);

    /// Returns whether the session is to end; asked once a second.
    fn is_over(&mut self, world: &World) -> bool;
}
