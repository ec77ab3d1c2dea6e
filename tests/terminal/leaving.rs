//! Whatever the exit, the terminal is given back as it was.

use std::process::{Command, Stdio};

use crate::pty::Tui;

const DEMO: &[&str] = &["demo", "canary", "--speed", "20"];

fn demo() -> Tui {
    let tui = Tui::start(DEMO, (120, 36), &[]);
    tui.wait_text("prod-eu");
    tui
}

#[test]
fn quit() {
    let mut tui = demo();
    tui.send("q");
    assert_eq!(tui.exit(), 0);
    tui.wait_clean();
}

#[test]
fn control_c() {
    let mut tui = demo();
    tui.send("\x03");
    assert_eq!(tui.exit(), 0);
    tui.wait_clean();
}

#[test]
fn signals() {
    for (signal, code) in [("TERM", 143), ("HUP", 129), ("INT", 130)] {
        let mut tui = demo();
        tui.signal(signal);
        assert_eq!(tui.exit(), code, "{signal}");
        tui.wait_clean();
    }
}

#[test]
fn suspended_and_continued() {
    let mut tui = demo();
    tui.send("\x1a");
    tui.wait_clean();
    let stopped = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", tui.pid())).unwrap_or_default();
        stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('T'))
    };
    while cfg!(target_os = "linux") && !stopped() {
        std::thread::yield_now();
    }
    tui.signal("CONT");
    tui.wait("the screen again", |screen| screen.alternate_screen() && screen.contents().contains("prod-eu"));
    tui.send("q");
    assert_eq!(tui.exit(), 0);
    tui.wait_clean();
}

#[test]
fn any_size_is_drawn_and_too_small_a_one_says_so() {
    let mut tui = demo();
    for (columns, rows) in [(80, 24), (200, 60), (60, 16)] {
        tui.resize(columns, rows);
        tui.wait("the footer", |screen| {
            screen.contents().contains("NEXT") && (screen.size().0.get(), screen.size().1.get()) == (rows, columns)
        });
    }
    tui.resize(40, 10);
    tui.wait_text("60");
    tui.send("R");
    tui.send("y");
    tui.resize(120, 36);
    tui.wait_text("NEXT");
    assert!(!tui.text().contains("Roll back"), "keys in a terminal too small did something");
    tui.send("q");
    assert_eq!(tui.exit(), 0);
}

#[test]
fn without_colour_no_cell_has_one() {
    let mut tui = Tui::start(DEMO, (120, 36), &[("NO_COLOR", "1"), ("COLORTERM", "truecolor")]);
    tui.wait_text("NEXT");
    let coloured = tui.look(|screen| {
        let cells = (0..36).flat_map(|row| (0..120).map(move |column| (row, column)));
        cells
            .filter_map(|(row, column)| screen.cell(row, column))
            .filter(|cell| cell.fgcolor() != vt100::Color::Default || cell.bgcolor() != vt100::Color::Default)
            .count()
    });
    assert_eq!(coloured, 0);
    tui.send("q");
    assert_eq!(tui.exit(), 0);
}

#[test]
fn in_ascii_nothing_else_is_drawn() {
    let mut tui = Tui::start(&["--ascii", "demo", "canary", "--speed", "20"], (120, 36), &[]);
    tui.wait_text("NEXT");
    assert!(tui.text().is_ascii(), "{}", tui.text());
    tui.send("q");
    assert_eq!(tui.exit(), 0);
}

#[test]
fn what_is_no_terminal_gets_a_word_and_an_exit_code() {
    let home = tempfile::tempdir().unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_cockpit"))
        .arg("demo")
        .env("HOME", home.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(1));
    let said = String::from_utf8_lossy(&run.stderr);
    assert!(said.contains("no terminal") && said.contains("status --watch"), "{said}");
    let mut dumb = Tui::start(&["demo"], (80, 24), &[("TERM", "dumb")]);
    assert_eq!(dumb.exit(), 1);
    dumb.wait_text("TERM=dumb");
}

#[test]
fn the_terminal_gets_no_title_and_no_clipboard_unasked() {
    let mut tui = Tui::start(&["demo", "canary", "--speed", "20"], (120, 40), &[]);
    tui.wait_text("payments-api");
    tui.send("q");
    tui.exit();
    assert!(!tui.bytes().windows(2).any(|pair| pair == b"\x1b]"));
}
