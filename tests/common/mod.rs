//! Fixtures of the screens: models of releases in every state that the screens must show well.

pub mod build;
pub mod hostile;
pub mod picture;
pub mod scenes;
pub mod shots;
