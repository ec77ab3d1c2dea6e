//! Real repositories, made for the tests.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::*;
use crate::domain::facts::changes::Commit;

/// A repository with fixed dates and identities, in a folder of its own.
pub(crate) struct Repo {
    folder: TempDir,
    seconds: i64,
}

/// A process of git that knows nothing of this machine's settings.
fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(folder);
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        command.env_remove(name);
    }
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env("LC_ALL", "C");
    command.args(["-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false", "-c", "init.defaultBranch=main"]);
    command
}

/// Says so where there is no git: then nothing here can be tried, as on a machine with nothing but Rust.
pub(crate) fn no_git() -> bool {
    let missing = Command::new("git").arg("--version").output().is_err();
    if missing {
        eprintln!("skipped: there is no `git`");
    }
    missing
}

impl Repo {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repo = Self { folder, seconds: 1_767_225_600 };
        repo.run(&["init", "--quiet"]);
        repo
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs git, and returns what it prints.
    pub(crate) fn run(&self, words: &[&str]) -> String {
        let date = format!("{} +0000", self.seconds);
        let done = git(self.path())
            .args(words)
            .env("GIT_AUTHOR_NAME", "Ada")
            .env("GIT_AUTHOR_EMAIL", "ada@example.org")
            .env("GIT_COMMITTER_NAME", "Ada")
            .env("GIT_COMMITTER_EMAIL", "ada@example.org")
            .env("GIT_AUTHOR_DATE", &date)
            .env("GIT_COMMITTER_DATE", &date)
            .output()
            .unwrap();
        assert!(done.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).trim().to_owned()
    }

