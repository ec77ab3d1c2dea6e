//! What is in a release, from real repositories and simulated clusters.

use std::path::Path;

use k8s_openapi::api::apps::v1::ReplicaSet;
use kube::Config;
use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

use super::*;
use crate::config::CheckConfig;
use crate::config::ConfigBase;
use crate::config::checks::CheckKind;
use crate::domain::facts::changes::migration::{Class, Migration};
use crate::domain::facts::changes::{Bump, Tag};
use crate::domain::facts::ids::EnvName;
use crate::domain::facts::workload::Revision;
use crate::domain::record::checklist::CheckOutcome;
use crate::platform::Redactor;
use crate::sources::checks::{Built, Evidence, look};
use crate::sources::git::tests::{Repo, no_git};
use crate::sources::kubernetes::ReadClient;
use simulator::{Options, Scenario, Simulator};

pub(super) fn scene(version: &str, stable: Option<&str>) -> CheckInput {
    CheckInput {
        env: Some(EnvName::new("prod-eu")),
        service: "payments-api".to_owned(),
        version: version.to_owned(),
        images: vec![format!("registry.example/payments-api:{version}")],
        stable_version: stable.map(ToOwned::to_owned),
        ..CheckInput::default()
    }
}

pub(super) fn tools(repo: &Repo) -> Tools {
    Tools { repository: Some(repo.path().to_owned()), ..Tools::default() }
}

/// Reads one check as a config file has it.
fn kind(toml: &str) -> CheckKind {
    let text = format!("[[checks]]\nid = 'a'\n{toml}\n[[environments]]\nname = 'prod-eu'\ncontext = 'prod-eu'\n");
    let mut config = crate::config::Config::parse(&text, &ConfigBase::default()).unwrap();
    let CheckConfig { kind, .. } = config.environments[0].checks.remove(0);
    kind.unwrap()
}

async fn found(toml: &str, scene: &CheckInput, tools: &Tools) -> Evidence {
    look(&kind(toml), scene, tools).await
}

/// Versions 1.4.2 and 1.5.0 with a feature between them.
fn released() -> Repo {
    let mut repo = Repo::new();
    repo.commit("chore: start");
    repo.run(&["tag", "v1.4.2"]);
    repo.commit("fix(api): wake-ups PAY-1");
    repo.commit("feat: export");
    repo.run(&["tag", "-a", "-m", "x", "v1.5.0"]);
    repo.commit("feat: later");
    repo
}

#[tokio::test]
async fn the_changes_are_the_commits_between_the_two_versions() {
    if no_git() {
        return;
    }
    let repo = released();
    let changes = gather(&scene("1.5.0", Some("1.4.2")), &tools(&repo), &ChangesRequest::default()).await.unwrap();
    let subjects: Vec<&str> = changes.commits.iter().map(|commit| commit.subject.as_str()).collect();
    assert_eq!(subjects, ["feat: export", "fix(api): wake-ups PAY-1"]);
    assert_eq!((changes.from.told_by.as_str(), changes.to.told_by.as_str()), ("tag v1.4.2", "tag v1.5.0"));
    assert_eq!((changes.lost.len(), changes.cut), (0, false));
    let version = changes.version.known().unwrap();
    assert_eq!(version.bumping.as_ref().unwrap().demanded, Bump::Minor);
    assert_eq!((&changes.migrations, &changes.drift), (&Part::NotAsked, &Part::NotAsked));
}

#[tokio::test]
async fn without_a_candidate_changes_are_since_the_previous_version() {
    if no_git() {
        return;
    }
    let repo = released();
    let changes = gather(&scene("1.5.0", None), &tools(&repo), &ChangesRequest::default()).await.unwrap();
    assert_eq!((changes.from.version.as_str(), changes.commits.len()), ("1.4.2", 2));
    let changes = gather(&scene("1.4.2", None), &tools(&repo), &ChangesRequest::default()).await.unwrap();
    assert_eq!((changes.from.version.as_str(), changes.commits.len()), ("", 1));
}

#[tokio::test]
async fn older_version_removes_commits() {
    if no_git() {
        return;
    }
    let repo = released();
    let changes = gather(&scene("1.4.2", Some("1.5.0")), &tools(&repo), &ChangesRequest::default()).await.unwrap();
    assert_eq!((changes.commits.len(), changes.lost.len()), (0, 2));
}

