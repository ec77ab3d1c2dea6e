//! Rules for `[prometheus.counters]`.

use super::section;
use crate::config::counters::{CounterSettings, OwnCounters, Selector, SelectorError};
use crate::config::reader::{Reader, Table};

/// Reads counters over those that hold so far. Requests and errors are said together: a share of what one file counts in
/// what another one counts would be none.
pub(super) fn read(reader: &mut Reader, prometheus: &Table<'_>, base: CounterSettings) -> CounterSettings {
    let Some(table) = section(reader, prometheus, "counters") else { return base };
    let replica_label = reader.text(&table, "replica_label").map(|label| label.value).or(base.replica_label);
    let requests = selector(reader, &table, "requests", Selector::parse);
    let errors = match &requests {
        Some(requests) => selector(reader, &table, "errors", |text| Selector::parse_errors(text, requests)),
        None => None,
    };
    let latency = selector(reader, &table, "latency", Selector::parse);
    for (key, other) in [("requests", "errors"), ("errors", "requests"), ("latency", "requests")] {
        if table.get(key).is_some() && table.get(other).is_none() {
            let help = "errors are a share of requests, and both are counted the same way";
            reader.note(table.key_at(key), format!("`{key}` wants `{other}` beside it"), help);
        }
    }
    let own = requests.zip(errors).map(|(requests, errors)| OwnCounters { requests, errors, latency });
    CounterSettings { own: own.or(base.own), replica_label }
}

fn selector(
    reader: &mut Reader,
    table: &Table<'_>,
    key: &str,
    parse: impl FnOnce(&str) -> Result<Selector, SelectorError>,
) -> Option<Selector> {
    let text = reader.text(table, key)?;
    parse(&text.value).map_err(|error| reader.note(text.at, format!("in the counter `{key}`: {error}"), "")).ok()
}
