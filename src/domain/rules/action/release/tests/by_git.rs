//! A release where git names what runs: a commit in place of a patch, and when it is done.

use super::*;
use crate::domain::facts::manifest::ManifestFormat;
use crate::domain::facts::owner::{Automation, Owned, Owner, OwnerKind, Reconciler, Suspension};
use crate::domain::facts::pull_request::{PullRequest, PullRequestPlace, PullRequestProvider, PullRequestState};
use crate::domain::record::action::{ActionId, Target};
use crate::domain::rules::action::{FoundPullRequest, SeenBranch, SeenGit, SeenPullRequest};
use crate::domain::world::GitPlace;

const NEXT: Part<'_> = ("api", "eu.example/shop/api:1.5.0@sha256:new", Some("sha256:new"));

fn reconciler() -> Reconciler {
    Reconciler {
        uid: "app".to_owned(),
        resource_version: "9".to_owned(),
        namespace: "argocd".to_owned(),
        automation: Automation::SelfHeal,
        is_syncing: false,
        in_sync: Some(true),
        ignores_some: false,
        lists_it: true,
        differs: Some(Vec::new()),
        compared_at: Some(now()),
        commit: Some("c1".to_owned()),
        source: None,
        written_by: None,
    }
}

fn owned(found: Option<Reconciler>) -> Owned {
    let owner = Owner { kind: OwnerKind::ArgoCd, namespace: None, name: "payments".to_owned() };
    Owned { owner, found: found.map(Ok) }
}

/// Staging has the next version, and what runs in prod is named by git.
fn by_git(found: Option<Reconciler>) -> World {
    let mut world = world(Runs::only(&[NEW]), Runs::only(&[OLD]));
    let git = GitPlace {
        repository: "git@git.example:shop/config.git".to_owned(),
        path: "api.yaml".to_owned(),
        format: ManifestFormat::Plain,
        ..GitPlace::default()
    };
    world.environments[1].settings.git = git;
    let snapshot = Snapshot { owned: Some(owned(found)), ..Runs::only(&[OLD]).snapshot() };
    let target = WorkloadKey { env: EnvName::new("prod"), workload: id() };
    world.take(Feed::Workload { target, snapshot: Some(Arc::new(snapshot)) }, now());
    world
}

fn suspended() -> Reconciler {
    let suspension = Suspension { by: "alice".to_owned(), at: now(), automated: Value::Null };
    Reconciler { automation: Automation::Suspended(Some(suspension)), ..reconciler() }
}

#[test]
fn a_release_by_git_is_a_commit_also_under_self_heal() {
    let plan = release(&by_git(Some(reconciler())), "prod").unwrap();
    let record = plan.record();
    let Target::Git(key) = &record.target else { panic!("{}", record.target) };
    assert_eq!(key.to_string(), "api.yaml on main of git@git.example:shop/config.git");
    let [Request::Git(request)] = record.requests.as_slice() else { panic!("{:?}", record.requests) };
    assert_eq!(request.images, ["eu.example/shop/api:1.5.0@sha256:new"]);
    assert_eq!(record.facts.under_way, "eu.example/shop/api:1.4.2");
    // It rests on what staging runs, and on what it saw here; its name is typed as ever.
    let rests: Vec<&str> = record.rests_on.iter().map(|rest| rest.target.env().as_str()).collect();
    assert_eq!((rests.as_slice(), plan.typed()), (["staging", "prod"].as_slice(), Some("prod")));
    // What is written down is read the same.
    let text = serde_json::to_string(record).unwrap();
    assert_eq!(&serde_json::from_str::<PlanRecord>(&text).unwrap(), record);
}