    /// Makes many commits of one message after each other, and checks the last one out.
    pub(crate) fn import_commits(&self, message: &str, count: i64) {
        let commit = |n: i64| {
            let at = self.seconds + n;
            let after = if n > 1 { format!("from :{}\n", n - 1) } else { String::new() };
            format!(
                "commit refs/heads/many\nmark :{n}\ncommitter Ada <ada@example.org> {at} +0000\ndata {}\n{message}\n{after}\n",
                message.len()
            )
        };
        let stream: String = (1..=count).map(commit).collect();
        let mut import = git(self.path()).args(["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn().unwrap();
        import.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
        assert!(import.wait().unwrap().success());
        self.run(&["checkout", "--quiet", "many"]);
    }

    /// Writes a file and commits it; returns the hash.
    pub(crate) fn commit_file(&mut self, path: &str, text: &str, message: &str) -> String {
        let full = self.path().join(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(full, text).unwrap();
        self.run(&["add", "--all"]);
        self.commit(message)
    }

    /// Commits what is staged, be it nothing; returns the hash.
    pub(crate) fn commit(&mut self, message: &str) -> String {
        self.seconds += 60;
        self.run(&["commit", "--quiet", "--allow-empty", "--allow-empty-message", "--cleanup=verbatim", "-m", message]);
        self.run(&["rev-parse", "HEAD"])
    }
}

fn subjects(range: &Range) -> Vec<String> {
    Commit::read_all(&range.commits).into_iter().map(|commit| commit.subject).collect()
}

#[test]
fn tags_are_found_under_usual_names() {
    for (version, prefix, names) in [
        ("1.5.0", "v", &["v1.5.0", "1.5.0"][..]),
        ("v1.5.0", "v", &["v1.5.0", "1.5.0"]),
        ("v1.5.0", "pay-", &["pay-1.5.0", "pay-v1.5.0", "v1.5.0", "1.5.0"]),
        ("pay-1.5.0", "pay-", &["pay-1.5.0", "pay-v1.5.0", "1.5.0"]),
        ("5.8.1", "api/", &["api/5.8.1", "api/v5.8.1", "5.8.1"]),
        ("5.8.1", "api/v", &["api/v5.8.1", "api/5.8.1", "5.8.1"]),
        ("1.2.3", "pkg@", &["pkg@1.2.3", "pkg@v1.2.3", "1.2.3"]),
        ("vanilla", "v", &["vvanilla", "vanilla"]),
    ] {
        assert_eq!(tag_names(version, prefix), names, "{version}");
    }
}

#[tokio::test]
async fn tag_of_the_whole_repository_is_none_of_a_service_that_has_its_own() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    repo.commit("chore: start");
    repo.run(&["tag", "1.5.0"]);
    let git = Git::open(repo.path()).await.unwrap();
    assert_eq!(git.tag_of("1.5.0", "api/v").await.unwrap().0, "1.5.0");
    repo.run(&["tag", "api/v1.4.2"]);
    let error = git.tag_of("1.5.0", "api/v").await.unwrap_err().to_string();
    assert!(error.contains("no tag api/v1.5.0 or api/1.5.0:"), "{error}");
    assert_eq!(git.tag_of("1.4.2", "api/v").await.unwrap().0, "api/v1.4.2");
}

#[tokio::test]
async fn commits_between_versions_are_complete() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    repo.commit("chore: start");
    repo.run(&["tag", "v1.4.2"]);
    repo.commit("feat(api): queue\n\nWords.\n\nBREAKING CHANGE: all of it");
    let last = repo.commit("fix: ünïcode 漢字");
    repo.run(&["tag", "--annotate", "--message", "words", "v1.5.0"]);
    let git = Git::open(repo.path()).await.unwrap();
    let (name, from) = git.tag_of("1.4.2", "v").await.unwrap();
    let (_, to) = git.tag_of("v1.5.0", "v").await.unwrap();
    assert_eq!((name.as_str(), to.as_str()), ("v1.4.2", last.as_str()));
    let range = git.commits(Some(&from), &to).await.unwrap();
    assert_eq!(subjects(&range), ["fix: ünïcode 漢字", "feat(api): queue"]);
    assert!(!range.cut);
    let first = &range.commits[1];
    assert_eq!(first.author, "Ada");
    assert_eq!(first.at.unwrap().to_string(), "2026-01-01T00:02:00Z");
    assert_eq!(first.message.trim_end(), "feat(api): queue\n\nWords.\n\nBREAKING CHANGE: all of it");
    assert_eq!(subjects(&git.commits(None, &from).await.unwrap()), ["chore: start"]);
    assert_eq!(git.commits(Some(&to), &from).await.unwrap().commits, []);
    assert!(git.is_ancestor(&from, &to).await.unwrap());
    assert!(!git.is_ancestor(&to, &from).await.unwrap());
}

#[tokio::test]
async fn lightweight_and_annotated_tags_resolve_to_commits() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    let one = repo.commit("one");
    repo.run(&["tag", "1.0.0"]);
    let two = repo.commit("two");
    repo.run(&["tag", "-a", "-m", "x", "v1.1.0"]);
    repo.run(&["tag", "v1.2.0-rc.1"]);
    repo.run(&["tag", "nightly"]);
    let tree = repo.run(&["rev-parse", "HEAD^{tree}"]);
    repo.run(&["tag", "v9.0.0", &tree]);
    let git = Git::open(repo.path()).await.unwrap();
    let versions: Vec<(String, Option<String>)> = git
        .versions("v")
        .await
        .unwrap()
        .into_iter()
        .map(|(version, tag)| (version.to_string(), tag.commit.map(|commit| commit.to_string())))
        .collect();
    let wanted = [("1.0.0", Some(&one)), ("1.1.0", Some(&two)), ("1.2.0-rc.1", Some(&two)), ("9.0.0", None)];
    assert_eq!(versions, wanted.map(|(version, hash)| (version.to_owned(), hash.cloned())));
    assert_eq!(git.tag("v9.0.0").await.unwrap(), None);
    assert_eq!(git.tag("gone").await.unwrap(), None);
    let error = git.tag_of("1.3.0", "v").await.unwrap_err().to_string();
    assert!(error.ends_with("has no tag v1.3.0 or 1.3.0: `git fetch --tags` in it, or tag the commit"), "{error}");
}

