//! Whatever the exit, the terminal is given back as it was.

use support::Pty;

use crate::cockpit;

const DEMO: &[&str] = &["demo", "canary", "--speed", "20"];

fn demo() -> Pty {
    let pty = cockpit().screen(DEMO, (120, 36));
    pty.wait_text("prod-eu");
    pty
}

#[test]
fn quitting_restores_the_terminal() {
    let mut pty = demo();
    pty.send("q");
    assert_eq!(pty.exit(), 0);
    pty.wait_clean();
}

#[test]
fn control_c_restores_the_terminal() {
    let mut pty = demo();
    pty.send("\x03");
    assert_eq!(pty.exit(), 0);
    pty.wait_clean();
}

#[test]
fn signals_restore_the_terminal() {
    for (signal, code) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let mut pty = demo();
        pty.signal(signal);
        assert_eq!(pty.exit(), code, "{signal}");
        pty.wait_clean();
    }
}

#[test]
fn a_terminal_that_does_not_read_holds_up_no_key() {
    let mut pty = demo();
    assert_eq!(pty.exit_unread("q"), 0);
}

#[test]
fn suspend_and_continue_restore_the_terminal() {
    let mut pty = demo();
    pty.send("\x1a");
    pty.wait_clean();
    let stopped = || support::process::is_stopped(pty.pid());
    while cfg!(target_os = "linux") && !stopped() {
        std::thread::yield_now();
    }
    pty.signal("CONT");
    pty.wait("the screen again", |screen| screen.alternate_screen() && screen.contents().contains("prod-eu"));
    pty.send("q");
    assert_eq!(pty.exit(), 0);
    pty.wait_clean();
}

#[test]
fn every_size_is_drawn_and_too_small_shows_a_message() {
    let mut pty = demo();
    for (columns, rows) in [(80, 24), (200, 60), (60, 16)] {
        pty.resize(columns, rows);
        pty.wait("the footer", |screen| {
            screen.contents().contains("NEXT") && (screen.size().0.get(), screen.size().1.get()) == (rows, columns)
        });
    }
    pty.resize(40, 10);
    pty.wait_text("60");
    pty.send("R");
    pty.send("y");
    pty.resize(120, 36);
    pty.wait_text("NEXT");
    assert!(!pty.text().contains("Roll back"), "keys in a terminal too small did something");
    pty.send("q");
    assert_eq!(pty.exit(), 0);
}

#[test]
fn no_color_draws_no_colour() {
    let mut pty = cockpit().envs(&[("NO_COLOR", "1"), ("COLORTERM", "truecolor")]).screen(DEMO, (120, 36));
    pty.wait_text("NEXT");
    let coloured = pty.look(|screen| {
        let cells = (0..36).flat_map(|row| (0..120).map(move |column| (row, column)));
        cells
            .filter_map(|(row, column)| screen.cell(row, column))
            .filter(|cell| {
                cell.fgcolor() != support::pty::vt100::Color::Default
                    || cell.bgcolor() != support::pty::vt100::Color::Default
            })
            .count()
    });
    assert_eq!(coloured, 0);
    pty.send("q");
    assert_eq!(pty.exit(), 0);
}

#[test]
fn ascii_mode_draws_only_ascii() {
    let mut pty = cockpit().screen(&["--ascii", "demo", "canary", "--speed", "20"], (120, 36));
    pty.wait_text("NEXT");
    assert!(pty.text().is_ascii(), "{}", pty.text());
    pty.send("q");
    assert_eq!(pty.exit(), 0);
}

#[test]
fn missing_terminal_is_an_error_with_its_exit_code() {
    let run = cockpit().run(&["demo"]);
    assert_eq!(run.code(), 1);
    let said = run.err();
    assert!(said.contains("no terminal") && said.contains("status --watch"), "{said}");
    let mut dumb = cockpit().envs(&[("TERM", "dumb")]).screen(&["demo"], (80, 24));
    assert_eq!(dumb.exit(), 1);
    dumb.wait_text("TERM=dumb");
}

#[test]
fn the_terminal_gets_no_title_and_no_clipboard_unasked() {
    let mut pty = cockpit().screen(&["demo", "canary", "--speed", "20"], (120, 40));
    pty.wait_text("payments-api");
    pty.send("q");
    pty.exit();
    assert!(!pty.bytes().windows(2).any(|pair| pair == b"\x1b]"));
}
