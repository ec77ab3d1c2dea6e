//! The machine's clock is set, forwards and back, under a running cockpit. libfaketime shows it another wall clock; the
//! steady clock goes on, as it does when a clock is set.

use std::path::{Path, PathBuf};

use support::check::same;
use support::proxy::Fault;
use support::{Checked, Pty};

use super::api::WINDOW_SECONDS;
use super::setup::{Setup, age, confirm, promotion_is_refused, until};

/// Where Debian and others put the library.
const LIBRARIES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
];

/// Returns the library that shows another clock.
pub fn library() -> Option<&'static str> {
    LIBRARIES.into_iter().find(|path| Path::new(path).exists())
}

/// A wall clock that can be set.
struct Clock {
    folder: tempfile::TempDir,
}

impl Clock {
    fn new(off: &str) -> Checked<Self> {
        let clock = Self { folder: tempfile::tempdir()? };
        clock.set(off)?;
        Ok(clock)
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("clock")
    }

    /// Sets it so many seconds off.
    fn set(&self, off: &str) -> Checked {
        let new = self.folder.path().join("new");
        std::fs::write(&new, off)?;
        Ok(std::fs::rename(new, self.file())?)
    }

    fn open(&self, setup: &Setup) -> Checked<Pty> {
        let file = self.file().display().to_string();
        let pty = setup.cockpit(&[
            ("LD_PRELOAD", library().ok_or("no libfaketime")?),
            ("FAKETIME_TIMESTAMP_FILE", &file),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]);
        pty.wait_text("p would promote 33 → 50 %");
        Ok(pty)
    }
}

/// A question that was open is asked again, and a picture from before is old until the server has answered.
pub fn forwards() -> Checked {
    let setup = Setup::new("clock-forwards", false)?;
    let clock = Clock::new("+0")?;
    let mut pty = clock.open(&setup)?;
    an_hour_under_a_question(&clock, &mut pty)?;
    setup.api.begin(Fault::Internal);
    pty.wait_text("kubernetes ✖ down");
    clock.set("+7200")?;
    // Older than it is, never younger.
    until("an hour more", || Ok(age(&pty.text()).filter(|age| *age >= 3600)))?;
    promotion_is_refused(&mut pty, "state is");
    setup.api.heal();
    go_on(&setup, &mut pty)
}

/// What was heard in a time that is yet to come is not taken for fresh, and the age is told all the same.
pub fn back() -> Checked {
    let setup = Setup::new("clock-back", false)?;
    // It comes from ahead, so that certificates are valid all the while.
    let clock = Clock::new("+7200")?;
    let mut pty = clock.open(&setup)?;
    an_hour_under_a_question(&clock, &mut pty)?;
    pty.wait_text("p would promote 33 → 50 %");
    setup.api.begin(Fault::Internal);
    pty.wait_text("kubernetes ✖ down");
    let first = until("an age", || Ok(age(&pty.text())))?;
    until("an age that grows", || Ok(age(&pty.text()).filter(|age| *age >= first + WINDOW_SECONDS)))?;
    promotion_is_refused(&mut pty, "state is");
    // Once more, while nothing answers.
    clock.set("+0")?;
    promotion_is_refused(&mut pty, "the system clock was set back");
    setup.api.heal();
    go_on(&setup, &mut pty)
}

/// The clock is set to an hour ahead while a question is open.
fn an_hour_under_a_question(clock: &Clock, pty: &mut Pty) -> Checked {
    pty.send("p");
    pty.wait_text("Promote prod");
    clock.set("+3600")?;
    pty.wait_text("dialog cancelled: the clock jumped");
    pty.wait_text("● live");
    Ok(())
}

fn go_on(setup: &Setup, pty: &mut Pty) -> Checked {
    pty.wait_text("kubernetes ●");
    pty.wait_text("p would promote 33 → 50 %");
    confirm(pty, "p", "Promote prod");
    pty.wait_text("p would promote 50 → 67 %");
    confirm(pty, "R", "Roll back prod");
    pty.wait_text("prod was rolled back from");
    same("actions", &setup.api.writes_without_conflicts().len(), &2)
}
