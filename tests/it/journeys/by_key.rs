//! By the keys that a captain presses, on the simulator.

use support::Pty;

/// Nothing waits for the captain any more.
const ROLLOUT_OVER: &str = "no rollout in progress in prod-eu";
const ROLLED_BACK: &str = "prod-eu was rolled back from";

/// Starts a scenario, so many times faster than real.
fn start(scenario: &str, speed: &str) -> Pty {
    crate::cockpit().screen(&["demo", scenario, "--speed", speed], (120, 40))
}

/// Waits on the deck until there was enough traffic to notice a regression.
#[track_caller]
fn enough_traffic(pty: &mut Pty) {
    pty.wait("enough traffic", |screen| {
        let text = screen.contents();
        text.contains("evidence ") && text.contains("p would promote 20 → 40 %")
    });
}

/// Promotes, typing the name: prod-eu is protected.
#[track_caller]
fn promote(pty: &mut Pty) {
    pty.send("p");
    pty.wait_text("type its name");
    pty.send("prod-eu");
    pty.confirm("Promote prod-eu");
}

/// Rolls back by the two keys that are all it takes, and sees the end of it.
#[track_caller]
fn roll_back(pty: &mut Pty) {
    pty.send("R");
    pty.confirm("Roll back prod-eu");
    pty.wait_text(ROLLED_BACK);
}

/// Closes what lies over the screen.
#[track_caller]
fn close(pty: &mut Pty, title: &str) {
    pty.send("\x1b");
    pty.wait(&format!("{title} closed"), |screen| !screen.contents().contains(title));
}

/// Waits until so many actions are done: one that is not keeps the program from closing without a question.
#[track_caller]
fn wait_done(pty: &mut Pty, actions: usize) {
    pty.send("6");
    pty.wait_text("journal  payments-api");
    pty.send("/done:\r");
    pty.wait("all actions done", |screen| screen.contents().matches("outcome  done:").count() >= actions);
    pty.send("/\x7f\x7f\x7f\x7f\x7f\r");
}

/// Looks for what was asked in the journal, then leaves.
#[track_caller]
fn check_journal_and_leave(mut pty: Pty, asked: &[&str]) {
    pty.send("6");
    pty.wait_text("journal  payments-api");
    pty.send("/alice requested\r");
    for headline in asked {
        pty.wait_text(&format!("alice requested: {headline}"));
    }
    pty.send("q");
    assert_eq!(pty.exit(), 0);
    pty.wait_clean();
}

#[test]
fn canary_is_promoted_by_typed_name_and_rolled_back() {
    let mut pty = start("canary", "20");
    enough_traffic(&mut pty);
    promote(&mut pty);
    pty.wait_text(" 40 % ┃");
    roll_back(&mut pty);
    check_journal_and_leave(pty, &["roll back to 1.4.2"]);
}

#[test]
fn error_spike_is_rolled_back_by_two_keys() {
    let mut pty = start("error-spike", "10");
    pty.wait_text("canary errors");
    pty.wait_text("✖ NO-GO");
    roll_back(&mut pty);
    check_journal_and_leave(pty, &["roll back to 1.4.2"]);
}

#[test]
fn slow_latency_is_paused_and_then_aborted() {
    let mut pty = start("slow-latency", "10");
    pty.wait_text("║ paused until promoted");
    pty.send(" ");
    pty.confirm("Pause prod-eu");
    pty.wait_text("prod-eu is paused by release-cockpit; space resumes it");
    pty.wait_text("canary p99");
    pty.send("A");
    pty.confirm("Abort prod-eu");
    pty.wait_text("prod-eu was aborted; t retries");
    check_journal_and_leave(pty, &["pause", "abort"]);
}

#[test]
fn a_crash_at_the_start_is_named_and_rolled_back() {
    let mut pty = start("crash-loop", "20");
    pty.wait_text("progress deadline exceeded");
    pty.wait_text("NO-GO: R rolls prod-eu back to 1.4.2");
    pty.send("w");
    pty.wait_text("why prod-eu");
    pty.wait("the crash by its name", |screen| {
        screen.contents().contains("not moving: progress deadline exceeded")
            && screen.contents().contains("CrashLoopBackOff")
    });
    close(&mut pty, "why prod-eu");
    roll_back(&mut pty);
    check_journal_and_leave(pty, &["roll back to 1.4.2"]);
}

