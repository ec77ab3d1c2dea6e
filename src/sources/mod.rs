//! What we sense: each source turns the outside into [`Feed`](crate::domain::world::feed::Feed)s, with its own backoff,
//! health and age. Sources never see the executors.

pub mod changes;
pub mod checks;
pub mod flags;
pub mod git;
pub mod inbox;
pub mod kubernetes;
pub mod prometheus;
pub mod registry;
