//! Candidates, built-in checks, sign-offs, and what blocks a promotion.
//!
//! - [`candidate`] is what an environment's checklist is about: the candidate, or the released artifact.
//! - [`builtin`] answers the checks that the world answers on its own: artifact, rollback, live signals.
//! - [`registry`] says whether registries have what comes in.
//! - `flags` says whether the flags of the release are in order.
//! - [`way`] says where a candidate comes from: from the environment before, or by a lane.
//! - [`required`] compares what the config asks for with what the record says that others ask for.
//! - [`role`] says who has to sign, and which signatures hold.
//! - [`gates`] is the one function that says what blocks a promotion.

mod artifact;
mod built_from;
pub mod builtin;
pub mod candidate;
mod flags;
pub mod gates;
pub mod registry;
pub mod required;
pub mod role;
#[cfg(test)]
mod tests;
pub mod way;

pub use built_from::BuiltFrom;
pub use candidate::{Candidate, CandidateState};
pub use gates::{
    Answer, against_served, answer, in_the_way, in_the_way_of, in_the_way_of_flag, in_the_way_of_retry, leaves_out,
    verdict,
};
