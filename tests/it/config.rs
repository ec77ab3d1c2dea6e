//! Config files: each error has its file and its message, and what is right is read as it is meant.
use std::fs;
use std::path::{Path, PathBuf};

use release_cockpit::config::{Config, ConfigBase, ConfigError, Flags};
use release_cockpit::platform::Variables;

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new("tests/configs").join(folder);
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn name(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}

fn snapshots() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../configs/snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings
}

fn named(path: &Path) -> Flags {
    Flags { config: Some(path.to_owned()), ..Flags::default() }
}

#[test]
fn every_error_names_place_and_remedy() {
    for path in files("invalid") {
        let text = fs::read_to_string(&path).unwrap();
        let error = Config::load(&named(&path), &Variables::default()).expect_err(name(&path));
        let message = error.to_string().replace(path.to_str().unwrap(), "cockpit.toml");
        assert!(!message.contains("s3cret"), "{message}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        snapshots().bind(|| insta::assert_snapshot!(name(&path), format!("{text}\n----\n{message}")));
    }
}

#[test]
fn valid_files_are_read_as_meant() {
    for path in files("valid") {
        let text = fs::read_to_string(&path).unwrap();
        let place = ConfigBase { folder: "/work".into(), home: Some("/home/ada".into()), prometheus: None };
        let mut config = Config::parse(&text, &place).unwrap_or_else(|problems| panic!("{path:?}: {problems:#?}"));
        // The keymap is tested in its own room; all of it would drown the rest.
        let promote = config.keymap.keys(release_cockpit::keys::Command::Promote);
        config.keymap = release_cockpit::keys::Keymap::default();
        let keymap = format!("{:#?}", config.keymap).replace('\n', "\n    ");
        let read = format!("{config:#?}").replace(&keymap, "…");
        snapshots().bind(|| insta::assert_snapshot!(name(&path), format!("promote on {promote:?}\n{read}")));
    }
}

#[test]
fn every_invalid_file_has_one_problem() {
    for path in files("invalid") {
        let Err(ConfigError::Invalid { problems, .. }) = Config::load(&named(&path), &Variables::default()) else {
            panic!("{path:?}")
        };
        let several = name(&path).contains("several-at-once") || name(&path).starts_with("not-toml");
        // That file leaves two keys empty.
        assert!(problems.len() == 1 || several || name(&path) == "empty-text", "{path:?}: {problems:#?}");
    }
}

#[test]
fn truncated_file_is_an_error_and_never_a_panic() {
    for path in files("valid").iter().chain(&files("invalid")) {
        let text = fs::read_to_string(path).unwrap();
        for end in (0..text.len()).filter(|end| text.is_char_boundary(*end)) {
            let half = &text[..end];
            let Err(problems) = Config::parse(half, &ConfigBase::default()) else { continue };
            for problem in problems {
                let line = half.split('\n').nth(problem.line - 1);
                let columns = line.map(|line| line.chars().count() + 1);
                assert!(columns.is_some_and(|last| problem.column <= last), "{problem:?} in {half:?}");
            }
        }
    }
}
