//! Evidence from reports: files as the tools write them, and files that are broken in every way. None of the latter may
//! come out as passed.
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use release_cockpit::config::{Config, ConfigBase};
use release_cockpit::domain::record::checklist::CheckOutcome;
use release_cockpit::sources::checks::{CheckInput, Evidence, Tools, look};

/// The kinds that read reports, each with a report that passes.
const KINDS: [(&str, &str, &str); 7] = [
    ("junit", "", "pytest-green.xml"),
    ("coverage", ", at_least = 60", "cobertura.xml"),
    ("coverage", ", at_least = 60", "calc.lcov"),
    ("sarif", "", "ruff-clean.sarif"),
    ("trivy", "", "trivy-clean.json"),
    ("scan", "", "trivy-clean.json"),
    ("benchmark", "", "bench.json"),
];

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/evidence")
}

/// Looks as a config in this folder says.
fn look_in(folder: &Path, asked: &str) -> Evidence {
    let place = ConfigBase { folder: folder.to_owned(), home: None, prometheus: None };
    let config = Config::parse(&format!("[[checks]]\nid = 'x'\n{asked}"), &place);
    let config = config.unwrap_or_else(|problems| panic!("{asked}: {problems:#?}"));
    let kind = config.defaults.checks[0].kind.clone().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let evidence = runtime.block_on(look(&kind, &CheckInput::default(), &Tools::default()));
    for line in evidence.lines.iter().chain([&evidence.summary, &evidence.green_when]) {
        assert!(line.chars().count() <= 600, "a line of {} characters", line.chars().count());
        assert!(!line.contains('\n'), "{line:?}");
    }
    assert!(evidence.lines.len() <= Evidence::MAX_LINES, "{} lines", evidence.lines.len());
    evidence
}

/// Looks at one report with what else is asked.
fn look_at(kind: &str, more: &str, folder: &Path, file: &str) -> Evidence {
    let asked = match kind {
        "benchmark" => format!("benchmark = {{ file = '{file}', pointer = '/median', baseline = 12.5{more} }}"),
        _ => format!("{kind} = {{ files = ['{file}']{more} }}"),
    };
    look_in(folder, &asked)
}

fn shown(evidence: &Evidence) -> String {
    format!("{:?}: {}\n{}", evidence.found, evidence.summary, evidence.lines.join("\n"))
}

#[test]
fn figure_of_nothing_is_not_better() {
    let folder = tempfile::tempdir().unwrap();
    for (figure, found) in [("0", CheckOutcome::Blind), ("-3", CheckOutcome::Blind), ("10", CheckOutcome::Passed)] {
        fs::write(folder.path().join("b.json"), format!("{{\"median\": {figure}}}")).unwrap();
        let evidence = look_at("benchmark", "", folder.path(), "b.json");
        assert_eq!(evidence.found, found, "{}", shown(&evidence));
    }
}

#[test]
fn reports_of_pytest_and_newman_are_read() {
    let green = look_at("junit", "", &here(), "pytest-green.xml");
    assert_eq!((green.found, green.summary.as_str()), (CheckOutcome::Passed, "3 passed, 1 skipped, in 1 file"));
    let red = look_at("junit", "", &here(), "pytest-red.xml");
    assert_eq!(red.summary, "2 failed of 3: test_red test_wrong, test_red test_error");
    assert_eq!(red.lines[0], "test_red test_wrong: AssertionError: 7 / 2 is <not> 3 & never was");
    assert_eq!(red.lines[1], "test_red test_error: failed on setup with \"RuntimeError: the fixture breaks\"");
    assert!(!red.green_when.is_empty());
    let newman = look_at("junit", "", &here(), "newman.xml");
    assert_eq!(newman.summary, "1 failed of 4: Missing is 200 & there");
    assert_eq!(newman.lines, ["Missing is 200 & there: expected response to have status code 200 but got 404"]);
}

