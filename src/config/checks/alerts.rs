//! `alerts`: alerts that fire, of Alertmanager or Prometheus.

use crate::config::fields::Section;
use crate::config::reader::{Reader, Table};

/// Alerts that fire, of Alertmanager or Prometheus.
#[derive(Clone, Debug, PartialEq)]
pub struct Alerts {}

/// What the table may hold.
pub(in crate::config) static SECTION: Section =
    Section { header: "`alerts`", help: "Alerts that fire, of Alertmanager or Prometheus.", needed: &[], fields: &[] };

/// Reads it; `None` where something needed is missing, which is noted.
pub(super) fn read(_reader: &mut Reader, _table: &Table<'_>) -> Option<Alerts> {
    Some(Alerts {})
}
