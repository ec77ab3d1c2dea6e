//! The lane of an environment by key: a line opens it, extends it or closes it; what it leaves out is confirmed by name.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tui_input::Input;

use super::checklist::type_note;
use super::confirm::{CONFIRM_GUARD, type_name};
use super::freeze;
use super::model::{Model, Overlay};
use super::msg::{Effect, lift};
use crate::core::{LaneQuestion, Level};
use crate::domain::facts::ids::WorkloadKey;
use crate::domain::rules::checklist::required::rules_here;
use crate::domain::world::lane::LaneState;
use crate::keys::{Chord, Key};

/// What is asked about the lane of a workload.
#[derive(Clone, Debug)]
pub struct LaneDialog {
    pub target: WorkloadKey,
    /// The lane that is open, which is extended or closed.
    pub open: Option<String>,
    /// Those that lead here by this config.
    pub lanes: Vec<String>,
    pub input: Input,
    /// What would be stated, once it was typed.
    pub asked: Option<Asked>,
}

/// A lane that is opened or extended once its environment is named.
#[derive(Clone, Debug)]
pub struct Asked {
    pub question: LaneQuestion,
    /// The name of the environment, as far as it is typed.
    pub name: Input,
    /// When the question was shown.
    pub opened: Timestamp,
}

impl Asked {
    #[must_use]
    pub fn name_fits(&self) -> bool {
        self.name.value() == self.question.lane.env.as_str()
    }
}

/// What was typed, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typed<'a> {
    pub lane: String,
    /// Until when; `None` closes it.
    pub until: Option<Timestamp>,
    pub note: &'a str,
}

impl LaneDialog {
    /// Takes a line such as `2h incident 4711` or `hotfix 2h incident 4711` apart.
    ///
    /// # Errors
    /// Why nothing can be stated by it yet.
    pub fn typed(&self, now: Timestamp, zone: &TimeZone) -> Result<Typed<'_>, String> {
        let text = self.input.value().trim();
        let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let named = self.open.iter().chain(&self.lanes).find(|lane| *lane == first);
        let (lane, rest) = match (&self.open, named, &self.lanes[..]) {
            // A reason may begin with the name of another lane.
            (Some(open), Some(named), _) if named != open => {
                if freeze::typed(rest, now, zone).is_ok_and(|typed| typed.until.is_some()) {
                    return Err(format!("{open} is open: close it first"));
                }
                (open, text)
            }
            (Some(open), named, _) => (open, if named.is_some() { rest } else { text }),
            (None, Some(named), _) => (named, rest),
            (None, None, [only]) => (only, text),
            (None, None, lanes) => return Err(format!("which lane: {}", lanes.join(" or "))),
        };
        let typed = freeze::typed(rest, now, zone)?;
        if typed.until.is_none() && self.open.is_none() {
            return Err("how long, before the reason: 2h incident 4711".to_owned());
        }
        // Whoever meant a time must not close it.
        let first = typed.reason.split_whitespace().next().unwrap_or_default();
        let is_like_time = first.starts_with(|c: char| c.is_ascii_digit()) || matches!(first, "today" | "tomorrow");
        if typed.until.is_none() && is_like_time {
            return Err(format!("{first} is no time: 1h, 14:00 or 2026-11-21 14:00; begin a reason with a word"));
        }
        Ok(Typed { lane: lane.clone(), until: typed.until, note: typed.reason })
    }
}

/// Asks for the line: of an opening, or for the lane that is open.
pub(super) fn open(model: &mut Model) -> Vec<Effect> {
    let (Some(target), Some((env, workload))) = (model.target(), model.selected()) else { return Vec::new() };
    let open = match &workload.lane {
        Some(LaneState::Open(opened)) => Some(opened.rule.lane.clone()),
        Some(LaneState::NotUsed { lane, .. }) => Some(lane.rule.name()),
        Some(LaneState::Several(lanes)) => lanes.first().map(|lane| lane.rule.name()),
        None => None,
    };
    let lanes: Vec<String> = rules_here(&model.core.world, env).into_iter().map(|rule| rule.lane).collect();
    if lanes.is_empty() && open.is_none() {
        let why = format!("no lane goes into {} by this config", env.name());
        model.core.notice(Level::Warn, format!("not opened: {why}"));
        return Vec::new();
    }
    let dialog = LaneDialog { target, open, lanes, input: Input::default(), asked: None };
    model.ui.overlay = Some(Overlay::Lane(Box::new(dialog)));
    Vec::new()
}

/// A key while the line or the environment's name is typed.
pub(super) fn key(model: &mut Model, chord: Chord, repeat: bool) -> Vec<Effect> {
    let now = model.core.now;
    let Some(Overlay::Lane(dialog)) = &mut model.ui.overlay else { return Vec::new() };
    if chord.key == Key::Esc {
        model.ui.overlay = None;
        return Vec::new();
    }
    let Some(asked) = &mut dialog.asked else {
        if chord.key == Key::Enter {
            return line_typed(model);
        }
        type_note(&mut dialog.input, chord);
        return Vec::new();
    };
    let is_yes = chord == Chord::char('y') && asked.name_fits();
    if !is_yes {
        type_name(&mut asked.name, chord);
        return Vec::new();
    }
    if repeat || now.duration_since(asked.opened) < CONFIRM_GUARD {
        return Vec::new();
    }
    confirmed(model)
}

