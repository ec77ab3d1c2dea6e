//! What several tests share.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

pub mod prometheus;
