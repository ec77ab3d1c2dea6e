//! Real servers on loopback behind the real clients: a Kubernetes API subset, a Prometheus API subset.

// A failed expectation is what ends a test.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod clock;
pub mod faults;
mod kubernetes;

pub use kubernetes::Recorded;
pub use kubernetes::access::{Access, Role, User};
