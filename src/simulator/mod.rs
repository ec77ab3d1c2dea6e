//! Real servers on loopback behind the real clients: a Kubernetes API subset, a Prometheus API subset.

pub mod prometheus;
