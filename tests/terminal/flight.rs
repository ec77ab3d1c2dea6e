//! Flights by hand: the keys that a captain presses, on the simulator.

use crate::pty::Tui;

/// Answers `y`. One that comes within 300 ms of the dialog's opening does not count and is given again.
fn confirm(tui: &mut Tui, dialog: &str) {
    tui.wait_text(dialog);
    loop {
        tui.send("y");
        if tui.gone_soon(dialog) {
            return;
        }
    }
}

#[test]
fn a_canary_is_promoted_by_its_typed_name_and_rolled_back_by_two_keys() {
    let mut tui = Tui::start(&["demo", "canary", "--speed", "20"], (120, 40), &[]);
    tui.wait_text("p would promote 20 → 40 %");
    tui.send("p");
    tui.wait_text("type its name");
    tui.send("prod-eu");
    confirm(&mut tui, "Promote prod-eu");
    tui.wait_text("done");
    tui.send("R");
    confirm(&mut tui, "Roll back prod-eu");
    tui.wait_text("roll back to 1.4.2 — done");
    tui.send("6");
    tui.wait_text("asked: roll back to 1.4.2");
    tui.send("q");
    assert_eq!(tui.exit(), 0);
    tui.wait_clean();
}
