//! What the journal keeps: actions, checks, what people stated.

pub mod action;
pub mod checklist;
pub mod guardrails;
pub mod journal;
pub mod ledger;
pub mod receipt;
pub mod recovered;
pub mod rejection;
pub mod shared;
