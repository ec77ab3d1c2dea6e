//! Reports of real tools, as `tests/evidence/make` has them written: what a tool's exit code calls red is never green.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use release_cockpit::config::{Config, ConfigBase};
use release_cockpit::domain::record::checklist::CheckOutcome;
use release_cockpit::sources::checks::{CheckInput, Evidence, Tools, look};

/// Fewer tools would be too few to speak of all.
const LEAST_TOOLS: usize = 25;

/// A report, and what its tool said.
struct Row {
    file: String,
    /// The key of a check, and what else it asks.
    check: String,
    is_green: bool,
    exception: Exception,
    note: String,
}

/// Where the check finds something else than the exit code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exception {
    None,
    /// Nothing was tested, or the report tells too little.
    Blind,
    /// The report does not carry what made the tool fail.
    NotInTheReport,
    /// The check is stricter than the tool.
    Stricter,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence/tools")
}

fn rows() -> Vec<Row> {
    let table = fs::read_to_string(folder().join("expected.tsv")).unwrap();
    let row = |line: &str| {
        let [file, check, code, exception, note] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("{line}: has not five columns")
        };
        Row {
            file: file.to_owned(),
            check: check.to_owned(),
            is_green: code.parse::<u8>().unwrap() == 0,
            exception: match exception {
                "-" => Exception::None,
                "blind" => Exception::Blind,
                "passed" => Exception::NotInTheReport,
                "failed" => Exception::Stricter,
                other => panic!("{other}: is no exception"),
            },
            note: note.to_owned(),
        }
    };
    table.lines().skip(1).map(row).collect()
}

fn look_at(row: &Row) -> Evidence {
    look_in(&folder(), &row.file, row)
}

/// Looks at a file in a folder as a row asks.
fn look_in(folder: &Path, file: &str, row: &Row) -> Evidence {
    let (kind, more) = row.check.split_once(", ").unwrap_or((&row.check, ""));
    let comma = if more.is_empty() { "" } else { ", " };
    let place = ConfigBase { folder: folder.to_owned(), home: None, prometheus: None };
    let asked = format!("[[checks]]\nid = 'x'\n{kind} = {{ files = ['{file}']{comma}{more} }}");
    let config = Config::parse(&asked, &place).unwrap_or_else(|problems| panic!("{asked}: {problems:#?}"));
    let kind = config.defaults.checks[0].kind.clone().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(look(&kind, &CheckInput::default(), &Tools::default()))
}

#[test]
fn each_report_is_judged_as_its_tool_judged() {
    let mut wrong = Vec::new();
    for row in rows() {
        let evidence = look_at(&row);
        let found = evidence.found;
        let is_right = match row.exception {
            Exception::None if row.is_green => found == CheckOutcome::Passed,
            Exception::None => matches!(found, CheckOutcome::Failed | CheckOutcome::Blind),
            Exception::Blind => found == CheckOutcome::Blind,
            Exception::NotInTheReport => !row.is_green && found == CheckOutcome::Passed,
            Exception::Stricter => row.is_green && found == CheckOutcome::Failed,
        };
        if !is_right {
            let said = if row.is_green { "green" } else { "red" };
            wrong.push(format!("{}: {said} by exit code, {found:?} here: {}", row.file, evidence.summary));
        }
    }
    assert!(wrong.is_empty(), "{} are judged wrongly:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn reports_of_at_least_25_tools_are_red_and_green() {
    let tools = |is_green: bool| -> BTreeSet<String> {
        let rows = rows().into_iter().filter(|row| row.is_green == is_green && row.exception == Exception::None);
        rows.filter_map(|row| row.file.split_once('/').map(|(tool, _)| tool.to_owned())).collect()
    };
    let both = tools(true).intersection(&tools(false)).count();
    assert!(both >= LEAST_TOOLS, "{both} tools");
}

#[test]
fn each_exception_says_why() {
    for row in rows() {
        let is_plain = row.exception == Exception::None;
        assert!(is_plain || !row.note.is_empty(), "{}: an exception without a note", row.file);
    }
}

#[test]
fn each_report_is_in_the_table_and_small() {
    let listed: BTreeSet<PathBuf> = rows().iter().map(|row| folder().join(&row.file)).collect();
    let mut there = BTreeSet::new();
    for tool in fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for report in fs::read_dir(tool).unwrap().map(|entry| entry.unwrap()) {
            assert!(report.metadata().unwrap().len() <= 20_000, "{}", report.path().display());
            there.insert(report.path());
        }
    }
    assert_eq!(there, listed);
}

/// Puts a word of nobody's into a report: as an attribute, as an element, and as the level of a finding.
fn with_word(text: &str, key: &str, word: &str, at: usize) -> [String; 3] {
    let begins = |tag: &str| text.match_indices(tag).map(|(at, _)| at + tag.len()).collect::<Vec<_>>();
    let insert = |tag: &str, what: &str| {
        let places = begins(tag);
        let mut text = text.to_owned();
        if !places.is_empty() {
            text.insert_str(places[at % places.len()], what);
        }
        text
    };
    [
        insert("<testcase", &format!(" {key}=\"{word}\"")),
        insert("</testcase>", &format!("<{word}/>")),
        text.replace("\"error\"", &format!("\"{word}\"")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn unknown_words_turn_no_red_report_green(
        which in any::<proptest::sample::Index>(),
        key in proptest::sample::select(vec!["status", "result", "outcome", "success", "level", "x"]),
        word in "zz[a-z]{1,8}",
        at in 0_usize..20,
    ) {
        let red: Vec<Row> = rows().into_iter().filter(|row| !row.is_green && row.exception == Exception::None).collect();
        let row = which.get(&red);
        let text = fs::read_to_string(self::folder().join(&row.file)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for text in with_word(&text, key, &word, at) {
            fs::write(folder.path().join("report"), &text).unwrap();
            let evidence = look_in(folder.path(), "report", row);
            prop_assert!(evidence.found != CheckOutcome::Passed, "{}: {}\n{text}", row.file, evidence.summary);
        }
    }
}