#[test]
fn without_metrics_promotion_is_refused_and_rollback_works() {
    let mut pty = start("metrics-outage", "5");
    pty.wait_text("prometheus ✖ down");
    pty.wait_text("? BLIND");
    pty.send("p");
    pty.wait_text("prod-eu cannot promote");
    pty.wait_text("no data");
    close(&mut pty, "prod-eu cannot promote");
    roll_back(&mut pty);
    check_journal_and_leave(pty, &["roll back to 1.4.2"]);
}

#[test]
fn api_outage_shows_age_and_reason_and_recovers() {
    let mut pty = start("api-outage", "5");
    pty.wait("age and reason on the card", |screen| {
        let text = screen.contents();
        text.contains("kubernetes ✖ down") && text.contains("━ ✖ lost") && text.contains("is the API server up?")
    });
    pty.wait_text("kubernetes ●");
    enough_traffic(&mut pty);
    promote(&mut pty);
    pty.wait_text(" 40 % ┃");
    check_journal_and_leave(pty, &["promote 20 → 40 %"]);
}

#[test]
fn a_preview_takes_all_traffic_at_once_and_goes_on() {
    let mut pty = start("blue-green", "10");
    pty.wait_text("p would promote the preview");
    pty.wait("nothing is out yet", |screen| {
        let text = screen.contents();
        text.contains("preview 6/6  active 6/6") && !text.lines().any(|line| line.matches("100 %").count() > 1)
    });
    promote(&mut pty);
    // The same artifact goes on into the next environment.
    pty.wait_text("prod-us is next (1.4.2 → 1.5.0): N releases 1.5.0 there");
    pty.send("N");
    pty.wait_text("type its name");
    pty.send("prod-us");
    pty.confirm("Release 1.5.0 into prod-us");
    pty.wait_text("1.5.0 began");
    wait_done(&mut pty, 2);
    check_journal_and_leave(pty, &["promote the preview", "release 1.5.0"]);
}

/// Gives the flag to 1 % of the users of the environment that is shown.
fn to_one_percent(pty: &mut Pty, env: &str) {
    pty.wait_text("1 % is next in 1 → 5 → 25 → 50 → 100 %");
    pty.send("%");
    pty.wait_text(&format!("Share of users in {env}"));
    pty.wait_text("Enter sets 1 %");
    pty.send("\r");
    pty.wait_text(&format!("type {env}"));
    pty.send(env);
    pty.confirm(&format!("Set {env} flag express-checkout-v2"));
}

#[test]
fn a_flag_goes_step_by_step_and_is_turned_off_where_its_users_fail() {
    let mut pty = start("flag-rollout", "5");
    pty.wait("all environments are well", |screen| screen.contents().matches("✔ GO").count() >= 3);
    pty.send("7ll");
    to_one_percent(&mut pty, "prod-us");
    pty.wait_text("5 % is next in");
    pty.send("%");
    pty.wait_text("Enter sets 5 %");
    pty.send("\x1b");
    pty.wait("it is closed", |screen| !screen.contents().contains("Share of users"));
    // Last, for nothing holds back what autopilot does there.
    pty.send("h");
    to_one_percent(&mut pty, "prod-eu");
    pty.wait_text("NO-GO: error rate: with it");
    pty.send("1");
    pty.wait("autopilot says what it is about to do", |screen| {
        let text = screen.contents();
        text.contains("turns express-checkout-v2 off in prod-eu") && text.contains("x keeps it on")
    });
    pty.send("7");
    pty.wait_text("1 % is next in");
    check_journal_and_leave(pty, &["set flag express-checkout-v2", "turn off flag express-checkout-v2"]);
}

#[test]
fn what_argo_cd_owns_is_rolled_back_and_the_key_says_why_it_stays_suspended() {
    let mut pty = start("argo-cd", "10");
    pty.send("l2");
    pty.wait_text("self-heal on");
    pty.send("1");
    roll_back(&mut pty);
    pty.wait_text("revert it in git");
    pty.send("O");
    pty.wait_text("cannot resume the owner");
    pty.wait_text("does not match");
    pty.send("\x1b");
    pty.wait("it is closed", |screen| !screen.contents().contains("cannot resume the owner"));
    check_journal_and_leave(pty, &["roll back to 1.4.2", "suspend"]);
}

