//! The cases. Each is a function over a fresh namespace.

mod anchors;
mod autopilot;
mod blue_green;
mod canary;
mod checklist;
mod crash;
mod deployment;
mod experiments;
mod journal;
mod lost_requests;
mod outage;
mod rights;
mod rollback;
mod routed;
mod traps;
mod two_people;
mod why;
mod workload_ref;

use serde_json::Value;
use support::check::same;
use support::proxy::Recorded;
use support::{Checked, TestNamespace};

use crate::contract::Case;
use crate::contract::cockpit::{Cockpit, Opening};

/// Makes a table of cases from `async fn(&TestNamespace) -> Checked`.
macro_rules! cases {
    ($($module:ident :: $name:ident),* $(,)?) => {
        [$(Case {
            name: concat!(stringify!($module), "::", stringify!($name)),
            alone: false,
            traffic: false,
            budgets: false,
            run: |namespace| Box::pin($module::$name(namespace)),
        }),*]
    };
}

pub fn all() -> Vec<Case> {
    let concurrent = cases![
        canary::promote_to_the_end,
        canary::promote_fully,
        canary::hold_and_resume_at_a_pause,
        canary::hold_and_resume_in_mid_step,
        canary::abort_and_retry,
        canary::abort_while_held,
        canary::rollback_of_what_somebody_paused_and_put_back,
        canary::abort_of_what_somebody_held,
        canary::abort_of_a_full_promotion,
        canary::restart,
        anchors::a_journal_is_anchored_at_each_outcome,
        checklist::two_people_sign,
        checklist::a_gate_turns_red,
        rollback::to_stable_of_a_basic_canary,
        rollback::to_stable_of_a_routed_canary,
        rollback::to_stable_with_injected_metadata,
        rollback::to_stable_while_held,
        rollback::to_stable_after_an_abort,
        rollback::to_the_revision_before,
        rollback::of_what_the_controller_refuses,
        rollback::twice_in_a_row,
        rollback::to_a_named_revision,
        rollback::within_the_rollback_window,
        routed::weight_abort_and_retry,
        routed::max_traffic_weight,
        routed::abort_while_held,
        blue_green::promote,
        blue_green::promote_fully,
        blue_green::hold_and_resume,
        blue_green::abort_and_retry,
        blue_green::rollback_to_stable,
        blue_green::rollback_after_the_switch,
        blue_green::restart,
        workload_ref::promote_and_roll_back,
        workload_ref::rollback_to_stable,
        workload_ref::rollback_while_held,
        workload_ref::abort_retry_hold,
        experiments::pods_are_served_until_they_are_gone,
        deployment::hold_and_resume,
        deployment::rollback,
        deployment::rollback_in_mid_roll,
        deployment::rollback_while_held,
        deployment::restart,
        deployment::crash_until_the_deadline,
        deployment::recreate,
        why::crash,
        why::deadline_while_it_serves,
        why::no_quota_left,
        why::no_node,
        why::image_pull_until_the_deadline,
        why::never_ready,
        why::being_deleted,
        why::pauses,
        why::invalid_spec,
        traps::overlooked_requests,
        traps::full_promotion_of_a_new_image,
        traps::an_unrelated_writer,
        traps::facts_that_moved,
        traps::stops_that_rest_on_the_revision_alone,
        traps::another_object_of_the_same_name,
        two_people::promoted_meanwhile,
        two_people::stopped_meanwhile,
        two_people::aborted_meanwhile,
        two_people::other_images_meanwhile,
        two_people::undone_meanwhile,
        two_people::scaled_and_restarted_meanwhile,
        two_people::deleted_meanwhile,
        two_people::rollback_goes_on,
        two_people::aborted_under_an_open_question,
        two_people::another_image_under_an_open_question,
        two_people::deleted_under_an_open_question,
        lost_requests::lost_answers,
        lost_requests::a_lost_answer_to_an_overlooked_abort,
        lost_requests::a_lost_request,
        lost_requests::an_internal_error,
        lost_requests::silence,
        lost_requests::a_clear_no,
        rights::viewer,
        rights::viewer_of_a_deployment,
        rights::without_the_status,
        rights::of_one_object_by_name,
        rights::of_the_status_alone,
        rights::of_a_rollout_whose_template_is_elsewhere,
        rights::of_the_template_alone,
        rights::without_pods_and_replicasets,
        rights::nobody,
        rights::expired,
        rights::what_does_not_exist,
        journal::broken_and_mended,
        journal::broken_after_the_plan,
        crash::before_the_request,
        crash::after_the_request,
        crash::in_a_rollback,
        crash::a_rollback_does_not_wait_for_one_in_doubt,
    ];
    let traffic = cases![
        autopilot::errors_triple_at_a_quarter,
        autopilot::latency_creeps_up,
        autopilot::requests_find_nothing,
        autopilot::two_cockpits_act_once,
        autopilot::the_healthy_are_left_alone,
    ];
    let traffic = traffic.map(|case| Case { traffic: true, ..case });
    let alone = cases![outage::in_mid_canary, outage::with_actions_in_flight];
    let alone = alone.map(|case| Case { alone: true, ..case });
    // The exporter fails for everybody.
    let both = cases![autopilot::metrics_go_away].map(|case| Case { alone: true, traffic: true, ..case });
    let budgets = cases![why::restart_held_by_a_budget].map(|case| Case { budgets: true, ..case });
    concurrent.into_iter().chain(budgets).chain(traffic).chain(alone).chain(both).collect()
}

/// Creates objects and opens a cockpit on a workload of theirs, once all is out and well.
async fn fresh(
    namespace: &TestNamespace,
    workload: &str,
    objects: impl IntoIterator<Item = Value>,
) -> Checked<Cockpit> {
    namespace.create_objects(objects).await?;
    let mut cockpit = Cockpit::open(namespace, Opening::of(workload)?).await?;
    cockpit.until_settled().await?;
    Ok(cockpit)
}

/// Fails unless exactly these merge patches were taken: the end of the path, and the body without its precondition.
fn sent_merges(sent: &[Recorded], wanted: &[(&str, Value)]) -> Checked {
    let end = |path: &str| {
        path.split("/namespaces/").nth(1).and_then(|rest| rest.split_once('/')).map(|(_, end)| end.to_owned())
    };
    let got: Vec<_> =
        sent.iter().map(|sent| (end(&sent.path).unwrap_or_default(), sent.content_type.as_str(), &sent.body)).collect();
    let wanted: Vec<_> =
        wanted.iter().map(|(path, body)| ((*path).to_owned(), "application/merge-patch+json", body)).collect();
    same("what was sent", &got, &wanted)
}