#[tokio::test]
async fn hostile_names_and_messages_are_only_text() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    let first = repo.commit("start");
    let hostile = "feat: \u{1b}[31mred\u{202e} `$(touch owned)` | <b>\u{7}";
    let second = repo.commit(hostile);
    // A branch and a tag that are called like a hash, and names that look like options.
    repo.run(&["branch", &first[..10], &second]);
    repo.run(&["update-ref", &format!("refs/tags/{}", &first[..12]), &second]);
    repo.run(&["update-ref", "refs/heads/--output=owned", &second]);
    repo.run(&["update-ref", "refs/tags/--output=owned", &second]);
    let git = Git::open(repo.path()).await.unwrap();
    for length in [10, 12] {
        let found = git.commit(&first[..length]).await;
        // Git itself prefers the name; an answer that is not what was asked for is none.
        assert!(found.is_err() || found.unwrap().as_str() == first);
    }
    for name in ["--output=owned", "-h", "", "v1 ^2", "HEAD~1", "a\nb", "@{u}", "x^{/start}", "..", "v1:file"] {
        assert_eq!(git.tag(name).await.unwrap(), None, "{name}");
        assert!(matches!(git.commit(name).await, Err(GitError::UnknownCommit { .. })), "{name}");
    }
    let to = git.commit(&second).await.unwrap();
    let range = git.commits(None, &to).await.unwrap();
    assert_eq!(range.commits[0].message.trim_end(), hostile);
    assert!(!repo.path().join("owned").exists());
}

#[tokio::test]
async fn settings_of_the_repository_start_no_program() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    let hash = repo.commit_file("a", "a", "feat: a");
    let touch = "touch owned; false";
    for key in ["core.fsmonitor", "gpg.program", "core.pager", "diff.external", "core.sshCommand", "core.editor"] {
        repo.run(&["config", key, touch]);
    }
    for (key, value) in
        [("log.showSignature", "true"), ("log.follow", "true"), ("log.decorate", "full"), ("color.ui", "always")]
    {
        repo.run(&["config", key, value]);
    }
    let git = Git::open(repo.path()).await.unwrap();
    let commit = git.commit(&hash).await.unwrap();
    assert_eq!(subjects(&git.commits(None, &commit).await.unwrap()), ["feat: a"]);
    assert_eq!(git.lost(&commit, &commit).await.unwrap().commits, []);
    let files = git.files(&commit).await.unwrap();
    assert_eq!(git.content(&files[0]).await.unwrap(), "a");
    assert!(!repo.path().join("owned").exists());
}

#[tokio::test]
async fn added_changed_and_deleted_files_are_listed() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    repo.commit_file("m/1.sql", "one", "start");
    repo.commit_file("m/2.sql", "two", "more");
    let from = repo.commit_file("m/3 ä\".sql", "a text that is long enough to be seen as a rename", "odd");
    repo.commit_file("m/2.sql", "other", "change");
    repo.run(&["mv", "m/3 ä\".sql", "m/3b.sql"]);
    repo.run(&["rm", "--quiet", "m/1.sql"]);
    std::os::unix::fs::symlink("/etc/passwd", repo.path().join("m/link.sql")).unwrap();
    let to = repo.commit_file("m/4.sql", "four", "last");
    let git = Git::open(repo.path()).await.unwrap();
    let (from, to) = (git.commit(&from).await.unwrap(), git.commit(&to).await.unwrap());
    let changed = git.files_changed(&from, &to).await.unwrap();
    let shown: Vec<(FileChange, &str)> = changed.iter().map(|(change, file)| (*change, file.path.as_str())).collect();
    assert_eq!(
        shown,
        [
            (FileChange::Gone, "m/1.sql"),
            (FileChange::Changed, "m/2.sql"),
            (FileChange::Gone, "m/3 ä\".sql"),
            (FileChange::Added, "m/3b.sql"),
            (FileChange::Added, "m/4.sql"),
        ]
    );
    assert_eq!(git.content(&changed[1].1).await.unwrap(), "other");
    let all: Vec<String> = git.files(&from).await.unwrap().into_iter().map(|file| file.path).collect();
    assert_eq!(all, ["m/1.sql", "m/2.sql", "m/3 ä\".sql"]);
}

