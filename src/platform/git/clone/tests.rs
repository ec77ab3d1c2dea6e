use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::*;

const FILE: &str = "apps/api.yaml";

/// A bare repository with one file, and our clone of it.
struct Bed {
    folder: tempfile::TempDir,
    clone: ShallowClone,
}

impl Bed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        git(folder.path(), &["init", "--quiet", "--bare", "--initial-branch", "main", "config.git"]);
        git(folder.path(), &["clone", "--quiet", "config.git", "work"]);
        let place = GitPlace {
            repository: format!("file://{}", folder.path().join("config.git").display()),
            path: FILE.to_owned(),
            author_name: Some("Release Cockpit".to_owned()),
            author_mail: Some("releases@shop.example".to_owned()),
            ..GitPlace::default()
        };
        let clone = ShallowClone::new(&place, &folder.path().join("state"), Redactor::default());
        let bed = Self { folder, clone };
        bed.somebody_commits(FILE, "image: a:1\n");
        bed
    }

    fn somebody_commits(&self, path: &str, text: &str) {
        let work = self.folder.path().join("work");
        git(&work, &["pull", "--quiet", "--rebase", "origin", "main"]);
        std::fs::create_dir_all(work.join(path).parent().unwrap()).unwrap();
        std::fs::write(work.join(path), text).unwrap();
        git(&work, &["add", "--all"]);
        git(&work, &["commit", "--quiet", "--message", path]);
        git(&work, &["push", "--quiet", "origin", "HEAD:main"]);
    }

    fn bare(&self) -> PathBuf {
        self.folder.path().join("config.git")
    }

    fn log(&self, format: &str) -> String {
        git(&self.bare(), &["log", &format!("--format={format}"), "main"])
    }

    async fn made(&self, text: &str) -> (String, String) {
        let head = self.clone.fetch(FILE).await.unwrap_or_else(|error| panic!("{error}"));
        let action = ActionId("0190-1".to_owned());
        let commit = self.clone.commit(&head, (FILE, text), ("api: release 2", Some(&action))).await;
        let commit = commit.unwrap_or_else(|error| panic!("{error}"));
        (commit, head.commit)
    }
}

