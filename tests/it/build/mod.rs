//! Builders of what needs the product's own types: models of releases in every state that the screens must show well.
#![expect(
    clippy::unwrap_used,
    clippy::assigning_clones,
    reason = "fixtures may fail like tests, and are read more often than run"
)]

pub mod changes;
pub mod checklists;
pub mod hostile;
pub mod judged;
pub mod lanes;
pub mod parts;
pub mod picture;
pub mod releases;
pub mod shots;
