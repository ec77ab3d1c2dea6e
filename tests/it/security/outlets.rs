//! Every way out of the program, in one table: text is printable, and JSON, XML, Markdown and TOML say what was put in.

use std::collections::BTreeSet;

use analysis::{CanaryAnalyzer, Counts, Look, Rules, Scrape};
use clap::CommandFactory as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pulldown_cmark::{Event, Options, Parser, Tag};
use release_cockpit::app::Model;
use release_cockpit::app::model::Screen;
use release_cockpit::cli::backtest::ReplayedRelease;
use release_cockpit::cli::changes::ChangesContext;
use release_cockpit::cli::flag_environments::{self, Asked};
use release_cockpit::cli::gate::Gate;
use release_cockpit::cli::lint_flags::{self, LintReport};
use release_cockpit::cli::output::{json_line, json_pretty};
use release_cockpit::cli::plan::{self, Said, StepPlan};
use release_cockpit::cli::preflight::{self, Local};
use release_cockpit::cli::{Args, backtest, changes, flags, journal, judge, lane, owner, status, watch};
use release_cockpit::config::init;
use release_cockpit::config::{Config, ConfigBase as Folder};
use release_cockpit::domain::facts::changes::Audience;
use release_cockpit::domain::facts::changes::notes::markdown;
use release_cockpit::domain::facts::flag::rules::FlagRules;
use release_cockpit::domain::facts::flag::{Flag, FlagChange, FlagEdit, FlagState, ProviderKind, WhenOff};
use release_cockpit::domain::facts::freshness::Link;
use release_cockpit::domain::facts::ids::{EnvName, WorkloadId, WorkloadKey, WorkloadKind};
use release_cockpit::domain::facts::owner::{Automation, Owned, Owner, OwnerKind, Reconciler, Suspension};
use release_cockpit::domain::facts::signals::Tracks;
use release_cockpit::domain::facts::text::is_unsafe;
use release_cockpit::domain::record::action::Verb;
use release_cockpit::domain::record::guardrails::Guardrails;
use release_cockpit::domain::record::journal::Line;
use release_cockpit::domain::rules::backtest::{Deed, End, Past};
use release_cockpit::domain::rules::flag_lint::{self, FlagsUnknown};
use release_cockpit::domain::world::feed::Feed;
use release_cockpit::domain::world::flags::FlagSettings;
use release_cockpit::domain::world::{EnvSettings, Environment, World};
use release_cockpit::view::theme::{Palette, Theme};
use serde_json::Value;

use crate::build::{hostile, parts, picture};

/// What a report must be.
#[derive(Clone, Copy)]
enum Form {
    /// Lines without anything but text.
    Text,
    /// JSON, a value or one in each line.
    Json,
    /// XML in which nothing became a tag that was text.
    Xml,
    /// Markdown in which nothing became a link, HTML or code that was text.
    Markdown,
    /// A config that says what was found.
    Toml,
}

type Write = fn(&Model, &str) -> String;