#[test]
fn nothing_is_committed_that_would_not_go_out_alone() {
    let out_of_sync = Reconciler { in_sync: Some(false), ..reconciler() };
    let beside = Reconciler { differs: Some(vec!["ConfigMap web".to_owned()]), ..reconciler() };
    let not_compared = Reconciler { in_sync: None, ..reconciler() };
    let says_nothing = Reconciler { differs: None, ..reconciler() };
    let not_listed = Reconciler { lists_it: false, ..reconciler() };
    for (found, kind) in [
        (Some(suspended()), RefusalKind::State),
        (Some(out_of_sync), RefusalKind::Gate),
        (Some(beside), RefusalKind::Gate),
        (Some(not_compared), RefusalKind::Blind),
        (Some(says_nothing), RefusalKind::Blind),
        (Some(not_listed), RefusalKind::Blind),
        (None, RefusalKind::Blind),
    ] {
        let refusals = release(&by_git(found), "prod").unwrap_err();
        let kinds: Vec<RefusalKind> = refusals.iter().map(|refusal| refusal.kind).collect();
        assert_eq!(kinds, [kind], "{refusals:?}");
    }
}

#[test]
fn it_is_done_once_git_its_owner_and_the_cluster_say_the_same() {
    let plan = release(&by_git(Some(reconciler())), "prod").unwrap();
    let record = plan.record().clone().of_action(&ActionId("a1".to_owned()), "alice");
    let Target::Git(key) = &record.target else { panic!("{}", record.target) };
    let now = |image: &str, commit: &str, runs: Runs<'_>| {
        let found = Reconciler { commit: Some(commit.to_owned()), ..reconciler() };
        let snapshot = Snapshot { owned: Some(owned(Some(found))), ..runs.snapshot() };
        let branch = SeenBranch {
            head: "c3".to_owned(),
            images: vec![image.to_owned()],
            carriers: vec!["c3".to_owned(), "c2".to_owned()],
            own: vec![(ActionId("a1".to_owned()), "c2".to_owned())],
        };
        let workload = Some(SeenWorkload { snapshot, replicasets_known: true });
        settled(&record, &SeenGit { key: key.clone(), branch, workload, pull_request: None }.into())
    };
    let (old, new) = (Runs::only(&[OLD]), Runs::only(&[NEXT]));
    let accepted = |text: &str| Settled::Accepted(text.to_owned());
    assert_eq!(now(NEXT.1, "c1", old), accepted("git ✓ c2, Argo CD … at c1, cluster … 1.4.2"));
    assert_eq!(now(NEXT.1, "c2", old), accepted("git ✓ c2, Argo CD ✓, cluster … 1.4.2"));
    assert_eq!(now(NEXT.1, "c1", new), accepted("git ✓ c2, Argo CD … at c1, cluster ✓"));
    // With `ignoreDifferences` of the workload it never says so.
    let ignoring = |commit: &str| {
        let ignores_some = true;
        let found = Reconciler { in_sync: None, ignores_some, commit: Some(commit.to_owned()), ..reconciler() };
        release(&by_git(Some(found.clone())), "prod").unwrap();
        let snapshot = Snapshot { owned: Some(owned(Some(found))), ..new.snapshot() };
        let branch = SeenBranch {
            head: "c2".to_owned(),
            images: vec![NEXT.1.to_owned()],
            carriers: vec!["c2".to_owned()],
            own: vec![(ActionId("a1".to_owned()), "c2".to_owned())],
        };
        let workload = Some(SeenWorkload { snapshot, replicasets_known: true });
        settled(&record, &SeenGit { key: key.clone(), branch, workload, pull_request: None }.into())
    };
    assert!(matches!(ignoring("c1"), Settled::Accepted(_)));
    assert!(matches!(ignoring("c2"), Settled::Done(_)));
    // A later commit that leaves the file alone has the image as well.
    assert_eq!(now(NEXT.1, "c3", new), Settled::Done("git ✓ c2, Argo CD ✓, cluster ✓".to_owned()));
    assert!(matches!(now("eu.example/shop/api:1.6.0", "c3", old), Settled::Lost(_)));
    let mut before = record.clone();
    before.requests = plan.record().requests.clone();
    let branch = SeenBranch { images: vec![OLD.1.to_owned()], ..SeenBranch::default() };
    let seen = SeenGit { key: key.clone(), branch, workload: None, pull_request: None };
    assert!(matches!(settled(&before, &seen.into()), Settled::NotYet(_)));
}

