//! Evidence of checks: reports of tools, SQL of migrations, messages of commits.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use release_cockpit::config::checks::CheckKind;
use release_cockpit::config::{Config, ConfigBase};
use release_cockpit::domain::facts::changes::migration::{Class, Migration, MigrationState};
use release_cockpit::domain::facts::changes::notes::markdown;
use release_cockpit::domain::facts::changes::version::{demanded, parse};
use release_cockpit::domain::facts::changes::{Audience, Changes, Commit, Part, Point, RawCommit};
use release_cockpit::domain::record::checklist::CheckOutcome;
use release_cockpit::sources::checks::{CheckInput, Evidence, Tools, look};
use tokio::runtime::Runtime;

use super::safe;

/// The kinds that read reports, with what their config says and what must stand in a report that passes.
const REPORTS: [(&str, &str, &str); 5] = [
    ("junit", "junit = { files = ['report'] }", "test"),
    ("coverage", "coverage = { files = ['report'], at_least = 60 }", ""),
    ("sarif", "sarif = { files = ['report'] }", "runs"),
    ("trivy", "trivy = { files = ['report'], severity = 'HIGH' }", "Results"),
    ("benchmark", "benchmark = { file = 'report', pointer = '/median', baseline = 12.5 }", "median"),
];

thread_local! {
    static BENCH: OnceCell<Bench> = const { OnceCell::new() };
}

struct Bench {
    folder: tempfile::TempDir,
    kinds: Vec<CheckKind>,
    /// Costs more to make than all that is done with them.
    tools: Tools,
    runtime: Runtime,
}

pub fn memory() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(memory()).unwrap();
        let place = ConfigBase { folder: folder.path().to_owned(), home: None, prometheus: None };
        let kind = |asked: &str| {
            let config = Config::parse(&format!("[[checks]]\nid = 'x'\n{asked}"), &place);
            let config = config.unwrap_or_else(|problems| panic!("{asked}: {problems:?}"));
            config.defaults.checks[0].kind.clone().unwrap()
        };
        let kinds = REPORTS.iter().map(|(_, asked, _)| kind(asked)).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { folder, kinds, tools: Tools::default(), runtime }
    }
}

pub fn check(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    match first {
        b'q' => sql(&String::from_utf8_lossy(rest)),
        b'm' => commits(&String::from_utf8_lossy(rest)),
        b'v' => versions(&String::from_utf8_lossy(rest)),
        which => report(usize::from(*which) % REPORTS.len(), rest),
    }
}

fn report(which: usize, bytes: &[u8]) {
    let evidence = BENCH.with(|bench| {
        let bench = bench.get_or_init(Bench::new);
        std::fs::write(bench.folder.path().join("report"), bytes).unwrap();
        bench.runtime.block_on(look(&bench.kinds[which], &CheckInput::default(), &bench.tools))
    });
    assert!(!evidence.summary.is_empty());
    for line in evidence.lines.iter().chain([&evidence.summary, &evidence.green_when]) {
        assert!(line.chars().count() <= 600, "a line of {} characters", line.chars().count());
        assert!(!line.contains('\n'), "{line:?}");
    }
    assert!(evidence.lines.len() <= Evidence::MAX_LINES, "{} lines", evidence.lines.len());
    match evidence.found {
        // Nothing passes that is not a whole report of its kind.
        CheckOutcome::Passed => {
            let (kind, _, holds) = REPORTS[which];
            let text = std::str::from_utf8(bytes).expect("what is no text passes no check");
            assert!(!text.trim().is_empty() && evidence.green_when.is_empty(), "{kind}: {evidence:?}");
            assert!(text.contains(holds) || text.contains("\\u"), "{kind}: {evidence:?}");
        }
        CheckOutcome::Failed | CheckOutcome::Blind => assert!(!evidence.green_when.is_empty(), "{evidence:?}"),
    }
}

fn sql(text: &str) {
    let files = ["V2__b.sql".to_owned(), "U2__b.sql".to_owned()];
    let migration = Migration::read("V2__b.sql", text, MigrationState::New, &files);
    let lines = text.split('\n').count() as u64;
    for statement in &migration.statements {
        assert!((1..=lines).contains(&statement.line), "{statement:?} of {lines} lines");
        assert!(!statement.what.is_empty(), "{statement:?}");
    }
    if let Some(unread) = &migration.unread {
        assert!((1..=lines).contains(&unread.line) && !unread.why.is_empty(), "{unread:?} of {lines} lines");
    }
    // What could not be read to its end is not said to be harmless.
    assert!(migration.unread.is_none() || migration.class() > Class::Expand);
}

fn commits(text: &str) {
    let raw: Vec<RawCommit> = text
        .split('\0')
        .take(50)
        .enumerate()
        .map(|(index, message)| RawCommit {
            hash: format!("{index:040x}"),
            author: message.lines().last().unwrap_or_default().to_owned(),
            at: None,
            message: message.to_owned(),
            merge: index % 7 == 6,
        })
        .collect();
    let commits = Commit::read_all(&raw);
    for commit in &commits {
        assert!(!commit.subject.contains('\n'), "{:?}", commit.subject);
        for ticket in &commit.tickets {
            assert!(text.contains(ticket.trim_start_matches('#')), "{ticket:?}");
        }
    }
    let last = "1.4.2".parse().unwrap();
    let _ = demanded(&commits, &last);
    let point = |version: &str| Point {
        version: version.to_owned(),
        commit: "0".repeat(40),
        told_by: text.chars().take(40).collect(),
        at: None,
    };
    let changes = Changes {
        service: text.chars().take(80).collect(),
        from: point("1.4.2"),
        to: point("1.5.0"),
        commits,
        lost: Vec::new(),
        cut: false,
        version: Part::NotAsked,
        migrations: Part::NotAsked,
        drift: Part::NotAsked,
        code: Part::NotAsked,
    };
    for audience in Audience::ALL {
        safe::lines(&markdown(&changes, audience));
    }
}

fn versions(text: &str) {
    let (prefix, rest) = text.split_once('\n').unwrap_or(("v", text));
    if let Some(version) = parse(rest, prefix) {
        assert_eq!(version.to_string().parse().ok(), Some(version));
    }
}
