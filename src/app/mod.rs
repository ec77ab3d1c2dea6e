//! The application as a pure machine: a model, messages in, effects out.
//!
//! [`update::update`] does no I/O and reads no clock; the same messages give the same model and the same screens.

pub mod autopilot;
#[cfg(test)]
mod autopilot_tests;
pub mod checklist;
#[cfg(test)]
mod checklist_tests;
mod confirm;
pub mod hints;
pub mod ladder;
pub mod model;
pub mod msg;
pub mod narrate;
pub mod next;
mod on_click;
mod on_feed;
mod on_key;
mod on_receipt;
pub mod place;
pub mod revisions;
#[cfg(test)]
mod tests;
pub mod timeline;
#[cfg(test)]
mod two_people_tests;
pub mod update;

pub use model::Model;
pub use msg::{Effect, Hit, Msg};
pub use update::update;
