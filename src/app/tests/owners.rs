//! What owns the manifest is suspended along with a rollback, once, also where it is known only later.

use std::sync::Arc;

use serde_json::Value;

use super::{canary, feed, model, performed, press, snapshot, start, target};
use crate::app::model::Model;
use crate::app::msg::Effect;
use crate::domain::facts::owner::{Automation, Owned, Owner, OwnerKind, Reconciler, Suspension};
use crate::domain::record::action::Verb;
use crate::domain::world::feed::Feed;

fn reconciler(automation: Automation) -> Reconciler {
    Reconciler {
        uid: "app".to_owned(),
        resource_version: "9".to_owned(),
        namespace: "argocd".to_owned(),
        automation,
        is_syncing: false,
        in_sync: Some(true),
        ignores_some: false,
        lists_it: true,
        differs: Some(Vec::new()),
        compared_at: Some(start()),
        commit: None,
        source: None,
        written_by: None,
    }
}

fn owned_by(found: Option<Result<Reconciler, String>>) -> Feed {
    let owner = Owner { kind: OwnerKind::ArgoCd, namespace: None, name: "payments".to_owned() };
    let mut snapshot = snapshot(canary());
    snapshot.owned = Some(Owned { owner, found });
    Feed::Workload { target: target(), snapshot: Some(Arc::new(snapshot)) }
}

fn owned(model: &mut Model, automation: Automation) -> Vec<Effect> {
    feed(model, owned_by(Some(Ok(reconciler(automation)))))
}

fn verbs(effects: &[Effect]) -> Vec<Verb> {
    performed(effects).iter().map(|record| record.verb).collect()
}

fn suspension() -> Automation {
    let suspension = Suspension { by: "alice".to_owned(), at: start(), automated: Value::Null };
    Automation::Suspended(Some(suspension))
}

#[test]
fn a_rollback_suspends_what_would_put_it_back_and_an_abort_does_not() {
    for automation in [Automation::SelfHeal, Automation::AutoSync, Automation::Interval("10m".to_owned())] {
        let mut model = model(true, false);
        owned(&mut model, automation);
        assert_eq!(verbs(&press(&mut model, "R y")), [Verb::Rollback, Verb::SuspendAutomation]);
    }
    for automation in [Automation::Manual, suspension()] {
        let mut model = model(true, false);
        owned(&mut model, automation);
        assert_eq!(verbs(&press(&mut model, "R y")), [Verb::Rollback]);
    }
    let mut model = model(true, false);
    owned(&mut model, Automation::SelfHeal);
    assert_eq!(verbs(&press(&mut model, "A y")), [Verb::Abort]);
}

#[test]
fn an_owner_that_is_known_only_later_is_suspended_then_and_once() {
    let mut model = model(true, false);
    feed(&mut model, owned_by(None));
    assert_eq!(verbs(&press(&mut model, "R y")), [Verb::Rollback]);
    assert_eq!(verbs(&feed(&mut model, owned_by(Some(Err("403".to_owned()))))), Vec::new());
    assert_eq!(verbs(&owned(&mut model, Automation::SelfHeal)), [Verb::SuspendAutomation]);
    assert_eq!(verbs(&owned(&mut model, Automation::SelfHeal)), Vec::new());
}

#[test]
fn a_mark_that_was_copied_suspends_nothing() {
    let mut model = model(true, false);
    let stranger = Reconciler { lists_it: false, ..reconciler(Automation::SelfHeal) };
    feed(&mut model, owned_by(Some(Ok(stranger))));
    assert_eq!(verbs(&press(&mut model, "R y")), [Verb::Rollback]);
}

#[test]
fn the_key_resumes_what_is_suspended_where_git_agrees() {
    let mut model = super::model(true, false);
    owned(&mut model, Automation::SelfHeal);
    assert_eq!(verbs(&press(&mut model, "O y")), [Verb::SuspendAutomation]);
    let mut model = super::model(true, false);
    let differs = Reconciler { in_sync: Some(false), ..reconciler(suspension()) };
    feed(&mut model, owned_by(Some(Ok(differs))));
    assert_eq!(verbs(&press(&mut model, "O y")), Vec::new());
    owned(&mut model, suspension());
    assert_eq!(verbs(&press(&mut model, "O y")), [Verb::ResumeAutomation]);
    // Read-only: nothing is built.
    let mut model = super::model(true, true);
    owned(&mut model, Automation::SelfHeal);
    assert_eq!(verbs(&press(&mut model, "O y")), Vec::new());
}
