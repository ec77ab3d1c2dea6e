//! `cockpit log`: the journal as lines to read, and as JSON.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde_json::Value;

use super::output::{json_line, json_safe};
use crate::domain::facts::text::sanitize;
use crate::domain::record::journal::{Entry, Line};

/// Returns one readable line per entry: time, number, kind, what it is about, what it says.
///
/// Answers and outcomes name only their action; what that is about is derived from the intent before them.
#[must_use]
pub fn text(lines: &[Line], zone: &TimeZone) -> Vec<String> {
    let mut about: BTreeMap<&str, (String, u64)> = BTreeMap::new();
    lines
        .iter()
        .map(|line| {
            let (target, intent) = match &line.entry {
                Entry::Intent { action, plan, .. } => {
                    about.insert(&action.0, (plan.target.to_string(), line.n));
                    (Some(plan.target.to_string()), None)
                }
                Entry::Answer { action, .. } | Entry::Outcome { action, .. } => {
                    about.get(action.0.as_str()).map_or((None, None), |(target, n)| (Some(target.clone()), Some(*n)))
                }
                Entry::Observed { target, .. } => (Some(target.to_string()), None),
                _ => (None, None),
            };
            let at = line.at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%:z");
            let env = line.entry.checklist_of().map_or_else(String::new, |env| format!("{env}: "));
            let target = target.map_or(env, |target| format!("{target}: "));
            let intent = intent.map_or_else(String::new, |n| format!(" (of {n})"));
            let said =
                format!("{at}  {:>4}  {:<7}  {target}{}{intent}", line.n, line.entry.as_str(), line.entry.sentence());
            sanitize(&said).into_owned()
        })
        .collect()
}

/// Returns an entry as it stands in the journal: one line of JSON, hashes included.
#[must_use]
pub fn json(line: &Line) -> String {
    json_line(&serde_json::to_value(line).unwrap_or(Value::Null))
}

/// Returns the lines of a journal as they are exported: the same JSON, so that the hashes hold, and safe for a terminal.
#[must_use]
pub fn exported(lines: Vec<u8>) -> Vec<u8> {
    match std::str::from_utf8(&lines) {
        Ok(text) => text.split('\n').map(json_safe).collect::<Vec<_>>().join("\n").into_bytes(),
        // No journal of ours; whoever looks for what happened to it needs it as it is.
        Err(_) => lines,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::fixtures::{now, release_in_progress, target};
    use crate::domain::facts::access::Access;
    use crate::domain::record::action::{ActionId, Intent, Outcome, Verb};

    use crate::domain::rules::action::{PlanContext, plan};
    use crate::domain::world::feed::Feed;

    fn journal() -> Vec<Line> {
        let mut world = release_in_progress();
        let env = target("prod-eu", "rollout/api").env;
        let access = Access::default();
        world.take(Feed::Access { env, access }, now());
        let intent = Intent { verb: Verb::Abort, target: target("prod-eu", "rollout/api").into(), to: None };
        let plan = plan(&world, &intent, &PlanContext { now: now(), ..PlanContext::default() }).unwrap();
        let action = ActionId("0197-a".to_owned());
        let entries = [
            Entry::Opened { release: "api 1.5.0".to_owned(), program: "0.1.0".to_owned(), config: None },
            Entry::Observed {
                target: target("prod-eu", "rollout/api"),
                cluster: None,
                text: "Progressing → Paused \u{1b}[2J".to_owned(),
                course: None,
            },
            Entry::Intent {
                action: action.clone(),
                operator: "ada".to_owned(),
                plan: Box::new(plan.record().clone()),
                settings: None,
            },
            Entry::Answer { action: action.clone(), request: 1, answer: "200 resourceVersion 8".to_owned() },
            Entry::Outcome { action, outcome: Outcome::Confirmed { shows: "Degraded: RolloutAborted".to_owned() } },
            Entry::Outcome {
                action: ActionId("unheard".to_owned()),
                outcome: Outcome::Unknown { why: "no answer in 5 s".to_owned() },
            },
            Entry::Note { who: "ada".to_owned(), text: "p99 looked odd".to_owned() },
        ];
        entries.into_iter().fold(Vec::new(), |mut lines, entry| {
            let line = Line::after(lines.last(), now(), entry);
            lines.push(line);
            lines
        })
    }

    #[test]
    fn every_entry_is_one_line_with_its_target() {
        let text = text(&journal(), &TimeZone::UTC).join("\n");
        assert!(!text.contains('\u{1b}'));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn json_keeps_the_chain() {
        let mut prev: Option<Line> = None;
        for line in journal() {
            let read = Line::read(json(&line).as_bytes(), prev.as_ref());
            assert!(read.is_ok(), "{read:?}");
            prev = read.ok();
        }
    }

    #[test]
    fn an_export_moves_no_cursor_and_keeps_the_chain() {
        let text = "a \u{9b}2J \u{202e} \u{e0001} ü".to_owned();
        let line = Line::after(None, now(), Entry::Note { who: "eve".to_owned(), text });
        let bytes = exported((serde_json::to_string(&line).unwrap() + "\n").into_bytes());
        let written = String::from_utf8(bytes).unwrap();
        assert!(!written.contains(['\u{9b}', '\u{202e}', '\u{e0001}']) && written.contains("\\u009b"), "{written}");
        assert_eq!(Line::read(written.trim_end().as_bytes(), None), Ok(line));
        assert!(written.ends_with("}\n"));
    }
}
