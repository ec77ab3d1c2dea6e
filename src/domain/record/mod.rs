//! What the journal records: actions, checks, statements of people.

pub mod action;
pub mod allowed_lane;
pub mod allowed_signers;
pub mod anchor;
pub mod checklist;
pub mod flag_off;
pub mod flag_set;
pub mod freeze;
pub mod guardrails;
pub mod journal;
pub mod lane;
pub mod later_stop;
pub mod ledger;
pub mod proof;
pub mod receipt;
pub mod recovered;
pub mod regression;
pub mod rejection;
pub mod requirement;
pub mod shared;
mod ssh_signature;
pub mod statements;
