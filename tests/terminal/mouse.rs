//! The mouse, once it is switched on.

use crate::pty::Tui;

#[test]
fn clicks_open_and_ask_and_never_answer() {
    let mut tui = Tui::start(&["demo", "canary", "--speed", "20"], (120, 40), &[]);
    tui.wait_text("p would promote 20 → 40 %");
    tui.send("m");
    tui.wait("the mouse captured", |screen| screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None);
    tui.click(" 6 Journal ");
    tui.wait_text("journal of payments-api");
    tui.click(" 1 Deck ");
    tui.click("─ prod-us ");
    tui.wait_text("prod-us · steps");
    tui.click("━ prod-us ");
    tui.wait_text("revisions and pods");
    tui.click(" 1 Deck ");
    tui.click("─ prod-eu ");
    tui.wait_text("prod-eu · steps");
    tui.click("R roll back");
    tui.wait_text("Roll back prod-eu to 1.4.2");
    // The answer cannot be clicked, and neither can what lies beneath; the screen of the tab would not name the plan.
    tui.click("y  roll back now");
    tui.click(" 6 Journal ");
    tui.click("[ Cancel ]");
    tui.wait("the dialog closed, nothing sent", |screen| {
        let text = screen.contents();
        !text.contains("[ Cancel ]") && text.contains("prod-eu · steps") && text.contains("p would promote 20 → 40 %")
    });
    tui.send("q");
    assert_eq!(tui.exit(), 0);
    tui.wait_clean();
}
