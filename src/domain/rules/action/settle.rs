//! Whether an action took effect, from the target alone.

use crate::domain::record::action::{PlanRecord, Verb};

use crate::domain::rules::action::Seen;

/// What a look at the object tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The effect is there; what shows it.
    Done(String),
    /// The controller has taken it up; what it still lacks: who is served meanwhile, and why.
    Accepted(String),
    /// Not (yet); what it shows instead.
    NotYet(String),
    /// Another revision took over, so that the effect can no longer be told.
    Lost(String),
}

/// Tells from the object whether the action of `record` took effect. Success is never derived from the patch's reply.
#[must_use]
pub fn settled(record: &PlanRecord, seen: &Seen) -> Settled {
    let now = seen.facts();
    if record.facts.uid != now.uid {
        return Settled::Lost("the object was deleted and recreated".to_owned());
    }
    let shows = seen.shows();
    if seen.is_accepted(record) {
        return match seen.lacks(record) {
            Some(lacks) => Settled::Accepted(lacks),
            None => {
                Settled::Done(seen.serving().map_or(shows.clone(), |serving| format!("{shows}, serving {serving}")))
            }
        };
    }
    let moved = record.facts.under_way != now.under_way;
    let replaced = match record.verb {
        Verb::Restart => false,
        // A Deployment names no stable revision, and what is in progress by its images.
        Verb::Rollback if record.facts.stable.is_empty() => seen.is_replaced(record),
        Verb::Rollback => moved && record.to_hash.as_deref() != Some(now.under_way.as_str()),
        _ => moved,
    };
    if replaced {
        return Settled::Lost(format!("another revision is in progress: {}", now.under_way));
    }
    Settled::NotYet(shows)
}

/// Returns whether the request is in the object and the controller has not taken note of it: then it is neither done nor
/// undone, and the controller has to be made to look.
#[must_use]
pub fn unnoticed(record: &PlanRecord, seen: &Seen) -> bool {
    record.facts.uid == seen.facts().uid && seen.is_unnoticed(record)
}
