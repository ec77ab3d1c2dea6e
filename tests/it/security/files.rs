//! What the program keeps: for its owner only, in its own folder, through no link.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use release_cockpit::domain::record::journal::Entry;
use release_cockpit::executors::Journal;
use release_cockpit::executors::journal::copy_new;

use super::program::{Home, Simulated, leave};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

/// Asserts the modes of everything below a folder, and returns how many files there are.
fn are_private(folder: &Path) -> usize {
    assert_eq!(mode(folder), 0o700, "{}", folder.display());
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .map(|path| {
            if path.is_dir() {
                return are_private(&path);
            }
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            1
        })
        .sum()
}

/// Opens the screen and leaves it.
fn visit(home: &Home) {
    let pty = home.screen((120, 40));
    pty.wait_text("prometheus ●");
    leave(pty);
}

#[test]
fn state_files_are_private() {
    let Simulated { home, .. } = &Simulated::new("canary", &[]);
    let said = home.said(&["pause", "prod-eu", "--yes"]);
    visit(home);
    assert!(are_private(Path::new(&home.path("state/release-cockpit"))) >= 2, "{said}");
    let said = home.said(&["log", "export", "--file", "evidence.jsonl"]);
    assert_eq!(mode(Path::new(&home.path("evidence.jsonl"))), 0o600, "{said}");
}

#[tokio::test]
async fn journal_follows_no_link_out_of_its_folder() {
    let home = tempfile::tempdir().unwrap();
    let (folder, outside) = (home.path().join("journals"), home.path().join("outside"));
    fs::create_dir(&folder).unwrap();
    fs::write(&outside, "untouched").unwrap();
    for name in ["api_1.jsonl", "api_1.lock"] {
        symlink(&outside, folder.join(name)).unwrap();
    }
    let journal = Journal::new(&folder, None);
    let note = Entry::Note { who: "ada".to_owned(), text: "x".to_owned() };
    assert!(journal.append("api 1", note.clone()).await.is_err());
    assert!(journal.mark_in_flight("api 1").await.is_none());
    assert!(copy_new(&folder.join("api_1.jsonl"), b"x").is_err());
    assert_eq!(fs::read_to_string(&outside).unwrap(), "untouched");

    // Neither does a name.
    for release in ["../outside", "/tmp/outside", "..", "a/../../b", "\n", "\u{1b}[2J"] {
        journal.append(release, note.clone()).await.unwrap();
    }
    let beside: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside.len(), 2, "{beside:?}");
    for entry in fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)), "{name:?}");
    }
}

#[test]
fn linked_state_folder_is_not_used() {
    let Simulated { home, .. } = &Simulated::new("canary", &[]);
    let (state, outside) = (home.path("state"), home.path("outside"));
    fs::create_dir(&state).unwrap();
    fs::create_dir(&outside).unwrap();
    symlink(&outside, Path::new(&state).join("release-cockpit")).unwrap();
    home.run(&["pause", "prod-eu", "--yes"]);
    visit(home);
    let there: Vec<_> = fs::read_dir(&outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(there.is_empty(), "{there:?}");
}

#[test]
fn child_program_gets_no_secret_and_no_open_file() {
    let Simulated { home, .. } = &Simulated::new("canary", &[]);
    let listing = "for fd in /proc/self/fd/*; do echo fd $(readlink $fd); done; env";
    let check = format!("\n[[checks]]\nid = \"told\"\ncommand = {{ argv = [\"sh\", \"-c\", '{listing}'] }}\n");
    home.write("cockpit.toml", &(home.read("cockpit.toml") + &check));
    let said = home.said(&["check", "prod-eu", "told"]);
    assert!(said.contains("COCKPIT_ENV=prod-eu"), "{said}");
    for ours in ["KUBECONFIG", "XDG_STATE_HOME", "USER="] {
        assert!(!said.contains(ours), "{ours} reaches it:\n{said}");
    }
    for open in said.lines().filter(|line| line.contains("fd ")) {
        let harmless = ["socket:", "release-cockpit", ".jsonl", ".log"].iter().all(|part| !open.contains(part));
        assert!(harmless, "a file of ours reaches it: {open}");
    }
}