/// Each command that prints what came from outside, its format, and how it is written. A dash stands for the only one.
const REPORTS: [(&str, &str, Form, Write); 30] = [
    ("status", "text", Form::Text, |model, text| status::text(&model.core.world, Some(text), model.core.now)),
    ("status", "json", Form::Json, |model, text| {
        json_pretty(&status::json(&model.core.world, Some(text), model.core.now))
    }),
    ("status --watch", "text", Form::Text, |model, _| {
        watched(model, |change| change.line(parts::now(), &TimeZone::UTC))
    }),
    ("status --watch", "json", Form::Json, |model, _| watched(model, |change| change.json(parts::now()))),
    ("changes", "text", Form::Text, |_, text| changes::text(&hostile::changes(text), &place(text))),
    ("changes", "json", Form::Json, |_, text| json_pretty(&changes::json(&hostile::changes(text), &place(text)))),
    ("changes", "markdown", Form::Markdown, |_, text| {
        Audience::ALL.map(|audience| markdown(&hostile::changes(text), audience)).concat()
    }),
    ("plan", "text", Form::Text, |model, text| planned(model, text, plan::text)),
    ("plan", "json", Form::Json, |model, text| planned(model, text, |plan| json_pretty(&plan::json(plan)) + "\n")),
    ("preflight", "text", Form::Text, |model, text| preflight::text(&items(model, text))),
    ("preflight", "json", Form::Json, |model, text| json_pretty(&preflight::json(&items(model, text)))),
    ("gate", "text", Form::Text, |model, _| gates(model, |gate| gate.text() + "\n")),
    ("gate", "json", Form::Json, |model, _| gates(model, |gate| json_line(&gate.json()) + "\n")),
    ("gate", "junit", Form::Xml, |model, _| gates(model, |gate| gate.junit().trim_end().to_owned())),
    ("check", "-", Form::Text, |model, _| {
        gates(model, |gate| gate.list.checks().map(|(check, state)| gate.check_text(check, state)).collect())
    }),
    ("flags", "text", Form::Text, |model, text| {
        let world = flagged(text);
        let env = &world.environments[0];
        flags::text(env, &flags::chosen(env, true), Some(&unread(text)), model.core.now)
    }),
    ("flags", "json", Form::Json, |model, text| {
        let world = flagged(text);
        let env = &world.environments[0];
        let flags = flags::json(&world, env, &flags::chosen(env, true), Some(&unread(text)), model.core.now);
        json_pretty(&flags) + "\n"
    }),
    ("flags of all", "text", Form::Text, |model, text| everywhere(model, text, flag_environments::text)),
    ("flags of all", "json", Form::Json, |model, text| {
        everywhere(model, text, |world, asked, rows, now| {
            json_pretty(&flag_environments::json(world, asked, rows, now)) + "\n"
        })
    }),
    ("flags lint", "text", Form::Text, |model, text| linted(model, text, lint_flags::text)),
    ("flags lint", "json", Form::Json, |model, text| {
        linted(model, text, |reports| json_pretty(&lint_flags::json(reports)) + "\n")
    }),
    ("owner", "text", Form::Text, |model, text| owner::text(&text, Some(&owned(text)), model.core.now)),
    ("owner", "json", Form::Json, |_, text| json_pretty(&owner::json(&owned(text))) + "\n"),
    ("lane list", "text", Form::Text, |model, _| lanes(model, lane::text)),
    ("lane list", "json", Form::Json, |model, _| {
        lanes(model, |world, envs, now| json_pretty(&lane::json(world, envs, now)) + "\n")
    }),
    ("judge", "text", Form::Text, |_, text| judged(text, judge::text)),
    ("judge", "json", Form::Json, |_, text| judged(text, judge::json)),
    ("backtest", "text", Form::Text, |_, text| backtest::text(&[looked(text)], &TimeZone::UTC)),
    ("log", "show", Form::Text, |model, _| journal::text(&lines(model), &TimeZone::UTC).join("\n")),
    ("init", "-", Form::Toml, |_, text| init::text(&found(text), None)),
];

/// Commands that print nothing from outside, or only through the sanitizer of all output: see `strings`.
const OTHERS: [&str; 23] = [
    "abort",
    "ack",
    "completions",
    "config",
    "demo",
    "drill",
    "freeze",
    "help",
    "lane",
    "man",
    "pause",
    "promote",
    "release",
    "require",
    "restart",
    "resume",
    "retry",
    "rollback",
    "sign",
    "tag",
    "trust",
    "unfreeze",
    "wait",
];

fn watched(model: &Model, write: impl Fn(&watch::Change) -> String) -> String {
    watch::diff(&World::default(), &model.core.world).iter().map(|change| write(change) + "\n").collect()
}

fn place(text: &str) -> ChangesContext<'_> {
    ChangesContext { env: text, standing: "under way", before: Some(text) }
}

