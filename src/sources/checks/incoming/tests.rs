use std::path::Path;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::image::Doubt;
use super::*;
use crate::config::{Config, ConfigBase};
use crate::domain::record::checklist::CheckOutcome;
use crate::sources::checks::{Built, Evidence, look};
use crate::sources::git::tests::{Repo, no_git};

const COMMIT: &str = "9f2c41ab00000000000000000000000000000000";
const OURS: &str = "sha256:aaaaaaaa";
const THEIRS: &str = "sha256:7ecc93eb";

fn image(references: &[&str]) -> Image {
    Image::named(references.iter().copied(), []).unwrap()
}

fn relation(references: &[&str], incoming: &[&str]) -> Relation {
    let incoming: Vec<Artifact> = incoming.iter().map(|image| Artifact::parse(image)).collect();
    image(references).relation(&incoming, Some(COMMIT))
}

#[test]
fn images_are_compared_by_digest_commit_and_tag() {
    let other = |image: &str| Relation::Other(Artifact::parse(image));
    let pinned = "registry.example/payments-api:1.6.0@sha256:aaaaaaaa";
    let tagged = "payments-api:1.6.0";
    for (references, incoming, wanted) in [
        (&["registry.example/payments-api:1.6.0"][..], &[tagged][..], Relation::Tagged),
        (&["mirror.example/hub/payments-api:v1.6.0"], &[tagged], Relation::Tagged),
        (&["payments-api:1.6.0-arm64"], &[tagged], Relation::Tagged),
        (&["payments-api:1.5.0"], &[tagged], other(tagged)),
        (&["payments-api:1.6.0-rc.1"], &["payments-api:1.6.0-rc.2"], other("payments-api:1.6.0-rc.2")),
        (&["payments-api:ci-4711"], &["payments-api:ci-4712"], other("payments-api:ci-4712")),
        (&["payments-api:20261129"], &["payments-api:20261130"], other("payments-api:20261130")),
        (&["payments-api:1.5.0", "payments-api:latest"], &[tagged], other(tagged)),
        (&["payments-api:1.6.0", "payments-api:latest"], &[tagged], Relation::Tagged),
        // What a pipeline gives an image before it has its version.
        (&["payments-api:ci-4711"], &[tagged], Relation::Unclear(Doubt::Tag)),
        (&["payments-api:latest"], &[tagged], Relation::Unclear(Doubt::Tag)),
        (&["payments-api:1.6"], &[tagged], Relation::Unclear(Doubt::Tag)),
        (&["payments-api:1.6.0-rc.1"], &[tagged], Relation::Unclear(Doubt::Tag)),
        (&["payments-api:20261129"], &[tagged], Relation::Unclear(Doubt::Tag)),
        (&["payments-api:20261130.3"], &[tagged], Relation::Unclear(Doubt::Tag)),
        (&["payments-api:20261130.3"], &["payments-api:20261130.4"], other("payments-api:20261130.4")),
        (&["payments-api:2026.11.3"], &["payments-api:2026.11.4"], other("payments-api:2026.11.4")),
        // The commit, which makes other images as well.
        (&["payments-api:9f2c41a"], &[tagged], Relation::Same),
        (&["hub/payments-api:sha-9F2C41AB-amd64"], &[tagged], Relation::Same),
        (&["worker:sha-9F2C41AB-amd64"], &[tagged], Relation::Foreign),
        (&["worker:sha-9f2c41a"], &[tagged, "worker:1.6.0"], Relation::Same),
        (&["payments-api:1b3d5e7"], &[tagged], other(tagged)),
        (&["payments-api:main-1b3d5e7"], &["payments-api:main-9f2c41a"], other("payments-api:main-9f2c41a")),
        // Digests.
        (&["payments-api:1.5.0", "payments-api@sha256:aaaaaaaa"], &[pinned], Relation::Same),
        (&["app:local", "app@sha256:aaaaaaaa"], &[pinned], Relation::Same),
        (&["payments-api:1.6.0", "payments-api@sha256:7ecc93eb"], &[pinned], Relation::Unclear(Doubt::Digest)),
        (&["payments-api:1.5.0", "payments-api@sha256:7ecc93eb"], &[pinned], other(pinned)),
        (&["payments-api@sha256:7ecc93eb"], &[pinned], Relation::Unclear(Doubt::OtherDigest)),
        (&["payments-api:ci-4711", "payments-api@sha256:7ecc93eb"], &[pinned], Relation::Unclear(Doubt::OtherDigest)),
        (&["payments-api@sha256:7ecc93eb"], &[tagged], Relation::Unclear(Doubt::Tag)),
        // Others.
        (&["nginx:1.25"], &[tagged], Relation::Foreign),
        (&["nginx:1.25"], &[tagged, "nginx:1.25"], Relation::Tagged),
        (&["nginx:1.25"], &[tagged, "nginx:1.27"], other("nginx:1.27")),
        (&["orders/api:1.5.0"], &["api:1.6.0", "api:1.5.0"], Relation::Tagged),
    ] {
        assert_eq!(relation(references, incoming), wanted, "{references:?} and {incoming:?}");
    }
}

