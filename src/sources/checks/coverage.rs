//! `coverage`: line coverage, from LCOV, Cobertura, JaCoCo or Clover XML, or profiles of Go.
//!
//! LCOV: the tracefile format of geninfo(1). Cobertura: `coverage-04.dtd`, as coverage.py, gcovr, Istanbul and coverlet
//! write it. JaCoCo: `report.dtd` 1.1. Clover: as OpenClover, PHPUnit and Istanbul write it. Go: `go test
//! -coverprofile`, which counts statements. [`Covered`] says which reports are about the same file.

mod clover;
mod cobertura;
mod covered;
mod go;
mod jacoco;
mod lcov;

use std::io::{BufRead as _, BufReader, Read};

use super::reading::{ReadContext, apart};
use super::reports::{Report, find};
use super::wording::{MAX_LISTED, Wording as _, decimal, figure, figures};
use super::xml::{Piece, Xml};
use super::{CheckInput, Evidence, Tools};
use crate::config::checks::Coverage;
use crate::domain::facts::text::plural;
use crate::platform::Redactor;

use covered::{Covered, Measured};

/// How many of the least covered files are listed.
const MAX_LISTED_FILES: usize = 20;

pub(super) async fn look(asked: &Coverage, scene: &CheckInput, tools: &Tools) -> Evidence {
    let asked = asked.clone();
    apart(scene, tools, move |reading| match find(&asked.files, None, reading) {
        Ok(reports) => judge(asked.at_least, &reports, reading),
        Err(why) => Evidence::blind(why),
    })
    .await
}

fn judge(at_least: f64, reports: &[Report], reading: &ReadContext) -> Evidence {
    let redactor = reading.redactor.clone();
    let mut covered = Covered::default();
    let mut troubles = Vec::new();
    for report in reports {
        let result = report.of_candidate(reading).and_then(|report| report.open_encoded(reading));
        let result = result.and_then(|text| {
            let measured = read(text, redactor.clone());
            measured
                .and_then(|measured| covered.add(&report.stamp.path, &report.name, measured))
                .map_err(|what| report.wrong(what))
        });
        troubles.extend(result.err());
    }
    // A report that is missing in part could change the share either way.
    if let Some(first) = troubles.first() {
        return Evidence::blind(first.clone())
            .with(troubles.iter().skip(1).take(MAX_LISTED).map(|t| redactor.one_line(t)));
    }
    let mut files = covered.files();
    let (hit, all) = files.iter().fold((0, 0), |(hit, all), file| (hit + file.1, all + file.2));
    if all == 0 {
        let what = format!("no line of code in {}: nothing was measured", plural(reports.len(), "file"));
        return Evidence::blind(what);
    }
    files.sort_by(|a, b| (share(a.1, a.2)).total_cmp(&share(b.1, b.2)).then(b.2.cmp(&a.2)));
    let worst = files.iter().take(MAX_LISTED_FILES).map(|(name, hit, all)| {
        redactor.one_line(&format!(
            "{} ({} of {}) {}",
            percent(*hit, *all),
            figure(*hit),
            figure(*all),
            redactor.cut(name, 200)
        ))
    });
    let unit = if covered.has_statements { "statement" } else { "line" };
    let summary = format!("{} of {} covered", percent(hit, all), figures(all, unit));
    let wanted = format!("{} %", decimal(at_least));
    if share(hit, all) >= at_least {
        Evidence::passed(format!("{summary}, at least {wanted}")).with(worst)
    } else {
        let missing = ((at_least / 100.0 * all as f64).ceil() as u64).saturating_sub(hit).max(1);
        let green = format!("at least {wanted} are covered: {} more", figures(missing, unit));
        Evidence::failed(format!("{summary}, less than {wanted}"), green).with(worst)
    }
}

/// Returns a share in percent.
fn share(hit: u64, all: u64) -> f64 {
    hit as f64 * 100.0 / all as f64
}

/// Writes a share, rounded down: 79.99 % must not read as 80.
fn percent(hit: u64, all: u64) -> String {
    let hundredths = u128::from(hit) * 10_000 / u128::from(all.max(1));
    format!("{}.{:02} %", hundredths / 100, hundredths % 100)
}

/// What is read, for messages.
const FORMATS: &str = "LCOV, Cobertura, JaCoCo, Clover or a profile of Go";

/// Reads a report; what it is shows by how it begins.
fn read(text: impl Read, redactor: Redactor) -> Result<Measured, String> {
    let mut text = BufReader::with_capacity(64 << 10, text);
    let beginning = text.fill_buf().map_err(|error| error.to_string())?;
    let beginning = beginning.strip_prefix("\u{feff}".as_bytes()).unwrap_or(beginning).trim_ascii_start();
    let mut measured = Measured::new(redactor);
    match beginning.first() {
        None => return Err("is empty: nothing was measured".to_owned()),
        Some(b'<') => read_xml(text, &mut measured)?,
        Some(b'{' | b'[') => {
            let looks = if contains(beginning, b"\"statementMap\"") {
                "looks like Istanbul's JSON: have it report `lcov`"
            } else if contains(beginning, b"\"executed_lines\"") {
                "looks like coverage.py's JSON: write it with `coverage lcov`"
            } else if contains(beginning, b"\"llvm.coverage") || contains(beginning, b"\"covered\"") {
                "looks like a summary in JSON: have LCOV written"
            } else {
                "is JSON"
            };
            return Err(format!("{looks}; what is read is {FORMATS}"));
        }
        Some(_) if beginning.starts_with(b"mode:") => go::read(text, &mut measured)?,
        Some(_) => lcov::read(text, &mut measured)?,
    }
    Ok(measured)
}