fn planned(model: &Model, text: &str, write: impl Fn(&StepPlan) -> String) -> String {
    let target = model.target().expect("a workload is selected");
    let said = [Said::NoSteps(text.to_owned()), Said::Blind(text.to_owned())];
    said.into_iter().map(|said| write(&StepPlan { target: target.clone(), said })).collect()
}

fn items(model: &Model, text: &str) -> Vec<preflight::Item> {
    let (config, journals, journal_broken) = (Some(text.to_owned()), text.to_owned(), Some(text.to_owned()));
    preflight::items(&model.core.world, &Local { config, journals, journal_broken }, model.core.now)
}

fn gates(model: &Model, write: impl Fn(&Gate<'_>) -> String) -> String {
    model.core.world.environments.iter().map(|env| write(&Gate::of(&model.core.world, env, model.core.now))).collect()
}

fn lanes(model: &Model, write: impl Fn(&World, &[&Environment], Timestamp) -> String) -> String {
    let world = &model.core.world;
    let text = write(world, &world.environments.iter().collect::<Vec<_>>(), model.core.now);
    assert_ne!(text, "no lane was opened\n");
    text
}

fn judged(text: &str, write: fn(&analysis::Report, &mut Vec<u8>)) -> String {
    let requests = || Counts { requests: 40, ..Counts::default() };
    let mut judge = CanaryAnalyzer::new(Rules::default());
    judge.take(&Look::Scrape(Scrape { t: 15.0, canary: requests(), stable: requests(), stable_pods: Vec::new() }));
    judge.take(&Look::Changed { t: 20.0, what: text.to_owned() });
    let changed = judge.report();
    judge.take(&Look::Missing { t: 30.0, why: text.to_owned() });
    let mut out = Vec::new();
    write(&changed, &mut out);
    write(&judge.report(), &mut out);
    String::from_utf8(out).unwrap()
}

fn looked(text: &str) -> ReplayedRelease {
    let target = WorkloadKey { env: EnvName::new(text), workload: WorkloadId::new(WorkloadKind::Rollout, text) };
    let deed = Deed { at: parts::ago(60), verb: Verb::Rollback, who: text.to_owned(), headline: text.to_owned() };
    let past = Past {
        target,
        release: text.to_owned(),
        tracks: Tracks { stable: Some(text.to_owned()), canary: Some(text.to_owned()) },
        from: parts::ago(600),
        to: parts::now(),
        deeds: vec![deed],
        end: End::Aborted(parts::ago(60)),
    };
    ReplayedRelease { past, rails: Guardrails::default(), found: Err(text.to_owned()) }
}

fn owned(text: &str) -> Owned {
    let text = || text.to_owned();
    let found = Reconciler {
        uid: text(),
        resource_version: text(),
        namespace: text(),
        automation: Automation::Suspended(Some(Suspension { by: text(), at: parts::ago(60), automated: Value::Null })),
        is_syncing: false,
        lists_it: true,
        differs: Some(vec![text()]),
        in_sync: Some(false),
        ignores_some: false,
        compared_at: None,
        commit: Some(text()),
        source: Some(text()),
        written_by: Some(text()),
    };
    let owner = Owner { kind: OwnerKind::ArgoCd, namespace: Some(text()), name: text() };
    Owned { owner, found: Some(Ok(found)) }
}

/// A world with a feature flag of a provider that does not answer, which the code of the release names.
fn flagged(text: &str) -> World {
    let settings = FlagSettings {
        provider: text.to_owned(),
        place: text.to_owned(),
        of_release: Vec::new(),
        kind: ProviderKind::Unleash,
        shared_with: Vec::new(),
        rollouts: Vec::new(),
    };
    let mut env = Environment::new(EnvSettings { flags: vec![settings], ..EnvSettings::new("prod") });
    let flag = Flag {
        name: text.to_owned(),
        state: FlagState::On,
        kind: Some(text.to_owned()),
        owner: Some(text.to_owned()),
        tags: vec![text.to_owned()],
        ticket: Some(text.to_owned()),
        created: None,
        is_stale: true,
        changes: vec![FlagChange { by: text.to_owned(), at: parts::now(), what: FlagEdit::On }],
        version: Some(text.to_owned()),
        holder: None,
        when_off: WhenOff::default(),
    };
    env.flags[0].heard.link = Link::Down(text.to_owned());
    env.flags[0].flags = std::sync::Arc::new(vec![flag]);
    let mut world = World { environments: vec![env], ..World::default() };
    let gathered = Ok(std::sync::Arc::new(hostile::changes(text)));
    world.take(Feed::Changes { env: EnvName::new("prod"), subject: text.to_owned(), gathered }, parts::now());
    world
}

fn unread(text: &str) -> FlagsUnknown {
    FlagsUnknown::Code(text.to_owned())
}

/// The flags of all environments.
fn everywhere(
    model: &Model,
    text: &str,
    write: impl Fn(&World, &[Asked<'_>], &[flag_environments::Row<'_>], Timestamp) -> String,
) -> String {
    let world = flagged(text);
    let asked: Vec<Asked<'_>> = world.environments.iter().map(|env| (env, Some(unread(text)))).collect();
    write(&world, &asked, &flag_environments::chosen(&asked, true), model.core.now)
}

/// What is wrong with a flag, and why more may be, all in this text.
fn linted(model: &Model, text: &str, write: impl Fn(&[LintReport<'_>]) -> String) -> String {
    let world = flagged(text);
    let env = &world.environments[0];
    let flags = flag_lint::lint(&world, env, true, model.core.now);
    let unknown = flag_lint::unknown(&world, (env, None), &FlagRules::default(), model.core.now);
    write(&[LintReport { env: env.name(), flags, unknown }])
}

fn lines(model: &Model) -> Vec<Line> {
    model.core.journal.lines.iter().cloned().collect()
}

fn found(text: &str) -> Vec<init::DiscoveredContext> {
    let workloads = vec![WorkloadId::new(WorkloadKind::Rollout, text)];
    vec![init::DiscoveredContext { context: text.to_owned(), namespace: text.to_owned(), workloads }]
}

/// Texts that break out of each of the formats.
fn texts() -> Vec<String> {
    let mut texts = hostile::texts();
    texts.extend(
        [
            "</failure></testcase><testcase name=\"forged\"/>",
            "]]><x y='z' & &amp; &#x1b;",
            "\" />\n<testcase name=\"forged\">",
            "[here](javascript:alert) <script>x</script> ![i](http://x) `a` | b |\n# forged\n* * *",
            "\"\nforged = true\n[[environments]]\nname = \"forged\"",
            "'''\n\"\"\"\\",
            "\u{1b}]0;title\u{7}\u{1b}P1$q\u{1b}\\\u{90}x\u{9c}\u{1b}]8;;http://x\u{1b}\\y",
            "\u{202e}\u{2067}\u{e0041}\u{e007f}\u{fffe}\u{0}\u{7f}",
        ]
        .map(str::to_owned),
    );
    texts
}

fn is_printable(report: &str, name: &str) {
    for line in report.split('\n') {
        assert!(!line.chars().any(is_unsafe), "{name}: {line:?}");
    }
}

#[test]
fn every_report_is_printable_and_faithful() {
    for text in texts() {
        let model = hostile::model_of(&text);
        for (command, format, form, write) in REPORTS {
            let (name, report) = (format!("{command} {format}"), write(&model, &text));
            is_printable(&report, &name);
            match form {
                Form::Text => {}
                Form::Json => is_json(&report, &name),
                Form::Xml => is_xml(&report, &text),
                Form::Markdown => is_markdown(&report),
                Form::Toml => is_toml(&report, &text),
            }
        }
    }
}

fn is_json(report: &str, name: &str) {
    let values: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(report).into_iter().collect();
    assert!(values.is_ok_and(|values| !values.is_empty()), "{name}: {report}");
}

/// Nothing became a tag that is not one of ours, and the check's name is read back as it was, as far as XML can hold it.
fn is_xml(report: &str, text: &str) {
    use quick_xml::events::Event::{Empty, Eof, Start};
    for document in report.split_inclusive("</testsuite>") {
        let mut reader = quick_xml::Reader::from_str(document);
        let mut names = Vec::new();
        loop {
            let event = reader.read_event().expect("XML that is whole");
            match event {
                Eof => break,
                Start(tag) | Empty(tag) => {
                    let known = ["testsuite", "testcase", "failure", "error", "skipped", "system-out"];
                    let name = tag.name().as_ref().to_owned();
                    assert!(known.contains(&name.as_str()), "<{name}> of {text:?}");
                    for attribute in tag.attributes() {
                        let attribute = attribute.expect("an attribute that is whole");
                        if name == "testcase" && attribute.key.as_ref() == "name" {
                            names.push(
                                quick_xml::escape::unescape(&attribute.value).expect("entities of XML").into_owned(),
                            );
                        }
                    }
                }
                _ => {}
            }
        }
        assert!(names.iter().all(|name| name != "forged"), "{names:?}");
        let held = |c: char| c != '\n' && (c == '\t' || !c.is_control()) && !matches!(c, '\u{fffe}' | '\u{ffff}');
        if text.chars().all(held) {
            assert!(names.iter().any(|name| name == text), "{text:?} is not among {names:?}");
        }
    }
}

/// Nothing became more than text in headings, lists, tables and our own emphasis.
fn is_markdown(report: &str) {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    for event in Parser::new_ext(report, options) {
        let harmful = matches!(
            event,
            Event::Html(_)
                | Event::InlineHtml(_)
                | Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::HtmlBlock | Tag::CodeBlock(_))
        );
        assert!(!harmful, "{event:?} in\n{report}");
        if let Event::Text(text) = event {
            assert_ne!(&*text, "forged");
        }
    }
}

/// What was found is what the config says, and nothing else.
fn is_toml(report: &str, text: &str) {
    let read: toml::Table = report.parse().unwrap_or_else(|error| panic!("{error}\n{report}"));
    let environments = read["environments"].as_array().unwrap();
    assert_eq!(environments.len(), 1, "{report}");
    assert!(!environments[0].as_table().unwrap().contains_key("forged") && !read.contains_key("forged"), "{report}");
    assert_eq!(environments[0]["context"].as_str(), Some(text));
    assert_eq!(environments[0]["workloads"][0].as_str(), Some(format!("rollout/{text}").as_str()));
    // It may be refused for its names, but not misread.
    drop(Config::parse(report, &Folder::default()));
}

#[test]
fn every_command_and_every_format_is_in_the_table() {
    let listed: BTreeSet<(&str, &str)> = REPORTS.iter().map(|(command, format, ..)| (*command, *format)).collect();
    for command in Args::command().get_subcommands() {
        let name = command.get_name();
        if OTHERS.contains(&name) {
            continue;
        }
        assert!(listed.iter().any(|(listed, _)| *listed == name), "{name} prints, and no test says what");
        let output = command.get_arguments().find(|argument| argument.get_id() == "output");
        for format in output.iter().flat_map(|output| output.get_possible_values()) {
            let (name, format) = (name, format.get_name().to_owned());
            // JSON of a backtest is written by one macro from its figures.
            let known = listed.contains(&(name, format.as_str())) || (name, format.as_str()) == ("backtest", "json");
            assert!(known, "{name} -o {format} is not in the table");
        }
    }
}

#[test]
fn names_of_a_megabyte_are_drawn_and_printed() {
    let theme = Theme::new(Palette::Ansi, false);
    let text = format!("{}e{}", "x\u{202e}漢".repeat(100_000), "\u{301}".repeat(200_000));
    let mut model = hostile::model_of(&text);
    for (_, _, screen) in Screen::TABS {
        model.ui.screen = screen;
        let (buffer, _) = picture::drawn(&model, &theme, 80, 24);
        assert!(buffer.content.iter().all(|cell| !cell.symbol().chars().any(is_unsafe)));
    }
    is_printable(&status::text(&model.core.world, Some(&text), model.core.now), "status");
}
