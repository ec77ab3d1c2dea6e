//! The judge: is the canary worse than stable, how sure is that, and what would it take to know?
//!
//! It judges counts, not rates, and may be consulted after every scrape for ever: the chance that a healthy canary is ever
//! called regressed stays below the configured alpha (Ville's inequality).

mod scrape;

pub use scrape::{Bucket, Counts, Look, PodCounts, Scrape};
