//! What is played: environments, manifests, images that misbehave, faults at their time.

pub mod behaviour;