fn git(folder: &Path, words: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=ci", "-c", "user.email=ci@example.com", "-c", "commit.gpgsign=false"])
        .args(words)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    // The first pull of an empty repository has nothing to fetch.
    let is_good = output.status.success() || words[0] == "pull";
    assert!(is_good, "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn a_commit_changes_one_file_and_is_found_again_by_its_action() {
    let bed = Bed::new();
    bed.somebody_commits("other.yaml", "a: b\n");
    let (commit, head) = bed.made("image: a:2\n").await;
    assert_eq!(bed.clone.push(&commit, "main", &head).await, Ok(()));
    assert_eq!(bed.log("%s|%an|%ce").lines().next(), Some("api: release 2|Release Cockpit|releases@shop.example"));
    assert_eq!(git(&bed.bare(), &["show", &format!("main:{FILE}")]), "image: a:2\n");
    assert_eq!(git(&bed.bare(), &["diff-tree", "-r", "--name-only", "--no-commit-id", "main"]).trim(), FILE);
    bed.somebody_commits("other.yaml", "a: c\n");
    let head = bed.clone.fetch(FILE).await.unwrap_or_else(|error| panic!("{error}"));
    let (carriers, own) = bed.clone.history(&head.commit, FILE).await.unwrap();
    assert_eq!(carriers, [head.commit, commit.clone()]);
    assert_eq!(own, [(ActionId("0190-1".to_owned()), commit)]);
}

#[tokio::test]
async fn the_versions_of_a_file_are_those_of_the_branch() {
    let bed = Bed::new();
    let first = git(&bed.bare(), &["rev-parse", "main"]).trim().to_owned();
    bed.somebody_commits("other.yaml", "a: b\n");
    let (commit, head) = bed.made("image: a:2\n").await;
    assert_eq!(bed.clone.push(&commit, "main", &head).await, Ok(()));
    // On a branch of its own, by somebody whose name comes from elsewhere.
    let work = bed.folder.path().join("work");
    git(&work, &["pull", "--quiet", "--rebase", "origin", "main"]);
    git(&work, &["checkout", "--quiet", "-b", "feature"]);
    std::fs::write(work.join(FILE), "image: a:3\n").unwrap();
    git(&work, &["commit", "--quiet", "--all", "--message", "three", "--author", "B\u{1b}[31mob <bob@shop.example>"]);
    git(&work, &["checkout", "--quiet", "-"]);
    git(&work, &["merge", "--quiet", "--no-ff", "--message", "merged", "feature"]);
    git(&work, &["push", "--quiet", "origin", "HEAD:main"]);
    let merged = git(&bed.bare(), &["rev-parse", "main"]).trim().to_owned();
    let head = bed.clone.fetch(FILE).await.unwrap_or_else(|error| panic!("{error}"));
    let versions = bed.clone.versions(&head.commit, FILE).await.unwrap();
    let commits: Vec<&str> = versions.iter().map(|version| version.commit.as_str()).collect();
    assert_eq!(commits, [merged.as_str(), &commit, &first]);
    let by = |version: &Version| version.made.as_ref().map(|(by, _)| by.clone());
    assert_eq!(by(&versions[1]).as_deref(), Some("Release Cockpit"));
    for (version, text) in versions.iter().zip(["image: a:3\n", "image: a:2\n", "image: a:1\n"]) {
        assert_eq!(bed.clone.text(&version.commit, FILE).await, Ok(Some(text.to_owned())));
    }
    assert_eq!(bed.clone.versions(&head.commit, "none").await, Ok(vec![]));
}

/// It seems to have written all files that were there already.
#[tokio::test]
async fn who_made_the_oldest_commit_that_was_fetched_made_no_version() {
    let bed = Bed::new();
    for number in 0..60 {
        bed.somebody_commits("other.yaml", &format!("a: {number}\n"));
    }
    let head = bed.clone.fetch(FILE).await.unwrap_or_else(|error| panic!("{error}"));
    let versions = bed.clone.versions(&head.commit, FILE).await.unwrap();
    assert_eq!(versions.iter().map(|version| version.made.is_some()).collect::<Vec<_>>(), [false]);
}

#[tokio::test]
async fn a_commit_of_somebody_else_in_between_is_a_conflict_and_stays() {
    let bed = Bed::new();
    let (commit, head) = bed.made("image: a:2\n").await;
    bed.somebody_commits("other.yaml", "a: b\n");
    assert_eq!(bed.clone.push(&commit, "main", &head).await, Err(GitError::Conflict));
    assert_eq!(bed.log("%s").lines().next(), Some("other.yaml"));
    // Nor is what was taken off the branch put back.
    let (commit, head) = bed.made("image: a:2\n").await;
    git(&bed.bare(), &["update-ref", "refs/heads/main", "main~1"]);
    assert_eq!(bed.clone.push(&commit, "main", &head).await, Err(GitError::Conflict));
}

#[tokio::test]
async fn what_a_hook_refuses_is_refused_with_its_words() {
    let bed = Bed::new();
    let hook = bed.bare().join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\nprintf 'main is \\033[31mfrozen\\n' >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (commit, head) = bed.made("image: a:2\n").await;
    let Err(GitError::Refused(why)) = bed.clone.push(&commit, "main", &head).await else { panic!("it is refused") };
    assert!(why.contains("pre-receive hook declined: main is") && why.contains("frozen"), "{why}");
    assert!(!why.contains('\u{1b}'), "{why}");
}

#[tokio::test]
async fn a_server_that_is_gone_was_sent_nothing() {
    let bed = Bed::new();
    let (commit, head) = bed.made("image: a:2\n").await;
    std::fs::rename(bed.bare(), bed.folder.path().join("away")).unwrap();
    assert!(matches!(bed.clone.push(&commit, "main", &head).await, Err(GitError::Refused(_))));
    assert!(matches!(bed.clone.fetch(FILE).await, Err(GitError::Refused(_))));
}

/// Kills the server's side of a push before it does anything, with words that git has for another case.
const DIES: &str = "#!/bin/sh\nrm \"$0\"\necho 'unable to access the ledger' >&2\nkill -9 $PPID\n";

#[tokio::test]
async fn a_push_without_an_answer_may_still_move_the_branch_on() {
    let bed = Bed::new();
    let hook = bed.bare().join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, DIES).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (commit, head) = bed.made("image: a:2\n").await;
    assert!(matches!(bed.clone.push(&commit, "main", &head).await, Err(GitError::Unknown(_))));
    assert!(bed.clone.awaits_push_onto(&head));
    assert!(!bed.clone.awaits_push_onto(&commit), "it follows on another head");
    assert_eq!(bed.clone.push(&commit, "main", &head).await, Ok(()));
    assert!(!bed.clone.awaits_push_onto(&head), "it was answered");
}

