//! A config file as a whole: small rules, each of which notes what is wrong and continues.

use reqwest::Url;
use toml::de::DeTable;

use super::checks::{self, check};
use super::environment::{self, Base, EnvConfig};
use super::prometheus::{self, Prometheus, PrometheusDraft};
use super::reader::Reader;
use super::section::{Field, Kind, Section};
use super::{
    Config, argo_cd, feature_flags, flags_in_code, freeze, git, guardrails, journal, keys, lanes, limits, log, record,
    registries, service, sign_offs, ui, verdict,
};

/// The file as a whole.
pub const FILE: Section =
    Section { header: "the file", help: "Configuration of Release Cockpit.", needed: &[], groups: &[FIELDS] };

const FIELDS: &[Field] = &[
    Field::table("service", &service::SECTION),
    Field::new("environments", Kind::Tables(&environment::SECTION), "The environments, in promotion order."),
    Field::new(
        "checks",
        Kind::Tables(&check::SECTION),
        "The checklist; without it, a short one that needs no settings.",
    ),
    Field::new("flags", Kind::Tables(&feature_flags::SECTION), "The providers of feature flags."),
    Field::new("flags_in_code", Kind::TableOrOff(&flags_in_code::SECTION), flags_in_code::SECTION.help),
    Field::new("registries", Kind::Tables(&registries::SECTION), registries::SECTION.help),
    Field::new("sign_offs", Kind::Table(&sign_offs::SECTION), "Sign-off roles, the default for all environments."),
    Field::table("freeze", &freeze::SECTION),
    Field::new("lanes", Kind::Tables(&lanes::SECTION), lanes::SECTION.help),
    Field::new("argo_cd", Kind::Table(&argo_cd::SECTION), "Where Argo CD is, the default for all environments."),
    Field::new("git", Kind::Table(&git::SECTION), "The config repository, the default for all environments."),
    Field::new("prometheus", Kind::Table(&prometheus::SECTION), "Metrics, the default for all environments."),
    Field::new("limits", Kind::Table(&limits::SECTION), "Guardrails, the default for all environments."),
    Field::new("verdict", Kind::Table(&verdict::SECTION), "Canary analysis, the default for all environments."),
    Field::new("guardrails", Kind::Table(&guardrails::SECTION), "What its word leads to, likewise."),
    Field::table("ui", &ui::SECTION),
    Field::new("keys", Kind::Keys, "Keys by command: `[]` takes the command off the keyboard."),
    Field::table("record", &record::SECTION),
    Field::table("journal", &journal::SECTION),
    Field::new("log", Kind::Table(&log::SECTION), "The program's own log."),
];

/// Reads a whole document. What comes back is of use only where nothing was noted.
pub(super) fn read<'a>(reader: &mut Reader, document: &'a DeTable<'a>, fallback: Option<&Url>) -> Config {
    let file = reader.open(document, 0, &FILE);
    let mut config = Config::default();
    reader.over(&file, "service", &mut config.service, service::read_keys);
    reader.over(&file, "ui", &mut config.ui, ui::read_keys);
    reader.over(&file, "journal", &mut config.journal, journal::read_keys);
    reader.over(&file, "log", &mut config.log, log::read_keys);
    config.keymap = keys::read(reader, &file);
    reader.over(&file, "record", &mut config.record, record::read);
    let mut defaults = EnvConfig::default();
    defaults.settings.keys_required = config.record.allowed_signers.is_some();
    environment::read_shared(reader, &file, (&mut defaults.settings, &mut defaults.pull_requests));
    let metrics = reader.table(&file, "prometheus");
    let metrics = metrics.map(|table| (table, prometheus::read(reader, &table, PrometheusDraft::default())));
    let checklist = check::read(reader, &file);
    let base = Base {
        settings: &defaults.settings,
        metrics: metrics.as_ref().map(|(_, draft)| draft),
        pull_requests: defaults.pull_requests.as_ref(),
        fallback,
    };
    config.environments = environment::read(reader, &file, &base);
    defaults.checks = checks::share_out(reader, checklist, &mut config.environments);
    defaults.flags = feature_flags::read(reader, &file, &mut config.environments);
    config.flags_in_code = flags_in_code::read(reader, &file);
    registries::read(reader, &file, &mut config.environments, &mut defaults);
    if let Some(table) = reader.table(&file, "freeze") {
        if let Some(gate) = freeze::read(reader, &table) {
            freeze::share_out(reader, (&table, &gate), &mut config.environments, &mut defaults.checks);
        }
    }
    lanes::share_out(reader, &file, &mut config.environments);
    // Without an environment that uses it, no one else would say that it has no address.
    defaults.prometheus = match metrics {
        Some((table, draft)) if config.environments.is_empty() => draft.finish(reader, &table, fallback),
        Some((_, draft)) => draft.complete(fallback),
        None => fallback.map(|url| Prometheus::at(url.clone())),
    };
    config.defaults = defaults;
    config
}
