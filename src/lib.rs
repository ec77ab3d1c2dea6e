//! Release Cockpit: watch a release, decide, and promote, pause or roll it back.
//!
//! # Modules
//!
//! Who may import whom (`tests/it/rooms.rs` checks the `use` lines):
//!
//! - [`domain`] is pure: facts, records and rules. No clock, no I/O, no other module.
//! - [`core`] is pure: the state machine behind screen and commands, messages in and effects out.
//! - [`keys`] is pure: the table of commands and the keys that reach them.
//! - [`app`] is pure: the model of the screen, and how keys and messages change it.
//! - [`platform`] is infrastructure that several modules share: kubeconfigs, clients of API servers, private files,
//!   redaction. It knows [`domain`].
//! - [`config`] reads file, environment variables and flags; it knows [`domain`], [`keys`] and [`platform`].
//! - [`cli`] is the command line and the output of commands: pure text from the model.
//! - [`sources`] read from outside: Kubernetes, Prometheus, git. They never import the executors.
//! - [`executors`] write to the outside; every write passes [`executors::Dispatcher`]. They never import the sources.
//! - [`view`] is pure: draws the model for the terminal's size, glyphs and colours.
//! - [`failpoints`] are places at which tests crash the program; without their feature they are empty.
//! - [`runtime`] connects them: event loop, terminal, signals, headless commands. Nothing imports it.
//!
//! # Laws
//!
//! Comments refer to them by number. Property tests hold the pure code to them, contract tests the edges.
//!
//! 1. A gate that is not green on fresh, complete data blocks whatever gives users more of a version. The effect counts,
//!    not the verb, and no flag or key skips a gate. Unseen, unreadable and undecided are not green.
//! 2. The artifact that was verified is the one that is promoted: digests read from the pods of the previous environment,
//!    never a tag.
//! 3. Backward actions (pause, abort, rollback) are never blocked: not by gates, sign-offs, metrics, disks or logins. Only
//!    the API server can refuse them.
//! 4. The intent is on disk before the first byte of a request is sent, and the outcome afterwards. A write is never
//!    retried blindly; a time-out is an unknown outcome, which is settled by reading the cluster.
//! 5. Every write is conditional on the state that the operator saw. When it has changed, a forward plan is refused.
//! 6. Input, update and drawing never wait for network, disk or terminal, and nothing waits for them.
//! 7. No text from outside reaches the terminal unsanitized, and no secret reaches screen, journal or log.
//! 8. Read-only means that no client for writing is constructed.
//! 9. An action is done when the serving revisions show it, not when a request was answered.
//! 10. The controller does what a dialog predicted, or the dialog says that it cannot predict.
//! 11. A revision that was rolled back or aborted stays rejected until a person retries it or it becomes stable.
//! 12. A headless command runs the same engine as its key: same refusals, same journal.
//! 13. NO-GO, regressions and rejections are known wherever a GO is known; less knowledge never permits more.
//! 14. A config, repository or report that was merely found runs nothing and reads no secret until a person trusts it.
//!
//! # Glossary
//!
//! | term | meaning |
//! |---|---|
//! | environment | a place where the service runs: kube context, namespace and metrics; environments have a promotion order |
//! | workload | a Rollout or Deployment that is watched |
//! | track | stable or canary (preview of a blue-green Rollout, new ReplicaSet of a Deployment) |
//! | candidate | the artifact that an environment's checklist is about |
//! | check, gate | a line of the checklist; a gate is a check that blocks promotion |
//! | sign-off | GO or NO-GO of a reviewer, in a role, for one artifact |
//! | lane | a shorter way for one artifact into an environment: named in the config, allowed by a decision, opened by a person until a time |
//! | guardrail | what autopilot does on an analysis result: alert, pause or roll back |
//! | analysis | statistics of canary against stable: regressed, suspect, undecided, healthy or no data |
//! | verdict | GO, WAIT, NO-GO or BLIND, from limits, analysis and gates |
//! | plan | what an action will send, its preconditions and its predicted result |
//! | outcome | what was true after an action |
//! | journal | append-only, hash-chained record of observations, decisions and actions of a release |

pub mod app;
pub mod cli;
pub mod config;
pub mod core;
pub mod domain;
pub mod executors;
pub mod failpoints;
pub mod keys;
pub mod platform;
pub mod runtime;
pub mod sources;
pub mod view;