/// Reports of tests in all their spellings, each with its right answer.
#[test]
fn junit_dialects_are_judged_as_their_tools_do() {
    use CheckOutcome::{Failed, Passed};
    for (file, found, summary) in [
        ("ctest-not-run.xml", Failed, "1 failed of 2: pay pay"),
        ("status-failed-attribute.xml", Failed, "1 failed of 2: b"),
        ("pytest-subtests.xml", Passed, "1 passed, in 1 file"),
        ("pytest-9-subtests.xml", Passed, "2 passed, in 1 file"),
        ("pytest-9-subtests-red.xml", Failed, "1 failed of 3: test_r.T test_red"),
        ("surefire-flaky-totals.xml", Passed, "1 passed, 1 of them flaky, in 1 file"),
        ("rerun-as-second-testcase.xml", Passed, "2 passed, 1 of them flaky, in 1 file"),
        ("latin1.xml", Passed, "1 passed, in 1 file"),
        ("doctype-without-entities.xml", Passed, "1 passed, in 1 file"),
    ] {
        let evidence = look_at("junit", "", &here().join("junit"), file);
        assert_eq!((evidence.found, evidence.summary.as_str()), (found, summary), "{file}: {}", shown(&evidence));
    }
    for file in ["surefire-flaky-totals.xml", "rerun-as-second-testcase.xml"] {
        let evidence = look_at("junit", ", flaky = 'fail'", &here().join("junit"), file);
        assert_eq!(evidence.found, Failed, "{file}: {}", shown(&evidence));
        assert!(evidence.summary.starts_with("1 flaky of "), "{}", evidence.summary);
    }
}

#[test]
fn junit_in_utf_16_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(here().join("pytest-green.xml")).unwrap();
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(folder.path().join("report"), [vec![0xff, 0xfe], utf16].concat()).unwrap();
    let evidence = look_at("junit", "", folder.path(), "report");
    assert_eq!(evidence.summary, "3 passed, 1 skipped, in 1 file");
}

#[test]
fn junit_folder_lists_failures_before_broken_reports() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("out/a/b")).unwrap();
    fs::copy(here().join("pytest-green.xml"), folder.path().join("out/a/b/1.xml")).unwrap();
    fs::copy(here().join("newman.xml"), folder.path().join("out/2.xml")).unwrap();
    let evidence = look_at("junit", "", folder.path(), "out");
    assert_eq!(evidence.summary, "1 failed of 8: Missing is 200 & there");
    fs::write(folder.path().join("out/3.xml"), "<testsuite tests='2'>").unwrap();
    let evidence = look_at("junit", "", folder.path(), "out/**/*.xml");
    assert_eq!(evidence.found, CheckOutcome::Failed, "{}", shown(&evidence));
    assert!(evidence.lines.iter().any(|line| line.starts_with("out/3.xml: breaks off")), "{}", shown(&evidence));
}

#[test]
fn lcov_and_cobertura_give_the_same_coverage() {
    for (files, share) in [
        (["cobertura.xml", "calc.lcov"], "66.66 % of 9 lines"),
        (["llvm-cov.xml", "llvm-cov.lcov"], "66.66 % of 12 lines"),
    ] {
        for file in files {
            let evidence = look_at("coverage", ", at_least = 66", &here(), file);
            assert_eq!(evidence.summary, format!("{share} covered, at least 66 %"), "{file}");
            assert_eq!(evidence.found, CheckOutcome::Passed);
        }
    }
    let both = look_in(&here(), "coverage = { files = ['cobertura.xml', 'llvm-cov.lcov'] }");
    assert_eq!(both.summary, "66.66 % of 21 lines covered, less than 80 %");
    assert_eq!(both.green_when, "at least 80 % are covered: 3 lines more");
    assert_eq!(both.lines[0], "66.66 % (8 of 12) /src/src/lib.rs");
}

#[test]
fn coverage_of_a_monorepo_adds_up() {
    let evidence = look_in(&here().join("coverage"), "coverage = { files = ['monorepo/*/lcov.info'], at_least = 60 }");
    assert_eq!(evidence.summary, "50.00 % of 20 lines covered, less than 60 %");
    assert_eq!(evidence.lines[0], "0.00 % (0 of 10) src/index.ts (monorepo/b/lcov.info)");
    let istanbul = look_at("coverage", ", at_least = 60", &here().join("coverage"), "istanbul-method-lines.xml");
    assert_eq!(istanbul.summary, "50.00 % of 4 lines covered, less than 60 %");
    let go = look_at("coverage", ", at_least = 60", &here().join("coverage"), "go.out");
    assert_eq!(go.summary, "66.66 % of 3 statements covered, at least 60 %");
}

