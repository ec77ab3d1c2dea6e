//! What `cockpit status` says of signals that are worse than they may be, as JSON.

use serde_json::Value;

use super::status::tenths;
use crate::domain::rules::code_or_flag::{Advice, Change, Onset, What};
use crate::domain::world::Environment;

/// Since when a signal is worse, and what changed before, the likeliest first.
pub(super) fn json(advice: &Advice, env: &Environment) -> Value {
    let seen_at = match advice.onset {
        Onset::Seen { at, .. } => Some(at),
        Onset::Since(_) | Onset::Unknown => None,
    };
    let change = |change: &Change| {
        let (flag, edit, by) = match &change.what {
            What::Flag { called, edit, by, .. } => (Some(called), Some(edit.as_str()), Some(by)),
            What::Step | What::Pods | What::Start { .. } => (None, None, None),
        };
        serde_json::json!({
            "what": change.what.as_str(), "at": change.at.to_string(), "flag": flag, "turned": edit, "by": by,
            "seconds_before": seen_at.map(|at| tenths(at.duration_since(change.at))),
        })
    };
    serde_json::json!({
        "signal": advice.signal.name(),
        "seen_at": seen_at.map(|at| at.to_string()),
        "changes": advice.changes.iter().map(change).collect::<Vec<_>>(),
        "not_known": advice.not_known,
        "text": advice.sentence(env.name().as_str()),
    })
}
