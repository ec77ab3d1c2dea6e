//! The screen as a pure machine: a model, messages in, effects out.
//!
//! [`update::update`] does no I/O and reads no clock; the same messages give the same model and the same screens.

pub mod checklist;
mod confirm;
pub mod flags;
pub mod forecast;
pub(crate) mod freeze;
pub mod hints;
pub mod ladder;
pub mod lane;
pub mod model;
pub mod msg;
pub mod next;
mod on_click;
mod on_key;
pub mod place;
pub mod revisions;
#[cfg(test)]
mod tests;
pub mod timeline;
pub mod update;

pub use model::Model;
pub use msg::{Effect, Hit, Msg};
pub use update::update;
