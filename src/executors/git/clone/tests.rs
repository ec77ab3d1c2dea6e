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
        let action = Some(ActionId("0190-1".to_owned()));
        let request = GitRequest {
            commit: "api: release 2".to_owned(),
            images: Vec::new(),
            action,
            by: None,
            pull_request: None,
            is_revert: false,
        };
        let commit = self.clone.commit(&head, FILE, text, &request).await.unwrap_or_else(|error| panic!("{error}"));
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
async fn a_commit_of_somebody_else_in_between_is_a_conflict_and_stays() {
    let bed = Bed::new();
    let (commit, head) = bed.made("image: a:2\n").await;
    bed.somebody_commits("other.yaml", "a: b\n");
    assert_eq!(bed.clone.push(&commit, "main", &head).await, Err(SendError::Conflict));
    assert_eq!(bed.log("%s").lines().next(), Some("other.yaml"));
    // Nor is what was taken off the branch put back.
    let (commit, head) = bed.made("image: a:2\n").await;
    git(&bed.bare(), &["update-ref", "refs/heads/main", "main~1"]);
    assert_eq!(bed.clone.push(&commit, "main", &head).await, Err(SendError::Conflict));
}

#[tokio::test]
async fn what_a_hook_refuses_is_refused_with_its_words() {
    let bed = Bed::new();
    let hook = bed.bare().join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\nprintf 'main is \\033[31mfrozen\\n' >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let (commit, head) = bed.made("image: a:2\n").await;
    let Err(SendError::Refused(why)) = bed.clone.push(&commit, "main", &head).await else { panic!("it is refused") };
    assert!(why.contains("pre-receive hook declined: main is") && why.contains("frozen"), "{why}");
    assert!(!why.contains('\u{1b}'), "{why}");
}

#[tokio::test]
async fn a_server_that_is_gone_leaves_a_push_unknown_and_a_fetch_refused() {
    let bed = Bed::new();
    let (commit, head) = bed.made("image: a:2\n").await;
    std::fs::rename(bed.bare(), bed.folder.path().join("away")).unwrap();
    assert!(matches!(bed.clone.push(&commit, "main", &head).await, Err(SendError::Unknown(_))));
    assert!(matches!(bed.clone.fetch(FILE).await, Err(SendError::Refused(_))));
}

#[tokio::test]
async fn only_a_file_is_read() {
    let bed = Bed::new();
    let work = bed.folder.path().join("work");
    std::os::unix::fs::symlink("/etc/passwd", work.join("link")).unwrap();
    bed.somebody_commits("more.yaml", "a: b\n");
    for (path, why) in [("link", "symbolic link"), ("apps", "has no file apps"), ("none", "has no file none")] {
        let Err(SendError::Refused(said)) = bed.clone.fetch(path).await else { panic!("{path} is refused") };
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
    assert_eq!(bed.clone.push(&another, BRANCH, "").await, Err(SendError::Conflict));
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