#[tokio::test]
async fn commits_of_artifacts_come_before_tags() {
    if no_git() {
        return;
    }
    let mut repo = released();
    let built = repo.commit("feat: built from here");
    let mut scene = scene("1.5.0", Some("1.4.2"));
    scene.commit =
        Some(Built { commit: built[..10].to_owned(), told_by: "org.opencontainers.image.revision".to_owned() });
    let changes = gather(&scene, &tools(&repo), &ChangesRequest::default()).await.unwrap();
    assert_eq!((changes.to.commit, changes.to.told_by.as_str()), (built, "org.opencontainers.image.revision"));
    assert_eq!(changes.commits.len(), 4);
    assert!(matches!(changes.version.known().unwrap().tag, Tag::Elsewhere { .. }));
}

#[tokio::test]
async fn unknown_changes_say_what_to_do() {
    if no_git() {
        return;
    }
    let repo = released();
    for (scene, tools, says) in [
        (scene("1.6.0", Some("1.4.2")), tools(&repo), "has no tag v1.6.0 or 1.6.0: `git fetch --tags` in it"),
        (scene("1.5.0", Some("1.3.0")), tools(&repo), "has no tag v1.3.0 or 1.3.0"),
        (scene("1.5.0", None), Tools::default(), "set [service] repository"),
        (
            CheckInput {
                commit: Some(Built { commit: "f".repeat(40), told_by: "a label".to_owned() }),
                ..scene("1.5.0", None)
            },
            tools(&repo),
            "does not know the commit ffffffff",
        ),
    ] {
        let why = gather(&scene, &tools, &ChangesRequest::default()).await.unwrap_err();
        assert!(why.contains(says), "{why}");
        let evidence = found("version = {}", &scene, &tools).await;
        // A missing tag is what the check is about.
        let expected = if says.contains("v1.6.0") { CheckOutcome::Failed } else { CheckOutcome::Blind };
        assert!(says.contains("1.3.0") || evidence.found == expected, "{evidence:?}");
    }
}

#[tokio::test]
async fn version_is_checked_against_tag_and_commits() {
    if no_git() {
        return;
    }
    let mut repo = released();
    let on = |repo: &Repo| tools(repo);
    let right = found("version = {}", &scene("1.5.0", Some("1.4.2")), &on(&repo)).await;
    assert_eq!(right.found, CheckOutcome::Passed);
    assert_eq!(right.summary, "1.5.0: tag v1.5.0; 1.4.2 → 1.5.0 is a minor bump, matches the commits");
    assert_eq!(right.lines.len(), 1);
    assert!(right.lines[0].ends_with(" feat: export"), "{:?}", right.lines);
    repo.run(&["tag", "v1.5.1"]);
    let small = found("version = {}", &scene("1.5.1", Some("1.4.2")), &on(&repo)).await;
    assert_eq!(small.found, CheckOutcome::Failed);
    assert!(small.summary.contains("1.5.0 → 1.5.1 is a patch bump; the commits require a minor one"), "{small:?}");
    assert_eq!(small.green_when, "the version is 1.6.0 or larger");
    repo.commit("fix: a");
    repo.run(&["tag", "v2.0.0"]);
    let large = found("version = {}", &scene("2.0.0", None), &on(&repo)).await;
    assert_eq!(large.found, CheckOutcome::Passed);
    assert!(large.summary.contains("a patch one would have sufficed"), "{large:?}");
    repo.run(&["tag", "nightly"]);
    let odd = found("version = {}", &scene("nightly", None), &on(&repo)).await;
    assert_eq!((odd.found, odd.summary.as_str()), (CheckOutcome::Failed, "nightly: it is not a semantic version"));
    let first = found("version = {}", &scene("1.4.2", None), &on(&repo)).await;
    assert_eq!(first.found, CheckOutcome::Passed, "{first:?}");
}

