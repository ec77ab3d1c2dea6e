//! A drill, manually.

use support::Pty;

use crate::cockpit;

/// Rolls back, and sees the screen close by itself once stable serves again.
#[track_caller]
fn roll_back(pty: &mut Pty) {
    pty.send("R");
    pty.confirm("Roll back prod-eu");
    assert_eq!(pty.exit(), 0);
    pty.wait_clean();
}

#[test]
fn unannounced_failure_is_rolled_back_and_scored() {
    let mut pty = cockpit().screen(&["drill", "--seed", "20", "--speed", "4"], (140, 40));
    pty.wait_text("drill");
    assert!(!pty.text().contains("errors drill"), "the screen tells what comes");
    pty.wait_text("canary errors");
    pty.wait_text("✖ NO-GO");
    roll_back(&mut pty);
    pty.wait_text("Caught: it failed, and you rolled it back in time.");
    for part in [
        "it began",
        "one request in twelve failed",
        "you acted",
        ": roll back",
        "no user affected after",
        "Argo analysis",
    ] {
        pty.wait_text(part);
    }
    pty.wait_text("Replay: cockpit drill errors --seed 20 --speed 4");
}

#[test]
fn rolling_back_a_healthy_release_is_a_false_alarm() {
    let mut pty = cockpit().screen(&["drill", "healthy", "--seed", "1", "--speed", "2"], (140, 40));
    pty.wait_text("R roll back to 1.4.2");
    pty.wait_text(" 10 % ┃");
    roll_back(&mut pty);
    pty.wait_text("False alarm: nothing was wrong, and you rolled it back.");
}