#[tokio::test]
async fn who_watches_goes_by_a_fetch_of_a_moment_ago_but_not_by_one_before_a_push() {
    let bed = Bed::new();
    let watched = async || bed.clone.fetch_to_watch(FILE).await.unwrap_or_else(|error| panic!("{error}"));
    let first = watched().await;
    bed.somebody_commits(FILE, "image: a:2\n");
    let again = watched().await;
    assert_eq!((&again.commit, again.at), (&first.commit, first.at), "as old as the fetch");
    let fetched = bed.clone.fetch(FILE).await.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(fetched.text, "image: a:2\n", "whoever writes goes by what is there");
    let (commit, head) = bed.made("image: a:3\n").await;
    assert_eq!(bed.clone.push(&commit, "main", &head).await, Ok(()));
    assert_eq!(watched().await.text, "image: a:3\n");
    // A fetch that began before the push is none to go by.
    bed.clone.note_fetch(SystemTime::now() - Duration::from_secs(1));
    assert_eq!(bed.clone.fetched_at(), None);
}

#[tokio::test]
async fn what_an_ended_fetch_leaves_behind_is_removed() {
    let bed = Bed::new();
    bed.clone.fetch(FILE).await.unwrap_or_else(|error| panic!("{error}"));
    let packs = bed.clone.folder.join("objects/pack");
    std::fs::write(packs.join("tmp_pack_1"), "half").unwrap();
    std::fs::write(bed.clone.folder.join("shallow.lock"), "").unwrap();
    bed.clone.fetch(FILE).await.unwrap_or_else(|error| panic!("{error}"));
    assert!(!packs.join("tmp_pack_1").exists());
}

#[tokio::test]
async fn only_a_file_is_read() {
    let bed = Bed::new();
    let work = bed.folder.path().join("work");
    std::os::unix::fs::symlink("/etc/passwd", work.join("link")).unwrap();
    bed.somebody_commits("more.yaml", "a: b\n");
    for (path, why) in [("link", "symbolic link"), ("apps", "has no file apps"), ("none", "has no file none")] {
        let Err(GitError::Refused(said)) = bed.clone.fetch(path).await else { panic!("{path} is refused") };
        assert!(said.contains(why), "{said}");
    }
}

#[tokio::test]
async fn a_branch_of_its_own_is_made_once_and_deleted_only_as_it_was_pushed() {
    const BRANCH: &str = "release-cockpit/0190-1";
    let bed = Bed::new();
    let (commit, head) = bed.made("image: a:2\n").await;
    assert_eq!(bed.clone.has_branch(BRANCH).await, Ok(false));
    assert_eq!(bed.clone.push(&commit, BRANCH, "").await, Ok(()));
    assert_eq!(bed.clone.has_branch(BRANCH).await, Ok(true));
    let (another, _) = bed.made("image: a:3\n").await;
    assert_eq!(bed.clone.push(&another, BRANCH, "").await, Err(GitError::Conflict));
    assert_eq!(git(&bed.bare(), &["rev-parse", BRANCH]).trim(), commit);
    assert_eq!(git(&bed.bare(), &["rev-parse", "main"]).trim(), head, "the branch that is applied stays");
    bed.clone.delete(BRANCH, &another).await.unwrap_err();
    assert_eq!(bed.clone.has_branch(BRANCH).await, Ok(true));
    assert_eq!(bed.clone.delete(BRANCH, &commit).await, Ok(()));
    assert_eq!(git(&bed.bare(), &["for-each-ref", "--format=%(refname)"]).trim(), "refs/heads/main");
}

#[tokio::test]
async fn a_commit_counts_as_merged_once_it_was_fetched() {
    let bed = Bed::new();
    let (commit, head) = bed.made("image: a:2\n").await;
    assert!(!bed.clone.is_in(&commit, &head).await);
    assert_eq!(bed.clone.push(&commit, "main", &head).await, Ok(()));
    bed.somebody_commits("other.yaml", "a: b\n");
    let head = bed.clone.fetch(FILE).await.unwrap_or_else(|error| panic!("{error}")).commit;
    assert!(bed.clone.is_in(&commit, &head).await);
    assert!(!bed.clone.is_in(&"0".repeat(40), &head).await);
    assert!(!bed.clone.is_in("--all", &head).await);
}
