//! `cockpit init`: a commented config from what clusters run.

use std::fmt::Write as _;

use reqwest::Url;

use super::section::Section;
use super::{limits, prometheus};
use crate::domain::facts::ids::WorkloadId;
use crate::domain::facts::text::is_unsafe;

/// The suggested checklist: what holds without a config, and what is worth adding.
const CHECKLIST: &str = include_str!("../../assets/checklist.toml");

/// What was found behind one context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoveredContext {
    pub context: String,
    /// The namespace that was looked at.
    pub namespace: String,
    pub workloads: Vec<WorkloadId>,
}

/// Returns the text of a config for what was found, in the order given, with the keys that are left at their default as
/// comments.
#[must_use]
pub fn text(found: &[DiscoveredContext], prometheus: Option<&Url>) -> String {
    let mut out = String::from(
        "# Release Cockpit. Check it with `cockpit config check`; config.example.toml explains every key.\n\
         # A `#` right before a key marks a default.\n\n",
    );
    out.push_str("# Where the live signals come from. Without it verdicts are blind, and metrics gate nothing.\n");
    match prometheus {
        Some(url) => {
            let _ = writeln!(out, "[prometheus]\nurl = {}", quoted(url.as_str()));
        }
        None => out.push_str("#[prometheus]\n#url = \"http://prometheus.monitoring:9090\"\n"),
    }
    defaults(&mut out, &prometheus::SECTION);
    out.push_str("\n# Limits on the signals: promotion stops at them. `false` turns one off.\n[limits]\n");
    defaults(&mut out, &limits::SECTION);
    out.push_str("\n# The environments, in promotion order: put them in the order of your releases.\n");
    let mut names: Vec<String> = Vec::new();
    for env in found {
        let name = name(&env.context, &names);
        out.push_str(&environment(env, &name));
        names.push(name);
    }
    out.push_str(CHECKLIST);
    out
}

fn environment(env: &DiscoveredContext, name: &str) -> String {
    let mut out = format!(
        "[[environments]]\nname = {}\ncontext = {}\nnamespace = {}\n",
        quoted(name),
        quoted(&env.context),
        quoted(&env.namespace)
    );
    if env.workloads.is_empty() {
        out.push_str("# Nothing was found here: whatever comes will be watched.\n#workloads = [\"rollout/NAME\"]\n");
    } else {
        out.push_str("workloads = [\n");
        for id in &env.workloads {
            let _ = writeln!(out, "    {},", quoted(&id.to_string()));
        }
        out.push_str("]\n");
    }
    if is_production(name) {
        out.push_str("# Named like production: promotion requires its name typed, rollback never does.\n");
        out.push_str("protected = true\n");
    } else {
        out.push_str("#protected = false\n");
    }
    out.push_str("#read_only = false\n\n");
    out
}

fn is_production(name: &str) -> bool {
    name.split(|c: char| !c.is_alphanumeric()).any(|word| {
        let word = word.to_ascii_lowercase();
        word == "prd" || word.starts_with("prod")
    })
}

/// Makes the name of an environment from that of a context: the last part of a path or an ARN, without what a name must
/// not hold, and none of those taken.
fn name(context: &str, taken: &[String]) -> String {
    let last = context.rsplit(['/', ':']).find(|part| !part.is_empty()).unwrap_or("environment");
    let clean: String =
        last.chars().map(|c| if c.is_whitespace() || is_unsafe(c) { '-' } else { c }).take(36).collect();
    let mut numbered = (2..).map(|n| format!("{clean}-{n}"));
    let mut name = clean.clone();
    while taken.contains(&name) {
        name = numbered.next().unwrap_or_default();
    }
    name
}

/// Writes the keys of a table that have a default, as comments.
fn defaults(out: &mut String, section: &Section) {
    for field in section.fields() {
        let default = (field.default)();
        if !default.is_empty() {
            let _ = writeln!(out, "#{} = {default}", field.key);
        }
    }
}

