//! Rules over the world: verdict, gates, plans.

pub mod action;
pub mod backtest;
pub mod checklist;
pub mod code_or_flag;
#[cfg(feature = "demo")]
pub mod drill;
pub mod flag_environments;
pub mod flag_lint;
pub mod flag_rollout;
pub mod forecast;
pub mod lane;
pub mod refusal;
pub mod rejected;
pub mod release_state;
mod take;
pub mod verdict;
mod world_checks;
