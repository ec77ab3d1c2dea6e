//! Everything that runs with the usual test harness and goes through the product's public surface or its binary: one
//! module for each behaviour. `tests/README.md` says what is where.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod appearing;
mod backtest;
mod build;
mod changes;
mod config;
mod config_example;
mod config_load;
mod evidence;
mod evidence_of_tools;
mod journeys;
mod judge;
mod lanes;
mod logins;
mod migrations;
#[path = "../fuzz/properties/mod.rs"]
mod properties;
mod readme;
mod rooms;
mod screens;
mod security;
mod seeds;
mod terminal;
mod trust;

/// The program under test, in a home of its own.
fn cockpit() -> support::Program {
    support::Program::new(env!("CARGO_BIN_EXE_cockpit"))
}
