//! `http`: a smoke test over HTTP.

use super::{Evidence, Scene, Tools};
use crate::config::checks::Http;

/// Looks.
pub(super) async fn look(_asked: &Http, _scene: &Scene, _tools: &Tools) -> Evidence {
    Evidence::blind("not looked at")
}
