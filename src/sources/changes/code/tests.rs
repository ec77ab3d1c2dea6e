//! Flags in the code of real repositories, made by git itself.

use super::super::tests::{scene, tools};
use super::super::{ChangesRequest, gather};
use super::*;
use crate::domain::facts::changes::Part;
use crate::domain::facts::changes::code::OwnCall;
use crate::sources::checks::{CheckInput, Tools};
use crate::sources::git::tests::{Repo, no_git};

/// Two versions of a shop whose code asks for flags.
fn with_flags() -> Repo {
    let mut repo = Repo::new();
    repo.commit_file(
        "src/pay.ts",
        "import { unleash } from './unleash';\nif (unleash.isEnabled('old')) {\n}\n",
        "feat: a",
    );
    repo.commit_file("src/moved.go", "// a file\npackage shop\n\nvar old = unleash.IsEnabled(\"moved\")\n", "feat: b");
    repo.run(&["tag", "v1.4.2"]);
    repo.commit_file(
        "src/pay.ts",
        "import { unleash } from './unleash';\nif (unleash.isEnabled('old')) {\n}\nif (unleash.isEnabled(\n  'express-v2'\n)) {}\n",
        "feat: express\n\nFlag: by-trailer",
    );
    repo.run(&["mv", "src/moved.go", "src/elsewhere.go"]);
    repo.commit_file(
        "web/ä \"b\".py",
        "from UnleashClient import UnleashClient\nclient.is_enabled(\"in-python\")\n",
        "feat: c",
    );
    repo.commit_file("src/names.rs", "pub const SPLIT: &str = \"split-tender\";\n", "feat: d");
    repo.commit_file("src/menu.ts", "menu.isEnabled('item-v2');\n", "feat: e");
    repo.commit_file("node_modules/x/a.ts", "unleash.isEnabled('vendored')\n", "build: f");
    repo.commit_file("src/pay.test.ts", "unleash.isEnabled('tested')\n", "test: g");
    repo.commit_file("src/blob.ts", "unleash\0.isEnabled('binary')\n", "feat: h");
    repo.commit_file("src/gone.ts", "unleash.isEnabled('gone')\n", "feat: i");
    repo.run(&["rm", "--quiet", "src/gone.ts"]);
    repo.commit("fix: i is no more");
    repo.run(&["tag", "v1.5.0"]);
    repo
}

async fn in_code(scene: &CheckInput, tools: &Tools, search: CodeSearch) -> Part<CodeFlags> {
    let asked = ChangesRequest { code: Some(search), ..ChangesRequest::default() };
    gather(scene, tools, &asked).await.unwrap().code
}

fn calls(code: &Part<CodeFlags>) -> Vec<(&str, &str, u32)> {
    let known = code.known().unwrap_or_else(|| panic!("{code:?}"));
    known.calls().map(|flag| (flag.name.as_str(), &*flag.file, flag.line)).collect()
}

#[tokio::test]
async fn flags_in_code_are_those_of_the_lines_that_the_release_brings() {
    if no_git() {
        return;
    }
    let repo = with_flags();
    let code = in_code(&scene("1.5.0", Some("1.4.2")), &tools(&repo), CodeSearch::default()).await;
    assert_eq!(calls(&code), [("express-v2", "src/pay.ts", 5), ("in-python", "web/ä \"b\".py", 2)]);
    // git itself says which lines came, and where.
    for (_, file, line) in calls(&code) {
        let blame = repo.run(&["blame", "--porcelain", &format!("-L{line},{line}"), "v1.4.2..v1.5.0", "--", file]);
        assert!(!blame.contains("\nboundary"), "{blame}");
    }
    let known = code.known().unwrap();
    let text = known.named("split-tender").unwrap();
    assert_eq!((&*text.file, text.line, text.is_call), ("src/names.rs", 1, false));
    assert!(!known.named("item-v2").unwrap().is_call, "no file that uses the SDK");
    for name in ["old", "moved", "vendored", "tested", "binary", "gone"] {
        assert_eq!(known.named(name), None, "{name}");
    }
    let off = CodeSearch { is_on: false, ..CodeSearch::default() };
    assert_eq!(in_code(&scene("1.5.0", Some("1.4.2")), &tools(&repo), off).await, Part::NotAsked);
}

#[tokio::test]
async fn the_first_version_brings_all_its_code_and_a_folder_only_its_own() {
    if no_git() {
        return;
    }
    let repo = with_flags();
    let code = in_code(&scene("1.4.2", None), &tools(&repo), CodeSearch::default()).await;
    assert_eq!(calls(&code), [("moved", "src/moved.go", 4), ("old", "src/pay.ts", 2)]);
    let tools = Tools { repository: Some(repo.path().join("web")), ..Tools::default() };
    let code = in_code(&scene("1.5.0", Some("1.4.2")), &tools, CodeSearch::default()).await;
    assert_eq!(calls(&code), [("in-python", "ä \"b\".py", 2)]);
}

#[tokio::test]
async fn patterns_of_ones_own_and_files_to_skip_are_passed_to_git() {
    if no_git() {
        return;
    }
    let mut repo = with_flags();
    repo.commit_file("conf/a.tpl", "flag own-call\n", "feat: j");
    repo.run(&["tag", "v1.6.0"]);
    let own = OwnCall { files: vec!["conf/*.tpl".to_owned()], pattern: "^flag (.+)$".to_owned() };
    let search = CodeSearch { calls: vec![own], skip: vec!["web/**".to_owned()], ..CodeSearch::default() };
    let code = in_code(&scene("1.6.0", Some("1.4.2")), &tools(&repo), search).await;
    assert_eq!(calls(&code), [("express-v2", "src/pay.ts", 5), ("own-call", "conf/a.tpl", 1)]);
}

/// A blob that is not there, as in a clone without contents: git cannot print the patch.
#[tokio::test]
async fn code_that_git_cannot_read_is_unknown_and_not_without_flags() {
    if no_git() {
        return;
    }
    let repo = with_flags();
    let blob = repo.run(&["rev-parse", "v1.5.0:src/pay.ts"]);
    let (folder, file) = blob.split_at(2);
    std::fs::remove_file(repo.path().join(".git/objects").join(folder).join(file)).unwrap();
    let code = async || in_code(&scene("1.5.0", Some("1.4.2")), &tools(&repo), CodeSearch::default()).await;
    let before = code().await;
    assert!(matches!(&before, Part::Blind(why) if why.contains("git grep in")), "{before:?}");
    // Then git does not have it from the work tree either.
    std::fs::remove_file(repo.path().join("src/pay.ts")).unwrap();
    let after = code().await;
    assert!(matches!(&after, Part::Blind(why) if why.contains("git diff-tree in")), "{after:?}");
}
