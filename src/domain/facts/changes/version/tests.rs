//! Steps from version to version.

use super::*;
use crate::domain::facts::changes::commit::tests::commit;
use proptest::prelude::*;

fn version(text: &str) -> Version {
    Version::parse(text).unwrap()
}

#[test]
fn version_steps_fit_the_commits() {
    for (last, next, messages, fit) in [
        ("1.4.2", "1.4.3", &["fix: a"][..], Fit::Right),
        ("1.4.2", "1.4.3", &["words"], Fit::Right),
        ("1.4.2", "1.4.3", &["fix: a", "feat: b"], Fit::TooSmall),
        ("1.4.2", "1.5.0", &["fix: a", "feat: b"], Fit::Right),
        ("1.4.2", "1.5.0", &["fix!: a"], Fit::TooSmall),
        ("1.4.2", "2.0.0", &["fix: a\n\nBREAKING CHANGE: b"], Fit::Right),
        ("1.4.2", "2.0.0", &["feat: a"], Fit::Larger),
        ("1.4.2", "1.4.3", &[], Fit::Larger),
        // Below 1.0.0 what breaks is a minor step.
        ("0.4.2", "0.5.0", &["feat!: a"], Fit::Right),
        ("0.4.2", "0.4.3", &["feat!: a"], Fit::TooSmall),
        ("0.4.2", "1.0.0", &["feat!: a"], Fit::Larger),
        // Candidates of a release.
        ("1.4.2", "1.5.0-rc.1", &["feat: a"], Fit::Right),
        ("1.5.0-rc.1", "1.5.0", &["feat: a"], Fit::Right),
        ("1.5.0-rc.1", "1.5.0-rc.2", &["feat!: a"], Fit::TooSmall),
        ("2.0.0-rc.1", "2.0.0", &["feat!: a"], Fit::Right),
        // Not after it.
        ("1.5.0", "1.5.0", &["fix: a"], Fit::NotNewer),
        ("1.5.0", "1.5.0-rc.1", &["fix: a"], Fit::NotNewer),
        ("1.5.0", "1.4.9", &[], Fit::NotNewer),
        ("1.5.0+a", "1.5.0+b", &[], Fit::NotNewer),
    ] {
        let commits: Vec<Commit> = messages.iter().map(|message| commit(message)).collect();
        let bumping = Bumping::judge(&version(last), &version(next), &commits);
        assert_eq!(bumping.fit(), fit, "{last} → {next} with {messages:?}: {}", bumping.describe());
    }
}

#[test]
fn message_names_the_sufficient_version() {
    let words = |last, next, message| Bumping::judge(&version(last), &version(next), &[commit(message)]).describe();
    assert_eq!(
        words("1.4.2", "1.4.3", "feat!: a"),
        "1.4.2 → 1.4.3 is a patch bump; the commits require a major one: at least 2.0.0"
    );
    assert_eq!(words("1.4.2", "1.5.0", "fix: a"), "1.4.2 → 1.5.0 is a minor bump; a patch one would have sufficed");
    assert_eq!(words("1.4.2", "1.5.0", "feat: a"), "1.4.2 → 1.5.0 is a minor bump, matches the commits");
}

#[test]
fn versions_are_read_as_tags_and_images_write_them() {
    for (text, prefix, wanted) in [
        ("1.5.0", "v", Some("1.5.0")),
        ("v1.5.0", "v", Some("1.5.0")),
        ("payments-1.5.0", "payments-", Some("1.5.0")),
        ("v1.5.0-rc.1+b", "payments-", Some("1.5.0-rc.1+b")),
        ("api/v1.5.0", "api/", Some("1.5.0")),
        ("api/1.5.0", "api/v", Some("1.5.0")),
        ("api/v1.5.0", "api/v", Some("1.5.0")),
        ("pkg@1.5.0", "pkg@", Some("1.5.0")),
        ("@shop/pkg@1.5.0", "@shop/pkg@", Some("1.5.0")),
        ("dev1.5.0", "dev", Some("1.5.0")),
        ("web/v1.5.0", "api/", None),
        ("pkg@1.5.0", "v", None),
        ("latest", "v", None),
        ("1.5", "v", None),
        ("", "", None),
    ] {
        assert_eq!(parse(text, prefix), wanted.map(version), "{text}");
    }
}

fn any_version() -> impl Strategy<Value = Version> {
    (0_u64..3, 0_u64..3, 0_u64..3).prop_map(|(major, minor, patch)| Version::new(major, minor, patch))
}

fn any_commits() -> impl Strategy<Value = Vec<Commit>> {
    let message = prop_oneof![
        Just("fix: a"),
        Just("feat: a"),
        Just("feat!: a"),
        Just("docs: a"),
        Just("words"),
        Just("fix: a\n\nBREAKING CHANGE: b"),
    ];
    proptest::collection::vec(message.prop_map(commit), 0..6)
}

proptest! {
    #[test]
    fn more_commits_never_lower_the_required_bump(last in any_version(), some in any_commits(), more in any_commits()) {
        let all: Vec<Commit> = some.iter().chain(&more).cloned().collect();
        prop_assert!(demanded(&all, &last) >= demanded(&some, &last));
    }

    #[test]
    fn smallest_sufficient_version_passes_and_less_fails(last in any_version(), commits in any_commits()) {
        let bumping = Bumping::judge(&last, &last, &commits);
        let least = bumping.least();
        prop_assert!(Bumping::judge(&last, &least, &commits).is_right(), "{}", least);
        for bump in [Bump::Patch, Bump::Minor] {
            if bump < bumping.demanded {
                prop_assert_eq!(Bumping::judge(&last, &bump.after(&last), &commits).fit(), Fit::TooSmall);
            }
        }
    }

    #[test]
    fn any_text_is_parsed_without_panic(text in any::<String>(), prefix in any::<String>()) {
        let _ = parse(&text, &prefix);
    }
}
