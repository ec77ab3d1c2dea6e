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
    /// What was begun for it is still going on, here or elsewhere; what that and the cluster show.
    Running(String),
    /// A pull request is open for it, and people merge it, or not.
    AwaitsMerge(String),
    /// It was turned down, and will not be done.
    Undone(String),
    /// Not (yet); what it shows instead.
    NotYet(String),
    /// Another revision took over, so that the effect can no longer be told.
    Lost(String),
}

/// Tells from the object whether the action of `record` took effect. Success is never derived from the patch's reply.
#[must_use]
pub fn settled(record: &PlanRecord, seen: &Seen) -> Settled {
    // What a registry says of a tag holds whatever has become of the workload.
    if let Seen::Tag(seen) = seen {
        return seen.settled(record);
    }
    let now = seen.facts();
    if record.facts.uid != now.uid {
        return Settled::Lost("the object was deleted and recreated".to_owned());
    }
    if seen.is_gone() {
        return Settled::Lost(seen.shows());
    }
    // The promotion was faster: what was to be aborted is stable, and the abort mark means nothing any more.
    if record.verb == Verb::Abort && now.stable == record.facts.under_way && now.stable != record.facts.stable {
        return Settled::Lost("it became stable before the abort took effect: roll back instead".to_owned());
    }
    if let Seen::Git(seen) = seen {
        return seen.settled(record);
    }
    if let Seen::Pipeline(seen) = seen {
        return seen.settled(record);
    }
    let shows = seen.shows();
    if let Some(why) = seen.given_up(record) {
        let serving = seen.serving().map_or_else(String::new, |serving| format!(", serving {serving}"));
        return Settled::Lost(format!("{why}{serving}"));
    }
    if seen.is_accepted(record) {
        if let Some(lacks) = seen.lacks(record) {
            return Settled::Accepted(lacks);
        }
        let serving = seen.serving().map_or_else(String::new, |serving| format!(", serving {serving}"));
        let owner = seen.owner(record).map_or_else(String::new, |owner| format!("; {owner}"));
        let noticed = record.noticed_once().map_or_else(String::new, |what| format!("; users notice once {what}"));
        return Settled::Done(format!("{shows}{serving}{owner}{noticed}"));
    }
    let moved = record.facts.under_way != now.under_way;
    let replaced = match record.verb {
        Verb::Restart => false,
        // It moves what is in progress itself.
        Verb::Release => moved && !seen.is_own(record),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::facts::experiment::Experiment;
    use crate::domain::facts::reduce;
    use crate::domain::facts::workload::{Object, Snapshot};
    use crate::domain::record::action::Verb;
    use crate::domain::rules::action::SeenWorkload;
    use crate::domain::rules::action::tests::{NOW, ask, canary, released};

    fn with_pods(mut rs: Value, ready: u32) -> Value {
        rs["spec"]["replicas"] = json!(ready);
        rs["status"] = json!({"replicas": ready, "readyReplicas": ready, "availableReplicas": ready});
        rs
    }

    /// What the controller and the pods may say after an action: anything.
    fn later(
        (current, stable): (&str, &str),
        (phase, step): (&str, u64),
        (abort, promote_full, paused, observed): (bool, bool, bool, bool),
    ) -> Value {
        let mut rollout = canary(current, stable, phase);
        let status = &mut rollout["status"];
        if abort {
            status["abort"] = json!(true);
            status["abortedAt"] = json!(NOW);
        }
        status["promoteFull"] = json!(promote_full);
        status["currentStepIndex"] = json!(step);
        status["observedGeneration"] = json!(if observed { "3" } else { "2" });
        status["readyReplicas"] = json!(2);
        status["availableReplicas"] = json!(2);
        rollout["spec"]["paused"] = json!(paused);
        rollout
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Law 9: whatever the status says, an action is done only when every ready pod that gets requests is of the revision
        /// it goes to, those of experiments among them, and there is one.
        #[test]
        fn done_means_that_nobody_else_serves(
            verb in proptest::sample::select(vec![Verb::Abort, Verb::Rollback, Verb::PromoteFull]),
            hashes in proptest::sample::select(vec![("bad", "old"), ("old", "old"), ("bad", "bad"), ("old", "bad")]),
            says in (proptest::sample::select(vec!["Healthy", "Paused", "Progressing", "Degraded"]), 0_u64..3),
            flags in any::<(bool, bool, bool, bool)>(),
            (bad, old, trial) in (0_u32..3, 0_u32..3, 0_u32..2),
        ) {
            let plan = ask(&canary("bad", "old", "Paused"), &released(), verb);
            let plan = plan.map_err(|refusals| TestCaseError::fail(format!("{refusals:?}")))?;
            let [new, stable] = released();
            let mut of_trial = with_pods(new.clone(), trial);
            of_trial["metadata"]["name"] = json!("api-trial");
            let snapshot = Snapshot {
                replicasets: [with_pods(new, bad), with_pods(stable, old)].iter().map(reduce::replicaset).collect(),
                experiments: vec![Experiment { replicasets: vec![reduce::replicaset(&of_trial)], ..Experiment::default() }],
                ..Snapshot::of_object(Object::parse(&later(hashes, says, flags)).unwrap())
            };
            let seen = SeenWorkload { snapshot, replicasets_known: true }.into();
            if let Settled::Done(_) = settled(plan.record(), &seen) {
                prop_assert!(verb != Verb::PromoteFull || !flags.0, "{verb:?} is done, and aborted");
                let (target, others) = if verb == Verb::PromoteFull { (bad + trial, old) } else { (old, bad + trial) };
                prop_assert!(target > 0 && others == 0, "{verb:?} is done, {bad} + {trial} of bad and {old} of old serve");
            }
        }
    }
}
