//! Whether an action can be done now, what it sends, and whether it took effect.
//!
//! [`plan()`] is the one pure function behind keys, footer, palette and headless commands: it returns either a [`Plan`],
//! which nothing else can make, or every reason why not.

mod arrival;
mod deployment;
mod effect;
pub mod flag;
pub mod git;
pub mod kind;
mod lane;
pub mod owner;
mod pipeline;
mod plan;
mod release;
mod rollback_estimate;
mod rollout;
mod seen;
mod seen_git;
mod seen_pipeline;
mod seen_tag;
mod settle;
pub mod tag;
mod template;
#[cfg(test)]
mod tests;
mod way_back;

pub use kind::{writes, writes_of};
pub use plan::{InProgress, Plan, PlanContext, plan};
pub use release::named;
#[cfg(test)]
pub(crate) use release::tests as release_tests;
pub(super) use release::{digests_of, released_by};
pub use rollback_estimate::{EstimatedRollback, RollbackEstimate, rollback_estimate};
pub use seen::{PutBack, Seen, SeenFlag, SeenOwner, SeenWorkload};
pub use seen_git::{FoundPullRequest, SeenBranch, SeenGit, SeenPullRequest};
pub use seen_pipeline::{RunState, SeenPipeline, SeenRun};
pub use seen_tag::{NamedTag, SeenTag};
pub use settle::{Settled, settled, unnoticed};
pub use template::{TemplateError, annotate, images_patch, restore_patch};
