//! What the documentation says of keys and exit codes is what the program does, and what it points to is there.

use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, Parser, Tag};
use release_cockpit::cli::Exit;
use release_cockpit::keys::COMMANDS;

/// The releases of the repository, as its host serves them beside the files.
const RELEASES: &str = "../../releases";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

/// The table of keys in a document.
fn table(document: &str) -> String {
    let (_, after) = document.split_once("<!-- keys: ").unwrap();
    let (_, after) = after.split_once(", tested -->\n").unwrap();
    let (table, _) = after.split_once("<!-- /keys -->").unwrap();
    table.to_owned()
}

/// The table of keys as the program has it.
fn wanted() -> String {
    let rows = COMMANDS.iter().map(|spec| {
        let keys: Vec<String> = spec.keys.iter().map(|key| format!("`{key}`")).collect();
        let keys = if keys.is_empty() { format!("`:{}`", spec.id) } else { keys.join(", ") };
        format!("| {keys} | {} |\n", spec.help)
    });
    String::from("| key | does |\n|---|---|\n") + &rows.collect::<String>()
}

#[test]
fn documented_keys_are_those_of_the_program() {
    assert_eq!(table(&text(".github/docs/keys.md")), wanted());
}

#[test]
fn readme_keys_are_rows_of_the_documented_keys() {
    let all = wanted();
    for row in table(&text("README.md")).lines() {
        assert!(all.lines().any(|known| known == row), "{row}");
    }
}

#[test]
fn documented_exit_codes_are_those_of_the_program() {
    let text = text(".github/docs/commands.md");
    for (exit, means) in Exit::ALL {
        assert!(text.contains(&format!("| {} | {means} |", exit.code())), "{} {means}", exit.code());
    }
}

/// The documents whose links are followed.
fn documents() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = [
        "README.md",
        ".github/CONTRIBUTING.md",
        "src/analysis/README.md",
        "tests/README.md",
        "tests/bench/README.md",
        "tests/cluster/README.md",
    ]
    .map(|name| root().join(name))
    .to_vec();
    found.extend(fs::read_dir(root().join(".github/docs")).unwrap().map(|entry| entry.unwrap().path()));
    found
}

/// The links and images of a document that lead to other files of the repository.
fn links(document: &str) -> Vec<String> {
    let targets = Parser::new(document).filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.to_string()),
        _ => None,
    });
    targets.filter(|target| !target.contains("://") && target != RELEASES).collect()
}

/// Whether a document has a heading that a link names.
fn has_heading(document: &str, anchor: &str) -> bool {
    document.lines().filter(|line| line.starts_with('#')).any(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        title.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).eq(anchor.chars())
    })
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for path in documents() {
        for link in links(&fs::read_to_string(&path).unwrap()) {
            let (file, anchor) = link.split_once('#').unwrap_or((link.as_str(), ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let leads =
                target.exists() && (anchor.is_empty() || has_heading(&fs::read_to_string(&target).unwrap(), anchor));
            if !leads {
                broken.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert_eq!(broken, [""; 0]);
}

/// The files and folders that a document names in code, apart from those with a placeholder such as `NAME`.
fn paths(document: &str) -> Vec<String> {
    let is_path = |text: &str| {
        let rooms = ["app", "cli", "config", "core", "domain", "executors", "keys", "platform", "runtime", "simulator"];
        let roots = ["sources", "view", "src", "tests", "assets", ".ci", ".github"];
        let first = text.split('/').next().unwrap_or_default();
        text.contains('/')
            && (rooms.contains(&first) || roots.contains(&first))
            && text.chars().all(|c| c.is_ascii_lowercase() || "/._-".contains(c))
    };
    let codes = Parser::new(document).filter_map(|event| match event {
        Event::Code(code) => Some(code.to_string()),
        _ => None,
    });
    codes.filter(|code| is_path(code)).collect()
}

#[test]
fn files_named_for_contributors_are_there() {
    let named = paths(&text(".github/CONTRIBUTING.md"));
    assert!(named.len() > 50, "{named:?}");
    let is_there = |path: &String| root().join(path).exists() || root().join("src").join(path).exists();
    let missing: Vec<&String> = named.iter().filter(|path| !is_there(path)).collect();
    assert_eq!(missing, [""; 0]);
}
