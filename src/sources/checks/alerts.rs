//! `alerts`: alerts that fire, of Alertmanager or Prometheus.

use super::{Evidence, Scene, Tools};
use crate::config::checks::Alerts;

/// Looks.
pub(super) async fn look(_asked: &Alerts, _scene: &Scene, _tools: &Tools) -> Evidence {
    Evidence::blind("not looked at")
}