#[tokio::test]
async fn breaking_commit_beyond_those_that_are_read_is_not_taken_for_none() {
    if no_git() {
        return;
    }
    let repo = Repo::new();
    repo.import_commits("fix: a", 2_010);
    repo.run(&["tag", "v1.0.0", "HEAD~2005"]);
    repo.run(&["tag", "v1.0.1"]);
    let scene = scene("1.0.1", Some("1.0.0"));
    let small = found("version = {}", &scene, &tools(&repo)).await;
    assert_eq!(small.found, CheckOutcome::Blind, "{small:?}");
    assert!(small.summary.contains("more than 2000 commits after 1.0.0"), "{small:?}");
    repo.run(&["tag", "v2.0.0"]);
    let large = found("version = {}", &CheckInput { version: "2.0.0".to_owned(), ..scene }, &tools(&repo)).await;
    assert_eq!(large.found, CheckOutcome::Passed, "{large:?}");
}

/// The label of the image names the whole hash: a CI server can be asked about it without a clone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commit_that_a_label_names_needs_no_clone() {
    let simulator = Simulator::start(&Scenario::load("canary").unwrap(), Options::default()).await.unwrap();
    let client = client(&simulator, "prod-eu").await;
    let hash = "9f2c41abd0e1f2a3b4c5d6e7f8091a2b3c4d5e6f";
    let sets: Api<ReplicaSet> = Api::namespaced(client.kube.clone(), "payments");
    let set = sets.list(&ListParams::default()).await.unwrap().items.remove(0).metadata.name.unwrap();
    let labelled = |hash: &str| json!({"metadata": {"annotations": {"org.opencontainers.image.revision": hash}}});
    let revision = Revision { replicaset: set.clone(), ..Revision::default() };
    let scene = CheckInput { revision: Some((revision, false)), ..scene("1.5.0", None) };
    let tools = Tools { cluster: Some((client.clone(), "payments".to_owned())), ..Tools::default() };
    for (label, commit) in [(hash, Some(hash)), (&hash[..8], None)] {
        sets.patch(&set, &PatchParams::default(), &Patch::Merge(labelled(label))).await.unwrap();
        let found = located(scene.clone(), &tools).await.commit;
        assert_eq!(found.as_ref().map(|built| built.commit.as_str()), commit);
    }
}

/// What a label names may be another commit than that of the tag.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commit_that_cannot_be_read_or_found_is_not_that_of_the_tag() {
    if no_git() {
        return;
    }
    let simulator = Simulator::start(&Scenario::load("canary").unwrap(), Options::default()).await.unwrap();
    let client = client(&simulator, "prod-eu").await;
    let mut repo = Repo::new();
    repo.commit_file("migrations/V1__a.sql", "CREATE TABLE a (b INT);", "feat: start");
    repo.run(&["tag", "v1.4.2"]);
    let commit = repo.commit("feat: export");
    repo.run(&["tag", "v1.5.0"]);
    let sets: Api<ReplicaSet> = Api::namespaced(client.kube.clone(), "payments");
    let set = sets.list(&ListParams::default()).await.unwrap().items.remove(0).metadata.name.unwrap();
    let labelled = |hash: &str| json!({"metadata": {"annotations": {"org.opencontainers.image.revision": hash}}});
    let revision = Revision { replicaset: set.clone(), ..Revision::default() };
    let tools = Tools { cluster: Some((client.clone(), "payments".to_owned())), ..tools(&repo) };
    let coming = CheckInput { revision: Some((revision.clone(), false)), ..scene("1.5.0", Some("1.4.2")) };
    let stable = CheckInput { stable: Some(revision), ..scene("1.5.0", Some("1.4.2")) };
    let access = simulator.cluster("prod-eu").unwrap().access();
    for (hash, is_denied, says) in
        [("9f2c41ab", false, "does not know the commit 9f2c41ab"), (&commit[..8], true, "cannot read replicaset/")]
    {
        sets.patch(&set, &PatchParams::default(), &Patch::Merge(labelled(hash))).await.unwrap();
        if is_denied {
            access.deny("alice", "get", "replicasets");
        }
        for scene in [&coming, &stable] {
            let scene = located(scene.clone(), &tools).await;
            assert!(!is_located(&scene), "{scene:?}");
            for asked in ["version = {}", "migrations = { down = false }"] {
                let evidence = found(asked, &scene, &tools).await;
                assert_eq!(evidence.found, CheckOutcome::Blind, "{asked}: {evidence:?}");
                assert!(evidence.summary.contains(says), "{asked}: {evidence:?}");
            }
            let why = gather(&scene, &tools, &ChangesRequest::default()).await.unwrap_err();
            assert!(why.contains(says), "{why}");
        }
    }
    // What is wrong without the commit stays red.
    let doubted = located(CheckInput { version: "1.6.0".to_owned(), ..coming.clone() }, &tools).await;
    let untagged = found("version = {}", &doubted, &tools).await;
    assert_eq!(untagged.found, CheckOutcome::Failed, "{untagged:?}");
    access.allow_again();
    let known = located(coming, &tools).await;
    assert!(is_located(&known) && known.commit_doubt.is_none());
    assert_eq!(known.commit.unwrap().commit, commit);
}

