//! What must hold for any bytes: each module is one family, and its `check` fails where something does not hold.
//!
//! Shared by the fuzzer's targets and by `tests/it/seeds.rs`, which feeds them all seeds without a fuzzer.
#![allow(dead_code, reason = "of the fixtures a few are used")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::assigning_clones,
    reason = "what does not hold fails, like in tests"
)]

pub mod bytes;
pub mod config;
pub mod evidence;
pub mod flags;
pub mod journal;
pub mod judge;
pub mod keys;
pub mod kubernetes;
pub mod pipelines;
pub mod prometheus;
pub mod safe;
pub mod text;

/// What checks bytes of a family.
pub type Check = fn(&[u8]);

/// All families with their names: a folder of seeds for each.
pub const ALL: [(&str, Check); 10] = [
    ("config", config::check),
    ("evidence", evidence::check),
    ("flags", flags::check),
    ("journal", journal::check),
    ("judge", judge::check),
    ("keys", keys::check),
    ("kubernetes", kubernetes::check),
    ("pipelines", pipelines::check),
    ("prometheus", prometheus::check),
    ("text", text::check),
];
