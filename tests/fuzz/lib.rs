//! What must hold for any bytes, for the fuzzer's targets.

#[path = "../it/build/mod.rs"]
pub mod build;
mod properties;

pub use properties::*;
