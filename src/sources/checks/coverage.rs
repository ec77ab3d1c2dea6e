//! `coverage`: line coverage, from LCOV or Cobertura XML.
//!
//! LCOV: the tracefile format of geninfo(1). Cobertura: `coverage-04.dtd`, as coverage.py, gcovr, Istanbul and coverlet
//! write it. Reports about the same file are laid over each other: a line is covered if any of them covers it.

mod cobertura;
mod lcov;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead as _, BufReader};

use super::reports::{ReadContext, Report, Text, apart, find};
use super::wording::{MAX_LISTED, Wording as _, decimal, figure, figures};
use super::{CheckInput, Evidence, Tools};
use crate::config::checks::Coverage;
use crate::domain::facts::text::plural;
use crate::platform::Redactor;

/// How many of the least covered files are listed.
const MAX_LISTED_FILES: usize = 20;
/// Most lines that are kept, over all files.
const MAX_LINES: usize = 20_000_000;

pub(super) async fn look(asked: &Coverage, _scene: &CheckInput, tools: &Tools) -> Evidence {
    let asked = asked.clone();
    apart(tools, move |reading| match find(&asked.files, None, reading) {
        Ok(reports) => judge(asked.at_least, &reports, reading),
        Err(why) => Evidence::blind(why),
    })
    .await
}

/// The lines that reports know of.
#[derive(Default)]
struct Covered {
    /// By file and number: whether the line is covered.
    files: BTreeMap<String, HashMap<u32, bool>>,
    kept: usize,
    redactor: Redactor,
}

impl Covered {
    fn add(&mut self, file: &str, line: u32, hit: bool) -> Result<(), String> {
        if !self.files.contains_key(file) {
            self.files.insert(file.to_owned(), HashMap::new());
        }
        let Some(lines) = self.files.get_mut(file) else { return Ok(()) };
        let before = lines.len();
        *lines.entry(line).or_default() |= hit;
        self.kept += lines.len() - before;
        if self.kept > MAX_LINES {
            return Err(format!("more than {} lines of code are not taken in", figure(MAX_LINES as u64)));
        }
        Ok(())
    }
}

fn judge(at_least: f64, reports: &[Report], reading: &ReadContext) -> Evidence {
    let mut covered = Covered { redactor: reading.redactor.clone(), ..Covered::default() };
    let mut troubles = Vec::new();
    for report in reports {
        let result = report.open(reading).and_then(|text| read(text, &mut covered).map_err(|what| report.wrong(what)));
        troubles.extend(result.err());
    }
    // A report that is missing in part could change the share either way.
    if let Some(first) = troubles.first() {
        return Evidence::blind(first.clone())
            .with(troubles.iter().skip(1).take(MAX_LISTED).map(|t| covered.redactor.one_line(t)));
    }
    let mut files: Vec<(&str, u64, u64)> = covered
        .files
        .iter()
        .filter(|(_, lines)| !lines.is_empty())
        .map(|(name, lines)| (name.as_str(), lines.values().filter(|hit| **hit).count() as u64, lines.len() as u64))
        .collect();
    let (hit, all) = files.iter().fold((0, 0), |(hit, all), file| (hit + file.1, all + file.2));
    if all == 0 {
        let what = format!("no line of code in {}: nothing was measured", plural(reports.len(), "file"));
        return Evidence::blind(what);
    }
    files.sort_by(|a, b| (share(a.1, a.2)).total_cmp(&share(b.1, b.2)).then(b.2.cmp(&a.2)));
    let worst = files.iter().take(MAX_LISTED_FILES).map(|(name, hit, all)| {
        covered.redactor.one_line(&format!(
            "{} ({} of {}) {}",
            percent(*hit, *all),
            figure(*hit),
            figure(*all),
            covered.redactor.cut(name, 200)
        ))
    });
    let summary = format!("{} of {} covered", percent(hit, all), figures(all, "line"));
    let wanted = format!("{} %", decimal(at_least));
    if share(hit, all) >= at_least {
        Evidence::passed(format!("{summary}, at least {wanted}")).with(worst)
    } else {
        let missing = ((at_least / 100.0 * all as f64).ceil() as u64).saturating_sub(hit).max(1);
        let green = format!("at least {wanted} are covered: {} more", figures(missing, "line"));
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

/// Reads a report; what it is shows by how it begins.
fn read(text: Text<File>, covered: &mut Covered) -> Result<(), String> {
    let mut text = BufReader::with_capacity(64 << 10, text);
    let beginning = text.fill_buf().map_err(|error| error.to_string())?;
    let beginning = beginning.strip_prefix("\u{feff}".as_bytes()).unwrap_or(beginning);
    match beginning.trim_ascii_start().first() {
        None => Err("is empty: nothing was measured".to_owned()),
        Some(b'<') => cobertura::read(text, covered),
        Some(b'{' | b'[') => Err("is neither LCOV nor Cobertura XML, but JSON: have one of those written".to_owned()),
        Some(_) => lcov::read(text, covered),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_rounded_down() {
        assert_eq!(percent(7999, 10_000), "79.99 %");
        assert_eq!(percent(2, 3), "66.66 %");
        assert_eq!(percent(5, 5), "100.00 %");
    }
}
