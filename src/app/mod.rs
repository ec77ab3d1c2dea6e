//! The application as a pure machine: a model, messages in, effects out.
//!
//! [`update::update`] does no I/O and reads no clock; the same messages give the same model and the same screens.

pub mod hints;
pub mod model;
pub mod next;
pub mod revisions;

pub use model::Model;