#[tokio::test]
async fn release_counts_from_previous_release_not_its_candidates() {
    if no_git() {
        return;
    }
    let mut repo = released();
    repo.run(&["tag", "v1.6.0-rc.1"]);
    repo.commit("fix: last");
    repo.run(&["tag", "v1.6.0"]);
    // A branch of its own does not count.
    repo.run(&["checkout", "--quiet", "-b", "side", "v1.4.2"]);
    repo.commit("fix: side");
    repo.run(&["tag", "v1.5.9"]);
    let git = open(&tools(&repo)).await.unwrap();
    let version = versioning(&git, &scene("1.6.0", None), "v").await.unwrap();
    assert_eq!(version.bumping.unwrap().last.to_string(), "1.5.0");
}

#[tokio::test]
async fn tag_prefixes_need_not_agree_on_the_v() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    repo.commit("feat: start");
    repo.run(&["tag", "v3.3.1"]);
    repo.commit("feat: a");
    repo.run(&["tag", "api/v5.8.0"]);
    repo.commit("feat: b");
    repo.run(&["tag", "api/v5.8.1"]);
    for prefix in ["api/", "api/v"] {
        let on = Tools { tag_prefix: Some(prefix.to_owned()), ..tools(&repo) };
        for stable in [Some("5.8.0"), None] {
            let small = found("version = {}", &scene("5.8.1", stable), &on).await;
            assert_eq!(small.found, CheckOutcome::Failed, "{small:?}");
            assert!(
                small.summary.contains("5.8.0 → 5.8.1 is a patch bump; the commits require a minor one"),
                "{small:?}"
            );
        }
    }
    repo.run(&["tag", "pkg@1.2.3", "v3.3.1"]);
    repo.run(&["tag", "pkg@1.3.0"]);
    let on = Tools { tag_prefix: Some("pkg@".to_owned()), ..tools(&repo) };
    let right = found("version = {}", &scene("1.3.0", Some("1.2.3")), &on).await;
    assert_eq!(right.summary, "1.3.0: tag pkg@1.3.0; 1.2.3 → 1.3.0 is a minor bump, matches the commits");
}

#[tokio::test]
async fn release_branch_is_where_the_next_version_counts_from() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    repo.commit("feat: start");
    repo.run(&["tag", "v1.2.0"]);
    repo.commit("feat!: old break");
    repo.run(&["checkout", "--quiet", "-b", "release-1.8"]);
    repo.commit("chore: release 1.8");
    repo.run(&["tag", "v1.8.0"]);
    repo.commit_file("f", "fixed", "fix: crash");
    repo.run(&["tag", "v1.8.1"]);
    repo.run(&["checkout", "--quiet", "main"]);
    repo.commit_file("f", "fixed", "fix: crash (#12)");
    repo.commit("feat: new");
    repo.run(&["tag", "v1.9.0"]);
    let on = tools(&repo);
    for stable in [Some("1.8.1"), None] {
        let right = found("version = {}", &scene("1.9.0", stable), &on).await;
        let words = "1.9.0: tag v1.9.0; 1.8.1 → 1.9.0 is a minor bump, matches the commits";
        assert_eq!((right.found, right.summary.as_str()), (CheckOutcome::Passed, words));
    }
    let changes = gather(&scene("1.9.0", Some("1.8.1")), &on, &ChangesRequest::default()).await.unwrap();
    let subjects = |commits: &[Commit]| commits.iter().map(|commit| commit.subject.clone()).collect::<Vec<_>>();
    assert_eq!(subjects(&changes.commits), ["feat: new", "fix: crash (#12)"]);
    assert!(!subjects(&changes.lost).contains(&"fix: crash".to_owned()), "{:?}", changes.lost);
    // A backport counts from the version before it on its own branch.
    repo.run(&["checkout", "--quiet", "release-1.8"]);
    repo.commit("fix: late");
    repo.run(&["tag", "v1.8.2"]);
    let late = found("version = {}", &scene("1.8.2", Some("1.9.0")), &on).await;
    assert_eq!(late.summary, "1.8.2: tag v1.8.2; 1.8.1 → 1.8.2 is a patch bump, matches the commits");
}

