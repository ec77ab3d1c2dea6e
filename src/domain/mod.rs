//! Facts, records, world and rules: four floors, each knows those below it.
//!
//! - [`facts`]: what objects, series and repositories say.
//! - [`record`]: what the journal keeps: actions, checks, what people stated.
//! - [`world`]: environments and what is known of each.
//! - [`rules`]: what follows: verdict, gates, plans.
//!
//! Pure: no clock, no I/O, nothing of ours from other rooms. Time comes in as a parameter, unknown is a value.

pub mod facts;
pub mod record;
pub mod rules;
pub mod world;
