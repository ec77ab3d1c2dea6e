//! What a config file may say: small rules, each of which notes what is wrong and goes on.

mod checks;
mod counters;
mod environments;
mod keys;
mod limits;
pub(super) mod prometheus;
pub(super) mod secrets;
mod sign_offs;
mod verdict;

use toml::de::DeTable;

use super::fields::{FILE, Kind, Section};
use super::reader::{Reader, Table};
use super::{Config, EnvDefaults, Glyphs, LogLevel, Preset, Theme, Ui};
use crate::domain::guardrails::Guardrails;
use crate::domain::verdict::Limits;
use analysis::Rules;

use prometheus::Draft;
use reqwest::Url;

/// Reads a whole document. What comes back is of use only where nothing was noted.
pub(super) fn read<'a>(reader: &mut Reader, document: &'a DeTable<'a>, fallback: Option<&Url>) -> Config {
    let file = reader.open(document, 0, &FILE);
    let service = section(reader, &file, "service");
    let name = service.and_then(|table| reader.text(&table, "name"));
    let repository = service.and_then(|table| reader.path(&table, "repository"));
    let tag_prefix = service.and_then(|table| reader.text(&table, "tag_prefix"));
    let limits = match section(reader, &file, "limits") {
        Some(table) => limits::read(reader, &table, &Limits::default()),
        None => Limits::default(),
    };
    let rules = match section(reader, &file, "verdict") {
        Some(table) => verdict::read(reader, &table, &Rules::default()),
        None => Rules::default(),
    };
    let guardrails = match section(reader, &file, "guardrails") {
        Some(table) => verdict::guardrails(reader, &table, &Guardrails::default()),
        None => Guardrails::default(),
    };
    let table = section(reader, &file, "prometheus");
    let draft = table.map(|table| prometheus::read(reader, &table, Draft::default()));
    let checklist = checks::read(reader, &file);
    let sign_offs = section(reader, &file, "sign_offs").map(|table| sign_offs::read(reader, &table));
    let sign_offs = sign_offs.unwrap_or_default();
    let base = environments::Base {
        metrics: draft.as_ref(),
        limits: &limits,
        rules: &rules,
        guardrails: &guardrails,
        sign_offs: &sign_offs,
        fallback,
    };
    let mut environments = environments::read(reader, &file, &base);
    let checks = checks::share_out(reader, checklist, &mut environments);
    // Without an environment that uses it, nobody else would say that it has no address.
    let prometheus = match (table, draft) {
        (Some(table), Some(draft)) if environments.is_empty() => draft.finish(reader, &table, fallback),
        (Some(_), Some(draft)) => draft.with_fallback(fallback),
        _ => fallback.map(|url| super::Prometheus::at(url.clone())),
    };
    Config {
        service: name.map(|name| name.value),
        repository,
        tag_prefix: tag_prefix.map(|prefix| prefix.value),
        environments,
        defaults: EnvDefaults { prometheus, limits, rules, guardrails, checks, sign_offs, ..EnvDefaults::default() },
        ui: section(reader, &file, "ui").map_or_else(Ui::default, |table| ui(reader, &table)),
        keymap: keys::read(reader, &file),
        journal_dir: section(reader, &file, "journal").and_then(|table| reader.path(&table, "dir")),
        log: section(reader, &file, "log")
            .and_then(|table| reader.word(&table, "level", &LogLevel::ALL.map(|level| (level.word(), level))))
            .unwrap_or_default(),
        origin: None,
    }
}

/// Opens a table by its key; what it may hold stands in the table of fields.
fn section<'a>(reader: &mut Reader, of: &Table<'a>, key: &str) -> Option<Table<'a>> {
    reader.table(of, key, section_of(of.section, key)?)
}

/// Returns what a key of a table may hold, where it is a table itself.
fn section_of(of: &'static Section, key: &str) -> Option<&'static Section> {
    of.fields.iter().find(|field| field.key == key).and_then(|field| match field.kind {
        Kind::Table(section) | Kind::TableOrOff(section) | Kind::Tables(section) => Some(section),
        _ => None,
    })
}

fn ui(reader: &mut Reader, table: &Table<'_>) -> Ui {
    Ui {
        theme: reader.word(table, "theme", &Theme::ALL.map(|theme| (theme.word(), theme))).unwrap_or_default(),
        glyphs: reader.word(table, "glyphs", &Glyphs::ALL.map(|glyphs| (glyphs.word(), glyphs))).unwrap_or_default(),
        mouse: reader.flag(table, "mouse").unwrap_or_default(),
    }
}

fn presets() -> [(&'static str, Preset); 5] {
    Preset::ALL.map(|preset| (preset.word(), preset))
}
