//! Real servers on loopback behind the real clients: a Kubernetes API subset, a Prometheus API subset.

// A failed expectation is what ends a test.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod clock;
mod controllers;
pub mod faults;
mod kubernetes;
mod scenario;
mod traffic;

pub use kubernetes::Recorded;
pub use kubernetes::access::{Access, Role, User};