#[tokio::test]
async fn a_break_hidden_in_an_earlier_step_counts_for_what_is_stable() {
    if no_git() {
        return;
    }
    let mut repo = released();
    repo.commit("feat!: break");
    repo.run(&["tag", "v1.6.0"]);
    repo.commit("fix: a");
    repo.run(&["tag", "v1.6.1"]);
    let since_stable = found("version = {}", &scene("1.6.1", Some("1.5.0")), &tools(&repo)).await;
    assert_eq!(since_stable.found, CheckOutcome::Failed);
    assert!(since_stable.summary.contains("1.5.0 → 1.6.1 is a minor bump; the commits require a major one"));
    let since_last = found("version = {}", &scene("1.6.1", Some("1.6.0")), &tools(&repo)).await;
    assert_eq!(since_last.found, CheckOutcome::Passed, "{since_last:?}");
}

#[tokio::test]
async fn breaking_changes_are_found_as_people_write_them() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    repo.commit("feat: start");
    repo.run(&["tag", "v1.0.0"]);
    repo.commit("fix: a\n\nBREAKING CHANGES: the old path is gone");
    repo.commit("fix: b\n\nBREAKING CHANGE The labels have changed");
    repo.commit("fix: c (#3)\n\n* fix: c\n* BREAKING CHANGE: the field is gone");
    repo.run(&["tag", "v1.0.1"]);
    let (scene, on) = (scene("1.0.1", Some("1.0.0")), tools(&repo));
    let small = found("version = {}", &scene, &on).await;
    assert_eq!((small.found, small.lines.len()), (CheckOutcome::Failed, 3), "{small:?}");
    assert!(small.summary.contains("the commits require a major one: at least 2.0.0"), "{small:?}");
    assert_eq!(gather(&scene, &on, &ChangesRequest::default()).await.unwrap().breaking(), 3);
}

#[tokio::test]
async fn shallow_clone_will_do_where_it_reaches_far_enough() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    repo.commit("feat: long ago");
    repo.commit("feat: before");
    repo.run(&["tag", "v1.4.2"]);
    repo.commit_file("migrations/V1__a.sql", "ALTER TABLE users ADD COLUMN a TEXT;", "feat: export");
    repo.run(&["tag", "v1.5.0"]);
    let clones = tempfile::tempdir().unwrap();
    let url = format!("file://{}", repo.path().display());
    for (depth, far_enough) in [("2", true), ("1", false)] {
        let folder = clones.path().join(depth);
        repo.run(&["clone", "--quiet", &format!("--depth={depth}"), &url, folder.to_str().unwrap()]);
        let on = Tools { repository: Some(folder.clone()), ..Tools::default() };
        let scene = scene("1.5.0", Some("1.4.2"));
        if far_enough {
            let version = found("version = {}", &scene, &on).await;
            assert_eq!(version.found, CheckOutcome::Passed, "{version:?}");
            assert_eq!(gather(&scene, &on, &ChangesRequest::default()).await.unwrap().commits.len(), 1);
            let migrations = found("migrations = { down = false }", &scene, &on).await;
            assert_eq!(migrations.found, CheckOutcome::Passed, "{migrations:?}");
        } else {
            let version = found("version = {}", &scene, &on).await;
            assert_eq!(version.found, CheckOutcome::Blind, "{version:?}");
            assert!(version.summary.contains("git fetch"), "{version:?}");
        }
    }
}

