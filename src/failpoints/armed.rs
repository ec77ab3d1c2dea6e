//! The places, with the feature on.

use std::collections::BTreeMap;
use std::fmt::Arguments;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::{LazyLock, Mutex, PoisonError};

/// What the environment asks for.
struct Order {
    /// Where to die: the name, and at which passing.
    at: Option<(String, usize)>,
    /// Where to write the names that were passed.
    list: Option<std::ffi::OsString>,
}

static ORDER: LazyLock<Order> = LazyLock::new(|| Order {
    at: std::env::var("COCKPIT_FAIL_AT").ok().and_then(|text| {
        let (name, n) = text.rsplit_once(':')?;
        Some((name.to_owned(), n.parse().ok()?))
    }),
    list: std::env::var_os("COCKPIT_FAILPOINTS"),
});

static PASSED: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

pub fn failpoint(name: Arguments<'_>) {
    failpoint_after(name, || {});
}

/// Passes a place at which something is half done when the program dies: `last` does that half.
pub fn failpoint_after(name: Arguments<'_>, last: impl FnOnce()) {
    let name = name.to_string();
    // Held until the end: no other thread gets any further while this one dies.
    let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
    let times = passed.entry(name.clone()).or_default();
    *times += 1;
    if let Some(list) = &ORDER.list {
        // One write of a short line: lines of several processes do not mix.
        let _ = OpenOptions::new()
            .append(true)
            .create(true)
            .open(list)
            .and_then(|mut file| file.write_all(format!("{name}\n").as_bytes()));
    }
    if ORDER.at.as_ref().is_some_and(|(place, n)| *place == name && n == times) {
        last();
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}
