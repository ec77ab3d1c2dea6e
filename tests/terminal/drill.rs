//! A drill, flown by hand.

use crate::pty::Tui;

/// Rolls back, and sees the screen close by itself once stable serves again.
#[track_caller]
fn roll_back(tui: &mut Tui) {
    tui.send("R");
    tui.wait_text("Roll back prod-eu");
    loop {
        tui.send("y");
        if tui.gone_soon("Roll back prod-eu") {
            break;
        }
    }
    assert_eq!(tui.exit(), 0);
    tui.wait_clean();
}

#[test]
fn a_failure_at_an_unannounced_moment_is_rolled_back_and_scored() {
    let mut tui = Tui::start(&["drill", "--seed", "20", "--speed", "4"], (140, 40), &[]);
    tui.wait_text("drill");
    assert!(!tui.text().contains("errors drill"), "the screen tells what comes");
    tui.wait_text("canary errors");
    tui.wait_text("✖ NO-GO");
    roll_back(&mut tui);
    tui.wait_text("Caught: it failed, and you took it away from users.");
    for part in ["it began", "one request in twelve failed", "you acted", ": roll back", "users safe", "Argo analysis"]
    {
        tui.wait_text(part);
    }
    tui.wait_text("The same again: cockpit drill errors --seed 20 --speed 4");
}

#[test]
fn to_roll_back_what_is_well_is_a_false_alarm() {
    let mut tui = Tui::start(&["drill", "healthy", "--seed", "1", "--speed", "2"], (140, 40), &[]);
    tui.wait_text("R roll back to 1.4.2");
    tui.wait_text(" 10 % ┃");
    roll_back(&mut tui);
    tui.wait_text("False alarm: nothing was wrong, and you took it away.");
}
