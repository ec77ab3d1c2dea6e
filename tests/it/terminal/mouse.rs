//! The mouse, once it is switched on.

use crate::cockpit;

#[test]
fn clicks_open_and_ask_and_never_answer() {
    let mut pty = cockpit().screen(&["demo", "canary", "--speed", "20"], (120, 40));
    pty.wait_text("p would promote 20 → 40 %");
    pty.send("m");
    pty.wait("the mouse captured", |screen| {
        screen.mouse_protocol_mode() != support::pty::vt100::MouseProtocolMode::None
    });
    pty.click(" 6 Journal ");
    pty.wait_text("journal created for payments-api");
    pty.click(" 1 Deck ");
    pty.click("─ prod-us ");
    pty.wait_text("prod-us · steps");
    pty.click("━ prod-us ");
    pty.wait_text("revisions and pods");
    pty.click(" 1 Deck ");
    pty.click("─ prod-eu ");
    pty.wait_text("prod-eu · steps");
    pty.click("R roll back");
    pty.wait_text("Roll back prod-eu to 1.4.2");
    // The answer cannot be clicked, and neither can what lies beneath; the screen of the tab would not name the plan.
    pty.click("y  roll back now");
    pty.click(" 6 Journal ");
    pty.click("[ Cancel ]");
    pty.wait("the dialog closed, nothing sent", |screen| {
        let text = screen.contents();
        !text.contains("[ Cancel ]") && text.contains("prod-eu · steps") && text.contains("step 2/8")
    });
    pty.send("q");
    assert_eq!(pty.exit(), 0);
    pty.wait_clean();
}