#[tokio::test]
async fn subfolder_limits_the_history() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    repo.commit_file("pay/a.sql", "a", "feat: pay");
    let last = repo.commit_file("web/b.sql", "b", "feat: web");
    let git = Git::open(&repo.path().join("pay")).await.unwrap();
    let commit = git.commit(&last).await.unwrap();
    assert_eq!(subjects(&git.commits(None, &commit).await.unwrap()), ["feat: pay"]);
    let files: Vec<String> = git.files(&commit).await.unwrap().into_iter().map(|file| file.path).collect();
    assert_eq!(files, ["a.sql"]);
}

#[tokio::test]
async fn shallow_clone_names_a_remedy() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    repo.commit("one");
    let last = repo.commit("two");
    let clone = tempfile::tempdir().unwrap();
    let url = format!("file://{}", repo.path().display());
    let folder = clone.path().join("clone");
    repo.run(&["clone", "--quiet", "--depth=1", &url, folder.to_str().unwrap()]);
    let git = Git::open(&folder).await.unwrap();
    let commit = git.commit(&last).await.unwrap();
    let error = git.commits(None, &commit).await.unwrap_err();
    assert!(error.to_string().ends_with("`git fetch --unshallow --tags` in it"), "{error}");
}

#[tokio::test]
async fn shallow_clone_tells_what_lies_after_the_cut() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    let hashes: Vec<String> = ["one", "two", "three", "four"].map(|message| repo.commit(message)).into();
    let clone = tempfile::tempdir().unwrap();
    let url = format!("file://{}", repo.path().display());
    let folder = clone.path().join("clone");
    repo.run(&["clone", "--quiet", "--depth=3", &url, folder.to_str().unwrap()]);
    let git = Git::open(&folder).await.unwrap();
    let two = git.commit(&hashes[1]).await.unwrap();
    let four = git.commit(&hashes[3]).await.unwrap();
    assert_eq!(subjects(&git.commits(Some(&two), &four).await.unwrap()), ["four", "three"]);
    assert_eq!(git.lost(&two, &four).await.unwrap().commits, []);
    assert!(matches!(git.commits(None, &four).await, Err(GitError::Shallow(_))));
}

#[tokio::test]
async fn cherry_picks_are_not_lost() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    repo.commit_file("a", "1", "feat: start");
    repo.run(&["checkout", "--quiet", "-b", "release"]);
    repo.commit_file("b", "fixed", "fix: by patch");
    let origin = "0123456789012345678901234567890123456789";
    repo.commit_file("c", "other", &format!("fix: picked from nowhere\n\n(cherry picked from commit {origin})"));
    repo.run(&["checkout", "--quiet", "main"]);
    repo.commit_file("b", "fixed", "fix: by patch (#12)");
    let main = repo.commit_file("d", "main", "fix: by trailer (#13)");
    repo.run(&["checkout", "--quiet", "release"]);
    repo.commit_file("d", "release", &format!("fix: by trailer\n\n(cherry picked from commit {main})"));
    let from = repo.commit_file("e", "only here", "fix: only here");
    let git = Git::open(repo.path()).await.unwrap();
    let (from, to) = (git.commit(&from).await.unwrap(), git.commit(&main).await.unwrap());
    let lost = git.lost(&from, &to).await.unwrap();
    assert_eq!(subjects(&lost), ["fix: only here", "fix: picked from nowhere"]);
    assert_eq!(git.lost(&to, &to).await.unwrap().commits, []);
}

