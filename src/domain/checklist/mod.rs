//! The checklist: what has to be right before, during and after a release, with the evidence that it is.
//!
//! - [`check`] is one line: what it asks for, what was found, and in which state it is now.
//! - [`candidate`] is what an environment's checklist is about: the artifact on its way in, or the one that is there.
//! - [`known`] are the checks that the world answers by itself: artifact, rollback, live signals.
//! - [`ledger`] is what people said and what was found earlier: acknowledgements, sign-offs, gates that went red.
//! - [`record`] is where what people say is shared with others.
//! - [`schedule`] says whether now is a time to release, and when the next one is.
//! - [`sign_off`] says who has to sign, and which signatures hold.
//! - [`gates`] is the one function that says what stands in the way of a promotion.

pub mod candidate;
pub mod check;
pub mod gates;
pub mod known;
pub mod ledger;
pub mod record;
pub mod schedule;
pub mod sign_off;

pub use candidate::{Candidate, Standing};
pub use check::{Check, CheckId, CheckPhase, CheckSpec, CheckState, Finding, Found, How};
pub use gates::{Answer, answer, in_the_way, verdict};
pub use ledger::{Acknowledgement, Ledger};
pub use sign_off::{Decision, SignOff, SignOffRules};