#[test]
fn sarif_of_ruff_and_bandit_is_read() {
    let ruff = look_at("sarif", "", &here(), "ruff.sarif");
    assert_eq!(ruff.summary, "4 findings at level error: S602, S307, S101, …");
    let first = "error S602 file:///src/calc.py:11: `subprocess` call with `shell=True` identified, security issue";
    assert_eq!(ruff.lines[0], first);
    let bandit = look_at("sarif", "", &here(), "bandit.sarif");
    assert_eq!(bandit.summary, "1 finding at level error: B602; 2 below error");
    let bandit = look_at("sarif", ", level = 'note'", &here(), "bandit.sarif");
    assert!(bandit.summary.starts_with("3 findings at level note or above"), "{}", bandit.summary);
    let clean = look_at("sarif", ", level = 'note'", &here(), "ruff-clean.sarif");
    assert_eq!(clean.summary, "no finding at level note or above, by ruff in 1 file");
    assert_eq!(clean.found, CheckOutcome::Passed);
}

#[test]
fn trivy_reports_are_read_and_secrets_stay_secret() {
    let evidence = look_at("trivy", ", severity = 'HIGH'", &here(), "trivy-image.json");
    assert_eq!(
        evidence.summary,
        "2 vulnerabilities, 1 misconfiguration, 1 secret HIGH or above: CVE-2026-10001, CVE-2026-10003, \
         aws-access-key-id, …; 1 less severe; 1 of unknown severity"
    );
    assert_eq!(
        evidence.lines,
        [
            "CRITICAL CVE-2026-10001 libssl3 3.0.15-1 (fixed in 3.0.16-1) in registry.example/payments-api:1.5.0 \
             (debian 12.9): openssl: out of bounds write in a parser",
            "CRITICAL aws-access-key-id secret in /app/deploy.sh:3: AWS Access Key ID",
            "HIGH CVE-2026-10003 left 1.0.0 (fixed in 1.0.1, 2.0.3) in app/package-lock.json: left: may go right",
            "HIGH DS002 Dockerfile:12: Image user should not be 'root'",
        ]
    );
    assert!(!format!("{evidence:?}").contains("s3cret"));
    let clean = look_at("trivy", ", severity = 'LOW'", &here(), "trivy-clean.json");
    assert_eq!(clean.found, CheckOutcome::Passed, "{}", shown(&clean));
}

#[test]
fn sarif_counts_severity_and_rules_of_extensions() {
    use CheckOutcome::{Failed, Passed};
    let folder = here().join("sarif");
    for (file, found, summary) in [
        (
            "critical-only-in-security-severity.sarif",
            Failed,
            "1 finding at level error, or of security severity 7 or above: CVE-1",
        ),
        ("rule-in-extension-by-guid.sarif", Failed, "1 finding at level error: sqli"),
        ("rules-null.sarif", Passed, "no finding at level error, by scanner in 1 file"),
    ] {
        let evidence = look_at("sarif", "", &folder, file);
        assert_eq!((evidence.found, evidence.summary.as_str()), (found, summary), "{file}: {}", shown(&evidence));
    }
    let off = look_at("sarif", ", security_severity = false", &folder, "critical-only-in-security-severity.sarif");
    assert_eq!(off.summary, "no finding at level error; 1 below error, by scanner in 1 file");
}

#[test]
fn scan_tells_the_scanner_and_trivy_refuses_others() {
    let folder = here().join("trivy");
    let licences = look_at("trivy", "", &folder, "licenses-only.json");
    assert_eq!(licences.summary, "1 licence finding CRITICAL: AGPL-3.0");
    assert_eq!(licences.lines[0], "CRITICAL AGPL-3.0 licence of somelib in OS Packages: forbidden");
    let grype = look_at("scan", "", &folder, "grype-json-instead.json");
    assert_eq!(grype.summary, "1 vulnerability CRITICAL: CVE-1");
    assert_eq!(grype.green_when, "Grype finds nothing CRITICAL, and the report is written again");
    let instead = look_at("trivy", "", &folder, "grype-json-instead.json");
    assert_eq!(instead.found, CheckOutcome::Blind);
    let words = "grype-json-instead.json: looks like a report of Grype, expected a report of Trivy";
    assert!(instead.summary.starts_with(words), "{}", instead.summary);
}

