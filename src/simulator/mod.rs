//! Real servers on loopback behind the real clients: a Kubernetes API subset, a Prometheus API subset.

mod clock;
mod controllers;
pub mod faults;
mod kubernetes;
pub mod prometheus;
mod scenario;
mod traffic;

pub use kubernetes::Recorded;
pub use kubernetes::access::{Access, Role, User};