/// Writes text as TOML does; what a terminal or an editor could be misled by is written by its number.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if is_unsafe(c) => {
                let _ = write!(out, "\\U{:08x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, ConfigBase};
    use crate::domain::facts::ids::WorkloadKind::{Deployment, Rollout};
    use proptest::prelude::*;

    fn found(context: &str, workloads: &[WorkloadId]) -> DiscoveredContext {
        DiscoveredContext { context: context.into(), namespace: "payments".into(), workloads: workloads.to_vec() }
    }

    #[test]
    fn written_config_matches_the_cluster() {
        let api = WorkloadId::new(Rollout, "payments-api");
        let worker = WorkloadId::new(Deployment, "worker");
        let contexts = [
            found("staging", &[api.clone(), worker]),
            found("arn:aws:eks:eu-west-1:42:cluster/prod-eu", &[api]),
            found("admin@other/staging", &[]),
        ];
        let url: Url = "http://prometheus:9090/".parse().unwrap();
        let text = text(&contexts, Some(&url));
        insta::assert_snapshot!(text);
        let config = Config::parse(&text, &ConfigBase::default()).unwrap();
        let names: Vec<&str> = config.environments.iter().map(|env| env.name().as_str()).collect();
        assert_eq!(names, ["staging", "prod-eu", "staging-2"]);
        for (env, found) in config.environments.iter().zip(&contexts) {
            assert_eq!(env.context.as_deref(), Some(found.context.as_str()));
            assert_eq!(env.namespace.as_deref(), Some("payments"));
            assert_eq!(env.settings.workloads, found.workloads);
            assert_eq!(env.settings.protected, env.name().as_str() == "prod-eu");
            assert_eq!(env.prometheus, Some(crate::config::Prometheus::at(url.clone())));
        }
    }

    #[test]
    fn the_defaults_in_its_comments_are_the_defaults() {
        let url: Url = "http://prometheus.monitoring:9090".parse().unwrap();
        let written = text(&[found("a", &[])], None).replace(CHECKLIST, "");
        let uncommented: String = written
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(key) if !key.starts_with(' ') && !key.starts_with("workloads") => format!("{key}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let expected = Config::parse(&written, &ConfigBase { prometheus: Some(url), ..ConfigBase::default() });
        assert_eq!(Config::parse(&uncommented, &ConfigBase::default()), expected);
    }

    #[test]
    fn written_checklist_is_the_default_one_and_its_suggestions_are_valid() {
        let written = text(&[found("a", &[])], None);
        let config = Config::parse(&written, &ConfigBase::default()).unwrap();
        assert_eq!(config.environments[0].checks, crate::config::checks::defaults());
        let all = CHECKLIST.lines().map(|line| match line.strip_prefix('#') {
            Some(key) if !key.starts_with(' ') => format!("{key}\n"),
            _ => format!("{line}\n"),
        });
        let all = Config::parse(&all.collect::<String>(), &ConfigBase::default()).unwrap();
        assert_eq!(all.defaults.checks.len(), CHECKLIST.matches("[[checks]]").count());
    }

    proptest! {
        #[test]
        fn any_contexts_give_a_config_that_reads(contexts in prop::collection::btree_set(".{1,60}", 1..6)) {
            let found: Vec<DiscoveredContext> = contexts.iter().filter(|name| !name.trim().is_empty()).map(|name| found(name, &[])).collect();
            let text = text(&found, None);
            let config = Config::parse(&text, &ConfigBase::default());
            let config = config.map_err(|problems| TestCaseError::fail(format!("{problems:?}\n{text}")))?;
            let read: Vec<_> = config.environments.iter().map(|env| env.context.clone().unwrap()).collect();
            let meant: Vec<_> = found.iter().map(|found| found.context.clone()).collect();
            prop_assert_eq!(read, meant);
        }
    }
}
