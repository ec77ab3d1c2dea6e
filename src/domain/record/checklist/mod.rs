//! The checklist: what must pass before, during and after a release, with evidence.
//!
//! - [`check`] is one line: what it asks for, what was found, and in which state it is now.
//! - [`acknowledgement`] is a person's word that a manual check holds.
//! - [`schedule`] says whether now is a time to release, and when the next one is.
//! - [`sign_off`] is a reviewer's GO or NO-GO, and who has to give one.

pub mod acknowledgement;
pub mod check;
pub mod schedule;
pub mod sign_off;

pub use acknowledgement::Acknowledgement;
pub use check::{BuiltinCheck, Check, CheckId, CheckOutcome, CheckPhase, CheckSpec, CheckState, Finding, How};
pub use sign_off::{Decision, RedRef, SignOff, SignOffRules};