/// One file of Liquibase that each release adds to.
#[tokio::test]
async fn a_file_of_change_sets_may_grow_and_nothing_else() {
    if no_git() {
        return;
    }
    let head = "--liquibase formatted sql\n";
    let first = "--changeset ada:1\nCREATE TABLE users (id int);\n--rollback DROP TABLE users;\n";
    let second =
        "--changeset ada:2\nALTER TABLE users ADD COLUMN plan text;\n--rollback ALTER TABLE users DROP COLUMN plan;\n";
    let mut repo = Repo::new();
    repo.commit_file("migrations/log.sql", &format!("{head}{first}"), "start");
    repo.run(&["tag", "v1.0.0"]);
    repo.commit_file("migrations/log.sql", &format!("{head}{first}{second}"), "feat: plans");
    repo.run(&["tag", "v1.1.0"]);
    let edited = first.replace("id int", "id bigint");
    repo.commit_file("migrations/log.sql", &format!("{head}{edited}{second}"), "fix: more people");
    repo.run(&["tag", "v1.2.0"]);
    repo.run(&["mv", "migrations/log.sql", "migrations/all.sql"]);
    repo.commit_file("readme", "", "chore: tidy");
    repo.run(&["tag", "v1.3.0"]);
    let on = tools(&repo);
    let grown = found("migrations = {}", &scene("1.1.0", Some("1.0.0")), &on).await;
    assert_eq!((grown.found, grown.lines.len()), (CheckOutcome::Passed, 1), "{grown:?}");
    let changed = found("migrations = {}", &scene("1.2.0", Some("1.1.0")), &on).await;
    assert_eq!(changed.found, CheckOutcome::Failed, "{changed:?}");
    let said = "migrations/log.sql, change set ada:1 was changed after it was released";
    assert!(changed.lines[0].starts_with(said), "{changed:?}");
    let moved = found("migrations = {}", &scene("1.3.0", Some("1.2.0")), &on).await;
    assert_eq!(moved.found, CheckOutcome::Failed, "{moved:?}");
    assert!(
        moved.lines[0].starts_with("migrations/all.sql, change set ada:1 was released in another file"),
        "{moved:?}"
    );
}

#[tokio::test]
async fn migrations_are_those_since_stable() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    repo.commit_file("migrations/V1__start.sql", "DROP TABLE long_ago;", "start");
    repo.run(&["tag", "v1.0.0"]);
    repo.commit_file("migrations/V2__add.sql", "ALTER TABLE users ADD COLUMN a TEXT;", "feat: a");
    repo.commit_file("migrations/U2__add.sql", "ALTER TABLE users DROP COLUMN a;", "feat: back");
    repo.run(&["tag", "v1.1.0"]);
    let (scene11, on) = (scene("1.1.0", Some("1.0.0")), tools(&repo));
    let good = found("migrations = {}", &scene11, &on).await;
    assert_eq!((good.found, good.lines.len()), (CheckOutcome::Passed, 1), "{good:?}");
    assert_eq!(good.summary, "1 migration, and the version before can live with it");

    repo.commit_file("migrations/deep/V3__drop.sql", "\nDROP TABLE users;\nSELECT tidy();", "feat: b");
    repo.run(&["tag", "v1.2.0"]);
    let scene12 = scene("1.2.0", Some("1.1.0"));
    let bad = found("migrations = {}", &scene12, &on).await;
    assert_eq!(bad.found, CheckOutcome::Failed);
    assert_eq!(
        bad.lines,
        [
            "migrations/deep/V3__drop.sql has no way down",
            "migrations/deep/V3__drop.sql:2: DROP TABLE users (the version before may still use it)",
            "migrations/deep/V3__drop.sql:3: SELECT tidy() (whether it is compatible with the version before is unknown)",
        ]
    );
    let allowed = found("migrations = { allow = 'contract', down = false }", &scene12, &on).await;
    assert_eq!(allowed.found, CheckOutcome::Passed, "{allowed:?}");
    // Only the first folder: nothing new is there.
    let flat = found("migrations = { files = ['migrations/*.sql'] }", &scene12, &on).await;
    assert_eq!((flat.found, flat.summary.as_str()), (CheckOutcome::Passed, "no migration in this release"));
    let none = found("migrations = { files = ['db/*.sql'] }", &scene12, &on).await;
    assert_eq!(none.found, CheckOutcome::Blind);
    assert!(none.summary.ends_with("fits db/*.sql: check `files`"), "{none:?}");
    // One of two that fits nothing may be the one that a new migration lies under.
    let half = found("migrations = { files = ['migrations/**/*.sql', 'db/*.sql'] }", &scene11, &on).await;
    assert_eq!(half.found, CheckOutcome::Blind);
    assert!(half.summary.ends_with("fits db/*.sql: check `files`"), "{half:?}");
}