#[test]
fn a_flag_is_turned_off_and_errors_fall_without_a_rollback() {
    let mut pty = start("flag", "5");
    pty.send("l");
    pty.wait_text("flag express-checkout-v2 on by ada");
    pty.wait_text("stable errors");
    // On the deck, as soon as it is known since when.
    pty.wait_text("express-checkout-v2 went on in prod-eu");
    pty.send("w");
    pty.wait_text("why prod-eu");
    pty.wait_text("express-checkout-v2 went on in prod-eu");
    close(&mut pty, "why prod-eu");
    pty.send("7");
    pty.wait_text("▸ express-checkout-v2");
    pty.send("K");
    pty.confirm("Turn off prod-eu flag express-checkout-v2");
    pty.wait_text("off          of this release");
    pty.send("1");
    pty.wait("errors fall", |screen| !screen.contents().contains("stable errors"));
    check_journal_and_leave(pty, &["turn off flag express-checkout-v2"]);
}

#[test]
fn a_deployment_is_undone_and_restarted_by_name() {
    let mut pty = start("deployment", "10");
    pty.wait_text("▶ Progressing");
    roll_back(&mut pty);
    pty.send(":restart\r");
    pty.confirm("Restart prod-eu");
    pty.wait_text("restart all pods");
    pty.wait_text(ROLLOUT_OVER);
    check_journal_and_leave(pty, &["roll back to 1.4.2", "restart"]);
}

#[test]
fn a_captain_freezes_the_environment_and_ends_it() {
    let mut pty = start("canary", "10");
    enough_traffic(&mut pty);
    pty.send("F");
    pty.wait_text("Freeze prod-eu");
    pty.send("2h");
    pty.wait_text("a reason is needed, after the time");
    pty.send(" incident 4711");
    pty.wait_text("freezes prod-eu until ");
    pty.send("\r");
    pty.wait_text("frozen until ");
    pty.send("p");
    pty.wait_text("cannot promote");
    pty.wait_text("`cockpit unfreeze prod-eu` ends it");
    pty.send("\x1b");
    pty.wait("it is closed", |screen| !screen.contents().contains("cannot promote"));
    pty.send("F");
    pty.wait_text("End the freeze of prod-eu");
    pty.send("it is over\r");
    pty.wait("it is not frozen", |screen| !screen.contents().contains("frozen until "));
    promote(&mut pty);
    pty.wait_text(" 40 % ┃");
    check_journal_and_leave(pty, &["promote 20 → 40 %"]);
}

/// Signs GO in the role that is asked for next.
#[track_caller]
fn sign(pty: &mut Pty, role: &str) {
    pty.send("S");
    pty.wait_text(&format!("Sign as {role}"));
    pty.send("g");
    pty.wait_text("note");
    pty.send("seen\r");
    pty.wait("it is signed", |screen| !screen.contents().contains(&format!("Sign as {role}")));
}

#[test]
fn red_gate_stops_promotion_but_not_rollback() {
    let mut pty = start("go-no-go", "10");
    // What is in progress is looked at first, once it is seen.
    pty.wait_text("p promote ✖ pager");
    pty.send("4");
    pty.wait_text("prod-eu  payments-api 1.5.0 in progress");
    pty.wait_text("NO-GO: pager: not acknowledged");
    pty.wait_text("▸ ✔ gate artifact");
    pty.send("jja");
    pty.wait_text("Acknowledge pager");
    pty.send("bo is on call\r");
    pty.wait_text("alice: “bo is on call”");
    sign(&mut pty, "product");
    pty.wait_text("product     1/1");
    sign(&mut pty, "sre");
    pty.wait_text("sre         1/1");
    pty.send("1");
    enough_traffic(&mut pty);
    pty.send("4");
    promote(&mut pty);
    pty.wait_text("✖ gate errors");
    pty.send("p");
    pty.wait_text("prod-eu cannot promote");
    close(&mut pty, "prod-eu cannot promote");
    pty.send("R");
    pty.confirm("Roll back prod-eu");
    pty.send("1");
    pty.wait_text(ROLLED_BACK);
    check_journal_and_leave(pty, &["promote 20 → 40 %", "roll back to 1.4.2"]);
}
