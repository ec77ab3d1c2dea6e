//! `schedule`: allowed windows and freezes.

use jiff::tz::TimeZone;

use crate::config::reader::{Reader, Table};
use crate::config::section::{Field, Kind, Section};
use crate::domain::record::checklist::schedule;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schedule {
    pub rules: schedule::Schedule,
    /// Where their hours hold; `None` for the zone of this machine.
    pub zone: Option<TimeZone>,
}

pub(in crate::config) const SECTION: Section =
    Section { header: "`schedule`", help: "Now is inside a release window.", needed: &[], groups: &[FIELDS] };

const FIELDS: &[Field] = &[
    Field::new(
            "windows",
            Kind::TextList,
            "When releases are allowed, e.g. \"Mon-Thu 09:00-16:00\"; without any always, but for late Fridays: from Friday \
             15:00 to Monday 06:00.",
        ).or(|| "[]".to_owned()),
    Field::new("freezes", Kind::TextList, "When they are not, e.g. \"2026-12-18..2027-01-04 year end\".").or(|| "[]".to_owned()),
    Field::new(
        "time_zone",
        Kind::Text,
        "Time zone of these hours, e.g. \"Europe/Berlin\"; that of this machine by default.",
    ),
];

pub(super) fn read(reader: &mut Reader, table: &Table<'_>) -> Schedule {
    let windows = parsed(reader, table, "windows", "Mon-Thu 09:00-16:00", schedule::Window::parse);
    let freezes = dates(reader, table, "freezes");
    Schedule { rules: schedule::Schedule { windows, freezes }, zone: zone(reader, table) }
}

/// Reads the days of freezes.
pub(in crate::config) fn dates(reader: &mut Reader, table: &Table<'_>, key: &'static str) -> Vec<schedule::Freeze> {
    parsed(reader, table, key, "2026-12-18..2027-01-04 year end", schedule::Freeze::parse)
}

/// Reads the time zone in which they hold.
pub(in crate::config) fn zone(reader: &mut Reader, table: &Table<'_>) -> Option<TimeZone> {
    let name = reader.text(table, "time_zone")?;
    let zone = TimeZone::get(&name.value).ok();
    if zone.is_none() {
        let what = format!("there is no time zone `{}`", name.value);
        reader.note(name.at, what, "write its name as in \"Europe/Berlin\" or \"UTC\"");
    }
    zone
}

/// Reads a list of texts, each in its own way.
fn parsed<T>(
    reader: &mut Reader,
    table: &Table<'_>,
    key: &'static str,
    example: &str,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Vec<T> {
    let list = reader.list(table, key, &format!("write for example [\"{example}\"]"));
    let mut all = Vec::new();
    for item in list.into_iter().flatten() {
        let Some(text) = reader.text_of(item, key) else { continue };
        match parse(&text.value) {
            Ok(value) => all.push(value),
            Err(what) => reader.note(text.at, what, format!("write it as \"{example}\"")),
        }
    }
    all
}
