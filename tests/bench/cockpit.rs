//! The numbers: how fast the cockpit draws, starts, sees and acts, and what it costs while it waits.
//!
//! ```sh
//! cargo bench --bench cockpit               # all but peers and soak, on the simulator: about five minutes
//! cargo bench --bench cockpit -- draw keys  # parts by name: draw, keys, checklist, statements, start, act, stops, see, idle, crowd, grow, peers, soak
//! eval "$(tests/cluster/up)"; cargo bench --bench cockpit -- start idle crowd      # on real servers
//! ```
//!
//! Nothing here fails because something took long: that depends on the machine, and on what else runs on it. What leaks does.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "a bench that cannot go on has nothing to report")]

mod checklist;
mod crowd;
mod draw;
mod figures;
mod grow;
mod idle;
mod keys;
mod peers;
mod place;
mod soak;
mod statements;
mod stops;
mod whole;
mod world;

use figures::Table;

/// The program that is measured.
const COCKPIT: &str = env!("CARGO_BIN_EXE_cockpit");

/// A part: its name, and what it measures.
type Part = (&'static str, fn(&mut Table));

const PARTS: [Part; 13] = [
    ("draw", draw::run),
    ("keys", keys::run),
    ("checklist", checklist::run),
    ("statements", statements::run),
    ("start", whole::start),
    ("act", whole::act),
    ("stops", stops::run),
    ("see", whole::see),
    ("idle", idle::run),
    ("crowd", crowd::run),
    ("grow", grow::run),
    ("peers", peers::run),
    ("soak", soak::run),
];

/// Those that take long, or more than this repository: only when they are asked for.
const ONLY_BY_NAME: [&str; 2] = ["peers", "soak"];

fn main() {
    // `cargo bench` adds `--bench`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let Some(unknown) = wanted.iter().find(|name| PARTS.iter().all(|(part, _)| part != name)) {
        let known = PARTS.map(|(name, _)| name).join(", ");
        eprintln!("there is no part `{unknown}`; there are {known}");
        std::process::exit(2);
    }
    let mut table = Table::default();
    for (name, run) in PARTS {
        let usual = wanted.is_empty() && !ONLY_BY_NAME.contains(&name);
        if usual || wanted.iter().any(|one| one == name) {
            eprintln!("{name} … (load {})", figures::load());
            run(&mut table);
        }
    }
    table.print();
    if table.broken {
        std::process::exit(1);
    }
}
