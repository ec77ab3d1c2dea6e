//! Fixtures of the screens: models of releases in every state that the screens must show well.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::assigning_clones,
    reason = "fixtures may fail like tests, and are read more often than run"
)]

pub mod build;
pub mod changes;
pub mod checklists;
pub mod hostile;
pub mod judged;
pub mod picture;
pub mod scenes;
pub mod shots;
