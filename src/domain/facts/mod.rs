//! Facts about objects, series and repositories.

pub mod access;
pub mod analysis_run;
pub mod changes;
pub mod cluster;
pub mod counters;
pub mod credentials;
pub mod direction;
pub mod event;
pub mod experiment;
pub mod flag;
pub mod freshness;
pub mod ids;
pub mod object;
pub mod owner;
pub mod pod;
pub mod reduce;
pub mod replicaset;
pub(in crate::domain) mod serde_pairs;
pub mod series;
pub mod signals;
pub mod step;
pub mod suggest;
pub mod text;
pub mod verb;
pub mod why;
pub mod workload;