#[test]
fn migrations_are_judged_by_what_the_version_before_needs() {
    use CheckOutcome::{Blind, Failed, Passed};
    let folder = here().join("sql");
    let look =
        |files: &str, down: bool| look_in(&folder, &format!("migrations = {{ files = ['{files}'], down = {down} }}"));
    for (file, found) in [
        ("type_int_to_text.sql", Blind),
        ("own_ifnotexists.sql", Failed),
        ("pg_drop_pkey.sql", Failed),
        ("addcol_unique_default.sql", Failed),
        ("addcol_default_null_notnull.sql", Failed),
        ("delete_where_true.sql", Failed),
        ("update_all.sql", Failed),
        ("insert_select_func.sql", Blind),
        ("nested_comment_mysql.sql", Failed),
        ("search_path.sql", Failed),
        ("bom.sql", Passed),
        ("utf16.sql", Blind),
    ] {
        let evidence = look(file, false);
        assert_eq!(evidence.found, found, "{file}: {}", shown(&evidence));
    }
    assert!(look("utf16.sql", false).summary.contains("it is UTF-16"));
    for (files, found, words) in [
        ("down-empty-file/**/*.sql", Failed, "down.sql, does nothing"),
        ("down-empty-section/*dbmate.sql", Failed, "the section of its way down does nothing"),
        ("down-empty-section/*goose.sql", Failed, "the section of its way down does nothing"),
        ("down-of-other-database/**/*.sql", Failed, "postgres/V1__a.sql has no way down"),
        ("liquibase.sql", Passed, "1 migration"),
        ("nodepgmig.sql", Passed, "1 migration"),
    ] {
        let evidence = look(files, true);
        assert_eq!(evidence.found, found, "{files}: {}", shown(&evidence));
        assert!(evidence.summary.contains(words), "{files}: {}", evidence.summary);
    }
}

#[test]
fn benchmark_is_compared_with_its_baseline() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(here().join("bench.json"), folder.path().join("bench.json")).unwrap();
    fs::write(folder.path().join("main.json"), r#"{"median": 10, "results": []}"#).unwrap();
    fs::write(folder.path().join("seconds.json"), r#"{"median": 10, "unit": "s"}"#).unwrap();
    let look = |asked: &str| look_in(folder.path(), &format!("benchmark = {{ file = 'bench.json', {asked} }}"));
    for (asked, found, summary) in [
        ("pointer = '/median', baseline = 12.5", CheckOutcome::Passed, "12.9 against 12.5: 3.2 % worse, within 5 %"),
        ("pointer = '/median', baseline = 15", CheckOutcome::Passed, "12.9 against 15: 14 % better"),
        (
            "pointer = '/median', baseline_file = 'main.json'",
            CheckOutcome::Failed,
            "12.9 against 10: 29 % worse, and 5 % is the most",
        ),
        (
            "pointer = '/results/0/median', baseline = 400, better = 'higher', at_most_worse = 20",
            CheckOutcome::Failed,
            "310.5 against 400: 22.38 % worse, and 20 % is the most",
        ),
        ("pointer = '/unit', baseline = 1", CheckOutcome::Blind, "bench.json: has no number at /unit, but \"ms\""),
        (
            "pointer = '/mean', baseline = 1",
            CheckOutcome::Blind,
            "bench.json: has nothing at /mean: at the top there are name, unit, median, results",
        ),
        (
            "pointer = '/results/0/median', baseline_file = 'main.json'",
            CheckOutcome::Blind,
            "main.json: has nothing at /results/0/median: at the top there are median, results",
        ),
        (
            "pointer = '/median', baseline_file = 'seconds.json'",
            CheckOutcome::Blind,
            "bench.json: compares `ms` with `s`: `unit` differs in seconds.json, so write both with the same benchmarks, \
             in the same order and unit",
        ),
    ] {
        let evidence = look(asked);
        assert_eq!((evidence.found, evidence.summary.as_str()), (found, summary), "{asked}");
    }
}

/// What a report that passes may be turned into.
fn broken(good: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let text = String::from_utf8(good.to_owned()).unwrap();
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let name = text.find("test_").or(text.find("calc")).or(text.find("tool")).or(text.find("payments")).unwrap_or(3);
    let latin1 = [&good[..name], b"M\xfcller ", &good[name..]].concat();
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">\
                <!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]><testsuite tests=\"1\"><testcase name=\"&c;\"/></testsuite>";
    let outside = "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><coverage>&a;</coverage>";
    vec![
        ("empty", Vec::new()),
        ("white space", b"\n \n".to_vec()),
        ("truncated", good[..good.len() * 3 / 4].to_vec()),
        ("truncated early", good[..good.len() / 5].to_vec()),
        ("UTF-16", [vec![0xff, 0xfe], utf16.clone()].concat()),
        ("UTF-16 without a mark", utf16),
        ("Latin-1", latin1),
        ("an entity bomb", bomb.into()),
        ("an entity from outside", outside.into()),
        ("an empty object", b"{}".to_vec()),
        ("an empty list", b"[]".to_vec()),
        ("a number", b"3".to_vec()),
        ("null", b"null".to_vec()),
        (
            "other JSON",
            br#"{"version": 2, "runs": "none", "Results": {}, "SchemaVersion": "2", "median": "fast"}"#.to_vec(),
        ),
        ("no results", br#"{"version": "2.1.0", "runs": [], "SchemaVersion": 2, "Results": null}"#.to_vec()),
        ("HTML", b"<!DOCTYPE html><html><body>Sign in</body></html>".to_vec()),
        ("deep JSON", "[".repeat(1 << 20).into_bytes()),
        ("deep XML", "<a>".repeat(1 << 18).into_bytes()),
        ("zeros", vec![0; 4096]),
    ]
}

#[test]
fn broken_reports_are_blind_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, more, good) in KINDS {
        let bytes = fs::read(here().join(good)).unwrap();
        fs::write(folder.path().join("report"), &bytes).unwrap();
        let evidence = look_at(kind, more, folder.path(), "report");
        assert_eq!(evidence.found, CheckOutcome::Passed, "{kind} {good}: {}", shown(&evidence));
        for (what, bytes) in broken(&bytes) {
            if what == "UTF-16" && matches!(kind, "junit" | "coverage") {
                continue;
            }
            fs::write(folder.path().join("report"), bytes).unwrap();
            let evidence = look_at(kind, more, folder.path(), "report");
            assert_eq!(evidence.found, CheckOutcome::Blind, "{kind} of {good}, {what}: {}", shown(&evidence));
            assert!(evidence.summary.starts_with("report: "), "{kind}, {what}: {}", evidence.summary);
            assert!(evidence.summary.len() > "report: ".len() + 8, "{kind}, {what}: {}", evidence.summary);
        }
    }
}

