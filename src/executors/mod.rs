//! The only way anything outside is changed.
//!
//! Intent on disk, precondition, request, look, outcome on disk. Only a [`Plan`](crate::domain::rules::action::Plan) passes,
//! and only [`plan`](fn@crate::domain::rules::action::plan) makes one. A request that may have done something is never sent twice:
//! what is unknown is settled by looking.

mod allowed;
mod anchoring;
mod confirmation;
pub mod dispatcher;
pub mod executor;
pub mod flags;
pub mod git;
pub mod journal;
mod journal_file;
mod journal_writer;
pub mod kubernetes;
pub mod owner;
pub mod pipeline;
pub mod recovery;
pub mod registry;
mod sending;
pub mod signing;
mod statements;
pub mod tag;

pub use confirmation::SERVE_TIMEOUT;
pub use dispatcher::Dispatcher;
pub use journal::Journal;
