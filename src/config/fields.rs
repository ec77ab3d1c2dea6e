//! The one table of what a config file may hold: unknown keys are told from it, and the JSON Schema is written from it.

use super::checks::{
    alerts, benchmark, ci, command, coverage, drift, http, junit, migrations, promql, sarif, schedule, trivy, version,
};
use super::{Glyphs, LogLevel, Preset, Theme};
use crate::domain::checklist::CheckPhase;
use crate::domain::guardrails::Response;
use crate::domain::signals::Signal;

/// A table of the file.
#[derive(Debug)]
pub struct Section {
    /// Its header, e.g. `[[environments]]`.
    pub header: &'static str,
    /// What it is about.
    pub help: &'static str,
    /// Keys that it must hold.
    pub needed: &'static [&'static str],
    /// What it may hold.
    pub fields: &'static [Field],
}

/// A key of a table.
#[derive(Debug)]
pub struct Field {
    /// The key.
    pub key: &'static str,
    /// What it may be set to.
    pub kind: Kind,
    /// What it is for.
    pub help: &'static str,
    /// What holds without it, as TOML; empty where nothing does.
    pub default: &'static str,
}

/// What a key may be set to.
#[derive(Debug)]
pub enum Kind {
    /// Text that is not empty.
    Text,
    /// `true` or `false`.
    Flag,
    /// A time such as `"30s"`.
    Time,
    /// A time, or `false`.
    TimeOrOff,
    /// A number in these bounds.
    Number(f64, Option<f64>),
    /// A number in these bounds, or `false`.
    NumberOrOff(f64, Option<f64>),
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// Workloads.
    Workloads,
    /// A secret.
    Secret,
    /// A list of texts, none of them empty.
    TextList,
    /// The words of a command: the program and its arguments, which may be empty.
    Words,
    /// An HTTP status, or a list of some.
    Statuses,
    /// Text, a number, or true or false.
    Scalar,
    /// Text by any key.
    Texts,
    /// Whole numbers from one by any key.
    Numbers,
    /// Text or secrets by any key.
    TextsOrSecrets,
    /// Keys by the name of a command.
    Keys,
    /// A table.
    Table(&'static Section),
    /// A table, or `false`.
    TableOrOff(&'static Section),
    /// Tables, in order.
    Tables(&'static Section),
}

pub(super) const fn field(key: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Field {
    Field { key, kind, help, default }
}

/// The file as a whole.
pub static FILE: Section = Section {
    header: "the file",
    help: "Configuration of Release Cockpit.",
    needed: &[],
    fields: &[
        field("service", Kind::Table(&SERVICE), "", "What is released."),
        field("environments", Kind::Tables(&ENVIRONMENT), "", "The environments, in promotion order."),
        field("checks", Kind::Tables(&CHECK), "", "The checklist; without it, a short one that needs no settings."),
        field("sign_offs", Kind::Table(&SIGN_OFFS), "", "Who signs, for all environments that do not say otherwise."),
        field("prometheus", Kind::Table(&PROMETHEUS), "", "Metrics, for all environments that do not say otherwise."),
        field("limits", Kind::Table(&LIMITS), "", "Limits, for all environments that do not say otherwise."),
        field("verdict", Kind::Table(&VERDICT), "", "The judge, for all environments that do not say otherwise."),
        field("guardrails", Kind::Table(&GUARDRAILS), "", "What its word leads to, likewise."),
        field("ui", Kind::Table(&UI), "", "How the screen looks and behaves."),
        field("keys", Kind::Keys, "", "Keys by command: `[]` takes the command off the keyboard."),
        field("journal", Kind::Table(&JOURNAL), "", "The record of what was seen and done."),
        field("log", Kind::Table(&LOG), "", "The program's own log."),
    ],
};

static SERVICE: Section = Section {
    header: "[service]",
    help: "What is released.",
    needed: &[],
    fields: &[
        field("name", Kind::Text, "", "Its name, where it is not that of its workload."),
        field("repository", Kind::Text, "", "Folder of its git repository; relative to the config file."),
        field(
            "tag_prefix",
            Kind::Text,
            "",
            "What stands before the version in the names of its tags; without it, `v`.",
        ),
    ],
};

static ENVIRONMENT: Section = Section {
    header: "[[environments]]",
    help: "One place where the service runs. Their order in the file is the promotion order.",
    needed: &["name"],
    fields: &[
        field("name", Kind::Text, "", "Its name: short, for it is typed to confirm."),
        field(
            "context",
            Kind::Text,
            "",
            "Kube context; may be left out by a single environment: then the current one.",
        ),
        field("namespace", Kind::Text, "", "Namespace; without it the default one of the context."),
        field(
            "workloads",
            Kind::Workloads,
            "",
            "What to watch, as `rollout/NAME` or `deployment/NAME`; without it whatever is found in the namespace.",
        ),
        field("protected", Kind::Flag, "false", "Promotion wants the environment's name typed. Rollback never does."),
        field("read_only", Kind::Flag, "false", "Nothing can be changed here."),
        field("prometheus", Kind::TableOrOff(&PROMETHEUS), "", "Its metrics, over [prometheus]; `false` for none."),
        field("limits", Kind::Table(&LIMITS), "", "Its limits, over [limits]."),
        field("verdict", Kind::Table(&VERDICT), "", "Its judge, over [verdict]."),
        field("guardrails", Kind::Table(&GUARDRAILS), "", "Its guardrails, over [guardrails]."),
        field("sign_offs", Kind::Table(&SIGN_OFFS), "", "Who signs here, instead of [sign_offs]."),
    ],
};

static CHECK: Section = Section {
    header: "[[checks]]",
    help: "One line of the checklist. One key says how it is answered; without one, a person acknowledges it.",
    needed: &["id"],
    fields: &[
        field("id", Kind::Text, "", "Its name: short, for it is typed on the command line."),
        field("title", Kind::Text, "", "What it is about; without it the id."),
        field("phase", Kind::Word(phases), "\"pre\"", "When it has to hold."),
        field("gate", Kind::Flag, "false", "Whether it stops promotions. There is no way to skip a gate."),
        field("environments", Kind::TextList, "", "The environments it is about; without it all."),
        field("owner", Kind::Text, "", "Who looks after it."),
        field("fresh", Kind::Time, "", "How long an answer holds; without it as long as the release is the same."),
        field("timeout", Kind::Time, "\"30s\"", "How long a look may take."),
        field("runbook", Kind::Text, "", "Address of what to read about it."),
        field("artifact", Kind::Flag, "", "All replicas run one digest, and it is what the environment before runs."),
        field("rollback", Kind::Table(&ROLLBACK), "", "There is a revision to go back to."),
        field("signals", Kind::Flag, "", "The live signals are within their limits."),
        field("junit", Kind::Table(&junit::SECTION), "", junit::SECTION.help),
        field("coverage", Kind::Table(&coverage::SECTION), "", coverage::SECTION.help),
        field("sarif", Kind::Table(&sarif::SECTION), "", sarif::SECTION.help),
        field("trivy", Kind::Table(&trivy::SECTION), "", trivy::SECTION.help),
        field("benchmark", Kind::Table(&benchmark::SECTION), "", benchmark::SECTION.help),
        field("ci", Kind::Table(&ci::SECTION), "", ci::SECTION.help),
        field("alerts", Kind::Table(&alerts::SECTION), "", alerts::SECTION.help),
        field("promql", Kind::Table(&promql::SECTION), "", promql::SECTION.help),
        field("http", Kind::Table(&http::SECTION), "", http::SECTION.help),
        field("command", Kind::Table(&command::SECTION), "", command::SECTION.help),
        field("version", Kind::Table(&version::SECTION), "", version::SECTION.help),
        field("migrations", Kind::Table(&migrations::SECTION), "", migrations::SECTION.help),
        field("drift", Kind::Table(&drift::SECTION), "", drift::SECTION.help),
        field("schedule", Kind::Table(&schedule::SECTION), "", schedule::SECTION.help),
    ],
};

static ROLLBACK: Section = Section {
    header: "`rollback`",
    help: "There is a revision to go back to, and its image is known.",
    needed: &[],
    fields: &[field(
        "drilled_within",
        Kind::Time,
        "",
        "A rollback was carried out here within this time, by the journal.",
    )],
};

static SIGN_OFFS: Section = Section {
    header: "[sign_offs]",
    help: "Who has to sign GO before a promotion. Without roles nobody has to.",
    needed: &[],
    fields: &[
        field("roles", Kind::Numbers, "{}", "How many people sign in each role, e.g. { sre = 1, product = 1 }."),
        field("four_eyes", Kind::Flag, "true", "Nobody signs in two roles."),
    ],
};

static PROMETHEUS: Section = Section {
    header: "[prometheus]",
    help: "Where the live signals come from. Without it verdicts are blind, and promotion is not gated by metrics.",
    needed: &[],
    fields: &[
        field("url", Kind::Text, "", "Address of the server, without /api/v1."),
        field("preset", Kind::Word(presets), "\"plain\"", "Whose metrics to ask for."),
        field("labels", Kind::Texts, "{}", "Extra matchers for every query, e.g. `cluster = \"eu\"`."),
        field("window", Kind::Time, "\"1m\"", "What rates are taken over: at least two scrapes long."),
        field(
            "interval",
            Kind::Time,
            "\"10s\"",
            "How often to ask. After three of them without an answer data is stale.",
        ),
        field("timeout", Kind::Time, "\"5s\"", "How long one answer may take."),
        field("username", Kind::Text, "", "User of basic authentication; wants `password`."),
        field("password", Kind::Secret, "", "Password of basic authentication."),
        field("bearer_token", Kind::Secret, "", "Bearer token, instead of user and password."),
        field("headers", Kind::TextsOrSecrets, "{}", "Extra request headers, e.g. `X-Scope-OrgID = \"payments\"`."),
        field("ca_file", Kind::Text, "", "Certificate authority to trust as well (PEM); relative to the config file."),
        field("insecure", Kind::Flag, "false", "Do not check the server's certificate."),
        field("queries", Kind::Table(&QUERIES), "", "Own PromQL in place of the preset's, by signal."),
        field("counters", Kind::Table(&COUNTERS), "", "Own counters in place of the preset's, for the judge."),
    ],
};

static COUNTERS: Section = Section {
    header: "[prometheus.counters]",
    help: "Own counters for the judge, which counts requests and needs no rates. Each is a plain selector with `{{pods}}`; \
           without them those of the preset are counted. Placeholders are those of [prometheus.queries].",
    needed: &[],
    fields: &[
        field("requests", Kind::Text, "", "All requests, e.g. `hits_total{pod=~\"{{pods}}\"}`."),
        field("errors", Kind::Text, "", "Failed ones: a matcher such as `code=~\"5..\"`, or a counter of their own."),
        field("latency", Kind::Text, "", "Latency in seconds: the `_bucket` series of a histogram, or a native one."),
        field(
            "replica_label",
            Kind::Text,
            "",
            "Label of the server, where several scrape the same pods; `replica` and `prometheus_replica` are known.",
        ),
    ],
};

static QUERIES: Section = Section {
    header: "[prometheus.queries]",
    help: "Own PromQL by signal. Each gives one number per track; `{{pods}}` tells the tracks apart. Placeholders: \
           {{namespace}}, {{workload}}, {{pods}} (a regular expression for the track's pods), {{window}}, {{labels}}.",
    needed: &[],
    fields: &[
        field("rps", Kind::Text, "", "Requests per second."),
        field("error_ratio", Kind::Text, "", "Failed requests over all requests, 0 to 1."),
        field("p50", Kind::Text, "", "Median latency in seconds."),
        field("p95", Kind::Text, "", "95th percentile of latency in seconds."),
        field("p99", Kind::Text, "", "99th percentile of latency in seconds."),
        field("saturation", Kind::Text, "", "CPU cores per pod, or whatever fills up first."),
    ],
};

static LIMITS: Section = Section {
    header: "[limits]",
    help: "Limits on the live signals: promotion stops at them. `false` turns one off.",
    needed: &[],
    fields: &[
        field("error_ratio", Kind::NumberOrOff(0.0, Some(1.0)), "0.01", "Greatest share of failed requests, 0 to 1."),
        field("p99", Kind::TimeOrOff, "\"1s\"", "Greatest 99th percentile of latency."),
        field(
            "error_factor",
            Kind::NumberOrOff(1.0, None),
            "3.0",
            "The canary may fail at most this many times as often as stable …",
        ),
        field(
            "error_slack",
            Kind::Number(0.0, Some(1.0)),
            "0.002",
            "… once it exceeds stable by more than this, so that one error against none is no alarm.",
        ),
        field(
            "p99_factor",
            Kind::NumberOrOff(1.0, None),
            "1.5",
            "The canary's p99 may be this many times that of stable.",
        ),
        field("min_rps", Kind::Number(0.0, None), "0.1", "Requests per second below which numbers do not count."),
    ],
};

static VERDICT: Section = Section {
    header: "[verdict]",
    help: "When the judge calls a canary worse than stable, and when it calls it healthy.",
    needed: &[],
    fields: &[
        field("every", Kind::Time, "\"15s\"", "How often it counts; never more often than the metrics are asked."),
        field(
            "alpha",
            Kind::Number(1e-9, Some(0.5)),
            "0.01",
            "Chance that a healthy canary is ever called regressed, however often one looks.",
        ),
        field("alpha_warn", Kind::Number(1e-9, Some(0.5)), "0.05", "Chance that it is ever called suspect."),
        field(
            "tolerance",
            Kind::Number(1.0, Some(100.0)),
            "1.0",
            "The canary may fail this many times as often as stable before it counts towards a rollback.",
        ),
        field("auto_tolerance", Kind::Flag, "true", "The tolerance grows to what the pods of stable differ by."),
        field("slo", Kind::Number(0.5, Some(0.999_999)), "0.999", "Share of requests that must succeed over 30 days."),
        field(
            "healthy_below",
            Kind::Number(1e-6, Some(0.99)),
            "",
            "The canary is healthy once provably fewer than this share of its requests fail; without it 14.4 times what \
             `slo` allows.",
        ),
        field(
            "slow",
            Kind::Time,
            "",
            "A request that takes longer is slow; without it latency needs no proof of health.",
        ),
        field("slow_share", Kind::Number(1e-6, Some(0.99)), "0.01", "Share of requests that may be slow."),
        field("planned", Kind::Time, "\"1h\"", "How long a canary is planned to take."),
        field("min_errors", Kind::Number(0.0, Some(1e6)), "3", "Errors of the canary without which none roll back."),
    ],
};

static GUARDRAILS: Section = Section {
    header: "[guardrails]",
    help: "What the judge's word leads to. A suspicion holds at most; only proof rolls back.",
    needed: &[],
    fields: &[
        field("errors", Kind::Word(responses), "\"rollback\"", "When the canary fails more often than stable."),
        field("latency", Kind::Word(responses), "\"pause\"", "When it is slower than stable."),
        field(
            "budget",
            Kind::Word(responses),
            "\"rollback\"",
            "When it burns the error budget; rolls back at 1 % of 30 days.",
        ),
        field(
            "autopilot",
            Kind::Flag,
            "false",
            "Cockpit acts by itself while it is open; otherwise it says what it would do.",
        ),
        field("hold", Kind::Time, "\"20s\"", "How long a canary is held before autopilot rolls it back: `x` keeps it."),
    ],
};

static UI: Section = Section {
    header: "[ui]",
    help: "How the screen looks and behaves.",
    needed: &[],
    fields: &[
        field("theme", Kind::Word(themes), "\"auto\"", "Colours; `none` is for those who see none."),
        field("glyphs", Kind::Word(glyphs), "\"unicode\"", "What lines and charts are drawn with."),
        field("mouse", Kind::Flag, "false", "Capture the mouse; off leaves selecting to the terminal."),
    ],
};

static JOURNAL: Section = Section {
    header: "[journal]",
    help: "The record of what was seen and done.",
    needed: &[],
    fields: &[field(
        "dir",
        Kind::Text,
        "",
        "Its folder; without it $XDG_STATE_HOME/release-cockpit/journals. Relative to the config file; `~/` is home.",
    )],
};

static LOG: Section = Section {
    header: "[log]",
    help: "The program's own log, in $XDG_STATE_HOME/release-cockpit.",
    needed: &[],
    fields: &[field("level", Kind::Word(levels), "\"info\"", "How much goes to it.")],
};

fn phases() -> Vec<&'static str> {
    CheckPhase::ALL.map(CheckPhase::word).to_vec()
}

fn responses() -> Vec<&'static str> {
    Response::ALL.map(Response::word).to_vec()
}

fn presets() -> Vec<&'static str> {
    Preset::ALL.map(Preset::word).to_vec()
}

fn themes() -> Vec<&'static str> {
    Theme::ALL.map(Theme::word).to_vec()
}

fn glyphs() -> Vec<&'static str> {
    Glyphs::ALL.map(Glyphs::word).to_vec()
}

fn levels() -> Vec<&'static str> {
    LogLevel::ALL.map(LogLevel::word).to_vec()
}

/// Returns the signal that a key of `[prometheus.queries]` is about.
#[must_use]
pub fn signal(key: &str) -> Option<Signal> {
    Signal::ALL.into_iter().find(|signal| signal.name() == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_those_of_the_signals() {
        assert_eq!(QUERIES.fields.len(), Signal::ALL.len());
        assert!(QUERIES.fields.iter().all(|field| signal(field.key).is_some()));
    }
}
