//! A recorded session replays to the same frames.

use release_cockpit::runtime::recording::replay;

use crate::cockpit;

#[test]
fn recorded_session_replays_to_the_same_frames() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session.jsonl");
    let mut pty =
        cockpit().screen(&["--record", file.to_str().unwrap(), "demo", "error-spike", "--speed", "10"], (120, 40));
    pty.wait_text("NO-GO");
    for screen in ["2", "3", "5", "6", "1"] {
        pty.send(screen);
    }
    pty.resize(80, 24);
    pty.send("R");
    pty.confirm("Roll back prod-eu");
    pty.wait_text("prod-eu was rolled back from");
    pty.send("q");
    assert_eq!(pty.exit(), 0);
    let frames = replay(&file).unwrap();
    assert!(frames.len() > 20, "{} frames", frames.len());
    for (recorded, replayed) in frames {
        assert_eq!(recorded, replayed);
    }
}

#[test]
fn recording_overwrites_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session.jsonl");
    std::fs::write(&file, "mine").unwrap();
    let mut pty = cockpit().screen(&["--record", file.to_str().unwrap(), "demo"], (80, 24));
    // What is printed may be read after the end is known.
    pty.wait_text("cannot record to");
    assert_eq!(pty.exit(), 1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
}
