//! The facts that a plan rests on ([law 5](crate#laws)).

use serde::{Deserialize, Serialize};

use crate::domain::facts::flag::FlagFacts;
use crate::domain::facts::object::{Moved, MovedField};
use crate::domain::facts::workload::{Object, Phase};
use crate::domain::record::action::Target;

/// What an operator saw of a workload when asking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Identity of the object: a recreated one is another.
    pub uid: String,
    /// The revision in progress: template hash of a Rollout, revision and images of a Deployment.
    pub under_way: String,
    /// Template hash of the stable revision; empty for a Deployment, which records none.
    pub stable: String,
    pub step: Option<usize>,
    pub paused: bool,
    /// Reasons of the pauses in force.
    pub pauses: Vec<String>,
    pub phase: Phase,
    pub aborted: bool,
    /// What was seen of a feature flag; `None` for anything else, and for a flag that was not seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flag: Option<FlagFacts>,
}

/// Another target that a plan rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestsOn {
    pub target: Target,
    /// What was seen of it.
    pub facts: Facts,
}

impl RestsOn {
    /// Returns whether the same revisions are there as were seen.
    ///
    /// # Errors
    /// What moved, in words.
    pub fn still_holds(&self, now: &Facts) -> Result<(), String> {
        let moved = |what: String| format!("{}: {what}", self.target.env());
        self.facts.still_hold(now, true).map_err(|gone| moved(gone.what))?;
        if self.facts.stable == now.stable {
            Ok(())
        } else {
            Err(moved(format!("stable is now {} instead of {}", now.stable, self.facts.stable)))
        }
    }
}

impl Facts {
    /// Reads the facts from an object.
    #[must_use]
    pub fn of(object: &Object) -> Self {
        object.actions().facts()
    }

    /// Returns whether a plan made on `self` still holds on `now`. For one that moves backward only the revision in
    /// progress must be the one that was seen, for the rest every fact.
    ///
    /// # Errors
    /// What moved.
    pub fn still_hold(&self, now: &Self, backward: bool) -> Result<(), Moved> {
        if self.uid != now.uid {
            return Err(Moved::new("the object was deleted and recreated", MovedField::Other));
        }
        if self.under_way != now.under_way {
            let what = format!("another revision is rolling out: {} instead of {}", now.under_way, self.under_way);
            return Err(Moved::new(what, MovedField::Images));
        }
        if backward {
            return Ok(());
        }
        if let Some(what) = self.flag.as_ref().and_then(|flag| flag.moved(now.flag.as_ref())) {
            return Err(Moved::new(what, MovedField::Other));
        }
        let step = |step: Option<usize>| step.map_or_else(|| "none".to_owned(), |step| (step + 1).to_string());
        if self.stable != now.stable {
            let what = format!("stable is now {} instead of {}", now.stable, self.stable);
            return Err(Moved::new(what, MovedField::Other));
        }
        if self.aborted != now.aborted {
            return Err(if now.aborted {
                Moved::new("it was aborted", MovedField::Abort)
            } else {
                Moved::new("it is no longer aborted", MovedField::Other)
            });
        }
        if self.paused != now.paused {
            return Err(if now.paused {
                Moved::new("it was paused manually", MovedField::Pause)
            } else {
                Moved::new("it was resumed", MovedField::Other)
            });
        }
        let other = |what: String| Moved::new(what, MovedField::Other);
        if self.step != now.step {
            return Err(other(format!("it is at step {} instead of {}", step(now.step), step(self.step))));
        }
        if self.pauses != now.pauses {
            return Err(other("its pause ended or changed".to_owned()));
        }
        if self.phase != now.phase {
            return Err(other(format!("it is {} instead of {}", now.phase, self.phase)));
        }
        Ok(())
    }

    /// Returns whether the next request of a plan may follow, after the first has been taken: it has moved facts itself,
    /// so only the revision in progress counts, be it the one that was seen or the one that a rollback goes `to`.
    ///
    /// # Errors
    /// What moved.
    pub fn hold_midway(&self, now: &Self, to: Option<&str>) -> Result<(), Moved> {
        if self.uid == now.uid && to == Some(now.under_way.as_str()) {
            return Ok(());
        }
        self.still_hold(now, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_plan_did_itself_does_not_stop_its_next_request() {
        let facts = |under_way: &str, step| Facts {
            uid: "u".to_owned(),
            under_way: under_way.to_owned(),
            stable: "old".to_owned(),
            step: Some(step),
            paused: true,
            pauses: Vec::new(),
            phase: Phase::Paused,
            aborted: false,
            flag: None,
        };
        let seen = facts("new", 1);
        assert_eq!(seen.hold_midway(&facts("new", 0), None), Ok(()));
        // A rollback puts the template back first, and lifts the pause then.
        assert_eq!(seen.hold_midway(&facts("old", 4), Some("old")), Ok(()));
        assert!(seen.hold_midway(&facts("newer", 0), Some("old")).is_err());
        let other = Facts { uid: "v".to_owned(), ..facts("old", 4) };
        assert!(seen.hold_midway(&other, Some("old")).is_err());
    }
}