#[test]
fn a_pull_request_is_settled_by_what_the_provider_and_the_file_say() {
    let mut world = by_git(Some(reconciler()));
    let place = PullRequestPlace {
        provider: PullRequestProvider::GitHub,
        url: "https://api.github.com/".to_owned(),
        project: "shop/config".to_owned(),
    };
    world.environments[1].settings.git.pull_request = Some(place.clone());
    let plan = release(&world, "prod").unwrap();
    assert!(plan.record().headline.ends_with(" by pull request"), "{}", plan.record().headline);
    let record = plan.record().clone().of_action(&ActionId("a1".to_owned()), "alice");
    let text = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<PlanRecord>(&text).unwrap(), record);
    let [Request::Git(request)] = record.requests.as_slice() else { panic!("{:?}", record.requests) };
    assert_eq!(request.branch().as_deref(), Some("release-cockpit/a1"));
    let Target::Git(key) = &record.target else { panic!("{}", record.target) };
    let looks = |image: &str, runs: Runs<'_>, found: FoundPullRequest| {
        let snapshot = Snapshot { owned: Some(owned(Some(reconciler()))), ..runs.snapshot() };
        let branch = SeenBranch {
            head: "c1".to_owned(),
            images: vec![image.to_owned()],
            carriers: vec!["c1".to_owned()],
            own: Vec::new(),
        };
        let workload = Some(SeenWorkload { snapshot, replicasets_known: true });
        let branch_of_it = "release-cockpit/a1".to_owned();
        let pull_request = Some(SeenPullRequest { provider: place.provider, branch: branch_of_it, found });
        settled(&record, &SeenGit { key: key.clone(), branch, workload, pull_request }.into())
    };
    let one = |state: PullRequestState, hindrance: Option<&str>, is_fetched: bool| {
        let hindrance = hindrance.map(ToOwned::to_owned);
        let request = PullRequest { number: 12, url: "https://git.example/12".to_owned(), state, hindrance };
        FoundPullRequest::One { request, is_fetched }
    };
    let (old, new) = (Runs::only(&[OLD]), Runs::only(&[NEXT]));
    let merged = || PullRequestState::Merged { commit: Some("c1".to_owned()) };
    let closed = || PullRequestState::Closed { by: Some("bob".to_owned()), at: None };
    let open = "pull request #12 open ✓ https://git.example/12 (it has conflicts), git …, Argo CD …, cluster …";
    let waits = looks(OLD.1, old, one(PullRequestState::Open, Some("it has conflicts"), false));
    assert_eq!(waits, Settled::AwaitsMerge(open.to_owned()));
    let undone = "pull request #12 was closed by bob without a merge: https://git.example/12";
    assert_eq!(looks(OLD.1, old, one(closed(), None, false)), Settled::Undone(undone.to_owned()));
    // The provider is ahead of what was fetched, or somebody has replaced it since.
    assert!(matches!(looks(OLD.1, old, one(merged(), None, false)), Settled::Accepted(_)));
    assert!(matches!(looks(OLD.1, old, one(merged(), None, true)), Settled::Lost(_)));
    let git_ahead = "pull request #12 merged ✓, git ✓ c1, Argo CD ✓, cluster … 1.4.2";
    assert_eq!(looks(NEXT.1, old, one(merged(), None, true)), Settled::Accepted(git_ahead.to_owned()));
    let done = "pull request #12 merged ✓, git ✓ c1, Argo CD ✓, cluster ✓";
    assert_eq!(looks(NEXT.1, new, one(merged(), None, true)), Settled::Done(done.to_owned()));
    // A branch without a pull request is not done, and says what is left of it.
    let Settled::NotYet(left) = looks(OLD.1, old, FoundPullRequest::None { is_pushed: true }) else {
        panic!("not done")
    };
    assert!(left.starts_with("the branch release-cockpit/a1 is there without a pull request"), "{left}");
    assert!(matches!(looks(OLD.1, old, FoundPullRequest::None { is_pushed: false }), Settled::NotYet(_)));
}
