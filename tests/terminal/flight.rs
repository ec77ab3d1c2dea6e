//! One whole flight per scenario by hand: the keys that a captain presses, on the simulator. `tests/flights` flies the
//! same without the screen.

use crate::pty::Tui;

/// Nothing waits for the captain any more.
const OVER: &str = "nothing is under way in prod-eu";

/// Begins a scenario, so many times faster than real.
fn fly(scenario: &str, speed: &str) -> Tui {
    Tui::start(&["demo", scenario, "--speed", speed], (120, 40), &[])
}

/// Answers `y`. One that comes within 300 ms of the dialog's opening does not count and is given again.
#[track_caller]
fn confirm(tui: &mut Tui, dialog: &str) {
    tui.wait_text(dialog);
    loop {
        tui.send("y");
        if tui.gone_soon(dialog) {
            return;
        }
    }
}

/// Promotes, typing the name: prod-eu is protected.
#[track_caller]
fn promote(tui: &mut Tui) {
    tui.send("p");
    tui.wait_text("type its name");
    tui.send("prod-eu");
    confirm(tui, "Promote prod-eu");
}

/// Rolls back by the two keys that are all it takes, and sees the end of it.
#[track_caller]
fn roll_back(tui: &mut Tui) {
    tui.send("R");
    confirm(tui, "Roll back prod-eu");
    tui.wait_text(OVER);
}

/// Closes what lies over the screen.
#[track_caller]
fn close(tui: &mut Tui, title: &str) {
    tui.send("\x1b");
    tui.wait(&format!("{title} closed"), |screen| !screen.contents().contains(title));
}

/// Looks for what was asked in the journal, then leaves.
#[track_caller]
fn land(mut tui: Tui, asked: &[&str]) {
    tui.send("6");
    tui.wait_text("journal  payments-api");
    tui.send("/alice asked\r");
    for headline in asked {
        tui.wait_text(&format!("alice asked: {headline}"));
    }
    tui.send("q");
    assert_eq!(tui.exit(), 0);
    tui.wait_clean();
}

#[test]
fn a_canary_is_promoted_by_its_typed_name_and_rolled_back_by_two_keys() {
    let mut tui = fly("canary", "20");
    tui.wait_text("p would promote 20 → 40 %");
    promote(&mut tui);
    tui.wait_text(" 40 % ┃");
    roll_back(&mut tui);
    land(tui, &["roll back to 1.4.2"]);
}

#[test]
fn errors_at_a_quarter_of_the_traffic_are_rolled_back_by_two_keys() {
    let mut tui = fly("error-spike", "10");
    tui.wait_text("canary errors");
    tui.wait_text("✖ NO-GO");
    roll_back(&mut tui);
    land(tui, &["roll back to 1.4.2"]);
}

#[test]
fn slow_latency_is_held_and_then_aborted() {
    let mut tui = fly("slow-latency", "10");
    tui.wait_text("p would promote 20 → 40 %");
    tui.send(" ");
    confirm(&mut tui, "Hold prod-eu");
    tui.wait_text("prod-eu is held by hand; space resumes it");
    tui.wait_text("canary p99");
    tui.send("A");
    confirm(&mut tui, "Abort prod-eu");
    tui.wait_text("prod-eu was aborted; t retries");
    land(tui, &["hold where it is", "abort"]);
}

#[test]
fn a_crash_at_the_start_is_named_and_rolled_back() {
    let mut tui = fly("crash-loop", "20");
    tui.wait_text("progress deadline exceeded");
    tui.wait_text("prod-eu does not go on by itself; R would roll back to 1.4.2");
    tui.send("w");
    tui.wait_text("why prod-eu");
    tui.wait("the crash by its name", |screen| {
        screen.contents().contains("not moving: progress deadline exceeded")
            && screen.contents().contains("CrashLoopBackOff")
    });
    close(&mut tui, "why prod-eu");
    roll_back(&mut tui);
    land(tui, &["roll back to 1.4.2"]);
}

#[test]
fn without_metrics_nothing_is_promoted_and_everything_rolled_back() {
    let mut tui = fly("metrics-outage", "5");
    tui.wait_text("prometheus ✖ down");
    tui.wait_text("? BLIND");
    tui.send("p");
    tui.wait_text("prod-eu cannot promote");
    tui.wait_text("no data");
    close(&mut tui, "prod-eu cannot promote");
    roll_back(&mut tui);
    land(tui, &["roll back to 1.4.2"]);
}

#[test]
fn an_api_server_that_is_away_is_shown_with_age_and_reason_and_comes_back_by_itself() {
    let mut tui = fly("api-outage", "5");
    tui.wait("age and reason on the card", |screen| {
        let text = screen.contents();
        text.contains("kubernetes ✖ down") && text.contains("━ ✖ lost") && text.contains("is the API server up?")
    });
    tui.wait_text("kubernetes ●");
    tui.wait_text("p would promote 20 → 40 %");
    promote(&mut tui);
    tui.wait_text(" 40 % ┃");
    land(tui, &["promote 20 → 40 %"]);
}

#[test]
fn a_preview_takes_all_traffic_at_once() {
    let mut tui = fly("blue-green", "10");
    tui.wait_text("p would promote the preview");
    tui.wait("nothing is out yet", |screen| {
        let text = screen.contents();
        text.contains("preview 6/6  active 6/6") && !text.lines().any(|line| line.matches("100 %").count() > 1)
    });
    promote(&mut tui);
    tui.wait_text(OVER);
    land(tui, &["promote the preview"]);
}

#[test]
fn a_deployment_is_undone_and_restarted_by_name() {
    let mut tui = fly("deployment", "10");
    tui.wait_text("▶ Progressing");
    roll_back(&mut tui);
    tui.send(":restart\r");
    confirm(&mut tui, "Restart prod-eu");
    tui.wait_text("restart all pods");
    tui.wait_text(OVER);
    land(tui, &["roll back to 1.4.2", "restart"]);
}

/// Signs GO in the role that is asked for next.
#[track_caller]
fn sign(tui: &mut Tui, role: &str) {
    tui.send("S");
    tui.wait_text(&format!("Sign as {role}"));
    tui.send("g");
    tui.wait_text("note");
    tui.send("seen\r");
    tui.wait("it is signed", |screen| !screen.contents().contains(&format!("Sign as {role}")));
}

#[test]
fn a_checklist_is_gone_through_and_a_gate_that_turns_red_stops_the_promotion_and_not_the_rollback() {
    let mut tui = fly("go-no-go", "10");
    // What is under way is looked at first, once it is seen.
    tui.wait_text("p promote ✖ pager");
    tui.send("4");
    tui.wait_text("prod-eu  payments-api 1.5.0 on its way");
    tui.wait_text("NO-GO: pager: nobody acknowledged it");
    tui.wait_text("▸ ✔ gate artifact");
    tui.send("jja");
    tui.wait_text("Acknowledge pager");
    tui.send("bo is on call\r");
    tui.wait_text("alice: “bo is on call”");
    sign(&mut tui, "product");
    tui.wait_text("product     1/1");
    sign(&mut tui, "sre");
    tui.wait_text("sre         1/1");
    tui.wait_text("p promote 20 → 40 %");
    promote(&mut tui);
    tui.wait_text("✖ gate errors");
    tui.send("p");
    tui.wait_text("prod-eu cannot promote");
    close(&mut tui, "prod-eu cannot promote");
    tui.send("R");
    confirm(&mut tui, "Roll back prod-eu");
    tui.send("1");
    tui.wait_text(OVER);
    land(tui, &["promote 20 → 40 %", "roll back to 1.4.2"]);
}
