//! The journals of earlier runs. Forward actions wait until they are read.

use super::{Core, Effect, Level, on_feed, on_receipt};
use crate::domain::record::action::Outcome;
use crate::domain::record::recovered::Recovered;

pub(super) fn recovered(core: &mut Core, found: Recovered) -> Vec<Effect> {
    let now = core.now;
    core.world.take_ledger(found.ledger, now);
    let mut courses = found.courses;
    courses.sort_by_key(|(_, at, _)| *at);
    core.courses = courses.into_iter().map(|(target, _, course)| (target, course)).collect();
    core.autopilot.remember(found.decided);
    for why in found.broken {
        core.notice(Level::Error, format!("journal integrity check failed: {why}"));
    }
    let mut effects = Vec::new();
    for (_, record) in found.open {
        let why = "the program ended before its outcome was known".to_owned();
        effects.extend(on_receipt::ended(core, &record, Outcome::Unknown { why }));
    }
    core.journal.unread = false;
    effects.extend(on_feed::first_seen(core));
    effects.extend(on_feed::check_news(core));
    effects
}
