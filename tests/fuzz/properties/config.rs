//! The two files that people write: the config (TOML) and the kubeconfig (YAML).

use std::collections::BTreeSet;
use std::io::Write as _;

use release_cockpit::config::{Config, ConfigBase};
use release_cockpit::platform::Redactor;
use release_cockpit::platform::Variables;
use release_cockpit::platform::kubeconfig::Clusters;

pub fn check(data: &[u8]) {
    match data.split_first() {
        Some((b'K', rest)) => kubeconfig(rest),
        Some((_, rest)) => toml(&String::from_utf8_lossy(rest)),
        None => {}
    }
}

fn toml(text: &str) {
    let place = ConfigBase { folder: "/somewhere".into(), home: Some("/home/ada".into()), prometheus: None };
    match Config::parse(text, &place) {
        Ok(config) => {
            let names: BTreeSet<&str> = config.environments.iter().map(|env| env.name().as_str()).collect();
            assert_eq!(names.len(), config.environments.len(), "a name stands twice");
            for env in &config.environments {
                assert!(!env.name().as_str().is_empty());
                let rules = &env.settings.rules;
                assert!(rules.clone().checked().is_ok(), "{rules:?}");
                let ids: BTreeSet<String> = env.checks.iter().map(|check| check.spec.id.to_string()).collect();
                assert_eq!(ids.len(), env.checks.len(), "a check stands twice");
            }
            // What is secret is named, never shown.
            assert!(Config::parse(text, &place).is_ok_and(|again| again == config));
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            let lines = text.split('\n').count();
            for problem in &problems {
                assert!((1..=lines).contains(&problem.line), "{problem:?} of {lines} lines");
                assert!(problem.column >= 1 && !problem.what.is_empty(), "{problem:?}");
            }
        }
    }
}

fn kubeconfig(bytes: &[u8]) {
    let mut file = tempfile::NamedTempFile::new_in(super::evidence::memory()).unwrap();
    file.write_all(bytes).unwrap();
    let variables = Variables { kubeconfig: Some(file.path().into()), ..Variables::default() };
    match Clusters::read(&variables, &Redactor::default()) {
        Ok(clusters) => {
            let contexts = clusters.contexts();
            let names: BTreeSet<&String> = contexts.iter().collect();
            assert_eq!(names.len(), contexts.len(), "a context stands twice");
            if let Err(error) = clusters.current() {
                assert!(!error.to_string().is_empty());
            }
        }
        // What stands there is not quoted: it may be a token.
        Err(error) => assert!(error.to_string().len() < 400 + file.path().as_os_str().len(), "{error}"),
    }
}