#[test]
fn what_names_no_image_is_none() {
    for references in [&["image.tar"][..], &["build/image"], &[""], &["payments-api"], &[":1.0"]] {
        assert_eq!(Image::named(references.iter().copied(), []), None, "{references:?}");
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// 1.6.0, which was committed at noon.
fn incoming() -> Incoming {
    Incoming {
        version: "1.6.0".to_owned(),
        artifacts: vec![Artifact::parse("payments-api:1.6.0")],
        settled: Vec::new(),
        commit: Some(COMMIT.to_owned()),
        replacing: Vec::new(),
        committed: Committed::At(at("2026-11-30T12:00:00Z")),
    }
}

/// The same beside what stays as it is.
fn beside_redis() -> Incoming {
    Incoming { settled: vec![Artifact::parse("redis:7")], ..incoming() }
}

fn about(image: &str) -> About {
    About { image: Image::named([image], []), ..About::default() }
}

#[test]
fn report_of_another_build_is_refused_in_words() {
    let (before, after) = (at("2026-11-30T11:00:00Z"), at("2026-11-30T12:10:00Z"));
    let undated = Incoming { committed: Committed::NotTold, ..incoming() };
    let missing = Incoming { committed: Committed::Missing("no tag v1.6.0".to_owned()), ..incoming() };
    let named = |reference: &str| Ok(Tie::Image(image(&[reference])));
    let pinned = Incoming { artifacts: vec![Artifact::parse("payments-api:1.6.0@sha256:aaaaaaaa")], ..incoming() };
    let with = |commits: &[&str]| About {
        commits: commits.iter().map(|&commit| commit.to_owned()).collect(),
        ..About::default()
    };
    let written = "was written before 1.6.0 was committed (2026-11-30 12:00 UTC)";
    let err = |words: &str| Err(words.to_owned());
    for (incoming, about, at, wanted) in [
        (incoming(), about("x/payments-api:1.5.0"), after, err("is about payments-api:1.5.0, and 1.6.0 comes in")),
        (incoming(), about("x/payments-api:1.6.0"), after, named("x/payments-api:1.6.0")),
        // The tag was given to a later build.
        (incoming(), about("x/payments-api:1.6.0"), before, err(written)),
        (undated.clone(), about("x/payments-api:1.6.0"), before, named("x/payments-api:1.6.0")),
        (incoming(), about("payments-api:ci-4711"), after, named("payments-api:ci-4711")),
        (incoming(), about("payments-api:ci-4711"), before, err(written)),
        (
            undated.clone(),
            about("payments-api:ci-4711"),
            after,
            err(
                "is about payments-api:ci-4711, and nothing says that this is 1.6.0: scan it by its digest or under the \
                 tag that comes in, or have its commit in the repository of [service]",
            ),
        ),
        (incoming(), about("payments-api:9f2c41a"), before, named("payments-api:9f2c41a")),
        (incoming(), about("worker:sha-9f2c41a"), after, Ok(Tie::Foreign("worker:sha-9f2c41a".to_owned()))),
        (
            pinned.clone(),
            about("payments-api@sha256:7ecc93eb"),
            after,
            err(
                "is about payments-api@7ecc93eb, and nothing says that this is 1.6.0: its digest is another one; scan the \
                 image by the digest that comes in",
            ),
        ),
        // The index and one of its platforms have two digests under one tag.
        (pinned, about("payments-api:1.6.0@sha256:7ecc93eb"), after, named("payments-api:1.6.0@sha256:7ecc93eb")),
        // What stays as it is.
        (beside_redis(), about("hub/redis:7"), before, Ok(Tie::Settled("redis:7".to_owned()))),
        (beside_redis(), about("redis:6"), after, Ok(Tie::Settled("redis:6".to_owned()))),
        (beside_redis(), about("payments-api:1.6.0"), after, named("payments-api:1.6.0")),
        (beside_redis(), about("payments-api:1.5.0"), after, err("is about payments-api:1.5.0, and 1.6.0 comes in")),
        (incoming(), about("nginx:1.25"), after, Ok(Tie::Foreign("nginx:1.25".to_owned()))),
        (incoming(), About::default(), before, err(written)),
        (incoming(), About::default(), after, Ok(Tie::Unnamed)),
        (undated, About::default(), before, Ok(Tie::Unnamed)),
        (
            missing.clone(),
            About::default(),
            after,
            err("does not name the build that it is about, and may be older than 1.6.0: no tag v1.6.0"),
        ),
        (missing.clone(), about("payments-api:1.6.0"), before, named("payments-api:1.6.0")),
        (missing, with(&["9f2c41ab"]), before, Ok(Tie::Named)),
        (incoming(), with(&["9f2c41ab"]), before, Ok(Tie::Named)),
        (incoming(), with(&["1b3d5e7f99"]), after, err("is about commit 1b3d5e7f, and 1.6.0 was built from 9f2c41ab")),
        // A copy of an old report is young, and says itself that it is old.
        (incoming(), About { at: Some(before), ..About::default() }, after, err(written)),
        (incoming(), About { at: Some(after), ..About::default() }, before, Ok(Tie::Unnamed)),
        // Clocks differ a little.
        (incoming(), About::default(), self::at("2026-11-30T11:59:00Z"), Ok(Tie::Unnamed)),
    ] {
        assert_eq!(incoming.tie(&about, Some(at)), wanted, "{about:?} written {at}");
    }
}

#[test]
fn one_report_about_what_comes_in_is_enough_beside_others() {
    let foreign = || Tie::Foreign("nginx:1.25".to_owned());
    let words = "is about nginx:1.25, which is none of the images that come in";
    assert_eq!(all_foreign(&[foreign(), foreign()]).as_deref(), Some(words));
    let settled = || Tie::Settled("redis:7".to_owned());
    let words = "is about redis:7, which does not change with this release";
    assert_eq!(all_foreign(&[settled(), foreign()]).as_deref(), Some(words));
    for ties in [
        vec![],
        vec![Tie::Unnamed],
        vec![settled(), Tie::Named],
        vec![foreign(), Tie::Image(image(&["payments-api:1.6.0"]))],
        vec![Tie::Unnamed, foreign()],
    ] {
        assert_eq!(all_foreign(&ties), None, "{ties:?}");
    }
}

/// Law 1: what is known of one image says nothing of another that comes in with it.
#[test]
fn reports_of_images_have_to_be_about_each_that_is_replaced() {
    let replacing = ["payments-api:1.6.0@sha256:aaaaaaaa", "worker:1.6.0"].map(Artifact::parse).to_vec();
    let incoming = Incoming { replacing, ..incoming() };
    let of = |references: &[&str]| Tie::Image(image(references));
    let api = || of(&["hub/payments-api:1.6.0"]);
    let why = incoming.not_covered(&[api(), Tie::Foreign("nginx:1.25".to_owned())]);
    assert_eq!(why.as_deref(), Some("no report is about worker:1.6.0, which comes in as well: scan it, too"));
    let why = incoming.not_covered(&[of(&["worker:1.6.0"])]);
    assert_eq!(why.as_deref(), Some("no report is about payments-api:1.6.0, which comes in as well: scan it, too"));
    for ties in [
        vec![api(), of(&["worker:1.6.0"])],
        vec![of(&["app:local", "app@sha256:aaaaaaaa"]), of(&["worker:1.6.0"])],
        // The commit that made both, and a folder that was scanned.
        vec![api(), Tie::Named],
        vec![Tie::Unnamed, api()],
        vec![],
    ] {
        assert_eq!(incoming.not_covered(&ties), None, "{ties:?}");
    }
    assert_eq!(Incoming { replacing: Vec::new(), ..incoming }.not_covered(&[api()]), None);
}

proptest! {
    /// Law 1: with both digests and both tags known to differ, nothing but the commit makes a report count.
    #[test]
    fn report_of_another_version_is_never_green(
        ours in "(0|[1-9][0-9]?)\\.(0|[1-9][0-9]?)\\.(0|[1-9][0-9]?)",
        theirs in "(0|[1-9][0-9]?)\\.(0|[1-9][0-9]?)\\.(0|[1-9][0-9]?)",
        with_v in any::<bool>(), has_digests in any::<bool>(), has_latest in any::<bool>(), hours in 0_i64..1000,
    ) {
        let mut incoming = incoming();
        let digest = |digest: &str| if has_digests { format!("@{digest}") } else { String::new() };
        incoming.artifacts = vec![Artifact::parse(&format!("payments-api:{ours}{}", digest(OURS)))];
        let tag = if with_v { format!("v{theirs}") } else { theirs.clone() };
        let mut references = vec![format!("a/payments-api:{tag}{}", digest(THEIRS))];
        if has_latest {
            references.push("a/payments-api:latest".to_owned());
        }
        let about = About { image: Image::named(references.iter().map(String::as_str), []), ..About::default() };
        let written = at("2026-11-30T12:00:00Z") + SignedDuration::from_hours(hours);
        let numbers = |version: &str| version.split('.').map(|part| part.parse().unwrap()).collect::<Vec<u32>>();
        let tie = incoming.tie(&about, Some(written));
        prop_assert_eq!(tie.is_ok(), numbers(&ours) == numbers(&theirs) , "{:?}", tie);
    }

    /// Law 1: whatever a report says, one that was written before the commit counts only where it names the very build.
    #[test]
    fn older_report_is_never_green_by_a_tag(tag in "[a-z0-9._-]{1,20}", hours in 1_i64..1000) {
        let tie = incoming().tie(
            &about(&format!("payments-api:x{tag}")),
            Some(at("2026-11-30T12:00:00Z") - SignedDuration::from_hours(hours)),
        );
        prop_assert!(tie.is_err() || tag.contains(&COMMIT[..7]), "{:?}", tie);
    }
}

/// Looks at a report that was written at a time, as a check of a config in its folder.
async fn judged(asked: &str, text: &str, written: Timestamp, scene: &CheckInput, tools: &Tools) -> Evidence {
    let folder = tempfile::tempdir().unwrap();
    let file = std::fs::File::create(folder.path().join("report")).unwrap();
    std::io::Write::write_all(&mut &file, text.as_bytes()).unwrap();
    file.set_modified(SystemTime::from(written)).unwrap();
    let kind = kind(asked, folder.path());
    look(&kind, scene, tools).await
}

fn kind(asked: &str, folder: &Path) -> crate::config::checks::CheckKind {
    let place = ConfigBase { folder: folder.to_owned(), ..ConfigBase::default() };
    let config = Config::parse(&format!("[[checks]]\nid = 'x'\n{asked}"), &place).unwrap();
    config.defaults.checks[0].kind.clone().unwrap()
}

fn scene_of(version: &str, image: &str) -> CheckInput {
    CheckInput { version: version.to_owned(), images: vec![image.to_owned()], ..CheckInput::default() }
}

/// As `trivy image --format json` writes it.
fn trivy() -> Value {
    json!({
        "SchemaVersion": 2, "CreatedAt": "2026-03-02T09:14:07.182Z",
        "ArtifactName": "registry.example/payments-api:1.5.0", "ArtifactType": "container_image",
        "Metadata": {
            "OS": {"Family": "debian", "Name": "12.9"},
            "RepoTags": ["registry.example/payments-api:1.5.0"],
            "RepoDigests": ["registry.example/payments-api@sha256:7ecc93eb"],
        },
        "Results": [{"Target": "registry.example/payments-api:1.5.0 (debian 12.9)", "Class": "os-pkgs", "Type": "debian"}],
    })
}

/// As `grype -o json` writes it.
fn grype() -> Value {
    json!({
        "matches": [],
        "source": {"type": "image", "target": {
            "userInput": "registry:registry.example/payments-api:1.5.0", "imageID": "sha256:00",
            "manifestDigest": "sha256:3fa1", "tags": ["registry.example/payments-api:1.5.0"],
            "repoDigests": ["registry.example/payments-api@sha256:7ecc93eb"],
        }},
        "descriptor": {"name": "grype", "version": "0.87.0", "timestamp": "2026-03-02T10:14:07.182+01:00"},
    })
}

/// As `trivy image --format sarif` writes it.
fn trivy_sarif() -> Value {
    json!({"version": "2.1.0", "runs": [{
        "tool": {"driver": {"name": "Trivy", "rules": []}}, "results": [],
        "properties": {"imageName": "registry.example/payments-api:1.5.0", "repoTags": ["registry.example/payments-api:1.5.0"],
            "repoDigests": ["registry.example/payments-api@sha256:7ecc93eb"], "imageID": "sha256:00"},
    }]})
}

/// As Trivy Operator writes it.
fn operator() -> Value {
    json!({"apiVersion": "aquasecurity.github.io/v1alpha1", "kind": "VulnerabilityReport", "metadata": {"name": "api"},
        "report": {"artifact": {"repository": "payments-api", "tag": "1.5.0", "digest": "sha256:7ecc93eb"},
            "registry": {"server": "registry.example"}, "summary": {}, "vulnerabilities": []}})
}

/// As `snyk container test --json` writes it.
fn snyk() -> Value {
    json!({"ok": true, "vulnerabilities": [], "dependencyCount": 87, "projectName": "docker-image|payments-api",
        "path": "registry.example/payments-api:1.5.0"})
}

#[tokio::test]
async fn scan_of_another_image_is_no_evidence_for_this_one() {
    let (asked, scan, sarif) =
        ("trivy = { files = ['report'] }", "scan = { files = ['report'] }", "sarif = { files = ['report'] }");
    let both = json!({"kind": "List", "items": [operator(), {"kind": "VulnerabilityReport", "metadata": {"name": "new"},
        "report": {"artifact": {"repository": "payments-api", "tag": "1.6.0"}, "vulnerabilities": []}}]});
    for (asked, report) in
        [(asked, trivy()), (scan, trivy()), (scan, grype()), (scan, operator()), (scan, snyk()), (sarif, trivy_sarif())]
    {
        let judge = async |version: &str, image: &str| {
            let scene = scene_of(version, image);
            judged(asked, &report.to_string(), Timestamp::now(), &scene, &Tools::default()).await
        };
        let evidence = judge("1.6.0", "registry.example/payments-api:1.6.0").await;
        assert_eq!(evidence.found, CheckOutcome::Blind, "{report}");
        assert_eq!(evidence.summary, "report: is about payments-api:1.5.0, and 1.6.0 comes in", "{report}");
        let evidence = judge("1.5.0", "mirror.example/hub/payments-api:1.5.0").await;
        assert_eq!(evidence.found, CheckOutcome::Passed, "{report}: {}", evidence.summary);
        let evidence = judge("1.0", "registry.example/orders:1.0").await;
        assert_eq!(evidence.summary, "report: is about payments-api:1.5.0, which is none of the images that come in");
        if report != snyk() {
            let pinned = format!("registry.example/payments-api@{THEIRS}");
            assert_eq!(judge("7ecc93eb", &pinned).await.found, CheckOutcome::Passed, "{report}");
        }
    }
    let scene = scene_of("1.6.0", "registry.example/payments-api:1.6.0");
    let evidence = judged(scan, &both.to_string(), Timestamp::now(), &scene, &Tools::default()).await;
    assert_eq!(evidence.found, CheckOutcome::Passed, "{}", evidence.summary);
}

/// Law 1: what runs beside the candidate, and stays, is no evidence for it.
#[tokio::test]
async fn scan_of_what_does_not_change_is_no_evidence_for_what_does() {
    let scene = CheckInput {
        artifacts: ["payments-api:1.6.0", "redis:7", "envoy:1.30"].map(str::to_owned).to_vec(),
        changing: vec!["payments-api:1.6.0".to_owned()],
        ..scene_of("1.6.0", "payments-api:1.6.0")
    };
    let item = |repository: &str, tag: &str| {
        json!({"kind": "VulnerabilityReport", "metadata": {"name": repository},
            "report": {"artifact": {"repository": repository, "tag": tag}, "vulnerabilities": []}})
    };
    let audit = || json!({"kind": "ConfigAuditReport", "metadata": {"name": "api"}, "report": {"checks": []}});
    let (old, new) = (item("payments-api", "1.5.0"), item("payments-api", "1.6.0"));
    let other = "report: is about payments-api:1.5.0, and 1.6.0 comes in";
    let settled = "report: is about redis:7, which does not change with this release";
    for (items, wanted) in [
        (vec![item("redis", "7")], Some(settled)),
        (vec![item("redis", "7"), item("envoy", "1.30"), audit()], Some(settled)),
        (vec![item("redis", "7"), old.clone()], Some(other)),
        (vec![item("redis", "7"), old, new.clone(), audit()], None),
        (vec![item("redis", "6"), new], None),
        (vec![audit()], None),
    ] {
        let list = json!({"kind": "List", "items": items}).to_string();
        let asked = "scan = { files = ['report'] }";
        let evidence = judged(asked, &list, Timestamp::now(), &scene, &Tools::default()).await;
        match wanted {
            Some(why) => assert_eq!((evidence.found, evidence.summary.as_str()), (CheckOutcome::Blind, why), "{list}"),
            None => assert_eq!(evidence.found, CheckOutcome::Passed, "{list}: {}", evidence.summary),
        }
    }
    // Of two images that change, the one says nothing of the other, or of its old build.
    let replacing = scene.artifacts[..2].to_vec();
    let two = CheckInput { changing: replacing.clone(), replacing, ..scene };
    let list = json!({"kind": "List", "items": [item("payments-api", "1.6.0"), audit()]}).to_string();
    let evidence = judged("scan = { files = ['report'] }", &list, Timestamp::now(), &two, &Tools::default()).await;
    let uncovered = "no report is about redis:7, which comes in as well: scan it, too";
    assert_eq!((evidence.found, evidence.summary.as_str()), (CheckOutcome::Blind, uncovered));
    let list = json!({"kind": "List", "items": [item("redis", "7"), item("payments-api", "1.5.0")]}).to_string();
    let evidence = judged("scan = { files = ['report'] }", &list, Timestamp::now(), &two, &Tools::default()).await;
    assert_eq!((evidence.found, evidence.summary.as_str()), (CheckOutcome::Blind, other));
}

/// Tools such as semantic-release commit the version after the tests have run.
#[tokio::test]
async fn path_that_names_the_candidate_ties_a_report_that_is_older_than_the_commit() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    let commit = repo.commit("chore(release): 1.6.0 [skip ci]");
    repo.run(&["tag", "v1.6.0"]);
    let tools = Tools { repository: Some(repo.path().to_owned()), ..Tools::default() };
    let folder = tempfile::tempdir().unwrap();
    let before = SystemTime::from(at("2026-01-01T00:00:00Z") - SignedDuration::from_hours(1));
    let named = "{\"SchemaVersion\": 2, \"ArtifactName\": \"payments-api:ci-7\", \"ArtifactType\": \"container_image\", \
        \"CreatedAt\": \"2025-12-31T00:00:00Z\", \"Results\": [{\"Target\": \"go.mod\"}]}";
    for place in [folder.path().join("1.6.0"), folder.path().join(&commit), folder.path().to_owned()] {
        std::fs::create_dir_all(&place).unwrap();
        for (name, text) in [
            ("junit", "<testsuite><testcase name='a'/></testsuite>"),
            ("lcov", "SF:a\nDA:1,1\nend_of_record\n"),
            ("scan", named),
        ] {
            std::fs::write(place.join(name), text).unwrap();
            std::fs::File::open(place.join(name)).unwrap().set_modified(before).unwrap();
        }
    }
    let built = Built { commit: commit.clone(), told_by: String::new() };
    let scene = CheckInput { commit: Some(built), ..scene_of("1.6.0", "payments-api:1.6.0") };
    let judge = async |asked: &str| look(&kind(asked, folder.path()), &scene, &tools).await;
    for asked in [
        "junit = { files = ['{}junit'] }",
        "coverage = { files = ['{}lcov'], at_least = 60 }",
        "scan = { files = ['{}scan'] }",
    ] {
        for place in ["{{version}}/", "{{commit}}/"] {
            let evidence = judge(&asked.replace("{}", place)).await;
            assert_eq!(evidence.found, CheckOutcome::Passed, "{asked}, {place}: {}", evidence.summary);
        }
        let why = judge(&asked.replace("{}", "")).await.summary;
        assert!(why.contains("was written before 1.6.0 was committed"), "{asked}: {why}");
        let aged = asked.replace("{}", "{{version}}/").replace(']', "], max_age = '1h'");
        let why = judge(&aged).await.summary;
        assert!(why.contains("is the most"), "{aged}: {why}");
    }
    let both = judge("junit = { files = ['1.6.0/junit', '{{version}}/junit'] }").await;
    assert_eq!(both.found, CheckOutcome::Passed, "{}", both.summary);
}

#[tokio::test]
async fn archives_and_folders_are_judged_by_their_age_alone() {
    let mut archive = trivy();
    archive["ArtifactName"] = json!("image.tar");
    archive["Metadata"] = json!({});
    let mut folder = trivy();
    folder["ArtifactType"] = json!("filesystem");
    let mut grype_folder = grype();
    grype_folder["source"] = json!({"type": "directory", "target": "."});
    let mut grype_archive = grype();
    grype_archive["source"]["target"] = json!({"userInput": "docker-archive:image.tar", "tags": [], "repoDigests": [], "manifestDigest": "sha256:3fa1"});
    for report in [archive, folder, grype_folder, grype_archive] {
        let scene = scene_of("1.6.0", "payments-api:1.6.0");
        let asked = "scan = { files = ['report'] }";
        let evidence = judged(asked, &report.to_string(), Timestamp::now(), &scene, &Tools::default()).await;
        assert_eq!(evidence.found, CheckOutcome::Passed, "{report}: {}", evidence.summary);
    }
}

#[tokio::test]
async fn reports_of_each_version_are_kept_apart_by_their_path() {
    let folder = tempfile::tempdir().unwrap();
    let kind = kind("junit = { files = ['{{version}}/{{commit}}.xml'] }", folder.path());
    let built = |commit: &str| Built { commit: commit.to_owned(), told_by: String::new() };
    for (version, commit) in [("1.5.0", "1b3d5e7f"), ("1.6.0", "9f2c41ab")] {
        std::fs::create_dir(folder.path().join(version)).unwrap();
        let text = format!("<testsuite><testcase name='{version}'/></testsuite>");
        std::fs::write(folder.path().join(version).join(format!("{commit}.xml")), text).unwrap();
    }
    let judged = async |version: &str, commit: Option<&str>| {
        let scene = CheckInput { commit: commit.map(built), ..scene_of(version, "payments-api:1") };
        let evidence = look(&kind, &scene, &Tools::default()).await;
        (evidence.found, evidence.summary)
    };
    let passed = (CheckOutcome::Passed, "1 passed, in 1 file".to_owned());
    assert_eq!(judged("1.6.0", Some("9f2c41ab")).await, passed);
    let (found, why) = judged("1.7.0", Some("9f2c41ab")).await;
    assert!(found == CheckOutcome::Blind && why.starts_with("no file 1.7.0/9f2c41ab.xml in "), "{why}");
    let (found, why) = judged("*", Some("9f2c41ab")).await;
    assert!(found == CheckOutcome::Blind && why.starts_with("no file "), "{why}");
    let (found, why) = judged("1.6.0", None).await;
    assert!(found == CheckOutcome::Blind && why.starts_with("the value of {{commit}} is unknown"), "{why}");
    let (found, why) = judged("1.6.0/..", Some("9f2c41ab")).await;
    assert_eq!((found, why.as_str()), (CheckOutcome::Blind, "{{version}} is `1.6.0/..`, which cannot stand in a path"));
}

#[tokio::test]
async fn report_without_a_name_needs_the_commit_where_versions_are_tagged() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    repo.commit("feat: pay");
    let (asked, text) = ("junit = { files = ['report'] }", "<testsuite><testcase name='a'/></testsuite>");
    let scene = scene_of("1.6.0", "payments-api:1.6.0");
    let judge = async |folder: &Path| {
        let tools = Tools { repository: Some(folder.to_owned()), ..Tools::default() };
        judged(asked, text, Timestamp::now(), &scene, &tools).await
    };
    // A team that tags nothing has nothing to compare with.
    assert_eq!(judge(repo.path()).await.found, CheckOutcome::Passed);
    repo.run(&["tag", "v1.5.0"]);
    assert_eq!(judge(repo.path()).await.found, CheckOutcome::Blind);
    repo.commit("feat: pay twice");
    repo.run(&["tag", "v1.6.0"]);
    assert_eq!(judge(repo.path()).await.found, CheckOutcome::Passed);
    // As checkouts in pipelines are: the last commit, and no tag.
    let clone = tempfile::tempdir().unwrap();
    let from = format!("file://{}", repo.path().display());
    let to = clone.path().display().to_string();
    repo.run(&["clone", "--quiet", "--depth=1", "--no-tags", &from, &to]);
    let evidence = judge(clone.path()).await;
    let is_refused = evidence.found == CheckOutcome::Blind
        && evidence
            .summary
            .ends_with(" is a shallow clone, and its history ends early: `git fetch --unshallow --tags` in it");
    assert!(is_refused, "{}", evidence.summary);
}