#[tokio::test]
async fn edited_or_unread_migrations_are_not_green() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    repo.commit_file("migrations/V1__a.sql", "SELECT 1;", "start");
    repo.commit_file("migrations/R__views.sql", "CREATE VIEW v AS SELECT 1;", "views");
    repo.commit_file("migrations/V2__b.sql", "SELECT 1;", "b");
    repo.run(&["tag", "v1.0.0"]);
    repo.commit_file("migrations/V1__a.sql", "SELECT 2;", "fix: a");
    repo.commit_file("migrations/R__views.sql", "CREATE VIEW v AS SELECT 2;", "fix: views");
    repo.run(&["rm", "--quiet", "migrations/V2__b.sql"]);
    repo.commit("fix: b");
    repo.run(&["tag", "v1.0.1"]);
    let (scene1, on) = (scene("1.0.1", Some("1.0.0")), tools(&repo));
    let changed = found("migrations = { down = false }", &scene1, &on).await;
    assert_eq!(changed.found, CheckOutcome::Failed);
    assert!(changed.lines[0].starts_with("migrations/V1__a.sql was changed after it was released"), "{changed:?}");
    assert!(changed.lines[1].starts_with("migrations/V2__b.sql is missing after it was released"), "{changed:?}");
    assert!(!changed.summary.contains("R__"));

    repo.commit_file("migrations/V3__c.sql", "SELECT 1;\n\nDO $$ BEGIN END $$;\n-- migrate:down\n!", "feat: c");
    repo.run(&["tag", "v1.1.0"]);
    let odd = found("migrations = {}", &scene("1.1.0", Some("1.0.1")), &on).await;
    assert_eq!(odd.found, CheckOutcome::Blind);
    assert!(odd.lines[0].starts_with("migrations/V3__c.sql:3: cannot be read: "), "{odd:?}");
}

#[tokio::test]
async fn without_a_repository_all_migrations_on_the_disk_count() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("m/[odd] folder")).unwrap();
    std::fs::write(folder.path().join("m/1.up.sql"), "CREATE TABLE a (b INT);").unwrap();
    std::fs::write(folder.path().join("m/1.down.sql"), "DROP TABLE a;").unwrap();
    std::fs::write(folder.path().join("m/[odd] folder/2.sql"), "TRUNCATE a;").unwrap();
    let all = migrations_on_disk(folder.path()).await.unwrap();
    let shown: Vec<(&str, Class)> = all.iter().map(|migration| (migration.file.as_str(), migration.class())).collect();
    assert_eq!(shown, [("m/1.up.sql", Class::Expand), ("m/[odd] folder/2.sql", Class::Contract)]);
    assert_eq!(all[0].down.as_deref(), Some("m/1.down.sql"));
}

/// What is left out may be the newest.
#[tokio::test]
async fn more_migrations_than_are_read_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("m")).unwrap();
    for number in 0..2_001 {
        std::fs::write(folder.path().join(format!("m/{number:04}.sql")), "").unwrap();
    }
    let refused = migrations_on_disk(folder.path()).await;
    assert_eq!(refused.unwrap_err(), "2001 files fit, and at most 2000 are read: narrow `files`");
}

async fn migrations_on_disk(folder: &Path) -> Result<Vec<Migration>, String> {
    let text =
        "[[checks]]\nid = 'a'\nmigrations = { files = ['m/**/*.sql'] }\n[[environments]]\nname = 'a'\ncontext = 'a'";
    let place = ConfigBase { folder: folder.to_owned(), ..ConfigBase::default() };
    let config = crate::config::Config::parse(text, &place).unwrap();
    let Some(CheckKind::Migrations(asked)) = &config.environments[0].checks[0].kind else { panic!() };
    migrations(asked, None).await
}