#[tokio::test]
async fn tags_of_a_prefix_come_before_those_of_the_repository() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    repo.commit("one");
    for tag in ["v3.3.1", "api/v5.8.0", "web/v6.0.0", "pkg@1.2.3"] {
        repo.run(&["tag", tag]);
    }
    let git = Git::open(repo.path()).await.unwrap();
    for (prefix, wanted) in
        [("api/", "5.8.0"), ("api/v", "5.8.0"), ("web/", "6.0.0"), ("pkg@", "1.2.3"), ("v", "3.3.1"), ("x/", "3.3.1")]
    {
        let versions = git.versions(prefix).await.unwrap();
        let versions: Vec<String> = versions.iter().map(|(version, _)| version.to_string()).collect();
        assert_eq!(versions, [wanted], "{prefix}");
    }
}

#[tokio::test]
async fn missing_repository_names_a_remedy() {
    if no_git() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().to_owned(), folder.path().join("gone")] {
        let error = Git::open(&path).await.unwrap_err().to_string();
        assert!(
            error.ends_with(
                "is not in a git repository: set [service] repository to one, or keep the config file in one"
            ),
            "{error}"
        );
    }
}

#[tokio::test]
async fn the_configured_repository_comes_before_that_of_the_config_file() {
    if no_git() {
        return;
    }
    let (one, other) = (Repo::new(), Repo::new());
    let none = tempfile::tempdir().unwrap();
    assert_eq!(repository(Some(one.path()), Some(other.path())).await.unwrap(), one.path());
    assert_eq!(repository(None, Some(one.path())).await.unwrap(), one.path());
    assert!(matches!(repository(None, Some(none.path())).await, Err(GitError::NotARepository(_))));
    // Never that of the working folder, which is one here.
    assert!(matches!(repository(None, None).await, Err(GitError::NotConfigured)));
    // What is configured is meant: nothing else is taken in its place.
    assert!(repository(Some(none.path()), Some(one.path())).await.is_err());
}

#[tokio::test]
async fn commit_comes_from_label_then_image_then_tag() {
    if no_git() {
        return;
    }
    let mut repo = Repo::new();
    let one = repo.commit("one");
    let two = repo.commit("two");
    let three = repo.commit("three");
    repo.run(&["tag", "v1.5.0", &three]);
    let git = Git::open(repo.path()).await.unwrap();
    let traces = |labels: &[(&str, &str)], image: &str| Traces {
        images: vec![format!("registry:5000/api:{image}"), "sidecar".to_owned()],
        labels: labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        version: "1.5.0".to_owned(),
    };
    let told = async |traces: &Traces| match commit_of(&git, traces, "v").await {
        Ok(origin) => (origin.commit.to_string(), origin.told_by),
        Err(error) => (String::new(), error.to_string()),
    };
    let tag = (three.clone(), "tag v1.5.0".to_owned());
    let revision = "org.opencontainers.image.revision";
    assert_eq!(told(&traces(&[(revision, &one)], &two)).await, (one.clone(), revision.to_owned()));
    assert_eq!(told(&traces(&[("git-commit", &one[..9])], "1.5.0")).await, (one, "git-commit".to_owned()));
    let image = format!("1.5.0-{}", &two[..8]);
    assert_eq!(told(&traces(&[], &image)).await, (two, format!("image tag {image}")));
    assert_eq!(told(&traces(&[], "20261120")).await, tag);
    assert_eq!(told(&traces(&[(revision, "1.5.0")], "1.5.0")).await, tag);
    // A label that names another commit is believed, and not replaced by a tag.
    let (_, why) = told(&traces(&[(revision, &"f".repeat(40))], "1.5.0")).await;
    assert!(why.contains("does not know the commit ffffffff"), "{why}");
}
