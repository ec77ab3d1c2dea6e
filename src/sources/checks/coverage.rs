//! `coverage`: coverage reports, LCOV or Cobertura.

use super::{Evidence, Scene, Tools};
use crate::config::checks::Coverage;

/// Looks.
pub(super) async fn look(_asked: &Coverage, _scene: &Scene, _tools: &Tools) -> Evidence {
    Evidence::blind("not looked at")
}