fn contains(text: &[u8], words: &[u8]) -> bool {
    text.windows(words.len()).any(|part| part == words)
}

/// Reads a report in XML; Clover shares its first element with Cobertura, and not what is in it.
fn read_xml(text: impl Read, measured: &mut Measured) -> Result<(), String> {
    let mut xml = Xml::new(text);
    let (root, lines_valid) = match xml.next()? {
        Piece::Open(element) => {
            let [valid] = element.attributes(["lines-valid"])?;
            (element.name().to_owned(), valid.and_then(|valid| valid.trim().parse().ok()))
        }
        _ => (String::new(), None),
    };
    match root.as_str() {
        "report" => jacoco::read(&mut xml, measured),
        "coverage" => loop {
            match xml.next()? {
                Piece::Open(element) if matches!(element.name(), "project" | "testproject") => {
                    let is_tests = element.name() == "testproject";
                    return clover::read(&mut xml, is_tests, measured);
                }
                Piece::Open(element) => {
                    let name = element.name().to_owned();
                    return cobertura::read(&mut xml, &name, lines_valid, measured);
                }
                Piece::Text(_) => {}
                Piece::Close => return xml.next().map(|_| ()),
                Piece::End => return Ok(()),
            }
        },
        other => {
            let whose = match other {
                "CoverageSession" => ", and looks like OpenCover's: convert it with ReportGenerator",
                "results" | "CoverageDSPriv" => ", and looks like Visual Studio's: convert it to Cobertura",
                "testsuites" | "testsuite" => ", and looks like JUnit: that is for a check of kind `junit`",
                _ => "",
            };
            let name = measured.redactor.cut(other, 40);
            Err(format!("is no coverage report: it begins with <{name}>{whose}; what is read is {FORMATS}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;

    #[test]
    fn shares_are_rounded_down() {
        assert_eq!(percent(7999, 10_000), "79.99 %");
        assert_eq!(percent(2, 3), "66.66 %");
        assert_eq!(percent(5, 5), "100.00 %");
    }

    fn counted(text: &str) -> Result<(u64, u64), String> {
        let mut covered = Covered::default();
        covered.add(Path::new("/nowhere/report"), "report", read(text.as_bytes(), Redactor::default())?)?;
        Ok(covered.files().iter().fold((0, 0), |(hit, all), file| (hit + file.1, all + file.2)))
    }

    #[test]
    fn formats_are_told_by_what_is_in_them() {
        for (text, wanted) in [
            ("SF:a\nDA:1,1\nDA:2,0\nend_of_record\n", (1, 2)),
            ("mode: set\nx/a.go:1.2,3.4 3 1\nx/a.go:4.1,5.2 1 0\n", (3, 4)),
            (
                "<coverage><sources/><packages><class filename='a'><lines><line number='1' hits='1'/></lines></class>\
                 </packages></coverage>",
                (1, 1),
            ),
            (
                "<!DOCTYPE report PUBLIC '-//JACOCO//DTD Report 1.1//EN' 'report.dtd'><report name='x'>\
                 <sessioninfo id='a'/><package name='p'><class name='p/A'><method><counter type='LINE'/></method></class>\
                 <sourcefile name='A.java'><line nr='3' mi='0' ci='2' mb='0' cb='0'/><line nr='4' mi='1' ci='0'/>\
                 </sourcefile></package></report>",
                (1, 2),
            ),
            (
                "<coverage generated='1'><project><file name='a.php'><line num='1' type='method' count='1'/>\
                 <line num='2' type='stmt' count='0'/><line num='3' type='cond' truecount='1' falsecount='0'/></file>\
                 <metrics/></project><testproject><file name='t'><line num='1' type='stmt' count='9'/></file>\
                 </testproject></coverage>",
                (1, 2),
            ),
        ] {
            assert_eq!(counted(text), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn other_reports_are_named_and_refused() {
        for (text, words) in [
            ("<html/>", "it begins with <html>"),
            ("<CoverageSession/>", "looks like OpenCover's"),
            ("<testsuites/>", "looks like JUnit"),
            ("{\"a.js\": {\"statementMap\": {}}}", "looks like Istanbul's JSON"),
            ("{}", "is JSON; what is read is LCOV"),
            ("<coverage><odd/></coverage>", "<odd>"),
            ("<report><odd/></report>", "<odd>"),
            (
                "<coverage><project><file name='a'><line num='1' type='odd' count='1'/></file></project></coverage>",
                "`odd`",
            ),
            ("mode: odd\n", "`odd`"),
            ("mode: set\nodd\n", "line 2"),
        ] {
            let why = counted(text).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
    }

    proptest! {
        #[test]
        fn unknown_words_are_no_coverage(word in "[A-Za-z]{1,9}") {
            let known = ["stmt", "cond", "method", "set", "count", "atomic"];
            if !known.contains(&word.as_str()) {
                let clover = format!("<coverage><project><file name='a'><line num='1' type='{word}' count='1'/></file></project></coverage>");
                prop_assert!(counted(&clover).is_err());
                let go = format!("mode: {word}\nx/a.go:1.2,3.4 3 1\n");
                prop_assert!(counted(&go).is_err());
            }
            let lcov = counted(&format!("SF:a\n{word}:1,1\nend_of_record\n"));
            prop_assert!(lcov.is_err() || lcov == Ok((0, 0)) || word == "DA", "{lcov:?}");
            let element = counted(&format!("<{word}><line number='1' hits='1' num='1' count='1' nr='1' ci='1'/></{word}>"));
            prop_assert!(element.is_err() || element == Ok((0, 0)));
        }
    }
}
