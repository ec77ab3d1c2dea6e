//! The machine's clock is set, forwards and back, under a running cockpit. libfaketime shows it another wall clock; the
//! steady clock goes on, as it does when a clock is set.

use std::path::{Path, PathBuf};

use crate::Checked;
use crate::api::WINDOW;
use crate::fault::Fault;
use crate::pty::Tui;
use crate::scene::{Scene, age, confirm, promotion_is_refused, until};

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

    fn open(&self, scene: &Scene) -> Checked<Tui> {
        let file = self.file().display().to_string();
        let tui = scene.cockpit(&[
            ("LD_PRELOAD", library().ok_or("no libfaketime")?),
            ("FAKETIME_TIMESTAMP_FILE", &file),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ]);
        tui.wait_text("p would promote 34 → 50 %");
        Ok(tui)
    }
}

/// A question that was open is asked again, and a picture from before is old until the server has answered.
pub fn forwards() -> Checked {
    let scene = Scene::set("clock-forwards", false)?;
    let clock = Clock::new("+0")?;
    let mut tui = clock.open(&scene)?;
    an_hour_under_a_question(&clock, &mut tui)?;
    scene.api.begin(Fault::Internal);
    tui.wait_text("kubernetes ✖ down");
    clock.set("+7200")?;
    // Older than it is, never younger.
    until("an hour more", || Ok(age(&tui.text()).filter(|age| *age >= 3600)))?;
    promotion_is_refused(&mut tui, "the picture is");
    scene.api.heal()?;
    go_on(&scene, &mut tui)
}

/// What was heard in a time that is yet to come is not taken for fresh, and the age is told all the same.
pub fn back() -> Checked {
    let scene = Scene::set("clock-back", false)?;
    // It comes from ahead, so that certificates are valid all the while.
    let clock = Clock::new("+7200")?;
    let mut tui = clock.open(&scene)?;
    an_hour_under_a_question(&clock, &mut tui)?;
    tui.wait_text("p would promote 34 → 50 %");
    scene.api.begin(Fault::Internal);
    tui.wait_text("kubernetes ✖ down");
    let first = until("an age", || Ok(age(&tui.text())))?;
    until("an age that grows", || Ok(age(&tui.text()).filter(|age| *age >= first + WINDOW)))?;
    promotion_is_refused(&mut tui, "the picture is");
    // Once more, while nothing answers.
    clock.set("+0")?;
    promotion_is_refused(&mut tui, "the clock was set back");
    scene.api.heal()?;
    go_on(&scene, &mut tui)
}

/// The clock is set to an hour ahead while a question is open.
fn an_hour_under_a_question(clock: &Clock, tui: &mut Tui) -> Checked {
    tui.send("p");
    tui.wait_text("Promote prod");
    clock.set("+3600")?;
    tui.wait_text("the open question was cancelled, ask again");
    tui.wait_text("● live");
    Ok(())
}

/// Everything is possible again.
fn go_on(scene: &Scene, tui: &mut Tui) -> Checked {
    tui.wait_text("kubernetes ●");
    tui.wait_text("p would promote 34 → 50 %");
    confirm(tui, "p", "Promote prod");
    tui.wait_text("p would promote 50 → 67 %");
    confirm(tui, "R", "Roll back prod");
    tui.wait_text("nothing is under way in prod");
    crate::scene::same("actions", &scene.api.writes().len(), &2)
}