/// Takes the line: an end is stated at once, for it allows nothing; what it would open is asked about.
fn line_typed(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Lane(dialog)) = &model.ui.overlay else { return Vec::new() };
    // What is missing stands in the dialog.
    let Ok(typed) = dialog.typed(model.core.now, &model.ui.zone) else { return Vec::new() };
    let target = dialog.target.clone();
    let (lane, note) = (typed.lane, typed.note.to_owned());
    let Some(until) = typed.until else {
        let stated = model.core.close_lane(&target, &note);
        return ended(model, "closed", stated.map(|(_, effects)| effects));
    };
    match model.core.lane_question(&target, &lane, until, &note) {
        Ok(question) => {
            let asked = Asked { question, name: Input::default(), opened: model.core.now };
            if let Some(Overlay::Lane(dialog)) = &mut model.ui.overlay {
                dialog.asked = Some(asked);
            }
            Vec::new()
        }
        Err(why) => ended(model, "opened", Err(why)),
    }
}

/// States what was asked about, if it is still so.
fn confirmed(model: &mut Model) -> Vec<Effect> {
    let Some(Overlay::Lane(dialog)) = &model.ui.overlay else { return Vec::new() };
    let Some(asked) = &dialog.asked else { return Vec::new() };
    let lane = asked.question.lane.clone();
    let target = dialog.target.clone();
    let stated = model.core.open_asked_lane(&target, &lane).map(|(_, effects)| effects);
    ended(model, "opened", stated)
}

fn ended(model: &mut Model, what: &str, stated: Result<Vec<crate::core::Effect>, String>) -> Vec<Effect> {
    model.ui.overlay = None;
    match stated {
        Ok(effects) => lift(effects),
        Err(why) => {
            model.core.notice(Level::Error, format!("not {what}: {why}"));
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::facts::ids::{EnvName, WorkloadId, WorkloadKind};

    fn dialog(text: &str, open: Option<&str>, lanes: &[&str]) -> LaneDialog {
        let workload = WorkloadId::new(WorkloadKind::Rollout, "api");
        LaneDialog {
            target: WorkloadKey { env: EnvName::new("prod"), workload },
            open: open.map(str::to_owned),
            lanes: lanes.iter().map(|lane| (*lane).to_owned()).collect(),
            input: Input::new(text.to_owned()),
            asked: None,
        }
    }

    #[test]
    fn a_line_names_the_lane_where_there_are_several() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        let read = |text: &str, open: Option<&str>, lanes: &[&str]| {
            let dialog = dialog(text, open, lanes);
            let typed = dialog.typed(now, &TimeZone::UTC)?;
            Ok((typed.lane, typed.until, typed.note.to_owned()))
        };
        let hours = |hours| Some(now + SignedDuration::from_hours(hours));
        let is = |lane: &str, until: Option<Timestamp>, note: &str| Ok((lane.to_owned(), until, note.to_owned()));
        assert_eq!(read("2h incident 4711", None, &["hotfix"]), is("hotfix", hours(2), "incident 4711"));
        assert_eq!(read("hotfix 2h incident", None, &["hotfix"]), is("hotfix", hours(2), "incident"));
        let two = ["hotfix", "security"];
        assert_eq!(read("security 1h CVE", None, &two), is("security", hours(1), "CVE"));
        assert_eq!(read("1h CVE", None, &two), Err("which lane: hotfix or security".to_owned()));
        assert_eq!(
            read("incident", None, &["hotfix"]),
            Err("how long, before the reason: 2h incident 4711".to_owned())
        );
        assert_eq!(read("2h", None, &["hotfix"]), Err("a reason is needed, after the time".to_owned()));
        // One that is open is extended by a time, and closed without one.
        assert_eq!(read("2h still at it", Some("hotfix"), &two), is("hotfix", hours(2), "still at it"));
        assert_eq!(read("it is out", Some("hotfix"), &two), is("hotfix", None, "it is out"));
        assert_eq!(read("security 1h CVE", Some("hotfix"), &two), Err("hotfix is open: close it first".to_owned()));
        let reason = "security has confirmed it";
        assert_eq!(read(reason, Some("hotfix"), &two), is("hotfix", None, reason));
        for unclear in ["tomorrow 9:00 still at it", "25:00 still at it", "4711 is over"] {
            let refused = read(unclear, Some("hotfix"), &two).unwrap_err();
            assert!(refused.contains(" is no time: "), "{refused}");
        }
        assert_eq!(read("", Some("hotfix"), &two), Err("a reason is needed".to_owned()));
    }
}