#[test]
fn missing_special_or_old_files_are_blind() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("folder.xml")).unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, folder.path().join("pipe"), rustix::fs::Mode::RUSR).unwrap();
    std::os::unix::fs::symlink("nowhere", folder.path().join("link")).unwrap();
    for (kind, more, good) in KINDS {
        fs::copy(here().join(good), folder.path().join("old")).unwrap();
        let old = fs::File::options().append(true).open(folder.path().join("old")).unwrap();
        old.set_modified(SystemTime::now() - Duration::from_hours(80)).unwrap();
        fs::copy(here().join(good), folder.path().join("ahead")).unwrap();
        let ahead = fs::File::options().append(true).open(folder.path().join("ahead")).unwrap();
        ahead.set_modified(SystemTime::now() + Duration::from_hours(2)).unwrap();
        for (file, age, words) in [
            ("none.xml", "", "no file none.xml in /"),
            ("pipe", "", "pipe: is no plain file"),
            ("link", "", "o"),
            ("old", ", max_age = '24h'", "old: report is 3d 8h old, and 1d 0h is the most"),
            ("ahead", "", "ahead: is dated in the future"),
        ] {
            let evidence = look_at(kind, &format!("{more}{age}"), folder.path(), file);
            assert_eq!(evidence.found, CheckOutcome::Blind, "{kind}, {file}: {}", shown(&evidence));
            assert!(evidence.summary.contains(words), "{kind}, {file}: {}", evidence.summary);
        }
        if kind != "benchmark" {
            let evidence = look_at(kind, more, folder.path(), "fold*.xml");
            assert!(evidence.summary.contains("is a folder where a file should be"), "{kind}: {}", evidence.summary);
            let evidence = look_in(folder.path(), &format!("{kind} = {{ files = ['old', 'new/*.xml'] }}"));
            assert!(evidence.summary.starts_with("no file new/*.xml"), "{kind}: {}", evidence.summary);
        }
        let evidence = look_at(kind, more, folder.path(), "empty");
        assert_eq!(evidence.found, CheckOutcome::Blind, "{kind}: {}", shown(&evidence));
    }
}