async fn client(simulator: &Simulator, context: &str) -> ReadClient {
    let kubeconfig = Kubeconfig::from_yaml(&simulator.kubeconfig_yaml()).unwrap();
    let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
    ReadClient::new(config, &Redactor::default()).unwrap()
}

async fn patch(client: &ReadClient, group: &str, version: &str, kind: &str, name: &str, change: Value) {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let api: Api<DynamicObject> = Api::namespaced_with(client.kube.clone(), "payments", &resource);
    api.patch(name, &PatchParams::default(), &Patch::Merge(&change)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn environments_are_compared_as_live_objects() {
    let simulator = Simulator::start(&Scenario::load("canary").unwrap(), Options::default()).await.unwrap();
    let (prod, staging) = (client(&simulator, "prod-eu").await, client(&simulator, "staging").await);
    let asked = "drift = { allow = ['replicas'] }";
    let mut scene = scene("1.5.0", Some("1.4.2"));
    scene.workloads = vec!["rollout/payments-api".parse().unwrap()];
    scene.previous = Some(EnvName::new("staging"));
    let tools = Tools {
        cluster: Some((prod.clone(), "payments".to_owned())),
        previous: Some((staging.clone(), "payments".to_owned())),
        ..Tools::default()
    };
    let alike = found(asked, &scene, &tools).await;
    assert_eq!(
        (alike.found, alike.summary.as_str()),
        (CheckOutcome::Passed, "set up as in staging, 1 difference allowed")
    );

    let spec = simulator.cluster("prod-eu").unwrap().get("rollouts", "payments-api").unwrap();
    let mut container = spec["spec"]["template"]["spec"]["containers"][0].clone();
    container["env"] = json!([{"name": "URL", "value": "s3cret"}]);
    let change = json!({"spec": {"template": {"spec": {"containers": [container]}}}});
    patch(&prod, "argoproj.io", "v1alpha1", "Rollout", "payments-api", change).await;
    let differs = found(asked, &scene, &tools).await;
    assert_eq!(differs.found, CheckOutcome::Failed);
    assert!(differs.lines[0].contains("env:URL of container app: only in prod-eu"), "{differs:?}");
    assert!(!format!("{differs:?}").contains("s3cret"));

    simulator.cluster("staging").unwrap().access().deny("alice", "get", "rollouts");
    let blind = found(asked, &scene, &tools).await;
    assert_eq!(blind.found, CheckOutcome::Blind);
    assert!(blind.summary.starts_with("staging: cannot read rollout/payments-api in payments: 403"), "{blind:?}");

    scene.previous = None;
    let first = found(asked, &scene, &tools).await;
    assert_eq!(first.found, CheckOutcome::Passed);
    assert_eq!(first.summary, "prod-eu is the first environment: there is no previous one to compare with");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicaset_labels_and_annotations_identify_the_commit() {
    let simulator = Simulator::start(&Scenario::load("canary").unwrap(), Options::default()).await.unwrap();
    let cluster = (client(&simulator, "staging").await, "payments".to_owned());
    let name =
        simulator.cluster("staging").unwrap().list("replicasets")[0]["metadata"]["name"].as_str().unwrap().to_owned();
    let change = json!({"metadata": {"annotations": {"git-commit": "abc1234"}}});
    patch(&cluster.0, "apps", "v1", "ReplicaSet", &name, change).await;
    let revision = Revision { replicaset: name, images: vec!["api:1.5.0".to_owned()], ..Revision::default() };
    let found = traces(Some(&cluster), &revision).await.unwrap();
    assert_eq!((found.labels["git-commit"].as_str(), found.version.as_str()), ("abc1234", "1.5.0"));
    let gone = Revision { replicaset: "gone".to_owned(), ..revision.clone() };
    assert!(traces(Some(&cluster), &gone).await.unwrap().labels.is_empty());
    assert!(traces(None, &revision).await.unwrap().labels.is_empty());
}