#[tokio::test]
async fn report_without_a_name_is_not_compared_with_the_tag_of_a_commit_in_doubt() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    repo.commit("feat: pay");
    repo.run(&["tag", "v1.6.0"]);
    let why = "cannot read replicaset/api-1 in shop: 403";
    let scene = CheckInput { commit_doubt: Some(why.to_owned()), ..scene_of("1.6.0", "payments-api:1.6.0") };
    for repository in [Some(repo.path().to_owned()), None] {
        let tools = Tools { repository, ..Tools::default() };
        let (asked, text) = ("junit = { files = ['report'] }", "<testsuite><testcase name='a'/></testsuite>");
        let evidence = judged(asked, text, Timestamp::now(), &scene, &tools).await;
        let wanted = format!("report: does not name the build that it is about, and may be older than 1.6.0: {why}");
        assert_eq!((evidence.found, evidence.summary), (CheckOutcome::Blind, wanted));
    }
}

#[tokio::test]
async fn report_that_is_older_than_the_commit_is_no_evidence() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    let commit = repo.commit("feat: pay");
    repo.run(&["tag", "v1.6.0"]);
    let tools = Tools { repository: Some(repo.path().to_owned()), ..Tools::default() };
    let committed = at("2026-01-01T00:01:00Z");
    let sarif = |revision: &str| {
        json!({"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "x"}}, "results": [],
            "versionControlProvenance": [{"repositoryUri": "https://git.example/pay", "revisionId": revision}]}]})
        .to_string()
    };
    let junit = "<testsuite><testcase name='a'/></testsuite>";
    let fs = "{\"SchemaVersion\": 2, \"ArtifactName\": \".\", \"ArtifactType\": \"filesystem\", \"Results\": [{\"Target\": \"go.mod\"}]}";
    let scene = scene_of("1.6.0", "payments-api:1.6.0");
    for (asked, text) in [
        ("junit = { files = ['report'] }", junit),
        ("coverage = { files = ['report'], at_least = 60 }", "SF:a\nDA:1,1\nend_of_record\n"),
        (
            "sarif = { files = ['report'] }",
            "{\"version\": \"2.1.0\", \"runs\": [{\"tool\": {\"driver\": {\"name\": \"x\"}}, \"results\": []}]}",
        ),
        ("trivy = { files = ['report'] }", fs),
        ("scan = { files = ['report'] }", fs),
        ("benchmark = { file = 'report', pointer = '/median', baseline = 12.5 }", "{\"median\": 12.5}"),
    ] {
        let hour = Duration::from_secs(3600);
        let evidence = judged(asked, text, committed - hour, &scene, &tools).await;
        let wanted = "report: was written before 1.6.0 was committed (2026-01-01 00:01 UTC)";
        assert_eq!((evidence.found, evidence.summary.as_str()), (CheckOutcome::Blind, wanted), "{asked}");
        let evidence = judged(asked, text, committed + hour, &scene, &tools).await;
        assert_eq!(evidence.found, CheckOutcome::Passed, "{asked}: {}", evidence.summary);
        // A clone that is behind cannot tell: the report may be of any build.
        let unknown = scene_of("1.7.0", "payments-api:1.7.0");
        let evidence = judged(asked, text, committed + hour, &unknown, &tools).await;
        let why = "report: does not name the build that it is about, and may be older than 1.7.0: ";
        let is_refused = evidence.found == CheckOutcome::Blind
            && evidence.summary.starts_with(why)
            && evidence.summary.ends_with(" has no tag v1.7.0 or 1.7.0: `git fetch --tags` in it, or tag the commit");
        assert!(is_refused, "{asked}: {}", evidence.summary);
    }
    let asked = "sarif = { files = ['report'] }";
    assert_eq!(judged(asked, &sarif(&commit), committed, &scene, &tools).await.found, CheckOutcome::Passed);
    let evidence = judged(asked, &sarif("1b3d5e7f00"), committed, &scene, &tools).await;
    let wanted = format!("report: is about commit 1b3d5e7f, and 1.6.0 was built from {}", &commit[..8]);
    assert_eq!((evidence.found, evidence.summary), (CheckOutcome::Blind, wanted));
}