#[test]
fn reports_in_which_nothing_was_tested_are_blind() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, text, words) in [
        ("junit", "<testsuites/>", "no test in 1 file"),
        (
            "junit",
            "<failsafe-summary timeout='false'><completed>4</completed><failureMessage/></failsafe-summary>",
            "no test in 1 file",
        ),
        ("junit", "<testsuite tests='4'/>", "announces 4 tests and lists none"),
        ("junit", "<testsuite><testcase name='a'><skipped/></testcase></testsuite>", "all of 1 test skipped"),
        ("coverage", "<coverage/>", "no line of code"),
        ("coverage", "SF:a\nend_of_record\n", "no line of code"),
        ("sarif", r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}}}]}"#, "x gives no list of results"),
        ("trivy", r#"{"SchemaVersion":2,"ArtifactName":"a","Results":[]}"#, "lists nothing that was scanned"),
    ] {
        fs::write(folder.path().join("report"), text).unwrap();
        let evidence = look_at(kind, "", folder.path(), "report");
        assert_eq!(evidence.found, CheckOutcome::Blind, "{kind} {text}: {}", shown(&evidence));
        assert!(evidence.summary.contains(words), "{kind} {text}: {}", evidence.summary);
    }
}

#[test]
fn fifty_megabytes_of_junit_leave_counts_and_two_hundred_failures() {
    let folder = tempfile::tempdir().unwrap();
    let mut file = std::io::BufWriter::new(fs::File::create(folder.path().join("big.xml")).unwrap());
    let tests = 200_000_u64;
    writeln!(file, "<testsuites><testsuite name='big' tests='{tests}'>").unwrap();
    let noise = "x".repeat(180);
    for i in 0..tests {
        match i % 4 {
            0 => writeln!(file, "<testcase name='t{i}'><failure message='{noise}{noise}'>{noise}</failure></testcase>"),
            _ => writeln!(file, "<testcase name='t{i}'><system-out>{noise}</system-out></testcase>"),
        }
        .unwrap();
    }
    writeln!(file, "</testsuite></testsuites>").unwrap();
    file.into_inner().unwrap();
    assert!(fs::metadata(folder.path().join("big.xml")).unwrap().len() > 50_000_000);
    let evidence = look_at("junit", "", folder.path(), "big.xml");
    assert_eq!(evidence.summary, "50,000 failed of 200,000: t0, t4, t8, …");
    assert_eq!(evidence.lines.len(), 201);
    assert_eq!(evidence.lines[200], "… and 49,800 more");
    let kept: usize = evidence.lines.iter().map(String::len).sum();
    assert!(kept < 201 * 310, "{kept}");
}

#[test]
fn json_that_is_too_long_is_refused_with_its_limit() {
    let folder = tempfile::tempdir().unwrap();
    let file = fs::File::create(folder.path().join("big")).unwrap();
    file.set_len(65 << 20).unwrap();
    for kind in ["sarif", "trivy", "scan"] {
        let evidence = look_at(kind, "", folder.path(), "big");
        assert_eq!(evidence.summary, "big: is longer than 64 MiB, and is not read");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_pass(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("report"), &bytes).unwrap();
        for (kind, more, _) in KINDS {
            let evidence = look_at(kind, more, folder.path(), "report");
            prop_assert!(evidence.found != CheckOutcome::Passed, "{}", shown(&evidence));
        }
    }

    #[test]
    fn truncated_reports_never_pass(at in 0.0_f64..1.0, noise in proptest::collection::vec(any::<u8>(), 0..4)) {
        let folder = tempfile::tempdir().unwrap();
        for (kind, more, good) in KINDS {
            let good = fs::read(here().join(good)).unwrap();
            let whole = good.trim_ascii_end().len();
            let cut = ((whole as f64 * at) as usize).min(whole - 1);
            fs::write(folder.path().join("report"), [&good[..cut], &noise[..]].concat()).unwrap();
            let evidence = look_at(kind, more, folder.path(), "report");
            // Noise can close what is open only where one byte is missing.
            prop_assert!(evidence.found != CheckOutcome::Passed || cut + 4 > whole, "{kind}: {}", shown(&evidence));
        }
    }
}
