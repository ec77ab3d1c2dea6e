//! The example shows every key, and what it shows as default is the default.
use std::fmt::Write as _;

use release_cockpit::config::document::FILE;
use release_cockpit::config::section::{Kind, Section};
use release_cockpit::config::{Config, ConfigBase, Prometheus};

const EXAMPLE: &str = include_str!("../../config.example.toml");
const URL: &str = "http://prometheus.monitoring:9090";

/// The blocks that stand commented out as a whole.
const FLAGS: &str = "#[[flags]]";
const REGISTRIES: &str = "#[[registries]]";
const LANES: &str = "#[[lanes]]";

fn is_whole(part: &str) -> bool {
    [FLAGS, REGISTRIES, LANES].iter().any(|begin| part.starts_with(begin))
}

/// A block as it is when its `#` is taken away.
fn bare(begin: &str) -> Vec<&'static str> {
    let block = EXAMPLE.split("\n\n").find(|part| part.starts_with(begin)).unwrap();
    block.lines().map(|line| line.trim_start_matches('#')).collect()
}

fn place() -> ConfigBase {
    ConfigBase { folder: "/work".into(), home: Some("/home/ada".into()), prometheus: Some(URL.parse().unwrap()) }
}

/// A key that is commented out: `#key = …`, while prose has a space after the `#`.
fn option(line: &str) -> Option<&str> {
    line.strip_prefix('#').filter(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
}

#[test]
fn example_sets_only_defaults() {
    let example = Config::parse(EXAMPLE, &place()).unwrap();
    let bare = "[[environments]]\nname = 'staging'\ncontext = 'staging'\n\
                [[environments]]\nname = 'prod-eu'\ncontext = 'prod-eu'\n";
    assert_eq!(example, Config::parse(bare, &place()).unwrap());
    assert_eq!(example.environments[0].prometheus, Some(Prometheus::at(URL.parse().unwrap())));
}

#[test]
fn defaults_match_the_code_and_the_example() {
    let mut text = String::new();
    for field in FILE.fields() {
        let Kind::Table(section) = field.kind else { continue };
        writeln!(text, "[{}]", field.key).unwrap();
        let defaults = section.fields().map(|inner| (inner.key, (inner.default)()));
        for (key, default) in defaults.filter(|(_, default)| !default.is_empty()) {
            let line = format!("{key} = {default}");
            assert!(EXAMPLE.lines().any(|shown| shown == line), "the example does not show `{line}`");
            writeln!(text, "{line}").unwrap();
        }
    }
    assert_eq!(Config::parse(&text, &place()), Config::parse("", &place()));
}

/// The example without its checks, which stand in blocks, and the blocks as they are when their `#` is taken away.
fn without_checks() -> (String, Vec<String>) {
    let (blocks, rest): (Vec<&str>, Vec<&str>) =
        EXAMPLE.split("\n\n").filter(|part| !is_whole(part)).partition(|part| part.starts_with("#[[checks]]"));
    let bare = |block: &str| block.lines().map(|line| line.trim_start_matches('#')).collect::<Vec<_>>().join("\n");
    (rest.join("\n\n"), blocks.into_iter().map(bare).collect())
}

#[test]
fn every_check_is_valid_when_uncommented() {
    let (_, checks) = without_checks();
    for check in &checks {
        let text = format!("{EXAMPLE}\n{check}\n");
        let config = Config::parse(&text, &place()).unwrap_or_else(|problems| panic!("{check}\n{problems:#?}"));
        assert_eq!(config.environments[1].checks.len(), 1, "{check}");
    }
    let all = format!("{EXAMPLE}\n{}\n", checks.join("\n\n"));
    assert_eq!(Config::parse(&all, &place()).unwrap().environments[1].checks.len(), checks.len());
    assert!(checks.len() > 15);
}

#[test]
fn the_provider_of_feature_flags_is_valid_when_uncommented() {
    let config = Config::parse(&format!("{EXAMPLE}\n{}\n", bare(FLAGS).join("\n")), &place()).unwrap();
    assert_eq!(config.environments[1].flags[0].environment, "production");
}

#[test]
fn a_registry_is_valid_when_uncommented() {
    // One of its ways to log in.
    let bare = bare(REGISTRIES).into_iter().filter(|line| !line.starts_with("token") && !line.starts_with("anonymous"));
    let text = format!("{EXAMPLE}\n{}\n", bare.collect::<Vec<_>>().join("\n"));
    let config = Config::parse(&text, &place()).unwrap();
    assert_eq!(config.environments[1].registries[0].settings.host, "registry.example:5000");
    assert!(config.environments[1].checks.iter().any(|check| check.spec.id.as_str() == "registry"));
}

#[test]
fn a_lane_is_valid_when_uncommented_and_shows_the_defaults() {
    let is_default = |line: &&str| line.starts_with("soak") || line.starts_with("longest");
    let parse = |lines: Vec<&str>| Config::parse(&format!("{EXAMPLE}\n{}\n", lines.join("\n")), &place()).unwrap();
    let config = parse(bare(LANES));
    assert_eq!(config.environments[1].settings.lanes[0].lane, "hotfix");
    assert_eq!(config, parse(bare(LANES).into_iter().filter(|line| !is_default(line)).collect()));
}

#[test]
fn every_option_is_valid_when_uncommented() {
    let (text, _) = without_checks();
    let lines: Vec<&str> = text.lines().collect();
    let mut tried = 0;
    // Neighbouring options belong together (user and password); others may exclude each other.
    for start in (0..lines.len()).filter(|i| option(lines[*i]).is_some() && (*i == 0 || option(lines[i - 1]).is_none()))
    {
        let end = (start..lines.len()).find(|i| option(lines[*i]).is_none()).unwrap_or(lines.len());
        let key = option(lines[start]).unwrap().split(' ').next().unwrap();
        let text: Vec<&str> = lines
            .iter()
            .enumerate()
            // What is shown twice, as default and as example, can stand once.
            .filter(|(i, line)| *i + 1 != start || !line.starts_with(&format!("{key} =")))
            .map(|(i, line)| if (start..end).contains(&i) { option(line).unwrap() } else { line })
            .collect();
        // A tag is moved in registries.
        let registry = if key == "stable_tag" { "\n[[registries]]\nhost = 'registry.example'" } else { "" };
        let config = Config::parse(&(text.join("\n") + registry), &place());
        let config = config.unwrap_or_else(|problems| panic!("{}: {problems:#?}", lines[start]));
        let unchanged = key == "promote";
        let default = Config::parse(EXAMPLE, &place()).unwrap();
        assert!(unchanged || config != default, "{}: changes nothing", lines[start]);
        tried += 1;
    }
    assert!(tried > 12, "{tried}");
}

#[test]
fn it_shows_every_key() {
    fn walk(section: &Section, inside: bool, missing: &mut Vec<String>) {
        for field in section.fields() {
            let (_, checks) = without_checks();
            // What a check is told stands in one line, and where pull requests, pipelines and calls are, too.
            let stands_in = |block: &str| block.contains(&format!("{} = ", field.key));
            let inline = inside && checks.iter().any(|check| stands_in(check))
                || EXAMPLE.split("\n\n").any(|part| is_whole(part) && stands_in(part))
                || EXAMPLE.lines().any(|line| {
                    ["#pull_request = ", "#promote = ", "#calls = "].iter().any(|begin| line.starts_with(begin))
                        && stands_in(line)
                });
            let shown = inline
                || EXAMPLE.lines().any(|line| {
                    let line = option(line).unwrap_or(line);
                    line.starts_with(&format!("{} =", field.key))
                        || line.starts_with(&format!("[{}]", field.key))
                        || line.ends_with(&format!(".{}]", field.key))
                        || line.ends_with(&format!(".{}]]", field.key))
                        || line.starts_with(&format!("[[{}]]", field.key))
                        || line.starts_with(&format!("#[[{}]]", field.key))
                });
            if !shown {
                missing.push(format!("{} of {}", field.key, section.header));
            }
            if let Kind::Table(inner) | Kind::TableOrOff(inner) | Kind::Tables(inner) = field.kind {
                walk(inner, inside || field.key == "checks", missing);
            }
        }
    }
    let mut missing = Vec::new();
    walk(&FILE, false, &mut missing);
    assert_eq!(missing, [""; 0]);
}
